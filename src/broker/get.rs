//! The answer to `get`: the table of design part 5, row by row.

use super::STATE;
use super::pats;
use super::refresh::RefreshFailure;
use super::shelf::Shelf;
use super::subject::{SessionKey, Subject};
use crate::azure::{Organization, Place, Scheme, expiry_warning, token_page_url};
use crate::integration::{FileError, Integration, Integrations};
use crate::protocol::{Answer, Credential, Login, Request};
use crate::report::{Exit, Message};
use crate::vault::{Access, HoldOffKind, Pat, PatLogin, VaultError};

/// An access token is handed out if it is good for this long, in seconds: a clone may take a
/// while, and a clock may be off.
const MARGIN: u64 = 5 * 60;

/// With the service down, one that is good for this long is better than none, in seconds.
const LAST_MARGIN: u64 = 60;

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
    Refused { account: String },
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
    let message = Message::error(integrations.not_configured(&host)).hint(
        "git-credential-ona-azure integration add --host dev.azure.com --issuer-url \
         https://login.microsoftonline.com/<tenant>/oauth2/v2.0 --client-id <id> --client-secret-stdin --pat",
    );
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
                match self.by_oauth(&key, access, organization, name, &mut warnings)? {
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

    /// Rows 7 to 9.
    fn by_oauth(
        &self,
        key: &SessionKey,
        access: Access,
        organization: Option<&Organization>,
        name: Option<&[u8]>,
        warnings: &mut Vec<Message>,
    ) -> Result<Result<Credential, Why>, VaultError> {
        if self.is_refused(&access, organization) {
            return Ok(Err(Why::Refused { account: access.account }));
        }
        if let Some(credential) = self.access_credential(&access, name, MARGIN) {
            return Ok(Ok(credential));
        }
        match self.shelf.refresh(key, self.integration) {
            // Whatever its lifetime, nothing better is to be had.
            Ok(fresh) => match self.access_credential(&fresh, name, 0) {
                Some(_) if self.is_refused(&fresh, organization) => {
                    Ok(Err(Why::Refused { account: fresh.account }))
                }
                Some(credential) => Ok(Ok(credential)),
                None => Ok(Err(Why::NoSession)),
            },
            Err(failure) if failure.kind == HoldOffKind::ForNow => {
                match self.access_credential(&access, name, LAST_MARGIN) {
                    Some(credential) => {
                        warnings.push(Message::warning(format!(
                            "the access token ends soon and cannot be refreshed now: {}",
                            failure.text
                        )));
                        Ok(Ok(credential))
                    }
                    None => Ok(Err(Why::Failed(failure))),
                }
            }
            Err(failure) => Ok(Err(Why::Failed(failure))),
        }
    }

    fn is_refused(&self, access: &Access, organization: Option<&Organization>) -> bool {
        organization.is_some_and(|organization| {
            access
                .refusals
                .iter()
                .any(|refusal| refusal.organization == *organization && refusal.until > self.now)
        })
    }

    /// The access token as a credential, if it is good for more than `margin` seconds.
    fn access_credential(
        &self,
        access: &Access,
        name: Option<&[u8]>,
        margin: u64,
    ) -> Option<Credential> {
        let good = access.expires_at > self.now.saturating_add(margin)
            || (margin > 0 && access.expires_at == self.now.saturating_add(margin));
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

    /// Rows 10 to 17.
    fn without_oauth(
        &self,
        why: &Why,
        organization: Option<&Organization>,
        name: Option<&[u8]>,
    ) -> Result<Outcome, VaultError> {
        let kept = if self.integration.pat {
            self.shelf.pats(&self.subject.pat_key())?.pats
        } else {
            Vec::new()
        };
        let choice = pats::choose(
            &kept,
            &self.subject.place,
            organization,
            name,
            self.request.capabilities,
            self.now,
        );
        if let Some(pat) = choice.usable {
            return Ok(Outcome::credential(
                pat_credential(pat, &self.subject.place, name),
                self.pat_messages(pat, why, organization),
            ));
        }
        Ok(match why {
            Why::Failed(failure) if failure.kind != HoldOffKind::SignIn => {
                let exit = match failure.kind {
                    HoldOffKind::ForNow => Exit::Unavailable,
                    _ => Exit::Failed,
                };
                Outcome::quit(Message::error(&failure.text).hint(&failure.hint), exit)
            }
            Why::Refused { account } => self.refused(account, organization),
            Why::Off
                if self.integration.oauth.is_none()
                    && organization.is_none()
                    && (self.subject.place.is_cloud()
                        // On a Server, only where the path would bring one out.
                        || kept.iter().any(|pat| pat.organization.is_some())) =>
            {
                Outcome::quit(
                    Message::error(format!(
                        "git does not say which organization of {} is meant, and a personal access token is only given to its own",
                        self.subject.place.authority()
                    ))
                    .hint(self.use_http_path()),
                    Exit::Failed,
                )
            }
            _ => self.nobody(why, choice.ran_out, organization),
        })
    }

    fn use_http_path(&self) -> String {
        if self.subject.place.is_cloud() {
            "have git send the path (credential.useHttpPath): git-credential-ona-azure setup-git"
                .to_owned()
        } else {
            format!("git config --global credential.{}.useHttpPath true", self.subject.url())
        }
    }

    fn pat_messages(
        &self,
        pat: &Pat,
        why: &Why,
        organization: Option<&Organization>,
    ) -> Vec<Message> {
        let place = self.place_name(organization);
        let reason = match why {
            Why::Off => None,
            Why::NoSession => Some("nobody is signed in with OAuth".to_owned()),
            Why::Refused { account } => Some(format!("Azure DevOps refused {account}")),
            Why::Failed(failure) => Some(failure.text.clone()),
        };
        let mut messages: Vec<_> = reason
            .map(|reason| {
                Message::warning(format!("using the personal access token for {place}: {reason}"))
            })
            .into_iter()
            .collect();
        let soon = pat
            .expires_at
            .and_then(|expires_at| expiry_warning(seconds(self.now), seconds(expires_at)));
        if let Some(soon) = soon
            && self.shelf.first_today(&format!("expiry {} {place}", self.subject.pat_key()))
        {
            messages.push(
                Message::warning(format!("the personal access token for {place} {}", soon.words()))
                    .hint(self.new_pat(organization)),
            );
        }
        messages
    }

    fn place_name(&self, organization: Option<&Organization>) -> String {
        match organization {
            Some(organization) => organization.to_string(),
            None => self.subject.place.authority().to_string(),
        }
    }

    fn new_pat(&self, organization: Option<&Organization>) -> String {
        new_pat_hint(self.subject, self.integration, organization)
    }

    fn refused(&self, account: &str, organization: Option<&Organization>) -> Outcome {
        let organization = self.place_name(organization);
        Outcome::quit(
            Message::error(format!("Azure DevOps refused {account} for organization {organization}")).hint(
                format!(
                    "ask an administrator of {organization} to add {account}, or sign in with another account: \
                     git-credential-ona-azure login https://dev.azure.com/{organization}"
                ),
            ),
            Exit::SignIn,
        )
    }

    /// Rows 16 and 17: nothing usable, and nobody is asked.
    fn nobody(
        &self,
        why: &Why,
        ran_out: Option<&Pat>,
        organization: Option<&Organization>,
    ) -> Outcome {
        let host = self.subject.host();
        let sign_in = format!("git-credential-ona-azure login https://{host}");
        let (text, hint) = match (why, ran_out) {
            (Why::Failed(failure), _) => (failure.text.clone(), failure.hint.clone()),
            (_, Some(pat)) => {
                let organization = pat.organization.as_ref().or(organization);
                let place = self.place_name(organization);
                let hint = if self.integration.oauth.is_some() {
                    sign_in
                } else {
                    self.new_pat(organization)
                };
                (format!("the personal access token for {place} has run out"), hint)
            }
            _ => (format!("nobody is signed in to {host}"), sign_in),
        };
        let message = Message::error(text).hint(hint);
        if !self.integration.pat {
            return Outcome::quit(message, Exit::SignIn);
        }
        // git asks the person itself now, and what is typed comes back as `store`.
        if self.integration.oauth.is_some() {
            Outcome::miss(message, Exit::SignIn)
        } else if ran_out.is_some() {
            Outcome::miss(message, Exit::Done)
        } else {
            Outcome::nothing()
        }
    }
}

/// The command that takes a new personal access token, and where to make one.
pub(super) fn new_pat_hint(
    subject: &Subject,
    integration: &Integration,
    organization: Option<&Organization>,
) -> String {
    let base = format!(
        "{}{}",
        subject.url(),
        match integration.virtual_directory.as_str() {
            "/" => "",
            directory => directory,
        }
    );
    let (page, target) = match organization {
        Some(organization) => (
            token_page_url(
                subject.scheme,
                &subject.place,
                &integration.virtual_directory,
                Some(organization),
            ),
            match &subject.place {
                Place::VisualStudio { .. } => base,
                _ => format!("{base}/{organization}"),
            },
        ),
        None => (
            token_page_url(subject.scheme, &subject.place, &integration.virtual_directory, None),
            base,
        ),
    };
    format!(
        "make a new one at {page} and give it to: git-credential-ona-azure login {target} --pat"
    )
}

/// Seconds as the pure rooms count them.
fn seconds(at: u64) -> i64 {
    i64::try_from(at).unwrap_or(i64::MAX)
}

fn is_account(access: &Access, name: &[u8]) -> bool {
    name.eq_ignore_ascii_case(access.account.as_bytes()) || name == NO_NAME.as_bytes()
}

fn pat_credential(pat: &Pat, place: &Place, name: Option<&[u8]>) -> Credential {
    let login = match &pat.login {
        PatLogin::Password(password) => {
            let kept = pat.username.clone();
            let username = if place.is_cloud() {
                // Azure takes any name but an empty one.
                name.map(<[u8]>::to_vec)
                    .or(kept.filter(|kept| !kept.is_empty() && !kept.contains(&b':')))
                    .unwrap_or_else(|| NO_NAME.as_bytes().to_vec())
            } else {
                kept.unwrap_or_default()
            };
            Login::Password { username, password: password.clone() }
        }
        PatLogin::Header { authtype, credential } => Login::Header {
            authtype: authtype.expose().to_vec(),
            credential: credential.clone(),
            username: pat.username.clone(),
        },
    };
    Credential {
        login,
        password_expiry_utc: pat.expires_at,
        oauth_refresh_token: pat.oauth_refresh_token.clone(),
        state: None,
    }
}
