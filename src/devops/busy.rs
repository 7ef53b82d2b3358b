//! A service that cannot answer now, in words.

use crate::when;

/// Why, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Busy {
    /// The HTTP status.
    pub status: u16,
    /// How long it asks to wait, in seconds.
    pub retry_after: Option<u64>,
    /// Whether the organization or collection was taken offline.
    pub offline: bool,
}

impl Busy {
    /// What happened, `name` being who was asked.
    pub fn what(&self, name: &str) -> String {
        match self.status {
            _ if self.offline => format!("{name} is offline for now"),
            429 => format!("{name} has had too many requests and refuses for now"),
            status => format!("{name} answers with HTTP status {status}"),
        }
    }

    /// What to do.
    pub fn fix(&self) -> String {
        match (self.status, self.retry_after) {
            (429, None) => "wait some minutes, then try again".to_owned(),
            _ => format!("try again {}", self.when()),
        }
    }

    /// When to try again: `in 2 minutes`.
    pub fn when(&self) -> String {
        match self.retry_after {
            Some(seconds) => when::distance(seconds.max(1), 0),
            None => "in some minutes".to_owned(),
        }
    }
}

/// Worth knowing where an answer came late on purpose ([`Answer::is_slowed`](super::Answer::is_slowed)).
pub fn slowed(name: &str) -> String {
    format!("{name} is slowing this account down for now: it has had too many requests")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_told_in_words() {
        for (status, retry_after, offline, what, fix) in [
            (
                429,
                Some(0),
                false,
                "x has had too many requests and refuses for now",
                "try again in 1 second",
            ),
            (
                429,
                Some(30),
                false,
                "x has had too many requests and refuses for now",
                "try again in 30 seconds",
            ),
            (
                429,
                None,
                false,
                "x has had too many requests and refuses for now",
                "wait some minutes, then try again",
            ),
            (503, Some(300), false, "x answers with HTTP status 503", "try again in 5 minutes"),
            (503, None, false, "x answers with HTTP status 503", "try again in some minutes"),
            (503, None, true, "x is offline for now", "try again in some minutes"),
        ] {
            let busy = Busy { status, retry_after, offline };
            assert_eq!((busy.what("x"), busy.fix()), (what.to_owned(), fix.to_owned()));
        }
    }
}
