//! The identity provider: Entra ID, or whatever OpenID provider an integration trusts.

mod authority;
mod browser;
mod claims;
mod discovery;
mod error;
mod issuer;
mod loopback;
mod page;
mod refusal;
mod scopes;
mod token;

pub use authority::OrganizationTenant;
pub use browser::open as open_browser;
pub use claims::{Claims, ClaimsError, Expected, Identity};
pub use discovery::{Endpoints, endpoints, fetch as fetch_endpoints};
pub use error::EntraError;
pub use issuer::{ExpectedIssuer, Issuer, IssuerError};
pub use loopback::{Callback, Loopback};
pub use refusal::{Class, Refusal, parse_retry_after};
pub use scopes::{Allows, allow, everything as everything_consented};
pub use token::{App, Authorization, Grant, authorize, prove_client, redeem, refresh};
