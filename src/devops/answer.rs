//! What an answer of Azure DevOps says, whichever of its doors it came from: REST, git's
//! `info/refs`, or the page that asks people to sign in. Reads only; what follows from it is for
//! whoever asked.

mod redirect;
mod said;

pub use redirect::Redirect;

use super::busy::Busy;
use crate::entra::parse_retry_after;
use crate::guid::is_guid;
use crate::net::Reply;

/// An answer, as far as it says something about who asks. Its words are safe to show: one line,
/// short, and without the secrets that were sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The type of the body in small letters, without parameters; empty where none is named.
    pub kind: String,
    /// The service's own first line, if it said anything.
    pub said: Option<String>,
    /// Whom `TF400813: The user '…' is not authorized` names, if the answer says that.
    pub named: Option<Named>,
    /// Whether Azure DevOps answered, and not a web server, gateway or proxy before it.
    pub by_azure: bool,
    /// Whether Basic is among the ways to sign in; `None` if none is named.
    pub offers_basic: Option<bool>,
    /// Whether NTLM is, which git takes before Basic.
    pub offers_ntlm: bool,
    /// Whether its page bears the name of Azure DevOps or of Entra ID.
    named_page: bool,
    /// Where it leads instead, if it is a redirect.
    pub redirect: Option<Redirect>,
    /// How long it asks to wait, in seconds.
    pub retry_after: Option<u64>,
    /// What Microsoft, or whoever runs the Server, looks an answer up by.
    pub activity: Option<String>,
    /// Whether the organization or collection is offline (actions/runner, HttpHeaders.cs).
    pub offline: bool,
    /// Whether it was held back (`X-RateLimit-Delay`: "Rate and usage limits").
    delayed: bool,
}

/// Whom `TF400813` names: for a token that was not understood, nobody (auth-samples#52,
/// azure-cli#24108).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    /// Nobody, or the identity of strangers.
    Nobody,
    /// Somebody: the token was understood.
    Somebody,
}

impl Answer {
    /// Reads the answer to what was asked at an address. `secrets` are taken out of its words,
    /// should it repeat them.
    pub fn read(reply: &Reply, asked: &str, secrets: &[&str]) -> Self {
        let hidden = |text: String| said::presentable(&said::without(text, secrets));
        let said = said::by(reply);
        let named = said.as_deref().and_then(said::named);
        let filled = |name: &str| reply.header(name).is_some_and(|value| !value.trim().is_empty());
        Self {
            status: reply.status,
            kind: content_type(reply),
            said: said.map(hidden).filter(|said| !said.is_empty()),
            named,
            by_azure: by_azure(reply),
            offers_basic: Some(challenges(reply))
                .filter(|schemes| !schemes.is_empty())
                .map(|schemes| schemes.iter().any(|scheme| scheme == "basic")),
            offers_ntlm: challenges(reply).iter().any(|scheme| scheme == "ntlm"),
            named_page: said::title(&reply.body).is_some_and(|title| is_a_sign_in(&title)),
            redirect: (300..400).contains(&reply.status).then(|| {
                let location = reply.header("location");
                match location.map_or(Redirect::Nowhere, |to| redirect::leads(to, asked)) {
                    Redirect::Elsewhere(to) => Redirect::Elsewhere(hidden(to)),
                    known => known,
                }
            }),
            retry_after: reply.header("retry-after").and_then(parse_retry_after),
            activity: ["activityid", "x-vss-e2eid"]
                .into_iter()
                .filter_map(|name| reply.header(name))
                .find(|id| is_guid(id))
                .map(|id| hidden(id.to_owned())),
            offline: reply.headers.contains_key("x-vss-hostofflineerror"),
            delayed: filled("x-ratelimit-delay"),
        }
    }

    /// Whether it is a page for people.
    pub fn is_page(&self) -> bool {
        self.kind.contains("html")
    }

    /// Whether it asks who is there: a refusal, or the page to sign in at, which comes with many a
    /// status (auth-samples#52: 203; apm#1671: 200).
    pub fn asks_to_sign_in(&self) -> bool {
        match self.status {
            203 | 401 => true,
            200..=299 => self.is_page() && self.is_own(),
            _ => self.redirect == Some(Redirect::SignIn),
        }
    }

    /// Whether it is a page that somebody else put in the place of an answer, as networks do that
    /// ask for a sign-in of their own.
    pub fn is_of_the_network(&self) -> bool {
        matches!(self.status, 200..=202 | 204..=299) && self.is_page() && !self.is_own()
    }

    /// Whether somebody else answers in Azure DevOps' place: it bears neither its numbers nor its
    /// name, and does not lead to its sign-in. Of a Server that may be its web server.
    pub fn is_somebody_elses(&self) -> bool {
        !self.is_own() && self.redirect != Some(Redirect::SignIn)
    }

    fn is_own(&self) -> bool {
        self.by_azure || self.named_page
    }

    /// Whether the service cannot answer now.
    pub fn busy(&self) -> Option<Busy> {
        let is_busy = self.offline || matches!(self.status, 408 | 429 | 500..);
        is_busy.then_some(Busy {
            status: self.status,
            retry_after: self.retry_after,
            offline: self.offline,
        })
    }

    /// Whether it came late on purpose: whoever asks has asked much ("Rate and usage limits": a
    /// delayed answer is a success with `Retry-After`).
    pub fn is_slowed(&self) -> bool {
        (200..300).contains(&self.status) && (self.delayed || self.retry_after.is_some())
    }

    /// Whether a personal access token is past its end (azure-pipelines-agent#1559). What it says
    /// of that is all that tells it from one that is wrong.
    pub fn says_expired(&self) -> bool {
        self.says("access token") && self.says("expired")
    }

    /// Whether it says so, whatever the case.
    pub(super) fn says(&self, words: &str) -> bool {
        self.said.as_ref().is_some_and(|said| said.to_ascii_lowercase().contains(words))
    }

    /// The service's own line in brackets, as it follows a sentence; empty where there is none.
    pub fn quoted(&self) -> String {
        self.said.as_ref().map_or_else(String::new, |said| format!(" ({said})"))
    }

    /// Whom to show an answer that is in no table, and what to show.
    pub fn whom_to_ask(&self, cloud: bool) -> String {
        let whom = match cloud {
            true => "see https://status.dev.azure.com, or show Microsoft's support",
            false => "show whoever runs the Server",
        };
        match &self.activity {
            Some(id) => format!("{whom} the activity ID {id}"),
            None => format!("{whom} this line"),
        }
    }
}

/// The titles of Azure DevOps' page (auth-samples#52) and of Entra's, where a redirect to it was
/// followed by a gateway (apm#1671).
fn is_a_sign_in(title: &str) -> bool {
    let title = title.to_ascii_lowercase();
    title.contains("azure devops") || title.contains("sign in to your account")
}

fn content_type(reply: &Reply) -> String {
    let value = reply.header("content-type").unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// Azure DevOps numbers its answers (actions/runner, HttpHeaders.cs), and its errors name their
/// type, which no gateway takes away.
fn by_azure(reply: &Reply) -> bool {
    ["x-vss-e2eid", "activityid", "x-tfs-processid", "x-tfs-session", "x-vss-resourcetenant"]
        .iter()
        .any(|name| reply.headers.contains_key(*name))
        || said::member(&reply.body, "typekey").is_some()
}

/// The ways to sign in that an answer offers, in small letters.
fn challenges(reply: &Reply) -> Vec<String> {
    reply
        .headers
        .get_all("www-authenticate")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|part| part.split_whitespace().next())
        .map(str::to_ascii_lowercase)
        .collect()
}

#[cfg(test)]
mod tests;
