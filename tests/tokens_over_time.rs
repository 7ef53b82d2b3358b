//! Tokens expire, are revoked and die; organizations refuse; the service is down. What git sees.

mod common;

use std::time::{Duration, Instant};

use common::*;
use git_credential_ona_azure::vault::{HoldOffKind, Session};
use standins::{ADA, Dead, Fault, Pat, Target, Times};

const APP: &str = "https://dev.azure.com/contoso/app/_git/app";
const LIB: &str = "https://dev.azure.com/fabrikam/lib/_git/lib";
const OUTSIDER: &str = "https://dev.azure.com/outsider/x/_git/x";

/// The margin below which a token is refreshed is 5 minutes; the stand-in's tokens live 75.
const NEARLY_OVER: u64 = 4500 - 200;

/// The same with less than the minute left that is the least a token is handed out with.
const OVER: u64 = 4500 - 30;

const SIGN_IN_HINT: &str = "hint: git-credential-ona-azure login https://dev.azure.com\n";

fn refreshes(machine: &Machine) -> usize {
    machine.world.entra().token_requests("refresh_token")
}

fn clone(machine: &Machine) {
    machine.git_quietly("", &["clone", "-q", APP, "app"]);
}

fn session(machine: &Machine) -> Session {
    machine.vault().read("dev.azure.com").expect("a vault that opens").expect("a session")
}

/// A canary in git's place to ask a person; says whether it was asked.
struct Prompts(std::path::PathBuf);

impl Prompts {
    fn watch(machine: &mut Machine) -> Self {
        let asked = machine.home().join("asked");
        let askpass = machine.home().join("askpass");
        script(&askpass, &format!("#!/bin/sh\necho \"$1\" >> '{}'\nexit 1\n", asked.display()));
        machine.set("GIT_ASKPASS", askpass.to_str().expect("text"));
        machine.unset("GIT_TERMINAL_PROMPT");
        Self(asked)
    }

    fn none(&self) -> bool {
        !self.0.exists()
    }
}

#[test]
fn a_token_that_expired_between_two_fetches_costs_one_token_request() {
    let machine = Machine::signed_in();
    clone(&machine);
    machine.world.entra().expire_access_tokens();
    machine.age_access_token(NEARLY_OVER);
    machine.git_quietly("app", &["fetch", "-q"]);
    assert_eq!(refreshes(&machine), 1);
    machine.git_quietly("app", &["fetch", "-q"]);
    assert_eq!(refreshes(&machine), 1, "the new one is kept");
}

#[test]
fn a_token_shorter_than_the_margin_is_still_handed_out() {
    let machine = Machine::signed_in();
    machine.world.entra().set_token_lifetime(Duration::from_secs(200));
    machine.age_access_token(NEARLY_OVER);
    let done = machine.get(CONTOSO_REQUEST);
    assert_eq!((done.code, done.stderr.as_str()), (0, ""), "{done:#?}");
    let expiry: u64 =
        done.attribute("password_expiry_utc").expect("one").parse().expect("a number");
    let access = machine.access().expect("kept");
    assert_eq!(expiry, access.expires_at);
    assert_eq!(access.expires_at - access.issued_at, 200);
}

#[test]
fn after_a_revoked_token_the_first_command_fails_as_git_does_and_the_next_one_works() {
    let machine = Machine::signed_in();
    clone(&machine);
    machine.age_access_token(10 * 60);
    machine.world.entra().revoke_access_tokens();
    let first = machine.git_in("app", &["fetch", "-q"]);
    let failed = "fatal: Authentication failed for 'https://dev.azure.com/contoso/app/_git/app/'\n";
    assert_eq!((first.code, first.stderr.as_str()), (128, failed));
    assert_eq!(refreshes(&machine), 0);
    machine.git_quietly("app", &["fetch", "-q"]);
    assert_eq!(refreshes(&machine), 1);
}

#[test]
fn a_dead_refresh_token_gives_way_to_the_pat_and_says_why() {
    let words = [
        (Dead::Inactivity, "the session was not used for too long (AADSTS700082)"),
        (Dead::Password, "the session was revoked, as a password change does (AADSTS50173)"),
        (
            Dead::SignInFrequency,
            "the tenant wants a new sign-in every so often, and that time is over (AADSTS70043)",
        ),
    ];
    for (dead, reason) in words {
        let machine = Machine::signed_in();
        clone(&machine);
        let pat = machine.world.azure().add_pat("contoso", Pat::read_write());
        machine.give_pat(APP, &pat, &[]);
        machine.age_access_token(OVER);
        machine.world.entra().revoke_refresh_tokens(dead);
        let done = machine.git_in("app", &["fetch", "-q"]);
        assert_eq!((done.code, done.stdout.as_str()), (0, ""), "{done:#?}");
        let start = "warning: using the personal access token for contoso: ";
        assert!(done.stderr.starts_with(start) && done.stderr.contains(reason), "{done:#?}");
        assert_eq!(done.stderr.lines().count(), 1, "{done:#?}");
        assert_eq!(refreshes(&machine), 1, "{dead:?}");

        machine.commit("app", "file", "content");
        machine.git_in("app", &["push", "-q", "origin", "main"]).expect_success();
        // Entra marks the last two as final; the first may be a passing verdict, and is not asked
        // for again only for a while.
        let for_good = dead != Dead::Inactivity;
        assert_eq!(session(&machine).refresh_token.is_none(), for_good, "{dead:?}");
        if for_good {
            machine.change_access(|access| access.hold_off = None);
        }
        let later = machine.get(CONTOSO_REQUEST);
        assert_eq!(later.password(), pat);
        assert_eq!(later.stderr, "", "the reason was said within the hour");
        assert_eq!(refreshes(&machine), 1, "what is dead is not asked again: {dead:?}");
    }
}

#[test]
fn a_dead_refresh_token_without_a_pat_asks_for_a_sign_in_and_prompts_nobody() {
    for dead in [Dead::Inactivity, Dead::Password, Dead::SignInFrequency] {
        let mut machine = Machine::new();
        machine.add_integration(&[]);
        machine.set_up_git();
        machine.sign_in();
        clone(&machine);
        let prompts = Prompts::watch(&mut machine);
        machine.age_access_token(OVER);
        machine.world.entra().revoke_refresh_tokens(dead);
        let done = machine.git_in("app", &["fetch", "-q"]);
        assert_eq!((done.code, done.stdout.as_str()), (128, ""), "{done:#?}");
        assert!(done.stderr.starts_with("error: "), "{done:#?}");
        assert!(done.stderr.contains(SIGN_IN_HINT), "{done:#?}");
        assert!(done.stderr.contains("told us to quit"), "{done:#?}");
        assert!(prompts.none(), "{dead:?}");
        let done = machine.get(CONTOSO_REQUEST);
        assert_eq!((done.code, done.stdout.as_str()), (4, "quit=1\n"), "{done:#?}");
        machine.sign_in();
        machine.git_quietly("app", &["fetch", "-q"]);
    }
}

#[test]
fn with_pats_on_git_asks_for_one_itself_where_it_may() {
    let machine = Machine::signed_in();
    clone(&machine);
    machine.age_access_token(OVER);
    machine.world.entra().revoke_refresh_tokens(Dead::Password);
    let done = machine.git_in("app", &["fetch", "-q"]);
    assert_eq!(done.code, 128, "{done:#?}");
    assert!(done.stderr.contains(SIGN_IN_HINT), "{done:#?}");
    assert!(done.stderr.contains("terminal prompts disabled"), "{done:#?}");
    let done = machine.get(CONTOSO_REQUEST);
    assert_eq!((done.code, done.stdout.as_str()), (4, ""), "{done:#?}");
}

#[test]
fn an_organization_that_refuses_the_account_is_named_and_the_others_keep_working() {
    let machine = Machine::signed_in();
    let first = machine.git(&["clone", "-q", OUTSIDER, "x"]);
    assert_eq!(first.code, 128, "{first:#?}");
    let token = machine.get(CONTOSO_REQUEST).password().to_owned();
    let second = machine.git(&["clone", "-q", OUTSIDER, "x"]);
    assert_eq!(second.code, 128, "{second:#?}");
    let said = format!("error: Azure DevOps refused {ADA} for organization outsider\nhint: ");
    assert!(second.stderr.starts_with(&said), "{second:#?}");
    let get = machine.get("protocol=https\nhost=dev.azure.com\npath=outsider/x/_git/x\n");
    assert_eq!((get.code, get.stdout.as_str()), (4, "quit=1\n"), "{get:#?}");
    assert!(get.stderr.starts_with(&said), "{get:#?}");

    machine.git_quietly("", &["clone", "-q", LIB, "lib"]);
    clone(&machine);
    assert_eq!(machine.get(CONTOSO_REQUEST).password(), token);
    assert_eq!(refreshes(&machine), 1, "the rejected token is renewed once");

    // A personal access token of that organization serves it, and ends the refusal.
    let pat = machine.world.azure().add_pat("outsider", Pat::read_write());
    machine.give_pat(OUTSIDER, &pat, &[]);
    machine.git(&["clone", "-q", OUTSIDER, "x"]).expect_success();
}

/// A signed-in machine with a clone whose token has `left` seconds to live.
fn with_left(left: u64) -> Machine {
    let machine = Machine::signed_in();
    clone(&machine);
    machine.age_access_token(4500 - left);
    machine
}

fn faults() -> Vec<(&'static str, Fault, usize)> {
    vec![
        ("html 503", Fault::Html(503), 2),
        ("throttled", Fault::Throttle { retry_after: Some(30) }, 1),
        ("reset", Fault::Reset, 1),
        ("html in place of json", Fault::Html(200), 1),
        ("temporarily_unavailable", Fault::error(400, "temporarily_unavailable", 90033, "x"), 1),
    ]
}

#[test]
fn while_the_service_is_down_a_token_with_a_minute_left_still_serves() {
    for (name, fault, requests) in faults() {
        let machine = with_left(120);
        let before = machine.world.requests().len();
        machine.world.fail(Target::Token, fault, Times::Always);
        let kept = session(&machine);
        let done = machine.git_in("app", &["fetch", "-q"]);
        assert_eq!((done.code, done.stdout.as_str()), (0, ""), "{name}: {done:#?}");
        let warning = "warning: the access token ends soon and cannot be refreshed now: ";
        assert!(done.stderr.starts_with(warning), "{name}: {done:#?}");
        assert_eq!(done.stderr.lines().count(), 1, "{name}: {done:#?}");
        assert_eq!(token_requests_since(&machine, before), requests, "{name}");
        assert_eq!(session(&machine), kept, "{name}: the refresh token is kept");
    }
}

/// Token requests that arrived, answered or not.
fn token_requests_since(machine: &Machine, before: usize) -> usize {
    let requests = machine.world.requests().split_off(before);
    requests.iter().filter(|seen| seen.grant.as_deref() == Some("refresh_token")).count()
}

#[test]
fn while_the_service_is_down_git_is_told_to_try_again_and_the_service_left_alone() {
    for (name, fault, requests) in faults() {
        let machine = with_left(30);
        let before = machine.world.requests().len();
        machine.world.fail(Target::Token, fault, Times::Always);
        let kept = session(&machine);
        let done = machine.get(CONTOSO_REQUEST);
        assert_eq!((done.code, done.stdout.as_str()), (5, "quit=1\n"), "{name}: {done:#?}");
        let start = format!("error: the access token of {ADA} cannot be refreshed: ");
        assert!(done.stderr.starts_with(&start), "{name}: {done:#?}");
        assert!(done.stderr.contains("\nhint: "), "{name}: {done:#?}");
        assert_eq!(token_requests_since(&machine, before), requests, "{name}");

        // Held off for a few seconds at least; for longer here, as this machine may be slow.
        machine.change_access(|access| {
            let hold_off = access.hold_off.as_mut().expect("a hold-off");
            assert_eq!(hold_off.kind, HoldOffKind::ForNow);
            assert!(hold_off.until >= hold_off.failed_at_ms / 1000 + 5, "{name}");
            hold_off.until += 600;
        });
        let again = machine.git_in("app", &["fetch", "-q"]);
        assert_eq!(again.code, 128, "{name}: {again:#?}");
        assert!(again.stderr.starts_with(&start), "{name}: the same answer: {again:#?}");
        assert_eq!(token_requests_since(&machine, before), requests, "{name}: held off");
        assert_eq!(session(&machine), kept, "{name}: the refresh token is kept");

        machine.world.clear_faults();
        machine.change_access(|access| {
            access.hold_off.as_mut().expect("a hold-off").until = 0;
        });
        machine.git_quietly("app", &["fetch", "-q"]);
    }
}

#[test]
fn a_server_error_is_tried_once_more() {
    let machine = with_left(30);
    machine.world.fail(Target::Token, Fault::Html(502), Times::Once);
    let before = machine.world.requests().len();
    machine.git_quietly("app", &["fetch", "-q"]);
    assert_eq!(token_requests_since(&machine, before), 2);
}

#[test]
fn throttling_is_obeyed_for_as_long_as_it_asks() {
    let machine = with_left(30);
    machine.world.fail(Target::Token, Fault::Throttle { retry_after: Some(1800) }, Times::Once);
    assert_eq!(machine.get(CONTOSO_REQUEST).code, 5);
    let before = machine.world.requests().len();
    // A quarter of an hour later.
    machine.change_access(|access| {
        let hold_off = access.hold_off.as_mut().expect("a hold-off");
        hold_off.until -= 900;
        hold_off.failed_at_ms -= 900_000;
    });
    assert_eq!(machine.get(CONTOSO_REQUEST).code, 5);
    assert_eq!(machine.world.requests().len(), before);
    machine.change_access(|access| {
        let hold_off = access.hold_off.as_mut().expect("a hold-off");
        hold_off.until -= 901;
        hold_off.failed_at_ms -= 901_000;
    });
    assert_eq!(machine.get(CONTOSO_REQUEST).code, 0);
}

#[test]
fn with_the_service_down_the_pat_takes_over() {
    let machine = with_left(30);
    let pat = machine.world.azure().add_pat("contoso", Pat::read_write());
    machine.give_pat(APP, &pat, &[]);
    machine.world.fail(Target::Token, Fault::Html(503), Times::Always);
    let done = machine.git_in("app", &["fetch", "-q"]);
    assert_eq!(done.code, 0, "{done:#?}");
    let start = "warning: using the personal access token for contoso: ";
    assert!(done.stderr.starts_with(start), "{done:#?}");
    assert_eq!(done.stderr.lines().count(), 1, "{done:#?}");
    // Only its own organization.
    let fabrikam = machine.get(FABRIKAM_REQUEST);
    assert_eq!((fabrikam.code, fabrikam.stdout.as_str()), (5, "quit=1\n"), "{fabrikam:#?}");
}

#[test]
fn a_rejected_client_names_the_step_to_mend() {
    let machine = with_left(30);
    let expired = standins::App {
        secrets: vec![(standins::CLIENT_SECRET.to_owned(), true)],
        ..standins::App::default()
    };
    machine.world.entra().register_app(expired);
    let done = machine.get(CONTOSO_REQUEST);
    assert_eq!((done.code, done.stdout.as_str()), (1, "quit=1\n"), "{done:#?}");
    assert!(done.stderr.starts_with("error: "), "{done:#?}");
    assert!(done.stderr.contains("AADSTS7000222"), "{done:#?}");
    assert!(done.stderr.contains("\nhint: step 3"), "{done:#?}");
    assert!(session(&machine).refresh_token.is_some());

    // A new secret is tried at once, whatever was remembered of the old one.
    machine.world.entra().register_app(standins::App::default());
    machine.add_integration(&["--pat"]);
    machine.git_quietly("app", &["fetch", "-q"]);
}

#[test]
fn a_token_that_git_stores_after_another_process_has_refreshed_is_not_kept() {
    let ours_by_form = Machine::signed_in();
    // One that looks like any password: only who issued it tells it from a PAT.
    let ours_by_issue = Machine::configured();
    let mut serial = 0;
    ours_by_issue.world.entra().override_token_response(move |mut answer| {
        serial += 1;
        answer["access_token"] = format!("opaque-token-{serial}").into();
        answer
    });
    ours_by_issue.sign_in();
    for machine in [ours_by_form, ours_by_issue] {
        let first = machine.get(CONTOSO_REQUEST);
        machine.age_access_token(NEARLY_OVER);
        let second = machine.get(CONTOSO_REQUEST);
        assert_ne!(first.password(), second.password());
        let state = machine.state();
        let stored = machine.store(format!("{CONTOSO_REQUEST}{}", first.stdout));
        assert_eq!(stored, Done::silent());
        assert_eq!(machine.state(), state);
        assert_eq!(machine.get(CONTOSO_REQUEST).password(), second.password());
        // The bait is good: anybody else's password is kept.
        let other = format!("{CONTOSO_REQUEST}username=ada\npassword=somebody-elses\n");
        assert_eq!(machine.store(other), Done::silent());
        assert_ne!(machine.state(), state);
    }
}

#[test]
fn refresh_tokens_that_rotate_strictly_are_used_one_after_the_other() {
    let machine = Machine::signed_in();
    machine.world.entra().strict_rotation(true);
    clone(&machine);
    let mut seen = vec![session(&machine).refresh_token];
    for _ in 0..4 {
        machine.age_access_token(OVER);
        machine.git_quietly("app", &["fetch", "-q"]);
        let now = session(&machine).refresh_token;
        assert!(now.is_some() && !seen.contains(&now), "a new refresh token each time");
        seen.push(now);
    }
    assert_eq!(refreshes(&machine), 4);
}

#[test]
fn an_answer_without_a_refresh_token_leaves_the_one_there_is() {
    let machine = Machine::signed_in();
    machine.world.entra().omit_refresh_token(true);
    let before = session(&machine).refresh_token;
    machine.age_access_token(OVER);
    assert_eq!(machine.get(CONTOSO_REQUEST).code, 0);
    assert_eq!(session(&machine).refresh_token, before);
}

fn wait_for_a_request(machine: &Machine, before: usize) {
    let started = Instant::now();
    while machine.world.requests().len() == before {
        assert!(started.elapsed() < Duration::from_secs(30), "the refresh never began");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_refresh_under_way_does_not_bring_back_a_session_that_is_logged_out() {
    let machine = with_left(30);
    machine.world.delay(Target::Token, Duration::from_secs(2));
    let before = machine.world.requests().len();
    let done = std::thread::scope(|scope| {
        let get = scope.spawn(|| machine.get(CONTOSO_REQUEST));
        wait_for_a_request(&machine, before);
        machine.helper(&["logout"]).expect_success();
        get.join().expect("it ends")
    });
    assert_eq!((done.code, done.stdout.as_str()), (4, ""), "{done:#?}");
    assert!(done.stderr.contains("signed out meanwhile"), "{done:#?}");
    assert_eq!(machine.vault().read::<Session>("dev.azure.com").expect("opens"), None);
    assert_eq!(machine.access(), None);
    let next = machine.get(CONTOSO_REQUEST);
    assert!(next.stderr.starts_with("error: nobody is signed in to dev.azure.com"), "{next:#?}");
}

#[test]
fn a_failure_is_remembered_also_where_the_access_token_was_lost() {
    let machine = Machine::signed_in();
    let vault = machine.vault();
    let writer = vault.write().expect("a vault that can be written");
    writer.remove::<git_credential_ona_azure::vault::Access>("dev.azure.com").expect("removed");
    drop(writer);
    machine.world.fail(Target::Token, Fault::Throttle { retry_after: Some(60) }, Times::Always);
    for _ in 0..3 {
        let done = machine.get(CONTOSO_REQUEST);
        assert_eq!((done.code, done.stdout.as_str()), (5, "quit=1\n"), "{done:#?}");
    }
    assert_eq!(machine.world.entra().token_requests("refresh_token"), 1, "it is left alone");
}

#[test]
fn a_failure_of_an_old_sign_in_does_not_hold_the_new_one_off() {
    let machine = Machine::signed_in();
    machine.age_access_token(4600);
    machine.world.delay(Target::Token, Duration::from_secs(2));
    machine.world.fail(Target::Token, Fault::error(400, "invalid_grant", 70000, "x"), Times::Once);
    let old = session(&machine);
    let before = machine.world.requests().len();
    let done = std::thread::scope(|scope| {
        let get = scope.spawn(|| machine.get(CONTOSO_REQUEST));
        // The request is under way: the sign-in that it was made for is replaced now.
        wait_for_a_request(&machine, before);
        machine.change("dev.azure.com", |session: &mut Session| session.id = "another".to_owned());
        get.join().expect("get ends")
    });
    assert_ne!(done.code, 0, "{done:#?}");
    assert_eq!(session(&machine).refresh_token, old.refresh_token, "the new one's is untouched");
    assert_eq!(machine.access().expect("an access record").hold_off, None);
}
