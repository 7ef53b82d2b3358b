//! Whether the organization or Server is there, and whether the tenant signed in at is its own.

use super::context::Host;
use super::faults::{of_network, of_something_else};
use super::table::Outcome;
use crate::azure::{Authority, Organization, Place, VirtualDirectory, home_url, sentences};
use crate::devops::{
    Answer, Busy, Comparison, Door, Found, Redirect, compare, no_server_at, organization_tenant,
};
use crate::entra::OrganizationTenant;
use crate::integration::HostKey;
use crate::net::Send as _;

pub(super) fn organization(host: &Host) -> Outcome {
    let integration = host.integration();
    match (&integration.host.key, &host.organization) {
        (HostKey::Server(authority), _) => server(host, authority, &integration.virtual_directory),
        (HostKey::Cloud, Some(organization)) => of_cloud(host, organization),
        // With OAuth on, nothing more is known of the cloud until an organization is named.
        (HostKey::Cloud, None) if integration.oauth.is_some() => {
            Outcome::skipped("no organization is named: add its URL to see it checked")
        }
        (HostKey::Cloud, None) => whole_cloud(host),
    }
}

fn whole_cloud(host: &Host) -> Outcome {
    let name = Place::DevAzure.to_string();
    let answer = match reach(host, &format!("https://{name}/")) {
        Ok(answer) => answer,
        Err(outcome) => return outcome,
    };
    match &answer.redirect {
        // Strangers may be shown what the Services are.
        Some(Redirect::Elsewhere(to)) if to.ends_with(".microsoft.com") => {}
        Some(Redirect::Elsewhere(to)) => return of_something_else(&name, Some(to)),
        _ if answer.is_somebody_elses() => return of_something_else(&name, None),
        _ => {}
    }
    Outcome::passed(format!("{name} answers"))
}

fn server(host: &Host, authority: &Authority, directory: &VirtualDirectory) -> Outcome {
    let place = Place::Other(authority.clone());
    let home = home_url(host.target.scheme, &place, directory, None);
    let answer = match reach(host, &format!("{home}/_apis/connectionData")) {
        Ok(answer) => answer,
        Err(outcome) => return outcome,
    };
    let name = authority.to_string();
    if answer.status == 404 {
        return Outcome::from(no_server_at(authority, directory));
    }
    if answer.status == 401 {
        let _ = host.offers_ntlm.set(answer.offers_ntlm);
    }
    // Whether a token gets past the web server shows with a token.
    if Door::of(&answer, false) == Some(Door::NoBasic) {
        return Outcome::from(Door::NoBasic.failure(&name, &home, ""));
    }
    if let Some(Redirect::Elsewhere(to)) = &answer.redirect {
        return Outcome::failed(
            None,
            format!("{name} sends on to {to}, where no token is sent"),
            format!(
                "open {home} in a browser: if that ends at another address of the Server, name it: \
                 git-credential-ona-azure integration add --host HOST; otherwise check that {}",
                sentences::NOTHING_IN_ITS_PLACE
            ),
        );
    }
    // The web server may ask for a credential before Azure DevOps does.
    if answer.is_somebody_elses() && answer.status != 401 {
        return of_something_else(&name, None);
    }
    Outcome::passed(format!("{name}{} answers", directory.prefix()))
}

/// Whether anything is there, as far as it tells without a credential.
fn reach(host: &Host, url: &str) -> Result<Answer, Outcome> {
    let request = oauth2::http::Request::get(url)
        .header("x-tfs-fedauthredirect", "Suppress")
        .header("accept", "application/json")
        .body(Vec::new())
        .map_err(|_| {
            Outcome::failed(None, format!("{url} is no address that can be asked"), "check it")
        })?;
    let reply = host.send(request).map_err(|error| of_network(&error))?;
    let answer = Answer::read(&reply, url, &[]);
    match answer.busy() {
        Some(busy) => Err(later(host, &busy)),
        None => Ok(answer),
    }
}

fn later(host: &Host, busy: &Busy) -> Outcome {
    let name = host.organization.as_ref().map_or_else(
        || host.target.place.to_string(),
        |organization| format!("{}/{organization}", host.host()),
    );
    Outcome::passing(busy.what(&name), busy.fix())
}

fn of_cloud(host: &Host, organization: &Organization) -> Outcome {
    let theirs = match organization_tenant(host, organization) {
        Err(error) => return of_network(&error),
        Ok(Found::Later(busy)) => return later(host, &busy),
        Ok(Found::OfTheNetwork) => return of_something_else(&Place::DevAzure.to_string(), None),
        Ok(Found::Missing) => {
            return Outcome::failed(
                None,
                format!("there is no organization {}/{organization}", Place::DevAzure),
                "check the organization's name in its address",
            );
        }
        Ok(Found::There(theirs)) => theirs,
    };
    let there = format!("{}/{organization} exists", Place::DevAzure);
    // Tokens of its own open an organization, whichever tenant it is of.
    let Some(issuer) = host.issuer() else { return Outcome::passed(there) };
    let ours = host.endpoints(&issuer).as_ref().ok().and_then(|endpoints| {
        let expected = issuer.expected_issuer(&endpoints.issuer).ok()?;
        expected.tenant_id().map(str::to_owned)
    });
    let comparison = compare(&theirs, ours.as_deref());
    if let Some(failure) =
        comparison.failure(organization, &host.integration().host, host.integration().pat)
    {
        return Outcome::from(failure);
    }
    Outcome::passed(match (&comparison, &theirs) {
        (Comparison::Same, _) => format!("{there} and belongs to the tenant"),
        (_, OrganizationTenant::Entra { tenant, .. }) => {
            format!("{there} and belongs to the tenant {tenant}")
        }
        _ => format!("{there}; it does not say its tenant"),
    })
}
