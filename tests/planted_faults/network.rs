//! What is between this machine and the services.

use std::fs;
use std::path::Path;

use standins::{Fault, Proxy, Target, Times};

use super::{DOCTOR, Row};
use crate::common::Machine;

pub(super) const ROWS: &[Row] = &[
    Row {
        name: "proxy unreachable",
        plant: || {
            let mut machine = Machine::signed_in();
            for name in ["HTTPS_PROXY", "https_proxy"] {
                machine.set(name, "http://127.0.0.1:9");
            }
            machine
        },
        command: DOCTOR,
        check: "issuer",
        step: 0,
        words: &["the proxy for login.microsoftonline.com cannot be reached", "HTTPS_PROXY"],
    },
    Row {
        name: "proxy refuses",
        plant: || behind(Proxy::Refuses),
        command: DOCTOR,
        check: "issuer",
        step: 0,
        words: &["the proxy refuses to connect to login.microsoftonline.com", "HTTPS_PROXY"],
    },
    Row {
        name: "proxy asks who it is",
        plant: || behind(Proxy::AsksWho),
        command: DOCTOR,
        check: "issuer",
        step: 0,
        words: &["asks for a username and password", "HTTPS_PROXY=http://<user>:<password>"],
    },
    Row {
        name: "unknown CA",
        plant: || {
            let machine = Machine::signed_in();
            let other = machine.world.other_ca_file();
            trusting(machine, &other)
        },
        command: DOCTOR,
        check: "issuer",
        step: 0,
        words: &["an authority this machine does not trust", "http.sslCAInfo"],
    },
    Row {
        name: "empty CA store",
        plant: || {
            let mut machine = Machine::signed_in();
            let empty = machine.home().join("certs");
            fs::create_dir(&empty).expect("made");
            machine.unset("GIT_SSL_CAINFO");
            machine.set("SSL_CERT_FILE", empty.join("none.pem").to_str().expect("text"));
            machine.set("SSL_CERT_DIR", empty.to_str().expect("text"));
            machine
        },
        command: DOCTOR,
        check: "trust",
        step: 0,
        words: &["the CA store is empty", "SSL_CERT_FILE names", "name a PEM file"],
    },
    Row {
        name: "CA bundle missing",
        plant: || trusting(Machine::signed_in(), Path::new("/nowhere.pem")),
        command: DOCTOR,
        check: "trust",
        step: 0,
        words: &["the CA bundle /nowhere.pem cannot be read", "http.sslCAInfo"],
    },
    Row {
        name: "name does not resolve",
        plant: || {
            let mut machine = Machine::new();
            // RFC 6761, section 6.4: no resolver knows a name of that end.
            machine.add_pat_integration("tfs.invalid", &[]);
            machine.set_up_git();
            machine.give_pat("https://tfs.invalid", &machine.world.server().add_pat(), &[]);
            for name in ["NO_PROXY", "no_proxy"] {
                machine.set(name, "tfs.invalid");
            }
            machine
        },
        command: &["doctor", "https://tfs.invalid/DefaultCollection/app/_git/app"],
        check: "organization",
        step: 0,
        words: &["the name tfs.invalid does not resolve", "check the network"],
    },
    Row {
        name: "clock five minutes off",
        plant: || at(-300),
        command: DOCTOR,
        check: "clock",
        step: 0,
        words: &["clock is 5 minutes ahead of", "set the clock"],
    },
    Row {
        name: "clock an hour late",
        plant: || at(3600),
        command: DOCTOR,
        check: "clock",
        step: 0,
        words: &["clock is 60 minutes behind", "set the clock"],
    },
    Row {
        name: "clock years late",
        plant: || at(4 * 365 * 86_400),
        command: DOCTOR,
        check: "issuer",
        step: 0,
        words: &["expired or not yet valid by this machine's clock", "set this machine's clock"],
    },
    Row {
        name: "HTML instead of JSON",
        plant: || {
            let machine = Machine::signed_in();
            machine.world.fail(Target::Discovery, Fault::Html(200), Times::Always);
            machine
        },
        command: DOCTOR,
        check: "issuer",
        step: 0,
        words: &["did not answer with an OpenID configuration", "sign-in page of the network"],
    },
    Row {
        name: "Entra is down",
        plant: || {
            let machine = Machine::signed_in();
            machine.world.fail(Target::Discovery, Fault::Html(503), Times::Always);
            machine
        },
        command: DOCTOR,
        check: "issuer",
        step: 0,
        words: &["HTTP status 503", "try again"],
    },
];

/// A machine whose proxy treats it so.
fn behind(proxy: Proxy) -> Machine {
    let machine = Machine::signed_in();
    machine.world.set_proxy(proxy);
    machine
}

/// A machine that trusts the authorities of that file.
fn trusting(mut machine: Machine, file: &Path) -> Machine {
    for name in ["GIT_SSL_CAINFO", "SSL_CERT_FILE"] {
        machine.set(name, file.to_str().expect("text"));
    }
    machine
}

/// A machine to which all services seem to be so many seconds ahead.
fn at(seconds: i64) -> Machine {
    let machine = Machine::signed_in();
    machine.world.shift_clock(seconds);
    machine
}
