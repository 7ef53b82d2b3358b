//! Which credential `get` would use for an organization: `get` itself is asked, over a shelf whose
//! secrets are labels, so that what comes out tells where it is from and is no secret.

use super::get;
use super::notice::Notice;
use super::refresh::{RefreshFailure, foresee};
use super::shelf::Shelf;
use super::subject::{PatKey, SessionKey, Subject};
use super::verify::Question;
use crate::azure::Organization;
use crate::devops::Acceptance;
use crate::integration::{Integration, Integrations};
use crate::protocol::{Answer, Capabilities, Login, Request};
use crate::secret::Secret;
use crate::vault::{Access, Pat, PatLogin, Pats, Session, Vault, VaultError};

/// What `get` would do for an organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Use {
    /// What it would give; `None` if there is nothing to give.
    pub credential: Option<Kept>,
    /// Why nothing, or why a token and not OAuth, where there is something to say.
    pub reason: Option<String>,
}

/// A credential that is kept, without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kept {
    /// The access token of a sign-in.
    OAuth {
        /// Whose.
        account: String,
    },
    /// A personal access token.
    Pat {
        /// Its organization; `None` for one of a whole Server.
        organization: Option<Organization>,
    },
}

/// What `get` would do for that organization, were git to ask now. Asks nobody, changes nothing.
pub fn would_use(
    host: &PatKey,
    organization: &Organization,
    integrations: &Integrations,
    vault: &Vault,
    now: u64,
) -> Use {
    let directory = integrations
        .find(&host.host, Some(organization))
        .map(|found| found.integration.virtual_directory.prefix().trim_start_matches('/'));
    let path: Vec<&str> = directory
        .into_iter()
        .chain([organization.as_str(), "_git", "any"])
        .filter(|part| !part.is_empty())
        .collect();
    let request = Request {
        protocol: Some(host.scheme.as_str().into()),
        host: Some(host.host.to_string().into_bytes()),
        path: Some(path.join("/").into_bytes()),
        // A header that was kept is only given to a git that takes one.
        capabilities: Capabilities { authtype: true, state: false },
        ..Request::default()
    };
    let shelf = Labels { vault, now };
    let outcome = get(&request, || Ok(integrations.clone()), &shelf, now);
    let credential = match outcome.answer {
        Answer::Credential(credential) => {
            let (Login::Password { password: label, .. } | Login::Header { credential: label, .. }) =
                credential.login;
            Subject::of(&request).and_then(|subject| {
                shelf.find(&label, host, &subject.session_keys(Some(organization), integrations))
            })
        }
        Answer::Nothing | Answer::Quit => None,
    };
    let said = outcome.messages.into_iter().next().map(|message| message.text);
    let about_a_pat = format!("using the personal access token for {organization}: ");
    let reason =
        said.map(|said| said.strip_prefix(&about_a_pat).map(str::to_owned).unwrap_or(said));
    Use { credential, reason }
}

/// Whether `get` would give something for what a request names. Asks nobody, changes nothing.
pub(super) fn would_answer(
    request: &Request,
    integrations: &Integrations,
    vault: &Vault,
    now: u64,
) -> bool {
    let asked = Request {
        protocol: request.protocol.clone(),
        host: request.host.clone(),
        path: request.path.clone(),
        username: request.username.clone(),
        capabilities: Capabilities { authtype: true, state: false },
        ..Request::default()
    };
    let shelf = Labels { vault, now };
    let outcome = get(&asked, || Ok(integrations.clone()), &shelf, now);
    matches!(outcome.answer, Answer::Credential(_))
}

/// A shelf with labels in the place of secrets.
struct Labels<'a> {
    vault: &'a Vault,
    now: u64,
}

fn session_label(key: &SessionKey) -> Secret {
    format!("session {key}").into()
}

fn pat_label(index: usize) -> Secret {
    format!("pat {index}").into()
}

impl Labels<'_> {
    /// What the label is on.
    fn find(&self, label: &Secret, host: &PatKey, sessions: &[SessionKey]) -> Option<Kept> {
        if let Some(key) = sessions.iter().find(|key| session_label(key) == *label) {
            let access = self.access(key).ok()?.map(|access| access.account);
            let account = access.or_else(|| self.account(key).ok()?)?;
            return Some(Kept::OAuth { account });
        }
        let kept = self.pats(host).ok()?.pats.into_iter().enumerate();
        let mut labelled = kept.filter(|(index, _)| pat_label(*index) == *label);
        labelled.next().map(|(_, pat)| Kept::Pat { organization: pat.organization })
    }
}

impl Shelf for Labels<'_> {
    fn access(&self, key: &SessionKey) -> Result<Option<Access>, VaultError> {
        let access = self.vault.read_intact::<Access>(&key.to_string())?;
        Ok(access.map(|access| {
            let token = access.token.as_ref().map(|_| session_label(key));
            Access { token, ..access }
        }))
    }

    fn account(&self, key: &SessionKey) -> Result<Option<String>, VaultError> {
        Ok(self.vault.read::<Session>(&key.to_string())?.map(|session| session.account))
    }

    fn pats(&self, key: &PatKey) -> Result<Pats, VaultError> {
        let kept = self.vault.read::<Pats>(&key.to_string())?.unwrap_or_default().pats;
        let labelled = kept.into_iter().enumerate().map(|(index, pat)| {
            let login = match pat.login {
                PatLogin::Password(_) => PatLogin::Password(pat_label(index)),
                PatLogin::Header { authtype, .. } => {
                    PatLogin::Header { authtype, credential: pat_label(index) }
                }
            };
            Pat { login, oauth_refresh_token: None, ..pat }
        });
        Ok(Pats { pats: labelled.collect() })
    }

    /// One that would be tried is taken to succeed.
    fn refresh(
        &self,
        key: &SessionKey,
        integration: &Integration,
    ) -> Result<Access, RefreshFailure> {
        let account = foresee(key, integration, self.vault, self.now)?;
        let access = self.vault.read_intact::<Access>(&key.to_string())?.unwrap_or_default();
        Ok(Access {
            account,
            token: Some(session_label(key)),
            issued_at: self.now,
            expires_at: self.now + 3600,
            hold_off: None,
            ..access
        })
    }

    /// Nobody is asked: what is remembered is believed for its time.
    fn ask_again(&self, _: Question<'_>, _: &SessionKey, _: &Access) -> Acceptance {
        Acceptance::Unknown(String::new())
    }

    /// The reason is what is asked for here; the rest is for git's user.
    fn first(&self, notice: Notice, _: &str) -> bool {
        notice == Notice::WhyNotOAuth
    }
}
