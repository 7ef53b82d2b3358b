//! The way back to a document, for the process that is started as another user: through a pipe,
//! where neither arguments nor environment hold a secret.

use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::bootstrap::given::{Given, GivenHost, GivenOAuth, GivenSecret, GivenToken};
use crate::integration::ScmId;
use crate::secret::Secret;

/// The document that says the same.
pub fn write(given: &Given) -> Zeroizing<Vec<u8>> {
    let tokens: Vec<Value> = given
        .hosts
        .iter()
        .flat_map(|host| host.tokens.iter().map(|given| token(&host.spec.key.to_string(), given)))
        .collect();
    let document = json!({
        "runnerName": given.runner_name,
        "integrations": given.hosts.iter().map(host).collect::<Vec<_>>(),
        "tokens": tokens,
    });
    Zeroizing::new(document.to_string().into_bytes())
}

fn host(host: &GivenHost) -> Value {
    json!({
        "host": host.spec.to_string(),
        "scmId": match host.scm_id {
            ScmId::Entra => "azuredevops_entra",
            ScmId::Server => "azuredevops_server",
        },
        "oauth": host.oauth.as_ref().map(oauth),
        "pat": host.pat,
        "virtualDirectory": host.virtual_directory.as_ref().map(ToString::to_string),
        "trustedIssuers": host.trusted_issuers,
    })
}

fn oauth(oauth: &GivenOAuth) -> Value {
    let (plain, sealed) = match &oauth.secret {
        Some(GivenSecret::Plain(secret)) => (Some(text(secret)), None),
        Some(GivenSecret::Sealed(sealed)) => (None, Some(sealed)),
        None => (None, None),
    };
    json!({
        "clientId": oauth.client_id,
        "issuerUrl": oauth.issuer_url,
        "plaintextClientSecret": plain,
        "encryptedClientSecret": sealed,
    })
}

fn token(host: &str, token: &GivenToken) -> Value {
    match token {
        GivenToken::Pat { secret, organization, username, expires_at } => json!({
            "host": host,
            "source": "HOST_AUTHENTICATION_TOKEN_SOURCE_PAT",
            "token": text(secret),
            "organization": organization,
            "username": username,
            "expiresAt": expires_at,
        }),
        GivenToken::Refresh { secret, organization, public } => json!({
            "host": host,
            "source": "HOST_AUTHENTICATION_TOKEN_SOURCE_OAUTH",
            "refreshToken": text(secret),
            "organization": organization,
            "publicClient": public,
        }),
    }
}

fn text(secret: &Secret) -> &str {
    secret.expose_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::read;
    use super::*;

    #[test]
    fn what_is_written_is_read_as_the_same() {
        let document = br#"{
            "runnerName": "Ona Cloud (EU)",
            "integrations": [
                {"id": "1", "runnerId": "2", "scmId": "azuredevops_entra", "host": "dev.azure.com/contoso", "pat": true,
                 "oauth": {"clientId": "c", "issuerUrl": "contoso.com", "plaintextClientSecret": " s3cret\n"}},
                {"host": "tfs.corp.example", "virtualDirectory": "/tfs"},
                {"host": "dev.azure.com:8443", "scmId": "azuredevops_server", "pat": false}
            ],
            "hostAuthenticationTokens": [
                {"host": "dev.azure.com", "source": "HOST_AUTHENTICATION_TOKEN_SOURCE_OAUTH", "token": "a", "refreshToken": "r"},
                {"host": "dev.azure.com", "source": "HOST_AUTHENTICATION_TOKEN_SOURCE_PAT", "token": "p",
                 "organization": "fabrikam", "expiresAt": "2027-01-31T12:00:00Z"},
                {"host": "tfs.corp.example", "token": "q", "username": "ada"}
            ]
        }"#;
        let given = read(document, 1_800_000_000).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(given.hosts.len(), 3);
        assert_eq!(given.hosts[0].tokens.len(), 2);
        let again = read(&write(&given), 1_900_000_000).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(again, given);
    }
}
