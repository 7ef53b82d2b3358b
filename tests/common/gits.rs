//! The gits of this machine, and tests that run with each of them.
//!
//! Debian's git is older than the one most people have, and both have to work. A machine of the
//! tests uses the first git on the PATH; inside [`each_git`] it uses the git of that turn; with
//! `TEST_GIT=/path/to/git` in the environment, that one. `TEST_GITS` names further gits, separated
//! as in PATH.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use standins::ServerSignIn;

use super::{Machine, skipped};

/// A git of this machine.
#[derive(Clone, Copy, Debug)]
pub struct Git {
    /// Where it is.
    pub path: &'static str,
    /// `(2, 47)`.
    pub version: (u32, u32),
    /// `git version 2.47.3`.
    pub name: &'static str,
}

/// The oldest git that tests run: before it, git reads and writes the machine's own configuration
/// in place of the one that a test names (`GIT_CONFIG_SYSTEM`, `GIT_CONFIG_GLOBAL`).
const OLDEST: (u32, u32) = (2, 32);

thread_local! {
    /// The git whose turn it is on this thread.
    static TURN: Cell<Option<Git>> = const { Cell::new(None) };
}

impl Git {
    fn at(path: &Path) -> Option<Self> {
        let output = Command::new(path).arg("version").output().ok()?;
        let name = String::from_utf8(output.stdout).ok()?.trim().to_owned();
        let version = version(&name)?;
        // They are few, and last as long as the tests.
        let path = Box::leak(path.to_str()?.to_owned().into_boxed_str());
        Some(Self { path, version, name: Box::leak(name.into_boxed_str()) })
    }

    /// The directory it is in.
    pub fn directory(&self) -> &'static Path {
        Path::new(self.path).parent().expect("a program is in a directory")
    }
}

/// `(2, 47)` of `git version 2.47.3`.
fn version(name: &str) -> Option<(u32, u32)> {
    let mut numbers = name.split_whitespace().nth(2)?.split('.').map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

/// Every git there is, each version once, oldest first; with `TEST_GIT`, only that one.
pub fn gits() -> Vec<Git> {
    static FOUND: OnceLock<Vec<Git>> = OnceLock::new();
    FOUND.get_or_init(find_gits).clone()
}

fn find_gits() -> Vec<Git> {
    if let Some(git) = chosen() {
        return vec![git];
    }
    let directories = |name| {
        let variable = std::env::var_os(name).unwrap_or_default();
        std::env::split_paths(&variable).collect::<Vec<_>>()
    };
    let on_path = directories("PATH").into_iter().map(|dir| dir.join("git"));
    let mut found: Vec<Git> = ["/usr/bin/git", "/usr/local/bin/git"]
        .into_iter()
        .map(PathBuf::from)
        .chain(on_path)
        .chain(directories("TEST_GITS"))
        .filter(|path| path.is_absolute() && path.is_file())
        .filter_map(|path| Git::at(&path))
        .filter(|git| git.version >= OLDEST)
        .collect();
    found.sort_by_key(|git| (git.version, git.name));
    found.dedup_by_key(|git| git.name);
    assert!(!found.is_empty(), "these tests need git {}.{}", OLDEST.0, OLDEST.1);
    found
}

/// The git that `TEST_GIT` names.
fn chosen() -> Option<Git> {
    static CHOSEN: OnceLock<Option<Git>> = OnceLock::new();
    *CHOSEN.get_or_init(|| {
        let path = std::env::var_os("TEST_GIT").filter(|path| !path.is_empty())?;
        let git = Git::at(Path::new(&path)).expect("TEST_GIT names a git");
        assert!(git.version >= OLDEST, "{} is too old for these tests", git.name);
        Some(git)
    })
}

/// Those that know a part of the protocol that came with a version.
pub fn gits_since(version: (u32, u32)) -> Vec<Git> {
    let found: Vec<Git> = gits().into_iter().filter(|git| git.version >= version).collect();
    if found.is_empty() {
        skipped(&format!("git {}.{}", version.0, version.1));
    }
    found
}

/// Runs a test with each git there is: every machine that it makes finds that git first on its
/// PATH, and so does the program under test.
pub fn each_git(test: impl Fn(&Git)) {
    for git in gits() {
        with_git(&git, || test(&git));
    }
}

/// Runs a test with each git that knows what came with a version.
pub fn each_git_since(version: (u32, u32), test: impl Fn(&Git)) {
    for git in gits_since(version) {
        with_git(&git, || test(&git));
    }
}

/// Every machine that is made meanwhile on this thread uses this git.
pub fn with_git<T>(git: &Git, test: impl FnOnce() -> T) -> T {
    struct Turn(Git, Option<Git>);
    impl Drop for Turn {
        #[allow(clippy::print_stderr, reason = "a test that fails says with which git")]
        fn drop(&mut self) {
            TURN.set(self.1);
            if std::thread::panicking() {
                eprintln!("this was with {} ({})", self.0.name, self.0.path);
            }
        }
    }
    let _turn = Turn(*git, TURN.replace(Some(*git)));
    test()
}

/// The git that a new machine is to find first, unless it is the first on the PATH anyway.
pub(super) fn git_of_new_machines() -> Option<Git> {
    TURN.get().or_else(chosen)
}

impl Machine {
    /// The version of the git that is used here.
    pub fn git_version(&self) -> (u32, u32) {
        version(&self.git(&["version"]).stdout).expect("a version")
    }

    /// Has the Server offer no NTLM where the git here would take that in place of a token: before
    /// 2.46 it cannot be told otherwise (`http.proactiveAuth`).
    pub fn let_git_use_the_server(&self) {
        if self.git_version() < (2, 46) {
            self.world.server().set_sign_in(ServerSignIn::Kerberos);
        }
    }
}
