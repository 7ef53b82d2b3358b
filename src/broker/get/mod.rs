//! The answer to `get`: a table of situations, checked from the top; the rows are the
//! tests of `get_table.rs`.

mod by_oauth;
mod without_oauth;

use super::notice::Notice;
use super::pats;
use super::refresh::RefreshFailure;
use super::session::current;
use super::shelf::Shelf;
use super::subject::{SessionKey, Subject};
use super::{STATE, USE_HTTP_PATH};
use crate::azure::{Organization, Place, Scheme, is_token};
use crate::integration::{FileError, Integration, Integrations};
use crate::protocol::{Answer, Credential, Request};
use crate::report::{Exit, Message};
use crate::secret::Secret;
use crate::vault::{Access, HoldOffKind, Pat, Pats, Session, VaultError};

pub(super) use without_oauth::new_pat_hint;

/// The name given with a token whose account has none.
pub(super) const NO_NAME: &str = "oauth2";

/// What `get` says and how it ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// For stdout.
    pub answer: Answer,
    /// For stderr.
    pub messages: Vec<Message>,
    /// The exit code.
    pub exit: Exit,
    /// Where nothing usable is kept: what a person can be asked for, if one may be asked.
    pub offer: Option<Box<Offer>>,
    /// Where the answer is from, or why there is none, for a trace; messages say more where there are
    /// any.
    pub reason: &'static str,
}

/// What a person who is there can sign in to (row 15).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// The session there would be.
    pub key: SessionKey,
    /// `https` or `http`.
    pub scheme: Scheme,
    /// The host.
    pub place: Place,
    /// The organization git asks for, where that is known.
    pub organization: Option<Organization>,
    /// The host's integration.
    pub integration: Integration,
    /// The account whose session has ended.
    pub account: Option<String>,
    /// The user git asks for.
    pub username: Option<Vec<u8>>,
    /// What the server said when it refused git.
    pub challenges: Vec<Vec<u8>>,
}

impl Outcome {
    /// Whether all that is missing is which organization or collection is meant (row 14): what to
    /// do about that depends on who asks.
    pub fn lacks_organization(&self) -> bool {
        self.messages.iter().any(|message| message.hint.as_deref() == Some(USE_HTTP_PATH))
    }

    fn new(answer: Answer, messages: Vec<Message>, exit: Exit, reason: &'static str) -> Self {
        Self { answer, messages, exit, offer: None, reason }
    }

    fn nothing(reason: &'static str) -> Self {
        Self::new(Answer::Nothing, Vec::new(), Exit::Done, reason)
    }

    fn miss(message: Message, exit: Exit) -> Self {
        Self::new(Answer::Nothing, vec![message], exit, "")
    }

    /// git stops, whoever could have gone on; the message says why.
    pub(crate) fn quit(message: Message, exit: Exit) -> Self {
        Self::new(Answer::Quit, vec![message], exit, "")
    }

    fn credential(credential: Credential, messages: Vec<Message>, reason: &'static str) -> Self {
        Self::new(Answer::Credential(credential), messages, Exit::Done, reason)
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

impl Why {
    /// Whether it is a failure that is told of for itself, be a token kept or not.
    fn stops_git(&self) -> bool {
        matches!(self, Self::Failed(failure) if failure.kind != HoldOffKind::SignIn)
    }
}

/// Decides the answer.
pub fn get(
    request: &Request,
    integrations: impl FnOnce() -> Result<Integrations, FileError>,
    shelf: &dyn Shelf,
    now: u64,
) -> Outcome {
    let Some(subject) = Subject::of(request) else {
        return Outcome::nothing("the request names no git server");
    };
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
    let found = subject.found(request, &integrations).map(|found| &found.integration);
    let integration = match found {
        Some(integration) if integration.has_method() || !subject.place.is_cloud() => integration,
        _ if subject.place.is_cloud() => return not_configured(request, &subject, &integrations),
        _ => return Outcome::nothing("the host is neither Azure DevOps Services nor configured"),
    };
    if !subject.scheme_allowed(integration) {
        return Outcome::miss(
            Message::error(format!("no credential is given to {} over plain http", subject.url()))
                .hint("use https, or set \"allowHttp\": true in the host's integration".to_owned()),
            Exit::Failed,
        );
    }
    if !integration.has_method() {
        return Outcome::nothing("no way to sign in is on for the host");
    }
    if subject.is_elsewhere(request, integration) {
        return elsewhere(&subject, integration);
    }
    let asked =
        Asked { request, subject: &subject, integration, integrations: &integrations, shelf, now };
    let mut outcome = asked.answer().unwrap_or_else(|error| {
        Outcome::quit(Message::error(error.to_string()).hint(error.hint()), Exit::Failed)
    });
    outcome.messages.extend(asked.token_as_name());
    outcome
}

/// Something else may live on a Server's host, so git goes on.
fn elsewhere(subject: &Subject, integration: &Integration) -> Outcome {
    let host = subject.place.authority();
    let message = Message::warning(format!(
        "the path git asks for on {host} is not below its virtual directory {}",
        integration.virtual_directory
    ))
    .hint(format!(
        "if that is wrong: git-credential-ona-azure integration add --host {host} --virtual-directory /tfs"
    ));
    Outcome::miss(message, Exit::Failed)
}

fn not_configured(request: &Request, subject: &Subject, integrations: &Integrations) -> Outcome {
    let organization = subject.asked_organization(request);
    let host = integrations.asked_for(&subject.place, organization.as_ref());
    let spec = integrations.to_configure(&subject.place, organization.as_ref());
    let message = Message::error(integrations.not_configured(&host))
        .hint(Integrations::configure_hint(&spec));
    Outcome::quit(message, Exit::NotConfigured)
}

/// The sessions that may answer.
#[derive(Default)]
struct Sessions {
    /// The organization's own first.
    found: Vec<(SessionKey, Access)>,
    /// Why one of them cannot be read.
    damaged: Option<VaultError>,
}

/// A request for a host that is configured.
struct Asked<'a> {
    request: &'a Request,
    subject: &'a Subject,
    integration: &'a Integration,
    integrations: &'a Integrations,
    shelf: &'a dyn Shelf,
    now: u64,
}

impl Asked<'_> {
    fn answer(&self) -> Result<Outcome, VaultError> {
        let organization = self.organization()?;
        let organization = organization.as_ref();
        let Sessions { found: sessions, damaged } = match &self.integration.oauth {
            Some(_) => self.sessions(organization)?,
            None => Sessions::default(),
        };
        let nobody = sessions.is_empty();
        let name = self.asked_name(organization);
        // Only an account is somebody: the organization, `git` or a nickname exclude nobody.
        let account = name.filter(|name| self.subject.place.is_cloud() && name.contains(&b'@'));
        let of_a_pat = match name.map(|name| self.is_of_a_pat(name, organization)) {
            // Damaged ones keep no session from answering.
            Some(Err(error))
                if error.is_damage_of::<Pats>()
                    && sessions.iter().any(|(_, access)| {
                        account.is_none_or(|account| is_account(access, account))
                    }) =>
            {
                false
            }
            Some(of_a_pat) => of_a_pat?,
            None => false,
        };
        let known: Vec<String> =
            sessions.iter().map(|(_, access)| access.account.clone()).collect();
        // The organization's own session comes first, unless another one is asked for by name.
        let session = sessions.into_iter().find(|(_, access)| match account {
            Some(account) => is_account(access, account),
            // A name that is a token's own is asked for that token.
            None => !of_a_pat || name.is_some_and(|name| is_account(access, name)),
        });
        if let Some(account) = account
            && session.is_none()
            && !of_a_pat
            && !nobody
        {
            // Whose a damaged one was is not known.
            return match damaged {
                Some(error) => Err(error),
                None => Ok(self.somebody_else(account, &known)),
            };
        }
        let ended = session.as_ref().map(|(key, access)| (key.clone(), access.account.clone()));
        let mut warnings = Vec::new();
        let why = match (&self.integration.oauth, session) {
            (None, _) => Why::Off,
            (Some(_), None) if nobody => Why::NoSession,
            // A name that is only a PAT's is asked for that PAT.
            (Some(_), None) => Why::Off,
            (Some(_), Some((key, access))) => {
                match self.by_oauth(&key, access, organization, account, &mut warnings) {
                    Ok(credential) => {
                        return Ok(Outcome::credential(credential, warnings, "a session"));
                    }
                    Err(why) => why,
                }
            }
        };
        self.without_oauth(&why, organization, name, ended)
    }

    /// Row 6: the account asked for is none that is kept.
    fn somebody_else(&self, asked: &[u8], known: &[String]) -> Outcome {
        let known: Vec<_> = known.iter().filter(|account| !account.is_empty()).cloned().collect();
        let whom = if known.is_empty() { "somebody else".to_owned() } else { known.join(" and ") };
        let message = Message::warning(format!(
            "the address asks for {}, and the sign-in kept for {} is of {whom}",
            String::from_utf8_lossy(asked),
            self.subject.host()
        ));
        Outcome::miss(message, Exit::Done)
    }

    /// What is said of a user name that is a token; once a day.
    fn token_as_name(&self) -> Option<Message> {
        let name = self.request.username.as_deref().filter(|name| is_token(name))?;
        let digest = Secret::new(name).digest();
        self.shelf.first(Notice::TokenAsName, &digest.to_string()).then(|| {
            Message::warning(format!(
                "the user name in the address for {} looks like a personal access token: everybody who sees \
                 the address can use it",
                self.subject.place.authority()
            ))
            .hint(format!(
                "take it out of the address, and give it to: git-credential-ona-azure login {} --pat",
                self.subject.url()
            ))
        })
    }

    /// The organization the request is about. A username counts only if it is none that is
    /// handed out here.
    fn organization(&self) -> Result<Option<Organization>, VaultError> {
        let mut failed = None;
        let organization =
            self.subject.organization_for_get(self.request, self.integration, |name| {
                self.is_handed_out(name).unwrap_or_else(|error| {
                    failed = Some(error);
                    false
                })
            });
        failed.map_or(Ok(organization), Err)
    }

    fn is_handed_out(&self, name: &[u8]) -> Result<bool, VaultError> {
        if name == NO_NAME.as_bytes()
            || self.sessions(None)?.found.iter().any(|(_, access)| is_account(access, name))
        {
            return Ok(true);
        }
        if !self.integration.pat {
            return Ok(false);
        }
        // git keeps a PAT under the organization's name where the address carried that.
        // Damaged ones keep no session from answering.
        let pats = match self.shelf.pats(&self.subject.pat_key()) {
            Err(error) if error.is_damage_of::<Pats>() => Pats::default(),
            pats => pats?,
        };
        Ok(pats.pats.iter().any(|pat| {
            self.goes_by(pat, name)
                && pat.organization.as_ref().is_none_or(|organization| {
                    !name.eq_ignore_ascii_case(organization.as_str().as_bytes())
                })
        }))
    }

    /// The sessions that may answer. One whose access token is not there can get a new one; one
    /// that is damaged cannot, and what it is replaced by depends on what else is kept.
    fn sessions(&self, organization: Option<&Organization>) -> Result<Sessions, VaultError> {
        let Sessions { mut found, mut damaged } = Sessions::default();
        for key in self.subject.session_keys(organization, self.integrations) {
            let access = match self.shelf.access(&key)? {
                Some(access) => Some(current(access, self.integration)),
                None => match self.shelf.account(&key) {
                    Err(error) if error.is_damage_of::<Session>() => {
                        damaged = Some(error);
                        Some(Access::default())
                    }
                    account => account?.map(|account| Access { account, ..Access::default() }),
                },
            };
            found.extend(access.map(|access| (key, access)));
            if !found.is_empty() && self.request.username.is_none() {
                break;
            }
        }
        Ok(Sessions { found, damaged })
    }

    /// The user asked for. The name of the organization is none: clone addresses copied from
    /// Azure's portal carry it. Nor is the one that is given where there is no name.
    fn asked_name(&self, organization: Option<&Organization>) -> Option<&[u8]> {
        let name = self.request.username.as_deref()?;
        let cloud = self.subject.place.is_cloud();
        let is_organization = cloud
            && organization.is_some_and(|organization| {
                name.eq_ignore_ascii_case(organization.as_str().as_bytes())
            });
        // Nor does Azure DevOps take an empty one (`https://@dev.azure.com/…`).
        let is_nobody = cloud && (name.is_empty() || name == NO_NAME.as_bytes());
        (!is_organization && !is_nobody).then_some(name)
    }

    fn is_of_a_pat(
        &self,
        name: &[u8],
        organization: Option<&Organization>,
    ) -> Result<bool, VaultError> {
        if !self.integration.pat {
            return Ok(false);
        }
        let pats = self.shelf.pats(&self.subject.pat_key())?;
        Ok(pats.pats.iter().any(|pat| pats::serves(pat, organization) && self.goes_by(pat, name)))
    }

    /// Whether a token is given with that name.
    fn goes_by(&self, pat: &Pat, name: &[u8]) -> bool {
        match self.subject.place.is_cloud() {
            true => pat.username.as_deref() == Some(name),
            false => pat.server_name() == name,
        }
    }
}

pub(super) fn is_account(access: &Access, name: &[u8]) -> bool {
    name.eq_ignore_ascii_case(access.account.as_bytes()) || name == NO_NAME.as_bytes()
}
