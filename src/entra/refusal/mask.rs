//! Taking out of Entra's words what should not be in a log: who, from where, and secrets.

use std::net::IpAddr;

use crate::report::escape;

/// How many characters are kept.
const LINE_MAX: usize = 300;

/// No secret of Entra's is shorter; tenant and correlation IDs have 36 characters.
const SECRET_MIN: usize = 40;

/// A line safe to show and to keep. Accounts, IP addresses and anything like a secret are
/// replaced, control characters escaped, and the line is cut to a length worth reading.
pub(super) fn masked(line: &str) -> String {
    let delimits = |c: char| c.is_whitespace() || "'\"`()[]{}<>,;".contains(c);
    let line = replace_runs(line, |c| !delimits(c), |run| run.contains('@'), "(account)");
    let hex = |c: char| c.is_ascii_hexdigit() || matches!(c, '.' | ':');
    let line = replace_runs(&line, hex, is_address, "(address)");
    let token = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '~');
    let line = replace_runs(&line, token, is_secret, "(hidden)");
    escape(&line.chars().take(LINE_MAX).collect::<String>())
}

/// Replaces the longest runs of characters that belong together where they are meant.
fn replace_runs(
    text: &str,
    belongs: impl Fn(char) -> bool,
    meant: impl Fn(&str) -> bool,
    with: &str,
) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let (run, after) = rest.split_at(rest.find(|c| !belongs(c)).unwrap_or(rest.len()));
        out.push_str(if meant(run) { with } else { run });
        let (between, next) = after.split_at(after.find(&belongs).unwrap_or(after.len()));
        out.push_str(between);
        rest = next;
    }
    out
}

/// An IP address, perhaps behind a `IP:`, before a port, or at the end of a sentence.
fn is_address(run: &str) -> bool {
    let parses = |text: &str| text.parse::<IpAddr>().is_ok();
    let end = run.trim_end_matches(['.', ':']);
    let bare = end.trim_start_matches(['.', ':']);
    let host = bare.rsplit_once(':').map_or(bare, |(host, _)| host);
    [run, end, bare, host].into_iter().any(parses)
}

/// Long, and of more than one kind of character: a name is neither.
fn is_secret(run: &str) -> bool {
    let has = |kind: fn(&u8) -> bool| run.as_bytes().iter().any(kind);
    run.len() >= SECRET_MIN && has(u8::is_ascii_digit) && has(u8::is_ascii_alphabetic)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn accounts_addresses_and_long_secrets_are_masked() {
        for (line, want) in [
            ("plain words: 12:02:12, a.b", "plain words: 12:02:12, a.b"),
            ("User 'ada@contoso.example' is blocked.", "User '(account)' is blocked."),
            ("x_y.com#EXT#@contoso.onmicrosoft.com", "(account)"),
            ("\u{e9}va@contoso.example", "(account)"),
            ("from 192.0.2.7.", "from (address)"),
            ("IP:192.0.2.7:443, [2001:db8::7]", "IP(address), [(address)]"),
            (
                "tenant 0f0f0f0f-1111-2222-3333-444444444444.",
                "tenant 0f0f0f0f-1111-2222-3333-444444444444.",
            ),
            ("secret abc8Q~0123456789abcdefghijABCDEFGHIJ_-.a no", "secret (hidden) no"),
            ("\u{1b}[31m", "\\u{1b}[31m"),
            ("", ""),
        ] {
            assert_eq!(masked(line), want);
        }
        assert_eq!(masked(&"a ".repeat(400)).len(), LINE_MAX);
    }

    proptest! {
        #[test]
        fn masked_text_holds_no_account_and_no_control_character(line in "\\PC{0,120}") {
            let safe = masked(&line);
            prop_assert!(!safe.contains('@'));
            prop_assert!(!safe.contains(char::is_control));
        }
    }
}
