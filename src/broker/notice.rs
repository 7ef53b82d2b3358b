//! Warnings that are worth saying once a day.

use std::path::Path;

use crate::clock;
use crate::report::{Message, path_word};
use crate::vault::{Anothers, Notices, Vault};

const HOUR: u64 = 60 * 60;

const DAY: u64 = 24 * HOUR;

/// The warnings that other accounts have a hand in the vault or its key, if they have and it was
/// not said for a day.
pub fn others_have_a_hand(vault: &Vault) -> Vec<Message> {
    let open =
        vault.open_to_others().filter(|_| first(vault, Notice::Permissions, "open to others"));
    let open = open.map(|path| {
        Message::warning(format!("other accounts may change or read {}", path.display())).hint(
            format!(
                "chmod -R go= {}, or, if modes mean nothing there, name another directory in ONA_AZURE_STATE_DIR",
                path_word(vault.dir())
            ),
        )
    });
    let anothers =
        vault.anothers().filter(|_| first(vault, Notice::Permissions, "of another account"));
    let anothers = anothers.map(|found| {
        Message::warning(belongs_to_another(&found)).hint(make_own(&found, vault.dir()))
    });
    anothers.into_iter().chain(open).collect()
}

/// That something of the vault's belongs to another account.
pub fn belongs_to_another(found: &Anothers) -> String {
    format!(
        "{} belongs to another account (number {}), which may change and read it",
        found.path.display(),
        found.owner
    )
}

/// What to do about that, the command included. `dir` is the vault's.
pub fn make_own(found: &Anothers, dir: &Path) -> String {
    let (whole, variable) = match found.path.starts_with(dir) {
        true => (dir, "another directory in ONA_AZURE_STATE_DIR"),
        false => (&*found.path, "another file in ONA_AZURE_KEY_FILE"),
    };
    format!(
        "if it is to be this account's: sudo chown -R \"$(id -u)\" {}; if not, name {variable}",
        path_word(whole)
    )
}

/// What is not worth saying at every git command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// That other accounts have a hand in the vault.
    Permissions,
    /// That a token ends soon.
    Expiry,
    /// That a user name is a token.
    TokenAsName,
    /// Why a token is used and not OAuth.
    WhyNotOAuth,
}

impl Notice {
    /// How long it is not said again, in seconds.
    fn span(self) -> u64 {
        match self {
            Self::WhyNotOAuth => HOUR,
            Self::Permissions | Self::Expiry | Self::TokenAsName => DAY,
        }
    }
}

/// Whether it was not said of `what` for its time; it counts as said now.
pub(super) fn first(vault: &Vault, notice: Notice, what: &str) -> bool {
    let now = clock::now();
    let what = &*format!("{notice:?} {what}");
    let said = |notices: &Notices| {
        let recent = |at: u64| at <= now && now - at < notice.span();
        notices.told.iter().any(|(told, at)| told == what && recent(*at))
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
