//! A world of its own: proxy, authority, services and their fixtures.
use crate::azure::AzureDevOps;
use crate::backend::Backend;
use crate::browser::{self, BrowseResult};
use crate::ca::Ca;
use crate::client::Client;
use crate::entra::{ADA, Entra};
use crate::faults::{Fault, Faults, Target, Times};
use crate::foreign::Foreign;
use crate::log::{Log, Secrets, Seen, lock};
use crate::proxy;
use crate::server::AzureDevOpsServer;
use crate::sites::{Proxy, Shared};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

/// Everything the product may meet out there; ends when dropped.
pub struct World {
    shared: Arc<Shared>,
    proxy: String,
    dir: PathBuf,
    runtime: Option<Runtime>,
    _temporary: Option<TempDir>,
}

impl World {
    /// Starts a world in a temporary folder.
    pub fn start() -> Self {
        let dir = tempfile::Builder::new()
            .prefix("standins-")
            .tempdir()
            .expect("a temporary folder can be made");
        let mut world = Self::start_in(dir.path());
        world._temporary = Some(dir);
        world
    }

    /// Starts a world in a folder that stays.
    pub fn start_in(dir: &Path) -> Self {
        let (log, faults) = (Arc::new(Log::default()), Arc::new(Faults::default()));
        let backend = Arc::new(Backend::new(&dir.join("repos")));
        let entra = Arc::new(Entra::new(Arc::clone(&log), Arc::clone(&faults)));
        let azure = AzureDevOps::new(
            Arc::clone(&entra),
            Arc::clone(&backend),
            Arc::clone(&log),
            Arc::clone(&faults),
        );
        let server =
            AzureDevOpsServer::new(Arc::clone(&backend), Arc::clone(&log), Arc::clone(&faults));
        let foreign = Foreign::new(backend, Arc::clone(&log));
        let ca = Ca::create(dir);
        let (proxy, clock) = (Mutex::default(), AtomicI64::new(0));
        let shared =
            Arc::new(Shared { log, faults, ca, entra, azure, server, foreign, proxy, clock });
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime can be built");
        let listener =
            runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a loopback port is free");
        let port = listener.local_addr().expect("the listener has an address").port();
        runtime.spawn(proxy::run(listener, Arc::clone(&shared)));
        Self {
            shared,
            proxy: format!("http://127.0.0.1:{port}"),
            dir: dir.to_owned(),
            runtime: Some(runtime),
            _temporary: None,
        }
    }

    /// The environment that leads a program into this world.
    pub fn env(&self) -> Vec<(String, String)> {
        let ca = self.ca_file().to_str().expect("a path in UTF-8");
        let proxy = self.proxy_url();
        [
            ("HTTPS_PROXY", proxy),
            ("https_proxy", proxy),
            ("HTTP_PROXY", proxy),
            ("http_proxy", proxy),
            ("NO_PROXY", ""),
            ("no_proxy", ""),
            ("SSL_CERT_FILE", ca),
            ("GIT_SSL_CAINFO", ca),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
    }

    /// `http://127.0.0.1:port`.
    pub fn proxy_url(&self) -> &str {
        &self.proxy
    }

    /// The authority's certificate in PEM.
    pub fn ca_file(&self) -> &Path {
        self.shared.ca.file()
    }

    /// The certificate of an authority that has signed nothing here, as that of another company's
    /// network.
    pub fn other_ca_file(&self) -> PathBuf {
        Ca::create_as(self.dir.join("other-ca.pem"), "Another root").file().to_owned()
    }

    /// How the proxy treats whoever comes to it from now on.
    pub fn set_proxy(&self, proxy: Proxy) {
        *lock(&self.shared.proxy) = proxy;
    }

    /// Sets the clocks of all services this far ahead of ours, in seconds; below zero, behind.
    /// Their certificates are those of that time.
    pub fn shift_clock(&self, seconds: i64) {
        self.shared.clock.store(seconds, Ordering::Relaxed);
    }

    /// The folder of this world.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Every request so far, in the order of arrival.
    pub fn requests(&self) -> Vec<Seen> {
        self.shared.log.seen()
    }

    /// How often a host was connected to; other ports as `host:port`, plain http as
    /// `http://host`.
    pub fn connections(&self, host: &str) -> usize {
        self.all_connections().get(host).copied().unwrap_or_default()
    }

    /// Connections per host.
    pub fn all_connections(&self) -> BTreeMap<String, usize> {
        self.shared.log.connections()
    }

    /// Hosts that were asked for and refused.
    pub fn strays(&self) -> Vec<String> {
        self.shared.log.strays()
    }

    /// Every secret ever issued, registered or seen.
    pub fn secrets(&self) -> Vec<String> {
        self.shared.log.secrets()
    }

    /// The same, for whoever wants to ask later.
    pub fn secrets_from_now_on(&self) -> Secrets {
        Secrets(Arc::clone(&self.shared.log))
    }

    /// How many requests brought an `Authorization` to `git.example.org`.
    pub fn foreign_authorizations(&self) -> usize {
        self.shared.log.foreign_authorizations()
    }

    /// A client for this world.
    pub fn client(&self) -> Client {
        Client::new(&self.proxy, self.ca_file()).expect("the authority's file is good")
    }

    /// Acts as the browser of [`ADA`]; panics if a page cannot be fetched.
    pub fn browse(&self, url: &str) -> BrowseResult {
        self.browse_as(url, ADA)
    }

    /// Acts as the browser of an account; `cancel` gives up on the account page.
    pub fn browse_as(&self, url: &str, account: &str) -> BrowseResult {
        browser::browse(&self.client(), url, account).expect("the pages can be fetched")
    }

    /// Acts as the browser of an account on another machine, and gives the address on `localhost`
    /// that it ends on and cannot reach; panics if it ends anywhere else.
    pub fn browse_elsewhere(&self, url: &str, account: &str) -> String {
        let end = browser::browse_elsewhere(&self.client(), url, account)
            .expect("the pages can be fetched");
        assert_eq!(end.status, 0, "the browser was not sent back: {end:?}");
        end.final_url
    }

    /// Takes the way back to the app that the page offers on which a sign-in ended: where an
    /// administrator has to consent. Panics if there is none.
    pub fn go_back(&self, page: &BrowseResult) -> BrowseResult {
        browser::go_back(&self.client(), page).expect("the page leads back")
    }

    /// Enters the code of a device on its page and signs in as an account; `cancel` declines.
    /// Panics if a page cannot be fetched.
    pub fn enter_device_code(
        &self,
        verification_uri: &str,
        user_code: &str,
        account: &str,
    ) -> BrowseResult {
        browser::enter_code(&self.client(), verification_uri, user_code, account)
            .expect("the pages can be fetched")
    }

    /// Arms a fault; several of one target strike in the order they were armed.
    pub fn fail(&self, target: Target, fault: Fault, times: Times) {
        self.shared.faults.arm(target, fault, times);
    }

    /// Holds every answer of a target back for a while, until the faults are cleared.
    pub fn delay(&self, target: Target, by: Duration) {
        self.shared.faults.delay(target, by);
    }

    /// Disarms every fault and delay.
    pub fn clear_faults(&self) {
        self.shared.faults.clear();
    }

    /// Entra ID.
    pub fn entra(&self) -> &Entra {
        &self.shared.entra
    }

    /// Azure DevOps Services.
    pub fn azure(&self) -> &AzureDevOps {
        &self.shared.azure
    }

    /// Has the Server listen on `[::1]` too, beside the proxy: gives the port, or nothing where the
    /// machine has no IPv6.
    pub fn server_on_ipv6(&self, scheme: &'static str) -> Option<u16> {
        let runtime = self.runtime.as_ref().expect("it runs until it is dropped");
        let listener = runtime.block_on(TcpListener::bind("[::1]:0")).ok()?;
        let port = listener.local_addr().expect("the listener has an address").port();
        runtime.spawn(proxy::run_server(listener, scheme, Arc::clone(&self.shared)));
        Some(port)
    }

    /// Azure DevOps Server.
    pub fn server(&self) -> &AzureDevOpsServer {
        &self.shared.server
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(Duration::from_secs(2));
        }
    }
}
