//! Every fault that is planted is found: the check that sees it, the step of the set-up to mend,
//! and one sentence that says what is wrong and what to do.
//!
//! The faults are made where they happen in earnest: in the services, in the network between, in
//! the files of the machine and in git's configuration.
#![cfg(unix)]

mod authentication;
#[path = "../common/mod.rs"]
mod common;
mod files;
mod git;
mod network;
mod organizations;
mod run;
mod servers;
mod set_up;
mod sign_ins;
mod tokens;

use common::Machine;

/// The repository that most rows ask about.
const REPOSITORY: &str = "https://dev.azure.com/contoso/app/_git/app";

/// What most rows run.
const DOCTOR: &[&str] = &["doctor", REPOSITORY];

/// The same with the refresh, which only happens where it is asked for.
const REFRESHING: &[&str] = &["doctor", REPOSITORY, "--refresh"];

/// *Save & Test* of the same host.
const SAVE_AND_TEST: &[&str] = &["integration", "test", "dev.azure.com"];

/// A fault, and how it is found.
#[derive(Clone, Copy)]
struct Row {
    /// What is wrong.
    name: &'static str,
    /// A machine where it is.
    plant: fn() -> Machine,
    /// What is run, without `--json`.
    command: &'static [&'static str],
    /// The check that sees it first.
    check: &'static str,
    /// The step of the set-up to mend; 0 for none.
    step: u64,
    /// Cause and fix, as the conclusion has them.
    words: &'static [&'static str],
}

/// All of them.
fn rows() -> Vec<&'static Row> {
    [
        set_up::ROWS,
        authentication::ROWS,
        sign_ins::ROWS,
        organizations::ROWS,
        tokens::ROWS,
        network::ROWS,
        git::ROWS,
        files::ROWS,
        servers::ROWS,
    ]
    .into_iter()
    .flatten()
    .collect()
}

#[test]
fn every_planted_fault_is_found_with_its_step_and_its_fix() {
    run::all(&rows());
}

#[test]
fn save_and_test_finds_the_same_of_the_set_up() {
    const OF_THE_SET_UP: [&str; 4] = ["issuer", "client.secret", "client", "redirect"];
    let rows: Vec<Row> = rows()
        .into_iter()
        .filter(|row| row.command == DOCTOR && OF_THE_SET_UP.contains(&row.check))
        // The one that has a row of its own for it.
        .filter(|row| row.name != "app of one tenant at common")
        .map(|row| Row { command: SAVE_AND_TEST, ..*row })
        .collect();
    run::all(&rows.iter().collect::<Vec<_>>());
}

#[test]
fn the_table_has_every_fault_once_that_it_has_to_have() {
    const AT_LEAST: [&str; 39] = [
        "wrong tenant",
        "mistyped issuer",
        "unknown client",
        "secret ID pasted for the value",
        "expired secret",
        "missing redirect URI",
        "redirect under the wrong platform",
        "no consent",
        "admin consent required",
        "missing vso.code_write",
        "unprefixed scope",
        "organization in another tenant",
        "Microsoft-account organization",
        "user not a member",
        "Conditional Access",
        "MFA expired",
        "refresh token dead by inactivity",
        "refresh token dead by password reset",
        "sign-in frequency",
        "PAT expired",
        "PAT of another organization",
        "PAT without write",
        "policy forbids PATs",
        "proxy refuses",
        "unknown CA",
        "clock five minutes off",
        "HTML instead of JSON",
        "203 sign-in page",
        "throttled",
        "another helper first",
        "another helper after",
        "http.extraHeader set",
        "useHttpPath missing",
        "key of another machine",
        "vault unreadable",
        "virtual directory missing",
        "Server behind IIS Basic",
        "Server with NTLM and an old git",
        "secret sealed to another machine's key",
    ];
    let mut names: Vec<_> = rows().iter().map(|row| row.name).collect();
    assert!(names.len() >= 45, "{} rows", names.len());
    for name in AT_LEAST {
        let rows = names.iter().filter(|row| **row == name).count();
        assert_eq!(rows, 1, "{name}");
    }
    let all = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all, "a name is there twice: {names:#?}");
}
