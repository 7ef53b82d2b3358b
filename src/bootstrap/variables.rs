//! What is given in environment variables, and in files they name (mounted secrets).

use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::time::Instant;

use zeroize::Zeroizing;

use super::given::{Given, GivenHost, GivenOAuth, GivenSecret, GivenToken};
use super::mounted;
use crate::azure::{Organization, VirtualDirectory};
use crate::integration::{HostKey, HostSpec, ScmId};
use crate::report::{Exit, Failure, quoted};
use crate::secret::Secret;
use crate::when::parse_end;

/// No value is longer, in bytes.
const LIMIT: usize = 64 << 10;

/// The names, each also with `_FILE` behind.
const NAMES: [&str; 14] = [
    "ONA_AZURE_HOST",
    "ONA_AZURE_SCM_ID",
    "ONA_AZURE_ISSUER_URL",
    "ONA_AZURE_CLIENT_ID",
    "ONA_AZURE_CLIENT_SECRET",
    "ONA_AZURE_ENCRYPTED_CLIENT_SECRET",
    "ONA_AZURE_VIRTUAL_DIRECTORY",
    "ONA_AZURE_ALLOW_HTTP",
    "ONA_AZURE_PAT",
    "ONA_AZURE_PAT_EXPIRES",
    "ONA_AZURE_PAT_ORGANIZATION",
    "ONA_AZURE_REFRESH_TOKEN",
    "ONA_AZURE_REFRESH_TOKEN_PUBLIC_CLIENT",
    "ONA_AZURE_RUNNER_NAME",
];

/// How a variable of the environment is looked up.
pub type Variables<'v> = &'v dyn Fn(&str) -> Option<OsString>;

/// The values by their names, from wherever they came.
struct Values(Vec<(&'static str, Zeroizing<String>)>);

/// Reads them; waits until `deadline` for files that are not there yet.
///
/// # Errors
/// A file that cannot be read, a value that makes no sense, or nothing at all.
pub fn read(variable: Variables<'_>, deadline: Instant, now: u64) -> Result<Given, Failure> {
    let mut values = Vec::new();
    for name in NAMES {
        if let Some(value) = value(variable, name, deadline)? {
            values.push((name, value));
        }
    }
    Values(values).given(now)
}

/// The file wins over the variable; a line feed at its end is not part of it.
fn value(
    variable: Variables<'_>,
    name: &str,
    deadline: Instant,
) -> Result<Option<Zeroizing<String>>, Failure> {
    let file = format!("{name}_FILE");
    if let Some(path) = variable(&file).filter(|path| !path.is_empty()) {
        return from_file(&file, Path::new(&path), deadline).map(Some);
    }
    let Some(value) = variable(name) else { return Ok(None) };
    let value = value.into_string().map_err(|value| {
        drop(Zeroizing::new(value.into_encoded_bytes()));
        usage(format!("{name} holds no text (UTF-8)"), "write the value alone")
    })?;
    let value = Zeroizing::new(value);
    // An unset secret of a script's leaves it so, and taken for nothing it would make a public client.
    if name.ends_with("CLIENT_SECRET") && value.trim().is_empty() {
        return Err(usage(
            format!("{name} is set and empty"),
            "give the client secret, or unset the variable where the app has none",
        ));
    }
    // Set and empty is as good as not set.
    Ok(Some(trimmed(&value)).filter(|value| !value.is_empty()))
}

fn from_file(file: &str, path: &Path, deadline: Instant) -> Result<Zeroizing<String>, Failure> {
    let has_something = |bytes: &[u8]| !bytes.trim_ascii().is_empty();
    let path_said = quoted(&path.to_string_lossy());
    let late = "mount it first, or wait for it: git-credential-ona-azure bootstrap --wait 60s";
    let bytes = mounted::read(path, LIMIT, deadline, has_something).map_err(|error| {
        let (hint, exit) = match error.kind() {
            io::ErrorKind::NotFound => (late, Exit::Unavailable),
            io::ErrorKind::FileTooLarge => ("write the value alone", Exit::Usage),
            _ => ("let this account read it", Exit::Failed),
        };
        let text = format!("{file} names {path_said}, which cannot be read: {error}");
        Failure::new(text).hint(hint).exit(exit)
    })?;
    let text = std::str::from_utf8(mounted::without_mark(&bytes)).map_err(|_| {
        let text = format!("{file} names {path_said}, which holds no text (UTF-8)");
        usage(text, "write the value alone")
    })?;
    let text = trimmed(text);
    // Taken for nothing, an empty client secret would make a public client.
    if text.is_empty() {
        return Err(Failure::new(format!("{file} names {path_said}, which is empty"))
            .hint(late)
            .exit(Exit::Unavailable));
    }
    Ok(text)
}

fn trimmed(text: &str) -> Zeroizing<String> {
    Zeroizing::new(text.trim().to_owned())
}

impl Values {
    /// What is no secret.
    fn get(&self, name: &str) -> Option<String> {
        self.find(name).map(str::to_owned)
    }

    fn secret(&self, name: &str) -> Option<Secret> {
        self.find(name).map(Secret::from)
    }

    fn find(&self, name: &str) -> Option<&str> {
        let known =
            |known: &&(&str, Zeroizing<String>)| known.0.strip_prefix("ONA_AZURE_") == Some(name);
        self.0.iter().find(known).map(|(_, value)| value.as_str())
    }

    fn given(&self, now: u64) -> Result<Given, Failure> {
        let runner_name = self.get("RUNNER_NAME");
        let host = match self.get("HOST") {
            Some(host) => host,
            // Of all that may be given, only a host, an issuer or a token says that somebody means it.
            None if ["ISSUER_URL", "PAT", "REFRESH_TOKEN"]
                .iter()
                .any(|name| self.find(name).is_some()) =>
            {
                "dev.azure.com".to_owned()
            }
            None => {
                return Err(usage(
                    "nothing is given to bootstrap",
                    "set ONA_AZURE_HOST and what belongs to it (see bootstrap --help), or pass a document with --from",
                ));
            }
        };
        let spec = HostSpec::parse(&host).ok_or_else(|| {
            usage(
                format!("ONA_AZURE_HOST is {}, which is no host", quoted(&host)),
                "write dev.azure.com, dev.azure.com/ORGANIZATION, or a Server's host[:port]",
            )
        })?;
        let host = GivenHost {
            scm_id: scm_id(self.get("SCM_ID").as_deref(), &spec)?,
            oauth: self.oauth()?,
            pat: None,
            virtual_directory: self
                .get("VIRTUAL_DIRECTORY")
                .map(|path| directory(&path))
                .transpose()?,
            allow_http: self
                .get("ALLOW_HTTP")
                .map(|text| yes_or_no("ONA_AZURE_ALLOW_HTTP", &text))
                .transpose()?,
            trusted_issuers: Vec::new(),
            tokens: self.tokens(&spec, now)?,
            spec,
        };
        Ok(Given { runner_name, hosts: vec![host], skipped: Vec::new() })
    }

    fn oauth(&self) -> Result<Option<GivenOAuth>, Failure> {
        let plain = self.secret("CLIENT_SECRET");
        let sealed = self.get("ENCRYPTED_CLIENT_SECRET");
        let secret = match (plain, sealed) {
            (Some(_), Some(_)) => {
                return Err(usage(
                    "the client secret is given twice, in clear and encrypted",
                    "keep one of ONA_AZURE_CLIENT_SECRET and ONA_AZURE_ENCRYPTED_CLIENT_SECRET",
                ));
            }
            (Some(plain), None) => Some(GivenSecret::Plain(plain)),
            (None, Some(sealed)) => Some(GivenSecret::Sealed(super::document::armored(&sealed)?)),
            (None, None) => None,
        };
        match (self.get("ISSUER_URL"), self.get("CLIENT_ID")) {
            (Some(issuer_url), Some(client_id)) => {
                Ok(Some(GivenOAuth { client_id, issuer_url, secret }))
            }
            (None, None) if secret.is_none() => Ok(None),
            (issuer, _) => Err(usage(
                "OAuth is given in part only",
                if issuer.is_none() {
                    "set ONA_AZURE_ISSUER_URL"
                } else {
                    "set ONA_AZURE_CLIENT_ID"
                },
            )),
        }
    }

    fn tokens(&self, spec: &HostSpec, now: u64) -> Result<Vec<GivenToken>, Failure> {
        let mut tokens = Vec::new();
        if let Some(secret) = self.secret("PAT") {
            let organization = self.get("PAT_ORGANIZATION");
            let organization =
                organization.map(|name| organization_of(&name, &spec.key)).transpose()?;
            let expires_at = self
                .get("PAT_EXPIRES")
                .map(|text| {
                    parse_end(&text, now).ok_or_else(|| {
                        usage(
                            format!("ONA_AZURE_PAT_EXPIRES is {}", quoted(&text)),
                            "write 30d, 2027-01-31 or 2027-01-31T12:00:00Z",
                        )
                    })
                })
                .transpose()?;
            tokens.push(GivenToken::Pat {
                secret,
                organization,
                username: String::new(),
                expires_at,
            });
        }
        if let Some(secret) = self.secret("REFRESH_TOKEN") {
            let public = self.get("REFRESH_TOKEN_PUBLIC_CLIENT");
            let public = public.map_or(Ok(false), |text| {
                yes_or_no("ONA_AZURE_REFRESH_TOKEN_PUBLIC_CLIENT", &text)
            })?;
            tokens.push(GivenToken::Refresh { secret, organization: None, public });
        }
        Ok(tokens)
    }
}

fn yes_or_no(name: &str, text: &str) -> Result<bool, Failure> {
    match text.to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" => Ok(true),
        "0" | "false" | "no" => Ok(false),
        _ => Err(usage(format!("{name} is {}", quoted(text)), "write true or false")),
    }
}

pub(super) fn scm_id(text: Option<&str>, spec: &HostSpec) -> Result<ScmId, Failure> {
    match (text, &spec.key) {
        (Some("azuredevops_entra"), _) | (None, HostKey::Cloud) => Ok(ScmId::Entra),
        (Some("azuredevops_server"), _) | (None, HostKey::Server(_)) => Ok(ScmId::Server),
        (Some(other), _) => Err(usage(
            format!("{} is no kind of integration", quoted(other)),
            "write azuredevops_entra or azuredevops_server",
        )),
    }
}

pub(super) fn directory(path: &str) -> Result<VirtualDirectory, Failure> {
    VirtualDirectory::parse(path).ok_or_else(|| {
        usage(format!("{} is no virtual directory", quoted(path)), "write it as /tfs")
    })
}

pub(super) fn organization_of(name: &str, key: &HostKey) -> Result<Organization, Failure> {
    let organization = match key {
        HostKey::Cloud => Organization::cloud(name),
        HostKey::Server(_) => Organization::collection(name),
    };
    organization.ok_or_else(|| {
        usage(
            format!("{} is no organization", quoted(name)),
            "write its name alone, as it stands in the address of its repositories",
        )
    })
}

pub(super) fn usage(text: impl Into<String>, hint: impl Into<String>) -> Failure {
    Failure::new(text).hint(hint).exit(Exit::Usage)
}
