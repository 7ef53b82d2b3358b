//! OpenID Connect Discovery 1.0: from an issuer to its endpoints, kept for a day.

use serde::{Deserialize, Serialize};
use url::Url;

use super::error::EntraError;
use super::issuer::Issuer;
use crate::net::Send;
use crate::vault::{Record, Vault, WrittenWhole};

const KEPT_FOR: u64 = 24 * 60 * 60;

/// What is taken from the discovery document.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct Endpoints {
    /// The `issuer` it names: what `iss` of an ID token is held against.
    pub issuer: String,
    /// Where a browser is sent.
    pub authorization_endpoint: Url,
    /// Where codes and refresh tokens are redeemed.
    pub token_endpoint: Url,
    /// Where device codes are asked for (RFC 8628 section 4), if the issuer has them.
    #[serde(default)]
    pub device_authorization_endpoint: Option<Url>,
}

/// A discovery document kept.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Kept {
    fetched_at: u64,
    endpoints: Endpoints,
}

impl Record for Kept {
    const KIND: &'static str = "discovery";
}

impl WrittenWhole for Kept {}

/// The endpoints: those kept, if they are younger than a day, else asked for and kept.
///
/// # Errors
/// If the issuer does not answer, or answers with something that is not its own.
pub fn endpoints(
    issuer: &Issuer,
    vault: &Vault,
    network: &dyn Send,
    now: u64,
) -> Result<Endpoints, EntraError> {
    let url = issuer.discovery_url();
    if let Ok(Some(kept)) = vault.read::<Kept>(url.as_str()) {
        // A clock set back does not make a kept document young for ever.
        let fresh = kept.fetched_at <= now && now - kept.fetched_at < KEPT_FOR;
        if fresh && check(issuer, &kept.endpoints).is_ok() {
            return Ok(kept.endpoints);
        }
    }
    let endpoints = fetch(issuer, network)?;
    // Keeping it only saves a request.
    if let Ok(writer) = vault.write() {
        let _ = writer.put(url.as_str(), &Kept { fetched_at: now, endpoints: endpoints.clone() });
    }
    Ok(endpoints)
}

/// The endpoints as the issuer names them now.
///
/// # Errors
/// As [`endpoints`].
pub fn fetch(issuer: &Issuer, network: &dyn Send) -> Result<Endpoints, EntraError> {
    let url = issuer.discovery_url();
    let request = oauth2::http::Request::get(url.as_str())
        .header("accept", "application/json")
        .body(Vec::new())
        .map_err(|_| EntraError::Unusable("the issuer's address cannot be asked".to_owned()))?;
    let reply = network.send(request)?;
    if reply.status != 200 {
        return Err(EntraError::refused(url.host_str().unwrap_or_default(), &reply));
    }
    let endpoints: Endpoints = serde_json::from_slice(&reply.body).map_err(|_| {
        EntraError::Unusable(format!(
            "{} did not answer with an OpenID configuration",
            url.host_str().unwrap_or_default()
        ))
    })?;
    check(issuer, &endpoints)?;
    Ok(endpoints)
}

fn check(issuer: &Issuer, endpoints: &Endpoints) -> Result<(), EntraError> {
    let unusable = |what: &str| {
        EntraError::Unusable(format!(
            "the OpenID configuration of {} names {what}",
            issuer.discovery_url().host_str().unwrap_or_default()
        ))
    };
    if issuer.expected_issuer(&endpoints.issuer).is_err() {
        return Err(unusable("another issuer than the one asked"));
    }
    let device = endpoints.device_authorization_endpoint.as_ref();
    for endpoint in
        [&endpoints.authorization_endpoint, &endpoints.token_endpoint].into_iter().chain(device)
    {
        if !issuer.endpoint_allowed(endpoint) {
            return Err(unusable("an endpoint on another host"));
        }
    }
    Ok(())
}
