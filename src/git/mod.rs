//! The git on this machine: where it is, what its configuration says, and our part of it.

mod network;
pub mod parameters;
mod program;
pub mod setup;

pub use network::{NetworkSettings, network_settings};
pub use program::Git;
