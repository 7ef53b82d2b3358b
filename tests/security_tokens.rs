//! What a token endpoint may send, and what never comes of it.

mod common;

use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use common::system::can_trace;
use common::*;
use git_credential_ona_azure::vault::{Access, Session};
use serde_json::{Value, json};
use standins::{FABRIKAM, Fault, Target, Times, World};

/// A machine on which Ada is signed in and her access token has run out.
fn with_expired_token() -> Machine {
    let machine = Machine::signed_in();
    machine.age_access_token(4600);
    machine
}

fn session(machine: &Machine) -> Session {
    machine.vault().read("dev.azure.com").expect("a vault that opens").expect("a session")
}

/// Forgets that a refresh failed, as time would make it.
fn forget_failure(machine: &Machine) {
    machine.change_access(|access| access.hold_off = None);
}

/// The refresh token given out last, from now on.
fn record_refresh_tokens(machine: &Machine) -> Arc<Mutex<String>> {
    let newest = Arc::new(Mutex::new(String::new()));
    let recorder = Arc::clone(&newest);
    machine.world.entra().override_token_response(move |answer| {
        let token = answer["refresh_token"].as_str().expect("rotated").to_owned();
        *recorder.lock().expect("no panic") = token;
        answer
    });
    newest
}

/// A token with other claims.
fn with_claims(token: &Value, change: impl FnOnce(&mut Value)) -> Value {
    let parts: Vec<_> = token.as_str().expect("a token").split('.').collect();
    let bytes = URL_SAFE_NO_PAD.decode(parts[1]).expect("a JWT");
    let mut claims = serde_json::from_slice(&bytes).expect("claims");
    change(&mut claims);
    let claims = URL_SAFE_NO_PAD.encode(claims.to_string());
    json!(format!("{}.{claims}.{}", parts[0], parts[2]))
}

/// Nothing of an answer reached git or the vault: the session is as it was before.
#[track_caller]
fn expect_nothing_came_of_it(machine: &Machine, done: &Done, before: &Session, what: &str) {
    assert_eq!(done.stdout, "quit=1\n", "{what}: {done:#?}");
    assert_eq!(done.code, 5, "{what}: {done:#?}");
    assert!(
        done.stderr
            .starts_with("error: the access token of ada@contoso.example cannot be refreshed: "),
        "{what}: {}",
        done.stderr
    );
    assert_eq!(done.stderr.lines().count(), 2, "{what}: {}", done.stderr);
    assert_eq!(&session(machine), before, "{what}");
}

#[test]
fn g02_a_redirect_is_not_followed_and_netrc_is_not_read() {
    let machine = with_expired_token();
    fs::write(
        machine.home().join(".netrc"),
        "machine login.microsoftonline.com login mallory password netrc-secret\n\
         machine git.example.org login mallory password netrc-secret\n\
         default login mallory password netrc-secret\n",
    )
    .expect("written");
    for (status, location) in [
        (302, "https://git.example.org/steal"),
        (307, "https://git.example.org/steal"),
        (308, "https://login.microsoftonline.com/elsewhere"),
        (301, "http://login.microsoftonline.com/clear"),
    ] {
        let before = session(&machine);
        let seen = machine.world.requests().len();
        let headers = vec![("location".to_owned(), location.to_owned())];
        let fault = Fault::Raw { status, headers, body: Vec::new() };
        machine.world.fail(Target::Token, fault, Times::Once);
        let done = machine.get(CONTOSO_REQUEST);
        expect_nothing_came_of_it(&machine, &done, &before, location);
        let new: Vec<_> = machine.world.requests().split_off(seen);
        assert_eq!(new.len(), 1, "the redirect to {location} was followed: {new:#?}");
        forget_failure(&machine);
    }
    machine.get(CONTOSO_REQUEST).expect_success();
    assert_eq!(machine.world.connections("git.example.org"), 0);
    let to_login: Vec<_> = machine
        .world
        .requests()
        .into_iter()
        .filter(|seen| seen.host == "login.microsoftonline.com" && seen.authorization.is_some())
        .collect();
    assert_eq!(to_login, [], "no Authorization header goes to the login host");
}

#[test]
fn g03_certificates_are_checked_whatever_git_is_told() {
    let mut machine = with_expired_token();
    let other = World::start();
    machine.unset("GIT_SSL_CAINFO");
    machine.set("SSL_CERT_FILE", other.ca_file().to_str().expect("text"));
    machine.set("GIT_SSL_NO_VERIFY", "1");
    machine.set("NODE_TLS_REJECT_UNAUTHORIZED", "0");
    let config = machine.git(&["config", "--global", "http.sslVerify", "false"]);
    config.expect_success();
    let before = session(&machine);
    let seen = machine.world.requests().len();
    let done = machine.get(CONTOSO_REQUEST);
    expect_nothing_came_of_it(&machine, &done, &before, "another authority");
    assert_eq!(
        done.stderr,
        "error: the access token of ada@contoso.example cannot be refreshed: the certificate of \
         login.microsoftonline.com is signed by an authority this machine does not trust\n\
         hint: name your organization's CA bundle: git config --global http.sslCAInfo <file.pem>\n"
    );
    assert_eq!(machine.world.requests().len(), seen, "nothing was sent");
    // The authority named the way git names it, and all is well.
    forget_failure(&machine);
    let ca = machine.world.ca_file().to_str().expect("text").to_owned();
    machine.git(&["config", "--global", "http.sslCAInfo", &ca]).expect_success();
    machine.get(CONTOSO_REQUEST).expect_success();
}

#[test]
fn g03_an_unreadable_ca_bundle_is_an_error_and_not_a_reason_to_trust_all() {
    let mut machine = with_expired_token();
    let bundle = machine.home().join("bundle.pem");
    machine.set("GIT_SSL_CAINFO", bundle.to_str().expect("text"));
    for content in [None, Some("not a certificate\n"), Some("")] {
        match content {
            Some(content) => fs::write(&bundle, content).expect("written"),
            None => assert!(!bundle.exists()),
        }
        let before = session(&machine);
        let seen = machine.world.requests().len();
        let done = machine.get(CONTOSO_REQUEST);
        expect_nothing_came_of_it(&machine, &done, &before, "a bad bundle");
        assert!(done.stderr.contains("bundle.pem cannot be read as PEM"), "{}", done.stderr);
        assert_eq!(machine.world.requests().len(), seen, "nothing was sent");
        forget_failure(&machine);
    }
}

/// The program with less memory than the answer has bytes.
fn get_with_little_memory(machine: &Machine) -> Done {
    machine.shell("ulimit -d 131072; exec \"$PROGRAM\" get", CONTOSO_REQUEST)
}

#[test]
fn g05_an_endless_answer_is_cut_off() {
    let machine = with_expired_token();
    for target in [Target::Token, Target::Discovery] {
        if target == Target::Discovery {
            // So that discovery is asked for.
            let discovery = machine.entry("discovery");
            fs::remove_file(discovery).expect("removed");
        }
        let before = session(&machine);
        machine.world.fail(target, Fault::Oversized, Times::Once);
        let done = get_with_little_memory(&machine);
        expect_nothing_came_of_it(&machine, &done, &before, "200 MiB");
        assert!(
            done.stderr.contains("login.microsoftonline.com sent more than any answer should have"),
            "{}",
            done.stderr
        );
        forget_failure(&machine);
    }
    get_with_little_memory(&machine).expect_success();
}

#[test]
fn g05_a_gzip_bomb_is_not_unpacked() {
    if !has("gzip") {
        return;
    }
    let machine = with_expired_token();
    let mut gzip = Command::new("gzip")
        .arg("-9")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("gzip starts");
    let mut input = gzip.stdin.take().expect("piped");
    let feeder = std::thread::spawn(move || {
        let _ = input.write_all(b"{\"token_type\":\"Bearer\",\"access_token\":\"");
        for _ in 0..256 {
            let _ = input.write_all(&[b'A'; 1 << 20]);
        }
        let _ = input.write_all(b"\"}");
    });
    let body = gzip.wait_with_output().expect("gzip ends").stdout;
    feeder.join().expect("fed");
    assert!(body.len() < 1 << 20, "a small answer that becomes a large one");
    let before = session(&machine);
    let headers = vec![
        ("content-type".to_owned(), "application/json".to_owned()),
        ("content-encoding".to_owned(), "gzip".to_owned()),
    ];
    machine.world.fail(Target::Token, Fault::Raw { status: 200, headers, body }, Times::Once);
    let done = get_with_little_memory(&machine);
    expect_nothing_came_of_it(&machine, &done, &before, "a gzip bomb");
}

#[test]
fn g06_an_answer_of_the_wrong_form_gives_nothing_and_keeps_everything() {
    let machine = with_expired_token();
    let raw = |body: &str| Fault::Raw {
        status: 200,
        headers: vec![("content-type".to_owned(), "application/json".to_owned())],
        body: body.as_bytes().to_vec(),
    };
    let whole = r#"{"token_type":"Bearer","access_token":"x","expires_in":NUMBER}"#;
    let mut bodies: Vec<String> = [
        "NaN",
        "-1",
        "1e12",
        "1000000000000",
        "0",
        "\"abc\"",
        "null1",
        "99999999999999999999999",
        "true",
        "{}",
        "[3600]",
        "3600.5",
    ]
    .into_iter()
    .map(|number| whole.replace("NUMBER", number))
    .collect();
    bodies.extend(
        [
            "",
            "null",
            "[]",
            "\"Bearer\"",
            "{\"access_token\":\"x\"",
            r#"{"access_token":"x","expires_in":3600}"#,
            r#"{"token_type":"Bearer","expires_in":3600,"refresh_token":"y"}"#,
            r#"{"token_type":"Bearer","access_token":"","expires_in":3600}"#,
            r#"{"token_type":"Bearer","access_token":null,"expires_in":3600}"#,
            r#"{"token_type":"Bearer","access_token":7,"expires_in":3600}"#,
            r#"{"token_type":"mac","access_token":"x","expires_in":3600,"refresh_token":"y"}"#,
            r#"{"token_type":"Bearer","access_token":"x\ny","expires_in":3600}"#,
            r#"{"token_type":"Bearer","access_token":"x\ry","expires_in":3600}"#,
            r#"{"token_type":"Bearer","access_token":"x\u0000y","expires_in":3600}"#,
            "<html><body>Sign in to the network</body></html>",
        ]
        .map(str::to_owned),
    );
    // Deeper than a parser that calls itself may go.
    bodies.push(format!("{{\"token_type\":{}", "[".repeat(200_000)));
    let before = session(&machine);
    for body in bodies {
        machine.world.fail(Target::Token, raw(&body), Times::Once);
        let done = machine.get(CONTOSO_REQUEST);
        let what = &body[..body.len().min(120)];
        expect_nothing_came_of_it(&machine, &done, &before, what);
        assert!(!done.stderr.contains("panicked"), "{what}: {}", done.stderr);
        forget_failure(&machine);
    }
    machine.get(CONTOSO_REQUEST).expect_success();
}

#[test]
fn g08_a_service_that_is_down_costs_neither_token_nor_pat() {
    let machine = with_expired_token();
    let refreshes = || machine.world.entra().token_requests("refresh_token");
    let asked =
        || machine.world.requests().iter().filter(|seen| seen.path.ends_with("/token")).count();
    let before = session(&machine);
    let faults = [
        ("429 with Retry-After", Fault::Throttle { retry_after: Some(30) }, 1),
        ("429 without", Fault::Throttle { retry_after: None }, 1),
        ("503", Fault::Html(503), 2),
        ("502", Fault::Html(502), 2),
        ("reset", Fault::Reset, 1),
        (
            "temporarily_unavailable",
            Fault::error(503, "temporarily_unavailable", 90033, "A transient error has occurred."),
            2,
        ),
    ];
    for (what, fault, most) in faults {
        let earlier = asked();
        machine.world.fail(Target::Token, fault, Times::Always);
        let done = machine.get(CONTOSO_REQUEST);
        expect_nothing_came_of_it(&machine, &done, &before, what);
        assert_eq!(asked() - earlier, most, "requests for {what}");
        // At once again: nobody hammers a service that is down.
        let again = machine.get(CONTOSO_REQUEST);
        expect_nothing_came_of_it(&machine, &again, &before, what);
        assert_eq!(asked() - earlier, most, "no request is added while {what} holds");
        machine.world.clear_faults();
        forget_failure(&machine);
    }
    // With a personal access token, that is what git is given, and it too stays.
    machine.give_pat("https://dev.azure.com/contoso", "contoso-pat", &[]);
    machine.world.fail(Target::Token, Fault::Throttle { retry_after: Some(30) }, Times::Always);
    for _ in 0..2 {
        let done = machine.get(CONTOSO_REQUEST).expect_success();
        assert_eq!(done.password(), "contoso-pat");
    }
    machine.world.clear_faults();
    forget_failure(&machine);
    let fine = refreshes();
    machine.get(CONTOSO_REQUEST).expect_success();
    assert_eq!(refreshes(), fine + 1);
}

#[test]
fn g09_the_rotated_refresh_token_is_on_disk_before_git_has_the_answer() {
    if !can_trace() {
        return;
    }
    let machine = with_expired_token();
    let newest = record_refresh_tokens(&machine);
    let before = session(&machine).refresh_token;
    let (done, trace) = machine.traced(
        &["-e", "trace=rename,renameat,renameat2,fsync,fdatasync,write"],
        &["get"],
        CONTOSO_REQUEST,
    );
    done.clone().expect_success();
    let after = session(&machine).refresh_token.expect("a refresh token");
    assert_ne!(Some(&after), before.as_ref(), "the service rotates");
    assert_eq!(after.expose_str(), Some(newest.lock().expect("no panic").as_str()));
    let line = |what: &dyn Fn(&str) -> bool, from: usize| {
        let found = trace.lines().enumerate().skip(from).find(|(_, line)| what(line));
        found.unwrap_or_else(|| panic!("not in the trace from line {from}:\n{trace}")).0
    };
    let answered = line(&|line| line.contains("write(1, \"") && line.contains("password="), 0);
    let sealed = line(&|line| line.contains("rename") && line.contains("/session-"), 0);
    // The file's bytes before its name, and the name before the answer.
    let renamed_from = trace.lines().nth(sealed).expect("a line");
    assert!(renamed_from.contains(".tmp-") && renamed_from.ends_with("= 0"), "{renamed_from}");
    let synced: Vec<_> = trace
        .lines()
        .enumerate()
        .filter(|(_, line)| line.contains("fsync(") && line.ends_with("= 0"))
        .map(|(at, _)| at)
        .collect();
    assert!(synced.contains(&(sealed - 1)), "the file is synced before its rename:\n{trace}");
    assert!(
        synced.iter().any(|at| (sealed + 1..answered).contains(at)),
        "the directory is synced before the answer:\n{trace}"
    );
}

#[test]
fn g09_killed_before_the_answer_the_newest_refresh_token_is_kept() {
    if !can_trace() {
        return;
    }
    let mut machine = with_expired_token();
    // A service that takes every refresh token once only.
    machine.world.entra().strict_rotation(true);
    let newest = record_refresh_tokens(&machine);
    let out = machine.home().join("out");
    machine.set("OUT", out.to_str().expect("text"));
    let done = machine.shell(
        "exec strace -f -qq -o /dev/null -P \"$OUT\" -e trace=write -e inject=write:signal=KILL \
         \"$PROGRAM\" get >\"$OUT\"",
        CONTOSO_REQUEST,
    );
    assert_eq!(done.code, 128 + 9, "killed at the answer: {done:#?}");
    assert_eq!(fs::read_to_string(&out).expect("a file"), "", "before a byte of it was out");
    let kept = session(&machine).refresh_token.expect("a refresh token");
    assert_eq!(kept.expose_str(), Some(newest.lock().expect("no panic").as_str()));
    let refreshes = machine.world.entra().token_requests("refresh_token");
    machine.get(CONTOSO_REQUEST).expect_success();
    assert_eq!(machine.world.entra().token_requests("refresh_token"), refreshes);
    machine.age_access_token(4600);
    machine.get(CONTOSO_REQUEST).expect_success();
}

#[test]
fn g11_a_token_for_something_else_is_neither_given_nor_kept() {
    type Change = fn(Value) -> Value;
    let changes: [(&str, &str, Change); 7] = [
        ("a scope without code", "not for the code of Azure DevOps", |mut answer| {
            answer["scope"] = json!("499b84ac-1321-427f-aa17-267ca6975798/vso.work openid");
            answer
        }),
        ("an access token for Graph", "for another service than Azure DevOps", |mut answer| {
            answer["access_token"] = with_claims(&answer["access_token"], |claims| {
                claims["aud"] = json!("00000003-0000-0000-c000-000000000000");
            });
            answer
        }),
        ("another tenant", "the ID token is of another", |mut answer| {
            answer["id_token"] = with_claims(&answer["id_token"], |claims| {
                claims["tid"] = json!(FABRIKAM);
                claims["iss"] = json!(format!("https://login.microsoftonline.com/{FABRIKAM}/v2.0"));
            });
            answer
        }),
        ("a tenant that is not its issuer's", "the ID token is of another", |mut answer| {
            answer["id_token"] = with_claims(&answer["id_token"], |claims| {
                claims["tid"] = json!(FABRIKAM);
            });
            answer
        }),
        ("another application", "the ID token is for another application", |mut answer| {
            answer["id_token"] = with_claims(&answer["id_token"], |claims| {
                claims["aud"] = json!("99999999-3333-4444-5555-666677778888");
            });
            answer
        }),
        ("another account", "the ID token is of another account", |mut answer| {
            answer["id_token"] = with_claims(&answer["id_token"], |claims| {
                claims["sub"] = json!("somebody-else");
            });
            answer
        }),
        ("yesterday's ID token", "expired or not yet valid", |mut answer| {
            answer["id_token"] = with_claims(&answer["id_token"], |claims| {
                claims["exp"] = json!(1_000_000_000);
            });
            answer
        }),
    ];
    let machine = with_expired_token();
    let before = session(&machine);
    for (what, text, change) in changes {
        machine.world.entra().override_token_response(change);
        let done = machine.get(CONTOSO_REQUEST);
        expect_nothing_came_of_it(&machine, &done, &before, what);
        assert!(done.stderr.contains(text), "{what}: {}", done.stderr);
        forget_failure(&machine);
    }
    // A sign-in brings no more than a refresh.
    let fresh = Machine::configured();
    for (what, text, change) in changes {
        // Nobody was signed in who could be another account.
        if ["an access token for Graph", "another account"].contains(&what) {
            continue;
        }
        fresh.world.entra().override_token_response(change);
        let done = fresh.login(&[], standins::ADA);
        assert_ne!(done.code, 0, "{what}: {done:#?}");
        let cause = if what.starts_with("a scope") { "no access to code" } else { text };
        assert!(done.stderr.contains(cause), "{what}: {}", done.stderr);
        assert_eq!(fresh.access(), None, "{what}");
        assert_eq!(fresh.vault().read::<Session>("dev.azure.com").expect("opens"), None, "{what}");
    }
}

#[test]
fn g12_a_token_of_a_million_dots_is_a_token_like_any_other() {
    let machine = with_expired_token();
    let dots = ".".repeat(1_000_000);
    let body = json!({"token_type": "Bearer", "access_token": dots, "expires_in": 3600});
    let raw = Fault::Raw {
        status: 200,
        headers: vec![("content-type".to_owned(), "application/json".to_owned())],
        body: body.to_string().into_bytes(),
    };
    machine.world.fail(Target::Token, raw, Times::Once);
    let started = Instant::now();
    let done = machine.get(CONTOSO_REQUEST).expect_success();
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    assert_eq!(done.password().len(), dots.len());
    let kept: Access = machine.access().expect("kept");
    assert_eq!(kept.token.expect("a token").expose().len(), dots.len());

    // An ID token must be one.
    machine.age_access_token(4600);
    let before = session(&machine);
    machine.world.entra().override_token_response(|mut answer| {
        answer["id_token"] = json!(".".repeat(1_000_000));
        answer
    });
    let started = Instant::now();
    let done = machine.get(CONTOSO_REQUEST);
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    expect_nothing_came_of_it(&machine, &done, &before, "an ID token of dots");
}
