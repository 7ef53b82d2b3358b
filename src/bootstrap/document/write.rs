//! The way back to a document, for the process that is started as another user: through a pipe,
//! where neither arguments nor environment hold a secret.

use serde::Serialize;
use zeroize::Zeroizing;

use super::LIMIT;
use crate::azure::Organization;
use crate::bootstrap::given::{Given, GivenHost, GivenOAuth, GivenSecret, GivenToken};
use crate::integration::ScmId;
use crate::secret::Secret;

// Borrowed, so that no copy of a secret is left behind.

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'g> {
    runner_name: Option<&'g str>,
    integrations: Vec<Host<'g>>,
    tokens: Vec<Token<'g>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Host<'g> {
    host: String,
    scm_id: ScmId,
    oauth: Option<OAuth<'g>>,
    pat: Option<bool>,
    virtual_directory: Option<String>,
    allow_http: Option<bool>,
    trusted_issuers: &'g [String],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OAuth<'g> {
    client_id: &'g str,
    issuer_url: &'g str,
    plaintext_client_secret: Option<&'g str>,
    encrypted_client_secret: Option<&'g str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Token<'g> {
    host: String,
    source: &'static str,
    token: Option<&'g str>,
    refresh_token: Option<&'g str>,
    organization: Option<&'g Organization>,
    username: Option<&'g str>,
    expires_at: Option<u64>,
    public_client: bool,
}

/// The document that says the same.
pub fn write(given: &Given) -> Zeroizing<Vec<u8>> {
    let document = Document {
        runner_name: given.runner_name.as_deref(),
        integrations: given.hosts.iter().map(Host::of).collect(),
        tokens: given
            .hosts
            .iter()
            .flat_map(|host| host.tokens.iter().map(|token| Token::of(host, token)))
            .collect(),
    };
    // Room for all that can have been read, so that growing leaves no copy behind either.
    let mut bytes = Zeroizing::new(Vec::with_capacity(2 * LIMIT));
    serde_json::to_writer(&mut *bytes, &document).expect("BUG: a document becomes JSON");
    bytes
}

impl<'g> Host<'g> {
    fn of(host: &'g GivenHost) -> Self {
        Self {
            host: host.spec.to_string(),
            scm_id: host.scm_id,
            oauth: host.oauth.as_ref().map(OAuth::of),
            pat: host.pat,
            virtual_directory: host.virtual_directory.as_ref().map(ToString::to_string),
            allow_http: host.allow_http,
            trusted_issuers: &host.trusted_issuers,
        }
    }
}

impl<'g> OAuth<'g> {
    fn of(oauth: &'g GivenOAuth) -> Self {
        let (plain, sealed) = match &oauth.secret {
            Some(GivenSecret::Plain(secret)) => (Some(text(secret)), None),
            Some(GivenSecret::Sealed(sealed)) => (None, Some(&**sealed)),
            None => (None, None),
        };
        Self {
            client_id: &oauth.client_id,
            issuer_url: &oauth.issuer_url,
            plaintext_client_secret: plain,
            encrypted_client_secret: sealed,
        }
    }
}

impl<'g> Token<'g> {
    fn of(host: &GivenHost, token: &'g GivenToken) -> Self {
        // Without the default organization, which is not said of the token.
        let host = host.spec.key.to_string();
        match token {
            GivenToken::Pat { secret, organization, username, expires_at } => Self {
                host,
                source: "HOST_AUTHENTICATION_TOKEN_SOURCE_PAT",
                token: Some(text(secret)),
                refresh_token: None,
                organization: organization.as_ref(),
                username: Some(username),
                expires_at: *expires_at,
                public_client: false,
            },
            GivenToken::Refresh { secret, organization, public } => Self {
                host,
                source: "HOST_AUTHENTICATION_TOKEN_SOURCE_OAUTH",
                token: None,
                refresh_token: Some(text(secret)),
                organization: organization.as_ref(),
                username: None,
                expires_at: None,
                public_client: *public,
            },
        }
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
