//! Systems without a controlling terminal that this program knows how to ask.

use std::io;

use zeroize::Zeroizing;

/// Never there.
#[derive(Debug)]
pub(super) struct Terminal(std::convert::Infallible);

impl Terminal {
    /// None.
    pub(super) fn open() -> Option<Self> {
        None
    }

    /// Never called.
    pub(super) fn show(&self, _: &str) {
        match self.0 {}
    }

    /// Never called.
    ///
    /// # Errors
    /// Never.
    pub(super) fn line(&self, _: &str) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
        match self.0 {}
    }

    /// Never called.
    ///
    /// # Errors
    /// Never.
    pub(super) fn hidden_line(&self, _: &str) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
        match self.0 {}
    }
}

/// Nothing is ever changed.
pub(super) fn restore() -> bool {
    false
}
