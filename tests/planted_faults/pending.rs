//! PENDING: faults that are planted, and that the program does not find yet.

use standins::{App, CONTOSO, Pat, Platform, Policy, Rule, SignIn};

use super::{DOCTOR, REFRESHING, Row};
use crate::common::{Login, Machine};

pub(super) const ROWS: &[Row] = &[
    // Needs the check `redirect`, which asks the authorization endpoint without a person.
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
        plant: || super::set_up::with_app("common", standins::CLIENT_ID, standins::CLIENT_SECRET),
        command: DOCTOR,
        check: "redirect",
        step: 1,
        words: &["the app is for one tenant", "Overview → Directory (tenant) ID"],
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
    // The next need `account` to remember how the last sign-in failed.
    Row {
        name: "redirect under the wrong platform",
        plant: || registered(Platform::Desktop, "http://localhost/ona-azure", false),
        command: DOCTOR,
        check: "account",
        step: 2,
        words: &["a client secret was sent", "register the redirect URI under Web"],
    },
    // Needs a row for AADSTS9002327 besides.
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
        plant: || super::set_up::with_scopes(&[]),
        command: DOCTOR,
        check: "account",
        step: 4,
        words: &["grants no access to code", "API permissions", "vso.code_write"],
    },
    // A refresh that is refused needs the refusal's own step and fix: now every one of them says
    // step 6 and to sign in again.
    Row {
        name: "no consent",
        plant: || super::sign_ins::under(Policy::ConsentWithdrawn),
        command: REFRESHING,
        check: "refresh",
        step: 4,
        words: &["nobody has consented", "Grant admin consent"],
    },
    Row {
        name: "user not assigned to the app",
        plant: || super::sign_ins::under(Policy::NotAssigned),
        command: REFRESHING,
        check: "refresh",
        step: 1,
        words: &["for assigned people only", "Users and groups → Add user/group"],
    },
    Row {
        name: "Conditional Access",
        plant: || super::sign_ins::under(Policy::ConditionalAccess),
        command: REFRESHING,
        check: "refresh",
        step: 6,
        words: &["Conditional Access blocks this sign-in", "Sign-in logs → Conditional Access"],
    },
    Row {
        name: "tenant blocks the sign-in",
        plant: || super::sign_ins::under(Policy::TenantBlocks),
        command: REFRESHING,
        check: "refresh",
        step: 6,
        words: &["a security policy of the tenant blocks", "ask the tenant's administrator"],
    },
    Row {
        name: "account disabled",
        plant: || super::sign_ins::under(Policy::AccountDisabled),
        command: REFRESHING,
        check: "refresh",
        step: 6,
        words: &["the account is disabled", "ask the tenant's administrator"],
    },
    Row {
        name: "guest no longer invited",
        plant: || {
            let machine = Machine::configured();
            let guest = "linus@fabrikam.example";
            machine.world.entra().add_account(standins::FABRIKAM, guest, "Linus");
            machine.world.entra().add_guest(CONTOSO, guest);
            machine.world.azure().allow("contoso", guest);
            machine.login(&[], guest).expect_success();
            machine.world.entra().remove_guest(CONTOSO, guest);
            machine
        },
        command: REFRESHING,
        check: "refresh",
        step: 6,
        words: &["of another tenant", "invite the account as a guest"],
    },
    // Needs words for a policy against tokens; what the service really says is not verified.
    Row {
        name: "policy forbids PATs",
        plant: || {
            let machine = super::tokens::with("contoso", Pat::read_write());
            machine.world.azure().set_rule("contoso", Rule::NoPersonalAccessTokens);
            machine
        },
        command: DOCTOR,
        check: "pat",
        step: 5,
        words: &["policy", "Organization settings → Policies"],
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
