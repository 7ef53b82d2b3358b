//! Finds git and runs it with an environment that carries neither secrets nor a repository.

use std::collections::BTreeMap;
use std::env;
use std::ffi::{OsStr, OsString};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use super::Refusal;
use crate::programs;

/// The file name looked for on the PATH.
const NAME: &str = if cfg!(windows) { "git.exe" } else { "git" };

/// What git needs to find its system and global configuration, and nothing else. Not here, on
/// purpose: `ONA_AZURE_*` (secrets), `GIT_DIR` and its kin (a repository of the caller's choice),
/// `GIT_CONFIG_PARAMETERS` and `GIT_CONFIG_COUNT` (what one command line set), `GIT_EXEC_PATH` and
/// `LD_*` (other programs under git's name).
const KEPT: &[&str] = &[
    "HOME",
    "XDG_CONFIG_HOME",
    "GIT_CONFIG_GLOBAL",
    "GIT_CONFIG_SYSTEM",
    "GIT_CONFIG_NOSYSTEM",
    #[cfg(windows)]
    "USERPROFILE",
    #[cfg(windows)]
    "HOMEDRIVE",
    #[cfg(windows)]
    "HOMEPATH",
    #[cfg(windows)]
    "SYSTEMROOT",
    #[cfg(windows)]
    "APPDATA",
    #[cfg(windows)]
    "PROGRAMDATA",
];

/// A git program, with the environment it is run in.
#[derive(Clone, Debug)]
pub struct Git {
    path: PathBuf,
    variables: BTreeMap<OsString, OsString>,
    directory: Option<PathBuf>,
}

impl Git {
    /// The git on this process's PATH.
    pub fn find() -> Option<Self> {
        let mut variables: Vec<_> = env::vars_os().collect();
        // A process started without one is of an account with a home all the same.
        if !variables.iter().any(|(name, value)| name == "HOME" && !value.is_empty()) {
            let home = directories::BaseDirs::new().map(|dirs| dirs.home_dir().to_owned());
            variables.extend(home.map(|home| (OsString::from("HOME"), home.into_os_string())));
        }
        Self::from_variables(variables)
    }

    /// The git on the PATH among these environment variables; the others say where its
    /// configuration is.
    pub fn from_variables(
        variables: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Option<Self> {
        let all: BTreeMap<_, _> =
            variables.into_iter().map(|(name, value)| (canonical(name), value)).collect();
        let entries = all.get(OsStr::new("PATH")).map(|path| programs::entries(path));
        let entries = entries.unwrap_or_default();
        let path = programs::find(OsStr::new(NAME), &entries)?;
        let mut kept: BTreeMap<_, _> =
            all.into_iter().filter(|(name, _)| KEPT.iter().any(|kept| name == kept)).collect();
        if let Ok(joined) = env::join_paths(&entries) {
            kept.insert("PATH".into(), joined);
        }
        kept.insert("LANG".into(), "C".into());
        kept.insert("LC_ALL".into(), "C".into());
        Some(Self { path, variables: kept, directory: None })
    }

    /// The same git, run for the repository around this directory instead of the current one.
    #[must_use]
    pub fn in_directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.directory = Some(directory.into());
        self
    }

    /// The same git, with the settings that the caller's environment gives every git started from
    /// it (`GIT_CONFIG_COUNT`, and what `git -c` leaves to its children): for whoever wants to know
    /// what they do. Never for a git whose answer decides anything.
    #[must_use]
    pub fn with_callers_settings(mut self) -> Self {
        let numbered = ["GIT_CONFIG_KEY_", "GIT_CONFIG_VALUE_"];
        let settings = env::vars_os().filter(|(name, _)| {
            let name = name.to_string_lossy();
            name == "GIT_CONFIG_COUNT"
                || name == "GIT_CONFIG_PARAMETERS"
                || numbered.iter().any(|beginning| name.starts_with(beginning))
        });
        self.variables.extend(settings);
        self
    }

    /// The same git, for the repository that the caller's environment names: for whoever wants to
    /// know why git refuses it. Never for a git whose answer decides anything.
    #[must_use]
    pub fn with_callers_repository(mut self) -> Self {
        // Where a repository is, and how far it is looked for (git(1), environment variables).
        const NAMES: [&str; 5] = [
            "GIT_DIR",
            "GIT_WORK_TREE",
            "GIT_COMMON_DIR",
            "GIT_CEILING_DIRECTORIES",
            "GIT_DISCOVERY_ACROSS_FILESYSTEM",
        ];
        let set = NAMES.into_iter().filter_map(|name| Some((name.into(), env::var_os(name)?)));
        self.variables.extend(set);
        self
    }

    /// Where the program is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A variable of the environment git is run in.
    pub fn variable(&self, name: &str) -> Option<&OsStr> {
        self.variables.get(OsStr::new(name)).map(OsString::as_os_str)
    }

    /// The directory whose repository `command` speaks of.
    pub fn directory(&self) -> io::Result<PathBuf> {
        self.directory.clone().map_or_else(env::current_dir, Ok)
    }

    /// git in the current directory, without the caller's environment. stdin is empty, stderr is
    /// kept from the terminal.
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.path);
        command.env_clear().envs(&self.variables);
        if let Some(directory) = &self.directory {
            command.current_dir(directory);
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// git outside every repository: only system and global configuration apply.
    ///
    /// A `GIT_DIR` that cannot be a repository stops the search for one, wherever the process was
    /// started, be that under `/.git` itself. The directory is git's own, so that a relative path
    /// in the configuration or the environment cannot mean a file of a work tree either.
    pub fn outside(&self) -> Command {
        let mut command = self.command();
        command.env("GIT_DIR", "/dev/null");
        if let Some(directory) = self.path.parent() {
            command.current_dir(directory);
        }
        command
    }

    /// Runs `command` and gives it `input`, from a thread of its own: git answers while it reads.
    pub fn feed(mut command: Command, input: &[u8]) -> io::Result<Output> {
        let mut child = command.stdin(Stdio::piped()).spawn()?;
        let stdin = child.stdin.take();
        std::thread::scope(|scope| {
            scope.spawn(move || stdin.map(|mut stdin| stdin.write_all(input)));
            child.wait_with_output()
        })
    }

    /// Major and minor version.
    pub fn version(&self) -> Option<(u32, u32)> {
        parse_version(&self.say_version()?)
    }

    /// The version as git says it, the vendor's own words included.
    pub fn version_text(&self) -> Option<String> {
        let said = self.say_version()?;
        said.trim().strip_prefix("git version ").map(str::to_owned)
    }

    /// Why it says no version: it reads its configuration first.
    pub fn refusal(&self) -> Option<Refusal> {
        let output = self.outside().arg("version").output().ok()?;
        if output.status.success() { None } else { Refusal::of(&output.stderr) }
    }

    /// Why every command on the repository around the current directory ends at once; nothing where
    /// there is none.
    pub fn repository_refusal(&self) -> Option<Refusal> {
        // What a script sets for git may be what accepts the repository.
        let git = self.clone().with_callers_settings().with_callers_repository();
        let output = git.command().args(["rev-parse", "--git-dir"]).output().ok()?;
        if output.status.success() {
            return None;
        }
        Refusal::of(&output.stderr).filter(|refusal| !refusal.is_no_repository())
    }

    fn say_version(&self) -> Option<String> {
        let output = self.outside().arg("version").output().ok()?;
        Some(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

/// Windows does not tell `Path` from `PATH`.
fn canonical(name: OsString) -> OsString {
    if cfg!(windows) { name.to_ascii_uppercase() } else { name }
}

/// `git version 2.39.5 (Apple Git-154)`, `git version 2.47.1.windows.1`.
fn parse_version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.strip_prefix("git version ")?.trim().split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_every_vendor_are_understood() {
        assert_eq!(parse_version("git version 2.39.5\n"), Some((2, 39)));
        assert_eq!(parse_version("git version 2.39.5 (Apple Git-154)\n"), Some((2, 39)));
        assert_eq!(parse_version("git version 2.47.1.windows.1\n"), Some((2, 47)));
        assert_eq!(parse_version("hub version 1"), None);
    }
}
