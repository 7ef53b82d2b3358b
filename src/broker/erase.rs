//! `erase`: what a server rejected. Only that goes.

use super::get::{is_account, new_pat_hint};
use super::pats::serves;
use super::refused::refused_message;
use super::subject::Subject;
use crate::azure::Organization;
use crate::integration::{FileError, Integration, Integrations};
use crate::protocol::Request;
use crate::report::{Exit, Failure, Message};
use crate::secret::Secret;
use crate::trace;
use crate::vault::{Access, OrganizationRefusal, Pat, Pats, Vault, VaultError};

/// A token rejected this soon after it was issued, in seconds, is not the problem: the
/// organization refuses the account.
const FRESH: u64 = 2 * 60;

/// How long that is remembered, in seconds.
const REFUSED_FOR: u64 = 10 * 60;

/// Forgets what was rejected, and says what there is to say.
///
/// # Errors
/// If the integrations or the vault cannot be read or written.
pub fn erase(
    request: &Request,
    integrations: impl FnOnce() -> Result<Integrations, FileError>,
    vault: &Vault,
    now: u64,
) -> Result<Vec<Message>, Failure> {
    let Some(subject) = Subject::of(request) else { return Ok(Vec::new()) };
    let integrations = match integrations() {
        Ok(integrations) => integrations,
        Err(_) if !subject.place.is_cloud() => return Ok(Vec::new()),
        Err(error) => return Err(Failure::new(error.to_string()).hint(error.fix)),
    };
    let Some(integration) = integrations.of_place(&subject.place).map(|found| &found.integration)
    else {
        return Ok(Vec::new());
    };
    if !subject.scheme_allowed(integration) {
        return Ok(Vec::new());
    }
    let rejected = Rejected {
        request,
        secret: request.credential.as_ref().or(request.password.as_ref()),
        organization: subject.organization(request, integration),
        subject: &subject,
        integration,
        vault,
        now,
    };
    rejected.erase().map_err(|error| {
        Failure::new(format!("the rejected credential was not erased: {error}"))
            .hint(error.hint())
            .exit(Exit::Failed)
    })
}

struct Rejected<'a> {
    request: &'a Request,
    /// What was rejected; `None` asks to forget all that matches.
    secret: Option<&'a Secret>,
    organization: Option<Organization>,
    subject: &'a Subject,
    integration: &'a Integration,
    vault: &'a Vault,
    now: u64,
}

impl Rejected<'_> {
    fn erase(&self) -> Result<Vec<Message>, VaultError> {
        let mut messages = Vec::new();
        for key in self.subject.session_keys(self.organization.as_ref()) {
            let of = key.to_string();
            // A look without the lock: most rejected secrets are of one kind only.
            let matches = |access: &Access| self.matches_access(access);
            let kept = readable(self.vault.read::<Access>(&of))?;
            let rejected = kept.as_ref().is_some_and(matches);
            trace::event("erase", |words| {
                words
                    .with("key", &key)
                    .maybe_secret("access_token", kept.and_then(|kept| kept.token).as_ref())
                    .flag("is_rejected", rejected)
            });
            if !rejected {
                continue;
            }
            let access = self.vault.update(&of, |kept: &mut Option<Access>| {
                let access = kept.as_mut().filter(|access| matches(access))?;
                self.take_token(access);
                Some(access.clone())
            })?;
            let Some(access) = access else { continue };
            trace::event("erase", |words| {
                let refusing =
                    access.refusals.last().map(|refusal| refusal.organization.to_string());
                let words = words.with("key", &key).with("result", "the access token is forgotten");
                words.maybe("refused_by", refusing)
            });
            // git itself only says that authentication failed.
            messages.extend(
                self.organization
                    .as_ref()
                    .filter(|organization| access.refuses(organization, self.now))
                    .map(|organization| self.refused(&access.account, organization)),
            );
        }
        messages.extend(self.erase_pats()?);
        Ok(messages)
    }

    fn refused(&self, account: &str, organization: &Organization) -> Message {
        let pats = self.vault.read::<Pats>(&self.subject.pat_key().to_string()).ok().flatten();
        let takes_over = |pat: &Pat| {
            serves(pat, Some(organization)) && pat.expires_at.is_none_or(|at| at > self.now)
        };
        let message =
            refused_message(account, organization, self.integration, &self.request.wwwauth);
        if self.integration.pat && pats.is_some_and(|pats| pats.pats.iter().any(takes_over)) {
            return message.hint(format!(
                "run it again: the personal access token for {organization} takes over now"
            ));
        }
        message
    }

    fn matches_access(&self, access: &Access) -> bool {
        let Some(token) = &access.token else { return false };
        match self.secret {
            Some(secret) => secret == token,
            None => self.request.username.as_deref().is_none_or(|name| {
                is_account(access, name)
                    || self.organization.as_ref().is_some_and(|organization| {
                        name.eq_ignore_ascii_case(organization.as_str().as_bytes())
                    })
            }),
        }
    }

    /// The refresh token stays: the next `get` makes a new access token.
    fn take_token(&self, access: &mut Access) {
        access.token = None;
        let fresh = access.issued_at <= self.now && self.now - access.issued_at < FRESH;
        if let Some(organization) =
            self.organization.clone().filter(|_| fresh && self.secret.is_some())
        {
            access
                .refusals
                .retain(|refusal| refusal.organization != organization && refusal.until > self.now);
            access
                .refusals
                .push(OrganizationRefusal { organization, until: self.now + REFUSED_FOR });
        }
    }

    fn erase_pats(&self) -> Result<Vec<Message>, VaultError> {
        let of = self.subject.pat_key().to_string();
        let matches = |pat: &Pat| self.matches_pat(pat);
        let kept = readable(self.vault.read::<Pats>(&of))?.unwrap_or_default();
        let gone = kept.pats.iter().find(|pat| matches(pat));
        trace::event("erase", |words| {
            let words = words.with("key", &of).with("kept", kept.pats.len());
            words.maybe_secret("rejected", gone.map(|pat| pat.login.secret()))
        });
        let Some(gone) = gone else { return Ok(Vec::new()) };
        let place = match &gone.organization {
            Some(organization) => organization.to_string(),
            None => self.subject.place.authority().to_string(),
        };
        if self.secret.is_some() && self.offers_windows_authentication() {
            trace::event("erase", |words| {
                words.with("key", &of).with("result", "kept: the server offers NTLM or Negotiate")
            });
            return Ok(vec![
                Message::warning(format!(
                    "the personal access token for {place} is kept: the server offers NTLM or Negotiate, \
                     which git tries in its place"
                ))
                .hint("have git send it at once (http.proactiveAuth): git-credential-ona-azure setup-git"),
            ]);
        }
        let organization = gone.organization.clone();
        let left = self.vault.update(&of, |kept: &mut Option<Pats>| {
            kept.as_mut().map_or(0, |kept| {
                kept.pats.retain(|pat| !matches(pat));
                kept.pats.len()
            })
        })?;
        trace::event("erase", |words| {
            words.with("key", &of).with("result", "forgotten").with("left", left)
        });
        // Whoever rejects by hand knows. With a server's answer in hand, or in the cloud, a
        // person is looking at a failed git command.
        let heard = self.secret.is_some()
            && (self.subject.place.is_cloud() || !self.request.wwwauth.is_empty());
        Ok(if heard {
            vec![
                Message::warning(format!(
                    "the personal access token for {place} was rejected and is forgotten"
                ))
                .hint(new_pat_hint(
                    self.subject,
                    self.integration,
                    organization.as_ref(),
                )),
            ]
        } else {
            Vec::new()
        })
    }

    fn matches_pat(&self, pat: &Pat) -> bool {
        if self.secret.is_some_and(|rejected| rejected != pat.login.secret()) {
            return false;
        }
        let cloud = self.subject.place.is_cloud();
        // In the cloud the name is not part of what a token is.
        let name_fits = (cloud && self.secret.is_some())
            || self.request.username.as_deref().is_none_or(|name| {
                pat.username.as_deref() == Some(name)
                    || (!cloud && pat.server_name() == name)
                    || self.organization.as_ref().is_some_and(|organization| {
                        cloud && name.eq_ignore_ascii_case(organization.as_str().as_bytes())
                    })
            });
        let organization_fits = match (&self.organization, &pat.organization) {
            (None, _) => true,
            (Some(asked), Some(own)) => asked == own,
            (Some(_), None) => self.secret.is_some(),
        };
        name_fits && organization_fits
    }

    fn offers_windows_authentication(&self) -> bool {
        self.request.wwwauth.iter().any(|header| {
            let scheme = header.split(|byte| byte.is_ascii_whitespace()).next().unwrap_or_default();
            scheme.eq_ignore_ascii_case(b"ntlm") || scheme.eq_ignore_ascii_case(b"negotiate")
        })
    }
}

/// A damaged entry holds nothing that could be erased.
fn readable<T>(read: Result<Option<T>, VaultError>) -> Result<Option<T>, VaultError> {
    match read {
        Err(VaultError::Corrupt { .. }) => Ok(None),
        other => other,
    }
}
