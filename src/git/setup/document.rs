//! A git configuration file as text: where each section and setting stands. Pure.
//!
//! What a file *means* only git decides; this knows where it is written, so that lines can be
//! named and taken out without touching any other byte. `Document::new` compares its reading with
//! git's and gives up where they differ.

use std::ops::Range;

/// Marks the sections that we made, at the end of their header line.
pub(super) const MARK: &str = "# git-credential-ona-azure setup-git";

/// The line before the `[credential]` that we made. Behind that header git would write the helper that
/// is set later, and tear a mark there off it.
pub(super) const MARK_BEFORE: &str =
    "# git-credential-ona-azure setup-git: helpers that are set later go here";

/// One setting as git lists it: the key in git's canonical case, and the value unless it has none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Setting {
    pub(super) key: String,
    pub(super) value: Option<String>,
}

/// Where a setting stands.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// Its name within the section, in lower case.
    pub(super) name: String,
    /// What git says its value is; without one, empty.
    pub(super) value: String,
    /// Its bytes, from the name to the end of the (last) line.
    pub(super) span: Range<usize>,
}

/// One section: from a header to the next.
#[derive(Clone, Debug)]
pub(super) struct Section {
    /// Its name: `credential`, `credential.https://dev.azure.com`.
    pub(super) key: String,
    /// The header's bytes, from bracket to bracket.
    pub(super) header: Range<usize>,
    /// Our mark: behind the header, with the space before it, or on the line before it.
    pub(super) mark: Option<Range<usize>>,
    pub(super) entries: Vec<Entry>,
    /// Holds comments other than our mark.
    pub(super) comments: bool,
}

/// A file, read.
#[derive(Clone, Debug)]
pub(super) struct Document<'a> {
    pub(super) text: &'a [u8],
    pub(super) sections: Vec<Section>,
}

impl<'a> Document<'a> {
    /// The text, if it reads as git reads it: `settings` is what git lists for it.
    pub(super) fn new(text: &'a [u8], settings: &[Setting]) -> Option<Self> {
        let mut sections = scan(text)?;
        let mut listed = settings.iter();
        for section in &mut sections {
            for entry in &mut section.entries {
                let setting = listed.next()?;
                if setting.key != format!("{}.{}", section.key, entry.name) {
                    return None;
                }
                entry.value = setting.value.clone().unwrap_or_default();
            }
        }
        listed.next().is_none().then_some(Self { text, sections })
    }

    /// The line an entry begins on.
    pub(super) fn line(&self, entry: &Entry) -> usize {
        line(self.text, entry.span.start)
    }
}

/// The lines on which the settings of a file stand, in order; nothing if it cannot be read.
pub(super) fn lines(text: &[u8]) -> Vec<(String, usize)> {
    let sections = scan(text).unwrap_or_default();
    let of = |section: &Section, entry: &Entry| {
        (format!("{}.{}", section.key, entry.name), line(text, entry.span.start))
    };
    sections.iter().flat_map(|s| s.entries.iter().map(move |e| of(s, e))).collect()
}

fn line(text: &[u8], at: usize) -> usize {
    text[..at].iter().filter(|byte| **byte == b'\n').count() + 1
}

fn scan(text: &[u8]) -> Option<Vec<Section>> {
    let mut sections: Vec<Section> = Vec::new();
    let mut at = if text.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    while let Some(&byte) = text.get(at) {
        match byte {
            b'#' | b';' => {
                let end = line_end(text, at);
                let is_mark = text[at..end].trim_ascii_end() == MARK_BEFORE.as_bytes();
                if let Some(section) = sections.last_mut().filter(|_| !is_mark) {
                    note_comment(section, text, at..end);
                }
                at = end;
            }
            b'[' => {
                let (key, end) = header(text, at)?;
                let entries = Vec::new();
                let mark = if key == "credential" { mark_before(text, at) } else { None };
                sections.push(Section { key, header: at..end, mark, entries, comments: false });
                at = end;
            }
            byte if byte.is_ascii_alphabetic() => {
                let section = sections.last_mut()?;
                let (name, end) = entry(text, at)?;
                section.entries.push(Entry { name, value: String::new(), span: at..end });
                at = end;
            }
            byte if is_space(byte) => at += 1,
            _ => return None,
        }
    }
    Some(sections)
}

fn is_space(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte == 0x0b
}

/// Where the line ends, before its line feed.
pub(super) fn line_end(text: &[u8], at: usize) -> usize {
    text[at..].iter().position(|byte| *byte == b'\n').map_or(text.len(), |found| at + found)
}

/// Is it our mark, or somebody's words?
/// Our mark on the line before a header that begins its own.
fn mark_before(text: &[u8], header: usize) -> Option<Range<usize>> {
    let before = text[..header].strip_suffix(b"\n")?;
    let start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    (before[start..].trim_ascii_end() == MARK_BEFORE.as_bytes()).then_some(start..before.len())
}

fn note_comment(section: &mut Section, text: &[u8], comment: Range<usize>) {
    let between = &text[section.header.end..comment.start];
    let beside = section.entries.is_empty() && between.iter().all(|b| *b == b' ' || *b == b'\t');
    if beside && text[comment.clone()].trim_ascii_end() == MARK.as_bytes() {
        section.mark = Some(section.header.end..section.header.end + between.len() + MARK.len());
    } else {
        section.comments = true;
    }
}

/// `[section]`, `[section "subsection"]`, or the old `[section.subsection]`.
fn header(text: &[u8], start: usize) -> Option<(String, usize)> {
    let name_end = start + 1 + text[start + 1..].iter().position(|b| *b == b']' || is_space(*b))?;
    let mut key = String::from_utf8(text[start + 1..name_end].to_ascii_lowercase()).ok()?;
    if text[name_end] == b']' {
        return Some((key, name_end + 1));
    }
    let mut at = name_end + text[name_end..].iter().position(|b| *b == b'"')? + 1;
    let mut subsection = Vec::new();
    loop {
        match text.get(at)? {
            b'"' => break,
            b'\n' => return None,
            b'\\' => {
                at += 1;
                subsection.push(*text.get(at)?);
            }
            byte => subsection.push(*byte),
        }
        at += 1;
    }
    key.push('.');
    key.push_str(&String::from_utf8_lossy(&subsection));
    (text.get(at + 1) == Some(&b']')).then_some((key, at + 2))
}

/// `name = value`, where quotes and a backslash carry the value over the end of a line.
fn entry(text: &[u8], start: usize) -> Option<(String, usize)> {
    let length = text[start..].iter().position(|b| !(b.is_ascii_alphanumeric() || *b == b'-'));
    let mut at = length.map_or(text.len(), |length| start + length);
    let name = String::from_utf8(text[start..at].to_ascii_lowercase()).ok()?;
    let (mut quoted, mut comment) = (false, false);
    while let Some(&byte) = text.get(at) {
        match byte {
            b'\n' if quoted => return None,
            b'\n' => break,
            _ if comment => {}
            b'#' | b';' if !quoted => comment = true,
            b'"' => quoted = !quoted,
            b'\\' if text[at + 1..].starts_with(b"\r\n") => at += 2,
            b'\\' => at += 1,
            _ => {}
        }
        at += 1;
    }
    Some((name, at.min(text.len())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_found_on_their_lines() {
        let text = b"\xef\xbb\xbf# top\n[core]\r\n\tbare\r\n[a.B] x = 1 ; c\n[credential \"https://h/\\\"q\"]\n\
            \thelper = \"!f() { \\\n  x; }\" # y\n\tHelper=\n";
        let expected = [
            ("core.bare", 3),
            ("a.b.x", 4),
            ("credential.https://h/\"q.helper", 6),
            ("credential.https://h/\"q.helper", 8),
        ];
        let found = lines(text);
        let found: Vec<_> = found.iter().map(|(key, line)| (key.as_str(), *line)).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn what_is_no_configuration_is_refused() {
        for text in ["x = 1\n", "[a\nb]", "[a]\n=3", "[a]\nb = \"open\n", "[a \"b]\n"] {
            assert!(scan(text.as_bytes()).is_none(), "{text}");
        }
    }

    #[test]
    fn only_our_mark_behind_a_header_counts() {
        let text = format!("[a \"b\"] {MARK}\n\tx = 1\n[a \"c\"]\n{MARK}\n");
        let sections = scan(text.as_bytes()).expect("a configuration");
        assert!(sections[0].mark.is_some() && !sections[0].comments);
        assert!(sections[1].mark.is_none() && sections[1].comments);
    }
}
