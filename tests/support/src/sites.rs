//! Which name is played by whom.
use crate::azure::AzureDevOps;
use crate::ca::Ca;
use crate::entra::Entra;
use crate::faults::Faults;
use crate::foreign::Foreign;
use crate::http::{Answer, Ask};
use crate::log::Log;
use crate::microsoft;
use crate::server::AzureDevOpsServer;
use std::io;
use std::sync::atomic::AtomicI64;
use std::sync::{Arc, Mutex};

/// One of the services behind the proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Site {
    Entra,
    Microsoft,
    Azure,
    Server,
    Foreign,
}

/// Everything the connections share.
pub(crate) struct Shared {
    pub(crate) log: Arc<Log>,
    pub(crate) faults: Arc<Faults>,
    pub(crate) ca: Ca,
    pub(crate) entra: Arc<Entra>,
    pub(crate) azure: AzureDevOps,
    pub(crate) server: AzureDevOpsServer,
    pub(crate) foreign: Foreign,
    pub(crate) proxy: Mutex<Proxy>,
    /// How far the clocks of all services are ahead, in seconds.
    pub(crate) clock: AtomicI64,
}

/// How the proxy treats whoever comes to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Proxy {
    /// Lets everybody through.
    #[default]
    Open,
    /// Lets nobody through: 403, with a page of its own.
    Refuses,
    /// Wants a user name and a password: 407.
    AsksWho,
}

impl Shared {
    pub(crate) fn site(&self, scheme: &str, host: &str, port: u16) -> Option<Site> {
        match (scheme, host, port) {
            ("https", "login.microsoftonline.com" | "login.microsoft.com", 443) => {
                Some(Site::Entra)
            }
            ("https", "microsoft.com", 443) => Some(Site::Microsoft),
            ("https", "dev.azure.com", 443) => Some(Site::Azure),
            ("https", "tfs.corp.example", 443 | 8443) | ("http", "tfs.corp.example", 80 | 8080) => {
                Some(Site::Server)
            }
            // Any other Server, whose tokens are known to nobody.
            (
                "https" | "http",
                "forge.example.net" | "other.example.net",
                443 | 80 | 8443 | 8080,
            ) => Some(Site::Server),
            ("https", "git.example.org", 443) => Some(Site::Foreign),
            ("https", host, 443) => {
                let label = host.strip_suffix(".visualstudio.com")?;
                self.azure.has_organization(label).then_some(Site::Azure)
            }
            _ => None,
        }
    }

    pub(crate) async fn answer(&self, site: Site, ask: &Ask) -> io::Result<Answer> {
        match site {
            Site::Entra => self.entra.answer(ask).await,
            Site::Microsoft => Ok(microsoft::answer(ask)),
            Site::Azure => self.azure.answer(ask).await,
            Site::Server => self.server.answer(ask).await,
            Site::Foreign => self.foreign.answer(ask).await,
        }
    }
}
