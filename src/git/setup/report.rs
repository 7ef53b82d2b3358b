//! What setting up did, and what it found.

use std::fmt;
use std::path::{Path, PathBuf};

use super::edit::Plan;
use crate::report::{Exit, Message};

/// A setting of git's, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// `credential.helper`, `credential.https://dev.azure.com.helper`.
    pub key: String,
    /// Its value; of a shell snippet only the first word, for it may hold a password.
    pub value: String,
    /// The file that says so.
    pub file: PathBuf,
    /// The line in that file, where it could be found.
    pub line: Option<usize>,
}

impl Origin {
    /// Where it stands: file and line, or the environment.
    pub fn place(&self) -> String {
        let file = self.file.display();
        self.line.map_or_else(|| file.to_string(), |line| format!("{file}:{line}"))
    }

    /// Whether no file says so.
    pub fn is_of_environment(&self) -> bool {
        self.file == Path::new(super::ENVIRONMENT)
    }

    /// Section, subsection and name of its key: the subsection may hold dots, the others none
    /// (git-config(1), syntax).
    pub fn parts(&self) -> (&str, Option<&str>, &str) {
        let (section, rest) = self.key.split_once('.').unwrap_or((&self.key, ""));
        match rest.rsplit_once('.') {
            Some((subsection, name)) => (section, Some(subsection), name),
            None => (section, None, rest),
        }
    }

    /// What takes it away.
    pub fn removal(&self) -> &'static str {
        if self.is_of_environment() {
            "take it out of there: unset GIT_CONFIG_COUNT GIT_CONFIG_PARAMETERS"
        } else {
            "remove that line"
        }
    }
}

impl Origin {
    /// The command that takes it away: no more than it, where its value can be written as a pattern.
    pub fn unset(&self) -> String {
        if self.is_of_environment() || without_password(&self.key) != self.key {
            return self.removal().to_owned();
        }
        let plain =
            self.value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/-_".contains(&byte));
        let pattern = if plain { format!(" '^{}$'", self.value) } else { String::new() };
        let file = word(&self.file.display().to_string());
        format!("git config --file {file} --unset-all {}{pattern}", word(&self.key))
    }
}

/// A word as a shell takes it.
fn word(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-_.:@%+=,".contains(&byte);
    match text.bytes().all(plain) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        write!(f, ": {} = {}", without_password(&self.key), self.value)
    }
}

/// A key with the address in it, as it may be shown: it may be written with a password.
fn without_password(key: &str) -> String {
    let hidden = key.split_once("://").and_then(|(scheme, rest)| {
        let end = rest.find('/').unwrap_or(rest.len());
        let at = rest[..end].rfind('@')?;
        let user = rest[..at].split_once(':')?.0;
        Some(format!("{scheme}://{user}:…{}", &rest[at..]))
    });
    hidden.unwrap_or_else(|| key.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_in_the_address_of_a_key_is_not_shown() {
        for (key, shown) in [
            ("credential.helper", "credential.helper"),
            ("credential.https://dev.azure.com.helper", "credential.https://dev.azure.com.helper"),
            (
                "credential.https://ada@dev.azure.com.helper",
                "credential.https://ada@dev.azure.com.helper",
            ),
            (
                "credential.https://ada:hunter2@dev.azure.com.helper",
                "credential.https://ada:…@dev.azure.com.helper",
            ),
            ("http.https://a:b@c/d@e.proxy", "http.https://a:…@c/d@e.proxy"),
        ] {
            assert_eq!(without_password(key), shown, "{key}");
        }
    }
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The file of the scope.
    pub file: PathBuf,
    /// Whether it was changed.
    pub changed: bool,
    /// Each line that is new in it (`+ …`) or gone from it (`- …`).
    pub lines: Vec<String>,
    /// Helpers that git no longer asks for the hosts set up.
    pub displaced: Vec<Origin>,
    /// What still comes in our way: other helpers that git asks for these hosts, an empty one that
    /// drops ours, `useHttpPath` turned off again.
    pub following: Vec<Origin>,
    /// Files that are included under a condition only, so that nobody knows here what they add.
    pub conditional: Vec<Origin>,
    /// What undoing leaves, though it runs this program, because a person wrote it.
    pub by_hand: Vec<Origin>,
}

impl Report {
    pub(super) fn new(file: PathBuf, plan: Plan) -> Self {
        let changed = !plan.lines.is_empty();
        let (displaced, following, conditional, by_hand) = Default::default();
        Self { file, changed, lines: plan.lines, displaced, following, conditional, by_hand }
    }

    /// The exit code it means.
    pub fn exit(&self) -> Exit {
        if self.following.is_empty() { Exit::Done } else { Exit::Failed }
    }

    /// What a person is told.
    pub fn messages(&self) -> Vec<Message> {
        let file = self.file.display();
        let first =
            if self.changed { format!("changed {file}") } else { format!("{file} is unchanged") };
        let mut messages = vec![Message::note(first)];
        messages.extend(self.lines.iter().map(Message::note));
        messages.extend(self.displaced.iter().map(|origin| {
            Message::note(format!("for these hosts git no longer asks the helper of {origin}"))
        }));
        messages.extend(
            self.by_hand
                .iter()
                .map(|origin| Message::note(format!("written by hand, and left: {origin}"))),
        );
        messages.extend(self.conditional.iter().map(|origin| {
            Message::note(format!(
                "counts in some repositories only, and cannot be judged here: {origin}"
            ))
            .hint("run setup-git once more in one of them")
        }));
        messages.extend(self.following.iter().map(|origin| self.conflict(origin)));
        messages
    }

    /// Only what stands in our own file can be overtaken there.
    fn conflict(&self, origin: &Origin) -> Message {
        let message = Message::error(format!("git still obeys {origin}"));
        if origin.file == self.file {
            message.hint("run `git-credential-ona-azure setup-git --replace`")
        } else {
            message.hint(format!(
                "remove that line, or run setup-git for the scope of {}",
                origin.file.display()
            ))
        }
    }
}
