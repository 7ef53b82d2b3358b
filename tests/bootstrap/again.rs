//! Declarative and idempotent: what is so already is left alone, and what came later counts.

use std::time::Duration;

use serde_json::json;
use standins::{ADA, CLIENT_SECRET, GRACE};

use crate::common::*;
use crate::given::*;

#[test]
fn the_second_run_changes_nothing_and_says_so() {
    let (mut machine, _) = with_refresh_token();
    let pat = machine.world.azure().add_pat("contoso", standins::Pat::read_write());
    machine.set("ONA_AZURE_PAT", pat);
    machine.set("ONA_AZURE_PAT_ORGANIZATION", "contoso");
    machine.set("ONA_AZURE_PAT_EXPIRES", "30d");
    machine.set("ONA_AZURE_RUNNER_NAME", "Ona Cloud (EU01)");
    let first = machine.bootstrap(&[]).expect_success();
    let expected = format!(
        "dev.azure.com: integration added, sign-in added, personal access token for contoso \
         added; {ADA} is signed in\nrunner name: added\n"
    );
    assert!(first.stdout.starts_with(&expected), "{}", first.stdout);
    let before = machine.everything();
    let second = machine.bootstrap(&[]);
    let config = machine.home().join(".gitconfig");
    second.expect(
        0,
        &format!(
            "dev.azure.com: nothing to change; {ADA} is signed in\n\
             git: nothing to change ({})\n",
            config.display()
        ),
        "",
    );
    assert!(machine.everything() == before, "not a byte is other");
    let report = machine.bootstrap(&["--json"]).expect_success().json();
    let expected = json!({
        "version": 1,
        "runnerName": "unchanged",
        "hosts": [{
            "host": "dev.azure.com",
            "ok": true,
            "changed": false,
            "integration": "unchanged",
            "tokens": [
                { "kind": "oauth", "organization": null, "change": "unchanged" },
                { "kind": "pat", "organization": "contoso", "change": "unchanged" },
            ],
            "account": ADA,
            "verified": true,
            "error": null,
        }],
        "git": { "ok": true, "changed": false, "file": config, "conflicts": [] },
    });
    assert_eq!(report, expected);
}

#[test]
fn ten_restarts_against_a_provider_that_rotates_strictly_keep_the_sign_in() {
    let (machine, given) = with_refresh_token();
    machine.world.entra().strict_rotation(true);
    for round in 0..11 {
        let done = machine.bootstrap(&[]).expect_success();
        let says = if round == 0 { "sign-in added" } else { "nothing to change" };
        assert!(done.stdout.contains(says), "{round}: {}", done.stdout);
        assert_eq!(done.stderr, "");
        // An environment that stood still for an hour.
        machine.age_access_token(4600);
    }
    assert_eq!(machine.world.entra().token_requests("refresh_token"), 11);
    let kept = machine.session().refresh_token.expect("a refresh token");
    assert_ne!(kept.expose_str(), Some(&*given), "the successor, not its dead ancestor");
    assert_eq!(machine.get(CONTOSO_REQUEST).expect_success().attribute("username"), Some(ADA));
}

#[test]
fn a_later_sign_in_of_a_persons_own_survives_restarts() {
    let (machine, _) = with_refresh_token();
    machine.bootstrap(&[]).expect_success();
    machine.login(&[], GRACE).expect_success();
    for _ in 0..2 {
        let done = machine.bootstrap(&[]).expect_success();
        let expected = format!("dev.azure.com: nothing to change; {GRACE} is signed in\n");
        assert!(done.stdout.starts_with(&expected), "{}", done.stdout);
        machine.age_access_token(4600);
    }
    assert_eq!(machine.get(CONTOSO_REQUEST).expect_success().attribute("username"), Some(GRACE));
}

#[test]
fn a_later_token_of_a_persons_own_survives_restarts() {
    let (machine, _) = with_pat();
    machine.bootstrap(&[]).expect_success();
    let own = machine.new_pat("contoso");
    let done = machine.bootstrap(&[]).expect_success();
    assert!(done.stdout.starts_with("dev.azure.com/contoso: nothing to change\n"), "{done:#?}");
    assert_eq!(machine.get(CONTOSO_REQUEST).password(), own);
}

#[test]
fn another_token_given_is_taken_over() {
    let (mut machine, first) = with_refresh_token();
    machine.bootstrap(&[]).expect_success();
    let graces = refresh_token(&machine.world, GRACE);
    machine.set("ONA_AZURE_REFRESH_TOKEN", graces);
    let done = machine.bootstrap(&[]).expect_success();
    let expected = format!("dev.azure.com: sign-in changed; {GRACE} is signed in\n");
    assert!(done.stdout.starts_with(&expected), "{}", done.stdout);
    // Given back the first, that is what differs from the last.
    machine.set("ONA_AZURE_REFRESH_TOKEN", first);
    let done = machine.bootstrap(&[]).expect_success();
    assert!(done.stdout.contains(&format!("{ADA} is signed in")), "{}", done.stdout);

    let (mut machine, _) = with_pat();
    machine.bootstrap(&[]).expect_success();
    let new = machine.world.azure().add_pat("contoso", standins::Pat::read_write());
    machine.set("ONA_AZURE_PAT", &*new);
    let done = machine.bootstrap(&[]).expect_success();
    let expected = "dev.azure.com/contoso: personal access token for contoso changed\n";
    assert!(done.stdout.starts_with(expected), "{}", done.stdout);
    assert_eq!(machine.get(CONTOSO_REQUEST).password(), new);
}

#[test]
fn two_at_once_are_one() {
    let (machine, _) = with_refresh_token();
    machine.world.entra().strict_rotation(true);
    machine.world.delay(standins::Target::Token, Duration::from_millis(300));
    let done: Vec<_> = std::thread::scope(|scope| {
        let all: Vec<_> = (0..6).map(|_| scope.spawn(|| machine.bootstrap(&[]))).collect();
        all.into_iter().map(|one| one.join().expect("it ends")).collect()
    });
    let added = |done: &&Done| done.stdout.contains("integration added, sign-in added");
    let set_up = |done: &&Done| done.stdout.contains("git: asks this program now");
    for one in &done {
        assert_eq!((one.code, &*one.stderr), (0, ""), "{one:#?}");
    }
    assert_eq!(done.iter().filter(added).count(), 1, "{done:#?}");
    assert_eq!(done.iter().filter(set_up).count(), 1, "{done:#?}");
    assert_eq!(machine.world.entra().token_requests("refresh_token"), 1);
    machine.get(CONTOSO_REQUEST).expect_success();
}

#[test]
fn a_new_client_secret_is_proved_though_the_token_is_not_used_again() {
    let (mut machine, _) = with_refresh_token();
    machine.bootstrap(&[]).expect_success();
    let before = machine.everything();
    machine.set("ONA_AZURE_CLIENT_SECRET", "not-the-secret");
    let done = machine.bootstrap(&[]);
    expect_one_line(&done, 1, &["dev.azure.com: the client secret is wrong", "step 3"]);
    assert!(machine.everything() == before, "what worked is still there");
    machine.set("ONA_AZURE_CLIENT_SECRET", CLIENT_SECRET);
    let done = machine.bootstrap(&[]).expect_success();
    assert!(done.stdout.starts_with("dev.azure.com: nothing to change"), "{}", done.stdout);
}

#[test]
fn what_is_not_given_stays_as_it_is() {
    let (mut machine, _) = with_refresh_token();
    machine.add_integration(&["--pat", "--trusted-issuer", "https://idp.example"]);
    for name in ["ONA_AZURE_ISSUER_URL", "ONA_AZURE_CLIENT_ID", "ONA_AZURE_CLIENT_SECRET"] {
        machine.unset(name);
    }
    let before = machine.integrations();
    // An integration baked into the image; only the token is the environment's own.
    let done = machine.bootstrap(&[]).expect_success();
    let expected = format!("dev.azure.com: sign-in added; {ADA} is signed in\n");
    assert!(done.stdout.starts_with(&expected), "{}", done.stdout);
    assert_eq!(machine.integrations(), before);
    machine.get(CONTOSO_REQUEST).expect_success();
}

#[test]
fn what_is_known_without_the_network_is_kept_until_git_first_asks() {
    let (machine, _) = with_refresh_token();
    let before = machine.world.requests().len();
    let report = machine.bootstrap(&["--offline", "--json"]).expect_success().json();
    assert_eq!(machine.world.requests().len(), before, "no request");
    assert_eq!(report["hosts"][0]["account"], json!(null), "nobody knows yet whose it is");
    assert_eq!(report["hosts"][0]["verified"], json!(null));
    let text = machine.bootstrap(&["--offline"]).expect_success().stdout;
    assert!(text.starts_with("dev.azure.com: nothing to change; not tried\n"), "{text}");
    machine.helper(&["status"]).expect_success();
    let get = machine.get(CONTOSO_REQUEST).expect_success();
    assert_eq!((get.attribute("username"), &*get.stderr), (Some(ADA), ""));
    let report = machine.bootstrap(&["--json"]).expect_success().json();
    assert_eq!(report["hosts"][0]["account"], json!(ADA));
}

#[test]
fn a_token_that_is_dead_is_told_of_when_git_first_asks() {
    let (machine, _) = with_refresh_token();
    machine.bootstrap(&["--offline"]).expect_success();
    machine.world.entra().revoke_refresh_tokens(standins::Dead::Password);
    let said = machine.get(CONTOSO_REQUEST).expect_quit(4);
    assert!(said.starts_with("error: the sign-in has ended: "), "{said}");
    expect_one_line(&machine.bootstrap(&[]), 4, &["the sign-in to dev.azure.com has ended"]);
}

#[test]
fn what_it_remembered_may_be_damaged_and_what_came_later_still_counts() {
    let (mut machine, _) = with_refresh_token();
    let pat = machine.world.azure().add_pat("contoso", standins::Pat::read_write());
    machine.set("ONA_AZURE_PAT", &*pat);
    machine.set("ONA_AZURE_PAT_ORGANIZATION", "contoso");
    machine.bootstrap(&[]).expect_success();
    machine.login(&[], GRACE).expect_success();
    let session = machine.session();
    std::fs::write(machine.entry("imported"), "damaged").expect("written");
    let done = machine.bootstrap(&[]).expect_success();
    let expected = format!("dev.azure.com: nothing to change; {GRACE} is signed in\n");
    assert!(done.stdout.starts_with(&expected), "{}", done.stdout);
    assert_eq!(machine.session().id, session.id, "the dead ancestor does not take its place");
    // It is remembered again.
    machine.entry("imported");
    machine.helper(&["logout", "https://dev.azure.com"]).expect_success();
    let done = machine.bootstrap(&[]);
    assert_ne!(done.code, 0, "what was given was forgotten here since: {done:#?}");
}

#[test]
fn damaged_tokens_are_brought_again() {
    let (mut machine, _) = with_refresh_token();
    let pat = machine.world.azure().add_pat("contoso", standins::Pat::read_write());
    machine.set("ONA_AZURE_PAT", &*pat);
    machine.set("ONA_AZURE_PAT_ORGANIZATION", "contoso");
    machine.bootstrap(&[]).expect_success();
    std::fs::write(machine.entry("pats"), "damaged").expect("written");
    machine.bootstrap(&[]).expect_success();
    assert_eq!(machine.pat_secrets("https://dev.azure.com"), [(Some("contoso".to_owned()), pat)]);
    // A damaged sign-in is replaced by a new one only: what it was is spent.
    std::fs::write(machine.entry("session"), "damaged").expect("written");
    assert_ne!(machine.bootstrap(&[]).code, 0);
    machine.set("ONA_AZURE_REFRESH_TOKEN", refresh_token(&machine.world, GRACE));
    machine.bootstrap(&[]).expect_success();
    assert_eq!(machine.session().account, GRACE);
}
