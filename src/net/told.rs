//! What a trace tells of a request: where it went, what came back, and which secrets took part.
//! Pure.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::fmt::strtime;
use oauth2::http::{HeaderMap, Request, header::AUTHORIZATION};
use url::{Url, form_urlencoded};
use zeroize::Zeroizing;

use super::{NetError, Reply};
use crate::guid::is_guid;
use crate::trace::{Fingerprint, Words};

/// The form fields that are secrets (RFC 6749, RFC 7636, RFC 8628).
const SECRET_FIELDS: [&str; 5] =
    ["refresh_token", "code", "client_secret", "device_code", "code_verifier"];

/// The headers by which Entra ID and Azure DevOps find a request again: GUIDs.
const NUMBERS: [&str; 5] =
    ["x-ms-request-id", "client-request-id", "x-vss-e2eid", "activityid", "x-tfs-session"];

/// In place of what is not as it should be: a peer may send back whatever it was sent.
const STRANGE: &str = "strange";

/// What is known before it is sent: nothing of a query's values, of a fragment, or of whoever the
/// address names as its user.
pub(super) fn asked(request: &Request<Vec<u8>>) -> Words {
    let words = Words::new().with("method", request.method());
    let words = match Url::parse(&request.uri().to_string()) {
        Ok(url) => {
            let names: Vec<_> = url.query_pairs().map(|(name, _)| name.into_owned()).collect();
            words
                .with("host", host(&url))
                .with("path", url.path())
                .maybe("query", Some(names.join(",")).filter(|names| !names.is_empty()))
        }
        Err(_) => words.with("host", "?"),
    };
    form(authorization(words, request.headers()), request)
}

/// How it ended.
pub(super) fn ended(words: Words, result: &Result<Reply, NetError>, took: Duration) -> Words {
    let words = match result {
        Ok(reply) => words.with("status", reply.status),
        Err(_) => words,
    };
    let words = words.with("ms", took.as_millis());
    match result {
        Ok(reply) => {
            let number =
                |name| reply.header(name).map(|id| if is_number(id) { id } else { STRANGE });
            let words =
                NUMBERS.into_iter().fold(words, |words, name| words.maybe(name, number(name)));
            let wait = reply.header("retry-after");
            words.maybe("retry-after", wait.map(|wait| if is_wait(wait) { wait } else { STRANGE }))
        }
        Err(error) => words.with("error", error),
    }
}

/// Azure DevOps writes some in braces.
fn is_number(text: &str) -> bool {
    is_guid(text.strip_prefix('{').and_then(|text| text.strip_suffix('}')).unwrap_or(text))
}

/// Seconds, or a date (RFC 9110 sections 10.2.3 and 5.6.7).
fn is_wait(text: &str) -> bool {
    let seconds = (1..=10).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    seconds
        || (text.len() == "Tue, 24 Nov 2026 18:10:42 GMT".len()
            && strtime::parse("%a, %d %b %Y %H:%M:%S GMT", text).is_ok())
}

fn host(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// Of a name and password the password counts (RFC 7617): it is the token that is kept.
fn authorization(words: Words, headers: &HeaderMap) -> Words {
    let Some(value) = headers.get(AUTHORIZATION) else { return words };
    let bytes = value.as_bytes();
    let end = bytes.iter().position(|byte| *byte == b' ').unwrap_or(bytes.len());
    let (scheme, rest) = bytes.split_at(end);
    let rest = rest.trim_ascii_start();
    let pair = scheme
        .eq_ignore_ascii_case(b"basic")
        .then(|| STANDARD.decode(rest).ok().map(Zeroizing::new))
        .flatten();
    let secret = match &pair {
        Some(pair) => pair.splitn(2, |byte| *byte == b':').nth(1).unwrap_or_default(),
        None => rest,
    };
    // Without a space it is no scheme, and may be the secret itself.
    let scheme = if rest.is_empty() { "?".into() } else { String::from_utf8_lossy(scheme) };
    let secret = if rest.is_empty() { bytes } else { secret };
    words.with("authorization", scheme).with("secret", Fingerprint::of_bytes(secret))
}

fn form(words: Words, request: &Request<Vec<u8>>) -> Words {
    let kind = request.headers().get("content-type").map(|value| value.as_bytes());
    if !kind.is_some_and(|kind| kind.starts_with(b"application/x-www-form-urlencoded")) {
        return words;
    }
    form_urlencoded::parse(request.body()).fold(words, |words, (name, value)| {
        let value = Zeroizing::new(value.into_owned());
        match &*name {
            "grant_type" => words.with("grant_type", &*value),
            name if SECRET_FIELDS.contains(&name) => {
                words.with(name, Fingerprint::of_bytes(value.as_bytes()))
            }
            _ => words,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "a-secret-of-more-than-twenty-bytes";

    fn told(request: Request<Vec<u8>>) -> String {
        format!("{:?}", asked(&request))
    }

    fn fingerprint() -> String {
        Fingerprint::of_bytes(SECRET.as_bytes()).to_string()
    }

    #[test]
    fn of_an_address_only_host_path_and_the_names_in_its_query_are_told() {
        let told = told(
            Request::get(format!("https://dev.azure.com:8443/contoso/_git/app?a={SECRET}&b=1"))
                .body(Vec::new())
                .expect("a request"),
        );
        assert!(
            told.contains(" method=GET host=dev.azure.com:8443 path=/contoso/_git/app query=a,b")
        );
        assert!(!told.contains(SECRET), "{told}");
    }

    #[test]
    fn of_an_answer_only_what_has_its_shape_is_told() {
        const ID: &str = "0a0a0a0a-1111-2222-3333-444444444444";
        let braced = format!("{{{ID}}}");
        for (name, value, shown) in [
            ("activityid", ID, true),
            ("x-tfs-session", &*braced, true),
            ("activityid", "0a0a0a0a1111222233334444444444440000", false),
            ("retry-after", "30", true),
            ("retry-after", "Tue, 24 Nov 2026 18:10:42 GMT", true),
            ("retry-after", "", false),
            ("retry-after", "hunter2", false),
            ("retry-after", "12345678901234567890", false),
            ("retry-after", "Tue, 24 Nov 2026 (hunter) GMT", false),
            ("retry-after", "Tue, 24 Nov 2026 18:10:42 UTC", false),
        ] {
            let headers = HeaderMap::from_iter([(
                name.parse::<oauth2::http::HeaderName>().expect("a name"),
                value.parse().expect("a value"),
            )]);
            let reply = Reply { status: 200, headers, body: Vec::new().into() };
            let told = format!("{:?}", ended(Words::new(), &Ok(reply), Duration::ZERO));
            let words = if shown { value } else { STRANGE };
            assert!(told.contains(words), "{told} of {value}");
            assert_eq!(!value.is_empty() && told.contains(value), shown, "{told} of {value}");
        }
    }

    #[test]
    fn a_token_has_one_fingerprint_however_it_is_sent() {
        let basic = STANDARD.encode(format!("ada:{SECRET}"));
        for (value, scheme) in [
            (format!("Basic {basic}"), "Basic"),
            (format!("bearer {SECRET}"), "bearer"),
            (format!("Basic {SECRET}"), "Basic"),
            (SECRET.to_owned(), "?"),
        ] {
            let request = Request::get("https://dev.azure.com/")
                .header("authorization", &value)
                .body(Vec::new())
                .expect("a request");
            let told = told(request);
            let expected = format!(" authorization={scheme} secret={}", fingerprint());
            assert!(told.contains(&expected), "{told} of {value}");
            assert!(!told.contains(SECRET) && !told.contains(&basic), "{told}");
        }
    }

    #[test]
    fn of_a_form_secrets_are_told_apart_and_nothing_else_is_told() {
        for field in SECRET_FIELDS {
            let body = format!("client_id=11112222&grant_type=x&{field}={SECRET}&scope=unheard-of");
            let request = Request::post("https://login.microsoftonline.com/t/oauth2/v2.0/token")
                .header("content-type", "application/x-www-form-urlencoded")
                .body(body.into_bytes())
                .expect("a request");
            let told = told(request);
            assert!(told.contains(&format!(" grant_type=x {field}={}", fingerprint())), "{told}");
            assert!(!told.contains(SECRET) && !told.contains("unheard-of"), "{told}");
        }
    }
}
