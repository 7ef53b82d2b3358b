//! SCM integrations: what an administrator configures for one host.

mod file;
mod model;
mod secret;
mod wire;

use std::path::{Path, PathBuf};

pub use file::{FileError, IntegrationsFile};
pub use model::{HostKey, HostSpec, Integration, OAuth, ScmId};
pub use secret::{ClientSecretError, open_client_secret, seal_client_secret};
pub use wire::{ModelError, pat_url};

use crate::azure::Place;
use crate::paths::Paths;

/// The default of `runnerName`.
const RUNNER_NAME: &str = "Ona Cloud (US01)";

/// The integrations that apply: the user's win over the system's, host by host.
#[derive(Clone, Debug, Default)]
pub struct Integrations {
    entries: Vec<Found>,
    runner_name: Option<String>,
}

/// An integration and the file it is from.
#[derive(Clone, Debug)]
pub struct Found {
    /// The integration.
    pub integration: Integration,
    /// The file.
    pub file: PathBuf,
}

impl Integrations {
    /// Reads both files. A missing file has no integrations.
    ///
    /// # Errors
    /// The first thing wrong in a file: which file, which field, and how to mend it.
    pub fn load(paths: &Paths) -> Result<Self, FileError> {
        let mut all = Self {
            runner_name: std::env::var("ONA_AZURE_RUNNER_NAME")
                .ok()
                .filter(|name| !name.is_empty()),
            ..Self::default()
        };
        if let Some(beside) = &paths.state_integrations {
            all.add(beside)?;
        }
        all.add(&paths.user_integrations)?;
        if let Some(system) = &paths.system_integrations {
            all.add(system)?;
        }
        Ok(all)
    }

    fn add(&mut self, path: &Path) -> Result<(), FileError> {
        let Some(file) = IntegrationsFile::read(path)? else { return Ok(()) };
        if self.runner_name.is_none() {
            self.runner_name = file.runner_name()?;
        }
        for integration in file.integrations()? {
            if self.by_key(&integration.host.key).is_none() {
                self.entries.push(Found { integration, file: path.to_owned() });
            }
        }
        Ok(())
    }

    /// This one and no other.
    pub fn only(found: Found) -> Self {
        Self { entries: vec![found], runner_name: None }
    }

    /// The integration of that host.
    pub fn by_key(&self, key: &HostKey) -> Option<&Found> {
        self.entries.iter().find(|found| found.integration.host.key == *key)
    }

    /// The integration of the host a place is on.
    pub fn of_place(&self, place: &Place) -> Option<&Found> {
        self.by_key(&HostKey::of_place(place))
    }

    /// All of them: the user's, then the system's.
    pub fn all(&self) -> &[Found] {
        &self.entries
    }

    /// The same with one of them changed: what would be, if it said something else.
    #[must_use]
    pub fn with(mut self, key: &HostKey, change: impl FnOnce(&mut Integration)) -> Self {
        let mut entries = self.entries.iter_mut();
        if let Some(found) = entries.find(|found| found.integration.host.key == *key) {
            change(&mut found.integration);
        }
        self
    }

    /// The command that ends it.
    pub fn configure_command(host: &HostKey) -> String {
        match host {
            HostKey::Cloud => "git-credential-ona-azure integration add --host dev.azure.com --issuer-url \
                https://login.microsoftonline.com/<tenant>/oauth2/v2.0 --client-id <id> --client-secret-stdin --pat"
                .to_owned(),
            HostKey::Server(authority) => format!(
                "git-credential-ona-azure integration add --host {authority} --virtual-directory </tfs or /> --pat"
            ),
        }
    }

    /// The US01 message for a host that has no integration.
    pub fn not_configured(&self, host: &str) -> String {
        let runner = self.runner_name.as_deref().unwrap_or(RUNNER_NAME);
        format!(
            "{runner} requires authentication with Source Control - the SCM integration for host {host} is not configured"
        )
    }
}

#[cfg(test)]
mod tests;
