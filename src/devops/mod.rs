//! Azure DevOps over the network, without git: what an organization tells whoever asks, and
//! whether a personal access token works.

mod organization;
mod pat;
mod site;
#[cfg(test)]
mod table;

pub use organization::{Comparison, Found, compare, organization_tenant};
pub use pat::{Later, Reason, Trial, try_pat};
pub use site::{Site, no_server_at};
