//! A sign-in made elsewhere, brought here by its refresh token.

use super::SignIn;
use crate::entra::{EntraError, RefreshScope, refresh};
use crate::report::Failure;
use crate::secret::Secret;
use crate::trace;
use crate::vault::{ClientMode, Session, SignInMethod};

impl SignIn<'_> {
    /// Redeems a refresh token once, which proves all of the integration too, and keeps the session
    /// that comes of it. `public` if it was issued to a public client, as after a device code.
    ///
    /// # Errors
    /// What went wrong and at which step; nothing is changed then.
    pub fn import(&self, refresh_token: &Secret, public: bool) -> Result<Session, Failure> {
        trace::event("sign-in", |words| {
            words
                .with("key", self.key)
                .with("way", "a refresh token that was brought")
                .secret("refresh_token", refresh_token)
        });
        let prepared = self.prepare(public.then_some(ClientMode::Public))?;
        let redeem = |scope| {
            refresh(&prepared.endpoints, prepared.app(), refresh_token, scope, self.network)
        };
        let mut grant = match redeem(RefreshScope::Asked) {
            // It was granted less, or elsewhere by another name (RFC 6749 section 6).
            Err(EntraError::Refused(refusal)) if refusal.error == "invalid_scope" => {
                redeem(RefreshScope::AsGranted)
            }
            answer => answer,
        }
        .map_err(|error| error.into_failure("the refresh token was not taken"))?;
        // Not every provider rotates.
        grant.refresh_token.get_or_insert_with(|| refresh_token.clone());
        self.accept(&prepared, grant, None, SignInMethod::Imported, Some(refresh_token.digest()))
    }
}
