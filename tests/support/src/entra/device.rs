//! The device authorization grant: codes for a device, and what it hears while it waits.
use super::apps::{App, Person};
use super::authorize::{Wanted, duplicate, get, wanted_scopes};
use super::client::Presented;
use super::directory::Place;
use super::errors::Refusal;
use super::scopes::Scopes;
use super::token::{Outcome, invalid, narrowed, other_tenant};
use super::{Entra, Override, State};
use crate::http::{self, Answer, Ask};
use crate::log::{Log, lock};
use crate::random;
use hyper::Method;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// What the user code is made of: no letter or digit that looks like another.
const ALPHABET: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";

/// The sign-ins on devices, and what their answers are made of.
pub(crate) struct Devices {
    /// By device code.
    pub(crate) known: HashMap<String, Device>,
    pub(crate) interval: Duration,
    pub(crate) lifetime: Duration,
    /// What polling too fast adds to the interval.
    pub(crate) penalty: Duration,
    pub(crate) replace: Option<Override>,
    pub(crate) requests: usize,
    pub(crate) last_form: Vec<(String, String)>,
}

impl Default for Devices {
    fn default() -> Self {
        Self {
            known: HashMap::new(),
            interval: Duration::from_secs(5),
            lifetime: Duration::from_secs(900),
            penalty: Duration::from_secs(5),
            replace: None,
            requests: 0,
            last_form: vec![],
        }
    }
}

/// A device that waits for somebody to sign in elsewhere.
pub(crate) struct Device {
    pub(crate) wanted: Wanted,
    pub(crate) user_code: String,
    pub(crate) until: Instant,
    pub(crate) fate: Fate,
    /// What must lie between two polls.
    every: Duration,
    polled: Option<Instant>,
}

/// How far the person came.
#[derive(Debug, Clone)]
pub(crate) enum Fate {
    Pending,
    Declined,
    Approved(Person),
    Redeemed,
}

impl Device {
    pub(crate) fn is_over(&self) -> bool {
        self.until <= Instant::now()
    }

    /// Whether this poll comes before its time; a client's clock may be a little fast.
    fn polled_early(&mut self) -> bool {
        let now = Instant::now();
        let early =
            self.polled.is_some_and(|last| now.duration_since(last) + self.every / 20 < self.every);
        self.polled = Some(now);
        early
    }
}

impl Entra {
    /// The device authorization endpoint.
    pub(crate) fn device_code(&self, path: &str, ask: &Ask, form: &[(String, String)]) -> Answer {
        let mut state = lock(&self.state);
        match state.begin_device(path, ask, form, &self.log) {
            Ok(answer) => http::json(200, &answer),
            Err(refusal) => refusal.json(),
        }
    }

    pub(crate) fn note_device_request(&self, ask: &Ask) -> Vec<(String, String)> {
        let form = http::pairs(&ask.body);
        if let Some(secret) = get(&form, "client_secret") {
            self.log.secret(secret);
        }
        if ask.method == Method::POST {
            let devices = &mut lock(&self.state).devices;
            devices.requests += 1;
            devices.last_form.clone_from(&form);
        }
        form
    }
}

impl State {
    fn begin_device(
        &mut self,
        path: &str,
        ask: &Ask,
        form: &[(String, String)],
        log: &Log,
    ) -> Result<Value, Refusal> {
        super::token::must_be_form(ask, "client_id")?;
        if let Some(name) = duplicate(form) {
            return Err(Refusal::duplicate(name));
        }
        let presented = Presented::read(ask, form, log)?;
        if ["common", "consumers"].contains(&path.to_ascii_lowercase().as_str()) {
            let words = "Device Code flow is not supported under /common or /consumers endpoint. \
                         Please use the /organizations or tenant-specific endpoint.";
            return Err(Refusal::new(400, "invalid_request", 90133, words));
        }
        let (place, app) = self.place_and_app(path, &presented.client_id)?;
        let scopes = wanted_scopes(&app, get(form, "scope").unwrap_or_default())?;
        let wanted = Wanted { place, client_id: app.client_id, scopes };
        let user_code = random::letters(9, ALPHABET);
        let device_code = format!("1.{}.{}", random::base64url(43), random::base64url(160));
        log.secret(&user_code);
        log.secret(&device_code);
        let devices = &mut self.devices;
        let uri = "https://microsoft.com/devicelogin";
        let answer = json!({
            "user_code": user_code,
            "device_code": device_code,
            "verification_uri": uri,
            "expires_in": devices.lifetime.as_secs(),
            "interval": devices.interval.as_secs(),
            "message": format!(
                "To sign in, use a web browser to open the page {uri} and enter the code \
                 {user_code} to authenticate."
            ),
        });
        let device = Device {
            wanted,
            user_code,
            until: Instant::now() + devices.lifetime,
            fate: Fate::Pending,
            every: devices.interval,
            polled: None,
        };
        devices.known.insert(device_code, device);
        Ok(match &mut devices.replace {
            Some(replace) => replace(answer),
            None => answer,
        })
    }

    /// The device asks whether somebody has signed in by now.
    pub(crate) fn redeem_device(
        &mut self,
        place: &Place,
        app: &App,
        presented: &Presented,
        form: &[(String, String)],
    ) -> Result<Outcome, Refusal> {
        let code = get(form, "device_code").ok_or_else(|| Refusal::missing("device_code"))?;
        // A device is public: it must send no secret, and the app must allow such clients.
        presented.check(app, presented.secret.is_none() && !app.allow_public_client)?;
        let penalty = self.devices.penalty;
        let Some(device) = self.devices.known.get_mut(code) else {
            let words = "The device_code sent to the /token endpoint was not recognized.";
            return Err(Refusal::new(400, "bad_verification_code", 70018, words));
        };
        if device.wanted.client_id != app.client_id {
            return Err(invalid(70000, "Provided grant is invalid or malformed."));
        }
        if device.wanted.place != *place {
            return Err(other_tenant());
        }
        if device.is_over() {
            let words = "The provided value for the input parameter 'device_code' is not valid. \
                         This device code has expired.";
            return Err(Refusal::new(400, "expired_token", 70020, words));
        }
        let early = device.polled_early();
        let person = match &device.fate {
            Fate::Approved(person) => person.clone(),
            Fate::Declined => {
                let words = "The end user denied the authorization request.";
                return Err(Refusal::new(400, "authorization_declined", 65004, words));
            }
            Fate::Redeemed => {
                return Err(invalid(
                    54005,
                    "OAuth2 Authorization code was already redeemed, please retry with a new \
                     valid code or use an existing refresh token.",
                ));
            }
            Fate::Pending if early => {
                device.every += penalty;
                let words = "OAuth 2.0 device flow error. Authorization is pending. Polling is \
                             too frequent.";
                return Err(Refusal::new(400, "slow_down", 70016, words));
            }
            Fate::Pending => {
                let words = "OAuth 2.0 device flow error. Authorization is pending. Continue \
                             polling.";
                return Err(Refusal::new(400, "authorization_pending", 70016, words));
            }
        };
        let granted = device.wanted.scopes.clone();
        let scopes = match get(form, "scope") {
            Some(text) => narrowed(&granted, Scopes::parse(text)?, false)?,
            None => granted.clone(),
        };
        device.fate = Fate::Redeemed;
        Ok(Outcome {
            tenant: person.tenant,
            client_id: app.client_id.clone(),
            confidential: false,
            account: Some(person.account),
            nonce: None,
            family: granted.has("offline_access").then(random::guid),
            signed_in: Instant::now(),
            granted,
            scopes,
        })
    }
}
