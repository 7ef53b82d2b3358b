//! The token endpoint.
use super::apps::{Account, App, Person, Platform};
use super::authorize::{Asked, duplicate, get};
use super::client::Presented;
use super::directory::Place;
use super::errors::Refusal;
use super::jwt::Ticket;
use super::scopes::{ADO_RESOURCE, Scopes};
use super::{ADA, Access, Dead, Entra, State};
use crate::http::{self, Answer, Ask};
use crate::log::{Log, lock};
use crate::random;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hyper::Method;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::time::{Duration, Instant};

/// `grant_type` of a device that polls.
const DEVICE_GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

const CODE_LIFETIME: Duration = Duration::from_secs(600);

/// An authorization code that was handed out.
pub(crate) struct Code {
    asked: Asked,
    person: Person,
    until: Instant,
    redeemed: bool,
}

impl Code {
    pub(crate) fn new(asked: Asked, person: Person, issued: Instant) -> Self {
        Self { asked, person, until: issued + CODE_LIFETIME, redeemed: false }
    }

    pub(crate) fn expire(&mut self) {
        self.until = Instant::now();
    }
}

/// A refresh token that was handed out.
#[derive(Debug, Clone)]
pub(crate) struct Refresh {
    tenant: String,
    client_id: String,
    confidential: bool,
    account: Account,
    /// All that was consented to.
    granted: Scopes,
    family: String,
    /// When its owner was last at the browser.
    signed_in: Instant,
    replaced: bool,
    pub(crate) dead: Option<Dead>,
}

/// What one grant comes to.
pub(crate) struct Outcome {
    pub(crate) tenant: String,
    pub(crate) client_id: String,
    pub(crate) confidential: bool,
    pub(crate) account: Option<Account>,
    pub(crate) scopes: Scopes,
    pub(crate) nonce: Option<String>,
    /// Family of refresh tokens to go on with, if one is wanted.
    pub(crate) family: Option<String>,
    /// When somebody was at the browser for it.
    pub(crate) signed_in: Instant,
    pub(crate) granted: Scopes,
}

impl Entra {
    pub(crate) fn token(&self, tenant: &str, ask: &Ask, form: &[(String, String)]) -> Answer {
        let mut state = lock(&self.state);
        match state.redeem(tenant, ask, form, &self.log) {
            Ok(outcome) => {
                let mut answer = state.issue(&outcome, &self.log);
                if let Some(replace) = &mut state.replace {
                    answer = replace(answer);
                }
                http::json(200, &answer)
            }
            Err(refusal) => refusal.json(),
        }
    }
}

pub(crate) fn invalid(code: u32, words: &str) -> Refusal {
    Refusal::new(400, "invalid_grant", code, words)
}

pub(crate) fn other_tenant() -> Refusal {
    invalid(
        700_005,
        "Provided Authorization Code is intended to use against other tenant, thus rejected. \
         OAuth2 Authorization Code must be redeemed against same tenant it was acquired for.",
    )
}

/// Only a form that is posted is read; of any other body the first parameter is missing.
pub(crate) fn must_be_form(ask: &Ask, first: &str) -> Result<(), Refusal> {
    if ask.method != Method::POST {
        let words = "The endpoint only accepts POST requests. Received a GET request.";
        return Err(Refusal::new(400, "invalid_request", 900_561, words));
    }
    let kind = ask.header("content-type").split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Err(Refusal::missing(first));
    }
    Ok(())
}

impl State {
    fn redeem(
        &mut self,
        tenant: &str,
        ask: &Ask,
        form: &[(String, String)],
        log: &Log,
    ) -> Result<Outcome, Refusal> {
        must_be_form(ask, "grant_type")?;
        if let Some(name) = duplicate(form) {
            return Err(Refusal::duplicate(name));
        }
        let grant = get(form, "grant_type").ok_or_else(|| Refusal::missing("grant_type"))?;
        let presented = Presented::read(ask, form, log)?;
        if get(form, "resource").is_some() {
            let words = "The 'resource' request parameter isn't supported.";
            return Err(Refusal::new(400, "invalid_request", 901_002, words));
        }
        if grant == "client_credentials" && ["common", "consumers"].contains(&tenant) {
            let words = "The grant type isn't supported over the /common or /consumers endpoints. \
                         Please use the /organizations or tenant-specific endpoint.";
            return Err(Refusal::new(400, "invalid_request", 9_001_023, words));
        }
        let (place, app) = self.place_and_app(tenant, &presented.client_id)?;
        match grant {
            "authorization_code" => self.redeem_code(&place, &app, &presented, ask, form),
            "refresh_token" => self.redeem_refresh(&place, &app, &presented, form),
            DEVICE_GRANT => self.redeem_device(&place, &app, &presented, form),
            "client_credentials" => self.redeem_credentials(&place, &app, &presented, form),
            other => {
                let words = format!("The app requested an unsupported grant type '{other}'.");
                Err(Refusal::new(400, "unsupported_grant_type", 70003, words))
            }
        }
    }

    fn redeem_code(
        &mut self,
        place: &Place,
        app: &App,
        presented: &Presented,
        ask: &Ask,
        form: &[(String, String)],
    ) -> Result<Outcome, Refusal> {
        let code = get(form, "code").ok_or_else(|| Refusal::missing("code"))?;
        let uri = get(form, "redirect_uri").ok_or_else(|| Refusal::missing("redirect_uri"))?;
        let Some(kept) = self.codes.get_mut(code) else {
            return Err(Refusal::new(
                400,
                "invalid_grant",
                9_002_313,
                "Invalid request. Request is malformed or invalid.",
            ));
        };
        let asked = kept.asked.clone();
        if !place.hands_out(&asked.wanted.place, &kept.person.tenant) {
            return Err(other_tenant());
        }
        if asked.wanted.client_id != app.client_id {
            return Err(invalid(70000, "Provided grant is invalid or malformed."));
        }
        match asked.platform {
            Platform::Spa if ask.header("origin").is_empty() => {
                let words = "Tokens issued for the 'Single-Page Application' client-type may only \
                             be redeemed via cross-origin requests.";
                return Err(Refusal::new(400, "invalid_request", 9_002_327, words));
            }
            platform => presented.check(app, platform == Platform::Web)?,
        }
        if kept.redeemed {
            return Err(invalid(
                54005,
                "OAuth2 Authorization code was already redeemed, please retry with a new valid \
                 code or use an existing refresh token.",
            ));
        }
        if kept.until <= Instant::now() {
            return Err(invalid(
                70008,
                "The provided authorization code or refresh token has expired due to inactivity. \
                 Send a new interactive authorization request for this user and resource.",
            ));
        }
        if asked.redirect_uri != uri {
            return Err(Refusal::new(
                400,
                "invalid_grant",
                500_112,
                format!(
                    "The reply address '{uri}' does not match the reply address '{}' provided \
                     when requesting Authorization code.",
                    asked.redirect_uri
                ),
            ));
        }
        check_verifier(&asked, get(form, "code_verifier"))?;
        let scopes = match get(form, "scope") {
            Some(text) => narrowed(&asked.wanted.scopes, Scopes::parse(text)?, false)?,
            None => asked.wanted.scopes.clone(),
        };
        kept.redeemed = true;
        Ok(Outcome {
            tenant: kept.person.tenant.clone(),
            client_id: app.client_id.clone(),
            confidential: asked.platform == Platform::Web,
            account: Some(kept.person.account.clone()),
            nonce: asked.nonce,
            family: asked.wanted.scopes.has("offline_access").then(random::guid),
            signed_in: Instant::now(),
            granted: asked.wanted.scopes,
            scopes,
        })
    }

    fn redeem_refresh(
        &mut self,
        place: &Place,
        app: &App,
        presented: &Presented,
        form: &[(String, String)],
    ) -> Result<Outcome, Refusal> {
        let token = get(form, "refresh_token").ok_or_else(|| Refusal::missing("refresh_token"))?;
        let unknown = || invalid(9_002_313, "Invalid request. Request is malformed or invalid.");
        let kept = self.refresh.get(token).cloned().ok_or_else(unknown)?;
        let elsewhere = !app.multitenant && place.path() != kept.tenant;
        if kept.client_id != app.client_id || elsewhere {
            return Err(invalid(
                70000,
                "Provided grant is invalid or malformed. The refresh token was issued to another \
                 client.",
            ));
        }
        presented.check(app, kept.confidential)?;
        match kept.dead {
            Some(Dead::Inactivity) => {
                return Err(invalid(
                    700_082,
                    "The refresh token has expired due to inactivity. The token was issued on \
                     2026-01-01T00:00:00.0000000Z and was inactive for 90.00:00:00.",
                ));
            }
            Some(Dead::Password) => {
                return Err(invalid(
                    50173,
                    "The provided grant has expired due to it being revoked, a fresh auth token \
                     is needed. The user might have changed or reset their password.",
                )
                .sub("bad_token"));
            }
            Some(Dead::SignInFrequency) => {
                return Err(invalid(
                    70043,
                    "The refresh token has expired or is invalid due to sign-in frequency checks \
                     by conditional access. The token was issued on 2026-01-01T00:00:00.0000000Z \
                     and the maximum allowed lifetime for this request is 604800.",
                )
                .sub("bad_token"));
            }
            None => {}
        }
        if self.strict_rotation && kept.replaced {
            for other in self.refresh.values_mut().filter(|r| r.family == kept.family) {
                other.dead = Some(Dead::Password);
            }
            return Err(invalid(70000, "Provided grant is invalid or malformed.").sub("bad_token"));
        }
        if let Some(refusal) = self.forbids_refresh(kept.signed_in) {
            return Err(refusal);
        }
        // Bound to account and client; the endpoint says for which tenant the tokens are.
        let person = self
            .admit(place, &app.client_id, &kept.account.upn)
            .map_err(|refusal| Refusal { error: "invalid_grant".to_owned(), ..refusal })?;
        let scopes = match get(form, "scope") {
            Some(text) => narrowed(&kept.granted, Scopes::parse(text)?, true)?,
            None => kept.granted.clone(),
        };
        if let Some(kept) = self.refresh.get_mut(token) {
            kept.replaced = true;
        }
        Ok(Outcome {
            tenant: person.tenant,
            client_id: kept.client_id,
            confidential: kept.confidential,
            account: Some(kept.account),
            scopes,
            nonce: None,
            family: Some(kept.family),
            signed_in: kept.signed_in,
            granted: kept.granted,
        })
    }

    fn redeem_credentials(
        &self,
        place: &Place,
        app: &App,
        presented: &Presented,
        form: &[(String, String)],
    ) -> Result<Outcome, Refusal> {
        if presented.secret.is_none() {
            let words = "'client_assertion', 'client_secret' or 'request' is required for the \
                         'client_credentials' grant type.";
            return Err(Refusal::new(401, "invalid_client", 7_000_216, words));
        }
        presented.check(app, true)?;
        let text = get(form, "scope").ok_or_else(|| Refusal::missing("scope"))?;
        let scopes = Scopes::parse(text)?;
        if !scopes.is_default() || !scopes.oidc.is_empty() {
            let words = format!(
                "The provided value for scope {text} is not valid. Client credential flows must have \
                 a scope value with /.default suffixed to the resource identifier (application ID \
                 URI)."
            );
            return Err(Refusal::new(400, "invalid_scope", 1_002_012, words));
        }
        // Nobody signs in, so at a placeholder the credentials alone say whose app it is.
        let tenant = match place {
            Place::Tenant(tenant) => tenant,
            Place::Any(_) => &app.tenant,
        };
        let installed = (app.client_id.clone(), tenant.clone());
        if *tenant != app.tenant && !self.installed.contains(&installed) {
            let words = format!(
                "The client application {} is missing service principal in the tenant {tenant}. See \
                 instructions here: https://go.microsoft.com/fwlink/?linkid=2225119",
                app.client_id
            );
            return Err(Refusal::new(400, "unauthorized_client", 7_000_229, words));
        }
        Ok(Outcome {
            tenant: tenant.clone(),
            client_id: app.client_id.clone(),
            confidential: true,
            account: None,
            granted: scopes.clone(),
            scopes,
            nonce: None,
            family: None,
            signed_in: Instant::now(),
        })
    }

    /// Makes the tokens and the answer that carries them.
    fn issue(&mut self, outcome: &Outcome, log: &Log) -> Value {
        let lifetime = self.lifetime.as_secs();
        let names = self.granted_names(outcome);
        let ticket = Ticket {
            tenant: &outcome.tenant,
            client_id: &outcome.client_id,
            confidential: outcome.confidential,
            account: outcome.account.as_ref(),
            lifetime,
        };
        if outcome.account.is_some() {
            self.installed.insert((outcome.client_id.clone(), outcome.tenant.clone()));
        }
        let audience = outcome.scopes.audience();
        let token = ticket.access(&audience, &names);
        log.secret(&token);
        let mut answer = json!({
            "token_type": "Bearer",
            "expires_in": lifetime,
            "ext_expires_in": lifetime,
            "access_token": token,
        });
        let account = outcome.account.as_ref().map_or(&outcome.client_id, |a| &a.upn).clone();
        if let Some(account) = &outcome.account {
            answer["scope"] = Value::from(echo(&outcome.scopes, &names));
            if outcome.scopes.has("openid") {
                let profile = outcome.scopes.has("profile");
                let id = ticket.id(account, outcome.nonce.as_deref(), profile);
                log.secret(&id);
                answer["id_token"] = Value::from(id);
            }
            if let (Some(family), false) = (&outcome.family, self.omit_refresh_token) {
                let refresh = format!("1.{}.{}", random::base64url(43), random::base64url(900));
                log.secret(&refresh);
                answer["refresh_token"] = Value::from(refresh.clone());
                let kept = Refresh {
                    tenant: outcome.tenant.clone(),
                    client_id: outcome.client_id.clone(),
                    confidential: outcome.confidential,
                    account: account.clone(),
                    granted: outcome.granted.clone(),
                    family: family.clone(),
                    signed_in: outcome.signed_in,
                    replaced: false,
                    dead: None,
                };
                self.refresh.insert(refresh, kept);
            }
        }
        let until = Instant::now() + self.lifetime;
        let tenant = outcome.tenant.clone();
        let access = Access { audience, tenant, account, scopes: names, until, dead: false };
        self.access.insert(token, access);
        answer
    }

    /// Short names of what an outcome really grants.
    fn granted_names(&self, outcome: &Outcome) -> Vec<String> {
        let mut names = outcome.scopes.names.clone();
        if outcome.account.is_none() {
            return vec![];
        }
        if outcome.scopes.is_default() {
            let app = self.app(&outcome.tenant, &outcome.client_id);
            names = app.map(|a| a.permissions).unwrap_or_default();
        }
        if let Some(only) = &self.grant_only {
            names.retain(|name| only.contains(name));
        }
        names
    }

    /// A token that nobody signed in for.
    pub(crate) fn issue_for(&mut self, log: &Log, account: &str, scopes: &[String]) -> String {
        let found = self.accounts.iter().find(|a| a.upn.eq_ignore_ascii_case(account));
        let account = found.unwrap_or_else(|| panic!("{account} is no account, unlike {ADA}"));
        let account = account.clone();
        let ticket = Ticket {
            tenant: &account.tenant,
            client_id: super::CLIENT_ID,
            confidential: true,
            account: Some(&account),
            lifetime: self.lifetime.as_secs(),
        };
        let token = ticket.access(ADO_RESOURCE, scopes);
        log.secret(&token);
        let access = Access {
            audience: ADO_RESOURCE.to_owned(),
            tenant: account.tenant.clone(),
            account: account.upn.clone(),
            scopes: scopes.to_vec(),
            until: Instant::now() + self.lifetime,
            dead: false,
        };
        self.access.insert(token.clone(), access);
        token
    }
}

fn check_verifier(asked: &Asked, verifier: Option<&str>) -> Result<(), Refusal> {
    let Some((challenge, method)) = &asked.challenge else { return Ok(()) };
    let matches = verifier.is_some_and(|verifier| {
        let derived = match method.as_str() {
            "S256" => URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes())),
            _ => verifier.to_owned(),
        };
        (43..=128).contains(&verifier.len()) && derived == *challenge
    });
    if matches {
        return Ok(());
    }
    Err(invalid(
        501_481,
        "The Code_Verifier does not match the code_challenge supplied in the authorization \
         request.",
    ))
}

/// What is asked for now must have been granted before; the audience is the one asked for now.
pub(crate) fn narrowed(
    granted: &Scopes,
    mut now: Scopes,
    refresh: bool,
) -> Result<Scopes, Refusal> {
    let had =
        |name: &String| granted.names.contains(name) || granted.is_default() || name == ".default";
    if now.names.iter().all(had) && (now.names.is_empty() || granted.resource.is_some()) {
        if now.names.is_empty() {
            now.names.clone_from(&granted.names);
            now.resource.clone_from(&granted.resource);
        }
        if !refresh {
            now.oidc.retain(|scope| granted.oidc.contains(scope));
        }
        return Ok(now);
    }
    Err(invalid(
        65001,
        "The user or administrator has not consented to use the application with ID. Send an \
         interactive authorization request for this user and resource.",
    )
    .sub("consent_required"))
}

/// The `scope` of the answer, in the resource's name as it was asked for.
fn echo(scopes: &Scopes, names: &[String]) -> String {
    let Some(resource) = &scopes.resource else {
        let shown = scopes.oidc.iter().filter(|s| *s != "offline_access");
        return shown.cloned().collect::<Vec<_>>().join(" ");
    };
    let mut shown: Vec<String> = names.iter().map(|name| format!("{resource}/{name}")).collect();
    if scopes.is_default() {
        shown.push(format!("{resource}/.default"));
    }
    shown.join(" ")
}
