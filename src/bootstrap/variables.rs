//! What is given in environment variables, and in files they name (mounted secrets).

use std::fs;
use std::io;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use super::given::{Given, GivenHost, GivenOAuth, GivenSecret, GivenToken};
use crate::azure::{Organization, VirtualDirectory};
use crate::integration::{HostKey, HostSpec, ScmId};
use crate::report::{Exit, Failure, quoted};
use crate::secret::Secret;
use crate::vault::read_bounded;
use crate::when::parse_end;

/// How often a file that is mounted late is looked for.
const LOOK: Duration = Duration::from_millis(100);

/// The names, each also with `_FILE` behind.
const NAMES: [&str; 13] = [
    "ONA_AZURE_HOST",
    "ONA_AZURE_SCM_ID",
    "ONA_AZURE_ISSUER_URL",
    "ONA_AZURE_CLIENT_ID",
    "ONA_AZURE_CLIENT_SECRET",
    "ONA_AZURE_ENCRYPTED_CLIENT_SECRET",
    "ONA_AZURE_VIRTUAL_DIRECTORY",
    "ONA_AZURE_PAT",
    "ONA_AZURE_PAT_EXPIRES",
    "ONA_AZURE_PAT_ORGANIZATION",
    "ONA_AZURE_REFRESH_TOKEN",
    "ONA_AZURE_REFRESH_TOKEN_PUBLIC_CLIENT",
    "ONA_AZURE_RUNNER_NAME",
];

/// How a variable of the environment is looked up.
pub type Variables<'v> = &'v dyn Fn(&str) -> Option<String>;

/// The values, from wherever they came.
struct Values<'v>(&'v dyn Fn(&str) -> Option<String>);

/// Reads them; waits until `deadline` for files that are not there yet.
///
/// # Errors
/// A file that cannot be read, a value that makes no sense, or nothing at all.
pub fn read(variable: Variables<'_>, deadline: Instant, now: u64) -> Result<Given, Failure> {
    let mut values: Vec<(&str, Zeroizing<String>)> = Vec::new();
    for name in NAMES {
        if let Some(value) = value(variable, name, deadline)? {
            values.push((name, value));
        }
    }
    let lookup = |name: &str| {
        values.iter().find(|(known, _)| *known == name).map(|(_, value)| value.to_string())
    };
    Values(&lookup).given(now)
}

/// The file wins over the variable; a line feed at its end is not part of it.
fn value(
    variable: Variables<'_>,
    name: &str,
    deadline: Instant,
) -> Result<Option<Zeroizing<String>>, Failure> {
    let file = format!("{name}_FILE");
    let Some(path) = variable(&file).filter(|path| !path.is_empty()) else {
        return Ok(variable(name).filter(|value| !value.is_empty()).map(Zeroizing::new));
    };
    let bytes = wait_for(Path::new(&path), deadline).map_err(|error| {
        let late = error.kind() == io::ErrorKind::NotFound;
        Failure::new(format!("{file} names {}, which cannot be read: {error}", quoted(&path)))
            .hint(if late {
                "mount it first, or wait for it: git-credential-ona-azure bootstrap --wait 60s"
            } else {
                "let this account read it"
            })
            .exit(if late { Exit::Unavailable } else { Exit::Failed })
    })?;
    let text = std::str::from_utf8(&bytes)
        .map_err(|_| usage(format!("{} holds no text", quoted(&path)), "write the value alone"))?;
    let text = text.strip_suffix('\n').unwrap_or(text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    Ok(Some(Zeroizing::new(text.to_owned())).filter(|text| !text.is_empty()))
}

/// A file's content, as soon as there is one: mounts may come late, and first be empty.
fn wait_for(path: &Path, deadline: Instant) -> io::Result<Zeroizing<Vec<u8>>> {
    loop {
        let read = read_bounded(path);
        let ready = match &read {
            Ok(Some(bytes)) => !bytes.is_empty(),
            Ok(None) => false,
            // A mount that is being set up may not be ours to read yet.
            Err(_) => false,
        };
        if ready || Instant::now() >= deadline {
            return match read? {
                Some(bytes) => Ok(Zeroizing::new(bytes)),
                None => fs::metadata(path).and(Err(io::ErrorKind::NotFound.into())),
            };
        }
        thread::sleep(LOOK);
    }
}

impl Values<'_> {
    fn get(&self, name: &str) -> Option<String> {
        self.0(&format!("ONA_AZURE_{name}")).map(|value| value.trim().to_owned())
    }

    fn secret(&self, name: &str) -> Option<Secret> {
        self.0(&format!("ONA_AZURE_{name}")).map(|value| Secret::from(value.trim()))
    }

    fn given(&self, now: u64) -> Result<Given, Failure> {
        let runner_name = self.get("RUNNER_NAME");
        let host = match self.get("HOST") {
            Some(host) => host,
            // Of all that may be given, only a host or an issuer says that somebody means it.
            None if self.get("ISSUER_URL").is_some() || self.get("PAT").is_some() => {
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
                "write dev.azure.com, dev.azure.com/<organization>, or a Server's host[:port]",
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
            trusted_issuers: Vec::new(),
            tokens: self.tokens(&spec, now)?,
            spec,
        };
        Ok(Given { runner_name, hosts: vec![host] })
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
            let public = public.is_some_and(|value| matches!(&*value, "1" | "true" | "yes"));
            tokens.push(GivenToken::Refresh { secret, organization: None, public });
        }
        Ok(tokens)
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
