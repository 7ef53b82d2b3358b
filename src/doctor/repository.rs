//! Whether Azure DevOps lets the credential in that git would be given: what git itself asks first
//! of a repository, for reading and for writing.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use oauth2::http::{HeaderValue, Request};
use zeroize::Zeroizing;

use super::context::{Given, Host};
use super::table::Outcome;
use crate::azure::{Step, explain_service};
use crate::broker::STATE;
use crate::entra::{Allows, allow};
use crate::net::{EnoughBody, Reply, Send as _};
use crate::protocol::{Credential, Login};

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
    let Some(authorization) = basic(credential) else {
        return Outcome::skipped("the credential kept is a header, which is not tried here");
    };
    let base = format!(
        "{}://{}/{}",
        host.target.scheme.as_str(),
        host.target.place.authority(),
        super::context::encoded(repository.trim_end_matches('/'))
    );
    let request = Request::get(format!("{base}/info/refs?service={service}"))
        .header("authorization", authorization)
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
        Ok(reply) => judge(host, credential, service, &reply),
        Err(error) => Outcome::failed(None, error.to_string(), error.hint()),
    }
}

/// As git sends it (RFC 7617).
fn basic(credential: &Credential) -> Option<HeaderValue> {
    let Login::Password { username, password } = &credential.login else { return None };
    let pair = Zeroizing::new([&username[..], b":", password.expose()].concat());
    let value = Zeroizing::new(format!("Basic {}", STANDARD.encode(&*pair)));
    let mut header = HeaderValue::from_str(&value).ok()?;
    header.set_sensitive(true);
    Some(header)
}

fn judge(host: &Host, credential: &Credential, service: &str, reply: &Reply) -> Outcome {
    let writes = service == "git-receive-pack";
    let kind = reply.header("content-type").unwrap_or_default().to_ascii_lowercase();
    let by_oauth = credential.state == Some(STATE);
    let said = said(credential, reply);
    let where_ = host.organization.as_ref().map_or_else(
        || host.target.place.to_string(),
        |organization| format!("{}/{organization}", host.host()),
    );
    let explained = explain_service(&said);
    let quoted = if said.is_empty() { String::new() } else { format!(" ({said})") };
    match reply.status {
        200 if kind.contains(&format!("{service}-advertisement")) => {
            let what = if writes { "git may push" } else { "git may clone and fetch" };
            return Outcome::passed(what);
        }
        429 => {
            return Outcome::failed(
                None,
                format!("{where_} has had too many requests and refuses for now"),
                "wait some minutes, then try again",
            );
        }
        500.. => {
            return Outcome::failed(
                None,
                format!("{where_} answers with HTTP status {}", reply.status),
                "try again in some minutes",
            );
        }
        _ => {}
    }
    // The page that asks people to sign in comes with many a status.
    let signed_out = reply.status == 401
        || reply.status == 203
        || (300..400).contains(&reply.status)
        || (reply.status == 200 && kind.contains("html"));
    if let Some(row) = explained.filter(|row| !(row.code == "TF400813" && names_nobody(&said))) {
        let (mut step, mut fix) = (row.step, row.fix.to_owned());
        if row.code == "TF401027" && !scopes_allow_write(host, by_oauth) {
            step = Some(Step::ApiPermissions);
            fix = lacks_write(host, by_oauth);
        }
        return Outcome::failed(step, format!("{where_}: {}{quoted}", row.cause), fix);
    }
    if signed_out {
        return match by_oauth {
            true => Outcome::failed(
                Step::Organization,
                format!("{where_} does not accept the access token{quoted}"),
                format!(
                    "compare its tenant with the one signed in at (Organization settings → Microsoft Entra), \
                     then sign in again: {}",
                    login(host)
                ),
            ),
            false => Outcome::failed(
                Step::Connect,
                format!("{where_} does not accept the personal access token{quoted}"),
                format!("make a new one, and give it: {} --pat", login(host)),
            ),
        };
    }
    match reply.status {
        403 => Outcome::failed(
            None,
            format!("{where_} refuses{quoted}"),
            "ask the project's administrator: Project settings → Repositories → Security",
        ),
        404 => Outcome::failed(
            Step::Organization,
            format!("{where_} has no such repository, or the account may not see it{quoted}"),
            "check the repository's address in the browser",
        ),
        status => Outcome::failed(
            None,
            format!(
                "{where_} answers with HTTP status {status} where git expects a list of branches"
            ),
            "check that no proxy or sign-in page of the network answers in its place",
        ),
    }
}

fn login(host: &Host) -> String {
    format!("git-credential-ona-azure login {}", host.login_url())
}

/// Whether what was granted is enough to push, where that is known.
fn scopes_allow_write(host: &Host, by_oauth: bool) -> bool {
    // What a personal access token may is known to Azure DevOps only.
    if !by_oauth {
        return false;
    }
    let session = host.session(&host.machine.vault()).ok().flatten();
    session.is_none_or(|(_, session)| allow(&session.scopes) == Allows::Write)
}

fn lacks_write(host: &Host, by_oauth: bool) -> String {
    if by_oauth {
        format!(
            "API permissions → Add a permission → Azure DevOps → Delegated permissions: vso.code_write, \
             then sign in again: {}",
            login(host)
        )
    } else {
        format!(
            "make a token with Code (Read & write), and give it: {} --pat; if it has that, ask for \
             Project settings → Repositories → Security → Contribute",
            login(host)
        )
    }
}

/// `TF400813: The user '' is not authorized`: the token was not understood at all.
fn names_nobody(said: &str) -> bool {
    let name = said.split_once("TF400813").and_then(|(_, rest)| rest.split('\'').nth(1));
    name.is_none_or(|name| {
        name.trim().is_empty() || name.bytes().all(|b| matches!(b, b'a' | b'0' | b'-'))
    })
}

/// The service's own first line, without the credential, should it repeat that.
fn said(credential: &Credential, reply: &Reply) -> String {
    let header = reply
        .header("x-tfs-serviceerror")
        .map(|value| percent_encoding::percent_decode_str(value).decode_utf8_lossy().into_owned());
    let text = header.unwrap_or_else(|| {
        let body = String::from_utf8_lossy(&reply.body).into_owned();
        let code = ["TF", "VS"].into_iter().find_map(|code| {
            body.match_indices(code).map(|(at, _)| at).find(|at| {
                let digits = body[at + 2..].bytes().take_while(u8::is_ascii_digit).count();
                digits >= 5 && body[at + 2 + digits..].starts_with(':')
            })
        });
        code.map(|at| body[at..].split(['<', '\n', '\r']).next().unwrap_or_default().to_owned())
            .unwrap_or_default()
    });
    let Login::Password { password, .. } = &credential.login else { return String::new() };
    let secret = password.expose_str().unwrap_or_default();
    let text = if secret.is_empty() { text } else { text.replace(secret, "(hidden)") };
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    line.trim_end_matches('.').replace("&#39;", "'").chars().take(200).collect()
}
