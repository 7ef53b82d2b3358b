//! The device code (RFC 8628): a code is shown here and entered in a browser anywhere.

use std::time::{Duration, Instant};

use super::prepare::{Prepared, token_url};
use super::{SignIn, spelled};
use crate::entra::{Device, EntraError, Polled, ask_for_device_code, poll_device_code};
use crate::report::{Exit, Failure, escape};
use crate::trace;
use crate::vault::{ClientMode, Session, SignInMethod};

impl SignIn<'_> {
    /// Signs in with a device code. Such a session has no secret, whatever the app has.
    ///
    /// # Errors
    /// What went wrong and at which step; nothing but that is kept then.
    pub fn with_device_code(&self) -> Result<Session, Failure> {
        trace::event("sign-in", |words| words.with("key", self.key).with("way", "device code"));
        let prepared = self.prepare(Some(ClientMode::Public))?;
        self.device(&prepared).map_err(|failure| self.remembered(failure))
    }

    fn device(&self, prepared: &Prepared<'_>) -> Result<Session, Failure> {
        let (endpoints, client_id) = (&prepared.endpoints, &*prepared.oauth.client_id);
        let Some(url) = &endpoints.device_authorization_endpoint else {
            let host = endpoints.token_endpoint.host_str().unwrap_or_default();
            return Err(Failure::new(format!(
                "the issuer {host} has no sign-in with a device code"
            ))
            .hint(format!("sign in another way: {}", self.without_device())));
        };
        let mut device = ask_for_device_code(url, endpoints, client_id, self.network)
            .map_err(|error| self.explained(error, "no device code was given"))?;
        let patience = self.wait.map_or(device.lifetime, |wait| wait.min(device.lifetime));
        self.show(&device, patience);
        let deadline = Instant::now() + patience;
        let mut trouble = None;
        loop {
            let wait = device.pace.wait();
            let left = deadline.saturating_duration_since(Instant::now());
            std::thread::sleep(wait.min(left));
            if wait > left {
                return Err(match trouble {
                    // Whether it was entered is not known then.
                    Some(error) => self.explained(error, "the sign-in did not complete"),
                    None if patience == device.lifetime => self.ran_out(),
                    None => self.start_again(&format!(
                        "the device code was not entered within {}",
                        spelled(patience)
                    )),
                });
            }
            let polled = poll_device_code(endpoints, client_id, &device, self.network);
            device.pace.after(&polled);
            match polled {
                Polled::Granted(grant) => {
                    return self.accept(prepared, *grant, None, SignInMethod::Device, None);
                }
                Polled::Over(error) if has_run_out(&error) => return Err(self.ran_out()),
                Polled::Over(error) => {
                    return Err(self.explained(error, "the sign-in was refused"));
                }
                Polled::Trouble(error) => {
                    if trouble.is_none() {
                        let said = escape(&error.to_string());
                        self.person.say(&format!("{said}; still trying …\n"));
                    }
                    trouble = Some(error);
                }
                Polled::Pending | Polled::SlowDown => trouble = None,
            }
        }
    }

    /// The code and the address, each on a line of its own, to be read from afar and copied.
    fn show(&self, device: &Device, patience: Duration) {
        self.person.say(&format!(
            "To sign in to {}, open this address in a browser on any device:\n\n    {}\n\n\
             and enter this code:\n\n    {}\n\n\
             Never enter a code that somebody else gave you: it would sign them in as you.\n\
             Waiting, {} at the most …\n",
            self.key,
            escape(device.verification_uri.as_str()),
            escape(&device.user_code),
            spelled(patience),
        ));
    }

    fn ran_out(&self) -> Failure {
        self.start_again("the device code has run out before it was entered")
    }

    fn start_again(&self, what: &str) -> Failure {
        Failure::new(what)
            .hint(format!("start again: git-credential-ona-azure login {} --device", self.url()))
            .exit(Exit::SignIn)
    }

    /// The failure, with the switch to turn or the person to ask, and the ways that are left.
    fn explained(&self, error: EntraError, what: &str) -> Failure {
        if is_declined(&error) {
            return self.start_again("the sign-in was declined in the browser");
        }
        let mut failure = error.clone().into_failure(what);
        if error.is_passing() {
            return failure;
        }
        let mut hint = error.hint();
        match code_of(&error) {
            Some(PUBLIC_CLIENT) => {
                failure.message.text = format!(
                    "{what}: the app does not allow sign-ins with a device code (AADSTS{PUBLIC_CLIENT})"
                );
                "step 2 (authentication): set Authentication → Allow public client flows to Yes"
                    .clone_into(&mut hint);
            }
            Some(CONDITIONAL_ACCESS) => {
                "ask the administrator of the tenant whether Conditional Access allows device code \
                 flow (Sign-in logs → Conditional Access names the policy)"
                    .clone_into(&mut hint);
            }
            _ => {}
        }
        failure.hint(format!("{hint}; or sign in another way: {}", self.without_device()))
    }

    fn without_device(&self) -> String {
        let mut ways = format!("git-credential-ona-azure login {} --paste", self.url());
        if self.integration.pat {
            ways.push_str(&format!(
                ", or git-credential-ona-azure login {} --pat",
                token_url(self.key)
            ));
        }
        ways
    }
}

/// A request without a secret, of an app that has to send one: AADSTS7000218.
const PUBLIC_CLIENT: u32 = 7_000_218;

/// A policy says no: AADSTS53003.
const CONDITIONAL_ACCESS: u32 = 53003;

/// The code that has other words where no redirect URI and no secret is in play, if it came.
fn code_of(error: &EntraError) -> Option<u32> {
    let EntraError::Refused(refusal) = error else { return None };
    let told = [PUBLIC_CLIENT, CONDITIONAL_ACCESS];
    told.into_iter().find(|code| refusal.codes.contains(code))
}

/// Whether the person said no. Entra has a word of its own for RFC 8628's.
fn is_declined(error: &EntraError) -> bool {
    matches!(error, EntraError::Refused(refusal)
        if refusal.error == "authorization_declined"
            || (refusal.error == "access_denied" && refusal.codes.iter().all(|code| *code == 65004)))
}

fn has_run_out(error: &EntraError) -> bool {
    matches!(error, EntraError::Refused(refusal)
        if matches!(refusal.error.as_str(), "expired_token" | "code_expired"))
}
