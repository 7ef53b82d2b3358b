//! What Azure DevOps is: hosts, organizations, addresses, tokens and messages. Pure.

pub mod aadsts;
pub mod messages;
pub mod organization;
pub mod pat;
pub mod place;
pub mod remote;
pub mod url;
pub mod virtual_directory;
