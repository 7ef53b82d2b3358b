//! What is looked at where no address is named: the remotes of a clone, or everything that is
//! configured.

use std::collections::BTreeSet;

use super::Examined;
use super::context::{Machine, Target};
use super::table::{Done, Outcome};
use crate::azure::{Authority, Organization, RemoteUrl, Scheme, UrlError};
use crate::broker::{PatKey, sessions};
use crate::git::{Git, Refusal};
use crate::integration::{HostKey, Integration, Integrations};
use crate::report::word;
use crate::vault::Pats;

/// An address as the target of a look; a password in it is told of and not kept.
///
/// # Errors
/// If it is no address.
pub fn target(text: &str, local: bool) -> Result<Target, UrlError> {
    let (url, holds_secret) = match RemoteUrl::parse(text) {
        Err(UrlError::Password) => {
            let (scheme, rest) = text.split_once("://").unwrap_or(("https", text));
            let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
            let host = rest[..end].rfind('@').map_or(0, |at| at + 1);
            (RemoteUrl::parse(&format!("{scheme}://{}", &rest[host..]))?, true)
        }
        other => (other?, false),
    };
    let named = url
        .username
        .as_deref()
        .and_then(|name| crate::azure::organization_in_username(&url.place, name.as_bytes()));
    let path =
        url.path.filter(|path| !path.is_empty()).or_else(|| named.map(|name| name.to_string()));
    Ok(Target {
        scheme: url.scheme,
        place: url.place,
        path,
        username: url.username,
        holds_secret,
        local,
    })
}

/// The remotes of a clone that are ours.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Remotes {
    /// Those that are looked at.
    pub targets: Vec<Target>,
    /// Those by SSH, for which git asks no helper.
    pub by_ssh: Vec<BySsh>,
}

/// A remote that git reaches by SSH.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct BySsh {
    /// The remote's name.
    pub remote: String,
    /// Its address, without a user part.
    pub address: String,
    /// The same repository over HTTPS, where that can be told.
    pub https_form: Option<String>,
}

/// The remotes of the clone around the current directory that are ours, or why git refuses it.
pub(super) fn remotes(machine: &Machine, integrations: &Integrations) -> Result<Remotes, Done> {
    let Some(git) = machine.git() else { return Ok(Remotes::default()) };
    if let Some(refusal) = git.repository_refusal() {
        return Err(refused(refusal));
    }
    // A repository of another account's may be accepted in the environment alone.
    let output = git
        .clone()
        .with_callers_settings()
        .command()
        .args(["config", "--null", "--get-regexp", r"^remote\..*\.(push)?url$"])
        .output();
    let Ok(output) = output else { return Ok(Remotes::default()) };
    let rewritten = |url: &str| rewritten(&git.clone().with_callers_settings(), url);
    Ok(of_listing(&String::from_utf8_lossy(&output.stdout), integrations, rewritten))
}

/// A clone that git does nothing in, as something that was looked at.
fn refused(Refusal { words, fix }: Refusal) -> Done {
    Done {
        id: "git.repository",
        name: "the repository here",
        step: None,
        outcome: Outcome::failed(
            None,
            format!("every git command here ends at once: {words}"),
            fix,
        ),
    }
}

/// What `url.<base>.insteadOf` makes of an address that is none of ours as it stands, such as a
/// short form of somebody's own. The address becomes an argument, so it must not hold a secret.
fn rewritten(git: &Git, url: &str) -> Option<String> {
    if url.contains('@') || url.starts_with('-') {
        return None;
    }
    let output = git.command().args(["ls-remote", "--get-url", url]).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    Some(text.trim_end_matches('\n').to_owned()).filter(|becomes| becomes != url)
}

/// What `git config --null --get-regexp` says of remotes.
fn of_listing(
    text: &str,
    integrations: &Integrations,
    rewritten: impl Fn(&str) -> Option<String>,
) -> Remotes {
    let mut found = Remotes::default();
    let ours = |target: &Target| {
        target.place.is_cloud()
            || integrations.on(&HostKey::of_place(&target.place)).next().is_some()
    };
    for record in text.split('\0') {
        let Some((key, url)) = record.split_once('\n') else { continue };
        let as_written = target(url, true);
        let becomes = match &as_written {
            Ok(target) if ours(target) => None,
            _ => rewritten(url),
        };
        let (url, read) = match &becomes {
            Some(url) => (&**url, target(url, true)),
            None => (url, as_written),
        };
        match read {
            Ok(target) if ours(&target) && !found.targets.contains(&target) => {
                found.targets.push(target);
            }
            Err(UrlError::Ssh { https_form }) => {
                let (host, address) = ssh_address(url);
                let server = integrations.all().iter().find_map(|known| {
                    let HostKey::Server(authority) = &known.integration.host.key else {
                        return None;
                    };
                    authority.host.eq_ignore_ascii_case(&host).then_some(authority)
                });
                if !is_azure_ssh(&host) && server.is_none() {
                    continue;
                }
                let https_form = https_form.or_else(|| https_of_server(server?, &address));
                let remote = key.strip_prefix("remote.").unwrap_or(key);
                let remote = remote.rsplit_once('.').map_or(remote, |(name, _)| name).to_owned();
                let by_ssh = BySsh { remote, address, https_form };
                if !found.by_ssh.contains(&by_ssh) {
                    found.by_ssh.push(by_ssh);
                }
            }
            _ => {}
        }
    }
    found
}

/// The hosts of Azure Repos for SSH, the former one with the organization in front included.
fn is_azure_ssh(host: &str) -> bool {
    let host = host.to_ascii_lowercase();
    host == "ssh.dev.azure.com" || host.ends_with(".visualstudio.com")
}

/// The host of an SSH address, and the address without its user part.
fn ssh_address(url: &str) -> (String, String) {
    let (scheme, rest) = match url.split_once("://") {
        Some((scheme, rest)) => (Some(scheme), rest),
        None => (None, url),
    };
    let end = rest.find('/').unwrap_or(rest.len());
    let bare = rest[..end].rfind('@').map_or(rest, |at| &rest[at + 1..]);
    let host = bare.split([':', '/']).next().unwrap_or_default().to_owned();
    let address = scheme.map_or_else(|| bare.to_owned(), |scheme| format!("{scheme}://{bare}"));
    (host, address)
}

/// The HTTPS address of a Server's SSH one, which differs in protocol and port:
/// `ssh://tfs:22/tfs/DefaultCollection/app/_git/app`.
fn https_of_server(server: &Authority, address: &str) -> Option<String> {
    let (_, path) = address.split_once("://")?.1.split_once('/')?;
    let path = path.replace("/_ssh/", "/_git/");
    path.contains("_git/").then(|| format!("https://{server}/{path}"))
}

impl BySsh {
    /// As something that was not looked at.
    pub(super) fn examined(&self) -> Examined {
        let url = self.https_form.as_deref().map(word);
        let url = url.unwrap_or_else(|| "URL".to_owned());
        let set = format!("git remote set-url {} {url}", word(&self.remote));
        let because = format!(
            "the remote {} uses SSH, for which git asks no credential helper; to use HTTPS: {set}",
            self.remote
        );
        let done = Done {
            id: SSH,
            name: "the remote's address",
            step: None,
            outcome: Outcome::skipped(because),
        };
        Examined { url: Some(self.address.clone()), checks: vec![done] }
    }
}

/// The id of what is said of a remote by SSH.
const SSH: &str = "git.ssh";

/// The conclusion where nothing but remotes by SSH were there to look at.
pub(super) fn only_ssh(all: &[Examined]) -> Option<String> {
    let is_ssh = |one: &Examined| one.checks.iter().all(|done| done.id == SSH);
    let mut addresses = all.iter().filter(|one| one.url.is_some()).peekable();
    addresses.peek()?;
    let because = all.iter().flat_map(|one| &one.checks).find_map(|done| match &done.outcome {
        Outcome::Skipped { because } if done.id == SSH => Some(because),
        _ => None,
    })?;
    addresses.all(is_ssh).then(|| format!("Access was not looked at: {because}"))
}

/// Every host that is configured, with every organization of it that something is kept for.
pub(super) fn everything(machine: &Machine, integrations: &Integrations) -> Vec<Target> {
    integrations
        .all()
        .iter()
        .flat_map(|found| {
            let integration = &found.integration;
            schemes(machine, integration).into_iter().flat_map(move |scheme| {
                of_host(
                    scheme,
                    integration,
                    &organizations(machine, integration, integrations, scheme),
                )
            })
        })
        .collect()
}

fn of_host(
    scheme: Scheme,
    integration: &Integration,
    names: &BTreeSet<Organization>,
) -> Vec<Target> {
    let directory = integration.virtual_directory.prefix().trim_start_matches('/');
    let target = |path: String| Target {
        scheme,
        place: integration.host.key.place(),
        path: Some(path).filter(|path| !path.is_empty()),
        username: None,
        holds_secret: false,
        local: false,
    };
    if names.is_empty() {
        return vec![target(directory.to_owned())];
    }
    let path = |name: &Organization| format!("{directory}/{name}").trim_matches('/').to_owned();
    names.iter().map(|name| target(path(name))).collect()
}

/// Over what a host is reached: that for which something is kept, else what the integration says.
fn schemes(machine: &Machine, integration: &Integration) -> Vec<Scheme> {
    let keeps = |scheme: &Scheme| !pats(machine, integration, *scheme).pats.is_empty();
    let mut schemes = vec![Scheme::Https];
    if integration.allow_http {
        schemes.push(Scheme::Http);
        schemes.retain(keeps);
    }
    if schemes.is_empty() { vec![integration.scheme()] } else { schemes }
}

fn pats(machine: &Machine, integration: &Integration, scheme: Scheme) -> Pats {
    let of = PatKey { scheme, host: integration.host.key.clone() }.to_string();
    machine.vault().read::<Pats>(&of).ok().flatten().unwrap_or_default()
}

fn organizations(
    machine: &Machine,
    integration: &Integration,
    integrations: &Integrations,
    scheme: Scheme,
) -> BTreeSet<Organization> {
    let of_pats = pats(machine, integration, scheme).pats.into_iter();
    let of_pats = of_pats.filter_map(|pat| pat.organization);
    let key = &integration.host.key;
    let sessions = sessions(&machine.vault(), Some(key)).unwrap_or_default();
    let of_sessions = sessions.into_iter().filter_map(|session| session.organization);
    let kept = of_pats.chain(of_sessions);
    let own = kept.filter(|name| integrations.serves(&integration.host, Some(name)));
    own.chain(integration.host.organization.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_in_an_address_is_kept() {
        let target = target("https://ada:hunter2@dev.azure.com/contoso/app/_git/app", true)
            .expect("an address");
        assert!(target.holds_secret);
        assert_eq!(target.url(), "https://dev.azure.com/contoso/app/_git/app");
    }

    #[test]
    fn remotes_by_ssh_are_told_apart_and_those_of_others_are_passed_over() {
        let listing = "remote.origin.url\ngit@ssh.dev.azure.com:v3/contoso/app/lib\0\
                       remote.old.url\nssh://contoso@vs-ssh.visualstudio.com/v3/contoso/app/lib\0\
                       remote.hub.url\ngit@github.com:contoso/app\0\
                       remote.web.url\nhttps://dev.azure.com/contoso/app/_git/lib\0";
        let found = of_listing(listing, &Integrations::default(), |_| None);
        assert_eq!(found.targets.len(), 1);
        let https = "https://dev.azure.com/contoso/app/_git/lib";
        let told: Vec<_> = found.by_ssh.iter().map(|one| (&*one.remote, &*one.address)).collect();
        assert_eq!(
            told,
            [
                ("origin", "ssh.dev.azure.com:v3/contoso/app/lib"),
                ("old", "ssh://vs-ssh.visualstudio.com/v3/contoso/app/lib")
            ]
        );
        assert!(found.by_ssh.iter().all(|one| one.https_form.as_deref() == Some(https)));
        let short = of_listing("remote.o.url\naz:contoso", &Integrations::default(), |url| {
            Some(url.replace("az:", "https://dev.azure.com/"))
        });
        assert_eq!(short.targets[0].url(), "https://dev.azure.com/contoso");
        let server = Authority { host: "tfs".to_owned(), port: Some(8443) };
        let of_server = https_of_server(&server, "ssh://tfs:22/tfs/Main/app/_ssh/app");
        assert_eq!(of_server.as_deref(), Some("https://tfs:8443/tfs/Main/app/_git/app"));
        let alone = only_ssh(&[found.by_ssh[0].examined()]).expect("nothing else");
        assert!(alone.ends_with(&format!("git remote set-url origin {https}")), "{alone}");
        let odd = BySsh { remote: "x; touch y".to_owned(), ..found.by_ssh[0].clone() };
        let alone = only_ssh(&[odd.examined()]).expect("nothing else");
        assert!(alone.ends_with(&format!("git remote set-url 'x; touch y' {https}")), "{alone}");
    }
}
