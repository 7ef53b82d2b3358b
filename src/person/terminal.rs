//! The controlling terminal: where a person sits, whatever standard input and output are.
//!
//! git gives its helpers pipes, and some callers of helpers hide their stderr, so a question has
//! to go to the terminal itself. A process in the background must not: reading would stop it.

use std::fs::{File, OpenOptions};
use std::io::{self, PipeReader, PipeWriter, Read as _, Write as _};
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError};

use nix::sys::signal::{SigSet, SigmaskHow, Signal};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{getpgrp, test_kill_process};
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
static CHANGED: Mutex<Option<Changed>> = Mutex::new(None);

/// The modes of a terminal before and after they were changed.
struct Changed {
    tty: File,
    before: Termios,
    hidden: Termios,
}

/// How long nothing has to come for a paste to be through: after a line, and after one too long,
/// of which more may be on its way. Whoever types waits that long after Enter.
const QUIET: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };
const QUIET_AFTER_TOO_LONG: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };

/// What stands for no key at all in the modes of a terminal (`_POSIX_VDISABLE`).
const NO_KEY: u8 = if cfg!(target_vendor = "apple") { 0xff } else { 0 };

/// The controlling terminal.
#[derive(Debug)]
pub(super) struct Terminal {
    tty: Arc<File>,
    question: Mutex<Question>,
}

/// The question asked here.
#[derive(Debug)]
enum Question {
    /// None now.
    None,
    /// One, withdrawn when this is dropped.
    Open { _withdraws: PipeWriter },
    /// None ever again.
    Withdrawn,
}

/// What came of a question.
pub(super) enum Read {
    /// A line.
    Line(Zeroizing<Vec<u8>>),
    /// The end of input.
    End,
    /// A line longer than anything that is asked for.
    TooLong,
    /// Nothing: the question was withdrawn.
    Withdrawn,
}

impl Terminal {
    /// The controlling terminal, if this process has one and is in its foreground.
    pub(super) fn open() -> Option<Self> {
        let tty = OpenOptions::new().read(true).write(true).open("/dev/tty").ok()?;
        is_ours(&tty).then(|| Self::of(Arc::new(tty)))
    }

    fn of(tty: Arc<File>) -> Self {
        Self { tty, question: Mutex::new(Question::None) }
    }

    /// The same terminal, for questions that are withdrawn apart from those asked here.
    pub(super) fn aside(&self) -> Self {
        Self::of(Arc::clone(&self.tty))
    }

    /// Whether whoever sat here has gone on to something else, as when the git that was started
    /// from the command line is killed: its shell takes the terminal back, and what git had started
    /// lives on. A command line that is only in the background is still there.
    pub(super) fn is_left(&self) -> bool {
        !is_ours(&self.tty) && test_kill_process(getpgrp()) == Err(Errno::SRCH)
    }

    /// Shows text as it is. A terminal that has gone away is nobody's problem.
    pub(super) fn show(&self, text: &str) {
        let _ = (&*self.tty).write_all(text.as_bytes());
    }

    /// Asks for a line that is shown while it is typed.
    ///
    /// # Errors
    /// If the terminal cannot be read.
    pub(super) fn line(&self, prompt: &str) -> io::Result<Read> {
        self.ask(prompt, false)
    }

    /// Asks for a line that is not shown, and may be longer than a terminal's own editing lets
    /// through (4,095 bytes on Linux, 1,024 on macOS).
    ///
    /// # Errors
    /// If the terminal cannot be read or its modes cannot be set.
    pub(super) fn hidden_line(&self, prompt: &str) -> io::Result<Read> {
        self.ask(prompt, true)
    }

    /// Withdraws the question another thread is asking, if one is, and every one it would ask after
    /// it. The terminal is as it was then, and stays so.
    pub(super) fn withdraw(&self) {
        let asked = std::mem::replace(&mut *self.question(), Question::Withdrawn);
        if matches!(asked, Question::Open { .. }) && restore() {
            self.show("\n");
        }
    }

    fn question(&self) -> MutexGuard<'_, Question> {
        self.question.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hide(&self) -> io::Result<()> {
        static HANDLERS: Once = Once::new();
        HANDLERS.call_once(|| {
            // Without handlers the modes stay changed if a signal or a panic ends the process.
            if let Ok(signals) = Signals::new([SIGHUP, SIGINT, SIGQUIT, SIGTERM]) {
                std::thread::spawn(move || die_tidily(signals));
            }
            let report = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |panic| {
                if let Ok(mut changed) = CHANGED.try_lock() {
                    put_back(&mut changed);
                }
                report(panic);
            }));
        });
        // Held until it is done: whatever ends this process meanwhile comes before or after.
        let mut changed = changed();
        let before = tcgetattr(&self.tty)?;
        let mut modes = before.clone();
        modes.local_modes.remove(LocalModes::ECHO | LocalModes::ECHONL | LocalModes::ICANON);
        modes.input_modes.insert(InputModes::ICRNL);
        modes.special_codes[SpecialCodeIndex::VMIN] = 1;
        modes.special_codes[SpecialCodeIndex::VTIME] = 0;
        // Stopped at a hidden prompt, the shell would inherit a terminal without echo.
        modes.special_codes[SpecialCodeIndex::VSUSP] = NO_KEY;
        changed.get_or_insert(Changed {
            tty: self.tty.try_clone()?,
            before,
            hidden: modes.clone(),
        });
        // Not with `Flush`, which waits until all that was shown has been: Ctrl-S would hold it up.
        tcsetattr(&self.tty, OptionalActions::Now, &modes).inspect_err(|_| _ = changed.take())?;
        Ok(())
    }

    fn ask(&self, prompt: &str, hidden: bool) -> io::Result<Read> {
        let withdrawn = {
            // Held until the terminal is prepared: withdrawn in between, nobody would put it back.
            let mut question = self.question();
            if matches!(*question, Question::Withdrawn) {
                return Ok(Read::Withdrawn);
            }
            let (withdrawn, open) = io::pipe()?;
            if hidden {
                self.hide()?;
            }
            // What was typed before the question was seen is no answer to it.
            let _ = tcflush(&self.tty, QueueSelector::IFlush);
            self.show(prompt);
            *question = Question::Open { _withdraws: open };
            withdrawn
        };
        let read = self.read_until(&withdrawn);
        if hidden {
            match read {
                Ok(Read::Line(_) | Read::End) => self.swallow(&withdrawn, &QUIET),
                Ok(Read::TooLong) => self.swallow(&withdrawn, &QUIET_AFTER_TOO_LONG),
                Ok(Read::Withdrawn) | Err(_) => {}
            }
        }
        let mut question = self.question();
        if matches!(*question, Question::Withdrawn) {
            // Whatever was typed came too late. The modes are back already, and by now they may
            // have been changed for another question.
            return Ok(Read::Withdrawn);
        }
        *question = Question::None;
        if restore() {
            self.show("\n");
        }
        read
    }

    fn read_until(&self, withdrawn: &PipeReader) -> io::Result<Read> {
        let mut line = Line::new();
        let mut buffer = Zeroizing::new([0; 1]);
        loop {
            let mut watched = [
                PollFd::new(&*self.tty, PollFlags::IN),
                PollFd::new(withdrawn, PollFlags::empty()),
            ];
            match poll(&mut watched, None) {
                Err(Errno::INTR) => continue,
                Err(error) => return Err(error.into()),
                Ok(_) if !watched[1].revents().is_empty() => return Ok(Read::Withdrawn),
                Ok(_) => {}
            }
            match (&*self.tty).read(&mut *buffer) {
                Ok(0) => return Ok(Read::End),
                Ok(_) => match line.take(buffer[0]) {
                    Key::More => {}
                    Key::Enter => return Ok(Read::Line(line.into_bytes())),
                    Key::End => return Ok(Read::End),
                    Key::TooLong => return Ok(Read::TooLong),
                },
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Takes what else was pasted with a hidden line, until nothing has come for a while: it would
    /// be shown, and a shell would run it.
    fn swallow(&self, withdrawn: &PipeReader, quiet: &Timespec) {
        let mut rest = Zeroizing::new([0; 4096]);
        loop {
            let mut watched = [
                PollFd::new(&*self.tty, PollFlags::IN),
                PollFd::new(withdrawn, PollFlags::empty()),
            ];
            match poll(&mut watched, Some(quiet)) {
                Err(Errno::INTR) => continue,
                Ok(0) | Err(_) => return,
                Ok(_) if !watched[1].revents().is_empty() => return,
                Ok(_) => {}
            }
            match (&*self.tty).read(&mut *rest) {
                Ok(1..) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(0) | Err(_) => return,
            }
        }
    }
}

/// Gives the terminal its modes back, if they were changed. Says whether they were.
pub(super) fn restore() -> bool {
    put_back(&mut changed())
}

/// The same, and lets nobody change them any more: this process is about to end.
pub(super) fn restore_for_good() {
    let mut changed = changed();
    put_back(&mut changed);
    std::mem::forget(changed);
}

fn put_back(changed: &mut Option<Changed>) -> bool {
    changed.take().is_some_and(|Changed { tty, before, hidden }| {
        let ours = is_ours(&tty);
        if ours {
            // What was typed where nothing is shown is not meant for whoever reads next.
            let _ = tcflush(&tty, QueueSelector::IFlush);
        }
        // A shell that has the terminal back may have set it for itself, and that is to stay. One that
        // has not would go on without echo.
        if ours || tcgetattr(&tty).is_ok_and(|now| are_same(&now, &hidden)) {
            unstopped(|| {
                let _ = tcsetattr(&tty, OptionalActions::Now, &before);
            });
        }
        true
    })
}

fn are_same(one: &Termios, other: &Termios) -> bool {
    let keys = [SpecialCodeIndex::VMIN, SpecialCodeIndex::VTIME, SpecialCodeIndex::VSUSP];
    one.input_modes == other.input_modes
        && one.output_modes == other.output_modes
        && one.control_modes == other.control_modes
        && one.local_modes == other.local_modes
        && keys.into_iter().all(|key| one.special_codes[key] == other.special_codes[key])
}

/// Does what would stop a process in the background (tcsetattr(3p): SIGTTOU, unless it is blocked).
fn unstopped(set: impl FnOnce()) {
    let stop = SigSet::from(Signal::SIGTTOU);
    let before = stop.thread_swap_mask(SigmaskHow::SIG_BLOCK);
    set();
    if let Ok(before) = before {
        let _ = before.thread_set_mask();
    }
}

fn is_ours(tty: &File) -> bool {
    tcgetpgrp(tty) == Ok(getpgrp())
}

fn changed() -> MutexGuard<'static, Option<Changed>> {
    CHANGED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Ends as the signal would have ended it, with the terminal as it was.
fn die_tidily(mut signals: Signals) {
    if let Some(signal) = signals.forever().next() {
        restore_for_good();
        let _ = emulate_default_handler(signal);
    }
}
