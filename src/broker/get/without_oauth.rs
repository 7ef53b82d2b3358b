//! The rows in which no session answers: 10 to 17.

use super::{Asked, NO_NAME, Offer, Outcome, Why};
use crate::azure::{Organization, Place, expiry_warning, home_url, sentences, token_page_url};
use crate::broker::USE_HTTP_PATH;
use crate::broker::notice::Notice;
use crate::broker::pats;
use crate::broker::refresh::sign_in_command;
use crate::broker::refused::refused_message;
use crate::broker::subject::{SessionKey, Subject};
use crate::integration::Integration;
use crate::protocol::{Credential, Login, Request};
use crate::report::{Exit, Message, word};
use crate::vault::{HoldOffKind, Pat, PatLogin, Pats, VaultError};

impl Asked<'_> {
    /// Rows 10 to 17.
    pub(super) fn without_oauth(
        &self,
        why: &Why,
        organization: Option<&Organization>,
        name: Option<&[u8]>,
        ended: Option<(SessionKey, String)>,
    ) -> Result<Outcome, VaultError> {
        let kept = match self.integration.pat.then(|| self.shelf.pats(&self.subject.pat_key())) {
            None => Vec::new(),
            // That they are damaged is not why nothing else serves now.
            Some(Err(error)) if error.is_damage_of::<Pats>() && why.stops_git() => Vec::new(),
            Some(kept) => kept?.pats,
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
                "a personal access token",
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
            Why::Refused { account, organization } => {
                let message = refused_message(
                    account,
                    organization,
                    self.integration,
                    &self.request.wwwauth,
                );
                Outcome::quit(message, Exit::SignIn)
            }
            // Row 14, whatever else is on where a token is kept that the path would bring out.
            Why::Off | Why::NoSession | Why::Failed(_)
                if organization.is_none()
                    && (kept.iter().any(|pat| pat.organization.is_some() && !pat.passed_through)
                        || (self.integration.oauth.is_none() && self.subject.place.is_cloud())) =>
            {
                Outcome::quit(
                    Message::error(format!(
                        "git does not say which organization of {} is meant, and a personal access token is only given to its own",
                        self.subject.place.authority()
                    ))
                    .hint(USE_HTTP_PATH),
                    Exit::Failed,
                )
            }
            _ => Outcome {
                offer: Some(Box::new(self.offer(ended, organization))),
                ..self.nobody(why, choice.ran_out, organization)
            },
        })
    }

    fn pat_messages(
        &self,
        pat: &Pat,
        why: &Why,
        organization: Option<&Organization>,
    ) -> Vec<Message> {
        let place = self.place_name(organization);
        let reason = match why {
            // Where nobody ever used OAuth, nobody misses it.
            Why::Off | Why::NoSession => None,
            Why::Refused { account, .. } => Some(format!("Azure DevOps refused {account}")),
            Why::Failed(failure) => Some(failure.text.clone()),
        };
        let mut messages: Vec<_> = reason
            .filter(|_| {
                let of = format!("{} {place}", self.subject.pat_key());
                self.shelf.first(Notice::WhyNotOAuth, &of)
            })
            .map(|reason| {
                Message::warning(format!("using the personal access token for {place}: {reason}"))
            })
            .into_iter()
            .collect();
        let soon = pat
            .expires_at
            .and_then(|expires_at| expiry_warning(seconds(self.now), seconds(expires_at)));
        if let Some(soon) = soon
            && self.shelf.first(Notice::Expiry, &format!("{} {place}", self.subject.pat_key()))
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

    /// Row 15: what a person can sign in to, the session that has ended before any other.
    fn offer(
        &self,
        ended: Option<(SessionKey, String)>,
        organization: Option<&Organization>,
    ) -> Offer {
        let (key, account) = match ended {
            Some((key, account)) => (key, Some(account).filter(|account| !account.is_empty())),
            None => (SessionKey { host: self.subject.host(), organization: None }, None),
        };
        Offer {
            key,
            scheme: self.subject.scheme,
            place: self.subject.place.clone(),
            organization: organization.cloned(),
            integration: self.integration.clone(),
            account,
            username: name_of_a_user(self.request, &self.subject.place),
            challenges: self.request.wwwauth.clone(),
        }
    }

    /// Rows 16 and 17: nothing usable, and nobody is asked.
    fn nobody(
        &self,
        why: &Why,
        ran_out: Option<&Pat>,
        organization: Option<&Organization>,
    ) -> Outcome {
        let host = self.subject.host();
        // A sign-in that is of one tenant may be no use to the organization of another.
        let one = organization.filter(|_| self.integration.leaves_tenant_open()).cloned();
        let sign_in = sign_in_command(&SessionKey { host: host.clone(), organization: one });
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
                (sentences::pat_ran_out(&place), hint)
            }
            _ => (sentences::nobody_signed_in(&host.to_string()), sign_in),
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
            Outcome::nothing("no personal access token is kept, and nothing else is on")
        }
    }
}

/// The user a Server's token is for; Azure DevOps Services takes any.
fn name_of_a_user(request: &Request, place: &Place) -> Option<Vec<u8>> {
    request.username.clone().filter(|_| !place.is_cloud())
}

/// The command that takes a new personal access token, and where to make one.
pub(in crate::broker) fn new_pat_hint(
    subject: &Subject,
    integration: &Integration,
    organization: Option<&Organization>,
) -> String {
    let (scheme, place) = (subject.scheme, &subject.place);
    let directory = &integration.virtual_directory;
    let page = token_page_url(scheme, place, directory, organization);
    let target = word(&home_url(scheme, place, directory, organization));
    format!(
        "make a new one at {page} and give it to: git-credential-ona-azure login {target} --pat"
    )
}

/// Seconds as the pure rooms count them.
fn seconds(at: u64) -> i64 {
    i64::try_from(at).unwrap_or(i64::MAX)
}

fn pat_credential(pat: &Pat, place: &Place, name: Option<&[u8]>) -> Credential {
    let login = match &pat.login {
        PatLogin::Password(password) => {
            let username = if place.is_cloud() {
                // Azure takes any name but an empty one.
                let kept = pat.username.clone();
                name.map(<[u8]>::to_vec)
                    .or(kept.filter(|kept| !kept.is_empty() && !kept.contains(&b':')))
                    .unwrap_or_else(|| NO_NAME.as_bytes().to_vec())
            } else {
                pat.server_name().to_vec()
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
