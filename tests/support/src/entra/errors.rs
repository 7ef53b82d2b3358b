//! Refusals as Entra words them: JSON for programs, a page for people.
use crate::http::{self, Answer, escape};
use crate::{clock, random};
use serde_json::{Value, json};

/// One refusal, however it will be shown.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) error: String,
    pub(crate) codes: Vec<u32>,
    pub(crate) words: String,
    pub(crate) suberror: Option<String>,
    /// What the client is to ask for next.
    pub(crate) claims: Option<&'static str>,
}

impl Refusal {
    pub(crate) fn new(status: u16, error: &str, code: u32, words: impl Into<String>) -> Self {
        Self {
            status,
            error: error.to_owned(),
            codes: vec![code],
            words: words.into(),
            suberror: None,
            claims: None,
        }
    }

    pub(crate) fn sub(mut self, suberror: &str) -> Self {
        self.suberror = Some(suberror.to_owned());
        self
    }

    pub(crate) fn claims(mut self, claims: &'static str) -> Self {
        self.claims = Some(claims);
        self
    }

    pub(crate) fn missing(parameter: &str) -> Self {
        Self::new(
            400,
            "invalid_request",
            900144,
            format!("The request body must contain the following parameter: '{parameter}'."),
        )
    }

    pub(crate) fn duplicate(parameter: &str) -> Self {
        Self::new(
            400,
            "invalid_request",
            9_000_411,
            format!(
                "The request is not properly formatted. The parameter '{parameter}' is duplicated."
            ),
        )
    }

    pub(crate) fn code(&self) -> u32 {
        self.codes.first().copied().unwrap_or_default()
    }

    /// `AADSTSn: …` and the ids of this attempt, as they end every description.
    pub(crate) fn description(&self, trace: &str, correlation: &str, stamp: &str) -> String {
        format!(
            "AADSTS{}: {}\r\nTrace ID: {trace}\r\nCorrelation ID: {correlation}\r\nTimestamp: {stamp}",
            self.code(),
            self.words
        )
    }

    /// The JSON of the token endpoint and of discovery.
    pub(crate) fn json(&self) -> Answer {
        let (trace, correlation, stamp) = (random::guid(), random::guid(), clock::stamp());
        let mut body = json!({
            "error": self.error,
            "error_description": self.description(&trace, &correlation, &stamp),
            "error_codes": self.codes,
            "timestamp": stamp,
            "trace_id": trace,
            "correlation_id": correlation,
            "error_uri": format!("https://login.microsoftonline.com/error?code={}", self.code()),
        });
        if let Some(suberror) = &self.suberror {
            body["suberror"] = Value::from(suberror.clone());
        }
        if let Some(claims) = self.claims {
            body["claims"] = Value::from(claims);
        }
        let mut answer = http::json(self.status, &body);
        http::header(&mut answer, "x-ms-request-id", &trace);
        answer
    }

    /// The page a browser shows when there is nowhere safe to redirect to.
    pub(crate) fn page(&self, status: u16) -> Answer {
        self.page_with(status, "")
    }

    /// The same with what else there is to do on it.
    pub(crate) fn page_with(&self, status: u16, more: &str) -> Answer {
        let (trace, correlation, stamp) = (random::guid(), random::guid(), clock::stamp());
        let words = escape(&self.words);
        let code = self.code();
        let mut answer = http::html(
            status,
            &format!(
                "<!DOCTYPE html><html><head><title>Sign in to your account</title></head><body>\
                 <h1>Sign in</h1><h2>Sorry, but we\u{2019}re having trouble signing you in.</h2>\
                 <p id=\"exceptionMessage\">AADSTS{code}: {words}</p>\
                 <p>Request Id: {trace}<br>Correlation Id: {correlation}<br>Timestamp: {stamp}</p>{more}\
                 </body></html>"
            ),
        );
        http::header(&mut answer, "x-ms-request-id", &trace);
        answer
    }
}
