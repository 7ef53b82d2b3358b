//! Where a token came from: the name under which it is remembered what was brought last.

use std::fmt;

use super::given::GivenToken;
use crate::azure::Organization;
use crate::broker::SessionKey;
use crate::integration::{HostKey, HostSpec};
use crate::secret::Digest;

/// A source of tokens.
pub(super) enum Source<'a> {
    /// The refresh token of a session.
    Refresh(&'a SessionKey),
    /// The personal access token of an organization, or of a whole Server.
    Pat(&'a HostKey, Option<&'a Organization>),
}

impl Source<'_> {
    /// The source of a token given for a host, and the token's digest.
    pub(super) fn of(spec: &HostSpec, token: &GivenToken) -> (String, Digest) {
        match token {
            GivenToken::Refresh { secret, organization, .. } => {
                let organization = organization.clone().filter(|_| spec.organization.is_none());
                let key = SessionKey { host: spec.key.clone(), organization };
                (Source::Refresh(&key).to_string(), secret.digest())
            }
            GivenToken::Pat { secret, organization, .. } => {
                let organization = organization.as_ref().or(spec.organization.as_ref());
                (Source::Pat(&spec.key, organization).to_string(), secret.digest())
            }
        }
    }
}

impl fmt::Display for Source<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refresh(key) => write!(f, "oauth {key}"),
            Self::Pat(host, None) => write!(f, "pat {host}"),
            Self::Pat(host, Some(organization)) => write!(f, "pat {host}/{organization}"),
        }
    }
}
