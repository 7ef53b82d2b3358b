//! OpenID discovery and the key set.
use super::apps::Tenant;
use super::jwt::KEY_ID;
use crate::http::{self, Answer};
use crate::random;
use serde_json::json;

/// The discovery document; `path` is the tenant as it was asked for.
pub(crate) fn document(path: &str, tenant: Option<&Tenant>) -> Answer {
    let base = "https://login.microsoftonline.com";
    let place = tenant.map_or(path, |t| &t.id);
    let issuer = tenant.map_or("{tenantid}", |t| &t.id);
    let mut answer = http::json(
        200,
        &json!({
            "token_endpoint": format!("{base}/{place}/oauth2/v2.0/token"),
            "token_endpoint_auth_methods_supported":
                ["client_secret_post", "private_key_jwt", "client_secret_basic"],
            "jwks_uri": format!("{base}/{place}/discovery/v2.0/keys"),
            "response_modes_supported": ["query", "fragment", "form_post"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
            "scopes_supported": ["openid", "profile", "email", "offline_access"],
            "issuer": format!("{base}/{issuer}/v2.0"),
            "request_uri_parameter_supported": false,
            "userinfo_endpoint": "https://graph.microsoft.com/oidc/userinfo",
            "authorization_endpoint": format!("{base}/{place}/oauth2/v2.0/authorize"),
            "device_authorization_endpoint": format!("{base}/{place}/oauth2/v2.0/devicecode"),
            "http_logout_supported": true,
            "frontchannel_logout_supported": true,
            "end_session_endpoint": format!("{base}/{place}/oauth2/v2.0/logout"),
            "claims_supported": ["sub", "iss", "cloud_instance_name", "cloud_instance_host_name",
                "cloud_graph_host_name", "msgraph_host", "aud", "exp", "iat", "auth_time", "acr",
                "nonce", "preferred_username", "name", "tid", "ver", "at_hash", "c_hash", "email"],
            "kerberos_endpoint": format!("{base}/{place}/kerberos"),
            "tenant_region_scope": tenant.map(|_| "EU"),
            "cloud_instance_name": "microsoftonline.com",
            "cloud_graph_host_name": "graph.windows.net",
            "msgraph_host": "graph.microsoft.com",
            "rbac_url": "https://pas.windows.net",
        }),
    );
    http::header(&mut answer, "Cache-Control", "max-age=86400, private");
    answer
}

/// The key set.
pub(crate) fn keys(tenant: Option<&Tenant>) -> Answer {
    let issuer = tenant.map_or("{tenantid}", |t| &t.id);
    http::json(
        200,
        &json!({"keys": [{
            "kty": "RSA",
            "use": "sig",
            "kid": KEY_ID,
            "x5t": KEY_ID,
            "n": random::base64url(342),
            "e": "AQAB",
            "issuer": format!("https://login.microsoftonline.com/{issuer}/v2.0"),
        }]}),
    )
}
