//! A small HTTP client that goes through the proxy and trusts only the world's authority.
use std::io::{self, BufRead as _, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use url::Url;

/// What came back.
#[derive(Debug, Clone)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// Header lines in order, names in lower case.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Vec<u8>,
}

impl Reply {
    /// First header of a name (in lower case).
    pub fn header(&self, name: &str) -> Option<&str> {
        self.all(name).first().copied()
    }

    /// Every header of a name (in lower case), in order.
    pub fn all(&self, name: &str) -> Vec<&str> {
        self.headers.iter().filter(|(n, _)| n == name).map(|(_, v)| v.as_str()).collect()
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON; null if it is none.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// An HTTP client; follows no redirect.
#[derive(Clone)]
pub struct Client {
    proxy: String,
    tls: Arc<ClientConfig>,
}

impl Client {
    /// A client for a proxy (`http://127.0.0.1:port`) and a CA file.
    pub fn new(proxy: &str, ca_file: &Path) -> io::Result<Self> {
        let mut roots = RootCertStore::empty();
        let root = CertificateDer::from_pem_file(ca_file).map_err(io::Error::other)?;
        roots.add(root).map_err(io::Error::other)?;
        let tls = ClientConfig::builder_with_provider(ring::default_provider().into())
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let proxy = proxy.trim_start_matches("http://").trim_end_matches('/').to_owned();
        Ok(Self { proxy, tls: Arc::new(tls) })
    }

    /// GET without headers.
    pub fn get(&self, url: &str) -> io::Result<Reply> {
        self.request("GET", url, &[], b"")
    }

    /// POST of a form.
    pub fn post_form(&self, url: &str, form: &[(&str, &str)]) -> io::Result<Reply> {
        let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let kind = [("Content-Type", "application/x-www-form-urlencoded")];
        self.request("POST", url, &kind, form.as_bytes())
    }

    /// Any request. Loopback addresses are called directly, everything else through the proxy.
    pub fn request(
        &self,
        method: &str,
        url: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> io::Result<Reply> {
        let url = Url::parse(url).map_err(io::Error::other)?;
        let host = url.host_str().unwrap_or_default().to_owned();
        let port = url.port_or_known_default().unwrap_or_default();
        let path = &url[url::Position::BeforePath..url::Position::AfterQuery];
        let loopback = ["localhost", "127.0.0.1"].contains(&host.as_str());
        let absolute = &url[..url::Position::AfterQuery];
        let target = if loopback || url.scheme() == "https" { path } else { absolute };
        let named = url.port().map_or(host.clone(), |port| format!("{host}:{port}"));
        let mut head = format!("{method} {target} HTTP/1.1\r\nHost: {named}\r\n");
        for (name, value) in headers {
            head += &format!("{name}: {value}\r\n");
        }
        if !body.is_empty() || method == "POST" {
            head += &format!("Content-Length: {}\r\n", body.len());
        }
        head += "Connection: close\r\n\r\n";
        let message = [head.as_bytes(), body].concat();
        if loopback {
            return exchange(connect(&format!("127.0.0.1:{port}"))?, &message, method);
        }
        let mut stream = connect(&self.proxy)?;
        if url.scheme() != "https" {
            return exchange(stream, &message, method);
        }
        write!(stream, "CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n")?;
        let (status, _) = read_head(&mut Unbuffered(&mut stream))?;
        if status != 200 {
            return Err(io::Error::other(format!("the proxy answered {status} for {host}")));
        }
        let name = ServerName::try_from(host).map_err(io::Error::other)?;
        let connection =
            ClientConnection::new(Arc::clone(&self.tls), name).map_err(io::Error::other)?;
        exchange(StreamOwned::new(connection, stream), &message, method)
    }
}

fn connect(address: &str) -> io::Result<TcpStream> {
    let stream = retried(|| TcpStream::connect(address))?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    Ok(stream)
}

/// Sockets with a timeout are woken when a debugger or a terminal stops and continues somebody.
fn retried<T>(mut attempt: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match attempt() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

/// Reads byte by byte, so that nothing after the head is taken.
struct Unbuffered<'a>(&'a mut TcpStream);

impl Read for Unbuffered<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let end = buffer.len().min(1);
        self.0.read(&mut buffer[..end])
    }
}

fn exchange(mut stream: impl Read + Write, message: &[u8], method: &str) -> io::Result<Reply> {
    stream.write_all(message)?;
    retried(|| stream.flush())?;
    let mut reader = BufReader::new(stream);
    let (mut status, mut headers) = read_head(&mut reader)?;
    while status == 100 {
        (status, headers) = read_head(&mut reader)?;
    }
    let mut reply = Reply { status, headers, body: vec![] };
    let chunked = reply.header("transfer-encoding").is_some_and(|v| v.contains("chunked"));
    let length = reply.header("content-length").and_then(|v| v.parse::<u64>().ok());
    if method == "HEAD" || status == 204 || status == 304 {
        return Ok(reply);
    }
    if chunked {
        reply.body = read_chunks(&mut reader)?;
    } else if let Some(length) = length {
        reader.take(length).read_to_end(&mut reply.body)?;
    } else {
        match reader.read_to_end(&mut reply.body) {
            Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => return Err(error),
            _ => {}
        }
    }
    Ok(reply)
}

type Head = (u16, Vec<(String, String)>);

fn read_head(reader: &mut impl Read) -> io::Result<Head> {
    let mut raw = vec![];
    let mut byte = [0];
    while !raw.ends_with(b"\r\n\r\n") {
        if retried(|| reader.read(&mut byte))? == 0 || raw.len() > 64 * 1024 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        raw.push(byte[0]);
    }
    let text = String::from_utf8_lossy(&raw);
    let mut lines = text.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok());
    let headers = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    Ok((status.ok_or(io::ErrorKind::InvalidData)?, headers))
}

fn read_chunks(reader: &mut BufReader<impl Read>) -> io::Result<Vec<u8>> {
    let mut body = vec![];
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let size = line.trim().split(';').next().unwrap_or_default();
        let size = u64::from_str_radix(size, 16).map_err(io::Error::other)?;
        if size == 0 {
            return Ok(body);
        }
        reader.take(size).read_to_end(&mut body)?;
        reader.read_line(&mut String::new())?;
    }
}
