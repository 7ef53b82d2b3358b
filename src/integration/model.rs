//! What an integration says, once it is known to make sense.

use std::fmt;

use serde::{Deserialize, Serialize};
use url::Url;

use crate::azure::{Authority, Organization, Place, Scheme, VirtualDirectory};
use crate::entra::Issuer;
use crate::secret::{Digest, Secret};

/// The kinds of integration this helper serves (Ona's `scm_id`).
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub enum ScmId {
    /// Azure DevOps with Entra ID.
    #[serde(rename = "azuredevops_entra")]
    Entra,
    /// A self-hosted Azure DevOps Server.
    #[serde(rename = "azuredevops_server")]
    Server,
}

impl fmt::Display for ScmId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Entra => "azuredevops_entra",
            Self::Server => "azuredevops_server",
        })
    }
}

/// The host an integration is for; the key of everything kept for it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum HostKey {
    /// `dev.azure.com` and every `{org}.visualstudio.com`.
    Cloud,
    /// One Azure DevOps Server.
    Server(Authority),
}

impl HostKey {
    /// The host a place is on.
    pub fn of_place(place: &Place) -> Self {
        match place {
            Place::DevAzure | Place::VisualStudio { .. } => Self::Cloud,
            Place::Other(authority) => Self::Server(authority.clone()),
        }
    }

    /// A place on the host that names no organization.
    pub fn place(&self) -> Place {
        match self {
            Self::Cloud => Place::DevAzure,
            Self::Server(authority) => Place::Other(authority.clone()),
        }
    }
}

impl fmt::Display for HostKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cloud => f.write_str("dev.azure.com"),
            Self::Server(authority) => authority.fmt(f),
        }
    }
}

/// `host` of an integration: a host, or one organization of it. It is the key of the integration.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HostSpec {
    /// The host.
    pub key: HostKey,
    /// The organization of `dev.azure.com/acme`; it is also the one meant where a URL names none.
    pub organization: Option<Organization>,
}

impl HostSpec {
    /// The host as a whole.
    pub fn whole(key: HostKey) -> Self {
        Self { key, organization: None }
    }

    /// Reads `dev.azure.com`, `dev.azure.com/acme`, `acme.visualstudio.com`, `host[:port]`.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let text = text.strip_prefix("https://").unwrap_or(text).trim_end_matches('/');
        let (host, rest) =
            text.split_once('/').map_or((text, None), |(host, rest)| (host, Some(rest)));
        let place = Place::of(Scheme::Https, host.as_bytes())?;
        let organization = match (&place, rest) {
            (Place::VisualStudio { organization }, None) => Some(organization.clone()),
            (Place::DevAzure, Some(rest)) => Some(Organization::cloud(rest)?),
            (_, None) => None,
            (_, Some(_)) => return None,
        };
        Some(Self { key: HostKey::of_place(&place), organization })
    }
}

impl fmt::Display for HostSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.organization {
            Some(organization) => write!(f, "{}/{organization}", self.key),
            None => self.key.fmt(f),
        }
    }
}

/// One SCM integration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Integration {
    /// Which kind of host.
    pub scm_id: ScmId,
    /// Which host.
    pub host: HostSpec,
    /// OAuth, if it is on.
    pub oauth: Option<OAuth>,
    /// Whether personal access tokens are on.
    pub pat: bool,
    /// The page where people make tokens for this host, where it is another than Azure DevOps' own.
    pub pat_url: Option<Url>,
    /// The virtual directory of a Server.
    pub virtual_directory: VirtualDirectory,
    /// Whether git is given a `Bearer` header where it can take one.
    pub bearer: bool,
    /// Whether a Server may be reached over plain http.
    pub allow_http: bool,
    /// Issuers beside Entra's that may be asked for tokens.
    pub trusted_issuers: Vec<String>,
}

/// The OAuth half of an integration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OAuth {
    /// The application (client) ID.
    pub client_id: String,
    /// The Issuer URL as the administrator gave it.
    pub issuer_url: String,
    /// The client secret, sealed (armored age); `None` for a public client.
    pub encrypted_client_secret: Option<String>,
    /// The public keys it is sealed to, where that is known.
    pub recipients: Vec<String>,
    /// When it was set, seconds since the epoch.
    pub secret_set_at: Option<u64>,
}

impl Integration {
    /// Over what the host is reached where no address says it. A Server that may be reached over
    /// plain http is one that has nothing else.
    pub fn scheme(&self) -> Scheme {
        match (&self.host.key, self.allow_http) {
            (HostKey::Server(_), true) => Scheme::Http,
            _ => Scheme::Https,
        }
    }

    /// Whether there is any way to sign in.
    pub fn has_method(&self) -> bool {
        self.oauth.is_some() || self.pat
    }

    /// Whether an account of any tenant may sign in, so that a sign-in is one of whichever tenant
    /// it is made at.
    pub fn leaves_tenant_open(&self) -> bool {
        self.oauth.as_ref().is_some_and(|oauth| {
            Issuer::parse(&oauth.issuer_url, &self.trusted_issuers)
                .is_ok_and(|issuer| !issuer.is_tenant_specific())
        })
    }

    /// Tells two states of an integration apart.
    pub fn digest(&self) -> Digest {
        let text = match &self.oauth {
            Some(oauth) => format!(
                "{}\n{}\n{}",
                oauth.client_id,
                oauth.issuer_url,
                oauth.encrypted_client_secret.as_deref().unwrap_or_default()
            ),
            None => String::new(),
        };
        Secret::from(text).digest()
    }
}

impl OAuth {
    /// Whether the client secret is no age file: Ona's runner seals in a way of its own, which nobody
    /// else can open.
    pub fn is_sealed_elsewhere(&self) -> bool {
        let sealed = self.encrypted_client_secret.as_deref();
        sealed.is_some_and(|sealed| {
            !sealed.trim_start().starts_with("-----BEGIN AGE ENCRYPTED FILE-----")
        })
    }

    /// Whether the application has no secret (PKCE alone protects its codes).
    pub fn is_public(&self) -> bool {
        self.encrypted_client_secret.is_none()
    }
}
