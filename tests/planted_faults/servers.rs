//! Azure DevOps Server.

use standins::ServerSignIn;

use super::Row;
use crate::common::Machine;

const DOCTOR: &[&str] = &["doctor", "https://tfs.corp.example/tfs/DefaultCollection/app/_git/app"];

pub(super) const ROWS: &[Row] = &[
    Row {
        name: "virtual directory missing",
        plant: || with(&[]),
        command: &["doctor", "https://tfs.corp.example/DefaultCollection/app/_git/app"],
        check: "organization",
        step: 5,
        words: &["has no Azure DevOps Server at /", "--virtual-directory"],
    },
    Row {
        name: "wrong virtual directory",
        plant: || {
            let machine = usual();
            machine.world.server().set_virtual_directory("devops");
            machine
        },
        command: DOCTOR,
        check: "organization",
        step: 5,
        words: &["has no Azure DevOps Server at /tfs", "--virtual-directory"],
    },
    Row {
        name: "Server behind IIS Basic",
        plant: || signing_in(ServerSignIn::IisBasic),
        command: DOCTOR,
        check: "pat",
        step: 5,
        words: &["before Azure DevOps sees it", "turn off IIS Basic Authentication"],
    },
    Row {
        name: "Server without Basic",
        plant: || signing_in(ServerSignIn::WindowsOnly),
        command: DOCTOR,
        check: "organization",
        step: 5,
        words: &["does not offer Basic authentication", "ask its administrator"],
    },
    Row {
        name: "Server with NTLM and an old git",
        plant: || {
            let mut machine = usual();
            // Whatever git is there, this one is older.
            let real = machine.variable("PATH").to_owned();
            let dir = with_git(&machine, "2.39.5");
            machine.set("PATH", format!("{dir}:{real}"));
            machine
        },
        command: DOCTOR,
        check: "git.proactive",
        step: 6,
        words: &["cannot send a token before it is asked", "install git 2.46 or newer"],
    },
    Row {
        name: "Server with NTLM and a git that waits to be asked",
        plant: || {
            let machine = usual();
            let key = "http.https://tfs.corp.example.proactiveAuth";
            machine.git(&["config", "--global", "--unset-all", key]);
            machine
        },
        command: DOCTOR,
        check: "git.proactive",
        step: 6,
        words: &["http.proactiveAuth", "setup-git"],
    },
    Row {
        name: "useHttpPath missing for a collection",
        plant: || {
            let machine = usual();
            let key = "credential.https://tfs.corp.example.useHttpPath";
            machine.git(&["config", "--global", "--unset-all", key]).expect_success();
            machine
        },
        command: DOCTOR,
        check: "git.path",
        step: 6,
        words: &["useHttpPath is not set", "setup-git"],
    },
    Row {
        name: "PAT of a Server revoked",
        plant: || {
            let machine = with(&["--virtual-directory", "/tfs"]);
            let pat = machine.world.server().add_pat();
            machine.give_pat("https://tfs.corp.example/tfs/DefaultCollection", &pat, &[]);
            machine.set_up_git();
            machine.world.server().revoke_pat(&pat);
            machine
        },
        command: DOCTOR,
        check: "pat",
        step: 6,
        words: &["does not accept", "_usersSettings/tokens"],
    },
];

/// A machine whose git is new enough, if that has to be said: the Server's integration with these
/// flags, and git set up.
fn with(flags: &[&str]) -> Machine {
    let mut machine = Machine::new();
    let real = machine.variable("PATH").to_owned();
    let dir = with_git(&machine, "2.47.3");
    machine.set("PATH", format!("{dir}:{real}"));
    machine.add_pat_integration("tfs.corp.example", flags);
    machine.set_up_git();
    machine
}

/// The same with a token for a collection.
fn usual() -> Machine {
    let machine = with(&["--virtual-directory", "/tfs"]);
    let pat = machine.world.server().add_pat();
    machine.give_pat("https://tfs.corp.example/tfs/DefaultCollection", &pat, &[]);
    machine.set_up_git();
    machine
}

fn signing_in(way: ServerSignIn) -> Machine {
    let machine = usual();
    machine.world.server().set_sign_in(way);
    machine
}

/// A directory with a git that says it is of that version, and is the real one for all else.
fn with_git(machine: &Machine, version: &str) -> String {
    let real = machine.variable("PATH").to_owned();
    let text = format!(
        "#!/bin/sh\ncase $1 in version|--version) echo git version {version};;\n\
         *) PATH='{real}' exec git \"$@\";; esac\n"
    );
    let script = machine.script(&format!("git-{version}/git"), &text);
    script.parent().expect("a directory").to_str().expect("text").to_owned()
}
