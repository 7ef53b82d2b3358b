//! Why the vault cannot be used, and what to do about it.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::key::KeyError;
use super::lock::LockError;
use super::records::{Pats, Record, Session};
use super::seal::OpenError;
use super::{EXTENSION, kind_of};
use crate::reach::{For, make_directory_own, make_readable};
use crate::report::path_word;

/// Why the vault cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// A file cannot be read.
    #[error("{} cannot be read: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file cannot be written.
    #[error("{} cannot be written: {source}", path.display())]
    Write {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file is not what this program wrote.
    #[error("{} is damaged", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
    },
    /// A file was written by a later version, and is left alone.
    #[error("{} was written by a newer version of git-credential-ona-azure", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
    },
    /// The vault is sealed to another runner key.
    #[error("the vault in {} is sealed to {sealed_to}, but the runner key here is {ours}", path.display())]
    OtherKey {
        /// The vault's directory.
        path: PathBuf,
        /// The public keys it is sealed to.
        sealed_to: String,
        /// The public key found here.
        ours: String,
    },
    /// The runner key cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// Another process holds the lock.
    #[error(transparent)]
    Locked(#[from] LockError),
}

/// The kinds of entries that are ways in. Every other one is made anew when it is missed: what is
/// lost with it is a request or a reminder.
const WAYS_IN: [&str; 2] = [Session::KIND, Pats::KIND];

impl VaultError {
    /// The damaged file, where nothing in it is needed and the next writer makes it anew.
    pub fn damaged_and_not_needed(&self) -> Option<&Path> {
        let Self::Corrupt { path } = self else { return None };
        let name = path.file_name()?.to_str()?;
        (name.ends_with(EXTENSION) && !WAYS_IN.contains(&kind_of(name))).then_some(path)
    }

    /// Whether it is an entry of that kind that is damaged, and not the vault as a whole.
    pub fn is_damage_of<R: Record>(&self) -> bool {
        matches!(self, Self::Corrupt { path } if is_of::<R>(path))
    }

    /// Why an entry's file does not open.
    pub(super) fn of_entry(error: OpenError, path: PathBuf) -> Self {
        match error {
            OpenError::Newer => Self::Newer { path },
            OpenError::Corrupt => Self::Corrupt { path },
        }
    }

    /// What to do about it, naming one command.
    pub fn hint(&self) -> String {
        match self {
            Self::Read { path, source } if source.kind() == ErrorKind::PermissionDenied => {
                make_directory_own(path).unwrap_or_else(|| make_readable(path, For::Account))
            }
            Self::Read { path, .. } => {
                format!("move it away, then sign in again: mv {0} {0}.bad", path_word(path))
            }
            Self::Write { path, .. } => format!(
                "check permissions and free space of {}, or name another directory in ONA_AZURE_STATE_DIR",
                path.parent().unwrap_or(path).display()
            ),
            Self::Corrupt { path } if is_of::<Pats>(path) => {
                "give the personal access token again, which sets the damaged file aside: \
                 git-credential-ona-azure login URL --pat"
                    .to_owned()
            }
            Self::Corrupt { path } if is_of::<Session>(path) => {
                "sign in again, which sets the damaged file aside: git-credential-ona-azure login URL".to_owned()
            }
            Self::Corrupt { path } if self.damaged_and_not_needed().is_some() => {
                format!("nothing in it is needed; remove it: rm {}", path_word(path))
            }
            Self::Corrupt { .. } => {
                "forget what is kept, then sign in again: git-credential-ona-azure logout --all".to_owned()
            }
            Self::Newer { .. } => {
                "install that newer version, or name another directory in ONA_AZURE_STATE_DIR".to_owned()
            }
            Self::OtherKey { .. } => {
                "bring that runner key back (ONA_AZURE_KEY_FILE), or start afresh: git-credential-ona-azure logout --all"
                    .to_owned()
            }
            Self::Key(error) => error.hint(),
            Self::Locked(error) => error.hint(),
        }
    }
}

/// Whether that is the name of an entry of a kind.
fn is_of<R: Record>(path: &Path) -> bool {
    kind_of(&path.file_name().unwrap_or_default().to_string_lossy()) == R::KIND
}
