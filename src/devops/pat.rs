//! Tries a personal access token before it is kept: a token mistyped or made with the wrong scope
//! is told while its page is still open, not at the next push.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use oauth2::http::{HeaderValue, Request, Uri};
use zeroize::Zeroizing;

use super::site::{Site, no_server_at};
use crate::azure::{Organization, Place, SCOPE_TO_TICK};
use crate::entra::parse_retry_after;
use crate::net::{EnoughBody, NetError, Reply, Send};
use crate::report::{Exit, Failure};
use crate::secret::Secret;

/// The REST version asked for: Azure DevOps Server 2019 has no later one, and the Services still
/// have it ("REST API versioning", supported versions).
const API_VERSION: &str = "5.0";

/// How much of an answer is read, in bytes. The list of repositories has no pages and may be of
/// any length (sourcegraph-public-snapshot#46809); that it comes is all that counts.
const ENOUGH: u64 = 64 * 1024;

/// The name sent with a token where none is known: Azure DevOps Services takes any, but git cannot
/// do without ("Use personal access tokens").
const ANY_NAME: &[u8] = b"pat";

/// How much of the service's own words is shown, in characters.
const SAID_MAX: usize = 200;

/// What came of trying a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trial {
    /// It opens the source code.
    Works,
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
    /// The Server's web server refused it before Azure DevOps could see it.
    WebServer,
}

/// Why it cannot be told now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Later {
    /// No answer.
    Network(NetError),
    /// The service is down, or has enough of us.
    Busy {
        /// The HTTP status.
        status: u16,
        /// How long it asks to wait, in seconds.
        retry_after: Option<u64>,
    },
}

/// Tries a token where it is to be used, as git would send it: Basic authentication with
/// `username`, which for Azure DevOps Services may be empty. Nothing is changed anywhere, and no
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
    let whole_server = site.organization.is_none() && !site.place.is_cloud();
    let home = site.home_url();
    let address = if whole_server {
        // A version would have to be a preview's; clients of old send none.
        format!("{home}/_apis/connectionData")
    } else {
        format!("{home}/_apis/git/repositories?api-version={API_VERSION}")
    };
    let username = if site.place.is_cloud() && username.is_empty() { ANY_NAME } else { username };
    let authorization = Authorization::basic(username, pat);
    let request = Request::get(&address)
        .header("authorization", authorization.header())
        .header("accept", "application/json")
        .header("x-tfs-fedauthredirect", "Suppress")
        .extension(EnoughBody(ENOUGH))
        .body(Vec::new())
        .expect("a percent-encoded address and plain headers make a request");
    match network.send(request) {
        Ok(reply) => match classify(&reply, site.place.is_cloud()) {
            // There is a Server, then, and it is only the call that it does not know.
            Trial::NoSuchPlace { by_azure: true } if whole_server => Trial::Unclear { status: 404 },
            trial => authorization.hidden_in(trial),
        },
        Err(error) => Trial::Later(Later::Network(error)),
    }
}

/// The value of the header, which holds the token.
struct Authorization {
    value: Zeroizing<String>,
    pat: Secret,
}

impl Authorization {
    /// RFC 7617 section 2.
    fn basic(username: &[u8], pat: &Secret) -> Self {
        // Room for all of it at once, so that growing leaves no copy behind.
        let mut joined =
            Zeroizing::new(Vec::with_capacity(username.len() + 1 + pat.expose().len()));
        joined.extend_from_slice(username);
        joined.push(b':');
        joined.extend_from_slice(pat.expose());
        let encoded = Zeroizing::new(STANDARD.encode(&*joined));
        let mut value = Zeroizing::new(String::with_capacity("Basic ".len() + encoded.len()));
        value.push_str("Basic ");
        value.push_str(&encoded);
        Self { value, pat: pat.clone() }
    }

    /// Marked as sensitive, so that no log shows it. The HTTP library's own copy is not wiped.
    fn header(&self) -> HeaderValue {
        let mut header = HeaderValue::from_str(&self.value).expect("base64 is visible ASCII");
        header.set_sensitive(true);
        header
    }

    /// The outcome with the token taken out of the service's words, should it repeat them.
    fn hidden_in(&self, trial: Trial) -> Trial {
        let hide = |text: String| {
            let encoded = self.value.trim_start_matches("Basic ");
            [self.pat.expose_str().unwrap_or_default(), encoded]
                .into_iter()
                .filter(|secret| !secret.is_empty())
                .fold(text, |text, secret| text.replace(secret, "(hidden)"))
        };
        let shown = |said: Option<String>| said.map(hide).map(|text| presentable(&text));
        match trial {
            Trial::Refused { reason, said } => Trial::Refused { reason, said: shown(said) },
            Trial::LacksScope { said } => Trial::LacksScope { said: shown(said) },
            Trial::Moved { to } => Trial::Moved { to: presentable(&hide(to)) },
            other => other,
        }
    }
}

/// Words from outside, cut to a length worth reading.
fn presentable(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    line.trim_end_matches('.').chars().take(SAID_MAX).collect()
}

/// What an answer means. The statuses are those observed (azure-devops-auth-samples#52: 203 and a
/// page, or 401; azure-pipelines-agent#1559: a token past its end); the service's words choose
/// only among the reasons of a refusal.
fn classify(reply: &Reply, cloud: bool) -> Trial {
    let html = content_type(reply).is_some_and(|kind| kind.contains("html"));
    match reply.status {
        203 => refused(reply, cloud),
        200..=299 if html => refused(reply, cloud),
        200..=299 if content_type(reply).is_some_and(|kind| kind.contains("json")) => {
            if is_anonymous(reply) {
                refused(reply, cloud)
            } else {
                Trial::Works
            }
        }
        300..=399 => match redirect(reply) {
            Some(to) => Trial::Moved { to },
            None => refused(reply, cloud),
        },
        401 => refused(reply, cloud),
        403 => match refused(reply, cloud) {
            policy @ Trial::Refused { reason: Reason::Policy, .. } => policy,
            _ => Trial::LacksScope { said: said(reply) },
        },
        404 => Trial::NoSuchPlace { by_azure: by_azure(reply) },
        status @ (408 | 429 | 500..) => {
            let retry_after = reply.header("retry-after").and_then(parse_retry_after);
            Trial::Later(Later::Busy { status, retry_after })
        }
        status => Trial::Unclear { status },
    }
}

fn refused(reply: &Reply, cloud: bool) -> Trial {
    let said = said(reply);
    let words = said.as_deref().unwrap_or_default().to_ascii_lowercase();
    let has = |word: &str| words.contains(word);
    let reason = if has("access token") && has("expired") {
        Reason::Expired
    } else if has("vs403463") || has("conditional access") {
        Reason::Policy
    } else if names_somebody(said.as_deref().unwrap_or_default()) {
        return Trial::LacksScope { said };
    } else if !cloud && reply.status == 401 {
        match offers_basic(reply) {
            Some(false) => return Trial::NoBasic,
            Some(true) if !by_azure(reply) => Reason::WebServer,
            _ => Reason::NotAccepted,
        }
    } else {
        Reason::NotAccepted
    };
    // "The user '' is not authorized" would only mislead: it is the token that is not.
    let said = said.filter(|said| !said.contains("TF400813"));
    Trial::Refused { reason, said }
}

/// Whether `TF400813: The user '…' is not authorized to access this resource.` names a user. Then
/// the token was understood, and it is not enough; for one that is not, the name is empty or that
/// of nobody (azure-devops-auth-samples#52, azure-cli#24108).
fn names_somebody(said: &str) -> bool {
    let Some((_, rest)) = said.split_once("TF400813") else { return false };
    let Some(name) = rest.split('\'').nth(1) else { return false };
    !name.trim().is_empty() && !name.bytes().all(|b| matches!(b, b'a' | b'0' | b'-'))
}

/// Whether `connectionData` greets nobody: `aaaaaaaa-…` is the service's identity for strangers.
fn is_anonymous(reply: &Reply) -> bool {
    let document: serde_json::Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    let id = document["authenticatedUser"]["id"].as_str().unwrap_or_default();
    !id.is_empty() && id.bytes().all(|b| matches!(b.to_ascii_lowercase(), b'a' | b'-'))
}

fn content_type(reply: &Reply) -> Option<String> {
    let value = reply.header("content-type")?;
    Some(value.split(';').next()?.trim().to_ascii_lowercase())
}

/// Whether Azure DevOps answered, and not a web server or gateway before it. It numbers its answers
/// (actions/runner, HttpHeaders.cs), and its errors name their type, which no gateway takes away.
fn by_azure(reply: &Reply) -> bool {
    ["x-vss-e2eid", "activityid", "x-tfs-processid", "x-tfs-session"]
        .iter()
        .any(|name| reply.headers.contains_key(*name))
        || member(&reply.body, "typekey").is_some()
}

/// Whether Basic is among the ways to sign in; `None` if none is named.
fn offers_basic(reply: &Reply) -> Option<bool> {
    let challenges: Vec<&str> = reply
        .headers
        .get_all("www-authenticate")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|part| part.split_whitespace().next())
        .collect();
    let basic = challenges.iter().any(|scheme| scheme.eq_ignore_ascii_case("basic"));
    (!challenges.is_empty()).then_some(basic)
}

/// Where a redirect leads, unless it is to where people sign in.
fn redirect(reply: &Reply) -> Option<String> {
    let location = reply.header("location")?;
    let path = location.to_ascii_lowercase();
    let sign_in = ["_signin", "/oauth2/", "/_login", "://login.", ".vssps."];
    if sign_in.iter().any(|sign| path.contains(sign)) {
        return None;
    }
    let uri: Uri = location.parse().ok()?;
    // Neither path nor query, which may repeat anything; nor a user part.
    Some(match (uri.scheme_str(), uri.host(), uri.port_u16()) {
        (Some(scheme), Some(host), Some(port)) => format!("{scheme}://{host}:{port}"),
        (Some(scheme), Some(host), None) => format!("{scheme}://{host}"),
        _ => "another page of its own".to_owned(),
    })
}

/// The service's own words: a header (azure-pipelines-agent#1559), the message of an error in
/// JSON, or the line with a code on a page.
fn said(reply: &Reply) -> Option<String> {
    let header = reply
        .header("x-tfs-serviceerror")
        .map(|value| percent_encoding::percent_decode_str(value).decode_utf8_lossy().into_owned());
    let text = header
        .or_else(|| member(&reply.body, "message"))
        .or_else(|| line_with_code(&reply.body))?;
    (!text.trim().is_empty()).then_some(text)
}

/// A text in an error in JSON, whatever the case of its name.
fn member(body: &[u8], wanted: &str) -> Option<String> {
    let document: BTreeMap<String, serde_json::Value> = serde_json::from_slice(body).ok()?;
    let text = document.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted))?.1;
    text.as_str().map(str::to_owned)
}

/// From `TF400813: …` or `VS403463: …` to the end of the line or element.
fn line_with_code(body: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(body);
    let is_code = |at: &usize| {
        let digits = text[at + 2..].bytes().take_while(u8::is_ascii_digit).count();
        digits >= 5 && text[at + 2 + digits..].starts_with(':')
    };
    let places = |code: &'static str| text.match_indices(code).map(|(at, _)| at);
    let start = places("TF").chain(places("VS")).filter(is_code).min()?;
    let line = text[start..].split(['<', '\n', '\r']).next()?;
    Some(line.replace("&#39;", "'").replace("&apos;", "'"))
}

impl Trial {
    /// What is wrong with that, if something is, and what to do. `page` is where tokens are made
    /// ([`token_page_url`](crate::azure::token_page_url)).
    pub fn failure(&self, site: Site<'_>, page: &str) -> Option<Failure> {
        let name = site.name();
        let login = site.login_command();
        let anew = format!("make a new one ({SCOPE_TO_TICK}) at {page} and give it to: {login}");
        let quote = |said: &Option<String>| match said {
            Some(said) => format!(" ({said})"),
            None => String::new(),
        };
        let failure = match self {
            Self::Works => return None,
            Self::Refused { reason: Reason::Expired, .. } => {
                Failure::new(format!("the personal access token for {name} has run out"))
                    .hint(anew)
                    .exit(Exit::SignIn)
            }
            Self::Refused { reason: Reason::Policy, said } => Failure::new(format!(
                "a conditional access policy does not let the personal access token into {name} from here{}",
                quote(said)
            ))
            .hint(format!(
                "ask the tenant's administrator which networks and devices it allows, and from one of them: {login}"
            ))
            .exit(Exit::SignIn),
            Self::Refused { reason: Reason::WebServer, said } => Failure::new(format!(
                "the web server of {name} refuses the personal access token before Azure DevOps sees it{}",
                quote(said)
            ))
            .hint(
                "ask its administrator to turn off IIS Basic Authentication, which takes no tokens: \
                 https://learn.microsoft.com/azure/devops/integrate/get-started/authentication/iis-basic-auth",
            ),
            Self::Refused { reason: Reason::NotAccepted, said } => {
                let what = match site.organization {
                    None => "good for one collection only",
                    Some(_) if site.place.is_cloud() => "made for another organization",
                    Some(_) => "made for another collection",
                };
                Failure::new(format!(
                    "{name} does not accept the personal access token{}",
                    quote(said)
                ))
                .hint(format!("it may be copied in part, revoked, or {what}; {anew}"))
                .exit(Exit::SignIn)
            }
            Self::LacksScope { said } => Failure::new(format!(
                "{name} accepts the personal access token, but not for source code{}",
                quote(said)
            ))
            .hint(format!("it lacks the scope Code, or its owner has no access to the code; {anew}"))
            .exit(Exit::SignIn),
            Self::NoSuchPlace { by_azure } => no_such_place(site, *by_azure),
            Self::NoBasic => Failure::new(format!(
                "{name} takes no personal access tokens: it does not offer Basic authentication"
            ))
            .hint(format!("ask its administrator to allow them, or see whether this is the Server: {}", site.home_url())),
            Self::Moved { to } => Failure::new(format!(
                "{name} answers with a redirect to {to}, where no token is sent"
            ))
            .hint(format!(
                "open {} in a browser, and use the address it ends at: git-credential-ona-azure login <URL> --pat",
                site.home_url()
            )),
            Self::Unclear { status } => Failure::new(format!(
                "{name} answers with HTTP status {status}, which says nothing about the personal access token"
            ))
            .hint(format!(
                "check the address, and that no proxy or sign-in page of the network answers in its place, or add \
                 --no-test to keep the token untried: {login}"
            )),
            Self::Later(Later::Network(error)) => {
                Failure::new(error.to_string())
                    .hint(format!("{} (or add --no-test to keep the token untried)", error.hint()))
                    .exit(Exit::Unavailable)
            }
            Self::Later(Later::Busy { status, retry_after }) => {
                let when = match retry_after {
                    Some(seconds) => format!("in {seconds} seconds"),
                    None => "in some minutes".to_owned(),
                };
                let what = match status {
                    429 => "has had too many requests, and cannot try the personal access token now",
                    _ => "cannot try the personal access token now",
                };
                Failure::new(format!("{name} {what} (HTTP status {status})"))
                    .hint(format!(
                        "try again {when}, or add --no-test to keep the token untried: {login}"
                    ))
                    .exit(Exit::Unavailable)
            }
        };
        Some(failure)
    }
}

fn no_such_place(site: Site<'_>, by_azure: bool) -> Failure {
    let missing = |kind: &str, name: &Organization, host: &str, above: &str| {
        Failure::new(format!("there is no {kind} {name} at {host}")).hint(format!(
            "check the name in the address of its repositories, then: git-credential-ona-azure login \
             {above}/<{kind}> --pat"
        ))
    };
    let above = Site { organization: None, ..site };
    match (site.place, site.organization) {
        (Place::VisualStudio { organization }, _) | (Place::DevAzure, Some(organization)) => {
            let host = Place::DevAzure;
            missing("organization", organization, &host.to_string(), &format!("https://{host}"))
        }
        (Place::DevAzure, None) => {
            Failure::new("a personal access token is for one organization, and none is named")
                .hint("git-credential-ona-azure login https://dev.azure.com/<organization> --pat")
        }
        (Place::Other(_), Some(collection)) if by_azure => {
            missing("collection", collection, &above.name(), &above.home_url())
        }
        (Place::Other(authority), Some(_)) => {
            Failure::new(format!("nothing of Azure DevOps is at {}", site.name())).hint(format!(
                "compare it with the address in a browser; what that has between host and collection (/ if nothing) \
                 belongs here: git-credential-ona-azure integration add --host {authority} --virtual-directory <path>"
            ))
        }
        (Place::Other(authority), None) => no_server_at(authority, site.virtual_directory),
    }
}

#[cfg(test)]
mod tests;
