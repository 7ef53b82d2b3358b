//! git's configuration for the target.

use std::path::Path;

use super::context::Host;
use super::table::Outcome;
use crate::azure::{RemoteUrl, UrlError};
use crate::git::parameters::is_no;
use crate::git::setup::{Origin, Rewrite, redact};
use crate::net;
use crate::paths::NAME;
use crate::report::word;
use url::Url;

const SETUP: &str = "git-credential-ona-azure setup-git";

fn helpers(origins: &[Origin]) -> String {
    let shown = |origin: &Origin| {
        format!("{} ({})", redact::value("credential.helper", &origin.value), origin.place())
    };
    origins.iter().map(shown).collect::<Vec<_>>().join(", ")
}

/// What takes other helpers away. Behind what the environment says our own section cannot be moved.
fn remove(origins: &[Origin]) -> String {
    match origins.iter().find(|origin| origin.is_of_environment()).or(origins.first()) {
        Some(first) if first.is_of_environment() => first.removal().to_owned(),
        Some(first) => format!("{}, or: {SETUP} --replace", first.removal()),
        None => format!("{SETUP} --replace"),
    }
}

pub(super) fn address(host: &Host) -> Outcome {
    if host.target.holds_secret {
        return Outcome::failed(
            None,
            "the address of the remote holds a password or token, which git uses in place of any helper's",
            format!("git remote set-url <remote> {}", word(&host.target.url())),
        );
    }
    Outcome::passed(host.target.url())
}

pub(super) fn helper(host: &Host) -> Outcome {
    let found = match host.examination() {
        Ok(found) => found,
        Err(outcome) => return outcome,
    };
    let Some(asked) = &found.asked else {
        return match &found.dropped_by {
            Some(by) => Outcome::failed(
                None,
                format!(
                    "git does not ask this program: an empty credential.helper in {} drops it",
                    by.place()
                ),
                match by.is_of_environment() {
                    true => by.removal().to_owned(),
                    false => format!("{SETUP} --replace"),
                },
            ),
            None => {
                let others = [&found.before[..], &found.after].concat();
                let instead = match others.is_empty() {
                    true => String::new(),
                    false => format!("; it asks {}", helpers(&others)),
                };
                Outcome::failed(
                    None,
                    format!("git does not ask this program for {}{instead}", host.target.place),
                    SETUP,
                )
            }
        };
    };
    if let Some(program) = found.program.as_ref().filter(|program| !is_there(program)) {
        return Outcome::failed(
            None,
            format!("{} has git run {}, which is not there", asked.place(), program.display()),
            format!("{SETUP} --replace"),
        );
    }
    let this = host.machine.helper.canonicalize().ok();
    let other = found
        .program
        .as_ref()
        .filter(|program| program.canonicalize().ok() != this)
        .map(|program| format!("git runs another copy than this one: {}", program.display()));
    Outcome::passed(format!("git asks {NAME} ({})", asked.place())).note(other)
}

/// A mere name was looked up in vain: here, it would be one of whatever directory this is.
fn is_there(program: &Path) -> bool {
    program.is_absolute() && program.is_file()
}

pub(super) fn others(host: &Host) -> Outcome {
    let found = match host.examination() {
        Ok(found) => found,
        Err(outcome) => return outcome,
    };
    if !found.before.is_empty() {
        return Outcome::failed(
            None,
            format!("another helper answers before this program: {}", helpers(&found.before)),
            remove(&found.before),
        );
    }
    if !found.after.is_empty() {
        return Outcome::failed(
            None,
            format!(
                "another helper follows this program, and is given the token to keep: {}",
                helpers(&found.after)
            ),
            remove(&found.after),
        );
    }
    Outcome::passed("git asks no other helper")
}

pub(super) fn path(host: &Host) -> Outcome {
    let found = match host.examination() {
        Ok(found) => found,
        Err(outcome) => return outcome,
    };
    if found.use_http_path {
        return Outcome::passed("git says the path, and with it the organization");
    }
    let pats = host.pats(&host.machine.vault()).unwrap_or_default();
    let of_collections = pats.iter().any(|pat| pat.organization.is_some());
    if !host.target.place.is_cloud() && !of_collections {
        return Outcome::passed(
            "git says the host only, which is enough for a token of the whole Server",
        );
    }
    Outcome::failed(
        None,
        "git does not say which organization or collection is meant: credential.useHttpPath is not set",
        SETUP,
    )
}

pub(super) fn header(host: &Host) -> Outcome {
    let found = match host.examination() {
        Ok(found) => found,
        Err(outcome) => return outcome,
    };
    match &found.authorization {
        None => Outcome::passed("git sends no Authorization of its own"),
        Some(origin) => Outcome::failed(
            None,
            format!(
                "http.extraHeader in {} sends an Authorization of its own, and no helper is asked",
                origin.place()
            ),
            origin.removal(),
        ),
    }
}

pub(super) fn rewrite(host: &Host) -> Outcome {
    let found = match host.examination() {
        Ok(found) => found,
        Err(outcome) => return outcome,
    };
    let push = found.push_rewritten.as_ref().and_then(|rewrite| pushes(host, rewrite));
    let Some(rewrite) = &found.rewritten else {
        return Outcome::passed("no url.<base>.insteadOf changes the address").note(push);
    };
    let at = rewrite.origin.place();
    let remove = rewrite.origin.removal();
    match RemoteUrl::parse(&rewrite.url) {
        Ok(url) if url.place == host.target.place => {
            Outcome::passed(format!("insteadOf in {at} leads to the same host")).note(push)
        }
        Ok(url) => Outcome::failed(
            None,
            format!("insteadOf in {at} sends git to {} in its place", url.place.authority()),
            format!("{remove}, or run doctor for that address"),
        ),
        Err(UrlError::Password) => Outcome::failed(
            None,
            format!(
                "insteadOf in {at} puts a password or token into the address, which git uses in place of any helper's"
            ),
            remove,
        ),
        Err(_) => Outcome::failed(
            None,
            format!(
                "insteadOf in {at} sends git to an address that is not HTTPS, for which it asks no helper"
            ),
            remove,
        ),
    }
}

/// What pushInsteadOf makes of pushes. A way of working for some, and so no fault.
fn pushes(host: &Host, rewrite: &Rewrite) -> Option<String> {
    let what = match RemoteUrl::parse(&rewrite.url) {
        Ok(url) if url.place == host.target.place => return None,
        Ok(url) => format!("go to {}", url.place.authority()),
        Err(UrlError::Ssh { .. }) => "go over SSH, for which git asks no helper".to_owned(),
        Err(UrlError::Password) => {
            "are made with a password or token in the address, and no helper's".to_owned()
        }
        Err(_) => "go to an address that is not HTTPS, for which git asks no helper".to_owned(),
    };
    Some(format!("pushes {what} (pushInsteadOf in {})", rewrite.origin.place()))
}

/// What may be meant so, and is worth knowing where something does not work.
pub(super) fn settings(host: &Host) -> Outcome {
    let found = match host.examination() {
        Ok(found) => found,
        Err(outcome) => return outcome,
    };
    let unverified = found.ssl_verify.as_ref().filter(|setting| setting.value == "false");
    let unverified = unverified.map(|setting| setting.origin.place()).or_else(|| {
        // Set to anything at all (git(1)).
        std::env::var_os("GIT_SSL_NO_VERIFY").map(|_| "GIT_SSL_NO_VERIFY".to_owned())
    });
    let unverified = unverified.map(|place| {
        format!(
            "git verifies no certificate here (http.sslVerify in {place}): whoever is on the way can read its \
             tokens; this program verifies all the same"
        )
    });
    let empty = found.empty_auth.as_ref().filter(|setting| setting.value == "true");
    let empty = empty.filter(|_| !host.target.place.is_cloud()).map(|setting| {
        format!(
            "git first tries this machine's own account at a Server (http.emptyAuth in {})",
            setting.origin.place()
        )
    });
    let silent = found.interactive.as_ref().filter(|setting| is_no(&setting.value));
    let silent = silent.map(|setting| {
        format!("git asks nobody to sign in (credential.interactive in {})", setting.origin.place())
    });
    let quiet = [&unverified, &empty, &silent].iter().all(|note| note.is_none());
    Outcome::passed(if quiet { "none that is in the way" } else { "not in the way as such" })
        .note(unverified)
        .note(empty)
        .note(silent)
}

/// Which proxy the target is reached through.
pub(super) fn proxy(host: &Host) -> Outcome {
    let name = host.target.place.authority();
    let Ok(url) = Url::parse(&host.target.url()) else {
        return Outcome::skipped(format!("{name} is no address that can be asked"));
    };
    let found = net::proxy(&url);
    Outcome::passed(match found.proxy {
        Some(proxy) => {
            let proxy = redact::value("http.proxy", &proxy);
            format!("{proxy} for {name} ({})", found.by)
        }
        None => format!("none for {name} ({})", found.by),
    })
}

/// Only where a Server may offer NTLM.
pub(super) fn proactive(host: &Host) -> Outcome {
    if host.target.place.is_cloud() {
        return Outcome::passed(
            "Azure DevOps Services offer nothing that git would take in place of a token",
        );
    }
    if !super::machine::knows_proactive(&host.machine) {
        return Outcome::failed(
            None,
            "this git cannot send a token before it is asked (http.proactiveAuth), and against a Server \
             that offers NTLM or Negotiate it never sends one",
            "install git 2.46 or newer, then: git-credential-ona-azure setup-git",
        );
    }
    let found = match host.examination() {
        Ok(found) => found,
        Err(outcome) => return outcome,
    };
    match found.proactive.as_deref() {
        Some("basic" | "auto") => {
            Outcome::passed("git sends the token at once (http.proactiveAuth)")
        }
        _ => Outcome::failed(
            None,
            "git waits to be asked, and takes the NTLM or Negotiate that a Server offers in place of a token: \
             http.proactiveAuth is not set",
            SETUP,
        ),
    }
}
