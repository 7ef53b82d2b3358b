//! The token endpoint (RFC 6749 section 3.2), through the oauth2 crate.

use std::cell::RefCell;

use oauth2::basic::{
    BasicErrorResponse, BasicRevocationErrorResponse, BasicTokenIntrospectionResponse,
    BasicTokenType,
};
use oauth2::{
    AuthType, AuthUrl, AuthorizationCode, Client, ClientId, ClientSecret, CsrfToken,
    EndpointNotSet, EndpointSet, ErrorResponse, ExtraTokenFields, HttpRequest, HttpResponse,
    PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, RefreshToken, RequestTokenError, Scope,
    StandardRevocableToken, StandardTokenResponse, TokenResponse as _, TokenUrl,
};
use serde::{Deserialize, Serialize};
use url::Url;

use super::discovery::Endpoints;
use super::error::EntraError;
use super::issuer::Issuer;
use super::refusal::Sent;
use super::scopes;
use crate::net::{NetError, Reply, Send};
use crate::secret::Secret;
use crate::trace;

/// The longest lifetime believed of an access token: 30 days. Entra's longest is 28 hours.
const LONGEST_LIFETIME: u64 = 30 * 24 * 60 * 60;

/// What is assumed where the answer names no lifetime (RFC 6749 section 5.1 recommends it).
const ASSUMED_LIFETIME: u64 = 60 * 60;

/// The application, as it introduces itself.
#[derive(Clone, Copy, Debug)]
pub struct App<'a> {
    /// The application (client) ID.
    pub client_id: &'a str,
    /// The client secret, where the session is confidential.
    pub secret: Option<&'a Secret>,
}

/// What the token endpoint granted.
#[derive(Debug)]
pub struct Grant {
    /// The access token.
    pub access_token: Secret,
    /// Its lifetime in seconds.
    pub expires_in: u64,
    /// The next refresh token, if one was given.
    pub refresh_token: Option<Secret>,
    /// The scopes granted.
    pub scopes: Vec<String>,
    /// The ID token, if one was given.
    pub id_token: Option<Secret>,
}

#[derive(Debug, Deserialize, Serialize)]
pub(super) struct OpenIdFields {
    #[serde(default)]
    id_token: Option<String>,
}

impl ExtraTokenFields for OpenIdFields {}

pub(super) type TokenResponse = StandardTokenResponse<OpenIdFields, BasicTokenType>;
pub(super) type TokenClient = Client<
    BasicErrorResponse,
    TokenResponse,
    BasicTokenIntrospectionResponse,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointSet,
>;

/// A sign-in under way: what the browser is sent with, and what its answer is held against.
pub struct Authorization {
    /// Where the browser goes.
    pub url: Url,
    /// What must come back as `state` (RFC 6749 section 10.12).
    pub state: Secret,
    /// What the ID token must carry (OpenID Connect Core section 3.1.2.1).
    pub nonce: Secret,
    verifier: PkceCodeVerifier,
    redirect_uri: Url,
}

/// The address that starts a sign-in, with a fresh state, nonce and PKCE verifier
/// (RFC 7636, S256).
pub fn authorize(
    endpoints: &Endpoints,
    app: App<'_>,
    redirect_uri: &Url,
    issuer: &Issuer,
    login_hint: Option<&str>,
) -> Authorization {
    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let nonce = CsrfToken::new_random_len(32);
    let client = client(endpoints, app, Some(redirect_uri));
    let mut request = client
        .authorize_url(|| CsrfToken::new_random_len(32))
        .add_scopes(scopes::asked().map(Scope::new))
        .set_pkce_challenge(challenge)
        .add_extra_param("nonce", nonce.secret())
        .add_extra_param("response_mode", "query");
    if let Some(prompt) = prompt(issuer, login_hint) {
        request = request.add_extra_param("prompt", prompt);
    }
    if let Some(hint) = login_hint {
        request = request.add_extra_param("login_hint", hint.to_owned());
    }
    let (url, state) = request.url();
    Authorization {
        url,
        state: state.secret().as_str().into(),
        nonce: nonce.secret().as_str().into(),
        verifier,
        redirect_uri: redirect_uri.clone(),
    }
}

/// Entra lets a person choose among accounts, but not where one is proposed. Others give
/// `offline_access` only to a request for consent (OpenID Connect Core section 11).
fn prompt(issuer: &Issuer, login_hint: Option<&str>) -> Option<&'static str> {
    match (issuer.is_entra(), login_hint) {
        (true, None) => Some("select_account"),
        (true, Some(_)) => None,
        (false, _) => Some("consent"),
    }
}

/// Redeems the code a sign-in brought.
///
/// # Errors
/// See [`EntraError`].
pub fn redeem(
    endpoints: &Endpoints,
    app: App<'_>,
    authorization: Authorization,
    code: &Secret,
    network: &dyn Send,
) -> Result<Grant, EntraError> {
    let code = AuthorizationCode::new(code.expose_str().unwrap_or_default().to_owned());
    let client = client(endpoints, app, Some(&authorization.redirect_uri));
    exchange(network, |send| {
        client.exchange_code(code).set_pkce_verifier(authorization.verifier).request(&send)
    })
}

/// What a refresh asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefreshScope {
    /// What a sign-in asks for.
    Asked,
    /// Nothing in particular: what was granted before (RFC 6749 section 6).
    AsGranted,
}

/// Redeems a refresh token (RFC 6749 section 6).
///
/// # Errors
/// See [`EntraError`].
pub fn refresh(
    endpoints: &Endpoints,
    app: App<'_>,
    refresh_token: &Secret,
    scope: RefreshScope,
    network: &dyn Send,
) -> Result<Grant, EntraError> {
    let token = RefreshToken::new(refresh_token.expose_str().unwrap_or_default().to_owned());
    let client = client(endpoints, app, None);
    exchange(network, |send| {
        let mut request = client.exchange_refresh_token(&token);
        if scope == RefreshScope::Asked {
            request = request.add_scopes(scopes::asked().map(Scope::new));
        }
        request.request(&send)
    })
}

/// Asks for an app-only token (RFC 6749 section 4.4), which proves tenant, client ID and secret
/// without any user. The token itself is not used.
///
/// # Errors
/// See [`EntraError`].
pub fn prove_client(
    endpoints: &Endpoints,
    app: App<'_>,
    scope: &str,
    network: &dyn Send,
) -> Result<Grant, EntraError> {
    let client = client(endpoints, app, None);
    exchange(network, |send| {
        client.exchange_client_credentials().add_scope(Scope::new(scope.to_owned())).request(&send)
    })
}

pub(super) fn client(
    endpoints: &Endpoints,
    app: App<'_>,
    redirect_uri: Option<&Url>,
) -> TokenClient {
    let mut client = Client::new(ClientId::new(app.client_id.to_owned()))
        .set_auth_uri(AuthUrl::from_url(endpoints.authorization_endpoint.clone()))
        .set_token_uri(TokenUrl::from_url(endpoints.token_endpoint.clone()))
        // Entra documents the secret in the body for every client (client_secret_post).
        .set_auth_type(AuthType::RequestBody);
    if let Some(secret) = app.secret.and_then(Secret::expose_str) {
        client = client.set_client_secret(ClientSecret::new(secret.to_owned()));
    }
    match redirect_uri {
        Some(uri) => client.set_redirect_uri(RedirectUrl::from_url(uri.clone())),
        None => client,
    }
}

/// Runs one exchange, keeping the raw answer: the oauth2 crate drops what Entra adds to errors.
pub(super) fn exchange<E: ErrorResponse + 'static>(
    network: &dyn Send,
    run: impl FnOnce(
        &dyn Fn(HttpRequest) -> Result<HttpResponse, NetError>,
    ) -> Result<TokenResponse, RequestTokenError<NetError, E>>,
) -> Result<Grant, EntraError> {
    let last: RefCell<Option<Reply>> = RefCell::new(None);
    let host = RefCell::new(String::new());
    let sent = RefCell::new(Sent::default());
    let send = |request: HttpRequest| -> Result<HttpResponse, NetError> {
        host.replace(request.uri().host().unwrap_or_default().to_owned());
        sent.replace(Sent::in_form(request.body()));
        let reply = network.send(request)?;
        let response = http_response(&reply);
        last.replace(Some(reply));
        Ok(response)
    };
    match run(&send) {
        Ok(response) => grant(response),
        Err(RequestTokenError::Request(error)) => Err(error.into()),
        Err(_) => match last.take() {
            Some(reply) if reply.status != 200 => {
                Err(EntraError::refused_to(&host.borrow(), &reply, &sent.borrow()))
            }
            _ => {
                Err(EntraError::Unusable(format!("{} did not answer with a token", host.borrow())))
            }
        },
    }
}

/// An answer as the oauth2 crate takes it.
pub(super) fn http_response(reply: &Reply) -> HttpResponse {
    let mut response = HttpResponse::new(reply.body.to_vec());
    *response.status_mut() = oauth2::http::StatusCode::from_u16(reply.status)
        .unwrap_or(oauth2::http::StatusCode::BAD_GATEWAY);
    *response.headers_mut() = reply.headers.clone();
    response
}

fn grant(response: TokenResponse) -> Result<Grant, EntraError> {
    let unusable =
        |what: &str| Err(EntraError::Unusable(format!("the token endpoint gave {what}")));
    if *response.token_type() != BasicTokenType::Bearer {
        return unusable("a token that is not of type Bearer");
    }
    let token = response.access_token().secret();
    if token.is_empty() || token.contains(['\n', '\r', '\0']) {
        return unusable("an access token that cannot be used");
    }
    let expires_in = match response.expires_in() {
        Some(lifetime) if lifetime.as_secs() == 0 || lifetime.as_secs() > LONGEST_LIFETIME => {
            return unusable("an access token with an impossible lifetime");
        }
        Some(lifetime) => lifetime.as_secs(),
        None => ASSUMED_LIFETIME,
    };
    // Left out where it is what was asked for (RFC 6749 section 5.1).
    let scopes = match response.scopes() {
        Some(scopes) => scopes.iter().map(|scope| scope.to_string()).collect(),
        None => scopes::asked().collect(),
    };
    let grant = Grant {
        access_token: token.as_str().into(),
        expires_in,
        refresh_token: response
            .refresh_token()
            .map(|token| token.secret().as_str())
            .filter(|token| !token.is_empty())
            .map(Secret::from),
        scopes,
        id_token: response.extra_fields().id_token.as_deref().map(Secret::from),
    };
    trace::event("granted", |words| {
        words
            .secret("access_token", &grant.access_token)
            .with("ends_in", expires_in)
            .maybe_secret("refresh_token", grant.refresh_token.as_ref())
            .maybe_secret("id_token", grant.id_token.as_ref())
            // The scopes themselves are the issuer's words, which may be anything.
            .with("allows", format!("{:?}", scopes::allow(&grant.scopes)))
    });
    Ok(grant)
}
