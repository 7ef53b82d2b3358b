//! git's configuration for the target.

use super::context::Host;
use super::table::Outcome;
use crate::azure::RemoteUrl;
use crate::git::setup::Origin;
use crate::paths::NAME;

const SETUP: &str = "git-credential-ona-azure setup-git";

/// Where a setting stands. Not its key: the address in it may hold a password.
fn place(origin: &Origin) -> String {
    let file = origin.file.display();
    origin.line.map_or_else(|| file.to_string(), |line| format!("{file}:{line}"))
}

fn helpers(origins: &[Origin]) -> String {
    let each: Vec<_> =
        origins.iter().map(|origin| format!("{} ({})", origin.value, place(origin))).collect();
    each.join(", ")
}

pub(super) fn address(host: &Host) -> Outcome {
    if host.target.holds_secret {
        return Outcome::failed(
            None,
            "the address of the remote holds a password or token, which git uses in place of any helper's",
            format!("git remote set-url <remote> {}", host.target.url()),
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
                    place(by)
                ),
                format!("{SETUP} --replace"),
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
    if let Some(program) = found.program.as_ref().filter(|program| !program.is_file()) {
        return Outcome::failed(
            None,
            format!("{} has git run {}, which is not there", place(asked), program.display()),
            format!("{SETUP} --replace"),
        );
    }
    let this = host.machine.helper.canonicalize().ok();
    let other = found
        .program
        .as_ref()
        .filter(|program| program.canonicalize().ok() != this)
        .map(|program| format!("git runs another copy than this one: {}", program.display()));
    Outcome::passed(format!("git asks {NAME} ({})", place(asked))).note(other)
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
            format!("remove that line, or: {SETUP} --replace"),
        );
    }
    if !found.after.is_empty() {
        return Outcome::failed(
            None,
            format!(
                "another helper follows this program, and is given the token to keep: {}",
                helpers(&found.after)
            ),
            format!("remove that line, or: {SETUP} --replace"),
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
                place(origin)
            ),
            "remove that line",
        ),
    }
}

pub(super) fn rewrite(host: &Host) -> Outcome {
    let found = match host.examination() {
        Ok(found) => found,
        Err(outcome) => return outcome,
    };
    let Some(rewrite) = &found.rewritten else {
        return Outcome::passed("no url.<base>.insteadOf changes the address");
    };
    let file = rewrite.file.display();
    let at = rewrite.line.map_or_else(|| file.to_string(), |line| format!("{file}:{line}"));
    match RemoteUrl::parse(&rewrite.url) {
        Ok(url) if url.place == host.target.place => {
            Outcome::passed(format!("insteadOf in {at} leads to the same host"))
        }
        Ok(url) => Outcome::failed(
            None,
            format!("insteadOf in {at} sends git to {} in its place", url.place.authority()),
            "remove that line, or run doctor for that address",
        ),
        Err(crate::azure::UrlError::Password) => Outcome::failed(
            None,
            format!(
                "insteadOf in {at} puts a password or token into the address, which git uses in place of any helper's"
            ),
            "remove that line",
        ),
        Err(_) => Outcome::failed(
            None,
            format!(
                "insteadOf in {at} sends git to an address that is not HTTPS, for which it asks no helper"
            ),
            "remove that line",
        ),
    }
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
