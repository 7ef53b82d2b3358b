//! The loopback listener of a `login` that waits, and whoever knocks there.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use url::Url;

/// The parameters of an address.
pub fn query(address: &str) -> BTreeMap<String, String> {
    Url::parse(address).expect("an address").query_pairs().into_owned().collect()
}

/// The port of the listener that the address of a sign-in names, and the state that opens it.
pub fn door(address: &str) -> (u16, String) {
    let query = query(address);
    let redirect = Url::parse(&query["redirect_uri"]).expect("an address");
    (redirect.port().expect("a port"), query["state"].clone())
}

/// What the listener says first to a request as it stands: the status line.
pub fn knock(port: u16, request: &str) -> String {
    answer(port, request).lines().next().unwrap_or_default().to_owned()
}

/// All the listener says to a request as it stands.
pub fn answer(port: u16, request: &str) -> String {
    let mut stream = connect(port);
    stream.write_all(request.as_bytes()).expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("answered");
    answer
}

/// A connection to the listener.
pub fn connect(port: u16) -> TcpStream {
    TcpStream::connect(("127.0.0.1", port)).expect("it listens")
}

/// A field of a form.
pub fn field(form: &[(String, String)], name: &str) -> Option<String> {
    form.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone())
}

/// A listener as the kernel knows it, since its port may be another's as soon as it is gone.
pub struct Listener(String);

impl Listener {
    /// The one on this port of 127.0.0.1.
    #[track_caller]
    pub fn on(port: u16) -> Self {
        let local = format!("0100007F:{port:04X}");
        let listens = |row: &Vec<String>| row[1] == local && row[3] == "0A";
        let row = sockets().into_iter().find(listens);
        Self(row.unwrap_or_else(|| panic!("nobody listens on port {port}"))[9].clone())
    }

    /// Whether any process still has it open.
    pub fn is_open(&self) -> bool {
        sockets().iter().any(|row| row[9] == self.0)
    }
}

/// The rows of proc_net_tcp(5), word by word.
fn sockets() -> Vec<Vec<String>> {
    let text = std::fs::read_to_string("/proc/net/tcp").expect("a table");
    let words = |row: &str| row.split_whitespace().map(str::to_owned).collect();
    text.lines().skip(1).map(words).collect()
}
