//! When git asks before anybody has signed in: one person, one question, whoever asks.
//!
//! Twenty gits may ask at once (submodules, `fetch --all`). One of them asks the person, the
//! others wait for what comes of it: a credential, or the person's no.

use std::cell::Cell;
use std::time::Duration;

use super::pat::{NewPat, read_pat};
use super::summary::summary;
use super::surroundings::Surroundings;
use super::ways::{Choice, Way, choose, menu, ways};
use super::web::Browser;
use super::{SignIn, given_up};
use crate::broker::{Offer, Outcome};
use crate::clock;
use crate::devops::Site;
use crate::net::Send;
use crate::person::{Answer, Person, command_line};
use crate::report::{Exit, Failure, Message, escape};
use crate::secret::Secret;
use crate::trace;
use crate::vault::{Lock, LockError, Prompted, Vault, VaultError, acquire, read_bounded};

/// How long to wait for a person whom another process asks: longer than any one way takes.
const WAIT: Duration = Duration::from_secs(30 * 60);

/// How long to wait without a word.
const MOMENT: Duration = Duration::from_secs(1);

/// Asks the person to sign in, or waits for whoever is asking them already; then `answer`s again.
/// Where they cannot be asked, `instead` stands.
///
/// `started_ms` is when this process began: a person who said no after that said it to it, too.
pub fn when_git_asks(
    instead: Outcome,
    person: &Person,
    started_ms: u64,
    vault: &Vault,
    network: &dyn Send,
    answer: &dyn Fn() -> Outcome,
) -> Outcome {
    let Some(offer) = &instead.offer else { return instead };
    let offer = &of_organization(offer);
    let of = offer.key.to_string();
    // Makes the directory too, in which the lock is to be.
    let ready = vault.write().and_then(|writer| writer.rehearse());
    // One person has one terminal, also where organizations have sign-ins of their own.
    let host = offer.key.host.to_string();
    let _lock = match ready.and_then(|()| lock(vault, &host, person)) {
        Ok(lock) => lock,
        // Of the two locks taken here this is the one that is waited for so long.
        Err(VaultError::Locked(held @ LockError::Held { waited: WAIT, .. })) => {
            return stop(not_waited_for(&held));
        }
        // What works without a person must not fail because one is there.
        Err(error) => return unasked(instead, &error),
    };
    let again = answer();
    if again.offer.is_none() {
        return again;
    }
    let said_no = vault.read::<Prompted>(&of).ok().flatten();
    // One that is yet to come was said before the clock was set back.
    let since = started_ms..=clock::now_ms();
    if let Some(no) = said_no.filter(|no| since.contains(&no.given_up_at_ms)) {
        let mut failure = no_of(offer);
        failure.message.text = no.text;
        return stop(failure);
    }
    let explained = Cell::new(false);
    let asking = Asking { offer, person, vault, network, explained };
    match asking.ask(&again) {
        Ok(()) => {
            let done = answer();
            // What was just kept does not serve this request: say what there is to say, not ask on.
            Outcome { offer: None, ..done }
        }
        Err(failure) => {
            let text = failure.message.text.clone();
            // That the others ask once more is the worst that comes of an error here.
            let _ = vault.write().and_then(|writer| {
                writer.put(&of, &Prompted { given_up_at_ms: clock::now_ms(), text })
            });
            stop(failure)
        }
    }
}

/// Where the issuer leaves the tenant open, the session is one of the organization's tenant, and
/// so for that organization.
fn of_organization(offer: &Offer) -> Offer {
    let mut offer = offer.clone();
    if offer.integration.leaves_tenant_open() && offer.key.organization.is_none() {
        offer.key.organization.clone_from(&offer.organization);
    }
    offer
}

/// The right to ask.
fn lock(vault: &Vault, host: &str, person: &Person) -> Result<Lock, VaultError> {
    let name = format!("prompt-{}.lock", &Secret::from(host).digest().to_string()[..32]);
    let path = vault.dir().join(name);
    let lock = match acquire(&path, MOMENT) {
        Err(LockError::Held { .. }) => {
            // The holder's question may be on another screen, or its command line stopped.
            let holder = read_bounded(&path).ok().flatten().unwrap_or_default();
            let holder = String::from_utf8_lossy(&holder).into_owned();
            if let Some((process, line)) = holder.trim().split_once(' ')
                && line != command_line()
            {
                let process = escape(process);
                person.say(&format!(
                    "Another git asks for a sign-in to {host} already (process {process}). Waiting for what comes of it …\n"));
            }
            acquire(&path, WAIT)
        }
        had => had,
    }?;
    lock.sign(&format!("{} {}\n", std::process::id(), command_line()));
    Ok(lock)
}

fn not_waited_for(held: &LockError) -> Failure {
    Failure::new(format!("another git is still waiting for somebody to sign in ({held})"))
        .hint(held.hint())
        .exit(Exit::SignIn)
}

fn unasked(instead: Outcome, error: &VaultError) -> Outcome {
    let warning =
        Message::warning(format!("nobody was asked to sign in: {error}")).hint(error.hint());
    let mut outcome = Outcome { offer: None, ..instead };
    outcome.messages.push(warning);
    outcome
}

fn stop(failure: Failure) -> Outcome {
    Outcome::quit(failure.message, failure.exit)
}

/// The person's no, with the command that makes up for it.
fn no_of(offer: &Offer) -> Failure {
    let integration = &offer.integration;
    given_up().hint(if integration.oauth.is_some() {
        format!("git-credential-ona-azure login https://{}", offer.key)
    } else {
        let virtual_directory = &integration.virtual_directory;
        let Offer { scheme, ref place, ref organization, .. } = *offer;
        Site { scheme, place, virtual_directory, organization: organization.as_ref() }
            .login_command()
    })
}

/// Why a way led nowhere.
enum Nowhere {
    /// It failed, and the others are left.
    Failed(Failure),
    /// The person wants none of them, or cannot be asked any more.
    Over(Failure),
}

impl From<Failure> for Nowhere {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

struct Asking<'a> {
    offer: &'a Offer,
    person: &'a Person,
    vault: &'a Vault,
    network: &'a dyn Send,
    /// Whether it was said how a token is made.
    explained: Cell<bool>,
}

impl Asking<'_> {
    /// Offers the ways until one led somewhere, or the person wants none.
    fn ask(&self, instead: &Outcome) -> Result<(), Failure> {
        let surroundings = Surroundings::here();
        let token_possible = !self.offer.place.is_cloud() || self.offer.organization.is_some();
        let ways = ways(&self.offer.integration, surroundings, token_possible);
        let why = instead.messages.first().map_or_else(
            || crate::azure::sentences::nobody_signed_in(&self.offer.key.host.to_string()),
            |message| message.text.clone(),
        );
        self.person.say(&format!("\ngit needs a sign-in: {}.\n\n", escape(&why)));
        loop {
            let way = match ways.as_slice() {
                [] => return Err(self.no()),
                [only] => *only,
                _ => self.choose(&ways)?,
            };
            trace::event("sign-in", |words| {
                words
                    .with("key", &self.offer.key)
                    .with("chosen", format!("{way:?}"))
                    .with("of", ways.len())
                    .flag("elsewhere", surroundings.elsewhere)
            });
            match self.run(way, surroundings) {
                Ok(()) => return Ok(()),
                Err(Nowhere::Over(failure)) => return Err(failure),
                Err(Nowhere::Failed(failure)) => {
                    self.person.say(&format!("{}\n", failure.message.render()));
                }
            }
        }
    }

    fn choose(&self, ways: &[Way]) -> Result<Way, Failure> {
        loop {
            let choice = match self.person.ask(&menu(ways))? {
                Answer::Typed(text) => choose(&text, ways),
                Answer::GaveUp | Answer::Nobody => Choice::No,
            };
            match choice {
                Choice::Way(way) => {
                    self.person.say("\n");
                    return Ok(way);
                }
                Choice::No => return Err(self.no()),
                Choice::Unclear => {
                    self.person.say(&format!("Type a number from 1 to {}, or q.\n\n", ways.len()));
                }
            }
        }
    }

    fn no(&self) -> Failure {
        no_of(self.offer)
    }

    fn run(&self, way: Way, surroundings: Surroundings) -> Result<(), Nowhere> {
        let offer = self.offer;
        let sign_in = SignIn {
            key: &offer.key,
            organization: offer.organization.as_ref(),
            insist: false,
            integration: &offer.integration,
            login_hint: offer.account.as_deref(),
            challenges: &offer.challenges,
            wait: None,
            vault: self.vault,
            network: self.network,
            person: self.person,
        };
        let session = match way {
            Way::Browser => {
                sign_in.with_browser(Browser { start: true, elsewhere: false, paste: false })
            }
            Way::Elsewhere => sign_in.with_browser(Browser {
                start: surroundings.elsewhere && surroundings.browser,
                elsewhere: true,
                paste: true,
            }),
            Way::Device => sign_in.with_device_code(),
            Way::Pat => return self.token(surroundings),
        };
        let session = session.map_err(|failure| match failure {
            no if no == given_up() => Nowhere::Over(self.no()),
            failure => Nowhere::Failed(failure),
        })?;
        let (lines, warning) = summary(&session, self.vault.dir());
        // In the middle of git's own output one line is enough.
        self.person.say(&format!("{}\n", escape(&lines[0])));
        warning.iter().for_each(|warning| self.person.say(&warning.render()));
        Ok(())
    }

    fn token(&self, surroundings: Surroundings) -> Result<(), Nowhere> {
        let offer = self.offer;
        let new = NewPat {
            scheme: offer.scheme,
            place: &offer.place,
            organization: offer.organization.as_ref(),
            integration: &offer.integration,
            username: offer.username.as_deref().unwrap_or_default(),
            expires_at: None,
        };
        // Once is enough for one page to be opened.
        new.explain(self.person, surroundings.browser && !self.explained.replace(true));
        let prompt = "\nPersonal access token (not shown; Enter for none): ";
        match self.person.ask_secretly(prompt).map_err(Nowhere::Over)? {
            Answer::Typed(typed) if !typed.is_empty() => {
                new.keep(read_pat(&typed, &new.page())?, true, self.vault, self.network)?;
                self.person.say(&format!(
                    "The personal access token for {} is kept.\n",
                    escape(&new.name())
                ));
                Ok(())
            }
            _ => Err(Nowhere::Over(self.no())),
        }
    }
}
