//! `erase`: what a server rejected. Only that goes, and only if the service says so itself.

use super::get::{NO_NAME, is_account, new_pat_hint};
use super::in_the_way::in_the_way;
use super::pats::serves;
use super::refused::{forget_refusal, refused_message, remember_refusal};
use super::subject::{SessionKey, Subject};
use super::verify::{AT_ERASE, Question, verify};
use crate::azure::{Form, Organization, form};
use crate::devops::{Acceptance, Authorization};
use crate::integration::{FileError, Integration, Integrations};
use crate::net::Send;
use crate::protocol::Request;
use crate::report::{Exit, Failure, Message};
use crate::secret::Secret;
use crate::trace;
use crate::vault::{Access, Pat, PatLogin, Pats, Vault, VaultError};

/// A token rejected this soon after it was issued, in seconds, is not the problem: the
/// organization refuses the account.
const FRESH: u64 = 2 * 60;

/// Forgets what was rejected, and says what there is to say. A secret that is kept here is first
/// tried at the place git asked for.
///
/// # Errors
/// If the integrations or the vault cannot be read or written.
pub fn erase(
    request: &Request,
    integrations: impl FnOnce() -> Result<Integrations, FileError>,
    vault: &Vault,
    network: &dyn Send,
    now: u64,
) -> Result<Vec<Message>, Failure> {
    let Some(subject) = Subject::of(request) else { return Ok(Vec::new()) };
    let integrations = match integrations() {
        Ok(integrations) => integrations,
        Err(_) if !subject.place.is_cloud() => return Ok(Vec::new()),
        Err(error) => return Err(Failure::new(error.to_string()).hint(error.fix)),
    };
    let Some(integration) = subject.found(request, &integrations).map(|found| &found.integration)
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
        integrations: &integrations,
        vault,
        network,
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
    integrations: &'a Integrations,
    vault: &'a Vault,
    network: &'a dyn Send,
    now: u64,
}

impl Rejected<'_> {
    fn erase(&self) -> Result<Vec<Message>, VaultError> {
        let mut messages = Vec::new();
        for key in self.subject.session_keys(self.organization.as_ref(), self.integrations) {
            messages.extend(self.erase_access(&key)?);
        }
        messages.extend(self.erase_pats()?);
        Ok(messages)
    }

    fn erase_access(&self, key: &SessionKey) -> Result<Option<Message>, VaultError> {
        let of = key.to_string();
        // A look without the lock: most rejected secrets are of one kind only.
        let matches = |access: &Access| self.matches_access(access);
        let kept = readable(self.vault.read::<Access>(&of))?.filter(matches);
        trace::event("erase", |words| {
            let token = kept.as_ref().and_then(|kept| kept.token.as_ref());
            words.with("key", key).maybe_secret("rejected", token)
        });
        let Some(kept) = kept else { return Ok(None) };
        let acceptance = match &kept.token {
            Some(token) if self.secret.is_some() => self.ask(self.access_header(token), token),
            _ => None,
        };
        if acceptance == Some(Acceptance::Accepted) {
            self.accepted_again(key)?;
            return Ok(Some(self.not_sent(&format!("the access token of {}", kept.account))));
        }
        let refused = matches!(acceptance, Some(Acceptance::Refused | Acceptance::RefusedHere));
        let access = self.vault.update(&of, |kept: &mut Option<Access>| {
            let access = kept.as_mut().filter(|access| matches(access))?;
            self.take_token(access, refused);
            Some(access.clone())
        })?;
        let Some(access) = access else { return Ok(None) };
        trace::event("erase", |words| {
            let refusing = access.refusals.last().map(|refusal| refusal.organization.to_string());
            let words = words.with("key", key).with("result", "the access token is forgotten");
            words.maybe("refused_by", refusing)
        });
        // git itself only says that authentication failed.
        if let Some(Acceptance::Unknown(why)) = acceptance {
            return Ok(Some(
                Message::warning(format!(
                    "the access token of {} was rejected, and it cannot be told by whom: {why}",
                    access.account
                ))
                .hint("run it again: a new access token is fetched"),
            ));
        }
        Ok(self
            .organization
            .as_ref()
            .filter(|organization| access.refuses(organization, self.now))
            .map(|organization| self.refused(&access.account, organization)))
    }

    /// Asks the service about a secret; `None` if it cannot be sent at all.
    fn ask(&self, authorization: Option<Authorization>, secret: &Secret) -> Option<Acceptance> {
        let question = Question {
            subject: self.subject,
            integration: self.integration,
            organization: self.organization.as_ref(),
            path: self.request.path.as_deref(),
        };
        let authorization = authorization?;
        Some(verify(question, &authorization, secret, AT_ERASE, self.vault, self.network))
    }

    /// The access token as git was to send it.
    fn access_header(&self, token: &Secret) -> Option<Authorization> {
        match (&self.request.authtype, &self.request.credential) {
            (Some(authtype), Some(_)) => Authorization::header_of(authtype, token),
            _ => Some(Authorization::basic(self.name().unwrap_or(NO_NAME.as_bytes()), token)),
        }
    }

    fn pat_header(&self, pat: &Pat) -> Option<Authorization> {
        match &pat.login {
            PatLogin::Header { authtype, credential } => {
                Authorization::header_of(authtype.expose(), credential)
            }
            PatLogin::Password(password) => {
                let name = self.name().unwrap_or(pat.server_name());
                Some(Authorization::basic(name, password))
            }
        }
    }

    /// The name git sent, or was to send.
    fn name(&self) -> Option<&[u8]> {
        self.request.username.as_deref().filter(|name| !name.is_empty())
    }

    /// What the service accepts is not refused by the organization, whatever is remembered.
    fn accepted_again(&self, key: &SessionKey) -> Result<(), VaultError> {
        let Some(organization) = &self.organization else { return Ok(()) };
        forget_refusal(self.vault, key, organization)
    }

    /// What is said of a secret that git calls rejected and the service accepts.
    fn not_sent(&self, what: &str) -> Message {
        let obstacle = in_the_way(self.request, self.subject);
        trace::event("erase", |words| words.with("result", "kept: the service accepts it"));
        Message::warning(format!(
            "{what} is kept, because Azure DevOps accepts it: {}",
            obstacle.what
        ))
        .hint(obstacle.fix)
    }

    fn place_name(&self, organization: Option<&Organization>) -> String {
        match organization {
            Some(organization) => organization.to_string(),
            None => self.subject.place.authority().to_string(),
        }
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

    /// The refresh token stays: the next `get` makes a new access token. A token that is refused
    /// right after it was issued is not the problem: the organization refuses the account.
    fn take_token(&self, access: &mut Access, refused: bool) {
        access.token = None;
        let fresh = access.issued_at <= self.now && self.now - access.issued_at < FRESH;
        if let Some(organization) = self.organization.as_ref().filter(|_| fresh && refused) {
            remember_refusal(access, organization, self.now);
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
        let place = self.place_name(gone.organization.as_ref());
        if self.secret.is_some() {
            match self.ask(self.pat_header(gone), gone.login.secret()) {
                Some(Acceptance::Refused) => {}
                Some(Acceptance::Accepted) => {
                    let what = format!("the personal access token for {place}");
                    return Ok(vec![self.not_sent(&what)]);
                }
                Some(Acceptance::RefusedHere) => {
                    return Ok(vec![self.unchecked(
                        &place,
                        gone,
                        "a Conditional Access policy refuses it from this network or device",
                    )]);
                }
                Some(Acceptance::Unknown(why)) => {
                    return Ok(vec![self.unchecked(&place, gone, &why)]);
                }
                None => return Ok(vec![self.unchecked(&place, gone, "it cannot be sent")]),
            }
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
        // The service itself has refused it, and a person is looking at a failed git command: in the
        // cloud, with a server's answer in hand, or where it is a token of Azure DevOps. Whoever
        // rejects a password of another kind by hand knows.
        let heard = self.secret.is_some_and(|secret| {
            self.subject.place.is_cloud()
                || !self.request.wwwauth.is_empty()
                || form(secret.expose()) != Form::Unknown
        });
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

    /// What is said of a token that git calls rejected, where nobody who knows can be asked.
    fn unchecked(&self, place: &str, pat: &Pat, why: &str) -> Message {
        trace::event("erase", |words| words.with("result", "kept unchecked").with("why", why));
        Message::warning(format!(
            "git says that the personal access token for {place} was rejected; it is kept unchecked: {why}"
        ))
        .hint(new_pat_hint(self.subject, self.integration, pat.organization.as_ref()))
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
}

/// A damaged entry holds nothing that could be erased.
fn readable<T>(read: Result<Option<T>, VaultError>) -> Result<Option<T>, VaultError> {
    match read {
        Err(VaultError::Corrupt { .. }) => Ok(None),
        other => other,
    }
}
