//! `bootstrap`: what a cloud environment is handed over at its start becomes an environment in
//! which git works, however often it is started.
#![cfg(unix)]

#[path = "../common/mod.rs"]
mod common;

mod again;
mod documents;
mod examples;
mod from_nothing;
mod given;
mod half_way;
mod herd;
mod interrupted;
mod places;
mod prune;
mod refused;
mod secrets;
mod waiting;
