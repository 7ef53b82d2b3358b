//! Nothing is waited for without end: neither another process nor the service.

use std::time::{Duration, Instant};

use crate::common::*;
use fs2::FileExt as _;
use standins::{Fault, Target, Times};

fn expired() -> Machine {
    let machine = Machine::signed_in();
    machine.age_access_token(4600);
    machine
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

/// What `get` makes of a token endpoint that keeps it waiting, and how long that takes.
fn get_from(fault: Fault) -> (Done, Duration) {
    let machine = expired();
    machine.world.fail(Target::Token, fault, Times::Always);
    let started = Instant::now();
    let done = machine.get(CONTOSO_REQUEST);
    (done, started.elapsed())
}

#[test]
fn a_service_that_hangs_or_drips_is_given_up_on() {
    // At once, since each takes its time.
    std::thread::scope(|scope| {
        for fault in [Fault::Hang, Fault::Drip] {
            scope.spawn(move || {
                let (done, took) = get_from(fault.clone());
                assert_eq!((done.code, &*done.stdout), (5, "quit=1\n"), "{fault:?}: {done:#?}");
                let said = "login.microsoftonline.com did not answer in time";
                assert!(done.stderr.contains(said), "{fault:?}: {done:#?}");
                assert!(took < Duration::from_secs(25), "{fault:?}: {took:?}");
            });
        }
    });
}

#[test]
fn a_git_that_hangs_is_waited_for_once() {
    let mut machine = Machine::signed_in();
    let dir = machine.home().join("bin");
    std::fs::create_dir(&dir).expect("made");
    script(&dir.join("git"), "#!/bin/sh\nexec sleep 20\n");
    let path = format!("{}:{}", dir.display(), machine.variable("PATH"));
    machine.set("PATH", path);
    let started = Instant::now();
    let done = machine.helper(&["doctor", "--json"]);
    assert!(started.elapsed() < Duration::from_secs(18), "{:?}", started.elapsed());
    assert_eq!(done.code, 1, "{done:#?}");
    let said = "git: no answer within 5 seconds; what to do: see whether git version hangs too";
    assert!(done.stdout.contains(said), "{done:#?}");
}
