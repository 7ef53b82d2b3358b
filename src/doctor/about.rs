//! Where a look was made: the program, the day, the machine. What whoever reads of it elsewhere
//! asks first.

use std::env;
use std::path::Path;

use jiff::Timestamp;

use super::{Examined, git_answers};
use crate::clock;
use crate::git::Git;
use crate::sign_in::Surroundings;

/// The program, the day and the machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// This program's version.
    pub version: &'static str,
    /// When, as RFC 3339 in UTC.
    pub date: String,
    /// The operating system by its own name.
    pub os: String,
    /// The kernel's release, where the system tells.
    pub kernel: Option<String>,
    /// The processor.
    pub architecture: &'static str,
    /// git's version as git says it.
    pub git: Option<String>,
    /// What the machine is to the person in front of it: `container`, `ssh`, `ona` and the like.
    pub surroundings: Vec<&'static str>,
}

impl About {
    /// This machine, now; `all` is what was found. A git that gave no answer is not asked again.
    pub fn here(all: &[Examined]) -> Self {
        let now = i64::try_from(clock::now()).ok();
        let date = now.and_then(|now| Timestamp::from_second(now).ok()).unwrap_or_default();
        let names: Vec<String> = env::vars_os()
            .filter(|(_, value)| !value.is_empty())
            .filter_map(|(name, _)| name.into_string().ok())
            .collect();
        Self {
            version: env!("CARGO_PKG_VERSION"),
            date: date.to_string(),
            os: os(),
            kernel: kernel(),
            architecture: env::consts::ARCH,
            git: Git::find().filter(|_| git_answers(all)).and_then(|git| git.version_text()),
            surroundings: surroundings(
                &names.iter().map(String::as_str).collect::<Vec<_>>(),
                |path| Path::new(path).exists(),
                Surroundings::here(),
            ),
        }
    }
}

/// os-release(5), which every distribution has had for ten years.
fn os() -> String {
    let text = ["/etc/os-release", "/usr/lib/os-release"]
        .into_iter()
        .find_map(|path| std::fs::read_to_string(path).ok())
        .unwrap_or_default();
    let name = text.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="));
    match name.map(|name| name.trim_matches(['"', '\''])).filter(|name| !name.is_empty()) {
        Some(name) => format!("{} ({name})", env::consts::OS),
        None => env::consts::OS.to_owned(),
    }
}

#[cfg(unix)]
fn kernel() -> Option<String> {
    Some(rustix::system::uname().release().to_string_lossy().into_owned())
}

#[cfg(not(unix))]
fn kernel() -> Option<String> {
    None
}

/// What surroundings are told by: a variable that is set, the beginning of the name of one, or a
/// file that is there.
#[derive(Clone, Copy)]
enum Sign {
    Set(&'static str),
    Begins(&'static str),
    There(&'static str),
}

use Sign::{Begins, Set, There};

/// sshd(8); systemd's and podman's containers, Docker's; Kubernetes; the editors and the clouds
/// name themselves.
const SIGNS: &[(&str, &[Sign])] = &[
    ("ssh", &[Set("SSH_CONNECTION"), Set("SSH_CLIENT"), Set("SSH_TTY")]),
    ("container", &[Set("container"), There("/.dockerenv"), There("/run/.containerenv")]),
    ("kubernetes", &[Set("KUBERNETES_SERVICE_HOST")]),
    ("dev-container", &[Set("REMOTE_CONTAINERS"), Set("DEVCONTAINER")]),
    ("ona", &[Begins("GITPOD_"), Begins("ONA_")]),
    ("codespaces", &[Set("CODESPACES")]),
    ("cloud-shell", &[Set("CLOUD_SHELL")]),
    ("editor", &[Set("VSCODE_AGENT_FOLDER"), Set("VSCODE_GIT_IPC_HANDLE")]),
    ("wsl", &[Set("WSL_DISTRO_NAME")]),
    ("ci", &[Set("CI")]),
];

fn surroundings(
    set: &[&str],
    there: impl Fn(&str) -> bool,
    known: Surroundings,
) -> Vec<&'static str> {
    // Our own may be set anywhere.
    let others = || set.iter().filter(|name| !name.starts_with("ONA_AZURE_"));
    let told = |sign: &Sign| match sign {
        Set(name) => set.contains(name),
        Begins(beginning) => others().any(|name| name.starts_with(beginning)),
        There(file) => there(file),
    };
    let mut found: Vec<_> =
        SIGNS.iter().filter(|(_, signs)| signs.iter().any(told)).map(|(name, _)| *name).collect();
    if known.elsewhere {
        found.push("browser-elsewhere");
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_surroundings_are_told_by_variables_and_files() {
        let here = Surroundings { elsewhere: false, browser: true };
        let of = |set: &[&str]| surroundings(set, |_| false, here);
        assert_eq!(of(&["SSH_TTY", "ONA_AZURE_STATE_DIR"]), ["ssh"]);
        assert_eq!(of(&["GITPOD_ENVIRONMENT_ID", "CI"]), ["ona", "ci"]);
        let elsewhere = Surroundings { elsewhere: true, browser: false };
        let found = surroundings(&[], |path| path == "/.dockerenv", elsewhere);
        assert_eq!(found, ["container", "browser-elsewhere"]);
    }
}
