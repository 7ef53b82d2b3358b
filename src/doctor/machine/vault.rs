//! The vault: whether it opens, who else may look into it, and whether there is room in it.

use std::path::Path;

use super::super::context::Machine;
use super::super::table::Outcome;
use super::access::Access;
use crate::broker::{belongs_to_another, make_own};
use crate::integration::Integrations;
use crate::report::{Failure, path_word};

/// Bytes that a refresh needs many times over, and that a full disk lacks.
const ROOM: u64 = 1 << 20;

pub(super) fn vault(machine: &Machine) -> Outcome {
    let vault = machine.vault();
    let (remade, needed): (Vec<_>, Vec<_>) =
        vault.unreadable().into_iter().partition(|error| error.damaged_and_not_needed().is_some());
    if let Some(error) = needed.first() {
        return Outcome::from(Failure::new(error.to_string()).hint(error.hint()));
    }
    // Reading says who else may.
    let _ = vault.runner_key();
    vault.look_at_directory();
    let directory = vault.dir().display().to_string();
    let open = vault.open_to_others().map(|path| {
        format!(
            "other accounts may change or read {}: chmod -R go= {}",
            path.display(),
            path_word(vault.dir())
        )
    });
    let owner = vault
        .anothers()
        .filter(|found| found.path.starts_with(vault.dir()))
        .map(|found| format!("{}; {}", belongs_to_another(&found), make_own(&found, vault.dir())));
    let administrators = Access::of(vault.dir())
        .filter(|access| access.is_the_administrators())
        .map(|_| {
            format!(
                "{directory} belongs to the administrator's account, and what this one writes there may be \
                 lost to it: sudo chown -R \"$(id -u)\" {}",
                path_word(vault.dir())
            )
        });
    let damaged: Vec<_> = vault.set_aside().iter().map(|path| path.display().to_string()).collect();
    let damaged =
        (!damaged.is_empty()).then(|| format!("damaged and set aside: {}", damaged.join(", ")));
    let what = match (vault.dir().exists(), remade.is_empty()) {
        (false, _) => "nothing is kept yet",
        (true, true) => "everything kept opens",
        (true, false) => "everything that is needed opens",
    };
    let passed = Outcome::passed(format!("{what} in {directory}"));
    let outcome = passed.note(open).note(owner).note(administrators).note(damaged);
    remade
        .iter()
        .fold(outcome, |outcome, error| outcome.note(Some(format!("{error}; {}", error.hint()))))
}

/// What the file system of a directory has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Room {
    read_only: bool,
    bytes: u64,
    /// `None` where files are not counted.
    files: Option<u64>,
}

pub(super) fn disk(machine: &Machine) -> Outcome {
    let directory = &machine.paths.state;
    let Some(there) = directory.ancestors().find(|directory| directory.exists()) else {
        return Outcome::skipped(format!("nothing is at {}", directory.display()));
    };
    let Some(room) = room(there) else {
        return Outcome::skipped(format!("the system does not tell of {}", there.display()));
    };
    let Some((lack, fix)) = lack(room).or_else(|| not_ours_to_write(there)) else {
        return Outcome::passed(format!("{} MiB free in {}", room.bytes >> 20, there.display()));
    };
    let what = format!("{} {lack}", directory.display());
    // Tokens that nobody refreshes are read only.
    let integrations = Integrations::load(&machine.paths).unwrap_or_default();
    let refreshed = integrations.all().iter().any(|found| found.integration.oauth.is_some());
    if !refreshed && crate::reach::may_enter(there) {
        return Outcome::passed(format!(
            "none: {what}; tokens kept there can be read all the same"
        ));
    }
    Outcome::failed(
        None,
        format!("{what}, so that what a refresh brings could not be kept"),
        format!("{fix}, or name another directory in ONA_AZURE_STATE_DIR and sign in again"),
    )
}

/// What keeps anything from being written, and what to do about it.
fn lack(room: Room) -> Option<(&'static str, String)> {
    let make_room = || "make room there".to_owned();
    if room.read_only {
        let fix = "mount it so that it can be written".to_owned();
        return Some(("is on a file system that is mounted read-only", fix));
    }
    if room.bytes < ROOM {
        return Some(("is on a disk that is full", make_room()));
    }
    (room.files == Some(0))
        .then(|| ("is on a file system that has no room for another file", make_room()))
}

/// Modes and owners are looked at; nothing is written.
fn not_ours_to_write(directory: &Path) -> Option<(&'static str, String)> {
    let fix = crate::reach::make_writable(directory)?;
    Some(("cannot be written by this account", fix))
}

#[cfg(unix)]
fn room(directory: &Path) -> Option<Room> {
    let stat = rustix::fs::statvfs(directory).ok()?;
    Some(Room {
        read_only: stat.f_flag.contains(rustix::fs::StatVfsMountFlags::RDONLY),
        bytes: stat.f_bavail.saturating_mul(stat.f_frsize),
        // btrfs and the like make room for files as they go, and count none.
        files: (stat.f_files > 0).then_some(stat.f_favail),
    })
}

#[cfg(not(unix))]
fn room(_: &Path) -> Option<Room> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_without_room_is_told() {
        let good = Room { read_only: false, bytes: ROOM, files: None };
        for (room, words, to_do) in [
            (good, "", ""),
            (Room { files: Some(1), ..good }, "", ""),
            (Room { read_only: true, ..good }, "read-only", "mount it"),
            (Room { bytes: ROOM - 1, ..good }, "full", "make room"),
            (Room { files: Some(0), ..good }, "another file", "make room"),
        ] {
            let (lack, fix) = lack(room).unwrap_or_default();
            assert!(lack.contains(words) && lack.is_empty() == words.is_empty(), "{room:?}");
            assert!(fix.contains(to_do) && fix.is_empty() == to_do.is_empty(), "{room:?}");
        }
    }
}
