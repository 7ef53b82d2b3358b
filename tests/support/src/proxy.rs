//! The proxy that is the whole internet: it ends TLS itself, under the real names.
use crate::clock;
use crate::http::{self, Answer, Ask};
use crate::log::{Seen, lock};
use crate::sites::{Proxy, Shared, Site};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

pub(crate) async fn run(listener: TcpListener, shared: Arc<Shared>) {
    loop {
        if let Ok((stream, _)) = listener.accept().await {
            let _ = stream.set_nodelay(true);
            tokio::spawn(outer(stream, Arc::clone(&shared)));
        }
    }
}

/// A Server that listens on this machine itself, for whoever goes there without the proxy.
pub(crate) async fn run_server(listener: TcpListener, scheme: &'static str, shared: Arc<Shared>) {
    let Ok(address) = listener.local_addr() else { return };
    let host =
        if address.is_ipv6() { format!("[{}]", address.ip()) } else { address.ip().to_string() };
    let name = format!("{host}:{}", address.port());
    let logged = if scheme == "http" { format!("http://{name}") } else { name.clone() };
    while let Ok((stream, _)) = listener.accept().await {
        let _ = stream.set_nodelay(true);
        shared.log.connected(&logged);
        let (shared, name) = (Arc::clone(&shared), name.clone());
        let address = address.ip().to_string();
        tokio::spawn(async move {
            if scheme == "http" {
                speak(TokioIo::new(stream), shared, Site::Server, scheme, name).await;
            } else {
                open_tls(stream, &address, shared, Site::Server, name).await;
            }
        });
    }
}

/// Ends TLS as that host, and serves what comes through it.
async fn open_tls(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    host: &str,
    shared: Arc<Shared>,
    site: Site,
    name: String,
) {
    let year = clock::year(shared.clock.load(Ordering::Relaxed));
    let acceptor = TlsAcceptor::from(shared.ca.server_config(host, year));
    let Ok(tls) = acceptor.accept(stream).await else { return };
    speak(TokioIo::new(tls), shared, site, "https", name).await;
}

/// Serves the requests of one connection.
async fn speak(
    stream: impl hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
    shared: Arc<Shared>,
    site: Site,
    scheme: &'static str,
    name: String,
) {
    let service =
        service_fn(move |request| serve(Arc::clone(&shared), site, scheme, name.clone(), request));
    let _ = http1::Builder::new().title_case_headers(true).serve_connection(stream, service).await;
}

async fn outer(stream: TcpStream, shared: Arc<Shared>) {
    let service = service_fn(move |request| {
        let shared = Arc::clone(&shared);
        async move {
            if let Some(refusal) = turned_away(&shared) {
                return Ok(refusal);
            }
            if request.method() == Method::CONNECT {
                Ok(tunnel(shared, request))
            } else {
                plain(shared, request).await
            }
        }
    });
    let _ = http1::Builder::new()
        .title_case_headers(true)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades()
        .await;
}

/// What whoever the proxy does not let through gets to see (RFC 9110, section 15.5.8).
fn turned_away(shared: &Shared) -> Option<Answer> {
    let page = |status, words: &str| http::html(status, &format!("<h1>{words}</h1>"));
    match *lock(&shared.proxy) {
        Proxy::Open => None,
        Proxy::Refuses => Some(page(403, "Blocked by the policy of your organization")),
        Proxy::AsksWho => {
            let mut answer = page(407, "Proxy Authentication Required");
            http::header(&mut answer, "Proxy-Authenticate", "Basic realm=\"proxy\"");
            Some(answer)
        }
    }
}

/// `CONNECT host:port`: opens TLS for a name we play, refuses every other.
fn tunnel(shared: Arc<Shared>, request: Request<Incoming>) -> Answer {
    let (host, port) = request.uri().authority().map_or((String::new(), 0), |a| {
        (a.host().to_ascii_lowercase(), a.port_u16().unwrap_or(443))
    });
    let name = if port == 443 { host.clone() } else { format!("{host}:{port}") };
    let Some(site) = shared.site("https", &host, port) else {
        shared.log.stray(&name);
        return http::text(502, "this name is not played here\n");
    };
    shared.log.connected(&name);
    tokio::spawn(async move {
        let Ok(upgraded) = hyper::upgrade::on(request).await else { return };
        open_tls(TokioIo::new(upgraded), &host, shared, site, name).await;
    });
    let mut answer = http::text(200, "");
    answer.headers_mut().clear();
    answer
}

/// `GET http://host/…`: only the Server speaks plain http.
async fn plain(shared: Arc<Shared>, request: Request<Incoming>) -> io::Result<Answer> {
    let host = request.uri().host().unwrap_or_default().to_ascii_lowercase();
    let port = request.uri().port_u16().unwrap_or(80);
    let name = if port == 80 { host.clone() } else { format!("{host}:{port}") };
    let site = request.uri().scheme_str().and_then(|scheme| shared.site(scheme, &host, port));
    let Some(site) = site else {
        shared.log.stray(&format!("http://{name}"));
        return Ok(http::text(502, "this name is not played here\n"));
    };
    shared.log.connected(&format!("http://{name}"));
    serve(shared, site, "http", name, request).await
}

async fn serve(
    shared: Arc<Shared>,
    site: Site,
    scheme: &'static str,
    host: String,
    request: Request<Incoming>,
) -> io::Result<Answer> {
    let ask = Ask::read(scheme, &host, request).await?;
    let is_token = site == Site::Entra && ask.path.ends_with("/token");
    let grant = is_token
        .then(|| http::pairs(&ask.body).into_iter().find(|(name, _)| name == "grant_type"))
        .flatten();
    // Also one that nobody here has issued: whoever sent it keeps it for one.
    match (ask.basic(), ask.authorization()) {
        (Some((_, password)), _) => shared.log.secret(&password),
        (None, Some((_, value))) => shared.log.secret(value.trim()),
        (None, None) => {}
    }
    let index = shared.log.begin(Seen {
        host,
        method: ask.method.to_string(),
        path: ask.path_and_query(),
        status: 0,
        authorization: ask.authorization().map(|(scheme, _)| scheme.to_owned()),
        grant: grant.map(|(_, value)| value),
    });
    let mut answer = shared.answer(site, &ask).await?;
    let shift = shared.clock.load(Ordering::Relaxed);
    if shift != 0 {
        answer.headers_mut().remove("date");
        http::header(&mut answer, "Date", &clock::header(shift));
    }
    shared.log.end(index, answer.status().as_u16());
    Ok(answer)
}
