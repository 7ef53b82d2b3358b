//! What the variable asks for. Pure.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// No trace.
    Off,
    /// A trace on standard error.
    Stderr,
    /// A trace at the end of this file.
    File(PathBuf),
    /// Something that cannot be made out.
    Unclear,
}

impl Wish {
    /// Reads the value as git reads `GIT_TRACE` (git(1)), but for file descriptors other than 2:
    /// a number that happens to be open may be anything.
    pub(super) fn of(value: &OsStr) -> Self {
        let word = value.to_string_lossy().to_ascii_lowercase();
        match &*word {
            "" | "0" | "false" => Self::Off,
            "1" | "2" | "true" => Self::Stderr,
            _ if Path::new(value).is_absolute() => Self::File(value.into()),
            _ => Self::Unclear,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variable_is_read_as_git_reads_its_own() {
        let rows = [
            ("", Wish::Off),
            ("0", Wish::Off),
            ("false", Wish::Off),
            ("False", Wish::Off),
            ("1", Wish::Stderr),
            ("2", Wish::Stderr),
            ("TRUE", Wish::Stderr),
            ("/tmp/Trace", Wish::File("/tmp/Trace".into())),
            ("trace", Wish::Unclear),
            ("./trace", Wish::Unclear),
            ("5", Wish::Unclear),
            ("yes", Wish::Unclear),
        ];
        for (value, wish) in rows {
            assert_eq!(Wish::of(OsStr::new(value)), wish, "{value:?}");
        }
    }
}
