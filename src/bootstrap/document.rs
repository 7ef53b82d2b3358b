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
    #[serde(default, alias = "runner_name")]
    runner_name: Option<String>,
    #[serde(default)]
    integrations: Option<Vec<WireHost>>,
    #[serde(default, alias = "hostAuthenticationTokens", alias = "host_authentication_tokens")]
    tokens: Vec<WireToken>,
    /// Answers of the API that are lists have it; it says nothing here.
    #[serde(default)]
    #[allow(dead_code, reason = "it is taken and not used")]
    pagination: Option<IgnoredAny>,
}

/// `GetSCMIntegration` and `CreateSCMIntegration` answer with one.
#[derive(Deserialize)]
struct Wrapped {
    integration: WireHost,
}

/// What a document is, by the members it has.
#[derive(Deserialize)]
struct Shape {
    #[serde(default)]
    integration: Option<IgnoredAny>,
    #[serde(default)]
    host: Option<IgnoredAny>,
}

/// Ona's messages have more fields (`id`, `runnerId`), which say nothing here.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireHost {
    host: String,
    #[serde(default, alias = "scm_id")]
    scm_id: Option<String>,
    #[serde(default)]
    oauth: Option<WireOAuth>,
    #[serde(default, alias = "oauth_client_id")]
    oauth_client_id: Option<String>,
    #[serde(default, alias = "oauth_plaintext_client_secret")]
    oauth_plaintext_client_secret: Option<WireSecret>,
    #[serde(default, alias = "oauth_encrypted_client_secret")]
    oauth_encrypted_client_secret: Option<String>,
    #[serde(default, alias = "issuer_url")]
    issuer_url: Option<String>,
    #[serde(default)]
    pat: Option<bool>,
    #[serde(default, alias = "virtual_directory")]
    virtual_directory: Option<String>,
    #[serde(default, alias = "allow_http")]
    allow_http: Option<bool>,
    #[serde(default, alias = "trusted_issuers")]
    trusted_issuers: Vec<String>,
}

/// A secret under a name that is not known would leave a client without one.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WireOAuth {
    #[serde(alias = "client_id")]
    client_id: String,
    #[serde(alias = "issuer_url")]
    issuer_url: String,
    #[serde(default, alias = "encrypted_client_secret")]
    encrypted_client_secret: Option<String>,
    #[serde(default, alias = "plaintext_client_secret")]
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
    #[serde(default, alias = "refresh_token")]
    refresh_token: Option<WireSecret>,
    #[serde(default, alias = "expires_at")]
    expires_at: Option<Value>,
    #[serde(default)]
    organization: Option<String>,
    #[serde(default)]
    username: Option<String>,
    #[serde(default, alias = "public_client")]
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
    let bytes = mounted::without_mark(bytes);
    let document = match shape(bytes) {
        Some(Form::List) => Document::of(typed::<Vec<WireHost>>(bytes)?),
        Some(Form::Wrapped) => Document::of(vec![typed::<Wrapped>(bytes)?.integration]),
        Some(Form::Bare) => Document::of(vec![typed::<WireHost>(bytes)?]),
        None => typed::<Document>(bytes)?,
    };
    if document.integrations.is_none() && document.tokens.is_empty() {
        return Err(usage("the document holds neither integrations nor tokens", HINT));
    }
    let mut skipped: Vec<String> = Vec::new();
    let mut hosts: Vec<GivenHost> = Vec::new();
    for host in document.integrations.unwrap_or_default() {
        if let Some(other) = host.of_another_provider() {
            skipped.push(other);
            continue;
        }
        let host = host.given()?;
        if hosts.iter().any(|known| known.spec == host.spec) {
            return Err(usage(format!("{} is given twice", host.spec), "keep one of the two"));
        }
        hosts.push(host);
    }
    for token in document.tokens {
        // The token of a host that was left out is left out with it.
        if skipped.iter().any(|host| host.eq_ignore_ascii_case(&token.host)) {
            continue;
        }
        let spec = spec(&token.host)?;
        let host = host_of(&mut hosts, &spec, token.organization.as_deref())?;
        let organization = spec.organization.clone().or_else(|| host.spec.organization.clone());
        let token = token.given(&HostSpec { organization, ..spec }, now)?;
        host.tokens.push(token);
    }
    Ok(Given { runner_name: document.runner_name, hosts, skipped })
}

const HINT: &str = "see install/README.md for one, and bootstrap --help";

/// A document that is not the program's own, but one message of Ona's API.
enum Form {
    List,
    Wrapped,
    Bare,
}

fn shape(bytes: &[u8]) -> Option<Form> {
    if bytes.trim_ascii_start().starts_with(b"[") {
        return Some(Form::List);
    }
    match serde_json::from_slice::<Shape>(bytes).ok()? {
        Shape { integration: Some(_), .. } => Some(Form::Wrapped),
        Shape { host: Some(_), .. } => Some(Form::Bare),
        Shape { .. } => None,
    }
}

/// Straight from the bytes: what lies in between would not be wiped.
fn typed<T: for<'de> Deserialize<'de>>(bytes: &[u8]) -> Result<T, Failure> {
    let not_json = |error: &serde_json::Error| {
        let (line, column) = (error.line(), error.column());
        usage(format!("the document is not JSON, line {line} column {column}"), HINT)
    };
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let document = serde_path_to_error::deserialize(&mut deserializer).map_err(
        |error: serde_path_to_error::Error<serde_json::Error>| {
            if error.inner().classify() != serde_json::error::Category::Data {
                return not_json(error.inner());
            }
            let place = place(&error.path().to_string());
            usage(format!("{place} of the document is missing, unknown or of the wrong type"), HINT)
        },
    )?;
    deserializer.end().map_err(|error| not_json(&error))?;
    Ok(document)
}

impl Document {
    fn of(integrations: Vec<WireHost>) -> Self {
        Self {
            version: None,
            runner_name: None,
            integrations: Some(integrations),
            tokens: Vec::new(),
            pagination: None,
        }
    }
}

/// The integration that a token is for: its organization's own, else the host's. Ona's message of a
/// token has no organization; it is then the only one there is.
fn host_of<'h>(
    hosts: &'h mut [GivenHost],
    spec: &HostSpec,
    organization: Option<&str>,
) -> Result<&'h mut GivenHost, Failure> {
    let named = organization.map(|name| organization_of(name, &spec.key)).transpose()?;
    let named = named.or_else(|| spec.organization.clone());
    let whole = HostSpec::whole(spec.key.clone());
    let on_host: Vec<&HostSpec> =
        hosts.iter().map(|host| &host.spec).filter(|known| known.key == spec.key).collect();
    let own = HostSpec { organization: named.clone(), ..whole.clone() };
    let chosen = match (&named, on_host.as_slice()) {
        (_, []) => {
            return Err(usage(
                format!("a token is given for {spec}, which is none of the integrations"),
                "add an integration for that host",
            ));
        }
        (Some(_), all) if all.contains(&&own) => own,
        (_, all) if all.contains(&&whole) => whole,
        (None, [only]) => (*only).clone(),
        (None, several) => {
            let several: Vec<_> = several.iter().map(ToString::to_string).collect();
            return Err(usage(
                format!(
                    "a token is given for {spec} and not its organization, and there are integrations for {}",
                    several.join(" and ")
                ),
                "name one of them as the token's host, or give its organization",
            ));
        }
        (Some(organization), _) => {
            return Err(usage(
                format!(
                    "a token is given for {spec}, organization {organization}, which is none of the integrations"
                ),
                format!("add an integration for {spec}/{organization}"),
            ));
        }
    };
    Ok(hosts.iter_mut().find(|host| host.spec == chosen).expect("it was just found"))
}

fn place(path: &str) -> String {
    if path == "." { "something".to_owned() } else { path.to_owned() }
}

fn spec(host: &str) -> Result<HostSpec, Failure> {
    HostSpec::parse(host).ok_or_else(|| {
        usage(
            format!("{} is no host", quoted(host)),
            "write dev.azure.com, dev.azure.com/ORGANIZATION, or a Server's host[:port]",
        )
    })
}

impl WireHost {
    /// The host, if it is an integration of another provider than Azure DevOps.
    fn of_another_provider(&self) -> Option<String> {
        let scm_id = self.scm_id.as_deref()?;
        (!scm_id.starts_with("azuredevops")).then(|| self.host.clone())
    }

    fn given(self) -> Result<GivenHost, Failure> {
        let spec = spec(&self.host)?;
        // CreateSCMIntegrationRequest is flat, SCMIntegration is not.
        let oauth = match (self.oauth, self.oauth_client_id) {
            (Some(oauth), _) => Some(oauth),
            (None, Some(client_id)) => Some(WireOAuth {
                client_id,
                issuer_url: self.issuer_url.unwrap_or_default(),
                encrypted_client_secret: self.oauth_encrypted_client_secret,
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
            (None, Some(sealed)) => Some(match armored(&sealed) {
                Ok(sealed) => GivenSecret::Sealed(sealed),
                Err(_) if is_ciphertext(&sealed) => GivenSecret::SealedElsewhere(sealed),
                Err(failure) => return Err(failure),
            }),
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

/// Whether it is base64 of bytes that are no text, as what Ona's runner seals. Text would be the secret
/// itself, and the file it would be kept in is readable by all.
fn is_ciphertext(text: &str) -> bool {
    let decoded = STANDARD.decode(text.trim()).map(Zeroizing::new);
    decoded.is_ok_and(|bytes| bytes.len() >= 32 && std::str::from_utf8(&bytes).is_err())
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
