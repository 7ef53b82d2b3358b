//! The client secret: sealed for the runner, opened by its key only.

use thiserror::Error;

use super::model::OAuth;
use crate::secret::Secret;
use crate::vault::{KeyError, RunnerKey, Vault, open_with, parse_recipient, seal_to};

/// Why the client secret cannot be used here.
#[derive(Debug, Error)]
pub enum ClientSecretError {
    /// It is sealed to another key. Both public keys are named where they are known.
    #[error("the client secret is sealed to {sealed_to}, but the runner key here is {ours}")]
    OtherKey {
        /// The keys it is sealed to.
        sealed_to: String,
        /// The key here.
        ours: String,
    },
    /// `encryptedClientSecret` is not what age makes.
    #[error(
        "the client secret (encryptedClientSecret) cannot be opened here: it is no age file, so it is sealed to Ona's own runner key, or damaged"
    )]
    Malformed,
    /// The runner key cannot be read.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A `--recipient` that is no public key.
    #[error("{0:?} is no age public key (age1…)")]
    BadRecipient(String),
}

impl ClientSecretError {
    /// What to do about it. `host` is the integration's.
    pub fn hint(&self, host: &str) -> String {
        match self {
            Self::OtherKey { .. } => format!(
                "give the secret again on this machine: git-credential-ona-azure integration add --host {host} --client-secret-stdin"
            ),
            Self::Malformed => format!(
                "give the secret again: git-credential-ona-azure integration add --host {host} --client-secret-stdin"
            ),
            Self::Key(error) => error.hint(),
            Self::BadRecipient(_) => {
                "print the runner's public key with: git-credential-ona-azure key show".to_owned()
            }
        }
    }
}

/// Opens the client secret. `None` for a public client.
///
/// # Errors
/// See [`ClientSecretError`].
pub fn open_client_secret(
    oauth: &OAuth,
    vault: &Vault,
) -> Result<Option<Secret>, ClientSecretError> {
    let Some(sealed) = &oauth.encrypted_client_secret else { return Ok(None) };
    // Whatever key is here, it opens no other seal than age's.
    if oauth.is_sealed_elsewhere() {
        return Err(ClientSecretError::Malformed);
    }
    let sealed_to = match oauth.recipients.as_slice() {
        [] => "another key (the integration does not say which)".to_owned(),
        keys => keys.join(", "),
    };
    let Some(key) = vault.runner_key()? else {
        return Err(ClientSecretError::OtherKey { sealed_to, ours: "missing".to_owned() });
    };
    match open_with(&key, sealed) {
        // A file made with `age -a -r` from a line of text ends in its line feed.
        Ok(secret) => {
            let bytes = secret.expose().trim_ascii();
            Ok(Some(Secret::new(bytes)))
        }
        Err(crate::vault::OpenError::OtherKey) => {
            Err(ClientSecretError::OtherKey { sealed_to, ours: key.public() })
        }
        Err(crate::vault::OpenError::Malformed) => Err(ClientSecretError::Malformed),
    }
}

/// Seals a client secret to the recipients given, else to the runner key, which is made if
/// there is none. Returns the armored text and the public keys it is sealed to.
///
/// # Errors
/// See [`ClientSecretError`].
pub fn seal_client_secret(
    secret: &Secret,
    recipients: &[String],
    key: impl FnOnce() -> Result<RunnerKey, KeyError>,
) -> Result<(String, Vec<String>), ClientSecretError> {
    let recipients = if recipients.is_empty() {
        vec![key()?.recipient()]
    } else {
        recipients
            .iter()
            .map(|text| {
                parse_recipient(text).ok_or_else(|| ClientSecretError::BadRecipient(text.clone()))
            })
            .collect::<Result<Vec<_>, _>>()?
    };
    let names = recipients.iter().map(ToString::to_string).collect();
    Ok((seal_to(&recipients, secret.expose()), names))
}
