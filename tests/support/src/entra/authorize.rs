//! The authorize endpoint: what a browser sees, and where it is sent.
use super::apps::{App, Person, Platform};
use super::deviceauth::over;
use super::directory::Place;
use super::errors::Refusal;
use super::scopes::Scopes;
use super::token::Code;
use super::{Entra, Policy, SignIn, State};
use crate::http::{self, Answer, Ask, escape};
use crate::log::lock;
use crate::{clock, random};
use hyper::Method;
use std::time::Instant;
use url::Url;

type Pairs = [(String, String)];

/// What an app wants somebody to sign in for.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    pub(crate) place: Place,
    pub(crate) client_id: String,
    pub(crate) scopes: Scopes,
}

/// What the next form of somebody at the browser goes on with.
#[derive(Debug, Clone)]
pub(crate) enum Flow {
    /// An account is to be chosen for an app.
    Authorize(Asked),
    /// An account is to be chosen for a device, known by its device code.
    Device(String),
    /// The account for a device is chosen, and to be confirmed.
    Confirm(String, Person),
}

/// A sign-in under way.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) wanted: Wanted,
    pub(crate) redirect_uri: String,
    pub(crate) platform: Platform,
    pub(crate) nonce: Option<String>,
    /// Challenge and method of PKCE.
    pub(crate) challenge: Option<(String, String)>,
    query: Vec<(String, String)>,
}

impl Entra {
    pub(crate) fn authorize(&self, tenant: &str, ask: &Ask) -> Answer {
        let query = match ask.method {
            Method::GET => ask.query_pairs(),
            Method::POST => http::pairs(&ask.body),
            _ => return http::html(405, "<p>Method not allowed</p>"),
        };
        let mut state = lock(&self.state);
        let (place, app, uri, platform) = match state.caller(tenant, &query) {
            Ok(caller) => caller,
            Err(refusal) => return refusal.page(refusal.status),
        };
        let asked = match request(&app, &query) {
            Ok((scopes, challenge)) => Asked {
                wanted: Wanted { place, client_id: app.client_id.clone(), scopes },
                redirect_uri: uri,
                platform,
                nonce: get(&query, "nonce").map(str::to_owned),
                challenge,
                query,
            },
            Err(refusal) => return refuse(&query, &refusal),
        };
        // OpenID Connect Core 1.0, section 3.1.2.6: nobody is ever signed in before here, and only
        // the redirect URI of a request that holds is told so.
        if get(&asked.query, "prompt") == Some("none") {
            let words = "Session information is not sufficient for single-sign-on.";
            return refuse(&asked.query, &Refusal::new(400, "login_required", 50058, words));
        }
        let hint = get(&asked.query, "login_hint").unwrap_or_default();
        let page = account_page(&state, &asked.wanted.place, hint, "");
        http::html(200, &state.begin(&page, Flow::Authorize(asked)))
    }

    /// The account form comes back.
    pub(crate) fn login(&self, ask: &Ask) -> Answer {
        let form = http::pairs(&ask.body);
        let mut state = lock(&self.state);
        let flow = get(&form, "flow").and_then(|flow| state.flows.remove(flow));
        let chosen = get(&form, "account").unwrap_or_default();
        let asked = match flow {
            Some(Flow::Authorize(asked)) => asked,
            Some(Flow::Device(device)) => return state.choose_for_device(device, chosen),
            Some(Flow::Confirm(..)) | None => return over().page(400),
        };
        if chosen == "cancel" || get(&form, "back").is_some() {
            let refusal = Refusal::new(400, "access_denied", 65004, "User declined to consent.");
            return refuse_with(&asked.query, &refusal, &[("error_subcode", "cancel")]);
        }
        let Wanted { place, client_id, .. } = &asked.wanted;
        let person = match state.admit(place, client_id, chosen) {
            Ok(person) => person,
            Err(refusal) => return refusal.page(200),
        };
        match refused_sign_in(&state, &asked.wanted) {
            Some(refusal) if refusal.code() == 65004 => refuse(&asked.query, &refusal),
            // The one of these pages that leads back to the app, as if consent had been declined.
            Some(refusal) if refusal.code() == 90094 => {
                let way_back = format!(
                    "<form method=\"post\" action=\"/{}/login\">\
                     <input type=\"hidden\" name=\"flow\" value=\"{{flow}}\">\
                     <button type=\"submit\" name=\"back\" value=\"back\">Return to the application \
                     without granting consent</button></form>",
                    place.path()
                );
                let page = state.begin(&way_back, Flow::Authorize(asked));
                refusal.page_with(200, &page)
            }
            Some(refusal) => refusal.page(200),
            None => {
                let code = format!("1.{}.{}", random::base64url(43), random::base64url(620));
                self.log.secret(&code);
                let answer =
                    deliver(&asked.query, &[("code", &code), ("session_state", &random::guid())]);
                state.codes.insert(code, Code::new(asked, person, Instant::now()));
                answer
            }
        }
    }
}

impl State {
    /// Who asks, and whether there is a safe place to redirect to.
    fn caller(
        &self,
        tenant: &str,
        query: &Pairs,
    ) -> Result<(Place, App, String, Platform), Refusal> {
        if let Some(name) = duplicate(query) {
            return Err(Refusal::duplicate(name));
        }
        let client_id = get(query, "client_id").ok_or_else(|| Refusal::missing("client_id"))?;
        let (place, app) = self.place_and_app(tenant, client_id)?;
        let uri = get(query, "redirect_uri").ok_or_else(|| {
            let words = "The reply address is missing. Send the redirect_uri parameter.";
            Refusal::new(400, "invalid_request", 900_971, words)
        })?;
        let Some(platform) = app.platform(uri) else {
            let words = format!(
                "The redirect URI '{uri}' specified in the request does not match the redirect \
                 URIs configured for the application '{client_id}'. Make sure the redirect URI \
                 sent in the request matches one added to your application in the Azure portal."
            );
            return Err(Refusal::new(400, "invalid_request", 50011, words));
        };
        Ok((place, app, uri.to_owned(), platform))
    }
}

/// The part of the request whose errors go back to the app.
#[allow(clippy::type_complexity)]
fn request(app: &App, query: &Pairs) -> Result<(Scopes, Option<(String, String)>), Refusal> {
    let bad = |code, words: String| Refusal::new(400, "invalid_request", code, words);
    let response_type =
        get(query, "response_type").ok_or_else(|| Refusal::missing("response_type"))?;
    if response_type.split(' ').any(|t| t == "id_token" || t == "token") {
        let words = format!("response_type '{response_type}' is not enabled for the application.");
        return Err(Refusal::new(400, "unsupported_response_type", 700054, words));
    }
    if response_type != "code" {
        let words = format!("The response_type '{response_type}' is not supported.");
        return Err(Refusal::new(400, "unsupported_response_type", 70005, words));
    }
    if let Some(mode) = get(query, "response_mode")
        && !["query", "fragment", "form_post"].contains(&mode)
    {
        let words = format!("'{mode}' is not a supported value of response_mode.");
        return Err(bad(70007, words));
    }
    if get(query, "prompt") == Some("select_account") && get(query, "login_hint").is_some() {
        let words = "prompt=select_account and login_hint contradict each other.";
        return Err(bad(90023, words.to_owned()));
    }
    let scopes = wanted_scopes(app, get(query, "scope").unwrap_or_default())?;
    let challenge = match (get(query, "code_challenge"), get(query, "code_challenge_method")) {
        (None, None) => None,
        (None, Some(_)) => return Err(Refusal::missing("code_challenge")),
        (Some(challenge), method) => {
            let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
            if !(43..=128).contains(&challenge.len()) || !challenge.bytes().all(allowed) {
                let words = "The size of code_challenge parameter is invalid: it must be 43 to \
                             128 characters long.";
                return Err(bad(50147, words.to_owned()));
            }
            let method = method.unwrap_or("plain");
            if !["plain", "S256"].contains(&method) {
                let words = format!("Invalid code_challenge_method '{method}'.");
                return Err(bad(501_491, words));
            }
            Some((challenge.to_owned(), method.to_owned()))
        }
    };
    Ok((scopes, challenge))
}

/// The scopes that an app may ask somebody to grant.
pub(crate) fn wanted_scopes(app: &App, scope: &str) -> Result<Scopes, Refusal> {
    let scopes = Scopes::parse(scope)?;
    if scopes.oidc.is_empty() && scopes.names.is_empty() {
        return Err(Refusal::missing("scope"));
    }
    if scopes.resource.is_some() && app.permissions.is_empty() {
        let words = format!(
            "Invalid resource. The client has requested access to a resource which is not listed \
             in the requested permissions in the client's application registration. Client app \
             ID: {}(Ona). Resource value from request: {}.",
            app.client_id,
            scopes.audience()
        );
        return Err(Refusal::new(400, "invalid_resource", 650057, words));
    }
    Ok(scopes)
}

/// Why somebody who may sign in to a place is not signed in to this app.
pub(crate) fn refused_sign_in(state: &State, wanted: &Wanted) -> Option<Refusal> {
    let (_, app) = state.place_and_app(wanted.place.path(), &wanted.client_id).ok()?;
    let consented = |name: &String| name == ".default" || app.permissions.contains(name);
    let outcome = if wanted.scopes.names.iter().all(consented) {
        state.sign_in
    } else {
        SignIn::NeedsAdminConsent
    };
    match outcome {
        SignIn::Succeeds => state.forbids_sign_in(),
        SignIn::Declined => {
            let words = format!("User declined to consent to access the app '{}'.", app.client_id);
            Some(Refusal::new(400, "access_denied", 65004, words))
        }
        SignIn::NeedsAdminConsent => Policy::AdminConsentRequired.at_sign_in(),
        SignIn::BlockedByPolicy => Policy::ConditionalAccess.at_sign_in(),
        SignIn::NotAssigned => Policy::NotAssigned.at_sign_in(),
    }
}

/// The page to choose an account on; `{flow}` is still to be filled in. Every button has its value
/// for an id, so that a test can click it in a real browser.
pub(crate) fn account_page(state: &State, place: &Place, hint: &str, intro: &str) -> String {
    let buttons: String = state
        .accounts_at(place, hint)
        .iter()
        .map(|account| {
            let (upn, name) = (escape(&account.upn), escape(&account.name));
            format!(
                "<p><button type=\"submit\" id=\"{upn}\" name=\"account\" value=\"{upn}\">\
                 {name}<br>{upn}</button></p>\n"
            )
        })
        .collect();
    format!(
        "<!DOCTYPE html>\n<html><head><title>Sign in to your account</title></head><body>\n\
         <h1>Pick an account</h1>\n{intro}<form method=\"post\" action=\"/{}/login\">\n\
         <input type=\"hidden\" name=\"flow\" value=\"{{flow}}\">\n{buttons}\
         <p><button type=\"submit\" id=\"cancel\" name=\"account\" value=\"cancel\">Cancel\
         </button></p>\n</form></body></html>\n",
        place.path()
    )
}

/// Sends an error back to the app, or shows it where there is no app to go back to.
pub(crate) fn refuse(query: &Pairs, refusal: &Refusal) -> Answer {
    refuse_with(query, refusal, &[])
}

fn refuse_with(query: &Pairs, refusal: &Refusal, more: &[(&str, &str)]) -> Answer {
    if get(query, "redirect_uri").is_none_or(|uri| Url::parse(uri).is_err()) {
        return refusal.page(refusal.status);
    }
    let description = refusal.description(&random::guid(), &random::guid(), &clock::stamp());
    let uri = format!("https://login.microsoftonline.com/error?code={}", refusal.code());
    let mut pairs = vec![("error", refusal.error.as_str())];
    pairs.extend_from_slice(more);
    pairs.extend([("error_description", description.as_str()), ("error_uri", &uri)]);
    deliver(query, &pairs)
}

/// Carries an outcome to the redirect URI in the response mode asked for.
fn deliver(query: &Pairs, outcome: &[(&str, &str)]) -> Answer {
    let target = get(query, "redirect_uri").unwrap_or_default();
    let mut pairs = outcome.to_vec();
    if let Some(state) = get(query, "state") {
        pairs.push(("state", state));
    }
    if get(query, "response_mode") == Some("form_post") {
        let fields: String = pairs
            .iter()
            .map(|(name, value)| {
                format!("<input type=\"hidden\" name=\"{name}\" value=\"{}\">\n", escape(value))
            })
            .collect();
        return http::html(
            200,
            &format!(
                "<html><head><title>Working...</title></head><body>\
                 <form method=\"POST\" name=\"hiddenform\" action=\"{}\">\n{fields}\
                 <noscript><input type=\"submit\" value=\"Submit\"></noscript></form>\
                 <script>window.setTimeout('document.forms[0].submit()', 0);</script>\
                 </body></html>",
                escape(target)
            ),
        );
    }
    let encoded = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    let join = match get(query, "response_mode") {
        Some("fragment") => '#',
        _ if target.contains('?') => '&',
        _ => '?',
    };
    http::redirect(&format!("{target}{join}{encoded}"))
}

pub(crate) fn get<'a>(pairs: &'a Pairs, name: &str) -> Option<&'a str> {
    let found = pairs.iter().find(|(n, value)| n == name && !value.is_empty());
    found.map(|(_, value)| value.as_str())
}

/// The first parameter that occurs twice.
pub(crate) fn duplicate(pairs: &Pairs) -> Option<&str> {
    let mut names: Vec<&str> = pairs.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    names.windows(2).find(|w| w[0] == w[1]).map(|w| w[0])
}
