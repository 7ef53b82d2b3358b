//! What a bootstrap is given: hosts, how people sign in to them, and the tokens that come along.

use crate::azure::{Organization, VirtualDirectory};
use crate::integration::{HostSpec, ScmId};
use crate::secret::Secret;

/// All of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Given {
    /// The name in the US01 message.
    pub runner_name: Option<String>,
    /// One element a host.
    pub hosts: Vec<GivenHost>,
    /// Hosts of other providers, which were left out.
    pub skipped: Vec<String>,
}

/// A host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GivenHost {
    /// Which.
    pub spec: HostSpec,
    /// Its kind.
    pub scm_id: ScmId,
    /// OAuth, if it is to be on.
    pub oauth: Option<GivenOAuth>,
    /// Whether personal access tokens are to be on, where that is said.
    pub pat: Option<bool>,
    /// The virtual directory of a Server, where it is said.
    pub virtual_directory: Option<VirtualDirectory>,
    /// Whether a Server is reached over plain http, where that is said.
    pub allow_http: Option<bool>,
    /// Issuers beside Entra's.
    pub trusted_issuers: Vec<String>,
    /// What was signed in with elsewhere.
    pub tokens: Vec<GivenToken>,
}

/// The OAuth half.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GivenOAuth {
    /// The application (client) ID.
    pub client_id: String,
    /// The Issuer URL.
    pub issuer_url: String,
    /// The client secret, if one is given.
    pub secret: Option<GivenSecret>,
}

/// A client secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GivenSecret {
    /// In clear.
    Plain(Secret),
    /// Sealed to a runner key: armored age.
    Sealed(String),
    /// Sealed in another way: to Ona's own runner key, which nobody else can open.
    SealedElsewhere(String),
}

/// A token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GivenToken {
    /// A personal access token.
    Pat {
        /// The token.
        secret: Secret,
        /// What it is for; `None` for the host's default, or a whole Server.
        organization: Option<Organization>,
        /// The name it goes with; empty for none.
        username: String,
        /// When it ends, seconds since the epoch, if that is known.
        expires_at: Option<u64>,
    },
    /// The refresh token of an OAuth sign-in.
    Refresh {
        /// The token.
        secret: Secret,
        /// The organization the sign-in is for, if it is for one.
        organization: Option<Organization>,
        /// Whether it was issued to a public client, as after a device code.
        public: bool,
    },
}

impl GivenToken {
    /// The token itself.
    pub(super) fn secret(&self) -> &Secret {
        match self {
            Self::Pat { secret, .. } | Self::Refresh { secret, .. } => secret,
        }
    }
}

impl GivenHost {
    /// Whether personal access tokens are to be on: as said, else if one is given, else if there
    /// is no other way.
    pub(super) fn wants_pat(&self) -> Option<bool> {
        let given = self.tokens.iter().any(|token| matches!(token, GivenToken::Pat { .. }));
        self.pat.or_else(|| (given || self.scm_id == ScmId::Server).then_some(true))
    }
}
