//! The examples in `install/` are what they say.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::common::*;

fn install(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("install").join(name)
}

fn text(name: &str) -> String {
    fs::read_to_string(install(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[test]
fn the_document_is_accepted_once_its_places_are_filled_in() {
    let machine = Machine::new();
    let document = text("bootstrap.example.json")
        .replace("<organization>", "contoso")
        .replace("<tenant>", standins::CONTOSO);
    let path = machine.mount("bootstrap.json", document);
    let from = ["--offline", "--from", path.to_str().expect("text")];
    let done = machine.bootstrap(&from).expect_success();
    let expected = "dev.azure.com: integration added, sign-in added, personal access token for contoso added; not tried\n\
         tfs.example: integration added, personal access token added; not tried\nrunner name: added\n";
    assert!(done.stdout.starts_with(expected), "{}", done.stdout);
    let raw = install("bootstrap.example.json");
    let done = Machine::new().bootstrap(&["--offline", "--from", raw.to_str().expect("text")]);
    crate::given::expect_one_line(&done, 2, &["\"<organization>\" is no organization"]);
}

#[test]
fn each_calls_bootstrap_with_options_and_variables_that_exist() {
    let help = Machine::new().helper(&["bootstrap", "--help"]).expect_success().stdout;
    for name in [
        "bootstrap.sh",
        "devcontainer/devcontainer.json",
        "docker/Dockerfile",
        "ona/automations.yaml",
        "systemd/git-credential-ona-azure.service",
    ] {
        let text = text(name);
        let calls: Vec<_> = text.split("git-credential-ona-azure bootstrap").skip(1).collect();
        assert!(!calls.is_empty(), "{name}");
        for call in calls {
            let line = call.lines().next().unwrap_or_default();
            let options =
                line.split([' ', '"', ';']).filter(|word| word.starts_with("--") && *word != "--");
            options.for_each(|option| assert!(help.contains(option), "{name}: {option}"));
        }
        for variable in text.split("ONA_AZURE_").skip(1) {
            let end = variable.find(|c: char| !c.is_ascii_uppercase() && c != '_');
            let variable = &variable[..end.unwrap_or(variable.len())];
            if variable.is_empty() || variable == "*" {
                continue;
            }
            let known = format!("_{}", variable.trim_end_matches("_FILE").trim_end_matches('_'));
            assert!(known == "_" || help.contains(&known), "{name}: {variable}");
        }
    }
}

#[test]
fn what_is_json_or_yaml_can_be_read() {
    let json: String = text("devcontainer/devcontainer.json")
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect();
    let devcontainer: Value = serde_json::from_str(&json).expect("JSON with comments");
    let hook = devcontainer["postStartCommand"].as_str().expect("text");
    assert_eq!(hook, "git-credential-ona-azure bootstrap --wait 60s");

    let script = "import json, sys, yaml; print(json.dumps(yaml.safe_load(sys.stdin)))";
    let machine = Machine::new();
    let python = |script: &str, stdin: &str| {
        let mut command = std::process::Command::new("python3");
        run(command.args(["-c", script]).current_dir(machine.work()), stdin.as_bytes())
    };
    if !has("python3") || python("import yaml", "").code != 0 {
        return skipped("python3 with yaml");
    }
    let automations = python(script, &text("ona/automations.yaml")).expect_success().json();
    let task = &automations["tasks"]["azure-devops"];
    assert_eq!(task["triggeredBy"], serde_json::json!(["postEnvironmentStart"]));
    // The command of the task, in the shell.
    let (mut machine, _) = crate::given::with_refresh_token();
    machine.set("ONA_AZURE_PAT_ORGANIZATION", "");
    let command = task["command"].as_str().expect("text");
    let command =
        command.replace("<tenant>", standins::CONTOSO).replace("<client-id>", standins::CLIENT_ID);
    let done = machine.shell(&command, "").expect_success();
    assert!(
        done.stdout.starts_with("dev.azure.com: integration added, sign-in added"),
        "{done:#?}"
    );
}

#[test]
fn systemd_finds_nothing_wrong_with_the_unit() {
    if !has("systemd-analyze") {
        return;
    }
    let machine = Machine::new();
    let unit = text("systemd/git-credential-ona-azure.service")
        .replace("<account>", "root")
        .replace("/usr/local/bin/git-credential-ona-azure", "/bin/true");
    let path = machine.mount("git-credential-ona-azure.service", unit);
    let done = run(machine.command("systemd-analyze").arg("verify").arg(path), b"");
    done.expect(0, "", "");
}
