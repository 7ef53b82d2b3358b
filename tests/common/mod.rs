//! One test's own machine: a home, the stand-ins, and the built program, with every variable
//! pinned, so that nothing of the machine around shows through.

#![allow(dead_code, unreachable_pub, reason = "each test file uses the part it needs")]

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;

use git_credential_ona_azure::vault::{Access, Checks, Pats, Record, Session, Vault};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde::Serialize;
use serde::de::DeserializeOwned;
use standins::{CLIENT_ID, CLIENT_SECRET, CONTOSO, World};
use tempfile::TempDir;

use scan::Scanner;

pub mod chromium;
mod expect;
#[allow(unused_imports, reason = "some test files need only the methods")]
pub use expect::*;
mod gits;
#[allow(unused_imports, reason = "not every test file has a test with more than one git")]
pub use gits::*;
mod look;
#[allow(unused_imports, reason = "some test files need only the methods")]
pub use look::*;
pub mod loopback;
pub mod person;
pub mod scan;
pub mod schema;
pub mod system;
pub mod terminal;

/// The built program.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_git-credential-ona-azure");

/// A request of git's for `contoso` on dev.azure.com.
pub const CONTOSO_REQUEST: &str = "protocol=https\nhost=dev.azure.com\npath=contoso/app/_git/app\n";

/// The same for `fabrikam`.
pub const FABRIKAM_REQUEST: &str =
    "protocol=https\nhost=dev.azure.com\npath=fabrikam/lib/_git/lib\n";

/// A machine of the test's own.
pub struct Machine {
    /// The services it reaches.
    pub world: World,
    dir: TempDir,
    scanner: Arc<Scanner>,
    variables: BTreeMap<String, String>,
}

/// How a program ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    /// The exit code; 128 and the signal's number if it was killed.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Machine {
    /// A machine with nothing configured.
    pub fn new() -> Self {
        system::restore_signals();
        let world = World::start();
        let dir = tempfile::tempdir().expect("a directory");
        let home = dir.path().join("home");
        fs::create_dir_all(home.join("work")).expect("a home");
        let program_dir = Path::new(PROGRAM).parent().expect("a program is in a directory");
        let mut path = std::env::var("PATH").unwrap_or_default();
        if let Some(git) = gits::git_of_new_machines() {
            // Alone in a directory: it comes first, and nothing else from its own place does.
            let only_git = dir.path().join("git");
            fs::create_dir(&only_git).expect("made");
            std::os::unix::fs::symlink(git.path, only_git.join("git")).expect("a link");
            path = format!("{}:{path}", only_git.display());
        }
        let mut variables = BTreeMap::from([
            ("HOME".to_owned(), home.to_str().expect("text").to_owned()),
            ("PATH".to_owned(), format!("{}:{path}", program_dir.display())),
            ("LANG".to_owned(), "C.UTF-8".to_owned()),
            ("GIT_CONFIG_NOSYSTEM".to_owned(), "1".to_owned()),
            ("GIT_TERMINAL_PROMPT".to_owned(), "0".to_owned()),
            ("GIT_AUTHOR_NAME".to_owned(), "Ada".to_owned()),
            ("GIT_AUTHOR_EMAIL".to_owned(), "ada@contoso.example".to_owned()),
            ("GIT_COMMITTER_NAME".to_owned(), "Ada".to_owned()),
            ("GIT_COMMITTER_EMAIL".to_owned(), "ada@contoso.example".to_owned()),
            // A browser that is started and goes nowhere: tests do what a person would do in it.
            ("BROWSER".to_owned(), "true".to_owned()),
        ]);
        variables.extend(world.env());
        // Outside the home, which tests compare before and after.
        let trace = dir.path().join("trace").to_str().expect("text").to_owned();
        variables.insert("ONA_AZURE_TRACE".to_owned(), trace);
        let scanner = Scanner::register(
            &["HOME", "ONA_AZURE_TRACE", "HTTPS_PROXY"].map(|name| &*variables[name]),
            world.secrets_from_now_on(),
        );
        Self { world, dir, scanner, variables }
    }

    /// A machine whose git asks the program, with the integration of the stand-ins: OAuth and PAT.
    pub fn configured() -> Self {
        let machine = Self::new();
        machine.add_integration(&["--pat"]);
        machine.set_up_git();
        machine
    }

    /// A configured machine on which Ada is signed in.
    pub fn signed_in() -> Self {
        let machine = Self::configured();
        machine.sign_in();
        machine
    }

    /// Sets a variable for everything run from now on.
    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        self.variables.insert(name.to_owned(), value.into());
    }

    /// Unsets a variable.
    pub fn unset(&mut self, name: &str) {
        self.variables.remove(name);
    }

    /// A variable's value.
    pub fn variable(&self, name: &str) -> &str {
        self.variables.get(name).map_or("", String::as_str)
    }

    pub fn home(&self) -> PathBuf {
        self.dir.path().join("home")
    }

    /// Where git commands run.
    pub fn work(&self) -> PathBuf {
        self.home().join("work")
    }

    pub fn state_dir(&self) -> PathBuf {
        self.home().join(".local/state/git-credential-ona-azure")
    }

    pub fn integrations_file(&self) -> PathBuf {
        self.home().join(".config/git-credential-ona-azure/integrations.json")
    }

    /// The trace of everything run so far.
    pub fn trace(&self) -> String {
        let bytes = fs::read(self.trace_file()).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    pub fn trace_file(&self) -> PathBuf {
        self.dir.path().join("trace")
    }

    /// What looks for secrets here.
    pub fn scanner(&self) -> &Scanner {
        &self.scanner
    }

    /// Fails the test if there is a secret in a file.
    #[track_caller]
    pub fn scan_file(&self, path: &Path) {
        let bytes = fs::read(path).expect("readable");
        self.scanner.scan(&path.display().to_string(), &String::from_utf8_lossy(&bytes));
    }

    /// Any program, with the machine's variables and nothing else.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.env_clear().envs(&self.variables).current_dir(self.work());
        command
    }

    /// The program under test, with its arguments. A person who signs in is not one of the scripts
    /// that set GIT_TERMINAL_PROMPT.
    pub fn program(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(PROGRAM);
        command.args(arguments);
        if arguments.first() == Some(&"login") {
            command.env_remove("GIT_TERMINAL_PROMPT");
        }
        command
    }

    /// The program under test.
    pub fn helper(&self, arguments: &[&str]) -> Done {
        run(&mut self.program(arguments), b"")
    }

    /// The program under test, given something to read.
    pub fn helper_with(&self, arguments: &[&str], stdin: impl AsRef<[u8]>) -> Done {
        self.scanner.add_given(arguments, stdin.as_ref());
        run(&mut self.program(arguments), stdin.as_ref())
    }

    pub fn get(&self, request: impl AsRef<[u8]>) -> Done {
        self.helper_with(&["get"], request)
    }

    pub fn store(&self, request: impl AsRef<[u8]>) -> Done {
        self.helper_with(&["store"], request)
    }

    pub fn erase(&self, request: impl AsRef<[u8]>) -> Done {
        self.helper_with(&["erase"], request)
    }

    /// git, in `work`.
    pub fn git(&self, arguments: &[&str]) -> Done {
        run(self.command("git").args(arguments), b"")
    }

    /// git, in a directory below `work`.
    pub fn git_in(&self, directory: &str, arguments: &[&str]) -> Done {
        let mut command = self.command("git");
        run(command.current_dir(self.work().join(directory)).args(arguments), b"")
    }

    /// git in a directory below `work`, which must do what it is told without a word of anybody's.
    #[track_caller]
    pub fn git_quietly(&self, directory: &str, arguments: &[&str]) {
        let done = self.git_in(directory, arguments);
        assert_eq!(done, Done::silent(), "git {arguments:?}");
    }

    /// Writes a file in a clone below `work` and commits it.
    pub fn commit(&self, clone: &str, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.work().join(clone).join(name), content).expect("written");
        self.git_in(clone, &["add", name]).expect_success();
        self.git_in(clone, &["commit", "-q", "-m", name]).expect_success();
    }

    pub fn set_up_git(&self) {
        self.helper(&["setup-git"]).expect_success();
    }

    /// Adds the stand-ins' integration for dev.azure.com, with more flags; not tested.
    pub fn add_integration(&self, flags: &[&str]) {
        self.try_add_integration(flags).expect_success();
    }

    /// As `add_integration`, however it ends.
    pub fn try_add_integration(&self, flags: &[&str]) -> Done {
        let issuer = format!("https://login.microsoftonline.com/{CONTOSO}/oauth2/v2.0");
        let mut arguments = vec![
            "integration",
            "add",
            "--host",
            "dev.azure.com",
            "--no-test",
            "--issuer-url",
            &issuer,
            "--client-id",
            CLIENT_ID,
            "--client-secret-stdin",
        ];
        arguments.extend(flags);
        self.helper_with(&arguments, CLIENT_SECRET)
    }

    /// `integration add`, given a client secret on standard input and not tested.
    pub fn integration_add(&self, flags: &[&str]) -> Done {
        let mut arguments = vec!["integration", "add", "--no-test"];
        arguments.extend(flags);
        self.helper_with(&arguments, CLIENT_SECRET)
    }

    /// The integrations file as it is.
    pub fn integrations(&self) -> serde_json::Value {
        let bytes = fs::read(self.integrations_file()).expect("an integrations file");
        serde_json::from_slice(&bytes).expect("JSON")
    }

    /// Writes the integrations file, as an administrator would by hand.
    pub fn write_integrations(&self, text: &str) {
        let file = self.integrations_file();
        fs::create_dir_all(file.parent().expect("it is in a directory")).expect("made");
        fs::write(file, text).expect("written");
    }

    /// Adds an integration that takes personal access tokens only.
    pub fn add_pat_integration(&self, host: &str, flags: &[&str]) {
        let mut arguments = vec!["integration", "add", "--host", host, "--no-test", "--pat"];
        arguments.extend(flags);
        self.helper(&arguments).expect_success();
    }

    /// Gives the program a personal access token; `flags` may hold `--expires`.
    pub fn give_pat(&self, url: &str, pat: &str, flags: &[&str]) {
        let mut arguments = vec!["login", url, "--pat", "--no-test"];
        arguments.extend(flags);
        self.helper_with(&arguments, pat).expect_success();
    }

    /// Signs Ada in.
    pub fn sign_in(&self) {
        self.login(&[], standins::ADA).expect_success();
    }

    /// Runs `login`, and signs `account` in in the browser it would have opened.
    pub fn login(&self, arguments: &[&str], account: &str) -> Done {
        let mut login = Login::start(self, arguments);
        let url = login.address();
        self.world.browse_as(&url, account);
        login.finish()
    }

    /// The vault, opened beside the program: to look into, and to let time pass.
    pub fn vault(&self) -> Vault {
        Vault::new(self.state_dir(), self.variables.get("ONA_AZURE_KEY_FILE").map(PathBuf::from))
    }

    /// The record of the host-wide session's access token.
    pub fn access(&self) -> Option<Access> {
        self.vault().read("dev.azure.com").expect("a vault that opens")
    }

    /// Changes that record, as the passing of time would.
    pub fn change_access(&self, change: impl FnOnce(&mut Access)) {
        self.change("dev.azure.com", change);
    }

    /// Changes an entry of the vault, as the passing of time or another version would.
    pub fn change<R>(&self, of: &str, change: impl FnOnce(&mut R))
    where
        R: Record + Serialize + DeserializeOwned + Clone + PartialEq,
    {
        let vault = self.vault();
        let writer = vault.write().expect("a vault that can be written");
        let change = |kept: &mut Option<R>| change(kept.as_mut().expect("an entry"));
        writer.update(of, change).expect("written");
    }

    /// Forgets what the service said lately of secrets, as ten seconds would.
    pub fn forget_checks(&self) {
        let forget = |kept: &mut Option<Checks>| *kept = None;
        self.vault().update("all", forget).expect("a vault that can be written");
    }

    /// Makes the access token one that was issued `seconds` earlier, with so much less to live.
    pub fn age_access_token(&self, seconds: u64) {
        self.change_access(|access| {
            access.issued_at -= seconds;
            access.expires_at -= seconds;
        });
    }

    /// Every file below the state directory with its bytes: nothing was written if it is equal.
    pub fn state(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let Ok(entries) = fs::read_dir(self.state_dir()) else { return BTreeMap::new() };
        entries
            .map(|entry| entry.expect("an entry").path())
            .map(|path| (path.clone(), fs::read(&path).expect("readable")))
            .collect()
    }
}

impl Machine {
    /// Counts what is in the vault as secrets from now on: for an issuer that is none of the
    /// stand-ins, as those know all of their own. (To open the vault takes time, so not always.)
    pub fn add_what_is_kept(&self) {
        let vault = self.vault();
        let sessions = vault.list::<Session>().unwrap_or_default();
        let refresh = sessions.into_iter().filter_map(|session| session.refresh_token);
        let accesses = vault.list::<Access>().unwrap_or_default();
        let access = accesses.into_iter().filter_map(|access| access.token);
        let pats = vault.list::<Pats>().unwrap_or_default().into_iter().flat_map(|kept| kept.pats);
        let pats = pats.map(|pat| pat.login.secret().clone());
        for secret in refresh.chain(access).chain(pats) {
            self.scanner.add(&String::from_utf8_lossy(secret.expose()));
        }
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let trace = self.trace();
        self.scanner.scan("the trace", &trace);
        // Where command lines of tests let standard error go, other than to the test itself.
        for dir in [self.home(), self.work()] {
            let entries = fs::read_dir(dir).into_iter().flatten().filter_map(Result::ok);
            for path in entries.map(|entry| entry.path()).filter(|path| path.is_file()) {
                let name = system::name_of(&path);
                if name.starts_with("said") || name.starts_with("err") {
                    self.scan_file(&path);
                }
            }
        }
        Scanner::forget(&self.scanner);
        if !std::thread::panicking() {
            let broken = trace.lines().find(|line| !is_line_of_a_trace(line));
            assert_eq!(broken, None, "every line of a trace is whole");
        }
    }
}

/// Whether a line begins with a time in UTC and the number of a process.
fn is_line_of_a_trace(line: &str) -> bool {
    let mut words = line.split(' ');
    let (time, process, kind) = (words.next(), words.next(), words.next());
    time.is_some_and(|time| time.len() == "2026-11-24T18:10:42.123Z".len() && time.ends_with('Z'))
        && process.is_some_and(|process| process.parse::<u32>().is_ok())
        && kind.is_some()
}

/// A `login` that waits for its browser.
pub struct Login {
    scanner: Arc<Scanner>,
    child: Child,
    stdin: Option<ChildStdin>,
    stderr: BufReader<std::process::ChildStderr>,
    seen: String,
}

impl Login {
    pub fn start(machine: &Machine, arguments: &[&str]) -> Self {
        Self::reading(machine, arguments, Stdio::null())
    }

    /// With its standard input a pipe that [`Self::line`] writes to.
    pub fn piped(machine: &Machine, arguments: &[&str]) -> Self {
        Self::reading(machine, arguments, Stdio::piped())
    }

    fn reading(machine: &Machine, arguments: &[&str], stdin: Stdio) -> Self {
        let mut child = machine
            .program(&[&["login"], arguments].concat())
            .stdin(stdin)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("login starts");
        let stderr = BufReader::new(child.stderr.take().expect("piped"));
        let scanner = Arc::clone(&machine.scanner);
        Self { scanner, stdin: child.stdin.take(), child, stderr, seen: String::new() }
    }

    /// Writes a line to its standard input.
    pub fn line(&mut self, text: &str) {
        let stdin = self.stdin.as_mut().expect("a pipe");
        stdin.write_all(format!("{text}\n").as_bytes()).expect("written");
    }

    /// Ends its standard input.
    pub fn end_input(&mut self) {
        self.stdin = None;
    }

    /// Everything it says up to the end of the next line that begins so.
    #[track_caller]
    pub fn through(&mut self, beginning: &str) -> String {
        let from = self.seen.len();
        loop {
            let line = self.next_line().unwrap_or_else(|| {
                panic!("login ended before it said {beginning:?}: {}", self.seen)
            });
            if line.starts_with(beginning) {
                return self.seen[from..].to_owned();
            }
        }
    }

    fn next_line(&mut self) -> Option<String> {
        let mut line = String::new();
        self.stderr.read_line(&mut line).expect("readable");
        self.seen.push_str(&line);
        Some(line).filter(|line| !line.is_empty())
    }

    /// Whether it has written anything on standard output by now, or closed it.
    pub fn has_answered(&self) -> bool {
        let stdout = self.child.stdout.as_ref().expect("piped");
        let mut waits = [PollFd::new(stdout, PollFlags::IN)];
        poll(&mut waits, Some(&Timespec::default())).expect("asked") > 0
    }

    /// The address it asks to open.
    pub fn address(&mut self) -> String {
        let address = self.address_if_any();
        address.unwrap_or_else(|| panic!("login ended before it gave an address: {}", self.seen))
    }

    /// The address it asks to open, unless it ends before.
    pub fn address_if_any(&mut self) -> Option<String> {
        loop {
            let line = self.next_line()?;
            if line.trim().starts_with("https://") || line.trim().starts_with("http://") {
                return Some(line.trim().to_owned());
            }
        }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it still waits.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("asked").is_none()
    }

    pub fn kill(&mut self) {
        self.child.kill().expect("killed");
    }

    pub fn finish(mut self) -> Done {
        self.stderr.read_to_string(&mut self.seen).expect("readable");
        let output = self.child.wait_with_output().expect("ends");
        let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
        self.scanner.scan("what login said", &self.seen);
        self.scanner.scan("what login printed", &stdout);
        Done { code: code(output.status), stdout, stderr: self.seen }
    }
}

impl Done {
    /// Success without a word.
    pub fn silent() -> Self {
        Self { code: 0, stdout: String::new(), stderr: String::new() }
    }

    /// Fails the test unless it ended with exit code 0.
    #[track_caller]
    pub fn expect_success(self) -> Self {
        assert_eq!(self.code, 0, "{self:#?}");
        self
    }

    /// The value of an attribute in an answer to `get`.
    pub fn attribute(&self, key: &str) -> Option<&str> {
        self.stdout.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='))
    }

    /// Standard output as the one JSON document it is to be.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error} in {self:#?}"))
    }

    /// Fails the test unless that, and no more, is what it said and how it ended.
    #[track_caller]
    pub fn expect(&self, code: i32, stdout: &str, stderr: &str) {
        assert_eq!((self.code, &*self.stdout, &*self.stderr), (code, stdout, stderr));
    }

    pub fn password(&self) -> &str {
        self.attribute("password").unwrap_or_else(|| panic!("no password in {self:#?}"))
    }
}

/// Whether a program is there that a test cannot do without; says so if it is not.
pub fn has(tool: &str) -> bool {
    let found = find(tool).is_some();
    if !found {
        skipped(tool);
    }
    found
}

/// Where a program is, if it is there.
pub fn find(tool: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).map(|dir| dir.join(tool)).find(|file| file.is_file())
}

/// Says what a test could not do without. Written straight to stderr: what macros print, the test
/// harness keeps to itself where a test passes.
pub fn skipped(needs: &str) {
    let _ = writeln!(std::io::stderr(), "skipped: needs {needs}");
}

/// Bytes that do not compress, always the same.
pub fn noise(size: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let next = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[4]
    };
    (0..size).map(next).collect()
}

/// Waits until a file is there.
#[track_caller]
pub fn wait_for(path: &Path) {
    wait_until(&format!("waited for {}", path.display()), || path.exists());
}

/// Waits until something is so that nothing tells of.
#[track_caller]
pub fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let started = std::time::Instant::now();
    while !is_so() {
        assert!(started.elapsed().as_secs() < 30, "{what} in vain");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}

/// Writes a script that can be run. Another process does it: a program that this one has open for
/// writing cannot be run, and a child being started by another test would hold it open too.
pub fn script(path: &Path, text: &str) {
    let mut command = Command::new("sh");
    command.args(["-c", "cat >\"$0\" && chmod 755 \"$0\""]).arg(path);
    assert_eq!(run(&mut command, text.as_bytes()), Done::silent());
}

/// Runs a command to its end, and looks for secrets in what it said. A child that does not read its
/// input is no failure.
#[track_caller]
pub fn run(command: &mut Command, stdin: &[u8]) -> Done {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let mut input = child.stdin.take().expect("piped");
    let bytes = stdin.to_vec();
    let feeder = std::thread::spawn(move || {
        let _ = input.write_all(&bytes);
    });
    let done = finish(command, child);
    feeder.join().expect("feeds");
    done
}

/// Waits for the end of a command.
fn finish(command: &Command, child: Child) -> Done {
    let output = child.wait_with_output().expect("ends");
    let done = Done {
        code: code(output.status),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    };
    scan::scan(command, &done);
    done
}

fn code(status: std::process::ExitStatus) -> i32 {
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default())
}
