//! `integration import`: integrations as Ona's API prints them.

use std::time::Instant;

use super::{file, refuse_somebody_elses};
use crate::bootstrap::{Change, Given, import as take_over, load_document, read_document};
use crate::cli::args::IntegrationImport;
use crate::cli::{Room, print};
use crate::clock;
use crate::report::{Failure, Message};

pub(super) fn import(args: &IntegrationImport, room: &Room) -> Result<(), Failure> {
    let given = read_document(&load_document(&args.from, Instant::now())?, clock::now())?;
    tell_skipped(&given);
    given.hosts.iter().try_for_each(|host| refuse_somebody_elses(&host.spec))?;
    let file = file(room, args.system)?;
    let tokens: usize = given.hosts.iter().map(|host| host.tokens.len()).sum();
    if tokens > 0 {
        Message::note("the tokens in the document are left out")
            .hint("to take them over as well: git-credential-ona-azure bootstrap --from FILE")
            .print();
    }
    let taken = take_over(&given, &room.integrations()?, &file, &room.vault)?;
    for one in &taken {
        let what = match one.change {
            Change::Unchanged => "is there already".to_owned(),
            change => format!("is {} in {}", change.word(), file.display()),
        };
        print::line(&format!("The integration for {} {what}.", one.host))?;
        if one.is_sealed_elsewhere {
            Message::warning(format!(
                "the client secret for {} is sealed to Ona's own runner key and cannot be opened here, so nobody \
                 can sign in with OAuth",
                one.host
            ))
            .hint(format!(
                "give the secret itself: git-credential-ona-azure integration add --host {} --client-secret-stdin",
                one.host
            ))
            .print();
        }
    }
    if let Some(one) = taken.iter().find(|one| !one.is_sealed_elsewhere) {
        Message::next(format!("git-credential-ona-azure integration test {}", one.host)).print();
    }
    Ok(())
}

/// Says which integrations of a document are of other providers.
pub(in crate::cli) fn tell_skipped(given: &Given) {
    if !given.skipped.is_empty() {
        Message::note(format!(
            "left out, for they are not of Azure DevOps: {}",
            given.skipped.join(", ")
        ))
        .print();
    }
}
