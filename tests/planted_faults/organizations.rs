//! Step 5, and what Azure DevOps itself answers.

use standins::{FABRIKAM, Fault, MSA_TENANT, Rule, SignInPage, Target, Times};

use super::{DOCTOR, Row};
use crate::common::Machine;

pub(super) const ROWS: &[Row] = &[
    Row {
        name: "organization in another tenant",
        plant: || of_tenant(FABRIKAM),
        command: DOCTOR,
        check: "organization",
        step: 5,
        words: &["belongs to the tenant", FABRIKAM, "integration add --host dev.azure.com"],
    },
    Row {
        name: "Microsoft-account organization",
        plant: || of_tenant(MSA_TENANT),
        command: DOCTOR,
        check: "organization",
        step: 5,
        words: &["personal Microsoft accounts", "--pat"],
    },
    Row {
        name: "no such organization",
        plant: Machine::signed_in,
        command: &["doctor", "https://dev.azure.com/nowhere/app/_git/app"],
        check: "organization",
        step: 5,
        words: &["there is no organization", "check the organization's name"],
    },
    Row {
        name: "no such repository",
        plant: Machine::signed_in,
        command: &["doctor", "https://dev.azure.com/contoso/app/_git/nothing"],
        check: "repository.read",
        step: 0,
        words: &["there is no such repository", "TF401019", "check the repository's name"],
    },
    Row {
        name: "Conditional Access for addresses",
        plant: || {
            let machine = Machine::signed_in();
            machine.world.azure().set_rule("contoso", Rule::ConditionalAccess);
            machine
        },
        command: DOCTOR,
        check: "repository.read",
        step: 6,
        words: &["Conditional Access refuses", "Sign-in logs → Conditional Access"],
    },
    Row {
        name: "203 sign-in page",
        plant: || signed_out(SignInPage::NonAuthoritative),
        command: DOCTOR,
        check: "repository.read",
        step: 5,
        words: &["does not accept the access token", "sign in again"],
    },
    Row {
        name: "302 to the sign-in page",
        plant: || signed_out(SignInPage::Redirect),
        command: DOCTOR,
        check: "repository.read",
        step: 5,
        words: &["does not accept the access token", "sign in again"],
    },
    Row {
        name: "200 with the sign-in page",
        plant: || signed_out(SignInPage::Ok),
        command: DOCTOR,
        check: "repository.read",
        step: 5,
        words: &["does not accept the access token", "sign in again"],
    },
    Row {
        name: "a page of the network in place of Azure DevOps",
        plant: || failing(Fault::Html(200)),
        command: DOCTOR,
        check: "organization",
        step: 0,
        words: &["something answers that is not Azure DevOps", "check that no proxy"],
    },
    Row {
        name: "a gateway's refusal in place of Azure DevOps",
        plant: || failing(Fault::Html(403)),
        command: DOCTOR,
        check: "organization",
        step: 0,
        words: &["something answers that is not Azure DevOps", "check that no proxy"],
    },
    Row {
        name: "throttled",
        plant: || failing(Fault::Throttle { retry_after: Some(5) }),
        command: DOCTOR,
        check: "organization",
        step: 0,
        words: &["too many requests", "try again in 5 seconds"],
    },
    Row {
        name: "Azure DevOps is offline",
        plant: || failing(Fault::HostOffline),
        command: DOCTOR,
        check: "organization",
        step: 0,
        words: &["is offline for now", "try again in some minutes"],
    },
];

/// A machine whose organization belongs to that tenant.
fn of_tenant(tenant: &str) -> Machine {
    let machine = Machine::signed_in();
    machine.world.azure().set_tenant("contoso", tenant);
    machine
}

/// A machine whose access token Azure DevOps does not take, and answers with that page.
fn signed_out(page: SignInPage) -> Machine {
    let machine = Machine::signed_in();
    machine.world.entra().revoke_access_tokens();
    machine.world.azure().set_sign_in_page(page);
    machine
}

fn failing(fault: Fault) -> Machine {
    let machine = Machine::signed_in();
    machine.world.fail(Target::Azure, fault, Times::Always);
    machine
}
