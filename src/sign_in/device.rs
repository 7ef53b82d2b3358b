//! The device code (RFC 8628): a code is shown here and entered in a browser anywhere.

use std::time::Instant;

use super::SignIn;
use super::prepare::token_url;
use crate::entra::{Device, EntraError, Polled, ask_for_device_code, poll_device_code};
use crate::report::{Exit, Failure, escape};
use crate::vault::{ClientMode, Session, SignInMethod};

impl SignIn<'_> {
    /// Signs in with a device code. Such a session has no secret, whatever the app has.
    ///
    /// # Errors
    /// What went wrong and at which step; nothing is changed then.
    pub fn with_device_code(&self) -> Result<Session, Failure> {
        let prepared = self.prepare(Some(ClientMode::Public))?;
        let (endpoints, client_id) = (&prepared.endpoints, &*prepared.oauth.client_id);
        let mut device = ask_for_device_code(endpoints, client_id, self.network)
            .map_err(|error| self.explained(error, "no device code was given"))?;
        self.show(&device);
        let deadline =
            Instant::now() + self.wait.map_or(device.lifetime, |wait| wait.min(device.lifetime));
        let mut in_trouble = false;
        loop {
            let wait = device.pace.wait();
            if Instant::now() + wait > deadline {
                return Err(self.ran_out());
            }
            std::thread::sleep(wait);
            let polled = poll_device_code(endpoints, client_id, &device, self.network);
            device.pace.after(&polled);
            match polled {
                Polled::Granted(grant) => {
                    return self.accept(&prepared, *grant, None, SignInMethod::Device, None);
                }
                Polled::Over(error) if has_run_out(&error) => return Err(self.ran_out()),
                Polled::Over(error) => {
                    return Err(self.explained(error, "the sign-in was refused"));
                }
                Polled::Trouble(error) if !in_trouble => {
                    in_trouble = true;
                    self.person.say(&format!("{}; still trying …\n", escape(&error.to_string())));
                }
                Polled::Trouble(_) => {}
                Polled::Pending | Polled::SlowDown => in_trouble = false,
            }
        }
    }

    /// The code and the address, each on a line of its own, to be read from afar and copied.
    fn show(&self, device: &Device) {
        let minutes = device.lifetime.as_secs() / 60;
        self.person.say(&format!(
            "To sign in to {}, open this address in a browser on any device:\n\n    {}\n\n\
             and enter this code:\n\n    {}\n\n\
             Never enter a code that somebody else gave you: it would sign them in as you.\n\
             Waiting, {minutes} minutes at the most …\n",
            self.key,
            escape(device.verification_uri.as_str()),
            escape(&device.user_code),
        ));
    }

    fn ran_out(&self) -> Failure {
        Failure::new("the device code has run out before it was entered")
            .hint(format!("start again: git-credential-ona-azure login {} --device", self.url()))
            .exit(Exit::SignIn)
    }

    /// The failure, with the switch to turn or the person to ask, and the ways that are left.
    fn explained(&self, error: EntraError, what: &str) -> Failure {
        let mut failure = error.clone().into_failure(what);
        if !error.is_passing() {
            let said = device_hint(&error).unwrap_or_else(|| error.hint());
            failure =
                failure.hint(format!("{said}; or sign in another way: {}", self.without_device()));
        }
        failure
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

/// What the codes mean where no redirect URI and no secret is in play.
fn device_hint(error: &EntraError) -> Option<String> {
    let EntraError::Refused(refusal) = error else { return None };
    let has = |code| refusal.codes.contains(&code);
    if has(7_000_218) {
        return Some(
            "step 2 (authentication): set Authentication → Allow public client flows to Yes"
                .to_owned(),
        );
    }
    if has(53003) {
        return Some(
            "ask the administrator of the tenant whether Conditional Access allows device code flow \
             (Sign-in logs → Conditional Access names the policy)"
                .to_owned(),
        );
    }
    None
}

fn has_run_out(error: &EntraError) -> bool {
    matches!(error, EntraError::Refused(refusal)
        if matches!(refusal.error.as_str(), "expired_token" | "code_expired"))
}
