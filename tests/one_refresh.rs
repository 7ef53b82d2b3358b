//! However many processes need a fresh token at once, the service is asked for one.

mod common;

use std::time::{Duration, Instant};

use common::*;
use fs2::FileExt as _;
use standins::{Fault, Target, Times};

const HERD: usize = 50;

/// Fifty `get` at the same time.
fn herd(machine: &Machine) -> Vec<Done> {
    std::thread::scope(|scope| {
        let all: Vec<_> = (0..HERD).map(|_| scope.spawn(|| machine.get(CONTOSO_REQUEST))).collect();
        all.into_iter().map(|one| one.join().expect("it ends")).collect()
    })
}

fn expired() -> Machine {
    let machine = Machine::signed_in();
    machine.age_access_token(4600);
    machine
}

#[test]
fn fifty_at_once_make_one_request_and_get_the_same_answer() {
    let machine = expired();
    // Stricter than Entra: a refresh token used twice ends the sign-in.
    machine.world.entra().strict_rotation(true);
    let answers = herd(&machine);
    assert_eq!(machine.world.entra().token_requests("refresh_token"), 1);
    assert_eq!((answers[0].code, answers[0].stderr.as_str()), (0, ""), "{:#?}", answers[0]);
    assert!(!answers[0].password().is_empty());
    for answer in &answers {
        assert_eq!(answer, &answers[0]);
    }
    // The sign-in lives: its next refresh works.
    machine.age_access_token(4600);
    assert_eq!(machine.get(CONTOSO_REQUEST).code, 0);
}

#[test]
fn fifty_at_once_share_one_failure_too() {
    let machine = expired();
    machine.world.fail(Target::Token, Fault::Html(503), Times::Always);
    let answers = herd(&machine);
    let requests = machine.world.requests();
    let asked = requests.iter().filter(|seen| seen.grant.as_deref() == Some("refresh_token"));
    assert_eq!(asked.count(), 2, "one, and one more try");
    for answer in answers {
        assert_eq!((answer.code, answer.stdout.as_str()), (5, "quit=1\n"), "{answer:#?}");
        assert!(answer.stderr.starts_with("error: the access token of "), "{answer:#?}");
        assert!(answer.stderr.contains("\nhint: "), "{answer:#?}");
    }
}

/// Takes every lock there is in the vault's directory, as a process that hangs would.
fn hold_all_locks(machine: &Machine) -> Vec<std::fs::File> {
    let locks: Vec<_> = machine
        .state()
        .into_keys()
        .filter(|path| path.extension().is_some_and(|extension| extension == "lock"))
        .map(|path| {
            let file = std::fs::File::options().write(true).open(path).expect("opened");
            file.try_lock_exclusive().expect("free until now");
            file
        })
        .collect();
    assert!(locks.len() >= 2, "the writers' lock and the refresh's");
    locks
}

#[test]
fn h13_a_good_token_is_handed_out_whoever_holds_the_locks() {
    let machine = expired();
    let fresh = machine.get(CONTOSO_REQUEST);
    assert_eq!(fresh.code, 0, "{fresh:#?}");
    let _locks = hold_all_locks(&machine);
    let started = Instant::now();
    assert_eq!(machine.get(CONTOSO_REQUEST), fresh);
    assert_eq!(machine.store(format!("{CONTOSO_REQUEST}{}", fresh.stdout)), Done::silent());
    // A waiter gives up after 10 s at the earliest.
    assert!(started.elapsed() < Duration::from_secs(8), "{:?}", started.elapsed());
}

#[test]
fn h13_a_waiter_hands_out_what_it_has_in_the_end() {
    let machine = expired();
    machine.get(CONTOSO_REQUEST).expect_success();
    machine.age_access_token(4500 - 120);
    let kept = machine.access().expect("kept").token.expect("a token");
    let _locks = hold_all_locks(&machine);
    let started = Instant::now();
    let done = machine.get(CONTOSO_REQUEST);
    let took = started.elapsed();
    assert_eq!(done.code, 0, "{done:#?}");
    assert_eq!(done.password(), kept.expose_str().expect("text"));
    let warning =
        "warning: the access token ends soon and cannot be refreshed now: another process ";
    assert!(done.stderr.starts_with(warning), "{done:#?}");
    assert_eq!(done.stderr.lines().count(), 1, "{done:#?}");
    assert!(took < Duration::from_secs(30), "{took:?}");
}

#[test]
fn a_waiter_takes_what_the_process_before_it_brought() {
    let machine = expired();
    machine.world.entra().strict_rotation(true);
    machine.world.delay(Target::Token, Duration::from_secs(1));
    let before = machine.world.requests().len();
    let (first, second) = std::thread::scope(|scope| {
        let first = scope.spawn(|| machine.get(CONTOSO_REQUEST));
        let started = Instant::now();
        while machine.world.requests().len() == before {
            assert!(started.elapsed() < Duration::from_secs(30), "the refresh never began");
            std::thread::sleep(Duration::from_millis(5));
        }
        let second = scope.spawn(|| machine.get(FABRIKAM_REQUEST));
        (first.join().expect("it ends"), second.join().expect("it ends"))
    });
    assert_eq!(first.password(), second.password());
    assert_eq!(machine.world.entra().token_requests("refresh_token"), 1);
}

#[test]
fn a_holder_that_is_killed_leaves_the_way_free() {
    let machine = expired();
    machine.world.fail(Target::Token, Fault::Hang, Times::Once);
    let before = machine.world.requests().len();
    let mut holder = machine
        .command(PROGRAM)
        .arg("get")
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::null())
        .spawn()
        .expect("it starts");
    std::io::Write::write_all(&mut holder.stdin.take().expect("piped"), CONTOSO_REQUEST.as_bytes())
        .expect("it reads");
    let started = Instant::now();
    while machine.world.requests().len() == before {
        assert!(started.elapsed() < Duration::from_secs(30), "the refresh never began");
        std::thread::sleep(Duration::from_millis(5));
    }
    holder.kill().expect("killed");
    holder.wait().expect("ends");
    assert_eq!(machine.get(CONTOSO_REQUEST).expect_success().stderr, "");
}
