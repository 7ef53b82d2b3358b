//! What Azure DevOps says of one secret, asked with that very secret at the place where git wanted
//! to use it.
//!
//! git calls a credential rejected that it never sent, or that somebody else refused: another
//! `Authorization` header went out, a redirect led elsewhere, a proxy was in between. So only Azure
//! DevOps' own word counts here, and everything else says nothing about the secret.

use std::time::Duration;

use oauth2::http::Request;
use serde::{Deserialize, Serialize};

use super::answer::{Answer, Redirect};
use super::authorization::Authorization;
use super::door::Door;
use super::pat::{ENOUGH, is_anonymous, trial_address};
use super::site::Site;
use crate::azure::Place;
use crate::net::{EnoughBody, Send, Within};

/// The most that one question may take, from the connection to the last byte.
const WITHIN: Duration = Duration::from_secs(5);

/// What Azure DevOps says of a secret.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Acceptance {
    /// It opens the place, or at least says who asks.
    Accepted,
    /// It does not.
    Refused,
    /// Not from here or not now: a Conditional Access policy is against this network or device
    /// (VS403463). Elsewhere the same secret may be good.
    RefusedHere,
    /// Nobody who knows has answered. Why, in words that are safe to show.
    Unknown(String),
}

/// Asks: one request, no redirect followed, at most five seconds. `repository` is the address of
/// the repository git wanted, where it named one; else the organization or collection is asked, or
/// the whole Server.
pub fn ask(
    network: &dyn Send,
    site: Site<'_>,
    repository: Option<&str>,
    authorization: &Authorization,
) -> Acceptance {
    if repository.is_none() && matches!((site.place, site.organization), (Place::DevAzure, None)) {
        return Acceptance::Unknown("git does not say which organization it is for".to_owned());
    }
    let (address, accept) = match repository {
        Some(repository) => (format!("{repository}/info/refs?service=git-upload-pack"), "*/*"),
        None => (trial_address(site), "application/json"),
    };
    let request = Request::get(&address)
        .header("authorization", authorization.header())
        .header("accept", accept)
        .header("x-tfs-fedauthredirect", "Suppress")
        .extension(EnoughBody(ENOUGH))
        .extension(Within(WITHIN))
        .body(Vec::new());
    let Ok(request) = request else {
        return Acceptance::Unknown(format!("{} cannot be asked", site.name()));
    };
    match network.send(request) {
        Ok(reply) => {
            let answer = Answer::read(&reply, &address, &authorization.secrets());
            let strangers = repository.is_none() && is_anonymous(&reply.body);
            judge(&answer, strangers, site.place.is_cloud(), &site.name())
        }
        Err(error) => Acceptance::Unknown(error.to_string()),
    }
}

/// The first that fits. `strangers` says that the body greets nobody in particular.
fn judge(answer: &Answer, strangers: bool, cloud: bool, name: &str) -> Acceptance {
    let unknown = |text: String| Acceptance::Unknown(text);
    if let Some(busy) = answer.busy() {
        return unknown(busy.what(name));
    }
    if let Some(Redirect::Elsewhere(to)) = &answer.redirect {
        return unknown(format!("{name} sends on to {to}"));
    }
    if answer.says("vs403463") || answer.says("conditional access") {
        return Acceptance::RefusedHere;
    }
    if answer.asks_to_sign_in() {
        return match Door::of(answer, cloud) {
            Some(Door::NoBasic) => unknown(format!("{name} does not offer Basic authentication")),
            Some(Door::WebServer) => {
                unknown(format!("the web server or a proxy before {name} answers in its place"))
            }
            None if answer.is_somebody_elses() => {
                unknown(format!("somebody else answers in place of {name}"))
            }
            None => Acceptance::Refused,
        };
    }
    match answer.status {
        200..=299 if strangers => Acceptance::Refused,
        200..=299 if is_an_answer(answer) => Acceptance::Accepted,
        // Who asks is known then, and only what is asked for is not there or not allowed.
        403 | 404 if answer.by_azure => Acceptance::Accepted,
        status => unknown(format!("{name} answers with HTTP status {status}")),
    }
}

/// Whether it is what was asked for: git's list of branches, or a document of the REST API.
fn is_an_answer(answer: &Answer) -> bool {
    answer.kind.contains("git-upload-pack-advertisement") || answer.kind.contains("json")
}

#[cfg(test)]
mod tests;
