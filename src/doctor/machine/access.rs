//! Who may do what with a file, as its owner and its mode have it.

use std::path::Path;

/// What is known of a file's protection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Access {
    /// Nine bits.
    pub(super) mode: u32,
    /// The account it belongs to.
    pub(super) owner: u32,
}

impl Access {
    /// Of what a path leads to; `None` where nothing is, or where the system has no such thing.
    #[cfg(unix)]
    pub(super) fn of(path: &Path) -> Option<Self> {
        use std::os::unix::fs::MetadataExt as _;
        let metadata = path.metadata().ok()?;
        Some(Self { mode: metadata.mode() & 0o777, owner: metadata.uid() })
    }

    #[cfg(not(unix))]
    pub(super) fn of(_: &Path) -> Option<Self> {
        None
    }

    /// Whether other accounts may change it.
    pub(super) fn others_write(self) -> bool {
        self.mode & 0o022 != 0
    }

    /// Whether it belongs to neither this account nor the machine's administrator.
    pub(super) fn is_anothers(self) -> bool {
        self.owner != 0 && self.owner != us()
    }

    /// Whether it belongs to the machine's administrator, and this account is another.
    pub(super) fn is_the_administrators(self) -> bool {
        self.owner == 0 && us() != 0
    }
}

#[cfg(unix)]
fn us() -> u32 {
    rustix::process::geteuid().as_raw()
}

#[cfg(not(unix))]
fn us() -> u32 {
    0
}
