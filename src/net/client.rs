//! HTTPS requests: deadlines, no redirects, bounded answers, the proxy and CA git would use.

use std::fs;
use std::io::Read as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use reqwest::blocking::Client;
use reqwest::redirect::Policy;
use reqwest::{Certificate, NoProxy, Proxy};
use url::Url;
use zeroize::Zeroizing;

use super::error::{NetError, NetErrorKind};
use super::told;
use crate::azure::{Authority, Scheme};
use crate::git::{Git, NetworkSettings, network_settings};
use crate::trace;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// From the first byte sent to the last one read.
const TIMEOUT: Duration = Duration::from_secs(15);

/// The longest answer read, in bytes. Token responses are a few KiB.
const BODY_LIMIT: u64 = 1 << 20;

/// What came back.
pub struct Reply {
    /// The status code.
    pub status: u16,
    /// The headers.
    pub headers: reqwest::header::HeaderMap,
    /// The body; it may hold tokens.
    pub body: Zeroizing<Vec<u8>>,
}

impl Reply {
    /// The first header of that name, where it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

impl std::fmt::Debug for Reply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reply").field("status", &self.status).finish_non_exhaustive()
    }
}

/// In a request's extensions: so much of the answer's body is enough, in bytes. The rest is
/// neither waited for nor an error, where what counts is said before it.
#[derive(Clone, Copy, Debug)]
pub struct EnoughBody(pub u64);

/// In a request's extensions: how long it may take, where that is less than requests may. For what
/// would be good to know, and is not worth a long wait.
#[derive(Clone, Copy, Debug)]
pub struct Within(pub Duration);

/// Whatever can send a request: the network, or a table in a test.
pub trait Send {
    /// Sends it and waits for the answer.
    ///
    /// # Errors
    /// If there is no answer, or it is larger than 1 MiB and [`EnoughBody`] is not said.
    fn send(&self, request: oauth2::http::Request<Vec<u8>>) -> Result<Reply, NetError>;
}

/// The real network.
#[derive(Debug, Default)]
pub struct Network;

impl Send for Network {
    fn send(&self, request: oauth2::http::Request<Vec<u8>>) -> Result<Reply, NetError> {
        if !trace::is_on() {
            return exchange(request);
        }
        let words = told::asked(&request);
        let started = Instant::now();
        let result = exchange(request);
        trace::event("request", |_| told::ended(words, &result, started.elapsed()));
        result
    }
}

fn exchange(request: oauth2::http::Request<Vec<u8>>) -> Result<Reply, NetError> {
    let (parts, body) = request.into_parts();
    let url = Url::parse(&parts.uri.to_string())
        .map_err(|_| NetError::new("", NetErrorKind::Other("the address is no URL".to_owned())))?;
    let host = url.host_str().unwrap_or_default().to_owned();
    let fail = |error: &reqwest::Error| NetError::of(&host, error);
    let client = build(&url, &host)?;
    let within = parts.extensions.get::<Within>().map_or(TIMEOUT, |within| within.0);
    let response = client
        .request(parts.method, url)
        .headers(parts.headers)
        .body(body)
        // Set on the request it covers the body as a whole; set on the client it would begin
        // anew with each read, and a peer that drips could hold the refresh lock without end.
        .timeout(within)
        .send()
        .map_err(|error| fail(&error))?;
    let status = response.status().as_u16();
    let headers = response.headers().clone();
    let mut body = Zeroizing::new(Vec::with_capacity(16 * 1024));
    let enough = parts.extensions.get::<EnoughBody>().map(|enough| enough.0);
    response
        .take(enough.unwrap_or(u64::MAX).min(BODY_LIMIT + 1))
        .read_to_end(&mut body)
        .map_err(|error| NetError::of_read(&host, &error))?;
    if body.len() as u64 > BODY_LIMIT {
        return Err(NetError::new(&host, NetErrorKind::TooLarge));
    }
    Ok(Reply { status, headers, body })
}

fn build(url: &Url, host: &str) -> Result<Client, NetError> {
    // A second install is refused and changes nothing.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = Client::builder()
        .user_agent(concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_TIMEOUT)
        .redirect(Policy::none())
        .referer(false);
    let settings = settings_for(url);
    // git's own order: its configuration first, then the environment, which reqwest reads.
    match settings.proxy.as_deref() {
        // This machine is not behind its own proxy.
        _ if is_loopback(host) => builder = builder.no_proxy(),
        Some("") => builder = builder.no_proxy(),
        Some(proxy) => {
            let address =
                if proxy.contains("://") { proxy.to_owned() } else { format!("http://{proxy}") };
            let proxy = Proxy::all(address)
                .map_err(|_| NetError::new(host, NetErrorKind::BadProxy))?
                .no_proxy(NoProxy::from_env());
            builder = builder.proxy(proxy);
        }
        None => {}
    }
    if let Some(certificates) = named_authorities(&settings, host)? {
        builder = builder.tls_certs_only(certificates);
    }
    builder.build().map_err(|error| NetError::of(host, &error))
}

/// git's settings for an address.
pub(super) fn settings_for(url: &Url) -> NetworkSettings {
    match Git::find() {
        Some(git) => network_settings(&git, url.as_str()),
        None => NetworkSettings::default(),
    }
}

pub(super) fn is_loopback(host: &str) -> bool {
    Authority::parse(Scheme::Https, host.as_bytes()).is_some_and(|host| host.is_loopback())
}

/// The authorities a person named. As with git, they replace the system's, and the environment
/// comes before the configuration.
pub(super) fn named_authorities(
    settings: &NetworkSettings,
    host: &str,
) -> Result<Option<Vec<Certificate>>, NetError> {
    let named = std::env::var_os("GIT_SSL_CAINFO").filter(|value| !value.is_empty());
    let certificates = if let Some(file) = named.map(PathBuf::from).or(settings.ca_file.clone()) {
        let bad = || NetError::new(host, NetErrorKind::BadCaFile(file.clone()));
        let pem = fs::read(&file).map_err(|_| bad())?;
        let certificates = Certificate::from_pem_bundle(&pem).map_err(|_| bad())?;
        if certificates.is_empty() { Err(bad()) } else { Ok(certificates) }
    } else if let Some(directory) = &settings.ca_path {
        let bad = || NetError::new(host, NetErrorKind::BadCaFile(directory.clone()));
        let entries = fs::read_dir(directory).map_err(|_| bad())?;
        // Such a directory also holds links by hash and revocation lists.
        let pems = entries.filter_map(|entry| fs::read(entry.ok()?.path()).ok());
        Ok(pems.filter_map(|pem| Certificate::from_pem_bundle(&pem).ok()).flatten().collect())
    } else {
        return Ok(None);
    };
    certificates.map(Some)
}
