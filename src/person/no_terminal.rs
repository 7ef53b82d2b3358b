//! Systems without a controlling terminal that this program knows how to ask.

use std::convert::Infallible;
use std::io;

use zeroize::Zeroizing;

/// Never there.
#[derive(Debug)]
pub(super) struct Terminal(Infallible);

/// What would come of a question.
pub(super) enum Read {
    /// A line.
    Line(Zeroizing<Vec<u8>>),
    /// The end of input.
    End,
    /// A line longer than anything that is asked for.
    TooLong,
    /// Nothing.
    Withdrawn,
}

impl Terminal {
    pub(super) fn open() -> Option<Self> {
        None
    }

    pub(super) fn aside(&self) -> Self {
        match self.0 {}
    }

    pub(super) fn is_left(&self) -> bool {
        match self.0 {}
    }

    pub(super) fn show(&self, _: &str) {
        match self.0 {}
    }

    pub(super) fn line(&self, _: &str) -> io::Result<Read> {
        match self.0 {}
    }

    pub(super) fn hidden_line(&self, _: &str) -> io::Result<Read> {
        match self.0 {}
    }

    pub(super) fn withdraw(&self) {
        match self.0 {}
    }
}

/// Nothing is ever changed.
pub(super) fn restore_for_good() {}
