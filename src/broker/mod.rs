//! What to answer: the decisions of `get`, `store` and `erase`.
//!
//! The decisions are pure; what they read comes through [`Shelf`], so that every
//! situation is a row of a test.

mod erase;
mod get;
mod in_the_way;
mod notice;
mod pats;
mod provenance;
mod refresh;
mod refused;
mod session;
mod shelf;
mod store;
mod subject;
mod told;
mod uses;
mod verify;

pub use erase::erase;
pub use get::{Offer, Outcome, get};
pub use notice::{Notice, belongs_to_another, make_own, others_have_a_hand};
pub use pats::keep as keep_pat;
pub use refresh::{
    RefreshFailure, foresee as foresee_refresh, last_failure, refresh_now, why_over,
};
pub use refused::ask_again;
pub use session::{
    Forgotten, access, forget, issuer_hint, keep_access_token, redirect_path, redirect_uri,
    secret_for, sessions,
};
pub use shelf::{Shelf, VaultShelf};
pub use store::store;
pub use subject::{PatKey, SessionKey, Subject};
pub use told::{integration as told_integration, request as told_request};
pub use uses::{Kept, Use, would_use};
pub use verify::Question;

/// An access token is handed out if it is good for this long, in seconds: a clone may take a
/// while, and a clock may be off.
const MARGIN: u64 = 5 * 60;

/// What ends that git does not say which organization or collection it means.
const USE_HTTP_PATH: &str =
    "have git send the path (credential.useHttpPath): git-credential-ona-azure setup-git";

/// What `state[]` carries with an access token.
pub(crate) const STATE: &str = "ona-azure:oauth";

#[cfg(test)]
mod get_table;
