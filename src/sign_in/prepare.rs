//! What has to be in place before a person is asked for anything.

use std::time::Duration;

use oauth2::http::Request;

use super::SignIn;
use crate::azure::Organization;
use crate::broker::{SessionKey, issuer_hint, secret_for};
use crate::clock;
use crate::devops::{Found, compare, organization_tenant};
use crate::entra::{App, Endpoints, Issuer, OrganizationTenant, endpoints};
use crate::integration::{HostKey, OAuth};
use crate::net::{NetError, Reply, Send, Within};
use crate::report::{Failure, Message};
use crate::secret::Secret;
use crate::trace;
use crate::vault::{ClientMode, VaultError};

/// How long a person waits at most for what their organization says of its tenant. It spares them
/// a sign-in in vain, and nothing else depends on it.
const BRIEFLY: Within = Within(Duration::from_secs(5));

/// The issuer's endpoints, and this application as it introduces itself there.
pub(super) struct Prepared<'a> {
    pub(super) oauth: &'a OAuth,
    pub(super) issuer: Issuer,
    pub(super) endpoints: Endpoints,
    pub(super) mode: ClientMode,
    secret: Option<Secret>,
}

impl Prepared<'_> {
    /// Whether an answer that names its issuer is from this one (RFC 9207 section 2.4). Where the
    /// issuer's own document leaves the tenant open, the ID token tells.
    pub(super) fn is_from(&self, issuer: &str) -> bool {
        issuer == self.endpoints.issuer || self.endpoints.issuer.contains('{')
    }

    pub(super) fn app(&self) -> App<'_> {
        App { client_id: &self.oauth.client_id, secret: self.secret.as_ref() }
    }
}

impl<'a> SignIn<'a> {
    /// Finds out all that can be known without the person. A device code is always for a public
    /// client; `mode` is that of the app otherwise.
    pub(super) fn prepare(&self, mode: Option<ClientMode>) -> Result<Prepared<'a>, Failure> {
        // Whoever offers OAuth looks for that first, and knows the address to name.
        let Some(oauth) = &self.integration.oauth else {
            return Err(Failure::new(format!("OAuth is not on for {}", self.key.host)));
        };
        let of_app = if oauth.is_public() { ClientMode::Public } else { ClientMode::Confidential };
        let mode = mode.unwrap_or(of_app);
        let issuer = Issuer::parse(&oauth.issuer_url, &self.integration.trusted_issuers).map_err(
            |error| {
                Failure::new(error.to_string())
                    .hint(issuer_hint(error.hint(), &self.integration.host))
            },
        )?;
        let secret = secret_for(mode, oauth, self.vault, &self.integration.host)?;
        // Nobody should go through a browser for a sign-in that cannot be kept.
        self.vault.write().and_then(|writer| writer.rehearse()).map_err(not_kept)?;
        let endpoints = self.endpoints(&issuer)?;
        let (issuer, endpoints) = self.at_the_organization(issuer, endpoints)?;
        Ok(Prepared { oauth, issuer, endpoints, mode, secret })
    }

    /// The same where the issuer names the organization's tenant. Where it leaves the tenant open,
    /// the organization's: a guest has to sign in there.
    ///
    /// Another tenant than the issuer's is a failure before anybody is sent to a browser: what is
    /// signed in there would be refused.
    fn at_the_organization(
        &self,
        issuer: Issuer,
        endpoints: Endpoints,
    ) -> Result<(Issuer, Endpoints), Failure> {
        let Some(organization) = self.organization else { return Ok((issuer, endpoints)) };
        if self.key.host != HostKey::Cloud || !issuer.is_entra() {
            return Ok((issuer, endpoints));
        }
        let Some(tenant) = self.tenant_of(organization)? else { return Ok((issuer, endpoints)) };
        let tell = |verdict: &str| {
            trace::event("tenant", |words| {
                words
                    .with("organization", organization)
                    .with("says", format!("{tenant:?}"))
                    .with("issuer", &issuer)
                    .with("result", verdict)
            });
        };
        if tenant == OrganizationTenant::Unknown && !issuer.is_tenant_specific() {
            self.person.say(&self.at_the_accounts_own(organization).render());
        }
        if let Some(of_tenant) = tenant.issuer(&issuer) {
            tell("signs in there");
            let endpoints = self.endpoints(&of_tenant)?;
            return Ok((of_tenant, endpoints));
        }
        let expected = issuer.expected_issuer(&endpoints.issuer).ok();
        let ours = expected.as_ref().and_then(|expected| expected.tenant_id());
        let comparison = compare(&tenant, ours);
        tell(&format!("{comparison:?}"));
        match comparison.failure(organization, &self.integration.host, self.integration.pat) {
            Some(failure) => Err(failure),
            None => Ok((issuer, endpoints)),
        }
    }

    /// What the organization says of its tenant: to git, else to us. That it says nothing stops
    /// nobody. That it is not there stops whoever has typed its name; else it is said (`None`).
    fn tenant_of(
        &self,
        organization: &Organization,
    ) -> Result<Option<OrganizationTenant>, Failure> {
        let told = OrganizationTenant::read(self.challenges.iter().map(Vec::as_slice), []);
        if told != OrganizationTenant::Unknown {
            return Ok(Some(told));
        }
        let missing = format!("Azure DevOps knows no organization {organization}");
        let check = "check the name in the address of its repositories";
        Ok(match organization_tenant(&Briefly(self.network), organization) {
            Ok(Found::There(tenant)) => Some(tenant),
            Ok(Found::Missing) if self.insist => {
                let all = format!("git-credential-ona-azure login https://{}", self.key.host);
                return Err(Failure::new(missing)
                    .hint(format!("{check}, or sign in for all organizations: {all}")));
            }
            Ok(Found::Missing) => {
                self.person.say(&Message::warning(missing).hint(check).render());
                None
            }
            Ok(Found::Later(_) | Found::OfTheNetwork) | Err(_) => Some(OrganizationTenant::Unknown),
        })
    }

    /// Which is right for most, and not for a guest.
    fn at_the_accounts_own(&self, organization: &Organization) -> Message {
        Message::warning(format!(
            "Azure DevOps does not say which tenant {organization} belongs to, so the sign-in is to the \
             account's own"
        ))
        .hint(format!(
            "if {organization} then refuses it, sign in again: git-credential-ona-azure login \
             https://{}/{organization}",
            self.key.host
        ))
    }

    fn endpoints(&self, issuer: &Issuer) -> Result<Endpoints, Failure> {
        endpoints(issuer, self.vault, self.network, clock::now())
            .map_err(|error| error.into_failure("the issuer cannot be asked"))
    }
}

/// The network, for what is not worth a long wait.
pub(super) struct Briefly<'a>(pub(super) &'a dyn Send);

impl Send for Briefly<'_> {
    fn send(&self, mut request: Request<Vec<u8>>) -> Result<Reply, NetError> {
        request.extensions_mut().insert(BRIEFLY);
        self.0.send(request)
    }
}

/// A token is for one organization, so the command that takes it names one.
pub(super) fn token_url(key: &SessionKey) -> String {
    match &key.organization {
        Some(_) => format!("https://{key}"),
        None => format!("https://{key}/ORGANIZATION"),
    }
}

pub(super) fn not_kept(error: VaultError) -> Failure {
    Failure::new(format!("the sign-in cannot be kept: {error}")).hint(error.hint())
}
