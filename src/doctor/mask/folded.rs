//! A text as it is compared: letters without their case, and what is percent-encoded (RFC 3986
//! section 2.1), be it several times over, as what it stands for. Pure.

use std::ops::Range;

/// A letter, and the bytes of the text that it is written with.
#[derive(Clone, Debug)]
struct Unit {
    letter: char,
    source: Range<usize>,
}

/// A text, letter by letter.
#[derive(Clone, Debug)]
pub(super) struct Folded(Vec<Unit>);

/// The letters of a name. Nothing in it is taken as encoded.
pub(super) fn fold(name: &str) -> Vec<char> {
    name.chars().flat_map(without_case).collect()
}

/// In capitals and back: `ß` and `SS` are one, and so are the Kelvin sign and `k`.
fn without_case(c: char) -> impl Iterator<Item = char> {
    c.to_uppercase().flat_map(char::to_lowercase)
}

impl Folded {
    pub(super) fn of(text: &str) -> Self {
        let mut units = Vec::with_capacity(text.len());
        let mut at = 0;
        while let Some(literal) = text[at..].chars().next() {
            let (c, end) =
                encoded(text.as_bytes(), at).unwrap_or_else(|| (literal, at + literal.len_utf8()));
            units.extend(without_case(c).map(|letter| Unit { letter, source: at..end }));
            at = end;
        }
        Self(units)
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn at(&self, at: usize) -> Option<char> {
        self.0.get(at).map(|unit| unit.letter)
    }

    pub(super) fn before(&self, at: usize) -> Option<char> {
        self.at(at.checked_sub(1)?)
    }

    /// Where a name ends that begins here.
    pub(super) fn matches(&self, name: &[char], at: usize) -> Option<usize> {
        let units = self.0.get(at..at + name.len())?;
        // A form encodes a space as a plus.
        let same = |letter: char, wanted: char| letter == wanted || (wanted, letter) == (' ', '+');
        let all = units.iter().zip(name).all(|(unit, wanted)| same(unit.letter, *wanted));
        all.then_some(at + name.len())
    }

    /// Every place where a name stands.
    pub(super) fn all(&self, name: &[char]) -> Vec<Range<usize>> {
        (0..self.len()).filter_map(|at| Some(at..self.matches(name, at)?)).collect()
    }

    /// The bytes that letters are written with.
    pub(super) fn source(&self, letters: Range<usize>) -> Range<usize> {
        let units = &self.0[letters];
        match (units.first(), units.last()) {
            (Some(first), Some(last)) => first.source.start..last.source.end,
            _ => 0..0,
        }
    }
}

/// The character that is percent-encoded here, and where what follows it begins.
fn encoded(text: &[u8], at: usize) -> Option<(char, usize)> {
    let mut bytes = Vec::with_capacity(4);
    let mut end = at;
    while bytes.len() < 4 {
        let (byte, next) = encoded_byte(text, end)?;
        bytes.push(byte);
        end = next;
        if let Ok(decoded) = std::str::from_utf8(&bytes) {
            return decoded.chars().next().map(|c| (c, end));
        }
    }
    None
}

fn encoded_byte(text: &[u8], at: usize) -> Option<(u8, usize)> {
    let hex = |at: usize| {
        let digit = |at: usize| char::from(*text.get(at)?).to_digit(16);
        u8::try_from(digit(at)? * 16 + digit(at + 1)?).ok()
    };
    let mut byte = (*text.get(at)? == b'%').then(|| hex(at + 1))??;
    let mut end = at + 3;
    // %2540 is %40 encoded again.
    while byte == b'%'
        && let Some(inner) = hex(end)
    {
        byte = inner;
        end += 2;
    }
    Some((byte, end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_is_one_however_it_is_written() {
        for (text, letters) in [
            ("ADA%40x", "ada@x"),
            ("%61%2541%252540", "aa@"),
            ("Stra%C3%9Fe", "strasse"),
            ("100%", "100%"),
            ("%zz%C3", "%zz%c3"),
            ("\u{212a}", "k"),
        ] {
            let folded = Folded::of(text);
            let got: String = (0..folded.len()).filter_map(|at| folded.at(at)).collect();
            assert_eq!(got, letters, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn whatever_is_folded_covers_the_whole_text(text in "\\PC{0,40}|(%[0-9a-f]{2}){0,9}") {
            let folded = Folded::of(&text);
            proptest::prop_assert_eq!(folded.source(0..folded.len()).end, text.len());
        }
    }
}
