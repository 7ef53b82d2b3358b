//! A last look before anything is handed over: whatever this machine keeps as a secret, and
//! whatever has the form of one, is taken out. Nothing of the kind should be there; this is for
//! the day when a service repeats what it was sent.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use zeroize::Zeroizing;

use crate::azure::{Scheme, is_token, looks_like_jwt};
use crate::broker::{PatKey, sessions};
use crate::git::setup::redact::HIDDEN;
use crate::integration::{HostKey, Integrations, open_client_secret};
use crate::secret::Secret;
use crate::vault::{Access, Pats, Vault};

/// A shorter one would be met in ordinary words.
const SHORTEST: usize = 6;

/// How a runner key begins (age-encryption.org/v1).
const KEY: &str = "AGE-SECRET-KEY-";

/// What is not to be shown.
pub(super) struct Hidden(Vec<Zeroizing<String>>);

impl Hidden {
    /// Everything that is kept here and can be opened.
    pub(super) fn of(integrations: &Integrations, vault: &Vault) -> Self {
        let mut hidden = Self(Vec::new());
        for session in sessions(vault, None).unwrap_or_default() {
            session.refresh_token.iter().for_each(|token| hidden.add(token));
        }
        for access in vault.list::<Access>().unwrap_or_default() {
            access.token.iter().for_each(|token| hidden.add(token));
        }
        for found in integrations.all() {
            let key: &HostKey = &found.integration.host.key;
            for scheme in [Scheme::Https, Scheme::Http] {
                let of = PatKey { scheme, host: key.clone() }.to_string();
                for pat in vault.read::<Pats>(&of).ok().flatten().unwrap_or_default().pats {
                    hidden.add(pat.login.secret());
                    pat.oauth_refresh_token.iter().for_each(|token| hidden.add(token));
                }
            }
            let oauth = found.integration.oauth.as_ref();
            let secret = oauth.and_then(|oauth| open_client_secret(oauth, vault).ok().flatten());
            secret.iter().for_each(|secret| hidden.add(secret));
        }
        hidden
    }

    fn add(&mut self, secret: &Secret) {
        let Some(text) = secret.expose_str().filter(|text| text.len() >= SHORTEST) else { return };
        let encoded = utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        self.0.extend([Zeroizing::new(text.to_owned()), Zeroizing::new(encoded)]);
    }

    /// The text without them.
    pub(super) fn from(&self, text: &str) -> String {
        let known = self.0.iter().fold(text.to_owned(), |text, secret| {
            if text.contains(secret.as_str()) {
                text.replace(secret.as_str(), HIDDEN)
            } else {
                text
            }
        });
        // A JSON web token has dots and hyphens in it; around others these are punctuation.
        let of_jwt = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        let without =
            words(&known, of_jwt, |word| looks_like_jwt(word.trim_end_matches('.').as_bytes()));
        let without =
            words(&without, |c| c.is_ascii_alphanumeric(), |word| is_token(word.as_bytes()));
        words(&without, |c| c.is_ascii_alphanumeric() || c == '-', |word| word.contains(KEY))
    }
}

/// The text with the words taken out that are meant.
fn words(text: &str, belongs: impl Fn(char) -> bool, meant: impl Fn(&str) -> bool) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let (word, after) = rest.split_at(rest.find(|c| !belongs(c)).unwrap_or(rest.len()));
        shown.push_str(if meant(word) { HIDDEN } else { word });
        let (between, next) = after.split_at(after.find(&belongs).unwrap_or(after.len()));
        shown.push_str(between);
        rest = next;
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_and_what_has_the_form_of_a_secret_is_taken_out() {
        let mut hidden = Hidden(Vec::new());
        hidden.add(&Secret::from("hunter2/x"));
        hidden.add(&Secret::from("ab"));
        let pat = "a".repeat(52);
        let text =
            format!("a hunter2/x, hunter2%2Fx x-{pat}. eyJh.b-c.d. AGE-SECRET-KEY-1ABC ab é.");
        assert_eq!(hidden.from(&text), "a (hidden), (hidden) x-(hidden). (hidden) (hidden) ab é.");
    }
}
