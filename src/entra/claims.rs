//! The claims of tokens. Signatures are not checked: an ID token comes straight from the token
//! endpoint over TLS, which OpenID Connect Core section 3.1.3.7 takes in their place.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use thiserror::Error;

use super::issuer::Issuer;
use super::scopes::{AZURE_DEVOPS, AZURE_DEVOPS_URI};
use crate::secret::Secret;

/// The longest token looked into, in bytes.
const LIMIT: usize = 64 * 1024;

/// How far two clocks may differ, in seconds.
const SKEW: u64 = 5 * 60;

/// The claims this program looks at.
#[derive(Clone, Debug, Deserialize)]
pub struct Claims {
    #[serde(default)]
    iss: Option<String>,
    #[serde(default)]
    aud: Option<Audience>,
    #[serde(default)]
    azp: Option<String>,
    #[serde(default)]
    exp: Option<u64>,
    #[serde(default)]
    iat: Option<u64>,
    #[serde(default)]
    nonce: Option<String>,
    #[serde(default)]
    tid: Option<String>,
    #[serde(default)]
    sub: Option<String>,
    #[serde(default)]
    preferred_username: Option<String>,
    #[serde(default)]
    upn: Option<String>,
    #[serde(default)]
    email: Option<String>,
    #[serde(default)]
    scp: Option<String>,
    /// Whether its header names an algorithm that signs (RFC 7515 section 4.1.1; `none` does not, RFC
    /// 7518 section 3.6).
    #[serde(skip)]
    is_signed: bool,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

impl Audience {
    fn contains(&self, wanted: &str) -> bool {
        match self {
            Self::One(one) => one == wanted,
            Self::Several(all) => all.iter().any(|one| one == wanted),
        }
    }

    fn is_only(&self, wanted: &str) -> bool {
        match self {
            Self::One(one) => one == wanted,
            Self::Several(all) => all.iter().all(|one| one == wanted),
        }
    }
}

/// What an ID token is held against.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// The issuer of the integration.
    pub issuer: &'a Issuer,
    /// `issuer` of its discovery document.
    pub discovered: &'a str,
    /// The application (client) ID.
    pub client_id: &'a str,
    /// The nonce sent, at a sign-in.
    pub nonce: Option<&'a Secret>,
    /// The tenant of the session, at a refresh.
    pub tenant: Option<&'a str>,
    /// Who the session is of, at a refresh (OpenID Connect Core section 12.2).
    pub subject: Option<&'a str>,
    /// Seconds since the epoch.
    pub now: u64,
}

/// Who signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The account's name.
    pub account: String,
    /// Who that is to the issuer.
    pub subject: Option<String>,
    /// The tenant.
    pub tenant: Option<String>,
}

/// What is wrong with an ID token.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum ClaimsError {
    /// `alg` is `none`, or missing.
    #[error("the ID token is not signed")]
    Unsigned,
    /// `sub` is missing.
    #[error("the ID token does not say whose it is (sub)")]
    NoSubject,
    /// `tid` is missing, which every token of Entra ID has.
    #[error("the ID token does not name its tenant (tid)")]
    NoTenant,
    /// Not a JWT with the claims of one.
    #[error("the ID token cannot be read")]
    Unreadable,
    /// `iss`.
    #[error("the ID token is of another issuer")]
    Issuer,
    /// `aud` or `azp`.
    #[error("the ID token is for another application")]
    Audience,
    /// `exp` or `iat`.
    #[error("the ID token is expired or not yet valid by this machine's clock")]
    Time,
    /// `nonce`.
    #[error("the ID token belongs to another sign-in")]
    Nonce,
    /// `sub`.
    #[error("the ID token is of another account than the session")]
    Subject,
    /// `tid`.
    #[error("the ID token is of another tenant than the session")]
    Tenant,
}

impl Claims {
    /// The claims in a JWT; `None` for anything else, which a token may well be.
    pub fn of(token: &Secret) -> Option<Self> {
        let text = token.expose_str().filter(|text| text.len() <= LIMIT)?;
        let mut parts = text.splitn(4, '.');
        let (header, payload, _, None) =
            (parts.next()?, parts.next()?, parts.next()?, parts.next())
        else {
            return None;
        };
        let decoded = |part: &str| URL_SAFE_NO_PAD.decode(part.trim_end_matches('=')).ok();
        let mut claims: Self = serde_json::from_slice(&decoded(payload)?).ok()?;
        let header = decoded(header).and_then(|json| serde_json::from_slice::<Header>(&json).ok());
        claims.is_signed = header.is_some_and(|header| !header.alg.eq_ignore_ascii_case("none"));
        Some(claims)
    }

    /// Checks an ID token (OpenID Connect Core section 3.1.3.7).
    ///
    /// # Errors
    /// The first claim that is not as expected.
    pub fn check(&self, expected: Expected<'_>) -> Result<Identity, ClaimsError> {
        if !self.is_signed {
            return Err(ClaimsError::Unsigned);
        }
        let iss = self.iss.as_deref().ok_or(ClaimsError::Issuer)?;
        let accepted = expected
            .issuer
            .expected_issuer(expected.discovered)
            .is_ok_and(|issuer| issuer.accepts(iss, self.tid.as_deref()));
        if !accepted {
            return Err(ClaimsError::Issuer);
        }
        let audience = self.aud.as_ref().ok_or(ClaimsError::Audience)?;
        let for_us = audience.contains(expected.client_id)
            && (audience.is_only(expected.client_id)
                || self.azp.as_deref() == Some(expected.client_id));
        if !for_us || self.azp.as_deref().is_some_and(|azp| azp != expected.client_id) {
            return Err(ClaimsError::Audience);
        }
        let expired = self.exp.is_none_or(|exp| exp.saturating_add(SKEW) < expected.now);
        let early = self.iat.is_some_and(|iat| iat > expected.now.saturating_add(SKEW));
        if expired || early {
            return Err(ClaimsError::Time);
        }
        if let Some(nonce) = expected.nonce
            && self.nonce.as_deref().map(Secret::from).as_ref() != Some(nonce)
        {
            return Err(ClaimsError::Nonce);
        }
        if let (Some(kept), Some(given)) = (expected.tenant, self.tid.as_deref())
            && !kept.eq_ignore_ascii_case(given)
        {
            return Err(ClaimsError::Tenant);
        }
        if let (Some(kept), Some(given)) = (expected.subject, self.sub.as_deref())
            && kept != given
        {
            return Err(ClaimsError::Subject);
        }
        if self.sub.as_deref().is_none_or(|sub| sub.trim().is_empty()) {
            return Err(ClaimsError::NoSubject);
        }
        if expected.issuer.is_entra() && self.tid.is_none() {
            return Err(ClaimsError::NoTenant);
        }
        Ok(Identity {
            account: self.account(),
            subject: self.sub.clone(),
            tenant: self.tid.clone(),
        })
    }

    /// A name that is fit for git's `username`: not empty, no colon (Basic authentication cuts
    /// there), nothing that breaks a line.
    fn account(&self) -> String {
        [&self.preferred_username, &self.upn, &self.email, &self.sub]
            .into_iter()
            .flatten()
            .find(|name| {
                !name.is_empty()
                    && name.len() <= 256
                    && !name.contains(|c: char| c == ':' || c.is_control())
            })
            .cloned()
            .unwrap_or_else(|| "oauth2".to_owned())
    }

    /// The tenant (`tid`), for showing: nothing is checked.
    pub fn tenant(&self) -> Option<&str> {
        self.tid.as_deref()
    }

    /// The scopes of an access token (`scp`), for showing: nothing is checked.
    pub fn scopes(&self) -> Option<&str> {
        self.scp.as_deref()
    }

    /// Whether this is plainly a token for something else than Azure DevOps. A token that names
    /// no audience is not.
    pub fn is_for_another_resource(&self) -> bool {
        self.aud.as_ref().is_some_and(|audience| {
            ![AZURE_DEVOPS, AZURE_DEVOPS_URI, "https://app.vssps.visualstudio.com/"]
                .iter()
                .any(|ours| audience.contains(ours))
        })
    }
}
