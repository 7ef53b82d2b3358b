//! The command line itself: what is no command, help, version, and a standard output that fails.

mod common;

use std::fs::File;
use std::process::Stdio;

use common::*;

/// Every command people type, with the flags its help must name.
const COMMANDS: [(&str, &[&str]); 13] = [
    ("login", &["--browser", "--login-hint", "--pat", "--expires", "--username"]),
    ("logout", &["--all"]),
    ("status", &["--json"]),
    ("token", &["--header", "--json", "--pat"]),
    (
        "integration add",
        &[
            "--host",
            "--scm-id",
            "--issuer-url",
            "--client-id",
            "--client-secret-stdin",
            "--client-secret-file",
            "--public-client",
            "--no-oauth",
            "--pat",
            "--no-pat",
            "--pat-url",
            "--no-pat-url",
            "--virtual-directory",
            "--allow-http",
            "--no-allow-http",
            "--bearer",
            "--no-bearer",
            "--trusted-issuer",
            "--no-trusted-issuer",
            "--system",
            "--recipient",
            "--no-test",
        ],
    ),
    ("integration list", &["--json"]),
    ("integration show", &["--json"]),
    ("integration remove", &["--system"]),
    ("integration test", &["--json"]),
    ("key show", &[]),
    ("key init", &[]),
    ("setup-git", &["--global", "--system", "--local", "--proactive", "--replace", "--undo"]),
    ("", &["login", "logout", "status", "integration", "key", "setup-git", "--version"]),
];

fn with_stdout(machine: &Machine, arguments: &[&str], stdin: &str, stdout: Stdio) -> (i32, String) {
    use std::io::Write as _;

    let mut child = machine
        .command(PROGRAM)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(stdout)
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let _ = child.stdin.take().expect("piped").write_all(stdin.as_bytes());
    let output = child.wait_with_output().expect("ends");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    machine.scanner().scan("standard error", &said);
    (output.status.code().expect("no signal"), said)
}

#[test]
fn a_word_git_may_send_one_day_is_answered_with_silence() {
    let machine = Machine::configured();
    for word in ["list", "refresh", "GET", "get ", "", "événement"] {
        machine.helper_with(&[word], CONTOSO_REQUEST).expect(0, "", "");
    }
}

#[test]
fn what_is_typed_wrongly_is_said_on_standard_error() {
    let machine = Machine::new();
    let rows: [(&[&str], &str); 9] = [
        (&[], "Usage: git-credential-ona-azure"),
        (&["sign", "in"], "error: unrecognized subcommand 'sign'"),
        (&["get", "now"], "error: unrecognized subcommand 'get'"),
        (&["--frobnicate"], "error: unexpected argument '--frobnicate'"),
        (&["login", "--expires", "30d"], "--pat"),
        (
            &["login", "--pat", "--browser"],
            "error: the argument '--pat' cannot be used with '--browser'",
        ),
        (&["logout", "--all", "https://dev.azure.com"], "cannot be used with"),
        (&["integration", "add"], "--host <HOST>"),
        (&["integration", "remove"], "<HOST>"),
    ];
    for (arguments, said) in rows {
        let done = machine.helper(arguments);
        assert_eq!((done.code, &*done.stdout), (2, ""), "{arguments:?}: {done:#?}");
        assert!(done.stderr.contains(said), "{arguments:?}: {done:#?}");
    }
}

#[test]
fn every_command_has_help_that_names_its_flags_with_an_example() {
    let machine = Machine::new();
    for (command, flags) in COMMANDS {
        let mut arguments: Vec<_> = command.split_whitespace().collect();
        arguments.push("--help");
        let done = machine.helper(&arguments).expect_success();
        assert_eq!(done.stderr, "");
        for flag in flags {
            assert!(done.stdout.contains(flag), "{command} --help lacks {flag}:\n{}", done.stdout);
        }
        if !command.is_empty() {
            let example = format!("git-credential-ona-azure {command}");
            let has = done
                .stdout
                .lines()
                .any(|line| line.starts_with("Example: ") && line.contains(&example));
            assert!(has, "{command} --help has no example:\n{}", done.stdout);
        }
    }
    // Groups of commands list what is in them.
    for (group, commands) in [
        ("integration", ["add", "list", "show", "remove", "test"].as_slice()),
        ("key", &["show", "init"]),
    ] {
        let done = machine.helper(&[group, "--help"]).expect_success();
        for command in commands {
            let listed = done
                .stdout
                .lines()
                .any(|line| line.trim_start().starts_with(&format!("{command} ")));
            assert!(listed, "{}", done.stdout);
        }
    }
}

#[test]
fn version_and_capabilities() {
    let machine = Machine::new();
    let version = format!("git-credential-ona-azure {}\n", env!("CARGO_PKG_VERSION"));
    machine.helper(&["--version"]).expect(0, &version, "");
    machine.helper(&["-V"]).expect(0, &version, "");
    machine.helper(&["capability"]).expect(
        0,
        "version 0\ncapability authtype\ncapability state\n",
        "",
    );
}

#[test]
fn variables_make_up_for_a_home_that_is_missing() {
    let mut machine = Machine::signed_in();
    let password = machine.get(CONTOSO_REQUEST).password().to_owned();
    let (state, file) = (machine.state_dir(), machine.integrations_file());
    machine.set("ONA_AZURE_STATE_DIR", state.to_str().expect("text"));
    machine.set("ONA_AZURE_INTEGRATIONS", file.to_str().expect("text"));
    machine.unset("HOME");
    assert_eq!(machine.get(CONTOSO_REQUEST).expect_success().password(), password);
}

#[test]
fn a_variable_that_names_a_file_of_whatever_repository_git_runs_in_is_refused() {
    for name in ["ONA_AZURE_INTEGRATIONS", "ONA_AZURE_STATE_DIR", "ONA_AZURE_KEY_FILE"] {
        let mut machine = Machine::signed_in();
        machine.set(name, "planted");
        let stderr = format!(
            "error: {name} is \"planted\", which would be looked up in whatever directory git is run in\n\
             hint: write a path that begins with /\n"
        );
        machine.get(CONTOSO_REQUEST).expect(1, "quit=1\n", &stderr);
        machine.helper(&["status"]).expect(1, "", &stderr);
        machine.helper(&["key", "init"]).expect(1, "", &stderr);
        assert!(!machine.work().join("planted").exists(), "{name}");
    }
}

#[test]
fn a_reader_that_has_gone_away_is_no_error() {
    let machine = Machine::signed_in();
    for (arguments, stdin) in [
        (&["get"][..], CONTOSO_REQUEST),
        (&["status"], ""),
        (&["--help"], ""),
        (&["capability"], ""),
    ] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let ended = with_stdout(&machine, arguments, stdin, writer.into());
        assert_eq!(ended, (0, String::new()), "{arguments:?}");
    }
}

#[test]
fn a_standard_output_that_cannot_be_written_is_said() {
    let Ok(full) = File::options().write(true).open("/dev/full") else {
        skipped("/dev/full");
        return;
    };
    let machine = Machine::signed_in();
    for (arguments, stdin, what) in [
        (&["get"][..], CONTOSO_REQUEST, "the answer"),
        (&["status"], "", "standard output"),
        (&["status", "--json"], "", "standard output"),
    ] {
        let full = full.try_clone().expect("cloned");
        let ended = with_stdout(&machine, arguments, stdin, full.into());
        let said =
            format!("error: {what} cannot be written: No space left on device (os error 28)\n");
        assert_eq!(ended, (1, said), "{arguments:?}");
    }
}

#[test]
fn a_token_on_the_command_line_is_refused_and_not_repeated() {
    let machine = Machine::configured();
    let pat = machine.world.azure().add_pat("contoso", standins::Pat::read_write());
    let jwt = machine.world.entra().issue_access_token(standins::ADA, &["vso.code"]);
    for arguments in [
        vec!["login", "--pat", pat.as_str()],
        vec!["login", jwt.as_str()],
        vec!["frobnicate", pat.as_str()],
        vec!["integration", "add", "--host", "dev.azure.com", "--client-secret-stdin=s3cret~value"],
    ] {
        let done = machine.helper(&arguments);
        assert_eq!((done.code, done.stdout.as_str()), (2, ""), "{arguments:?}");
        for secret in [pat.as_str(), jwt.as_str(), "s3cret"] {
            assert!(!done.stderr.contains(secret), "{}", done.stderr);
        }
        assert!(
            done.stderr.starts_with("error: ") && done.stderr.contains("hint: "),
            "{}",
            done.stderr
        );
    }
}

#[test]
fn a_word_that_may_be_a_secret_is_not_repeated() {
    let machine = Machine::configured();
    const URL: &str = "https://dev.azure.com/contoso";
    let too_many = "error: there is an argument too many\n\
                    hint: secrets go on standard input, never on the command line; see --help\n";
    let no_address = "error: a token goes on standard input, and what stands after --pat is the URL it is for\n\
                      hint: if it was the token, revoke it; then: git-credential-ona-azure login URL --pat < file\n";
    let rows: [(&[&str], &str); 7] = [
        (&["login", URL, "--pat", "hunter2secret"], too_many),
        (&["logout", URL, "hunter2secret"], too_many),
        (&["status", "hunter2secret"], too_many),
        (
            &[
                "integration",
                "add",
                "--host",
                "dev.azure.com",
                "--client-secret-stdin",
                "hunter2secret",
            ],
            too_many,
        ),
        (&["integration", "show", "dev.azure.com", "hunter2secret"], too_many),
        (&["login", "--pat", "hunter2secret"], no_address),
        (&["login", "--pat", "p@ss word!"], no_address),
    ];
    for (arguments, stderr) in rows {
        machine.helper_with(arguments, "x").expect(2, "", stderr);
    }
    // A Server's name may be one word.
    machine.add_pat_integration("tfs", &[]);
    machine.give_pat("tfs", "s3cret", &[]);
    assert_eq!(machine.get("protocol=https\nhost=tfs\n").password(), "s3cret");
}

#[test]
fn a_variable_that_cannot_be_used_stops_git_for_azure_devops_and_for_nobody_else() {
    let mut machine = Machine::configured();
    machine.set("ONA_AZURE_STATE_DIR", "state");
    let done = machine.get(CONTOSO_REQUEST);
    assert_eq!((done.code, done.stdout.as_str()), (1, "quit=1\n"), "{done:#?}");
    assert!(done.stderr.contains("ONA_AZURE_STATE_DIR"), "{done:#?}");
    let done = machine.get("protocol=https\nhost=github.com\n");
    assert_eq!(done.stdout, "", "{done:#?}");
}
