//! One refresh at a time per session, across processes: lock, look again, refresh, write, answer.

use std::time::{Duration, Instant};

use super::MARGIN;
use super::session::{access, client_of, issuer_hint, issuer_of, keep_access_token, secret_for};
use super::subject::SessionKey;
use crate::azure::sentences;
use crate::clock;
use crate::entra::{
    Allows, App, Claims, Class, Endpoints, EntraError, Expected, Grant, Identity, Issuer,
    RefreshScope, allow, endpoints, refresh as redeem,
};
use crate::integration::{Integration, OAuth};
use crate::net::Send;
use crate::secret::Secret;
use crate::trace;
use crate::vault::{
    Access, ClientMode, Ended, HoldOff, HoldOffKind, LockError, Session, Vault, VaultError, acquire,
};

/// How long a waiter waits for whoever refreshes.
const WAIT: Duration = Duration::from_secs(20);

/// Why there is no fresh access token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefreshFailure {
    /// What it means for the answer.
    pub kind: HoldOffKind,
    /// What happened.
    pub text: String,
    /// What to do.
    pub hint: String,
}

impl RefreshFailure {
    fn new(kind: HoldOffKind, text: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { kind, text: text.into(), hint: hint.into() }
    }

    fn sign_in(key: &SessionKey, text: impl Into<String>) -> Self {
        Self::new(HoldOffKind::SignIn, text, sign_in_command(key))
    }
}

/// The vault's own troubles are for somebody to mend on this machine, but for a writer that is
/// only slow.
impl From<VaultError> for RefreshFailure {
    fn from(error: VaultError) -> Self {
        let kind = match &error {
            VaultError::Locked(LockError::Held { .. }) => HoldOffKind::ForNow,
            VaultError::Write { .. } | VaultError::Locked(_) => HoldOffKind::Vault,
            _ => HoldOffKind::Client,
        };
        Self::new(kind, format!("the access token cannot be refreshed: {error}"), error.hint())
    }
}

pub(super) fn sign_in_command(key: &SessionKey) -> String {
    format!("git-credential-ona-azure login https://{key}")
}

/// What to do where only a sign-in brings a token, and often something before it.
fn way_out(key: &SessionKey, error: &EntraError) -> String {
    let login = sign_in_command(key);
    let hint = error.hint();
    let fix = error.step().and_then(|step| hint.strip_prefix(&format!("{step}: ")));
    match fix.unwrap_or(&hint) {
        // That is what the command does.
        fix if fix.starts_with("sign in again") => login,
        fix if fix.ends_with("sign in again") => format!("{hint}: {login}"),
        _ => format!("{hint}, then: {login}"),
    }
}

/// A fresh access token for the session: this process's, or one that another made meanwhile.
///
/// # Errors
/// See [`RefreshFailure`].
pub(super) fn refresh(
    key: &SessionKey,
    integration: &Integration,
    vault: &Vault,
    network: &dyn Send,
    started_ms: u64,
) -> Result<Access, RefreshFailure> {
    let Some(oauth) = &integration.oauth else {
        return Err(RefreshFailure::sign_in(key, "OAuth is not on"));
    };
    let waiting = Instant::now();
    let lock = acquire(&vault.dir().join(lock_name(key)), WAIT).map_err(|error| match error {
        held @ LockError::Held { .. } => RefreshFailure::new(
            HoldOffKind::ForNow,
            format!("another process is still refreshing the access token ({held})"),
            held.hint(),
        ),
        unwritable => RefreshFailure::from(VaultError::from(unwritable)),
    });
    trace::event("refresh", |words| {
        let words = words.with("key", key).flag("lock", lock.is_ok());
        words.with("waited_ms", waiting.elapsed().as_millis())
    });
    let _lock = lock?;
    let attempt = Attempt { key, integration, oauth, vault, network };
    let access = access(vault, key, integration)?.unwrap_or_default();
    let now = clock::now();
    if access.token.is_some() && access.expires_at >= now + MARGIN {
        trace::event("refresh", |words| {
            words
                .with("key", key)
                .with("result", "another process has done it")
                .maybe_secret("access_token", access.token.as_ref())
        });
        return Ok(access);
    }
    if let Some(hold_off) = last_failure(&access, integration)
        .filter(|hold_off| hold_off.failed_at_ms >= started_ms || holds(hold_off, now))
    {
        trace::event("refresh", |words| {
            words
                .with("key", key)
                .with("result", "held off")
                .with("for", hold_off.until.saturating_sub(now))
                .with("why", &hold_off.text)
        });
        return Err(hold_off.into());
    }
    attempt.run()
}

/// A fresh access token, also where the one that is kept is still good or a refresh has failed just
/// now: somebody wants to see whether it works. The token that is kept stays unless a new one comes.
///
/// # Errors
/// See [`RefreshFailure`].
pub fn refresh_now(
    key: &SessionKey,
    integration: &Integration,
    vault: &Vault,
    network: &dyn Send,
) -> Result<Access, RefreshFailure> {
    let Some(oauth) = &integration.oauth else {
        return Err(RefreshFailure::sign_in(key, "OAuth is not on"));
    };
    let _lock = acquire(&vault.dir().join(lock_name(key)), WAIT)
        .map_err(|error| RefreshFailure::from(VaultError::from(error)))?;
    Attempt { key, integration, oauth, vault, network }.run()
}

/// Whether a refresh would be tried now, and for which account. Asks nobody, changes nothing.
///
/// # Errors
/// Why it would fail, as far as that can be told without trying.
pub fn foresee(
    key: &SessionKey,
    integration: &Integration,
    vault: &Vault,
    now: u64,
) -> Result<String, RefreshFailure> {
    let access = access(vault, key, integration)?.unwrap_or_default();
    if let Some(hold_off) =
        last_failure(&access, integration).filter(|hold_off| holds(hold_off, now))
    {
        return Err(hold_off.into());
    }
    Means::gather(key, integration, vault).map(|means| means.session.account)
}

/// The failure of the last refresh, if it failed. What was before the integration was changed
/// does not count.
pub fn last_failure<'a>(access: &'a Access, integration: &Integration) -> Option<&'a HoldOff> {
    access.hold_off.as_ref().filter(|hold_off| hold_off.integration == integration.digest())
}

/// Whether it is too early to try again. An end far off is a clock that was set.
fn holds(hold_off: &HoldOff, now: u64) -> bool {
    hold_off.until > now && hold_off.until - now <= 3600
}

impl From<&HoldOff> for RefreshFailure {
    fn from(hold_off: &HoldOff) -> Self {
        Self::new(hold_off.kind, &hold_off.text, &hold_off.hint)
    }
}

/// The issuer of a session, if that is of the client and the issuer that are configured now.
fn issuer_of_session(session: &Session, integration: &Integration) -> Option<Issuer> {
    let oauth = integration.oauth.as_ref()?;
    let secret_gone = session.mode == ClientMode::Confidential && oauth.is_public();
    issuer_of(&client_of(session), oauth, integration).filter(|_| !secret_gone)
}

/// Why a session gives no more tokens, if it does not.
pub fn why_over(session: &Session, integration: &Integration) -> Option<String> {
    if let Some(ended) = &session.ended {
        return Some(ended.reason.clone());
    }
    if integration.oauth.is_none() {
        return Some("OAuth is not on any more".to_owned());
    }
    let fits = issuer_of_session(session, integration).is_some();
    (!fits).then(|| "the integration was changed after the sign-in".to_owned())
}

/// The name of the lock file: a digest, as an organization's name may hold anything.
fn lock_name(key: &SessionKey) -> String {
    format!("refresh-{}.lock", &Secret::from(key.to_string()).digest().to_string()[..32])
}

/// What a refresh needs.
struct Means {
    session: Session,
    refresh_token: Secret,
    issuer: Issuer,
    secret: Option<Secret>,
}

impl Means {
    fn gather(
        key: &SessionKey,
        integration: &Integration,
        vault: &Vault,
    ) -> Result<Self, RefreshFailure> {
        let Some(oauth) = &integration.oauth else {
            return Err(RefreshFailure::sign_in(key, "OAuth is not on"));
        };
        let Some(session) = vault.read::<Session>(&key.to_string())? else {
            return Err(RefreshFailure::sign_in(
                key,
                sentences::nobody_signed_in(&key.host.to_string()),
            ));
        };
        let Some(refresh_token) = session.refresh_token.clone() else {
            let reason = session.ended.map(|ended| ended.reason).unwrap_or_default();
            return Err(ended(key, &session.account, &reason));
        };
        Issuer::parse(&oauth.issuer_url, &integration.trusted_issuers).map_err(|error| {
            RefreshFailure::new(
                HoldOffKind::Client,
                error.to_string(),
                issuer_hint(error.hint(), &integration.host),
            )
        })?;
        let issuer = issuer_of_session(&session, integration).ok_or_else(|| {
            RefreshFailure::sign_in(
                key,
                format!(
                    "the integration of {} was changed after {} signed in",
                    key.host, session.account
                ),
            )
        })?;
        let secret =
            secret_for(session.mode, oauth, vault, &integration.host).map_err(|failure| {
                RefreshFailure::new(
                    HoldOffKind::Client,
                    failure.message.text,
                    failure.message.hint.unwrap_or_default(),
                )
            })?;
        Ok(Self { session, refresh_token, issuer, secret })
    }
}

/// Fills in the account of a session that was brought here unseen, from its first ID token.
fn introduce(session: &mut Session, identity: Option<Identity>) {
    if let Some(identity) = identity.filter(|_| session.account.is_empty()) {
        session.account = identity.account;
        session.subject = identity.subject;
        session.tenant = identity.tenant;
    }
}

fn ended(key: &SessionKey, account: &str, reason: &str) -> RefreshFailure {
    RefreshFailure::sign_in(key, sentences::sign_in_over(account, reason))
}

/// Whose something is; a session that was brought here unseen is nobody's yet.
fn of(account: &str) -> String {
    if account.is_empty() { String::new() } else { format!(" of {account}") }
}

struct Attempt<'a> {
    key: &'a SessionKey,
    integration: &'a Integration,
    oauth: &'a OAuth,
    vault: &'a Vault,
    network: &'a dyn Send,
}

impl Attempt<'_> {
    fn run(&self) -> Result<Access, RefreshFailure> {
        let Means { session, refresh_token, issuer, secret } =
            Means::gather(self.key, self.integration, self.vault).inspect_err(|failure| {
                trace::event("refresh", |words| {
                    let words = words.with("key", self.key).with("result", "cannot be tried");
                    words.with("why", &failure.text)
                });
            })?;
        trace::event("refresh", |words| {
            words
                .with("key", self.key)
                .with("issuer", &issuer)
                .flag("client_secret", secret.is_some())
                .secret("sends", &refresh_token)
        });
        // What comes back cannot be had a second time: first see that it can be kept.
        self.vault.write()?.rehearse()?;
        let app = App { client_id: &self.oauth.client_id, secret: secret.as_ref() };
        let asked =
            endpoints(&issuer, self.vault, self.network, clock::now()).and_then(|endpoints| {
                let grant = self.ask(&endpoints, app, &refresh_token)?;
                let identity = self.check(&grant, &endpoints, &issuer, &session)?;
                Ok((grant, identity))
            });
        match asked {
            Ok((grant, identity)) => self.keep(&session, identity, &refresh_token, grant),
            Err(error) => Err(self.failed(&session, &refresh_token, &error)),
        }
    }

    /// A server error without advice gets one more try; anything else means what it says.
    fn ask(
        &self,
        endpoints: &Endpoints,
        app: App<'_>,
        refresh_token: &Secret,
    ) -> Result<Grant, EntraError> {
        let redeem = |scope| redeem(endpoints, app, refresh_token, scope, self.network);
        match redeem(RefreshScope::Asked) {
            Err(EntraError::Refused(refusal))
                if refusal.class == Class::Transient && refusal.status >= 500 =>
            {
                redeem(RefreshScope::Asked)
            }
            // What was granted may be less than is asked for now, or named in another way.
            Err(EntraError::Refused(refusal)) if refusal.error == "invalid_scope" => {
                redeem(RefreshScope::AsGranted)
            }
            other => other,
        }
    }

    /// What was asked for, of the tenant and the account it was asked for.
    fn check(
        &self,
        grant: &Grant,
        endpoints: &Endpoints,
        issuer: &Issuer,
        session: &Session,
    ) -> Result<Option<Identity>, EntraError> {
        let unusable = |text: String| Err(EntraError::Unusable(text));
        if allow(&grant.scopes) == Allows::Nothing {
            return unusable("the token granted is not for the code of Azure DevOps".to_owned());
        }
        let resource = Claims::of(&grant.access_token).filter(|_| issuer.is_entra());
        if resource.is_some_and(|claims| claims.is_for_another_resource()) {
            return unusable(
                "the token granted is for another service than Azure DevOps".to_owned(),
            );
        }
        let Some(id_token) = &grant.id_token else { return Ok(None) };
        let expected = Expected {
            issuer,
            discovered: &endpoints.issuer,
            client_id: &self.oauth.client_id,
            nonce: None,
            tenant: session.tenant.as_deref(),
            subject: session.subject.as_deref(),
            now: clock::now(),
        };
        match Claims::of(id_token).map(|claims| claims.check(expected)) {
            Some(Ok(identity)) => Ok(Some(identity)),
            Some(Err(error)) => unusable(error.to_string()),
            None => unusable("the ID token cannot be read".to_owned()),
        }
    }

    fn keep(
        &self,
        used: &Session,
        identity: Option<Identity>,
        sent: &Secret,
        grant: Grant,
    ) -> Result<Access, RefreshFailure> {
        let Grant { access_token, expires_in, refresh_token, scopes, .. } = grant;
        let rotated = refresh_token.is_some();
        let writer = self.vault.write()?;
        let of = self.key.to_string();
        let session = writer.update(&of, |kept: &mut Option<Session>| {
            let session = kept.as_mut().filter(|kept| kept.id == used.id)?;
            introduce(session, identity);
            session.refresh_token = Some(refresh_token.unwrap_or_else(|| sent.clone()));
            session.scopes = scopes;
            Some(session.clone())
        })?;
        let Some(session) = session else {
            // Somebody signed in anew meanwhile, or out.
            trace::event("refresh", |words| {
                words.with("key", self.key).with("result", "not kept: another sign-in since")
            });
            let access = access(self.vault, self.key, self.integration)?;
            return access.filter(|access| access.token.is_some()).ok_or_else(|| {
                RefreshFailure::sign_in(
                    self.key,
                    format!("{} was signed out meanwhile", used.account),
                )
            });
        };
        let access = keep_access_token(&writer, self.key, &session, access_token, expires_in)?;
        trace::event("refresh", |words| {
            words.with("key", self.key).with("result", "done").flag("rotated", rotated)
        });
        Ok(access)
    }

    /// Remembers a failure for those who wait, and a death for good.
    fn failed(&self, session: &Session, sent: &Secret, error: &EntraError) -> RefreshFailure {
        let class = error.class();
        let text = format!("the access token{} cannot be refreshed: {error}", of(&session.account));
        let now = clock::now();
        let (failure, pause) = match class {
            Class::Transient => (RefreshFailure::new(HoldOffKind::ForNow, text, error.hint()), 5),
            Class::Throttled | Class::ClientLoop => {
                let pause = match error {
                    EntraError::Refused(refusal) => refusal.retry_after.unwrap_or(60),
                    _ => 60,
                };
                (RefreshFailure::new(HoldOffKind::ForNow, text, error.hint()), pause)
            }
            Class::Client => (RefreshFailure::new(HoldOffKind::Client, text, error.hint()), 10),
            Class::Interaction | Class::Blocked => {
                (RefreshFailure::new(HoldOffKind::SignIn, text, way_out(self.key, error)), 30)
            }
            Class::Dead => (ended(self.key, &session.account, &error.to_string()), 0),
        };
        trace::event("refresh", |words| {
            words
                .with("key", self.key)
                .with("result", "failed")
                .with("class", format!("{class:?}"))
                .with("not_again_for", pause)
                .with("why", &failure.text)
        });
        // The answer does not depend on whether this can be written.
        let _ = self.remember(session, sent, error, &failure, now + pause);
        failure
    }

    fn remember(
        &self,
        session: &Session,
        sent: &Secret,
        error: &EntraError,
        failure: &RefreshFailure,
        until: u64,
    ) -> Result<(), VaultError> {
        let writer = self.vault.write()?;
        let of = self.key.to_string();
        let still_there = writer.update(&of, |kept: &mut Option<Session>| {
            // Somebody may have signed in anew meanwhile, or out: then it is not theirs.
            let Some(kept) = kept.as_mut().filter(|kept| kept.id == session.id) else {
                return false;
            };
            if error.class() == Class::Dead && kept.refresh_token.as_ref() == Some(sent) {
                kept.refresh_token = None;
                kept.ended = Some(Ended { at: clock::now(), reason: error.to_string() });
            }
            true
        })?;
        if !still_there {
            return Ok(());
        }
        writer.update(&of, |kept: &mut Option<Access>| {
            let access = kept.get_or_insert_with(|| Access {
                account: session.account.clone(),
                ..Access::default()
            });
            access.hold_off = Some(HoldOff {
                failed_at_ms: clock::now_ms(),
                until,
                kind: failure.kind,
                integration: self.integration.digest(),
                text: failure.text.clone(),
                hint: failure.hint.clone(),
            });
        })
    }
}
