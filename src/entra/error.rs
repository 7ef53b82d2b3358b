//! Why the identity provider gave no token.

use thiserror::Error;

use super::refusal::{Class, NOT_ITS_OWN_ANSWER, Refusal, Sent, parse_retry_after};
use crate::azure::{Step, explain};
use crate::net::{NetError, Reply};
use crate::report::Failure;
use crate::trace;

/// Why the identity provider gave nothing.
#[derive(Clone, Debug, Error)]
pub enum EntraError {
    /// No answer.
    #[error(transparent)]
    Network(#[from] NetError),
    /// An answer that says no.
    #[error("{}", sentence(.0))]
    Refused(Box<Refusal>),
    /// An answer that cannot be used. The text says what is wrong with it.
    #[error("{0}")]
    Unusable(String),
}

impl EntraError {
    /// The refusal in an answer of that host.
    pub fn refused(host: &str, reply: &Reply) -> Self {
        Self::refused_to(host, reply, &Sent::default())
    }

    /// The refusal in a host's answer to a request that carried secrets: it may quote them.
    pub(super) fn refused_to(host: &str, reply: &Reply, sent: &Sent) -> Self {
        let retry_after = reply.header("retry-after").and_then(parse_retry_after);
        let refusal = Refusal::of_sent(reply.status, retry_after, &reply.body, sent);
        trace::event("refused", |words| refusal.told(words.with("host", host)));
        Self::Refused(Box::new(refusal.from_host(host)))
    }

    /// What kind of refusal it is; an answer that cannot be used is one that may be better later.
    pub fn class(&self) -> Class {
        match self {
            Self::Network(_) | Self::Unusable(_) => Class::Transient,
            Self::Refused(refusal) => refusal.class,
        }
    }

    /// Whether the same may work later.
    pub fn is_passing(&self) -> bool {
        matches!(self.class(), Class::Transient | Class::Throttled | Class::ClientLoop)
    }

    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::Network(error) => error.hint(),
            Self::Unusable(_) => NOT_ITS_OWN_ANSWER.to_owned(),
            Self::Refused(refusal) => {
                let (_, _, fix) = refusal.explain();
                self.step().map_or_else(|| fix.clone(), |step| format!("{step}: {fix}"))
            }
        }
    }

    /// The set-up step it points to, where it points to one.
    pub fn step(&self) -> Option<Step> {
        match self {
            // Nothing that was set up is at fault.
            _ if self.is_passing() => None,
            Self::Refused(refusal) => refusal.explain().0,
            Self::Network(_) | Self::Unusable(_) => None,
        }
    }

    /// The failure of a command that needed the token.
    pub fn into_failure(self, what: &str) -> Failure {
        use crate::report::Exit;

        let exit = match self.class() {
            Class::Transient | Class::Throttled | Class::ClientLoop => Exit::Unavailable,
            Class::Client => Exit::Failed,
            Class::Interaction | Class::Dead | Class::Blocked => Exit::SignIn,
        };
        Failure::new(format!("{what}: {self}")).hint(self.hint()).exit(exit)
    }
}

/// The cause, with what a search engine or an administrator wants to know.
fn sentence(refusal: &Refusal) -> String {
    let (_, cause, _) = refusal.explain();
    let mut text = cause;
    match refusal.codes.last() {
        Some(code) if !text.contains(&format!("AADSTS{code}")) => {
            text.push_str(&format!(" (AADSTS{code})"));
        }
        _ => {}
    }
    // Only who administers the tenant can do something about these, and asks for it; of what is not
    // known here, nobody else can tell more.
    let known =
        refusal.codes.is_empty() || refusal.codes.iter().any(|code| explain(*code).is_some());
    let asked_for = matches!(refusal.class, Class::Blocked | Class::Client) || !known;
    if let Some(id) = refusal.correlation_id.as_ref().filter(|_| asked_for) {
        text.push_str(&format!("; correlation ID {id}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_here_comes_with_the_number_it_is_looked_up_by() {
        let id = "0a0a0a0a-1111-2222-3333-444444444444";
        for (code, shown) in [(50076, false), (999_999, true)] {
            let body = serde_json::json!({
                "error": "interaction_required", "error_codes": [code], "correlation_id": id,
                "error_description": format!("AADSTS{code}: Something new."),
            });
            let refusal = Refusal::read(400, None, body.to_string().as_bytes());
            let text = sentence(&refusal);
            assert_eq!(text.ends_with(&format!("; correlation ID {id}")), shown, "{text}");
        }
    }
}
