//! The set-up as far as it can be seen without a person: the integration, its issuer, its client.

use super::context::{Host, Target};
use super::faults::of_entra;
use super::table::Outcome;
use crate::azure::{Step, somebody_elses};
use crate::broker::{redirect_path, redirect_uri};
use crate::clock;
use crate::entra::{
    App, EntraError, Issuer, Registered, everything_consented, prove_client, prove_redirect_uri,
};
use crate::integration::{Integrations, OAuth, open_client_secret};
use crate::report::Failure;

/// How long a new secret may be unknown to parts of Entra, in seconds.
const PROPAGATION: u64 = 60;

/// Entra's number for a wrong client secret. It chooses words only.
const WRONG_SECRET: u32 = 7_000_215;

pub(super) fn integration(host: &Host) -> Outcome {
    let Some(found) = &host.found else {
        if let Some(outcome) = not_azure_devops(&host.target.place.authority().host) {
            return outcome;
        }
        let organization = host.organization.as_ref();
        let name = host.integrations.asked_for(&host.target.place, organization);
        let spec = host.integrations.to_configure(&host.target.place, organization);
        return Outcome::from(
            Failure::new(host.integrations.not_configured(&name))
                .hint(Integrations::configure_hint(&spec)),
        );
    };
    let integration = &found.integration;
    let methods = match (&integration.oauth, integration.pat) {
        (Some(_), true) => "OAuth and personal access tokens",
        (Some(_), false) => "OAuth",
        (None, true) => "personal access tokens",
        (None, false) => {
            return Outcome::from(
                Failure::new(format!("no way to sign in to {} is on", integration.host)).hint(
                    format!(
                        "git-credential-ona-azure integration add --host {} --pat",
                        integration.host
                    ),
                ),
            );
        }
    };
    if let Some(written) = with_directory(host) {
        let (named, directory) = (host.target.url(), &integration.virtual_directory);
        let authority = host.target.place.authority();
        return Outcome::failed(
            None,
            format!(
                "the address {named} is not below {directory}, the virtual directory of {authority}"
            ),
            format!(
                "write it as {written}; if {directory} is wrong: git-credential-ona-azure integration add \
                 --host {authority} --virtual-directory /tfs"
            ),
        );
    }
    Outcome::passed(format!("{}: {methods}, from {}", integration.host, found.file.display()))
}

/// An address that is none of Azure DevOps', so that nobody brings its tokens elsewhere.
fn not_azure_devops(host: &str) -> Option<Outcome> {
    let host = host.to_ascii_lowercase();
    let fix = "name an address of Azure DevOps: git-credential-ona-azure doctor https://dev.azure.com/ORGANIZATION";
    if somebody_elses(&host).is_some() {
        let what = format!("{host} serves nothing of Azure DevOps over HTTPS");
        return Some(Outcome::failed(None, what, fix));
    }
    // The name of an organization or of a remote, most likely; a Server in a network may be called so.
    let bare = !host.contains(['.', ':']) && host != "localhost";
    bare.then(|| {
        Outcome::failed(
            None,
            format!("no integration is configured for a Server called {host}"),
            fix,
        )
    })
}

/// The target's address with its Server's virtual directory, where it lacks that: git gets nothing
/// for it then.
fn with_directory(host: &Host) -> Option<String> {
    let directory = &host.integration().virtual_directory;
    let path = host.target.path.as_deref()?;
    let names: Vec<_> = path.split('/').filter(|name| !name.is_empty()).collect();
    let elsewhere = !host.target.place.is_cloud() && directory.below(&names).is_none();
    let path = format!("{}/{path}", directory.prefix().trim_start_matches('/'));
    elsewhere.then(|| Target { path: Some(path), ..host.target.clone() }.url())
}

/// Nothing of that kind is on, and nothing is wrong with that.
fn no_oauth() -> Outcome {
    Outcome::passed("OAuth is not on")
}

pub(super) fn issuer(host: &Host) -> Outcome {
    let integration = host.integration();
    let Some(oauth) = &integration.oauth else { return no_oauth() };
    let issuer = match Issuer::parse(&oauth.issuer_url, &integration.trusted_issuers) {
        Ok(issuer) => issuer,
        Err(error) => {
            let hint = error.hint().unwrap_or("copy it from Overview → Endpoints");
            return Outcome::failed(None, error.to_string(), hint);
        }
    };
    match host.endpoints(&issuer) {
        Ok(endpoints) => Outcome::passed(format!("it answers as {}", endpoints.issuer)),
        Err(error) => of_entra(error),
    }
}

pub(super) fn client_secret(host: &Host) -> Outcome {
    let Some(oauth) = &host.integration().oauth else { return no_oauth() };
    if oauth.is_public() {
        return Outcome::passed("a public client has no secret");
    }
    match open_client_secret(oauth, &host.machine.vault()) {
        Ok(_) => Outcome::passed("it opens with the runner key"),
        Err(error) => Outcome::failed(
            None,
            error.to_string(),
            error.hint(&host.integration().host.to_string()),
        ),
    }
}

pub(super) fn client(host: &Host) -> Outcome {
    let Some(oauth) = &host.integration().oauth else { return no_oauth() };
    if oauth.is_public() {
        return Outcome::passed(
            "a public client has no secret; its client ID shows at the first sign-in",
        );
    }
    let Some(issuer) = host.issuer() else { return Outcome::skipped("the issuer is not known") };
    if !issuer.is_tenant_specific() {
        return of_open_tenant(&issuer, host.strict);
    }
    let secret = match open_client_secret(oauth, &host.machine.vault()) {
        Ok(secret) => secret,
        Err(error) => {
            return Outcome::failed(
                Step::ClientSecret,
                error.to_string(),
                error.hint(&host.integration().host.to_string()),
            );
        }
    };
    let endpoints = match host.endpoints(&issuer) {
        Ok(endpoints) => endpoints,
        Err(error) => return of_entra(error),
    };
    let app = App { client_id: &oauth.client_id, secret: secret.as_ref() };
    // An app-only token needs no person and no permission, but a right tenant, client ID and secret.
    match prove_client(endpoints, app, &everything_consented(), host) {
        Ok(_) => Outcome::passed("the tenant knows the client ID and accepts the client secret"),
        // A provider that is not Entra may know the client and still not give it this grant.
        Err(EntraError::Refused(refusal)) if !issuer.is_entra() && knows_client(&refusal.error) => {
            Outcome::passed(format!(
                "the issuer knows the client; it gives it no token without a person ({})",
                refusal.error
            ))
        }
        Err(error) => of_secret(&error, oauth),
    }
}

/// For an app of several tenants; which one it is shows with the person.
fn of_open_tenant(issuer: &Issuer, strict: bool) -> Outcome {
    if issuer.tenant() == Some("organizations") || !strict {
        return Outcome::passed(
            "the Issuer URL leaves the tenant open, so client ID and secret show at the first sign-in",
        );
    }
    Outcome::failed(
        Step::AppRegistration,
        "the Issuer URL names no tenant of its own, so the client cannot be tested",
        "write the tenant's ID in it (Overview → Directory (tenant) ID), or organizations if the app is \
         of several tenants",
    )
}

fn knows_client(error: &str) -> bool {
    matches!(
        error,
        "unauthorized_client" | "unsupported_grant_type" | "invalid_scope" | "invalid_target"
    )
}

fn of_secret(error: &EntraError, oauth: &OAuth) -> Outcome {
    let young = oauth.secret_set_at.is_some_and(|at| clock::now().abs_diff(at) < PROPAGATION);
    let wrong_secret =
        matches!(error, EntraError::Refused(refusal) if refusal.codes.contains(&WRONG_SECRET));
    let mut outcome = of_entra(error);
    if let Outcome::Failed(fault) = &mut outcome
        && young
        && wrong_secret
    {
        fault.what.push_str(
            "; a secret made just now may take some seconds to be known everywhere, so test once more first",
        );
    }
    outcome
}

pub(super) fn redirect(host: &Host) -> Outcome {
    let Some(oauth) = &host.integration().oauth else { return no_oauth() };
    let Some(issuer) = host.issuer() else { return Outcome::skipped("the issuer is not known") };
    let endpoints = match host.endpoints(&issuer) {
        Ok(endpoints) => endpoints,
        Err(error) => return of_entra(error),
    };
    let (uri, platform) = (redirect_uri(oauth), platform(oauth));
    let app = App { client_id: &oauth.client_id, secret: None };
    match prove_redirect_uri(endpoints, app, &issuer, redirect_path(oauth), host) {
        Ok(Registered::Yes) => Outcome::passed(format!("the issuer sends browsers back to {uri}")),
        Ok(Registered::Untold) => Outcome::skipped(format!(
            "the issuer tells it to a browser only; it has to be {uri}, under {platform}"
        )),
        // Nothing that git needs depends on that answer.
        Err(error) if error.is_passing() => {
            Outcome::skipped(format!("{error}; it has to be {uri}, under {platform}"))
        }
        Err(error) => {
            let mut outcome = of_entra(&error);
            if let Outcome::Failed(fault) = &mut outcome
                && is_not_registered(&error)
            {
                fault.what =
                    fault.what.replacen("the redirect URI", &format!("the redirect URI {uri}"), 1);
                fault.fix = format!(
                    "Authentication → Add a platform → {platform}, and add the redirect URI {uri}"
                );
            }
            outcome
        }
    }
}

/// Whether it is about that very address. Entra's numbers choose words only.
fn is_not_registered(error: &EntraError) -> bool {
    const NOT_REGISTERED: [u32; 2] = [50011, 500_113];
    matches!(error, EntraError::Refused(refusal)
        if refusal.error == "invalid_redirect_uri"
            || refusal.codes.iter().any(|code| NOT_REGISTERED.contains(code)))
}

/// The portal's name of the platform that goes with the client's redirect URI.
fn platform(oauth: &OAuth) -> &'static str {
    if oauth.is_public() { "Mobile and desktop applications" } else { "Web" }
}
