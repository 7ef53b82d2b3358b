//! What a URL argument means: the host, its integration, and the organization.

use crate::azure::{Organization, Place, RemotePath, RemoteUrl, Scheme, VirtualDirectory};
use crate::broker::{PatKey, SessionKey};
use crate::integration::{Found, HostKey, HostSpec, Integration, Integrations};
use crate::report::{Exit, Failure};

/// What a command is about.
pub(super) struct Target {
    pub(super) scheme: Scheme,
    pub(super) place: Place,
    pub(super) organization: Option<Organization>,
    pub(super) integration: Integration,
}

impl Target {
    /// The target of that URL; without one, the host that is configured.
    pub(super) fn of(url: Option<&str>, integrations: &Integrations) -> Result<Self, Failure> {
        let Some(url) = url else { return Self::only(integrations) };
        let url = RemoteUrl::parse(url).map_err(|error| {
            Failure::new(error.to_string())
                .hint("write it as https://dev.azure.com/ORGANIZATION, or https://SERVER")
                .exit(Exit::Usage)
        })?;
        let host = url.place.authority().to_string();
        let asked = url.place.is_cloud().then(|| {
            let path = url.path.as_deref().map(str::as_bytes);
            RemotePath::of(&url.place, &VirtualDirectory::default(), path).organization
        });
        let asked = asked.flatten();
        let Some(found) = integrations.of_place(&url.place, asked.as_ref()) else {
            let key = HostKey::of_place(&url.place);
            // Several organizations have integrations, and none is named.
            if asked.is_none() && integrations.on(&key).next().is_some() {
                return Err(which(integrations, &key));
            }
            let name = integrations.asked_for(&url.place, asked.as_ref());
            let spec = integrations.to_configure(&url.place, asked.as_ref());
            return Err(not_configured(integrations, &spec, &name));
        };
        let integration = found.integration.clone();
        let path = RemotePath::of(
            &url.place,
            &integration.virtual_directory,
            url.path.as_deref().map(str::as_bytes),
        );
        if path.refused {
            return Err(Failure::new(format!(
                "no organization or collection of {host} can be read from {}",
                url.path.as_deref().unwrap_or_default()
            ))
            .hint(if url.place.is_cloud() {
                "write it as https://dev.azure.com/ORGANIZATION".to_owned()
            } else {
                outside(&host, &integration.virtual_directory)
            })
            .exit(Exit::Usage));
        }
        Ok(Self {
            scheme: url.scheme,
            place: url.place,
            organization: path.organization.or_else(|| integration.host.organization.clone()),
            integration,
        })
    }

    fn only(integrations: &Integrations) -> Result<Self, Failure> {
        let found = match (integrations.find(&HostKey::Cloud, None), integrations.all()) {
            (Some(found), _) => found,
            (None, [found]) => found,
            (None, []) => {
                let cloud = HostSpec::whole(HostKey::Cloud);
                return Err(not_configured(integrations, &cloud, "dev.azure.com"));
            }
            (None, several) => return Err(several_hosts(several.iter())),
        };
        let place = found.integration.host.key.place();
        let integration = found.integration.clone();
        let organization = integration.host.organization.clone();
        Ok(Self { scheme: integration.scheme(), place, organization, integration })
    }

    pub(super) fn host(&self) -> HostKey {
        HostKey::of_place(&self.place)
    }

    pub(super) fn session_key(&self) -> SessionKey {
        SessionKey { host: self.host(), organization: self.organization.clone() }
    }

    pub(super) fn pat_key(&self) -> PatKey {
        PatKey { scheme: self.scheme, host: self.host() }
    }

    /// Refuses plain http where nothing that is kept would ever be given out over it.
    pub(super) fn refuse_plain_http(&self) -> Result<(), Failure> {
        let host = self.host();
        let refused = |hint: String| {
            let text = format!(
                "no credential is ever given to http://{host}: anyone on the way could read it"
            );
            Err(Failure::new(text).hint(hint).exit(Exit::Usage))
        };
        match self.scheme {
            Scheme::Https => Ok(()),
            Scheme::Http if self.place.is_cloud() => {
                refused("write https:// in its place".to_owned())
            }
            Scheme::Http if self.integration.allow_http => Ok(()),
            Scheme::Http => refused(format!(
                "write https:// in its place; where the Server has none, set allowHttp: \
                 git-credential-ona-azure integration add --host {host} --allow-http"
            )),
        }
    }

    /// The address as a person would type it.
    pub(super) fn url(&self) -> String {
        let directory = self.integration.virtual_directory.prefix();
        let base = format!("{}://{}{directory}", self.scheme.as_str(), self.host());
        match &self.organization {
            Some(organization) => format!("{base}/{organization}"),
            None => base,
        }
    }
}

/// What to do about an address that is not below the virtual directory.
fn outside(host: &str, directory: &VirtualDirectory) -> String {
    format!(
        "the virtual directory of {host} is configured as {directory}; to change it: \
         git-credential-ona-azure integration add --host {host} --virtual-directory /tfs"
    )
}

/// Several organizations of a host have integrations of their own, and the address names none.
fn which(integrations: &Integrations, key: &HostKey) -> Failure {
    several_hosts(integrations.on(key))
}

fn several_hosts<'f>(several: impl Iterator<Item = &'f Found>) -> Failure {
    let hosts: Vec<_> = several.map(|found| found.integration.host.to_string()).collect();
    let hint = format!("name one, such as https://{}", hosts[0]);
    Failure::new(format!("several hosts are configured: {}", hosts.join(", ")))
        .hint(hint)
        .exit(Exit::Usage)
}

/// US01, with the command that ends it. `host` is the one asked for.
pub(super) fn not_configured(integrations: &Integrations, spec: &HostSpec, host: &str) -> Failure {
    Failure::new(integrations.not_configured(host))
        .hint(Integrations::configure_hint(spec))
        .exit(Exit::NotConfigured)
}
