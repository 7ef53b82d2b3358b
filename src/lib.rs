//! A git credential helper for Azure DevOps.
//!
//! Data runs one way: [`cli`] → [`broker`] → ([`vault`], [`entra`]) → [`azure`] and [`protocol`].

pub mod azure;
pub mod entra;
pub mod git;
pub mod report;
pub mod secret;
