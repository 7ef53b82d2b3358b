//! What is wrong, found by looking: checks as a table, the order they are run in, and the one
//! sentence they end in.

mod configuration;
mod context;
mod faults;
mod host;
mod machine;
mod organization;
mod pat;
mod repository;
mod save_and_test;
mod session;
mod set_up;
mod table;
mod time;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::azure::{Organization, RemoteUrl, Scheme, UrlError};
use crate::broker::{PatKey, sessions};
use crate::integration::{Integration, Integrations};
use crate::net::Network;
use crate::paths::Paths;
use crate::vault::Pats;
use context::{Host, Machine, Manner};
pub use context::{Target, Wire};
pub use save_and_test::{prove, save_and_test};
pub use table::{BadTable, Check, Done, Fault, Outcome, run};

/// How long one request may take: two follow each other where nobody answers, and ten seconds are
/// what a person waits.
const REQUEST: Duration = Duration::from_secs(4);

/// What was looked at, and what came of it.
#[derive(Clone, Debug)]
pub struct Examined {
    /// The address, or nothing for the machine itself.
    pub url: Option<String>,
    /// The checks, in the order of their table.
    pub checks: Vec<Done>,
}

/// Looks at this machine, and at the target or, without one, at the remotes of the clone around
/// the current directory, or at everything that is configured.
pub fn examine(paths: Paths, helper: PathBuf, url: Option<Target>, refresh: bool) -> Vec<Examined> {
    let machine = Arc::new(Machine::new(paths, helper));
    let checks = run(machine::CHECKS, &machine, &[]).expect("BUG: the machine's table is sound");
    let mut all = vec![Examined { url: None, checks }];
    let Ok(integrations) = Integrations::load(&machine.paths) else { return all };
    let targets = match url {
        Some(target) => vec![target],
        None => {
            let remotes = remotes(&machine, &integrations);
            if remotes.is_empty() { everything(&machine, &integrations) } else { remotes }
        }
    };
    let before = all[0].checks.clone();
    let manner = Manner { refresh, strict: false, request: Some(REQUEST) };
    // Side by side, so that a network that is gone is waited for once.
    let looking: Vec<_> = targets
        .into_iter()
        .map(|target| {
            let host = Arc::new(Host::new(
                Arc::clone(&machine),
                integrations.clone(),
                target,
                manner,
                Arc::new(Network),
            ));
            let before = before.clone();
            let url = host.target.url();
            let looks = std::thread::spawn(move || {
                run(host::CHECKS, &host, &before).expect("BUG: the targets' table is sound")
            });
            (url, looks)
        })
        .collect();
    all.extend(
        looking.into_iter().map(|(url, looks)| Examined {
            url: Some(url),
            checks: looks.join().unwrap_or_default(),
        }),
    );
    all
}

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
    Ok(Target { scheme: url.scheme, place: url.place, path, holds_secret, local })
}

/// The remotes of the clone around the current directory that are ours.
fn remotes(machine: &Machine, integrations: &Integrations) -> Vec<Target> {
    let Some(git) = machine.git() else { return Vec::new() };
    let output = git
        .command()
        .args(["config", "--null", "--get-regexp", r"^remote\..*\.(push)?url$"])
        .output();
    let Ok(output) = output else { return Vec::new() };
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut found: Vec<Target> = Vec::new();
    for record in text.split('\0') {
        let Some((_, url)) = record.split_once('\n') else { continue };
        let Ok(target) = target(url, true) else { continue };
        let ours = target.place.is_cloud() || integrations.of_place(&target.place).is_some();
        if ours && !found.contains(&target) {
            found.push(target);
        }
    }
    found
}

/// Every host that is configured, with every organization of it that something is kept for.
fn everything(machine: &Machine, integrations: &Integrations) -> Vec<Target> {
    integrations
        .all()
        .iter()
        .flat_map(|found| {
            let integration = &found.integration;
            let names = organizations(machine, integration);
            let directory =
                integration.virtual_directory.prefix().trim_start_matches('/').to_owned();
            let target = move |path: Option<String>| Target {
                scheme: Scheme::Https,
                place: integration.host.key.place(),
                path: path.filter(|path| !path.is_empty()),
                holds_secret: false,
                local: false,
            };
            let paths: Vec<Option<String>> = match names.is_empty() {
                true => vec![Some(directory)],
                false => names
                    .iter()
                    .map(|name| Some(format!("{directory}/{name}").trim_matches('/').to_owned()))
                    .collect(),
            };
            paths.into_iter().map(target)
        })
        .collect()
}

fn organizations(machine: &Machine, integration: &Integration) -> BTreeSet<Organization> {
    let vault = machine.vault();
    let key = &integration.host.key;
    let of = PatKey { scheme: Scheme::Https, host: key.clone() }.to_string();
    let pats = vault.read::<Pats>(&of).ok().flatten().unwrap_or_default().pats;
    let of_pats = pats.into_iter().filter_map(|pat| pat.organization);
    let sessions = sessions(&vault, Some(key)).unwrap_or_default();
    let of_sessions = sessions.into_iter().filter_map(|session| session.organization);
    of_pats.chain(of_sessions).chain(integration.host.organization.clone()).collect()
}

/// The first thing that is wrong, in the order of dependence.
pub fn root(all: &[Examined]) -> Option<(&Examined, &Done, &Fault)> {
    all.iter().find_map(|examined| {
        examined.checks.iter().find_map(|done| match &done.outcome {
            Outcome::Failed(fault) => Some((examined, done, fault)),
            _ => None,
        })
    })
}

/// The one sentence that everything ends in.
pub fn conclusion(all: &[Examined]) -> String {
    match root(all) {
        None => {
            let untried = all.iter().flat_map(|one| &one.checks).any(|done| {
                done.id == "credential" && matches!(done.outcome, Outcome::Skipped { .. })
            });
            match untried {
                true => "Nothing is wrong as far as can be seen without a refresh.".to_owned(),
                false => "All is well.".to_owned(),
            }
        }
        Some((_, done, Fault { step, what, fix, .. })) => {
            let step = step.map_or_else(|| done.name.to_owned(), |step| step.to_string());
            let fix = if fix.is_empty() { String::new() } else { format!("; what to do: {fix}") };
            format!("What is wrong, at {step}: {what}{fix}.")
        }
    }
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
}
