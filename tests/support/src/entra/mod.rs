//! Microsoft Entra ID, as far as a git credential helper can see it.
mod apps;
mod authorize;
mod client;
mod device;
mod deviceauth;
mod directory;
mod discovery;
mod errors;
mod jwt;
mod policy;
mod scopes;
mod token;

pub use apps::{ADA, App, CLIENT_ID, CLIENT_SECRET, CONTOSO, FABRIKAM, GRACE, Platform};
pub(crate) use deviceauth::PAGE as DEVICE_PAGE;
pub use policy::Policy;
pub use scopes::{ADO_RESOURCE, ADO_RESOURCE_URI};

use crate::faults::{Fault, Faults, Target, Times};
use crate::http::{self, Answer, Ask};
use crate::log::{Log, lock};
use crate::random;
use apps::{Account, Tenant};
use device::Devices;
use errors::Refusal;
use hyper::Method;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// How the person at the browser fares after choosing an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SignIn {
    /// Signs in and consents.
    #[default]
    Succeeds,
    /// Declines the consent prompt (redirected, `access_denied`, AADSTS65004).
    Declined,
    /// Is told that an administrator must consent (page, AADSTS90094).
    NeedsAdminConsent,
    /// Is blocked by Conditional Access (page, AADSTS53003).
    BlockedByPolicy,
    /// Is not assigned to the application (page, AADSTS50105).
    NotAssigned,
}

/// Why every refresh token issued so far is dead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dead {
    /// Unused for too long (AADSTS700082).
    Inactivity,
    /// The password was changed or the grant revoked (AADSTS50173, `bad_token`).
    Password,
    /// Older than the sign-in frequency allows (AADSTS70043, `bad_token`).
    SignInFrequency,
}

/// The stand-in for Entra ID.
pub struct Entra {
    pub(crate) state: Mutex<State>,
    pub(crate) log: Arc<Log>,
    faults: Arc<Faults>,
}

type Override = Box<dyn FnMut(Value) -> Value + Send>;

pub(crate) struct State {
    tenants: Vec<Tenant>,
    accounts: Vec<Account>,
    /// Tenants and the names of their guests, in lower case.
    guests: BTreeSet<(String, String)>,
    apps: Vec<App>,
    /// Client ids and the tenants in which somebody has signed in to them.
    installed: BTreeSet<(String, String)>,
    flows: HashMap<String, authorize::Flow>,
    devices: Devices,
    codes: HashMap<String, token::Code>,
    refresh: HashMap<String, token::Refresh>,
    access: HashMap<String, Access>,
    lifetime: Duration,
    strict_rotation: bool,
    grant_only: Option<Vec<String>>,
    omit_refresh_token: bool,
    sign_in: SignIn,
    policies: Vec<(Policy, Instant)>,
    replace: Option<Override>,
    token_requests: BTreeMap<String, usize>,
    last_form: Vec<(String, String)>,
}

/// An access token that was issued.
#[derive(Debug, Clone)]
pub(crate) struct Access {
    pub(crate) audience: String,
    pub(crate) tenant: String,
    /// User name, or the client id when the app speaks for itself.
    pub(crate) account: String,
    pub(crate) scopes: Vec<String>,
    until: Instant,
    dead: bool,
}

impl Entra {
    pub(crate) fn new(log: Arc<Log>, faults: Arc<Faults>) -> Self {
        let tenant = |id: &str, domains: &[&str]| Tenant {
            id: id.to_owned(),
            domains: domains.iter().map(|&d| d.to_owned()).collect(),
        };
        let account = |upn: &str, name: &str| Account {
            upn: upn.to_owned(),
            name: name.to_owned(),
            oid: random::guid_of(upn),
            tenant: CONTOSO.to_owned(),
        };
        let entra = Self {
            state: Mutex::new(State {
                tenants: vec![
                    tenant(CONTOSO, &["contoso.onmicrosoft.com", "contoso.com"]),
                    tenant(FABRIKAM, &["fabrikam.onmicrosoft.com", "fabrikam.com"]),
                ],
                accounts: vec![account(ADA, "Ada Lovelace"), account(GRACE, "Grace Hopper")],
                guests: BTreeSet::new(),
                apps: vec![],
                installed: BTreeSet::new(),
                flows: HashMap::new(),
                devices: Devices::default(),
                codes: HashMap::new(),
                refresh: HashMap::new(),
                access: HashMap::new(),
                lifetime: Duration::from_secs(4500),
                strict_rotation: false,
                grant_only: None,
                omit_refresh_token: false,
                sign_in: SignIn::Succeeds,
                policies: vec![],
                replace: None,
                token_requests: BTreeMap::new(),
                last_form: vec![],
            }),
            log,
            faults,
        };
        entra.register_app(App::default());
        entra
    }

    /// Registers an app, or replaces the one of the same client id and tenant.
    pub fn register_app(&self, app: App) {
        for (secret, _) in &app.secrets {
            self.log.secret(secret);
        }
        let mut state = lock(&self.state);
        state.apps.retain(|a| a.client_id != app.client_id || a.tenant != app.tenant);
        state.apps.push(app);
    }

    /// Removes every app of this client id.
    pub fn remove_app(&self, client_id: &str) {
        lock(&self.state).apps.retain(|a| a.client_id != client_id);
    }

    /// Adds an account to a tenant.
    pub fn add_account(&self, tenant: &str, upn: &str, name: &str) {
        lock(&self.state).accounts.push(Account {
            upn: upn.to_owned(),
            name: name.to_owned(),
            oid: random::guid_of(upn),
            tenant: tenant.to_owned(),
        });
    }

    /// Takes an invitation back.
    pub fn remove_guest(&self, tenant: &str, upn: &str) {
        let guest = (tenant.to_owned(), upn.to_ascii_lowercase());
        assert!(lock(&self.state).guests.remove(&guest), "{upn} is no guest");
    }

    /// Invites an account of another tenant: it may sign in to this one too, through the tenant's
    /// own endpoints, and gets tokens of this tenant then.
    pub fn add_guest(&self, tenant: &str, upn: &str) {
        let mut state = lock(&self.state);
        assert!(state.accounts.iter().any(|a| a.is(upn)), "{upn} is no account");
        state.guests.insert((tenant.to_owned(), upn.to_ascii_lowercase()));
    }

    /// How long access tokens issued from now on live.
    pub fn set_token_lifetime(&self, lifetime: Duration) {
        lock(&self.state).lifetime = lifetime;
    }

    /// Every access token issued so far is past its time for Azure DevOps.
    pub fn expire_access_tokens(&self) {
        let now = Instant::now();
        lock(&self.state).access.values_mut().for_each(|a| a.until = now);
    }

    /// Every access token issued so far is revoked for Azure DevOps.
    pub fn revoke_access_tokens(&self) {
        lock(&self.state).access.values_mut().for_each(|a| a.dead = true);
    }

    /// Every authorization code issued so far is past its ten minutes.
    pub fn expire_codes(&self) {
        lock(&self.state).codes.values_mut().for_each(token::Code::expire);
    }

    /// Every refresh token issued so far is dead.
    pub fn revoke_refresh_tokens(&self, dead: Dead) {
        lock(&self.state).refresh.values_mut().for_each(|r| r.dead = Some(dead));
    }

    /// Using a refresh token that was already replaced kills all its descendants.
    pub fn strict_rotation(&self, on: bool) {
        lock(&self.state).strict_rotation = on;
    }

    /// Grants only these short scope names, whatever is asked for.
    pub fn grant_only(&self, scopes: &[&str]) {
        lock(&self.state).grant_only = Some(scopes.iter().map(|&s| s.to_owned()).collect());
    }

    /// Grants again all that is asked for.
    pub fn grant_all(&self) {
        lock(&self.state).grant_only = None;
    }

    /// Leaves the refresh token out of every answer.
    pub fn omit_refresh_token(&self, on: bool) {
        lock(&self.state).omit_refresh_token = on;
    }

    /// How sign-ins end from now on.
    pub fn sign_in(&self, outcome: SignIn) {
        lock(&self.state).sign_in = outcome;
    }

    /// Sets a policy for every account, beside those that are set already.
    pub fn policy(&self, policy: Policy) {
        lock(&self.state).policies.push((policy, Instant::now()));
    }

    /// Lifts every policy.
    pub fn lift_policies(&self) {
        lock(&self.state).policies.clear();
    }

    /// Arms a fault; see also [`crate::World::fail`].
    pub fn fail(&self, target: Target, fault: Fault, times: Times) {
        self.faults.arm(target, fault, times);
    }

    /// Disarms every fault.
    pub fn clear_faults(&self) {
        self.faults.clear();
    }

    /// Passes every successful token answer through a function before it is sent.
    pub fn override_token_response(&self, with: impl FnMut(Value) -> Value + Send + 'static) {
        lock(&self.state).replace = Some(Box::new(with));
    }

    /// Sends token answers unchanged again.
    pub fn clear_token_override(&self) {
        lock(&self.state).replace = None;
    }

    /// What devices must leave between two polls; the answer names it in whole seconds.
    pub fn set_device_interval(&self, interval: Duration) {
        lock(&self.state).devices.interval = interval;
    }

    /// How long the codes for devices issued from now on live; the answer names it in whole
    /// seconds.
    pub fn set_device_lifetime(&self, lifetime: Duration) {
        lock(&self.state).devices.lifetime = lifetime;
    }

    /// What each `slow_down` adds to the interval; five seconds unless told.
    pub fn set_slow_down(&self, penalty: Duration) {
        lock(&self.state).devices.penalty = penalty;
    }

    /// Every code for a device issued so far is past its time.
    pub fn expire_device_codes(&self) {
        let now = Instant::now();
        lock(&self.state).devices.known.values_mut().for_each(|d| d.until = now);
    }

    /// Passes every successful answer of the device authorization endpoint through a function
    /// before it is sent.
    pub fn override_device_response(&self, with: impl FnMut(Value) -> Value + Send + 'static) {
        lock(&self.state).devices.replace = Some(Box::new(with));
    }

    /// Sends the answers of the device authorization endpoint unchanged again.
    pub fn clear_device_override(&self) {
        lock(&self.state).devices.replace = None;
    }

    /// How many requests came to the device authorization endpoint.
    pub fn device_requests(&self) -> usize {
        lock(&self.state).devices.requests
    }

    /// The form of the latest request to the device authorization endpoint, in the order sent.
    pub fn last_device_form(&self) -> Vec<(String, String)> {
        lock(&self.state).devices.last_form.clone()
    }

    /// How many token requests came with this `grant_type`.
    pub fn token_requests(&self, grant: &str) -> usize {
        lock(&self.state).token_requests.get(grant).copied().unwrap_or_default()
    }

    /// Token requests per `grant_type`.
    pub fn token_request_counts(&self) -> BTreeMap<String, usize> {
        lock(&self.state).token_requests.clone()
    }

    /// The form of the latest token request, in the order sent.
    pub fn last_token_form(&self) -> Vec<(String, String)> {
        lock(&self.state).last_form.clone()
    }

    /// An access token for Azure DevOps, issued without any sign-in.
    pub fn issue_access_token(&self, account: &str, scopes: &[&str]) -> String {
        let scopes: Vec<String> = scopes.iter().map(|&s| s.to_owned()).collect();
        lock(&self.state).issue_for(&self.log, account, &scopes)
    }

    /// What a live access token stands for.
    pub(crate) fn access(&self, token: &str) -> Option<Access> {
        let state = lock(&self.state);
        let access = state.access.get(token)?;
        (!access.dead && access.until > Instant::now()).then(|| access.clone())
    }

    pub(crate) async fn answer(&self, ask: &Ask) -> io::Result<Answer> {
        let segments = ask.segments();
        let parts: Vec<&str> = segments.iter().map(String::as_str).collect();
        let mut answer = match parts.as_slice() {
            [tenant, "v2.0", ".well-known", "openid-configuration"] => {
                if let Some(struck) = self.faults.strike(Target::Discovery, ask).await {
                    return struck;
                }
                match lock(&self.state).tenant(tenant) {
                    Ok(found) => discovery::document(tenant, found.as_ref()),
                    Err(refusal) => Refusal { error: "invalid_tenant".into(), ..refusal }.json(),
                }
            }
            [tenant, "discovery", "v2.0", "keys"] => match lock(&self.state).tenant(tenant) {
                Ok(found) => discovery::keys(found.as_ref()),
                Err(refusal) => refusal.json(),
            },
            [tenant, "oauth2", "v2.0", "authorize"] => {
                if let Some(struck) = self.faults.strike(Target::Authorize, ask).await {
                    return struck;
                }
                self.authorize(tenant, ask)
            }
            ["device"] => http::redirect(DEVICE_PAGE),
            ["common", "oauth2", "deviceauth"] => self.device_auth(ask),
            [tenant, "oauth2", "v2.0", "devicecode"] => {
                let form = self.note_device_request(ask);
                if let Some(struck) = self.faults.strike(Target::DeviceCode, ask).await {
                    return struck;
                }
                self.device_code(tenant, ask, &form)
            }
            [_, "appverify"] if ask.method == Method::POST => self.app_verify(ask),
            [_, "login"] if ask.method == Method::POST => self.login(ask),
            [tenant, "oauth2", "v2.0", "token"] => {
                let form = self.note_token_request(ask);
                if let Some(struck) = self.faults.strike(Target::Token, ask).await {
                    return struck;
                }
                self.token(tenant, ask, &form)
            }
            [_, "oauth2", "v2.0", "logout"] => http::html(200, "<p>You signed out.</p>"),
            _ => http::html(404, "<html><body><h2>404 - File or directory not found.</h2>"),
        };
        dress(ask, &mut answer);
        Ok(answer)
    }

    fn note_token_request(&self, ask: &Ask) -> Vec<(String, String)> {
        let form = http::pairs(&ask.body);
        let secret = ["client_secret", "code", "code_verifier", "device_code", "refresh_token"];
        for (name, value) in &form {
            if secret.contains(&name.as_str()) {
                self.log.secret(value);
            }
        }
        let mut state = lock(&self.state);
        if ask.method == Method::POST {
            let grant = form.iter().find(|(name, _)| name == "grant_type");
            let grant = grant.map_or(String::new(), |(_, grant)| grant.clone());
            *state.token_requests.entry(grant).or_default() += 1;
            state.last_form.clone_from(&form);
        }
        form
    }
}

/// The headers on everything Entra says.
fn dress(ask: &Ask, answer: &mut Answer) {
    let mut add = |name: &str, value: &str| {
        if !answer.headers().contains_key(name) {
            http::header(answer, name, value);
        }
    };
    add("Cache-Control", "no-store, no-cache");
    add("Pragma", "no-cache");
    add("Expires", "-1");
    add("Strict-Transport-Security", "max-age=31536000; includeSubDomains");
    add("X-Content-Type-Options", "nosniff");
    add("P3P", "CP=\"DSP CUR OTPi IND OTRi ONL FIN\"");
    add("x-ms-request-id", &random::guid());
    add("x-ms-ests-server", "2.1.22345.6 - NEULR1 ProdSlices");
    add("Set-Cookie", "fpc=AkStandIn; path=/; secure; HttpOnly; SameSite=None");
    let id = ask.header("client-request-id");
    if ask.header("return-client-request-id") == "true" && !id.is_empty() {
        add("client-request-id", id);
    }
}

/// An ordered error at the authorize endpoint: redirected where that is safe.
pub(crate) fn fault_page(ask: &Ask, error: &str, codes: &[u32], words: &str) -> Answer {
    let mut refusal = Refusal::new(400, error, 0, words);
    refusal.codes = codes.to_vec();
    authorize::refuse(&ask.query_pairs(), &refusal)
}

/// An ordered error at the token endpoint or discovery.
pub(crate) fn fault_body(
    status: u16,
    error: &str,
    codes: &[u32],
    suberror: Option<&str>,
    words: &str,
) -> Answer {
    let mut refusal = Refusal::new(status, error, 0, words);
    refusal.codes = codes.to_vec();
    refusal.suberror = suberror.map(str::to_owned);
    refusal.json()
}
