//! A sign-in made elsewhere, brought here by its refresh token.

use std::thread;
use std::time::{Duration, Instant};

use super::SignIn;
use crate::entra::{EntraError, Grant, refresh};
use crate::report::Failure;
use crate::secret::Secret;
use crate::vault::{ClientMode, Session, SignInMethod};

/// How long a service that has enough for now is waited for.
const SERVICE_PATIENCE: Duration = Duration::from_secs(90);

/// The first wait where the service does not say how long.
const FIRST_WAIT: Duration = Duration::from_secs(1);

impl SignIn<'_> {
    /// Redeems a refresh token once, which proves all of the integration too, and keeps the session
    /// that comes of it. `public` if it was issued to a public client, as after a device code.
    ///
    /// # Errors
    /// What went wrong and at which step; nothing is changed then.
    pub fn import(&self, refresh_token: &Secret, public: bool) -> Result<Session, Failure> {
        let prepared = self.prepare(public.then_some(ClientMode::Public))?;
        let ask = || refresh(&prepared.endpoints, prepared.app(), refresh_token, self.network);
        let mut grant = patiently(self.wait.unwrap_or(SERVICE_PATIENCE), ask)
            .map_err(|error| error.into_failure("the refresh token was not taken"))?;
        // Not every provider rotates.
        grant.refresh_token.get_or_insert_with(|| refresh_token.clone());
        self.accept(&prepared, grant, None, SignInMethod::Imported, Some(refresh_token.digest()))
    }
}

/// Asks again while the service is busy, as long as it says, else longer each time.
fn patiently(
    patience: Duration,
    ask: impl Fn() -> Result<Grant, EntraError>,
) -> Result<Grant, EntraError> {
    let deadline = Instant::now() + patience;
    let mut pause = FIRST_WAIT;
    loop {
        let error = match ask() {
            Err(error) if error.is_passing() => error,
            done => return done,
        };
        let told = match &error {
            EntraError::Refused(refusal) => refusal.retry_after.map(Duration::from_secs),
            EntraError::Network(_) | EntraError::Unusable(_) => None,
        };
        let wait = told.unwrap_or(pause) + spread();
        if Instant::now() + wait > deadline {
            return Err(error);
        }
        thread::sleep(wait);
        pause *= 2;
    }
}

/// A little more for each process: those that were refused together shall not come back together.
fn spread() -> Duration {
    Duration::from_millis(u64::from(std::process::id()).wrapping_mul(7919) % 1000)
}
