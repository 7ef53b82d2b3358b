//! What is given as one JSON document, in the words of Ona's `SCMIntegration` and
//! `HostAuthenticationToken` (gitpod.v1, RunnerConfigurationService).

mod write;

use std::io::{self, stdin};
use std::path::Path;
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use zeroize::Zeroizing;

use super::given::{Given, GivenHost, GivenOAuth, GivenSecret, GivenToken};
use super::mounted;
use super::variables::{directory, organization_of, scm_id, usage};
use crate::integration::HostSpec;
use crate::report::{Exit, Failure, quoted};
use crate::secret::Secret;
use crate::vault::armor;
use crate::when::parse_end;

pub use write::write;

/// The longest document read, in bytes.
const LIMIT: usize = 1 << 20;

/// Reads a document from a file, `-` being standard input; waits until `deadline` for one that is
/// not there yet, or not whole.
///
/// # Errors
/// If it cannot be read.
pub fn load(from: &Path, deadline: Instant) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let is_json =
        |bytes: &[u8]| serde_json::from_slice::<IgnoredAny>(mounted::without_mark(bytes)).is_ok();
    let read = if from == Path::new("-") {
        mounted::all(stdin().lock(), LIMIT)
    } else {
        mounted::read(from, LIMIT, deadline, is_json)
    };
    read.map_err(|error| {
        let late = error.kind() == io::ErrorKind::NotFound;
        let path = quoted(&from.to_string_lossy());
        let failure = Failure::new(format!("the document {path} cannot be read: {error}"));
        match error.kind() {
            _ if late => failure
                .hint("mount it first, or wait for it: git-credential-ona-azure bootstrap --wait 60s --from FILE")
                .exit(Exit::Unavailable),
            io::ErrorKind::FileTooLarge => failure.exit(Exit::Usage),
            _ => failure.hint("let this account read it"),
        }
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Document {
    #[serde(default)]
    #[allow(dead_code, reason = "any version that can be read is read")]
    version: Option<u64>,
    #[serde(default)]
    runner_name: Option<String>,
    #[serde(default)]
    integrations: Option<Vec<WireHost>>,
    #[serde(default, alias = "hostAuthenticationTokens")]
    tokens: Vec<WireToken>,
}

/// Ona's messages have more fields (`id`, `runnerId`), which say nothing here.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireHost {
    host: String,
    #[serde(default)]
    scm_id: Option<String>,
    #[serde(default)]
    oauth: Option<WireOAuth>,
    #[serde(default)]
    oauth_client_id: Option<String>,
    #[serde(default)]
    oauth_plaintext_client_secret: Option<WireSecret>,
    #[serde(default)]
    issuer_url: Option<String>,
    #[serde(default)]
    pat: Option<bool>,
    #[serde(default)]
    virtual_directory: Option<String>,
    #[serde(default)]
    allow_http: Option<bool>,
    #[serde(default)]
    trusted_issuers: Vec<String>,
}

/// A secret under a name that is not known would leave a client without one.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WireOAuth {
    client_id: String,
    issuer_url: String,
    #[serde(default)]
    encrypted_client_secret: Option<String>,
    #[serde(default)]
    plaintext_client_secret: Option<WireSecret>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireToken {
    host: String,
    #[serde(default)]
    source: Option<String>,
    #[serde(default)]
    token: Option<WireSecret>,
    #[serde(default)]
    refresh_token: Option<WireSecret>,
    #[serde(default)]
    expires_at: Option<Value>,
    #[serde(default)]
    organization: Option<String>,
    #[serde(default)]
    username: Option<String>,
    #[serde(default)]
    public_client: bool,
}

/// Text that is wiped.
struct WireSecret(Secret);

impl<'de> Deserialize<'de> for WireSecret {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Zeroizing::new(String::deserialize(deserializer)?);
        Ok(Self(Secret::from(text.trim())))
    }
}

/// Reads a document.
///
/// # Errors
/// The first field that makes no sense; never what stands in it, which may be a secret.
pub fn read(bytes: &[u8], now: u64) -> Result<Given, Failure> {
    let hint = "see install/README.md for one, and bootstrap --help";
    let bytes = mounted::without_mark(bytes);
    let not_json = |error: &serde_json::Error| {
        let (line, column) = (error.line(), error.column());
        usage(format!("the document is not JSON, line {line} column {column}"), hint)
    };
    // Straight from the bytes: what lies in between would not be wiped.
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let document: Document = serde_path_to_error::deserialize(&mut deserializer).map_err(
        |error: serde_path_to_error::Error<serde_json::Error>| {
            if error.inner().classify() != serde_json::error::Category::Data {
                return not_json(error.inner());
            }
            let place = place(&error.path().to_string());
            usage(format!("{place} of the document is missing, unknown or of the wrong type"), hint)
        },
    )?;
    deserializer.end().map_err(|error| not_json(&error))?;
    if document.integrations.is_none() && document.tokens.is_empty() {
        return Err(usage("the document holds neither integrations nor tokens", hint));
    }
    let mut hosts: Vec<GivenHost> = Vec::new();
    for host in document.integrations.unwrap_or_default() {
        let host = host.given()?;
        if hosts.iter().any(|known| known.spec.key == host.spec.key) {
            return Err(usage(format!("{} is given twice", host.spec.key), "keep one of the two"));
        }
        hosts.push(host);
    }
    for token in document.tokens {
        let spec = spec(&token.host)?;
        let Some(host) = hosts.iter_mut().find(|host| host.spec.key == spec.key) else {
            return Err(usage(
                format!("a token is given for {spec}, which is none of the integrations"),
                "add an integration for that host",
            ));
        };
        let token = token.given(&spec, now)?;
        host.tokens.push(token);
    }
    Ok(Given { runner_name: document.runner_name, hosts })
}

fn place(path: &str) -> String {
    if path == "." { "something".to_owned() } else { path.to_owned() }
}

fn spec(host: &str) -> Result<HostSpec, Failure> {
    HostSpec::parse(host).ok_or_else(|| {
        usage(
            format!("{} is no host", quoted(host)),
            "write dev.azure.com, dev.azure.com/<organization>, or a Server's host[:port]",
        )
    })
}

impl WireHost {
    fn given(self) -> Result<GivenHost, Failure> {
        let spec = spec(&self.host)?;
        // CreateSCMIntegrationRequest is flat, SCMIntegration is not.
        let oauth = match (self.oauth, self.oauth_client_id) {
            (Some(oauth), _) => Some(oauth),
            (None, Some(client_id)) => Some(WireOAuth {
                client_id,
                issuer_url: self.issuer_url.unwrap_or_default(),
                encrypted_client_secret: None,
                plaintext_client_secret: self.oauth_plaintext_client_secret,
            }),
            (None, None) => None,
        };
        Ok(GivenHost {
            scm_id: scm_id(self.scm_id.as_deref(), &spec)?,
            oauth: oauth.map(WireOAuth::given).transpose()?,
            pat: self.pat,
            virtual_directory: self.virtual_directory.map(|path| directory(&path)).transpose()?,
            allow_http: self.allow_http,
            trusted_issuers: self.trusted_issuers,
            tokens: Vec::new(),
            spec,
        })
    }
}

impl WireOAuth {
    fn given(self) -> Result<GivenOAuth, Failure> {
        let plain = self.plaintext_client_secret.filter(|secret| !secret.0.is_empty());
        let sealed = self.encrypted_client_secret.filter(|sealed| !sealed.is_empty());
        let secret = match (plain, sealed) {
            (Some(_), Some(_)) => {
                return Err(usage(
                    "the client secret is given twice, in clear and encrypted",
                    "keep one of plaintextClientSecret and encryptedClientSecret",
                ));
            }
            (Some(plain), None) => Some(GivenSecret::Plain(plain.0)),
            (None, Some(sealed)) => Some(GivenSecret::Sealed(armored(&sealed)?)),
            (None, None) => None,
        };
        Ok(GivenOAuth { client_id: self.client_id, issuer_url: self.issuer_url, secret })
    }
}

impl WireToken {
    fn given(self, spec: &HostSpec, now: u64) -> Result<GivenToken, Failure> {
        let organization = match self.organization {
            Some(name) => Some(organization_of(&name, &spec.key)?),
            None => spec.organization.clone(),
        };
        let refresh = self.refresh_token.filter(|token| !token.0.is_empty());
        let token = self.token.filter(|token| !token.0.is_empty());
        let source = self.source.unwrap_or_default().to_ascii_lowercase();
        let is_pat = source.ends_with("pat") || (source.is_empty() && refresh.is_none());
        match (is_pat, token, refresh) {
            (true, Some(token), _) => Ok(GivenToken::Pat {
                secret: token.0,
                organization,
                username: self.username.unwrap_or_default(),
                expires_at: self.expires_at.map(|end| end_of(&end, now)).transpose()?,
            }),
            (false, _, Some(refresh)) => {
                let public = self.public_client;
                Ok(GivenToken::Refresh { secret: refresh.0, organization, public })
            }
            (false, Some(_), None) => Err(usage(
                format!(
                    "the OAuth token for {spec} comes without a refresh token, so it would end within the hour"
                ),
                "give its refreshToken too",
            )),
            _ => Err(usage(format!("a token for {spec} is empty"), "give token, or refreshToken")),
        }
    }
}

/// Protobuf's JSON writes a Timestamp as RFC 3339; seconds since the epoch are taken, too.
fn end_of(value: &Value, now: u64) -> Result<u64, Failure> {
    let end = match value {
        Value::Number(seconds) => seconds.as_u64(),
        Value::String(text) => parse_end(text, now),
        _ => None,
    };
    end.ok_or_else(|| usage("expiresAt is no time", "write 2027-01-31T12:00:00Z"))
}

/// A sealed client secret as the integrations file keeps it. Protobuf's JSON writes bytes as
/// base64, of the armored form or of age's own.
pub(super) fn armored(text: &str) -> Result<String, Failure> {
    const BEGIN: &str = "-----BEGIN AGE ENCRYPTED FILE-----";
    let text = text.trim();
    if text.starts_with(BEGIN) {
        return Ok(text.to_owned());
    }
    let decoded = STANDARD.decode(text.replace(['\n', '\r', ' '], "")).ok();
    let found = decoded.and_then(|bytes| {
        if bytes.starts_with(b"age-encryption.org/") {
            return Some(armor(&bytes));
        }
        String::from_utf8(bytes).ok().filter(|text| text.starts_with(BEGIN))
    });
    found.ok_or_else(|| {
        usage(
            "the encrypted client secret is not in the format of age",
            "make it with: age -a -r $(git-credential-ona-azure key show)",
        )
    })
}
