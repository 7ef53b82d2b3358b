//! Nothing configured: what is said, to git and to people.

mod common;

use std::fs;

use common::*;
use serde_json::json;

/// What a host without an integration is told, word for word.
fn us01(host: &str) -> String {
    format!(
        "error: Ona Cloud (US01) requires authentication with Source Control - the SCM integration for host {host} is not configured\n"
    )
}

const HOSTS: [(&str, &str); 3] = [
    ("dev.azure.com", "contoso/app/_git/app"),
    ("contoso.visualstudio.com", "DefaultCollection/app/_git/app"),
    ("fabrikam.visualstudio.com", "_git/lib"),
];

/// The message, then one hint that names the command which configures it.
#[track_caller]
fn assert_us01(done: &Done, message: &str, stdout: &str) {
    assert_eq!((done.code, done.stdout.as_str()), (3, stdout), "{done:#?}");
    let hint = done.stderr.strip_prefix(message).unwrap_or_else(|| panic!("{done:#?}"));
    assert!(hint.starts_with("hint: ask the administrator of the runner to configure it; administrators: git-credential-ona-azure integration add --host "), "{hint}");
    assert_eq!(hint.lines().count(), 1, "{hint}");
}

fn write_integrations(machine: &Machine, text: serde_json::Value) {
    let file = machine.integrations_file();
    fs::create_dir_all(file.parent().expect("a directory")).expect("made");
    fs::write(&file, text.to_string()).expect("written");
}

#[test]
fn get_says_it_with_the_host_asked_for_and_has_git_quit() {
    let machine = Machine::new();
    for (host, path) in HOSTS {
        let done = machine.get(format!("protocol=https\nhost={host}\npath={path}\n"));
        assert_us01(&done, &us01(host), "quit=1\n");
        let done = machine.get(format!("protocol=https\nhost={host}\n"));
        assert_us01(&done, &us01(host), "quit=1\n");
    }
    assert!(machine.state().is_empty(), "nothing is made by asking");
    assert_eq!(machine.world.all_connections().len(), 0);
}

#[test]
fn store_and_erase_are_silent() {
    let machine = Machine::new();
    let request = format!("{CONTOSO_REQUEST}username=ada\npassword=hunter2\n");
    assert_eq!(machine.store(&request), Done::silent());
    assert_eq!(machine.erase(&request), Done::silent());
    assert!(machine.state().is_empty());
}

#[test]
fn git_ends_with_128_and_prompts_nobody() {
    let mut machine = Machine::new();
    machine.set_up_git();
    let asked = machine.home().join("asked");
    let askpass = machine.home().join("askpass");
    script(&askpass, &format!("#!/bin/sh\necho \"$1\" >> '{}'\necho x\n", asked.display()));
    machine.set("GIT_ASKPASS", askpass.to_str().expect("text"));
    machine.unset("GIT_TERMINAL_PROMPT");
    for (host, path) in HOSTS {
        let done = machine.git(&["clone", "-q", &format!("https://{host}/{path}"), "clone"]);
        assert_eq!((done.code, done.stdout.as_str()), (128, ""), "{done:#?}");
        assert!(done.stderr.starts_with(&us01(host)), "{done:#?}");
        let lines: Vec<_> = done.stderr.lines().collect();
        assert_eq!(lines.len(), 3, "{done:#?}");
        assert!(
            lines[1].starts_with("hint: ask the administrator of the runner to configure it; administrators: git-credential-ona-azure integration add "),
            "{done:#?}"
        );
        assert_eq!(
            lines[2],
            format!("fatal: credential helper '{PROGRAM}' told us to quit"),
            "{done:#?}"
        );
    }
    assert!(!asked.exists(), "a prompt: {}", fs::read_to_string(&asked).unwrap_or_default());
}

#[test]
fn the_runner_has_the_name_the_file_or_the_variable_gives_it() {
    let mut machine = Machine::new();
    let file = json!({"version": 1, "runnerName": "Acme Runner", "integrations": []});
    write_integrations(&machine, file);
    let ours = us01("dev.azure.com").replace("Ona Cloud (US01)", "Acme Runner");
    assert_us01(&machine.get(CONTOSO_REQUEST), &ours, "quit=1\n");
    machine.set("ONA_AZURE_RUNNER_NAME", "Büro \u{1b}[31m");
    let ours = us01("dev.azure.com").replace("Ona Cloud (US01)", "Büro \\u{1b}[31m");
    assert_us01(&machine.get(CONTOSO_REQUEST), &ours, "quit=1\n");
    machine.set("ONA_AZURE_RUNNER_NAME", "");
    let ours = us01("dev.azure.com").replace("Ona Cloud (US01)", "Acme Runner");
    assert_us01(&machine.get(CONTOSO_REQUEST), &ours, "quit=1\n");
}

#[test]
fn an_integration_with_no_method_on_is_as_good_as_none() {
    let machine = Machine::new();
    let none = json!({"scmId": "azuredevops_entra", "host": "dev.azure.com", "pat": false});
    write_integrations(&machine, json!({"version": 1, "integrations": [none]}));
    assert_us01(&machine.get(CONTOSO_REQUEST), &us01("dev.azure.com"), "quit=1\n");
}

#[test]
fn every_command_given_a_host_without_an_integration_says_it() {
    let machine = Machine::new();
    let cloud = "https://dev.azure.com/contoso";
    let label = "https://contoso.visualstudio.com";
    let server = "https://tfs.corp.example/tfs";
    for (arguments, host) in [
        (&["login"][..], "dev.azure.com"),
        (&["login", cloud], "dev.azure.com"),
        (&["login", label], "contoso.visualstudio.com"),
        (&["login", server, "--pat"], "tfs.corp.example"),
        (&["logout"], "dev.azure.com"),
        (&["logout", cloud], "dev.azure.com"),
        (&["logout", server], "tfs.corp.example"),
        (&["integration", "show", "dev.azure.com"], "dev.azure.com"),
        (&["integration", "show"], "dev.azure.com"),
        (&["integration", "remove", "dev.azure.com"], "dev.azure.com"),
        (&["integration", "test", "dev.azure.com"], "dev.azure.com"),
        (&["token", cloud], "dev.azure.com"),
        (&["integration", "test", "tfs.corp.example:8443"], "tfs.corp.example:8443"),
    ] {
        let done = machine.helper_with(arguments, "secret");
        assert_us01(&done, &us01(host), "");
    }
    assert_eq!(machine.world.all_connections().len(), 0);
    assert!(machine.state().is_empty());
}

#[test]
fn hosts_that_are_nobodys_business_are_not_told() {
    let machine = Machine::new();
    for host in ["github.com", "tfs.corp.example", "dev.azure.com.evil.example", "visualstudio.com"]
    {
        let request = format!("protocol=https\nhost={host}\npath=contoso/app/_git/app\n");
        assert_eq!(machine.get(request), Done::silent(), "{host}");
    }
}

#[test]
fn status_and_doctor_say_it_too_and_exit_3() {
    let machine = Machine::new();
    let done = machine.helper(&["status"]);
    assert_eq!(done.code, 3, "{done:#?}");
    assert!(done.stderr.starts_with(&us01("dev.azure.com")), "{done:#?}");
    let document = machine.helper(&["status", "--json"]);
    assert_eq!((document.code, document.json()["hosts"].clone()), (3, json!([])));
    for url in ["https://dev.azure.com/contoso", "https://tfs.corp.example/tfs"] {
        let host = url.split('/').nth(2).expect("a host");
        let done = machine.helper(&["doctor", url]);
        assert_eq!(done.code, 3, "{done:#?}");
        let said = us01(host);
        let said = said.trim_start_matches("error: ").trim_end();
        assert!(done.stdout.contains(said), "{said} {done:#?}");
    }
}

#[test]
fn a_blank_runner_name_is_no_name() {
    let mut machine = Machine::new();
    write_integrations(&machine, json!({"version": 1, "runnerName": "  ", "integrations": []}));
    machine.set("ONA_AZURE_RUNNER_NAME", " \t");
    assert_us01(&machine.get(CONTOSO_REQUEST), &us01("dev.azure.com"), "quit=1\n");
}

#[test]
fn a_mistyped_variable_is_named_by_bootstrap_and_doctor() {
    let mut machine = Machine::configured();
    machine.set("ONA_AZURE_PAT_EXPIRY", "30d");
    let words =
        "ONA_AZURE_PAT_EXPIRY is set and means nothing here: did you mean ONA_AZURE_PAT_EXPIRES?";
    let doctor = machine.helper(&["doctor", "https://dev.azure.com/contoso"]);
    assert!(doctor.stdout.contains(words), "{doctor:#?}");
    let text = json!({"integrations": [{"host": "tfs.corp.example", "pat": true}]}).to_string();
    let done = machine.helper_with(&["bootstrap", "--offline", "--from", "-"], text);
    assert!(done.stderr.contains(words), "{done:#?}");
}
