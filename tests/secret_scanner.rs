//! The look for secrets that every other test takes in passing: that it finds them.

mod common;

use std::fs;
use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use common::loopback::query;
use common::scan::prints_credential;
use common::terminal::Terminal;
use common::*;
use standins::{ADA, CLIENT_SECRET};

/// A secret as it may get out.
fn disguises(secret: &str) -> Vec<String> {
    let mut forms = vec![
        secret.to_owned(),
        secret[secret.len() - 20..].to_owned(),
        percent_encoding::utf8_percent_encode(secret, percent_encoding::NON_ALPHANUMERIC)
            .to_string(),
        url::form_urlencoded::byte_serialize(secret.as_bytes()).collect(),
        serde_json::json!({ "access_token": secret }).to_string(),
    ];
    for user in ["", "a", "ab", "ada", "ada@contoso.example"] {
        forms.push(STANDARD.encode(format!("{user}:{secret}")));
        forms.push(URL_SAFE.encode(format!("{user}:{secret}\n")));
    }
    forms
}

#[test]
fn a_secret_is_found_in_whatever_form_it_gets_out() {
    let machine = Machine::loaded();
    let mut secrets = machine.world.secrets();
    secrets.retain(|secret| secret.len() >= 20);
    assert!(secrets.len() >= 5, "{secrets:?}");
    let odd = "a secret+with/every=kind~of%character&é";
    machine.scanner().add(odd);
    secrets.push(odd.to_owned());
    for secret in &secrets {
        for text in disguises(secret) {
            let text = format!("warning: git said {text}, and went on");
            assert!(machine.scanner().find(&text).is_some(), "{secret} in {text}");
        }
    }
    let harmless = machine.helper(&["status", "--json"]).expect_success().stdout;
    assert_eq!(machine.scanner().find(&harmless), None);
}

#[test]
fn the_world_knows_every_kind_of_secret() {
    let machine = Machine::configured();
    let mut login = Login::start(&machine, &["--browser"]);
    let address = login.address();
    let elsewhere = machine.world.browse_elsewhere(&address, ADA);
    let code = query(&elsewhere)["code"].clone();
    login.kill();
    machine.sign_in();
    let verifier = machine.world.entra().last_token_form();
    let verifier = verifier.iter().find(|(name, _)| name == "code_verifier").expect("sent");
    let pat = machine.new_pat("contoso");
    let session = machine.session();
    let access = machine.access().expect("a session").token.expect("a token");
    let never_issued = "kx".repeat(26);
    machine.helper_with(&["login", "https://dev.azure.com/contoso", "--pat"], &never_issued);
    let known = machine.world.secrets();
    for (what, secret) in [
        ("code", &*code),
        ("code verifier", &verifier.1),
        ("client secret", CLIENT_SECRET),
        ("token of an organization", &pat),
        ("token of a Server", &machine.world.server().add_pat()),
        ("token that nobody issued", &never_issued),
        ("access token", access.expose_str().expect("text")),
        (
            "refresh token",
            session.refresh_token.as_ref().and_then(|token| token.expose_str()).expect("text"),
        ),
    ] {
        let known = known.iter().any(|known| known == secret)
            || machine.world.secrets().iter().any(|known| known == secret);
        assert!(known, "{what}: {secret}");
    }
}

/// Whether a test that does this fails.
fn fails(what: impl FnOnce()) -> bool {
    catch_unwind(AssertUnwindSafe(what)).is_err()
}

#[test]
fn a_test_that_lets_a_secret_be_seen_fails() {
    let machine = Machine::signed_in();
    assert!(fails(|| drop(machine.shell("cat >&2", CLIENT_SECRET))), "standard error");
    assert!(fails(|| drop(machine.shell("cat", CLIENT_SECRET))), "standard output");
    assert!(fails(|| drop(run(
        machine.command("cat").env_remove("HOME"),
        CLIENT_SECRET.as_bytes()
    ))));
    let file = machine.home().join("file");
    fs::write(&file, CLIENT_SECRET).expect("written");
    assert!(fails(|| machine.scan_file(&file)), "a file");
    assert!(fails(|| drop(Terminal::start(&machine, "cat ../file").finish())), "a terminal");
    // What is there to be printed is no finding; what is said beside it is.
    machine.get(CONTOSO_REQUEST).expect_success();
    assert!(fails(|| {
        machine.shell("\"$PROGRAM\" get; cat ../file >&2", CONTOSO_REQUEST);
    }));
    // Where a command line lets standard error go is looked into at the end, as the trace is.
    for name in ["home/work/said", "trace"] {
        let machine = Machine::signed_in();
        let path = machine.home().parent().expect("a directory").join(name);
        let mut file = fs::File::options().append(true).create(true).open(path).expect("opens");
        writeln!(file, "2026-11-24T18:10:42.123Z 4711 begin x={CLIENT_SECRET}").expect("written");
        assert!(fails(|| drop(machine)), "{name}");
    }
    // So is, where it is asked for, what is kept here of an issuer that the stand-ins know nothing of.
    let machine = Machine::signed_in();
    machine.change_access(|access| access.token = Some("of-another-issuer-entirely".into()));
    fs::write(machine.home().join("said"), "of-another-issuer-entirely").expect("written");
    machine.add_what_is_kept();
    assert!(fails(|| drop(machine)), "a token of another issuer");
    let machine = Machine::signed_in();
    fs::write(machine.trace_file(), "half a line").expect("written");
    assert!(fails(|| drop(machine)), "a line that is torn");
}

#[test]
fn only_what_prints_a_credential_where_it_is_seen_may_show_one() {
    for (line, shows) in [
        (&*format!("{PROGRAM} get"), true),
        (&format!("{PROGRAM} token https://dev.azure.com/contoso"), true),
        (&format!("strace -o /tmp/x {PROGRAM} get"), true),
        ("git -c credential.helper= credential fill", true),
        ("exec \"$PROGRAM\" get 2>/dev/null", true),
        ("\"$PROGRAM\" get <../request >answer 2>said", false),
        ("\"$PROGRAM\" token --header x | curl -H @- y", false),
        (&format!("{PROGRAM} status"), false),
        (&format!("{PROGRAM} login --pat"), false),
        ("git fetch", false),
        ("git credential approve", false),
    ] {
        assert_eq!(prints_credential(line), shows, "{line}");
    }
}
