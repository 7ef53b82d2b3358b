//! What a bootstrap did, host by host.

use serde_json::{Value, json};

use crate::azure::Organization;
use crate::report::{Exit, Failure};
use crate::trace::Words;

/// What became of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is new.
    Added,
    /// It was there, and is another now.
    Changed,
    /// It was so already.
    Unchanged,
    /// It is gone.
    Removed,
    /// It would be gone, but somebody changed it since.
    Left,
}

impl Change {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Changed => "changed",
            Self::Unchanged => "unchanged",
            Self::Removed => "removed",
            Self::Left => "left",
        }
    }
}

/// What became of a token.
#[derive(Clone, Debug)]
pub struct TokenReport {
    /// `oauth` or `pat`.
    pub kind: &'static str,
    /// What it is for; `None` for all of the host.
    pub organization: Option<Organization>,
    /// What was done.
    pub change: Change,
}

/// What became of a host.
#[derive(Clone, Debug)]
pub struct HostReport {
    /// The host.
    pub host: String,
    /// Its integration.
    pub integration: Change,
    /// Its tokens.
    pub tokens: Vec<TokenReport>,
    /// Who is signed in, where that is known.
    pub account: Option<String>,
    /// Whether it was proved to work; `None` where that was not tried.
    pub verified: Option<bool>,
    /// What does not work though it is as given.
    pub warning: Option<Failure>,
    /// Why it is not as given.
    pub failure: Option<Failure>,
}

impl HostReport {
    pub(super) fn of(host: String) -> Self {
        Self {
            host,
            integration: Change::Unchanged,
            tokens: Vec::new(),
            account: None,
            verified: None,
            warning: None,
            failure: None,
        }
    }

    /// What a trace tells of it.
    pub(super) fn told(&self, words: Words) -> Words {
        let words = words.with("host", &self.host).with("integration", self.integration.word());
        let words = self.tokens.iter().fold(words, |words, token| {
            let of =
                token.organization.as_ref().map_or("all", |organization| organization.as_str());
            words.with(token.kind, token.change.word()).with("for", of)
        });
        words.maybe("failed", self.failure.as_ref())
    }

    /// How it ended.
    pub fn exit(&self) -> Exit {
        self.failure.as_ref().map_or(Exit::Done, |failure| failure.exit)
    }

    /// Whether anything is other than before.
    pub fn changed(&self) -> bool {
        !matches!(self.integration, Change::Unchanged | Change::Left)
            || self.tokens.iter().any(|token| token.change != Change::Unchanged)
    }

    /// What was done, in one line; `None` where it failed.
    pub fn line(&self) -> Option<String> {
        if self.failure.is_some() {
            return None;
        }
        let mut done = Vec::new();
        match self.integration {
            Change::Unchanged => {}
            Change::Left => done.push("integration left, for it was changed here since".to_owned()),
            change => done.push(format!("integration {}", change.word())),
        }
        for token in self.tokens.iter().filter(|token| token.change != Change::Unchanged) {
            let kind = if token.kind == "pat" { "personal access token" } else { "sign-in" };
            let place = token.organization.as_ref().map(|name| format!(" for {name}"));
            done.push(format!("{kind}{} {}", place.unwrap_or_default(), token.change.word()));
        }
        let done = if done.is_empty() { "nothing to change".to_owned() } else { done.join(", ") };
        let who = self.account.as_ref().map(|who| format!("; {who} is signed in"));
        let gone = matches!(self.integration, Change::Removed | Change::Left);
        let proved = if self.verified.is_none() && !gone { "; not tried" } else { "" };
        Some(format!("{}: {done}{}{proved}", self.host, who.unwrap_or_default()))
    }

    /// The same for scripts.
    pub fn json(&self) -> Value {
        let mut document = json!({
            "host": self.host,
            "ok": self.failure.is_none(),
            "changed": self.failure.is_none() && self.changed(),
            "integration": self.integration.word(),
            "tokens": self.tokens.iter().map(|token| json!({
                "kind": token.kind,
                "organization": token.organization,
                "change": token.change.word(),
            })).collect::<Vec<_>>(),
            "account": self.account,
            "verified": self.verified,
            "error": self.failure.as_ref().map(|failure| json!({
                "text": failure.message.text,
                "hint": failure.message.hint,
                "exit": failure.exit as u8,
            })),
        });
        if let (Some(warning), Some(document)) = (&self.warning, document.as_object_mut()) {
            let warning = json!({ "text": warning.message.text, "hint": warning.message.hint });
            document.insert("warning".to_owned(), warning);
        }
        document
    }
}
