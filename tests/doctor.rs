//! `doctor`: what is wrong is found, with the step of the set-up and what to do about it.

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use common::*;
use serde_json::{Value, json};
use standins::{
    App, CLIENT_ID, CLIENT_SECRET, CONTOSO, FABRIKAM, Fault, MSA_TENANT, Pat, Target, Times,
};

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

/// What is expected of a planted fault: the check, the step (0 for none), and words.
#[track_caller]
fn expect(machine: &Machine, arguments: &[&str], check: &str, step: u64, words: &[&str]) {
    let (done, document) = doctor(machine, arguments);
    assert_eq!(done.code, 1, "{done:#?}");
    assert_eq!(document["check"], check, "{}", done.stdout);
    assert_eq!(document["step"]["number"].as_u64().unwrap_or_default(), step, "{}", done.stdout);
    let conclusion = document["conclusion"].as_str().expect("text");
    for word in words {
        assert!(conclusion.contains(word), "{word:?} is not in {conclusion}");
    }
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
    if gits().last().is_none_or(|git| git.version < (2, 46)) {
        return skipped("git 2.46");
    }
    let (machine, _) = server();
    let (done, _) =
        doctor(&machine, &["https://tfs.corp.example/tfs/DefaultCollection/app/_git/app"]);
    // The git that is first on the PATH may be an older one.
    assert!(done.code == 0 || done.stdout.contains("http.proactiveAuth"), "{}", done.stdout);
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
    expect(
        &machine,
        &[REPOSITORY],
        "issuer",
        0,
        &["the proxy for login.microsoftonline.com cannot be reached"],
    );
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
    // Twice the ten seconds aimed at: the machine is busy with other tests.
    assert!(started.elapsed().as_secs() < 20, "it took {:?}", started.elapsed());
    assert_eq!((&done.json()["check"], done.code), (&json!("issuer"), 1), "{done:#?}");
    let conclusion = done.json()["conclusion"].as_str().expect("text").to_owned();
    assert!(
        conclusion.contains("login.microsoftonline.com did not answer in time"),
        "{conclusion}"
    );
}

/// A machine whose integration names that tenant, client and secret.
fn with_app(tenant: &str, client: &str, secret: &str) -> Machine {
    let machine = Machine::new();
    let issuer = format!("https://login.microsoftonline.com/{tenant}/oauth2/v2.0");
    let arguments = [
        "integration",
        "add",
        "--no-test",
        "--host",
        "dev.azure.com",
        "--issuer-url",
        &issuer,
        "--client-id",
        client,
        "--client-secret-stdin",
    ];
    machine.helper_with(&arguments, secret).expect_success();
    machine.set_up_git();
    machine
}

#[test]
fn faults_of_the_set_up() {
    // Fault, check, step, words.
    let wrong_tenant = with_app("12345678-0000-0000-0000-000000000000", CLIENT_ID, CLIENT_SECRET);
    expect(
        &wrong_tenant,
        &[REPOSITORY],
        "issuer",
        1,
        &["there is no such tenant", "Overview → Directory (tenant) ID"],
    );
    let unknown_client = with_app(CONTOSO, "99999999-0000-0000-0000-000000000000", CLIENT_SECRET);
    expect(
        &unknown_client,
        &[REPOSITORY],
        "client",
        1,
        &["no app with this client ID", "Application (client) ID"],
    );
    let id_for_value = with_app(CONTOSO, CLIENT_ID, "5c1d4a6e-0b1f-4b8e-9d3e-0123456789ab");
    expect(
        &id_for_value,
        &[REPOSITORY],
        "client",
        3,
        &["the secret's ID was pasted instead of its Value", "copy the Value column"],
    );
    let machine = Machine::loaded();
    let expired = App { secrets: vec![(CLIENT_SECRET.to_owned(), true)], ..App::default() };
    machine.world.entra().register_app(expired);
    expect(
        &machine,
        &[REPOSITORY],
        "client",
        3,
        &["the client secret has run out", "New client secret"],
    );
    let machine = Machine::loaded();
    machine.world.entra().register_app(App { disabled: true, ..App::default() });
    expect(
        &machine,
        &[REPOSITORY],
        "client",
        1,
        &["the app is disabled", "Enabled for users to sign-in"],
    );
    let nobody = with_app(CONTOSO, CLIENT_ID, CLIENT_SECRET);
    expect(
        &nobody,
        &[REPOSITORY],
        "account",
        6,
        &["nobody is signed in", "login https://dev.azure.com/contoso"],
    );
    let nothing = Machine::new();
    expect(
        &nothing,
        &[REPOSITORY],
        "integration.file",
        0,
        &["no integration is configured", "integration add"],
    );
    let machine = Machine::signed_in();
    machine.world.azure().set_tenant("contoso", FABRIKAM);
    expect(&machine, &[REPOSITORY], "organization", 5, &["belongs to the tenant", FABRIKAM]);
    let machine = Machine::signed_in();
    machine.world.azure().set_tenant("contoso", MSA_TENANT);
    expect(&machine, &[REPOSITORY], "organization", 5, &["personal Microsoft accounts", "--pat"]);
    expect(
        &Machine::signed_in(),
        &["https://dev.azure.com/nowhere/app/_git/app"],
        "organization",
        5,
        &["there is no organization"],
    );
}

#[test]
fn faults_of_the_session() {
    let machine = Machine::signed_in();
    machine.world.azure().deny("contoso", standins::ADA);
    expect(
        &machine,
        &[REPOSITORY],
        "repository.read",
        5,
        &["no member of the organization", "Users → Add users"],
    );
    let machine = Machine::configured();
    machine.world.entra().grant_only(&["vso.code"]);
    machine.sign_in();
    expect(
        &machine,
        &[REPOSITORY],
        "account",
        4,
        &["vso.code_write is not granted", "API permissions"],
    );
    let machine = Machine::signed_in();
    machine.world.entra().revoke_refresh_tokens(standins::Dead::Inactivity);
    expect(
        &machine,
        &[REPOSITORY, "--refresh"],
        "refresh",
        6,
        &["was not used for too long", "git-credential-ona-azure login"],
    );
    // Once the service has said that it is dead, it is not tried again.
    for (dead, why) in [
        (standins::Dead::SignInFrequency, "AADSTS70043"),
        (standins::Dead::Password, "AADSTS50173"),
    ] {
        let machine = Machine::signed_in();
        machine.world.entra().revoke_refresh_tokens(dead);
        let done = machine.helper(&["doctor", "--json", REPOSITORY, "--refresh"]);
        assert_eq!((&done.json()["check"], done.code), (&json!("refresh"), 1), "{done:#?}");
        expect(
            &machine,
            &[REPOSITORY, "--refresh"],
            "account",
            6,
            &["is over", why, "git-credential-ona-azure login"],
        );
    }
    let machine = Machine::signed_in();
    machine.world.entra().revoke_access_tokens();
    expect(&machine, &[REPOSITORY], "repository.read", 5, &["does not accept the access token"]);
    expect(
        &Machine::signed_in(),
        &["https://dev.azure.com/contoso/app/_git/nothing"],
        "repository.read",
        0,
        &["there is no such repository", "TF401019"],
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

#[test]
fn faults_of_personal_access_tokens() {
    let with = |pat: Pat| {
        let machine = Machine::tokens_only();
        let pat = machine.world.azure().add_pat("contoso", pat);
        machine.give_pat("https://dev.azure.com/contoso", &pat, &[]);
        machine
    };
    expect(
        &with(Pat::past_expiry()),
        &[REPOSITORY],
        "pat",
        6,
        &["has run out", "https://dev.azure.com/contoso/_usersSettings/tokens"],
    );
    expect(&with(Pat::without_code()), &[REPOSITORY], "pat", 6, &["not for source code"]);
    expect(
        &with(Pat::read_only()),
        &[REPOSITORY],
        "repository.write",
        4,
        &["the right to push is missing", "Code (Read & write)"],
    );
    let machine = Machine::tokens_only();
    expect(
        &machine,
        &[REPOSITORY],
        "pat",
        6,
        &["no personal access token is kept", "login https://dev.azure.com/contoso --pat"],
    );
    let other = machine.world.azure().add_pat("fabrikam", Pat::read_write());
    machine.give_pat("https://dev.azure.com/contoso", &other, &[]);
    expect(
        &machine,
        &[REPOSITORY],
        "pat",
        6,
        &["does not accept", "made for another organization"],
    );
}

#[test]
fn faults_of_gits_configuration() {
    let config = |lines: &[&[&str]]| {
        let machine = Machine::loaded();
        for line in lines {
            machine.git(&[&["config", "--global"], *line].concat()).expect_success();
        }
        machine
    };
    let add = "--add";
    let helper = "credential.https://dev.azure.com.helper";
    expect(
        &config(&[&[add, helper, "store"]]),
        &[REPOSITORY],
        "git.others",
        0,
        &["another helper follows", ".gitconfig:", "store"],
    );
    let first =
        config(&[&["--unset-all", helper], &[add, helper, "cache"], &[add, helper, PROGRAM]]);
    expect(
        &first,
        &[REPOSITORY],
        "git.others",
        0,
        &["another helper answers before", "cache", ".gitconfig:"],
    );
    expect(
        &config(&[&["--unset-all", helper]]),
        &[REPOSITORY],
        "git.helper",
        0,
        &["git does not ask this program", "setup-git"],
    );
    expect(
        &config(&[&[add, helper, ""]]),
        &[REPOSITORY],
        "git.helper",
        0,
        &["an empty credential.helper", "setup-git --replace"],
    );
    expect(
        &config(&[&["--unset-all", helper], &[add, helper, "/nowhere/git-credential-ona-azure"]]),
        &[REPOSITORY],
        "git.helper",
        0,
        &["/nowhere/git-credential-ona-azure, which is not there"],
    );
    expect(
        &config(&[&["--unset-all", "credential.https://dev.azure.com.useHttpPath"]]),
        &[REPOSITORY],
        "git.path",
        0,
        &["useHttpPath is not set", "setup-git"],
    );
    let header = config(&[&[
        "http.https://dev.azure.com/.extraHeader",
        "Authorization: Basic aHVudGVyMg==",
    ]]);
    expect(&header, &[REPOSITORY], "git.header", 0, &["http.extraHeader", "no helper is asked"]);
    let (done, _) = doctor(&header, &[REPOSITORY]);
    assert!(!done.stdout.contains("aHVudGVyMg"), "{}", done.stdout);
    expect(
        &config(&[&["url.https://mirror.example/.insteadOf", "https://dev.azure.com/"]]),
        &[REPOSITORY],
        "git.rewrite",
        0,
        &["sends git to mirror.example"],
    );
    let secret =
        config(&[&["url.https://x:hunter2@dev.azure.com/.insteadOf", "https://dev.azure.com/"]]);
    expect(&secret, &[REPOSITORY], "git.rewrite", 0, &["password or token into the address"]);
    assert!(!doctor(&secret, &[REPOSITORY]).0.stdout.contains("hunter2"));
    expect(
        &Machine::loaded(),
        &["https://x:hunter2@dev.azure.com/contoso/app/_git/app"],
        "git.address",
        0,
        &["password or token"],
    );
}

#[test]
fn faults_of_files_and_keys() {
    let machine = Machine::loaded();
    machine.write_integrations("{");
    expect(&machine, &[REPOSITORY], "integration.file", 0, &["integrations.json", "is not JSON"]);
    let machine = Machine::loaded();
    let entry =
        machine.state().into_keys().find(|path| path.to_string_lossy().ends_with(".sealed"));
    fs::write(entry.expect("an entry"), "damaged").expect("written");
    expect(&machine, &[REPOSITORY], "vault", 0, &["is damaged"]);
    let machine = Machine::loaded();
    let key = machine.state_dir().join("runner.key");
    fs::write(&key, "no key").expect("written");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).expect("set");
    expect(&machine, &[REPOSITORY], "key", 0, &["holds no age X25519 identity"]);
    let mut machine = Machine::loaded();
    machine.set("ONA_AZURE_KEY_FILE", "/nowhere/key");
    expect(&machine, &[REPOSITORY], "key", 0, &["ONA_AZURE_KEY_FILE names /nowhere/key"]);
}

#[test]
fn faults_of_the_services() {
    let machine = Machine::loaded();
    machine.world.fail(Target::Discovery, Fault::Html(503), Times::Always);
    expect(&machine, &[REPOSITORY], "issuer", 0, &["HTTP status 503"]);
    let machine = Machine::loaded();
    machine.world.fail(Target::Azure, Fault::Throttle { retry_after: Some(5) }, Times::Always);
    expect(&machine, &[REPOSITORY], "organization", 0, &["too many requests", "wait some minutes"]);
    let mut machine = Machine::loaded();
    machine.set("GIT_SSL_CAINFO", "/nowhere.pem");
    expect(&machine, &[REPOSITORY], "issuer", 0, &["the CA bundle /nowhere.pem cannot be read"]);
    let machine = Machine::loaded();
    let late = Fault::Raw {
        status: 401,
        headers: vec![("Date".to_owned(), "Tue, 01 Jan 2019 00:00:00 GMT".to_owned())],
        body: Vec::new(),
    };
    machine.world.fail(Target::Azure, late, Times::Always);
    let (done, document) = doctor(&machine, &[REPOSITORY]);
    let clock = outcomes(&document).into_iter().find(|(id, _)| id == "clock");
    assert_eq!(clock, Some(("clock".to_owned(), "failed".to_owned())), "{}", done.stdout);
}

#[test]
fn faults_of_a_server() {
    let url = "https://tfs.corp.example/tfs/DefaultCollection/app/_git/app";
    let find = |machine: &Machine, id: &str| {
        let (_, document) = doctor(machine, &[url]);
        let checks = document["targets"][1]["checks"].as_array().expect("checks").clone();
        checks.into_iter().find(|check| check["id"] == id).expect("the check")
    };
    let (machine, _) = server();
    machine.git(&[
        "config",
        "--global",
        "--unset-all",
        "http.https://tfs.corp.example.proactiveAuth",
    ]);
    assert_eq!(find(&machine, "git.proactive")["outcome"], "failed");
    let (machine, _) = server();
    let key = "credential.https://tfs.corp.example.useHttpPath";
    machine.git(&["config", "--global", "--unset-all", key]).expect_success();
    assert_eq!(find(&machine, "git.path")["outcome"], "failed");
    let (machine, _) = server();
    machine.world.server().set_virtual_directory("other");
    assert_eq!(find(&machine, "pat")["outcome"], "failed");
    let (machine, pat) = server();
    machine.world.server().revoke_pat(&pat);
    let check = find(&machine, "pat");
    assert_eq!((&check["outcome"], &check["step"]["number"]), (&json!("failed"), &json!(6)));
}
