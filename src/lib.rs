//! A git credential helper for Azure DevOps.
//!
//! Data runs one way: [`cli`] → [`sign_in`] → [`broker`] → ([`vault`], [`entra`]) → [`azure`] and [`protocol`].

pub mod azure;
pub mod bootstrap;
pub mod broker;
pub mod cli;
pub mod clock;
pub mod devops;
pub mod doctor;
pub mod entra;
pub mod git;
pub mod guid;
pub mod integration;
pub mod net;
pub mod paths;
pub mod person;
pub mod programs;
pub mod protocol;
pub mod reach;
pub mod report;
pub mod secret;
pub mod sign_in;
pub mod trace;
pub mod variables;
pub mod vault;
pub mod when;
