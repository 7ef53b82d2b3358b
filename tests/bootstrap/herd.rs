//! Two hundred environments started at once against one service.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use standins::{ADA, Fault, Target, Times};

use crate::common::*;
use crate::given::*;

/// A sign-in of its own for each.
fn sign_ins(machine: &Machine, count: usize) -> Vec<String> {
    (0..count).map(|_| refresh_token(&machine.world, ADA)).collect()
}

/// Starts an environment for each sign-in, with a home of its own, and waits for their ends.
fn start_all(machine: &Machine, tokens: &[String]) -> (Vec<PathBuf>, Vec<Output>) {
    let start = |(number, token): (usize, &String)| {
        let home = machine.home().join(format!("env-{number}"));
        std::fs::create_dir(&home).expect("made");
        let mut command = at_home(machine, &home);
        command.arg("bootstrap").env("ONA_AZURE_REFRESH_TOKEN", token).stdin(Stdio::null());
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        (home, child.expect("it starts"))
    };
    let started: Vec<_> = tokens.iter().enumerate().map(start).collect();
    let ended =
        started.into_iter().map(|(home, child)| (home, child.wait_with_output().expect("ends")));
    ended.unzip()
}

fn at_home(machine: &Machine, home: &Path) -> Command {
    let mut command = machine.command(PROGRAM);
    command.env("HOME", home).current_dir(home);
    command
}

#[track_caller]
fn expect_connected(machine: &Machine, homes: &[PathBuf], ends: &[Output]) {
    let mut said = BTreeMap::<_, usize>::new();
    for end in ends {
        let line =
            String::from_utf8_lossy(&end.stdout).lines().next().unwrap_or_default().to_owned();
        let stderr = String::from_utf8_lossy(&end.stderr).into_owned();
        *said.entry((end.status.code(), line, stderr)).or_default() += 1;
    }
    let line = format!("dev.azure.com: integration added, sign-in added; {ADA} is signed in");
    assert_eq!(said, BTreeMap::from([((Some(0), line, String::new()), homes.len())]));
    for home in [homes.first(), homes.last()].into_iter().flatten() {
        let get = run(at_home(machine, home).arg("get"), CONTOSO_REQUEST.as_bytes());
        assert_eq!(get.expect_success().attribute("username"), Some(ADA));
    }
}

#[test]
fn two_hundred_at_once_are_connected_with_one_token_request_each() {
    let machine = machine();
    machine.world.entra().strict_rotation(true);
    let tokens = sign_ins(&machine, 200);
    let (homes, ends) = start_all(&machine, &tokens);
    assert_eq!(machine.world.entra().token_requests("refresh_token"), 200);
    expect_connected(&machine, &homes, &ends);
}

#[test]
fn those_that_are_turned_away_come_back_when_they_are_told_to() {
    const COUNT: usize = 60;
    let machine = machine();
    machine.world.entra().strict_rotation(true);
    let tokens = sign_ins(&machine, COUNT);
    let throttle = |target, seconds, count| {
        let fault = Fault::Throttle { retry_after: Some(seconds) };
        machine.world.fail(target, fault, Times::N(count));
    };
    throttle(Target::Discovery, 1, 20);
    throttle(Target::Token, 2, 40);
    let before = machine.world.requests().len();
    let (homes, ends) = start_all(&machine, &tokens);
    let requests = machine.world.requests().split_off(before);
    assert_eq!(requests.iter().filter(|seen| seen.status == 429).count(), 60);
    assert_eq!(requests.iter().filter(|seen| seen.status == 200).count(), 2 * COUNT);
    expect_connected(&machine, &homes, &ends);
}

#[test]
fn a_restart_is_as_patient() {
    let (machine, _) = with_refresh_token();
    machine.bootstrap(&[]).expect_success();
    machine.age_access_token(4600);
    let fault = Fault::Throttle { retry_after: Some(1) };
    machine.world.fail(Target::Token, fault.clone(), Times::Once);
    assert_eq!(machine.bootstrap(&[]).expect_success().stderr, "");

    let (machine, _) = with_pat();
    machine.world.fail(Target::Azure, fault, Times::Once);
    assert_eq!(machine.bootstrap(&[]).expect_success().stderr, "");
}

#[test]
fn a_wait_that_is_too_long_is_for_the_caller() {
    let (machine, _) = with_refresh_token();
    machine.world.fail(Target::Token, Fault::Throttle { retry_after: Some(600) }, Times::Once);
    expect_one_line(
        &machine.bootstrap(&[]),
        5,
        &["dev.azure.com: the refresh token was not taken: "],
    );
    machine.bootstrap(&[]).expect_success();
}
