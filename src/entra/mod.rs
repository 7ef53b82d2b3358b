//! Entra ID: where it is, and what its refusals mean.

pub mod issuer;
pub mod refusal;
