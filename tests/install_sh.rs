//! What `install/install.sh` promises, with every shell on this machine and a stand-in program.
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

struct World {
    dir: TempDir,
    shell: Vec<&'static str>,
}

fn with_every_shell(claim: impl Fn(World)) {
    let shells: [&[&str]; 4] =
        [&["/bin/sh"], &["/bin/dash"], &["/bin/bash", "--posix"], &["/bin/busybox", "sh"]];
    for shell in shells {
        if Path::new(shell[0]).exists() {
            let dir = tempfile::tempdir().expect("a temporary directory");
            fs::create_dir(dir.path().join("home")).expect("a home");
            claim(World { dir, shell: shell.to_vec() });
        }
    }
}

impl World {
    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// A program that writes down how it was called, and ends as told.
    fn program(&self, words: &str, exit: u8) -> PathBuf {
        let path = self.path("built program");
        let log = self.path("log").display().to_string();
        let script = format!(
            "#!/bin/sh\n# {words}\n\
             [ \"$*\" != --version ] || exec echo git-credential-ona-azure 0.0.0\necho \"$0 $*\" >>'{log}'\necho said {words}\nexit {exit}\n"
        );
        fs::write(&path, script).expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).expect("made a program");
        path
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("install/install.sh");
        let mut command = Command::new(self.shell[0]);
        command.args(&self.shell[1..]).arg(script).args(arguments);
        command.env_clear().env("PATH", "/usr/bin:/bin").env("HOME", self.path("home"));
        command.current_dir(self.dir.path()).output().expect("the shell runs")
    }

    /// Runs it and gives what it said on stdout.
    fn say(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{:?}: {errors}", self.shell);
        String::from_utf8(output.stdout).expect("UTF-8")
    }

    fn installed(&self) -> PathBuf {
        self.path("home/.local/bin/git-credential-ona-azure")
    }

    fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    fn files(&self) -> usize {
        fs::read_dir(self.path("home/.local/bin")).expect("a directory").count()
    }
}

#[test]
fn a_program_is_installed_and_git_is_set_up() {
    with_every_shell(|world| {
        world.program("one", 0);
        let said = world.say(&["--binary", "built program"]);
        let installed = world.installed();
        assert!(said.contains(&format!("installed {}\n", installed.display())), "{said}");
        assert!(said.contains("is not on the PATH") && said.contains("said one"), "{said}");
        let bin = world.path("home/.local/bin");
        assert!(said.contains(&format!("export PATH=\"{}:$PATH\"", bin.display())), "{said}");
        assert_eq!(world.log(), format!("{} setup-git --global\n", installed.display()));
        let mode = fs::metadata(&installed).expect("there").permissions().mode();
        assert_eq!(mode & 0o7777, 0o755);
        assert_eq!(world.files(), 1);
    });
}

#[test]
fn a_second_run_leaves_the_same_program_and_replaces_another() {
    with_every_shell(|world| {
        world.program("one", 0);
        world.say(&["--binary=built program", "--no-setup-git"]);
        assert_eq!(world.log(), "");
        let said = world.say(&["--binary=built program"]);
        assert!(said.contains("is unchanged"), "{said}");
        world.program("two", 0);
        let said = world.say(&["--binary=built program"]);
        assert!(said.contains("replaced") && said.contains("said two"), "{said}");
        assert_eq!(world.files(), 1);
    });
}

#[test]
fn what_is_not_the_program_replaces_nothing() {
    with_every_shell(|world| {
        world.program("one", 0);
        world.say(&["--binary", "built program"]);
        fs::write(world.path("README.md"), "# no program (at all)\n").expect("written");
        let output = world.run(&["--binary", "README.md"]);
        assert_eq!(output.status.code(), Some(1));
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(errors.contains("README.md is not git-credential-ona-azure"), "{errors}");
        let kept = fs::read_to_string(world.installed()).expect("there");
        assert!(kept.contains("# one"), "{kept}");
    });
}

#[test]
fn what_setup_git_fails_with_is_passed_on() {
    with_every_shell(|world| {
        world.program("one", 1);
        let output = world.run(&["--binary", "built program"]);
        assert_eq!(output.status.code(), Some(1));
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(errors.contains("setup-git did not finish (exit 1)"), "{errors}");
        assert!(world.installed().exists());
        let output = world.run(&["--uninstall"]);
        assert_eq!(output.status.code(), Some(1));
        assert!(world.installed().exists());
    });
}

#[test]
fn uninstall_undoes_the_configuration_and_keeps_the_sign_ins() {
    with_every_shell(|world| {
        world.program("one", 0);
        world.say(&["--binary", "built program", "--no-setup-git"]);
        let vault = world.path("home/.local/state/git-credential-ona-azure");
        fs::create_dir_all(&vault).expect("made");
        let said = world.say(&["--uninstall"]);
        assert!(world.log().ends_with("setup-git --global --undo\n"), "{}", world.log());
        assert!(said.contains("removed ") && !world.installed().exists(), "{said}");
        assert!(said.contains(&format!("rm -r -- '{}'", vault.display())), "{said}");
        assert!(vault.exists());
        assert!(world.say(&["--uninstall"]).contains("is not installed"));
    });
}

#[test]
fn another_prefix_and_the_system_are_possible() {
    with_every_shell(|world| {
        world.program("one", 0);
        world.say(&["--prefix", "a b/", "--system", "--binary", "built program"]);
        let installed = world.path("a b/bin/git-credential-ona-azure");
        assert_eq!(world.log(), format!("{} setup-git --system\n", installed.display()));
    });
}

#[test]
fn mistakes_are_explained() {
    with_every_shell(|world| {
        for wrong in [&["--frobnicate"][..], &["--prefix"], &["--binary="], &["file"]] {
            let output = world.run(wrong);
            assert_eq!(output.status.code(), Some(2), "{wrong:?}");
            assert!(String::from_utf8_lossy(&output.stderr).contains("usage:"), "{wrong:?}");
        }
        assert!(world.say(&["--help"]).starts_with("usage:"));
        let output = world.run(&["--binary", "nothing"]);
        assert_eq!(output.status.code(), Some(1));
    });
}

/// A directory with what every machine has, and these programs.
fn with_programs(world: &World, programs: &[(&str, &str)]) -> PathBuf {
    let bin = world.path("bin");
    fs::create_dir_all(&bin).expect("made");
    for name in ["sh", "sed", "id", "mktemp", "rm", "dirname", "uname", "cat", "mkdir"] {
        let found = ["/usr/bin", "/bin"].map(|dir| Path::new(dir).join(name));
        let found = found.iter().find(|path| path.exists()).expect("it is on every machine");
        std::os::unix::fs::symlink(found, bin.join(name)).expect("linked");
    }
    for (name, body) in programs {
        fs::write(bin.join(name), format!("#!/bin/sh\n{body}\n")).expect("written");
        let mode = fs::Permissions::from_mode(0o755);
        fs::set_permissions(bin.join(name), mode).expect("made a program");
    }
    bin
}

#[test]
fn every_script_names_what_is_missing_before_it_builds() {
    type Program = (&'static str, &'static str);
    const RUST: &[Program] = &[("cargo", "exit 9"), ("rustc", "echo 'rustc 1.95.0 (x)'")];
    let apt = ("apt-get", "exit 1");
    let rows: [(&[Program], &[&str]); 5] = [
        (
            &[],
            &[
                "error: git is missing\n",
                "error: a C compiler is missing (cc), with which Rust links\n",
                "apt-get install git gcc libc6-dev\n",
                "error: cargo is missing, with which Rust builds\n",
                "hint: install Rust 1.88 or newer from https://rustup.rs\n",
            ],
        ),
        (&[RUST[0], RUST[1], ("cc", "exit 1"), ("git", "")], &["apt-get install libc6-dev\n"]),
        (
            &[RUST[0], RUST[1], ("cc", ""), apt],
            &["error: git is missing\n", "apt-get install git\n"],
        ),
        (
            &[
                RUST[0],
                ("rustc", "echo 'rustc 1.63.0 (4b91a6ea7 2022-08-08)'"),
                ("cc", ""),
                ("git", ""),
            ],
            &[
                "error: rustc 1.63.0 is too old, Rust 1.88 or newer is needed\n",
                "hint: install a newer Rust from https://rustup.rs",
            ],
        ),
        (
            &[
                RUST[0],
                ("rustc", "echo 'rustc 1.87.0-nightly'"),
                ("rustup", ""),
                ("cc", ""),
                ("git", ""),
            ],
            &["is too old", "hint: rustup update stable\n"],
        ),
    ];
    with_every_shell(|world| {
        for (programs, expected) in rows {
            let bin = with_programs(&world, &[programs, &[apt]].concat());
            for script in ["install/install.sh", "install/tour.sh", "tests/run.sh"] {
                let mut command = Command::new(world.shell[0]);
                command.args(&world.shell[1..]);
                command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join(script));
                command.env_clear().env("PATH", &bin).env("HOME", world.path("home"));
                command.env("TMPDIR", world.dir.path());
                let output = command.output().expect("the shell runs");
                let errors = String::from_utf8_lossy(&output.stderr);
                assert_eq!(output.status.code(), Some(1), "{script}: {errors}");
                for expected in expected {
                    assert!(errors.contains(expected), "{script}: {expected:?} is not in {errors}");
                }
            }
            fs::remove_dir_all(bin).expect("removed");
        }
    });
}
