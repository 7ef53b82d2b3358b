//! Signing in at a provider that is none of ours: `oidc-provider`, which is certified for OpenID
//! Connect, on loopback. What the stand-ins and the program could both have misread shows here.
//! `tests/oidc_provider/` holds how it is set up; npm installs it.

mod common;

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use common::*;
use fs2::FileExt as _;
use serde_json::{Value, json};

/// A provider of the test's own.
struct Provider {
    issuer: String,
    /// Its clients, each with `client_id` and what else it is known by.
    web: Value,
    native: Value,
    process: Child,
    requests: Receiver<Value>,
    /// It ends when this is closed, also by a test that is killed.
    _stdin: ChildStdin,
}

/// Where `tests/oidc_provider/` is.
fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oidc_provider").join(name)
}

/// Installs the provider, if nobody has; one at a time.
fn install() -> PathBuf {
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("target");
    fs::create_dir_all(&target).expect("a directory");
    let lock = fs::File::create(target.join("oidc-provider.lock")).expect("a lock file");
    lock.lock_exclusive().expect("the lock");
    let output = Command::new("sh").arg(source("install.sh")).output().expect("sh");
    assert!(output.status.success(), "npm: {}", String::from_utf8_lossy(&output.stderr));
    target.join("oidc-provider")
}

impl Provider {
    /// Starts one and leads a machine to it; `None` where there is no npm.
    fn start(machine: &mut Machine) -> Option<Self> {
        if !(has("node") && has("npm")) {
            return None;
        }
        let mut process = machine
            .command("node")
            .arg(source("provider.mjs"))
            .arg(install())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("node starts");
        let mut errors = process.stderr.take().expect("piped");
        let stdout = BufReader::new(process.stdout.take().expect("piped"));
        let stdin = process.stdin.take().expect("piped");
        let (said, requests) = channel();
        std::thread::spawn(move || {
            let lines = stdout.lines().map_while(Result::ok);
            for line in lines.filter_map(|line| serde_json::from_str(&line).ok()) {
                let _ = said.send(line);
            }
        });
        let errors = std::thread::spawn(move || {
            let mut text = String::new();
            let _ = errors.read_to_string(&mut text);
            text
        });
        let mut ready: Value = match requests.recv_timeout(Duration::from_secs(30)) {
            Ok(ready) => ready,
            Err(RecvTimeoutError::Timeout) => panic!("the provider did not start in time"),
            Err(RecvTimeoutError::Disconnected) => panic!("{}", errors.join().expect("read")),
        };
        // Both it and the listener of a sign-in are on loopback, where no proxy is.
        for name in ["NO_PROXY", "no_proxy"] {
            machine.set(name, "127.0.0.1,localhost");
        }
        // What the browser shows at the end is kept; a browser that breaks down ends the sign-in.
        let person = format!(
            "#!/bin/sh\ncd\nnode '{}' \"$1\" \"${{ANSWER:-yes}}\" >showing 2>&1; broken=$?\n\
             mv showing shown\n[ $broken = 0 ] || kill $PPID\n",
            source("person.mjs").display()
        );
        let person = machine.script("person", &person);
        machine.set("BROWSER", person.to_str().expect("text"));
        Some(Self {
            issuer: ready["issuer"].as_str().expect("an address").to_owned(),
            web: ready["web"].take(),
            native: ready["native"].take(),
            process,
            requests,
            _stdin: stdin,
        })
    }

    /// Has the integration of a machine be the confidential client; *Save & Test* included.
    #[track_caller]
    fn add_confidential(&self, machine: &Machine) -> Done {
        let id = self.web["client_id"].as_str().expect("text");
        let secret = self.web["client_secret"].as_str().expect("text");
        let flags = ["--client-id", id, "--client-secret-stdin"];
        machine.helper_with(&self.arguments(&flags), secret).expect_success()
    }

    /// The same for the client that has no secret.
    #[track_caller]
    fn add_public(&self, machine: &Machine) -> Done {
        let id = self.native["client_id"].as_str().expect("text");
        machine.helper(&self.arguments(&["--client-id", id, "--public-client"])).expect_success()
    }

    fn arguments<'a>(&'a self, flags: &[&'a str]) -> Vec<&'a str> {
        let mut arguments = vec!["integration", "add", "--host", "dev.azure.com"];
        arguments.extend(["--issuer-url", self.issuer.as_str()]);
        arguments.extend(flags);
        arguments
    }

    /// What the next request to the token endpoint came with, and what came of it.
    #[track_caller]
    fn request(&self) -> Value {
        self.requests.recv_timeout(Duration::from_secs(30)).expect("a token request")
    }

    /// Fails if there was a request to the token endpoint that was not looked at.
    #[track_caller]
    fn expect_no_more_requests(&self) {
        assert_eq!(self.requests.try_iter().collect::<Vec<_>>(), Vec::<Value>::new());
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A token request of the confidential client, as it has to be.
fn with_secret(grant: &str, verifier: bool) -> Value {
    json!({
        "grant": grant,
        "client": "confidential-client",
        "secret_in_header": false,
        "secret_in_body": true,
        "verifier": verifier,
    })
}

/// The same of the public one.
fn without_secret(grant: &str, verifier: bool) -> Value {
    json!({
        "grant": grant,
        "client": "public-client",
        "secret_in_header": false,
        "secret_in_body": false,
        "verifier": verifier,
    })
}

/// Signs in in the browser, and gives what that showed at the end.
fn login(machine: &Machine) -> (Done, String) {
    let done = machine.helper(&["login"]);
    // Nobody waits for the browser but us.
    let shown = machine.home().join("shown");
    wait_for(&shown);
    let text = fs::read_to_string(&shown).expect("written");
    fs::remove_file(&shown).expect("removed");
    assert_ne!(done.code, 128 + 15, "the browser broke down: {text}");
    machine.add_what_is_kept();
    (done, text)
}

/// Lets the access token run out.
fn let_it_expire(machine: &Machine) {
    machine.add_what_is_kept();
    machine.age_access_token(3600);
}

#[test]
fn a_confidential_client_signs_in_at_another_provider() {
    let mut machine = Machine::new();
    let Some(provider) = Provider::start(&mut machine) else { return };
    let added = provider.add_confidential(&machine);
    let issuer = format!("it answers as {}\n", provider.issuer);
    assert!(added.stdout.contains(&issuer), "{added:#?}");
    let redirect = "the issuer sends browsers back to http://localhost/ona-azure\n";
    assert!(added.stdout.contains(redirect), "{added:#?}");
    let probed = provider.request();
    assert_eq!(probed["grant"], "client_credentials");

    let (done, shown) = login(&machine);
    let done = done.expect_success();
    assert!(shown.contains("Azure DevOps (Entra ID) is connected."), "{shown}");
    assert!(
        done.stdout.starts_with("ada@contoso.example is signed in to dev.azure.com.\n"),
        "{done:#?}"
    );
    assert!(!done.stderr.contains("warning"), "{done:#?}");
    assert_eq!(provider.request(), with_secret("authorization_code", true));
    let answer = machine.get(CONTOSO_REQUEST).expect_success();
    assert_eq!(answer.attribute("username"), Some("ada@contoso.example"));
    assert!(!answer.password().is_empty());
    provider.expect_no_more_requests();
}

#[test]
fn every_refresh_token_is_used_once_and_one_used_twice_ends_the_sign_in() {
    let mut machine = Machine::new();
    let Some(provider) = Provider::start(&mut machine) else { return };
    provider.add_confidential(&machine);
    provider.request();
    login(&machine).0.expect_success();
    provider.request();
    let first = machine.session();
    let mut passwords = vec![machine.get(CONTOSO_REQUEST).password().to_owned()];
    for _ in 0..2 {
        let_it_expire(&machine);
        // However many ask at once.
        let answers: Vec<_> = std::thread::scope(|scope| {
            let ask = || machine.get(CONTOSO_REQUEST).expect_success();
            let asking: Vec<_> = (0..4).map(|_| scope.spawn(ask)).collect();
            asking.into_iter().map(|one| one.join().expect("it ends")).collect()
        });
        let password = answers[0].password();
        assert!(answers.iter().all(|answer| answer.password() == password), "{answers:#?}");
        assert!(!passwords.iter().any(|before| before == password));
        passwords.push(password.to_owned());
        assert_eq!(provider.request(), with_secret("refresh_token", false));
        provider.expect_no_more_requests();
    }
    assert_ne!(machine.session().refresh_token, first.refresh_token);

    // A copy of the vault from before, which is a theft to the provider.
    machine.change("dev.azure.com", |session| *session = first.clone());
    let_it_expire(&machine);
    let said = machine.get(CONTOSO_REQUEST).expect_quit(4);
    assert!(said.contains("hint: git-credential-ona-azure login https://dev.azure.com"), "{said}");
    let refused = provider.request();
    assert_eq!(
        (&refused["grant"], &refused["error"]),
        (&json!("refresh_token"), &json!("invalid_grant"))
    );
    // It is not asked again.
    machine.get(CONTOSO_REQUEST).expect_quit(4);
    provider.expect_no_more_requests();
    login(&machine).0.expect_success();
    machine.get(CONTOSO_REQUEST).expect_success();
}

#[test]
fn a_public_client_signs_in_and_refreshes_without_a_secret() {
    let mut machine = Machine::new();
    let Some(provider) = Provider::start(&mut machine) else { return };
    provider.add_public(&machine);
    login(&machine).0.expect_success();
    assert_eq!(provider.request(), without_secret("authorization_code", true));
    for _ in 0..2 {
        let_it_expire(&machine);
        machine.get(CONTOSO_REQUEST).expect_success();
        assert_eq!(provider.request(), without_secret("refresh_token", false));
    }
    provider.expect_no_more_requests();
}

#[test]
fn a_no_to_another_provider_ends_the_sign_in() {
    let mut machine = Machine::new();
    let Some(provider) = Provider::start(&mut machine) else { return };
    provider.add_public(&machine);
    machine.set("ANSWER", "no");
    let (done, shown) = login(&machine);
    assert_eq!((done.code, &*done.stdout), (4, ""), "{done:#?}");
    assert!(done.stderr.contains("\nerror: the sign-in was refused: "), "{done:#?}");
    assert!(done.stderr.contains("access_denied"), "{done:#?}");
    assert!(shown.contains("Azure DevOps (Entra ID) is not connected."), "{shown}");
    provider.expect_no_more_requests();
}

/// Enters the code that `login --device` shows, with that answer.
fn login_with_device_code(machine: &Machine, answer: &str) -> Done {
    let mut login = Login::start(machine, &["--device"]);
    let address = login.address();
    let shown = login.through("    ");
    let code = shown.lines().last().expect("a line").trim();
    let mut person = machine.command("node");
    person.arg(source("person.mjs")).args([&*address, answer, code]);
    run(&mut person, b"").expect_success();
    login.finish()
}

/// The polls until the one that decides.
fn decisive_poll(provider: &Provider) -> Value {
    loop {
        let poll = provider.request();
        if poll["error"] != "authorization_pending" {
            return poll;
        }
    }
}

const DEVICE: &str = "urn:ietf:params:oauth:grant-type:device_code";

#[test]
fn a_device_code_signs_in_at_another_provider_without_a_secret() {
    let mut machine = Machine::new();
    let Some(provider) = Provider::start(&mut machine) else { return };
    provider.add_public(&machine);
    let done = login_with_device_code(&machine, "yes").expect_success();
    assert!(done.stdout.contains("with a device code, without a client secret"), "{done:#?}");
    assert_eq!(decisive_poll(&provider), without_secret(DEVICE, false));
    let_it_expire(&machine);
    machine.get(CONTOSO_REQUEST).expect_success();
    assert_eq!(provider.request(), without_secret("refresh_token", false));
}

#[test]
fn a_device_code_that_is_declined_at_another_provider_ends_the_sign_in() {
    let mut machine = Machine::new();
    let Some(provider) = Provider::start(&mut machine) else { return };
    provider.add_public(&machine);
    let done = login_with_device_code(&machine, "no");
    assert_eq!((done.code, &*done.stdout), (4, ""), "{done:#?}");
    assert_eq!(decisive_poll(&provider)["error"], "access_denied");
}
