//! `logout`: forget what was signed in with.

use super::args::Logout;
use super::target::Target;
use super::{Room, print};
use crate::azure::Scheme;
use crate::broker::{PatKey, forget, sessions};
use crate::report::Failure;
use crate::vault::Pats;

pub(super) fn run(args: Logout) -> Result<(), Failure> {
    let room = Room::enter()?;
    if args.all {
        room.vault.write()?.remove_all()?;
        return print::line("Every sign-in and personal access token is forgotten.");
    }
    let target = Target::of(args.url.as_deref(), &room.integrations()?)?;
    let mut gone = 0;
    for session in sessions(&room.vault, Some(&target.host()))? {
        if target.organization.is_none() || target.organization == session.organization {
            forget(&room.vault, &session)?;
            print::line(&format!("{} is signed out of {}.", session.account, target.url()))?;
            gone += 1;
        }
    }
    for scheme in [Scheme::Https, Scheme::Http] {
        let of = PatKey { scheme, host: target.host() }.to_string();
        let matches = |pats: &Pats| {
            pats.pats
                .iter()
                .filter(|pat| {
                    target.organization.is_none() || target.organization == pat.organization
                })
                .count()
        };
        if room.vault.read::<Pats>(&of)?.is_none_or(|pats| matches(&pats) == 0) {
            continue;
        }
        let writer = room.vault.write()?;
        let mut pats = writer.read::<Pats>(&of)?.unwrap_or_default();
        let count = matches(&pats);
        pats.pats
            .retain(|pat| target.organization.is_some() && target.organization != pat.organization);
        writer.put(&of, &pats)?;
        let plural = if count == 1 { " is" } else { "s are" };
        print::line(&format!(
            "{count} personal access token{plural} forgotten for {}.",
            target.url()
        ))?;
        gone += count;
    }
    if gone == 0 {
        print::line(&format!("Nothing was kept for {}.", target.url()))?;
    }
    Ok(())
}
