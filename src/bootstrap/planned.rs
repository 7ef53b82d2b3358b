//! What is to become of each token that a script hands over, which depends on what was taken over
//! before and on what is kept.

use super::apply::Bench;
use super::given::{GivenHost, GivenToken};
use super::source::Source;
use crate::azure::Scheme;
use crate::broker::PatKey;
use crate::integration::{HostKey, Integration};
use crate::report::Failure;
use crate::trace;
use crate::vault::{Pats, Session};

/// What is to become of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It was never given before.
    New,
    /// It was taken over, and what is kept is it or came of it.
    Kept,
    /// It was taken over, and something else is kept in its place.
    Succeeded,
    /// It was taken over, and nothing is kept in its place.
    Gone,
}

pub(super) struct Planned<'g> {
    /// As it was given.
    pub(super) token: &'g GivenToken,
    /// What it is for.
    pub(super) source: Source,
    /// What is to become of it.
    pub(super) fate: Fate,
    /// Whether something of the same source is kept.
    pub(super) replaces: bool,
}

impl Planned<'_> {
    /// Whether it is an OAuth session's.
    pub(super) fn is_refresh(&self) -> bool {
        matches!(self.token, GivenToken::Refresh { .. })
    }
}

impl Bench<'_> {
    /// What is to become of each token.
    pub(super) fn tokens<'g>(
        &self,
        integration: &Integration,
        given: &'g GivenHost,
    ) -> Result<Vec<Planned<'g>>, Failure> {
        // Damaged ones are given anew.
        let kept_pats = self.kept_pats(integration.scheme(), &given.spec.key)?;
        let damaged = kept_pats.is_none();
        let kept_pats = kept_pats.unwrap_or_default().pats;
        let planned = given.tokens.iter().map(|token| {
            let digest = token.secret().digest();
            let is_known = |source: &Source| {
                let name = source.to_string();
                let mut tokens = self.imported.tokens.iter();
                tokens.any(|known| known.source == name && known.digest == digest)
            };
            let source = Source::former(&integration.host, token)
                .filter(is_known)
                .unwrap_or_else(|| Source::of(&integration.host, token));
            let known = is_known(&source) && !(damaged && matches!(source, Source::Pat(..)));
            let (is_kept, is_replaced) = match &source {
                Source::Refresh(key) => {
                    // A damaged one is replaced by a new one, and missed where none is given.
                    let kept = self.vault.read_intact::<Session>(&key.to_string())?;
                    (
                        kept.as_ref().is_some_and(|kept| kept.imported == Some(digest)),
                        kept.is_some(),
                    )
                }
                Source::Pat(_, organization) => (
                    kept_pats.iter().any(|pat| pat.login.secret() == token.secret()),
                    kept_pats.iter().any(|pat| pat.organization == *organization),
                ),
            };
            // Where it is not known any more what was given before, what is kept is taken for what came
            // of it: to redeem a refresh token again that is spent may end its successor.
            let known = known || (self.forgotten && is_replaced);
            let fate = match (known, is_kept, is_replaced) {
                (_, true, _) => Fate::Kept,
                // What came after it counts: a successor, or what somebody gave here since.
                (true, false, true) => Fate::Succeeded,
                (true, false, false) => Fate::Gone,
                (false, false, _) => Fate::New,
            };
            trace::event("bootstrap", |words| {
                words
                    .with("host", &given.spec)
                    .with("given", &source)
                    .secret("secret", token.secret())
                    .with("fate", format!("{fate:?}"))
            });
            Ok(Planned { token, source, fate, replaces: is_replaced })
        });
        planned.collect()
    }

    /// The personal access tokens of a host; `None` if they are damaged.
    pub(super) fn kept_pats(
        &self,
        scheme: Scheme,
        host: &HostKey,
    ) -> Result<Option<Pats>, Failure> {
        let key = PatKey { scheme, host: host.clone() };
        match self.vault.read::<Pats>(&key.to_string()) {
            Err(error) if error.is_damage_of::<Pats>() => Ok(None),
            read => Ok(Some(read?.unwrap_or_default())),
        }
    }
}
