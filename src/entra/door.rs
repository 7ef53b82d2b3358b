//! What counts as the end of a sign-in: the browser's request to the loopback listener, or the
//! address of that request, pasted by a person. Pure.

use url::Url;

use super::refusal::word;
use crate::secret::Secret;
use crate::trace::Words;

/// What a callback is held against: only one with the right state belongs to this sign-in.
#[derive(Debug)]
pub struct Door {
    pub(super) state: Secret,
    pub(super) port: u16,
    pub(super) path: &'static str,
}

/// What a sign-in came to.
#[derive(Debug)]
pub enum Callback {
    /// It succeeded.
    Code {
        /// The code to redeem.
        code: Secret,
        /// Who issued it, where the issuer says so (RFC 9207 section 2).
        issuer: Option<String>,
    },
    /// The sign-in was refused: `error` and `error_description`, as they came.
    Refused {
        /// RFC 6749 section 4.1.2.1.
        error: String,
        /// Text for people, from outside.
        description: String,
    },
}

impl Callback {
    /// What a trace tells of it.
    pub fn told(&self, words: Words) -> Words {
        match self {
            Self::Code { code, issuer } => {
                words.with("result", "code").secret("code", code).flag("issuer", issuer.is_some())
            }
            Self::Refused { error, .. } => words.with("result", "error").with("error", word(error)),
        }
    }
}

/// What to do with a request.
#[derive(Debug)]
pub(super) enum Verdict {
    Callback(Callback),
    Refuse(u16),
}

/// Why a pasted text does not end the sign-in, for the person who pasted it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mistake {
    /// Nothing, or nothing that looks like an address.
    NoAddress,
    /// An address of a page on the way.
    NotTheLast,
    /// The last address, of another attempt.
    AnotherAttempt,
    /// The last address, cut off.
    Incomplete,
}

impl Mistake {
    /// What is wrong and what to do.
    pub fn words(self) -> &'static str {
        match self {
            Self::NoAddress => {
                "That is no address. Copy all of the address bar of the page the browser ended on."
            }
            Self::NotTheLast => {
                "That is the address of a page on the way. Go on there until the browser is sent to \
                 http://localhost, and paste that address."
            }
            Self::AnotherAttempt => {
                "That address ends another sign-in. Open the address above, and paste what that one ends on."
            }
            Self::Incomplete => {
                "That address is not complete: it holds neither a code nor a refusal. Copy all of it."
            }
        }
    }
}

impl Door {
    /// Judges a request head. Host before anything (DNS rebinding), state before `error`
    /// (CVE-2026-42073): what does not belong to this flow cannot end it.
    pub(super) fn judge_request(&self, head: &[String]) -> Verdict {
        let Some((request, headers)) = head.split_first() else { return Verdict::Refuse(400) };
        let mut words = request.split(' ');
        let (Some(method), Some(target), Some(version), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return Verdict::Refuse(400);
        };
        if !version.starts_with("HTTP/1.") || !self.is_host_of(headers) {
            return Verdict::Refuse(400);
        }
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        if path != self.path {
            return Verdict::Refuse(404);
        }
        if method != "GET" {
            return Verdict::Refuse(405);
        }
        match self.judge_query(query) {
            Ok(callback) => Verdict::Callback(callback),
            Err(_) => Verdict::Refuse(400),
        }
    }

    /// Judges what a person pasted: the address their browser ended on, or its query alone.
    ///
    /// The state is what protects, and nothing else can be told from: a browser may have made the
    /// address https, and an editor that forwards ports may have given it a host of its own.
    ///
    /// # Errors
    /// Why it does not end the sign-in.
    pub fn judge_address(&self, text: &str) -> Result<Callback, Mistake> {
        let text = text.trim_matches(|c: char| c.is_whitespace() || "<>\"'`".contains(c));
        // Browsers leave out parts of what they show, some also of what they copy.
        let bare = ["localhost:", "127.0.0.1:", "[::1]:"].iter().any(|host| text.starts_with(host));
        let rest = text.strip_prefix(self.path).unwrap_or(text);
        let address = if bare {
            format!("http://{text}")
        } else if rest.starts_with('?') {
            format!("http://localhost:{}{}{rest}", self.port, self.path)
        } else if ["code=", "state=", "error="].iter().any(|name| text.starts_with(name)) {
            format!("http://localhost:{}{}?{text}", self.port, self.path)
        } else {
            text.to_owned()
        };
        let url = Url::parse(&address).map_err(|_| Mistake::NoAddress)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Mistake::NoAddress);
        }
        if url.path().ends_with(self.path) {
            return self.judge_query(url.query().unwrap_or_default());
        }
        let loopback = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
        Err(if loopback { Mistake::AnotherAttempt } else { Mistake::NotTheLast })
    }

    fn judge_query(&self, query: &str) -> Result<Callback, Mistake> {
        let values = |name: &str| -> Vec<String> {
            url::form_urlencoded::parse(query.as_bytes())
                .filter(|(key, _)| key == name)
                .map(|(_, value)| value.into_owned())
                .collect()
        };
        let Ok([state]) = <[String; 1]>::try_from(values("state")) else {
            return Err(Mistake::Incomplete);
        };
        if Secret::from(state) != self.state {
            return Err(Mistake::AnotherAttempt);
        }
        // Parameters must not be repeated (RFC 6749 section 3.1).
        match (values("code").as_slice(), values("error").as_slice()) {
            ([code], []) if !code.is_empty() => {
                let issuer = match values("iss").as_slice() {
                    [] => None,
                    [issuer] => Some(issuer.clone()),
                    _ => return Err(Mistake::Incomplete),
                };
                Ok(Callback::Code { code: code.as_str().into(), issuer })
            }
            ([], [error]) => Ok(Callback::Refused {
                error: error.clone(),
                description: values("error_description").concat(),
            }),
            _ => Err(Mistake::Incomplete),
        }
    }

    fn is_host_of(&self, headers: &[String]) -> bool {
        let mut hosts = headers.iter().filter_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("host").then(|| value.trim())
        });
        let (Some(host), None) = (hosts.next(), hosts.next()) else { return false };
        ["localhost", "127.0.0.1", "[::1]"]
            .iter()
            .any(|name| host.eq_ignore_ascii_case(&format!("{name}:{}", self.port)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOOR: fn() -> Door = || Door { state: "right".into(), port: 4711, path: "/ona-azure" };

    fn shown(callback: &Callback) -> String {
        match callback {
            Callback::Code { code, issuer } => {
                let issuer = issuer.as_ref().map(|issuer| format!(" of {issuer}"));
                let code = code.expose_str().expect("text");
                format!("code {code}{}", issuer.unwrap_or_default())
            }
            Callback::Refused { error, .. } => format!("error {error}"),
        }
    }

    fn judge(request: &str, host: &str) -> String {
        match DOOR().judge_request(&[request.to_owned(), format!("Host: {host}")]) {
            Verdict::Refuse(status) => status.to_string(),
            Verdict::Callback(callback) => shown(&callback),
        }
    }

    #[test]
    fn only_the_flows_own_callback_counts() {
        const HOST: &str = "localhost:4711";
        let rows = [
            ("GET /ona-azure?code=c&state=right HTTP/1.1", HOST, "code c"),
            (
                "GET /ona-azure?code=c&state=right&iss=https%3A%2F%2Fi HTTP/1.1",
                HOST,
                "code c of https://i",
            ),
            ("GET /ona-azure?code=c&state=right&iss=a&iss=b HTTP/1.1", HOST, "400"),
            ("GET /ona-azure?code=c&state=right HTTP/1.1", "127.0.0.1:4711", "code c"),
            ("GET /ona-azure?code=c&state=right HTTP/1.1", "[::1]:4711", "code c"),
            (
                "GET /ona-azure?error=access_denied&state=right HTTP/1.1",
                HOST,
                "error access_denied",
            ),
            ("GET /ona-azure?code=c&state=right HTTP/1.1", "evil.example:4711", "400"),
            ("GET /ona-azure?code=c&state=right HTTP/1.1", "localhost:4712", "400"),
            ("GET /ona-azure?code=c&state=right HTTP/1.1", "localhost", "400"),
            ("GET /ona-azure?code=c&state=wrong HTTP/1.1", HOST, "400"),
            ("GET /ona-azure?code=c HTTP/1.1", HOST, "400"),
            ("GET /ona-azure?error=access_denied HTTP/1.1", HOST, "400"),
            ("GET /ona-azure?code=a&code=b&state=right HTTP/1.1", HOST, "400"),
            ("GET /ona-azure?code=a&state=right&state=right HTTP/1.1", HOST, "400"),
            ("GET /ona-azure?code=a&error=b&state=right HTTP/1.1", HOST, "400"),
            ("GET /ona-azure?state=right HTTP/1.1", HOST, "400"),
            ("GET /other?code=c&state=right HTTP/1.1", HOST, "404"),
            ("GET /favicon.ico HTTP/1.1", HOST, "404"),
            ("GET /ona-azure/?code=c&state=right HTTP/1.1", HOST, "404"),
            ("POST /ona-azure?code=c&state=right HTTP/1.1", HOST, "405"),
            ("HEAD /ona-azure?code=c&state=right HTTP/1.1", HOST, "405"),
            ("nonsense", HOST, "400"),
        ];
        for (request, host, expected) in rows {
            assert_eq!(judge(request, host), expected, "{request} {host}");
        }
    }

    #[test]
    fn a_pasted_address_counts_if_the_browser_could_have_come_with_it() {
        use Mistake::{AnotherAttempt, Incomplete, NoAddress, NotTheLast};
        let rows = [
            ("http://localhost:4711/ona-azure?code=c&state=right", Ok("code c")),
            ("  <http://localhost:4711/ona-azure?code=c&state=right>\n", Ok("code c")),
            ("\"http://127.0.0.1:4711/ona-azure?state=right&code=c#x\"", Ok("code c")),
            ("localhost:4711/ona-azure?code=c%2Fd&state=right", Ok("code c/d")),
            ("?code=c&state=right", Ok("code c")),
            (
                "http://localhost:4711/ona-azure?error=access_denied&state=right",
                Ok("error access_denied"),
            ),
            ("", Err(NoAddress)),
            ("c", Err(NoAddress)),
            ("javascript:alert(1)", Err(NoAddress)),
            (
                "https://login.microsoftonline.com/t/oauth2/v2.0/authorize?state=right",
                Err(NotTheLast),
            ),
            ("https://localhost:4711/ona-azure?code=c&state=right", Ok("code c")),
            ("https://4711--env.example/ona-azure?code=c&state=right", Ok("code c")),
            ("https://env.example/proxy/4711/ona-azure?code=c&state=right", Ok("code c")),
            ("/ona-azure?code=c&state=right", Ok("code c")),
            ("code=c&state=right", Ok("code c")),
            ("https://4711--env.example/ona-azure?code=c&state=wrong", Err(AnotherAttempt)),
            ("http://localhost:4711/other?code=c&state=right", Err(AnotherAttempt)),
            ("http://localhost:4711/ona-azure?code=c&state=wrong", Err(AnotherAttempt)),
            ("http://localhost:4711/ona-azure?code=c", Err(Incomplete)),
            ("http://localhost:4711/ona-azure", Err(Incomplete)),
            ("http://localhost:4711/ona-azure?code=a&code=b&state=right", Err(Incomplete)),
            ("?error=access_denied&state=wrong", Err(AnotherAttempt)),
        ];
        for (text, expected) in rows {
            let judged = DOOR().judge_address(text).map(|callback| shown(&callback));
            assert_eq!(judged, expected.map(str::to_owned), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn nothing_without_the_state_ends_a_sign_in(text in "\\PC{0,200}") {
            proptest::prop_assume!(!text.contains("right"));
            proptest::prop_assert!(DOOR().judge_address(&text).is_err());
            let judged = DOOR().judge_request(&[text, "Host: localhost:4711".to_owned()]);
            proptest::prop_assert!(matches!(judged, Verdict::Refuse(_)));
        }
    }
}
