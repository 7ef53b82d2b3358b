//! What an issuer's ID tokens must say about where they are from.

use super::is_guid;

/// What Entra's document says where the tenant depends on the account ("Access tokens", Validate
/// the issuer).
pub(super) const TEMPLATE: &str = "{tenantid}";

/// What the `iss` of an ID token must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpectedIssuer {
    /// The `issuer` of the discovery document, as written; may hold `{tenantid}`.
    pub(super) text: String,
    pub(super) tenant: Option<String>,
}

impl ExpectedIssuer {
    /// The tenant's ID, where the document names one: also for a tenant given by its domain.
    pub fn tenant_id(&self) -> Option<&str> {
        self.tenant.as_deref()
    }

    /// Whether an ID token with these `iss` and `tid` is this issuer's. `iss` must be equal (OpenID
    /// Connect Core 1.0 section 3.1.3.7), the token's own tenant put into a `{tenantid}` first; a
    /// `tid` must agree with it.
    pub fn accepts(&self, iss: &str, tid: Option<&str>) -> bool {
        if let Some(tenant) = &self.tenant {
            return iss == self.text && tid.is_none_or(|tid| tid.eq_ignore_ascii_case(tenant));
        }
        if self.text.contains(TEMPLATE) {
            return tid.is_some_and(|t| is_guid(t) && iss == self.text.replace(TEMPLATE, t));
        }
        iss == self.text
    }
}
