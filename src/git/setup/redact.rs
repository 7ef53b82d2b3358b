//! Settings of git's as they may be shown to anybody: without what proves who one is. Pure.

use super::helper_value;

/// What is shown in the place of a secret.
pub const HIDDEN: &str = "(hidden)";

/// The longest user part that is taken for a name. Organizations may be called something longer,
/// but what is longer is more often a token.
const NAME_MAX: usize = 24;

/// The most digits at the end of a name. Tokens have more of them, and everywhere.
const DIGITS_MAX: usize = 4;

/// The protocols that proxies are named with (curl, `CURLOPT_PROXY`).
const PROXY_SCHEMES: &[&str] = &["http", "https", "socks4", "socks4a", "socks5", "socks5h"];

/// The key of a setting, whose middle part may be an address.
pub fn key(key: &str) -> String {
    match (key.split_once('.'), key.rsplit_once('.')) {
        (Some((section, _)), Some((before, name))) if section.len() < before.len() => {
            let subsection = &before[section.len() + 1..];
            format!("{section}.{}.{name}", addresses(subsection))
        }
        _ => key.to_owned(),
    }
}

/// The value of a setting.
pub fn value(key: &str, value: &str) -> String {
    let name = key.rsplit('.').next().unwrap_or_default();
    match name {
        "extraheader" => {
            let header = value.split(':').next().unwrap_or_default().trim();
            if header.is_empty() { String::new() } else { format!("{header}: {HIDDEN}") }
        }
        "helper" | "askpass" => addresses(&arguments(&helper_value::shown(value))),
        "proxy" => proxy(value),
        _ => address(value),
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

/// A proxy, which may be written without a protocol: user:password@proxy:8080. Who asks it is
/// nobody's business, so that nothing before the last `@` is shown.
fn proxy(text: &str) -> String {
    let Some((user, host)) = text.rsplit_once('@') else { return without_query(text) };
    let scheme = user.split_once("://").map(|(scheme, _)| scheme);
    let scheme = scheme
        .filter(|scheme| PROXY_SCHEMES.iter().any(|known| known.eq_ignore_ascii_case(scheme)));
    let scheme = scheme.map_or_else(String::new, |scheme| format!("{scheme}://"));
    format!("{scheme}{HIDDEN}@{}", without_query(host))
}

/// A text that is an address as a whole, be it without a protocol.
pub fn address(text: &str) -> String {
    // git@host:path has the colon behind.
    let password =
        !text.contains("://") && text.find('@').is_some_and(|at| text[..at].contains(':'));
    match text.rsplit_once('@').filter(|_| password) {
        Some((_, host)) => format!("{HIDDEN}@{}", without_query(host)),
        None => addresses(text),
    }
}

/// A text with nothing but a plain name left of the user part of every address in it, and no value
/// of a query.
///
/// Where an address ends cannot be told: a password may hold any character, a space or a slash too,
/// if whoever wrote it did not encode it. So all is hidden up to the last `@` that a colon stands
/// before, even if that takes a part of a path with it.
pub fn addresses(text: &str) -> String {
    let Some(at) = text.find("://") else { return text.to_owned() };
    let (before, after) = text.split_at(at + 3);
    let shown = match after.rsplit_once('@') {
        Some((user, host)) if user.contains(':') => format!("{HIDDEN}@{}", without_query(host)),
        _ => {
            let (authority, path) = after.split_at(after.find('/').unwrap_or(after.len()));
            match authority.rsplit_once('@') {
                Some((user, host)) if is_name(user) => {
                    format!("{user}@{}", without_query(&format!("{host}{path}")))
                }
                Some((_, host)) => {
                    format!("{HIDDEN}@{}", without_query(&format!("{host}{path}")))
                }
                None => without_query(after),
            }
        }
    };
    format!("{before}{shown}")
}

/// What follows a `?` or `#` as the names of its parameters only.
fn without_query(text: &str) -> String {
    let (path, query) = text.split_at(text.find(['?', '#']).unwrap_or(text.len()));
    let mut shown = path.to_owned();
    for parameter in query.split_inclusive(['?', '#', '&']) {
        let (parameter, between) = match parameter.char_indices().next_back() {
            Some((end, '?' | '#' | '&')) => parameter.split_at(end),
            _ => (parameter, ""),
        };
        shown.push_str(&match parameter.split_once('=') {
            Some((name, _)) if is_name(&name.replace('_', "-")) => format!("{name}={HIDDEN}"),
            _ if parameter.is_empty() => String::new(),
            _ => HIDDEN.to_owned(),
        });
        shown.push_str(between);
    }
    shown
}

/// Whether a user part is plainly a name, as an organization's is: letters and hyphens, and a few
/// digits at the end.
fn is_name(user: &str) -> bool {
    let letters = user.trim_end_matches(|c: char| c.is_ascii_digit());
    user.len() <= NAME_MAX
        && user.len() - letters.len() <= DIGITS_MAX
        && letters.starts_with(|c: char| c.is_ascii_alphabetic())
        && letters.chars().all(|c| c.is_ascii_alphabetic() || c == '-')
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
            ("http.proxy", "http://ada:hun/ter2@proxy:8080", "http://(hidden)@proxy:8080"),
            ("http.proxy", "http://ada:h#u n?t@er2@proxy", "http://(hidden)@proxy"),
            ("http.proxy", "http://apikey@proxy", "http://(hidden)@proxy"),
            ("http.proxy", "hunter2://x@proxy", "(hidden)@proxy"),
            ("http.proxy", "ada:hunter2@proxy:8080", "(hidden)@proxy:8080"),
            ("http.proxy", "proxy:8080", "proxy:8080"),
            ("http.proxy", "http://proxy?key=hunter2", "http://proxy?key=(hidden)"),
            (
                "remote.origin.url",
                "https://contoso@dev.azure.com/x",
                "https://contoso@dev.azure.com/x",
            ),
            (
                "remote.origin.url",
                "https://a:b/c@dev.azure.com/x",
                "https://(hidden)@dev.azure.com/x",
            ),
            ("remote.origin.url", "https://a:b c#d@tfs/x", "https://(hidden)@tfs/x"),
            ("remote.origin.url", "https://a:b@dev.azure.com/x@y", "https://(hidden)@y"),
            ("remote.origin.url", "https://dev.azure.com/x@y", "https://dev.azure.com/x@y"),
            ("remote.origin.url", "https://tfs:8080/tfs/x", "https://tfs:8080/tfs/x"),
            ("remote.origin.url", "https://ghp_hunter2@tfs/x", "https://(hidden)@tfs/x"),
            ("remote.origin.url", "https://apikey4hunter2@tfs/x", "https://(hidden)@tfs/x"),
            ("remote.origin.url", "ada:hunter2@tfs/x", "(hidden)@tfs/x"),
            (
                "remote.origin.url",
                "git@ssh.dev.azure.com:v3/a/b@c",
                "git@ssh.dev.azure.com:v3/a/b@c",
            ),
            (
                "remote.origin.url",
                "https://tfs/x?access_token=hunter2&y=a b&z#hunter2",
                "https://tfs/x?access_token=(hidden)&y=(hidden)&(hidden)#(hidden)",
            ),
            ("credential.helper", "!f() { echo password=hunter2; }; f", "!f() …"),
            ("credential.helper", "store --file /x", "store --file /x"),
            ("credential.helper", "cache --timeout 900", "cache --timeout 900"),
            ("credential.helper", "/opt/x --token=hunter2 y", "/opt/x (hidden) (hidden)"),
            ("core.askpass", "/usr/bin/ask", "/usr/bin/ask"),
        ] {
            assert_eq!(value(key, text), shown, "{key} = {text}");
        }
    }

    #[test]
    fn nothing_secret_is_left_of_a_key() {
        let token = "a".repeat(52);
        for (text, shown) in [
            (&*format!("url.https://{token}@h/.insteadof"), "url.https://(hidden)@h/.insteadof"),
            ("url.https://a:b.c/d@h/.insteadof", "url.https://(hidden)@h/.insteadof"),
            ("http.https://h/?token=hunter2.proxy", "http.https://h/?token=(hidden).proxy"),
            ("http.https://tfs:8080.extraheader", "http.https://tfs:8080.extraheader"),
            ("http.proxy", "http.proxy"),
            ("alone", "alone"),
        ] {
            assert_eq!(key(text), shown, "{text}");
        }
    }

    proptest::proptest! {
        // In letters of its own, so that nothing of it stands elsewhere by chance.
        #[test]
        fn a_password_is_never_shown_whatever_is_in_it(
            before in "[a-z ]{0,6}",
            user in "[a-z%@]{0,6}",
            password in "[A-Z][A-Z0-9@:/?#&= '\"%\\\\]{4,10}[A-Z]",
            after in "([/ ?][a-z]{0,10})?",
        ) {
            let text = format!("{before}https://{user}:{password}@host{after}");
            let proxy = format!("https://{user}:{password}@host:8080");
            let bare = format!("{user}:{password}@host:8080");
            for shown in [
                addresses(&text),
                key(&format!("url.{text}.insteadof")),
                value("remote.origin.url", &text),
                value("http.proxy", &proxy),
                value("http.proxy", &bare),
            ] {
                proptest::prop_assert!(!shown.contains(char::is_uppercase), "{} of {}", shown, text);
            }
        }

        #[test]
        fn a_token_in_the_place_of_a_name_is_never_shown(
            token in "[a-z0-9_-]{25,90}|gh[ps]_[A-Za-z0-9]{4,40}|[a-z]{2}[0-9]{5,20}",
        ) {
            for text in [format!("https://{token}@host/x"), format!("https://host/?t={token}&x")] {
                proptest::prop_assert!(!addresses(&text).contains(&token));
            }
        }
    }
}
