//! The network: one way to send a request, with the deadlines and the care every one needs.
//!
//! Nothing here is touched before the network is needed: building a client reads every CA
//! certificate of the machine.

mod client;
mod error;
mod route;
mod told;

pub use client::{EnoughBody, Network, Reply, Send, Within};
pub use error::NetError;
pub use route::{Proxied, Trust, proxy, trust};
