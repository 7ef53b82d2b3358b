//! The name of an organization, or of a collection on an Azure DevOps Server.
//!
//! Names are compared after one normalisation, made here and nowhere else: ASCII letters become
//! lower case. Nothing is stripped (`contoso.git` is not `contoso`) and no Unicode case folding
//! is done (the Kelvin sign folds to `k`), so that two organizations never share a key.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, de::Error};

/// Most characters a cloud organization's name has ("Create an organization", naming rules).
const CLOUD_MAX: usize = 50;

/// Most characters accepted for a collection. The limit of the product is 64 ("Naming
/// restrictions and conventions"); some room is left, since the server is the judge.
const COLLECTION_MAX: usize = 128;

/// An organization's or a collection's name, ASCII letters in lower case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Organization(String);

impl Organization {
    /// An organization of Azure DevOps Services: ASCII letters, digits and hyphens, 1 to 50 of
    /// them, a letter or digit at both ends.
    ///
    /// No exception is made for underscores and dots: every organization also is a host label
    /// (`{org}.visualstudio.com`), where neither can stand, and without the exception `_apis`,
    /// `_git` and `repo.git` are never mistaken for one.
    pub fn cloud(name: &str) -> Option<Self> {
        let bytes = name.as_bytes();
        let ends = bytes.first()?.is_ascii_alphanumeric() && bytes.last()?.is_ascii_alphanumeric();
        let inside = bytes.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'-');
        (ends && inside && bytes.len() <= CLOUD_MAX).then(|| Self(name.to_ascii_lowercase()))
    }

    /// A collection of an Azure DevOps Server: any printable text that can be one segment of a
    /// path. Only what would change the meaning of a URL is refused; the server knows the rest.
    pub fn collection(name: &str) -> Option<Self> {
        let delimits = |c: char| matches!(c, '/' | '\\' | '?' | '#') || c.is_control();
        let dots = matches!(name, "." | "..");
        let fits = !name.trim().is_empty() && name.chars().count() <= COLLECTION_MAX;
        (fits && !dots && !name.contains(delimits)).then(|| Self(name.to_ascii_lowercase()))
    }

    /// The name, ASCII letters in lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Organization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Reads either kind: every cloud name also is a collection's.
impl<'de> Deserialize<'de> for Organization {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::collection(&text).ok_or_else(|| D::Error::custom("not an organization's name"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn cloud_names() {
        let fifty = "a".repeat(50);
        for (name, want) in [
            ("contoso", Some("contoso")),
            ("Contoso-2", Some("contoso-2")),
            ("7", Some("7")),
            (fifty.as_str(), Some(fifty.as_str())),
            ("", None),
            ("-a", None),
            ("a-", None),
            ("_apis", None),
            ("a_b", None),
            ("org1.git", None),
            ("a b", None),
            ("org?x", None),
            ("o\u{440}g", None),
        ] {
            assert_eq!(
                Organization::cloud(name).as_ref().map(Organization::as_str),
                want,
                "{name}"
            );
        }
        assert_eq!(Organization::cloud(&"a".repeat(51)), None);
    }

    #[test]
    fn collection_names() {
        for (name, want) in [
            ("DefaultCollection", Some("defaultcollection")),
            ("My Team", Some("my team")),
            ("foo.git", Some("foo.git")),
            ("\u{c9}quipe", Some("\u{c9}quipe")),
            ("\u{212a}", Some("\u{212a}")),
            ("", None),
            (" ", None),
            (".", None),
            ("..", None),
            ("a/b", None),
            ("a\\b", None),
            ("a?b", None),
            ("a#b", None),
            ("a\nb", None),
        ] {
            let got = Organization::collection(name);
            assert_eq!(got.as_ref().map(Organization::as_str), want, "{name}");
        }
        assert!(Organization::collection(&"\u{e9}".repeat(128)).is_some());
        assert_eq!(Organization::collection(&"a".repeat(129)), None);
    }

    #[test]
    fn json_is_a_checked_string() {
        let read = |json: &str| serde_json::from_str::<Organization>(json).ok();
        assert_eq!(read("\"Contoso\"").map(|o| o.to_string()).as_deref(), Some("contoso"));
        assert_eq!(read("\"a/b\""), None);
        let name = Organization::cloud("Contoso").expect("a name");
        assert_eq!(serde_json::to_string(&name).expect("json"), "\"contoso\"");
    }

    proptest! {
        #[test]
        fn normalising_twice_changes_nothing(name in "\\PC{0,70}") {
            if let Some(once) = Organization::cloud(&name) {
                prop_assert_eq!(Organization::collection(&name), Some(once.clone()));
                prop_assert_eq!(Organization::cloud(once.as_str()), Some(once));
            }
            if let Some(once) = Organization::collection(&name) {
                prop_assert!(once.as_str().eq_ignore_ascii_case(&name));
                prop_assert_eq!(Organization::collection(once.as_str()), Some(once));
            }
        }
    }
}
