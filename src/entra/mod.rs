//! The identity provider: Entra ID, or whatever OpenID provider an integration trusts.

mod authority;
mod browser;
mod claims;
mod device;
mod discovery;
mod door;
mod error;
mod issuer;
mod loopback;
mod page;
mod refusal;
mod registered;
mod scopes;
mod token;

pub use authority::OrganizationTenant;
pub use browser::open as open_browser;
pub use claims::{Claims, ClaimsError, Expected, Identity};
pub use device::{Device, Pace, Polled, ask as ask_for_device_code, poll as poll_device_code};
pub use discovery::{Endpoints, endpoints, fetch as fetch_endpoints};
pub use door::{Callback, Door, Mistake};
pub use error::EntraError;
pub use issuer::{ExpectedIssuer, Issuer, IssuerError, is_login_host};
pub use loopback::{Arrival, Loopback};
pub use refusal::{Class, Refusal, parse_retry_after};
pub use registered::{Registered, prove_redirect_uri};
pub use scopes::{Allows, allow, everything as everything_consented};
pub use token::{
    App, Authorization, Grant, RefreshScope, authorize, prove_client, redeem, refresh,
};
