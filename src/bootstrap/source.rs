//! Where a token came from: the name under which it is remembered what was brought last.

use std::fmt;

use super::given::GivenToken;
use crate::azure::Organization;
use crate::broker::SessionKey;
use crate::integration::{HostKey, HostSpec};

/// A source of tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// The refresh token of a session.
    Refresh(SessionKey),
    /// The personal access token of an organization, or of a whole Server.
    Pat(HostKey, Option<Organization>),
}

impl Source {
    /// The source of a token that is given for a host. The host's default organization goes without
    /// saying: a sign-in for it is the one for all of the host.
    pub(super) fn of(host: &HostSpec, token: &GivenToken) -> Self {
        let key = host.key.clone();
        match token {
            GivenToken::Refresh { organization, .. } => {
                let organization =
                    organization.clone().filter(|name| host.organization.as_ref() != Some(name));
                Self::Refresh(SessionKey { host: key, organization })
            }
            GivenToken::Pat { organization, .. } => {
                Self::Pat(key, organization.clone().or_else(|| host.organization.clone()))
            }
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refresh(key) => write!(f, "oauth {key}"),
            Self::Pat(host, None) => write!(f, "pat {host}"),
            Self::Pat(host, Some(organization)) => write!(f, "pat {host}/{organization}"),
        }
    }
}
