//! Warnings that are worth saying once a day.

use crate::clock;
use crate::report::{Message, path_word};
use crate::vault::{Notices, Vault};

const DAY: u64 = 24 * 60 * 60;

/// The warning that other accounts have a hand in the vault, if they have and it was not said for
/// a day.
pub fn open_to_others(vault: &Vault) -> Option<Message> {
    let path = vault.open_to_others()?;
    first_today(vault, "open to others").then(|| {
        Message::warning(format!("other accounts may change or read {}", path.display())).hint(
            format!(
                "chmod -R go= {}, or, if modes mean nothing there, name another directory in ONA_AZURE_STATE_DIR",
                path_word(vault.dir())
            ),
        )
    })
}

/// Whether `what` was not said for a day; it counts as said now.
pub(super) fn first_today(vault: &Vault, what: &str) -> bool {
    let now = clock::now();
    let said = |notices: &Notices| {
        notices.told.iter().any(|(told, at)| told == what && *at <= now && now - at < DAY)
    };
    if vault.read::<Notices>("all").ok().flatten().is_some_and(|notices| said(&notices)) {
        return false;
    }
    // Rather said twice than waited for, or not said.
    let Ok(writer) = vault.write_at_once() else { return true };
    let first = writer.update("all", |kept: &mut Option<Notices>| {
        let notices = kept.get_or_insert_default();
        let first = !said(notices);
        notices.told.retain(|(told, at)| (told != what || !first) && *at <= now && now - at < DAY);
        if first {
            notices.told.push((what.to_owned(), now));
        }
        first
    });
    first.unwrap_or(true)
}
