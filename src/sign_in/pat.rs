//! A personal access token: where to make one and what to fill in there, and what is kept of it.

use crate::azure::{
    DEFAULT_LIFETIME_DAYS, Form, Organization, Place, SCOPE_TO_TICK, Scheme, form, looks_like_jwt,
    token_page_url,
};
use crate::broker::{PatKey, keep_pat};
use crate::clock;
use crate::devops::{Asker, Reason, Site, Trial, try_pat};
use crate::entra::open_browser;
use crate::integration::{HostKey, Integration};
use crate::net::Send;
use crate::person::Person;
use crate::report::{Exit, Failure, escape};
use crate::secret::Secret;
use crate::vault::{Pat, PatLogin, Vault};

const DAY: u64 = 24 * 60 * 60;

/// A token to be made, and what it is for.
#[derive(Clone, Copy)]
pub struct NewPat<'a> {
    /// `https` or `http`.
    pub scheme: Scheme,
    /// The host.
    pub place: &'a Place,
    /// The organization or collection; `None` for a whole Server.
    pub organization: Option<&'a Organization>,
    /// The host's integration.
    pub integration: &'a Integration,
    /// The name it goes with; empty for none.
    pub username: &'a [u8],
    /// When it ends, seconds since the epoch, if that was said.
    pub expires_at: Option<u64>,
}

impl NewPat<'_> {
    /// The page it is made on: the integration's own, if it names one.
    pub fn page(&self) -> String {
        if let Some(page) = &self.integration.pat_url {
            return page.to_string();
        }
        token_page_url(
            self.scheme,
            self.place,
            &self.integration.virtual_directory,
            self.organization,
        )
    }

    /// What it is for, as a person calls it.
    pub fn name(&self) -> String {
        match self.organization {
            Some(organization) => organization.to_string(),
            None => self.place.authority().to_string(),
        }
    }

    /// Says where to make it and what to fill in there, and opens that page if `open`.
    pub fn explain(&self, person: &Person, open: bool) {
        let page = self.page();
        let now = clock::now();
        let end = self.expires_at.unwrap_or_else(|| usual_end(now));
        let expiration = expiration(end, now);
        let organization = match self.organization {
            Some(organization) => organization.to_string(),
            None => "All accessible organizations".to_owned(),
        };
        person.say(&format!(
            "Make a personal access token for {} on this page (it cannot be filled in from here):\n\n  {page}\n\n  \
             Name          git on {}\n  \
             Organization  {}\n  \
             Expiration    {expiration}\n  \
             Scopes        {SCOPE_TO_TICK}\n\n\
             Then choose Create, and copy the token: the page shows it only once.\n",
            self.name(),
            escape(&machine()),
            escape(&organization),
        ));
        if open && let Ok(url) = page.parse() {
            open_browser(&url, |_| {});
        }
    }

    /// Refuses a token that is over.
    ///
    /// # Errors
    /// If its end, as far as it was said, has passed.
    pub fn refuse_if_over(&self, now: u64) -> Result<(), Failure> {
        if self.expires_at.is_some_and(|at| at <= now) {
            return Err(Failure::new("that token has run out already")
                .hint("give --expires the end that the page shows")
                .exit(Exit::Usage));
        }
        Ok(())
    }

    /// Keeps a token. Says until when: as its owner said, else the usual span from now.
    ///
    /// # Errors
    /// If it has run out, does not work or cannot be tried, or the vault cannot be written.
    pub fn keep(
        &self,
        pat: Secret,
        test: bool,
        vault: &Vault,
        network: &dyn Send,
    ) -> Result<u64, Failure> {
        let expires_at = self.expires_at.unwrap_or_else(|| usual_end(clock::now()));
        Self { expires_at: Some(expires_at), ..*self }.keep_as_given(pat, test, vault, network)?;
        Ok(expires_at)
    }

    /// Keeps a token of which no more is known than is given.
    ///
    /// # Errors
    /// As [`Self::keep`].
    pub fn keep_as_given(
        &self,
        pat: Secret,
        test: bool,
        vault: &Vault,
        network: &dyn Send,
    ) -> Result<(), Failure> {
        let now = clock::now();
        self.refuse_if_over(now)?;
        if test {
            self.try_out(&pat, network)?;
        }
        let pat = Pat {
            organization: self.organization.cloned(),
            username: Some(self.username.to_vec()),
            login: PatLogin::Password(pat),
            expires_at: self.expires_at,
            oauth_refresh_token: None,
            kept_at: now,
            empty_name: false,
            passed_through: false,
        };
        let key = PatKey { scheme: self.scheme, host: HostKey::of_place(self.place) };
        keep_pat(vault, &key, pat)?;
        Ok(())
    }

    /// A token that does not work now is not kept: git would only find out later.
    fn try_out(&self, pat: &Secret, network: &dyn Send) -> Result<(), Failure> {
        let site = Site {
            scheme: self.scheme,
            place: self.place,
            virtual_directory: &self.integration.virtual_directory,
            organization: self.organization,
        };
        let trial = try_pat(network, site, self.username, pat);
        let Some(mut failure) = trial.failure(site, &self.page(), Asker::Login) else {
            return Ok(());
        };
        // Only now: Azure promises no form, so one that works is right.
        let not_accepted = matches!(trial, Trial::Refused { reason: Reason::NotAccepted, .. });
        if not_accepted && form(pat.expose()) == Form::Unknown {
            failure.message.text.push_str(
                ", and it does not look like one (those of Azure DevOps have 84 characters, older ones 52)",
            );
        }
        failure.message.text.push_str("; the token is not kept");
        Err(failure)
    }
}

/// Takes what was typed or passed for a token, if it can be one.
///
/// # Errors
/// If it is plainly something else. Its form alone is no reason: Azure promises none.
pub fn read_pat(typed: &[u8], page: &str) -> Result<Secret, Failure> {
    if typed.is_empty() {
        return Err(Failure::new("no personal access token was given")
            .hint(format!("make one at {page} and pass it on standard input"))
            .exit(Exit::Usage));
    }
    if typed.iter().any(|byte| byte.is_ascii_control() || byte.is_ascii_whitespace()) {
        return Err(Failure::new("a personal access token is one word, and this is more")
            .hint("pass the token alone, as the page shows it")
            .exit(Exit::Usage));
    }
    if looks_like_jwt(typed) {
        return Err(Failure::new("that is an OAuth access token, which ends within the hour")
            .hint(format!("make a personal access token at {page}"))
            .exit(Exit::Usage));
    }
    Ok(Secret::new(typed))
}

/// The end of a token whose owner does not say it.
fn usual_end(now: u64) -> u64 {
    now + u64::from(DEFAULT_LIFETIME_DAYS) * DAY
}

/// What to choose as *Expiration* on the page: one of the spans it offers, else a date.
fn expiration(end: u64, now: u64) -> String {
    let days = end.saturating_sub(now).div_ceil(DAY);
    let date = i64::try_from(end).ok().and_then(|end| jiff::Timestamp::from_second(end).ok());
    match (days, date) {
        (30 | 60 | 90, _) | (_, None) => format!("{days} days"),
        (_, Some(date)) => format!("Custom defined: {}", date.strftime("%Y-%m-%d")),
    }
}

/// The name of this machine, to tell its token from the others.
fn machine() -> String {
    #[cfg(unix)]
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    #[cfg(not(unix))]
    let name = std::env::var("COMPUTERNAME").unwrap_or_default();
    if name.is_empty() { "this machine".to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_offers_some_spans_and_a_date_for_every_other() {
        const NOW: u64 = 1_800_000_000;
        for (end, expected) in [
            (NOW + 30 * DAY, "30 days"),
            (NOW + 90 * DAY, "90 days"),
            (NOW + 7 * DAY, "Custom defined: 2027-01-22"),
            (NOW + 365 * DAY, "Custom defined: 2028-01-15"),
        ] {
            assert_eq!(expiration(end, NOW), expected);
        }
    }
}
