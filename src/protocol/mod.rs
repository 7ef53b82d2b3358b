//! git's credential protocol, as bytes (gitcredentials(7), git-credential(1)).
//!
//! Pure: reads from what it is given, and builds an answer that somebody else writes.

mod answer;
mod request;

pub use answer::{Answer, CAPABILITIES, Credential, Login, Unprintable};
pub use request::{Capabilities, LINE_LIMIT, REQUEST_LIMIT, Reject, Request};

/// What git asks a helper to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Hand out a credential.
    Get,
    /// Keep a credential that worked.
    Store,
    /// Forget a credential that was rejected.
    Erase,
    /// Say which optional parts of the protocol are spoken.
    Capability,
}

impl Operation {
    /// The operation of that name.
    pub fn from_word(word: &str) -> Option<Self> {
        match word {
            "get" => Some(Self::Get),
            "store" => Some(Self::Store),
            "erase" => Some(Self::Erase),
            "capability" => Some(Self::Capability),
            _ => None,
        }
    }
}
