//! What is looked at once, whatever the target: git, the files, the key, the vault.

mod access;
mod files;
mod git;
mod key;
mod program;
mod vault;

use std::time::Duration;

use super::context::Machine;
use super::table::{Check, Done, Outcome};
use crate::azure::Step;
use crate::report::Failure;
pub(super) use git::knows_proactive;

/// All of it is on this machine.
const DEADLINE: Duration = Duration::from_secs(5);

/// What to do where it takes longer.
const LATE: &str = "see whether git version hangs too, or the file system that your home is on";

const fn check(
    id: &'static str,
    name: &'static str,
    needs: &'static [&'static str],
    look: fn(&Machine) -> Outcome,
) -> Check<Machine> {
    Check { id, name, step: None, needs, after: &[], deadline: DEADLINE, late: LATE, look }
}

/// The first check of them, failed because nothing could be looked at.
pub(super) fn not_looked(failure: Failure) -> Done {
    let Check { id, name, step, .. } = CHECKS[0];
    Done { id, name, step, outcome: Outcome::from(failure) }
}

/// The checks of the machine.
pub(super) const CHECKS: &[Check<Machine>] = &[
    check("program", "this program", &[], program::program),
    check("git.program", "git", &[], git::git),
    Check {
        step: Some(Step::Connect),
        ..check("integration.file", "the integrations files", &[], files::files)
    },
    check("key", "the runner key", &[], key::key),
    check("vault", "the vault", &["key"], vault::vault),
    check("disk", "room for what is kept", &[], vault::disk),
];
