//! Tokens that look like Entra's; the signatures are noise.
use super::apps::Account;
use crate::{clock, random};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// Who a token is for and what it says.
pub(crate) struct Ticket<'a> {
    pub(crate) tenant: &'a str,
    pub(crate) client_id: &'a str,
    pub(crate) confidential: bool,
    /// None for the app itself.
    pub(crate) account: Option<&'a Account>,
    pub(crate) lifetime: u64,
}

impl Ticket<'_> {
    /// A version 1 access token.
    pub(crate) fn access(&self, audience: &str, scopes: &[String]) -> String {
        let now = clock::unix();
        let tenant = self.tenant;
        let mut claims = json!({
            "aud": audience,
            "iss": format!("https://sts.windows.net/{tenant}/"),
            "iat": now,
            "nbf": now,
            "exp": now + self.lifetime,
            "aio": random::base64url(64),
            "appid": self.client_id,
            "appidacr": if self.confidential { "1" } else { "0" },
            "idp": format!("https://sts.windows.net/{}/", self.account.map_or(tenant, |a| &a.tenant)),
            "rh": format!("1.{}.", random::base64url(32)),
            "tid": tenant,
            "uti": random::base64url(22),
            "ver": "1.0",
        });
        let more = match self.account {
            Some(account) => json!({
                "acct": u8::from(account.tenant != tenant),
                "acr": "1",
                "amr": ["pwd", "mfa"],
                "app_displayname": "Ona",
                "family_name": account.name.rsplit(' ').next(),
                "given_name": account.name.split(' ').next(),
                "ipaddr": "192.0.2.17",
                "name": account.name,
                "oid": account.oid_in(tenant),
                "puid": "10032000ABCD1234",
                "scp": scopes.join(" "),
                "sid": random::guid(),
                "sub": self.subject(account),
                "unique_name": account.upn,
                "upn": self.upn(account),
                "wids": ["b79fbf4d-3ef9-4689-8143-76b194e85509"],
                "xms_idrel": "1 22",
            }),
            None => {
                let oid = random::guid_of(&format!("principal of {}", self.client_id));
                json!({"oid": oid, "sub": oid, "idtyp": "app"})
            }
        };
        extend(&mut claims, more);
        sign(&json!({"typ": "JWT", "alg": "RS256", "x5t": KEY_ID, "kid": KEY_ID}), &claims)
    }

    /// A version 2 ID token.
    pub(crate) fn id(&self, account: &Account, nonce: Option<&str>, profile: bool) -> String {
        let now = clock::unix();
        let tenant = self.tenant;
        let mut claims = json!({
            "aud": self.client_id,
            "iss": format!("https://login.microsoftonline.com/{tenant}/v2.0"),
            "iat": now,
            "nbf": now,
            "exp": now + 3600,
            "rh": format!("1.{}.", random::base64url(32)),
            "sub": self.subject(account),
            "tid": tenant,
            "uti": random::base64url(22),
            "ver": "2.0",
        });
        if profile {
            extend(
                &mut claims,
                json!({
                    "name": account.name,
                    "oid": account.oid_in(tenant),
                    "preferred_username": account.upn,
                }),
            );
        }
        if let Some(nonce) = nonce {
            claims["nonce"] = Value::from(nonce);
        }
        sign(&json!({"typ": "JWT", "alg": "RS256", "kid": KEY_ID}), &claims)
    }
}

impl Ticket<'_> {
    /// Pairwise: the same for an account and an app whenever asked, another for every other pair.
    fn subject(&self, account: &Account) -> String {
        let oid = account.oid_in(self.tenant);
        URL_SAFE_NO_PAD.encode(Sha256::digest(format!("{} {oid}", self.client_id)))
    }

    /// A guest goes by a name that the inviting tenant made up.
    fn upn(&self, account: &Account) -> String {
        if account.tenant == self.tenant {
            return account.upn.clone();
        }
        format!("{}#EXT#@{}", account.upn.replace('@', "_"), self.tenant)
    }
}

/// Id of the key the tokens claim to be signed with.
pub(crate) const KEY_ID: &str = "StandInSigningKeyNumberOne0";

fn extend(claims: &mut Value, more: Value) {
    if let (Some(claims), Value::Object(more)) = (claims.as_object_mut(), more) {
        claims.extend(more);
    }
}

fn sign(header: &Value, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.{}", part(header), part(claims), random::base64url(342))
}
