//! Where other programs are: on the absolute entries of the PATH, and nowhere else. Relative
//! entries, empty ones and `.` stand for the current directory, which may be a hostile work tree
//! holding a file called `git` or `xdg-open`.

use std::env;
use std::ffi::OsStr;
use std::fs::Metadata;
use std::path::{Path, PathBuf};

/// The absolute entries of a PATH.
pub fn entries(path: &OsStr) -> Vec<PathBuf> {
    env::split_paths(path).filter(|entry| entry.is_absolute()).collect()
}

/// The program of that name in one of these directories, or the one that an absolute path names.
pub fn find(name: &OsStr, entries: &[PathBuf]) -> Option<PathBuf> {
    let path = Path::new(name);
    if path.is_absolute() {
        return is_program(path).then(|| path.to_owned());
    }
    // A relative path with a slash would mean the current directory again.
    if path.components().count() != 1 {
        return None;
    }
    entries.iter().map(|entry| entry.join(name)).find(|path| is_program(path))
}

fn is_program(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| metadata.is_file() && is_executable(&metadata))
}

#[cfg(unix)]
fn is_executable(metadata: &Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    metadata.permissions().mode() & 0o111 != 0
}

#[cfg(not(unix))]
fn is_executable(_: &Metadata) -> bool {
    true
}
