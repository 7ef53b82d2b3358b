//! The process: what it runs, what it hands on, and how it ends when nobody listens.

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use common::*;
use git_credential_ona_azure::protocol::Request;
use git_credential_ona_azure::secret::Secret;
use git_credential_ona_azure::vault::{Pat, PatLogin, Pats, Session};

fn program(path: &Path, script: &str) {
    fs::create_dir_all(path.parent().expect("a directory")).expect("made");
    fs::write(path, format!("#!/bin/sh\n{script}\n")).expect("written");
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("executable");
}

/// The git on the PATH of the tests.
fn real_git() -> PathBuf {
    let path = std::env::var_os("PATH").expect("a PATH");
    std::env::split_paths(&path)
        .map(|dir| dir.join("git"))
        .find(|path| path.is_file())
        .expect("the tests need git")
}

/// A git that leaves its environment and arguments in `$HOME/ran`, then is git.
fn recording_git(machine: &Machine) -> PathBuf {
    let bin = machine.home().join("bin");
    program(
        &bin.join("git"),
        &format!(
            "{{ echo \"git $*\"; pwd; env; }} >> '{}'\nexec '{}' \"$@\"",
            machine.home().join("ran").display(),
            real_git().display()
        ),
    );
    bin
}

fn ran(machine: &Machine) -> String {
    fs::read_to_string(machine.home().join("ran")).unwrap_or_default()
}

#[test]
fn k01_no_git_is_run_from_the_current_directory() {
    let mut machine = Machine::signed_in();
    machine.age_access_token(4600);
    let marker = machine.home().join("hostile");
    let hostile = format!("touch '{}'", marker.display());
    program(&machine.work().join("git"), &hostile);
    program(&machine.work().join("bin/git"), &hostile);
    program(&machine.work().join("config"), &hostile);
    let bin = recording_git(&machine);
    machine.set("PATH", format!(":.:./bin:bin:../work:{}::/usr/bin:/bin:", bin.display()));
    machine.get(CONTOSO_REQUEST).expect_success();
    assert!(ran(&machine).contains("git config"), "git is asked for its settings");
    assert!(!marker.exists(), "a git of the work tree was run");

    // With nothing but such entries there is no git, and that is no failure.
    fs::remove_file(machine.home().join("ran")).expect("there");
    machine.age_access_token(4600);
    machine.set("PATH", ":.:./bin:bin:../work:");
    machine.get(CONTOSO_REQUEST).expect_success();
    assert_eq!(ran(&machine), "");
    assert!(!marker.exists(), "a git of the work tree was run");
}

#[test]
fn k03_nothing_of_the_callers_environment_steers_what_is_run() {
    let mut machine = Machine::signed_in();
    machine.age_access_token(4600);
    let marker = machine.home().join("hostile");
    let hostile = format!("touch '{}'", marker.display());
    program(&machine.work().join("askpass"), &hostile);
    program(&machine.work().join("exec/git-config"), &hostile);
    let repository = machine.work().join("repository");
    machine.git(&["init", "--quiet", "repository"]).expect_success();
    let config = repository.join(".git/config");
    let mut text = fs::read_to_string(&config).expect("a configuration");
    text.push_str("[http]\n\tproxy = http://127.0.0.1:9\n\tsslCAInfo = /nonexistent\n");
    fs::write(&config, text).expect("written");

    let bin = recording_git(&machine);
    machine.set("PATH", format!("{}:/usr/bin:/bin", bin.display()));
    machine.set("GIT_DIR", repository.join(".git").to_str().expect("text"));
    machine.set("GIT_WORK_TREE", repository.to_str().expect("text"));
    machine.set(
        "GIT_CONFIG_PARAMETERS",
        format!("'http.proxy'='http://127.0.0.1:9' 'x.y'='$({hostile})'"),
    );
    machine.set("GIT_CONFIG_COUNT", "1");
    machine.set("GIT_CONFIG_KEY_0", "http.proxy");
    machine.set("GIT_CONFIG_VALUE_0", "http://127.0.0.1:9");
    machine.set("GIT_CONFIG", config.to_str().expect("text"));
    machine.set("GIT_EXEC_PATH", machine.work().join("exec").to_str().expect("text"));
    machine.set("GIT_ASKPASS", machine.work().join("askpass").to_str().expect("text"));
    machine.set("SSH_ASKPASS", machine.work().join("askpass").to_str().expect("text"));
    machine.set("GIT_PAGER", &*hostile);
    machine.set("BROWSER", format!("{hostile}; {hostile}"));
    machine.set("LD_LIBRARY_PATH", "/nonexistent");
    machine.set("LD_BIND_NOW", "1");
    machine.set("IFS", "/");
    machine.set("ENV", machine.work().join("askpass").to_str().expect("text"));
    machine.set("GIT_TRACE", machine.home().join("trace").to_str().expect("text"));
    machine.set("ONA_AZURE_ANYTHING", "theirs");

    let done = machine.get(CONTOSO_REQUEST).expect_success();
    assert_eq!(done.attribute("username"), Some(standins::ADA));
    assert_eq!(done.stderr, "");
    assert!(!marker.exists(), "something of the caller's choice was run");
    let ran = ran(&machine);
    assert!(ran.contains("git config"), "{ran}");
    // GIT_DIR is ours: no repository at all.
    for line in ran.lines().filter(|line| line.starts_with("GIT_")) {
        let ours = ["GIT_DIR=/dev/null", "GIT_CONFIG_NOSYSTEM=1"];
        assert!(ours.contains(&line), "handed to git: {line}");
    }
    for name in ["LD_", "ONA_AZURE", "SSH_ASKPASS", "BROWSER", "HTTPS_PROXY", "ENV="] {
        assert!(!ran.lines().any(|line| line.starts_with(name)), "handed to git: {name}");
    }
    for secret in machine.world.secrets() {
        assert!(!ran.contains(&secret), "a secret was handed to git");
    }
}

#[test]
fn k03_with_nobody_to_ask_nothing_is_asked() {
    let mut machine = Machine::configured();
    let marker = machine.home().join("hostile");
    program(&machine.work().join("askpass"), &format!("touch '{}'", marker.display()));
    let askpass = machine.work().join("askpass").to_str().expect("text").to_owned();
    for name in ["GIT_ASKPASS", "SSH_ASKPASS", "BROWSER"] {
        machine.set(name, &*askpass);
    }
    machine.unset("GIT_TERMINAL_PROMPT");
    machine.set("GIT_CONFIG_PARAMETERS", "'credential.interactive'='false'");
    let done = machine.get(CONTOSO_REQUEST);
    assert_eq!((done.code, done.stdout.as_str()), (4, ""), "{done:#?}");
    assert!(!marker.exists(), "nobody was to be asked");
    assert_eq!(machine.world.requests(), [], "and nothing to be sent");
}

/// Ends with its reader gone before the first byte.
fn with_nobody_reading(machine: &Machine, arguments: &[&str], stdin: &str) -> Done {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let input = machine.home().join("input");
    fs::write(&input, stdin).expect("written");
    let output = machine
        .command(PROGRAM)
        .args(arguments)
        .stdin(fs::File::open(input).expect("there"))
        .stdout(writer)
        .stderr(Stdio::piped())
        .spawn()
        .expect("starts")
        .wait_with_output()
        .expect("ends");
    Done {
        code: output.status.code().unwrap_or(-1),
        stdout: String::new(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

#[test]
fn k06_a_reader_that_has_gone_away_is_no_error() {
    let machine = Machine::signed_in();
    let silent = Done { code: 0, stdout: String::new(), stderr: String::new() };
    for (arguments, stdin) in [
        (&["get"][..], CONTOSO_REQUEST),
        (&["capability"], ""),
        (&["status"], ""),
        (&["status", "--json"], ""),
        (&["integration", "list"], ""),
        (&["integration", "show", "dev.azure.com"], ""),
        (&["key", "show"], ""),
        (&["--help"], ""),
        (&["--version"], ""),
    ] {
        assert_eq!(with_nobody_reading(&machine, arguments, stdin), silent, "{arguments:?}");
    }
}

#[test]
fn k06_closed_and_full_streams_end_in_an_exit_code_and_no_panic() {
    let machine = Machine::signed_in();
    let get = |redirection: &str, request: &str| {
        machine.shell(&format!("exec \"$PROGRAM\" get {redirection}"), request)
    };
    let good = machine.get(CONTOSO_REQUEST).expect_success();
    let unknown = "protocol=https\nhost=dev.azure.com\npath=contoso/x\nusername=a\nusername=b\n";
    // stderr closed: the answer and the code are the same.
    assert_eq!(get("2>&-", CONTOSO_REQUEST), good);
    let refused = get("2>&-", unknown);
    assert_eq!((refused.code, refused.stdout.as_str()), (1, ""));
    assert_eq!(get("2>/dev/full", unknown).code, 1);
    // stdout closed, or full: there is an error where there was an answer to lose.
    assert_eq!(get(">&-", CONTOSO_REQUEST).stderr, "");
    let full = get(">/dev/full", CONTOSO_REQUEST);
    assert_eq!(full.code, 1);
    assert!(full.stderr.starts_with("error: the answer cannot be written: "), "{}", full.stderr);
    // stdin closed: nothing is asked, nothing is answered.
    let nothing = get("<&-", "");
    assert_eq!(nothing.stdout, "");
    assert!(!nothing.stderr.contains("panicked"), "{}", nothing.stderr);
    // All closed.
    assert_eq!(get(">&- 2>&- <&-", "").code, nothing.code);
}

#[test]
fn h20_what_holds_a_secret_does_not_show_it() {
    let machine = Machine::signed_in();
    machine.give_pat("https://dev.azure.com/contoso", "contoso-pat-in-clear", &[]);
    let vault = machine.vault();
    let session: Session = vault.read("dev.azure.com").expect("opens").expect("a session");
    let access = machine.access().expect("an access token");
    let pats: Pats = vault.read("https://dev.azure.com").expect("opens").expect("pats");
    let header = Pat {
        login: PatLogin::Header {
            authtype: Secret::from("Basic-in-clear"),
            credential: Secret::from("credential-in-clear"),
        },
        oauth_refresh_token: Some(Secret::from("refresh-in-clear")),
        ..pats.pats[0].clone()
    };
    let text = "protocol=https\nhost=h\npassword=password-in-clear\n\
                oauth_refresh_token=refresh-in-clear\nauthtype=x\ncredential=credential-in-clear\n";
    let request = Request::read(&mut text.as_bytes()).expect("a request");
    let key = vault.runner_key().expect("usable").expect("made");
    let shown = format!("{session:?} {access:?} {pats:?} {header:?} {request:?} {key:?} {vault:?}");
    let pretty = format!("{session:#?} {access:#?} {pats:#?} {header:#?} {request:#?} {key:#?}");
    assert!(shown.contains("Secret(hidden)"), "the fields are there: {shown}");
    for text in [shown, pretty] {
        assert!(!text.contains("in-clear"), "{text}");
        assert!(!text.contains("AGE-SECRET-KEY"), "{text}");
        for secret in machine.world.secrets() {
            assert!(!text.contains(&secret), "a secret is shown");
        }
    }
}
