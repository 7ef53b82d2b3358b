//! The loopback listener a browser comes back to (RFC 8252 section 7.3).
//!
//! One port on 127.0.0.1 and, where there is IPv6, on ::1: Entra knows the redirect URI by the
//! name `localhost`, which a browser may resolve to either. Only a request with the right Host,
//! method, path and state ends the wait; everything else is answered and forgotten.

use std::collections::VecDeque;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, Ipv6Addr, Shutdown, TcpListener, TcpStream};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Weak};
use std::thread;
use std::time::{Duration, Instant};

use url::Url;

use super::door::{Callback, Door, Verdict};
use super::page::{self, Page};
use crate::secret::Secret;
use crate::trace;

/// How long one connection may take to send its request.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(10);

/// The longest request head read, in bytes.
const HEAD_LIMIT: u64 = 16 * 1024;

/// How many connections are served at once; for one more, the oldest is closed.
const CONNECTIONS: usize = 16;

/// A listener that is waiting for nobody yet.
#[derive(Debug)]
pub struct Loopback {
    listeners: Vec<TcpListener>,
    port: u16,
    path: &'static str,
}

/// A browser that came back, and waits for a page.
#[derive(Debug)]
pub struct Arrival {
    /// What it brought.
    pub callback: Callback,
    stream: TcpStream,
}

impl Arrival {
    /// Ends the wait of the browser: connected, or why not (text from outside is taken for text).
    pub fn show(&self, outcome: Result<(), &str>) {
        match outcome {
            Ok(()) => page::answer(&self.stream, 200, Page::Connected),
            Err(why) => page::answer(&self.stream, 400, Page::Failed(why)),
        }
    }
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

    /// The door that opens to this state.
    pub fn door(&self, state: &Secret) -> Door {
        Door { state: state.clone(), port: self.port, path: self.path }
    }

    /// Lets browsers come back, until the receiver is gone.
    pub fn open<E: From<Arrival> + Send + 'static>(
        self,
        door: &Arc<Door>,
        arrivals: &SyncSender<E>,
    ) {
        for listener in self.listeners {
            let (door, arrivals) = (Arc::clone(door), arrivals.clone());
            thread::spawn(move || accept(&listener, &door, &arrivals));
        }
    }
}

fn accept<E: From<Arrival> + Send + 'static>(
    listener: &TcpListener,
    door: &Arc<Door>,
    arrivals: &SyncSender<E>,
) {
    let mut served = VecDeque::<Weak<TcpStream>>::with_capacity(CONNECTIONS);
    for stream in listener.incoming() {
        let Ok(stream) = stream.map(Arc::new) else { continue };
        served.retain(|older| older.strong_count() > 0);
        // The browser sends its request as soon as it is let in; whoever has not by now is idle.
        if served.len() == CONNECTIONS
            && let Some(oldest) = served.pop_front().and_then(|oldest| oldest.upgrade())
        {
            let _ = oldest.shutdown(Shutdown::Both);
        }
        served.push_back(Arc::downgrade(&stream));
        let (door, arrivals) = (Arc::clone(door), arrivals.clone());
        // One thread a connection: an idle one must not keep the browser out.
        thread::spawn(move || serve(&stream, &door, &arrivals));
    }
}

fn serve<E: From<Arrival>>(stream: &TcpStream, door: &Door, arrivals: &SyncSender<E>) {
    let _ = stream.set_write_timeout(Some(CONNECTION_TIMEOUT));
    let Some(head) = read_head(stream) else { return };
    match door.judge_request(&head) {
        Verdict::Callback(callback) => {
            // Not closed any more for others that come.
            let Ok(kept) = stream.try_clone() else { return };
            // The flow has ended if nobody takes it: a second callback finds the door closed.
            if arrivals.try_send(Arrival { callback, stream: kept }.into()).is_err() {
                page::answer(stream, 400, Page::NotHere);
            }
        }
        Verdict::Refuse(status) => {
            trace::event("callback", |words| {
                words.with("result", "refused").with("status", status)
            });
            page::answer(stream, status, Page::NotHere);
        }
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

/// Writes an answer and closes the connection in a way that lets the browser read it.
pub(super) fn send(stream: &TcpStream, bytes: &[u8]) {
    let mut stream = stream;
    let _ = stream.write_all(bytes).and_then(|()| stream.flush());
    let _ = stream.shutdown(Shutdown::Write);
}
