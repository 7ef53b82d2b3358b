//! What does not work: the exit code, one line, and nothing half-written.

use serde_json::json;
use standins::{ADA, Dead, Fault, Target, Times};

use crate::common::*;
use crate::given::*;

/// Nothing is there that git or a person would take for a configuration or a sign-in.
#[track_caller]
fn expect_nothing_made(machine: &Machine) {
    assert!(!machine.integrations_file().exists(), "no integration");
    assert!(!machine.home().join(".gitconfig").exists(), "git is as it was");
    let names = machine.state_names();
    let kept = |name: &&String| {
        name.starts_with("session-") || name.starts_with("pats-") || name.starts_with("access-")
    };
    assert_eq!(names.iter().filter(kept).count(), 0, "{names:?}");
    let get = machine.get(CONTOSO_REQUEST).expect_quit(3);
    assert!(get.contains("is not configured"), "{get}");
}

#[test]
fn a_wrong_client_secret() {
    let (mut machine, token) = with_refresh_token();
    machine.set("ONA_AZURE_CLIENT_SECRET", "not-the-secret");
    machine.set("ONA_AZURE_RUNNER_NAME", "Ona Cloud (EU01)");
    let done = machine.bootstrap(&[]);
    expect_one_line(
        &done,
        1,
        &[
            "dev.azure.com: the refresh token was not taken: the client secret is wrong",
            "step 3",
            "copy the Value column, and hand that over: ONA_AZURE_CLIENT_SECRET, or in the document",
        ],
    );
    assert_eq!(done.stdout, "");
    expect_nothing_made(&machine);
    machine.unset("ONA_AZURE_REFRESH_TOKEN");
    expect_one_line(
        &machine.bootstrap(&[]),
        1,
        &["the client secret is wrong", "and hand that over"],
    );
    expect_nothing_made(&machine);
    machine.set("ONA_AZURE_REFRESH_TOKEN", token);
    machine.set("ONA_AZURE_CLIENT_SECRET", standins::CLIENT_SECRET);
    machine.bootstrap(&[]).expect_success();
    machine.get(CONTOSO_REQUEST).expect_success();
}

#[test]
fn a_refresh_token_that_is_dead_already() {
    let (machine, _) = with_refresh_token();
    machine.world.entra().revoke_refresh_tokens(Dead::Inactivity);
    let done = machine.bootstrap(&[]);
    expect_one_line(&done, 4, &["dev.azure.com: the refresh token was not taken: "]);
    expect_nothing_made(&machine);
}

#[test]
fn a_sign_in_that_has_ended_since() {
    let (mut machine, _) = with_refresh_token();
    machine.bootstrap(&[]).expect_success();
    machine.age_access_token(4600);
    machine.world.entra().revoke_refresh_tokens(Dead::Password);
    for _ in 0..2 {
        let done = machine.bootstrap(&[]);
        expect_one_line(&done, 4, &[ADA, "has ended", "hand over a new one"]);
    }
    machine.set("ONA_AZURE_REFRESH_TOKEN", refresh_token(&machine.world, ADA));
    machine.bootstrap(&[]).expect_success();
    machine.get(CONTOSO_REQUEST).expect_success();
}

#[test]
fn a_sign_in_that_was_forgotten_here_is_not_brought_back() {
    let (machine, _) = with_refresh_token();
    machine.bootstrap(&[]).expect_success();
    machine.helper(&["logout", "https://dev.azure.com"]).expect_success();
    expect_one_line(&machine.bootstrap(&[]), 4, &["was forgotten here", "hand over a new one"]);
}

#[test]
fn entra_id_is_down() {
    for (target, fault) in [
        (Target::Discovery, Fault::Html(503)),
        (Target::Discovery, Fault::Reset),
        (Target::Token, Fault::Html(503)),
        (Target::Token, Fault::Reset),
    ] {
        let (machine, _) = with_refresh_token();
        machine.world.entra().strict_rotation(true);
        machine.world.fail(target, fault, Times::Always);
        let done = machine.bootstrap(&[]);
        expect_one_line(&done, 5, &["dev.azure.com: "]);
        expect_nothing_made(&machine);
        machine.world.clear_faults();
        machine.bootstrap(&[]).expect_success();
        machine.get(CONTOSO_REQUEST).expect_success();
    }
}

#[test]
fn entra_id_is_down_at_a_restart() {
    let (machine, _) = with_refresh_token();
    machine.bootstrap(&[]).expect_success();
    machine.age_access_token(4600);
    machine.world.fail(Target::Token, Fault::Html(503), Times::Always);
    expect_one_line(&machine.bootstrap(&[]), 5, &["cannot be refreshed"]);
    machine.world.clear_faults();
    // Another try is not made at once, by git neither.
    machine.change_access(|access| access.hold_off = None);
    machine.bootstrap(&[]).expect_success();
    machine.get(CONTOSO_REQUEST).expect_success();
}

#[test]
fn one_server_error_is_overcome() {
    let (machine, _) = with_refresh_token();
    machine.world.fail(Target::Discovery, Fault::Html(502), Times::Once);
    machine.world.fail(Target::Token, Fault::Html(503), Times::Once);
    machine.bootstrap(&[]).expect_success();
}

#[test]
fn a_personal_access_token_that_does_not_work() {
    let (machine, pat) = with_pat();
    machine.world.azure().revoke_pat(&pat);
    let done = machine.bootstrap(&[]);
    expect_one_line(
        &done,
        4,
        &["dev.azure.com/contoso: dev.azure.com/contoso does not accept the personal access token"],
    );
    assert_eq!(done.stdout, "");
    expect_nothing_made(&machine);
}

#[test]
fn a_personal_access_token_that_has_run_out() {
    for expires in ["2020-01-31", "2020-01-31T12:00:00Z"] {
        let (mut machine, _) = with_pat();
        machine.set("ONA_AZURE_PAT_EXPIRES", expires);
        let done = machine.bootstrap(&[]);
        expect_one_line(
            &done,
            4,
            &["the personal access token given for contoso has run out", "_usersSettings/tokens"],
        );
        assert_eq!(machine.bootstrap(&["--offline"]), done, "nobody needs to be asked");
        expect_nothing_made(&machine);
    }
}

#[test]
fn a_personal_access_token_that_is_refused_at_a_restart() {
    let (machine, pat) = with_pat();
    machine.bootstrap(&[]).expect_success();
    machine.world.azure().expire_pat(&pat);
    expect_one_line(&machine.bootstrap(&[]), 4, &["contoso"]);
    // git learns it, and forgets the token; bootstrap does not bring it back.
    machine.git(&["clone", "-q", "https://dev.azure.com/contoso/app/_git/app"]);
    assert_eq!(machine.pat_secrets("https://dev.azure.com"), []);
    let done = machine.bootstrap(&[]);
    expect_one_line(
        &done,
        4,
        &["was refused by Azure DevOps, or forgotten here", "hand over a new one"],
    );
}

/// Earlier versions forgot a token that git merely said was rejected.
#[test]
fn a_token_that_was_forgotten_by_mistake_and_works_is_taken_over_again() {
    let (machine, pat) = with_pat();
    machine.bootstrap(&[]).expect_success();
    machine.erase("protocol=https\nhost=dev.azure.com\npath=contoso\n").expect_success();
    assert_eq!(machine.pat_secrets("https://dev.azure.com"), []);
    machine.bootstrap(&[]).expect_success();
    let kept = machine.pat_secrets("https://dev.azure.com");
    assert_eq!(kept, [(Some("contoso".to_owned()), pat)]);
}

#[test]
fn how_the_end_of_a_personal_access_token_is_written() {
    for (expires, code) in [
        ("30d", 0),
        ("12w", 0),
        ("2099-01-31", 0),
        ("2099-01-31T12:00:00Z", 0),
        ("2099-01-31T12:00:00+01:00", 0),
        (" 30d ", 0),
        ("", 0),
        ("soon", 2),
        ("30 days", 2),
        ("-1d", 2),
    ] {
        let (mut machine, _) = with_pat();
        machine.set("ONA_AZURE_PAT_EXPIRES", expires);
        let done = machine.bootstrap(&["--offline"]);
        assert_eq!(done.code, code, "{expires}: {done:#?}");
        if code != 0 {
            expect_one_line(&done, 2, &["ONA_AZURE_PAT_EXPIRES is ", "2027-01-31T12:00:00Z"]);
            continue;
        }
        let kept = machine.pats("https://dev.azure.com").remove(0).expires_at;
        assert_eq!(kept.is_some(), !expires.is_empty(), "{expires}");
    }
}

#[test]
fn a_client_secret_that_is_sealed_to_another_key() {
    let other = Machine::new();
    other.add_integration(&[]);
    let sealed = other.integrations()["integrations"][0]["oauth"]["encryptedClientSecret"].clone();
    let mut machine = machine();
    machine.unset("ONA_AZURE_CLIENT_SECRET");
    machine.set("ONA_AZURE_ENCRYPTED_CLIENT_SECRET", sealed.as_str().expect("text"));
    let done = machine.bootstrap(&[]);
    expect_one_line(
        &done,
        1,
        &["the client secret is sealed to another key", "the runner key here is age1"],
    );
    let ours = machine.helper(&["key", "show"]).expect_success().stdout;
    expect_one_line(&machine.bootstrap(&[]), 1, &["the runner key here is age1", ours.trim()]);
    assert!(!machine.integrations_file().exists(), "nothing is written");
}

#[test]
fn a_client_secret_that_is_sealed_to_this_key() {
    let mut machine = machine();
    machine.helper(&["key", "init"]).expect_success();
    machine.add_integration(&[]);
    let sealed =
        machine.integrations()["integrations"][0]["oauth"]["encryptedClientSecret"].clone();
    machine.helper(&["integration", "remove", "dev.azure.com"]).expect_success();
    machine.set("ONA_AZURE_ENCRYPTED_CLIENT_SECRET", sealed.as_str().expect("text"));
    expect_one_line(&machine.bootstrap(&[]), 2, &["the client secret is given twice"]);
    machine.unset("ONA_AZURE_CLIENT_SECRET");
    machine.bootstrap(&[]).expect_success();
    machine.sign_in();
    let before = machine.everything();
    machine.bootstrap(&[]).expect_success();
    assert!(machine.everything() == before, "not a byte is other");
}

#[test]
fn a_server_with_a_token_in_its_virtual_directory() {
    let mut machine = Machine::new();
    machine.let_git_use_the_server();
    machine.set("ONA_AZURE_HOST", "tfs.corp.example");
    machine.set("ONA_AZURE_PAT", machine.world.server().add_pat());
    expect_one_line(&machine.bootstrap(&[]), 1, &["tfs.corp.example"]);
    machine.set("ONA_AZURE_VIRTUAL_DIRECTORY", "/tfs");
    machine.set("ONA_AZURE_PAT_ORGANIZATION", "DefaultCollection");
    let done = machine.bootstrap(&[]).expect_success();
    let expected =
        "tfs.corp.example: integration added, personal access token for defaultcollection added\n";
    assert!(done.stdout.starts_with(expected), "{}", done.stdout);
    let url = "https://tfs.corp.example/tfs/DefaultCollection/app/_git/app";
    assert_eq!(machine.git(&["clone", "-q", url]), Done::silent());
}

#[test]
fn what_is_given_in_part_or_not_at_all() {
    let rows: [(&[(&str, &str)], &str); 9] = [
        (&[], "nothing is given to bootstrap"),
        (&[("ONA_AZURE_HOST", "dev.azure.com")], "no way to sign in to dev.azure.com is given"),
        (&[("ONA_AZURE_HOST", "a b")], "ONA_AZURE_HOST is \"a b\", which is no host"),
        (
            &[("ONA_AZURE_ISSUER_URL", "contoso.com")],
            "OAuth is given in part only; set ONA_AZURE_CLIENT_ID",
        ),
        (
            &[("ONA_AZURE_HOST", "dev.azure.com"), ("ONA_AZURE_CLIENT_SECRET", "s")],
            "set ONA_AZURE_ISSUER_URL",
        ),
        (&[("ONA_AZURE_PAT", "p")], "give ONA_AZURE_PAT_ORGANIZATION"),
        (&[("ONA_AZURE_REFRESH_TOKEN", "r")], "and no issuer and client ID to use it with"),
        (&[("ONA_AZURE_PAT", "p"), ("ONA_AZURE_SCM_ID", "gitlab")], "\"gitlab\" is no kind"),
        (
            &[("ONA_AZURE_REFRESH_TOKEN", "r"), ("ONA_AZURE_REFRESH_TOKEN_PUBLIC_CLIENT", "maybe")],
            "ONA_AZURE_REFRESH_TOKEN_PUBLIC_CLIENT is \"maybe\"",
        ),
    ];
    for (given, words) in rows {
        let mut machine = Machine::new();
        given.iter().for_each(|(name, value)| machine.set(name, *value));
        let done = machine.bootstrap(&[]);
        expect_one_line(&done, 2, &[words]);
        assert_eq!(machine.everything().len(), 0, "{given:?}");
    }
}

#[test]
fn a_public_client_says_so_however_it_is_spelled() {
    for spelled in ["1", "true", "True", "yes"] {
        let mut machine = machine();
        machine.unset("ONA_AZURE_CLIENT_SECRET");
        machine.set("ONA_AZURE_REFRESH_TOKEN", "token");
        machine.set("ONA_AZURE_REFRESH_TOKEN_PUBLIC_CLIENT", spelled);
        machine.bootstrap(&["--offline"]).expect_success();
        let mode = serde_json::to_value(machine.session().mode).expect("JSON");
        assert_eq!(mode, json!("public"), "{spelled}");
    }
}
