//! Which ways to sign in there are, and which of them a person chose. Pure.

use super::surroundings::Surroundings;
use crate::integration::Integration;

/// A way to sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// A browser on this machine.
    Browser,
    /// A browser on another one.
    Elsewhere,
    /// A device code.
    Device,
    /// A personal access token.
    Pat,
}

/// What a person answered to the list of ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Choice {
    /// This one.
    Way(Way),
    /// None.
    No,
    /// Nothing that makes sense.
    Unclear,
}

impl Way {
    fn words(self) -> &'static str {
        match self {
            Self::Browser => "a browser on this machine",
            Self::Elsewhere => "a browser on another machine",
            Self::Device => "a device code (many tenants block it)",
            Self::Pat => "a personal access token",
        }
    }
}

/// The ways of an integration, the best one first. A device code is never that.
pub(super) fn ways(
    integration: &Integration,
    surroundings: Surroundings,
    token_possible: bool,
) -> Vec<Way> {
    let mut ways = Vec::new();
    if integration.oauth.is_some() {
        if !surroundings.elsewhere {
            ways.push(Way::Browser);
        }
        ways.extend([Way::Elsewhere, Way::Device]);
    }
    if integration.pat && token_possible {
        ways.push(Way::Pat);
    }
    ways
}

/// The list as it is shown.
pub(super) fn menu(ways: &[Way]) -> String {
    let mut text = String::new();
    for (number, way) in (1..).zip(ways) {
        text.push_str(&format!("  {number}  {}\n", way.words()));
    }
    text.push_str("\nSign in with [1], or q for none: ");
    text
}

/// What the answer to the list means.
pub(super) fn choose(typed: &[u8], ways: &[Way]) -> Choice {
    match typed.to_ascii_lowercase().as_slice() {
        b"" => ways.first().map_or(Choice::No, |way| Choice::Way(*way)),
        b"q" | b"quit" | b"n" | b"no" | b"none" => Choice::No,
        [digit @ b'1'..=b'9'] => {
            let at = usize::from(digit - b'1');
            ways.get(at).map_or(Choice::Unclear, |way| Choice::Way(*way))
        }
        _ => Choice::Unclear,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn enter_takes_the_first_way_and_q_none() {
        let ways = [Way::Elsewhere, Way::Device, Way::Pat];
        let rows: &[(&[u8], Choice)] = &[
            (b"", Choice::Way(Way::Elsewhere)),
            (b"1", Choice::Way(Way::Elsewhere)),
            (b"3", Choice::Way(Way::Pat)),
            (b"4", Choice::Unclear),
            (b"0", Choice::Unclear),
            (b"12", Choice::Unclear),
            (b"q", Choice::No),
            (b"Q", Choice::No),
            (b"no", Choice::No),
            ("é".as_bytes(), Choice::Unclear),
        ];
        for (typed, expected) in rows {
            assert_eq!(choose(typed, &ways), *expected, "{typed:?}");
        }
        assert_eq!(choose(b"", &[]), Choice::No);
    }
}
