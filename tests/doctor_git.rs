//! What doctor sees of git where git itself is in the way: a repository or a configuration that it
//! refuses, a user name it insists on, a proxy of its own.

mod common;

use std::fs;
use std::os::unix::fs::chown;

use common::*;
use serde_json::Value;

const REPOSITORY: &str = "https://dev.azure.com/contoso/app/_git/app";

/// A machine with a clone's configuration in `app`, on which nothing is asked of the network.
fn in_clone() -> Machine {
    let machine = Machine::new();
    machine.add_pat_integration("dev.azure.com", &[]);
    machine.set_up_git();
    machine.git(&["init", "-q", "app"]).expect_success();
    machine.git_quietly("app", &["remote", "add", "origin", REPOSITORY]);
    machine
}

/// What `doctor` says in the clone.
#[track_caller]
fn doctor(machine: &Machine) -> Value {
    let mut command = machine.command(PROGRAM);
    let done = run(command.args(["doctor", "--json"]).current_dir(machine.work().join("app")), b"");
    let document = done.json();
    schema::validate(&document);
    document
}

/// The outcome of a check, and its texts.
#[track_caller]
fn check(document: &Value, id: &str) -> (String, String) {
    let targets = document["targets"].as_array().expect("targets").iter();
    let mut checks = targets.flat_map(|target| target["checks"].as_array().expect("checks"));
    let found = checks.rfind(|check| check["id"] == id);
    let found = found.unwrap_or_else(|| panic!("no {id} in {document:#}"));
    let outcome = found["outcome"].as_str().expect("text").to_owned();
    (outcome, format!("{} {} {}", found["text"], found["notes"], found["fix"]))
}

/// Fails unless the check came out so and its texts hold each of these words.
#[track_caller]
fn expect(document: &Value, id: &str, outcome: &str, words: &[&str]) {
    let (found, texts) = check(document, id);
    assert_eq!(found, outcome, "{texts}");
    for word in words {
        assert!(texts.contains(word), "{word:?} is not in {texts}");
    }
}

/// The same, and it is what is wrong.
#[track_caller]
fn expect_root(document: &Value, id: &str, words: &[&str]) {
    assert_eq!(document["check"], id, "{document:#}");
    expect(document, id, "failed", words);
}

#[test]
fn a_repository_that_git_refuses_is_what_is_wrong() {
    let mut machine = in_clone();
    machine.set("GIT_DIR", "/nonexist");
    let words = ["fatal: not a git repository: '/nonexist'", "unset GIT_DIR"];
    expect_root(&doctor(&machine), "git.repository", &words);
    machine.unset("GIT_DIR");
    let config = machine.work().join("app/.git/config");
    let good = fs::read(&config).expect("read");
    fs::write(&config, [&good, &b"[core\n"[..]].concat()).expect("written");
    let words = ["fatal: bad config line ", " in file .git/config", "mend that line"];
    expect_root(&doctor(&machine), "git.repository", &words);
    fs::write(&config, good).expect("written");
    assert!(!doctor(&machine).to_string().contains("git.repository"));
    let clone = machine.work().join("app");
    if chown(&clone, Some(4711), None).is_err() {
        return skipped("the right to give files away");
    }
    let accept = format!("git config --global --add safe.directory {}", clone.display());
    let words = ["fatal: detected dubious ownership in repository at", &*accept];
    expect_root(&doctor(&machine), "git.repository", &words);
    // What accepts it for git accepts it here.
    machine.set("GIT_CONFIG_COUNT", "1");
    machine.set("GIT_CONFIG_KEY_0", "safe.directory");
    machine.set("GIT_CONFIG_VALUE_0", clone.to_str().expect("text"));
    let document = doctor(&machine);
    assert!(!document.to_string().contains("git.repository"));
    assert_eq!(document["targets"][1]["url"], REPOSITORY);
}

#[test]
fn a_configuration_that_git_refuses_is_said_in_its_words() {
    let machine = in_clone();
    let file = machine.home().join(".gitconfig");
    let good = fs::read(&file).expect("read");
    fs::write(&file, [&good, &b"[credential \"https://dev.azure.com\"\n"[..]].concat())
        .expect("written");
    let place = format!("in file {}", file.display());
    let words =
        ["every git command ends at once: fatal: bad config line ", &place, "mend that line"];
    expect_root(&doctor(&machine), "git.program", &words);
}

#[test]
fn a_user_for_whom_nothing_is_kept_is_said() {
    let mut machine = in_clone();
    machine.add_pat_integration("tfs.corp.example", &[]);
    machine.give_pat("https://tfs.corp.example/Main", "s3cret", &["--username", "ada"]);
    machine.set("HTTPS_PROXY", "http://127.0.0.1:9");
    machine.set_up_git();
    let address = "https://tfs.corp.example/Main/app/_git/app";
    let of = |user: &str| address.replace("://", &format!("://{user}@"));
    machine.git_quietly("app", &["remote", "set-url", "origin", &of("bob")]);
    let set = format!("git remote set-url REMOTE {}", address.replace("Main", "main"));
    let words =
        ["git asks for the user bob, for whom nothing is kept", "git remote set-url REMOTE"];
    let document = doctor(&machine);
    expect_root(&document, "git.address", &words);
    expect(&document, "credential", "skipped", &[]);
    assert!(check(&document, "git.address").1.to_lowercase().contains(&set.to_lowercase()));
    machine.git_quietly("app", &["remote", "set-url", "origin", &of("ada")]);
    expect(&doctor(&machine), "git.address", "passed", &[]);
    machine.git_quietly("app", &["remote", "set-url", "origin", address]);
    expect(&doctor(&machine), "git.address", "passed", &[]);
    let key = "credential.https://tfs.corp.example.username";
    machine.git(&["config", "--global", key, "bob"]).expect_success();
    let unset = format!("--unset-all {key} '^bob$'");
    let words = ["for the user bob", "credential.username in ", ".gitconfig:", &*unset];
    expect_root(&doctor(&machine), "git.address", &words);
}

#[test]
fn a_proxy_that_only_git_uses_is_said() {
    let machine = in_clone();
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let there = format!("http://{}", silent.local_addr().expect("an address"));
    for key in ["http.proxy", "remote.origin.proxy"] {
        machine.git_quietly("app", &["config", key, "http://127.0.0.1:1"]);
        let document = doctor(&machine);
        let unset = format!("--unset-all {key}");
        let words =
            ["git itself goes through the proxy http://127.0.0.1:1", ".git/config:", &*unset];
        expect_root(&document, "proxy", &words);
        machine.git_quietly("app", &["config", key, &there]);
        expect(&doctor(&machine), "proxy", "passed", &["git itself goes through", &there]);
        machine.git_quietly("app", &["config", "--unset", key]);
        assert!(!check(&doctor(&machine), "proxy").1.contains("git itself"));
    }
}

/// Runs the advice of a check as it stands.
#[track_caller]
fn follow(machine: &Machine, document: &Value, id: &str) {
    let targets = document["targets"].as_array().expect("targets").iter();
    let mut checks = targets.flat_map(|target| target["checks"].as_array().expect("checks"));
    let fix = checks.rfind(|check| check["id"] == id).expect("the check")["fix"].clone();
    let mut command = machine.command("sh");
    let done = run(command.args(["-c", fix.as_str().expect("text")]), b"");
    assert_eq!(done.code, 0, "{fix} {done:#?}");
}

#[test]
fn what_the_repository_sets_is_taken_out_by_the_command_that_is_advised() {
    let machine = in_clone();
    for (key, value, id, words) in [
        ("credential.helper", "store", "git.others", "another helper follows"),
        ("credential.helper", "", "git.helper", "an empty credential.helper"),
        (
            "credential.https://dev.azure.com.useHttpPath",
            "false",
            "git.path",
            "credential.useHttpPath is off in ",
        ),
    ] {
        machine.git_quietly("app", &["config", "--local", key, value]);
        let document = doctor(&machine);
        expect_root(&document, id, &[words, ".git/config:", "git config --file "]);
        follow(&machine, &document, id);
        expect(&doctor(&machine), id, "passed", &[]);
    }
}

#[test]
fn plain_http_is_what_is_wrong_with_an_address() {
    let machine = in_clone();
    machine.add_pat_integration("tfs.corp.example", &[]);
    for host in ["dev.azure.com/contoso", "tfs.corp.example/Main"] {
        let done = machine.helper(&["doctor", "--json", &format!("http://{host}")]);
        let words = ["plain http", "git remote set-url REMOTE https://"];
        expect_root(&done.json(), "git.address", &words);
    }
}

#[test]
fn a_home_that_git_is_not_told_of_is_said() {
    let machine = in_clone();
    let script = "home=$(getent passwd \"$(id -u)\" | cut -d: -f6)
        # The program may lie below that home, which is hidden then: so git asks a copy.
        program=$HOME/git-credential-ona-azure
        cp \"$PROGRAM\" \"$program\"
        git config --global --remove-section credential.https://dev.azure.com
        \"$program\" setup-git >\"$HOME/said\" 2>&1
        mount --bind \"$HOME\" \"$home\"
        unset HOME
        exec \"$program\" doctor --json https://dev.azure.com/contoso";
    let Some(done) = machine.script_with_mounts(script, "") else { return };
    let words = ["HOME is not set, so git reads no configuration of yours", "export HOME=/"];
    expect_root(&done.json(), "git.helper", &words);
}
