//! The virtual directory of an Azure DevOps Server: where below the host it begins.

use std::fmt;

use serde::Serialize;

/// The longest directory accepted, in bytes: IIS refuses longer paths long before.
const MAX: usize = 256;

/// `/`, or `/tfs`, or `/a/b`: always a leading and never a trailing slash.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct VirtualDirectory(String);

impl VirtualDirectory {
    /// Reads what a person typed: `/tfs`, `tfs/` and `tfs` are one, an empty text is `/`. Typed as
    /// it reads, not percent-encoded, since git hands over paths decoded.
    pub fn parse(text: &str) -> Option<Self> {
        let odd = |c: char| matches!(c, '?' | '#' | '\\' | '%') || c.is_control();
        if text.len() > MAX || text.contains(odd) {
            return None;
        }
        let mut path = String::new();
        // A space in front of a closing slash is at the end, too: so it is read where it is printed.
        let text = text.trim_start().trim_end_matches(|c: char| c == '/' || c.is_whitespace());
        for segment in text.split('/').filter(|s| !s.is_empty()) {
            if segment.trim().is_empty() || matches!(segment, "." | "..") {
                return None;
            }
            path.push('/');
            path.push_str(segment);
        }
        Some(if path.is_empty() { Self::default() } else { Self(path) })
    }

    /// The directory with its leading slash.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands between host and collection in an address: nothing for `/`.
    pub fn prefix(&self) -> &str {
        if self.is_root() { "" } else { &self.0 }
    }

    /// Whether it is the host's root.
    pub fn is_root(&self) -> bool {
        self.0 == "/"
    }

    /// Its names, in order.
    pub fn segments(&self) -> impl Iterator<Item = &str> {
        self.0.split('/').filter(|s| !s.is_empty())
    }

    /// What of a path lies below the directory, or `None` where the path is elsewhere. Compares
    /// whole names without regard to ASCII case, as IIS does.
    pub fn below<'a, 'b>(&self, path: &'b [&'a str]) -> Option<&'b [&'a str]> {
        let mut rest = path;
        for name in self.segments() {
            match rest.split_first() {
                Some((first, after)) if first.eq_ignore_ascii_case(name) => rest = after,
                _ => return None,
            }
        }
        Some(rest)
    }
}

impl Default for VirtualDirectory {
    fn default() -> Self {
        Self("/".to_owned())
    }
}

impl fmt::Display for VirtualDirectory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_spelling_becomes_the_same_or_is_refused() {
        for (text, want) in [
            ("", Some("/")),
            ("/", Some("/")),
            ("//", Some("/")),
            ("/tfs", Some("/tfs")),
            ("tfs/", Some("/tfs")),
            (" tfs ", Some("/tfs")),
            ("tfs /", Some("/tfs")),
            ("/Apps//TFS/", Some("/Apps/TFS")),
            ("/my tfs", Some("/my tfs")),
            ("/..", None),
            ("/tfs/../x", None),
            ("./tfs", None),
            ("/tfs?x=1", None),
            ("/tfs#x", None),
            ("/t%66s", None),
            ("\\tfs", None),
            ("/tfs\n", None),
            ("/ /x", None),
        ] {
            let got = VirtualDirectory::parse(text);
            assert_eq!(got.as_ref().map(VirtualDirectory::as_str), want, "{text:?}");
        }
        assert_eq!(VirtualDirectory::parse(&"a".repeat(300)), None);
    }

    #[test]
    fn what_lies_below_is_found_whatever_the_case() {
        let tfs = VirtualDirectory::parse("/tfs").expect("a directory");
        assert_eq!(tfs.below(&["TFS", "c"]), Some(&["c"][..]));
        assert_eq!(tfs.below(&["tfs"]), Some(&[][..]));
        assert_eq!(tfs.below(&["tfs2", "c"]), None);
        assert_eq!(tfs.below(&[]), None);
        assert_eq!(VirtualDirectory::default().below(&["c"]), Some(&["c"][..]));
    }

    proptest! {
        #[test]
        fn what_is_printed_reads_back(text in "\\PC{0,40}") {
            if let Some(directory) = VirtualDirectory::parse(&text) {
                prop_assert!(directory.as_str().starts_with('/'));
                prop_assert_eq!(VirtualDirectory::parse(directory.as_str()), Some(directory));
            }
        }
    }
}
