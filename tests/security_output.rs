//! What leaves the program: whole answers or none, no secret where none belongs. The tests carry
//! the ids of the security cases.

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use common::*;
use git_credential_ona_azure::azure::Organization;
use git_credential_ona_azure::secret::Secret;
use git_credential_ona_azure::vault::{Pat, PatLogin, Pats};
use standins::{ADA, CLIENT_SECRET, Dead, Fault, Target, Times};

/// Damages the entries of a kind half way.
fn damage(machine: &Machine, kind: &str) {
    let mut damaged = 0;
    for (path, mut bytes) in machine.state() {
        let name = path.file_name().expect("a file").to_string_lossy().into_owned();
        if name.starts_with(&format!("{kind}-")) && name.ends_with(".sealed") {
            bytes.truncate(bytes.len() / 2);
            fs::write(path, bytes).expect("written");
            damaged += 1;
        }
    }
    assert!(damaged > 0, "there is no {kind} to damage");
}

/// `integration add` with Save & Test.
fn add(issuer: &str) -> [&str; 10] {
    [
        "integration",
        "add",
        "--host",
        "dev.azure.com",
        "--pat",
        "--issuer-url",
        issuer,
        "--client-id",
        standins::CLIENT_ID,
        "--client-secret-stdin",
    ]
}

#[test]
fn c02_an_error_half_way_leaves_no_half_answer() {
    // The access token is there and good for a while, what makes the next one is not.
    let machine = Machine::signed_in();
    machine.age_access_token(4500 - 120);
    damage(&machine, "session");
    machine.get(CONTOSO_REQUEST).expect_quit(1);

    let machine = Machine::signed_in();
    damage(&machine, "access");
    damage(&machine, "session");
    machine.get(CONTOSO_REQUEST).expect_quit(1);

    // OAuth has nothing, the tokens cannot be read.
    let machine = Machine::loaded();
    machine.change_access(|access| access.token = None);
    machine.world.entra().revoke_refresh_tokens(Dead::Inactivity);
    damage(&machine, "pats");
    machine.get(CONTOSO_REQUEST).expect_quit(1);

    let machine = Machine::loaded();
    fs::write(machine.state_dir().join("vault.json"), "{\"version\":1,").expect("written");
    machine.get(CONTOSO_REQUEST).expect_quit(1);

    let machine = Machine::loaded();
    let text = fs::read(machine.integrations_file()).expect("readable");
    fs::write(machine.integrations_file(), &text[..text.len() / 2]).expect("written");
    machine.get(CONTOSO_REQUEST).expect_quit(1);
    // Whether another host is ours cannot be told then, so git is not stopped for it.
    assert_eq!(machine.get("protocol=https\nhost=git.example.org\n").stdout, "");
}

#[test]
fn c03_a_value_that_would_break_its_line_is_never_printed() {
    let machine = Machine::signed_in();
    for (number, token) in
        ["part\nhost=evil.example", "part\r", "part\0more", "\n"].into_iter().enumerate()
    {
        machine.change_access(|access| access.token = Some(Secret::from(token)));
        let said = machine.get(CONTOSO_REQUEST).expect_quit(1);
        assert!(!said.contains("part") && said.lines().count() == 2, "{number}: {said}");
    }
    machine.change_access(|access| {
        access.token = Some(Secret::from("good"));
        access.account = "ada\nhost=evil.example".to_owned();
    });
    machine.get(CONTOSO_REQUEST).expect_quit(1);

    let machine = Machine::tokens_only();
    machine.new_pat("contoso");
    let (vault, of) = (machine.vault(), "https://dev.azure.com");
    for (username, password, refresh_token) in
        [("u", "part\nmore", ""), ("u\nhost=evil.example", "part", ""), ("u", "part", "a\nquit=0")]
    {
        let pat = Pat {
            organization: Organization::cloud("contoso"),
            username: Some(username.into()),
            login: PatLogin::Password(Secret::from(password)),
            expires_at: None,
            oauth_refresh_token: Some(Secret::from(refresh_token)),
            kept_at: 1,
            empty_name: false,
            passed_through: false,
        };
        let pats = Pats { pats: vec![pat] };
        vault.update(of, |kept| *kept = Some(pats.clone())).expect("written");
        let said = machine.get(CONTOSO_REQUEST).expect_quit(1);
        assert!(!said.contains("part"), "{said}");
    }
}

/// The keys of an answer, in order.
fn keys(answer: &Done) -> Vec<&str> {
    answer.stdout.lines().filter_map(|line| line.split_once('=')).map(|(key, _)| key).collect()
}

/// A machine whose git may be given a header.
fn with_bearer() -> Machine {
    let machine = Machine::new();
    machine.add_integration(&["--pat", "--bearer"]);
    machine.set_up_git();
    machine.sign_in();
    machine
}

#[test]
fn c05_a_header_is_never_given_to_who_did_not_ask_for_one() {
    let machine = with_bearer();
    for capability in ["", "capability[]=state\n", "capability[]=\n", "capability[]=AUTHTYPE\n"] {
        let answer = machine.get(format!("{capability}{CONTOSO_REQUEST}")).expect_success();
        let mut expected = vec!["username", "password", "password_expiry_utc"];
        if capability == "capability[]=state\n" {
            expected.insert(0, "capability[]");
            expected.push("state[]");
            assert!(answer.stdout.starts_with("capability[]=state\n"), "{answer:#?}");
        }
        assert_eq!(keys(&answer), expected, "{answer:#?}");
    }
    let token = machine.get(CONTOSO_REQUEST).password().to_owned();
    for git in gits() {
        let filled = machine.git_credential(&git, &[], "fill", CONTOSO_REQUEST).expect_success();
        assert_eq!(filled.password(), token, "{:?}", git.version);
        assert_eq!(filled.attribute("username"), Some(ADA));
        assert_eq!(filled.attribute("credential"), None);
    }
}

#[test]
fn c06_the_capability_comes_before_the_header_and_git_takes_it() {
    let machine = with_bearer();
    let token = machine.get(CONTOSO_REQUEST).password().to_owned();
    let request = format!("capability[]=authtype\n{CONTOSO_REQUEST}");
    let answer = machine.get(&request).expect_success();
    assert_eq!(
        keys(&answer),
        ["capability[]", "authtype", "credential", "password_expiry_utc"],
        "{answer:#?}"
    );
    assert!(answer.stdout.starts_with("capability[]=authtype\nauthtype=Bearer\n"), "{answer:#?}");
    for git in gits_since((2, 46)) {
        let filled = machine.git_credential(&git, &[], "fill", &request).expect_success();
        assert_eq!(filled.attribute("capability[]"), Some("authtype"), "{filled:#?}");
        assert_eq!(filled.attribute("authtype"), Some("Bearer"), "{filled:#?}");
        assert_eq!(filled.attribute("credential"), Some(token.as_str()), "{filled:#?}");
        assert_eq!(filled.attribute("password"), None, "{filled:#?}");
    }
    // Not switched on, so not given, whoever asks.
    let machine = Machine::signed_in();
    let answer = machine.get(&request).expect_success();
    assert_eq!(keys(&answer), ["username", "password", "password_expiry_utc"]);
}

#[test]
fn c08_an_expiry_is_printed_as_positive_decimal_seconds_or_not_at_all() {
    let machine = Machine::signed_in();
    let answer = machine.get(CONTOSO_REQUEST).expect_success();
    let expires_at = machine.access().expect("a session").expires_at.to_string();
    assert_eq!(answer.attribute("password_expiry_utc"), Some(expires_at.as_str()));

    let machine = Machine::new();
    machine.add_pat_integration("tfs.corp.example", &[]);
    let host = "protocol=https\nhost=tfs.corp.example\n";
    for (number, (given, printed)) in [
        ("0", None),
        ("soon", None),
        ("-1", None),
        ("+9999999999", None),
        ("99999999999999999999", None),
        ("", None),
        ("9999999999", Some("9999999999")),
        ("09999999999", Some("9999999999")),
    ]
    .into_iter()
    .enumerate()
    {
        let user = format!("{host}username=user-{number}\n");
        machine.store(format!("{user}password=p\npassword_expiry_utc={given}\n")).expect_nothing();
        let answer = machine.get(user).expect_success();
        assert_eq!(answer.password(), "p");
        assert_eq!(answer.attribute("password_expiry_utc"), printed, "{given:?}");
    }
}

/// What was said by whom: every output that may hold no secret.
#[derive(Default)]
struct Heard {
    said: Vec<(String, String)>,
}

impl Heard {
    fn all(&mut self, of: &str, done: &Done) {
        self.said.push((of.to_owned(), format!("{}{}", done.stdout, done.stderr)));
    }

    fn stderr(&mut self, of: &str, done: &Done) {
        self.said.push((of.to_owned(), done.stderr.clone()));
    }

    fn assert_no_secret(&self, secrets: &[String]) {
        for (of, text) in &self.said {
            for secret in secrets {
                // Long ones may be cut off: the beginning is enough to be too much.
                let beginning = secret.get(..40).unwrap_or(secret);
                assert!(!text.contains(beginning), "{of} shows {secret}: {text}");
            }
            assert!(!text.contains("AGE-SECRET-KEY-"), "{of} shows the runner key");
        }
    }
}

#[test]
fn c09_no_secret_is_ever_said_however_talkative_the_environment() {
    let mut machine = Machine::new();
    for (name, value) in [
        ("GIT_TRACE", "1"),
        ("GIT_TRACE_CURL", "1"),
        ("GIT_CURL_VERBOSE", "1"),
        ("RUST_LOG", "trace"),
        ("RUST_BACKTRACE", "full"),
        ("ONA_AZURE_TRACE", "1"),
    ] {
        machine.set(name, value);
    }
    let mut heard = Heard::default();
    let issuer = format!("https://login.microsoftonline.com/{}/v2.0", standins::CONTOSO);
    let add = add(&issuer);
    heard
        .all("a wrong client secret", &machine.helper_with(&add, "wrong-client-secret-0123456789"));
    heard.all("integration add", &machine.helper_with(&add, CLIENT_SECRET).expect_success());
    heard.all("integration test", &machine.helper(&["integration", "test"]));
    heard.all("login", &machine.login(&[], ADA).expect_success());
    let pat = machine.world.azure().add_pat("contoso", standins::Pat::read_write());
    let login = ["login", "https://dev.azure.com/contoso", "--pat"];
    heard.all("two words", &machine.helper_with(&login, format!("{pat} {pat}")));
    heard.all("login --pat", &machine.helper_with(&login, &pat).expect_success());
    for arguments in [
        &["setup-git"][..],
        &["status"],
        &["status", "--json"],
        &["integration", "list", "--json"],
        &["integration", "show"],
        &["integration", "show", "--json"],
        &["key", "show"],
    ] {
        heard.all(&arguments.join(" "), &machine.helper(arguments).expect_success());
    }

    let answer = machine.get(CONTOSO_REQUEST).expect_success();
    heard.stderr("get", &answer);
    heard.all("--verbose", &machine.helper_with(&["--verbose", "get"], CONTOSO_REQUEST));
    let back = format!("{CONTOSO_REQUEST}{}\n", answer.stdout);
    heard.all("store", &machine.store(&back));
    for odd in [pat.as_str(), "password=x"] {
        let done = machine.get(format!("{CONTOSO_REQUEST}{}{odd}\n", answer.stdout));
        assert_eq!((done.code, done.stdout.as_str()), (1, ""), "{done:#?}");
        heard.all("a malformed request", &done);
    }
    for git in gits() {
        heard.stderr("git fill", &machine.git_credential(&git, &[], "fill", CONTOSO_REQUEST));
        let url = "https://dev.azure.com/contoso/app/_git/app";
        let into = format!("clone-{}", git.version.1);
        let done = run(machine.command(git.path).args(["clone", url, &into]), b"");
        heard.all("git clone", &done.expect_success());
    }

    // Entra repeats what it was sent, which it does not do, in its own words and in a page.
    let refresh_token = machine.session().refresh_token.expect("one");
    let echo = refresh_token.expose_str().expect("text").to_owned();
    for (number, fault) in [
        Fault::error(400, "invalid_request", 90014, &format!("The token '{echo}' is odd")),
        // A number nobody knows: Entra's own words are all there is to show.
        Fault::error(400, "invalid_request", 7_999_999, &format!("The token {echo} is odd")),
        Fault::error(503, &echo, 90033, &format!("Later, with {echo}")),
        Fault::Html(502),
        Fault::Throttle { retry_after: Some(1) },
        Fault::Raw { status: 200, headers: vec![], body: format!("{{\"a\":\"{echo}\"}}").into() },
        Fault::Raw { status: 500, headers: vec![], body: echo.clone().into_bytes() },
    ]
    .into_iter()
    .enumerate()
    {
        machine.world.fail(Target::Token, fault, Times::Always);
        machine.change_access(|access| {
            access.token = None;
            access.hold_off = None;
        });
        let failing = machine.get(FABRIKAM_REQUEST);
        assert_eq!(failing.password_or_none(), None, "{failing:#?}");
        heard.all(&format!("failing refresh {number}"), &failing);
        heard.all("status", &machine.helper(&["status"]));
        machine.world.clear_faults();
    }
    machine.change_access(|access| access.hold_off = None);
    let refreshed = machine.get(CONTOSO_REQUEST).expect_success();
    heard.stderr("refresh", &refreshed);
    let erase = format!("{CONTOSO_REQUEST}{}\n", refreshed.stdout);
    heard.all("erase of what works", &machine.erase(&erase));
    machine.world.entra().revoke_access_tokens();
    machine.forget_checks();
    heard.all("erase", &machine.erase(&erase));
    machine.world.entra().revoke_refresh_tokens(Dead::Password);
    heard.stderr("a dead refresh token", &machine.get(CONTOSO_REQUEST));
    heard.all("no one", &machine.get(FABRIKAM_REQUEST));
    machine.world.azure().revoke_pat(&pat);
    heard.all("erase a PAT", &machine.erase(format!("{CONTOSO_REQUEST}password={pat}\n")));
    heard.all("key init", &machine.helper(&["key", "init"]));
    heard.all("logout", &machine.helper(&["logout", "--all"]).expect_success());

    let mut secrets = machine.world.secrets();
    secrets.push("wrong-client-secret-0123456789".to_owned());
    for known in [&pat, &echo, &answer.password().to_owned(), &CLIENT_SECRET.to_owned()] {
        assert!(secrets.contains(known), "the world knows all secrets");
    }
    heard.assert_no_secret(&secrets);
}

trait PasswordOrNone {
    fn password_or_none(&self) -> Option<&str>;
}

impl PasswordOrNone for Done {
    fn password_or_none(&self) -> Option<&str> {
        self.attribute("password").or(self.attribute("credential"))
    }
}

/// A script that records its arguments and environment in a file of its own, whole or not at
/// all, and goes on as `then`.
fn recorder(machine: &Machine, name: &str, then: &str) -> PathBuf {
    let records = machine.home().join("records");
    fs::create_dir_all(&records).expect("a directory");
    let text = format!(
        "#!/bin/sh\n{{ printf 'argument: %s\\n' \"$@\"; cat /proc/$$/cmdline /proc/$$/environ; env; }} \
         > '{0}/{1}.'$$.part 2>/dev/null\nmv '{0}/{1}.'$$.part '{0}/{1}.'$$\n{then}\n",
        records.display(),
        name.replace('/', "-"),
    );
    machine.script(name, &text)
}

/// Every finished record whose name starts so.
fn records(machine: &Machine, name: &str) -> Vec<String> {
    let Ok(entries) = fs::read_dir(machine.home().join("records")) else { return Vec::new() };
    entries
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| {
            let file = path.file_name().expect("a file").to_string_lossy().into_owned();
            file.starts_with(name) && !file.ends_with(".part")
        })
        .map(|path| String::from_utf8_lossy(&fs::read(path).expect("readable")).into_owned())
        .collect()
}

fn real_git() -> String {
    let path = std::env::var("PATH").expect("a PATH");
    path.split(':')
        .map(|dir| Path::new(dir).join("git"))
        .find(|git| git.is_file())
        .expect("these tests need git")
        .display()
        .to_string()
}

#[test]
fn c11_no_secret_reaches_a_child_by_argument_or_environment() {
    let mut machine = Machine::new();
    let browser = recorder(&machine, "browser", "exit 0");
    recorder(&machine, "bin/git", &format!("exec '{}' \"$@\"", real_git()));
    machine.set("BROWSER", browser.to_str().expect("text"));
    let path = std::env::var("PATH").expect("a PATH");
    let program = Path::new(PROGRAM).parent().expect("a directory");
    let bin = machine.home().join("bin");
    machine.set("PATH", format!("{}:{}:{path}", bin.display(), program.display()));

    let issuer = format!("https://login.microsoftonline.com/{}/v2.0", standins::CONTOSO);
    let add = add(&issuer);
    machine.helper_with(&add, CLIENT_SECRET).expect_success();
    machine.set_up_git();
    machine.sign_in();
    machine.new_pat("contoso");
    machine.get(CONTOSO_REQUEST).expect_success();
    machine.age_access_token(2 * 60 * 60);
    let refreshed = machine.get(CONTOSO_REQUEST).expect_success();
    machine.erase(format!("{CONTOSO_REQUEST}{}\n", refreshed.stdout)).expect_success();
    machine.get(CONTOSO_REQUEST).expect_success();
    machine.helper(&["logout", "--all"]).expect_success();

    // The browser is not waited for by the program, so it is waited for here.
    let deadline = Instant::now() + Duration::from_secs(30);
    while records(&machine, "browser").is_empty() && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(10));
    }
    let (browsers, gits) = (records(&machine, "browser"), records(&machine, "bin-git"));
    assert_eq!(browsers.len(), 1);
    assert!(browsers[0].contains("argument: https://login.microsoftonline.com/"), "{browsers:?}");
    assert!(!gits.is_empty(), "git was run");
    let secrets = machine.world.secrets();
    assert!(secrets.contains(&CLIENT_SECRET.to_owned()));
    for record in browsers.iter().chain(&gits) {
        assert!(record.contains("HOME="), "the environment was recorded: {record}");
        for secret in &secrets {
            assert!(!record.contains(secret.as_str()), "{secret} in {record}");
        }
        assert!(!record.contains("AGE-SECRET-KEY-"), "the runner key in {record}");
    }
}
