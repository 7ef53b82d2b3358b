//! What a person is told: `error:`, `warning:` and `hint:` lines on stderr, and exit codes.
//!
//! Text from outside is escaped here, once, so that no message can carry a terminal escape.

use std::fmt::Write as _;
use std::io::Write as _;

/// How a run ended. Anything else is a bug.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done, or nothing to say.
    Done = 0,
    /// Failed.
    Failed = 1,
    /// The command line was wrong.
    Usage = 2,
    /// No integration is configured for the host.
    NotConfigured = 3,
    /// A sign-in is needed, or was refused.
    SignIn = 4,
    /// Network or service down: try again.
    Unavailable = 5,
}

impl Exit {
    /// What an exit code of this program's means.
    pub fn from_code(code: i32) -> Option<Self> {
        [
            Self::Done,
            Self::Failed,
            Self::Usage,
            Self::NotConfigured,
            Self::SignIn,
            Self::Unavailable,
        ]
        .into_iter()
        .find(|exit| *exit as i32 == code)
    }
}

/// How grave a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// What asked for it failed.
    Error,
    /// It worked, but will not for long, or not as well as it could.
    Warning,
    /// Something worth knowing.
    Note,
    /// The command that comes next.
    Next,
}

/// One message: what happened, then what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// How grave it is.
    pub level: Level,
    /// What happened, one sentence without a final stop.
    pub text: String,
    /// What to do, naming one command.
    pub hint: Option<String>,
}

impl Message {
    /// An error without a hint.
    pub fn error(text: impl Into<String>) -> Self {
        Self { level: Level::Error, text: text.into(), hint: None }
    }

    /// A warning without a hint.
    pub fn warning(text: impl Into<String>) -> Self {
        Self { level: Level::Warning, text: text.into(), hint: None }
    }

    /// A note without a hint.
    pub fn note(text: impl Into<String>) -> Self {
        Self { level: Level::Note, text: text.into(), hint: None }
    }

    /// The command that comes next, after a success that is one of several steps.
    pub fn next(command: impl Into<String>) -> Self {
        Self { level: Level::Next, text: command.into(), hint: None }
    }

    /// The same message with what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The lines as they are printed, control characters escaped.
    pub fn render(&self) -> String {
        let word = match self.level {
            Level::Error => "error",
            Level::Warning => "warning",
            Level::Note => "note",
            Level::Next => "next",
        };
        let mut lines = format!("{word}: {}\n", escape(&self.text));
        if let Some(hint) = &self.hint {
            lines.push_str(&format!("hint: {}\n", escape(hint)));
        }
        lines
    }

    /// Prints it on stderr, in one write. A closed stderr is nobody's problem.
    pub fn print(&self) {
        stderr(&self.render());
    }
}

/// Why a command ended early: the message and the exit code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What the person is told.
    pub message: Message,
    /// What the caller is told.
    pub exit: Exit,
}

impl Failure {
    /// A failure with exit code 1.
    pub fn new(text: impl Into<String>) -> Self {
        Self { message: Message::error(text), exit: Exit::Failed }
    }

    /// The same failure with what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.message = self.message.hint(hint);
        self
    }

    /// The same failure with another exit code.
    #[must_use]
    pub fn exit(mut self, exit: Exit) -> Self {
        self.exit = exit;
        self
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message.text)
    }
}

impl std::error::Error for Failure {}

/// Writes to stderr and ignores that it may be closed.
pub fn stderr(text: &str) {
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

/// Writes to stdout; a reader that has gone away is no error (SIGPIPE is ignored).
pub fn stdout(bytes: &[u8]) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(err) if err.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// Text made safe for a terminal: control characters, and the characters that reorder or hide
/// text (bidirectional controls, zero-width ones), become `\u{…}`.
pub fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        let hidden = matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}');
        if c.is_control() || hidden {
            let _ = write!(safe, "\\u{{{:x}}}", u32::from(c));
        } else {
            safe.push(c);
        }
    }
    safe
}

/// Text somebody wrote where something else belongs: quoted, safe for a terminal, and cut, since
/// what lands in the wrong place may be anything.
pub fn quoted(text: &str) -> String {
    const SHOWN: usize = 60;
    let safe = escape(text);
    match safe.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("\"{}…\"", &safe[..end]),
        None => format!("\"{safe}\""),
    }
}

/// A text as one word of a command that can be copied to a shell.
pub fn word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@%,=".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

/// A path as one word of a command that can be copied to a shell.
pub fn path_word(path: &std::path::Path) -> String {
    word(&path.to_string_lossy())
}

/// Bytes from git made safe for a terminal.
pub fn escape_bytes(bytes: &[u8]) -> String {
    escape(&String::from_utf8_lossy(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_character_that_hides_or_reorders_text_is_shown_as_its_number() {
        // The bidirectional controls of UAX #9, and characters without a width.
        let bidirectional = "\u{61c}\u{200e}\u{200f}\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}\
                             \u{2066}\u{2067}\u{2068}\u{2069}";
        for c in bidirectional.chars().chain("\u{200b}\u{200c}\u{200d}\u{2060}\u{feff}".chars()) {
            assert_eq!(escape(&c.to_string()), format!("\\u{{{:x}}}", u32::from(c)));
        }
        assert_eq!(escape("Zoë علي 名"), "Zoë علي 名");
    }

    #[test]
    fn messages_carry_no_control_characters() {
        let message = Message::error("no \u{1b}[31mred\r\n").hint("run \u{7}x\u{202e}");
        assert_eq!(
            message.render(),
            "error: no \\u{1b}[31mred\\u{d}\\u{a}\nhint: run \\u{7}x\\u{202e}\n"
        );
    }

    #[test]
    fn a_word_of_a_command_means_to_a_shell_what_it_says() {
        for (text, quoted) in [
            ("https://dev.azure.com/contoso", "https://dev.azure.com/contoso"),
            ("https://tfs/team%20a", "https://tfs/team%20a"),
            ("CORP\\ada", "'CORP\\ada'"),
            ("o'neil; rm -r", "'o'\\''neil; rm -r'"),
            ("$HOME", "'$HOME'"),
            ("Zoë", "'Zoë'"),
            ("", "''"),
        ] {
            assert_eq!(word(text), quoted);
        }
    }
}
