//! *Save & Test*: does what is configured work, as far as it can be known without a person?

use crate::azure::{Organization, Place, Step};
use crate::clock;
use crate::devops::{Comparison, Found, compare, no_server_at, organization_tenant};
use crate::entra::{
    App, Endpoints, EntraError, Issuer, OrganizationTenant, everything_consented, fetch_endpoints,
    prove_client,
};
use crate::net::{NetError, Send};
use crate::report::{Exit, Failure, escape};
use crate::vault::Vault;

use super::model::{HostKey, Integration, OAuth};
use super::secret::open_client_secret;

/// How long a new secret may be unknown to parts of Entra, in seconds.
const PROPAGATION: u64 = 60;

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
        // For an app of several tenants; which one it is shows with the person.
        if issuer.tenant() == Some("organizations") {
            passed(&format!(
                "{}: the Issuer URL leaves the tenant open, so client ID and secret show at the first sign-in",
                Step::ClientSecret
            ));
            return Ok(());
        }
        if !issuer.is_tenant_specific() {
            return Err(Failure::new(
                "the Issuer URL names no tenant of its own, so the client cannot be tested",
            )
            .hint(format!(
                "{}: write the tenant's ID in it (Overview → Directory (tenant) ID), or organizations if the app is \
                 of several tenants",
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
    let host = &integration.host;
    let address = match (&host.key, &host.organization) {
        (HostKey::Cloud, Some(organization)) => {
            return reach_organization(integration, organization, tenant, network, passed);
        }
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
    let reply = network.send(request).map_err(unreachable)?;
    match (&host.key, reply.status) {
        (_, status @ (429 | 500..)) => Err(unavailable(integration, status)),
        (HostKey::Server(authority), 404) => {
            Err(no_server_at(authority, &integration.virtual_directory))
        }
        _ => {
            passed(&format!("{}: {host} answers", Step::Organization));
            Ok(())
        }
    }
}

/// Whether the organization is there, and whether the tenant signed in at is its own.
fn reach_organization(
    integration: &Integration,
    organization: &Organization,
    tenant: Option<&str>,
    network: &dyn Send,
    passed: &mut dyn FnMut(&str),
) -> Result<(), Failure> {
    let (step, host) = (Step::Organization, &integration.host);
    let theirs = match organization_tenant(network, organization).map_err(unreachable)? {
        Found::Missing => {
            return Err(Failure::new(format!("there is no organization {host}"))
                .hint(format!("{step}: check the organization's name in its address")));
        }
        Found::Later { status } => return Err(unavailable(integration, status)),
        Found::There(theirs) => theirs,
    };
    // Tokens of its own open an organization, whichever tenant it is of.
    if integration.oauth.is_none() {
        passed(&format!("{step}: {host} exists"));
        return Ok(());
    }
    let comparison = compare(&theirs, tenant);
    if let Some(failure) = comparison.failure(organization, integration.pat) {
        return Err(failure);
    }
    let belongs = match (&comparison, &theirs) {
        (Comparison::Same, _) => " and belongs to the tenant".to_owned(),
        (_, OrganizationTenant::Entra { tenant, .. }) => {
            format!(" and belongs to the tenant {tenant}")
        }
        _ => "; it does not say its tenant".to_owned(),
    };
    passed(&format!("{step}: {host} exists{belongs}"));
    Ok(())
}

fn unreachable(error: NetError) -> Failure {
    Failure::new(error.to_string())
        .hint(format!("{}: {}", Step::Organization, error.hint()))
        .exit(Exit::Unavailable)
}

fn unavailable(integration: &Integration, status: u16) -> Failure {
    let host = &integration.host;
    Failure::new(format!("{host} answers with HTTP status {status}"))
        .hint(format!(
            "try again in some minutes: git-credential-ona-azure integration test {}",
            host.key
        ))
        .exit(Exit::Unavailable)
}
