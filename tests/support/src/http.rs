//! Requests taken in whole, and answers in few words.
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use std::io;

pub(crate) type Body = UnsyncBoxBody<Bytes, io::Error>;
pub(crate) type Answer = Response<Body>;

/// A request, read to its end.
pub(crate) struct Ask {
    /// Host as the client named it, with the port unless it is the scheme's own.
    pub(crate) host: String,
    pub(crate) scheme: &'static str,
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Ask {
    pub(crate) async fn read(
        scheme: &'static str,
        host: &str,
        request: Request<Incoming>,
    ) -> io::Result<Self> {
        let (parts, body) = request.into_parts();
        Ok(Self {
            host: host.to_owned(),
            scheme,
            method: parts.method,
            path: parts.uri.path().to_owned(),
            query: parts.uri.query().unwrap_or_default().to_owned(),
            headers: parts.headers,
            body: body.collect().await.map_err(io::Error::other)?.to_bytes(),
        })
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default()
    }

    pub(crate) fn path_and_query(&self) -> String {
        if self.query.is_empty() {
            self.path.clone()
        } else {
            format!("{}?{}", self.path, self.query)
        }
    }

    /// Scheme and the rest of the `Authorization` header.
    pub(crate) fn authorization(&self) -> Option<(&str, &str)> {
        let value = self.headers.get(AUTHORIZATION)?.to_str().ok()?;
        Some(value.split_once(' ').unwrap_or((value, "")))
    }

    /// User name and password of a Basic header, as they stand in it.
    pub(crate) fn basic(&self) -> Option<(String, String)> {
        use base64::Engine as _;
        let (scheme, value) = self.authorization()?;
        if !scheme.eq_ignore_ascii_case("basic") {
            return None;
        }
        let raw = base64::engine::general_purpose::STANDARD.decode(value.trim()).ok()?;
        let text = String::from_utf8(raw).ok()?;
        let (user, password) = text.split_once(':')?;
        Some((user.to_owned(), password.to_owned()))
    }

    pub(crate) fn query_pairs(&self) -> Vec<(String, String)> {
        pairs(self.query.as_bytes())
    }

    /// The path's segments, percent-decoded.
    pub(crate) fn segments(&self) -> Vec<String> {
        self.path.split('/').filter(|s| !s.is_empty()).map(decode).collect()
    }
}

/// Pairs of a form or a query.
pub(crate) fn pairs(form: &[u8]) -> Vec<(String, String)> {
    url::form_urlencoded::parse(form).into_owned().collect()
}

/// Percent-decodes one segment.
pub(crate) fn decode(segment: &str) -> String {
    percent_encoding::percent_decode_str(segment).decode_utf8_lossy().into_owned()
}

pub(crate) fn body(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

pub(crate) fn answer(status: u16, content_type: &str, content: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(body(content));
    *answer.status_mut() = StatusCode::from_u16(status).expect("a status");
    header(&mut answer, "content-type", content_type);
    answer
}

pub(crate) fn json(status: u16, value: &serde_json::Value) -> Answer {
    answer(status, "application/json; charset=utf-8", value.to_string())
}

pub(crate) fn html(status: u16, page: &str) -> Answer {
    answer(status, "text/html; charset=utf-8", page.to_owned())
}

pub(crate) fn text(status: u16, words: &str) -> Answer {
    answer(status, "text/plain; charset=utf-8", words.to_owned())
}

pub(crate) fn redirect(location: &str) -> Answer {
    let mut answer = html(302, "<html><body>Object moved</body></html>");
    header(&mut answer, "location", location);
    answer
}

/// Adds a header line, keeping those of the same name.
pub(crate) fn header(answer: &mut Answer, name: &str, value: &str) {
    let name = HeaderName::from_bytes(name.as_bytes()).expect("a header name");
    let value = HeaderValue::from_str(value).expect("a header value");
    if name == CONTENT_TYPE {
        answer.headers_mut().insert(name, value);
    } else {
        answer.headers_mut().append(name, value);
    }
}

/// Escapes text for HTML.
pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
