//! The address of the target, and the user git asks for.

use super::super::context::{Given, Host};
use super::super::table::Outcome;
use crate::azure::Scheme;
use crate::report::word;

pub(in crate::doctor) fn address(host: &Host) -> Outcome {
    if host.target.holds_secret {
        return Outcome::failed(
            None,
            "the address of the remote holds a password or token, which git uses in place of any helper's",
            format!("git remote set-url REMOTE {}", word(&host.target.url())),
        );
    }
    if let Some(outcome) = plain_http(host).or_else(|| somebody_else(host)) {
        return host.explaining(outcome);
    }
    Outcome::passed(host.target.url())
}

/// An address over which no token is sent.
fn plain_http(host: &Host) -> Option<Outcome> {
    let allowed = host.found.as_ref().is_some_and(|found| found.integration.allow_http);
    if host.target.scheme != Scheme::Http || (allowed && !host.target.place.is_cloud()) {
        return None;
    }
    let https = host.target.url().replacen("http://", "https://", 1);
    let name = host.target.place.authority();
    Some(Outcome::failed(
        None,
        format!("the address is plain http, over which no token of {name} is sent"),
        format!("git remote set-url REMOTE {}", word(&https)),
    ))
}

/// A user git asks for, where what is kept is somebody else's.
fn somebody_else(host: &Host) -> Option<Outcome> {
    host.found.as_ref()?;
    let configured = || host.examination().ok()?.username.as_ref();
    let (name, at, fix) = match (&host.target.username, configured()) {
        (Some(name), _) => {
            let fix = format!("git remote set-url REMOTE {}", word(&host.target.url()));
            (name, "the address".to_owned(), fix)
        }
        (None, Some(setting)) => {
            let at = format!("credential.username in {}", setting.origin.place());
            (&setting.value, at, setting.origin.unset())
        }
        (None, None) => return None,
    };
    let given = !matches!(host.given(), Given::Nothing(_));
    if given || !host.gives_to_anybody() {
        return None;
    }
    Some(Outcome::failed(
        None,
        format!("git asks for the user {name}, for whom nothing is kept ({at})"),
        fix,
    ))
}
