//! Faults on demand: errors, throttling, silence and noise.
use crate::http::{self, Answer, Ask, Body};
use crate::log::lock;
use crate::{azure, clock, entra};
use http_body_util::BodyExt as _;
use hyper::Response;
use hyper::body::{Bytes, Frame};
use std::io;
use std::pin::Pin;
use std::sync::Mutex;
use std::task::{Context, Poll};
use std::time::Duration;

/// What a fault strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// Entra's discovery documents.
    Discovery,
    /// Entra's authorize endpoint.
    Authorize,
    /// Entra's token endpoint.
    Token,
    /// Entra's device authorization endpoint.
    DeviceCode,
    /// Azure DevOps Services: git, REST and LFS.
    Azure,
    /// Azure DevOps Server.
    Server,
}

/// What goes wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// An error in the service's own shape.
    Error {
        /// HTTP status.
        status: u16,
        /// OAuth `error` (for Azure DevOps the exception's type key).
        error: String,
        /// AADSTS numbers.
        codes: Vec<u32>,
        /// Entra's `suberror`.
        suberror: Option<String>,
        /// The words after the number.
        description: String,
    },
    /// A gateway's HTML page with this status.
    Html(u16),
    /// 429, with `Retry-After` seconds or without.
    Throttle {
        /// Seconds to wait.
        retry_after: Option<u64>,
    },
    /// Azure DevOps is being moved or mended: 503, with a header that says so.
    HostOffline,
    /// Takes the request and never answers.
    Hang,
    /// Answers, one byte a second for 40 seconds.
    Drip,
    /// Takes the request and drops the connection.
    Reset,
    /// 200 MiB of JSON, made as they are read.
    Oversized,
    /// Exactly this.
    Raw {
        /// HTTP status.
        status: u16,
        /// Header lines.
        headers: Vec<(String, String)>,
        /// Body.
        body: Vec<u8>,
    },
}

impl Fault {
    /// An error of one AADSTS number without a suberror.
    pub fn error(status: u16, error: &str, code: u32, description: &str) -> Self {
        Self::Error {
            status,
            error: error.to_owned(),
            codes: vec![code],
            suberror: None,
            description: description.to_owned(),
        }
    }
}

/// How often a fault strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Times {
    /// The next request only.
    Once,
    /// The next so many requests.
    N(usize),
    /// Every request until the faults are cleared.
    Always,
}

struct Armed {
    target: Target,
    fault: Fault,
    left: Option<usize>,
}

/// What is armed, and how long answers are held back.
#[derive(Default)]
pub(crate) struct Faults {
    armed: Mutex<Vec<Armed>>,
    delays: Mutex<Vec<(Target, Duration)>>,
}

impl Faults {
    pub(crate) fn arm(&self, target: Target, fault: Fault, times: Times) {
        let left = match times {
            Times::Once => Some(1),
            Times::N(n) => Some(n),
            Times::Always => None,
        };
        lock(&self.armed).push(Armed { target, fault, left });
    }

    pub(crate) fn clear(&self) {
        lock(&self.armed).clear();
        lock(&self.delays).clear();
    }

    pub(crate) fn delay(&self, target: Target, by: Duration) {
        let mut delays = lock(&self.delays);
        delays.retain(|(other, _)| *other != target);
        delays.push((target, by));
    }

    fn delay_of(&self, target: Target) -> Option<Duration> {
        lock(&self.delays).iter().find(|(other, _)| *other == target).map(|(_, by)| *by)
    }

    fn next(&self, target: Target) -> Option<Fault> {
        let mut armed = lock(&self.armed);
        armed.retain(|a| a.left != Some(0));
        let struck = armed.iter_mut().find(|a| a.target == target)?;
        struck.left = struck.left.map(|n| n - 1);
        Some(struck.fault.clone())
    }

    /// The faulty answer to a request, if one is due.
    pub(crate) async fn strike(&self, target: Target, ask: &Ask) -> Option<io::Result<Answer>> {
        if let Some(by) = self.delay_of(target) {
            tokio::time::sleep(by).await;
        }
        Some(match self.next(target)? {
            Fault::Error { status, error, codes, suberror, description } => Ok(match target {
                Target::Azure | Target::Server => azure::error(status, &error, &description),
                Target::Authorize => entra::fault_page(ask, &error, &codes, &description),
                Target::Discovery | Target::Token | Target::DeviceCode => {
                    entra::fault_body(status, &error, &codes, suberror.as_deref(), &description)
                }
            }),
            Fault::Html(status) => Ok(http::html(
                status,
                "<html><head><title>Service unavailable</title></head><body>\
                 <h2>Our services aren't available right now</h2></body></html>",
            )),
            Fault::Throttle { retry_after } => Ok(throttled(target, retry_after)),
            Fault::HostOffline => Ok(offline()),
            Fault::Hang => std::future::pending().await,
            Fault::Reset => Err(io::ErrorKind::ConnectionReset.into()),
            Fault::Drip => Ok(dripping()),
            Fault::Oversized => Ok(oversized()),
            Fault::Raw { status, headers, body } => {
                let mut answer = http::answer(status, "application/octet-stream", body);
                if !headers.is_empty() {
                    answer.headers_mut().clear();
                }
                for (name, value) in &headers {
                    http::header(&mut answer, name, value);
                }
                Ok(answer)
            }
        })
    }
}

fn throttled(target: Target, retry_after: Option<u64>) -> Answer {
    let mut answer = match target {
        Target::Azure | Target::Server => {
            let words = "TF400733: The request has been canceled: Request was blocked due to \
                         exceeding usage of resource 'Concurrency' in namespace 'User'.";
            let mut answer = azure::error(429, "RequestBlockedException", words);
            rate_limits(&mut answer, retry_after.unwrap_or(60));
            answer
        }
        _ => entra::fault_body(
            429,
            "temporarily_unavailable",
            &[90055],
            None,
            "Tenant request rate has exceeded a limit. Try again later.",
        ),
    };
    if let Some(seconds) = retry_after {
        http::header(&mut answer, "Retry-After", &seconds.to_string());
    }
    answer
}

/// What says how much of a resource is used up ("Rate and usage limits" of Azure DevOps).
fn rate_limits(answer: &mut Answer, wait: u64) {
    let reset = (clock::unix() + wait).to_string();
    for (name, value) in [
        ("X-RateLimit-Resource", "Global Service/Concurrency"),
        ("X-RateLimit-Delay", "30"),
        ("X-RateLimit-Limit", "200"),
        ("X-RateLimit-Remaining", "0"),
        ("X-RateLimit-Reset", &reset),
    ] {
        http::header(answer, name, value);
    }
}

/// Marks an answer as one that was held back.
pub(crate) fn slowed(answer: &mut Answer, wait: u64) {
    rate_limits(answer, wait);
    http::header(answer, "Retry-After", &wait.to_string());
}

/// The header is known from clients' sources; status and words are not verified.
fn offline() -> Answer {
    let words = "The service is offline for maintenance. Try again later.";
    let mut answer = azure::error(503, "HostOfflineException", words);
    http::header(&mut answer, "X-VSS-HostOfflineError", "HostOffline");
    answer
}

fn oversized() -> Answer {
    json(Flood { left: 200 * 1024 * 1024, begun: false }.boxed_unsync())
}

fn dripping() -> Answer {
    json(Drips { left: 40, clock: tokio::time::interval(Duration::from_secs(1)) }.boxed_unsync())
}

fn json(body: Body) -> Answer {
    let mut answer = Response::new(body);
    http::header(&mut answer, "content-type", "application/json; charset=utf-8");
    answer
}

/// A body that is never silent for long, and takes longer than anybody should wait.
struct Drips {
    left: usize,
    clock: tokio::time::Interval,
}

impl hyper::body::Body for Drips {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        std::task::ready!(self.clock.poll_tick(context));
        self.left -= 1;
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b" ")))))
    }
}

/// A body that is only made as it is read.
struct Flood {
    left: usize,
    begun: bool,
}

impl hyper::body::Body for Flood {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        const PIECE: &[u8] = &[b'A'; 64 * 1024];
        if !self.begun {
            self.begun = true;
            let head = Bytes::from_static(b"{\"token_type\":\"Bearer\",\"access_token\":\"");
            return Poll::Ready(Some(Ok(Frame::data(head))));
        }
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let size = self.left.min(PIECE.len());
        self.left -= size;
        let piece =
            if self.left == 0 { Bytes::from_static(b"\"}") } else { Bytes::from_static(PIECE) };
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }
}
