//! `logout`: forget what was signed in with.

use super::args::Logout;
use super::target::Target;
use super::{Room, print};
use crate::azure::{Organization, Scheme};
use crate::broker::{PatKey, SessionKey, forget, sessions};
use crate::integration::HostKey;
use crate::report::{Failure, Message};
use crate::vault::{Pats, VaultError};

pub(super) fn run(args: Logout) -> Result<(), Failure> {
    let room = Room::enter()?;
    if args.all {
        room.vault.write()?.remove_all()?;
        return print::line("Every sign-in and personal access token is forgotten.");
    }
    let target = Target::of(args.url.as_deref(), &room.integrations()?)?;
    let what = What {
        host: &target.host(),
        organization: target.organization.as_ref(),
        url: &target.url(),
    };
    if what.forget_sessions(&room)? + what.forget_pats(&room)? == 0 {
        print::line(&format!("Nothing was kept for {}.", target.url()))?;
    }
    if target.organization.is_some() {
        tell_of_host_wide_session(&room, what.host);
    }
    Ok(())
}

/// Forgets all of a host.
pub(super) fn forget_host(room: &Room, host: &HostKey) -> Result<(), Failure> {
    if !room.vault.dir().exists() {
        return Ok(());
    }
    let what = What { host, organization: None, url: &format!("https://{host}") };
    what.forget_sessions(room)?;
    what.forget_pats(room)?;
    Ok(())
}

/// A host, or one organization of it.
struct What<'a> {
    host: &'a HostKey,
    organization: Option<&'a Organization>,
    url: &'a str,
}

impl What<'_> {
    fn forget_sessions(&self, room: &Room) -> Result<usize, Failure> {
        let mut forgotten = 0;
        // A vault that does not open lists nothing, and is still rid of what has a known name.
        let listed = sessions(&room.vault, Some(self.host)).unwrap_or_default();
        for session in listed {
            if self.organization.is_none() || self.organization == session.organization.as_ref() {
                let key =
                    SessionKey { host: self.host.clone(), organization: session.organization };
                forget(&room.vault, &key)?;
                print::line(&format!("{} is signed out of {}.", session.account, self.url))?;
                forgotten += 1;
            }
        }
        let key = SessionKey { host: self.host.clone(), organization: self.organization.cloned() };
        if forget(&room.vault, &key)? {
            print::line(&format!("A damaged sign-in to {} is forgotten.", self.url))?;
            forgotten += 1;
        }
        Ok(forgotten)
    }

    fn forget_pats(&self, room: &Room) -> Result<usize, Failure> {
        let (mut forgotten, mut forgotten_damaged) = (0, 0);
        for scheme in [Scheme::Https, Scheme::Http] {
            let of = PatKey { scheme, host: self.host.clone() }.to_string();
            let damaged = matches!(room.vault.read::<Pats>(&of), Err(VaultError::Corrupt { .. }));
            let writer = room.vault.write()?;
            let Some(mut pats) = writer.read::<Pats>(&of)? else {
                if damaged {
                    print::line(&format!("Damaged tokens for {} are set aside.", self.host))?;
                    forgotten_damaged += 1;
                }
                continue;
            };
            let before = pats.pats.len();
            pats.pats.retain(|pat| {
                self.organization.is_some() && self.organization != pat.organization.as_ref()
            });
            if pats.pats.len() < before {
                writer.put(&of, &pats)?;
                forgotten += before - pats.pats.len();
            }
        }
        if forgotten > 0 {
            let plural = if forgotten == 1 { " is" } else { "s are" };
            print::line(&format!(
                "{forgotten} personal access token{plural} forgotten for {}.",
                self.url
            ))?;
        }
        Ok(forgotten + forgotten_damaged)
    }
}

fn tell_of_host_wide_session(room: &Room, host: &HostKey) {
    let listed = sessions(&room.vault, Some(host)).unwrap_or_default();
    for session in listed.iter().filter(|session| session.organization.is_none()) {
        Message::note(format!(
            "the sign-in of {} to all of {host} still serves it",
            session.account
        ))
        .hint(format!("to end that too: git-credential-ona-azure logout https://{host}"))
        .print();
    }
}
