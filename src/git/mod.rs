//! The git on this machine: where it is, what its configuration says, and our part of it.

mod network;
pub mod parameters;
mod program;
mod refusal;
pub mod setup;

pub use network::{NetworkSettings, network_settings};
pub use program::Git;
pub use refusal::Refusal;
