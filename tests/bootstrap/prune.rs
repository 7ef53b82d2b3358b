//! What is no longer given is taken away only with `--prune`, and nothing that came otherwise.

use std::fs;
use std::time::Duration;

use git_credential_ona_azure::azure::Organization;
use git_credential_ona_azure::vault::{Pat, PatLogin, Pats, Session, Writer, acquire};
use serde_json::{Value, json};
use standins::{ADA, GRACE};

use crate::common::*;
use crate::given::*;

fn all(machine: &Machine) -> Value {
    json!({
        "runnerName": "Ona Cloud (EU01)",
        "integrations": [cloud("dev.azure.com"), server()],
        "tokens": [
            { "host": "dev.azure.com", "refreshToken": refresh_token(&machine.world, ADA) },
            {
                "host": "dev.azure.com",
                "organization": "contoso",
                "token": machine.world.azure().add_pat("contoso", standins::Pat::read_write()),
            },
            { "host": "tfs.corp.example", "token": machine.world.server().add_pat() },
        ],
    })
}

fn hosts(machine: &Machine) -> Vec<String> {
    let integrations = machine.integrations()["integrations"].clone();
    let hosts = integrations.as_array().expect("a list").iter();
    hosts.map(|one| one["host"].as_str().expect("text").to_owned()).collect()
}

#[test]
fn without_prune_nothing_goes() {
    let machine = Machine::new();
    machine.bootstrap_from(&all(&machine), &[]).expect_success();
    let before = machine.everything();
    let fewer = json!({ "integrations": [cloud("dev.azure.com")] });
    machine.bootstrap_from(&fewer, &[]).expect_success();
    assert!(machine.everything() == before, "not a byte is other");
}

#[test]
fn with_prune_goes_what_was_brought_and_is_no_longer_given() {
    let machine = Machine::new();
    let mut document = all(&machine);
    machine.bootstrap_from(&document, &["--prune"]).expect_success();
    assert_eq!(hosts(&machine), ["dev.azure.com", "tfs.corp.example"]);

    // The Server and its token, and one of two tokens of the other.
    document["integrations"].as_array_mut().expect("a list").truncate(1);
    document["tokens"].as_array_mut().expect("a list").truncate(1);
    document["runnerName"] = Value::Null;
    let done = machine.bootstrap_from(&document, &["--prune"]).expect_success();
    let expected = format!(
        "dev.azure.com: personal access token for contoso removed; {ADA} is signed in\n\
         tfs.corp.example: integration removed, personal access token removed\n"
    );
    assert!(done.stdout.starts_with(&expected), "{}", done.stdout);
    assert_eq!(hosts(&machine), ["dev.azure.com"]);
    assert_eq!(machine.integrations()["runnerName"], Value::Null);
    for url in ["https://dev.azure.com", "https://tfs.corp.example"] {
        assert_eq!(machine.pat_secrets(url), []);
    }
    let config = fs::read_to_string(machine.home().join(".gitconfig")).expect("there");
    assert!(!config.contains("tfs.corp.example"), "{config}");
    machine.get(CONTOSO_REQUEST).expect_success();
    let before = machine.everything();
    let done = machine.bootstrap_from(&document, &["--prune"]).expect_success();
    assert!(done.stdout.starts_with("dev.azure.com: nothing to change"), "{}", done.stdout);
    assert!(machine.everything() == before, "not a byte is other");

    // And all of it.
    let nothing = json!({ "integrations": [] });
    let done = machine.bootstrap_from(&nothing, &["--prune"]).expect_success();
    assert!(
        done.stdout.starts_with("dev.azure.com: integration removed, sign-in removed\n"),
        "{done:#?}"
    );
    machine.get(CONTOSO_REQUEST).expect_quit(3);
    let done = machine.bootstrap_from(&nothing, &["--prune"]).expect_success();
    assert_eq!(done.stdout, "nothing to change\n");
}

#[test]
fn with_prune_a_method_goes_that_is_no_longer_given() {
    let machine = Machine::new();
    let mut document = all(&machine);
    machine.bootstrap_from(&document, &[]).expect_success();
    document["integrations"][0]["oauth"] = Value::Null;
    document["tokens"].as_array_mut().expect("a list").remove(0);
    let done = machine.bootstrap_from(&document, &["--prune"]).expect_success();
    let expected = "dev.azure.com: integration changed, sign-in removed\n";
    assert!(done.stdout.starts_with(expected), "{}", done.stdout);
    assert_eq!(machine.integrations()["integrations"][0]["oauth"], Value::Null);
    let before = machine.everything();
    machine.bootstrap_from(&document, &["--prune"]).expect_success();
    assert!(machine.everything() == before, "not a byte is other");
}

#[test]
fn what_a_person_added_stays() {
    let machine = Machine::new();
    machine.add_pat_integration("other.corp.example", &[]);
    machine.add_pat_integration("tfs.corp.example", &["--virtual-directory", "/tfs"]);
    machine.give_pat("https://other.corp.example", "others-token", &[]);
    // Given too, it is not bootstrap's for that.
    let document = all(&machine);
    machine.bootstrap_from(&document, &[]).expect_success();
    machine.login(&[], GRACE).expect_success();
    let own = machine.new_pat("contoso");
    let session = machine.session();

    machine
        .bootstrap_from(&json!({ "integrations": [cloud("dev.azure.com")] }), &["--prune"])
        .expect_success();
    assert_eq!(hosts(&machine), ["other.corp.example", "tfs.corp.example", "dev.azure.com"]);
    assert_eq!(machine.session(), session);
    assert_eq!(machine.pat_secrets("https://dev.azure.com")[0].1, own);
    assert_eq!(machine.pat_secrets("https://other.corp.example")[0].1, "others-token");
    assert_eq!(machine.pat_secrets("https://tfs.corp.example"), [], "that was brought");
}

#[test]
fn what_a_person_changed_since_stays_and_is_named() {
    let machine = Machine::new();
    machine.bootstrap_from(&all(&machine), &[]).expect_success();
    machine.add_pat_integration("tfs.corp.example", &["--virtual-directory", "/other"]);
    let fewer = json!({ "integrations": [cloud("dev.azure.com")] });
    let done = machine.bootstrap_from(&fewer, &["--prune"]).expect_success();
    let expected = "tfs.corp.example: integration left, for it was changed here since, personal access token removed\n";
    assert!(done.stdout.contains(expected), "{}", done.stdout);
    assert_eq!(hosts(&machine), ["dev.azure.com", "tfs.corp.example"]);
}

/// Starts a bootstrap with `--prune` that finds the one token to take away that another brought, and
/// stops it where it has looked at what is kept and now wants to write.
fn about_to_prune(machine: &Machine, token: &Value, meanwhile: impl FnOnce(&Writer<'_>)) -> Done {
    let mut document = json!({ "integrations": [cloud("dev.azure.com")], "tokens": [token] });
    machine.bootstrap_from(&document, &[]).expect_success();
    document["tokens"] = json!([]);
    let [bootstrap, vault] =
        ["bootstrap.lock", "vault.lock"].map(|name| machine.state_dir().join(name));
    let held = acquire(&bootstrap, Duration::ZERO).expect("free");
    let arguments = ["bootstrap", "--from", "-", "--offline", "--prune"];
    let mut pruning = machine.start(&arguments, &document.to_string());
    pruning.stands_at(&bootstrap);
    let kept = machine.vault();
    let writer = kept.write().expect("free");
    drop(held);
    pruning.stands_at(&vault);
    meanwhile(&writer);
    drop(writer);
    pruning.finish()
}

fn token_of_contoso(machine: &Machine) -> Value {
    let token = machine.world.azure().add_pat("contoso", standins::Pat::read_write());
    json!({ "host": "dev.azure.com", "organization": "contoso", "token": token })
}

#[test]
fn a_token_that_is_stored_while_another_is_pruned_stays() {
    let machine = Machine::new();
    about_to_prune(&machine, &token_of_contoso(&machine), |writer| {
        let store = |kept: &mut Option<Pats>| {
            let kept = &mut kept.as_mut().expect("the one that goes").pats;
            let organization = Organization::cloud("fabrikam");
            kept.push(Pat {
                organization,
                login: PatLogin::Password("new".into()),
                ..kept[0].clone()
            });
        };
        writer.update("https://dev.azure.com", store).expect("written");
    })
    .expect_success();
    assert_eq!(
        machine.pat_secrets("https://dev.azure.com"),
        [(Some("fabrikam".to_owned()), "new".to_owned())]
    );
}

#[test]
fn a_token_that_takes_the_place_of_the_one_to_be_pruned_stays() {
    let machine = Machine::new();
    about_to_prune(&machine, &token_of_contoso(&machine), |writer| {
        let store = |kept: &mut Option<Pats>| {
            kept.as_mut().expect("the one that goes").pats[0].login =
                PatLogin::Password("new".into());
        };
        writer.update("https://dev.azure.com", store).expect("written");
    })
    .expect_success();
    assert_eq!(
        machine.pat_secrets("https://dev.azure.com"),
        [(Some("contoso".to_owned()), "new".to_owned())]
    );
}

#[test]
fn a_sign_in_that_takes_the_place_of_the_one_to_be_pruned_stays() {
    let machine = Machine::new();
    let token =
        json!({ "host": "dev.azure.com", "refreshToken": refresh_token(&machine.world, ADA) });
    about_to_prune(&machine, &token, |writer| {
        let sign_in = |kept: &mut Option<Session>| {
            let kept = kept.as_mut().expect("the one that goes");
            (kept.id, kept.account, kept.imported) = ("new".to_owned(), GRACE.to_owned(), None);
        };
        writer.update("dev.azure.com", sign_in).expect("written");
    })
    .expect_success();
    assert_eq!(machine.session().account, GRACE);
}

/// Starts a bootstrap without the network and stops it where it wants to write the integrations
/// file; what happens `meanwhile` is done before it can.
fn about_to_write_integrations(
    machine: &Machine,
    document: &Value,
    arguments: &[&str],
    meanwhile: impl FnOnce(),
) -> Done {
    let bootstrap = machine.state_dir().join("bootstrap.lock");
    let file = machine.integrations_file().with_file_name("integrations.json.lock");
    let held = acquire(&bootstrap, Duration::ZERO).expect("free");
    let arguments = [&["bootstrap", "--from", "-", "--offline"], arguments].concat();
    let mut started = machine.start(&arguments, &document.to_string());
    started.stands_at(&bootstrap);
    let writing = acquire(&file, Duration::ZERO).expect("free");
    drop(held);
    started.stands_at(&file);
    meanwhile();
    drop(writing);
    started.finish()
}

/// Turns bearer on for the first integration in the file, as a person would.
fn change_by_hand(machine: &Machine) -> String {
    let mut file = machine.integrations();
    file["integrations"][0]["bearer"] = json!(true);
    let text = file.to_string();
    fs::write(machine.integrations_file(), &text).expect("written");
    text
}

#[test]
fn an_integration_that_a_person_changes_while_it_is_pruned_stays() {
    let machine = Machine::new();
    machine
        .bootstrap_from(&json!({ "integrations": [cloud("dev.azure.com")] }), &[])
        .expect_success();
    let nothing = json!({ "integrations": [] });
    let done = about_to_write_integrations(&machine, &nothing, &["--prune"], || {
        change_by_hand(&machine);
    });
    let left = "dev.azure.com: integration left, for it was changed here since\n";
    assert!(done.clone().expect_success().stdout.starts_with(left), "{done:#?}");
    assert_eq!(machine.integrations()["integrations"][0]["bearer"], true);
}

#[test]
fn an_integration_that_a_person_changes_while_bootstrap_does_keeps_that_change() {
    let machine = Machine::new();
    let mut document = json!({ "integrations": [cloud("dev.azure.com")] });
    machine.bootstrap_from(&document, &[]).expect_success();
    document["integrations"][0]["pat"] = json!(false);
    let mut by_hand = String::new();
    let done = about_to_write_integrations(&machine, &document, &[], || {
        by_hand = change_by_hand(&machine);
    });
    expect_one_line(
        &done,
        5,
        &["the integration for dev.azure.com was changed here meanwhile", "run it again"],
    );
    let now = fs::read_to_string(machine.integrations_file()).expect("there");
    assert_eq!(now, by_hand);
    machine.bootstrap_from(&document, &["--offline"]).expect_success();
    let both = &machine.integrations()["integrations"][0];
    assert_eq!((&both["bearer"], &both["pat"]), (&json!(true), &json!(false)));
}
