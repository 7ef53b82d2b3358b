//! What checks look at, gathered when the first of them asks.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use super::table::Outcome;
use crate::azure::{Organization, Place, RemoteUrl, Scheme, VirtualDirectory, home_url};
use crate::broker::{
    Notice, PatKey, Question, RefreshFailure, SessionKey, Shelf, Subject, VaultShelf,
    foresee_refresh, get,
};
use crate::clock;
use crate::devops::{Acceptance, Site};
use crate::entra::{Endpoints, EntraError, Issuer, fetch_endpoints};
use crate::git::Git;
use crate::git::setup::{Examination, examine};
use crate::integration::{Found, HostKey, Integration, Integrations};
use crate::net::{NetError, Reply, Send, Within};
use crate::paths::Paths;
use crate::protocol::{Answer, Capabilities, Credential, Request};
use crate::report::Failure;
use crate::vault::{Access, HoldOffKind, Pat, Pats, Session, Vault, VaultError};

/// The network, for checks that run side by side.
pub type Wire = dyn Send + std::marker::Send + Sync;

/// How much is tried, and how patiently.
#[derive(Clone, Copy, Debug)]
pub(super) struct Manner {
    /// Whether tokens are to be refreshed.
    pub refresh: bool,
    /// Whether what cannot be tested is a fault.
    pub strict: bool,
    /// How long one request may take, where that is less than requests may.
    pub request: Option<Duration>,
}

/// This machine.
#[derive(Debug)]
pub(super) struct Machine {
    /// Where files are.
    pub paths: Paths,
    /// The program as git is told to run it.
    pub helper: PathBuf,
    git: OnceLock<Option<Git>>,
    /// The host asked about, if one was named.
    pub(super) asked: Option<Place>,
}

impl Machine {
    /// A machine with these files and this program.
    pub(super) fn new(paths: Paths, helper: PathBuf) -> Self {
        Self { paths, helper, git: OnceLock::new(), asked: None }
    }

    /// The same for somebody who asks about a host.
    pub(super) fn asked_about(mut self, place: Option<Place>) -> Self {
        self.asked = place;
        self
    }

    /// The git on the PATH.
    pub(super) fn git(&self) -> Option<&Git> {
        self.git.get_or_init(Git::find).as_ref()
    }

    /// The vault. One a check, because what it remembers of a run is not for several threads.
    pub(super) fn vault(&self) -> Vault {
        Vault::new(self.paths.state.clone(), self.paths.mounted_key.clone())
    }
}

/// What is asked about: a repository, an organization or a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The protocol.
    pub scheme: Scheme,
    /// The host.
    pub place: Place,
    /// The path git would ask for.
    pub path: Option<String>,
    /// The user in the address, for whom git asks.
    pub username: Option<String>,
    /// Whether the address held a password or token, which is not kept.
    pub holds_secret: bool,
    /// Whether it is a remote of the repository around the current directory.
    pub local: bool,
}

impl Target {
    /// The host of an integration, with its default organization where it has one.
    pub(super) fn of(integration: &Integration) -> Self {
        let directory = integration.virtual_directory.prefix().trim_start_matches('/');
        let path = match &integration.host.organization {
            Some(organization) => format!("{directory}/{organization}"),
            None => directory.to_owned(),
        };
        let path = path.trim_start_matches('/').to_owned();
        Self {
            scheme: integration.scheme(),
            place: integration.host.key.place(),
            path: Some(path).filter(|path| !path.is_empty()),
            username: None,
            holds_secret: false,
            local: false,
        }
    }

    /// An address that was named.
    pub(super) fn at(url: RemoteUrl) -> Self {
        Self {
            scheme: url.scheme,
            place: url.place,
            path: url.path,
            username: None,
            holds_secret: false,
            local: false,
        }
    }

    /// Its address.
    pub fn url(&self) -> String {
        let base = format!("{}://{}", self.scheme.as_str(), self.place.authority());
        self.path.as_ref().map_or_else(|| base.clone(), |path| format!("{base}/{}", encoded(path)))
    }
}

/// A path as it stands in an address.
pub(super) fn encoded(path: &str) -> String {
    use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
    const SET: &AsciiSet =
        &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'%').add(b'<').add(b'>').add(b'?').add(b'`');
    utf8_percent_encode(path, SET).to_string()
}

/// What `get` would give for the target.
pub(super) enum Given {
    /// This.
    Credential(Box<Credential>),
    /// That of this account, once it is refreshed.
    AfterRefresh(String),
    /// Nothing, for this reason.
    Nothing(Outcome),
}

/// One target and everything that is known of it.
pub(super) struct Host {
    /// The machine.
    pub machine: Arc<Machine>,
    /// The integrations there are.
    pub integrations: Integrations,
    /// What is asked about.
    pub target: Target,
    /// The integration of its host.
    pub found: Option<Found>,
    /// The organization or collection.
    pub organization: Option<Organization>,
    /// The repository's address without the protocol, where the target names one.
    pub repository: Option<String>,
    /// Whether tokens are to be refreshed.
    pub refresh: bool,
    /// Whether what cannot be tested is a fault.
    pub strict: bool,
    request: Option<Duration>,
    network: Arc<Wire>,
    /// Whether it has been said why git is given nothing, should that be so.
    explained: AtomicBool,
    endpoints: OnceLock<Result<Endpoints, EntraError>>,
    examination: OnceLock<Result<Examination, Failure>>,
    given: OnceLock<Given>,
    /// Whether the Server offers NTLM, once it has answered.
    pub offers_ntlm: OnceLock<bool>,
    /// How far the clocks of those who answered are ahead of ours, in seconds.
    clocks: Mutex<Vec<(String, i64)>>,
}

impl Host {
    /// Nothing is looked up yet.
    pub(super) fn new(
        machine: Arc<Machine>,
        integrations: Integrations,
        target: Target,
        manner: Manner,
        network: Arc<Wire>,
    ) -> Self {
        let asked = target.place.is_cloud().then(|| {
            let path = target.path.as_deref().map(str::as_bytes);
            crate::azure::RemotePath::of(&target.place, &VirtualDirectory::default(), path)
                .organization
        });
        let found = integrations.of_place(&target.place, asked.flatten().as_ref()).cloned();
        let nowhere = VirtualDirectory::default();
        let directory =
            found.as_ref().map_or(&nowhere, |found| &found.integration.virtual_directory);
        let path = crate::azure::RemotePath::of(
            &target.place,
            directory,
            target.path.as_deref().map(str::as_bytes),
        );
        let default =
            || found.as_ref().and_then(|found| found.integration.host.organization.clone());
        let organization = if path.refused { None } else { path.organization.or_else(default) };
        let repository = path.repository.and(target.path.clone());
        Self {
            machine,
            integrations,
            target,
            found,
            organization,
            repository,
            refresh: manner.refresh,
            strict: manner.strict,
            request: manner.request,
            network,
            explained: AtomicBool::new(false),
            endpoints: OnceLock::new(),
            examination: OnceLock::new(),
            given: OnceLock::new(),
            offers_ntlm: OnceLock::new(),
            clocks: Mutex::default(),
        }
    }

    /// The integration; there is one wherever a check needs `integration`.
    pub(super) fn integration(&self) -> &Integration {
        &self
            .found
            .as_ref()
            .expect("BUG: a check looks at an integration without needing it")
            .integration
    }

    pub(super) fn host(&self) -> HostKey {
        HostKey::of_place(&self.target.place)
    }

    pub(super) fn site(&self) -> Site<'_> {
        Site {
            scheme: self.target.scheme,
            place: &self.target.place,
            virtual_directory: &self.integration().virtual_directory,
            organization: self.organization.as_ref(),
        }
    }

    /// The address to name in commands: the organization's, or the host's.
    pub(super) fn login_url(&self) -> String {
        let directory = &self.integration().virtual_directory;
        home_url(self.target.scheme, &self.host().place(), directory, self.organization.as_ref())
    }

    pub(super) fn issuer(&self) -> Option<Issuer> {
        let integration = self.integration();
        let oauth = integration.oauth.as_ref()?;
        Issuer::parse(&oauth.issuer_url, &integration.trusted_issuers).ok()
    }

    /// The issuer's endpoints as it names them now, asked once.
    pub(super) fn endpoints(&self, issuer: &Issuer) -> &Result<Endpoints, EntraError> {
        self.endpoints.get_or_init(|| fetch_endpoints(issuer, self))
    }

    /// git's configuration for the target, read once.
    pub(super) fn examination(&self) -> Result<&Examination, Outcome> {
        let looked = self.examination.get_or_init(|| match self.machine.git() {
            Some(git) => examine(git, self.target.local, &self.machine.helper, &self.target.url()),
            None => Err(Failure::new("git is not on the PATH")),
        });
        looked.as_ref().map_err(|failure| Outcome::from(failure.clone()))
    }

    /// The session that git would be served from, and its key.
    pub(super) fn session(
        &self,
        vault: &Vault,
    ) -> Result<Option<(SessionKey, Session)>, VaultError> {
        let subject = Subject { scheme: self.target.scheme, place: self.target.place.clone() };
        for key in subject.session_keys(self.organization.as_ref(), &self.integrations) {
            if let Some(session) = vault.read::<Session>(&key.to_string())? {
                return Ok(Some((key, session)));
            }
        }
        Ok(None)
    }

    /// The personal access tokens kept for the organization, or for the whole Server.
    pub(super) fn pats(&self, vault: &Vault) -> Result<Vec<Pat>, VaultError> {
        let key = PatKey { scheme: self.target.scheme, host: self.host() };
        let mut pats = vault.read::<Pats>(&key.to_string())?.unwrap_or_default().pats;
        pats.retain(|pat| pat.organization.is_none() || pat.organization == self.organization);
        Ok(pats)
    }

    /// The same outcome, which says why git is given nothing, should that be so.
    pub(super) fn explaining(&self, outcome: Outcome) -> Outcome {
        if matches!(outcome, Outcome::Failed(_)) {
            self.explained.store(true, Ordering::Relaxed);
        }
        outcome
    }

    /// Whether such a fault was told of.
    pub(super) fn is_explained(&self) -> bool {
        self.explained.load(Ordering::Relaxed)
    }

    /// Whether any personal access token is kept for the host, whatever organization it is for.
    pub(super) fn has_any_pat(&self, vault: &Vault) -> bool {
        let key = PatKey { scheme: self.target.scheme, host: self.host() };
        vault
            .read::<Pats>(&key.to_string())
            .ok()
            .flatten()
            .is_some_and(|kept| !kept.pats.is_empty())
    }

    /// What `get` would give, asked once. Nothing is refreshed and nothing is written.
    pub(super) fn given(&self) -> &Given {
        self.given.get_or_init(|| self.ask_for_credential(self.username()))
    }

    /// Whether `get` would give something, were it asked for nobody in particular.
    pub(super) fn gives_to_anybody(&self) -> bool {
        !matches!(self.ask_for_credential(None), Given::Nothing(_))
    }

    /// The user git asks for: that of the address before `credential.username` (gitcredentials(7)),
    /// as far as git's configuration was looked at.
    fn username(&self) -> Option<String> {
        let configured = || {
            let examination = self.examination.get()?.as_ref().ok()?;
            examination.username.as_ref().map(|setting| setting.value.clone())
        };
        self.target.username.clone().or_else(configured)
    }

    fn ask_for_credential(&self, username: Option<String>) -> Given {
        let vault = self.machine.vault();
        let request = Request {
            protocol: Some(self.target.scheme.as_str().into()),
            host: Some(self.target.place.authority().to_string().into_bytes()),
            path: self.path_for_get().map(String::into_bytes),
            username: username.map(String::into_bytes),
            // A header that was kept is only given to a git that takes one.
            capabilities: Capabilities { authtype: true, state: true },
            ..Request::default()
        };
        let real = VaultShelf::new(&vault, self);
        let shelf = Looking { vault: &vault, real: &real, waits: Mutex::default() };
        // In which form git is given it is no matter here.
        let integrations =
            self.integrations.clone().with(&self.host(), |integration| integration.bearer = false);
        let outcome = get(&request, || Ok(integrations), &shelf, clock::now());
        let waits = shelf.waits.into_inner().unwrap_or_default();
        if let Some(account) = waits {
            return Given::AfterRefresh(account);
        }
        match outcome.answer {
            Answer::Credential(credential) => Given::Credential(Box::new(credential)),
            Answer::Nothing | Answer::Quit => {
                let message = outcome.messages.into_iter().next();
                let url = self.login_url();
                let what = message.as_ref().map_or_else(
                    || format!("there is no credential for {url}"),
                    |message| message.text.clone(),
                );
                let fix = message
                    .and_then(|message| message.hint)
                    .unwrap_or_else(|| format!("git-credential-ona-azure login {url}"));
                Given::Nothing(Outcome::from(Failure::new(what).hint(fix)))
            }
        }
    }

    fn path_for_get(&self) -> Option<String> {
        self.target.path.clone().or_else(|| {
            let organization = self.organization.as_ref()?;
            let directory = self.found.as_ref()?.integration.virtual_directory.prefix();
            Some(format!("{directory}/{organization}").trim_start_matches('/').to_owned())
        })
    }

    /// How far the clocks of those who answered are ahead of ours.
    pub(super) fn clocks(&self) -> Vec<(String, i64)> {
        self.clocks.lock().map(|seen| seen.clone()).unwrap_or_default()
    }
}

/// The network with a shorter patience, which notes what time it is where the answers come from.
impl Send for Host {
    fn send(&self, mut request: oauth2::http::Request<Vec<u8>>) -> Result<Reply, NetError> {
        let host = request.uri().host().unwrap_or_default().to_owned();
        if let Some(within) = self.request
            && request.extensions().get::<Within>().is_none()
        {
            request.extensions_mut().insert(Within(within));
        }
        let reply = self.network.send(request)?;
        let theirs = reply
            .header("date")
            .and_then(|date| jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(date).ok());
        if let (Some(theirs), Ok(mut seen), Ok(ours)) =
            (theirs, self.clocks.lock(), i64::try_from(clock::now()))
        {
            seen.push((host, theirs.as_second() - ours));
        }
        Ok(reply)
    }
}

/// A shelf that refreshes nothing and says where it would have been.
struct Looking<'a> {
    vault: &'a Vault,
    real: &'a VaultShelf<'a>,
    waits: Mutex<Option<String>>,
}

impl Shelf for Looking<'_> {
    fn access(&self, key: &SessionKey) -> Result<Option<Access>, VaultError> {
        self.real.access(key)
    }

    fn account(&self, key: &SessionKey) -> Result<Option<String>, VaultError> {
        self.real.account(key)
    }

    fn pats(&self, key: &PatKey) -> Result<Pats, VaultError> {
        self.real.pats(key)
    }

    fn refresh(
        &self,
        key: &SessionKey,
        integration: &Integration,
    ) -> Result<Access, RefreshFailure> {
        let account = foresee_refresh(key, integration, self.vault, clock::now())?;
        if let Ok(mut waits) = self.waits.lock() {
            *waits = Some(account);
        }
        Err(RefreshFailure {
            kind: HoldOffKind::ForNow,
            text: "nothing is refreshed here".to_owned(),
            hint: String::new(),
        })
    }

    /// Nobody is asked: what is remembered is believed for its time.
    fn ask_again(&self, _: Question<'_>, _: &SessionKey, _: &Access) -> Acceptance {
        Acceptance::Unknown(String::new())
    }

    fn first(&self, _: Notice, _: &str) -> bool {
        false
    }
}
