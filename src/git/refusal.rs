//! Why git does nothing at all, in its own words, and the way out. Pure.

use crate::report::escape;

/// What git said when it gave up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Its own words on one line, escaped.
    pub words: String,
    /// What to do.
    pub fix: String,
}

/// What is part of git's words (setup.c, config.c and wrapper.c of git), and what to do then.
const WAYS_OUT: &[(&str, &str)] = &[
    ("not a git repository: '", "unset GIT_DIR, or let it name a repository"),
    ("bad config line", "mend that line of that file in an editor"),
    ("bad config", "mend that setting in an editor"),
    ("bad boolean config", "mend that setting in an editor"),
    ("bad numeric config", "mend that setting in an editor"),
    ("unable to access", "make that file one that this account can read"),
];

/// The command that accepts a repository of somebody else's (safe.directory in git-config(1)), which
/// git names itself.
const ACCEPT: &str = "git config --global --add safe.directory ";

/// Where no repository is around a directory, and none was asked for.
const NONE_HERE: &str = "not a git repository (or any";

impl Refusal {
    /// What git wrote on stderr, where it wrote anything; its messages in English.
    pub fn of(stderr: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(stderr);
        let lines = || text.lines().map(str::trim).filter(|line| !line.is_empty());
        let words = lines().find(|line| line.starts_with("fatal: ")).or_else(|| lines().next())?;
        let accept = lines().find(|line| line.starts_with(ACCEPT));
        let known = WAYS_OUT.iter().find(|(part, _)| words.contains(part)).map(|(_, fix)| *fix);
        let fix = accept.or(known).unwrap_or("mend what git names");
        Some(Self { words: escape(words), fix: escape(fix) })
    }

    /// Whether git only says that there is no repository here.
    pub fn is_no_repository(&self) -> bool {
        self.words.contains(NONE_HERE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_one_line_and_the_way_out_is_gits_own_where_it_names_one() {
        for (stderr, words, fix) in [
            (
                "fatal: detected dubious ownership in repository at '/w/a'\nTo add an exception for this \
                 directory, call:\n\n\tgit config --global --add safe.directory /w/a\n",
                "fatal: detected dubious ownership in repository at '/w/a'",
                "git config --global --add safe.directory /w/a",
            ),
            (
                "warning: x\nfatal: bad config line 6 in file .git/config\n",
                "fatal: bad config line 6 in file .git/config",
                "mend that line of that file in an editor",
            ),
            (
                "fatal: not a git repository: '/nonexist'\n",
                "fatal: not a git repository: '/nonexist'",
                "unset GIT_DIR, or let it name a repository",
            ),
            ("git: \u{1b}[31mx", "git: \\u{1b}[31mx", "mend what git names"),
        ] {
            let expected = Refusal { words: words.to_owned(), fix: fix.to_owned() };
            assert_eq!(Refusal::of(stderr.as_bytes()), Some(expected));
        }
        assert_eq!(Refusal::of(b" \n"), None);
        let none = b"fatal: not a git repository (or any of the parent directories): .git\n";
        assert!(Refusal::of(none).is_some_and(|refusal| refusal.is_no_repository()));
    }
}
