//! What a request is about: place, integration, organization, and who is asked for.

use std::fmt;

use crate::azure::{
    Organization, Place, RemotePath, Scheme, VirtualDirectory, organization_in_username,
};
use crate::integration::{Found, HostKey, HostSpec, Integration, Integrations};
use crate::protocol::Request;

/// What a request names, before anything is looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// `https` or `http`.
    pub scheme: Scheme,
    /// The host.
    pub place: Place,
}

/// The key of a session in the vault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionKey {
    /// The host it is for.
    pub host: HostKey,
    /// The only organization it is for, if it is for one.
    pub organization: Option<Organization>,
}

impl fmt::Display for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.host.fmt(f)?;
        self.organization.iter().try_for_each(|organization| write!(f, "/{organization}"))
    }
}

/// The key of the personal access tokens of a host in the vault. Plain http has its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatKey {
    /// `https` or `http`.
    pub scheme: Scheme,
    /// The host.
    pub host: HostKey,
}

impl fmt::Display for PatKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme.as_str(), self.host)
    }
}

impl Subject {
    /// What the request names; `None` if that is nothing a git server could be.
    pub fn of(request: &Request) -> Option<Self> {
        let scheme = Scheme::from_bytes(request.protocol.as_deref()?)?;
        let place = Place::of(scheme, request.host.as_deref()?)?;
        Some(Self { scheme, place })
    }

    /// The host, as the key of what is kept for it.
    pub fn host(&self) -> HostKey {
        HostKey::of_place(&self.place)
    }

    /// The address of the host, for messages and commands.
    pub fn url(&self) -> String {
        format!("{}://{}", self.scheme.as_str(), self.place.authority())
    }

    /// The key of its personal access tokens.
    pub fn pat_key(&self) -> PatKey {
        PatKey { scheme: self.scheme, host: self.host() }
    }

    /// Whether the integration allows the scheme. Only Servers may be spoken to in clear.
    pub fn scheme_allowed(&self, integration: &Integration) -> bool {
        self.scheme == Scheme::Https || (!self.place.is_cloud() && integration.allow_http)
    }

    /// The organization, from path or label, else the host's default.
    pub fn organization(
        &self,
        request: &Request,
        integration: &Integration,
    ) -> Option<Organization> {
        self.named_organization(request, &integration.virtual_directory)
            .or_else(|| self.default_organization(request, integration))
    }

    /// As [`Self::organization`], and where there is no path the name in
    /// `https://org@dev.azure.com/`. Only `get` may believe that.
    pub fn organization_for_get(
        &self,
        request: &Request,
        integration: &Integration,
        is_account: impl FnOnce(&[u8]) -> bool,
    ) -> Option<Organization> {
        self.named_organization(request, &integration.virtual_directory)
            .or_else(|| {
                let username = request.username.as_deref().filter(|_| !has_path(request))?;
                let organization = organization_in_username(&self.place, username)?;
                (!is_account(username)).then_some(organization)
            })
            .or_else(|| self.default_organization(request, integration))
    }

    /// Whether the path is to somewhere else on a Server's host than the Server.
    pub fn is_elsewhere(&self, request: &Request, integration: &Integration) -> bool {
        let directory = &integration.virtual_directory;
        !self.place.is_cloud()
            && RemotePath::of(&self.place, directory, request.path.as_deref()).refused
    }

    fn named_organization(
        &self,
        request: &Request,
        virtual_directory: &VirtualDirectory,
    ) -> Option<Organization> {
        RemotePath::of(&self.place, virtual_directory, request.path.as_deref()).organization
    }

    /// A path that names no organization is a path to somewhere else: no default for it.
    fn default_organization(
        &self,
        request: &Request,
        integration: &Integration,
    ) -> Option<Organization> {
        integration.host.organization.clone().filter(|_| !has_path(request))
    }

    /// The integration that serves the request, by the organization that path, label or, for `get`,
    /// the user name name.
    pub fn found<'i>(
        &self,
        request: &Request,
        integrations: &'i Integrations,
    ) -> Option<&'i Found> {
        let organization = self.asked_organization(request).or_else(|| {
            // The user name may be anybody's: it only chooses among organizations that are known.
            let username = request.username.as_deref().filter(|_| !has_path(request))?;
            let named = organization_in_username(&self.place, username)?;
            let spec = HostSpec { key: self.host(), organization: Some(named.clone()) };
            integrations.exactly(&spec).map(|_| named)
        });
        integrations.of_place(&self.place, organization.as_ref())
    }

    /// The cloud organization that a request names, before any integration is known. On a Server
    /// there is one integration for all collections.
    pub fn asked_organization(&self, request: &Request) -> Option<Organization> {
        if !self.place.is_cloud() {
            return None;
        }
        self.named_organization(request, &VirtualDirectory::default())
    }

    /// The sessions that may answer, the one of the organization first. Those of the host are not for
    /// an organization that has an integration of its own beside the host's.
    pub fn session_keys(
        &self,
        organization: Option<&Organization>,
        integrations: &Integrations,
    ) -> Vec<SessionKey> {
        let host = self.host();
        let of_host = !organization.is_some_and(|one| integrations.has_own(&host, one));
        organization
            .map(|organization| SessionKey {
                host: host.clone(),
                organization: Some(organization.clone()),
            })
            .into_iter()
            .chain(of_host.then(|| SessionKey { host: host.clone(), organization: None }))
            .collect()
    }
}

fn has_path(request: &Request) -> bool {
    request.path.as_deref().is_some_and(|path| !path.is_empty())
}
