//! The names that this machine knows of: gathered from what is configured and kept here.

use std::env;

use super::{Examined, Kind, Mask};
use crate::azure::Scheme;
use crate::azure::{RemotePath, RemoteUrl};
use crate::broker::{PatKey, sessions};
use crate::entra::Issuer;
use crate::git::{Git, setup};
use crate::integration::{HostKey, Integration, Integrations};
use crate::paths::Paths;
use crate::vault::{Pats, Vault};

/// The variables that hold a name, as `bootstrap` reads them, and what of.
const VARIABLES: &[(&str, Kind)] = &[
    ("ONA_AZURE_HOST", Kind::Server),
    ("ONA_AZURE_PAT_ORGANIZATION", Kind::Organization),
    ("ONA_AZURE_CLIENT_ID", Kind::Client),
    ("ONA_AZURE_RUNNER_NAME", Kind::Machine),
    ("ONA_AZURE_VIRTUAL_DIRECTORY", Kind::Directory),
];

/// Every name that is known here, and that what was found gives away.
pub fn mask(paths: &Paths, all: &[Examined]) -> Mask {
    let mut mask = Mask::default();
    let integrations = Integrations::load(paths).unwrap_or_default();
    let vault = Vault::new(paths.state.clone(), paths.mounted_key.clone());
    // Accounts first: an organization's name may be a part of one, and stays one in the other.
    let sessions = sessions(&vault, None).unwrap_or_default();
    for session in &sessions {
        mask.add(Kind::Account, &session.account);
    }
    for found in integrations.all() {
        mask.of_integration(&found.integration, &vault);
    }
    for session in &sessions {
        session.organization.iter().for_each(|name| mask.add_organization(name));
        session.tenant.iter().for_each(|tenant| mask.add(Kind::Tenant, tenant));
        mask.add(Kind::Client, &session.client_id);
    }
    mask.of_addresses(all, &integrations);
    mask.of_git(all);
    mask.of_environment();
    mask.learn_from(all);
    mask
}

impl Mask {
    fn of_integration(&mut self, integration: &Integration, vault: &Vault) {
        let key = &integration.host.key;
        if let HostKey::Server(authority) = key {
            self.learn_host(&authority.host);
        }
        self.of_variable(Kind::Directory, integration.virtual_directory.prefix());
        integration.host.organization.iter().for_each(|name| self.add_organization(name));
        if let Some(oauth) = &integration.oauth {
            if let Ok(issuer) = Issuer::parse(&oauth.issuer_url, &integration.trusted_issuers) {
                issuer
                    .tenant()
                    .filter(|_| issuer.is_tenant_specific())
                    .iter()
                    .for_each(|tenant| self.add(Kind::Tenant, tenant));
            }
            self.add(Kind::Client, &oauth.client_id);
            self.learn(&oauth.issuer_url);
        }
        integration.trusted_issuers.iter().for_each(|url| self.learn(url));
        integration.pat_url.iter().for_each(|url| self.learn(url.as_str()));
        for scheme in [Scheme::Https, Scheme::Http] {
            let of = PatKey { scheme, host: key.clone() }.to_string();
            for pat in vault.read::<Pats>(&of).ok().flatten().unwrap_or_default().pats {
                pat.organization.iter().for_each(|name| self.add_organization(name));
                let name = pat.username.unwrap_or_default();
                let name = String::from_utf8_lossy(&name);
                self.add(Kind::Account, &name);
                // CORP\ada, whom messages may call ada.
                let bare = name.rsplit_once('\\').map(|(_, name)| name);
                bare.iter().for_each(|name| self.add(Kind::Account, name));
            }
        }
    }

    /// What the addresses that were looked at name, where the virtual directory is known.
    fn of_addresses(&mut self, all: &[Examined], integrations: &Integrations) {
        for url in all.iter().filter_map(|examined| examined.url.as_deref()) {
            let Ok(url) = RemoteUrl::parse(url) else { continue };
            let path = url.path.as_deref().unwrap_or_default();
            match integrations.of_place(&url.place, None) {
                Some(found) => {
                    let directory = &found.integration.virtual_directory;
                    self.add_path(&RemotePath::of(&url.place, directory, Some(path.as_bytes())));
                }
                // Of a Server that is not configured nobody knows what its paths begin with.
                None if !url.place.is_cloud() => self.learn_path(path.split('/')),
                None => {}
            }
        }
    }

    /// The hosts and paths that git's configuration leads to: a message may name one bare.
    fn of_git(&mut self, all: &[Examined]) {
        let Some(git) = Git::find() else { return };
        for url in all.iter().filter_map(|examined| examined.url.as_deref()) {
            for origin in setup::relevant(&git, true, url).unwrap_or_default() {
                let (section, subsection, name) = origin.parts();
                subsection.iter().for_each(|text| self.learn(text));
                if (section, name) == ("credential", "username") && origin.value != "git" {
                    self.add(Kind::Account, &origin.value);
                }
                self.learn(&origin.value);
            }
        }
    }

    fn of_environment(&mut self) {
        // What is no text is shown as far as it is one, and so it has to be masked.
        let set = |name: &str| {
            let value = env::var_os(name).map(|value| value.to_string_lossy().into_owned());
            value.filter(|value| !value.is_empty())
        };
        if let Some(home) = set("HOME").filter(|home| home.len() > 1) {
            self.add(Kind::Home, home.trim_end_matches('/'));
        }
        // Everybody's root is called root.
        let user = set("USER").or_else(|| set("LOGNAME")).filter(|user| user != "root");
        user.filter(|user| user.len() > 2).iter().for_each(|user| self.add(Kind::User, user));
        for name in
            ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"]
        {
            // A proxy may be named without its protocol.
            if let Some(proxy) = set(name) {
                let proxy = setup::redact::value("http.proxy", &proxy);
                let bare = proxy.rsplit_once('@').map_or(&*proxy, |(_, host)| host);
                match bare.contains("://") {
                    true => self.learn(bare),
                    false => self.learn(&format!("http://{bare}")),
                }
            }
        }
        for name in ["NO_PROXY", "no_proxy"] {
            let list = set(name).unwrap_or_default();
            list.split(',').map(str::trim).for_each(|host| self.learn_host(host));
        }
        for (name, kind) in VARIABLES {
            set(name).iter().for_each(|value| self.of_variable(*kind, value));
        }
        #[cfg(unix)]
        {
            let uname = rustix::system::uname();
            let name = uname.nodename().to_string_lossy();
            if name.len() > 2 && name != "localhost" {
                self.add(Kind::Machine, &name);
            }
        }
    }

    /// What a setting names, bare or in an address.
    fn of_variable(&mut self, kind: Kind, value: &str) {
        match kind {
            Kind::Server if value.contains("://") => self.learn(value),
            // As a host it may come with an organization behind, or with a port.
            Kind::Server => self.learn(&format!("https://{}", setup::redact::address(value))),
            // The one that the installer proposes is everybody's.
            Kind::Directory => {
                let parts = value.split('/').filter(|part| !part.eq_ignore_ascii_case("tfs"));
                parts.for_each(|part| self.add(kind, part));
            }
            kind => self.add(kind, value),
        }
    }
}
