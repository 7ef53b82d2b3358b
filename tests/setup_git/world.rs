//! A home of its own for each claim, and each git on this machine to prove it with.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use git_credential_ona_azure::git::Git;
use git_credential_ona_azure::git::setup::{Options, Origin, Report, Scope, Target, set_up, undo};
use git_credential_ona_azure::report::Failure;
use tempfile::TempDir;

use crate::common::gits;

/// A home, and one of the gits.
pub(crate) struct World {
    pub(crate) dir: TempDir,
    pub(crate) bin: &'static str,
    pub(crate) extra: Vec<(String, OsString)>,
}

/// Runs a claim with each git there is, each time in a new home.
pub(crate) fn with_every_git(claim: impl Fn(World)) {
    for git in gits() {
        let bin = git.directory().to_str().expect("text");
        let dir = tempfile::tempdir().expect("a temporary directory");
        fs::create_dir_all(dir.path().join("home")).expect("a home");
        fs::write(dir.path().join("system"), "").expect("a system configuration");
        claim(World { dir, bin, extra: Vec::new() });
    }
}

impl World {
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.path("home/.gitconfig")
    }

    pub(crate) fn variables(&self) -> Vec<(OsString, OsString)> {
        let mut all = vec![
            ("PATH".into(), format!("{}:/usr/bin:/bin", self.bin).into()),
            ("HOME".into(), self.path("home").into()),
            ("GIT_CONFIG_SYSTEM".into(), self.path("system").into()),
        ];
        all.extend(self.extra.iter().map(|(name, value)| (name.into(), value.clone())));
        all
    }

    pub(crate) fn library(&self) -> Git {
        let git = Git::from_variables(self.variables()).expect("git is on the PATH");
        assert_eq!(git.path(), Path::new(self.bin).join("git"));
        git
    }

    /// git as a person would run it.
    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        self.git_in(self.dir.path(), arguments)
    }

    pub(crate) fn git_in(&self, directory: &Path, arguments: &[&str]) -> String {
        let mut command = Command::new(Path::new(self.bin).join("git"));
        command.env_clear().envs(self.variables()).args(arguments).current_dir(directory);
        let output = command.output().expect("git runs");
        String::from_utf8(output.stdout).expect("UTF-8")
    }

    /// What git's `credential fill` finds for a URL.
    pub(crate) fn fill(&self, url: &str) -> String {
        let mut command = Command::new(Path::new(self.bin).join("git"));
        command.env_clear().envs(self.variables()).env("GIT_TERMINAL_PROMPT", "0");
        command.args(["credential", "fill"]).current_dir(self.dir.path());
        let output = Git::feed(with_pipes(command), format!("url={url}\n\n").as_bytes());
        String::from_utf8(output.expect("git runs").stdout).expect("UTF-8")
    }

    /// A helper that answers with its own name and the path it was told.
    pub(crate) fn helper(&self, place: &str, name: &str) -> PathBuf {
        let path = self.path(place).join(name);
        fs::create_dir_all(path.parent().expect("a directory")).expect("made");
        let script = format!(
            "#!/bin/sh\n[ \"$1\" = get ] || exit 0\np=none\nwhile IFS= read -r l; do case $l in path=*) p=${{l#path=}};; esac; done\n\
             echo username={name}\necho \"password=$p\"\n"
        );
        fs::write(&path, script).expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("made a program");
        path
    }

    pub(crate) fn ours(&self) -> PathBuf {
        self.path("bin/git-credential-ona-azure")
    }

    pub(crate) fn set_up(&self) -> Report {
        self.set_up_as(&cloud(), &Options::default()).expect("set up")
    }

    pub(crate) fn replace(&self) -> Report {
        self.set_up_as(&cloud(), &Options { replace: true, ..Options::default() }).expect("set up")
    }

    pub(crate) fn set_up_as(
        &self,
        targets: &[Target],
        options: &Options,
    ) -> Result<Report, Failure> {
        set_up(&self.library(), &self.ours(), targets, options)
    }

    pub(crate) fn undo(&self) -> Report {
        undo(&self.library(), &self.ours(), Scope::Global).expect("undone")
    }

    pub(crate) fn write(&self, text: &str) {
        fs::write(self.config(), text).expect("written");
    }

    pub(crate) fn text(&self) -> String {
        fs::read_to_string(self.config()).unwrap_or_default()
    }
}

pub(crate) fn with_pipes(mut command: Command) -> Command {
    use std::process::Stdio;
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

pub(crate) fn target(url: &str, use_http_path: bool, proactive: bool) -> Target {
    Target { url: url.to_owned(), use_http_path, proactive }
}

pub(crate) fn cloud() -> Vec<Target> {
    vec![
        target("https://dev.azure.com", true, false),
        target("https://*.visualstudio.com", true, false),
    ]
}

/// Where something stands, as `name:line`.
pub(crate) fn places(origins: &[Origin]) -> Vec<String> {
    let name = |path: &Path| path.file_name().map(|n| n.to_string_lossy().into_owned());
    let place = |o: &Origin| {
        format!("{}:{}", name(&o.file).unwrap_or_default(), o.line.unwrap_or_default())
    };
    origins.iter().map(place).collect()
}

/// A configuration as people leave them.
pub(crate) const MESSY: &str = "# mine\n[user]\n\tname = A \\\n  B ; c\n\n[credential \"https://dev.azure.com\"] # work\n\
                     \tusername = me\n\t; why\n[core]\teditor = \"vi -c \\\"x\\\"\" # y\n";
