//! PENDING: faults that are planted, and that the program does not find yet.

use standins::{CONTOSO, Policy};

use super::{REFRESHING, Row};
use crate::common::Machine;

pub(super) const ROWS: &[Row] = &[
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
];
