//! The loopback listener a browser comes back to (RFC 8252 section 7.3).
//!
//! One port on 127.0.0.1 and, where there is IPv6, on ::1: Entra knows the redirect URI by the
//! name `localhost`, which a browser may resolve to either. Only a request with the right Host,
//! method, path and state ends the wait; everything else is answered and forgotten.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, Ipv6Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use url::Url;

use super::page;
use crate::secret::Secret;

/// How long one connection may take to send its request.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(10);

/// The longest request head read, in bytes.
const HEAD_LIMIT: u64 = 16 * 1024;

/// How many connections are served at once; more wait in the backlog.
const CONNECTIONS: usize = 16;

/// A listener that is waiting for nobody yet.
#[derive(Debug)]
pub struct Loopback {
    listeners: Vec<TcpListener>,
    port: u16,
    path: &'static str,
}

/// What the browser brought.
#[derive(Debug)]
pub enum Callback {
    /// The code to redeem.
    Code(Secret),
    /// The sign-in was refused: `error` and `error_description`, as they came.
    Refused {
        /// RFC 6749 section 4.1.2.1.
        error: String,
        /// Text for people, from outside.
        description: String,
    },
}

impl Loopback {
    /// Binds a port. `path` is the path of the redirect URI.
    ///
    /// # Errors
    /// If no port can be bound on 127.0.0.1.
    pub fn bind(path: &'static str) -> io::Result<Self> {
        let v4 = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = v4.local_addr()?.port();
        let mut listeners = vec![v4];
        // Taken by somebody else, or no IPv6 here: the browser falls back to 127.0.0.1.
        listeners.extend(TcpListener::bind((Ipv6Addr::LOCALHOST, port)));
        Ok(Self { listeners, port, path })
    }

    /// The redirect URI, with the port bound.
    pub fn redirect_uri(&self) -> Url {
        Url::parse(&format!("http://localhost:{}{}", self.port, self.path))
            .expect("BUG: a port and a fixed path make a URL")
    }

    /// Waits until the browser comes back with this state; `None` when `deadline` has passed.
    /// `finish` redeems the callback while the browser waits, and says what its page tells.
    pub fn wait<T>(
        self,
        state: &Secret,
        deadline: Instant,
        finish: impl FnOnce(Callback) -> Result<T, (String, crate::report::Failure)>,
    ) -> Option<Result<T, crate::report::Failure>> {
        let (found, come): (SyncSender<Arrival>, Receiver<Arrival>) = sync_channel(1);
        let guard = Arc::new(Guard { state: state.clone(), port: self.port, path: self.path });
        for listener in self.listeners {
            let (found, guard) = (found.clone(), Arc::clone(&guard));
            thread::spawn(move || accept(&listener, &guard, &found));
        }
        drop(found);
        let arrival = match come.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(arrival) => arrival,
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return None,
        };
        Some(match finish(arrival.callback) {
            Ok(value) => {
                page::answer(&arrival.stream, 200, page::Page::Connected);
                Ok(value)
            }
            Err((shown, failure)) => {
                page::answer(&arrival.stream, 400, page::Page::Failed(&shown));
                Err(failure)
            }
        })
    }
}

/// What a request is held against.
struct Guard {
    state: Secret,
    port: u16,
    path: &'static str,
}

/// A callback, and the connection its browser waits on.
struct Arrival {
    callback: Callback,
    stream: TcpStream,
}

fn accept(listener: &TcpListener, guard: &Arc<Guard>, found: &SyncSender<Arrival>) {
    let slots = Arc::new(());
    for stream in listener.incoming() {
        let Ok(stream) = stream else { continue };
        if Arc::strong_count(&slots) > CONNECTIONS {
            continue;
        }
        let (guard, found, slot) = (Arc::clone(guard), found.clone(), Arc::clone(&slots));
        // One thread a connection: an idle one must not keep the browser out.
        thread::spawn(move || {
            serve(stream, &guard, &found);
            drop(slot);
        });
    }
}

fn serve(stream: TcpStream, guard: &Guard, found: &SyncSender<Arrival>) {
    let _ = stream.set_write_timeout(Some(CONNECTION_TIMEOUT));
    let Some(head) = read_head(&stream) else { return };
    match guard.judge(&head) {
        Verdict::Callback(callback) => {
            // The flow has ended if nobody takes it: a second callback finds the door closed.
            let _ = found.try_send(Arrival { callback, stream });
        }
        Verdict::Refuse(status) => page::answer(&stream, status, page::Page::NotHere),
    }
}

/// The lines of a request head, if they come in time and are not too long.
fn read_head(stream: &TcpStream) -> Option<Vec<String>> {
    let deadline = Instant::now() + CONNECTION_TIMEOUT;
    let mut reader = BufReader::new(stream).take(HEAD_LIMIT);
    let mut head = Vec::new();
    let mut line = Vec::new();
    loop {
        let left =
            deadline.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())?;
        stream.set_read_timeout(Some(left)).ok()?;
        // Byte by byte in effect: a line that dribbles in must not outlive the deadline.
        let available = match reader.fill_buf() {
            Ok(available) => available,
            // Stopped at a terminal and continued: a socket with a timeout is woken by that.
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) => return None,
        };
        if available.is_empty() {
            return None;
        }
        let end = available.iter().position(|&byte| byte == b'\n');
        let taken = end.map_or(available.len(), |end| end + 1);
        line.extend_from_slice(&available[..taken]);
        reader.consume(taken);
        if end.is_none() {
            continue;
        }
        let text = String::from_utf8(std::mem::take(&mut line)).ok()?;
        let text = text.trim_end_matches(['\r', '\n']);
        if text.is_empty() {
            return Some(head);
        }
        head.push(text.to_owned());
    }
}

#[derive(Debug)]
enum Verdict {
    Callback(Callback),
    Refuse(u16),
}

impl Guard {
    /// Host before anything (DNS rebinding), state before `error` (CVE-2026-42073): what does not
    /// belong to this flow cannot end it.
    fn judge(&self, head: &[String]) -> Verdict {
        let Some((request, headers)) = head.split_first() else { return Verdict::Refuse(400) };
        let mut words = request.split(' ');
        let (Some(method), Some(target), Some(version), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return Verdict::Refuse(400);
        };
        if !version.starts_with("HTTP/1.") || !self.is_host(headers) {
            return Verdict::Refuse(400);
        }
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        if path != self.path {
            return Verdict::Refuse(404);
        }
        if method != "GET" {
            return Verdict::Refuse(405);
        }
        let values = |name: &str| -> Vec<String> {
            url::form_urlencoded::parse(query.as_bytes())
                .filter(|(key, _)| key == name)
                .map(|(_, value)| value.into_owned())
                .collect()
        };
        let [state] = values("state").try_into().unwrap_or_else(|_| [String::new()]);
        if Secret::from(state) != self.state {
            return Verdict::Refuse(400);
        }
        // Parameters must not be repeated (RFC 6749 section 3.1).
        match (values("code").as_slice(), values("error").as_slice()) {
            ([code], []) if !code.is_empty() => {
                Verdict::Callback(Callback::Code(code.as_str().into()))
            }
            ([], [error]) => Verdict::Callback(Callback::Refused {
                error: error.clone(),
                description: values("error_description").concat(),
            }),
            _ => Verdict::Refuse(400),
        }
    }

    fn is_host(&self, headers: &[String]) -> bool {
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

/// Writes an answer and closes the connection in a way that lets the browser read it.
pub(super) fn send(stream: &TcpStream, bytes: &[u8]) {
    let mut stream = stream;
    let _ = stream.write_all(bytes).and_then(|()| stream.flush());
    let _ = stream.shutdown(std::net::Shutdown::Write);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(request: &str, host: &str) -> String {
        let guard = Guard { state: "right".into(), port: 4711, path: "/ona-azure" };
        match guard.judge(&[request.to_owned(), format!("Host: {host}")]) {
            Verdict::Refuse(status) => status.to_string(),
            Verdict::Callback(Callback::Code(code)) => {
                format!("code {}", code.expose_str().expect("text"))
            }
            Verdict::Callback(Callback::Refused { error, .. }) => format!("error {error}"),
        }
    }

    #[test]
    fn only_the_flows_own_callback_counts() {
        const HOST: &str = "localhost:4711";
        let rows = [
            ("GET /ona-azure?code=c&state=right HTTP/1.1", HOST, "code c"),
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
}
