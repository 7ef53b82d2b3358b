//! `store`: what git found to work.

use super::pats;
use super::provenance::caller;
use super::subject::{SessionKey, Subject};
use super::uses::would_answer;
use super::{STATE, USE_HTTP_PATH};
use crate::azure::looks_like_jwt;
use crate::integration::{FileError, HostKey, Integration, Integrations};
use crate::protocol::Request;
use crate::report::{Exit, Failure, Message};
use crate::secret::Secret;
use crate::trace;
use crate::vault::{Access, Issued, Pat, PatLogin, Pats, Vault, VaultError};

/// Keeps what is to be kept.
///
/// # Errors
/// If the integrations or the vault cannot be read or written; or there is something to say.
pub fn store(
    request: &Request,
    integrations: impl FnOnce() -> Result<Integrations, FileError>,
    vault: &Vault,
    now: u64,
) -> Result<(), Failure> {
    let Some(subject) = Subject::of(request) else {
        return ignored("the request names no git server");
    };
    if carries_our_state(request) {
        return ignored("it was handed out here (state)");
    }
    let Some(login) = login(request, now) else {
        return ignored("there is no password, or none to keep: ephemeral, or past its end");
    };
    let integrations = match integrations() {
        Ok(integrations) => integrations,
        Err(_) if !subject.place.is_cloud() => {
            return ignored("the integrations cannot be read");
        }
        Err(error) => return Err(Failure::new(error.to_string()).hint(error.fix)),
    };
    let Some(integration) = subject.found(request, &integrations).map(|found| &found.integration)
    else {
        return ignored("the host is not configured");
    };
    // Only a Server's own users may have no password.
    let empty = subject.place.is_cloud() && login.secret().is_empty();
    if !integration.pat
        || empty
        || !subject.scheme_allowed(integration)
        || subject.is_elsewhere(request, integration)
    {
        return ignored("the integration takes none, or none for that address");
    }
    let asked = subject.organization(request, integration);
    let sessions = subject.session_keys(asked.as_ref(), &integrations);
    if is_ours(vault, &sessions, &subject.host(), login.secret(), now).map_err(failure)? {
        return ignored("it is an access token that was handed out here");
    }
    if looks_like_jwt(login.secret().expose()) {
        return not_kept_jwt(&subject, integration, login.secret());
    }
    let organization = asked;
    if organization.is_none() && subject.place.is_cloud() {
        return Err(Failure {
            message: Message::warning(format!(
                "the password for {} was not kept: git does not say which organization it is for",
                subject.place.authority()
            ))
            .hint(format!(
                "{USE_HTTP_PATH}; to keep it now: git-credential-ona-azure login {}/ORGANIZATION --pat",
                subject.url()
            )),
            exit: Exit::Done,
        });
    }
    // git stores what it was given at every command: what is kept as given needs no look.
    let pats = vault.read_intact::<Pats>(&subject.pat_key().to_string()).map_err(failure)?;
    let is_given = pats
        .is_some_and(|kept| kept.pats.iter().any(|pat| !pat.passed_through && pat.login == login));
    let passed_through =
        !is_given && passed_through(request, &integrations, vault, login.secret(), now);
    let pat = Pat {
        organization,
        username: request.username.clone(),
        login,
        expires_at: request.password_expiry_utc,
        oauth_refresh_token: request.oauth_refresh_token.clone(),
        kept_at: now,
        empty_name: request.username.as_ref().is_some_and(Vec::is_empty),
        passed_through,
    };
    pats::keep(vault, &subject.pat_key(), pat).map_err(failure)
}

/// Whether git has the secret from an address, and not from a person at its prompt: it stands in one,
/// or git would not have asked anybody, since there is an answer here.
fn passed_through(
    request: &Request,
    integrations: &Integrations,
    vault: &Vault,
    secret: &Secret,
    now: u64,
) -> bool {
    let caller = caller(secret);
    caller.has_secret || (caller.is_transport && would_answer(request, integrations, vault, now))
}

fn ignored(why: &str) -> Result<(), Failure> {
    trace::event("store", |words| words.with("result", "ignored").with("why", why));
    Ok(())
}

fn failure(error: VaultError) -> Failure {
    Failure::new(format!("the password was not kept: {error}")).hint(error.hint())
}

pub(super) fn carries_our_state(request: &Request) -> bool {
    request.state.iter().any(|state| state == STATE.as_bytes())
}

/// What there is to keep: nothing that must not be, or has run out.
fn login(request: &Request, now: u64) -> Option<PatLogin> {
    if request.ephemeral || request.password_expiry_utc.is_some_and(|expiry| expiry <= now) {
        return None;
    }
    Some(match (&request.authtype, &request.credential, &request.password) {
        (Some(authtype), Some(credential), _) => PatLogin::Header {
            authtype: Secret::new(authtype.as_slice()),
            credential: credential.clone(),
        },
        (_, _, Some(password)) => PatLogin::Password(password.clone()),
        _ => return None,
    })
}

/// An access token of somebody's, which is good for an hour at most. Said to whoever stores it by hand,
/// and not where it only stands in an address, as in pipelines.
fn not_kept_jwt(
    subject: &Subject,
    integration: &Integration,
    secret: &Secret,
) -> Result<(), Failure> {
    if caller(secret).has_secret {
        return ignored("it is an access token that stands in an address");
    }
    let flag = if integration.oauth.is_some() { "" } else { " --pat" };
    Err(Failure {
        message: Message::warning(format!(
            "the access token for {} was not kept: it ends within the hour",
            subject.place.authority()
        ))
        .hint(format!("git-credential-ona-azure login {}{flag}", subject.url())),
        exit: Exit::Done,
    })
}

/// Whether it is an access token that was handed out here and has not expired yet, whoever has
/// refreshed meanwhile.
fn is_ours(
    vault: &Vault,
    sessions: &[SessionKey],
    host: &HostKey,
    secret: &Secret,
    now: u64,
) -> Result<bool, VaultError> {
    let issued: Option<Issued> = vault.read_intact(&host.to_string())?;
    let digest = secret.digest();
    let is_issued = issued.is_some_and(|issued| {
        issued.tokens.iter().any(|token| token.expires_at > now && token.digest == digest)
    });
    if is_issued {
        return Ok(true);
    }
    // The list may have been lost.
    for key in sessions {
        let access = vault.read_intact::<Access>(&key.to_string())?;
        if access.and_then(|access| access.token).is_some_and(|token| token == *secret) {
            return Ok(true);
        }
    }
    Ok(false)
}
