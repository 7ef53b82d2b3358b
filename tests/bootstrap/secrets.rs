//! Secrets given by environment do not survive into arguments, children or unsealed files.

use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use standins::CLIENT_SECRET;

use crate::common::system::{can_trace, holding};
use crate::common::*;
use crate::given::*;

/// A machine that is given one of each, and all of them.
fn given_all() -> (Machine, Vec<String>) {
    let (mut machine, token) = with_refresh_token();
    let pat = machine.world.azure().add_pat("contoso", standins::Pat::read_write());
    machine.set("ONA_AZURE_PAT", &*pat);
    machine.set("ONA_AZURE_PAT_ORGANIZATION", "contoso");
    (machine, vec![CLIENT_SECRET.to_owned(), token, pat])
}

/// A secret as it may lie in a file or an environment: in clear, and as base64 at any offset.
fn shapes(secret: &str) -> Vec<Vec<u8>> {
    let mut shapes = vec![secret.as_bytes().to_vec(), STANDARD.encode(secret).into_bytes()];
    for skip in 0..3 {
        // Whole groups of it, whatever stands before and behind.
        let inner = STANDARD_NO_PAD.encode(&secret.as_bytes()[skip..]);
        shapes.push(inner.as_bytes()[..inner.len() - 4].to_vec());
    }
    shapes
}

#[test]
fn no_file_holds_a_secret_in_clear() {
    let (machine, mut secrets) = given_all();
    machine.bootstrap(&[]).expect_success();
    machine.age_access_token(4600);
    machine.bootstrap(&[]).expect_success();
    secrets.extend(machine.world.secrets());
    let files = machine.all_files();
    assert!(files.len() > 8, "{files:?}");
    for secret in secrets {
        for shape in shapes(&secret) {
            let found = holding(&files, &shape);
            assert!(found.is_empty(), "{secret} is in {found:?}");
        }
    }
}

#[test]
fn no_child_is_handed_one() {
    let (mut machine, secrets) = given_all();
    let git = find("git").expect("git");
    let log = machine.home().join("children");
    machine.script(
        "bin/git",
        &format!(
            "#!/bin/sh\n{{ tr '\\0' '\\n' </proc/$$/cmdline; env; }} >>'{}'\nexec '{}' \"$@\"\n",
            log.display(),
            git.display()
        ),
    );
    let path = format!("{}:{}", machine.home().join("bin").display(), machine.variable("PATH"));
    machine.set("PATH", path);
    let done = machine.bootstrap(&[]).expect_success();
    assert_eq!(done.stderr, "");
    let handed = fs::read_to_string(&log).expect("git was run");
    assert!(handed.contains("\nHOME="), "{handed}");
    for secret in &secrets {
        assert!(!handed.contains(secret.as_str()), "{handed}");
        assert!(!done.stdout.contains(secret.as_str()), "{}", done.stdout);
    }
    assert!(!handed.contains("ONA_AZURE_"), "{handed}");
}

/// What the kernel is told: each program started, with its arguments and all of its environment.
#[test]
fn no_program_is_started_with_one() {
    if !can_trace() {
        return;
    }
    let (machine, secrets) = given_all();
    let options = ["-v", "-s", "4096", "-e", "trace=execve,execveat"];
    let (done, trace) = machine.traced(&options, &["bootstrap"], b"");
    done.expect_success();
    // The first is the bootstrap itself, which was given them.
    let started: Vec<_> = trace.lines().filter(|line| line.contains("execve")).collect();
    let children: Vec<_> = started.iter().filter(|line| !line.contains("\"bootstrap\"")).collect();
    assert_eq!(children.len() + 1, started.len(), "{trace}");
    assert!(children.len() > 1, "{trace}");
    for child in children {
        for secret in &secrets {
            assert!(!child.contains(secret.as_str()), "{child}");
        }
        assert!(!child.contains("ONA_AZURE_"), "{child}");
    }
}
