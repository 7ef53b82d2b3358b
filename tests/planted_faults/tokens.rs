//! Personal access tokens.

use git_credential_ona_azure::vault::Pats;
use standins::{Pat, Rule, SignInPage};

use super::{DOCTOR, Row};
use crate::common::Machine;

const CONTOSO: &str = "https://dev.azure.com/contoso";

pub(super) const ROWS: &[Row] = &[
    Row {
        name: "no PAT",
        plant: Machine::tokens_only,
        command: DOCTOR,
        check: "pat",
        step: 6,
        words: &["no personal access token is kept", "login https://dev.azure.com/contoso --pat"],
    },
    Row {
        name: "PAT expired",
        plant: || with("contoso", Pat::past_expiry()),
        command: DOCTOR,
        check: "pat",
        step: 6,
        words: &["has run out", "https://dev.azure.com/contoso/_usersSettings/tokens"],
    },
    Row {
        name: "PAT past the end its owner gave",
        plant: || {
            let machine = with("contoso", Pat::read_write());
            machine.change("https://dev.azure.com", |kept: &mut Pats| {
                kept.pats[0].expires_at = Some(1);
            });
            machine
        },
        command: DOCTOR,
        check: "pat",
        step: 6,
        words: &["has run out", "https://dev.azure.com/contoso/_usersSettings/tokens"],
    },
    Row {
        name: "PAT of another organization",
        plant: || with("fabrikam", Pat::read_write()),
        command: DOCTOR,
        check: "pat",
        step: 6,
        words: &["does not accept", "made for another organization"],
    },
    Row {
        name: "PAT revoked, answered with the sign-in page",
        plant: || {
            let machine = Machine::tokens_only();
            let pat = machine.new_pat("contoso");
            machine.world.azure().revoke_pat(&pat);
            machine.world.azure().set_sign_in_page(SignInPage::NonAuthoritative);
            machine
        },
        command: DOCTOR,
        check: "pat",
        step: 6,
        words: &["does not accept", "https://dev.azure.com/contoso/_usersSettings/tokens"],
    },
    Row {
        name: "PAT without Code",
        plant: || with("contoso", Pat::without_code()),
        command: DOCTOR,
        check: "pat",
        step: 6,
        words: &["not for source code", "Code: Read & write"],
    },
    Row {
        name: "PAT without write",
        plant: || with("contoso", Pat::read_only()),
        command: DOCTOR,
        check: "repository.write",
        step: 4,
        words: &["the right to push is missing", "Code (Read & write)"],
    },
    // What the service really says is not verified.
    Row {
        name: "policy forbids PATs",
        plant: || {
            let machine = with("contoso", Pat::read_write());
            machine.world.azure().set_rule("contoso", Rule::NoPersonalAccessTokens);
            machine
        },
        command: DOCTOR,
        check: "pat",
        step: 5,
        words: &["lets nobody make personal access tokens", "Organization settings → Policies"],
    },
];

/// A machine with that token of that organization, given to it for contoso.
fn with(organization: &str, pat: Pat) -> Machine {
    let machine = Machine::tokens_only();
    let pat = machine.world.azure().add_pat(organization, pat);
    machine.give_pat(CONTOSO, &pat, &[]);
    machine
}
