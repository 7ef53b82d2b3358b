//! Writing to the vault.

use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use super::error::VaultError;
use super::header::{HEADER, Header};
use super::lock::Lock;
use super::records::{Record, WrittenWhole};
use super::seal::DataKey;
use super::{EXTENSION, Vault, entry_name, files, seal};
use crate::trace;

/// The right to write, held while the writers' lock is.
#[derive(Debug)]
pub struct Writer<'v> {
    pub(super) vault: &'v Vault,
    pub(super) _lock: Lock,
}

impl Writer<'_> {
    /// One entry as it is now, under the lock; a damaged one is set aside and counts as absent.
    ///
    /// # Errors
    /// If it cannot be read, or was written by a newer version.
    pub fn read<R: Record + DeserializeOwned>(&self, of: &str) -> Result<Option<R>, VaultError> {
        match self.vault.read(of) {
            Err(VaultError::Corrupt { path }) => {
                files::set_aside(&path).map_err(|source| VaultError::Write { path, source })?;
                Ok(None)
            }
            other => other,
        }
    }

    /// Changes one entry, as [`Vault::update`] does, for whoever holds the lock already because
    /// several entries change together. `change` runs once. Nothing is written if it changes
    /// nothing; a damaged entry is set aside in any case.
    ///
    /// # Errors
    /// If the entry cannot be read or written, or was written by a newer version; it is intact then.
    pub fn update<R, T>(
        &self,
        of: &str,
        change: impl FnOnce(&mut Option<R>) -> T,
    ) -> Result<T, VaultError>
    where
        R: Record + Serialize + DeserializeOwned + Clone + PartialEq,
    {
        let before = self.read::<R>(of)?;
        let mut after = before.clone();
        let said = change(&mut after);
        if after != before {
            match &after {
                Some(record) => self.replace(of, record)?,
                None => drop(self.remove::<R>(of)?),
            }
        }
        Ok(said)
    }

    /// Writes one entry of a kind that is never made of what was kept before.
    ///
    /// # Errors
    /// As [`Self::update`].
    pub fn put<R: WrittenWhole + Serialize>(&self, of: &str, record: &R) -> Result<(), VaultError> {
        self.replace(of, record)
    }

    /// Writes one entry: sealed, to a temporary file, fsync, rename, fsync of the directory.
    fn replace<R: Record + Serialize>(&self, of: &str, record: &R) -> Result<(), VaultError> {
        let name = entry_name::<R>(of);
        let path = self.vault.dir.join(&name);
        let mut plain = Zeroizing::new(Vec::with_capacity(32 * 1024));
        serde_json::to_writer(&mut *plain, record).expect("BUG: records have no failing parts");
        let data_key = self.vault.data_key_or_new()?;
        // Also where nobody has read the old one.
        self.make_way(&data_key, &name, &path)?;
        let sealed = data_key.seal(&name, &plain);
        files::write_atomically(&path, &sealed, files::PRIVATE)
            .map_err(|source| VaultError::Write { path, source })?;
        trace::event("vault", |words| words.with("wrote", &name).with("of", of));
        Ok(())
    }

    /// Removes one entry and says whether it was there. A damaged one is set aside.
    ///
    /// # Errors
    /// If it is there and cannot be removed, or was written by a newer version.
    pub fn remove<R: Record>(&self, of: &str) -> Result<bool, VaultError> {
        let name = entry_name::<R>(of);
        let path = self.vault.dir.join(&name);
        let was_there = path.exists();
        if let Some(data_key) = self.vault.data_key()? {
            self.make_way(&data_key, &name, &path)?;
        }
        files::remove(&path).map_err(|source| VaultError::Write { path, source })?;
        if was_there {
            trace::event("vault", |words| words.with("removed", &name).with("of", of));
        }
        Ok(was_there)
    }

    /// A newer entry stays, a damaged one is set aside.
    fn make_way(&self, data_key: &DataKey, name: &str, path: &Path) -> Result<(), VaultError> {
        let Ok(Some(old)) = files::read_bounded(path) else { return Ok(()) };
        match data_key.open(name, &old) {
            Ok(_) => Ok(()),
            Err(seal::OpenError::Newer) => Err(VaultError::Newer { path: path.to_owned() }),
            Err(seal::OpenError::Corrupt) => files::set_aside(path)
                .map_err(|source| VaultError::Write { path: path.to_owned(), source }),
        }
    }

    /// Removes every entry and the data key, whatever their state, with what was set aside of
    /// them and what killed writers left: all of it may hold secrets. The runner key stays. Says
    /// whether there was anything.
    ///
    /// # Errors
    /// If a file cannot be removed.
    pub fn remove_all(&self) -> Result<bool, VaultError> {
        let dir = &self.vault.dir;
        let mut any = false;
        let fail = |source| VaultError::Write { path: dir.clone(), source };
        for entry in std::fs::read_dir(dir).map_err(fail)? {
            let path = entry.map_err(fail)?.path();
            if holds_entries(&path) {
                files::remove(&path).map_err(|source| VaultError::Write { path, source })?;
                any = true;
            }
        }
        let path = Header::path(dir);
        any |= path.exists();
        files::remove(&path).map_err(|source| VaultError::Write { path, source })?;
        trace::event("vault", |words| words.with("removed", "everything").flag("was_there", any));
        Ok(any)
    }

    /// Shows that a write of a few KiB will succeed, before something is spent on it that
    /// cannot be had again (a refresh token that rotates).
    ///
    /// # Errors
    /// If the directory cannot be written, or the disk is full.
    pub fn rehearse(&self) -> Result<(), VaultError> {
        self.vault.data_key_or_new()?;
        files::rehearse(&self.vault.dir)
            .map_err(|source| VaultError::Write { path: self.vault.dir.join("vault.json"), source })
    }
}

/// Whether a file is, or was, or was to become an entry or, damaged, the header.
fn holds_entries(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let (whole, set_aside) = match name.split_once(files::SET_ASIDE) {
        Some((whole, _)) => (whole, true),
        None => (&*name, false),
    };
    whole.ends_with(EXTENSION) || (set_aside && whole == HEADER) || name.starts_with(files::STAGED)
}
