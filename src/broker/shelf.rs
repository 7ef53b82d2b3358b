//! What `get` reads, and the one thing it does: a refresh.

use super::notice::{self, Notice};
use super::refresh::{self, RefreshFailure};
use super::refused;
use super::subject::{PatKey, SessionKey};
use super::told;
use super::verify::{AT_GET, Question};
use crate::clock;
use crate::devops::Acceptance;
use crate::integration::Integration;
use crate::net::Send;
use crate::trace;
use crate::vault::{Access, Pats, Session, Vault, VaultError};

/// What the decision of `get` stands on.
pub trait Shelf {
    /// The access token of a session; a damaged one counts as absent.
    ///
    /// # Errors
    /// If the vault cannot be read.
    fn access(&self, key: &SessionKey) -> Result<Option<Access>, VaultError>;

    /// The account of a session; only asked for where there is no access token of it.
    ///
    /// # Errors
    /// If the vault cannot be read.
    fn account(&self, key: &SessionKey) -> Result<Option<String>, VaultError>;

    /// The personal access tokens of a host.
    ///
    /// # Errors
    /// If the vault cannot be read.
    fn pats(&self, key: &PatKey) -> Result<Pats, VaultError>;

    /// A fresh access token.
    ///
    /// # Errors
    /// Why there is none.
    fn refresh(
        &self,
        key: &SessionKey,
        integration: &Integration,
    ) -> Result<Access, RefreshFailure>;

    /// What an organization whose refusal is remembered says now, asked with the account's token.
    fn ask_again(&self, question: Question<'_>, key: &SessionKey, access: &Access) -> Acceptance;

    /// Whether it was not said of `what` for its time. Never fails: rather twice than never.
    fn first(&self, notice: Notice, what: &str) -> bool;
}

/// The real one.
pub struct VaultShelf<'a> {
    vault: &'a Vault,
    network: &'a dyn Send,
    started_ms: u64,
}

impl<'a> VaultShelf<'a> {
    /// A shelf over this vault.
    pub fn new(vault: &'a Vault, network: &'a dyn Send) -> Self {
        Self { vault, network, started_ms: clock::now_ms() }
    }
}

impl Shelf for VaultShelf<'_> {
    fn access(&self, key: &SessionKey) -> Result<Option<Access>, VaultError> {
        let access = self.vault.read_intact(&key.to_string())?;
        trace::event("session", |words| told::session(words, key, access.as_ref(), clock::now()));
        Ok(access)
    }

    fn account(&self, key: &SessionKey) -> Result<Option<String>, VaultError> {
        let session = self.vault.read::<Session>(&key.to_string())?;
        trace::event("session", |words| {
            let refresh_token = session.as_ref().and_then(|session| session.refresh_token.as_ref());
            words
                .with("key", key)
                .flag("signed_in", session.is_some())
                .maybe_secret("refresh_token", refresh_token)
        });
        Ok(session.map(|session| session.account))
    }

    fn pats(&self, key: &PatKey) -> Result<Pats, VaultError> {
        let kept = self.vault.read(&key.to_string())?.unwrap_or_default();
        trace::event("pats", |words| told::pats(words, key, &kept));
        Ok(kept)
    }

    fn refresh(
        &self,
        key: &SessionKey,
        integration: &Integration,
    ) -> Result<Access, RefreshFailure> {
        refresh::refresh(key, integration, self.vault, self.network, self.started_ms)
    }

    fn ask_again(&self, question: Question<'_>, key: &SessionKey, access: &Access) -> Acceptance {
        refused::ask_again(question, key, access, AT_GET, self.vault, self.network)
    }

    fn first(&self, notice: Notice, what: &str) -> bool {
        notice::first(self.vault, notice, what)
    }
}
