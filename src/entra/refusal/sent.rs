//! The secrets that a request carried: an answer may quote them, and nobody is to read them there.

use url::form_urlencoded;

use crate::secret::Secret;

/// The fields of a token request that hold a secret (RFC 6749 sections 2.3.1, 4.1.3 and 6,
/// RFC 7636 section 4.5, RFC 8628 section 3.4).
const FIELDS: [&str; 5] =
    ["client_secret", "refresh_token", "code", "code_verifier", "device_code"];

/// What is shorter is no secret, and would be found in words that have nothing to do with it.
const LEAST: usize = 4;

/// What stands in a secret's place.
const HIDDEN: &str = "(hidden)";

/// The secrets of one request.
#[derive(Debug, Default)]
pub(in crate::entra) struct Sent {
    secrets: Vec<Secret>,
    /// Whether the client proved who it is with one.
    pub(super) client_secret: bool,
}

impl Sent {
    /// Those in a form (`application/x-www-form-urlencoded`).
    pub(in crate::entra) fn in_form(body: &[u8]) -> Self {
        let mut secrets: Vec<Secret> = form_urlencoded::parse(body)
            .filter(|(name, value)| FIELDS.contains(&&**name) && value.len() >= LEAST)
            .map(|(_, value)| Secret::from(value.into_owned()))
            .collect();
        // One that holds another goes first: nothing of it is left standing.
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.expose().len()));
        let client_secret = form_urlencoded::parse(body)
            .any(|(name, value)| name == "client_secret" && !value.is_empty());
        Self { secrets, client_secret }
    }

    /// The text without them, however they are written there: as they are, percent-encoded
    /// (RFC 3986 section 2.1), or as in a form.
    pub(super) fn taken_out_of(&self, text: &str) -> String {
        self.secrets.iter().fold(text.to_owned(), |text, secret| without(&text, secret.expose()))
    }
}

fn without(text: &str, secret: &[u8]) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let end = end_of(secret, rest.as_bytes());
        let after = end.and_then(|end| rest.get(end..));
        match after {
            Some(_) => out.push_str(HIDDEN),
            None => out.push(first),
        }
        rest = after.unwrap_or(&rest[first.len_utf8()..]);
    }
    out
}

/// How far a secret reaches that a text begins with. Where a `%` stands for itself and where it
/// begins an encoded byte shows only later, so both are followed.
fn end_of(secret: &[u8], text: &[u8]) -> Option<usize> {
    let mut ends = vec![0];
    for byte in secret {
        ends = ends
            .into_iter()
            .flat_map(|at| {
                let rest = text.get(at..).unwrap_or_default();
                let plain =
                    rest.first().is_some_and(|c| c == byte || (*c == b'+' && *byte == b' '));
                let encoded = decoded(rest) == Some(*byte);
                [plain.then_some(at + 1), encoded.then_some(at + 3)]
            })
            .flatten()
            .collect();
        ends.sort_unstable();
        ends.dedup();
    }
    ends.pop()
}

/// The byte that a text begins with in its encoded form.
fn decoded(text: &[u8]) -> Option<u8> {
    let [b'%', high, low, ..] = text else { return None };
    let digit = |c: u8| char::from(c).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    Some((digit(*high)? << 4) | digit(*low)?)
}

#[cfg(test)]
mod tests {
    use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
    use proptest::prelude::*;

    use super::super::Refusal;
    use super::*;

    fn form(field: &str, secret: &str) -> Vec<u8> {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("client_id", "11112222").append_pair(field, secret);
        form.finish().into_bytes()
    }

    #[test]
    fn a_secret_goes_and_the_words_around_it_stay() {
        let sent = Sent::in_form(&form("client_secret", "a~b% c+é"));
        for (text, want) in [
            ("bad secret 'a~b% c+é'.", "bad secret '(hidden)'."),
            ("x=a%7Eb%25+c%2b%c3%A9&y", "x=(hidden)&y"),
            ("a%7eb%25%20c+%C3%A9", "(hidden)"),
            ("a~a~b% c+éa~b% c+é", "a~(hidden)(hidden)"),
            ("a~b% c+", "a~b% c+"),
            ("client 11112222", "client 11112222"),
            ("", ""),
        ] {
            assert_eq!(sent.taken_out_of(text), want);
        }
        assert_eq!(Sent::in_form(b"code=abc").taken_out_of("abc"), "abc");
        let both = Sent::in_form(b"code=abcd&refresh_token=xabcdy");
        assert_eq!(both.taken_out_of("xabcdy abcd"), "(hidden) (hidden)");
    }

    proptest! {
        #[test]
        fn a_refusal_quotes_nothing_that_was_sent(
            field in prop::sample::select(FIELDS.to_vec()),
            secret in "[!-~é]([ -~é]{4,60})[!-~é]",
            before in "[A-Z ]{0,12}",
            after in "[ -,]{0,12}",
        ) {
            let sent = Sent::in_form(&form(field, &secret));
            let percent = utf8_percent_encode(&secret, NON_ALPHANUMERIC).to_string();
            let lower: String = secret.bytes().map(|byte| format!("%{byte:02x}")).collect();
            let in_form: String = form_urlencoded::byte_serialize(secret.as_bytes()).collect();
            for written in [&secret, &percent, &lower, &in_form] {
                let body = serde_json::json!({
                    "error": written,
                    "error_description": format!("{before}{written}{after}"),
                    "correlation_id": written,
                });
                let read = Refusal::of_sent(400, None, body.to_string().as_bytes(), &sent);
                let kept = format!("{} {} {:?}", read.error, read.first_line, read.correlation_id);
                // What is escaped in a message is escaped here.
                prop_assert!(!kept.contains(&crate::report::escape(written)), "{kept}");
            }
        }
    }
}
