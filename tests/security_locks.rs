//! Locks: nobody hangs on one, one refresh serves all, and a kill leaves neither a lock nor a
//! vault that does not open.

mod common;

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use common::system::{can_trace, name_of};
use common::*;
use git_credential_ona_azure::vault::{Lock, LockError, Pats, Session, acquire};

/// Every lock there may be, held.
fn hold_all(machine: &Machine) -> Vec<Lock> {
    let locks: Vec<_> = machine
        .state()
        .into_keys()
        .filter(|path| name_of(path).ends_with(".lock"))
        .map(|path| acquire(&path, Duration::ZERO).expect("a free lock"))
        .collect();
    assert!(locks.len() >= 2, "the writers' and the refresh's");
    locks
}

/// A machine whose session was refreshed once, so that every lock file is there.
fn refreshed() -> Machine {
    let machine = Machine::signed_in();
    machine.age_access_token(4600);
    machine.get(CONTOSO_REQUEST).expect_success();
    machine
}

#[test]
fn h13_a_good_token_is_given_at_once_whoever_holds_the_locks() {
    let machine = refreshed();
    machine.give_pat("https://dev.azure.com/contoso", "contoso-pat", &[]);
    let expected = machine.get(CONTOSO_REQUEST).expect_success();
    let held = hold_all(&machine);
    let started = Instant::now();
    assert_eq!(machine.get(CONTOSO_REQUEST), expected);
    assert_eq!(machine.helper(&["status"]).code, 0);
    // What git stores of it is ours, and needs no lock either.
    let credential = format!("{CONTOSO_REQUEST}{}", expected.stdout);
    assert_eq!(machine.store(credential).code, 0);
    // The shortest wait for a lock is ten seconds.
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    drop(held);
}

#[test]
fn h13_a_pat_near_its_end_is_given_at_once_and_the_warning_with_it() {
    let machine = Machine::new();
    machine.add_pat_integration("dev.azure.com", &[]);
    machine.give_pat("https://dev.azure.com/contoso", "contoso-pat", &["--expires", "1d"]);
    let held = acquire(&machine.state_dir().join("vault.lock"), Duration::ZERO).expect("free");
    let started = Instant::now();
    let done = machine.get(CONTOSO_REQUEST).expect_success();
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    assert_eq!(done.password(), "contoso-pat");
    assert!(done.stderr.starts_with("warning: "), "{}", done.stderr);
    drop(held);
}

#[test]
fn h13_a_lock_that_is_held_is_waited_for_so_long_and_named() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("vault.lock");
    let held = acquire(&path, Duration::ZERO).expect("free");
    let wait = Duration::from_millis(300);
    let started = Instant::now();
    let error = acquire(&path, wait).expect_err("held");
    let took = started.elapsed();
    assert!(took >= wait && took < wait + Duration::from_secs(5), "{took:?}");
    assert!(matches!(&error, LockError::Held { path: named, .. } if *named == path));
    assert!(error.to_string().contains("vault.lock"), "{error}");
    assert!(error.hint().contains("fuser"), "{}", error.hint());
    drop(held);
    // A child that another test is just starting has the file open until it becomes a program.
    acquire(&path, Duration::from_secs(10)).expect("free again");
}

#[test]
fn h14_without_locks_writes_go_on() {
    if !can_trace() {
        return;
    }
    for error in ["ENOLCK", "EOPNOTSUPP", "ENOSYS"] {
        let machine = Machine::configured();
        let inject = format!("inject=flock:error={error}");
        let options = ["-e", "trace=flock", "-e", inject.as_str()];
        let login = ["login", "https://dev.azure.com/contoso", "--pat", "--no-test"];
        let (done, trace) = machine.traced(&options, &login, "contoso-pat");
        assert!(trace.contains("INJECTED"), "{error}: a lock is asked for: {trace}");
        assert_eq!(done.expect_success().stderr, "", "{error}");
        machine.sign_in();
        machine.age_access_token(4600);
        let (done, _) = machine.traced(&options, &["get"], CONTOSO_REQUEST);
        assert_eq!(done.clone().expect_success().stderr, "", "{error}");
        assert_eq!(done.attribute("username"), Some(standins::ADA), "{error}");
        assert_eq!(machine.get(CONTOSO_REQUEST).expect_success().stdout, done.stdout);
    }
}

fn start_get(machine: &Machine) -> Child {
    let mut child = machine
        .command(PROGRAM)
        .arg("get")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("get starts");
    let mut stdin = child.stdin.take().expect("piped");
    stdin.write_all(CONTOSO_REQUEST.as_bytes()).expect("a request fits into a pipe");
    child
}

#[test]
fn h16_a_hundred_gets_make_one_refresh_and_give_one_token() {
    let machine = refreshed();
    machine.world.entra().strict_rotation(true);
    machine.age_access_token(4600);
    let before = machine.world.entra().token_requests("refresh_token");
    let children: Vec<_> = (0..100).map(|_| start_get(&machine)).collect();
    let mut answers: Vec<_> = children
        .into_iter()
        .map(|child| {
            let output = child.wait_with_output().expect("ends");
            assert!(output.status.success(), "{output:?}");
            assert_eq!(String::from_utf8_lossy(&output.stderr), "");
            String::from_utf8(output.stdout).expect("text")
        })
        .collect();
    answers.dedup();
    assert_eq!(answers.len(), 1, "equal answers");
    assert_eq!(answers[0], machine.get(CONTOSO_REQUEST).expect_success().stdout);
    assert_eq!(machine.world.entra().token_requests("refresh_token"), before + 1);
}

/// The system calls by which a file comes to be, changes or goes.
const CHANGES: [&str; 9] =
    ["write", "fsync", "rename", "renameat", "renameat2", "link", "unlink", "flock", "mkdir"];

/// Runs a command again and again, killed at each of its system calls of these kinds, one after
/// the other, until it comes to its end. Returns the number of kills.
fn kill_everywhere(
    machine: &Machine,
    calls: &[&str],
    (arguments, stdin): (&[&str], &str),
    mut prepare: impl FnMut(),
    mut check: impl FnMut(&Done),
) -> usize {
    let mut kills = 0;
    for call in calls {
        for number in 1.. {
            prepare();
            let inject = format!("inject={call}:signal=KILL:when={number}");
            let trace = format!("trace={call}");
            let mut command = machine.command("strace");
            command.args(["-qq", "-o", "/dev/null", "-e", &trace, "-e", &inject]);
            let done = run(command.arg(PROGRAM).args(arguments), stdin.as_bytes());
            let killed = done.code == 128 + 9;
            assert!(killed || done.code == 0, "{call} {number}: {done:#?}");
            for path in machine.state().into_keys() {
                if name_of(&path).ends_with(".lock") {
                    acquire(&path, Duration::ZERO).expect("no lock outlives its holder");
                }
            }
            check(&done);
            assert_eq!(machine.vault().set_aside(), Vec::<PathBuf>::new(), "{call} {number}");
            if !killed {
                break;
            }
            kills += 1;
        }
    }
    kills
}

#[test]
fn a_kill_at_any_point_of_the_first_login_leaves_a_vault_that_opens() {
    if !can_trace() {
        return;
    }
    let machine = Machine::new();
    machine.add_pat_integration("dev.azure.com", &[]);
    let login = ["login", "https://dev.azure.com/contoso", "--pat", "--no-test"];
    let kills = kill_everywhere(
        &machine,
        &[&CHANGES[..], &["openat"]].concat(),
        (&login, "first-pat"),
        || {
            if machine.state_dir().exists() {
                fs::remove_dir_all(machine.state_dir()).expect("a new machine");
            }
        },
        |done| {
            let get = machine.get(CONTOSO_REQUEST).expect_success();
            assert_eq!(get.stderr, "");
            let kept = get.attribute("password");
            assert!(kept.is_none() || kept == Some("first-pat"), "{get:#?}");
            if done.stdout.contains(" is kept until ") {
                assert_eq!(kept, Some("first-pat"), "what was acknowledged is there");
            }
            machine.give_pat("https://dev.azure.com/contoso", "second-pat", &[]);
            assert_eq!(machine.get(CONTOSO_REQUEST).password(), "second-pat");
        },
    );
    assert!(kills >= 30, "{kills}");
}

#[test]
fn a_kill_at_any_point_of_a_refresh_loses_no_session() {
    if !can_trace() {
        return;
    }
    let machine = refreshed();
    let newest = Arc::new(Mutex::new(String::new()));
    let recorder = Arc::clone(&newest);
    machine.world.entra().override_token_response(move |answer| {
        let token = answer["refresh_token"].as_str().expect("rotated").to_owned();
        *recorder.lock().expect("no panic") = token;
        answer
    });
    let refreshes = || machine.world.entra().token_requests("refresh_token");
    let kills = kill_everywhere(
        &machine,
        &CHANGES,
        (&["get"], CONTOSO_REQUEST),
        || machine.age_access_token(4600),
        |done| {
            let before = refreshes();
            let get = machine.get(CONTOSO_REQUEST).expect_success();
            assert_eq!(get.stderr, "");
            if !done.stdout.is_empty() {
                assert_eq!(get.stdout, done.stdout, "what was acknowledged is there");
                assert_eq!(refreshes(), before);
            }
            let session: Session =
                machine.vault().read("dev.azure.com").expect("opens").expect("a session");
            let token = session.refresh_token.expect("a refresh token");
            if refreshes() > before || !done.stdout.is_empty() {
                assert_eq!(token.expose_str(), Some(newest.lock().expect("fine").as_str()));
            }
        },
    );
    assert!(kills >= 15, "{kills}");
}

#[test]
fn a_kill_at_any_point_of_a_store_keeps_the_old_password_or_the_new() {
    if !can_trace() {
        return;
    }
    let machine = Machine::new();
    machine.add_pat_integration("tfs.corp.example", &[]);
    let request = "protocol=https\nhost=tfs.corp.example\npath=c/p/_git/r\nusername=ada\n";
    let with = |password: &str| format!("{request}password={password}\n");
    let kills = kill_everywhere(
        &machine,
        &CHANGES,
        (&["store"], &with("new")),
        || {
            machine.store(with("old")).expect_success();
        },
        |done| {
            let get = machine.get(request).expect_success();
            assert_eq!(get.stderr, "");
            let kept = get.password();
            assert!(kept == "new" || (kept == "old" && done.code != 0), "{done:#?}: {get:#?}");
            let pats: Pats =
                machine.vault().read("https://tfs.corp.example").expect("opens").expect("kept");
            assert_eq!(pats.pats.len(), 1);
        },
    );
    assert!(kills >= 5, "{kills}");
}

fn organization_request(organization: &str) -> String {
    format!("protocol=https\nhost=dev.azure.com\npath={organization}/app/_git/app\n")
}

fn kept_organizations(machine: &Machine) -> Vec<String> {
    let kept = machine.pat_secrets("https://dev.azure.com").into_iter();
    let mut kept: Vec<_> = kept.filter_map(|(organization, _)| organization).collect();
    kept.sort();
    kept
}

/// Runs commands at once, each of which has looked at the vault before any of them writes.
fn all_at_once(machine: &Machine, commands: &[(&[&str], String)]) {
    let lock = machine.state_dir().join("vault.lock");
    let held = acquire(&lock, Duration::ZERO).expect("free");
    let started: Vec<_> = commands
        .iter()
        .map(|(arguments, stdin)| {
            let mut started = machine.start(arguments, stdin);
            started.stands_at(&lock);
            started
        })
        .collect();
    drop(held);
    for one in started {
        one.finish().expect_success();
    }
}

#[test]
fn tokens_that_are_stored_at_once_are_all_kept() {
    let machine = Machine::new();
    machine.add_pat_integration("dev.azure.com", &[]);
    machine.give_pat("https://dev.azure.com/contoso", "contoso-pat", &[]);
    let others = ["fabrikam", "northwind", "adventure", "tailspin"];
    let stored: Vec<_> = others
        .iter()
        .map(|of| format!("{}username=u\npassword={of}-pat\n", organization_request(of)))
        .map(|stdin| (&["store"][..], stdin))
        .collect();
    all_at_once(&machine, &stored);
    let expected = ["adventure", "contoso", "fabrikam", "northwind", "tailspin"];
    assert_eq!(kept_organizations(&machine), expected);
}

#[test]
fn what_is_stored_erased_brought_and_signed_out_of_at_once_is_each_done() {
    let machine = Machine::signed_in();
    for organization in ["contoso", "fabrikam", "northwind"] {
        let url = format!("https://dev.azure.com/{organization}");
        machine.give_pat(&url, &format!("{organization}-pat"), &[]);
    }
    let login = ["login", "https://dev.azure.com/tailspin", "--pat", "--no-test"];
    let store = format!("{}username=u\npassword=new\n", organization_request("adventure"));
    let erase = format!("{}username=northwind\n", organization_request("northwind"));
    let bring = r#"{"integrations": [{"scmId": "azuredevops_entra", "host": "dev.azure.com", "pat": true}],
        "tokens": [{"host": "dev.azure.com", "organization": "litware", "token": "litware-pat"}]}"#;
    machine.age_access_token(4600);
    let before = machine.session().refresh_token;
    all_at_once(
        &machine,
        &[
            // A refresh, which sees first whether it can keep what it will get.
            (&["get"], CONTOSO_REQUEST.to_owned()),
            (&["bootstrap", "--from", "-", "--offline"], bring.to_owned()),
            (&["logout", "https://dev.azure.com/fabrikam"], String::new()),
            (&["store"], store),
            (&login, "tailspin-pat".to_owned()),
            (&["erase"], erase),
        ],
    );
    assert_eq!(kept_organizations(&machine), ["adventure", "contoso", "litware", "tailspin"]);
    // The erase is of all that matches, an access token too, be it the old one or the new.
    assert_ne!(machine.session().refresh_token, before, "it was rotated, and kept");
    let get = machine.get(CONTOSO_REQUEST).expect_success();
    assert_eq!(get.attribute("username"), Some(standins::ADA));
}

#[test]
fn a_kill_at_any_point_of_an_erase_or_a_logout_takes_that_alone_or_nothing() {
    if !can_trace() {
        return;
    }
    let machine = Machine::new();
    machine.add_pat_integration("dev.azure.com", &[]);
    let erase = organization_request("contoso");
    for command in [(&["erase"][..], &*erase), (&["logout", "https://dev.azure.com/contoso"], "")] {
        let kills = kill_everywhere(
            &machine,
            &CHANGES,
            command,
            || {
                machine.give_pat("https://dev.azure.com/contoso", "contoso-pat", &[]);
                machine.give_pat("https://dev.azure.com/fabrikam", "fabrikam-pat", &[]);
            },
            |done| {
                let kept = kept_organizations(&machine);
                let whole = kept == ["contoso", "fabrikam"];
                assert!(kept == ["fabrikam"] || (whole && done.code != 0), "{kept:?}: {done:#?}");
                machine.get(organization_request("fabrikam")).expect_success();
            },
        );
        assert!(kills >= 5, "{kills}");
    }
}

#[test]
fn a_kill_at_any_point_of_logout_all_leaves_nothing_that_looks_damaged() {
    if !can_trace() {
        return;
    }
    let machine = refreshed();
    machine.give_pat("https://dev.azure.com/contoso", "contoso-pat", &[]);
    let whole = machine.state();
    let kills = kill_everywhere(
        &machine,
        &CHANGES,
        (&["logout", "--all"], ""),
        || {
            for (path, bytes) in &whole {
                fs::write(path, bytes).expect("restored");
            }
        },
        |done| {
            let get = machine.get(CONTOSO_REQUEST);
            assert!(!get.stderr.contains("damaged"), "{get:#?}");
            assert!(done.code != 0 || get.code == 4, "{get:#?}");
            machine.helper(&["status"]).expect_success();
            machine.helper(&["logout", "--all"]).expect_success();
            assert_eq!(machine.get(CONTOSO_REQUEST).code, 4);
        },
    );
    assert!(kills >= 5, "{kills}");
}
