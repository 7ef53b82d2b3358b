//! What the vault is on disk: what opens it, what each file is for, and what a reader needs.

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;

use common::has;
use common::system::{can_trace, holding, name_of};
use common::*;
use serde_json::Value;

const NOTHING: [&str; 0] = [];
const PAT: &str = "contoso-pat-in-clear-0123456789";

fn filled() -> Machine {
    let machine = Machine::signed_in();
    machine.give_pat("https://dev.azure.com/contoso", PAT, &["--username", "grace-hopper"]);
    machine
}

/// The kinds of file that changed since: `access`, `session`, …
fn changed(machine: &Machine, before: &BTreeMap<PathBuf, Vec<u8>>) -> Vec<String> {
    let names = machine.changed_since(before);
    names.iter().map(|name| name.split('-').next().unwrap_or_default().to_owned()).collect()
}

#[test]
fn the_data_key_is_wrapped_by_age_to_the_runner_key() {
    if !has("age") {
        return;
    }
    let machine = filled();
    let text = fs::read(machine.state_dir().join("vault.json")).expect("there");
    let header: Value = serde_json::from_slice(&text).expect("JSON");
    assert_eq!(header["version"], 1);
    let public = machine.helper(&["key", "show"]).expect_success().stdout;
    assert_eq!(header["recipients"], serde_json::json!([public.trim_end()]));
    let wrapped = header["dataKey"].as_str().expect("text");
    let out = machine.home().join("data-key");
    let mut command = machine.command("age");
    command.args(["-d", "-o"]).arg(&out).arg("-i").arg(machine.state_dir().join("runner.key"));
    run(&mut command, wrapped.as_bytes()).expect_success();
    let data_key = fs::read(&out).expect("unwrapped");
    assert_eq!(data_key.len(), 32);
    fs::remove_file(out).expect("removed");
    assert_eq!(holding(&machine.all_files(), &data_key), Vec::<&PathBuf>::new());
}

#[test]
fn no_file_holds_anything_in_clear() {
    let machine = filled();
    machine.age_access_token(4600);
    machine.get(CONTOSO_REQUEST).expect_success();
    let files = machine.all_files();
    assert!(files.len() >= 8, "{files:?}");
    let mut secrets = machine.world.secrets();
    assert!(secrets.len() >= 5, "access, refresh and ID tokens");
    secrets.push(PAT.to_owned());
    for secret in &secrets {
        assert_eq!(holding(&files, secret.as_bytes()), Vec::<&PathBuf>::new());
    }
    // Nor in the form the entries have inside.
    use base64::Engine as _;
    for secret in &secrets {
        let encoded = base64::engine::general_purpose::STANDARD.encode(secret);
        assert_eq!(holding(&files, encoded.as_bytes()), Vec::<&PathBuf>::new());
    }
    let sealed: Vec<_> =
        files.into_iter().filter(|path| path.starts_with(machine.state_dir())).collect();
    for word in [standins::ADA, standins::CONTOSO, "contoso", "dev.azure.com", "grace-hopper"] {
        assert_eq!(holding(&sealed, word.as_bytes()), Vec::<&PathBuf>::new(), "{word}");
    }
}

#[test]
fn each_operation_changes_the_files_it_is_about() {
    let machine = filled();
    let before = machine.state();
    let good = machine.get(CONTOSO_REQUEST).expect_success();
    machine.store(format!("{CONTOSO_REQUEST}{}", good.stdout)).expect_success();
    machine.helper(&["status"]).expect_success();
    assert_eq!(changed(&machine, &before), NOTHING, "reading, and storing what is ours");

    machine.age_access_token(4600);
    let before = machine.state();
    machine.get(CONTOSO_REQUEST).expect_success();
    let refreshed = machine.state();
    assert_eq!(changed(&machine, &before), ["access", "issued", "session"]);

    let now = machine.get(CONTOSO_REQUEST).expect_success();
    machine.world.entra().revoke_access_tokens();
    machine.erase(format!("{CONTOSO_REQUEST}{}", now.stdout)).expect_success();
    assert_eq!(changed(&machine, &refreshed), ["access", "checks"], "the refresh token stays");

    let before = machine.state();
    machine.give_pat("https://dev.azure.com/contoso", "another-pat", &[]);
    assert_eq!(changed(&machine, &before), ["pats"]);
}

#[test]
fn get_opens_the_small_file_of_the_access_token_and_what_unseals_it() {
    if !can_trace() {
        return;
    }
    let machine = filled();
    let (done, trace) =
        machine.traced(&["-e", "trace=openat,open,openat2"], &["get"], CONTOSO_REQUEST);
    assert_eq!(done.expect_success().stderr, "");
    let state = machine.state_dir().display().to_string();
    let mut opened: Vec<_> = trace
        .lines()
        .filter(|line| line.contains(&state) && line.contains(") = ") && !line.contains("ENOENT"))
        .map(|line| {
            assert!(line.contains("O_RDONLY"), "{line}");
            let name = line.split(&format!("{state}/")).nth(1).unwrap_or_default();
            name.split(['-', '"']).next().unwrap_or_default().to_owned()
        })
        .collect();
    opened.sort();
    assert_eq!(opened, ["access", "runner.key", "vault.json"], "{trace}");
    let sizes: Vec<_> = ["access", "session"]
        .map(|kind| fs::metadata(machine.entry(kind)).expect("there").len())
        .to_vec();
    assert!(sizes[0] < 8 * 1024, "{sizes:?}");
}

#[test]
fn reading_needs_neither_a_lock_nor_the_right_to_write() {
    let machine = filled();
    let expected = machine.get(CONTOSO_REQUEST).expect_success();
    let status = machine.helper(&["status", "--json"]).expect_success();
    let script = |command: &str| {
        format!(
            r#"
            rm -f "$STATE"/*.lock
            mount --bind "$HOME" "$HOME"
            mount -o remount,ro,bind "$HOME"
            if touch "$STATE/probe" 2>/dev/null; then exit 99; fi
            exec "$PROGRAM" {command}
            "#
        )
    };
    let Some(done) = machine.script_with_mounts(&script("get"), CONTOSO_REQUEST) else { return };
    assert_eq!(done, expected);
    let done = machine.script_with_mounts(&script("status --json"), "").expect("as before");
    assert_eq!(done, status);
    // A personal access token too.
    machine.helper(&["logout", "https://dev.azure.com"]).expect_success();
    machine.give_pat("https://dev.azure.com/contoso", PAT, &[]);
    let done = machine.script_with_mounts(&script("get"), CONTOSO_REQUEST).expect("as before");
    assert_eq!(done.expect_success().password(), PAT);
    // What cannot be refreshed because nothing can be written spends nothing.
    machine.sign_in();
    machine.age_access_token(4600);
    let requests = machine.world.entra().token_requests("refresh_token");
    let done = machine.script_with_mounts(&script("get"), CONTOSO_REQUEST).expect("as before");
    assert_eq!(done.clone().expect_success().password(), PAT, "{done:#?}");
    assert!(done.stderr.contains("Read-only file system"), "{}", done.stderr);
    assert_eq!(machine.world.entra().token_requests("refresh_token"), requests);
}

#[test]
fn lock_files_are_never_deleted() {
    let machine = filled();
    machine.age_access_token(4600);
    machine.get(CONTOSO_REQUEST).expect_success();
    let locks = || -> BTreeMap<PathBuf, u64> {
        machine
            .all_files()
            .into_iter()
            .filter(|path| name_of(path).ends_with(".lock"))
            .map(|path| {
                let inode = fs::metadata(&path).expect("there").ino();
                (path, inode)
            })
            .collect()
    };
    let before = locks();
    assert_eq!(before.len(), 3, "of the vault, of the refresh, of the integrations: {before:?}");
    let good = machine.get(CONTOSO_REQUEST).expect_success();
    machine.erase(format!("{CONTOSO_REQUEST}{}", good.stdout)).expect_success();
    machine.get(CONTOSO_REQUEST).expect_success();
    machine.add_integration(&["--pat"]);
    machine.helper(&["logout", "--all"]).expect_success();
    machine.helper(&["integration", "remove", "dev.azure.com"]).expect_success();
    let mut after = locks();
    // A question about a secret has a lock of its own.
    after.retain(|path, _| !name_of(path).starts_with("verify-"));
    assert_eq!(after, before, "the same files, not new ones of the same name");
    let left = machine.state_names();
    assert!(left.contains(&"runner.key".to_owned()), "{left:?}");
    assert!(!left.iter().any(|name| name.ends_with(".sealed") || name == "vault.json"), "{left:?}");
}

#[test]
fn an_entry_cannot_take_the_place_of_another() {
    let machine = filled();
    machine.give_pat("https://dev.azure.com/fabrikam", "fabrikam-pat", &[]);
    machine.add_pat_integration("tfs.corp.example", &[]);
    machine.add_pat_integration("other.corp.example", &[]);
    let request = |host: &str| format!("protocol=https\nhost={host}\npath=c/p/_git/r\n");
    let before = machine.state();
    machine.store(request("tfs.corp.example") + "username=ada\npassword=of-tfs\n").expect_success();
    let stored: Vec<_> =
        machine.state().into_iter().filter(|(path, _)| !before.contains_key(path)).collect();
    let [(tfs, sealed)] = stored.as_slice() else { panic!("one new file: {stored:?}") };
    let before = machine.state();
    machine.store(request("other.corp.example") + "username=ada\npassword=x\n").expect_success();
    let other = machine.state().into_keys().find(|path| !before.contains_key(path)).expect("new");
    assert_ne!(*tfs, other);
    fs::write(&other, sealed).expect("moved by a hand that has no key");
    let done = machine.get(request("other.corp.example"));
    assert_eq!((done.code, done.stdout.as_str()), (1, "quit=1\n"), "{done:#?}");
    assert!(done.stderr.contains("is damaged"), "{}", done.stderr);
    assert_eq!(machine.get(request("tfs.corp.example")).expect_success().password(), "of-tfs");
}
