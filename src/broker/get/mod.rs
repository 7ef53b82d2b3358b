//! The answer to `get`: a table of situations, checked from the top; the rows are the
//! tests of `get_table.rs`.

mod by_oauth;
mod without_oauth;

use super::STATE;
use super::pats;
use super::refresh::RefreshFailure;
use super::shelf::Shelf;
use super::subject::{SessionKey, Subject};
use crate::azure::{Organization, Scheme};
use crate::integration::{FileError, Integration, Integrations};
use crate::protocol::{Answer, Credential, Request};
use crate::report::{Exit, Message};
use crate::vault::{Access, VaultError};

pub(super) use without_oauth::{new_pat_hint, refused_message};

/// The name given with a token whose account has none.
const NO_NAME: &str = "oauth2";

/// What `get` says and how it ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// For stdout.
    pub answer: Answer,
    /// For stderr.
    pub messages: Vec<Message>,
    /// The exit code.
    pub exit: Exit,
}

impl Outcome {
    fn nothing() -> Self {
        Self { answer: Answer::Nothing, messages: Vec::new(), exit: Exit::Done }
    }

    fn miss(message: Message, exit: Exit) -> Self {
        Self { answer: Answer::Nothing, messages: vec![message], exit }
    }

    fn quit(message: Message, exit: Exit) -> Self {
        Self { answer: Answer::Quit, messages: vec![message], exit }
    }

    fn credential(credential: Credential, messages: Vec<Message>) -> Self {
        Self { answer: Answer::Credential(credential), messages, exit: Exit::Done }
    }
}

/// Why OAuth gives no token.
enum Why {
    /// OAuth is not on.
    Off,
    /// Nobody has signed in.
    NoSession,
    /// The organization refuses the account.
    Refused { account: String, organization: Organization },
    /// A refresh was needed and failed.
    Failed(RefreshFailure),
}

/// Decides the answer.
pub fn get(
    request: &Request,
    integrations: impl FnOnce() -> Result<Integrations, FileError>,
    shelf: &dyn Shelf,
    now: u64,
) -> Outcome {
    let Some(subject) = Subject::of(request) else { return Outcome::nothing() };
    if subject.place.is_cloud() && subject.scheme == Scheme::Http {
        return Outcome::miss(
            Message::error(format!(
                "no credential is given to {}: Azure DevOps Services is only spoken to over https",
                subject.url()
            ))
            .hint(format!("git remote set-url origin https://{}/…", subject.place.authority())),
            Exit::Failed,
        );
    }
    let integrations = match integrations() {
        Ok(integrations) => integrations,
        Err(error) => {
            let message = Message::error(error.to_string()).hint(error.fix.clone());
            return if subject.place.is_cloud() {
                Outcome::quit(message, Exit::Failed)
            } else {
                Outcome::miss(message, Exit::Failed)
            };
        }
    };
    let found = integrations.of_place(&subject.place).map(|found| &found.integration);
    let integration = match found {
        Some(integration) if integration.has_method() || !subject.place.is_cloud() => integration,
        _ if subject.place.is_cloud() => return not_configured(&subject, &integrations),
        _ => return Outcome::nothing(),
    };
    if !subject.scheme_allowed(integration) {
        return Outcome::miss(
            Message::error(format!("no credential is given to {} over plain http", subject.url()))
                .hint("use https, or set \"allowHttp\": true in the host's integration".to_owned()),
            Exit::Failed,
        );
    }
    if !integration.has_method() {
        return Outcome::nothing();
    }
    Asked { request, subject: &subject, integration, shelf, now }.answer().unwrap_or_else(|error| {
        Outcome::quit(Message::error(error.to_string()).hint(error.hint()), Exit::Failed)
    })
}

fn not_configured(subject: &Subject, integrations: &Integrations) -> Outcome {
    let host = subject.place.authority().to_string();
    let message = Message::error(integrations.not_configured(&host))
        .hint(Integrations::configure_command(&subject.host()));
    Outcome::quit(message, Exit::NotConfigured)
}

/// A request for a host that is configured.
struct Asked<'a> {
    request: &'a Request,
    subject: &'a Subject,
    integration: &'a Integration,
    shelf: &'a dyn Shelf,
    now: u64,
}

impl Asked<'_> {
    fn answer(&self) -> Result<Outcome, VaultError> {
        let organization = self.organization()?;
        let organization = organization.as_ref();
        let session = match &self.integration.oauth {
            Some(_) => self.session(organization)?,
            None => None,
        };
        let name = self.asked_name(organization);
        if let Some(name) = name
            && !self.is_kept(name, session.as_ref(), organization)?
        {
            return Ok(Outcome::nothing());
        }
        // A name that is only a PAT's is asked for that PAT.
        let by_session = name.is_none_or(|name| {
            session.as_ref().is_some_and(|(_, access)| is_account(access, name))
        });
        let mut warnings = Vec::new();
        let why = match (&self.integration.oauth, session) {
            (None, _) => Why::Off,
            (Some(_), None) => Why::NoSession,
            (Some(_), Some(_)) if !by_session => Why::Off,
            (Some(_), Some((key, access))) => {
                match self.by_oauth(&key, access, organization, name, &mut warnings) {
                    Ok(credential) => return Ok(Outcome::credential(credential, warnings)),
                    Err(why) => why,
                }
            }
        };
        self.without_oauth(&why, organization, name)
    }

    /// The organization the request is about. A username counts only if nobody here has it.
    fn organization(&self) -> Result<Option<Organization>, VaultError> {
        let mut failed = None;
        let organization =
            self.subject.organization_for_get(self.request, self.integration, |name| {
                self.session(None)
                    .map(|session| session.is_some_and(|(_, access)| is_account(&access, name)))
                    .unwrap_or_else(|error| {
                        failed = Some(error);
                        false
                    })
            });
        failed.map_or(Ok(organization), Err)
    }

    fn session(
        &self,
        organization: Option<&Organization>,
    ) -> Result<Option<(SessionKey, Access)>, VaultError> {
        for key in self.subject.session_keys(organization) {
            if let Some(access) = self.shelf.access(&key)? {
                return Ok(Some((key, access)));
            }
        }
        Ok(None)
    }

    /// The user asked for. The name of the organization is none: clone addresses copied from
    /// Azure's portal carry it.
    fn asked_name(&self, organization: Option<&Organization>) -> Option<&[u8]> {
        let name = self.request.username.as_deref()?;
        let is_organization = self.subject.place.is_cloud()
            && organization.is_some_and(|organization| {
                name.eq_ignore_ascii_case(organization.as_str().as_bytes())
            });
        (!is_organization).then_some(name)
    }

    fn is_kept(
        &self,
        name: &[u8],
        session: Option<&(SessionKey, Access)>,
        organization: Option<&Organization>,
    ) -> Result<bool, VaultError> {
        if session.is_some_and(|(_, access)| is_account(access, name)) {
            return Ok(true);
        }
        if !self.integration.pat {
            return Ok(false);
        }
        let pats = self.shelf.pats(&self.subject.pat_key())?;
        Ok(pats
            .pats
            .iter()
            .any(|pat| pats::serves(pat, organization) && pat.username.as_deref() == Some(name)))
    }
}

pub(super) fn is_account(access: &Access, name: &[u8]) -> bool {
    name.eq_ignore_ascii_case(access.account.as_bytes()) || name == NO_NAME.as_bytes()
}
