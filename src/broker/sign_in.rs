//! Signing in and out: what `login` and `logout` do to the vault.

use std::time::{Duration, Instant};

use super::subject::SessionKey;
use crate::clock;
use crate::entra::{
    Allows, App, Callback, Claims, ClaimsError, EntraError, Expected, Issuer, Loopback, Refusal,
    allow, authorize, endpoints, open_browser, redeem,
};
use crate::integration::{HostKey, Integration, OAuth, open_client_secret};
use crate::net::Send;
use crate::report::{Exit, Failure, escape};
use crate::secret::Secret;
use crate::vault::{
    Access, ClientMode, Issued, IssuedToken, OrganizationRefusal, Session, SignInMethod, Vault,
    VaultError, Writer,
};

/// The path of the redirect URI on the Web platform; the secret goes with it.
const WEB_PATH: &str = "/ona-azure";

/// The path of the redirect URI on the Mobile and desktop platform; no secret ever does.
const NATIVE_PATH: &str = "/ona-azure-native";

/// What to sign in to, and how.
#[derive(Clone, Copy, Debug)]
pub struct SignIn<'a> {
    /// The host, and the organization if the session is to be for one.
    pub key: &'a SessionKey,
    /// The host's integration.
    pub integration: &'a Integration,
    /// The account to propose.
    pub login_hint: Option<&'a str>,
    /// How long to wait for the browser.
    pub wait: Duration,
}

/// Signs in with a browser on this machine. `say` shows progress.
///
/// # Errors
/// What went wrong and at which step; nothing is changed then.
pub fn sign_in_with_browser(
    sign_in: SignIn<'_>,
    vault: &Vault,
    network: &dyn Send,
    say: &dyn Fn(&str),
) -> Result<Session, Failure> {
    let SignIn { key, integration, .. } = sign_in;
    let Some(oauth) = &integration.oauth else {
        return Err(Failure::new(format!("OAuth is not on for {}", key.host)).hint(format!(
            "give a personal access token: git-credential-ona-azure login {} --pat",
            pat_url(key)
        )));
    };
    let mode = if oauth.is_public() { ClientMode::Public } else { ClientMode::Confidential };
    let issuer = Issuer::parse(&oauth.issuer_url, &integration.trusted_issuers)
        .map_err(|error| Failure::new(error.to_string()).hint(issuer_hint(error.hint())))?;
    let secret = secret_for(mode, oauth, vault, key)?;
    // Nobody should go through a browser for a sign-in that cannot be kept.
    vault.write().and_then(|writer| writer.rehearse()).map_err(vault_failure)?;
    let endpoints = endpoints(&issuer, vault, network, clock::now())
        .map_err(|error| error.into_failure("the issuer cannot be asked"))?;
    let loopback = Loopback::bind(path(oauth)).map_err(|error| {
        Failure::new(format!(
            "no port on 127.0.0.1 can be opened for the browser to come back to: {error}"
        ))
    })?;
    let redirect_uri = loopback.redirect_uri();
    let app = App { client_id: &oauth.client_id, secret: secret.as_ref() };
    let authorization = authorize(&endpoints, app, &redirect_uri, &issuer, sign_in.login_hint);
    say(&format!(
        "To sign in, open this address in a browser on this machine:\n\n  {}\n\n",
        authorization.url
    ));
    if open_browser(&authorization.url) {
        say("A browser was started. Waiting for it to come back …\n");
    } else {
        say("No browser could be started here.\n");
        if integration.pat {
            say(&format!(
                "Without one, give a personal access token: git-credential-ona-azure login {} --pat\n",
                pat_url(key)
            ));
        }
        say("Waiting for the address to be opened …\n");
    }
    let state = authorization.state.clone();
    let nonce = authorization.nonce.clone();
    let finished = loopback.wait(&state, Instant::now() + sign_in.wait, |callback| {
        let code = match callback {
            Callback::Code(code) => code,
            Callback::Refused { error, description } => return Err(refused(&error, &description)),
        };
        let shown = |failure: Failure| (failure.message.text.clone(), failure);
        let grant = redeem(&endpoints, app, authorization, &code, network)
            .map_err(|error| shown(error.into_failure("the sign-in did not complete")))?;
        let identity = grant
            .id_token
            .as_ref()
            .and_then(Claims::of)
            .ok_or_else(|| {
                shown(Failure::new("the sign-in brought no ID token").hint(
                    "step 4 (API permissions): add Microsoft Graph → Delegated → openid",
                ))
            })?
            .check(Expected {
                issuer: &issuer,
                discovered: &endpoints.issuer,
                client_id: &oauth.client_id,
                nonce: Some(&nonce),
                tenant: None,
                subject: None,
                now: clock::now(),
            })
            .map_err(|error| {
                let failure = Failure::new(error.to_string()).hint(claims_hint(error));
                shown(failure.exit(Exit::SignIn))
            })?;
        if allow(&grant.scopes) == Allows::Nothing {
            return Err(shown(
                Failure::new("the sign-in grants no access to code in Azure DevOps").hint(
                    "step 4 (API permissions): add Azure DevOps → Delegated → vso.code and vso.code_write",
                ),
            ));
        }
        let Some(refresh_token) = grant.refresh_token else {
            return Err(shown(
                Failure::new("the sign-in brought no refresh token, so it would end within the hour").hint(
                    "step 4 (API permissions): add Microsoft Graph → Delegated → offline_access",
                ),
            ));
        };
        let session = Session {
            id: random_id(),
            host: key.host.to_string(),
            organization: key.organization.clone(),
            account: identity.account,
            subject: identity.subject,
            tenant: identity.tenant,
            issuer: issuer.to_string(),
            client_id: oauth.client_id.clone(),
            mode,
            method: SignInMethod::Browser,
            scopes: grant.scopes,
            refresh_token: Some(refresh_token),
            signed_in_at: clock::now(),
            ended: None,
        };
        vault
            .write()
            .and_then(|writer| {
                // Killed half way, no access token of the account before is left to be given out.
                writer.remove::<Access>(&key.to_string())?;
                persist(&writer, key, &session, grant.access_token, grant.expires_in, Vec::new())
            })
            .map_err(|error| shown(vault_failure(error)))?;
        Ok(session)
    });
    finished.unwrap_or_else(|| Err(timed_out(sign_in.wait, &redirect_uri)))
}

/// A token is for one organization, so the command that takes it names one.
fn pat_url(key: &SessionKey) -> String {
    match &key.organization {
        Some(_) => format!("https://{key}"),
        None => format!("https://{key}/<organization>"),
    }
}

/// The redirect URI to register with the app, on whatever port (RFC 8252 section 7.3).
pub fn redirect_uri(oauth: &OAuth) -> String {
    format!("http://localhost{}", path(oauth))
}

fn path(oauth: &OAuth) -> &'static str {
    if oauth.is_public() { NATIVE_PATH } else { WEB_PATH }
}

/// What to do about an issuer that cannot be used.
pub(super) fn issuer_hint(hint: Option<&str>) -> String {
    let command =
        "git-credential-ona-azure integration add --host dev.azure.com --issuer-url <url>";
    hint.map_or_else(|| command.to_owned(), |hint| format!("{hint}, then: {command}"))
}

/// The secret that goes with a session of that mode.
///
/// # Errors
/// If it cannot be opened here.
pub(super) fn secret_for(
    mode: ClientMode,
    oauth: &OAuth,
    vault: &Vault,
    key: &SessionKey,
) -> Result<Option<Secret>, Failure> {
    match mode {
        ClientMode::Public => Ok(None),
        ClientMode::Confidential => open_client_secret(oauth, vault).map_err(|error| {
            Failure::new(error.to_string()).hint(error.hint(&key.host.to_string()))
        }),
    }
}

/// Writes what a token response brought: the refresh token first, for it cannot be had again.
///
/// # Errors
/// If the vault cannot be written.
pub(super) fn persist(
    writer: &Writer<'_>,
    key: &SessionKey,
    session: &Session,
    token: Secret,
    expires_in: u64,
    refusals: Vec<OrganizationRefusal>,
) -> Result<Access, VaultError> {
    let of = key.to_string();
    let now = clock::now();
    let expires_at = now + expires_in;
    writer.put(&of, session)?;
    let host = key.host.to_string();
    let mut issued = writer.read::<Issued>(&host)?.unwrap_or_default();
    issued.tokens.retain(|token| token.expires_at > now);
    issued.tokens.push(IssuedToken { digest: token.digest(), expires_at });
    writer.put(&host, &issued)?;
    let access = Access {
        account: session.account.clone(),
        token: Some(token),
        issued_at: now,
        expires_at,
        refusals,
        hold_off: None,
    };
    writer.put(&of, &access)?;
    Ok(access)
}

/// The sessions kept for a host, or all.
///
/// # Errors
/// If the vault cannot be read.
pub fn sessions(vault: &Vault, host: Option<&HostKey>) -> Result<Vec<Session>, VaultError> {
    let host = host.map(ToString::to_string);
    let mut found = vault.list::<Session>()?;
    found.retain(|session| host.as_ref().is_none_or(|host| session.host == *host));
    found.sort_by(|a, b| (&a.host, &a.organization).cmp(&(&b.host, &b.organization)));
    Ok(found)
}

/// Forgets a session and its access token, whether they can be read or not. Says whether there
/// was one.
///
/// # Errors
/// If the vault cannot be written.
pub fn forget(vault: &Vault, key: &SessionKey) -> Result<bool, VaultError> {
    let of = key.to_string();
    let writer = vault.write()?;
    let access = writer.remove::<Access>(&of)?;
    let session = writer.remove::<Session>(&of)?;
    Ok(access || session)
}

/// What to do about an ID token that is not as it should be.
fn claims_hint(error: ClaimsError) -> &'static str {
    match error {
        ClaimsError::Time => "set this machine's clock, then sign in again",
        ClaimsError::Issuer | ClaimsError::Tenant => {
            "step 1 (app registration): compare the Issuer URL with Overview → Directory (tenant) ID"
        }
        ClaimsError::Audience => {
            "step 1 (app registration): compare the client ID with Overview → Application (client) ID"
        }
        ClaimsError::Nonce | ClaimsError::Subject | ClaimsError::Unreadable => {
            "sign in again: git-credential-ona-azure login"
        }
    }
}

fn random_id() -> String {
    oauth2::CsrfToken::new_random().into_secret()
}

fn vault_failure(error: VaultError) -> Failure {
    Failure::new(format!("the sign-in cannot be kept: {error}")).hint(error.hint())
}

fn refused(error: &str, description: &str) -> (String, Failure) {
    let refusal = Refusal::redirected(error, description);
    let failure = EntraError::Refused(Box::new(refusal)).into_failure("the sign-in was refused");
    (escape(&failure.message.text), failure.exit(Exit::SignIn))
}

fn timed_out(wait: Duration, redirect_uri: &url::Url) -> Failure {
    let registered = format!("http://localhost{}", redirect_uri.path());
    Failure::new(format!("the browser did not come back within {} minutes", wait.as_secs().div_ceil(60)))
        .hint(format!(
            "some refusals are shown in the browser only: AADSTS50011 means that {registered} is not among the \
             app's redirect URIs (step 2), AADSTS700016 a wrong client ID or tenant (step 1), AADSTS50020 the \
             wrong account (step 6)"
        ))
        .exit(Exit::SignIn)
}
