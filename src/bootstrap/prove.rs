//! Whether what a script hands over works, as far as that can be told without using it up; in
//! words for a script, where nobody is at hand to run commands.

use super::apply::Bench;
use super::given::GivenToken;
use super::planned::{Fate, Planned};
use super::source::Source;
use crate::azure::{GIVE_SECRET, Organization, Place};
use crate::broker::{SessionKey, access, refresh_now};
use crate::clock;
use crate::devops::{Asker, Site, Trial, try_pat};
use crate::integration::{HostKey, Integration};
use crate::report::{Exit, Failure};
use crate::sign_in::NewPat;
use crate::vault::Session;

/// What to do where a token is of no use any more.
const GIVE_ANEW: &str = "hand over a new one: the one given is not taken a second time";

/// A sign-in that was shown to work within this time is not tried again, in seconds.
const JUST_NOW: u64 = 60;

/// Where a token is tried.
fn site<'s>(
    place: &'s Place,
    organization: Option<&'s Organization>,
    integration: &'s Integration,
) -> Site<'s> {
    let scheme = integration.scheme();
    Site { scheme, place, virtual_directory: &integration.virtual_directory, organization }
}

impl Bench<'_> {
    /// Tries a personal access token, which changes nothing anywhere.
    pub(super) fn try_token(
        &self,
        planned: &Planned<'_>,
        integration: &Integration,
    ) -> Result<(), Failure> {
        let (GivenToken::Pat { secret, username, expires_at, .. }, Source::Pat(key, organization)) =
            (planned.token, &planned.source)
        else {
            return Ok(());
        };
        let place = key.place();
        let site = site(&place, organization.as_ref(), integration);
        let new = self.new_pat(integration, &place, organization.as_ref(), username, *expires_at);
        match planned.fate {
            // What is kept instead is what git will use.
            Fate::Succeeded => return self.try_kept(site, &new),
            Fate::Gone => {
                return Err(Failure::new(format!(
                    "the personal access token given for {} was refused by Azure DevOps, or forgotten here",
                    new.name()
                ))
                .hint(GIVE_ANEW)
                .exit(Exit::SignIn));
            }
            Fate::Kept | Fate::New => {}
        }
        if expires_at.is_some_and(|at| at <= clock::now()) {
            return Err(Failure::new(format!(
                "the personal access token given for {} has run out",
                new.name()
            ))
            .hint(format!("make a new one at {} and hand that over", new.page()))
            .exit(Exit::SignIn));
        }
        if self.offline {
            return Ok(());
        }
        let trial = try_pat(self.network, site, username.as_bytes(), secret);
        trial.failure(site, &new.page(), Asker::Bootstrap).map_or(Ok(()), Err)
    }

    /// A token that was taken over once and is gone may have been forgotten by mistake: earlier versions
    /// forgot what git merely said was rejected. One that works is taken over again.
    pub(super) fn bring_back(&self, planned: &mut Planned<'_>, integration: &Integration) {
        let (GivenToken::Pat { secret, username, .. }, Source::Pat(key, organization)) =
            (planned.token, &planned.source)
        else {
            return;
        };
        if planned.fate != Fate::Gone || self.offline {
            return;
        }
        let place = key.place();
        let site = site(&place, organization.as_ref(), integration);
        if matches!(try_pat(self.network, site, username.as_bytes(), secret), Trial::Works { .. }) {
            planned.fate = Fate::New;
        }
    }

    /// Tries the token that somebody gave here since.
    fn try_kept(&self, site: Site<'_>, new: &NewPat<'_>) -> Result<(), Failure> {
        if self.offline {
            return Ok(());
        }
        let kept = self.kept_pats(site.scheme, &HostKey::of_place(site.place))?;
        let kept = kept.unwrap_or_default().pats;
        let kept = kept.iter().rfind(|pat| pat.organization.as_ref() == site.organization);
        let Some(kept) = kept else { return Ok(()) };
        let username = kept.username.clone().unwrap_or_default();
        let trial = try_pat(self.network, site, &username, kept.login.secret());
        trial.failure(site, &new.page(), Asker::Bootstrap).map_or(Ok(()), Err)
    }

    /// Whether the sign-in that came of it, or one that a person made here since, still works.
    pub(super) fn still_signed_in(
        &self,
        key: &SessionKey,
        integration: &Integration,
    ) -> Result<(), Failure> {
        let Some(session) = self.vault.read::<Session>(&key.to_string())? else {
            return Err(Failure::new(format!("the sign-in to {key} was forgotten here"))
                .hint(GIVE_ANEW)
                .exit(Exit::SignIn));
        };
        if let Some(ended) = &session.ended {
            let of = match session.account.as_str() {
                "" => String::new(),
                account => format!(" of {account}"),
            };
            return Err(Failure::new(format!(
                "the sign-in{of} to {key} has ended: {}",
                ended.reason
            ))
            .hint(GIVE_ANEW)
            .exit(Exit::SignIn));
        }
        if self.offline {
            return Ok(());
        }
        // Another bootstrap, a moment ago, has shown it.
        let access = access(self.vault, key, integration)?.unwrap_or_default();
        let now = clock::now();
        let shown = access.token.is_some() && now.abs_diff(access.issued_at) < JUST_NOW;
        if shown && access.expires_at > now {
            return Ok(());
        }
        refresh_now(key, integration, self.vault, self.network).map(drop).map_err(|failure| {
            use crate::vault::HoldOffKind::{Client, ForNow, SignIn, Vault};
            let (exit, hint) = match failure.kind {
                ForNow => (Exit::Unavailable, failure.hint),
                // Nobody is at hand to run the command that a person would.
                SignIn => (Exit::SignIn, GIVE_ANEW.to_owned()),
                Client | Vault => (Exit::Failed, failure.hint),
            };
            for_a_script(Failure::new(failure.text).hint(hint).exit(exit))
        })
    }
}

/// What a person would be told to do about a client secret, a script does by handing it over.
pub(super) fn for_a_script(mut failure: Failure) -> Failure {
    if let Some(make) =
        failure.message.hint.as_ref().and_then(|hint| hint.strip_suffix(GIVE_SECRET))
    {
        failure.message.hint = Some(format!(
            "{make}, and hand that over: ONA_AZURE_CLIENT_SECRET, or in the document"
        ));
    }
    failure
}
