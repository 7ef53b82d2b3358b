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

use crate::azure::{Organization, Place};
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
                .filter(|name| !name.trim().is_empty()),
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
            self.runner_name = file.runner_name()?.filter(|name| !name.trim().is_empty());
        }
        for integration in file.integrations()? {
            if self.exactly(&integration.host).is_none() {
                self.entries.push(Found { integration, file: path.to_owned() });
            }
        }
        Ok(())
    }

    /// This one and no other.
    pub fn only(found: Found) -> Self {
        Self { entries: vec![found], runner_name: None }
    }

    /// The integration of exactly that host, or of exactly that organization of it.
    pub fn exactly(&self, spec: &HostSpec) -> Option<&Found> {
        self.entries.iter().find(|found| found.integration.host == *spec)
    }

    /// All integrations of a host and of its organizations.
    pub fn on(&self, key: &HostKey) -> impl Iterator<Item = &Found> {
        self.entries.iter().filter(move |found| found.integration.host.key == *key)
    }

    /// The integration that serves an organization of a host: its own goes before the host's. Where
    /// no organization is named, the host's; without one, that of the only organization there is.
    pub fn find(&self, key: &HostKey, organization: Option<&Organization>) -> Option<&Found> {
        let of = |organization: Option<&Organization>| {
            self.on(key)
                .find(move |found| found.integration.host.organization.as_ref() == organization)
        };
        match organization {
            Some(organization) => of(Some(organization)).or_else(|| of(None)),
            None => of(None).or_else(|| {
                let mut all = self.on(key);
                all.next().filter(|_| all.next().is_none())
            }),
        }
    }

    /// The integration that serves an organization at a place.
    pub fn of_place(&self, place: &Place, organization: Option<&Organization>) -> Option<&Found> {
        self.find(&HostKey::of_place(place), organization)
    }

    /// Whether an organization has an integration beside the host's own, so that the sign-ins of the
    /// host are not its.
    pub fn has_own(&self, key: &HostKey, organization: &Organization) -> bool {
        let spec = |organization| HostSpec { key: key.clone(), organization };
        self.exactly(&spec(Some(organization.clone()))).is_some()
            && self.exactly(&spec(None)).is_some()
    }

    /// Whether what is kept for an organization, or for all of the host, is an integration's own.
    pub fn serves(&self, spec: &HostSpec, organization: Option<&Organization>) -> bool {
        let serving = self.find(&spec.key, organization).or_else(|| self.on(&spec.key).next());
        serving.is_some_and(|found| found.integration.host == *spec)
    }

    /// All of them: the user's, then the system's.
    pub fn all(&self) -> &[Found] {
        &self.entries
    }

    /// The same with those of a host changed: what would be, if they said something else.
    #[must_use]
    pub fn with(mut self, key: &HostKey, mut change: impl FnMut(&mut Integration)) -> Self {
        let entries = self.entries.iter_mut();
        entries
            .filter(|found| found.integration.host.key == *key)
            .for_each(|found| change(&mut found.integration));
        self
    }

    /// How the US01 message names what was asked for: with its organization where it is others that
    /// have integrations of their own.
    pub fn asked_for(&self, place: &Place, organization: Option<&Organization>) -> String {
        match (place, self.to_configure(place, organization).organization) {
            (Place::DevAzure, Some(organization)) => format!("{place}/{organization}"),
            _ => place.authority().to_string(),
        }
    }

    /// The integration to add for what was asked for: one for the organization beside those of other
    /// organizations, else one for the host.
    pub fn to_configure(&self, place: &Place, organization: Option<&Organization>) -> HostSpec {
        let key = HostKey::of_place(place);
        let others = self.on(&key).any(|found| found.integration.host.organization.is_some());
        HostSpec { key, organization: organization.filter(|_| others).cloned() }
    }

    /// The command that ends it.
    pub fn configure_command(host: &HostSpec) -> String {
        match &host.key {
            HostKey::Cloud => format!(
                "git-credential-ona-azure integration add --host {host} --issuer-url \
                 https://login.microsoftonline.com/TENANT_ID/oauth2/v2.0 --client-id CLIENT_ID --client-secret-stdin --pat"
            ),
            HostKey::Server(authority) => format!(
                "git-credential-ona-azure integration add --host {authority} --virtual-directory /tfs --pat"
            ),
        }
    }

    /// What to do about it: for a developer, and for the administrator.
    pub fn configure_hint(host: &HostSpec) -> String {
        let command = Self::configure_command(host);
        match of_sudo_user() {
            Some(user) => format!(
                "this is {user}'s command run as root by sudo, and the integrations of {user} are not root's: run \
                 it without sudo, or have an administrator configure the whole machine: {command} --system"
            ),
            None => format!(
                "ask the administrator of the runner to configure it; administrators: {command}"
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

/// Who ran `sudo`, where root has no integrations of its own and that account has.
#[cfg(unix)]
fn of_sudo_user() -> Option<String> {
    if !nix::unistd::geteuid().is_root() {
        return None;
    }
    let name = std::env::var("SUDO_USER").ok().filter(|name| name != "root")?;
    let user = nix::unistd::User::from_name(&name).ok()??;
    // Only whether it is there: what stands in it is the account's own business.
    let file = user.dir.join(".config").join(crate::paths::NAME).join("integrations.json");
    file.is_file().then_some(name)
}

#[cfg(not(unix))]
fn of_sudo_user() -> Option<String> {
    None
}

#[cfg(test)]
mod tests;
