//! A line as it is typed where the terminal does no editing itself: what a key does to it.

use zeroize::{Zeroize as _, Zeroizing};

/// The longest line, in bytes. The address a browser ends on has some thousand.
const LIMIT: usize = 64 * 1024;

/// A line under way. What stands in it may be a secret.
#[derive(Default)]
pub(super) struct Line {
    bytes: Zeroizing<Vec<u8>>,
    too_long: bool,
}

/// What a key led to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Key {
    /// The line goes on.
    More,
    /// The line is complete.
    Enter,
    /// The end of input, on an empty line.
    End,
    /// The line is complete, and was longer than anything that is asked for.
    TooLong,
}

impl Line {
    /// An empty line.
    pub(super) fn new() -> Self {
        // Grown while it is filled, parts of it would stay behind in memory.
        Self { bytes: Zeroizing::new(Vec::with_capacity(LIMIT)), too_long: false }
    }

    /// Takes one byte, with the meaning termios(3) gives it in canonical mode.
    pub(super) fn take(&mut self, byte: u8) -> Key {
        const END_OF_TRANSMISSION: u8 = 0x04;
        const BACKSPACE: u8 = 0x08;
        const KILL: u8 = 0x15;
        const DELETE: u8 = 0x7f;
        match byte {
            b'\n' | b'\r' if self.too_long => return Key::TooLong,
            b'\n' | b'\r' => return Key::Enter,
            KILL => {
                self.bytes.clear();
                self.too_long = false;
            }
            // Up to its end, or whoever reads next would take the rest for a line of its own.
            _ if self.too_long => {}
            END_OF_TRANSMISSION if self.bytes.is_empty() => return Key::End,
            END_OF_TRANSMISSION => {}
            BACKSPACE | DELETE => {
                // A character of UTF-8, not a byte of it.
                while self.bytes.pop().is_some_and(|byte| byte & 0xc0 == 0x80) {}
            }
            _ if self.bytes.len() == LIMIT => {
                self.bytes.zeroize();
                self.too_long = true;
            }
            _ => self.bytes.push(byte),
        }
        Key::More
    }

    /// The bytes typed.
    pub(super) fn into_bytes(self) -> Zeroizing<Vec<u8>> {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn type_in(keys: &[u8]) -> (Vec<u8>, Key) {
        let mut line = Line::new();
        let mut last = Key::More;
        for &key in keys {
            last = line.take(key);
            if last != Key::More {
                break;
            }
        }
        (line.into_bytes().to_vec(), last)
    }

    #[test]
    fn keys_do_what_they_do_at_every_prompt() {
        let rows: &[(&[u8], &[u8], Key)] = &[
            (b"abc\n", b"abc", Key::Enter),
            (b"abc\r", b"abc", Key::Enter),
            (b"\n", b"", Key::Enter),
            (b"abx\x7fc\n", b"abc", Key::Enter),
            (b"\x7f\x08a\n", b"a", Key::Enter),
            ("aé\u{7f}b\n".as_bytes(), b"ab", Key::Enter),
            (b"wrong\x15right\n", b"right", Key::Enter),
            (b"\x04", b"", Key::End),
            (b"a\x04b\n", b"ab", Key::Enter),
        ];
        for (keys, line, end) in rows {
            let (typed, last) = type_in(keys);
            assert_eq!((typed.as_slice(), &last), (*line, end), "{keys:?}");
        }
    }

    #[test]
    fn a_line_longer_than_a_terminal_would_give_is_taken_whole_up_to_a_limit() {
        let mut long = vec![b'x'; LIMIT];
        long.push(b'\n');
        assert_eq!(type_in(&long), (vec![b'x'; LIMIT], Key::Enter));
        let longer = vec![b'x'; 2 * LIMIT];
        assert_eq!(type_in(&longer).1, Key::More);
        for (keys, line, end) in [
            (&b"\n"[..], &b""[..], Key::TooLong),
            (b"\x04\x7f\n", b"", Key::TooLong),
            (b"\x15abc\n", b"abc", Key::Enter),
        ] {
            assert_eq!(type_in(&[&longer, keys].concat()), (line.to_vec(), end), "{keys:?}");
        }
    }
}
