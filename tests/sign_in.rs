//! `login` with OAuth: what the browser is sent with, who may come back, what is accepted of the
//! issuer's answer, and that nothing is kept of a sign-in that did not succeed.

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use common::loopback::{Listener, door, field, knock, query};
use common::*;
use rustix::process::Signal;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use standins::{
    ADA, App, CLIENT_ID, CLIENT_SECRET, CONTOSO, FABRIKAM, Fault, GRACE, SignIn, Target, Times,
};
use url::Url;

const OPEN: &str = "To sign in, open this address in a browser on this machine:\n\n";
const WAITING: &str = "A browser was started. Waiting for it to come back …\n";

/// What was said after the address.
fn ending(done: &Done) -> &str {
    done.stderr.split_once(WAITING).unwrap_or_else(|| panic!("{done:#?}")).1
}

/// What a sign-in with everything granted says on stdout.
fn summary(machine: &Machine, account: &str, for_whom: &str) -> String {
    format!(
        "{account} is signed in to dev.azure.com.\n\n  \
           for        {for_whom}\n  \
           may        clone, fetch and push\n  \
           tenant     {CONTOSO}\n  \
           signed in  with a browser, with the client secret\n  \
           kept in    {}, sealed\n  \
           renewed    by itself; git needs no further sign-in\n",
        machine.state_dir().display()
    )
}

#[track_caller]
fn expect_nothing_kept(machine: &Machine) {
    assert!(machine.access().is_none());
    let status = machine.helper(&["status", "--json"]).expect_success().json();
    assert_eq!(status["hosts"][0]["sessions"], json!([]));
}

#[test]
fn a_sign_in_says_who_is_signed_in_and_where_it_is_kept() {
    let machine = Machine::configured();
    let mut login = Login::start(&machine, &[]);
    let address = login.address();
    let page = machine.world.browse(&address);
    let done = login.finish();
    done.expect(
        0,
        &summary(&machine, ADA, "every organization of the tenant"),
        &format!("{OPEN}  {address}\n\n{WAITING}"),
    );
    assert_eq!(page.status, 200);
    assert_eq!(machine.get(CONTOSO_REQUEST).expect_success().attribute("username"), Some(ADA));
}

#[test]
fn the_browser_is_sent_with_everything_that_ties_the_answer_to_this_attempt() {
    let machine = Machine::configured();
    let mut login = Login::start(&machine, &[]);
    let address = login.address();
    let (base, _) = address.split_once('?').expect("a query");
    assert_eq!(base, format!("https://login.microsoftonline.com/{CONTOSO}/oauth2/v2.0/authorize"));
    let query = query(&address);
    let names: Vec<_> = query.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "client_id",
            "code_challenge",
            "code_challenge_method",
            "nonce",
            "prompt",
            "redirect_uri",
            "response_mode",
            "response_type",
            "scope",
            "state"
        ]
    );
    for (name, value) in [
        ("client_id", CLIENT_ID),
        ("code_challenge_method", "S256"),
        ("prompt", "select_account"),
        ("response_mode", "query"),
        ("response_type", "code"),
        (
            "scope",
            "openid profile offline_access 499b84ac-1321-427f-aa17-267ca6975798/vso.code \
             499b84ac-1321-427f-aa17-267ca6975798/vso.code_write",
        ),
    ] {
        assert_eq!(query[name], value, "{name}");
    }
    let redirect = Url::parse(&query["redirect_uri"]).expect("an address");
    assert_eq!((redirect.scheme(), redirect.host_str()), ("http", Some("localhost")));
    assert_eq!(redirect.path(), "/ona-azure");
    assert_eq!(query["code_challenge"].len(), 43);
    for name in ["state", "nonce"] {
        // 128 bits or more in base64.
        assert!(query[name].len() >= 22, "{name}");
    }
    login.kill();
}

#[test]
fn state_nonce_and_pkce_are_new_at_every_attempt() {
    let machine = Machine::configured();
    let mut seen = Vec::new();
    for _ in 0..3 {
        let mut login = Login::start(&machine, &[]);
        let query = query(&login.address());
        login.kill();
        seen.extend(["state", "nonce", "code_challenge"].map(|name| query[name].clone()));
    }
    let mut unique = seen.clone();
    unique.sort();
    unique.dedup();
    assert_eq!(unique.len(), seen.len(), "{seen:?}");
}

#[test]
fn an_account_that_is_named_is_proposed_in_place_of_the_choice() {
    let machine = Machine::configured();
    let mut login = Login::start(&machine, &["--login-hint", GRACE]);
    let query = query(&login.address());
    assert_eq!(query["login_hint"], GRACE);
    assert!(!query.contains_key("prompt"), "{query:?}");
    login.kill();
}

#[test]
fn a_confidential_client_redeems_with_its_secret_and_the_verifier() {
    let machine = Machine::configured();
    let mut login = Login::start(&machine, &[]);
    let address = login.address();
    machine.world.browse(&address);
    login.finish().expect_success();
    let form = machine.world.entra().last_token_form();
    assert_eq!(field(&form, "grant_type").as_deref(), Some("authorization_code"));
    assert_eq!(field(&form, "client_secret").as_deref(), Some(CLIENT_SECRET));
    let query = query(&address);
    assert_eq!(field(&form, "redirect_uri"), Some(query["redirect_uri"].clone()));
    let verifier = field(&form, "code_verifier").expect("PKCE with a secret too");
    assert_eq!(URL_SAFE_NO_PAD.encode(Sha256::digest(&verifier)), query["code_challenge"]);
}

#[test]
fn a_public_client_never_sends_a_secret() {
    let machine = Machine::new();
    machine
        .integration_add(&[
            "--host",
            "dev.azure.com",
            "--issuer-url",
            "contoso.com",
            "--client-id",
            CLIENT_ID,
            "--public-client",
        ])
        .expect_success();
    let mut login = Login::start(&machine, &[]);
    let address = login.address();
    let redirect = query(&address)["redirect_uri"].clone();
    assert!(redirect.ends_with("/ona-azure-native"), "{redirect}");
    machine.world.browse(&address);
    login.finish().expect_success();
    let form = machine.world.entra().last_token_form();
    assert_eq!(field(&form, "client_secret"), None);
    assert!(field(&form, "code_verifier").is_some());
    // Nor at a refresh.
    machine.age_access_token(4500);
    machine.get(CONTOSO_REQUEST).expect_success();
    let form = machine.world.entra().last_token_form();
    assert_eq!(field(&form, "grant_type").as_deref(), Some("refresh_token"));
    assert_eq!(field(&form, "client_secret"), None);
}

#[test]
fn consent_that_is_declined_ends_the_sign_in() {
    let machine = Machine::configured();
    machine.world.entra().sign_in(SignIn::Declined);
    let mut login = Login::start(&machine, &[]);
    let page = machine.world.browse(&login.address());
    let done = login.finish();
    assert_eq!((done.code, &*done.stdout), (4, ""), "{done:#?}");
    assert_eq!(
        ending(&done),
        "error: the sign-in was refused: consent was declined (AADSTS65004)\n\
         hint: step 4 (API permissions): accept the consent page, or let an administrator choose API \
         permissions → Grant admin consent\n"
    );
    // The person looks at the browser, which says the same.
    assert_eq!(page.status, 400);
    assert!(page.body.contains("consent was declined (AADSTS65004)"), "{}", page.body);
    expect_nothing_kept(&machine);
}

#[test]
fn a_sign_in_that_failed_is_remembered_until_it_says_nothing_any_more() {
    const REFUSED: &str = "the sign-in was refused: consent was declined (AADSTS65004)";
    let machine = Machine::configured();
    let refused = |machine: &Machine| {
        machine.world.entra().sign_in(SignIn::Declined);
        assert_eq!(machine.login(&[], ADA).code, 4);
        let looked = look(machine, &["doctor"]);
        assert_eq!((&*looked.check, looked.step), ("account", 4), "{looked:#?}");
        assert!(looked.conclusion.contains(REFUSED), "{looked:#?}");
        assert!(looked.conclusion.contains("Grant admin consent"), "{looked:#?}");
    };
    let expect_forgotten = |machine: &Machine| {
        let looked = look(machine, &["doctor"]);
        assert!(!looked.text.contains(REFUSED), "{looked:#?}");
    };
    refused(&machine);
    // A changed integration may be the mended one.
    machine.add_integration(&["--pat"]);
    expect_forgotten(&machine);
    refused(&machine);
    machine.helper(&["logout", "dev.azure.com"]);
    expect_forgotten(&machine);
    refused(&machine);
    machine.world.entra().sign_in(SignIn::Succeeds);
    machine.sign_in();
    expect_forgotten(&machine);
    // One that works is not called broken by a later attempt.
    machine.world.entra().sign_in(SignIn::Declined);
    assert_eq!(machine.login(&[], ADA).code, 4);
    expect_forgotten(&machine);
}

#[test]
fn a_browser_that_stays_away_has_the_issuer_asked_why() {
    let machine = Machine::configured();
    machine.world.entra().register_app(App { redirect_uris: vec![], ..App::default() });
    let done = Login::start(&machine, &["--timeout", "1s"]).finish();
    assert_eq!(done.code, 4, "{done:#?}");
    assert_eq!(
        ending(&done),
        "error: the browser did not come back within 1 second: the redirect URI is not registered \
         for the app (AADSTS50011)\n\
         hint: step 2 (authentication): Authentication → Add a platform, then add the redirect URI \
         that integration add printed, letter by letter\n"
    );
}

#[test]
fn a_sign_in_that_is_given_up_in_the_browser_ends() {
    let machine = Machine::configured();
    let done = machine.login(&[], "cancel");
    assert_eq!(done.code, 4, "{done:#?}");
    expect_nothing_kept(&machine);
}

#[test]
fn what_entra_only_tells_the_browser_leaves_the_listener_waiting() {
    for (outcome, code) in [
        (SignIn::BlockedByPolicy, "AADSTS53003"),
        (SignIn::NeedsAdminConsent, "AADSTS90094"),
        (SignIn::NotAssigned, "AADSTS50105"),
    ] {
        let machine = Machine::configured();
        machine.world.entra().sign_in(outcome);
        let mut login = Login::start(&machine, &[]);
        let address = login.address();
        let page = machine.world.browse(&address);
        assert!(page.body.contains(code), "{}", page.body);
        assert!(login.is_running());
        // The administrator mends it, and the person goes on in the same browser.
        machine.world.entra().sign_in(SignIn::Succeeds);
        machine.world.browse(&address);
        login.finish().expect_success();
    }
}

#[test]
fn only_the_flows_own_callback_ends_it() {
    let machine = Machine::configured();
    let mut login = Login::start(&machine, &[]);
    let address = login.address();
    let (port, state) = door(&address);
    let own = format!("localhost:{port}");
    let rows = [
        ("GET", "/ona-azure?code=stolen&state=wrong".to_owned(), own.clone(), "400"),
        ("GET", "/ona-azure?code=stolen".to_owned(), own.clone(), "400"),
        ("GET", "/ona-azure?error=access_denied&state=wrong".to_owned(), own.clone(), "400"),
        ("GET", format!("/ona-azure?code=a&code=b&state={state}"), own.clone(), "400"),
        ("GET", format!("/ona-azure?code=a&state={state}"), format!("evil.example:{port}"), "400"),
        ("GET", format!("/ona-azure?code=a&state={state}"), "localhost".to_owned(), "400"),
        ("GET", format!("/other?code=a&state={state}"), own.clone(), "404"),
        ("GET", format!("/ona-azure-native?code=a&state={state}"), own.clone(), "404"),
        ("GET", "/favicon.ico".to_owned(), own.clone(), "404"),
        ("POST", format!("/ona-azure?code=a&state={state}"), own.clone(), "405"),
        ("HEAD", format!("/ona-azure?code=a&state={state}"), own.clone(), "405"),
    ];
    // A browser opens connections it does not use.
    let _idle = TcpStream::connect(("127.0.0.1", port)).expect("it listens");
    for (method, target, host, status) in rows {
        let said = knock(port, &format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\n\r\n"));
        assert_eq!(said.split(' ').nth(1), Some(status), "{method} {target} {host}: {said}");
    }
    assert_eq!(machine.world.entra().token_requests("authorization_code"), 0);
    machine.world.browse(&address);
    login.finish().expect_success();
}

#[test]
fn a_code_that_is_not_ours_is_not_redeemed_into_a_session() {
    let machine = Machine::configured();
    let mut login = Login::start(&machine, &[]);
    let (port, state) = door(&login.address());
    knock(
        port,
        &format!(
            "GET /ona-azure?code=made-up&state={state} HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n"
        ),
    );
    let done = login.finish();
    assert_eq!(done.code, 4, "{done:#?}");
    assert!(ending(&done).starts_with("error: the sign-in did not complete: "), "{done:#?}");
    expect_nothing_kept(&machine);
}

#[test]
fn what_was_not_granted_is_said() {
    let machine = Machine::configured();
    machine.world.entra().grant_only(&["vso.code"]);
    let done = machine.login(&[], ADA).expect_success();
    assert_eq!(
        ending(&done),
        "warning: the sign-in allows to clone and fetch, but not to push: vso.code_write is not granted\n\
         hint: step 4 (API permissions): add Azure DevOps → Delegated → vso.code_write, then sign in again\n"
    );
    assert!(machine.get(CONTOSO_REQUEST).expect_success().attribute("password").is_some());
    // More than was asked for is as good.
    for granted in ["vso.code_manage", "vso.code_write"] {
        machine.world.entra().grant_only(&[granted]);
        machine.world.entra().override_token_response(|mut answer| {
            let scope = answer["scope"].as_str().unwrap_or_default();
            if scope.is_empty() {
                answer["scope"] = json!("499b84ac-1321-427f-aa17-267ca6975798/vso.code_manage");
            }
            answer
        });
        let done = machine.login(&[], ADA).expect_success();
        assert_eq!(ending(&done), "", "{granted}");
    }
}

#[test]
fn a_sign_in_that_grants_no_code_is_refused() {
    let machine = Machine::configured();
    machine.world.entra().grant_only(&[]);
    let done = machine.login(&[], ADA);
    assert_eq!(done.code, 1, "{done:#?}");
    assert_eq!(
        ending(&done),
        "error: the sign-in grants no access to code in Azure DevOps\n\
         hint: step 4 (API permissions): add Azure DevOps → Delegated → vso.code and vso.code_write\n"
    );
    expect_nothing_kept(&machine);
}

#[test]
fn a_sign_in_without_a_refresh_token_is_refused() {
    let machine = Machine::configured();
    machine.world.entra().omit_refresh_token(true);
    let done = machine.login(&[], ADA);
    assert_eq!(done.code, 1, "{done:#?}");
    assert_eq!(
        ending(&done),
        "error: the sign-in brought no refresh token, so it would end within the hour\n\
         hint: step 4 (API permissions): add Microsoft Graph → Delegated → offline_access\n"
    );
    expect_nothing_kept(&machine);
}

/// The ID token with other claims; nobody looks at the signature.
fn with_claims(answer: &mut Value, change: impl Fn(&mut Value)) {
    let token = answer["id_token"].as_str().expect("a token");
    let parts: Vec<_> = token.split('.').collect();
    let mut claims: Value =
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(parts[1]).expect("base64")).expect("JSON");
    change(&mut claims);
    let claims = URL_SAFE_NO_PAD.encode(claims.to_string());
    answer["id_token"] = json!(format!("{}.{claims}.{}", parts[0], parts[2]));
}

#[test]
fn an_id_token_that_is_not_for_this_sign_in_is_refused() {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock").as_secs();
    let rows: Vec<(&str, Value, &str)> = vec![
        ("nonce", json!("another"), "the ID token belongs to another sign-in"),
        ("nonce", Value::Null, "the ID token belongs to another sign-in"),
        (
            "aud",
            json!("99999999-0000-0000-0000-000000000000"),
            "the ID token is for another application",
        ),
        ("aud", json!([CLIENT_ID, "another"]), "the ID token is for another application"),
        (
            "iss",
            json!(format!("https://login.microsoftonline.com/{FABRIKAM}/v2.0")),
            "the ID token is of another issuer",
        ),
        (
            "iss",
            json!(format!("https://login.evil.example/{CONTOSO}/v2.0")),
            "the ID token is of another issuer",
        ),
        ("tid", json!(FABRIKAM), "the ID token is of another issuer"),
        (
            "exp",
            json!(now - 3600),
            "the ID token is expired or not yet valid by this machine's clock",
        ),
        ("exp", Value::Null, "the ID token is expired or not yet valid by this machine's clock"),
        (
            "iat",
            json!(now + 3600),
            "the ID token is expired or not yet valid by this machine's clock",
        ),
    ];
    let machine = Machine::configured();
    for (claim, value, said) in rows {
        let put = value.clone();
        machine.world.entra().override_token_response(move |mut answer| {
            with_claims(&mut answer, |claims| claims[claim] = put.clone());
            answer
        });
        let done = machine.login(&[], ADA);
        assert_eq!(done.code, 4, "{claim} {value}: {done:#?}");
        let hint = match claim {
            "nonce" => "sign in again: git-credential-ona-azure login https://dev.azure.com",
            "aud" => {
                "step 1 (app registration): compare the client ID with Overview → Application (client) ID"
            }
            "iss" | "tid" => {
                "step 1 (app registration): compare the Issuer URL with Overview → Directory (tenant) ID"
            }
            _ => "set this machine's clock, then sign in again",
        };
        assert_eq!(ending(&done), format!("error: {said}\nhint: {hint}\n"), "{claim} {value}");
        expect_nothing_kept(&machine);
    }
}

#[test]
fn an_id_token_that_is_unsigned_or_of_nobody_is_refused() {
    type Change = fn(&mut Value);
    let unsigned: Change = |answer| {
        let token = answer["id_token"].as_str().expect("a token").to_owned();
        let (_, rest) = token.split_once('.').expect("a JWT");
        // {"alg":"none"}, and {}
        answer["id_token"] = json!(format!("eyJhbGciOiJub25lIn0.{rest}"));
    };
    let without_algorithm: Change = |answer| {
        let token = answer["id_token"].as_str().expect("a token").to_owned();
        let (_, rest) = token.split_once('.').expect("a JWT");
        answer["id_token"] = json!(format!("e30.{rest}"));
    };
    let nobody: Change = |answer| with_claims(answer, |claims| claims["sub"] = Value::Null);
    let no_tenant: Change = |answer| with_claims(answer, |claims| claims["tid"] = Value::Null);
    for (change, what) in [
        (unsigned, "the ID token is not signed"),
        (without_algorithm, "the ID token is not signed"),
        (nobody, "the ID token does not say whose it is (sub)"),
        (no_tenant, "the ID token"),
    ] {
        let machine = Machine::configured();
        machine.world.entra().override_token_response(move |mut answer| {
            change(&mut answer);
            answer
        });
        let done = machine.login(&[], ADA);
        assert_eq!(done.code, 4, "{what} {done:#?}");
        assert!(done.stderr.contains(what), "{what} {done:#?}");
        expect_nothing_kept(&machine);
    }
}

/// RFC 6749 section 6: what was granted before needs no scope.
#[test]
fn a_refresh_that_is_refused_for_its_scope_is_tried_without() {
    let machine = Machine::signed_in();
    machine.age_access_token(4600);
    let fault = Fault::error(400, "invalid_scope", 70_011, "The scope is not valid.");
    machine.world.entra().fail(Target::Token, fault, Times::Once);
    machine.get(CONTOSO_REQUEST).expect_success();
    let form = machine.world.entra().last_token_form();
    assert!(form.iter().all(|(name, _)| name != "scope"), "{form:?}");
    assert!(form.iter().any(|(name, _)| name == "refresh_token"), "{form:?}");
}

#[test]
fn an_id_token_that_cannot_be_read_is_none() {
    let machine = Machine::configured();
    for token in [json!("one.two"), json!(""), json!("a.b.c"), Value::Null] {
        let put = token.clone();
        machine.world.entra().override_token_response(move |mut answer| {
            answer["id_token"] = put.clone();
            answer
        });
        let done = machine.login(&[], ADA);
        assert_eq!(done.code, 1, "{token}: {done:#?}");
        assert_eq!(
            ending(&done),
            "error: the sign-in brought no ID token\n\
             hint: step 4 (API permissions): add Microsoft Graph → Delegated → openid\n"
        );
        expect_nothing_kept(&machine);
    }
}

#[test]
fn a_code_that_cannot_be_redeemed_names_the_step() {
    let machine = Machine::configured();
    let wrong = Fault::error(401, "invalid_client", 7_000_215, "Invalid client secret provided.");
    machine.world.fail(Target::Token, wrong, Times::Once);
    let done = machine.login(&[], ADA).without_correlation_ids();
    assert_eq!(done.code, 1);
    assert_eq!(
        ending(&done),
        "error: the sign-in did not complete: the client secret is wrong; often the secret's ID was pasted \
         instead of its Value (AADSTS7000215)\n\
         hint: step 3 (client secret): Certificates & secrets → New client secret, copy the Value column, \
         then run integration add with --client-secret-stdin\n"
    );
    machine.world.fail(Target::Token, Fault::Html(503), Times::Always);
    let done = machine.login(&[], ADA);
    assert_eq!(done.code, 5);
    assert_eq!(
        ending(&done),
        "error: the sign-in did not complete: login.microsoftonline.com answered with HTTP status 503\n\
         hint: try again in a minute\n"
    );
    expect_nothing_kept(&machine);
}

#[test]
fn an_issuer_that_cannot_be_asked_stops_it_before_the_browser() {
    let machine = Machine::configured();
    machine.world.fail(Target::Discovery, Fault::Html(503), Times::Always);
    machine.helper(&["login"]).expect(
        5,
        "",
        "error: the issuer cannot be asked: login.microsoftonline.com answered with HTTP status 503\n\
         hint: try again in a minute\n",
    );
}

#[test]
fn without_oauth_the_way_to_give_a_token_is_named() {
    let machine = Machine::new();
    machine.add_pat_integration("dev.azure.com", &[]);
    machine.helper(&["login", "https://dev.azure.com/contoso"]).expect(
        1,
        "",
        "error: OAuth is not on for dev.azure.com\n\
         hint: give a personal access token: git-credential-ona-azure login \
         https://dev.azure.com/contoso --pat\n",
    );
}

#[test]
fn a_host_without_an_integration_is_us01() {
    let machine = Machine::new();
    for (arguments, host) in [
        (&["login"][..], "dev.azure.com"),
        (&["login", "https://contoso.visualstudio.com"], "contoso.visualstudio.com"),
        (&["login", "https://tfs.corp.example/tfs", "--pat"], "tfs.corp.example"),
        (&["logout", "dev.azure.com"], "dev.azure.com"),
    ] {
        let flags = match host {
            "tfs.corp.example" => "--host tfs.corp.example --virtual-directory /tfs --pat",
            _ => {
                "--host dev.azure.com --issuer-url \
                 https://login.microsoftonline.com/TENANT_ID/oauth2/v2.0 --client-id CLIENT_ID \
                 --client-secret-stdin --pat"
            }
        };
        machine.helper(arguments).expect(
            3,
            "",
            &format!(
                "error: Ona Cloud (US01) requires authentication with Source Control - the SCM \
                 integration for host {host} is not configured\n\
                 hint: ask the administrator of the runner to configure it; administrators: git-credential-ona-azure integration add {flags}\n"
            ),
        );
    }
}

#[test]
fn a_sign_in_that_is_interrupted_leaves_no_process_and_no_file() {
    let machine = Machine::configured();
    let mut login = Login::start(&machine, &[]);
    let listener = Listener::on(door(&login.address()).0);
    let before = machine.state();
    system::send(Signal::INT, login.id());
    let done = login.finish();
    assert_eq!((done.code, &*done.stdout), (130, ""), "{done:#?}");
    assert!(!listener.is_open(), "the port is still open");
    assert_eq!(machine.state(), before);
    let temporary = before.keys().any(|path| {
        path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(".tmp"))
    });
    assert!(!temporary, "{:?}", before.keys());
    expect_nothing_kept(&machine);
    // And the next one is not kept from anything.
    machine.sign_in();
}

#[test]
fn a_browser_gets_the_address_and_none_of_our_variables() {
    use std::os::unix::fs::PermissionsExt as _;

    let mut machine = Machine::configured();
    let seen = machine.home().join("seen");
    let browser = machine.home().join("browser");
    fs::write(
        &browser,
        format!(
            "#!/bin/sh\n{{ echo \"$1\"; env; }} > '{0}.part' && mv '{0}.part' '{0}'\n",
            seen.display()
        ),
    )
    .expect("written");
    fs::set_permissions(&browser, fs::Permissions::from_mode(0o755)).expect("changed");
    machine.set("BROWSER", browser.to_str().expect("text"));
    let state = machine.state_dir();
    machine.set("ONA_AZURE_STATE_DIR", state.to_str().expect("text"));
    let mut login = Login::start(&machine, &[]);
    let address = login.address();
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while !seen.exists() {
        assert!(std::time::Instant::now() < deadline, "the browser was not started");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    login.kill();
    let text = fs::read_to_string(seen).expect("readable");
    assert_eq!(text.lines().next(), Some(address.as_str()));
    assert!(!text.contains("ONA_AZURE"), "{text}");
}

#[test]
fn without_a_browser_it_says_so_and_waits() {
    let mut machine = Machine::configured();
    machine.set("BROWSER", "/nonexistent/browser");
    let mut login = Login::start(&machine, &[]);
    let address = login.address();
    machine.world.browse(&address);
    let done = login.finish().expect_success();
    assert_eq!(
        done.stderr,
        format!(
            "{OPEN}  {address}\n\nNo browser could be started here.\n\
             Other ways to sign in: git-credential-ona-azure login https://dev.azure.com --paste, or \
             git-credential-ona-azure login https://dev.azure.com --device, or \
             git-credential-ona-azure login https://dev.azure.com/ORGANIZATION --pat\n\
             Waiting for the address to be opened …\n"
        )
    );
}

#[test]
fn a_sign_in_for_one_organization_is_for_that_one_only() {
    let machine = Machine::signed_in();
    let done = machine.login(&["https://dev.azure.com/fabrikam"], GRACE).expect_success();
    assert_eq!(done.stdout, summary(&machine, GRACE, "organization fabrikam only"));
    let user = |request: &str| {
        let done = machine.get(request).expect_success();
        (done.attribute("username").expect("a name").to_owned(), done.password().to_owned())
    };
    let (ada, hers) = user(CONTOSO_REQUEST);
    let (grace, others) = user(FABRIKAM_REQUEST);
    assert_eq!((&*ada, &*grace), (ADA, GRACE));
    assert_ne!(hers, others);
    assert_eq!(
        user("protocol=https\nhost=fabrikam.visualstudio.com\npath=lib/_git/lib\n").0,
        GRACE
    );
    // It ends alone, and the other serves again.
    machine.helper(&["logout", "https://dev.azure.com/fabrikam"]).expect(
        0,
        "grace@contoso.example is signed out of dev.azure.com/fabrikam.\n",
        "note: the sign-in is forgotten here, but not by the issuer: a copy of the tokens works until they \
         end or are revoked\n\
         hint: to revoke it: https://myapps.microsoft.com → the app → Manage your application → Revoke \
         permissions; what an administrator consented to, only an administrator can revoke\n\
         note: the sign-in of ada@contoso.example to all of dev.azure.com still serves it\n\
         hint: to end that too: git-credential-ona-azure logout https://dev.azure.com\n",
    );
    assert_eq!(user(FABRIKAM_REQUEST), (ADA.to_owned(), hers));
}

/// An OpenID provider that is not Entra: what it was asked, and how it answers the next refresh.
struct Provider {
    issuer: String,
    tokens: Arc<Mutex<Vec<BTreeMap<String, String>>>>,
    dead: Arc<Mutex<bool>>,
}

impl Provider {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let issuer = format!("http://127.0.0.1:{port}");
        let (tokens, dead) = (Arc::<Mutex<Vec<_>>>::default(), Arc::<Mutex<bool>>::default());
        let own = (issuer.clone(), Arc::clone(&tokens), Arc::clone(&dead));
        std::thread::spawn(move || {
            let mut nonce = String::new();
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { return };
                let Some((target, body)) = read_request(&mut stream) else { continue };
                let url = Url::parse(&format!("{}{target}", own.0)).expect("a target");
                let asked: BTreeMap<_, _> = url.query_pairs().into_owned().collect();
                let answer = match url.path() {
                    "/.well-known/openid-configuration" => json_answer(
                        200,
                        &json!({
                            "issuer": own.0,
                            "authorization_endpoint": format!("{}/authorize", own.0),
                            "token_endpoint": format!("{}/token", own.0),
                        }),
                    ),
                    "/authorize" => {
                        nonce.clone_from(&asked["nonce"]);
                        let mut back = Url::parse(&asked["redirect_uri"]).expect("an address");
                        back.query_pairs_mut()
                            .append_pair("code", "the-code")
                            .append_pair("state", &asked["state"]);
                        format!(
                            "HTTP/1.1 302 Found\r\nLocation: {back}\r\nContent-Length: 0\r\n\r\n"
                        )
                    }
                    _ => {
                        let form: BTreeMap<_, _> =
                            url::form_urlencoded::parse(body.as_bytes()).into_owned().collect();
                        let mut tokens = own.1.lock().expect("not poisoned");
                        tokens.push(form.clone());
                        let dead = *own.2.lock().expect("not poisoned");
                        token_answer(&own.0, &form, &nonce, tokens.len(), dead)
                    }
                };
                let _ = stream.write_all(answer.as_bytes());
            }
        });
        Self { issuer, tokens, dead }
    }

    fn grants(&self) -> Vec<String> {
        let tokens = self.tokens.lock().expect("not poisoned");
        tokens.iter().map(|form| form["grant_type"].clone()).collect()
    }
}

fn read_request(stream: &mut TcpStream) -> Option<(String, String)> {
    let mut raw = Vec::new();
    let mut piece = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&raw).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
            });
            if body.len() >= length.unwrap_or(0) {
                return Some((head.split(' ').nth(1)?.to_owned(), body.to_owned()));
            }
        }
        match stream.read(&mut piece).ok()? {
            0 => return None,
            read => raw.extend(&piece[..read]),
        }
    }
}

fn json_answer(status: u16, value: &Value) -> String {
    let body = value.to_string();
    format!(
        "HTTP/1.1 {status} Answer\r\nContent-Type: application/json\r\nConnection: close\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn token_answer(
    issuer: &str,
    form: &BTreeMap<String, String>,
    nonce: &str,
    number: usize,
    dead: bool,
) -> String {
    if form["grant_type"] == "client_credentials" {
        return json_answer(400, &json!({ "error": "unauthorized_client" }));
    }
    if dead {
        return json_answer(400, &json!({ "error": "invalid_grant" }));
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock").as_secs();
    let claims = json!({
        "iss": issuer, "aud": form["client_id"], "exp": now + 600, "iat": now, "nonce": nonce,
        "sub": "7", "preferred_username": "lin@corp.example",
    });
    let id_token =
        format!("eyJhbGciOiJSUzI1NiJ9.{}.c2ln", URL_SAFE_NO_PAD.encode(claims.to_string()));
    json_answer(
        200,
        &json!({
            "token_type": "bearer",
            "access_token": format!("access-{number}"),
            "refresh_token": format!("refresh-{number}"),
            "expires_in": 3600,
            "id_token": id_token,
        }),
    )
}

#[test]
fn another_provider_is_taken_at_its_word_from_sign_in_to_the_end_of_the_session() {
    let provider = Provider::start();
    let mut machine = Machine::new();
    machine.set("NO_PROXY", "127.0.0.1");
    machine.set("no_proxy", "127.0.0.1");
    machine
        .integration_add(&[
            "--host",
            "dev.azure.com",
            "--issuer-url",
            &provider.issuer,
            "--client-id",
            "ours",
            "--client-secret-stdin",
        ])
        .expect_success();
    let tested = machine.helper(&["integration", "test"]).expect_success();
    for words in [
        &*format!("it answers as {}\n", provider.issuer),
        "the issuer knows the client; it gives it no token without a person (unauthorized_client)\n",
        "\nThe integration for dev.azure.com works.\n",
    ] {
        assert!(tested.stdout.contains(words), "{tested:#?}");
    }
    let done = machine.login(&[], ADA).expect_success();
    assert!(
        done.stdout.starts_with(
            "lin@corp.example is signed in to dev.azure.com.\n\n  for        every organization\n"
        ),
        "{done:#?}"
    );
    assert_eq!(machine.get(CONTOSO_REQUEST).expect_success().password(), "access-2");
    machine.age_access_token(3600);
    assert_eq!(machine.get(CONTOSO_REQUEST).expect_success().password(), "access-3");
    assert_eq!(
        provider.grants(),
        ["client_credentials", "authorization_code", "refresh_token"],
        "one request for each"
    );
    let sent = provider.tokens.lock().expect("not poisoned")[2].clone();
    assert_eq!((&*sent["refresh_token"], &*sent["client_secret"]), ("refresh-2", CLIENT_SECRET));
    // Its invalid_grant means what RFC 6749 says.
    *provider.dead.lock().expect("not poisoned") = true;
    machine.age_access_token(3600);
    for _ in 0..2 {
        let done = machine.get(CONTOSO_REQUEST);
        assert_eq!((done.code, &*done.stdout), (4, "quit=1\n"), "{done:#?}");
    }
    assert_eq!(provider.grants().len(), 4, "a dead session is not tried again");
}
