//! Integrations of single organizations, as Ona has them: each with its own app, also in different
//! tenants, beside one another and beside the host's.

mod common;

use common::*;
use serde_json::json;
use standins::{ADA, App, CLIENT_ID, CLIENT_SECRET, CONTOSO, FABRIKAM};

const LIN: &str = "lin@fabrikam.example";
const OTHER_APP: &str = "99998888-7777-6666-5555-444433332222";
const NORTHWIND: &str = "protocol=https\nhost=dev.azure.com\npath=northwind/x/_git/x\n";

/// Bytes that only Ona's runner makes anything of.
const SEALED_BY_ONA: &str =
    "j4Kc/9T+gNuVq2xR1nWlzO0Hh8Yd7mPp3sBvXkE5aLQfUZyGw6tIJcMoCrN/+SDeKb1i9uFAx2VT4j8=";

fn issuer(tenant: &str) -> String {
    format!("https://login.microsoftonline.com/{tenant}/oauth2/v2.0")
}

/// Contoso and northwind, which is of another tenant, each with an app of its own tenant.
fn two_tenants() -> Machine {
    let machine = Machine::new();
    machine.world.entra().register_app(App {
        tenant: FABRIKAM.to_owned(),
        client_id: OTHER_APP.to_owned(),
        ..App::default()
    });
    machine.world.entra().add_account(FABRIKAM, LIN, "Lin");
    machine.world.azure().allow("northwind", LIN);
    for (host, tenant, client) in [
        ("dev.azure.com/contoso", CONTOSO, CLIENT_ID),
        ("dev.azure.com/northwind", FABRIKAM, OTHER_APP),
    ] {
        machine
            .integration_add(&[
                "--host",
                host,
                "--issuer-url",
                &issuer(tenant),
                "--client-id",
                client,
                "--client-secret-stdin",
            ])
            .expect_success();
    }
    machine.set_up_git();
    machine
}

#[test]
fn a_second_organization_replaces_nothing() {
    let machine = two_tenants();
    let hosts: Vec<_> = machine.integrations()["integrations"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| (one["host"].clone(), one["oauth"]["clientId"].clone()))
        .collect();
    assert_eq!(
        hosts,
        [
            (json!("dev.azure.com/contoso"), json!(CLIENT_ID)),
            (json!("dev.azure.com/northwind"), json!(OTHER_APP))
        ]
    );
    let list = machine.helper(&["integration", "list"]).expect_success().stdout;
    assert_eq!(list.lines().count(), 2, "{list}");
    let shown = machine.helper(&["integration", "show", "northwind.visualstudio.com", "--json"]);
    assert_eq!(shown.expect_success().json()["oauth"]["clientId"], OTHER_APP);
}

#[test]
fn each_organization_is_served_by_its_own_sign_in_and_no_other() {
    let machine = two_tenants();
    machine.login(&["https://dev.azure.com/contoso"], ADA).expect_success();
    machine.login(&["https://dev.azure.com/northwind"], LIN).expect_success();
    let of =
        |request| machine.get(request).expect_success().attribute("username").map(str::to_owned);
    assert_eq!(of(CONTOSO_REQUEST).as_deref(), Some(ADA));
    assert_eq!(of(NORTHWIND).as_deref(), Some(LIN));
    assert_eq!(of("protocol=https\nhost=northwind.visualstudio.com\n").as_deref(), Some(LIN));
    assert_eq!(
        of("protocol=https\nhost=dev.azure.com\nusername=northwind\n").as_deref(),
        Some(LIN),
        "the address of a portal clone names it"
    );
    each_git(|git| {
        let url = "https://dev.azure.com/contoso/app/_git/app";
        let done = run(machine.command(git.path).args(["ls-remote", url]), b"").expect_success();
        assert_eq!(done.stderr, "");
    });
    // Nobody configured fabrikam, and the message names it.
    let other = machine.get(FABRIKAM_REQUEST).expect_quit(3);
    assert!(other.contains("for host dev.azure.com/fabrikam is not configured"), "{other}");
    assert!(other.contains("--host dev.azure.com/fabrikam "), "{other}");

    let status = machine.helper(&["status", "--json"]).expect_success().json();
    let accounts: Vec<_> = status["hosts"]
        .as_array()
        .expect("hosts")
        .iter()
        .map(|host| (host["host"].clone(), host["sessions"][0]["account"].clone()))
        .collect();
    assert_eq!(
        accounts,
        [
            (json!("dev.azure.com/contoso"), json!(ADA)),
            (json!("dev.azure.com/northwind"), json!(LIN))
        ]
    );
    // One goes, with what was kept for it; the other stays.
    machine.helper(&["integration", "remove", "dev.azure.com/northwind"]).expect_success();
    assert_eq!(of(CONTOSO_REQUEST).as_deref(), Some(ADA));
    machine.get(NORTHWIND).expect_quit(3);
}

#[test]
fn an_organization_s_integration_goes_before_the_host_s() {
    let machine = Machine::signed_in();
    let of_host = machine.get(CONTOSO_REQUEST).expect_success();
    machine.add_pat_integration("dev.azure.com/contoso", &[]);
    assert_eq!(machine.get(CONTOSO_REQUEST).stdout, "", "its own takes tokens only");
    assert_eq!(machine.get(FABRIKAM_REQUEST).password(), of_host.password());
    let pat = machine.new_pat("contoso");
    assert_eq!(machine.get(CONTOSO_REQUEST).password(), pat);
    machine.helper(&["integration", "remove", "dev.azure.com/contoso"]).expect_success();
    assert_eq!(machine.pats("https://dev.azure.com"), []);
    assert_eq!(machine.get(CONTOSO_REQUEST).password(), of_host.password());
}

/// Ona's answers, as its API and its command line print them.
#[test]
fn what_ona_s_api_prints_is_taken_unchanged() {
    let integration = json!({
        "id": "0193", "runnerId": "0194", "scmId": "azuredevops_entra", "host": "dev.azure.com/contoso",
        "pat": true, "virtualDirectory": ""
    });
    let github = json!({"id": "1", "scmId": "github", "host": "github.com", "pat": true});
    let snake = json!({
        "id": "0193", "runner_id": "0194", "scm_id": "azuredevops_entra",
        "host": "dev.azure.com/contoso", "pat": true, "virtual_directory": ""
    });
    for document in [
        json!({"pagination": {"nextToken": ""}, "integrations": [github, integration]}),
        json!({"integrations": [integration, github], "pagination": {}}),
        json!({"integration": integration}),
        json!({"integration": snake}),
        integration.clone(),
        json!([github, integration]),
    ] {
        let machine = Machine::new();
        let text = document.to_string();
        let done = machine.helper_with(&["integration", "import", "-"], &text).expect_success();
        assert_eq!(done.stderr.contains("github.com"), text.contains("github"), "{done:#?}");
        assert_eq!(machine.integrations()["integrations"][0]["host"], "dev.azure.com/contoso");
        let again = machine.helper_with(&["integration", "import", "-"], &text).expect_success();
        assert!(again.stdout.contains("is there already"), "{again:#?}");

        let machine = Machine::new();
        let flags = ["bootstrap", "--offline", "--from", "-"];
        let done = machine.helper_with(&flags, &text).expect_success();
        assert_eq!(done.stderr.contains("github.com"), text.contains("github"), "{done:#?}");
    }
}

#[test]
fn a_secret_sealed_to_ona_s_own_runner_key_is_said_to_be_and_makes_no_public_client() {
    let of = |oauth: serde_json::Value| {
        let mut one = json!({
            "scmId": "azuredevops_entra", "host": "dev.azure.com/contoso", "pat": true
        });
        one.as_object_mut().expect("an object").append(oauth.clone().as_object_mut().expect("one"));
        json!({"integrations": [one], "pagination": {}}).to_string()
    };
    for text in [
        of(json!({"oauth": {
            "clientId": CLIENT_ID, "issuerUrl": issuer(CONTOSO),
            "encryptedClientSecret": SEALED_BY_ONA
        }})),
        of(json!({
            "oauthClientId": CLIENT_ID, "issuerUrl": issuer(CONTOSO),
            "oauthEncryptedClientSecret": SEALED_BY_ONA
        })),
    ] {
        for command in [&["integration", "import", "-"][..], &["bootstrap", "--from", "-"]] {
            let machine = Machine::new();
            let done = machine.helper_with(command, &text).expect_success();
            assert!(done.stderr.contains("sealed to Ona's own runner key"), "{done:#?}");
            let fix = "git-credential-ona-azure integration add --host dev.azure.com/contoso --client-secret-stdin";
            assert!(done.stderr.contains(fix), "{done:#?}");
            let shown = machine.helper(&["integration", "show", "dev.azure.com/contoso", "--json"]);
            assert_eq!(shown.expect_success().json()["oauth"]["publicClient"], false);
            let login = machine.helper(&["login"]);
            assert!(login.stderr.contains("cannot be opened here"), "{login:#?}");
            let doctor = machine.helper(&["doctor", "https://dev.azure.com/contoso"]);
            assert!(doctor.stdout.contains("Ona's own runner key"), "{doctor:#?}");
            // Tokens work meanwhile, and what the hint says helps.
            let pat = machine.new_pat("contoso");
            assert_eq!(machine.get(CONTOSO_REQUEST).password(), pat);
            let add =
                ["integration", "add", "--host", "dev.azure.com/contoso", "--client-secret-stdin"];
            machine.helper_with(&add, CLIENT_SECRET).expect_success();
            // Brought again, it takes nothing away.
            machine.helper_with(command, &text).expect_success();
            machine.login(&["https://dev.azure.com/contoso"], ADA).expect_success();
        }
    }
}

#[test]
fn a_token_without_an_organization_is_the_only_one_s_or_refused_by_name() {
    let given = |hosts: &[&str], token: serde_json::Value| {
        let machine = Machine::new();
        let integrations: Vec<_> = hosts
            .iter()
            .map(|host| json!({"scmId": "azuredevops_entra", "host": host, "pat": true}))
            .collect();
        let text = json!({"integrations": integrations, "tokens": [token]}).to_string();
        let done = machine.helper_with(&["bootstrap", "--offline", "--from", "-"], text);
        (done, machine.pat_secrets("https://dev.azure.com"))
    };
    let token = json!({"host": "dev.azure.com", "token": "secret-pat"});
    let kept = [(Some("contoso".to_owned()), "secret-pat".to_owned())];
    let (done, pats) = given(&["dev.azure.com/contoso"], token.clone());
    assert_eq!((done.code, &pats[..]), (0, &kept[..]), "{done:#?}");
    let (done, pats) = given(&["dev.azure.com/contoso", "dev.azure.com/acme"], token.clone());
    assert_eq!((done.code, pats.len()), (2, 0), "{done:#?}");
    assert!(done.stderr.contains("dev.azure.com/contoso and dev.azure.com/acme"), "{done:#?}");
    let (done, pats) = given(&["dev.azure.com"], token);
    assert_eq!((done.code, pats.len()), (2, 0), "{done:#?}");
    let of_contoso = json!({"host": "dev.azure.com/contoso", "token": "secret-pat"});
    let (done, pats) = given(&["dev.azure.com/acme", "dev.azure.com/contoso"], of_contoso);
    assert_eq!((done.code, &pats[..]), (0, &kept[..]), "{done:#?}");
}

#[test]
fn a_secret_sealed_for_a_runner_elsewhere_is_not_tested_and_ends_well() {
    let elsewhere = Machine::new();
    let key = elsewhere.helper(&["key", "init"]).expect_success().stdout;
    let key = key.split_whitespace().find(|word| word.starts_with("age1")).expect("a key");
    let machine = Machine::new();
    let issuer = issuer(CONTOSO);
    let add = [
        "integration",
        "add",
        "--host",
        "dev.azure.com",
        "--issuer-url",
        &issuer,
        "--client-id",
        CLIENT_ID,
        "--client-secret-stdin",
        "--recipient",
        key,
    ];
    let done = machine.helper_with(&add, CLIENT_SECRET).expect_success();
    assert!(done.stdout.contains("Not tested here: only the holder of "), "{done:#?}");
    let next = "next: git-credential-ona-azure integration test dev.azure.com\n";
    assert_eq!(done.stderr, next, "{done:#?}");
}

#[test]
fn the_test_looks_at_the_organization_or_repository_it_is_given() {
    let machine = Machine::new();
    machine.add_integration(&[]);
    for url in [
        "https://dev.azure.com/contoso",
        "https://dev.azure.com/contoso/app/_git/app",
        "dev.azure.com/contoso",
    ] {
        let done = machine.helper(&["integration", "test", url]).expect_success();
        assert!(done.stdout.contains("dev.azure.com/contoso exists"), "{url} {done:#?}");
    }
    let done = machine.helper(&["integration", "test", "https://dev.azure.com/nosuchorganization"]);
    assert_eq!(done.code, 1, "{done:#?}");
    let machine = two_tenants();
    let done = machine.helper(&["integration", "test", "https://dev.azure.com/fabrikam"]);
    assert_eq!(done.code, 3, "{done:#?}");
    assert!(done.stderr.contains("dev.azure.com/fabrikam is not configured"), "{done:#?}");
}

#[test]
fn a_host_that_is_somebody_else_s_is_no_server() {
    let machine = Machine::new();
    for host in [
        "github.com",
        "GitHub.com.",
        "github.com:8443",
        "gitlab.com",
        "bitbucket.org",
        "ssh.dev.azure.com",
    ] {
        let done = machine.helper(&["integration", "add", "--host", host, "--pat", "--no-test"]);
        assert_eq!(done.code, 2, "{host} {done:#?}");
        let text = json!({"integrations": [{"host": host, "pat": true}]}).to_string();
        for command in
            [&["integration", "import", "-"][..], &["bootstrap", "--offline", "--from", "-"]]
        {
            let done = machine.helper_with(command, &text);
            assert_eq!(done.code, 2, "{host} {done:#?}");
        }
    }
    assert!(!machine.integrations_file().exists());
}
