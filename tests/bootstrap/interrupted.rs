//! Killed in the middle, and run again: right.

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use serde_json::{Value, json};
use standins::ADA;

use crate::common::system::{can_trace, name_of};
use crate::common::*;
use crate::given::*;
use git_credential_ona_azure::vault::{Imported, acquire};

/// The system calls by which a file comes to be, changes or goes.
const CHANGES: [&str; 8] =
    ["write", "fsync", "rename", "renameat", "link", "unlink", "flock", "mkdir"];

fn document(machine: &Machine) -> Value {
    json!({
        "runnerName": "Ona Cloud (EU01)",
        "integrations": [cloud("dev.azure.com"), server()],
        "tokens": [
            { "host": "dev.azure.com", "refreshToken": refresh_token(&machine.world, ADA) },
            { "host": "tfs.corp.example", "token": machine.world.server().add_pat() },
        ],
    })
}

/// What has come of it, without what is another each time.
fn outcome(machine: &Machine) -> Value {
    let mut integrations = machine.integrations();
    integrations["integrations"].as_array_mut().expect("a list").iter_mut().for_each(|one| {
        if let Some(oauth) = one["oauth"].as_object_mut() {
            for field in ["encryptedClientSecret", "recipients", "clientSecretSetAt"] {
                oauth.remove(field).expect("there");
            }
        }
    });
    let imported: Imported = machine.vault().read("all").expect("opens").expect("there");
    let names: BTreeSet<_> = machine.all_files().iter().map(|path| name_of(path)).collect();
    assert!(!names.iter().any(|name| name.contains(".corrupt-")), "{names:?}");
    json!({
        "integrations": integrations,
        "git": fs::read_to_string(machine.home().join(".gitconfig")).expect("there"),
        "account": machine.session().account,
        "server": machine.pats("https://tfs.corp.example").len(),
        "hosts": imported.hosts.iter().map(|known| &known.host).collect::<Vec<_>>(),
        "sources": imported.tokens.iter().map(|known| &known.source).collect::<Vec<_>>(),
    })
}

fn start_anew(machine: &Machine) {
    for name in [".local", ".config", ".gitconfig", ".gitconfig.lock"] {
        let path = machine.home().join(name);
        let _ = fs::remove_dir_all(&path).or_else(|_| fs::remove_file(&path));
    }
}

#[test]
fn a_kill_at_any_change_is_made_good_by_the_next_run() {
    if !can_trace() {
        return;
    }
    let machine = Machine::new();
    let document = document(&machine);
    let path = machine.mount("azure.json", document.to_string());
    let bootstrap = ["bootstrap", "--from", path.to_str().expect("text")];
    machine.helper(&bootstrap).expect_success();
    let undisturbed = outcome(&machine);
    let mut kills = 0;
    for call in CHANGES {
        for number in 1.. {
            start_anew(&machine);
            let inject = format!("inject={call}:signal=KILL:when={number}");
            let mut command = machine.command("strace");
            command.args(["-qq", "-o", "/dev/null", "-e", &format!("trace={call}"), "-e", &inject]);
            let done = run(command.arg(PROGRAM).args(bootstrap), b"");
            let killed = done.code == 128 + 9;
            assert!(killed || done.code == 0, "{call} {number}: {done:#?}");
            for path in machine.all_files() {
                let name = name_of(&path);
                if name.ends_with(".lock") {
                    acquire(&path, Duration::ZERO).expect("no lock outlives its holder");
                }
            }
            if killed {
                kills += 1;
                let again = machine.helper(&bootstrap);
                assert_eq!((again.code, &*again.stderr), (0, ""), "{call} {number}: {again:#?}");
            }
            assert_eq!(outcome(&machine), undisturbed, "{call} {number}");
            if !killed {
                break;
            }
            if number % 7 == 0 {
                machine.get(CONTOSO_REQUEST).expect_success();
            }
        }
    }
    assert!(kills > 60, "{kills}");
}
