//! Step 2, and what only shows while somebody signs in: `doctor` remembers it.

use standins::{App, CONTOSO, Platform, Policy, SignIn};

use super::set_up::{with_app, with_scopes};
use super::{DOCTOR, Row, SAVE_AND_TEST};
use crate::common::{Login, Machine};

pub(super) const ROWS: &[Row] = &[
    Row {
        name: "missing redirect URI",
        plant: || {
            let machine = Machine::signed_in();
            let redirect_uris = vec![(Platform::Web, "https://ona.example/auth/callback".into())];
            machine.world.entra().register_app(App { redirect_uris, ..App::default() });
            machine
        },
        command: DOCTOR,
        check: "redirect",
        step: 2,
        words: &["redirect URI", "http://localhost/ona-azure", "Authentication"],
    },
    // Nothing can be asked without a person at `common`, or by a client without a secret, but this.
    Row {
        name: "app of one tenant at common",
        plant: || with_app("common", standins::CLIENT_ID, standins::CLIENT_SECRET),
        command: DOCTOR,
        check: "redirect",
        step: 1,
        words: &["the app is for one tenant", "Overview → Directory (tenant) ID"],
    },
    // Save & Test proves the client or says why it cannot.
    Row {
        name: "app of one tenant at common, at Save & Test",
        plant: || with_app("common", standins::CLIENT_ID, standins::CLIENT_SECRET),
        command: SAVE_AND_TEST,
        check: "client",
        step: 1,
        words: &["names no tenant of its own", "Overview → Directory (tenant) ID"],
    },
    Row {
        name: "unknown client without a secret",
        plant: || {
            let machine = Machine::new();
            public_client(&machine, "99999999-0000-0000-0000-000000000000");
            machine
        },
        command: DOCTOR,
        check: "redirect",
        step: 1,
        words: &["no app with this client ID", "Application (client) ID"],
    },
    Row {
        name: "redirect under the wrong platform",
        plant: || registered(Platform::Desktop, "http://localhost/ona-azure", false),
        command: DOCTOR,
        check: "account",
        step: 2,
        words: &["a client secret was sent", "register the redirect URI under Web"],
    },
    Row {
        name: "redirect registered for a single-page app",
        plant: || registered(Platform::Spa, "http://localhost/ona-azure", false),
        command: DOCTOR,
        check: "account",
        step: 2,
        words: &["single-page app", "add it under Web"],
    },
    Row {
        name: "redirect of a public client registered under Web",
        plant: || registered(Platform::Web, "http://localhost/ona-azure-native", true),
        command: DOCTOR,
        check: "account",
        step: 2,
        words: &["wants a client secret", "Mobile and desktop applications"],
    },
    Row {
        name: "admin consent required",
        plant: || {
            let machine = Machine::configured();
            machine.world.entra().policy(Policy::AdminConsentRequired);
            let mut login = Login::start(&machine, &[]);
            let page = machine.world.browse(&login.address());
            assert!(page.body.contains("AADSTS90094"), "{}", page.body);
            machine.world.go_back(&page);
            assert_eq!(login.finish().code, 4);
            machine
        },
        command: DOCTOR,
        check: "account",
        step: 4,
        words: &["consent", "Grant admin consent"],
    },
    Row {
        name: "consent declined",
        plant: || {
            let machine = Machine::configured();
            machine.world.entra().sign_in(SignIn::Declined);
            assert_eq!(machine.login(&[], standins::ADA).code, 4);
            machine
        },
        command: DOCTOR,
        check: "account",
        step: 4,
        words: &["consent was declined", "Grant admin consent"],
    },
    Row {
        name: "no code scope at all",
        plant: || with_scopes(&[]),
        command: DOCTOR,
        check: "account",
        step: 4,
        words: &["grants no access to code", "API permissions", "vso.code_write"],
    },
];
/// Adds the integration of an app that has no secret.
fn public_client(machine: &Machine, client: &str) {
    let issuer = format!("https://login.microsoftonline.com/{CONTOSO}/oauth2/v2.0");
    let add = ["integration", "add", "--host", "dev.azure.com", "--no-test", "--public-client"];
    let app = ["--issuer-url", &issuer, "--client-id", client];
    machine.helper(&[&add[..], &app].concat()).expect_success();
    machine.set_up_git();
}

/// A machine where the redirect URI is registered so, and a sign-in was tried.
fn registered(platform: Platform, uri: &str, public: bool) -> Machine {
    let machine = if public { Machine::new() } else { Machine::configured() };
    if public {
        public_client(&machine, standins::CLIENT_ID);
    }
    let redirect_uris = vec![(platform, uri.to_owned())];
    machine.world.entra().register_app(App { redirect_uris, ..App::default() });
    let done = machine.login(&[], standins::ADA);
    assert_ne!(done.code, 0, "{done:#?}");
    machine
}
