//! Integrations as they stand in the file, and the way from there to the model.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use thiserror::Error;
use url::Url;

use super::model::{HostKey, HostSpec, Integration, OAuth, ScmId};
use crate::azure::{Authority, Scheme, VirtualDirectory};
use crate::entra::Issuer;
use crate::report::quoted;
use crate::secret::{Digest, Secret};

/// One element of `integrations`. Fields it does not know are left where they are.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WireIntegration {
    scm_id: String,
    host: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    oauth: Option<WireOAuth>,
    #[serde(default)]
    pat: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pat_url: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    virtual_directory: Option<String>,
    #[serde(default, skip_serializing_if = "is_false")]
    bearer: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    allow_http: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    trusted_issuers: Vec<String>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct WireOAuth {
    client_id: String,
    issuer_url: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    encrypted_client_secret: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    recipients: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    client_secret_set_at: Option<u64>,
}

fn is_false(flag: &bool) -> bool {
    !flag
}

/// What does not make sense in an integration: the field, what is wrong, and the fix.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{field} {problem}")]
pub struct ModelError {
    /// The field, in the file's spelling.
    pub field: Cow<'static, str>,
    /// What is wrong with it.
    pub problem: String,
    /// How to mend it.
    pub fix: String,
}

fn wrong(
    field: impl Into<Cow<'static, str>>,
    problem: impl Into<String>,
    fix: impl Into<String>,
) -> ModelError {
    ModelError { field: field.into(), problem: problem.into(), fix: fix.into() }
}

/// A client secret in clear, which somebody who fills the file by hand may think belongs there.
/// Taken no notice of, it would leave a client without a secret, and the secret in a file that all
/// may read.
pub(super) fn secret_in_clear(element: &Value) -> Option<ModelError> {
    // Case and `_` aside.
    const NAMES: [&str; 5] = [
        "secret",
        "clientsecret",
        "plaintextclientsecret",
        "oauthclientsecret",
        "oauthplaintextclientsecret",
    ];
    let oauth = element.get("oauth").and_then(Value::as_object);
    let inside = [("", element.as_object()), ("oauth.", oauth)];
    let (parent, name) = inside.into_iter().find_map(|(parent, object)| {
        let (name, _) = object?.iter().find(|(name, value)| {
            let plain = name.replace('_', "").to_ascii_lowercase();
            NAMES.contains(&plain.as_str()) && !value.is_null()
        })?;
        Some((parent, name))
    })?;
    Some(wrong(
        format!("{parent}{name}"),
        "holds a client secret in clear",
        "remove the field, revoke that secret (Certificates & secrets), and give a new one to: \
         git-credential-ona-azure integration add --host dev.azure.com --client-secret-stdin",
    ))
}

impl WireIntegration {
    /// The model.
    ///
    /// # Errors
    /// The first field that makes no sense.
    pub(super) fn into_model(self) -> Result<Integration, ModelError> {
        let scm_id = match self.scm_id.as_str() {
            "azuredevops_entra" => ScmId::Entra,
            "azuredevops_server" => ScmId::Server,
            other => {
                return Err(wrong(
                    "scmId",
                    format!("is {}, which is no kind of integration", quoted(other)),
                    "write azuredevops_entra (Azure DevOps Services) or azuredevops_server (self-hosted)",
                ));
            }
        };
        let virtual_directory = match self.virtual_directory.as_deref() {
            Some(text) => VirtualDirectory::parse(text).ok_or_else(|| {
                wrong(
                    "virtualDirectory",
                    format!("is {}, which is no path", quoted(text)),
                    "write the part of the Server's address between host and collection, such as /tfs",
                )
            })?,
            None => VirtualDirectory::default(),
        };
        let integration = Integration {
            scm_id,
            host: host(&self.host)?,
            oauth: self.oauth.map(WireOAuth::into_model).transpose()?,
            pat: self.pat,
            pat_url: self.pat_url.as_deref().map(pat_url).transpose()?,
            virtual_directory,
            bearer: self.bearer,
            allow_http: self.allow_http,
            trusted_issuers: self.trusted_issuers,
        };
        integration.check()?;
        Ok(integration)
    }

    pub(super) fn of_model(integration: &Integration) -> Self {
        Self {
            scm_id: integration.scm_id.to_string(),
            host: integration.host.to_string(),
            oauth: integration.oauth.as_ref().map(|oauth| WireOAuth {
                client_id: oauth.client_id.clone(),
                issuer_url: oauth.issuer_url.clone(),
                encrypted_client_secret: oauth.encrypted_client_secret.clone(),
                recipients: oauth.recipients.clone(),
                client_secret_set_at: oauth.secret_set_at,
            }),
            pat: integration.pat,
            pat_url: integration.pat_url.as_ref().map(ToString::to_string),
            virtual_directory: (!integration.virtual_directory.is_root())
                .then(|| integration.virtual_directory.to_string()),
            bearer: integration.bearer,
            allow_http: integration.allow_http,
            trusted_issuers: integration.trusted_issuers.clone(),
        }
    }

    /// Puts every field this program knows into `object`, and takes out those that are not set,
    /// so that what it does not know stays.
    pub(super) fn lay_over(&self, object: &mut Map<String, Value>) {
        const OPTIONAL: [&str; 6] =
            ["oauth", "patUrl", "virtualDirectory", "bearer", "allowHttp", "trustedIssuers"];
        const OPTIONAL_OAUTH: [&str; 3] =
            ["encryptedClientSecret", "recipients", "clientSecretSetAt"];
        let Ok(Value::Object(mut known)) = serde_json::to_value(self) else {
            unreachable!("BUG: an integration is an object");
        };
        // An OAuth object in place is laid over too, for the fields in it that are not ours.
        if let (Some(Value::Object(old)), Some(Value::Object(new))) =
            (object.get("oauth"), known.get_mut("oauth"))
        {
            for (key, value) in old {
                if !new.contains_key(key) && !OPTIONAL_OAUTH.contains(&key.as_str()) {
                    new.insert(key.clone(), value.clone());
                }
            }
        }
        for key in OPTIONAL {
            object.remove(key);
        }
        object.append(&mut known);
    }
}

impl WireOAuth {
    fn into_model(self) -> Result<OAuth, ModelError> {
        if self.client_id.trim().is_empty() {
            return Err(wrong(
                "oauth.clientId",
                "is empty",
                "copy Application (client) ID from the app registration's Overview page",
            ));
        }
        if self.issuer_url.trim().is_empty() {
            return Err(wrong(
                "oauth.issuerUrl",
                "is empty",
                "write https://login.microsoftonline.com/TENANT_ID/oauth2/v2.0",
            ));
        }
        Ok(OAuth {
            client_id: self.client_id,
            issuer_url: self.issuer_url,
            encrypted_client_secret: self.encrypted_client_secret,
            recipients: self.recipients,
            secret_set_at: self.client_secret_set_at,
        })
    }
}

/// The host of an integration.
pub(super) fn host(text: &str) -> Result<HostSpec, ModelError> {
    HostSpec::parse(text).ok_or_else(|| {
        wrong(
            "host",
            format!("is {}, which is no host", quoted(text)),
            "write dev.azure.com, dev.azure.com/ORGANIZATION, or the Server's host[:port]",
        )
    })
}

/// What a `patUrl` should be.
const PAT_PAGE: &str =
    "write the address of the page where people make tokens for this host, beginning with https://";

/// The page where people make tokens. Whether it may be reached in clear, [`Integration::check`]
/// knows.
///
/// # Errors
/// If the text is no such address.
pub fn pat_url(text: &str) -> Result<Url, ModelError> {
    let text = text.trim();
    // The url crate would quietly drop or turn these.
    let odd = |c: char| c.is_control() || c == '\\' || c.is_whitespace();
    let url = Url::parse(text).ok().filter(|url| !text.contains(odd) && url.has_host());
    // A user name or password would be shown to everybody, so it is not repeated either.
    let bare = |url: &Url| url.username().is_empty() && url.password().is_none();
    match url {
        Some(url) if !bare(&url) => Err(wrong(
            "patUrl",
            "holds a user name or password, and everybody is shown it",
            "write the address without what stands before the @",
        )),
        Some(url) if matches!(url.scheme(), "https" | "http") => Ok(url),
        _ => Err(wrong(
            "patUrl",
            format!("is {}, which is no address of a page", quoted(text)),
            PAT_PAGE,
        )),
    }
}

impl Integration {
    /// Whether the page where tokens are made may be named with http: as the Server's own pages,
    /// or on this machine. Whoever is on the way could else show a page of their own.
    fn may_be_in_clear(&self, page: &Url) -> bool {
        let host = page.host_str().unwrap_or_default();
        let loopback = Authority::parse(Scheme::Http, host.as_bytes())
            .is_some_and(|authority| authority.is_loopback());
        loopback || (self.scm_id == ScmId::Server && self.allow_http)
    }

    /// Tells it from every other, whatever field differs.
    pub fn fingerprint(&self) -> Digest {
        let text = serde_json::to_string(&WireIntegration::of_model(self));
        Secret::from(text.expect("BUG: an integration becomes JSON")).digest()
    }

    /// Whether the fields fit each other.
    ///
    /// # Errors
    /// The first field that does not.
    pub fn check(&self) -> Result<(), ModelError> {
        match (self.scm_id, &self.host.key) {
            (ScmId::Entra, HostKey::Server(_)) => {
                return Err(wrong(
                    "scmId",
                    format!("is azuredevops_entra, but {} is not Azure DevOps Services", self.host),
                    "write azuredevops_server: a self-hosted Server takes personal access tokens only",
                ));
            }
            (ScmId::Server, HostKey::Cloud) => {
                return Err(wrong(
                    "scmId",
                    format!("is azuredevops_server, but {} is Azure DevOps Services", self.host),
                    "write azuredevops_entra",
                ));
            }
            _ => {}
        }
        if self.scm_id == ScmId::Server && self.oauth.is_some() {
            return Err(wrong(
                "oauth",
                "is set for azuredevops_server, which has no OAuth",
                "remove oauth and set \"pat\": true",
            ));
        }
        if self.scm_id == ScmId::Entra && !self.virtual_directory.is_root() {
            return Err(wrong(
                "virtualDirectory",
                "is set for azuredevops_entra, which has none",
                "remove it",
            ));
        }
        if self.scm_id == ScmId::Entra && self.allow_http {
            return Err(wrong(
                "allowHttp",
                "is set for Azure DevOps Services, which is never spoken to in clear",
                "remove it",
            ));
        }
        // A port that is the protocol's own is left out of what is compared: this host would be
        // looked for as https://host:80 only.
        if let HostKey::Server(Authority { host, port: Some(80) }) = &self.host.key
            && self.allow_http
        {
            return Err(wrong(
                "host",
                format!("is {}, and 80 is the port of http itself", self.host),
                format!("leave out :80 and write {host}"),
            ));
        }
        if let Some(page) = &self.pat_url
            && page.scheme() == "http"
            && !self.may_be_in_clear(page)
        {
            return Err(wrong(
                "patUrl",
                format!("is {page}, and anyone on the way could show another page in its place"),
                PAT_PAGE,
            ));
        }
        if let Some(oauth) = &self.oauth {
            Issuer::parse(&oauth.issuer_url, &self.trusted_issuers).map_err(|error| {
                wrong(
                    "oauth.issuerUrl",
                    format!("cannot be used: {error}"),
                    error.hint().unwrap_or("name the tenant's own issuer"),
                )
            })?;
        }
        Ok(())
    }
}
