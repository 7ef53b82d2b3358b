//! *Save & Test*: what `integration add` and `integration test` find out about an integration
//! without a person, and how they say what is wrong and at which step of the set-up.

mod common;

use common::*;
use serde_json::{Value, json};
use standins::{App, CLIENT_ID, CLIENT_SECRET, CONTOSO, FABRIKAM, Fault, Target, Times};

const CONTOSO_ISSUER: &str =
    "https://login.microsoftonline.com/aaaabbbb-0000-cccc-1111-dddd2222eeee/v2.0";

const WORKS: &str = "The integration for dev.azure.com works.";

const CLIENT_FIX: &str = "compare client ID and tenant with Overview → Application (client) ID and \
                          Directory (tenant) ID";

const SECRET_FIX: &str = "Certificates & secrets → New client secret, copy the Value column, then run \
                          integration add with --client-secret-stdin";

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

/// What the test of the only integration, or of that host's, finds wrong.
#[track_caller]
fn expect_fault(machine: &Machine, host: &str, check: &str, step: u64, what: &str, fix: &str) {
    let looked = look(machine, &["integration", "test", host]);
    assert_eq!((looked.code, &*looked.check, looked.step), (1, check, step), "{looked:#?}");
    let at = looked.at.clone();
    let sentence = format!("What is wrong, at {at}: {what}; what to do: {fix}");
    assert_eq!(looked.conclusion, sentence, "{looked:#?}");
}

/// All is well with it, by these checks and in these words.
#[track_caller]
fn expect_well(machine: &Machine, host: &str, seen: &[(&str, &str)], conclusion: &str) {
    let looked = look(machine, &["integration", "test", host]);
    assert_eq!((looked.code, &*looked.conclusion), (0, conclusion), "{looked:#?}");
    for (check, text) in seen {
        looked.expect(check, "passed", text);
    }
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
        done.stdout.contains(&format!("✓ the issuer: it answers as {CONTOSO_ISSUER}\n"))
            && done.stdout.contains(
                "✓ client ID and secret: the tenant knows the client ID and accepts the client secret\n"
            )
            && done.stdout.ends_with("\nThe integration for dev.azure.com works.\n"),
        "{done:#?}"
    );
    assert_eq!(done.stderr, "next: git-credential-ona-azure setup-git\n");
    let asked: Vec<_> = machine
        .world
        .requests()
        .into_iter()
        .map(|seen| {
            let path = seen.path.split('?').next().unwrap_or_default().to_owned();
            (seen.method, path, seen.grant)
        })
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
            ("GET".to_owned(), format!("/{CONTOSO}/oauth2/v2.0/authorize"), None),
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
fn a_client_that_is_gone_is_told_in_text_and_in_json() {
    let machine = usual();
    machine.world.entra().remove_app(CLIENT_ID);
    expect_fault(
        &machine,
        "dev.azure.com",
        "client",
        1,
        "there is no app with this client ID in the tenant (AADSTS700016)",
        CLIENT_FIX,
    );
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
    let issuer = format!("✓ the issuer: it answers as {CONTOSO_ISSUER}\n");
    assert!(done.stdout.contains(&issuer), "{done:#?}");
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
    expect_fault(
        &configured("dev.azure.com", "12345678-0000-0000-0000-000000000000", CLIENT_ID, "s"),
        "",
        "issuer",
        1,
        "there is no such tenant in this cloud (AADSTS90002)",
        "compare the tenant with Overview → Directory (tenant) ID, letter by letter",
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
    expect_fault(
        &machine,
        "",
        "issuer",
        0,
        "the proxy refuses to connect to login.microsoftonline.us",
        "check HTTPS_PROXY and: git config --global --get-urlmatch http.proxy \
         https://login.microsoftonline.us",
    );
}

#[test]
fn a_client_id_the_tenant_does_not_know() {
    let unknown = "99999999-0000-0000-0000-000000000000";
    for machine in [
        configured("dev.azure.com", CONTOSO, unknown, CLIENT_SECRET),
        // The app is in the other tenant.
        configured("dev.azure.com", FABRIKAM, CLIENT_ID, CLIENT_SECRET),
    ] {
        expect_fault(
            &machine,
            "",
            "client",
            1,
            "there is no app with this client ID in the tenant (AADSTS700016)",
            CLIENT_FIX,
        );
    }
}

#[test]
fn a_secrets_id_in_place_of_its_value() {
    let machine =
        configured("dev.azure.com", CONTOSO, CLIENT_ID, "5c1d4a6e-0b1f-4b8e-9d3e-0123456789ab");
    const WRONG: &str = "the client secret is wrong; often the secret's ID was pasted instead of its Value (AADSTS7000215)";
    // A secret that was given just now may be right and not known everywhere yet.
    let young = format!(
        "{WRONG}; a secret made just now may take some seconds to be known everywhere, so test once more first"
    );
    expect_fault(&machine, "", "client", 3, &young, SECRET_FIX);
    // Later that is no excuse any more.
    age_secret(&machine);
    expect_fault(&machine, "", "client", 3, WRONG, SECRET_FIX);
}

#[test]
fn a_secret_that_has_run_out_is_not_blamed_on_its_youth() {
    let machine = usual();
    machine
        .world
        .entra()
        .register_app(App { secrets: vec![(CLIENT_SECRET.to_owned(), true)], ..App::default() });
    let what = "the client secret has run out (AADSTS7000222)";
    expect_fault(&machine, "", "client", 3, what, SECRET_FIX);
}

#[test]
fn an_app_that_is_disabled() {
    let machine = usual();
    machine.world.entra().register_app(App { disabled: true, ..App::default() });
    expect_fault(
        &machine,
        "",
        "client",
        1,
        "the app is disabled in this tenant (AADSTS7000112)",
        "Enterprise applications → the app → Properties: Enabled for users to sign-in",
    );
}

#[test]
fn a_redirect_uri_that_is_not_registered() {
    let machine = usual();
    machine.world.entra().register_app(App { redirect_uris: vec![], ..App::default() });
    expect_fault(
        &machine,
        "",
        "redirect",
        2,
        "the redirect URI http://localhost/ona-azure is not registered for the app (AADSTS50011)",
        "Authentication → Add a platform → Web, and add the redirect URI http://localhost/ona-azure",
    );
    assert_eq!(machine.world.entra().token_requests("authorization_code"), 0);
}

#[test]
fn an_issuer_of_no_tenant_in_particular() {
    let machine = configured("dev.azure.com", "common", CLIENT_ID, CLIENT_SECRET);
    expect_fault(
        &machine,
        "",
        "client",
        1,
        "the Issuer URL names no tenant of its own, so the client cannot be tested",
        "write the tenant's ID in it (Overview → Directory (tenant) ID), or organizations if the app \
         is of several tenants",
    );
    assert_eq!(machine.world.entra().token_requests("client_credentials"), 0);
    // An app of several tenants has none to be tested at.
    let machine = configured("dev.azure.com", "organizations", CLIENT_ID, CLIENT_SECRET);
    machine.world.entra().register_app(App { multitenant: true, ..App::default() });
    expect_well(
        &machine,
        "",
        &[
            ("issuer", "it answers as https://login.microsoftonline.com/{tenantid}/v2.0"),
            (
                "client",
                "the Issuer URL leaves the tenant open, so client ID and secret show at the first sign-in",
            ),
        ],
        WORKS,
    );
    assert_eq!(machine.world.entra().token_requests("client_credentials"), 0);
}

#[test]
fn a_public_client_shows_at_the_first_sign_in() {
    let machine = Machine::new();
    let arguments = ["--host", "dev.azure.com", "--issuer-url", "contoso.com"];
    let client = ["--client-id", CLIENT_ID, "--public-client"];
    let arguments = [&["integration", "add"], &arguments[..], &client].concat();
    machine.helper(&arguments).expect_success();
    expect_well(
        &machine,
        "",
        &[
            ("issuer", &format!("it answers as {CONTOSO_ISSUER}")),
            ("client", "a public client has no secret; its client ID shows at the first sign-in"),
            ("redirect", "the issuer sends browsers back to http://localhost/ona-azure-native"),
        ],
        WORKS,
    );
    assert!(machine.world.entra().token_request_counts().is_empty());
}

#[test]
fn with_tokens_only_the_organization_is_reached() {
    for (host, name, exists) in [
        ("dev.azure.com/contoso", "dev.azure.com/contoso", true),
        ("contoso.visualstudio.com", "dev.azure.com/contoso", true),
        // Tokens work in an organization of personal accounts as in any other.
        ("dev.azure.com/msaorg", "dev.azure.com/msaorg", true),
        ("dev.azure.com/contosso", "dev.azure.com/contosso", false),
    ] {
        let machine = Machine::new();
        machine.add_pat_integration(host, &[]);
        if exists {
            let next = format!(
                "{name} answers. Give it a token next: git-credential-ona-azure login https://{name} --pat"
            );
            expect_well(&machine, "", &[("organization", &format!("{name} exists"))], &next);
        } else {
            let what = format!("there is no organization {name}");
            let fix = "check the organization's name in its address";
            expect_fault(&machine, "", "organization", 5, &what, fix);
        }
        assert_eq!(machine.world.connections("login.microsoftonline.com"), 0);
    }
    let machine = Machine::new();
    machine.add_pat_integration("dev.azure.com", &[]);
    expect_well(
        &machine,
        "",
        &[("organization", "dev.azure.com answers")],
        "dev.azure.com answers. Give it a token next: git-credential-ona-azure login \
         https://dev.azure.com/ORGANIZATION --pat",
    );
}

#[test]
fn with_tokens_only_the_server_is_reached_in_its_virtual_directory() {
    let machine = Machine::new();
    let host = "tfs.corp.example";
    machine.add_pat_integration(host, &["--virtual-directory", "/tfs"]);
    expect_well(
        &machine,
        host,
        &[("organization", "tfs.corp.example/tfs answers")],
        "tfs.corp.example answers. Give it a token next: git-credential-ona-azure login \
         https://tfs.corp.example/tfs --pat",
    );
    let missing = Fault::Raw { status: 404, headers: vec![], body: vec![] };
    machine.world.fail(Target::Server, missing, Times::Always);
    expect_fault(
        &machine,
        host,
        "organization",
        5,
        "tfs.corp.example has no Azure DevOps Server at /tfs",
        "name the part of its address between host and collection (/ if there is none): \
         git-credential-ona-azure integration add --host tfs.corp.example --virtual-directory /tfs",
    );
    machine.add_pat_integration("tfs.elsewhere.example", &[]);
    expect_fault(
        &machine,
        "tfs.elsewhere.example",
        "organization",
        0,
        "the proxy refuses to connect to tfs.elsewhere.example",
        "check HTTPS_PROXY and: git config --global --get-urlmatch http.proxy \
         https://tfs.elsewhere.example",
    );
}

#[test]
fn what_the_network_answers_is_no_organization_and_no_server() {
    let cloud = |host| {
        let machine = Machine::new();
        machine.add_pat_integration(host, &[]);
        (machine, "", Target::Azure)
    };
    let server = || {
        let machine = Machine::new();
        machine.add_pat_integration("tfs.corp.example", &["--virtual-directory", "/tfs"]);
        (machine, "tfs.corp.example", Target::Server)
    };
    let fix = "check that no proxy or sign-in page of the network answers in its place";
    let gate = "https://gate.example";
    let there = format!("{gate}/oauth2/start");
    let headers = vec![("Location".to_owned(), there)];
    let to_gate = Fault::Raw { status: 302, headers, body: vec![] };
    for (machine, host, target) in
        [cloud("dev.azure.com/contoso"), cloud("dev.azure.com"), server()]
    {
        let name = if host.is_empty() { "dev.azure.com" } else { host };
        let what = format!("in place of {name} something answers that is not Azure DevOps");
        for status in [200, 403] {
            machine.world.fail(target, Fault::Html(status), Times::Always);
            expect_fault(&machine, host, "organization", 0, &what, fix);
            machine.world.clear_faults();
        }
    }
    let (machine, ..) = cloud("dev.azure.com");
    machine.world.fail(Target::Azure, to_gate.clone(), Times::Always);
    let what = format!(
        "in place of dev.azure.com something answers that is not Azure DevOps, and sends on to {gate}"
    );
    expect_fault(&machine, "", "organization", 0, &what, fix);
    let (machine, host, _) = server();
    machine.world.fail(Target::Server, to_gate, Times::Always);
    expect_fault(
        &machine,
        host,
        "organization",
        5,
        &format!("tfs.corp.example sends on to {gate}, where no token is sent"),
        &format!(
            "open https://tfs.corp.example/tfs in a browser: if that ends at another address of the Server, \
             name it: git-credential-ona-azure integration add --host HOST; otherwise {fix}"
        ),
    );
}

#[test]
fn an_organization_of_the_tenant_passes() {
    expect_well(
        &configured("dev.azure.com/contoso", CONTOSO, CLIENT_ID, CLIENT_SECRET),
        "",
        &[("organization", "dev.azure.com/contoso exists and belongs to the tenant")],
        "The integration for dev.azure.com/contoso works.",
    );
}

#[test]
fn an_organization_that_does_not_say_its_tenant_is_not_said_to_belong_to_it() {
    let machine = configured("dev.azure.com/contoso", CONTOSO, CLIENT_ID, CLIENT_SECRET);
    for headers in [vec![], vec![("X-VSS-ResourceTenant".to_owned(), " ".to_owned())]] {
        expect_no_tenant(&machine, headers);
    }
}

#[track_caller]
fn expect_no_tenant(machine: &Machine, mut headers: Vec<(String, String)>) {
    machine.world.clear_faults();
    // By which it is Azure DevOps' own answer.
    headers.push(("ActivityId".to_owned(), "0a0a0a0a-1111-2222-3333-444444444444".to_owned()));
    let odd = Fault::Raw { status: 401, headers, body: vec![] };
    machine.world.fail(Target::Azure, odd, Times::Always);
    let there = "dev.azure.com/contoso exists; it does not say its tenant";
    let conclusion = "The integration for dev.azure.com/contoso works.";
    expect_well(machine, "", &[("organization", there)], conclusion);
}

#[test]
fn an_organization_of_another_tenant_is_told_with_both_tenants() {
    expect_fault(
        &configured("dev.azure.com/northwind", CONTOSO, CLIENT_ID, CLIENT_SECRET),
        "",
        "organization",
        5,
        &format!(
            "dev.azure.com/northwind belongs to the tenant {FABRIKAM}, and the Issuer URL names {CONTOSO}"
        ),
        &format!(
            "check that northwind is the organization meant; if it \
             is, name its tenant, where the app has to be known (or organizations, for an app of several \
             tenants): git-credential-ona-azure integration add \
             --host dev.azure.com/northwind --issuer-url https://login.microsoftonline.com/{FABRIKAM}/oauth2/v2.0"
        ),
    );
}

#[test]
fn an_organization_of_personal_accounts_takes_no_oauth() {
    let machine = configured("dev.azure.com/msaorg", CONTOSO, CLIENT_ID, CLIENT_SECRET);
    let expect = |instead: &str| {
        expect_fault(
            &machine,
            "",
            "organization",
            5,
            "dev.azure.com/msaorg belongs to personal Microsoft accounts, not to a tenant, so no \
             sign-in with Entra ID opens it",
            &format!(
                "connect the organization to your tenant (Organization settings → Microsoft Entra), or {instead}"
            ),
        );
    };
    let on = "git-credential-ona-azure integration add --host dev.azure.com/msaorg --pat";
    expect(&format!("let an administrator turn on personal access tokens: {on}"));
    // What the hint says is what helps.
    let command: Vec<&str> = on.split(' ').skip(1).chain(["--no-test"]).collect();
    machine.helper(&command).expect_success();
    let login = "git-credential-ona-azure login https://dev.azure.com/msaorg --pat";
    expect(&format!("use a personal access token: {login}"));
}

#[test]
fn a_public_client_of_every_tenant_names_the_one_of_the_organization() {
    let add = |host: &str| {
        let machine = Machine::new();
        machine.world.entra().register_app(App { multitenant: true, ..App::default() });
        let issuer = issuer_of("organizations");
        let arguments = ["--host", host, "--issuer-url", &issuer, "--client-id", CLIENT_ID];
        let arguments = [&["integration", "add"], &arguments[..], &["--public-client"]].concat();
        machine.helper(&arguments)
    };
    let done = add("dev.azure.com/northwind").expect_success();
    let there = "the organization: dev.azure.com/northwind exists and belongs to the tenant";
    assert!(done.stdout.contains(&format!("{there} {FABRIKAM}\n")), "{done:#?}");
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
        expect_no_tenant(&machine, headers);
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
    expect_fault(
        &machine,
        "",
        "issuer",
        0,
        "the proxy for login.microsoftonline.com cannot be reached",
        "check HTTPS_PROXY and: git config --global --get-urlmatch http.proxy \
         https://login.microsoftonline.com",
    );
}

#[test]
fn an_authority_this_machine_does_not_trust() {
    let mut machine = usual();
    let other = standins::World::start();
    let ca = other.ca_file().to_str().expect("text").to_owned();
    machine.set("GIT_SSL_CAINFO", &ca);
    machine.set("SSL_CERT_FILE", ca);
    expect_fault(
        &machine,
        "",
        "issuer",
        0,
        "the certificate of login.microsoftonline.com is signed by an authority this machine does not trust",
        "name your organization's CA bundle: git config --global http.sslCAInfo <file.pem>",
    );
}

#[test]
fn answers_that_are_not_the_issuers_own() {
    const PROXY: &str = "check the Issuer URL, and that no proxy or sign-in page of the network answers \
                         in the issuer's place; then: git-credential-ona-azure integration test";
    let portal = Fault::Raw {
        status: 302,
        headers: vec![("location".to_owned(), "https://portal.example/".to_owned())],
        body: vec![],
    };
    let host = "login.microsoftonline.com";
    let rows = [
        (Target::Discovery, Fault::Html(200), "did not answer with an OpenID configuration", PROXY),
        (Target::Discovery, Fault::Html(404), "answered with HTTP status 404", PROXY),
        (
            Target::Discovery,
            portal,
            "answered with a redirect (HTTP status 302), which is not followed",
            PROXY,
        ),
        (Target::Token, Fault::Html(200), "did not answer with a token", PROXY),
        (
            Target::Token,
            Fault::Oversized,
            "sent more than any answer should have",
            "something between this machine and the service answers in its place: check proxy and network",
        ),
    ];
    for (target, fault, error, fix) in rows {
        let machine = usual();
        machine.world.fail(target, fault, Times::Always);
        let check = if target == Target::Token { "client" } else { "issuer" };
        expect_fault(&machine, "", check, 0, &format!("{host} {error}"), fix);
    }
}

#[test]
fn a_service_that_is_down_or_has_enough_of_us() {
    let host = "login.microsoftonline.com";
    let rows = [
        (
            Fault::Html(503),
            format!("{host} answered with HTTP status 503"),
            "try again in a minute",
        ),
        (
            Fault::Throttle { retry_after: Some(30) },
            "Entra is holding the tenant back for asking too much (AADSTS90055)".to_owned(),
            "wait some minutes, then try again",
        ),
        (
            Fault::Raw { status: 429, headers: vec![], body: vec![] },
            format!("{host} answered with HTTP status 429"),
            "wait some minutes, then try again",
        ),
        (
            Fault::error(500, "server_error", 90033, "A transient error has occurred."),
            "Entra has a passing fault (AADSTS90033)".to_owned(),
            "wait a minute, then try again",
        ),
        (
            Fault::Reset,
            format!("{host} cannot be reached"),
            "check the network, and HTTPS_PROXY if there is a proxy; then try again",
        ),
    ];
    for (fault, what, fix) in rows {
        for target in [Target::Discovery, Target::Token] {
            let machine = usual();
            machine.world.fail(target, fault.clone(), Times::Always);
            let check = if target == Target::Token { "client" } else { "issuer" };
            expect_fault(&machine, "", check, 0, &what, fix);
        }
    }
}

#[test]
fn azure_devops_being_down_says_nothing_about_the_organization() {
    let machine = Machine::new();
    machine.add_pat_integration("dev.azure.com/contoso", &[]);
    machine.world.fail(Target::Azure, Fault::Html(503), Times::Always);
    let what = "dev.azure.com/contoso answers with HTTP status 503";
    expect_fault(&machine, "", "organization", 0, what, "try again in some minutes");
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
    expect_fault(
        &machine,
        "",
        "issuer",
        0,
        "the proxy for login.microsoftonline.com asks for a username and password",
        "write them in the proxy's address: HTTPS_PROXY=http://<user>:<password>@<proxy>:<port>",
    );
}

#[test]
fn a_client_secret_that_the_issuer_quotes_is_shown_nowhere() {
    let machine = Machine::signed_in();
    let encoded = CLIENT_SECRET.replace('~', "%7E");
    let quoting = Fault::Error {
        status: 401,
        error: "invalid_client".to_owned(),
        codes: vec![99999],
        suberror: None,
        description: format!("bad secret {CLIENT_SECRET} ({encoded}) given"),
    };
    machine.world.fail(Target::Token, quoting, Times::Always);
    let report = ["doctor", "--mask", "--report", "-"];
    let rows = [&["doctor"][..], &["doctor", "--json"], &report, &["integration", "test"]];
    for words in rows {
        let done = machine.helper(words);
        let said = format!("{}{}", done.stdout, done.stderr);
        assert!(said.contains("bad secret (hidden) ((hidden)) given"), "{said}");
        assert!(!said.contains(CLIENT_SECRET) && !said.contains(&encoded), "{said}");
    }
    machine.age_access_token(24 * 60 * 60);
    let done = machine.get(CONTOSO_REQUEST);
    assert!(done.stderr.contains("bad secret (hidden) ((hidden)) given"), "{done:#?}");
    assert!(!done.stderr.contains(CLIENT_SECRET), "{done:#?}");
}
