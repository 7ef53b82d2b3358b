//! Whether Azure DevOps lets the credential in that git would be given: what git itself asks first
//! of a repository, for reading and for writing.

use oauth2::http::Request;

use super::context::{Given, Host};
use super::table::Outcome;
use crate::broker::STATE;
use crate::devops::{Answer, Authorization};
use crate::entra::{Allows, allow};
use crate::net::{EnoughBody, Send as _};
use crate::protocol::{Credential, Login};

mod verdict;

use verdict::{Asked, By, verdict};

/// So much of an answer is enough to see what it is.
const ENOUGH: u64 = 16 * 1024;

/// What git would be given.
pub(super) fn credential(host: &Host) -> Outcome {
    match host.given() {
        Given::Credential(credential) if credential.state == Some(STATE) => {
            Outcome::passed("git is given the access token of the sign-in")
        }
        Given::Credential(_) => Outcome::passed("git is given a personal access token"),
        Given::AfterRefresh(account) => Outcome::skipped(format!(
            "the access token of {account} is refreshed when git next asks; to try it now: \
             git-credential-ona-azure doctor --refresh"
        )),
        Given::Nothing(_)
            if host.organization.is_none() && host.has_any_pat(&host.machine.vault()) =>
        {
            Outcome::skipped(super::pat::NO_ORGANIZATION)
        }
        Given::Nothing(_) if host.is_explained() => {
            Outcome::skipped("there is none, for the reason above")
        }
        Given::Nothing(outcome) => outcome.clone(),
    }
}

pub(super) fn read(host: &Host) -> Outcome {
    ask(host, "git-upload-pack")
}

pub(super) fn write(host: &Host) -> Outcome {
    ask(host, "git-receive-pack")
}

fn ask(host: &Host, service: &str) -> Outcome {
    let Some(repository) = &host.repository else {
        return Outcome::skipped("no repository is named");
    };
    let Given::Credential(credential) = host.given() else {
        return Outcome::skipped("there is no credential to try");
    };
    let Login::Password { username, password } = &credential.login else {
        return Outcome::skipped("the credential kept is a header, which is not tried here");
    };
    let authorization = Authorization::basic(username, password);
    let base = format!(
        "{}://{}/{}",
        host.target.scheme.as_str(),
        host.target.place.authority(),
        super::context::encoded(repository.trim_end_matches('/'))
    );
    let address = format!("{base}/info/refs?service={service}");
    let request = Request::get(&address)
        .header("authorization", authorization.header())
        .header("x-tfs-fedauthredirect", "Suppress")
        .extension(EnoughBody(ENOUGH))
        .body(Vec::new());
    let Ok(request) = request else {
        return Outcome::failed(
            None,
            format!("{base} is no address that can be asked"),
            "check it",
        );
    };
    match host.send(request) {
        Ok(reply) => {
            let answer = Answer::read(&reply, &address, &authorization.secrets());
            verdict(&asked(host, credential, service), &answer)
        }
        Err(error) => Outcome::passing(error.to_string(), error.hint()),
    }
}

/// What the verdict depends on besides the answer.
fn asked<'a>(host: &Host, credential: &Credential, service: &'a str) -> Asked<'a> {
    let session = host.session(&host.machine.vault()).ok().flatten();
    let by = match session {
        Some((_, session)) if credential.state == Some(STATE) => By::OAuth {
            may_write: allow(&session.scopes) == Allows::Write,
            account: session.account,
        },
        // Signed out while this looked.
        None if credential.state == Some(STATE) => {
            By::OAuth { account: String::new(), may_write: true }
        }
        _ => By::Pat,
    };
    let place = &host.target.place;
    let name = match &host.organization {
        Some(organization) => format!("{}/{organization}", host.host()),
        None => place.to_string(),
    };
    Asked {
        service,
        name,
        organization: host.organization.as_ref().map(ToString::to_string),
        by,
        cloud: place.is_cloud(),
        url: host.login_url(),
    }
}
