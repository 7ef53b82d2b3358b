//! A secret's fingerprint: tells whether two lines are about the same one.

use std::fmt;

use sha2::{Digest as _, Sha256};

use crate::secret::Secret;

/// Keeps fingerprints apart from every other digest that is made of a token anywhere.
const DOMAIN: &[u8] = b"git-credential-ona-azure trace\0";

/// What is shorter may be a password that somebody thought up, and whoever guesses it would see in
/// its fingerprint that they are right.
const LEAST: usize = 20;

/// `secret:` and the first 32 bits of the SHA-256 of a fixed prefix and the secret, in hexadecimal;
/// `secret:short` for one of fewer than 20 bytes.
///
/// It cannot be turned back: a token has far more than 32 random bits, so that innumerable tokens
/// have the same fingerprint, and trying them all takes longer than any token lives.
pub struct Fingerprint<'a>(&'a [u8]);

impl<'a> Fingerprint<'a> {
    /// Of a secret.
    pub fn of(secret: &'a Secret) -> Self {
        Self(secret.expose())
    }

    /// Of the bytes of one.
    pub fn of_bytes(secret: &'a [u8]) -> Self {
        Self(secret)
    }
}

impl fmt::Display for Fingerprint<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.len() {
            0 => f.write_str("secret:empty"),
            length if length < LEAST => f.write_str("secret:short"),
            _ => {
                let digest = Sha256::new().chain_update(DOMAIN).chain_update(self.0).finalize();
                f.write_str("secret:")?;
                digest[..4].iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(secret: &str) -> String {
        Fingerprint::of(&Secret::from(secret)).to_string()
    }

    #[test]
    fn equal_secrets_have_equal_fingerprints_and_others_have_others() {
        let one = shown("a token of more than twenty bytes");
        assert_eq!(one, shown("a token of more than twenty bytes"));
        assert_ne!(one, shown("a token of more than twenty bytes!"));
        assert_eq!(one.len(), "secret:1a2b3c4d".len());
    }

    #[test]
    fn a_password_that_could_be_guessed_has_none() {
        assert_eq!(shown("correct horse"), "secret:short");
        assert_eq!(shown(""), "secret:empty");
    }

    #[test]
    fn it_is_no_part_of_the_digest_that_is_kept_of_a_token() {
        let secret = Secret::from("a token of more than twenty bytes");
        let digest = secret.digest().to_string();
        assert!(
            !digest
                .contains(shown("a token of more than twenty bytes").trim_start_matches("secret:"))
        );
    }
}
