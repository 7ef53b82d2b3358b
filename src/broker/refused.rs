//! What there is to say where an organization refuses an account.

use crate::azure::{Organization, sentences};
use crate::devops::compare;
use crate::entra::{Issuer, OrganizationTenant};
use crate::integration::Integration;
use crate::report::Message;

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
    let failure = compare(&theirs, Some(ours)).failure(organization, integration.pat)?;
    Some(failure.message)
}
