//! git's configuration, and the addresses it is given.

use super::{DOCTOR, Row};
use crate::common::{Machine, PROGRAM};

const HELPER: &str = "credential.https://dev.azure.com.helper";

pub(super) const ROWS: &[Row] = &[
    Row {
        name: "another helper after",
        plant: || config(&[&["--add", HELPER, "store"]]),
        command: DOCTOR,
        check: "git.others",
        step: 6,
        words: &["another helper follows", ".gitconfig:", "store", "setup-git --replace"],
    },
    Row {
        name: "another helper first",
        plant: || {
            config(&[
                &["--unset-all", HELPER],
                &["--add", HELPER, "cache"],
                &["--add", HELPER, PROGRAM],
            ])
        },
        command: DOCTOR,
        check: "git.others",
        step: 6,
        words: &["another helper answers before", ".gitconfig:", "cache", "setup-git --replace"],
    },
    Row {
        name: "git does not ask this program",
        plant: || config(&[&["--unset-all", HELPER]]),
        command: DOCTOR,
        check: "git.helper",
        step: 6,
        words: &["git does not ask this program", "setup-git"],
    },
    Row {
        name: "git asks another helper in its place",
        plant: || config(&[&["--replace-all", HELPER, "store"]]),
        command: DOCTOR,
        check: "git.helper",
        step: 6,
        words: &["git does not ask this program", "it asks store", "setup-git"],
    },
    Row {
        name: "this program dropped by an empty helper",
        plant: || config(&[&["--add", HELPER, ""]]),
        command: DOCTOR,
        check: "git.helper",
        step: 6,
        words: &["an empty credential.helper", "setup-git --replace"],
    },
    Row {
        name: "program moved away",
        plant: || {
            let gone = "/nowhere/git-credential-ona-azure";
            config(&[&["--unset-all", HELPER], &["--add", HELPER, gone]])
        },
        command: DOCTOR,
        check: "git.helper",
        step: 6,
        words: &["/nowhere/git-credential-ona-azure, which is not there", "setup-git --replace"],
    },
    Row {
        name: "useHttpPath missing",
        plant: || config(&[&["--unset-all", "credential.https://dev.azure.com.useHttpPath"]]),
        command: DOCTOR,
        check: "git.path",
        step: 6,
        words: &["useHttpPath is not set", "setup-git"],
    },
    Row {
        name: "http.extraHeader set",
        plant: || {
            let key = "http.https://dev.azure.com/.extraHeader";
            config(&[&[key, "Authorization: Basic aHVudGVyMg=="]])
        },
        command: DOCTOR,
        check: "git.header",
        step: 6,
        words: &["http.extraHeader", "no helper is asked", "remove that line"],
    },
    Row {
        name: "insteadOf leads elsewhere",
        plant: || config(&[&["url.https://mirror.example/.insteadOf", "https://dev.azure.com/"]]),
        command: DOCTOR,
        check: "git.rewrite",
        step: 6,
        words: &["sends git to mirror.example", "remove that line"],
    },
    Row {
        name: "insteadOf with a password",
        plant: || {
            let key = "url.https://x:hunter2@dev.azure.com/.insteadOf";
            config(&[&[key, "https://dev.azure.com/"]])
        },
        command: DOCTOR,
        check: "git.rewrite",
        step: 6,
        words: &["password or token into the address", "remove that line"],
    },
    Row {
        name: "password in the remote's address",
        plant: Machine::signed_in,
        command: &["doctor", "https://x:hunter2@dev.azure.com/contoso/app/_git/app"],
        check: "git.address",
        step: 6,
        words: &["password or token", "git remote set-url"],
    },
    Row {
        name: "no git",
        plant: || {
            let mut machine = Machine::signed_in();
            let nowhere = machine.home().to_str().expect("text").to_owned();
            machine.set("PATH", nowhere);
            machine
        },
        command: DOCTOR,
        check: "git.program",
        step: 0,
        words: &["git is not on the PATH", "install git"],
    },
];

/// A machine where somebody is signed in, and these lines were set in git's configuration.
fn config(lines: &[&[&str]]) -> Machine {
    let machine = Machine::signed_in();
    for line in lines {
        machine.git(&[&["config", "--global"], *line].concat()).expect_success();
    }
    machine
}
