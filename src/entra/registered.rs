//! Whether the issuer would send a browser back to this helper, asked without a person.
//!
//! A request with `prompt=none` shows no page to anybody: where nobody is signed in, the issuer
//! sends the browser back with `login_required` (OpenID Connect Core section 3.1.2.6). It does so
//! only to a redirect URI it knows (RFC 6749 section 4.1.2.4), which is what is found out. No secret
//! goes with it, and nothing listens where it would be sent.

use oauth2::http::Request;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use url::Url;

use super::discovery::Endpoints;
use super::door::{Callback, Door};
use super::error::EntraError;
use super::issuer::Issuer;
use super::refusal::Refusal;
use super::token::{App, authorize};
use crate::azure::{Step, explain};
use crate::net::{EnoughBody, Reply, Send};

/// So much of a page is read, in bytes. Entra's page of an error has about 40 kilobytes.
const ENOUGH: u64 = 256 * 1024;

/// The port asked with. Any will do, since the port of a loopback address does not count
/// (RFC 8252 section 7.3), and nobody is sent there.
const PORT: u16 = 49152;

/// What an issuer says of a redirect URI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registered {
    /// It sends browsers there.
    Yes,
    /// It says it only to a browser, or to somebody signed in.
    Untold,
}

/// Asks whether the app may be sent back to `http://localhost{path}`.
///
/// # Errors
/// If it may not, or if the client is not known; see [`EntraError`].
pub fn prove_redirect_uri(
    endpoints: &Endpoints,
    app: App<'_>,
    issuer: &Issuer,
    path: &'static str,
    network: &dyn Send,
) -> Result<Registered, EntraError> {
    let redirect_uri = Url::parse(&format!("http://localhost:{PORT}{path}"))
        .expect("a host, a port and a path make a URL");
    let authorization = authorize(endpoints, app, &redirect_uri, issuer, None);
    let url = without_prompt(&authorization.url);
    let request = Request::get(url.as_str())
        .header("accept", "text/html, application/json;q=0.9")
        .extension(EnoughBody(ENOUGH))
        .body(Vec::new())
        .map_err(|_| EntraError::Unusable(format!("{} cannot be asked", host(&url))))?;
    let reply = network.send(request)?;
    let door = Door { state: authorization.state, port: PORT, path };
    judge(&reply, &door, &redirect_uri, &url)
}

/// The same address with `prompt=none` in place of what it says of pages to show.
fn without_prompt(url: &Url) -> Url {
    let mut quiet = url.clone();
    let pairs = url.query_pairs().filter(|(name, _)| name != "prompt");
    quiet.query_pairs_mut().clear().extend_pairs(pairs).append_pair("prompt", "none");
    quiet
}

fn host(url: &Url) -> &str {
    url.host_str().unwrap_or_default()
}

fn judge(
    reply: &Reply,
    door: &Door,
    redirect_uri: &Url,
    asked: &Url,
) -> Result<Registered, EntraError> {
    let host = host(asked);
    if reply.status == 429 || reply.status >= 500 {
        return Err(EntraError::refused(host, reply));
    }
    if let Some(location) = reply.header("location").filter(|_| (300..400).contains(&reply.status))
    {
        let came = location.starts_with(redirect_uri.as_str());
        return match door.judge_address(location) {
            Ok(Callback::Refused { error, description }) if came && !needs_a_person(&error) => {
                Err(refused(Refusal::redirected(&error, &description), host))
            }
            Ok(_) if came => Ok(Registered::Yes),
            _ => Ok(Registered::Untold),
        };
    }
    match said(reply, asked) {
        Some(refusal) => Err(refused(refusal, host)),
        None => Ok(Registered::Untold),
    }
}

/// The words for "somebody would have to do something" (OpenID Connect Core section 3.1.2.6).
fn needs_a_person(error: &str) -> bool {
    matches!(
        error,
        "login_required"
            | "interaction_required"
            | "account_selection_required"
            | "consent_required"
    )
}

fn refused(refusal: Refusal, host: &str) -> EntraError {
    EntraError::Refused(Box::new(refusal.from_host(host)))
}

/// What a page says is wrong with the request, where it is something that was set up.
fn said(reply: &Reply, asked: &Url) -> Option<Refusal> {
    let body = String::from_utf8_lossy(&reply.body);
    let number = body.match_indices("AADSTS").find_map(|(at, _)| {
        let line = &body[at..];
        let (code, _) = line.split_once(':')?;
        let row = explain(code["AADSTS".len()..].parse().ok()?)?;
        (row.step != Step::Connect).then(|| line.split(['<', '"', '\r', '\n']).next())?
    });
    if let Some(line) = number {
        return Some(Refusal::redirected("invalid_request", line));
    }
    // Another provider's page, which has to tell the person what is wrong (RFC 6749 section 4.1.2.1).
    // With any other status it may be about something else, or from somebody else on the way.
    if reply.status != 400 {
        return None;
    }
    let body = without_address(&body, asked);
    ["invalid_redirect_uri", "redirect_uri", "invalid_client", "unauthorized_client"]
        .into_iter()
        .find(|word| says(&body, word))
        .map(|word| match word {
            "redirect_uri" => "invalid_redirect_uri",
            word => word,
        })
        .map(|error| Refusal::redirected(error, ""))
}

/// Whether a page has the word, and not as the name of a field in somebody's address.
fn says(body: &str, word: &str) -> bool {
    let names_a_field = |rest: &str| {
        ["=", "%3D", "%3d", "%253D", "%253d", "&#61;", "&#x3D;", "&#x3d;"]
            .iter()
            .any(|equals| rest.starts_with(equals))
    };
    body.match_indices(word).any(|(at, word)| !names_a_field(&body[at + word.len()..]))
}

/// A page without the address that was asked for, which many a page repeats: for a person, in a
/// link, in a script, or as a part of another address.
fn without_address(body: &str, asked: &Url) -> String {
    let target = &asked[url::Position::BeforePath..];
    [asked.as_str(), target].into_iter().fold(body.to_owned(), |body, address| {
        let encoded = utf8_percent_encode(address, NON_ALPHANUMERIC).to_string();
        // What encodeURIComponent leaves as it is.
        let unreserved = [("%2D", "-"), ("%2E", "."), ("%5F", "_"), ("%7E", "~")];
        let component =
            unreserved.iter().fold(encoded.clone(), |text, (code, c)| text.replace(code, c));
        let forms = [
            address.replace('&', "&amp;"),
            address.replace('&', "\\u0026"),
            address.to_owned(),
            component,
            encoded,
        ];
        forms.iter().fold(body, |body, form| body.replace(form.as_str(), ""))
    })
}

#[cfg(test)]
mod tests {
    use oauth2::http::{HeaderMap, HeaderValue};
    use zeroize::Zeroizing;

    use super::*;

    const ASKED: &str = "https://login.example/authorize?client_id=invalid_client&redirect_uri=http%3A%2F%2Flocalhost";
    const BACK: &str = "http://localhost:49152/ona-azure";

    fn judged(status: u16, location: &str, body: &str) -> Result<Registered, (u8, String)> {
        let mut headers = HeaderMap::new();
        if !location.is_empty() {
            headers.insert("location", HeaderValue::from_str(location).expect("a header"));
        }
        let reply = Reply { status, headers, body: Zeroizing::new(body.as_bytes().to_vec()) };
        let door = Door { state: "right".into(), port: PORT, path: "/ona-azure" };
        let [back, asked] = [BACK, ASKED].map(|url| Url::parse(url).expect("a URL"));
        judge(&reply, &door, &back, &asked)
            .map_err(|error| (error.step().map_or(0, Step::number), error.to_string()))
    }

    #[test]
    fn what_answers_say_of_the_redirect_uri() {
        use Registered::{Untold, Yes};
        let back = |query: &str| format!("{BACK}?{query}");
        for (status, location, body, step) in [
            (302, back("error=login_required&state=right"), "", Ok(Yes)),
            (303, back("error=interaction_required&state=right"), "", Ok(Yes)),
            (302, back("code=c&state=right"), "", Ok(Yes)),
            (302, back("error=login_required&state=wrong"), "", Ok(Untold)),
            (302, back("error=invalid_scope&state=right"), "", Err(4)),
            (
                302,
                "https://login.example/next?error=login_required&state=right".into(),
                "",
                Ok(Untold),
            ),
            (200, String::new(), "<p>AADSTS50011: The redirect URI 'x' …</p>", Err(2)),
            (400, String::new(), "{\"m\":\"AADSTS700016: Application with …\"}", Err(1)),
            (200, String::new(), "AADSTS50058: nobody is signed in", Ok(Untold)),
            (200, String::new(), "<form>Sign in</form>", Ok(Untold)),
            (400, String::new(), "<pre>invalid_redirect_uri</pre>", Err(2)),
            (400, String::new(), "redirect_uri did not match", Err(2)),
            (400, String::new(), "invalid_client", Err(2)),
            (404, String::new(), "nothing here", Ok(Untold)),
            (503, String::new(), "", Err(0)),
        ] {
            let judged = judged(status, &location, body).map_err(|(step, _)| step);
            assert_eq!(judged, step, "{status} {location} {body}");
        }
    }

    #[test]
    fn a_page_that_repeats_the_address_or_writes_of_errors_refuses_nothing() {
        let component = ASKED.replace(':', "%3A").replace('/', "%2F").replace('?', "%3F");
        let component = component
            .replace("%3A%2F%2Flocalhost", "%253A%252F%252Flocalhost")
            .replace('=', "%3D")
            .replace('&', "%26");
        for (status, body) in [
            (403, format!("<h1>Blocked</h1> {ASKED} category: redirect_uri")),
            (404, "redirect_uri is not at home".to_owned()),
            (400, format!("cannot read {ASKED}.")),
            (400, format!("<a href=\"{}\">", ASKED.replace('&', "&amp;"))),
            (400, format!("cannot GET {}", &ASKED["https://login.example".len()..])),
            (400, format!("https://gate.example/?from={component}")),
            (400, "/authorize?x&redirect_uri=http".to_owned()),
            (400, "x%26redirect_uri%3Dhttp and x%26redirect_uri%3dhttp".to_owned()),
            (200, "If you see AADSTS7000218 or AADSTS50011, read on: …".to_owned()),
        ] {
            let judged = judged(status, "", &body).map_err(|(step, _)| step);
            assert_eq!(judged, Ok(Registered::Untold), "{status} {body}");
        }
    }

    #[test]
    fn no_page_is_asked_for() {
        let url =
            Url::parse("https://login.example/a?prompt=select_account&state=s").expect("a URL");
        assert_eq!(without_prompt(&url).as_str(), "https://login.example/a?state=s&prompt=none");
    }

    proptest::proptest! {
        #[test]
        fn no_page_breaks_it(status in 100_u16..600, body in "(AADSTS[0-9]{0,12}|\\PC|<|\"){0,40}") {
            let _ = judged(status, "", &body);
        }
    }
}
