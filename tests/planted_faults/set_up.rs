//! Steps 1, 3 and 4: the app registration, its secret and its permissions.

use standins::{App, CLIENT_ID, CLIENT_SECRET, CONTOSO, Fault, Target, Times};

use super::{DOCTOR, Row};
use crate::common::Machine;

pub(super) const ROWS: &[Row] = &[
    Row {
        name: "nothing configured",
        plant: Machine::new,
        command: DOCTOR,
        check: "integration.file",
        step: 6,
        words: &["the SCM integration for host dev.azure.com is not configured", "integration add"],
    },
    Row {
        name: "wrong tenant",
        plant: || with_app("12345678-0000-0000-0000-000000000000", CLIENT_ID, CLIENT_SECRET),
        command: DOCTOR,
        check: "issuer",
        step: 1,
        words: &["there is no such tenant", "Overview → Directory (tenant) ID"],
    },
    Row {
        name: "mistyped issuer",
        plant: || with_app("contoso", CLIENT_ID, CLIENT_SECRET),
        command: DOCTOR,
        check: "issuer",
        step: 1,
        words: &["neither an ID nor a domain", "Overview → Directory (tenant) ID"],
    },
    Row {
        name: "mistyped domain in the issuer",
        plant: || with_app("contosso.com", CLIENT_ID, CLIENT_SECRET),
        command: DOCTOR,
        check: "issuer",
        step: 1,
        words: &["there is no such tenant", "Overview → Directory (tenant) ID"],
    },
    Row {
        name: "mistyped login host in the issuer",
        plant: || {
            let machine = Machine::loaded();
            let mut document = machine.integrations();
            document["integrations"][0]["oauth"]["issuerUrl"] =
                format!("https://login.microsoftonlin.com/{CONTOSO}/oauth2/v2.0").into();
            machine.write_integrations(&document.to_string());
            machine
        },
        command: DOCTOR,
        check: "integration.file",
        step: 6,
        words: &["login.microsoftonlin.com is no login host of Entra ID", "Overview → Endpoints"],
    },
    Row {
        name: "unknown client",
        plant: || with_app(CONTOSO, "99999999-0000-0000-0000-000000000000", CLIENT_SECRET),
        command: DOCTOR,
        check: "client",
        step: 1,
        words: &["no app with this client ID", "Application (client) ID"],
    },
    Row {
        name: "disabled app",
        plant: || with_registration(App { disabled: true, ..App::default() }),
        command: DOCTOR,
        check: "client",
        step: 1,
        words: &["the app is disabled", "Enabled for users to sign-in"],
    },
    Row {
        name: "secret ID pasted for the value",
        plant: || with_app(CONTOSO, CLIENT_ID, "5c1d4a6e-0b1f-4b8e-9d3e-0123456789ab"),
        command: DOCTOR,
        check: "client",
        step: 3,
        words: &["the secret's ID was pasted instead of its Value", "copy the Value column"],
    },
    Row {
        name: "expired secret",
        plant: || {
            let secrets = vec![(CLIENT_SECRET.to_owned(), true)];
            with_registration(App { secrets, ..App::default() })
        },
        command: DOCTOR,
        check: "client",
        step: 3,
        words: &["the client secret has run out", "New client secret"],
    },
    Row {
        name: "unprefixed scope",
        // The scopes are the program's own, so that only the service can make this one.
        plant: || {
            let words = "The application 'ona-azure' asked for scope 'vso.code_write' that doesn't \
                         exist on the resource '00000003-0000-0000-c000-000000000000'. Contact the \
                         app vendor.";
            token_endpoint(Fault::error(400, "invalid_scope", 650_053, words))
        },
        command: DOCTOR,
        check: "client",
        step: 4,
        words: &["lacks Azure DevOps' ID in front", "leave the scopes at this helper's own"],
    },
    Row {
        name: "Azure DevOps unknown in the tenant",
        plant: || {
            let words = "The resource principal named 499b84ac-1321-427f-aa17-267ca6975798 was not \
                         found in the tenant named Contoso.";
            token_endpoint(Fault::error(400, "invalid_resource", 500_011, words))
        },
        command: DOCTOR,
        check: "client",
        step: 4,
        words: &["not known in this tenant", "add Azure DevOps under API permissions"],
    },
    Row {
        name: "a page in place of the token endpoint's answer",
        plant: || token_endpoint(Fault::Html(200)),
        command: DOCTOR,
        check: "client",
        step: 0,
        words: &["sign-in page of the network"],
    },
    Row {
        name: "Entra throttles",
        plant: || token_endpoint(Fault::Throttle { retry_after: Some(5) }),
        command: DOCTOR,
        check: "client",
        step: 0,
        words: &["wait some minutes"],
    },
    Row {
        name: "missing vso.code_write",
        plant: || with_scopes(&["vso.code"]),
        command: DOCTOR,
        check: "account",
        step: 4,
        words: &["vso.code_write is not granted", "API permissions", "Delegated permissions"],
    },
];

/// A machine whose integration names that tenant, client and secret.
pub(super) fn with_app(tenant: &str, client: &str, secret: &str) -> Machine {
    let machine = Machine::new();
    let issuer = format!("https://login.microsoftonline.com/{tenant}/oauth2/v2.0");
    let arguments = [
        "integration",
        "add",
        "--no-test",
        "--host",
        "dev.azure.com",
        "--issuer-url",
        &issuer,
        "--client-id",
        client,
        "--client-secret-stdin",
    ];
    machine.helper_with(&arguments, secret).expect_success();
    machine.set_up_git();
    machine
}

/// A machine where somebody is signed in, and the token endpoint answers so.
fn token_endpoint(fault: Fault) -> Machine {
    let machine = Machine::signed_in();
    machine.world.fail(Target::Token, fault, Times::Always);
    machine
}

/// A machine where somebody is signed in, and the app has become another since.
fn with_registration(app: App) -> Machine {
    let machine = Machine::signed_in();
    machine.world.entra().register_app(app);
    machine
}

/// A machine where somebody is signed in, and that is all they were granted.
pub(super) fn with_scopes(scopes: &[&str]) -> Machine {
    let machine = Machine::configured();
    machine.world.entra().grant_only(scopes);
    machine.login(&[], standins::ADA);
    machine
}
