//! The rows in which a session answers: 7 to 9.

use super::{Asked, NO_NAME, STATE, Why};
use crate::azure::Organization;
use crate::broker::MARGIN;
use crate::broker::subject::SessionKey;
use crate::protocol::{Credential, Login};
use crate::report::Message;
use crate::vault::{Access, HoldOffKind};

/// With the service down, a token that is good for over a minute is better than none, in seconds.
const LAST_MARGIN: u64 = 61;

impl Asked<'_> {
    /// Rows 7 to 9.
    pub(super) fn by_oauth(
        &self,
        key: &SessionKey,
        access: Access,
        organization: Option<&Organization>,
        name: Option<&[u8]>,
        warnings: &mut Vec<Message>,
    ) -> Result<Credential, Why> {
        self.not_refused(&access, organization)?;
        if let Some(credential) = self.access_credential(&access, name, MARGIN) {
            return Ok(credential);
        }
        match self.shelf.refresh(key, self.integration) {
            Ok(fresh) => {
                self.not_refused(&fresh, organization)?;
                // Whatever its lifetime, nothing better is to be had.
                self.access_credential(&fresh, name, 1).ok_or(Why::NoSession)
            }
            Err(failure) if matches!(failure.kind, HoldOffKind::ForNow | HoldOffKind::Vault) => {
                let Some(credential) = self.access_credential(&access, name, LAST_MARGIN) else {
                    return Err(Why::Failed(failure));
                };
                warnings.push(Message::warning(format!(
                    "the access token ends soon and cannot be refreshed now: {}",
                    failure.text
                )));
                Ok(credential)
            }
            Err(failure) => Err(Why::Failed(failure)),
        }
    }

    fn not_refused(&self, access: &Access, organization: Option<&Organization>) -> Result<(), Why> {
        match organization {
            Some(organization) if access.refuses(organization, self.now) => Err(Why::Refused {
                account: access.account.clone(),
                organization: organization.clone(),
            }),
            _ => Ok(()),
        }
    }

    /// The access token as a credential, if it is good for `least` seconds.
    fn access_credential(
        &self,
        access: &Access,
        name: Option<&[u8]>,
        least: u64,
    ) -> Option<Credential> {
        let good = access.expires_at >= self.now.saturating_add(least);
        let token = access.token.clone().filter(|_| good)?;
        let login = if self.integration.bearer && self.request.capabilities.authtype {
            Login::Header { authtype: b"Bearer".to_vec(), credential: token, username: None }
        } else {
            let username = match name {
                Some(name) => name.to_vec(),
                None if access.account.is_empty() || access.account.contains(':') => {
                    NO_NAME.as_bytes().to_vec()
                }
                None => access.account.as_bytes().to_vec(),
            };
            Login::Password { username, password: token }
        };
        Some(Credential {
            login,
            password_expiry_utc: Some(access.expires_at),
            oauth_refresh_token: None,
            state: self.request.capabilities.state.then_some(STATE),
        })
    }
}
