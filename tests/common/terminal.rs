//! A program on a terminal of its own, and a person in front of it.
//!
//! The terminal is the program's controlling one, so `/dev/tty` is it, also where standard input,
//! output and error are files or pipes: that is how git runs a helper.

use std::io::{ErrorKind, PipeReader, Read as _, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::process::Child;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use pty_process::blocking::{Command, Pty, open};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
use rustix::termios::{LocalModes, tcgetattr};

use super::scan::{Scanner, prints_credential};
use super::{Done, Machine, code};

/// How long a person waits for anything.
const PATIENCE: Duration = Duration::from_secs(30);

/// A terminal on which a command line runs. Dropped, it is hung up, as a window that is closed.
pub struct Terminal {
    command: String,
    child: Child,
    pty: Arc<Pty>,
    screen: Arc<Screen>,
    scanner: Arc<Scanner>,
    threads: Vec<JoinHandle<()>>,
    /// How much of what came up has been expected already.
    read_to: usize,
    /// The program's end, kept open: nobody may have it open while standard streams are
    /// elsewhere, and a terminal that nobody has open cannot be read.
    _program_end: OwnedFd,
}

/// What came up so far, and who waits for more.
#[derive(Default)]
struct Screen {
    state: Mutex<State>,
    more: Condvar,
}

#[derive(Default)]
struct State {
    bytes: Vec<u8>,
    ended: bool,
}

impl Terminal {
    /// Starts a shell command line, in which `$PROGRAM`, `$STATE` and `$CONFIG` mean what they
    /// mean to [`Machine::shell`]. Redirect in it what git would redirect.
    pub fn start(machine: &Machine, command_line: &str) -> Self {
        let (pty, program_end) = open().expect("a terminal");
        pty.resize(pty_process::Size::new(24, 200)).expect("a size");
        let kept = program_end.as_fd().try_clone_to_owned().expect("a copy");
        let child = Command::from(machine.shell_command(command_line))
            .spawn(program_end)
            .unwrap_or_else(|error| panic!("{command_line}: {error}"));
        let (pty, screen) = (Arc::new(pty), Arc::new(Screen::default()));
        let (ended, ends) = std::io::pipe().expect("a pipe");
        let reader = std::thread::spawn({
            let (pty, screen) = (Arc::clone(&pty), Arc::clone(&screen));
            move || screen.follow(&pty, &ended)
        });
        let leader = Pid::from_child(&child);
        let waiter = std::thread::spawn(move || {
            // Only told of: its number stays its own until it is waited for where it is killed.
            let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
            while waitid(WaitId::Pid(leader), options).is_err_and(|error| error == Errno::INTR) {}
            drop(ends);
        });
        Self {
            command: command_line.to_owned(),
            child,
            pty,
            screen,
            scanner: Arc::clone(&machine.scanner),
            threads: vec![reader, waiter],
            read_to: 0,
            _program_end: kept,
        }
    }

    /// Waits until `text` has come up, after what was expected before, and gives everything from
    /// there up to its end.
    #[track_caller]
    pub fn expect(&mut self, text: &str) -> String {
        let wanted = text.replace('\n', "\r\n");
        let end = self.wait(&format!("{text:?}"), |state| {
            let rest = &state.bytes[self.read_to..];
            let at = rest.windows(wanted.len()).position(|window| window == wanted.as_bytes())?;
            Some(self.read_to + at + wanted.len())
        });
        let came = shown(&self.screen.lock().bytes[self.read_to..end]);
        self.read_to = end;
        came
    }

    /// Types, without Enter.
    #[track_caller]
    pub fn send(&mut self, typed: &str) {
        (&*self.pty).write_all(typed.as_bytes()).expect("the terminal takes what is typed");
    }

    /// Types a line and Enter.
    #[track_caller]
    pub fn line(&mut self, typed: &str) {
        self.send(&format!("{typed}\r"));
    }

    /// Types a key with Ctrl held: `control('c')`.
    #[track_caller]
    pub fn control(&mut self, key: char) {
        let key = u8::try_from(key).expect("a key of the keyboard");
        (&*self.pty).write_all(&[key & 0x1f]).expect("the terminal takes what is typed");
    }

    /// Types a line that nobody is to see, once nobody would. What came up of it all the same is
    /// in [`Self::seen`].
    #[track_caller]
    pub fn secret_line(&mut self, typed: &str) {
        self.wait_until_hidden();
        self.line(typed);
    }

    /// Waits until the terminal does not show what is typed: a prompt comes up a moment before.
    #[track_caller]
    pub fn wait_until_hidden(&self) {
        let started = Instant::now();
        // The one thing of a terminal that nothing tells of.
        while self.echoes() {
            let may_come = started.elapsed() < PATIENCE && !self.screen.lock().ended;
            assert!(may_come, "{}: it would show a secret; seen:\n{}", self.command, self.seen());
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Whether the terminal shows what is typed now.
    pub fn echoes(&self) -> bool {
        let modes = tcgetattr(&*self.pty).expect("the modes of a terminal").local_modes;
        modes.contains(LocalModes::ECHO)
    }

    /// Everything that came up so far, what was typed and shown included.
    pub fn seen(&self) -> String {
        shown(&self.screen.lock().bytes)
    }

    /// The process of the shell, which leads the session.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for the end. Standard output is everything that came up; standard error is empty,
    /// since a terminal does not tell them apart.
    #[track_caller]
    pub fn finish(mut self) -> Done {
        self.wait("the end", |state| state.ended.then_some(()));
        let status = self.child.wait().expect("it ends");
        Done { code: code(status), stdout: self.seen(), stderr: String::new() }
    }

    #[track_caller]
    fn wait<T>(&self, what: &str, found: impl Fn(&State) -> Option<T>) -> T {
        let started = Instant::now();
        let mut state = self.screen.lock();
        loop {
            if let Some(found) = found(&state) {
                return found;
            }
            let left = PATIENCE.saturating_sub(started.elapsed());
            assert!(
                !state.ended && !left.is_zero(),
                "{}: {what} did not come {}; seen:\n{}",
                self.command,
                if state.ended { "before the end" } else { "in time" },
                shown(&state.bytes)
            );
            let waited = self.screen.more.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
        let _ = self.child.wait();
        if !prints_credential(&self.command) {
            self.scanner.scan(&format!("what came up of {}", self.command), &self.seen());
        }
    }
}

impl Screen {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes what comes up until the program has ended, whoever else still has the terminal open.
    fn follow(&self, mut pty: &Pty, ended: &PipeReader) {
        let mut buffer = [0; 4096];
        let mut over = false;
        loop {
            let mut waits = [PollFd::new(pty, PollFlags::IN), PollFd::new(ended, PollFlags::IN)];
            match poll(&mut waits, None) {
                Err(Errno::INTR) => continue,
                // What came up before the end is read before the end is believed. Both may come
                // while they are looked at, one after the other: so the end has to be seen twice.
                Ok(_) if !waits[0].revents().is_empty() => match pty.read(&mut buffer) {
                    Ok(length @ 1..) => self.lock().bytes.extend_from_slice(&buffer[..length]),
                    Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                    Ok(0) | Err(_) => break,
                },
                Ok(_) if !over => over = true,
                Ok(_) | Err(_) => break,
            }
            self.more.notify_all();
        }
        self.lock().ended = true;
        self.more.notify_all();
    }
}

/// As it reads, with line ends as programs write them.
fn shown(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).replace("\r\n", "\n")
}
