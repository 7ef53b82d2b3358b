//! What may be typed. The doc comments are the help texts.

#![allow(
    rustdoc::bare_urls,
    rustdoc::broken_intra_doc_links,
    rustdoc::invalid_html_tags,
    reason = "help texts are for terminals"
)]

use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args as ClapArgs, Parser, Subcommand};

/// Git credential helper for Azure DevOps
///
/// git calls it as `git-credential-ona-azure get|store|erase`; `setup-git` tells git to. The other
/// commands are for people and scripts.
#[derive(Debug, Parser)]
#[command(
    name = "git-credential-ona-azure",
    version,
    subcommand_required = true,
    arg_required_else_help = true
)]
pub(super) struct Args {
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Sign in with OAuth, or give a personal access token
    ///
    /// Example: git-credential-ona-azure login
    ///
    /// Example: git-credential-ona-azure login --paste --timeout 10m
    ///
    /// Example: git-credential-ona-azure login https://dev.azure.com/contoso --pat --expires 30d < pat.txt
    #[command(verbatim_doc_comment)]
    Login(Login),
    /// Forget the sign-in and the personal access tokens of a host or organization
    ///
    /// Example: git-credential-ona-azure logout https://dev.azure.com
    #[command(verbatim_doc_comment)]
    Logout(Logout),
    /// Show what is configured, who is signed in, and where secrets are kept
    ///
    /// Example: git-credential-ona-azure status --json
    #[command(verbatim_doc_comment)]
    Status(Status),
    /// Find what is wrong, at which step of the set-up, and what to do about it
    ///
    /// Looks at this machine, git's configuration, the integration, the sign-in and the repository.
    /// Without a URL: the remotes of the clone around the current directory, or everything that is
    /// configured. Nothing is changed, unless --refresh is given. Exit code 0: nothing is wrong;
    /// 1: something is.
    ///
    /// Example: git-credential-ona-azure doctor https://dev.azure.com/contoso/app/_git/app
    ///
    /// Example: git-credential-ona-azure doctor --report report.md --mask
    #[command(verbatim_doc_comment)]
    Doctor(Doctor),
    /// Print a token for other tools: curl, pip, npm, cargo, terraform and the like
    ///
    /// It is the one that git would be given, refreshed where need be. Nobody is asked for anything.
    ///
    /// Example: git-credential-ona-azure token --header | curl -H @- https://dev.azure.com/contoso/_apis/git/repositories
    ///
    /// Example: git-credential-ona-azure token --pat https://dev.azure.com/contoso
    #[command(verbatim_doc_comment)]
    Token(Token),
    /// Configure SCM integrations: which hosts are served, and how people sign in to them
    #[command(subcommand)]
    Integration(Integration),
    /// The runner key, to which client secrets are sealed
    #[command(subcommand)]
    Key(Key),
    /// Make of what a script is handed over an environment in which git works
    ///
    /// From the environment, each also as a file that NAME_FILE names, which wins: ONA_AZURE_HOST,
    /// _SCM_ID, _ISSUER_URL, _CLIENT_ID, _CLIENT_SECRET, _ENCRYPTED_CLIENT_SECRET, _VIRTUAL_DIRECTORY,
    /// _PAT, _PAT_EXPIRES, _PAT_ORGANIZATION, _REFRESH_TOKEN, _REFRESH_TOKEN_PUBLIC_CLIENT, _RUNNER_NAME.
    /// Or from a document with several hosts (--from). Run again, it changes nothing.
    ///
    /// Example: git-credential-ona-azure bootstrap --wait 60s
    ///
    /// Example: git-credential-ona-azure bootstrap --from /run/secrets/azure.json --user vscode
    #[command(verbatim_doc_comment)]
    Bootstrap(Bootstrap),
    /// Tell git to ask this program for the credentials of Azure DevOps, and no other
    ///
    /// Example: git-credential-ona-azure setup-git
    #[command(verbatim_doc_comment)]
    SetupGit(SetupGit),
}

#[derive(Debug, ClapArgs)]
pub(super) struct Login {
    /// What to sign in to; with an organization, the sign-in is for that one only
    #[arg(value_name = "URL")]
    pub(super) url: Option<String>,
    /// Sign in with a browser on this machine (the default where there is one)
    #[arg(long, group = "way")]
    pub(super) browser: bool,
    /// Sign in with a browser on another machine, and paste the address it ends on here
    #[arg(long, group = "way")]
    pub(super) paste: bool,
    /// Sign in with a code that is entered in a browser anywhere (many tenants block that)
    #[arg(long, group = "way")]
    pub(super) device: bool,
    /// Read a personal access token from standard input, or the terminal
    #[arg(long, group = "way")]
    pub(super) pat: bool,
    /// The account to propose, such as ada@contoso.com
    #[arg(long, value_name = "ACCOUNT", conflicts_with_all = ["pat", "device"], value_parser = NonEmptyStringValueParser::new())]
    pub(super) login_hint: Option<String>,
    /// How long to wait for the sign-in: 90s, 10m [default: 5m; a device code says its own]
    #[arg(long, value_name = "SPAN", conflicts_with = "pat", value_parser = super::login::parse_timeout)]
    pub(super) timeout: Option<std::time::Duration>,
    /// When the token ends: 30d, 12w or 2027-01-31, as typed when it was made [default: 30d]
    #[arg(long, value_name = "WHEN", requires = "pat")]
    pub(super) expires: Option<String>,
    /// The user name the token goes with; only some Servers ask for one
    #[arg(long, value_name = "NAME", requires = "pat")]
    pub(super) username: Option<String>,
    /// Keep the token without trying it
    #[arg(long, requires = "pat")]
    pub(super) no_test: bool,
}

#[derive(Debug, ClapArgs)]
pub(super) struct Bootstrap {
    /// One JSON document in place of the environment; - for standard input
    #[arg(long, value_name = "FILE")]
    pub(super) from: Option<PathBuf>,
    /// Take away what an earlier bootstrap brought and is no longer given
    #[arg(long)]
    pub(super) prune: bool,
    /// Make no request: write what is given, and prove nothing
    #[arg(long)]
    pub(super) offline: bool,
    /// Do it for that account (as root)
    #[arg(long, value_name = "NAME")]
    pub(super) user: Option<String>,
    /// How long to wait for files that are mounted late: 60s, 5m
    #[arg(long, value_name = "SPAN", value_parser = super::login::parse_timeout)]
    pub(super) wait: Option<std::time::Duration>,
    /// One JSON document: what was done, host by host
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, ClapArgs)]
pub(super) struct Logout {
    /// The host or organization
    #[arg(value_name = "URL")]
    pub(super) url: Option<String>,
    /// Forget everything, also what cannot be read any more; integrations and the runner key stay
    #[arg(long, conflicts_with = "url")]
    pub(super) all: bool,
}

#[derive(Debug, ClapArgs)]
pub(super) struct Status {
    /// One JSON document
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, ClapArgs)]
pub(super) struct Doctor {
    /// The repository, organization or host; or a code to explain (AADSTS50011, TF401019)
    #[arg(value_name = "URL|CODE")]
    pub(super) url: Option<String>,
    /// One JSON document
    #[arg(long)]
    pub(super) json: bool,
    /// Try to refresh the access token too, and keep the new one
    #[arg(long)]
    pub(super) refresh: bool,
    /// Write what support will ask for into a file as well, without a secret; - for standard output
    #[arg(long, value_name = "FILE")]
    pub(super) report: Option<PathBuf>,
    /// Replace the report that is there
    #[arg(long, requires = "report")]
    pub(super) force: bool,
    /// Mask names: of people, organizations, projects, servers, tenants, apps and this machine
    #[arg(long)]
    pub(super) mask: bool,
}

#[derive(Debug, ClapArgs)]
pub(super) struct Token {
    /// What the token is for [default: the host that is configured, with its default organization]
    #[arg(value_name = "URL")]
    pub(super) url: Option<String>,
    /// The line of an HTTP request: Authorization: …
    #[arg(long, conflicts_with = "json")]
    pub(super) header: bool,
    /// One JSON document: the token and the header, what they are for, and until when
    #[arg(long)]
    pub(super) json: bool,
    /// The personal access token kept for that organization, also where somebody is signed in
    #[arg(long)]
    pub(super) pat: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum Integration {
    /// Add an integration, or change what is named of one; then test it (Save & Test)
    ///
    /// Example: git-credential-ona-azure integration add --host dev.azure.com \
    ///     --issuer-url https://login.microsoftonline.com/TENANT_ID/oauth2/v2.0 \
    ///     --client-id CLIENT_ID --client-secret-stdin --pat < secret.txt
    ///
    /// Example: git-credential-ona-azure integration add --host tfs.corp.example --virtual-directory /tfs --pat
    #[command(verbatim_doc_comment)]
    Add(Box<IntegrationAdd>),
    /// List the integrations that apply, and the file each is from
    ///
    /// Example: git-credential-ona-azure integration list --json
    #[command(verbatim_doc_comment)]
    List(Status),
    /// Show one integration; the client secret is never shown
    ///
    /// Example: git-credential-ona-azure integration show dev.azure.com
    #[command(verbatim_doc_comment)]
    Show(IntegrationOf),
    /// Take over integrations from a file, as Ona's API prints them (a list, one, or a document of
    /// bootstrap); tokens in it are left out
    ///
    /// Example: git-credential-ona-azure integration import integrations.json
    ///
    /// Example: git-credential-ona-azure integration import - < integrations.json
    #[command(verbatim_doc_comment)]
    Import(IntegrationImport),
    /// Remove an integration
    ///
    /// Example: git-credential-ona-azure integration remove dev.azure.com
    #[command(verbatim_doc_comment)]
    Remove(IntegrationRemove),
    /// Test an integration: issuer, client ID and client secret, or the host for tokens only
    ///
    /// Example: git-credential-ona-azure integration test dev.azure.com
    #[command(verbatim_doc_comment)]
    Test(IntegrationOf),
}

#[derive(Debug, ClapArgs)]
pub(super) struct IntegrationAdd {
    /// dev.azure.com, dev.azure.com/ORGANIZATION, or a Server's host[:port]
    #[arg(long)]
    pub(super) host: String,
    /// azuredevops_entra or azuredevops_server [default: by host]
    #[arg(long, value_name = "ID")]
    pub(super) scm_id: Option<String>,
    /// https://login.microsoftonline.com/TENANT_ID/oauth2/v2.0, or any address of that tenant
    #[arg(long, value_name = "URL")]
    pub(super) issuer_url: Option<String>,
    /// Application (client) ID of the app registration
    #[arg(long, value_name = "ID")]
    pub(super) client_id: Option<String>,
    /// Read the client secret from standard input, or the terminal
    #[arg(long, conflicts_with_all = ["client_secret_file", "public_client"])]
    pub(super) client_secret_stdin: bool,
    /// Read the client secret from a file
    #[arg(long, value_name = "FILE", conflicts_with = "public_client")]
    pub(super) client_secret_file: Option<PathBuf>,
    /// The app is a public client (platform Mobile and desktop): it has no secret
    #[arg(long)]
    pub(super) public_client: bool,
    /// Turn OAuth off and forget the client
    #[arg(long, conflicts_with_all = ["issuer_url", "client_id", "client_secret_stdin", "client_secret_file", "public_client"])]
    pub(super) no_oauth: bool,
    /// Turn personal access tokens on
    #[arg(long)]
    pub(super) pat: bool,
    /// Turn personal access tokens off
    #[arg(long, conflicts_with = "pat")]
    pub(super) no_pat: bool,
    /// The page where people make tokens for this host [default: Azure DevOps' own]
    #[arg(long, value_name = "URL")]
    pub(super) pat_url: Option<String>,
    /// Send people to Azure DevOps' own page again
    #[arg(long, conflicts_with = "pat_url")]
    pub(super) no_pat_url: bool,
    /// The part of a Server's address between host and collection
    #[arg(long, value_name = "PATH")]
    pub(super) virtual_directory: Option<String>,
    /// Reach a Server over plain http too: its tokens are readable on the network
    #[arg(long)]
    pub(super) allow_http: bool,
    /// Reach a Server over https only again
    #[arg(long, conflicts_with = "allow_http")]
    pub(super) no_allow_http: bool,
    /// Give git a Bearer header where it takes one (large pushes need git 2.54)
    #[arg(long)]
    pub(super) bearer: bool,
    /// Give git a username and password again
    #[arg(long, conflicts_with = "bearer")]
    pub(super) no_bearer: bool,
    /// Trust an issuer that is not Entra ID (may be repeated)
    #[arg(long, value_name = "URL")]
    pub(super) trusted_issuer: Vec<String>,
    /// Trust no issuer but Entra ID again
    #[arg(long, conflicts_with = "trusted_issuer")]
    pub(super) no_trusted_issuer: bool,
    /// Write the file of the whole machine
    #[arg(long)]
    pub(super) system: bool,
    /// Seal the client secret to this public key instead of the runner key here (may be repeated)
    #[arg(long, value_name = "age1…")]
    pub(super) recipient: Vec<String>,
    /// Do not test it
    #[arg(long)]
    pub(super) no_test: bool,
}

#[derive(Debug, ClapArgs)]
pub(super) struct IntegrationOf {
    /// The host of the integration; to test, also the URL of an organization or repository
    #[arg(default_value = "dev.azure.com")]
    pub(super) host: String,
    /// One JSON document
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, ClapArgs)]
pub(super) struct IntegrationImport {
    /// The file; - is standard input
    #[arg(value_name = "FILE")]
    pub(super) from: PathBuf,
    /// Change the file of the whole machine
    #[arg(long)]
    pub(super) system: bool,
}

#[derive(Debug, ClapArgs)]
pub(super) struct IntegrationRemove {
    /// The host of the integration
    pub(super) host: String,
    /// Change the file of the whole machine
    #[arg(long)]
    pub(super) system: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum Key {
    /// Print the public key: what `age -a -r` and `integration add --recipient` take
    ///
    /// Example: git-credential-ona-azure key show
    #[command(verbatim_doc_comment)]
    Show,
    /// Make the runner key where there is none: at $ONA_AZURE_KEY_FILE, or beside the vault
    ///
    /// Example: ONA_AZURE_KEY_FILE=/run/secrets/runner.key git-credential-ona-azure key init
    #[command(verbatim_doc_comment)]
    Init,
}

#[derive(Debug, ClapArgs)]
#[group(multiple = true)]
pub(super) struct SetupGit {
    /// Organizations that get a section of their own, which tools built on libgit2 need, such as
    /// https://contoso.visualstudio.com [default: those that are known here]
    #[arg(value_name = "URL", conflicts_with = "undo")]
    pub(super) urls: Vec<String>,
    /// The configuration of this account (the default)
    #[arg(long, group = "scope")]
    pub(super) global: bool,
    /// The configuration of this machine
    #[arg(long, group = "scope", conflicts_with = "global")]
    pub(super) system: bool,
    /// The configuration of the repository here
    #[arg(long, group = "scope", conflicts_with_all = ["global", "system"])]
    pub(super) local: bool,
    /// Have git send credentials before it is asked; ends anonymous access to public projects
    #[arg(long)]
    pub(super) proactive: bool,
    /// Move this program's sections to the end of the file, behind other helpers
    #[arg(long)]
    pub(super) replace: bool,
    /// Take out exactly what was put in
    #[arg(long, conflicts_with_all = ["proactive", "replace"])]
    pub(super) undo: bool,
}
