//! A repository's own configuration decides nothing about where secrets go; a person's does.

mod common;

use std::fs;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::*;
use standins::CONTOSO;

const APP: &str = "https://dev.azure.com/contoso/app/_git/app";

/// A proxy of an attacker's: counts who connects, and hangs up.
struct Canary {
    address: String,
    visits: Arc<AtomicUsize>,
}

impl Canary {
    fn listen() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = format!("http://{}", listener.local_addr().expect("an address"));
        let visits = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&visits);
        std::thread::spawn(move || {
            for _visitor in listener.incoming() {
                count.fetch_add(1, Ordering::SeqCst);
            }
        });
        Self { address, visits }
    }

    fn visits(&self) -> usize {
        self.visits.load(Ordering::SeqCst)
    }
}

/// What a hostile repository would like to have believed.
fn bait(machine: &Machine, canary: &Canary) -> String {
    let ca = machine.home().join("evil.pem");
    fs::write(&ca, "no certificate\n").expect("written");
    let proxy = &canary.address;
    let ca = ca.display();
    let mut text = String::new();
    for section in [
        "http".to_owned(),
        "http \"https://login.microsoftonline.com\"".to_owned(),
        format!("http \"https://login.microsoftonline.com/{CONTOSO}/oauth2/v2.0/token\""),
    ] {
        text.push_str(&format!(
            "[{section}]\n\tproxy = {proxy}\n\tsslCAInfo = {ca}\n\tsslCAPath = /nonexistent\n\tsslVerify = false\n"
        ));
    }
    text
}

/// A signed-in machine that has to refresh and, unlike others, learns of proxy and authority from
/// the person's own git configuration, or from nowhere else.
fn machine_that_asks_git() -> Machine {
    let mut machine = Machine::signed_in();
    machine.git_quietly("", &["clone", "-q", APP, "app"]);
    let proxy = machine.world.proxy_url().to_owned();
    let ca = machine.world.ca_file().to_str().expect("text").to_owned();
    for name in [
        "HTTPS_PROXY",
        "https_proxy",
        "HTTP_PROXY",
        "http_proxy",
        "NO_PROXY",
        "no_proxy",
        "SSL_CERT_FILE",
        "GIT_SSL_CAINFO",
    ] {
        machine.unset(name);
    }
    machine.git_quietly("", &["config", "--global", "http.proxy", &proxy]);
    machine.git_quietly("", &["config", "--global", "http.sslCAInfo", &ca]);
    machine.age_access_token(4600);
    machine
}

fn append(path: &std::path::Path, text: &str) {
    let old = fs::read_to_string(path).unwrap_or_default();
    fs::write(path, old + text).expect("written");
}

/// `get` from within `directory`, with more variables.
fn get_in(machine: &Machine, directory: &str, variables: &[(&str, String)]) -> Done {
    let mut command = machine.command(PROGRAM);
    command.current_dir(machine.work().join(directory)).arg("get");
    command.envs(variables.iter().map(|(name, value)| (name, value)));
    run(&mut command, CONTOSO_REQUEST.as_bytes())
}

fn refreshes(machine: &Machine) -> usize {
    machine.world.entra().token_requests("refresh_token")
}

#[test]
fn the_persons_own_proxy_and_authority_are_honoured() {
    let machine = machine_that_asks_git();
    machine.git_quietly("app", &["fetch", "-q"]);
    assert_eq!(refreshes(&machine), 1);

    // Both were needed: without either the service is not reached.
    for key in ["http.proxy", "http.sslCAInfo"] {
        let machine = machine_that_asks_git();
        // An address that leads nowhere, in place of this machine's way to the real service.
        let elsewhere = [("http.proxy", "http://127.0.0.1:9"), ("http.sslCAInfo", "/nonexistent")];
        let (_, value) = elsewhere.iter().find(|(name, _)| *name == key).expect("listed");
        machine.git_quietly("", &["config", "--global", key, value]);
        let done = machine.get(CONTOSO_REQUEST);
        assert_eq!((done.code, done.stdout.as_str()), (5, "quit=1\n"), "{key}: {done:#?}");
        assert_eq!(refreshes(&machine), 0, "{key}");
    }
}

#[test]
fn the_form_for_one_url_wins_in_the_persons_own_configuration() {
    let machine = machine_that_asks_git();
    let proxy = machine.world.proxy_url().to_owned();
    machine.git_quietly("", &["config", "--global", "http.proxy", "http://127.0.0.1:9"]);
    let key = "http.https://login.microsoftonline.com.proxy";
    machine.git_quietly("", &["config", "--global", key, &proxy]);
    assert_eq!(machine.get(CONTOSO_REQUEST).code, 0);
    assert_eq!(refreshes(&machine), 1);
}

#[test]
fn a_repository_cannot_lead_the_token_request_anywhere() {
    let machine = machine_that_asks_git();
    let canary = Canary::listen();
    let bait = bait(&machine, &canary);
    let git_dir = machine.work().join("app/.git");
    append(&git_dir.join("config"), &bait);
    let included = git_dir.join("more");
    fs::write(&included, &bait).expect("written");
    fs::write(git_dir.join("config.worktree"), &bait).expect("written");
    append(
        &git_dir.join("config"),
        "[include]\n\tpath = more\n[extensions]\n\tworktreeConfig = true\n[core]\n\trepositoryformatversion = 1\n",
    );
    fs::create_dir_all(machine.work().join("app/deep/er")).expect("made");
    let seen = machine.git_in("app/deep/er", &["config", "http.proxy"]).stdout;
    assert_eq!(seen, format!("{}\n", canary.address), "the bait is good");

    let mut expected = 0;
    let mut ask = |directory: &str, variables: &[(&str, String)]| {
        machine.age_access_token(4600);
        let done = get_in(&machine, directory, variables);
        assert_eq!((done.code, done.stderr.as_str()), (0, ""), "{directory} {variables:?}");
        expected += 1;
        assert_eq!(refreshes(&machine), expected, "{directory} {variables:?}");
        assert_eq!(canary.visits(), 0, "{directory} {variables:?}");
    };
    for directory in ["app", "app/deep/er", "app/.git"] {
        ask(directory, &[]);
    }
    let path = |path: &std::path::Path| path.to_str().expect("text").to_owned();
    ask("", &[("GIT_DIR", path(&git_dir))]);
    ask("", &[("GIT_DIR", path(&git_dir)), ("GIT_WORK_TREE", path(&machine.work().join("app")))]);
    ask("app", &[("GIT_COMMON_DIR", path(&git_dir))]);
    ask("app", &[("GIT_CONFIG", path(&included))]);
    // git itself hands these on from `git -c`, which a build script may have been given.
    let parameters = format!("'http.proxy'='{}'", canary.address);
    ask("app", &[("GIT_CONFIG_PARAMETERS", parameters)]);
}

#[test]
fn a_bare_repository_cannot_either() {
    let machine = machine_that_asks_git();
    let canary = Canary::listen();
    machine.git_quietly("", &["init", "-q", "--bare", "bare"]);
    append(&machine.work().join("bare/config"), &bait(&machine, &canary));
    let done = get_in(&machine, "bare", &[]);
    assert_eq!((done.code, done.stderr.as_str()), (0, ""), "{done:#?}");
    assert_eq!((refreshes(&machine), canary.visits()), (1, 0));
}

#[test]
fn a_fetch_in_such_a_repository_sends_the_token_request_the_right_way() {
    let machine = machine_that_asks_git();
    let canary = Canary::listen();
    // Only for the token endpoint: git's own requests are the repository's own affair.
    let endpoint = "http.https://login.microsoftonline.com";
    for (key, value) in [
        (format!("{endpoint}.proxy"), canary.address.clone()),
        (format!("{endpoint}.sslCAInfo"), "/nonexistent".to_owned()),
        (format!("{endpoint}.sslVerify"), "false".to_owned()),
        ("credential.useHttpPath".to_owned(), "false".to_owned()),
        ("credential.username".to_owned(), "oauth2".to_owned()),
    ] {
        machine.git_quietly("app", &["config", &key, &value]);
    }
    let done = machine.git_in("app", &["fetch", "-q"]);
    assert_eq!(done, Done::silent());
    assert_eq!((refreshes(&machine), canary.visits()), (1, 0));
}

#[test]
fn a_repository_cannot_put_the_program_to_use_for_another_host() {
    let machine = Machine::signed_in();
    machine.git_quietly("", &["clone", "-q", APP, "app"]);
    for (key, value) in [
        ("credential.helper", PROGRAM),
        ("credential.https://git.example.org.helper", PROGRAM),
        ("remote.origin.url", "https://git.example.org/private/x.git"),
    ] {
        machine.git_quietly("app", &["config", key, value]);
    }
    let done = machine.git_in("app", &["fetch", "-q"]);
    assert_eq!(done.code, 128, "{done:#?}");
    assert!(machine.world.connections("git.example.org") > 0);
    assert_eq!(machine.world.foreign_authorizations(), 0);
}
