//! A line of the trace. Pure.

use std::fmt::{Display, Write as _};

use jiff::Timestamp;

use super::Fingerprint;
use crate::report::escape;
use crate::secret::Secret;

/// The longest value shown, in characters: what comes from outside may be of any length.
const LONGEST: usize = 500;

/// The words of a line, one after the other.
#[derive(Debug, Default)]
pub struct Words(String);

impl Words {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// One more. A value that is empty, or has a space or a quotation mark in it, stands in
    /// quotation marks; whatever could move a terminal's cursor becomes `\u{…}`.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Display) -> Self {
        let _ = write!(self.0, " {key}={}", word(&value.to_string()));
        self
    }

    /// One more, if there is a value.
    #[must_use]
    pub fn maybe(self, key: &str, value: Option<impl Display>) -> Self {
        match value {
            Some(value) => self.with(key, value),
            None => self,
        }
    }

    /// The fingerprint of a secret.
    #[must_use]
    pub fn secret(self, key: &str, secret: &Secret) -> Self {
        self.with(key, Fingerprint::of(secret))
    }

    /// The fingerprint of a secret; `none` if there is none.
    #[must_use]
    pub fn maybe_secret(self, key: &str, secret: Option<&Secret>) -> Self {
        match secret {
            Some(secret) => self.secret(key, secret),
            None => self.with(key, "none"),
        }
    }

    /// `yes` or `no`.
    #[must_use]
    pub fn flag(self, key: &str, is_so: bool) -> Self {
        self.with(key, if is_so { "yes" } else { "no" })
    }
}

/// The whole line. The time is UTC.
pub(super) fn line(at_ms: u64, process: u32, kind: &str, words: &Words) -> String {
    let at = i64::try_from(at_ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    let at = at.unwrap_or_default();
    format!("{at:.3} {process} {kind}{}\n", words.0)
}

fn word(value: &str) -> String {
    let mut text: String = value.chars().take(LONGEST).collect();
    if text.len() < value.len() {
        text.push('…');
    }
    let quotes = text.is_empty() || text.chars().any(|c| c.is_whitespace() || c == '"');
    let safe = escape(&text.replace('\\', "\\\\").replace('"', "\\\""));
    if quotes { format!("\"{safe}\"") } else { safe }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_time_process_kind_and_words() {
        let words = Words::new().with("host", "dev.azure.com").flag("found", true);
        assert_eq!(
            line(1_795_716_642_123, 4711, "integration", &words),
            "2026-11-26T18:10:42.123Z 4711 integration host=dev.azure.com found=yes\n"
        );
    }

    #[test]
    fn no_value_can_end_its_word_or_its_line() {
        let rows = [
            ("plain", "k=plain"),
            ("", "k=\"\""),
            ("two words", "k=\"two words\""),
            ("a\"b", "k=\"a\\\"b\""),
            ("a\\b", "k=a\\\\b"),
            ("a\nb", "k=\"a\\u{a}b\""),
            ("\u{1b}[31m", "k=\\u{1b}[31m"),
            ("x=1", "k=x=1"),
        ];
        for (value, shown) in rows {
            assert_eq!(Words::new().with("k", value).0, format!(" {shown}"), "{value:?}");
        }
        let long = Words::new().with("k", "x".repeat(10_000)).0;
        assert_eq!(long.chars().count(), " k=".len() + LONGEST + 1);
    }
}
