//! The controlling terminal: where a person sits, whatever standard input and output are.
//!
//! git gives its helpers pipes, and some callers of helpers hide their stderr, so a question has
//! to go to the terminal itself. A process in the background must not: reading would stop it.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::sync::{Mutex, MutexGuard, Once, PoisonError};

use rustix::process::getpgrp;
use rustix::termios::{
    InputModes, LocalModes, OptionalActions, QueueSelector, SpecialCodeIndex, Termios, tcflush,
    tcgetattr, tcgetpgrp, tcsetattr,
};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;
use zeroize::Zeroizing;

use super::keys::{Key, Line};

/// The terminal, and its modes as they were before a hidden line was asked for. Global, because
/// whatever ends this process has to put them back.
static CHANGED: Mutex<Option<(File, Termios)>> = Mutex::new(None);

/// What stands for no key at all in the modes of a terminal (`_POSIX_VDISABLE`).
const NO_KEY: u8 = if cfg!(target_vendor = "apple") { 0xff } else { 0 };

/// The controlling terminal.
#[derive(Debug)]
pub(super) struct Terminal(File);

impl Terminal {
    /// The controlling terminal, if this process has one and is in its foreground.
    pub(super) fn open() -> Option<Self> {
        let tty = OpenOptions::new().read(true).write(true).open("/dev/tty").ok()?;
        (tcgetpgrp(&tty).ok()? == getpgrp()).then_some(Self(tty))
    }

    /// Shows text as it is. A terminal that has gone away is nobody's problem.
    pub(super) fn show(&self, text: &str) {
        let _ = (&self.0).write_all(text.as_bytes());
    }

    /// Asks for a line that is shown while it is typed. `None` at the end of input.
    ///
    /// # Errors
    /// If the terminal cannot be read.
    pub(super) fn line(&self, prompt: &str) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
        // What was typed before the question was seen is no answer to it.
        let _ = tcflush(&self.0, QueueSelector::IFlush);
        self.show(prompt);
        self.read()
    }

    /// Asks for a line that is not shown, and may be longer than a terminal's own editing lets
    /// through (4,095 bytes on Linux, 1,024 on macOS). `None` at the end of input.
    ///
    /// # Errors
    /// If the terminal cannot be read or its modes cannot be set.
    pub(super) fn hidden_line(&self, prompt: &str) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
        self.hide()?;
        self.show(prompt);
        let line = self.read();
        restore();
        self.show("\n");
        line
    }

    fn hide(&self) -> io::Result<()> {
        static HANDLERS: Once = Once::new();
        HANDLERS.call_once(|| {
            // Without handlers the modes stay changed if a signal ends the process.
            if let Ok(signals) = Signals::new([SIGHUP, SIGINT, SIGQUIT, SIGTERM]) {
                std::thread::spawn(move || die_tidily(signals));
            }
        });
        let before = tcgetattr(&self.0)?;
        let mut modes = before.clone();
        modes.local_modes.remove(LocalModes::ECHO | LocalModes::ECHONL | LocalModes::ICANON);
        modes.input_modes.insert(InputModes::ICRNL);
        modes.special_codes[SpecialCodeIndex::VMIN] = 1;
        modes.special_codes[SpecialCodeIndex::VTIME] = 0;
        // Stopped at a hidden prompt, the shell would inherit a terminal without echo.
        modes.special_codes[SpecialCodeIndex::VSUSP] = NO_KEY;
        let tty = self.0.try_clone()?;
        changed().get_or_insert((tty, before));
        tcsetattr(&self.0, OptionalActions::Flush, &modes)?;
        Ok(())
    }

    fn read(&self) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
        let mut line = Line::new();
        let mut buffer = Zeroizing::new([0; 1]);
        loop {
            match (&self.0).read(&mut *buffer) {
                Ok(0) => return Ok(None),
                Ok(_) => match line.take(buffer[0]) {
                    Key::More => {}
                    Key::Enter => return Ok(Some(line.into_bytes())),
                    Key::End => return Ok(None),
                    Key::TooLong => return Err(io::Error::other("the line is too long")),
                },
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// Gives the terminal its modes back, if they were changed. Says whether they were.
pub(super) fn restore() -> bool {
    changed().take().is_some_and(|(tty, modes)| {
        let _ = tcsetattr(&tty, OptionalActions::Now, &modes);
        true
    })
}

fn changed() -> MutexGuard<'static, Option<(File, Termios)>> {
    CHANGED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Ends as the signal would have ended it, with the terminal as it was.
fn die_tidily(mut signals: Signals) {
    for signal in signals.forever() {
        restore();
        let _ = emulate_default_handler(signal);
    }
}
