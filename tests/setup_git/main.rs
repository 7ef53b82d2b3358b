//! What `setup-git` promises, and what git's network settings may say.
//!
//! Every claim is proved with each git on this machine.
#![cfg(unix)]

#[path = "../common/mod.rs"]
mod common;

mod files;
mod later;
mod network;
mod others;
mod sections;
mod world;
