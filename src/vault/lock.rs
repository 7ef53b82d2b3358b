//! Advisory locks on files of their own that are never deleted. The kernel frees them when
//! their holder dies, so there are no stale ones.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use fs2::FileExt as _;

use crate::reach::make_directory_own;

/// How often a taken lock is tried again: at first, and in the end.
const POLL: [Duration; 2] = [Duration::from_millis(20), Duration::from_millis(200)];

/// A lock, until it is dropped.
#[derive(Debug)]
pub struct Lock {
    // Closing the file frees the lock.
    file: Option<File>,
}

impl Lock {
    /// Writes into the lock file who holds it, for those who wait. What a holder before left there
    /// is replaced. Nobody depends on it.
    pub fn sign(&self, who: &str) {
        if let Some(mut file) = self.file.as_ref() {
            let _ = file.set_len(0).and_then(|()| file.write_all(who.as_bytes()));
        }
    }
}

/// Why a lock was not had.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process holds it.
    #[error("another process has held {} for more than {} s", path.display(), waited.as_secs())]
    Held {
        /// The lock file.
        path: PathBuf,
        /// How long this process waited.
        waited: Duration,
    },
    /// The lock file cannot be made.
    #[error("{} cannot be written: {source}", path.display())]
    Unwritable {
        /// The lock file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl LockError {
    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::Held { path, .. } => {
                format!("try again; `fuser {}` names the process", path.display())
            }
            Self::Unwritable { path, .. } => make_directory_own(path).unwrap_or_else(|| {
                "check its permissions, or name another directory in ONA_AZURE_STATE_DIR".to_owned()
            }),
        }
    }
}

/// Takes the lock on `path`, waiting at most `wait` (zero: not at all).
///
/// # Errors
/// See [`LockError`]. Where the file system has no locks (some NFS mounts) the caller goes on
/// without one: every write is a rename, so the worst is a lost update.
pub fn acquire(path: &Path, wait: Duration) -> Result<Lock, LockError> {
    let file =
        open(path).map_err(|source| LockError::Unwritable { path: path.to_owned(), source })?;
    let started = Instant::now();
    let [mut pause, longest] = POLL;
    loop {
        match file.try_lock_exclusive() {
            Ok(()) => return Ok(Lock { file: Some(file) }),
            Err(error) if error.raw_os_error() == fs2::lock_contended_error().raw_os_error() => {
                if started.elapsed() >= wait {
                    return Err(LockError::Held { path: path.to_owned(), waited: wait });
                }
                thread::sleep(pause);
                pause = (pause * 5 / 4).min(longest);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return Ok(Lock { file: None }),
        }
    }
}

fn open(path: &Path) -> io::Result<File> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, super::files::PRIVATE);
    options.open(path)
}
