//! A last look before anything is shown or handed over: whatever this machine keeps as a secret, and
//! whatever has the form of one, is taken out. Nothing of the kind should be there; this is for
//! the day when a service repeats what it was sent.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use zeroize::Zeroizing;

use crate::azure::{Scheme, is_token, looks_like_jwt};
use crate::broker::{PatKey, sessions};
use crate::doctor::Examined;
use crate::git::setup::redact::HIDDEN;
use crate::integration::{HostKey, Integrations, open_client_secret};
use crate::paths::Paths;
use crate::secret::Secret;
use crate::vault::{Access, Pats, Vault};

/// A shorter one would be met in ordinary words.
const SHORTEST: usize = 6;

/// How a runner key begins (age-encryption.org/v1).
const KEY: &str = "AGE-SECRET-KEY-";

/// What is not to be shown.
#[derive(Debug, Default)]
pub struct Hidden {
    /// As they are, and percent-encoded.
    texts: Vec<Zeroizing<String>>,
    /// What Base64 makes of them with a username before, whatever that is.
    encoded: Vec<Zeroizing<String>>,
}

impl Hidden {
    /// Everything that is kept here and can be opened.
    pub fn here(paths: &Paths) -> Self {
        let vault = Vault::new(paths.state.clone(), paths.mounted_key.clone());
        Self::of(&Integrations::load(paths).unwrap_or_default(), &vault)
    }

    fn of(integrations: &Integrations, vault: &Vault) -> Self {
        let mut hidden = Self::default();
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
        self.texts.extend([Zeroizing::new(text.to_owned()), Zeroizing::new(encoded)]);
        self.encoded.extend((0..3).map(|before| in_base64(text, before)));
    }

    /// What was found, without them.
    #[must_use]
    pub fn examined(&self, all: Vec<Examined>) -> Vec<Examined> {
        all.into_iter()
            .map(|mut examined| {
                examined.texts_mut().for_each(|text| *text = self.from(text));
                examined
            })
            .collect()
    }

    /// The text without them.
    pub fn from(&self, text: &str) -> String {
        let of_base64 = |c: char| c.is_ascii_alphanumeric() || "+/-_=".contains(c);
        let meant = |word: &str| {
            // The alphabet for addresses differs in two characters (RFC 4648 section 5).
            let word = word.replace('-', "+").replace('_', "/");
            self.encoded.iter().any(|encoded| word.contains(encoded.as_str()))
        };
        let text = words(text, of_base64, meant);
        let known = self.texts.iter().fold(text, |text, secret| {
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

/// The characters that Base64 has for a text behind so many others, without those at its ends that
/// depend on what stands beside it.
fn in_base64(text: &str, before: usize) -> Zeroizing<String> {
    let bytes = Zeroizing::new([&[0; 2][..before], text.as_bytes()].concat());
    let encoded = Zeroizing::new(STANDARD_NO_PAD.encode(&*bytes));
    // Eight bits become six.
    let (start, end) = ((before * 8).div_ceil(6), bytes.len() * 8 / 6);
    Zeroizing::new(encoded[start..end].to_owned())
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
    use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};

    use super::*;

    #[test]
    fn what_is_kept_and_what_has_the_form_of_a_secret_is_taken_out() {
        let mut hidden = Hidden::default();
        hidden.add(&Secret::from("hunter2/x"));
        hidden.add(&Secret::from("ab"));
        let pat = "a".repeat(52);
        let text =
            format!("a hunter2/x, hunter2%2Fx x-{pat}. eyJh.b-c.d. AGE-SECRET-KEY-1ABC ab é.");
        assert_eq!(hidden.from(&text), "a (hidden), (hidden) x-(hidden). (hidden) (hidden) ab é.");
    }

    #[test]
    fn no_header_with_a_secret_in_it_is_left_whoever_it_is_of() {
        let mut hidden = Hidden::default();
        hidden.add(&Secret::from("hunter?>2"));
        for user in ["", "a", "ad", "ada", "ada@contoso.example"] {
            for engine in [STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD] {
                for after in ["", "\r", "\r\n"] {
                    let header = engine.encode(format!("{user}:hunter?>2{after}"));
                    let text = format!("Authorization: Basic {header}, 401");
                    assert_eq!(hidden.from(&text), "Authorization: Basic (hidden), 401", "{user}");
                }
            }
        }
        let text = "YWRhOmh1bnRlcg== https://dev.azure.com/contoso/app/_git/app";
        assert_eq!(hidden.from(text), text);
    }
}
