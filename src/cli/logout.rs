//! `logout`: forget what was signed in with.

use super::args::Logout;
use super::target::Target;
use super::{Room, print};
use crate::azure::Scheme;
use crate::broker::{PatKey, SessionKey, forget, sessions};
use crate::report::{Failure, Message};
use crate::vault::Pats;

pub(super) fn run(args: Logout) -> Result<(), Failure> {
    let room = Room::enter()?;
    if args.all {
        room.vault.write()?.remove_all()?;
        return print::line("Every sign-in and personal access token is forgotten.");
    }
    let target = Target::of(args.url.as_deref(), &room.integrations()?)?;
    let forgotten = forget_sessions(&room, &target)? + forget_pats(&room, &target)?;
    if forgotten == 0 {
        print::line(&format!("Nothing was kept for {}.", target.url()))?;
    }
    if target.organization.is_some() {
        tell_of_host_wide_session(&room, &target);
    }
    Ok(())
}

fn forget_sessions(room: &Room, target: &Target) -> Result<usize, Failure> {
    let mut forgotten = 0;
    // A vault that does not open lists nothing, and is still rid of what has a known name.
    let listed = sessions(&room.vault, Some(&target.host())).unwrap_or_default();
    for session in listed {
        if target.organization.is_none() || target.organization == session.organization {
            let key = SessionKey { host: target.host(), organization: session.organization };
            forget(&room.vault, &key)?;
            print::line(&format!("{} is signed out of {}.", session.account, target.url()))?;
            forgotten += 1;
        }
    }
    if forget(&room.vault, &target.session_key())? {
        print::line(&format!("A damaged sign-in to {} is forgotten.", target.url()))?;
        forgotten += 1;
    }
    Ok(forgotten)
}

fn forget_pats(room: &Room, target: &Target) -> Result<usize, Failure> {
    let mut forgotten = 0;
    for scheme in [Scheme::Https, Scheme::Http] {
        let of = PatKey { scheme, host: target.host() }.to_string();
        // A damaged entry is set aside, which forgets it too.
        let writer = room.vault.write()?;
        let Some(mut pats) = writer.read::<Pats>(&of)? else { continue };
        let before = pats.pats.len();
        pats.pats
            .retain(|pat| target.organization.is_some() && target.organization != pat.organization);
        if pats.pats.len() < before {
            writer.put(&of, &pats)?;
            forgotten += before - pats.pats.len();
        }
    }
    if forgotten > 0 {
        let plural = if forgotten == 1 { " is" } else { "s are" };
        print::line(&format!(
            "{forgotten} personal access token{plural} forgotten for {}.",
            target.url()
        ))?;
    }
    Ok(forgotten)
}

fn tell_of_host_wide_session(room: &Room, target: &Target) {
    let host = target.host();
    let listed = sessions(&room.vault, Some(&host)).unwrap_or_default();
    for session in listed.iter().filter(|session| session.organization.is_none()) {
        Message::note(format!(
            "the sign-in of {} to all of {host} still serves it",
            session.account
        ))
        .hint(format!("to end that too: git-credential-ona-azure logout https://{host}"))
        .print();
    }
}
