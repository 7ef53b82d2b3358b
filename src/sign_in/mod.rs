//! Signing in: the ways to do it, from the first word to what is kept in the vault.
//!
//! A way ends in a [`Session`](crate::vault::Session) or a personal access token in the vault, or in a
//! [`Failure`] that has changed nothing but what is remembered of it.

mod accept;
mod device;
mod first;
mod import;
mod pat;
mod prepare;
mod summary;
mod surroundings;
mod ways;
mod web;

use std::time::Duration;

use crate::azure::Organization;
use crate::broker::SessionKey;
use crate::clock;
use crate::integration::Integration;
use crate::net::Send;
use crate::person::Person;
use crate::report::{Exit, Failure};
use crate::vault::{SignInFailure, Vault};

pub use first::when_git_asks;
pub use pat::{NewPat, read_pat};
pub use summary::summary;
pub use surroundings::Surroundings;
pub use web::Browser;

/// How long the browser may take, unless the person says otherwise.
const PATIENCE: Duration = Duration::from_secs(5 * 60);

/// What to sign in to with OAuth, for whom, and who is asked.
#[derive(Clone, Copy)]
pub struct SignIn<'a> {
    /// The host, and the organization if the session is to be for one.
    pub key: &'a SessionKey,
    /// The organization it is wanted for, where that is known.
    pub organization: Option<&'a Organization>,
    /// Whether a person named that organization here, and is to be told at once if there is none.
    pub insist: bool,
    /// The host's integration.
    pub integration: &'a Integration,
    /// The account to propose.
    pub login_hint: Option<&'a str>,
    /// What Azure DevOps said when it refused git (`wwwauth[]`), if that is known.
    pub challenges: &'a [Vec<u8>],
    /// How long to wait for the person, if they said so.
    pub wait: Option<Duration>,
    /// Where the session is kept.
    pub vault: &'a Vault,
    /// How the issuer is asked.
    pub network: &'a dyn Send,
    /// Who is asked.
    pub person: &'a Person,
}

impl SignIn<'_> {
    /// The address a command for the same is given.
    fn url(&self) -> String {
        format!("https://{}", self.key)
    }

    /// The same failure, kept for whoever looks for the reason later. One that may be over the next
    /// time says nothing of how things are.
    fn remembered(&self, failure: Failure) -> Failure {
        if failure.exit != Exit::Unavailable {
            let failed = SignInFailure {
                at: clock::now(),
                integration: self.integration.digest(),
                text: failure.message.text.clone(),
                hint: failure.message.hint.clone().unwrap_or_default(),
            };
            // The person is told of the failure itself; that it is remembered is no more than of use.
            let writer = self.vault.write_at_once();
            let _ = writer.and_then(|writer| writer.put(&self.key.to_string(), &failed));
        }
        failure
    }
}

/// A span as people say it: whole minutes, else seconds.
fn spelled(span: Duration) -> String {
    let (number, unit) = match span.as_secs() {
        seconds if seconds > 0 && seconds.is_multiple_of(60) => (seconds / 60, "minute"),
        seconds => (seconds, "second"),
    };
    format!("{number} {unit}{}", if number == 1 { "" } else { "s" })
}

/// What a person who gives up gets.
fn given_up() -> Failure {
    Failure::new("the sign-in was given up").exit(Exit::SignIn)
}
