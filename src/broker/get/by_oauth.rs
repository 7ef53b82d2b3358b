//! The rows in which a session answers: 7 to 9.

use super::{Asked, NO_NAME, STATE, Why};
use crate::azure::Organization;
use crate::broker::MARGIN;
use crate::broker::subject::SessionKey;
use crate::broker::verify::{AT_GET, Question};
use crate::devops::Acceptance;
use crate::protocol::{Credential, Login};
use crate::report::Message;
use crate::vault::{Access, HoldOffKind, OrganizationRefusal};

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
        let access = match self.remembered_refusal(&access, organization) {
            Some(refusal) => self.unless_refused(key, access, &refusal)?,
            None => access,
        };
        if let Some(credential) = self.access_credential(&access, name, MARGIN) {
            return Ok(credential);
        }
        match self.shelf.refresh(key, self.integration) {
            // Whatever its lifetime, nothing better is to be had.
            Ok(fresh) => self.access_credential(&fresh, name, 1).ok_or(Why::NoSession),
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

    fn remembered_refusal(
        &self,
        access: &Access,
        organization: Option<&Organization>,
    ) -> Option<OrganizationRefusal> {
        access.refusal(organization?).cloned()
    }

    /// Row 13: a refusal is asked about again before it is repeated, at most every 30 s, with a token
    /// that is good. Gives the access token that was accepted.
    fn unless_refused(
        &self,
        key: &SessionKey,
        access: Access,
        refusal: &OrganizationRefusal,
    ) -> Result<Access, Why> {
        let refused = |account: &str| Why::Refused {
            account: account.to_owned(),
            organization: refusal.organization.clone(),
        };
        let just_asked = refusal.asked_at <= self.now
            && self.now - refusal.asked_at < AT_GET.as_secs()
            && refusal.until > self.now;
        if just_asked {
            return Err(refused(&access.account));
        }
        let access = if self.is_good(&access, MARGIN) {
            access
        } else {
            match self.shelf.refresh(key, self.integration) {
                Ok(fresh) => fresh,
                Err(_) if refusal.until > self.now => return Err(refused(&access.account)),
                Err(failure) => return Err(Why::Failed(failure)),
            }
        };
        let question = Question {
            subject: self.subject,
            integration: self.integration,
            organization: Some(&refusal.organization),
            path: self.request.path.as_deref(),
        };
        match self.shelf.ask_again(question, key, &access) {
            Acceptance::Accepted => Ok(access),
            Acceptance::Refused | Acceptance::RefusedHere => Err(refused(&access.account)),
            Acceptance::Unknown(_) if refusal.until > self.now => Err(refused(&access.account)),
            Acceptance::Unknown(_) => Ok(access),
        }
    }

    fn is_good(&self, access: &Access, least: u64) -> bool {
        access.token.is_some() && access.expires_at >= self.now.saturating_add(least)
    }

    /// The access token as a credential, if it is good for `least` seconds.
    fn access_credential(
        &self,
        access: &Access,
        name: Option<&[u8]>,
        least: u64,
    ) -> Option<Credential> {
        let token = access.token.clone().filter(|_| self.is_good(access, least))?;
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
