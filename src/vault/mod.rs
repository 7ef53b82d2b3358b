//! The vault: sealed entries in a directory of their own.
//!
//! `vault.json` holds a random data key, wrapped by age to the runner key. Every entry is a file
//! of its own, sealed under the data key, so that `get` opens only what it needs. Readers take
//! no lock and write nothing; writers hold `vault.lock` for milliseconds, never over the network.
//!
//! What is kept is changed by [`Vault::update`], or by [`Writer::update`] where several entries
//! change together. Both take a closure, which is given the entry as it is under the lock: what was
//! read before the lock cannot be written, and no other process's change is lost.
//!
//! ```no_run
//! # use git_credential_ona_azure::vault::{Pats, Vault, VaultError};
//! # fn example(vault: &Vault) -> Result<(), VaultError> {
//! // Pats, for one host: forget those that have run out by `now`, and say how many they were.
//! # let now = 0;
//! let gone = vault.update("https://dev.azure.com", |kept: &mut Option<Pats>| {
//!     let Some(kept) = kept else { return 0 };
//!     let before = kept.pats.len();
//!     kept.pats.retain(|pat| pat.expires_at.is_none_or(|at| at > now));
//!     before - kept.pats.len()
//! })?;
//! # let _ = gone;
//! # Ok(())
//! # }
//! ```

mod error;
mod files;
mod header;
mod key;
mod lock;
mod records;
mod seal;
mod writer;

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};

pub use error::VaultError;
pub use files::{Anothers, create_public_dir, read_bounded, write_atomically};
pub use key::{
    KeyError, KeySource, OpenError, RunnerKey, armor, open_with, parse_recipient, seal_to,
};
pub use lock::{Lock, LockError, acquire};
pub use records::{
    Access, Check, Checks, Client, ClientMode, Ended, HoldOff, HoldOffKind, Imported, ImportedHost,
    ImportedToken, Issued, IssuedToken, Notices, OrganizationRefusal, Pat, PatLogin, Pats,
    Prompted, Record, Session, SignInFailure, SignInMethod, WrittenWhole,
};

pub use writer::Writer;

use files::Private;
use header::Header;
use seal::DataKey;

/// What every entry's file name ends in.
const EXTENSION: &str = ".sealed";

/// How long a writer waits for another one. Writers hold the lock for a few fsyncs.
const WRITE_LOCK_WAIT: Duration = Duration::from_secs(10);

/// The vault of one state directory.
#[derive(Debug)]
pub struct Vault {
    dir: PathBuf,
    mounted_key: Option<PathBuf>,
    data_key: RefCell<Option<Rc<DataKey>>>,
    watch: files::Watch,
}

impl Vault {
    /// The vault in `dir`, which need not exist yet.
    pub fn new(dir: PathBuf, mounted_key: Option<PathBuf>) -> Self {
        Self { dir, mounted_key, data_key: RefCell::new(None), watch: files::Watch::default() }
    }

    /// The directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The runner key that applies here, if there is one.
    ///
    /// # Errors
    /// If it is there but cannot be used.
    pub fn runner_key(&self) -> Result<Option<RunnerKey>, KeyError> {
        RunnerKey::find(&self.dir, self.mounted_key.as_deref(), &self.watch)
    }

    /// The runner key that applies here, made if there is none.
    ///
    /// # Errors
    /// If it cannot be read or made.
    pub fn runner_key_or_new(&self) -> Result<RunnerKey, KeyError> {
        RunnerKey::find_or_make(&self.dir, self.mounted_key.as_deref(), &self.watch)
    }

    /// One entry. `None` if it was never written.
    ///
    /// # Errors
    /// If it is there but cannot be opened. Nothing is changed on disk.
    pub fn read<R: Record + DeserializeOwned>(&self, of: &str) -> Result<Option<R>, VaultError> {
        match self.read_once(of) {
            // While this process looked, another one may have started the vault afresh, or taken
            // everything away: then entry and data key were not of one moment.
            Err(VaultError::Corrupt { .. }) => {
                self.data_key.replace(None);
                self.read_once(of)
            }
            read => read,
        }
    }

    fn read_once<R: Record + DeserializeOwned>(&self, of: &str) -> Result<Option<R>, VaultError> {
        let name = entry_name::<R>(of);
        let path = self.dir.join(&name);
        // Before what is in it: whoever has the directory has all of that.
        self.look_at_directory();
        let Some(sealed) = self
            .watch
            .read(&path, Private::Sealed)
            .map_err(|source| VaultError::Read { path: path.clone(), source })?
        else {
            return Ok(None);
        };
        let Some(data_key) = self.data_key()? else {
            return Err(VaultError::Corrupt { path });
        };
        let plain = data_key
            .open(&name, &sealed)
            .map_err(|error| VaultError::of_entry(error, path.clone()))?;
        serde_json::from_slice(&plain).map(Some).map_err(|_| VaultError::Corrupt { path })
    }

    /// As [`Self::read`], and a damaged entry counts as absent: for what can be made anew, and is
    /// set aside by whoever writes it. [`Self::unreadable`] still names it.
    ///
    /// # Errors
    /// If it is there but cannot be opened for another reason than its own damage.
    pub fn read_intact<R: Record + DeserializeOwned>(
        &self,
        of: &str,
    ) -> Result<Option<R>, VaultError> {
        match self.read(of) {
            // Without the header nothing opens, and that is not this entry's damage.
            Err(error) if error.is_damage_of::<R>() => Ok(None),
            read => read,
        }
    }

    /// Every entry of a kind, damaged ones left out.
    ///
    /// # Errors
    /// If the vault as a whole cannot be opened.
    pub fn list<R: Record + DeserializeOwned>(&self) -> Result<Vec<R>, VaultError> {
        self.data_key.replace(None);
        let Some(data_key) = self.data_key()? else { return Ok(Vec::new()) };
        let mut found = Vec::new();
        for name in self.entry_names()? {
            if kind_of(&name) != R::KIND {
                continue;
            }
            let sealed = self.watch.read(&self.dir.join(&name), Private::Sealed).ok().flatten();
            let plain = data_key.open(&name, &sealed.unwrap_or_default()).ok();
            found.extend(plain.and_then(|plain| serde_json::from_slice(&plain).ok()));
        }
        Ok(found)
    }

    /// Why entries cannot be opened, one for each of them; or why none can.
    pub fn unreadable(&self) -> Vec<VaultError> {
        self.data_key.replace(None);
        let (data_key, names) = match self.data_key().and_then(|key| Ok((key, self.entry_names()?)))
        {
            Ok(found) => found,
            Err(error) => return vec![error],
        };
        let why = |name: String| {
            let path = self.dir.join(&name);
            let sealed = match self.watch.read(&path, Private::Sealed) {
                Ok(sealed) => sealed?,
                Err(source) => return Some(VaultError::Read { path, source }),
            };
            let Some(data_key) = &data_key else { return Some(VaultError::Corrupt { path }) };
            data_key.open(&name, &sealed).err().map(|error| VaultError::of_entry(error, path))
        };
        names.into_iter().filter_map(why).collect()
    }

    /// The file names of all entries, in order.
    fn entry_names(&self) -> Result<Vec<String>, VaultError> {
        let entries = match std::fs::read_dir(&self.dir) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(VaultError::Read { path: self.dir.clone(), source }),
        };
        let mut names: Vec<_> = entries
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter(|name| name.ends_with(EXTENSION))
            .collect();
        names.sort();
        Ok(names)
    }

    /// Changes one entry. `change` is given it as it is, `None` if there is none, and leaves it as
    /// it is to be, `None` to remove it. What `change` returns is returned.
    ///
    /// `change` runs once without the lock, and if that changes nothing, that is all: no lock is
    /// taken and nothing is written. Otherwise it runs a second time, under the lock, on the entry
    /// as it is then. So it must not do anything but change the entry, and what it tells its caller
    /// must come by its return value. It must not write to the vault either: the lock is not
    /// reentrant.
    ///
    /// A damaged entry counts as absent; it is set aside if something is written in its place.
    ///
    /// # Errors
    /// If the entry was written by a newer version, or the vault cannot be read or written.
    pub fn update<R, T>(
        &self,
        of: &str,
        mut change: impl FnMut(&mut Option<R>) -> T,
    ) -> Result<T, VaultError>
    where
        R: Record + Serialize + DeserializeOwned + Clone + PartialEq,
    {
        let before = match self.read::<R>(of) {
            // Of the header too: a writer sets that aside.
            Err(VaultError::Corrupt { .. }) => None,
            read => read?,
        };
        let mut after = before.clone();
        let said = change(&mut after);
        // An entry is one file, which is replaced whole: what was read is what was kept at one
        // moment, and at that moment there was nothing to change.
        if after == before {
            return Ok(said);
        }
        self.write()?.update(of, change)
    }

    /// Takes the writers' lock and makes what is missing: directory, runner key, data key. A
    /// damaged header is set aside.
    ///
    /// # Errors
    /// If the lock is held for long, or the directory cannot be written.
    pub fn write(&self) -> Result<Writer<'_>, VaultError> {
        self.write_within(WRITE_LOCK_WAIT)
    }

    /// As [`Self::write`], without waiting for another writer: for what may as well be left out.
    ///
    /// # Errors
    /// As there.
    pub fn write_at_once(&self) -> Result<Writer<'_>, VaultError> {
        self.write_within(Duration::ZERO)
    }

    fn write_within(&self, wait: Duration) -> Result<Writer<'_>, VaultError> {
        files::create_private_dir(&self.dir)
            .map_err(|source| VaultError::Write { path: self.dir.clone(), source })?;
        self.look_at_directory();
        let lock = acquire(&self.dir.join("vault.lock"), wait)?;
        // Another process may have started the vault afresh since this one read its data key;
        // entries that do not open under an old key must not be taken for damaged ones.
        self.data_key.replace(None);
        Ok(Writer { vault: self, _lock: lock })
    }

    /// Looks who has a hand in the directory, as every read does.
    pub fn look_at_directory(&self) {
        self.watch.look_at_dir(&self.dir);
    }

    /// What of all that was read here so far other accounts may change, or, if it is the runner
    /// key, see.
    pub fn open_to_others(&self) -> Option<PathBuf> {
        self.watch.open()
    }

    /// What of all that was read here so far belongs to an account that is neither this one nor the
    /// administrator's: that account may change it, and read it.
    pub fn anothers(&self) -> Option<Anothers> {
        self.watch.anothers()
    }

    /// The names of the files that writers have set aside as damaged.
    pub fn set_aside(&self) -> Vec<PathBuf> {
        let Ok(entries) = std::fs::read_dir(&self.dir) else { return Vec::new() };
        let mut found: Vec<_> = entries
            .filter_map(Result::ok)
            .map(|entry| entry.path())
            .filter(|path| path.to_string_lossy().contains(files::SET_ASIDE))
            .collect();
        found.sort();
        found
    }

    /// Sets the header aside, and every entry with it: without the old data key none of them ever
    /// opens again, and one that was left behind would fail every `get` that looks at it. The
    /// entries go first, so that the next writer ends what a killed one began.
    fn set_all_aside(&self) -> Result<(), VaultError> {
        let fail = |path: PathBuf| move |source| VaultError::Write { path, source };
        for entry in std::fs::read_dir(&self.dir).map_err(fail(self.dir.clone()))? {
            let path = entry.map_err(fail(self.dir.clone()))?.path();
            if path.to_string_lossy().ends_with(EXTENSION) {
                files::set_aside(&path).map_err(fail(path))?;
            }
        }
        let path = Header::path(&self.dir);
        files::set_aside(&path).map_err(fail(path))
    }

    fn data_key(&self) -> Result<Option<Rc<DataKey>>, VaultError> {
        if let Some(known) = &*self.data_key.borrow() {
            return Ok(Some(Rc::clone(known)));
        }
        self.look_at_directory();
        let Some(header) = Header::read(&self.dir, &self.watch)? else { return Ok(None) };
        let key = Rc::new(header.open(&self.dir, self.runner_key()?)?);
        Ok(Some(Rc::clone(self.data_key.borrow_mut().insert(key))))
    }

    fn data_key_or_new(&self) -> Result<Rc<DataKey>, VaultError> {
        match self.data_key() {
            Ok(Some(key)) => return Ok(key),
            Ok(None) | Err(VaultError::Corrupt { .. }) => {}
            Err(error) => return Err(error),
        }
        self.set_all_aside()?;
        let key = Rc::new(Header::make(&self.dir, &self.runner_key_or_new()?)?);
        Ok(Rc::clone(self.data_key.borrow_mut().insert(key)))
    }
}

/// File names are digests: what an entry is about may hold any character at any length.
fn entry_name<R: Record>(of: &str) -> String {
    use std::fmt::Write as _;

    let digest = Sha256::digest([R::KIND.as_bytes(), b"\0", of.as_bytes()].concat());
    let mut name = format!("{}-", R::KIND);
    for byte in &digest[..16] {
        let _ = write!(name, "{byte:02x}");
    }
    name.push_str(EXTENSION);
    name
}

/// The kind of entry a file name is of.
fn kind_of(name: &str) -> &str {
    name.split('-').next().unwrap_or_default()
}

#[cfg(test)]
mod tests;
