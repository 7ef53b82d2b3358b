//! The git on this machine: where it is, what its configuration says, and our part of it.

pub mod network;
pub mod program;
pub mod setup;

pub use program::Git;
