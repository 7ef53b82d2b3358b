//! The person who is asked: where they see what is said, and where they answer.

mod caller;
mod keys;
#[cfg(not(unix))]
#[path = "no_terminal.rs"]
mod terminal;
#[cfg(unix)]
mod terminal;

use std::io::{BufRead as _, IsTerminal as _, Read as _, stdin};
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::report::{Exit, Failure, stderr};
use terminal::{Read, Terminal};

pub use caller::leave_with_caller;

/// The longest answer read from standard input, in bytes.
const LIMIT: usize = 64 * 1024;

/// Who is talked to, and through what.
#[derive(Clone, Debug)]
pub struct Person {
    terminal: Option<Arc<Terminal>>,
    /// Whether standard input is read where it is no terminal.
    stdin: bool,
    /// Whether what is said goes to the terminal rather than to stderr.
    says_to_terminal: bool,
}

/// What came of a question.
#[derive(Debug)]
pub enum Answer {
    /// This was typed; outer white space is cut.
    Typed(Zeroizing<Vec<u8>>),
    /// The person ended the input (Ctrl-D): they do not want to.
    GaveUp,
    /// Nobody can answer: no terminal, no more on standard input, or the question was withdrawn.
    Nobody,
}

impl Person {
    /// Whoever typed the command: reads stderr, and answers on the terminal if standard input is
    /// one; else standard input itself may hold the answers.
    pub fn at_command() -> Self {
        let typing = stdin().is_terminal();
        Self {
            terminal: typing.then(Terminal::open).flatten().map(Arc::new),
            stdin: !typing,
            says_to_terminal: false,
        }
    }

    /// Whoever waits for git: reads and answers on the terminal, since the other streams are
    /// git's. `None` if nobody does.
    pub fn behind_git() -> Option<Self> {
        let terminal = Terminal::open()?;
        Some(Self { terminal: Some(Arc::new(terminal)), stdin: false, says_to_terminal: true })
    }

    /// Whether there is a terminal to answer at.
    pub fn is_there(&self) -> bool {
        self.terminal.is_some()
    }

    /// Whether the terminal is somebody else's by now.
    pub fn is_left(&self) -> bool {
        self.terminal.as_ref().is_some_and(|terminal| terminal.is_left())
    }

    /// Whether anything can be answered: at the terminal, or on standard input.
    pub fn can_answer(&self) -> bool {
        self.is_there() || self.stdin
    }

    /// Says something, as it is: what comes from outside has to be escaped before.
    pub fn say(&self, text: &str) {
        match &self.terminal {
            Some(terminal) if self.says_to_terminal => terminal.show(text),
            _ => stderr(text),
        }
    }

    /// Asks for something that may be seen while it is typed.
    ///
    /// # Errors
    /// If the terminal or standard input cannot be read.
    pub fn ask(&self, prompt: &str) -> Result<Answer, Failure> {
        self.answer(prompt, Terminal::line)?.ok_or_else(|| longer_than("answer"))
    }

    /// Asks for a secret.
    ///
    /// # Errors
    /// As [`Self::ask`].
    pub fn ask_secretly(&self, prompt: &str) -> Result<Answer, Failure> {
        self.answer(prompt, Terminal::hidden_line)?.ok_or_else(|| longer_than("secret"))
    }

    /// Asks for the address a browser ended on, which is a secret too. Instead of it a whole page
    /// is pasted easily: that is no reason to give up a sign-in.
    ///
    /// # Errors
    /// As [`Self::ask`].
    pub fn ask_for_address(&self, prompt: &str) -> Result<Answer, Failure> {
        loop {
            if let Some(answer) = self.answer(prompt, Terminal::hidden_line)? {
                return Ok(answer);
            }
            self.say("That is longer than any address. Copy the address bar alone.\n");
        }
    }

    /// The same person, asked beside what goes on: see [`Self::never_mind`].
    #[must_use]
    pub fn aside(&self) -> Self {
        Self { terminal: self.terminal.as_ref().map(|t| Arc::new(t.aside())), ..self.clone() }
    }

    /// Withdraws the question another thread is asking this one, and all it would ask after it:
    /// [`Answer::Nobody`] comes of them.
    pub fn never_mind(&self) {
        self.terminal.iter().for_each(|terminal| terminal.withdraw());
    }

    /// `None` for an answer that is longer than any.
    fn answer(
        &self,
        prompt: &str,
        read: impl FnOnce(&Terminal, &str) -> std::io::Result<Read>,
    ) -> Result<Option<Answer>, Failure> {
        let Some(terminal) = &self.terminal else {
            return Ok(Some(if self.stdin { next_line_of_stdin()? } else { Answer::Nobody }));
        };
        let read = read(terminal, prompt)
            .map_err(|error| Failure::new(format!("the terminal cannot be read: {error}")))?;
        Ok(match read {
            Read::Line(line) => Some(Answer::Typed(trimmed(&line))),
            Read::End => Some(Answer::GaveUp),
            Read::Withdrawn => Some(Answer::Nobody),
            Read::TooLong => None,
        })
    }
}

/// Tells the command line this process belongs to from others of the same account.
pub fn command_line() -> String {
    #[cfg(unix)]
    let group = rustix::process::getpgrp().as_raw_nonzero().to_string();
    #[cfg(not(unix))]
    let group = std::process::id().to_string();
    group
}

/// Gives the terminal back as it was and ends this process: nobody waits for it any more.
pub fn leave() -> ! {
    terminal::restore_for_good();
    std::process::exit(1)
}

fn longer_than(wanted: &str) -> Failure {
    let limit = LIMIT / 1024;
    Failure::new(format!("what was pasted is longer than {limit} KiB, which is no {wanted}"))
        .exit(Exit::Usage)
}

fn next_line_of_stdin() -> Result<Answer, Failure> {
    let mut line = Zeroizing::new(Vec::with_capacity(LIMIT));
    stdin()
        .lock()
        .take(LIMIT as u64)
        .read_until(b'\n', &mut line)
        .map_err(|error| Failure::new(format!("standard input cannot be read: {error}")))?;
    Ok(if line.is_empty() { Answer::Nobody } else { Answer::Typed(trimmed(&line)) })
}

fn trimmed(bytes: &[u8]) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(bytes.trim_ascii().to_vec())
}
