//! What doctor sees of the machine and of git's configuration: which program, git, files, key and
//! disk are in use, whom TLS trusts, and what git is told outside of every file.

mod common;

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::path::Path;

use common::*;
use serde_json::Value;

const REPOSITORY: &str = "https://dev.azure.com/contoso/app/_git/app";

/// A machine on which git asks the program, and nothing is asked of the network.
fn quick() -> Machine {
    let machine = Machine::new();
    machine.add_pat_integration("dev.azure.com", &[]);
    machine.set_up_git();
    machine
}

#[track_caller]
fn validated(done: &Done) -> Value {
    let document = done.json();
    schema::validate(&document);
    document
}

#[track_caller]
fn doctor(machine: &Machine, arguments: &[&str]) -> Value {
    validated(&machine.helper(&[&["doctor", "--json"], arguments].concat()))
}

/// A check of the document, the last of that id.
#[track_caller]
fn check(document: &Value, id: &str) -> Value {
    let checks = document["targets"].as_array().expect("targets").iter();
    let mut checks = checks.flat_map(|target| target["checks"].as_array().expect("checks"));
    let found = checks.rfind(|check| check["id"] == id);
    found.unwrap_or_else(|| panic!("no {id} in {document:#}")).clone()
}

/// Fails unless the check came out so and one of its texts holds each of these words.
#[track_caller]
fn expect(document: &Value, id: &str, outcome: &str, words: &[&str]) {
    let found = check(document, id);
    assert_eq!(found["outcome"], outcome, "{found:#}");
    let all = format!("{} {} {}", found["text"], found["notes"], found["fix"]);
    for word in words {
        assert!(all.contains(word), "{word:?} is not in {all}");
    }
}

#[track_caller]
fn expect_no_note(document: &Value, id: &str) {
    assert_eq!(check(document, id)["notes"], Value::Array(Vec::new()));
}

#[test]
fn a_helper_that_only_a_shell_can_find_is_not_called_missing() {
    let machine = quick();
    let bin = machine.home().join("bin");
    let home = machine.home().display().to_string();
    let key = "credential.https://dev.azure.com.helper";
    fs::create_dir_all(&bin).expect("a directory");
    symlink(PROGRAM, bin.join("git-credential-ona-azure")).expect("a link");
    for value in [
        "!~/bin/git-credential-ona-azure",
        "!\"$HOME\"/bin/git-credential-ona-azure",
        &format!("!A=1 {home}/bin/git-credential-ona-azure"),
        &format!("!env A=1 {home}/bin/git-credential-ona-azure"),
    ] {
        machine.git(&["config", "--global", "--replace-all", key, value]).expect_success();
        let document = doctor(&machine, &[REPOSITORY]);
        expect(&document, "git.helper", "passed", &["git asks git-credential-ona-azure"]);
        expect_no_note(&document, "git.helper");
    }
}

#[test]
fn another_copy_of_the_program_is_named() {
    let mut machine = quick();
    expect_no_note(&doctor(&machine, &[]), "program");
    let other = machine.script("bin/git-credential-ona-azure", "#!/bin/sh\n");
    let bin = other.parent().expect("a directory").display().to_string();
    let path = machine.variable("PATH").to_owned();
    machine.set("PATH", format!("{path}:{bin}"));
    let other = other.display().to_string();
    expect(&doctor(&machine, &[]), "program", "passed", &["the PATH has another copy too", &other]);
    machine.set("PATH", format!("{bin}:{path}"));
    let first = ["the PATH leads to another copy first", &other];
    expect(&doctor(&machine, &[]), "program", "passed", &first);
    // What git looks up itself, it finds there as well.
    let key = "credential.https://dev.azure.com.helper";
    for value in ["ona-azure", "!git-credential-ona-azure"] {
        machine.git(&["config", "--global", "--replace-all", key, value]).expect_success();
        let document = doctor(&machine, &[REPOSITORY]);
        let copy = ["git runs another copy than this one", &other];
        expect(&document, "git.helper", "passed", &copy);
    }
    let gone = "/nowhere/git-credential-ona-azure --flag";
    machine.git(&["config", "--global", "--replace-all", key, gone]).expect_success();
    let words = ["has git run /nowhere/git-credential-ona-azure, which is not there"];
    expect(&doctor(&machine, &[REPOSITORY]), "git.helper", "failed", &words);
}

#[test]
fn what_an_old_git_lacks_is_said() {
    let mut machine = quick();
    let real = find("git").expect("git").display().to_string();
    let script = format!(
        "#!/bin/sh\nif [ \"$1\" = version ]; then echo 'git version 2.39.5 (Old 7)'; else exec {real} \"$@\"; fi\n"
    );
    let old = machine.script("old/git", &script);
    let path = machine.variable("PATH").to_owned();
    machine.set("PATH", format!("{}:{path}", old.parent().expect("a directory").display()));
    let document = doctor(&machine, &[]);
    expect(
        &document,
        "git.program",
        "passed",
        &["git 2.39.5 (Old 7) in ", "it is too old for: ", "(2.40)", "(2.41)", "NTLM needs (2.46)"],
    );
    assert!(!check(&document, "git.program").to_string().contains("(2.26)"));
    assert_eq!(document["platform"]["git"], "2.39.5 (Old 7)");
}

#[test]
fn of_several_integrations_files_it_is_said_which_one_counts() {
    let mut machine = quick();
    let state = machine.home().join("state");
    fs::create_dir(&state).expect("made");
    machine.set("ONA_AZURE_STATE_DIR", state.to_str().expect("text"));
    let beside = state.join("integrations.json");
    fs::copy(machine.integrations_file(), &beside).expect("copied");
    let words = format!(
        "for dev.azure.com {} counts, and {} does not",
        beside.display(),
        machine.integrations_file().display()
    );
    expect(&doctor(&machine, &[]), "integration.file", "passed", &[&words]);
    fs::remove_file(&beside).expect("removed");
    expect_no_note(&doctor(&machine, &[]), "integration.file");
    let file = machine.integrations_file();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o666)).expect("set");
    let open = format!("other accounts may change {0}: chmod go-w {0}", file.display());
    expect(&doctor(&machine, &[]), "integration.file", "passed", &[&open]);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).expect("set");
    if chown(&file, Some(4711), None).is_err() {
        return skipped("the right to give files away");
    }
    let owner = "belongs to another account (number 4711), which may change it";
    expect(&doctor(&machine, &[]), "integration.file", "passed", &[owner]);
}

#[test]
fn the_key_is_described_and_what_is_sealed_to_another_is_said() {
    let mut machine = Machine::configured();
    let public = machine.helper(&["key", "show"]).stdout.trim().to_owned();
    let document = doctor(&machine, &[]);
    expect(&document, "key", "passed", &[&public, "mode 0600", "beside what it protects"]);
    let mounted = machine.home().join("mounted.key").display().to_string();
    machine.set("ONA_AZURE_KEY_FILE", &*mounted);
    machine.helper(&["key", "init"]).expect_success();
    let to = format!("the client secret of dev.azure.com is sealed to {public}, not to it");
    let document = doctor(&machine, &[]);
    expect(&document, "key", "passed", &[&mounted, "(ONA_AZURE_KEY_FILE)", &to]);
    machine.add_integration(&[]);
    expect_no_note(&doctor(&machine, &[]), "key");
    fs::set_permissions(&mounted, fs::Permissions::from_mode(0o666)).expect("set");
    expect(&doctor(&machine, &[]), "key", "passed", &["other accounts may change it: chmod go-w"]);
}

#[test]
fn the_vault_says_who_else_may_look_into_it() {
    let machine = Machine::tokens_only();
    machine.new_pat("contoso");
    expect_no_note(&doctor(&machine, &[REPOSITORY]), "vault");
    fs::set_permissions(machine.state_dir(), fs::Permissions::from_mode(0o777)).expect("set");
    expect(&doctor(&machine, &[REPOSITORY]), "vault", "passed", &["other accounts may change"]);
    fs::set_permissions(machine.state_dir(), fs::Permissions::from_mode(0o700)).expect("set");
    fs::write(machine.state_dir().join("pats-00.sealed.corrupt-1"), "").expect("written");
    let aside = ["damaged and set aside: ", "pats-00.sealed.corrupt-1"];
    expect(&doctor(&machine, &[REPOSITORY]), "vault", "passed", &aside);
    if chown(machine.state_dir(), Some(4711), None).is_err() {
        return skipped("the right to give files away");
    }
    let owner = ["belongs to another account (number 4711)"];
    expect(&doctor(&machine, &[REPOSITORY]), "vault", "passed", &owner);
}

#[test]
fn what_is_only_remembered_may_be_damaged() {
    let machine = Machine::signed_in();
    let planted: Vec<_> =
        ["checks", "notices", "discovery", "imported", "issued", "prompted", "sign-in-failure"]
            .map(|kind| machine.state_dir().join(format!("{kind}-{}.sealed", "0".repeat(32))))
            .into_iter()
            .collect();
    for path in &planted {
        fs::write(path, "damaged").expect("written");
    }
    machine.get(CONTOSO_REQUEST).expect_success();
    let document = doctor(&machine, &[]);
    expect(&document, "vault", "passed", &["everything that is needed opens in "]);
    for path in &planted {
        let note =
            format!("{0} is damaged; nothing in it is needed; remove it: rm {0}", path.display());
        expect(&document, "vault", "passed", &[&note]);
    }
    // What is needed is told before them.
    fs::write(machine.entry("session"), "damaged").expect("written");
    expect(&doctor(&machine, &[]), "vault", "failed", &["session-", "sign in again"]);
}

#[test]
fn a_disk_on_which_no_refresh_could_be_kept_is_a_fault() {
    let machine = Machine::configured();
    expect(&doctor(&machine, &[]), "disk", "passed", &[" MiB free in "]);
    let script = |mount: &str| format!("{mount}; exec \"$PROGRAM\" doctor --json {REPOSITORY}");
    let full = script("mount -t tmpfs -o size=64k none \"$STATE\"");
    let Some(done) = machine.script_with_mounts(&full, "") else { return };
    expect(&validated(&done), "disk", "failed", &["is on a disk that is full", "make room there"]);
    let read_only =
        script("mount --bind \"$STATE\" \"$STATE\"; mount -o remount,bind,ro \"$STATE\"");
    let done = machine.script_with_mounts(&read_only, "").expect("mounts can be made");
    expect(
        &validated(&done),
        "disk",
        "failed",
        &["mounted read-only", "mount it so that it can be written"],
    );
    // Where nothing is ever refreshed, reading is enough.
    let tokens = Machine::tokens_only();
    tokens.new_pat("contoso");
    let done = tokens.script_with_mounts(&read_only, "").expect("mounts can be made");
    assert_eq!(done.code, 0, "{done:#?}");
    expect(&validated(&done), "disk", "passed", &["none: ", "can be read all the same"]);
}

#[test]
fn a_directory_that_cannot_be_written_is_a_fault_and_one_in_the_way_is_named() {
    let machine = Machine::signed_in();
    let state = machine.state_dir();
    let integrations = machine.integrations_file();
    let config = integrations.parent().expect("a directory").to_owned();
    let look = |directory: &Path, mode: u32| {
        fs::set_permissions(directory, fs::Permissions::from_mode(mode)).expect("set");
        let done = machine.bound_by_modes(&["doctor", "--json"]);
        fs::set_permissions(directory, fs::Permissions::from_mode(0o700)).expect("set");
        done.map(|done| validated(&done))
    };
    let Some(document) = look(&state, 0o500) else { return };
    let fix = format!("chmod u+rwx {}", state.display());
    expect(&document, "disk", "failed", &["cannot be written by this account", &fix]);
    assert_eq!(document["check"], "disk", "{document:#}");
    let document = look(&state, 0o000).expect("as before");
    expect(&document, "key", "failed", &["runner.key cannot be read", "is in the way: ", &fix]);
    let document = look(&config, 0o000).expect("as before");
    let fix = format!("chmod u+rwx {}", config.display());
    let words = ["integrations.json: cannot be read", "is in the way: ", &fix];
    expect(&document, "integration.file", "failed", &words);
    expect(&look(&state, 0o700).expect("as before"), "disk", "passed", &[]);
    // Where nothing is ever refreshed, reading is enough.
    let tokens = Machine::tokens_only();
    tokens.new_pat("contoso");
    for (mode, outcome) in [(0o500, "passed"), (0o000, "failed")] {
        let state = tokens.state_dir();
        fs::set_permissions(&state, fs::Permissions::from_mode(mode)).expect("set");
        let done = tokens.bound_by_modes(&["doctor", "--json"]).expect("as before");
        fs::set_permissions(&state, fs::Permissions::from_mode(0o700)).expect("set");
        expect(&validated(&done), "disk", outcome, &["cannot be written by this account"]);
    }
    if chown(&state, Some(4711), None).is_err() {
        return skipped("the right to give files away");
    }
    let document = look(&state, 0o700).expect("as before");
    let give = format!("$(id -u)\\\" {}", state.display());
    expect(&document, "key", "failed", &["another account; to make it this one's: sudo", &give]);
    chown(&config, Some(4711), None).expect("given away");
    let document = look(&config, 0o700).expect("as before");
    let open = format!("sudo chmod a+rX {}", config.display());
    expect(&document, "integration.file", "failed", &[&open]);
}

#[test]
fn whom_tls_trusts_is_said_and_nobody_is_a_fault() {
    let mut machine = quick();
    let ca = machine.variable("GIT_SSL_CAINFO").to_owned();
    let named = format!("those in {ca} (GIT_SSL_CAINFO)");
    expect(&doctor(&machine, &[]), "trust", "passed", &[&named]);
    machine.unset("GIT_SSL_CAINFO");
    let named = format!("those in {ca} (SSL_CERT_FILE)");
    expect(&doctor(&machine, &[]), "trust", "passed", &[&named]);
    let empty = machine.home().join("empty.pem");
    fs::write(&empty, "").expect("written");
    for file in [empty.to_str().expect("text"), "/nowhere.pem"] {
        machine.set("SSL_CERT_FILE", file);
        let document = doctor(&machine, &[]);
        let set = format!("SSL_CERT_FILE names {file}: name a PEM file that is there, or unset it");
        let words = ["trusts no certificate authority (the CA store is empty)", &*set];
        expect(&document, "trust", "failed", &words);
        assert_eq!(document["check"], "trust", "{document:#}");
    }
    machine.unset("SSL_CERT_FILE");
    let bare = "for store in /etc/ssl /etc/pki /usr/share/ssl; do
            if [ -d \"$store\" ]; then mount -t tmpfs none \"$store\"; fi
        done
        exec \"$PROGRAM\" doctor --json";
    if let Some(done) = machine.script_with_mounts(bare, "") {
        let words = ["(the CA store is empty)", "apt-get install ca-certificates"];
        expect(&validated(&done), "trust", "failed", &words);
    }
    machine.git(&["config", "--global", "http.sslCAInfo", &ca]).expect_success();
    let named = format!("those in {ca} (http.sslCAInfo)");
    expect(&doctor(&machine, &[]), "trust", "passed", &[&named]);
    machine.set("GIT_SSL_CAINFO", empty.to_str().expect("text"));
    let words = ["empty.pem cannot be read as PEM", "name a PEM file in GIT_SSL_CAINFO"];
    expect(&doctor(&machine, &[]), "trust", "failed", &words);
}

#[test]
fn the_proxy_of_an_address_is_said_without_its_password() {
    let mut machine = quick();
    let proxy = |machine: &Machine| check(&doctor(machine, &[REPOSITORY]), "proxy")["text"].clone();
    machine.set("HTTPS_PROXY", "http://ada:hunter2@127.0.0.1:9");
    assert_eq!(proxy(&machine), "http://(hidden)@127.0.0.1:9 for dev.azure.com (HTTPS_PROXY)");
    machine.git(&["config", "--global", "http.proxy", "127.0.0.1:8"]).expect_success();
    assert_eq!(proxy(&machine), "127.0.0.1:8 for dev.azure.com (http.proxy)");
    machine.set("NO_PROXY", "example.org");
    assert_eq!(proxy(&machine), "127.0.0.1:8 for dev.azure.com (http.proxy)");
    machine.git(&["config", "--global", "http.https://dev.azure.com.proxy", ""]).expect_success();
    assert_eq!(proxy(&machine), "none for dev.azure.com (http.proxy is empty)");
}

#[test]
fn what_the_environment_tells_git_counts_and_is_named_as_such() {
    const PLACE: &str = "(the environment, GIT_CONFIG_COUNT or git -c)";
    let mut machine = quick();
    // As git hands it on to what it starts.
    let alias = format!("alias.look=!git-credential-ona-azure doctor --json {REPOSITORY}");
    let done = machine.git(&["-c", "credential.helper=store", "-c", &alias, "look"]);
    let fix = "unset GIT_CONFIG_COUNT GIT_CONFIG_PARAMETERS";
    let after = ["another helper follows this program", "store", PLACE, fix];
    expect(&validated(&done), "git.others", "failed", &after);
    let set = |machine: &mut Machine, key: &str, value: &str| {
        machine.set("GIT_CONFIG_COUNT", "1");
        machine.set("GIT_CONFIG_KEY_0", key);
        machine.set("GIT_CONFIG_VALUE_0", value);
    };
    set(&mut machine, "http.https://dev.azure.com/.extraHeader", "Authorization: Bearer hunter2");
    let document = doctor(&machine, &[REPOSITORY]);
    let sends = "sends an Authorization of its own";
    expect(&document, "git.header", "failed", &[sends, &PLACE[1..PLACE.len() - 1], fix]);
    assert!(!document.to_string().contains("hunter2"));
    set(&mut machine, "credential.helper", "");
    let dropped = ["an empty credential.helper in the environment", "drops it", fix];
    expect(&doctor(&machine, &[REPOSITORY]), "git.helper", "failed", &dropped);
    set(&mut machine, "credential.helper", "/opt/keeper --token=hunter2");
    let document = doctor(&machine, &[REPOSITORY]);
    expect(&document, "git.others", "failed", &["/opt/keeper (hidden) (the environment"]);
    assert!(!document.to_string().contains("hunter2"));
    set(&mut machine, "credential.https://dev.azure.com.useHttpPath", "false");
    expect(
        &doctor(&machine, &[REPOSITORY]),
        "git.path",
        "failed",
        &["useHttpPath is off in the environment"],
    );
}

#[test]
fn settings_that_may_be_meant_so_are_notes() {
    let machine = quick();
    let set = |key: &str, value: &str| {
        machine.git(&["config", "--global", key, value]).expect_success();
    };
    expect_no_note(&doctor(&machine, &[REPOSITORY]), "git.settings");
    set("http.sslVerify", "no");
    set("credential.interactive", "never");
    let document = doctor(&machine, &[REPOSITORY]);
    expect(
        &document,
        "git.settings",
        "passed",
        &[
            "git verifies no certificate here (http.sslVerify in ",
            "credential.interactive in ",
            ".gitconfig:",
        ],
    );
    for (to, words) in [
        ("ssh://git@ssh.dev.azure.com/", "pushes go over SSH, for which git asks no helper"),
        ("https://mirror.example/", "pushes go to mirror.example"),
        ("https://x:hunter2@dev.azure.com/", "pushes are made with a password or token"),
    ] {
        let machine = quick();
        let key = format!("url.{to}.pushInsteadOf");
        machine.git(&["config", "--global", &key, "https://dev.azure.com/"]).expect_success();
        let document = doctor(&machine, &[REPOSITORY]);
        expect(&document, "git.rewrite", "passed", &[words, "pushInsteadOf in ", ".gitconfig:"]);
        assert!(!document.to_string().contains("hunter2"));
    }
}

#[test]
fn a_remote_by_ssh_is_said_to_be_one_and_nothing_is_said_to_be_well() {
    let machine = quick();
    machine.git(&["init", "-q", "app"]).expect_success();
    let ssh = "git@ssh.dev.azure.com:v3/contoso/app/app";
    machine.git_quietly("app", &["remote", "add", "origin", ssh]);
    let in_clone = |arguments: &[&str]| {
        let mut command = machine.command(PROGRAM);
        run(command.arg("doctor").args(arguments).current_dir(machine.work().join("app")), b"")
    };
    let done = in_clone(&["--json"]);
    let document = validated(&done);
    assert_eq!(done.code, 0, "{done:#?}");
    let set = "git remote set-url origin https://dev.azure.com/contoso/app/_git/app";
    let words = ["uses SSH, for which git asks no credential helper", set];
    expect(&document, "git.ssh", "skipped", &words);
    assert_eq!(document["targets"].as_array().map(Vec::len), Some(2));
    let conclusion = document["conclusion"].as_str().expect("text");
    assert!(conclusion.starts_with("Access was not looked at: the remote origin uses SSH"));
    let text = in_clone(&[]).stdout;
    assert!(text.lines().any(|line| line.trim() == set), "{text}");
    machine.add_pat_integration("tfs.corp.example", &["--virtual-directory", "/tfs"]);
    let ssh = "ssh://tfs.corp.example:22/tfs/Main/app/_git/app";
    machine.git_quietly("app", &["remote", "set-url", "origin", ssh]);
    let set = "git remote set-url origin https://tfs.corp.example/tfs/Main/app/_git/app";
    let words = ["uses SSH, for which git asks no credential helper", set];
    expect(&validated(&in_clone(&["--json"])), "git.ssh", "skipped", &words);
    // One that can be looked at is, and decides.
    machine.git_quietly("app", &["remote", "add", "web", REPOSITORY]);
    let document = validated(&in_clone(&["--json"]));
    expect(&document, "git.ssh", "skipped", &words);
    expect(&document, "git.helper", "passed", &[]);
    assert_eq!((&document["check"], &document["ok"]), (&"pat".into(), &false.into()));
}

#[test]
fn an_address_without_its_servers_virtual_directory_is_said_to_lack_it() {
    let machine = Machine::new();
    machine.add_pat_integration("tfs.corp.example", &["--virtual-directory", "/tfs"]);
    machine.give_pat("https://tfs.corp.example/tfs/Main", "s3cret", &[]);
    machine.set_up_git();
    let document = doctor(&machine, &["https://tfs.corp.example/Main/my app/_git/app"]);
    let words = [
        "https://tfs.corp.example/Main/my%20app/_git/app is not below /tfs, the virtual directory",
        "write it as https://tfs.corp.example/tfs/Main/my%20app/_git/app; if /tfs is wrong: ",
        "integration add --host tfs.corp.example --virtual-directory /tfs",
    ];
    expect(&document, "integration", "failed", &words);
    assert_eq!(document["check"], "integration", "{document:#}");
    for path in ["", "/TFS/Main/app/_git/app"] {
        let url = format!("https://tfs.corp.example{path}");
        expect(&doctor(&machine, &[&url]), "integration", "passed", &[]);
    }
}

#[test]
fn what_keeps_it_from_looking_at_all_is_a_document_too() {
    let mut machine = quick();
    machine.set("ONA_AZURE_KEY_FILE", "keys/runner.key");
    let done = machine.helper(&["doctor", "--json"]);
    assert_eq!((done.code, &*done.stderr), (1, ""));
    let document = validated(&done);
    let words = ["ONA_AZURE_KEY_FILE is", "keys/runner.key", "write a path that begins with /"];
    expect(&document, "program", "failed", &words);
    assert_eq!((&document["check"], &document["ok"]), (&"program".into(), &false.into()));
    let report = machine.home().join("report.txt");
    let report = report.to_str().expect("text");
    let done = machine.helper(&["doctor", "--json", "--report", report]);
    expect(&validated(&done), "program", "failed", &words);
    // It was asked for and is not there.
    assert!(done.stderr.contains("ONA_AZURE_KEY_FILE is") && !Path::new(report).exists());
}

#[test]
fn a_server_whose_tokens_are_kept_for_http_is_looked_at_over_http() {
    let mut machine = Machine::new();
    machine.set("http_proxy", "http://127.0.0.1:9");
    machine.set("HTTP_PROXY", "http://127.0.0.1:9");
    let flags = ["--virtual-directory", "/tfs", "--allow-http"];
    machine.add_pat_integration("tfs.corp.example", &flags);
    let targets = |machine: &Machine| {
        let targets = doctor(machine, &[])["targets"].as_array().expect("targets").clone();
        targets[1..].iter().map(|target| target["url"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(targets(&machine), ["http://tfs.corp.example/tfs"], "it has nothing else");
    machine.give_pat("http://tfs.corp.example/tfs/Main", "s3cret", &[]);
    assert_eq!(targets(&machine), ["http://tfs.corp.example/tfs/main"]);
    machine.give_pat("https://tfs.corp.example/tfs/Main", "s3cret", &[]);
    assert_eq!(
        targets(&machine),
        ["https://tfs.corp.example/tfs/main", "http://tfs.corp.example/tfs/main"]
    );
}
