//! Step 6, and what administrators decide over those who signed in.

use standins::{ADA, CLIENT_ID, CLIENT_SECRET, CONTOSO, Dead, GRACE, Policy};

use super::set_up::with_app;
use super::{DOCTOR, REFRESHING, Row};
use crate::common::Machine;

pub(super) const ROWS: &[Row] = &[
    Row {
        name: "nobody signed in",
        plant: || with_app(CONTOSO, CLIENT_ID, CLIENT_SECRET),
        command: DOCTOR,
        check: "account",
        step: 6,
        words: &["nobody is signed in", "git-credential-ona-azure login https://dev.azure.com"],
    },
    Row {
        name: "no consent",
        plant: || under(Policy::ConsentWithdrawn),
        command: REFRESHING,
        check: "refresh",
        step: 4,
        words: &["nobody has consented", "Grant admin consent"],
    },
    Row {
        name: "user not assigned to the app",
        plant: || under(Policy::NotAssigned),
        command: REFRESHING,
        check: "refresh",
        step: 1,
        words: &["for assigned people only", "Users and groups → Add user/group"],
    },
    Row {
        name: "Conditional Access",
        plant: || under(Policy::ConditionalAccess),
        command: REFRESHING,
        check: "refresh",
        step: 6,
        words: &["Conditional Access blocks this sign-in", "Sign-in logs → Conditional Access"],
    },
    Row {
        name: "tenant blocks the sign-in",
        plant: || under(Policy::TenantBlocks),
        command: REFRESHING,
        check: "refresh",
        step: 6,
        words: &["a security policy of the tenant blocks", "ask the tenant's administrator"],
    },
    Row {
        name: "account disabled",
        plant: || under(Policy::AccountDisabled),
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
    Row {
        name: "MFA expired",
        plant: || under(Policy::MfaExpired),
        command: REFRESHING,
        check: "refresh",
        step: 6,
        words: &["multifactor authentication is too long ago", "git-credential-ona-azure login"],
    },
    Row {
        name: "refresh token dead by inactivity",
        plant: || dead(Dead::Inactivity),
        command: REFRESHING,
        check: "refresh",
        step: 6,
        words: &["was not used for too long", "git-credential-ona-azure login"],
    },
    Row {
        name: "refresh token dead by password reset",
        plant: || dead(Dead::Password),
        command: REFRESHING,
        check: "refresh",
        step: 6,
        words: &["as a password change does (AADSTS50173)", "git-credential-ona-azure login"],
    },
    Row {
        name: "sign-in frequency",
        plant: || dead(Dead::SignInFrequency),
        command: REFRESHING,
        check: "refresh",
        step: 6,
        words: &["wants a new sign-in every so often", "git-credential-ona-azure login"],
    },
    Row {
        name: "session known to be over",
        plant: || {
            let machine = dead(Dead::Password);
            // What git asked for last has found out.
            machine.age_access_token(7200);
            machine.get(crate::common::CONTOSO_REQUEST);
            machine
        },
        command: DOCTOR,
        check: "account",
        step: 6,
        words: &["has ended", "AADSTS50173", "git-credential-ona-azure login"],
    },
    Row {
        name: "session known to be over, and asked to refresh",
        plant: || {
            let machine = dead(Dead::SignInFrequency);
            machine.helper(REFRESHING);
            machine
        },
        command: REFRESHING,
        check: "account",
        step: 6,
        words: &["has ended", "AADSTS70043", "git-credential-ona-azure login"],
    },
    Row {
        name: "user not a member",
        plant: || {
            let machine = Machine::signed_in();
            machine.world.azure().deny("contoso", ADA);
            machine
        },
        command: DOCTOR,
        check: "repository.read",
        step: 5,
        words: &["no member of the organization", "Users → Add users"],
    },
    Row {
        name: "account refused a moment ago",
        plant: || {
            let machine = Machine::signed_in();
            machine.world.azure().deny("contoso", ADA);
            machine.git(&["ls-remote", super::REPOSITORY]);
            machine
        },
        command: DOCTOR,
        check: "account",
        step: 5,
        words: &["Azure DevOps refused ada@contoso.example", "Users → Add users"],
    },
    Row {
        name: "account without the right to contribute",
        plant: || {
            let machine = Machine::configured();
            machine.world.azure().only_reads("contoso", GRACE);
            machine.login(&[], GRACE).expect_success();
            machine
        },
        command: DOCTOR,
        check: "repository.write",
        step: 0,
        words: &["the right to push is missing", "Repositories → Security → Contribute"],
    },
    Row {
        name: "access token revoked",
        plant: || {
            let machine = Machine::signed_in();
            machine.world.entra().revoke_access_tokens();
            machine
        },
        command: DOCTOR,
        check: "repository.read",
        step: 5,
        words: &["does not accept the access token", "sign in again"],
    },
];

/// A machine where somebody was signed in before an administrator decided that.
fn under(policy: Policy) -> Machine {
    let machine = Machine::signed_in();
    machine.world.entra().policy(policy);
    machine
}

/// A machine where the sign-in is over for that reason.
fn dead(why: Dead) -> Machine {
    let machine = Machine::signed_in();
    machine.world.entra().revoke_refresh_tokens(why);
    machine
}
