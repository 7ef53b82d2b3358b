//! Sessions in the vault: what a sign-in leaves there, and how it is forgotten.

use super::subject::SessionKey;
use crate::clock;
use crate::entra::Issuer;
use crate::integration::{HostKey, HostSpec, Integration, OAuth, open_client_secret};
use crate::report::Failure;
use crate::secret::Secret;
use crate::trace;
use crate::vault::{
    Access, Client, ClientMode, Issued, IssuedToken, Session, SignInFailure, Vault, VaultError,
    Writer,
};

/// The path of the redirect URI on the Web platform; the secret goes with it.
const WEB_PATH: &str = "/ona-azure";

/// The path of the redirect URI on the Mobile and desktop platform; no secret ever does.
const NATIVE_PATH: &str = "/ona-azure-native";

/// The redirect URI to register with the app, on whatever port (RFC 8252 section 7.3).
pub fn redirect_uri(oauth: &OAuth) -> String {
    format!("http://localhost{}", redirect_path(oauth))
}

/// The path of that URI: it tells the platform, and with it whether the secret is sent.
pub fn redirect_path(oauth: &OAuth) -> &'static str {
    if oauth.is_public() { NATIVE_PATH } else { WEB_PATH }
}

/// What to do about an issuer that cannot be used.
pub fn issuer_hint(hint: Option<&str>, integration: &HostSpec) -> String {
    let command = format!(
        "git-credential-ona-azure integration add --host {integration} --issuer-url \
         https://login.microsoftonline.com/TENANT_ID/oauth2/v2.0"
    );
    hint.map_or_else(|| command.clone(), |hint| format!("{hint}, then: {command}"))
}

/// The secret that goes with a session of that mode.
///
/// # Errors
/// If it cannot be opened here.
pub fn secret_for(
    mode: ClientMode,
    oauth: &OAuth,
    vault: &Vault,
    integration: &HostSpec,
) -> Result<Option<Secret>, Failure> {
    match mode {
        ClientMode::Public => Ok(None),
        ClientMode::Confidential => open_client_secret(oauth, vault).map_err(|error| {
            Failure::new(error.to_string()).hint(error.hint(&integration.to_string()))
        }),
    }
}

/// Writes the access token that a token response brought for a session. The session with its
/// refresh token has to be kept before: that cannot be had again.
///
/// # Errors
/// If the vault cannot be written.
pub fn keep_access_token(
    writer: &Writer<'_>,
    key: &SessionKey,
    session: &Session,
    token: Secret,
    expires_in: u64,
) -> Result<Access, VaultError> {
    let now = clock::now();
    let expires_at = now + expires_in;
    writer.update(&key.host.to_string(), |kept: &mut Option<Issued>| {
        let issued = kept.get_or_insert_default();
        issued.tokens.retain(|token| token.expires_at > now);
        issued.tokens.push(IssuedToken { digest: token.digest(), expires_at });
    })?;
    let access = writer.update(&key.to_string(), |kept: &mut Option<Access>| {
        let access = kept.get_or_insert_default();
        access.account.clone_from(&session.account);
        access.token = Some(token);
        access.issued_at = now;
        access.expires_at = expires_at;
        access.hold_off = None;
        access.client = Some(client_of(session));
        access.clone()
    })?;
    trace::event("kept", |words| {
        words
            .with("key", key)
            .maybe_secret("refresh_token", session.refresh_token.as_ref())
            .maybe_secret("access_token", access.token.as_ref())
            .with("ends_in", expires_in)
    });
    Ok(access)
}

/// The access token of a session as it may be used now: none of a client or an issuer that the
/// integration does not name any more. A damaged entry counts as absent, for a refresh makes it anew.
///
/// # Errors
/// If the vault cannot be read.
pub fn access(
    vault: &Vault,
    key: &SessionKey,
    integration: &Integration,
) -> Result<Option<Access>, VaultError> {
    let access = vault.read_intact::<Access>(&key.to_string())?;
    Ok(access.map(|access| current(access, integration)))
}

/// The same without its token, if that was issued to another client than the integration's, or by
/// another issuer. A changed client secret changes neither.
pub(super) fn current(mut access: Access, integration: &Integration) -> Access {
    let is_current = match (&access.client, &integration.oauth) {
        // An earlier version did not say, and the token ends within the hour.
        (None, _) | (_, None) => true,
        (Some(client), Some(oauth)) => issuer_of(client, oauth, integration).is_some(),
    };
    if !is_current {
        access.token = None;
    }
    access
}

/// The issuer of what was issued to a client, if client and issuer are those that are configured
/// now: the configured issuer, or a tenant of it where that leaves the tenant open.
pub(super) fn issuer_of(
    client: &Client,
    oauth: &OAuth,
    integration: &Integration,
) -> Option<Issuer> {
    if client.id != oauth.client_id {
        return None;
    }
    let configured = Issuer::parse(&oauth.issuer_url, &integration.trusted_issuers).ok()?;
    let of_tenant = client.tenant.as_deref().and_then(|tenant| configured.with_tenant(tenant));
    [Some(configured), of_tenant]
        .into_iter()
        .flatten()
        .find(|issuer| issuer.to_string() == client.issuer)
}

/// The client a session's tokens are issued to.
pub(super) fn client_of(session: &Session) -> Client {
    Client {
        id: session.client_id.clone(),
        issuer: session.issuer.clone(),
        tenant: session.tenant.clone(),
    }
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

/// What of a session was forgotten.
#[derive(Debug)]
pub struct Forgotten {
    /// The session; `None` if it could not be read.
    pub session: Option<Session>,
}

/// Forgets a session and its access token, whether they can be read or not, if it still is one of
/// those that `goes`. One that cannot be read is one of them. Says what there was.
///
/// # Errors
/// If the vault cannot be written.
pub fn forget(
    vault: &Vault,
    key: &SessionKey,
    goes: impl FnOnce(&Session) -> bool,
) -> Result<Option<Forgotten>, VaultError> {
    let of = key.to_string();
    let writer = vault.write()?;
    // Without its key a vault opens nothing, and is still rid of what has a known name.
    let session = vault.read::<Session>(&of).ok().flatten();
    if session.as_ref().is_some_and(|session| !goes(session)) {
        return Ok(None);
    }
    let access = writer.remove::<Access>(&of)?;
    let was_there = writer.remove::<Session>(&of)? || access;
    writer.remove::<SignInFailure>(&of)?;
    trace::event("forgot", |words| words.with("key", key).flag("was_there", was_there));
    Ok(was_there.then_some(Forgotten { session }))
}
