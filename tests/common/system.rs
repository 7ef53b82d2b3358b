//! What the operating system does on demand: mounts of a test's own, traced and killed programs.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Once};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};

use super::{Done, Machine, PROGRAM, finish, has, run, skipped};

/// Lets the signals that end a program end those that the tests start, whatever the tests were
/// started with: what a shell runs in the background ignores SIGINT, what `nohup` runs SIGHUP, and
/// both are inherited. A signal that is caught is back at its default in a child (execve(2)).
pub fn restore_signals() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        for signal in [SIGHUP, SIGINT, SIGQUIT, SIGTERM] {
            let always = Arc::new(AtomicBool::new(true));
            signal_hook::flag::register_conditional_default(signal, always).expect("caught");
        }
    });
}

/// Sends a signal to a process, as kill(1) does, which is not there everywhere.
#[track_caller]
pub fn send(signal: Signal, process: u32) {
    let process = i32::try_from(process).ok().and_then(Pid::from_raw).expect("a process");
    kill_process(process, signal).expect("sent");
}

/// Whether programs may be traced here; says that the test is skipped if not.
pub fn can_trace() -> bool {
    if !has("strace") {
        return false;
    }
    let traced = succeeds(&["strace", "-qq", "-o", "/dev/null", "-e", "trace=none", "true"]);
    if !traced {
        skipped("strace with the right to trace");
    }
    traced
}

/// The start of a command line that runs a program with mounts of its own, where this account may
/// make any; says that the test is skipped where not.
fn with_mounts() -> Option<&'static [&'static str]> {
    const WAYS: [&[&str]; 2] = [&["unshare", "-m"], &["unshare", "-rm"]];
    let way = WAYS
        .into_iter()
        .find(|way| succeeds(&[way, &["mount", "-t", "tmpfs", "none", "/tmp"][..]].concat()));
    if way.is_none() {
        skipped("unshare and the right to mount");
    }
    way
}

fn succeeds(words: &[&str]) -> bool {
    Command::new(words[0])
        .args(&words[1..])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

impl Machine {
    /// Runs a shell script with mounts of its own; `$PROGRAM`, `$STATE` and `$CONFIG` name the
    /// program and its two directories. `None` where that cannot be done.
    pub fn script_with_mounts(&self, script: &str, stdin: impl AsRef<[u8]>) -> Option<Done> {
        let way = with_mounts()?;
        let mut command = self.command(way[0]);
        command
            .args(&way[1..])
            .args(["sh", "-eu", "-c", script])
            .env("PROGRAM", PROGRAM)
            .env("STATE", self.state_dir())
            .env("CONFIG", self.integrations_file().parent().expect("a directory"));
        Some(run(&mut command, stdin.as_ref()))
    }

    /// The program as an account for whom modes count, which they do not for root: without that
    /// power where this is root. `None` where it cannot be laid down.
    pub fn bound_by_modes(&self, arguments: &[&str]) -> Option<Done> {
        const WITHOUT: &[&str] = &[
            "setpriv",
            "--inh-caps=-dac_override,-dac_read_search",
            "--bounding-set=-dac_override,-dac_read_search",
        ];
        let unbound = fs::read_to_string("/proc/self/status")
            .is_ok_and(|status| status.lines().any(|line| line.starts_with("Uid:\t0\t")));
        if !unbound {
            return Some(self.helper(arguments));
        }
        if !succeeds(&[WITHOUT, &["true"]].concat()) {
            skipped("setpriv and the right to lay down rights");
            return None;
        }
        let mut command = self.command(WITHOUT[0]);
        Some(run(command.args(&WITHOUT[1..]).arg(PROGRAM).args(arguments), b""))
    }

    /// Runs a shell script, with the same names.
    pub fn shell(&self, script: &str, stdin: impl AsRef<[u8]>) -> Done {
        run(&mut self.shell_command(script), stdin.as_ref())
    }

    /// A shell that is to run a script, with the same names.
    pub fn shell_command(&self, script: &str) -> Command {
        let mut command = self.command("sh");
        command
            .args(["-eu", "-c", script])
            .env("PROGRAM", PROGRAM)
            .env("STATE", self.state_dir())
            .env("CONFIG", self.integrations_file().parent().expect("a directory"));
        command
    }

    /// The program under strace with these of its options; what it ended with, and the trace.
    pub fn traced(
        &self,
        options: &[&str],
        arguments: &[&str],
        stdin: impl AsRef<[u8]>,
    ) -> (Done, String) {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let mut command = self.command("strace");
        command.args(["-f", "-qq", "-s", "256", "-o"]).arg(file.path());
        command.args(options).arg(PROGRAM).args(arguments);
        let done = run(&mut command, stdin.as_ref());
        let trace = fs::read(file.path()).expect("a trace");
        (done, String::from_utf8_lossy(&trace).into_owned())
    }

    /// Every file below the home, whatever it holds.
    pub fn all_files(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut left = vec![self.home()];
        while let Some(dir) = left.pop() {
            for entry in fs::read_dir(dir).expect("a directory") {
                let path = entry.expect("an entry").path();
                if path.is_dir() && !path.is_symlink() {
                    left.push(path);
                } else {
                    found.push(path);
                }
            }
        }
        found.sort();
        found
    }

    /// The one vault file whose name begins so.
    pub fn entry(&self, kind: &str) -> PathBuf {
        let mut found: Vec<_> = self
            .state()
            .into_keys()
            .filter(|path| {
                let name = name_of(path);
                name.starts_with(&format!("{kind}-")) && name.ends_with(".sealed")
            })
            .collect();
        assert_eq!(found.len(), 1, "files of kind {kind}: {found:?}");
        found.remove(0)
    }

    /// The names of the state directory's files that are new, gone or changed since; lock files,
    /// which hold no secret, left out.
    pub fn changed_since(&self, before: &BTreeMap<PathBuf, Vec<u8>>) -> Vec<String> {
        let after = self.state();
        let mut names: Vec<_> = before
            .keys()
            .chain(after.keys())
            .filter(|path| before.get(*path) != after.get(*path))
            .map(|path| name_of(path))
            .filter(|name| !name.ends_with(".lock"))
            .collect();
        names.sort();
        names.dedup();
        names
    }

    /// The names of the files in the state directory.
    pub fn state_names(&self) -> Vec<String> {
        self.state().keys().map(|path| name_of(path)).collect()
    }
}

/// The last part of a path.
pub fn name_of(path: &Path) -> String {
    path.file_name().expect("a name").to_string_lossy().into_owned()
}

/// Whether any of the files holds these bytes.
pub fn holding<'f>(files: &'f [PathBuf], secret: &[u8]) -> Vec<&'f PathBuf> {
    files
        .iter()
        .filter(|path| {
            let bytes = fs::read(path).unwrap_or_default();
            bytes.windows(secret.len()).any(|window| window == secret)
        })
        .collect()
}

/// The program, started and not yet waited for.
pub struct Started {
    command: Command,
    child: Child,
}

impl Machine {
    /// Starts the program on a short input, which is all it gets.
    pub fn start(&self, arguments: &[&str], stdin: &str) -> Started {
        let mut command = self.command(PROGRAM);
        command.args(arguments).stdin(Stdio::piped());
        let mut child =
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        let mut input = child.stdin.take().expect("piped");
        input.write_all(stdin.as_bytes()).expect("it fits into a pipe");
        Started { command, child }
    }
}

impl Started {
    /// Waits until it has that lock file open: what it does before it asks for the lock is done.
    #[track_caller]
    pub fn stands_at(&mut self, lock: &Path) {
        let files = format!("/proc/{}/fd", self.child.id());
        let started = Instant::now();
        let is_open = || {
            let files = fs::read_dir(&files).into_iter().flatten().flatten();
            files.filter_map(|file| fs::read_link(file.path()).ok()).any(|open| open == *lock)
        };
        while !is_open() {
            assert!(self.child.try_wait().expect("known").is_none(), "it ended without the lock");
            assert!(started.elapsed() < Duration::from_secs(30), "it never asks for the lock");
            std::thread::yield_now();
        }
    }

    /// Waits for its end.
    pub fn finish(self) -> Done {
        finish(&self.command, self.child)
    }
}
