//! What takes its time: most of it is waiting, so that all of it is waited for side by side.

#[path = "../common/mod.rs"]
mod common;
mod device_code;
mod patience;
