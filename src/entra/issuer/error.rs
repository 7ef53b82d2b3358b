//! Why a text names no issuer.

use crate::report::escape;

/// Why a text names no issuer. One sentence each, safe to print.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IssuerError {
    /// Nothing there.
    #[error("the issuer URL is empty")]
    Empty,
    /// Neither a URL nor a tenant.
    #[error("the issuer is neither a URL nor a tenant")]
    Malformed,
    /// Not https.
    #[error("the issuer URL must begin with https://, the client secret is sent there")]
    NotHttps,
    /// `user@` in front of the host.
    #[error("the issuer URL must not hold a username or password")]
    UserInfo,
    /// A trusted issuer with a query or fragment (OpenID Connect Discovery 1.0 section 3).
    #[error("the issuer URL must not hold a query or fragment")]
    Query,
    /// The portal, or Azure DevOps itself.
    #[error("{} is not where Entra signs people in", escape(host))]
    WrongPage {
        /// The host.
        host: String,
    },
    /// A host that is none of Entra's and not trusted.
    #[error(
        "{} is no login host of Entra ID, and the integration's trustedIssuers does not name this issuer",
        escape(host)
    )]
    UnknownHost {
        /// The host, with its port.
        host: String,
    },
    /// No tenant in the path.
    #[error("the issuer URL names no tenant")]
    NoTenant,
    /// The tenant of personal accounts' organizations.
    #[error(
        "the tenant is all zeros: the organization belongs to personal accounts, not to a tenant"
    )]
    ZeroTenant,
    /// Something no tenant can be called.
    #[error("\"{}\" is neither a tenant's ID nor a domain", escape(tenant))]
    BadTenant {
        /// As written.
        tenant: String,
    },
    /// The discovery document speaks for someone else.
    #[error("the issuer {} answers as {}", escape(asked), escape(found))]
    Mismatch {
        /// The issuer asked.
        asked: String,
        /// What it calls itself.
        found: String,
    },
}

impl IssuerError {
    /// What to do about it, where the error itself does not say.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Empty
            | Self::Malformed
            | Self::WrongPage { .. }
            | Self::NoTenant
            | Self::BadTenant { .. }
            | Self::UnknownHost { .. } => Some(
                "copy the OAuth 2.0 token endpoint from the app registration's Overview → Endpoints",
            ),
            Self::ZeroTenant => Some(
                "connect the organization under Organization settings → Microsoft Entra, or use a personal access token",
            ),
            Self::NotHttps | Self::UserInfo | Self::Query | Self::Mismatch { .. } => None,
        }
    }
}
