//! `setup-git`: git's configuration.

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::Context as _;

use super::Room;
use super::args::SetupGit;
use crate::azure::{
    Organization, Place, RemotePath, RemoteUrl, Scheme, VirtualDirectory, home_url,
};
use crate::broker::{PatKey, sessions};
use crate::git::Git;
use crate::git::setup::{Options, PROACTIVE_SINCE, Report, Scope, Target, examine, set_up, undo};
use crate::integration::{HostKey, Integration, Integrations};
use crate::paths::NAME;
use crate::report::{Exit, Failure, Message, path_word, word};
use crate::trace;
use crate::vault::Pats;

pub(super) fn run(args: &SetupGit) -> Result<Exit, Failure> {
    let git = find_git()?;
    let helper = this_program()?;
    let scope = match (args.system, args.local) {
        (true, _) => Scope::System,
        (_, true) => Scope::Local,
        _ => Scope::Global,
    };
    let report = if args.undo {
        undo(&git, &helper, scope)?
    } else {
        let room = Room::enter()?;
        let integrations = room.integrations()?;
        let options = Options { scope, replace: args.replace };
        warn_of_old_git(&git, &integrations);
        let organizations = organizations(&room, &integrations, &args.urls)?;
        set_up(&git, &helper, &targets(&integrations, &organizations, args.proactive), &options)?
    };
    tell(&report);
    report.messages().iter().for_each(Message::print);
    if args.undo {
        tell_what_stays();
    } else if report.exit() == Exit::Done {
        next_sign_in();
    }
    Ok(report.exit())
}

/// What undoing leaves, and how to be rid of it.
fn tell_what_stays() {
    let Ok(room) = Room::enter() else { return };
    let path = |path: &std::path::Path| path.exists().then(|| path_word(path));
    let vault = path(room.vault.dir());
    let integrations = path(&room.paths.user_integrations);
    let stays: Vec<String> = [vault, integrations].into_iter().flatten().collect();
    if !stays.is_empty() {
        Message::note("sign-ins, tokens, the runner key and integrations stay")
            .hint(format!("to remove them too: rm -r {}", stays.join(" ")))
            .print();
    }
}

/// git asks now; where nobody is signed in yet, that comes next.
fn next_sign_in() {
    let Ok(room) = Room::enter() else { return };
    let Ok(integrations) = room.integrations() else { return };
    let nobody = sessions(&room.vault, None).is_ok_and(|sessions| sessions.is_empty());
    let oauth = integrations.all().iter().find(|found| found.integration.oauth.is_some());
    if let Some(found) = oauth.filter(|_| nobody) {
        let host = &found.integration.host;
        Message::next(format!("git-credential-ona-azure login https://{host}")).print();
    }
}

/// Whether git asks this program for the host of an integration already.
pub(super) fn is_asked(integration: &Integration) -> bool {
    let (Ok(git), Ok(helper)) = (find_git(), this_program()) else { return false };
    let place = integration.host.key.place();
    let directory = &integration.virtual_directory;
    let url = home_url(integration.scheme(), &place, directory, None);
    examine(&git, false, &helper, &url).is_ok_and(|found| found.asked.is_some())
}

/// What `setup-git` does when nothing more is said.
pub(super) fn configure(room: &Room) -> Result<Report, Failure> {
    let git = find_git()?;
    let integrations = room.integrations()?;
    let organizations = organizations(room, &integrations, &[])?;
    let targets = targets(&integrations, &organizations, false);
    set_up(&git, &this_program()?, &targets, &Options::default()).inspect(tell)
}

fn tell(report: &Report) {
    trace::event("setup-git", |words| {
        let words = words.with("file", report.file.display()).flag("changed", report.changed);
        let words = report.lines.iter().fold(words, |words, line| words.with("line", line));
        words.with("in_the_way", report.following.len())
    });
}

fn find_git() -> Result<Git, Failure> {
    Git::find().ok_or_else(|| {
        Failure::new("git is not on the PATH").hint("install git, then run this again")
    })
}

/// The path git is to call: where the PATH has this program, if it does, and not what a symbolic
/// link there leads to, so that an update which moves the link keeps working.
pub(super) fn this_program() -> Result<PathBuf, Failure> {
    let program = std::env::current_exe().context("the path of this program is not known")?;
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path)
        .filter(|directory| directory.is_absolute())
        .map(|directory| directory.join(NAME))
        .find(|candidate| candidate.canonicalize().is_ok_and(|found| found == program));
    Ok(on_path.unwrap_or(program))
}

/// An old git cannot be told to send a token at once, and to a Server that offers NTLM it then
/// sends something else.
fn warn_of_old_git(git: &Git, integrations: &Integrations) {
    let server = integrations.all().iter().find_map(|found| {
        let HostKey::Server(authority) = &found.integration.host.key else { return None };
        let place = Place::Other(authority.clone());
        Some(home_url(
            found.integration.scheme(),
            &place,
            &found.integration.virtual_directory,
            None,
        ))
    });
    if let Some((major, minor)) = git.version()
        && let Some(server) = server
        && (major, minor) < PROACTIVE_SINCE
    {
        Message::warning(format!(
            "git {major}.{minor} cannot send a token before it is asked (http.proactiveAuth): to a Server \
             that offers NTLM it never sends one"
        ))
        .hint(format!(
            "install git 2.46 or newer, then run setup-git again; whether this Server does, and what to do until \
             then: git-credential-ona-azure doctor {}",
            word(&server)
        ))
        .print();
    }
}

/// The organizations that are known here: by their integration, a sign-in or a token, or because they
/// are named.
fn organizations(
    room: &Room,
    integrations: &Integrations,
    urls: &[String],
) -> Result<BTreeSet<Organization>, Failure> {
    let own =
        integrations.all().iter().filter_map(|found| found.integration.host.organization.clone());
    let mut known: BTreeSet<Organization> = own.collect();
    // What cannot be read is told of by others.
    let sessions = sessions(&room.vault, Some(&HostKey::Cloud)).unwrap_or_default();
    known.extend(sessions.into_iter().filter_map(|session| session.organization));
    let key = PatKey { scheme: Scheme::Https, host: HostKey::Cloud };
    let pats = room.vault.read_intact::<Pats>(&key.to_string()).ok().flatten().unwrap_or_default();
    known.extend(pats.pats.into_iter().filter_map(|pat| pat.organization));
    for url in urls {
        let refused = |why: String| {
            Failure::new(why)
                .hint(
                    "write it as https://contoso.visualstudio.com or https://dev.azure.com/contoso",
                )
                .exit(Exit::Usage)
        };
        let url = RemoteUrl::parse(url).map_err(|error| refused(error.to_string()))?;
        let path = url.path.as_deref().map(str::as_bytes);
        let organization =
            RemotePath::of(&url.place, &VirtualDirectory::default(), path).organization;
        match organization.filter(|_| url.place.is_cloud()) {
            Some(organization) => known.extend([organization]),
            None => {
                let host = url.place.authority();
                return Err(refused(format!(
                    "{host} names no organization of Azure DevOps Services"
                )));
            }
        }
    }
    // One label each, as the host has it.
    known.retain(|organization| Organization::cloud(organization.as_str()).is_some());
    Ok(known)
}

fn targets(
    integrations: &Integrations,
    organizations: &BTreeSet<Organization>,
    proactive: bool,
) -> Vec<Target> {
    let each = organizations.iter().map(|organization| Target {
        url: format!("https://{organization}.visualstudio.com"),
        use_http_path: true,
        proactive: false,
    });
    let cloud = ["https://dev.azure.com", "https://*.visualstudio.com"].map(|url| Target {
        url: url.to_owned(),
        use_http_path: true,
        proactive,
    });
    let servers = integrations.all().iter().filter_map(|found| {
        let HostKey::Server(authority) = &found.integration.host.key else { return None };
        let schemes: &[&str] =
            if found.integration.allow_http { &["https", "http"] } else { &["https"] };
        Some(schemes.iter().map(move |scheme| Target {
            url: format!("{scheme}://{authority}"),
            // A Server's collections have tokens of their own.
            use_http_path: true,
            // Else git takes the NTLM or Negotiate a Server offers, and never sends the token.
            proactive: true,
        }))
    });
    cloud.into_iter().chain(each).chain(servers.flatten()).collect()
}
