//! Integrations files, the runner key and the vault. Nothing here depends on permissions: who runs
//! the tests may be allowed everything.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use super::{DOCTOR, Row};
use crate::common::Machine;

pub(super) const ROWS: &[Row] = &[
    Row {
        name: "integrations file broken",
        plant: || {
            let machine = Machine::signed_in();
            machine.write_integrations("{");
            machine
        },
        command: DOCTOR,
        check: "integration.file",
        step: 6,
        words: &["integrations.json", "is not JSON"],
    },
    Row {
        name: "one of two integrations files broken",
        plant: || {
            let mut machine = Machine::configured();
            let state = machine.home().join("state");
            fs::create_dir(&state).expect("made");
            fs::write(state.join("integrations.json"), "{").expect("written");
            machine.set("ONA_AZURE_STATE_DIR", state.to_str().expect("text"));
            machine
        },
        command: DOCTOR,
        check: "integration.file",
        step: 6,
        words: &["state/integrations.json", "is not JSON"],
    },
    Row {
        name: "integration of another host",
        plant: || {
            let machine = Machine::new();
            machine.add_pat_integration("tfs.corp.example", &[]);
            machine.set_up_git();
            machine
        },
        command: DOCTOR,
        check: "integration",
        step: 6,
        words: &["the SCM integration for host dev.azure.com is not configured", "integration add"],
    },
    Row {
        name: "key of another machine",
        plant: || {
            let machine = Machine::signed_in();
            let other = Machine::configured();
            let key = "runner.key";
            fs::copy(other.state_dir().join(key), machine.state_dir().join(key)).expect("copied");
            machine
        },
        command: DOCTOR,
        check: "vault",
        step: 0,
        words: &["is sealed to", "the runner key here is", "bring that runner key back"],
    },
    Row {
        name: "secret sealed to another machine's key",
        plant: || {
            let machine = Machine::configured();
            let other = Machine::configured();
            fs::copy(other.integrations_file(), machine.integrations_file()).expect("copied");
            machine
        },
        command: DOCTOR,
        check: "client.secret",
        step: 3,
        words: &[
            "is sealed to",
            "the runner key here is",
            "integration add --host dev.azure.com --client-secret-stdin",
        ],
    },
    Row {
        name: "runner key damaged",
        plant: || {
            let machine = Machine::signed_in();
            let key = machine.state_dir().join("runner.key");
            fs::write(&key, "no key").expect("written");
            fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).expect("set");
            machine
        },
        command: DOCTOR,
        check: "key",
        step: 0,
        words: &["holds no age X25519 identity"],
    },
    Row {
        name: "mounted key missing",
        plant: || {
            let mut machine = Machine::signed_in();
            machine.set("ONA_AZURE_KEY_FILE", "/nowhere/key");
            machine
        },
        command: DOCTOR,
        check: "key",
        step: 0,
        words: &["ONA_AZURE_KEY_FILE names /nowhere/key"],
    },
    Row {
        name: "vault unreadable",
        plant: || {
            let machine = Machine::signed_in();
            let entry = machine.entry("session");
            fs::remove_file(&entry).expect("removed");
            fs::create_dir(&entry).expect("made");
            machine
        },
        command: DOCTOR,
        check: "vault",
        step: 0,
        words: &["cannot be read"],
    },
    Row {
        name: "vault entry damaged",
        plant: || {
            let machine = Machine::signed_in();
            fs::write(machine.entry("session"), "damaged").expect("written");
            machine
        },
        command: DOCTOR,
        check: "vault",
        step: 0,
        words: &["is damaged"],
    },
];
