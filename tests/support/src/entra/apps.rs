//! Tenants, accounts and app registrations.
use crate::random;
use url::{Position, Url};

/// Contoso's tenant id.
pub const CONTOSO: &str = "aaaabbbb-0000-cccc-1111-dddd2222eeee";
/// Fabrikam's tenant id.
pub const FABRIKAM: &str = "bbbbcccc-1111-dddd-2222-eeee3333ffff";
/// Client id of the app registered in Contoso from the start.
pub const CLIENT_ID: &str = "11112222-3333-4444-5555-666677778888";
/// The value of that app's client secret.
pub const CLIENT_SECRET: &str = "standin~Value.of-the-client-secret~1";
/// The account that signs in unless another is named.
pub const ADA: &str = "ada@contoso.example";
/// Another account of Contoso.
pub const GRACE: &str = "grace@contoso.example";

/// The platform a redirect URI is registered under.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Platform {
    /// A confidential client: the secret must be sent.
    Web,
    /// Mobile and desktop: the secret must not be sent.
    Desktop,
    /// A page's script: unusable without an `Origin`.
    Spa,
}

/// An app registration.
#[derive(Debug, Clone)]
pub struct App {
    /// Application (client) id.
    pub client_id: String,
    /// Values of its client secrets, and whether each has expired.
    pub secrets: Vec<(String, bool)>,
    /// Registered redirect URIs.
    pub redirect_uris: Vec<(Platform, String)>,
    /// Whether public client flows are allowed.
    pub allow_public_client: bool,
    /// Short names of the Azure DevOps permissions consented to.
    pub permissions: Vec<String>,
    /// Whether the application is disabled in the tenant.
    pub disabled: bool,
    /// Id of the tenant it is registered in.
    pub tenant: String,
    /// Whether accounts of other tenants may use it too, through `/organizations` and `/common` or
    /// through the endpoints of their own tenant.
    pub multitenant: bool,
}

impl Default for App {
    /// The app every world starts with.
    fn default() -> Self {
        let uri = |platform, uri: &str| (platform, uri.to_owned());
        Self {
            client_id: CLIENT_ID.to_owned(),
            secrets: vec![(CLIENT_SECRET.to_owned(), false)],
            redirect_uris: vec![
                uri(Platform::Web, "http://localhost/ona-azure"),
                uri(Platform::Desktop, "http://localhost/ona-azure-native"),
                uri(Platform::Web, "https://ona.example/auth/callback"),
            ],
            allow_public_client: false,
            permissions: vec!["vso.code".to_owned(), "vso.code_write".to_owned()],
            disabled: false,
            tenant: CONTOSO.to_owned(),
            multitenant: false,
        }
    }
}

impl App {
    /// Whether this is its client id; GUIDs have no case.
    pub(crate) fn is(&self, client_id: &str) -> bool {
        self.client_id.eq_ignore_ascii_case(client_id)
    }

    /// The platform of the registered redirect URI that covers this one.
    pub(crate) fn platform(&self, asked: &str) -> Option<Platform> {
        let covers = |registered: &str| {
            registered == asked
                || match (Url::parse(registered), Url::parse(asked)) {
                    (Ok(registered), Ok(asked)) => same_but_for_port(&registered, &asked),
                    _ => false,
                }
        };
        self.redirect_uris.iter().find(|(_, uri)| covers(uri)).map(|(platform, _)| *platform)
    }
}

/// On localhost any port will do; everything else must be equal.
fn same_but_for_port(registered: &Url, asked: &Url) -> bool {
    let local = |url: &Url| {
        url.host_str() == Some("localhost")
            && url.username().is_empty()
            && url.password().is_none()
            && url.fragment().is_none()
    };
    local(registered)
        && local(asked)
        && registered.scheme() == asked.scheme()
        && registered[Position::BeforePath..] == asked[Position::BeforePath..]
}

/// An account of a tenant.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    pub(crate) upn: String,
    pub(crate) name: String,
    pub(crate) oid: String,
    /// Its home; it may be a guest elsewhere.
    pub(crate) tenant: String,
}

impl Account {
    /// Whether this is its name; names have no case.
    pub(crate) fn is(&self, upn: &str) -> bool {
        self.upn.eq_ignore_ascii_case(upn)
    }

    /// Its object in a tenant: a guest is an object of its own there.
    pub(crate) fn oid_in(&self, tenant: &str) -> String {
        if self.tenant == tenant {
            self.oid.clone()
        } else {
            random::guid_of(&format!("{} as a guest of {tenant}", self.upn))
        }
    }
}

/// Somebody who signed in, and the tenant that was signed in to.
#[derive(Debug, Clone)]
pub(crate) struct Person {
    pub(crate) account: Account,
    pub(crate) tenant: String,
}

/// A tenant and its verified domains.
#[derive(Debug, Clone)]
pub(crate) struct Tenant {
    pub(crate) id: String,
    pub(crate) domains: Vec<String>,
}
