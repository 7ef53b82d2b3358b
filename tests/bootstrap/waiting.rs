//! Secrets in files that are mounted, perhaps late.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::json;
use standins::CLIENT_SECRET;

use crate::common::*;
use crate::given::*;

fn text(path: &Path) -> &str {
    path.to_str().expect("text")
}

/// A machine whose client secret is to come from a file that is not there yet.
fn with_file() -> (Machine, std::path::PathBuf) {
    let mut machine = machine();
    let path = machine.mounts().join("client-secret");
    machine.unset("ONA_AZURE_CLIENT_SECRET");
    machine.set("ONA_AZURE_CLIENT_SECRET_FILE", text(&path));
    (machine, path)
}

#[test]
fn every_variable_may_be_a_file_and_the_file_wins() {
    let mut machine = machine();
    let token = refresh_token(&machine.world, standins::ADA);
    let pat = machine.world.azure().add_pat("contoso", standins::Pat::read_write());
    let issuer = issuer();
    for (name, value) in [
        ("HOST", "dev.azure.com"),
        ("SCM_ID", "azuredevops_entra"),
        ("ISSUER_URL", &issuer),
        ("CLIENT_ID", standins::CLIENT_ID),
        ("CLIENT_SECRET", CLIENT_SECRET),
        ("PAT", &pat),
        ("PAT_EXPIRES", "30d"),
        ("PAT_ORGANIZATION", "contoso"),
        ("REFRESH_TOKEN", &token),
        ("REFRESH_TOKEN_PUBLIC_CLIENT", "false"),
        ("RUNNER_NAME", "Ona Cloud (EU01)"),
    ] {
        let file = machine.mount(name, format!("\u{feff}{value}\r\n"));
        machine.set(&format!("ONA_AZURE_{name}"), "wrong");
        machine.set(&format!("ONA_AZURE_{name}_FILE"), text(&file));
    }
    machine.bootstrap(&[]).expect_success();
    assert_eq!(machine.integrations()["runnerName"], json!("Ona Cloud (EU01)"));
    assert_eq!(machine.pat_secrets("https://dev.azure.com"), [(Some("contoso".to_owned()), pat)]);
    machine.get(CONTOSO_REQUEST).expect_success();
}

#[test]
fn a_file_that_is_not_there_is_an_error_and_no_public_client() {
    let (machine, path) = with_file();
    let hint = "bootstrap --wait 60s";
    let done = machine.bootstrap(&[]);
    expect_one_line(&done, 5, &["ONA_AZURE_CLIENT_SECRET_FILE names ", text(&path), hint]);
    for empty in ["", "\n", " \r\n"] {
        fs::write(&path, empty).expect("written");
        let done = machine.bootstrap(&[]);
        expect_one_line(&done, 5, &["ONA_AZURE_CLIENT_SECRET_FILE names ", "which is empty", hint]);
    }
    assert_eq!(machine.everything().len(), 0);
}

#[test]
fn a_file_that_comes_late_is_waited_for() {
    for first_empty in [false, true] {
        let (machine, path) = with_file();
        if first_empty {
            fs::write(&path, "").expect("written");
        }
        let done = std::thread::scope(|scope| {
            let waits = scope.spawn(|| machine.bootstrap(&["--wait", "30s"]));
            std::thread::sleep(Duration::from_millis(300));
            assert!(!waits.is_finished(), "it waits");
            // As a mount comes: all at once.
            let staged = machine.mount("staged", CLIENT_SECRET);
            fs::rename(staged, &path).expect("renamed");
            waits.join().expect("it ends")
        });
        let done = done.expect_success();
        assert!(done.stdout.starts_with("dev.azure.com: integration added\n"), "{}", done.stdout);
    }
}

#[test]
fn a_file_that_never_comes_is_waited_for_so_long() {
    let (machine, _) = with_file();
    let started = Instant::now();
    let done = machine.bootstrap(&["--wait", "1s"]);
    let took = started.elapsed();
    assert!((1..5).contains(&took.as_secs()), "{took:?}");
    expect_one_line(&done, 5, &["which cannot be read"]);
    expect_one_line(
        &machine.bootstrap(&["--wait", "0s"]).without_usage(),
        2,
        &["write 90s, 10m or 1h"],
    );
}

#[test]
fn what_waiting_cannot_mend_is_told_at_once() {
    let (machine, path) = with_file();
    fs::write(&path, vec![b'x'; (64 << 10) + 1]).expect("written");
    let started = Instant::now();
    let done = machine.bootstrap(&["--wait", "20s"]);
    expect_one_line(&done, 2, &["it is longer than 64 KiB", "write the value alone"]);
    fs::write(&path, b"\xff\xfe").expect("written");
    expect_one_line(&machine.bootstrap(&["--wait", "20s"]), 2, &["holds no text"]);
    assert!(started.elapsed() < Duration::from_secs(10));
    fs::remove_file(&path).expect("removed");
    fs::create_dir(&path).expect("made");
    expect_one_line(&machine.bootstrap(&[]), 1, &["which cannot be read"]);
    assert_eq!(machine.everything().len(), 0);
}

#[test]
fn a_document_that_comes_late_or_in_part_is_waited_for() {
    let machine = Machine::new();
    let document = json!({ "integrations": [cloud("dev.azure.com")] }).to_string();
    let path = machine.mounts().join("azure.json");
    let done = std::thread::scope(|scope| {
        let waits = scope.spawn(|| machine.bootstrap(&["--wait", "30s", "--from", text(&path)]));
        std::thread::sleep(Duration::from_millis(300));
        fs::write(&path, &document[..40]).expect("written");
        std::thread::sleep(Duration::from_millis(300));
        assert!(!waits.is_finished(), "it waits");
        fs::write(&path, &document).expect("written");
        waits.join().expect("it ends")
    });
    done.expect_success();
}

#[test]
fn a_value_that_is_no_text_is_not_taken_for_nothing() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;

    let machine = machine();
    let mut command = machine.command(PROGRAM);
    command.arg("bootstrap").env("ONA_AZURE_CLIENT_SECRET", OsStr::from_bytes(b"s\xff"));
    expect_one_line(&run(&mut command, b""), 2, &["ONA_AZURE_CLIENT_SECRET holds no text"]);
}

impl Done {
    /// The first line of what clap says.
    fn without_usage(mut self) -> Self {
        self.stderr =
            self.stderr.lines().next().map(|line| format!("{line}\n")).unwrap_or_default();
        self
    }
}
