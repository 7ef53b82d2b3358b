//! *Save & Test*: does what is configured work, as far as it can be known without a person?

use crate::azure::{Place, Step};
use crate::clock;
use crate::entra::{
    App, Endpoints, EntraError, Issuer, everything_consented, fetch_endpoints, prove_client,
};
use crate::net::Send;
use crate::report::{Exit, Failure, escape};
use crate::vault::Vault;

use super::model::{HostKey, Integration, OAuth};
use super::secret::open_client_secret;

/// How long a new secret may be unknown to parts of Entra, in seconds.
const PROPAGATION: u64 = 60;

/// The tenant of organizations that belong to none.
const NO_TENANT: &str = "00000000-0000-0000-0000-000000000000";

/// Entra's number for a wrong client secret. It chooses words only.
const WRONG_SECRET: u32 = 7_000_215;

/// Tests an integration. `passed` is told each thing that is right.
///
/// # Errors
/// The first thing that is not, with its set-up step.
pub fn probe(
    integration: &Integration,
    vault: &Vault,
    network: &dyn Send,
    passed: &mut dyn FnMut(&str),
) -> Result<(), Failure> {
    if !integration.has_method() {
        return Err(Failure::new(format!("no way to sign in to {} is on", integration.host)).hint(
            format!("git-credential-ona-azure integration add --host {} --pat", integration.host),
        ));
    }
    let tenant = match &integration.oauth {
        Some(oauth) => Probe { integration, oauth, vault, network }.run(passed)?,
        None => None,
    };
    reach_host(integration, tenant.as_deref(), network, passed)
}

struct Probe<'a> {
    integration: &'a Integration,
    oauth: &'a OAuth,
    vault: &'a Vault,
    network: &'a dyn Send,
}

impl Probe<'_> {
    /// Returns the tenant's ID, where the issuer names one.
    fn run(&self, passed: &mut dyn FnMut(&str)) -> Result<Option<String>, Failure> {
        let issuer = Issuer::parse(&self.oauth.issuer_url, &self.integration.trusted_issuers)
            .map_err(|error| {
                let hint = error.hint().unwrap_or("copy it from Overview → Endpoints").to_owned();
                Failure::new(error.to_string()).hint(format!("{}: {hint}", Step::AppRegistration))
            })?;
        let endpoints = fetch_endpoints(&issuer, self.network)
            .map_err(|error| at(Step::AppRegistration, error))?;
        passed(&format!("{}: the issuer answers as {}", Step::AppRegistration, endpoints.issuer));
        if self.oauth.is_public() {
            passed(&format!(
                "{}: a public client has no secret; its client ID shows at the first sign-in",
                Step::ClientSecret
            ));
        } else {
            self.prove(&issuer, &endpoints, passed)?;
        }
        let expected = issuer.expected_issuer(&endpoints.issuer).ok();
        Ok(expected.and_then(|expected| expected.tenant_id().map(str::to_owned)))
    }

    /// An app-only token needs no person and no permission, but a right tenant, client ID and
    /// secret.
    fn prove(
        &self,
        issuer: &Issuer,
        endpoints: &Endpoints,
        passed: &mut dyn FnMut(&str),
    ) -> Result<(), Failure> {
        let secret = open_client_secret(self.oauth, self.vault).map_err(|error| {
            let host = self.integration.host.key.to_string();
            Failure::new(error.to_string()).hint(format!(
                "{}: {}",
                Step::ClientSecret,
                error.hint(&host)
            ))
        })?;
        if !issuer.is_tenant_specific() {
            return Err(Failure::new(
                "the Issuer URL names no tenant of its own, so the client cannot be tested",
            )
            .hint(format!(
                "{}: write the tenant's ID in it: Overview → Directory (tenant) ID",
                Step::AppRegistration
            )));
        }
        let app = App { client_id: &self.oauth.client_id, secret: secret.as_ref() };
        match prove_client(endpoints, app, &everything_consented(), self.network) {
            Ok(_) => {
                passed(&format!("{}: the client ID is known in the tenant", Step::AppRegistration));
                passed(&format!("{}: the client secret is accepted", Step::ClientSecret));
                Ok(())
            }
            // A provider that is not Entra may know the client and still not give it this grant.
            Err(EntraError::Refused(refusal))
                if !issuer.is_entra()
                    && matches!(
                        refusal.error.as_str(),
                        "unauthorized_client"
                            | "unsupported_grant_type"
                            | "invalid_scope"
                            | "invalid_target"
                    ) =>
            {
                passed(&format!(
                    "{}: the issuer knows the client; it gives it no token without a person ({})",
                    Step::ClientSecret,
                    escape(&refusal.error)
                ));
                Ok(())
            }
            Err(error) => Err(self.explain(error)),
        }
    }

    fn explain(&self, error: EntraError) -> Failure {
        let young =
            self.oauth.secret_set_at.is_some_and(|at| clock::now().abs_diff(at) < PROPAGATION);
        let wrong_secret = matches!(
            &error,
            EntraError::Refused(refusal) if refusal.codes.contains(&WRONG_SECRET)
        );
        let mut failure = at(Step::AppRegistration, error);
        if young && wrong_secret {
            failure.message.text.push_str(
                "; a secret made just now may take some seconds to be known everywhere, so test once more first",
            );
        }
        failure
    }
}

/// The failure of a request to the issuer; `step` is where to look if the answer does not say.
fn at(step: Step, error: EntraError) -> Failure {
    let named = error.step().is_some();
    let unavailable = error.is_passing();
    let hint =
        if named || unavailable { error.hint() } else { format!("{step}: {}", error.hint()) };
    Failure::new(error.to_string()).hint(hint).exit(if unavailable {
        Exit::Unavailable
    } else {
        Exit::Failed
    })
}

/// Whether the host is there, as far as it tells without a credential.
fn reach_host(
    integration: &Integration,
    tenant: Option<&str>,
    network: &dyn Send,
    passed: &mut dyn FnMut(&str),
) -> Result<(), Failure> {
    let address = match (&integration.host.key, &integration.host.organization) {
        (HostKey::Cloud, Some(organization)) => format!("https://dev.azure.com/{organization}"),
        // With OAuth on, nothing more is known of the cloud until an organization is named.
        (HostKey::Cloud, None) if integration.oauth.is_some() => return Ok(()),
        (HostKey::Cloud, None) => format!("https://{}/", Place::DevAzure.authority()),
        (HostKey::Server(authority), _) => {
            let directory = integration.virtual_directory.prefix();
            format!("https://{authority}{directory}/_apis/connectionData")
        }
    };
    let request = oauth2::http::Request::get(&address)
        .header("x-tfs-fedauthredirect", "Suppress")
        .header("accept", "application/json")
        .body(Vec::new())
        .map_err(|_| Failure::new(format!("{address} is no address that can be asked")))?;
    let step = Step::Organization;
    let reply = network.send(request).map_err(|error| {
        Failure::new(error.to_string())
            .hint(format!("{step}: {}", error.hint()))
            .exit(Exit::Unavailable)
    })?;
    let host = &integration.host;
    match (&host.key, reply.status) {
        (key, 429 | 500..) => Err(Failure::new(format!("{host} answers with HTTP status {}", reply.status))
            .hint(format!("try again in some minutes: git-credential-ona-azure integration test {key}"))
            .exit(Exit::Unavailable)),
        (HostKey::Cloud, 404) if host.organization.is_some() => Err(Failure::new(format!("there is no organization {host}")).hint(format!(
            "{step}: check the organization's name in its address"
        ))),
        (HostKey::Server(authority), 404) => Err(Failure::new(format!(
            "{authority} has no Azure DevOps Server at {}",
            integration.virtual_directory
        ))
        .hint(format!(
            "{step}: name the part of its address between host and collection: git-credential-ona-azure \
             integration add --host {authority} --virtual-directory /tfs"
        ))),
        (HostKey::Cloud, _) if host.organization.is_some() => {
            let theirs = reply.header("x-vss-resourcetenant").unwrap_or_default().trim();
            if tenant.is_some() && theirs == NO_TENANT {
                return Err(Failure::new(format!(
                    "{host} belongs to personal Microsoft accounts, not to a tenant, so no sign-in with Entra ID opens it"
                ))
                .hint(format!(
                    "{step}: connect the organization to your tenant (Organization settings → Microsoft Entra), \
                     or use personal access tokens: git-credential-ona-azure integration add --host {host} --pat"
                )));
            }
            if let Some(ours) = tenant
                && !theirs.is_empty()
                && !theirs.split(',').any(|one| one.trim().eq_ignore_ascii_case(ours))
            {
                return Err(Failure::new(format!(
                    "{host} belongs to the tenant {}, the Issuer URL to {ours}",
                    escape(theirs)
                ))
                .hint(format!(
                    "{step}: connect the organization to your tenant (Organization settings → Microsoft Entra), \
                     or write its tenant in the Issuer URL"
                )));
            }
            let belongs = match tenant {
                None => "",
                Some(_) if theirs.is_empty() => "; it does not say its tenant",
                Some(_) => " and belongs to the tenant",
            };
            passed(&format!("{step}: {host} exists{belongs}"));
            Ok(())
        }
        _ => {
            passed(&format!("{step}: {host} answers"));
            Ok(())
        }
    }
}
