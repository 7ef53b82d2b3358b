//! *Save & Test*: what `integration add` and `integration test` find out about an integration
//! without a person, and how they say what is wrong and at which step of the set-up.

mod common;

use common::*;
use serde_json::{Value, json};
use standins::{App, CLIENT_ID, CLIENT_SECRET, CONTOSO, FABRIKAM, Fault, Target, Times};

const TENANT_OK: &str = "ok: step 1 (app registration): the issuer answers as \
                         https://login.microsoftonline.com/aaaabbbb-0000-cccc-1111-dddd2222eeee/v2.0\n";

fn issuer_of(tenant: &str) -> String {
    format!("https://login.microsoftonline.com/{tenant}/oauth2/v2.0")
}

/// Adds the stand-ins' integration with some flags instead of its own, and does not test it.
fn configured(host: &str, tenant: &str, client_id: &str, secret: &str) -> Machine {
    let machine = Machine::new();
    let issuer = issuer_of(tenant);
    let arguments = [
        "integration",
        "add",
        "--no-test",
        "--host",
        host,
        "--issuer-url",
        &issuer,
        "--client-id",
        client_id,
        "--client-secret-stdin",
    ];
    machine.helper_with(&arguments, secret).expect_success();
    machine
}

fn usual() -> Machine {
    configured("dev.azure.com", CONTOSO, CLIENT_ID, CLIENT_SECRET)
}

/// Makes the kept secret one that was set an hour ago.
fn age_secret(machine: &Machine) {
    let mut root = machine.integrations();
    let at = &mut root["integrations"][0]["oauth"]["clientSecretSetAt"];
    *at = json!(at.as_u64().expect("a time") - 3600);
    machine.write_integrations(&root.to_string());
}

#[track_caller]
fn expect_test(machine: &Machine, code: i32, stdout: &str, stderr: &str) {
    machine.helper(&["integration", "test"]).without_correlation_ids().expect(code, stdout, stderr);
}

#[test]
fn add_ends_with_the_test_discovery_first_then_the_client_itself() {
    let machine = Machine::new();
    let issuer = issuer_of(CONTOSO);
    let done = machine
        .helper_with(
            &[
                "integration",
                "add",
                "--host",
                "dev.azure.com",
                "--issuer-url",
                &issuer,
                "--client-id",
                CLIENT_ID,
                "--client-secret-stdin",
            ],
            CLIENT_SECRET,
        )
        .expect_success();
    assert!(
        done.stdout.ends_with(&format!(
            "{TENANT_OK}\
             ok: step 1 (app registration): the client ID is known in the tenant\n\
             ok: step 3 (client secret): the client secret is accepted\n\
             The integration for dev.azure.com works.\n"
        )),
        "{done:#?}"
    );
    assert_eq!(done.stderr, "");
    let asked: Vec<_> = machine
        .world
        .requests()
        .into_iter()
        .map(|seen| (seen.method, seen.path, seen.grant))
        .collect();
    assert_eq!(
        asked,
        [
            ("GET".to_owned(), format!("/{CONTOSO}/v2.0/.well-known/openid-configuration"), None),
            (
                "POST".to_owned(),
                format!("/{CONTOSO}/oauth2/v2.0/token"),
                Some("client_credentials".to_owned())
            ),
        ]
    );
    assert_eq!(machine.world.entra().token_requests("client_credentials"), 1);
    let form = machine.world.entra().last_token_form();
    let field = |name: &str| form.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str());
    assert_eq!(field("scope"), Some("499b84ac-1321-427f-aa17-267ca6975798/.default"));
    assert_eq!(field("client_secret"), Some(CLIENT_SECRET));
}

#[test]
fn the_tests_own_token_is_not_kept() {
    let machine = usual();
    let before = machine.state();
    machine.helper(&["integration", "test"]).expect_success();
    assert_eq!(machine.state(), before);
}

#[test]
fn json_says_the_same_in_one_document() {
    let machine = usual();
    let done = machine.helper(&["integration", "test", "--json"]).expect_success();
    assert_eq!(
        done.json(),
        json!({
            "version": 1,
            "host": "dev.azure.com",
            "ok": true,
            "passed": [
                format!("step 1 (app registration): the issuer answers as https://login.microsoftonline.com/{CONTOSO}/v2.0"),
                "step 1 (app registration): the client ID is known in the tenant",
                "step 3 (client secret): the client secret is accepted",
            ],
            "error": null,
            "hint": null,
        })
    );
    machine.world.entra().remove_app(CLIENT_ID);
    let done = machine.helper(&["integration", "test", "dev.azure.com", "--json"]);
    assert_eq!(done.code, 1);
    let document = done.json();
    assert_eq!((&document["version"], &document["ok"]), (&json!(1), &json!(false)));
    let error = document["error"].as_str().expect("text");
    let hint = document["hint"].as_str().expect("text");
    assert_eq!(done.stderr, format!("error: {error}\nhint: {hint}\n"));
}

#[test]
fn a_failed_test_keeps_what_was_added() {
    let machine = Machine::new();
    let issuer = issuer_of(CONTOSO);
    let done = machine
        .helper_with(
            &[
                "integration",
                "add",
                "--host",
                "dev.azure.com",
                "--issuer-url",
                &issuer,
                "--client-id",
                "99999999-0000-0000-0000-000000000000",
                "--client-secret-stdin",
                "--pat",
            ],
            CLIENT_SECRET,
        )
        .without_correlation_ids();
    assert_eq!(done.code, 1);
    assert!(done.stdout.starts_with("The integration for dev.azure.com is saved in "), "{done:#?}");
    assert!(done.stdout.ends_with(TENANT_OK), "{done:#?}");
    assert_eq!(
        done.stderr,
        "error: saved, not working yet: there is no app with this client ID in the tenant (AADSTS700016)\n\
         hint: step 1 (app registration): compare client ID and tenant with Overview → Application \
         (client) ID and Directory (tenant) ID\n"
    );
    assert_eq!(machine.integrations()["integrations"][0]["pat"], Value::Bool(true));
    // Also where the service is down, which is not for a script to wait on.
    machine.world.fail(Target::Discovery, Fault::Html(503), Times::Always);
    let done = machine.helper(&["integration", "add", "--host", "dev.azure.com", "--no-pat"]);
    assert_eq!(done.code, 1, "{done:#?}");
    assert_eq!(
        done.stderr,
        "error: saved, not working yet: login.microsoftonline.com answered with HTTP status 503\n\
         hint: try again in a minute\n"
    );
    assert_eq!(machine.integrations()["integrations"][0]["pat"], Value::Bool(false));
}

#[test]
fn no_test_asks_nobody() {
    let machine = usual();
    assert_eq!(machine.world.requests(), []);
}

#[test]
fn a_tenant_that_does_not_exist() {
    expect_test(
        &configured("dev.azure.com", "12345678-0000-0000-0000-000000000000", CLIENT_ID, "s"),
        1,
        "",
        "error: there is no such tenant in this cloud (AADSTS90002)\n\
         hint: step 1 (app registration): compare the tenant with Overview → Directory (tenant) ID, \
         letter by letter\n",
    );
}

#[test]
fn a_login_host_that_cannot_be_reached() {
    // The proxy plays the global cloud only.
    let machine = Machine::new();
    let issuer = format!("https://login.microsoftonline.us/{CONTOSO}/v2.0");
    machine
        .integration_add(&[
            "--host",
            "dev.azure.com",
            "--issuer-url",
            &issuer,
            "--client-id",
            CLIENT_ID,
            "--client-secret-stdin",
        ])
        .expect_success();
    expect_test(
        &machine,
        5,
        "",
        "error: the proxy refuses to connect to login.microsoftonline.us\n\
         hint: check HTTPS_PROXY and: git config --global --get-urlmatch http.proxy \
         https://login.microsoftonline.us\n",
    );
}

#[test]
fn a_client_id_the_tenant_does_not_know() {
    expect_test(
        &configured(
            "dev.azure.com",
            CONTOSO,
            "99999999-0000-0000-0000-000000000000",
            CLIENT_SECRET,
        ),
        1,
        TENANT_OK,
        "error: there is no app with this client ID in the tenant (AADSTS700016)\n\
         hint: step 1 (app registration): compare client ID and tenant with Overview → Application \
         (client) ID and Directory (tenant) ID\n",
    );
    // The app is in the other tenant.
    expect_test(
        &configured("dev.azure.com", FABRIKAM, CLIENT_ID, CLIENT_SECRET),
        1,
        &TENANT_OK.replace(CONTOSO, FABRIKAM),
        "error: there is no app with this client ID in the tenant (AADSTS700016)\n\
         hint: step 1 (app registration): compare client ID and tenant with Overview → Application \
         (client) ID and Directory (tenant) ID\n",
    );
}

#[test]
fn a_secrets_id_in_place_of_its_value() {
    let machine =
        configured("dev.azure.com", CONTOSO, CLIENT_ID, "5c1d4a6e-0b1f-4b8e-9d3e-0123456789ab");
    const WRONG: &str = "the client secret is wrong; often the secret's ID was pasted instead of its Value (AADSTS7000215)";
    const HINT: &str = "hint: step 3 (client secret): Certificates & secrets → New client secret, copy the \
                        Value column, then run integration add with --client-secret-stdin\n";
    // A secret that was given just now may be right and not known everywhere yet.
    expect_test(
        &machine,
        1,
        TENANT_OK,
        &format!(
            "error: {WRONG}; a secret made just now may take some seconds to be known everywhere, so test \
             once more first\n{HINT}"
        ),
    );
    // Later that is no excuse any more.
    age_secret(&machine);
    expect_test(&machine, 1, TENANT_OK, &format!("error: {WRONG}\n{HINT}"));
}

#[test]
fn a_secret_that_has_run_out_is_not_blamed_on_its_youth() {
    let machine = usual();
    machine
        .world
        .entra()
        .register_app(App { secrets: vec![(CLIENT_SECRET.to_owned(), true)], ..App::default() });
    expect_test(
        &machine,
        1,
        TENANT_OK,
        "error: the client secret has run out (AADSTS7000222)\n\
         hint: step 3 (client secret): Certificates & secrets → New client secret, copy the Value \
         column, then run integration add with --client-secret-stdin\n",
    );
}

#[test]
fn an_app_that_is_disabled() {
    let machine = usual();
    machine.world.entra().register_app(App { disabled: true, ..App::default() });
    expect_test(
        &machine,
        1,
        TENANT_OK,
        "error: the app is disabled in this tenant (AADSTS7000112)\n\
         hint: step 1 (app registration): Enterprise applications → the app → Properties: Enabled for \
         users to sign-in\n",
    );
}

#[test]
fn an_issuer_of_no_tenant_in_particular() {
    let answers = "ok: step 1 (app registration): the issuer answers as \
                   https://login.microsoftonline.com/{tenantid}/v2.0\n";
    let machine = configured("dev.azure.com", "common", CLIENT_ID, CLIENT_SECRET);
    expect_test(
        &machine,
        1,
        answers,
        "error: the Issuer URL names no tenant of its own, so the client cannot be tested\n\
         hint: step 1 (app registration): write the tenant's ID in it (Overview → Directory \
         (tenant) ID), or organizations if the app is of several tenants\n",
    );
    assert_eq!(machine.world.entra().token_requests("client_credentials"), 0);
    // An app of several tenants has none to be tested at.
    let machine = configured("dev.azure.com", "organizations", CLIENT_ID, CLIENT_SECRET);
    let done = machine.helper(&["integration", "test"]).expect_success();
    let step = "ok: step 3 (client secret): the Issuer URL leaves the tenant open, so client ID and \
                secret show at the first sign-in\n";
    assert!(done.stdout.starts_with(&format!("{answers}{step}")), "{done:#?}");
    assert_eq!(machine.world.entra().token_requests("client_credentials"), 0);
}

#[test]
fn a_public_client_shows_at_the_first_sign_in_so_only_the_issuer_is_asked() {
    let machine = Machine::new();
    let done = machine
        .helper(&[
            "integration",
            "add",
            "--host",
            "dev.azure.com",
            "--issuer-url",
            "contoso.com",
            "--client-id",
            CLIENT_ID,
            "--public-client",
        ])
        .expect_success();
    assert!(
        done.stdout.ends_with(&format!(
            "{TENANT_OK}ok: step 3 (client secret): a public client has no secret; its client ID shows \
             at the first sign-in\nThe integration for dev.azure.com works.\n"
        )),
        "{done:#?}"
    );
    assert!(machine.world.entra().token_request_counts().is_empty());
}

#[test]
fn with_tokens_only_the_organization_is_reached() {
    for (host, code, stdout, stderr) in [
        (
            "dev.azure.com/contoso",
            0,
            "ok: step 5 (Azure DevOps and tenant): dev.azure.com/contoso exists\n\
             dev.azure.com/contoso answers. Give it a token next: git-credential-ona-azure login \
             https://dev.azure.com/contoso --pat\n",
            "",
        ),
        (
            "contoso.visualstudio.com",
            0,
            "ok: step 5 (Azure DevOps and tenant): dev.azure.com/contoso exists\n\
             dev.azure.com/contoso answers. Give it a token next: git-credential-ona-azure login \
             https://dev.azure.com/contoso --pat\n",
            "",
        ),
        // Tokens work in an organization of personal accounts as in any other.
        (
            "dev.azure.com/msaorg",
            0,
            "ok: step 5 (Azure DevOps and tenant): dev.azure.com/msaorg exists\n\
             dev.azure.com/msaorg answers. Give it a token next: git-credential-ona-azure login \
             https://dev.azure.com/msaorg --pat\n",
            "",
        ),
        (
            "dev.azure.com/contosso",
            1,
            "",
            "error: there is no organization dev.azure.com/contosso\n\
             hint: step 5 (Azure DevOps and tenant): check the organization's name in its address\n",
        ),
        (
            "dev.azure.com",
            0,
            "ok: step 5 (Azure DevOps and tenant): dev.azure.com answers\n\
             dev.azure.com answers. Give it a token next: git-credential-ona-azure login \
             https://dev.azure.com/<organization> --pat\n",
            "",
        ),
    ] {
        let machine = Machine::new();
        machine.add_pat_integration(host, &[]);
        expect_test(&machine, code, stdout, stderr);
        assert_eq!(machine.world.connections("login.microsoftonline.com"), 0);
    }
}

#[test]
fn with_tokens_only_the_server_is_reached_in_its_virtual_directory() {
    let machine = Machine::new();
    machine.add_pat_integration("tfs.corp.example", &["--virtual-directory", "/tfs"]);
    let done = machine.helper(&["integration", "test", "tfs.corp.example"]);
    done.expect(
        0,
        "ok: step 5 (Azure DevOps and tenant): tfs.corp.example answers\n\
         tfs.corp.example answers. Give it a token next: git-credential-ona-azure login \
         https://tfs.corp.example/tfs --pat\n",
        "",
    );
    // A Server asks who it is before it says that there is nothing; some say so at once.
    let missing = Fault::Raw { status: 404, headers: vec![], body: vec![] };
    machine.world.fail(Target::Server, missing, Times::Once);
    machine.helper(&["integration", "test", "tfs.corp.example"]).expect(
        1,
        "",
        "error: tfs.corp.example has no Azure DevOps Server at /tfs\n\
         hint: step 5 (Azure DevOps and tenant): name the part of its address between host and \
         collection (/ if there is none): git-credential-ona-azure integration add --host \
         tfs.corp.example --virtual-directory <path>\n",
    );
    machine.add_pat_integration("tfs.elsewhere.example", &[]);
    machine.helper(&["integration", "test", "tfs.elsewhere.example"]).expect(
        5,
        "",
        "error: the proxy refuses to connect to tfs.elsewhere.example\n\
         hint: step 5 (Azure DevOps and tenant): check HTTPS_PROXY and: git config --global \
         --get-urlmatch http.proxy https://tfs.elsewhere.example\n",
    );
}

#[test]
fn an_organization_of_the_tenant_passes() {
    expect_test(
        &configured("dev.azure.com/contoso", CONTOSO, CLIENT_ID, CLIENT_SECRET),
        0,
        &format!(
            "{TENANT_OK}\
             ok: step 1 (app registration): the client ID is known in the tenant\n\
             ok: step 3 (client secret): the client secret is accepted\n\
             ok: step 5 (Azure DevOps and tenant): dev.azure.com/contoso exists and belongs to the tenant\n\
             The integration for dev.azure.com/contoso works.\n"
        ),
        "",
    );
}

#[test]
fn an_organization_that_does_not_say_its_tenant_is_not_said_to_belong_to_it() {
    let machine = configured("dev.azure.com/contoso", CONTOSO, CLIENT_ID, CLIENT_SECRET);
    for headers in [vec![], vec![("X-VSS-ResourceTenant".to_owned(), " ".to_owned())]] {
        let silent = Fault::Raw { status: 401, headers, body: vec![] };
        machine.world.fail(Target::Azure, silent, Times::Once);
        expect_test(
            &machine,
            0,
            &format!(
                "{TENANT_OK}\
                 ok: step 1 (app registration): the client ID is known in the tenant\n\
                 ok: step 3 (client secret): the client secret is accepted\n\
                 ok: step 5 (Azure DevOps and tenant): dev.azure.com/contoso exists; it does not say \
                 its tenant\n\
                 The integration for dev.azure.com/contoso works.\n"
            ),
            "",
        );
    }
}

#[test]
fn an_organization_of_another_tenant_is_told_with_both_tenants() {
    let done = configured("dev.azure.com/northwind", CONTOSO, CLIENT_ID, CLIENT_SECRET)
        .helper(&["integration", "test"]);
    assert_eq!(done.code, 1);
    assert_eq!(
        done.stderr,
        format!(
            "error: dev.azure.com/northwind belongs to the tenant {FABRIKAM}, and the Issuer URL names {CONTOSO}\n\
             hint: step 5 (Azure DevOps and tenant): check that northwind is the organization meant; if it \
             is, name its tenant, where the app has to be known (or organizations, for an app of several \
             tenants): git-credential-ona-azure integration add \
             --host dev.azure.com --issuer-url https://login.microsoftonline.com/{FABRIKAM}/oauth2/v2.0\n"
        )
    );
}

#[test]
fn an_organization_of_personal_accounts_takes_no_oauth() {
    let machine = configured("dev.azure.com/msaorg", CONTOSO, CLIENT_ID, CLIENT_SECRET);
    let expected = |instead: &str| {
        format!(
            "error: dev.azure.com/msaorg belongs to personal Microsoft accounts, not to a tenant, so no \
             sign-in with Entra ID opens it\n\
             hint: step 5 (Azure DevOps and tenant): connect the organization to your tenant \
             (Organization settings → Microsoft Entra), or {instead}\n"
        )
    };
    let on = "git-credential-ona-azure integration add --host dev.azure.com --pat";
    let done = machine.helper(&["integration", "test"]);
    assert_eq!(done.code, 1);
    assert_eq!(
        done.stderr,
        expected(&format!("let an administrator turn on personal access tokens: {on}"))
    );
    // What the hint says is what helps.
    let command: Vec<&str> = on.split(' ').skip(1).chain(["--no-test"]).collect();
    machine.helper(&command).expect_success();
    let done = machine.helper(&["integration", "test"]);
    assert_eq!(done.code, 1);
    let login = "git-credential-ona-azure login https://dev.azure.com/msaorg --pat";
    assert_eq!(done.stderr, expected(&format!("use a personal access token: {login}")));
}

#[test]
fn a_public_client_of_every_tenant_names_the_one_of_the_organization() {
    let add = |host: &str| {
        let machine = Machine::new();
        let issuer = issuer_of("organizations");
        let arguments = [
            "integration",
            "add",
            "--host",
            host,
            "--issuer-url",
            &issuer,
            "--client-id",
            CLIENT_ID,
        ];
        let arguments = [&arguments[..], &["--public-client"]].concat();
        machine.helper(&arguments)
    };
    let done = add("dev.azure.com/northwind").expect_success();
    let step = "ok: step 5 (Azure DevOps and tenant): dev.azure.com/northwind exists and belongs to the tenant";
    assert!(done.stdout.contains(&format!("{step} {FABRIKAM}\n")), "{done:#?}");
    // Nor is there one for personal accounts.
    let done = add("dev.azure.com/msaorg");
    assert_eq!(done.code, 1, "{done:#?}");
    assert!(done.stderr.contains("belongs to personal Microsoft accounts"), "{done:#?}");
}

#[test]
fn an_organization_that_contradicts_itself_is_not_believed() {
    let machine = configured("dev.azure.com/contoso", CONTOSO, CLIENT_ID, CLIENT_SECRET);
    let bearer =
        |uri: &str| ("WWW-Authenticate".to_owned(), format!("Bearer authorization_uri={uri}"));
    let login = "https://login.microsoftonline.com";
    for headers in [
        vec![bearer(&format!("{login}/{FABRIKAM}")), bearer(&format!("{login}/{CONTOSO}"))],
        vec![bearer(&format!("https://evil.example/{FABRIKAM}"))],
        vec![("X-VSS-ResourceTenant".to_owned(), format!("{FABRIKAM},{CONTOSO}"))],
        vec![("X-VSS-ResourceTenant".to_owned(), "fabrikam".to_owned())],
    ] {
        let odd = Fault::Raw { status: 401, headers, body: vec![] };
        machine.world.fail(Target::Azure, odd, Times::Once);
        let done = machine.helper(&["integration", "test"]).expect_success();
        let step = "step 5 (Azure DevOps and tenant): dev.azure.com/contoso exists; it does not say its tenant";
        assert!(done.stdout.contains(step), "{done:#?}");
    }
}

#[test]
fn an_organization_is_asked_for_its_headers_alone() {
    let machine = Machine::new();
    machine.add_pat_integration("dev.azure.com/contoso", &[]);
    machine.helper(&["integration", "test"]).expect_success();
    let asked: Vec<_> =
        machine.world.requests().into_iter().map(|seen| (seen.method, seen.path)).collect();
    assert_eq!(asked, [("HEAD".to_owned(), "/contoso".to_owned())]);
    // One that takes no HEAD is asked once more.
    let no_head = Fault::Raw { status: 405, headers: vec![], body: vec![] };
    machine.world.fail(Target::Azure, no_head, Times::Once);
    machine.helper(&["integration", "test"]).expect_success();
    let methods: Vec<_> = machine.world.requests().into_iter().map(|seen| seen.method).collect();
    assert_eq!(methods, ["HEAD", "HEAD", "GET"]);
}

#[test]
fn a_network_that_is_down() {
    let mut machine = usual();
    // A port that was free a moment ago: nobody listens there.
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("a port")
        .port();
    for name in ["HTTPS_PROXY", "https_proxy"] {
        machine.set(name, format!("http://127.0.0.1:{port}"));
    }
    let done = machine.helper(&["integration", "test"]);
    assert_eq!((done.code, &*done.stdout), (5, ""), "{done:#?}");
    assert_eq!(
        done.stderr,
        "error: the proxy for login.microsoftonline.com cannot be reached\n\
         hint: check HTTPS_PROXY and: git config --global --get-urlmatch http.proxy \
         https://login.microsoftonline.com\n"
    );
}

#[test]
fn an_authority_this_machine_does_not_trust() {
    let mut machine = usual();
    let other = standins::World::start();
    let ca = other.ca_file().to_str().expect("text").to_owned();
    machine.set("GIT_SSL_CAINFO", &ca);
    machine.set("SSL_CERT_FILE", ca);
    let done = machine.helper(&["integration", "test"]);
    assert_eq!((done.code, &*done.stdout), (5, ""), "{done:#?}");
    assert_eq!(
        done.stderr,
        "error: the certificate of login.microsoftonline.com is signed by an authority this machine \
         does not trust\n\
         hint: name your organization's CA bundle: git config --global http.sslCAInfo <file.pem>\n"
    );
}

#[test]
fn answers_that_are_not_the_issuers_own() {
    const PROXY: &str = "hint: check the Issuer URL, and that no proxy or sign-in page of the network answers \
                         in the issuer's place; then: git-credential-ona-azure integration test\n";
    let rows = [
        (
            Target::Discovery,
            Fault::Html(200),
            "",
            "login.microsoftonline.com did not answer with an OpenID configuration",
        ),
        (
            Target::Discovery,
            Fault::Html(404),
            "",
            "login.microsoftonline.com answered with HTTP status 404",
        ),
        (
            Target::Discovery,
            Fault::Raw {
                status: 302,
                headers: vec![("location".to_owned(), "https://portal.example/".to_owned())],
                body: vec![],
            },
            "",
            "login.microsoftonline.com answered with a redirect (HTTP status 302), which is not followed",
        ),
        (
            Target::Token,
            Fault::Html(200),
            TENANT_OK,
            "login.microsoftonline.com did not answer with a token",
        ),
        (
            Target::Token,
            Fault::Oversized,
            TENANT_OK,
            "login.microsoftonline.com sent more than any answer should have",
        ),
    ];
    for (target, fault, stdout, error) in rows {
        let machine = usual();
        machine.world.fail(target, fault.clone(), Times::Always);
        let done = machine.helper(&["integration", "test"]);
        assert_eq!((done.code, &*done.stdout), (5, stdout), "{fault:?}: {done:#?}");
        let (said, hint) = done.stderr.split_once('\n').expect("two lines");
        assert_eq!(said, format!("error: {error}"), "{fault:?}");
        if fault != Fault::Oversized {
            assert_eq!(hint, PROXY, "{fault:?}");
        }
    }
}

#[test]
fn a_service_that_is_down_or_has_enough_of_us() {
    let rows = [
        (
            Fault::Html(503),
            "error: login.microsoftonline.com answered with HTTP status 503\n\
             hint: try again in a minute\n",
        ),
        (
            Fault::Throttle { retry_after: Some(30) },
            "error: Entra is holding the tenant back for asking too much (AADSTS90055)\n\
             hint: wait some minutes, then try again\n",
        ),
        (
            Fault::Raw { status: 429, headers: vec![], body: vec![] },
            "error: login.microsoftonline.com answered with HTTP status 429\n\
             hint: wait some minutes, then try again\n",
        ),
        (
            Fault::error(500, "server_error", 90033, "A transient error has occurred."),
            "error: Entra has a passing fault (AADSTS90033)\n\
             hint: wait a minute, then try again\n",
        ),
        (
            Fault::Reset,
            "error: login.microsoftonline.com cannot be reached\n\
             hint: check the network, and HTTPS_PROXY if there is a proxy; then try again\n",
        ),
    ];
    for (fault, stderr) in rows {
        for target in [Target::Discovery, Target::Token] {
            let machine = usual();
            machine.world.fail(target, fault.clone(), Times::Always);
            let stdout = if target == Target::Token { TENANT_OK } else { "" };
            let done = machine.helper(&["integration", "test"]);
            assert_eq!(
                (done.code, &*done.stdout, &*done.stderr),
                (5, stdout, stderr),
                "{target:?} {fault:?}"
            );
        }
    }
}

#[test]
fn azure_devops_being_down_says_nothing_about_the_organization() {
    let machine = Machine::new();
    machine.add_pat_integration("dev.azure.com/contoso", &[]);
    machine.world.fail(Target::Azure, Fault::Html(503), Times::Always);
    expect_test(
        &machine,
        5,
        "",
        "error: dev.azure.com/contoso answers with HTTP status 503\n\
         hint: try again in some minutes: git-credential-ona-azure integration test dev.azure.com\n",
    );
}

#[test]
fn a_proxy_that_wants_to_know_who_asks() {
    use std::io::{Read as _, Write as _};

    let mut machine = usual();
    let proxy = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = proxy.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        for stream in proxy.incoming() {
            let Ok(mut stream) = stream else { return };
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(
                b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n",
            );
        }
    });
    for name in ["HTTPS_PROXY", "https_proxy"] {
        machine.set(name, format!("http://127.0.0.1:{port}"));
    }
    expect_test(
        &machine,
        5,
        "",
        "error: the proxy for login.microsoftonline.com asks for a username and password\n\
         hint: write them in the proxy's address: HTTPS_PROXY=http://<user>:<password>@<proxy>:<port>\n",
    );
}
