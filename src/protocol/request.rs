//! The attribute list a caller writes: `key=value` lines up to a blank line or the end.

use std::io::{self, BufRead, Read as _};

use thiserror::Error;
use url::Url;
use zeroize::Zeroizing;

use crate::report::escape_bytes;
use crate::secret::Secret;

/// The longest line accepted, its line feed included: the limit git-credential(1) documents.
pub const LINE_LIMIT: usize = 65_535;

/// The longest request accepted, in bytes. git's own stay far below 100 KiB.
pub const REQUEST_LIMIT: usize = 1 << 20;

/// What the caller said. Absent and empty values are distinct.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// `protocol`: `https`, `http`, or something that is not ours.
    pub protocol: Option<Vec<u8>>,
    /// `host`: name and port as typed, percent-decoded by git.
    pub host: Option<Vec<u8>>,
    /// `path`: percent-decoded by git, without the outer slashes, the query kept.
    pub path: Option<Vec<u8>>,
    /// `username`, from the URL, git's configuration or an earlier helper.
    pub username: Option<Vec<u8>>,
    /// `password`, in `store` and `erase`.
    pub password: Option<Secret>,
    /// `authtype`: the scheme of an `Authorization` header.
    pub authtype: Option<Vec<u8>>,
    /// `credential`: what follows the scheme in that header.
    pub credential: Option<Secret>,
    /// `ephemeral`: the credential must not be kept.
    pub ephemeral: bool,
    /// `password_expiry_utc`, seconds since the epoch; absent also where git reads "never".
    pub password_expiry_utc: Option<u64>,
    /// `oauth_refresh_token` of whoever made the password.
    pub oauth_refresh_token: Option<Secret>,
    /// `wwwauth[]`: the `WWW-Authenticate` headers of the 401, in order.
    pub wwwauth: Vec<Vec<u8>>,
    /// `state[]`: what helpers asked git to give back.
    pub state: Vec<Vec<u8>>,
    /// `capability[]`: what the caller understands.
    pub capabilities: Capabilities,
}

/// The optional parts of the protocol a caller announced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// `authtype` and `credential` instead of `username` and `password`.
    pub authtype: bool,
    /// `state[]` and `continue`.
    pub state: bool,
}

/// Why a request is refused. Says nothing of any value but names of keys.
#[derive(Debug, Error)]
pub enum Reject {
    /// A carriage return inside a value, or at the end of some lines only (CVE-2024-52006).
    #[error("a carriage return inside the credential request")]
    CarriageReturn,
    /// A NUL byte.
    #[error("a NUL byte inside the credential request")]
    Nul,
    /// A line that is not `key=value`.
    #[error("line {0} of the credential request is not key=value")]
    NotAPair(usize),
    /// The same single-valued key twice with different values (CVE-2020-5260).
    #[error("the credential request gives two different values for {0}")]
    Contradiction(&'static str),
    /// A boolean git could not read either.
    #[error("the credential request has no boolean in {0}")]
    NotABoolean(&'static str),
    /// `url=` that cannot be read.
    #[error("the credential request has an unusable url")]
    BadUrl,
    /// Over [`LINE_LIMIT`] or [`REQUEST_LIMIT`].
    #[error("the credential request is too long")]
    TooLong,
    /// The caller went away.
    #[error("the credential request cannot be read: {0}")]
    Io(#[from] io::Error),
}

impl Request {
    /// Whether the server offers NTLM or Negotiate, as far as git says (`wwwauth[]`, since 2.41).
    pub fn offers_windows_authentication(&self) -> bool {
        self.wwwauth.iter().any(|header| {
            let scheme = header.split(|byte| byte.is_ascii_whitespace()).next().unwrap_or_default();
            scheme.eq_ignore_ascii_case(b"ntlm") || scheme.eq_ignore_ascii_case(b"negotiate")
        })
    }

    /// Reads one request. Returns at the blank line without waiting for the end of the stream:
    /// not every caller closes its pipe.
    ///
    /// # Errors
    /// See [`Reject`]; nothing of a refused request may be used.
    pub fn read(input: &mut impl BufRead) -> Result<Self, Reject> {
        let mut request = Self::default();
        let mut line_ends = LineEnds::default();
        let mut total = 0;
        let mut line = Zeroizing::new(Vec::with_capacity(4096));
        for number in 1.. {
            line.clear();
            let read = input.by_ref().take(LINE_LIMIT as u64 + 1).read_until(b'\n', &mut line)?;
            total += read;
            if read > LINE_LIMIT || total > REQUEST_LIMIT {
                return Err(Reject::TooLong);
            }
            let ended = line.last() == Some(&b'\n');
            let content = line.strip_suffix(b"\n").unwrap_or(&line);
            if content.is_empty() && !ended {
                break;
            }
            let content = line_ends.strip(content, ended)?;
            if content.is_empty() {
                break;
            }
            request.set(content, number)?;
            if !ended {
                break;
            }
        }
        Ok(request)
    }

    fn set(&mut self, line: &[u8], number: usize) -> Result<(), Reject> {
        if line.contains(&b'\0') {
            return Err(Reject::Nul);
        }
        let equals = line.iter().position(|&byte| byte == b'=').ok_or(Reject::NotAPair(number))?;
        let (key, value) = (&line[..equals], &line[equals + 1..]);
        match key {
            b"protocol" => single(&mut self.protocol, value, "protocol"),
            b"host" => single(&mut self.host, value, "host"),
            b"path" => single(&mut self.path, value, "path"),
            b"username" => single(&mut self.username, value, "username"),
            b"password" => secret(&mut self.password, value, "password"),
            b"authtype" => single(&mut self.authtype, value, "authtype"),
            b"credential" => secret(&mut self.credential, value, "credential"),
            b"oauth_refresh_token" => {
                secret(&mut self.oauth_refresh_token, value, "oauth_refresh_token")
            }
            b"ephemeral" => boolean(value).map(|flag| self.ephemeral = flag),
            b"password_expiry_utc" => self.set_expiry(value),
            b"url" => self.set_url(value),
            b"wwwauth[]" => {
                push(&mut self.wwwauth, value);
                Ok(())
            }
            b"state[]" => {
                push(&mut self.state, value);
                Ok(())
            }
            b"capability[]" => {
                match value {
                    b"authtype" => self.capabilities.authtype = true,
                    b"state" => self.capabilities.state = true,
                    _ => {}
                }
                Ok(())
            }
            // Unknown attributes are discarded, as gitcredentials(7) asks of every reader.
            _ => Ok(()),
        }
    }

    /// git reads 0, text and anything out of range as "never".
    fn set_expiry(&mut self, value: &[u8]) -> Result<(), Reject> {
        let expiry = std::str::from_utf8(value)
            .ok()
            .filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))
            .and_then(|text| text.parse::<u64>().ok())
            .filter(|&seconds| seconds > 0 && i64::try_from(seconds).is_ok());
        match (self.password_expiry_utc, expiry) {
            (Some(old), Some(new)) if old != new => {
                Err(Reject::Contradiction("password_expiry_utc"))
            }
            _ => {
                self.password_expiry_utc = expiry;
                Ok(())
            }
        }
    }

    /// git never sends `url` to a helper; other callers do. It may add to what the other keys
    /// say, never contradict them.
    fn set_url(&mut self, value: &[u8]) -> Result<(), Reject> {
        let text = std::str::from_utf8(value).map_err(|_| Reject::BadUrl)?;
        let url = Url::parse(text).map_err(|_| Reject::BadUrl)?;
        let decode = |part: &str| percent_encoding::percent_decode_str(part).collect::<Vec<u8>>();
        let mut host = url.host_str().map(decode).ok_or(Reject::BadUrl)?;
        if let Some(port) = url.port() {
            host.extend_from_slice(format!(":{port}").as_bytes());
        }
        let path = decode(url.path().trim_matches('/'));
        let parts = [&host, &path];
        if parts.iter().any(|part| part.iter().any(|byte| byte.is_ascii_control())) {
            return Err(Reject::BadUrl);
        }
        single(&mut self.protocol, url.scheme().as_bytes(), "protocol")?;
        single(&mut self.host, &host, "host")?;
        if !path.is_empty() {
            single(&mut self.path, &path, "path")?;
        }
        if !url.username().is_empty() {
            single(&mut self.username, &decode(url.username()), "username")?;
        }
        if let Some(password) = url.password() {
            secret(&mut self.password, &Zeroizing::new(decode(password)), "password")?;
        }
        Ok(())
    }

    /// `protocol://host`, made safe to show.
    pub fn shown(&self) -> String {
        let part = |value: &Option<Vec<u8>>| escape_bytes(value.as_deref().unwrap_or_default());
        format!("{}://{}", part(&self.protocol), part(&self.host))
    }
}

fn single(slot: &mut Option<Vec<u8>>, value: &[u8], key: &'static str) -> Result<(), Reject> {
    match slot {
        Some(old) if old != value => Err(Reject::Contradiction(key)),
        _ => {
            *slot = Some(value.to_vec());
            Ok(())
        }
    }
}

fn secret(slot: &mut Option<Secret>, value: &[u8], key: &'static str) -> Result<(), Reject> {
    let value = Secret::new(value);
    match slot {
        Some(old) if *old != value => Err(Reject::Contradiction(key)),
        _ => {
            *slot = Some(value);
            Ok(())
        }
    }
}

/// An empty element resets the list (git-credential(1)).
fn push(list: &mut Vec<Vec<u8>>, value: &[u8]) {
    if value.is_empty() {
        list.clear();
    } else {
        list.push(value.to_vec());
    }
}

/// The words git's own configuration takes for booleans.
fn boolean(value: &[u8]) -> Result<bool, Reject> {
    match value.to_ascii_lowercase().as_slice() {
        b"1" | b"true" | b"yes" | b"on" => Ok(true),
        b"0" | b"false" | b"no" | b"off" | b"" => Ok(false),
        _ => Err(Reject::NotABoolean("ephemeral")),
    }
}

/// Callers in text mode end every line with CR LF. A CR on some lines only is part of a value,
/// and a value with a CR is an attack (CVE-2024-52006, CVE-2024-50338).
#[derive(Default)]
struct LineEnds {
    carriage_return: Option<bool>,
}

impl LineEnds {
    fn strip<'l>(&mut self, line: &'l [u8], ended: bool) -> Result<&'l [u8], Reject> {
        let (content, has_cr) = match line.strip_suffix(b"\r") {
            Some(content) => (content, true),
            None => (line, false),
        };
        let expected = *self.carriage_return.get_or_insert(has_cr);
        // A last line cut off by the end of the stream may lack its CR along with its LF.
        let consistent = expected == has_cr || (!ended && expected);
        if !consistent || content.contains(&b'\r') {
            return Err(Reject::CarriageReturn);
        }
        Ok(content)
    }
}

#[cfg(test)]
mod tests;
