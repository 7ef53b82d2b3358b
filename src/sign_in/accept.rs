//! What the issuer gave, held against what was asked for; what stands up to that is kept.

use super::SignIn;
use super::prepare::{Prepared, not_kept};
use crate::broker::keep_access_token;
use crate::clock;
use crate::entra::{Allows, Claims, ClaimsError, Expected, Grant, allow};
use crate::report::{Exit, Failure};
use crate::secret::{Digest, Secret};
use crate::vault::{Access, Session, SignInFailure, SignInMethod};

impl SignIn<'_> {
    /// Keeps a grant as the session of this key.
    ///
    /// `nonce` is what the ID token must carry; a device code has none (RFC 8628).
    pub(super) fn accept(
        &self,
        prepared: &Prepared<'_>,
        grant: Grant,
        nonce: Option<&Secret>,
        method: SignInMethod,
        imported: Option<Digest>,
    ) -> Result<Session, Failure> {
        let id_token = grant.id_token.as_ref().and_then(Claims::of).ok_or_else(|| {
            Failure::new("the sign-in brought no ID token")
                .hint("step 4 (API permissions): add Microsoft Graph → Delegated → openid")
        })?;
        let identity = id_token
            .check(Expected {
                issuer: &prepared.issuer,
                discovered: &prepared.endpoints.issuer,
                client_id: &prepared.oauth.client_id,
                nonce,
                tenant: None,
                subject: None,
                now: clock::now(),
            })
            .map_err(|error| {
                let hint = claims_hint(error).map_or_else(
                    || format!("sign in again: git-credential-ona-azure login {}", self.url()),
                    ToOwned::to_owned,
                );
                Failure::new(error.to_string()).hint(hint).exit(Exit::SignIn)
            })?;
        if allow(&grant.scopes) == Allows::Nothing {
            return Err(Failure::new("the sign-in grants no access to code in Azure DevOps").hint(
                "step 4 (API permissions): add Azure DevOps → Delegated → vso.code and vso.code_write",
            ));
        }
        let resource = Claims::of(&grant.access_token).filter(|_| prepared.issuer.is_entra());
        if resource.is_some_and(|claims| claims.is_for_another_resource()) {
            return Err(Failure::new("the token granted is for another service than Azure DevOps").hint(
                "step 4 (API permissions): add Azure DevOps → Delegated → vso.code and vso.code_write",
            ));
        }
        let Some(refresh_token) = grant.refresh_token else {
            return Err(Failure::new(
                "the sign-in brought no refresh token, so it would end within the hour",
            )
            .hint("step 4 (API permissions): add Microsoft Graph → Delegated → offline_access"));
        };
        let session = Session {
            id: oauth2::CsrfToken::new_random().into_secret(),
            host: self.key.host.to_string(),
            organization: self.key.organization.clone(),
            account: identity.account,
            subject: identity.subject,
            tenant: identity.tenant,
            issuer: prepared.issuer.to_string(),
            client_id: prepared.oauth.client_id.clone(),
            mode: prepared.mode,
            method,
            scopes: grant.scopes,
            refresh_token: Some(refresh_token),
            signed_in_at: clock::now(),
            ended: None,
            imported,
        };
        self.vault
            .write()
            .and_then(|writer| {
                // Killed half way, no access token of the account before is left to be given out.
                let of = self.key.to_string();
                writer.remove::<Access>(&of)?;
                writer.remove::<SignInFailure>(&of)?;
                writer.update(&of, |kept| *kept = Some(session.clone()))?;
                let (token, lifetime) = (grant.access_token, grant.expires_in);
                keep_access_token(&writer, self.key, &session, token, lifetime)
            })
            .map_err(not_kept)?;
        Ok(session)
    }
}

/// What to do about an ID token that is not as it should be, other than to try once more.
fn claims_hint(error: ClaimsError) -> Option<&'static str> {
    Some(match error {
        ClaimsError::Time => "set this machine's clock, then sign in again",
        ClaimsError::Issuer | ClaimsError::Tenant => {
            "step 1 (app registration): compare the Issuer URL with Overview → Directory (tenant) ID"
        }
        ClaimsError::Audience => {
            "step 1 (app registration): compare the client ID with Overview → Application (client) ID"
        }
        ClaimsError::Unsigned | ClaimsError::NoSubject | ClaimsError::NoTenant => {
            "step 1 (app registration): the issuer is not to be trusted with a sign-in; compare the Issuer URL with \
             Overview → Endpoints"
        }
        ClaimsError::Nonce | ClaimsError::Subject | ClaimsError::Unreadable => return None,
    })
}
