//! `doctor`: what is looked at, how it ends, and how long it takes. The faults that it finds are
//! planted in `planted_faults`.

mod common;

use common::*;
use serde_json::{Value, json};
use standins::{Fault, Pat, Target, Times};

const REPOSITORY: &str = "https://dev.azure.com/contoso/app/_git/app";

/// Runs it both ways: the document is valid, both say the same, and neither shows a secret.
#[track_caller]
fn doctor(machine: &Machine, arguments: &[&str]) -> (Done, Value) {
    let before = machine.state();
    let words = machine.helper(&[&["doctor"], arguments].concat());
    let done = machine.helper(&[&["doctor", "--json"], arguments].concat());
    assert_eq!((done.code, &*done.stderr, &*words.stderr), (words.code, "", ""), "{words:#?}");
    let document = done.json();
    schema::validate(&document);
    let conclusion = document["conclusion"].as_str().expect("text");
    assert!(
        conclusion.contains("correlation ID")
            || words.stdout.ends_with(&format!("\n{conclusion}\n")),
        "{words:#?}"
    );
    assert_eq!(document["ok"], json!(done.code == 0));
    for secret in machine.world.secrets() {
        for said in [&words.stdout, &done.stdout] {
            assert!(!said.contains(&secret), "a secret is shown: {said}");
        }
    }
    if !arguments.contains(&"--refresh") {
        assert_eq!(machine.state(), before, "something was written");
    }
    (words, document)
}

fn outcomes(document: &Value) -> Vec<(String, String)> {
    document["targets"]
        .as_array()
        .expect("targets")
        .iter()
        .flat_map(|target| target["checks"].as_array().expect("checks"))
        .map(|check| {
            let text = |name: &str| check[name].as_str().expect("text").to_owned();
            (text("id"), text("outcome"))
        })
        .collect()
}

#[test]
fn a_healthy_set_up_is_all_well() {
    let machine = Machine::loaded();
    let (done, document) = doctor(&machine, &[REPOSITORY]);
    assert_eq!(done.code, 0, "{}", done.stdout);
    assert!(done.stdout.ends_with("\nAll is well.\n"), "{}", done.stdout);
    assert!(!done.stdout.contains('\u{1b}'));
    let mut others = outcomes(&document);
    others.retain(|(_, outcome)| outcome != "passed");
    assert_eq!(others, [("refresh".to_owned(), "skipped".to_owned())], "{}", done.stdout);
}

#[test]
fn with_refresh_everything_is_looked_at_and_the_new_token_is_kept() {
    let machine = Machine::loaded();
    let before = machine.access().expect("a session").token;
    let (done, document) = doctor(&machine, &[REPOSITORY, "--refresh"]);
    assert_eq!(done.code, 0, "{}", done.stdout);
    assert!(outcomes(&document).iter().all(|(_, outcome)| outcome == "passed"), "{}", done.stdout);
    assert_ne!(machine.access().expect("a session").token, before);
}

#[test]
fn a_healthy_server_is_all_well() {
    each_git(|_| {
        let (machine, _) = server();
        machine.let_git_use_the_server();
        let url = "https://tfs.corp.example/tfs/DefaultCollection/app/_git/app";
        let (done, _) = doctor(&machine, &[url]);
        assert_eq!(done.code, 0, "{}", done.stdout);
    });
}

/// A Server with a token kept for it.
fn server() -> (Machine, String) {
    let machine = Machine::new();
    machine.add_pat_integration("tfs.corp.example", &["--virtual-directory", "/tfs"]);
    machine.set_up_git();
    let pat = machine.world.server().add_pat();
    machine.give_pat("https://tfs.corp.example/tfs/DefaultCollection", &pat, &[]);
    machine.set_up_git();
    (machine, pat)
}

#[test]
fn a_clone_is_looked_at_by_its_remotes() {
    let machine = Machine::signed_in();
    machine.git(&["clone", "-q", REPOSITORY, "app"]).expect_success();
    let mut command = machine.command(PROGRAM);
    let done = run(command.args(["doctor", "--json"]).current_dir(machine.work().join("app")), b"");
    schema::validate(&done.json());
    assert_eq!(done.json()["targets"][1]["url"], REPOSITORY);
    assert_eq!(done.code, 0, "{done:#?}");
}

#[test]
fn without_a_network_it_ends_and_says_so() {
    let mut machine = Machine::loaded();
    for name in ["HTTPS_PROXY", "https_proxy"] {
        machine.set(name, "http://127.0.0.1:9");
    }
    let started = std::time::Instant::now();
    let (done, document) = doctor(&machine, &[REPOSITORY]);
    assert_eq!((&document["check"], done.code), (&json!("issuer"), 1), "{done:#?}");
    let said = "the proxy for login.microsoftonline.com cannot be reached";
    assert!(done.stdout.contains(said), "{}", done.stdout);
    assert!(started.elapsed().as_secs() < 30, "two runs took {:?}", started.elapsed());
}

#[test]
fn where_nobody_answers_it_ends_by_its_deadlines() {
    let machine = Machine::loaded();
    for target in [Target::Discovery, Target::Azure] {
        machine.world.fail(target, Fault::Hang, Times::Always);
    }
    let started = std::time::Instant::now();
    let done = machine.helper(&["doctor", "--json", REPOSITORY]);
    schema::validate(&done.json());
    // Twice the ten seconds aimed at: the machine is busy with other tests.
    assert!(started.elapsed().as_secs() < 20, "it took {:?}", started.elapsed());
    assert_eq!((&done.json()["check"], done.code), (&json!("issuer"), 1), "{done:#?}");
    let conclusion = done.json()["conclusion"].as_str().expect("text").to_owned();
    assert!(
        conclusion.contains("login.microsoftonline.com did not answer in time"),
        "{conclusion}"
    );
}

#[test]
fn an_access_token_that_has_run_out_is_no_fault() {
    let machine = Machine::signed_in();
    machine.age_access_token(7200);
    let (done, document) = doctor(&machine, &[REPOSITORY]);
    assert_eq!(done.code, 0, "{}", done.stdout);
    assert_eq!(document["conclusion"], "Nothing is wrong as far as can be seen without a refresh.");
}

/// How a check ended, by its id.
fn outcome_of(document: &Value, id: &str) -> String {
    outcomes(document).into_iter().find(|(name, _)| name == id).expect("the check").1
}

#[test]
fn what_git_does_not_need_is_no_fault() {
    let machine = Machine::signed_in();
    // Only doctor asks there without a person.
    machine.world.fail(Target::Authorize, Fault::Html(500), Times::Always);
    let (done, document) = doctor(&machine, &[REPOSITORY]);
    assert_eq!((done.code, &*outcome_of(&document, "redirect")), (0, "skipped"), "{document:#}");
    // A network that was gone for a moment, when somebody tried the refresh.
    machine.world.fail(Target::Token, Fault::Reset, Times::Always);
    let (done, document) = doctor(&machine, &[REPOSITORY, "--refresh"]);
    assert_eq!((done.code, &*outcome_of(&document, "refresh")), (1, "failed"), "{document:#}");
    machine.world.clear_faults();
    let (done, document) = doctor(&machine, &[REPOSITORY]);
    assert_eq!((done.code, &document["ok"]), (0, &json!(true)), "{document:#}");
    // One service whose clock is off, or what answers in its place.
    let odd = Fault::Raw {
        status: 401,
        headers: vec![
            ("Date".to_owned(), "Thu, 01 Jan 1970 00:00:00 GMT".to_owned()),
            ("X-VSS-E2EID".to_owned(), "11112222-3333-4444-5555-666677778888".to_owned()),
        ],
        body: Vec::new(),
    };
    machine.world.fail(Target::Azure, odd, Times::Always);
    let (_, document) = doctor(&machine, &[REPOSITORY]);
    assert_eq!(outcome_of(&document, "clock"), "passed", "{document:#}");
}

#[test]
fn a_host_with_tokens_for_its_organizations_is_no_fault() {
    let machine = Machine::tokens_only();
    let pat = machine.world.azure().add_pat("contoso", Pat::read_write());
    machine.give_pat("https://dev.azure.com/contoso", &pat, &[]);
    let (done, document) = doctor(&machine, &["https://dev.azure.com"]);
    assert_eq!((done.code, &*outcome_of(&document, "pat")), (0, "skipped"), "{document:#}");
    assert_eq!(outcome_of(&document, "credential"), "skipped", "{document:#}");
}

#[test]
fn nobody_is_told_to_bring_a_token_to_another_forge() {
    let machine = Machine::configured();
    for address in ["https://github.com/x/y", "contoso"] {
        let (done, document) = doctor(&machine, &[address]);
        assert_eq!((done.code, &document["check"]), (1, &json!("integration")), "{document:#}");
        let fix = document["fix"].as_str().expect("a fix");
        assert!(fix.contains("doctor https://dev.azure.com/ORGANIZATION"), "{fix}");
    }
}
