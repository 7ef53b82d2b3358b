//! The runner key: an X25519 pair in age's form (age-encryption.org/v1).
//!
//! Client secrets are sealed to its public half; so is the vault's data key. What
//! `age -a -r PUBLIC` makes on an administrator's machine opens here.

use std::io::{self, Read as _, Write as _};
use std::iter;
use std::path::{Path, PathBuf};
use std::sync::Once;

use age::armor::{ArmoredReader, ArmoredWriter, Format};
use age::secrecy::ExposeSecret as _;
use age::x25519::{Identity, Recipient};
use zeroize::Zeroizing;

use super::files::{self, Private, Watch};
use crate::reach::{For, make_readable};
use crate::report::path_word;
use crate::secret::Secret;
use crate::trace;

/// A sealed secret is a few hundred bytes; nothing larger is opened.
const PLAIN_LIMIT: u64 = 64 * 1024;

/// Where a runner key came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySource {
    /// `ONA_AZURE_KEY_FILE`: mounted, away from the vault.
    Mounted(PathBuf),
    /// A file beside the vault.
    Beside(PathBuf),
}

impl KeySource {
    /// The file.
    pub fn path(&self) -> &Path {
        match self {
            Self::Mounted(path) | Self::Beside(path) => path,
        }
    }
}

/// The key pair and where it is kept.
pub struct RunnerKey {
    identity: Identity,
    source: KeySource,
}

impl std::fmt::Debug for RunnerKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RunnerKey")
            .field("public", &self.public())
            .field("source", &self.source)
            .finish()
    }
}

/// Why the runner key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// `ONA_AZURE_KEY_FILE` names a file that is not there.
    #[error("ONA_AZURE_KEY_FILE names {}, which does not exist", .0.display())]
    MountedMissing(PathBuf),
    /// The file cannot be read.
    #[error("the runner key {} cannot be read: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file cannot be made.
    #[error("the runner key {} cannot be made: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file holds no X25519 identity.
    #[error("{} holds no age X25519 identity (a line that begins with AGE-SECRET-KEY-1)", .0.display())]
    Malformed(PathBuf),
}

impl KeyError {
    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::MountedMissing(_) => {
                "mount the secret there, or make a key in that place: git-credential-ona-azure key init".to_owned()
            }
            Self::Read { path, source } if source.kind() == io::ErrorKind::PermissionDenied => {
                make_readable(path, For::Account)
            }
            Self::Read { path, .. } => format!("put the right key there: {}", path.display()),
            Self::Write { .. } => {
                "name a writable directory in ONA_AZURE_STATE_DIR, or mount a key and name it in ONA_AZURE_KEY_FILE"
                    .to_owned()
            }
            Self::Malformed(path) => format!(
                "put the right key there, or start afresh: mv {0} {0}.bad && git-credential-ona-azure logout --all",
                path_word(path)
            ),
        }
    }
}

impl RunnerKey {
    /// The key that applies: the mounted one, else the one beside the vault. The operating
    /// system's keyring will take its place between the two.
    pub(super) fn find(
        dir: &Path,
        mounted: Option<&Path>,
        watch: &Watch,
    ) -> Result<Option<Self>, KeyError> {
        match mounted {
            Some(path) => Self::load(KeySource::Mounted(path.to_owned()), watch)?
                .ok_or_else(|| KeyError::MountedMissing(path.to_owned()))
                .map(Some),
            None => Self::load(KeySource::Beside(Self::beside(dir)), watch),
        }
    }

    /// The key that applies, made beside the vault if there is none.
    pub(super) fn find_or_make(
        dir: &Path,
        mounted: Option<&Path>,
        watch: &Watch,
    ) -> Result<Self, KeyError> {
        match Self::find(dir, mounted, watch)? {
            Some(key) => Ok(key),
            None => Self::make(KeySource::Beside(Self::beside(dir))),
        }
    }

    /// Makes a key in that place, unless one is there already, which then is the key.
    ///
    /// # Errors
    /// If the file cannot be written, or holds something else.
    pub fn make(source: KeySource) -> Result<Self, KeyError> {
        let identity = Identity::generate();
        let path = source.path().to_owned();
        let secret = identity.to_string();
        let text = Zeroizing::new(format!(
            "# runner key of git-credential-ona-azure\n# public key: {}\n{}\n",
            identity.to_public(),
            secret.expose_secret()
        ));
        let made = path
            .parent()
            .map_or(Ok(()), files::create_private_dir)
            .and_then(|()| files::create_new(&path, text.as_bytes(), files::PRIVATE));
        match made {
            Ok(()) => {
                trace::event("key", |words| words.with("made", path.display()));
                Ok(Self { identity, source })
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                Self::load(source, &Watch::default())?
                    .ok_or_else(|| KeyError::Write { path, source: io::ErrorKind::NotFound.into() })
            }
            Err(source) => Err(KeyError::Write { path, source }),
        }
    }

    /// The public half, `age1…`.
    pub fn public(&self) -> String {
        self.identity.to_public().to_string()
    }

    /// The public half, to seal to.
    pub fn recipient(&self) -> Recipient {
        self.identity.to_public()
    }

    /// Where it is kept.
    pub fn source(&self) -> &KeySource {
        &self.source
    }

    fn beside(dir: &Path) -> PathBuf {
        dir.join("runner.key")
    }

    fn load(source: KeySource, watch: &Watch) -> Result<Option<Self>, KeyError> {
        let path = source.path();
        // Who may see a mounted key is for whoever mounts it to say (Kubernetes: 0644).
        let private = match source {
            KeySource::Mounted(_) => Private::Sealed,
            KeySource::Beside(_) => Private::Clear,
        };
        let bytes = watch
            .read(path, private)
            .map_err(|error| KeyError::Read { path: path.to_owned(), source: error })?;
        let Some(bytes) = bytes.map(Zeroizing::new) else { return Ok(None) };
        let identity = std::str::from_utf8(&bytes)
            .unwrap_or_default()
            .lines()
            .map(str::trim)
            .find(|line| !line.is_empty() && !line.starts_with('#'))
            .and_then(|line| line.parse().ok())
            .ok_or_else(|| KeyError::Malformed(path.to_owned()))?;
        // It is read again for every write, and is the same every time.
        static TOLD: Once = Once::new();
        TOLD.call_once(|| {
            trace::event("key", |words| {
                let mounted = matches!(source, KeySource::Mounted(_));
                words.with("read", path.display()).flag("mounted", mounted)
            });
        });
        Ok(Some(Self { identity, source }))
    }
}

/// Why something sealed by age does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenError {
    /// Sealed to other keys.
    OtherKey,
    /// Not armored age, or damaged.
    Malformed,
}

/// A public key as a person writes it.
pub fn parse_recipient(text: &str) -> Option<Recipient> {
    text.trim().parse().ok()
}

/// Seals to one or more public keys: the armored text of `age -a -r …`.
///
/// # Panics
/// If `recipients` is empty.
pub fn seal_to(recipients: &[Recipient], plain: &[u8]) -> String {
    let encryptor = age::Encryptor::with_recipients(
        recipients.iter().map(|recipient| recipient as &dyn age::Recipient),
    )
    .expect("BUG: nothing to seal to");
    let seal = || -> io::Result<Vec<u8>> {
        let armor = ArmoredWriter::wrap_output(Vec::new(), Format::AsciiArmor)?;
        let mut writer = encryptor.wrap_output(armor)?;
        writer.write_all(plain)?;
        writer.finish()?.finish()
    };
    String::from_utf8(seal().expect("BUG: writing to memory fails")).expect("BUG: armor is ASCII")
}

/// The armored form of what age has encrypted.
pub fn armor(encrypted: &[u8]) -> String {
    let armor = || -> io::Result<Vec<u8>> {
        let mut writer = ArmoredWriter::wrap_output(Vec::new(), Format::AsciiArmor)?;
        writer.write_all(encrypted)?;
        writer.finish()
    };
    String::from_utf8(armor().expect("BUG: writing to memory fails")).expect("BUG: armor is ASCII")
}

/// Opens what was sealed to the runner key.
///
/// # Errors
/// See [`OpenError`].
pub fn open_with(key: &RunnerKey, armored: &str) -> Result<Secret, OpenError> {
    let decryptor = age::Decryptor::new(ArmoredReader::new(armored.trim().as_bytes()))
        .map_err(|_| OpenError::Malformed)?;
    let reader =
        decryptor.decrypt(iter::once(&key.identity as &dyn age::Identity)).map_err(|error| {
            match error {
                age::DecryptError::NoMatchingKeys => OpenError::OtherKey,
                _ => OpenError::Malformed,
            }
        })?;
    let mut plain = Zeroizing::new(Vec::with_capacity(4096));
    reader.take(PLAIN_LIMIT).read_to_end(&mut plain).map_err(|_| OpenError::Malformed)?;
    Ok(Secret::new(plain.as_slice()))
}
