//! Why a request got no answer, in a sentence a person can act on.

use std::error::Error;
use std::fmt;
use std::path::PathBuf;

use crate::report::escape;

/// A request without an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetError {
    host: String,
    kind: NetErrorKind,
}

/// What stood in the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum NetErrorKind {
    /// The name does not resolve.
    Dns,
    /// Nobody answers at the address, or the connection broke.
    Connect,
    /// The proxy refused.
    Proxy,
    /// Nobody answers where the proxy should be.
    ProxyUnreachable,
    /// The proxy wants to know who asks.
    ProxyAuthentication,
    /// The proxy's address is no URL.
    BadProxy,
    /// No answer in time.
    Timeout,
    /// The certificate is signed by nobody this machine trusts.
    UnknownAuthority,
    /// The certificate is of another name.
    WrongName,
    /// The certificate is not valid at the time this machine's clock shows.
    NotValidNow,
    /// This machine trusts nobody at all.
    NoAuthorities,
    /// A CA bundle that cannot be read.
    BadCaFile(PathBuf),
    /// More than 1 MiB.
    TooLarge,
    /// Something else; the text is the innermost cause.
    Other(String),
}

impl NetError {
    pub(super) fn new(host: &str, kind: NetErrorKind) -> Self {
        Self { host: host.to_owned(), kind }
    }

    pub(super) fn of(host: &str, error: &reqwest::Error) -> Self {
        let kind = if error.is_timeout() { NetErrorKind::Timeout } else { kind_of(error) };
        Self::new(host, kind)
    }

    pub(super) fn of_read(host: &str, error: &std::io::Error) -> Self {
        let kind = match error.kind() {
            std::io::ErrorKind::TimedOut => NetErrorKind::Timeout,
            _ => kind_of(error),
        };
        Self::new(host, kind)
    }

    /// Whether it is that nobody is trusted at all.
    pub fn is_without_authorities(&self) -> bool {
        self.kind == NetErrorKind::NoAuthorities
    }

    /// What to do about it.
    pub fn hint(&self) -> String {
        match &self.kind {
            NetErrorKind::Dns | NetErrorKind::Connect | NetErrorKind::Timeout => {
                "check the network, and HTTPS_PROXY if there is a proxy; then try again".to_owned()
            }
            NetErrorKind::ProxyAuthentication => {
                "write them in the proxy's address: HTTPS_PROXY=http://<user>:<password>@<proxy>:<port>".to_owned()
            }
            NetErrorKind::Proxy | NetErrorKind::ProxyUnreachable | NetErrorKind::BadProxy => format!(
                "check HTTPS_PROXY and: git config --global --get-urlmatch http.proxy https://{}",
                self.host
            ),
            NetErrorKind::UnknownAuthority | NetErrorKind::NoAuthorities => {
                "name your organization's CA bundle: git config --global http.sslCAInfo <file.pem>".to_owned()
            }
            NetErrorKind::BadCaFile(_) => {
                "name a PEM file in GIT_SSL_CAINFO or: git config --global http.sslCAInfo <file.pem>".to_owned()
            }
            NetErrorKind::NotValidNow => "set this machine's clock, then try again".to_owned(),
            NetErrorKind::WrongName | NetErrorKind::TooLarge | NetErrorKind::Other(_) => {
                "something between this machine and the service answers in its place: check proxy and network".to_owned()
            }
        }
    }
}

impl fmt::Display for NetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = escape(&self.host);
        match &self.kind {
            NetErrorKind::Dns => write!(f, "the name {host} does not resolve"),
            NetErrorKind::Connect => write!(f, "{host} cannot be reached"),
            NetErrorKind::Proxy => write!(f, "the proxy refuses to connect to {host}"),
            NetErrorKind::ProxyUnreachable => {
                write!(f, "the proxy for {host} cannot be reached")
            }
            NetErrorKind::ProxyAuthentication => {
                write!(f, "the proxy for {host} asks for a username and password")
            }
            NetErrorKind::BadProxy => {
                write!(f, "the proxy configured for {host} is no usable address")
            }
            NetErrorKind::Timeout => write!(f, "{host} did not answer in time"),
            NetErrorKind::UnknownAuthority => {
                write!(
                    f,
                    "the certificate of {host} is signed by an authority this machine does not trust"
                )
            }
            NetErrorKind::WrongName => {
                write!(f, "{host} answered with the certificate of another name")
            }
            NetErrorKind::NotValidNow => {
                write!(
                    f,
                    "the certificate of {host} is expired or not yet valid by this machine's clock"
                )
            }
            NetErrorKind::NoAuthorities => {
                write!(f, "this machine trusts no certificate authority (the CA store is empty)")
            }
            NetErrorKind::BadCaFile(path) => {
                write!(f, "the CA bundle {} cannot be read as PEM", path.display())
            }
            NetErrorKind::TooLarge => write!(f, "{host} sent more than any answer should have"),
            NetErrorKind::Other(cause) => {
                write!(f, "the request to {host} failed: {}", escape(cause))
            }
        }
    }
}

impl Error for NetError {}

/// The libraries below give text, not types; the innermost cause is the telling one.
fn kind_of(error: &(dyn Error + 'static)) -> NetErrorKind {
    let mut chain = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        chain.push(error.to_string());
        next = error.source();
    }
    let all = chain.join(": ");
    const SIGNS: [(&str, NetErrorKind); 16] = [
        // The proxy's own name or address, whatever is wrong with it.
        ("tunnel error: failed to create underlying", NetErrorKind::ProxyUnreachable),
        ("proxy authorization required", NetErrorKind::ProxyAuthentication),
        ("dns error", NetErrorKind::Dns),
        ("failed to lookup address", NetErrorKind::Dns),
        ("No CA certificates were loaded", NetErrorKind::NoAuthorities),
        ("UnknownIssuer", NetErrorKind::UnknownAuthority),
        // Another authority of the same name, as a renewed company CA often has.
        ("BadSignature", NetErrorKind::UnknownAuthority),
        ("NotValidForName", NetErrorKind::WrongName),
        ("not valid for name", NetErrorKind::WrongName),
        ("Expired", NetErrorKind::NotValidNow),
        ("certificate expired", NetErrorKind::NotValidNow),
        ("not valid yet", NetErrorKind::NotValidNow),
        ("NotValidYet", NetErrorKind::NotValidNow),
        ("tunnel", NetErrorKind::Proxy),
        ("timed out", NetErrorKind::Timeout),
        ("onnection", NetErrorKind::Connect),
    ];
    for (sign, kind) in SIGNS {
        if all.contains(sign) {
            return kind;
        }
    }
    NetErrorKind::Other(chain.pop().unwrap_or_default())
}
