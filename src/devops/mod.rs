//! Azure DevOps over the network, without git: what an organization tells whoever asks, and
//! whether a personal access token works.

mod acceptance;
mod answer;
mod authorization;
mod busy;
mod door;
mod organization;
mod pat;
mod site;
#[cfg(test)]
pub(crate) mod table;

pub use acceptance::{Acceptance, ask as ask_of_secret};
pub use answer::{Answer, Named, Redirect};
pub use authorization::Authorization;
pub use busy::{Busy, slowed};
pub use door::Door;
pub use organization::{Comparison, Found, compare, organization_tenant};
pub use pat::{Asker, Later, Reason, Trial, try_pat};
pub use site::{Site, no_server_at};
