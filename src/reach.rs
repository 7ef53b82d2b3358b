//! What this account may do with a file, asked of the system without doing it, and what is in the
//! way of it.

use std::path::{Path, PathBuf};

use crate::report::path_word;

/// What is to be done with something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum To {
    Read,
    /// Go through a directory.
    Enter,
    /// Make and replace files in a directory.
    Keep,
}

/// Whom a file is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum For {
    /// One account, and nobody else.
    Account,
    /// Whoever is on this machine.
    Everybody,
}

/// What to do about a file that the system does not let this account read, the command included.
pub fn make_readable(path: &Path, whose: For) -> String {
    match in_the_way(path).filter(|found| found != path) {
        Some(directory) => format!(
            "the directory {} is in the way: {}",
            directory.display(),
            open_up(&directory, "rwx", whose)
        ),
        None => format!("make it readable for this account: {}", open_up(path, "r", whose)),
    }
}

/// What to do about a file of the vault that is there and belongs to another account, as all do that
/// `sudo git` has left there; `None` where it is this account's, or not there.
pub fn make_directory_own(file: &Path) -> Option<String> {
    let directory = file.parent().filter(|_| is_anothers(file))?;
    Some(format!(
        "it belongs to another account; to make all of that directory this one's: sudo chown -R \"$(id -u)\" {}",
        path_word(directory)
    ))
}

/// What to do about a directory in which this account may not make and replace files; `None` where
/// it may.
pub fn make_writable(directory: &Path) -> Option<String> {
    (!may(directory, To::Keep)).then(|| {
        let found = in_the_way(directory).unwrap_or_else(|| directory.to_owned());
        open_up(&found, "rwx", For::Account)
    })
}

/// Whether this account may go through a directory to the files in it.
pub fn may_enter(directory: &Path) -> bool {
    may(directory, To::Enter)
}

/// The first directory on the way that may not be entered, or the path itself if it may not be read.
fn in_the_way(path: &Path) -> Option<PathBuf> {
    let mut way: Vec<_> = path.ancestors().skip(1).collect();
    way.reverse();
    let closed = way.into_iter().find(|directory| !may(directory, To::Enter));
    closed.or_else(|| (!may(path, To::Read)).then_some(path)).map(Path::to_owned)
}

/// The command that gives this account what it lacks: only the owner changes a mode (chmod(2)).
fn open_up(path: &Path, modes: &str, whose: For) -> String {
    let name = path_word(path);
    match (is_anothers(path), whose) {
        (false, _) => format!("chmod u+{modes} {name}"),
        (true, For::Account) => format!(
            "it belongs to another account; to make it this one's: sudo chown -R \"$(id -u)\" {name}"
        ),
        (true, For::Everybody) => {
            format!("it belongs to another account; to let others read it: sudo chmod a+rX {name}")
        }
    }
}

#[cfg(unix)]
fn may(path: &Path, to: To) -> bool {
    use rustix::fs::{Access, AtFlags, CWD, accessat};

    let access = match to {
        To::Read => Access::READ_OK,
        To::Enter => Access::EXEC_OK,
        To::Keep => Access::WRITE_OK | Access::EXEC_OK,
    };
    // What is not there, or on a system that does not tell, is not closed.
    !matches!(
        accessat(CWD, path, access, AtFlags::EACCESS),
        Err(rustix::io::Errno::ACCESS | rustix::io::Errno::PERM)
    )
}

#[cfg(not(unix))]
fn may(_: &Path, _: To) -> bool {
    true
}

#[cfg(unix)]
fn is_anothers(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;

    path.metadata().is_ok_and(|metadata| metadata.uid() != rustix::process::geteuid().as_raw())
}

#[cfg(not(unix))]
fn is_anothers(_: &Path) -> bool {
    false
}
