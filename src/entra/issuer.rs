//! The issuer URL: from whatever a person pastes to the login host and tenant.
//!
//! The host decides where the client secret and every refresh token go, so it is never taken from
//! the text: it comes from a table of Entra's own hosts. Other providers count only if the
//! integration trusts them by name, or on loopback.

use std::fmt;

use url::{Host, Url};

mod error;
mod expected;

pub use error::IssuerError;
pub use expected::ExpectedIssuer;
use expected::TEMPLATE;

pub(super) use crate::guid::is_guid;

/// Entra's login hosts: the one to use, then its other names (MSAL's KnownMetadataProvider,
/// "National clouds"). The German cloud of before 2021 is closed and not among them.
const CLOUDS: [&[&str]; 6] = [
    &["login.microsoftonline.com", "login.windows.net", "login.microsoft.com", "sts.windows.net"],
    &["login.microsoftonline.us", "login.usgovcloudapi.net"],
    &["login.partner.microsoftonline.cn", "login.chinacloudapi.cn"],
    &["login.sovcloud-identity.fr"],
    &["login.sovcloud-identity.de"],
    &["login.sovcloud-identity.sg"],
];

/// Sites a person has open while looking for the issuer URL.
const WRONG_PAGES: [&str; 8] = [
    "portal.azure.com",
    "portal.azure.us",
    "portal.azure.cn",
    "entra.microsoft.com",
    "entra.microsoft.us",
    "aad.portal.azure.com",
    "dev.azure.com",
    "app.vssps.visualstudio.com",
];

/// Names that stand for "whichever tenant the account is of" ("OpenID Connect", tenant values).
const PLACEHOLDERS: [&str; 3] = ["common", "organizations", "consumers"];

/// What OpenID Connect Discovery 1.0 section 4 puts behind an issuer.
const WELL_KNOWN: &str = "/.well-known/openid-configuration";

/// The longest text read, in bytes.
const MAX: usize = 2048;

/// Who signs people in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issuer(Kind);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    /// A tenant of Entra's; the host is the first of a row of [`CLOUDS`].
    Entra { login_host: &'static str, tenant: String, discovery: Url },
    /// Another provider, by its very text: parsing would add a slash to a bare host.
    Literal { text: String, url: Url },
}

impl Issuer {
    /// The login host of the global cloud.
    pub(super) const GLOBAL_HOST: &str = CLOUDS[0][0];

    /// Reads what a person pasted. `trusted` holds the issuers the integration names besides.
    pub fn parse(text: &str, trusted: &[String]) -> Result<Self, IssuerError> {
        let text = header_value(text.trim());
        if text.is_empty() {
            return Err(IssuerError::Empty);
        }
        // The url crate drops, turns or maps all of these; none is ever meant.
        let odd = |c: char| !c.is_ascii() || c.is_control() || matches!(c, '\\' | ' ');
        if text.len() > MAX || text.contains(odd) {
            return Err(IssuerError::Malformed);
        }
        let issuer = text.strip_suffix(WELL_KNOWN).unwrap_or(text);
        let is_trusted = trusted.iter().any(|t| without_slash(t.trim()) == without_slash(issuer));
        let bare = !text.contains("://");
        if bare && !is_trusted && !text.contains(['/', ':', '?', '#', '@']) {
            return Self::bare(text);
        }
        let typed = if bare { format!("https://{issuer}") } else { issuer.to_owned() };
        let url = Url::parse(&typed).map_err(|_| IssuerError::Malformed)?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(IssuerError::UserInfo);
        }
        if is_trusted || is_loopback(&url) {
            return Self::literal(typed, url);
        }
        if url.scheme() != "https" {
            return Err(IssuerError::NotHttps);
        }
        let host = url.host_str().unwrap_or_default();
        let host = host.strip_suffix('.').unwrap_or(host);
        let cloud = cloud_of(host).filter(|_| url.port().is_none());
        let Some(cloud) = cloud else {
            return Err(not_a_login_host(host, url.port()));
        };
        let tenant = url.path_segments().and_then(|mut s| s.next()).unwrap_or_default();
        // The URL's shape without its tenant, as copied from a page that leaves it out.
        if matches!(tenant, "" | "v2.0" | "oauth2" | ".well-known" | "discovery") {
            return Err(IssuerError::NoTenant);
        }
        Self::entra(cloud[0], tenant_name(tenant)?)
    }

    /// A tenant's ID or domain, in the global cloud.
    fn bare(text: &str) -> Result<Self, IssuerError> {
        let host = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
        if cloud_of(&host).is_some() {
            return Err(IssuerError::NoTenant);
        }
        if WRONG_PAGES.contains(&host.as_str()) {
            return Err(IssuerError::WrongPage { host });
        }
        let tenant = tenant_name(&host)?;
        if !is_guid(&tenant) && !tenant.contains('.') && !is_placeholder(&tenant) {
            return Err(IssuerError::BadTenant { tenant });
        }
        Self::entra(Self::GLOBAL_HOST, tenant)
    }

    fn entra(login_host: &'static str, tenant: String) -> Result<Self, IssuerError> {
        let discovery = Url::parse(&format!("https://{login_host}/{tenant}/v2.0{WELL_KNOWN}"))
            .map_err(|_| IssuerError::Malformed)?;
        Ok(Self(Kind::Entra { login_host, tenant, discovery }))
    }

    fn literal(text: String, url: Url) -> Result<Self, IssuerError> {
        if url.query().is_some() || url.fragment().is_some() {
            return Err(IssuerError::Query);
        }
        // Plain http stays on this machine, also for an issuer that is trusted.
        if url.scheme() != "https" && !is_loopback(&url) {
            return Err(IssuerError::NotHttps);
        }
        Ok(Self(Kind::Literal { text, url }))
    }

    /// Whether it is a tenant of Entra's.
    pub fn is_entra(&self) -> bool {
        matches!(self.0, Kind::Entra { .. })
    }

    /// The host that signs people in, without a port.
    pub fn host(&self) -> &str {
        match &self.0 {
            Kind::Entra { login_host, .. } => login_host,
            Kind::Literal { url, .. } => url.host_str().unwrap_or_default(),
        }
    }

    /// Entra's tenant: an ID, a domain, or `common`, `organizations`, `consumers`.
    pub fn tenant(&self) -> Option<&str> {
        match &self.0 {
            Kind::Entra { tenant, .. } => Some(tenant),
            Kind::Literal { .. } => None,
        }
    }

    /// Whether it stands for one tenant, as a single-tenant app, a device code and a sign-in
    /// without a person need. A provider taken literally does.
    pub fn is_tenant_specific(&self) -> bool {
        self.tenant().is_none_or(|tenant| !is_placeholder(tenant))
    }

    /// The same issuer for one tenant, by its ID: how an app of several tenants signs a person in
    /// where the organization is, which a guest has to ("OpenID Connect", tenant values).
    ///
    /// Only where the issuer leaves the tenant open (`organizations`, `common`), and in its own
    /// cloud: what an administrator has pinned, a tenant found elsewhere does not move.
    pub fn with_tenant(&self, tenant_id: &str) -> Option<Self> {
        let Kind::Entra { login_host, tenant, .. } = &self.0 else { return None };
        let open = matches!(tenant.as_str(), "organizations" | "common");
        let id = tenant_name(tenant_id).ok().filter(|id| open && is_guid(id))?;
        Self::entra(login_host, id).ok()
    }

    /// Where the endpoints are to be learnt ("OpenID Connect", OpenID Connect Discovery 1.0
    /// section 4).
    pub fn discovery_url(&self) -> Url {
        match &self.0 {
            Kind::Entra { discovery, .. } => discovery.clone(),
            Kind::Literal { url, .. } => {
                let mut url = url.clone();
                url.set_path(&format!("{}{WELL_KNOWN}", without_slash(url.path())));
                url
            }
        }
    }

    /// Checks the `issuer` of the discovery document and gives what ID tokens must carry.
    ///
    /// For Entra it must be a tenant's v2.0 issuer on a host of the same cloud, and the very
    /// tenant where that was given by ID. For another provider it must be the issuer itself; one
    /// trailing slash more or less is let pass, since both spellings have the same document.
    pub fn expected_issuer(&self, discovered: &str) -> Result<ExpectedIssuer, IssuerError> {
        let mismatch =
            || IssuerError::Mismatch { asked: self.to_string(), found: discovered.to_owned() };
        let Kind::Entra { login_host, tenant, .. } = &self.0 else {
            let same = without_slash(discovered) == without_slash(&self.to_string());
            return if same {
                Ok(ExpectedIssuer { text: discovered.to_owned(), tenant: None })
            } else {
                Err(mismatch())
            };
        };
        let rest = discovered.strip_prefix("https://").and_then(|r| r.strip_suffix("/v2.0"));
        let (host, found) = rest.and_then(|r| r.split_once('/')).ok_or_else(mismatch)?;
        if cloud_of(host).is_none_or(|cloud| cloud[0] != *login_host) {
            return Err(mismatch());
        }
        let fits = match found {
            TEMPLATE => is_placeholder(tenant),
            id if is_guid(id) => !is_guid(tenant) || id.eq_ignore_ascii_case(tenant),
            _ => false,
        };
        if !fits {
            return Err(mismatch());
        }
        let tenant = is_guid(found).then(|| found.to_ascii_lowercase());
        Ok(ExpectedIssuer { text: discovered.to_owned(), tenant })
    }

    /// Whether codes, secrets and refresh tokens may go to an endpoint that discovery named.
    ///
    /// It must be on the issuer's own host (for Entra also one of its other names), over https;
    /// plain http only from loopback to loopback. A document that sends them elsewhere is how one
    /// provider gets hold of another's codes (RFC 9700 section 4.4, mix-up), and a provider spread
    /// over several hosts is not worth the risk.
    pub fn endpoint_allowed(&self, endpoint: &Url) -> bool {
        let plain = endpoint.username().is_empty()
            && endpoint.password().is_none()
            && endpoint.fragment().is_none();
        let host = endpoint.host_str().unwrap_or_default();
        plain
            && match &self.0 {
                Kind::Entra { login_host, .. } => {
                    endpoint.scheme() == "https"
                        && endpoint.port().is_none()
                        && cloud_of(host).is_some_and(|cloud| cloud[0] == *login_host)
                }
                Kind::Literal { url, .. } => {
                    let http = url.scheme() == "http" && is_loopback(endpoint);
                    let scheme = endpoint.scheme() == "https" || http;
                    scheme && url.host_str() == endpoint.host_str()
                }
            }
    }
}

/// The issuer as OpenID Connect means it: Entra's v2.0 form, or another provider's own text.
impl fmt::Display for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Entra { login_host, tenant, .. } => {
                write!(f, "https://{login_host}/{tenant}/v2.0")
            }
            Kind::Literal { text, .. } => f.write_str(text),
        }
    }
}

/// The address in a header of Azure DevOps', `Bearer authorization_uri=…`, else the text itself.
fn header_value(text: &str) -> &str {
    const FIELD: &str = "authorization_uri=";
    let url = text.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("http"));
    // ASCII lower case keeps every byte where it was.
    match text.to_ascii_lowercase().find(FIELD).filter(|_| !url) {
        Some(at) => {
            let value = text[at + FIELD.len()..].trim_start_matches(['"', '\'']);
            value.split(['"', '\'', ',', ' ']).next().unwrap_or_default()
        }
        None => text.trim_matches(['"', '\'']),
    }
}

fn without_slash(text: &str) -> &str {
    text.strip_suffix('/').unwrap_or(text)
}

/// The names of the cloud a login host is of; the first is the one to use.
pub(super) fn cloud_of(host: &str) -> Option<&'static [&'static str]> {
    CLOUDS.into_iter().find(|names| names.iter().any(|name| name.eq_ignore_ascii_case(host)))
}

/// Whether people sign in to Entra ID there, in whichever cloud.
pub fn is_login_host(host: &str) -> bool {
    cloud_of(host).is_some()
}

fn not_a_login_host(host: &str, port: Option<u16>) -> IssuerError {
    if WRONG_PAGES.contains(&host) || host.ends_with(".visualstudio.com") {
        return IssuerError::WrongPage { host: host.to_owned() };
    }
    let port = port.map(|port| format!(":{port}")).unwrap_or_default();
    IssuerError::UnknownHost { host: format!("{host}{port}") }
}

/// The loopback names allowed; other addresses of 127/8 are not among them.
pub(super) fn is_loopback(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https")
        && match url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address == std::net::Ipv4Addr::LOCALHOST,
            Some(Host::Ipv6(address)) => address == std::net::Ipv6Addr::LOCALHOST,
            None => false,
        }
}

/// A tenant's ID, domain or placeholder, in lower case.
pub(super) fn tenant_name(text: &str) -> Result<String, IssuerError> {
    let ends = |c: Option<u8>| c.is_some_and(|b| b.is_ascii_alphanumeric());
    let inside = text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-'));
    let fits = text.len() <= 253 && !text.contains("..");
    if !(fits && inside && ends(text.bytes().next()) && ends(text.bytes().last())) {
        return Err(IssuerError::BadTenant { tenant: text.chars().take(80).collect() });
    }
    if is_zero(text) {
        return Err(IssuerError::ZeroTenant);
    }
    Ok(text.to_ascii_lowercase())
}

pub(super) fn is_placeholder(tenant: &str) -> bool {
    PLACEHOLDERS.contains(&tenant)
}

/// Whether an ID is the one of all zeros, which stands for no tenant.
pub(super) fn is_zero(text: &str) -> bool {
    is_guid(text) && text.bytes().all(|b| matches!(b, b'0' | b'-'))
}

#[cfg(test)]
mod tests;
