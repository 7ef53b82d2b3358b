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
