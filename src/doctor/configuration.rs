//! git's configuration for the target.

mod address;
mod proxy;

use std::path::Path;

use super::context::Host;
use super::table::Outcome;
use crate::azure::{RemoteUrl, UrlError};
use crate::git::parameters::is_no;
use crate::git::setup::{Examination, Origin, Rewrite, redact};
use crate::paths::NAME;
use crate::report::word;

pub(super) use address::address;
pub(super) use proxy::proxy;

const SETUP: &str = "git-credential-ona-azure setup-git";

fn helpers(origins: &[Origin]) -> String {
    let shown = |origin: &Origin| {
        format!("{} ({})", redact::value("credential.helper", &origin.value), origin.place())
    };
    origins.iter().map(shown).collect::<Vec<_>>().join(", ")
}

/// What takes other helpers away. Behind what the environment or the repository says our own section
/// cannot be moved.
fn remove(origins: &[Origin], found: &Examination) -> String {
    let fixed = |origin: &&Origin| origin.is_of_environment() || is_only_here(origin, found);
    match origins.iter().find(fixed).or(origins.first()) {
        Some(first) if fixed(&first) => first.unset(),
        Some(first) => format!("{}, or: {SETUP} --replace", first.removal()),
        None => format!("{SETUP} --replace"),
    }
}

/// What makes a setting count no more: our own section behind it, where that can be.
fn overtake(origin: &Origin, found: &Examination) -> String {
    match origin.is_of_environment() || is_only_here(origin, found) {
        true => origin.unset(),
        false => format!("{SETUP} --replace"),
    }
}

/// Whether a file of this repository's alone says so.
fn is_only_here(origin: &Origin, found: &Examination) -> bool {
    found.only_here.contains(&origin.file)
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
                overtake(by, found),
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
    if let Some(home) = home_that_git_lacks(asked) {
        return Outcome::failed(
            None,
            format!(
                "HOME is not set, so git reads no configuration of yours: {} has it ask this program in vain",
                asked.place()
            ),
            format!("export HOME={home}"),
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

/// The home that a setting was found in, though git is not told of it: git knows no other way to
/// somebody's home than HOME (git-config(1), FILES).
fn home_that_git_lacks(asked: &Origin) -> Option<String> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    if cfg!(windows)
        || ["HOME", "XDG_CONFIG_HOME", "GIT_CONFIG_GLOBAL"]
            .into_iter()
            .any(|name| set(name).is_some())
    {
        return None;
    }
    let home = directories::BaseDirs::new()?.home_dir().to_owned();
    asked.file.starts_with(&home).then(|| home.display().to_string())
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
            remove(&found.before, found),
        );
    }
    if !found.after.is_empty() {
        return Outcome::failed(
            None,
            format!(
                "another helper follows this program, and is given the token to keep: {}",
                helpers(&found.after)
            ),
            remove(&found.after, found),
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
    const UNSAID: &str = "git does not say which organization or collection is meant";
    match &found.no_http_path {
        Some(off) => Outcome::failed(
            None,
            format!("{UNSAID}: credential.useHttpPath is off in {}", off.place()),
            overtake(off, found),
        ),
        None => {
            Outcome::failed(None, format!("{UNSAID}: credential.useHttpPath is not set"), SETUP)
        }
    }
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

/// Only where a Server may offer NTLM.
pub(super) fn proactive(host: &Host) -> Outcome {
    if host.target.place.is_cloud() {
        return Outcome::passed(
            "Azure DevOps Services offer nothing that git would take in place of a token",
        );
    }
    if !super::machine::knows_proactive(&host.machine) {
        return match host.offers_ntlm.get() {
            // Negotiate it leaves alone once it was refused without a credential.
            Some(false) => Outcome::passed("the Server offers no NTLM, so git sends the token"),
            Some(true) => Outcome::failed(
                None,
                "this git cannot send a token before it is asked (http.proactiveAuth), and takes the NTLM \
                 that the Server offers in its place",
                format!(
                    "install git 2.46 or newer, then: git-credential-ona-azure setup-git; until then, for each \
                     command: {}",
                    with_header(host)
                ),
            ),
            None => Outcome::skipped(
                "this git cannot send a token before it is asked (http.proactiveAuth); whether the Server \
                 offers NTLM in its place is not known",
            ),
        };
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

/// The command line with which a git of any age since 2.31 sends the token: in a header, which it
/// reads from the environment. For this host only, so that a submodule elsewhere gets nothing.
fn with_header(host: &Host) -> String {
    let target = &host.target;
    let origin = format!("{}://{}", target.scheme, target.place.authority());
    let url = match (&host.repository, &host.found) {
        (Some(repository), _) => format!("{origin}/{}", super::context::encoded(repository)),
        (None, Some(_)) => host.login_url(),
        (None, None) => origin.clone(),
    };
    format!(
        "HEADER=$(git-credential-ona-azure token --header {}) git --config-env={} fetch",
        word(&url),
        word(&format!("http.{origin}/.extraHeader=HEADER"))
    )
}
