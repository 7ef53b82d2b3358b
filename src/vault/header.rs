//! `vault.json`: the data key, wrapped by age to the runner key.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::files::{Private, Watch};
use super::key::{self, RunnerKey};
use super::seal::DataKey;
use super::{VaultError, files};

const VERSION: u64 = 1;

/// Its name.
pub(super) const HEADER: &str = "vault.json";

/// The file as it is on disk.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Header {
    version: u64,
    /// The public keys the data key is wrapped to: age itself does not tell.
    recipients: Vec<String>,
    data_key: String,
}

impl Header {
    pub(super) fn path(dir: &Path) -> PathBuf {
        dir.join(HEADER)
    }

    /// Reads it. `None` if there is no vault yet.
    pub(super) fn read(dir: &Path, watch: &Watch) -> Result<Option<Self>, VaultError> {
        #[derive(Deserialize)]
        struct Versioned {
            version: u64,
        }

        let path = Self::path(dir);
        let Some(bytes) = watch
            .read(&path, Private::Sealed)
            .map_err(|source| VaultError::Read { path: path.clone(), source })?
        else {
            return Ok(None);
        };
        match serde_json::from_slice(&bytes) {
            Ok(Versioned { version: VERSION }) => {}
            Ok(Versioned { version }) if version > VERSION => {
                return Err(VaultError::Newer { path });
            }
            _ => return Err(VaultError::Corrupt { path }),
        }
        serde_json::from_slice(&bytes).map(Some).map_err(|_| VaultError::Corrupt { path })
    }

    /// Unwraps the data key.
    pub(super) fn open(&self, dir: &Path, key: Option<RunnerKey>) -> Result<DataKey, VaultError> {
        let other_key = |ours: String| VaultError::OtherKey {
            path: dir.to_owned(),
            sealed_to: self.recipients.join(", "),
            ours,
        };
        let key = key.ok_or_else(|| other_key("missing".to_owned()))?;
        let opened = key::open_with(&key, &self.data_key);
        let corrupt = || VaultError::Corrupt { path: Self::path(dir) };
        match opened {
            Ok(bytes) => DataKey::from_bytes(bytes.expose()).ok_or_else(corrupt),
            Err(key::OpenError::OtherKey) => Err(other_key(key.public())),
            Err(key::OpenError::Malformed) => Err(corrupt()),
        }
    }

    /// Makes a data key and the header that wraps it.
    pub(super) fn make(dir: &Path, key: &RunnerKey) -> Result<DataKey, VaultError> {
        let data_key = DataKey::generate();
        let header = Self {
            version: VERSION,
            recipients: vec![key.public()],
            data_key: key::seal_to(&[key.recipient()], data_key.expose()),
        };
        let path = Self::path(dir);
        let json = serde_json::to_vec_pretty(&header).expect("BUG: a header has no failing parts");
        files::write_atomically(&path, &json, files::PRIVATE)
            .map_err(|source| VaultError::Write { path, source })?;
        Ok(data_key)
    }
}
