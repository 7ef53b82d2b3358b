//! Warnings that are worth saying once a day.

use std::time::Duration;

use crate::clock;
use crate::vault::{Notices, Vault};

const DAY: u64 = 24 * 60 * 60;

/// Whether `what` was not said for a day; it counts as said now.
pub(super) fn first_today(vault: &Vault, what: &str) -> bool {
    let now = clock::now();
    let said = |notices: &Notices| {
        notices.told.iter().any(|(told, at)| told == what && *at <= now && now - at < DAY)
    };
    let read = || vault.read::<Notices>("all").ok().flatten().unwrap_or_default();
    if said(&read()) {
        return false;
    }
    let Ok(writer) = vault.write_within(Duration::ZERO) else { return true };
    let mut notices = writer.read::<Notices>("all").ok().flatten().unwrap_or_default();
    if said(&notices) {
        return false;
    }
    notices.told.retain(|(told, at)| told != what && *at <= now && now - at < DAY);
    notices.told.push((what.to_owned(), now));
    let _ = writer.put("all", &notices);
    true
}
