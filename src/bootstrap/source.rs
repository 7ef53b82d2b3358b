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
    /// The source of a token that is given for a host, or for an organization that has an integration
    /// of its own.
    pub(super) fn of(host: &HostSpec, token: &GivenToken) -> Self {
        let key = host.key.clone();
        match token {
            GivenToken::Refresh { organization, .. } => Self::Refresh(SessionKey {
                host: key,
                organization: organization.clone().or_else(|| host.organization.clone()),
            }),
            GivenToken::Pat { organization, .. } => {
                Self::Pat(key, organization.clone().or_else(|| host.organization.clone()))
            }
        }
    }
}

impl Source {
    /// What earlier versions took a sign-in of an organization's integration for: one of all of the
    /// host.
    pub(super) fn former(host: &HostSpec, token: &GivenToken) -> Option<Self> {
        let Self::Refresh(key) = Self::of(host, token) else { return None };
        host.organization.as_ref().filter(|own| key.organization.as_ref() == Some(*own))?;
        Some(Self::Refresh(SessionKey { organization: None, ..key }))
    }

    /// Every name under which it may be remembered.
    pub(super) fn names(host: &HostSpec, token: &GivenToken) -> Vec<String> {
        let former = Self::former(host, token);
        [Some(Self::of(host, token)), former].iter().flatten().map(ToString::to_string).collect()
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
