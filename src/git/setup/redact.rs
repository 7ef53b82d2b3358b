//! Settings of git's as they may be shown to anybody: without what proves who one is. Pure.

use super::helper_value;
use crate::azure::{is_token, looks_like_jwt};

/// What is shown in the place of a secret.
pub const HIDDEN: &str = "(hidden)";

/// The longest user part that may be a name: of an organization, 50 characters.
const NAME_MAX: usize = 50;

/// The value of a setting.
pub fn value(key: &str, value: &str) -> String {
    let name = key.rsplit('.').next().unwrap_or_default();
    match name {
        "extraheader" => {
            let header = value.split(':').next().unwrap_or_default().trim();
            if header.is_empty() { String::new() } else { format!("{header}: {HIDDEN}") }
        }
        "helper" | "askpass" => addresses(&arguments(&helper_value::shown(value))),
        // May be written without a protocol: user:password@proxy:8080.
        "proxy" if !value.contains("://") => match value.rsplit_once('@') {
            Some((_, host)) => format!("{HIDDEN}@{host}"),
            None => value.to_owned(),
        },
        _ => addresses(value),
    }
}

/// A helper with what it is started with, as far as that can be no secret: places and numbers, and
/// the options of git's own helpers.
fn arguments(helper: &str) -> String {
    let mut words = helper.split_whitespace();
    let first = words.next().unwrap_or_default().to_owned();
    let plain = |word: &&str| {
        word.starts_with(['/', '~'])
            || word.bytes().all(|byte| byte.is_ascii_digit())
            || matches!(*word, "--file" | "--timeout" | "--socket" | "…")
    };
    words.fold(first, |shown, word| {
        let word = Some(word).filter(plain).unwrap_or(HIDDEN);
        format!("{shown} {word}")
    })
}

/// A text with nothing but a plain name left of the user part of every address in it: of a
/// setting's key, or of a proxy variable.
pub fn addresses(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        shown.push_str(before);
        let end = after.find(|c: char| "/?#\"'".contains(c) || c.is_whitespace());
        let (authority, tail) = after.split_at(end.unwrap_or(after.len()));
        match authority.rsplit_once('@') {
            Some((user, host)) if is_name(user) => {
                shown.push_str(&format!("{user}@{host}"));
            }
            Some((_, host)) => shown.push_str(&format!("{HIDDEN}@{host}")),
            None => shown.push_str(authority),
        }
        rest = tail;
    }
    shown + rest
}

/// Whether a user part is a name and nothing more.
fn is_name(user: &str) -> bool {
    let bytes = user.as_bytes();
    !user.contains([':', '%'])
        && user.len() <= NAME_MAX
        && !is_token(bytes)
        && !looks_like_jwt(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_secret_is_left_of_a_setting() {
        for (key, text, shown) in [
            (
                "http.https://a/.extraheader",
                "Authorization: Basic aHVudGVyMg==",
                "Authorization: (hidden)",
            ),
            ("http.extraheader", "", ""),
            ("http.proxy", "http://ada:hunter2@proxy:8080", "http://(hidden)@proxy:8080"),
            ("http.proxy", "ada:hunter2@proxy:8080", "(hidden)@proxy:8080"),
            ("http.proxy", "proxy:8080", "proxy:8080"),
            (
                "remote.origin.url",
                "https://contoso@dev.azure.com/x",
                "https://contoso@dev.azure.com/x",
            ),
            ("remote.origin.url", "https://a:b/c@dev.azure.com/x", "https://a:b/c@dev.azure.com/x"),
            (
                "remote.origin.url",
                "https://a:b@dev.azure.com/x@y",
                "https://(hidden)@dev.azure.com/x@y",
            ),
            ("credential.helper", "!f() { echo password=hunter2; }; f", "!f() …"),
            ("credential.helper", "store --file /x", "store --file /x"),
            ("credential.helper", "cache --timeout 900", "cache --timeout 900"),
            ("credential.helper", "/opt/x --token=hunter2 y", "/opt/x (hidden) (hidden)"),
            ("core.askpass", "/usr/bin/ask", "/usr/bin/ask"),
        ] {
            assert_eq!(value(key, text), shown, "{key} = {text}");
        }
        let token = "a".repeat(52);
        assert_eq!(
            addresses(&format!("url.https://{token}@h/.insteadof")),
            "url.https://(hidden)@h/.insteadof"
        );
    }

    proptest::proptest! {
        #[test]
        fn a_password_in_an_address_is_never_shown(
            before in "[a-z ]{0,6}",
            user in "[a-z%]{0,6}",
            password in "[A-Z@:]{6,12}",
            after in "[/ ?].{0,10}",
        ) {
            let text = format!("{before}https://{user}:{password}@host{after}");
            proptest::prop_assert!(!addresses(&text).contains(&password));
        }
    }
}
