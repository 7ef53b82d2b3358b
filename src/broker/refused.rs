//! That an organization refuses an account: how it is remembered, and what there is to say.

use std::time::Duration;

use super::get::NO_NAME;
use super::subject::SessionKey;
use super::verify::{Question, verify};
use crate::azure::{Organization, sentences};
use crate::clock;
use crate::devops::{Acceptance, Authorization, compare};
use crate::entra::{Issuer, OrganizationTenant};
use crate::integration::Integration;
use crate::net::Send;
use crate::report::Message;
use crate::vault::{Access, OrganizationRefusal, Vault, VaultError};

/// How long a refusal is believed where nobody can be asked, in seconds.
const BELIEVED: u64 = 10 * 60;

/// How long after that it is a reason to ask before the account's token is handed out, in seconds.
const ASKED_ABOUT: u64 = 24 * 60 * 60;

/// Remembers that the organization said so just now.
pub(super) fn remember_refusal(access: &mut Access, organization: &Organization, now: u64) {
    access.refusals.retain(|refusal| {
        refusal.organization != *organization && refusal.until + ASKED_ABOUT > now
    });
    access.refusals.push(OrganizationRefusal {
        organization: organization.clone(),
        until: now + BELIEVED,
        asked_at: now,
    });
}

/// Forgets it: the organization accepts the account.
///
/// # Errors
/// If the vault cannot be read or written.
pub(super) fn forget_refusal(
    vault: &Vault,
    key: &SessionKey,
    organization: &Organization,
) -> Result<(), VaultError> {
    vault.update(&key.to_string(), |kept: &mut Option<Access>| {
        if let Some(access) = kept {
            access.refusals.retain(|refusal| refusal.organization != *organization);
        }
    })
}

/// Asks the organization once more with the account's own token, and remembers what it says. The
/// answer of another process is used if it is younger than `young`.
pub fn ask_again(
    question: Question<'_>,
    key: &SessionKey,
    access: &Access,
    young: Duration,
    vault: &Vault,
    network: &dyn Send,
) -> Acceptance {
    let (Some(token), Some(organization)) = (&access.token, question.organization) else {
        return Acceptance::Unknown("there is no access token to ask with".to_owned());
    };
    let authorization = Authorization::basic(NO_NAME.as_bytes(), token);
    let acceptance = verify(question, &authorization, token, young, vault, network);
    // What is remembered is a help: where it cannot be written, the next process asks again.
    let _ = match acceptance {
        Acceptance::Accepted => forget_refusal(vault, key, organization),
        Acceptance::Refused | Acceptance::RefusedHere => {
            vault.update(&key.to_string(), |kept: &mut Option<Access>| {
                let now = clock::now();
                let remembered = kept.as_mut().and_then(|kept| {
                    let asked_at = kept.refusal(organization)?.asked_at;
                    Some((kept, asked_at))
                });
                if let Some((kept, asked_at)) = remembered
                    && now.saturating_sub(asked_at) >= young.as_secs().max(1)
                {
                    remember_refusal(kept, organization, now);
                }
            })
        }
        Acceptance::Unknown(_) => Ok(()),
    };
    acceptance
}

/// `challenges` is what the organization said to git (`wwwauth[]`).
pub(super) fn refused_message(
    account: &str,
    organization: &Organization,
    integration: &Integration,
    challenges: &[Vec<u8>],
) -> Message {
    // Of another tenant's organization nobody becomes a member by being added.
    if let Some(message) = of_another_tenant(organization, integration, challenges) {
        return message;
    }
    // Most often it is no member; what else it may be, doctor tells apart.
    Message::error(sentences::refused(account, organization.as_str())).hint(format!(
        "if it is no member there, an administrator adds it (Organization settings → Users → Add users); \
         what else it may be: git-credential-ona-azure doctor https://dev.azure.com/{organization}"
    ))
}

/// That the organization belongs to another tenant than the Issuer URL names, if both say so.
fn of_another_tenant(
    organization: &Organization,
    integration: &Integration,
    challenges: &[Vec<u8>],
) -> Option<Message> {
    let oauth = integration.oauth.as_ref()?;
    let issuer = Issuer::parse(&oauth.issuer_url, &integration.trusted_issuers).ok()?;
    let ours = issuer.tenant().filter(|_| issuer.is_tenant_specific())?;
    let theirs = OrganizationTenant::read(challenges.iter().map(Vec::as_slice), []);
    let failure =
        compare(&theirs, Some(ours)).failure(organization, &integration.host, integration.pat)?;
    Some(failure.message)
}
