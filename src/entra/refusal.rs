//! What a refusal of the token endpoint means: whether to wait, to sign in, or to mend something.
//!
//! `error`, `suberror` and the HTTP status decide. Entra's numbers choose words only, since
//! Microsoft gives no promise about them, but for two cases where the words of the protocol
//! mislead: see [`class_of`].

use serde_json::Value;

use super::issuer::is_guid;
use crate::azure::{self as messages, Step};
use crate::report::escape;
use crate::trace::Words;

mod mask;
mod sent;

pub(super) use sent::Sent;

/// The longest body read. Entra's have a few kilobytes.
const BODY_MAX: usize = 64 * 1024;

/// How long to wait, in seconds, where nobody says: what MSAL does ("HttpStatusProvider").
const WAIT_DEFAULT: u64 = 60;

/// The longest wait believed: the answer is not signed, and an hour is long to be locked out.
const WAIT_MAX: u64 = 3600;

/// What to do about an answer that the service itself would not give.
pub(super) const NOT_ITS_OWN_ANSWER: &str = "check the Issuer URL, and that no proxy or sign-in page of the \
    network answers in the issuer's place; then: git-credential-ona-azure integration test";

/// What to do about a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// A passing fault: try again, keep everything.
    Transient,
    /// Asked too much: do not ask again before `retry_after`, keep everything.
    Throttled,
    /// The same request too often (AADSTS50196): as `Throttled`, and worth reporting.
    ClientLoop,
    /// The person has to sign in; the session is kept.
    Interaction,
    /// The refresh token is no good and never will be.
    Dead,
    /// The integration or this helper is at fault: repeating does not help.
    Client,
    /// Someone with the power to has said no.
    Blocked,
}

/// A refusal of the token endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What to do.
    pub class: Class,
    /// The protocol's word (RFC 6749 section 5.2); empty where the answer was none of its own.
    pub error: String,
    /// Entra's numbers, in order.
    pub codes: Vec<u32>,
    /// The first line of the explanation: escaped, accounts, addresses and long secrets masked.
    pub first_line: String,
    /// What Entra's support asks for.
    pub correlation_id: Option<String>,
    /// Seconds to wait; always there for `Throttled` and `ClientLoop`.
    pub retry_after: Option<u64>,
    /// Whether the service itself said how long, and it is not what is usual.
    pub told_to_wait: bool,
    /// The HTTP status.
    pub status: u16,
    /// Who said it, where that is known.
    pub host: Option<String>,
    /// Whether a client secret was sent.
    sent_client_secret: bool,
}

impl Refusal {
    /// Reads an answer that is no success. `retry_after` is the header's, see
    /// [`parse_retry_after`].
    pub fn read(status: u16, retry_after: Option<u64>, body: &[u8]) -> Self {
        Self::of_sent(status, retry_after, body, &Sent::default())
    }

    /// The same of the answer to a request that carried secrets, which it may quote.
    pub(super) fn of_sent(status: u16, retry_after: Option<u64>, body: &[u8], sent: &Sent) -> Self {
        let body = Some(body).filter(|b| b.len() <= BODY_MAX);
        let json: Value = body.and_then(|b| serde_json::from_slice(b).ok()).unwrap_or_default();
        let text = |name: &str| {
            sent.taken_out_of(json.get(name).and_then(Value::as_str).unwrap_or_default().trim())
        };
        let (error, suberror) = (word(&text("error")), word(&text("suberror")));
        let description = text("error_description");
        let field = json.get("error_codes");
        let mut codes = field.map(numbers).unwrap_or_default();
        if codes.is_empty() {
            codes = numbers_in(&description);
        }
        let is_entra = field.is_some() || !codes.is_empty() || !suberror.is_empty();
        let class = class_of(status, retry_after, &error, &suberror, &codes, is_entra);
        let waits = matches!(class, Class::Throttled | Class::ClientLoop);
        let least = if class == Class::ClientLoop { WAIT_DEFAULT } else { 0 };
        Self {
            class,
            error,
            codes,
            first_line: mask::masked(first_line(&description)),
            correlation_id: Some(text("correlation_id")).filter(|id| is_guid(id)),
            told_to_wait: retry_after.is_some(),
            retry_after: waits.then(|| retry_after.unwrap_or(WAIT_DEFAULT).clamp(least, WAIT_MAX)),
            status,
            host: None,
            sent_client_secret: sent.client_secret,
        }
    }

    /// The same refusal with the host that said it.
    #[must_use]
    pub fn from_host(mut self, host: &str) -> Self {
        self.host = Some(host.to_owned()).filter(|host| !host.is_empty());
        self
    }

    /// What a trace tells of it: none of its sentences, for they name accounts.
    pub(super) fn told(&self, words: Words) -> Words {
        let codes: Vec<_> = self.codes.iter().map(|code| format!("AADSTS{code}")).collect();
        words
            .with("status", self.status)
            .with("error", &self.error)
            .maybe("codes", Some(codes.join(",")).filter(|codes| !codes.is_empty()))
            .with("class", format!("{:?}", self.class))
            .maybe("retry_after", self.retry_after)
            .maybe("correlation_id", self.correlation_id.as_ref())
    }

    /// Reads what a browser brought back instead of a code (RFC 6749 section 4.1.2.1).
    pub fn redirected(error: &str, description: &str) -> Self {
        let body = serde_json::json!({ "error": error, "error_description": description });
        Self::read(400, None, body.to_string().as_bytes())
    }

    /// The step to look at, what is wrong, and what to do, for a person.
    pub fn explain(&self) -> (Option<Step>, String, String) {
        // Where there are several numbers the last is the particular one ([70002, 70008]).
        if let Some(row) = self.codes.iter().rev().find_map(|code| messages::explain(*code)) {
            return (Some(row.step), row.cause.to_owned(), row.fix.to_owned());
        }
        let (step, fix) = match self.class {
            // Neither a fault of the service's nor an answer of its own.
            Class::Transient if self.status < 500 && self.error.is_empty() => {
                (None, NOT_ITS_OWN_ANSWER)
            }
            Class::Transient => (None, "try again in a minute"),
            Class::Throttled | Class::ClientLoop => (None, "wait some minutes, then try again"),
            Class::Interaction | Class::Dead => (Some(Step::Connect), "sign in again"),
            Class::Blocked => (Some(Step::Connect), "ask the administrator of the tenant"),
            Class::Client => client_step(&self.error, self.sent_client_secret),
        };
        if let Some(code) = self.codes.last() {
            let (cause, look_up) = messages::explain_unknown(*code, &self.first_line);
            return (step, cause, format!("{fix}, or {look_up}"));
        }
        let host = escape(self.host.as_deref().unwrap_or("the login host"));
        let cause = match (self.error.as_str(), self.first_line.as_str()) {
            ("", _) => match self.status {
                status @ 300..400 => format!(
                    "{host} answered with a redirect (HTTP status {status}), which is not followed"
                ),
                status => format!("{host} answered with HTTP status {status}"),
            },
            (error, "") => format!("{host} answered {error}"),
            (error, line) => format!("{host} answered {error}: {line}"),
        };
        (step, cause, fix.to_owned())
    }
}

/// What to do about an answer, first row that fits.
///
/// Numbers matter in two places. 50196 comes as `invalid_grant` or `interaction_required`, though
/// neither a new sign-in nor a lost session would mend it. And `invalid_grant` without any mark of
/// Entra's is another provider's, for whom it means what RFC 6749 section 5.2 says: the grant is
/// no good. Entra says it for much else, so without `bad_token` or `token_expired` a session of
/// its is kept.
fn class_of(
    status: u16,
    retry_after: Option<u64>,
    error: &str,
    suberror: &str,
    codes: &[u32],
    is_entra: bool,
) -> Class {
    if status == 429 || retry_after.is_some() {
        return Class::Throttled;
    }
    // A page of a proxy or gateway is nobody's verdict on a token.
    if status >= 500 || error.is_empty() {
        return Class::Transient;
    }
    // What a new sign-in can mend, and what of it Entra says a sign-in will not: MSAL's
    // UiRequiredExceptionClassification has the message shown and nothing more.
    let interactive = matches!(
        error,
        "invalid_grant"
            | "interaction_required"
            | "consent_required"
            | "login_required"
            | "account_selection_required"
    );
    let final_word = matches!(suberror, "message_only" | "protection_policy_required");
    match (error, suberror) {
        ("invalid_grant" | "interaction_required", _) if codes.contains(&50196) => {
            Class::ClientLoop
        }
        ("invalid_grant", "bad_token" | "token_expired") => Class::Dead,
        ("invalid_grant", _) if !is_entra => Class::Dead,
        _ if interactive && final_word => Class::Blocked,
        _ if interactive => Class::Interaction,
        // The device code's own (RFC 8628 section 3.5), and Entra's names for the same.
        ("expired_token" | "bad_verification_code" | "code_expired", _) => Class::Interaction,
        ("authorization_pending" | "slow_down", _) => Class::Transient,
        ("authorization_declined" | "access_denied", _) => Class::Blocked,
        ("temporarily_unavailable" | "server_error", _) => Class::Transient,
        // invalid_client and its kin, and words not known here: an answer in the protocol's form
        // says the request was understood and will not do, so repeating it is no use.
        _ => Class::Client,
    }
}

/// Where to look for a fault that is the integration's.
fn client_step(error: &str, sent_client_secret: bool) -> (Option<Step>, &'static str) {
    match error {
        // Nothing can be wrong with a secret that was not sent.
        "invalid_client" if !sent_client_secret => (
            Some(Step::Authentication),
            "compare the client ID with the app's Overview page; if the app has a client secret, add it, else register \
             the redirect URI under Mobile and desktop applications",
        ),
        "invalid_client" => (
            Some(Step::ClientSecret),
            "check the client ID, then make a new client secret and add it",
        ),
        "unauthorized_client" | "invalid_tenant" | "invalid_instance" => (
            Some(Step::AppRegistration),
            "compare client ID and issuer URL with the app's Overview page",
        ),
        "invalid_scope" | "invalid_resource" | "invalid_target" => (
            Some(Step::ApiPermissions),
            "add Azure DevOps vso.code and vso.code_write under API permissions",
        ),
        // OpenID Connect Dynamic Client Registration section 3.3, as providers name it on their pages.
        "invalid_redirect_uri" => (
            Some(Step::Authentication),
            "register the redirect URI that integration add printed, letter by letter",
        ),
        "unsupported_grant_type" | "unsupported_response_type" => {
            (Some(Step::Authentication), "look at the platforms and flows under Authentication")
        }
        _ => (None, "test the integration: git-credential-ona-azure integration test"),
    }
}

/// The header's seconds (RFC 9110 section 10.2.3). A date, or what cannot be read, still asks for
/// a wait and counts as a minute; an empty one does not.
pub fn parse_retry_after(value: &str) -> Option<u64> {
    let value = value.trim();
    if value.is_empty() {
        return None;
    }
    let digits = value.bytes().all(|b| b.is_ascii_digit());
    // Too many digits for the type is simply long.
    Some(if digits { value.parse().unwrap_or(WAIT_MAX).min(WAIT_MAX) } else { WAIT_DEFAULT })
}

/// A word of the protocol (RFC 6749 section 5.2), or nothing: it ends up in messages and files.
pub(super) fn word(text: &str) -> String {
    let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'));
    if plain && text.len() <= 64 { text.to_owned() } else { String::from("unreadable") }
}

/// `error_codes` as Entra sends it, an array of numbers, and as relays have been seen to: a
/// number, or the whole array as a text.
fn numbers(value: &Value) -> Vec<u32> {
    match value {
        Value::Number(number) => {
            number.as_u64().and_then(|n| u32::try_from(n).ok()).into_iter().collect()
        }
        Value::String(text) => {
            text.split(|c: char| !c.is_ascii_digit()).filter_map(|n| n.parse().ok()).collect()
        }
        // One level only: a deep nest is no list of numbers.
        Value::Array(items) => {
            items.iter().filter(|item| !item.is_array()).flat_map(numbers).collect()
        }
        _ => Vec::new(),
    }
}

/// The numbers behind every `AADSTS` in a text.
fn numbers_in(text: &str) -> Vec<u32> {
    let mut codes = Vec::new();
    for rest in text.split("AADSTS").skip(1) {
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        if let Ok(code) = rest[..end].parse()
            && !codes.contains(&code)
        {
            codes.push(code);
        }
    }
    codes
}

/// What comes before the trace data, which follows on lines of its own or, from some relays, on
/// the same line.
fn first_line(description: &str) -> &str {
    let line = description.split(['\r', '\n']).next().unwrap_or_default();
    let marks = ["Trace ID:", "Correlation ID:", "Timestamp:"];
    let end = marks.iter().filter_map(|mark| line.find(mark)).min().unwrap_or(line.len());
    line[..end].trim()
}

#[cfg(test)]
mod tests;
