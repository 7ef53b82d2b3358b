//! Stand-ins for Microsoft Entra ID, Azure DevOps Services and Azure DevOps Server.
//!
//! A [`World`] plays them under their real names behind a proxy on loopback that ends TLS with
//! certificates of an authority of its own, so that programs run the code they run in earnest:
//! give them [`World::env`], let [`World::browse`] be their browser, and look at
//! [`World::requests`] afterwards. Every world is its own; many may run at once.
mod azure;
mod backend;
mod browser;
mod ca;
mod client;
mod clock;
mod entra;
mod faults;
mod foreign;
mod http;
mod log;
mod microsoft;
mod proxy;
mod random;
mod server;
mod sites;
mod world;

pub use azure::{AzureDevOps, MSA_TENANT, Pat, Rule, SignInPage};
pub use browser::{BrowseResult, browse};
pub use client::{Client, Reply};
pub use entra::{
    ADA, ADO_RESOURCE, ADO_RESOURCE_URI, App, CLIENT_ID, CLIENT_SECRET, CONTOSO, Dead, Entra,
    FABRIKAM, GRACE, Platform, Policy, SignIn,
};
pub use faults::{Fault, Target, Times};
pub use log::{Secrets, Seen};
pub use server::{AzureDevOpsServer, ServerSignIn};
pub use sites::Proxy;
pub use world::World;
