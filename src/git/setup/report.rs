//! What setting up did, and what it found.

use std::fmt;
use std::path::PathBuf;

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

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        write!(f, ": {} = {}", self.key, self.value)
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
    /// What undoing leaves, though it runs this program, because a person wrote it.
    pub by_hand: Vec<Origin>,
}

impl Report {
    pub(super) fn new(file: PathBuf, plan: Plan) -> Self {
        let changed = !plan.lines.is_empty();
        let (displaced, following, by_hand) = Default::default();
        Self { file, changed, lines: plan.lines, displaced, following, by_hand }
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
