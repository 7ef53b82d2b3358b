//! What is kept: one type an entry.

use serde::{Deserialize, Serialize};

use crate::azure::{ANY_NAME, Organization};
use crate::devops::Acceptance;
use crate::secret::{Digest, Secret};

/// A kind of entry.
pub trait Record {
    /// The first part of its file name.
    const KIND: &'static str;
}

/// A record that is only ever written whole and never made of what was kept before, so that it may be
/// written by [`Writer::put`](super::Writer::put). Every other one is changed by an update.
pub trait WrittenWhole: Record {}

/// What an OAuth sign-in leaves. Kept per host, or per host and organization.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Session {
    /// Random; tells this sign-in from the ones before and after it.
    pub id: String,
    /// The host it is for.
    pub host: String,
    /// The only organization it is for, if it is for one.
    pub organization: Option<Organization>,
    /// The account's name, for people and for git's `username`.
    pub account: String,
    /// Who that is to the issuer (`sub`), which a refresh must not change.
    pub subject: Option<String>,
    /// The tenant it was issued by, where the issuer has tenants.
    pub tenant: Option<String>,
    /// The issuer of the integration at the time, in one spelling.
    pub issuer: String,
    /// The application it was issued to.
    pub client_id: String,
    /// Whether the client secret goes with it (a refresh token is bound to that).
    pub mode: ClientMode,
    /// How the person signed in.
    #[serde(default)]
    pub method: SignInMethod,
    /// The scopes granted.
    pub scopes: Vec<String>,
    /// The refresh token; gone when the service said that it is dead.
    pub refresh_token: Option<Secret>,
    /// When the person signed in, seconds since the epoch.
    pub signed_in_at: u64,
    /// Why it has ended, if it has.
    pub ended: Option<Ended>,
    /// The refresh token that was brought here, if it began so: brought again, it is a dead
    /// ancestor of the one kept now.
    #[serde(default)]
    pub imported: Option<Digest>,
}

impl Record for Session {
    const KIND: &'static str = "session";
}

/// How the client authenticates (RFC 6749 section 2.1).
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ClientMode {
    /// With its secret: Entra's Web platform.
    Confidential,
    /// Without: Entra's Mobile and desktop platform.
    Public,
}

/// How a person signed in.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SignInMethod {
    /// With a browser that came back to this machine.
    #[default]
    Browser,
    /// With a browser elsewhere, whose last address was pasted here.
    Paste,
    /// With a device code (RFC 8628).
    Device,
    /// Elsewhere: its refresh token was brought here.
    Imported,
}

/// Why a session gives no more tokens.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Ended {
    /// When, seconds since the epoch.
    pub at: u64,
    /// What the service said.
    pub reason: String,
}

/// The access token of a session, and what is known of its use: all that `get` reads of a
/// session as long as the token is good.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Access {
    /// The session's account.
    pub account: String,
    /// The token; gone when it was rejected.
    pub token: Option<Secret>,
    /// When it was issued, seconds since the epoch.
    pub issued_at: u64,
    /// When it ends, seconds since the epoch.
    pub expires_at: u64,
    /// The organizations that refuse the account.
    pub refusals: Vec<OrganizationRefusal>,
    /// Why no refresh is tried for now.
    pub hold_off: Option<HoldOff>,
    /// The client the token was issued to; `None` where an earlier version kept it.
    #[serde(default)]
    pub client: Option<Client>,
}

/// The client of an integration, as far as an access token is bound to it.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Client {
    /// The application (`client_id`, RFC 6749 section 2.2).
    pub id: String,
    /// The issuer, in one spelling.
    pub issuer: String,
    /// The tenant, where the issuer has tenants.
    pub tenant: Option<String>,
}

impl Record for Access {
    const KIND: &'static str = "access";
}

impl Access {
    /// What is remembered of this organization's refusal, however long ago it said so.
    pub fn refusal(&self, organization: &Organization) -> Option<&OrganizationRefusal> {
        self.refusals.iter().find(|refusal| refusal.organization == *organization)
    }

    /// Whether it is remembered, and believed without asking, that this organization refuses the
    /// account.
    pub fn refuses(&self, organization: &Organization, now: u64) -> bool {
        self.refusals
            .iter()
            .any(|refusal| refusal.organization == *organization && refusal.until > now)
    }
}

/// An organization that rejected a token fresh from the service.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OrganizationRefusal {
    /// Which.
    pub organization: Organization,
    /// Until when this is believed where nobody can be asked, seconds since the epoch.
    pub until: u64,
    /// When the organization last said so, seconds since the epoch.
    #[serde(default)]
    pub asked_at: u64,
}

/// A refresh that failed, kept so that fifty waiting processes do not fail it fifty times.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HoldOff {
    /// When it failed, milliseconds since the epoch.
    pub failed_at_ms: u64,
    /// Until when not to try again, seconds since the epoch.
    pub until: u64,
    /// What kind of failure it was.
    pub kind: HoldOffKind,
    /// The integration it happened with: a changed one is tried at once.
    pub integration: Digest,
    /// What happened.
    pub text: String,
    /// What to do.
    pub hint: String,
}

/// What a failed refresh means for the answer to `get`.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum HoldOffKind {
    /// Later it may work.
    ForNow,
    /// The client itself is refused: an administrator has to mend the integration.
    Client,
    /// The person has to sign in again.
    SignIn,
    /// The vault here cannot be written, so that a new token could not be kept.
    Vault,
}

/// The digests of the access tokens handed out for a host, until they expire. Outlives the
/// session: git may `store` a token of yesterday's sign-in.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub struct Issued {
    /// One an access token.
    pub tokens: Vec<IssuedToken>,
}

impl Record for Issued {
    const KIND: &'static str = "issued";
}

/// One access token handed out.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct IssuedToken {
    /// Which.
    pub digest: Digest,
    /// When it ends, seconds since the epoch.
    pub expires_at: u64,
}

/// The personal access tokens of a host.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub struct Pats {
    /// In the order they were kept.
    pub pats: Vec<Pat>,
}

impl Record for Pats {
    const KIND: &'static str = "pats";
}

/// A personal access token, or whatever a person gave git as a password for a Server.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Pat {
    /// The organization or collection it is for; `None` for a whole Server.
    pub organization: Option<Organization>,
    /// The name it was given with, possibly empty, which is not the same as none.
    #[serde(with = "bytes")]
    pub username: Option<Vec<u8>>,
    /// The secret.
    pub login: PatLogin,
    /// When it ends, seconds since the epoch, where that is known.
    pub expires_at: Option<u64>,
    /// The refresh token that came with it.
    pub oauth_refresh_token: Option<Secret>,
    /// When it was kept, seconds since the epoch.
    pub kept_at: u64,
    /// Whether git itself stored it with an empty name, and so is given it back.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub empty_name: bool,
    /// Whether git only passed it through from an address. Such a token answers for its own user
    /// name only, and never takes the place of one that a person or `bootstrap` gave.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub passed_through: bool,
}

impl Pat {
    /// Whether it was given without a user name, so that it is for nobody in particular.
    pub fn is_nameless(&self) -> bool {
        !self.empty_name
            && self
                .username
                .as_deref()
                .is_none_or(|name| name.is_empty() || name == ANY_NAME.as_bytes())
    }

    /// The name it is given with at a Server, which tells its users apart by it.
    pub fn server_name(&self) -> &[u8] {
        let kept = self.username.as_deref().unwrap_or_default();
        if kept.is_empty() && !self.empty_name { ANY_NAME.as_bytes() } else { kept }
    }
}

/// The secret of a [`Pat`].
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum PatLogin {
    /// A password.
    Password(Secret),
    /// A header's scheme and value, as git sent them.
    #[serde(rename_all = "camelCase")]
    Header {
        /// The scheme.
        authtype: Secret,
        /// The value.
        credential: Secret,
    },
}

impl PatLogin {
    /// What proves who one is: the password, or the header's value.
    pub fn secret(&self) -> &Secret {
        match self {
            Self::Password(secret) | Self::Header { credential: secret, .. } => secret,
        }
    }
}

/// That a person was asked to sign in and did not.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Prompted {
    /// When, milliseconds since the epoch.
    pub given_up_at_ms: u64,
    /// What those are told who waited meanwhile.
    pub text: String,
}

impl Record for Prompted {
    const KIND: &'static str = "prompted";
}

impl WrittenWhole for Prompted {}

/// A sign-in that the issuer refused, or that brought what is of no use: what is told to whoever
/// looks for the reason later. A sign-in that succeeds ends it.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SignInFailure {
    /// When, seconds since the epoch.
    pub at: u64,
    /// The integration it happened with: with a changed one it says nothing.
    pub integration: Digest,
    /// What happened.
    pub text: String,
    /// What to do.
    pub hint: String,
}

impl Record for SignInFailure {
    const KIND: &'static str = "sign-in-failure";
}

impl WrittenWhole for SignInFailure {}

/// What bootstrap has brought here: what it need not bring again, and what is its own to take away.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Imported {
    /// The integrations it wrote.
    pub hosts: Vec<ImportedHost>,
    /// The last token of each source.
    pub tokens: Vec<ImportedToken>,
    /// The `runnerName` it wrote.
    #[serde(default)]
    pub runner_name: Option<String>,
}

impl Record for Imported {
    const KIND: &'static str = "imported";
}

/// An integration that bootstrap wrote.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct ImportedHost {
    /// Its host.
    pub host: String,
    /// As it wrote it: what a person changed since is not its own any more.
    pub integration: Digest,
}

/// A token that bootstrap has brought here.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct ImportedToken {
    /// Its host.
    pub host: String,
    /// Whose it is: kind, host and organization.
    pub source: String,
    /// Which.
    pub digest: Digest,
}

/// What the service said lately of secrets that git reported as rejected: fifty processes ask once.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub struct Checks {
    /// One a secret and organization.
    pub checks: Vec<Check>,
}

impl Record for Checks {
    const KIND: &'static str = "checks";
}

/// What the service said of one secret.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Check {
    /// A digest of the secret and of the organization it was tried at.
    pub of: Digest,
    /// When, milliseconds since the epoch.
    pub at_ms: u64,
    /// What it said.
    pub acceptance: Acceptance,
}

/// When a person was last told something that is only worth saying once a day.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub struct Notices {
    /// What, and when, seconds since the epoch.
    pub told: Vec<(String, u64)>,
}

impl Record for Notices {
    const KIND: &'static str = "notices";
}

/// Bytes that JSON has no form for, the way [`Secret`] writes them.
mod bytes {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::secret::Secret;

    pub(super) fn serialize<S: Serializer>(
        bytes: &Option<Vec<u8>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        bytes.as_ref().map(|bytes| Secret::new(bytes.as_slice())).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Vec<u8>>, D::Error> {
        Ok(Option::<Secret>::deserialize(deserializer)?.map(|bytes| bytes.expose().to_vec()))
    }
}
