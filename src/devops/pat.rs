//! Tries a personal access token before it is kept: a token mistyped or made with the wrong scope
//! is told while its page is still open, not at the next push.

use oauth2::http::Request;

use super::answer::{Answer, Named, Redirect};
use super::authorization::Authorization;
use super::busy::Busy;
use super::door::Door;
use super::site::Site;
use crate::azure::{ANY_NAME, Place};
use crate::net::{EnoughBody, NetError, Send};
use crate::secret::Secret;

mod words;

pub use words::Asker;

/// The REST version asked for: Azure DevOps Server 2019 has no later one, and the Services still
/// have it ("REST API versioning", supported versions).
const API_VERSION: &str = "5.0";

/// How much of an answer is read, in bytes. The list of repositories has no pages and may be of
/// any length (sourcegraph-public-snapshot#46809); that it comes is all that counts.
pub(super) const ENOUGH: u64 = 64 * 1024;

/// What the names of policies against tokens end in, in small letters (vsts-rest-api-specs,
/// tokens.json).
const FORBIDDING: [&str; 3] =
    ["patpolicyviolation", "patcreationpolicyviolation", "patlifespanpolicyviolation"];

/// What came of trying a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trial {
    /// It opens the source code.
    Works {
        /// Whether its owner has asked so much that the service answers late on purpose.
        slowed: bool,
    },
    /// It does not open anything.
    Refused {
        /// Why.
        reason: Reason,
        /// The service's own words, if it said any; without the token, whatever they are.
        said: Option<String>,
    },
    /// It is known, but not good for source code.
    LacksScope {
        /// The service's own words.
        said: Option<String>,
    },
    /// There is nothing where it was tried.
    NoSuchPlace {
        /// Whether Azure DevOps itself said so, and not the web server around it.
        by_azure: bool,
    },
    /// The Server does not offer Basic authentication, the only way to give it a token.
    NoBasic,
    /// The answer is a redirect to somewhere else than a sign-in page.
    Moved {
        /// Host and protocol it leads to.
        to: String,
    },
    /// The answer says nothing about the token.
    Unclear {
        /// The HTTP status.
        status: u16,
    },
    /// It cannot be told now.
    Later(Later),
}

/// Why a token was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It is none, is revoked, or is of another organization.
    NotAccepted,
    /// It has run out.
    Expired,
    /// A conditional access policy is against it.
    Policy,
    /// A policy of the tenant's or the organization's is against such tokens.
    Forbidden,
    /// The Server's web server refused it before Azure DevOps could see it.
    WebServer,
}

/// Why it cannot be told now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Later {
    /// No answer.
    Network(NetError),
    /// The service is down, or has enough of us.
    Busy(Busy),
}

/// Tries a token where it is to be used, as git would send it: Basic authentication with
/// `username`, or any name where that is empty. Nothing is changed anywhere, and no
/// redirect is followed. Where no organization of `dev.azure.com` is named, nothing is sent.
///
/// Over plain `http` the token is readable on its way; whether that is allowed is the caller's to
/// know.
///
/// The repositories' list needs the scope that git needs, Code (Read) (vsts-rest-api-specs,
/// git.json). A whole Server has no such list, only `connectionData`, which needs no scope.
pub fn try_pat(network: &dyn Send, site: Site<'_>, username: &[u8], pat: &Secret) -> Trial {
    if matches!((site.place, site.organization), (Place::DevAzure, None)) {
        return Trial::NoSuchPlace { by_azure: false };
    }
    let whole_server = site.is_whole_server();
    let address = trial_address(site);
    let username = if username.is_empty() { ANY_NAME.as_bytes() } else { username };
    let authorization = Authorization::basic(username, pat);
    let request = Request::get(&address)
        .header("authorization", authorization.header())
        .header("accept", "application/json")
        .header("x-tfs-fedauthredirect", "Suppress")
        .extension(EnoughBody(ENOUGH))
        .body(Vec::new())
        .expect("a percent-encoded address and plain headers make a request");
    match network.send(request) {
        Ok(reply) => {
            let answer = Answer::read(&reply, &address, &authorization.secrets());
            match classify(answer, &reply.body, site.place.is_cloud()) {
                // There is a Server, then, and it is only the call that it does not know.
                Trial::NoSuchPlace { by_azure: true } if whole_server => {
                    Trial::Unclear { status: 404 }
                }
                trial => trial,
            }
        }
        Err(error) => Trial::Later(Later::Network(error)),
    }
}

/// What is asked for: the list of repositories, or what a whole Server has in its place.
pub(super) fn trial_address(site: Site<'_>) -> String {
    let home = site.home_url();
    if site.is_whole_server() {
        // A version would have to be a preview's; clients of old send none.
        format!("{home}/_apis/connectionData")
    } else {
        format!("{home}/_apis/git/repositories?api-version={API_VERSION}")
    }
}

/// What an answer means. The statuses are those observed (azure-devops-auth-samples#52: 203 and a
/// page, or 401; azure-pipelines-agent#1559: a token past its end); the service's words choose
/// only among the reasons of a refusal.
fn classify(answer: Answer, body: &[u8], cloud: bool) -> Trial {
    if let Some(busy) = answer.busy() {
        return Trial::Later(Later::Busy(busy));
    }
    if answer.asks_to_sign_in() {
        return refused(answer, cloud);
    }
    match answer.status {
        200..=299 if answer.kind.contains("json") => {
            if is_anonymous(body) {
                refused(answer, cloud)
            } else {
                Trial::Works { slowed: answer.is_slowed() }
            }
        }
        403 => match refused(answer, cloud) {
            Trial::Refused { reason: Reason::NotAccepted | Reason::WebServer, said } => {
                Trial::LacksScope { said }
            }
            told => told,
        },
        400 => match refused(answer, cloud) {
            forbidden @ Trial::Refused { reason: Reason::Forbidden, .. } => forbidden,
            _ => Trial::Unclear { status: 400 },
        },
        404 => Trial::NoSuchPlace { by_azure: answer.by_azure },
        status => match answer.redirect {
            Some(Redirect::Elsewhere(to)) => Trial::Moved { to },
            _ => Trial::Unclear { status },
        },
    }
}

fn refused(answer: Answer, cloud: bool) -> Trial {
    let said = answer.said.clone();
    let reason = if answer.says_expired() {
        Reason::Expired
    } else if answer.says("vs403463") || answer.says("conditional access") {
        Reason::Policy
    } else if FORBIDDING.iter().any(|policy| answer.says(policy)) {
        Reason::Forbidden
    } else if answer.named == Some(Named::Somebody) {
        return Trial::LacksScope { said };
    } else {
        match Door::of(&answer, cloud) {
            Some(Door::NoBasic) => return Trial::NoBasic,
            Some(Door::WebServer) => Reason::WebServer,
            None => Reason::NotAccepted,
        }
    };
    // "The user '' is not authorized" would only mislead: it is the token that is not.
    Trial::Refused { reason, said: said.filter(|said| !said.contains("TF400813")) }
}

/// Whether `connectionData` greets nobody: `aaaaaaaa-…` is the service's identity for strangers.
pub(super) fn is_anonymous(body: &[u8]) -> bool {
    let document: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let id = document["authenticatedUser"]["id"].as_str().unwrap_or_default();
    !id.is_empty() && id.bytes().all(|b| matches!(b.to_ascii_lowercase(), b'a' | b'-'))
}

#[cfg(test)]
mod tests;
