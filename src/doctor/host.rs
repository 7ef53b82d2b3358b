//! What is looked at for one target: git's configuration, the set-up in its six steps, who is
//! signed in, and whether Azure DevOps lets them in.

use std::time::Duration;

use super::context::Host;
use super::table::{Check, Outcome};
use super::{configuration, repository};
use crate::azure::{Place, Step, expiry_warning, token_page_url};
use crate::broker::{RefreshFailure, Subject, last_failure, redirect_uri, refresh_now, why_over};
use crate::clock;
use crate::devops::{Comparison, Found, compare, no_server_at, organization_tenant, try_pat};
use crate::entra::{
    Allows, App, Claims, EntraError, Issuer, OrganizationTenant, allow, everything_consented,
    prove_client,
};
use crate::integration::{HostKey, Integrations, open_client_secret};
use crate::net::{NetError, Send as _};
use crate::report::Failure;
use crate::vault::{Access, HoldOffKind, PatLogin, VaultError};
use crate::when;

/// Two requests of five seconds at the most, less than what a person waits for.
const DEADLINE: Duration = Duration::from_secs(8);

/// A refresh waits for another process's, and what it brings has to be kept before this one ends.
const REFRESH: Duration = Duration::from_secs(45);

/// How far a clock may be off, in seconds; Entra allows no more for a token's times.
const SKEW: i64 = 5 * 60 - 10;

type Ids = &'static [&'static str];

const fn check(
    id: &'static str,
    name: &'static str,
    step: Option<Step>,
    needs: Ids,
    after: Ids,
    look: fn(&Host) -> Outcome,
) -> Check<Host> {
    Check { id, name, step, needs, after, deadline: DEADLINE, look }
}

/// The checks of a target, those of the machine being through.
#[rustfmt::skip]
pub(super) const CHECKS: &[Check<Host>] = &[
    check("integration", "the integration", None, &["integration.file"], &[], integration),
    check("git.address", "the remote's address", None, &[], &[], configuration::address),
    check("git.helper", "git asks this program", None, &["git.program"], &[], configuration::helper),
    check("git.others", "other credential helpers", None, &["git.helper"], &[], configuration::others),
    check("git.path", "git says the organization", None, &["git.helper"], &[], configuration::path),
    check("git.header", "headers git sends itself", None, &["git.program"], &[], configuration::header),
    check("git.rewrite", "rewritten addresses", None, &["git.program"], &[], configuration::rewrite),
    check("git.settings", "other settings of git", None, &["git.program"], &[], configuration::settings),
    check("proxy", "the proxy", None, &[], &[], configuration::proxy),
    check("git.proactive", "tokens before NTLM", None, &["git.helper"], &[], configuration::proactive),
    check("issuer", "the issuer", Some(Step::AppRegistration), &["integration"], &[], issuer),
    check("client.secret", "the client secret here", Some(Step::ClientSecret), &["integration", "key"], &[], client_secret),
    check("client", "client ID and secret", Some(Step::AppRegistration), &["issuer", "client.secret"], &[], client),
    check("organization", "the organization", Some(Step::Organization), &["integration"], &["issuer"], organization),
    check("clock", "this machine's clock", None, &[], &["issuer", "organization"], clock_check),
    check("account", "who is signed in", Some(Step::Connect), &["integration", "vault"], &[], account),
    Check { deadline: REFRESH, ..check("refresh", "the refresh", Some(Step::Connect), &["account"], &["issuer", "client"], refresh) },
    check("token", "the access token", Some(Step::Connect), &["account"], &["refresh"], token),
    check("pat", "the personal access token", Some(Step::Connect), &["integration", "vault"], &[], pat),
    check("credential", "what git is given", Some(Step::Connect), &["integration", "vault"], &["refresh"], repository::credential),
    check("repository.read", "clone and fetch", None, &["credential"], &[], repository::read),
    check("repository.write", "push", None, &["repository.read"], &[], repository::write),
];

fn integration(host: &Host) -> Outcome {
    let Some(found) = &host.found else {
        let name = host.target.place.authority().to_string();
        return Outcome::from(
            Failure::new(host.integrations.not_configured(&name))
                .hint(Integrations::configure_command(&host.host())),
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
    Outcome::passed(format!("{}: {methods}, from {}", integration.host, found.file.display()))
}

/// Nothing of that kind is on, and nothing is wrong with that.
fn no_oauth() -> Outcome {
    Outcome::passed("OAuth is not on")
}

fn of_entra(error: &EntraError) -> Outcome {
    if error.is_passing() {
        return Outcome::passing(error.to_string(), error.hint());
    }
    Outcome::from(Failure::new(error.to_string()).hint(error.hint()))
}

fn of_network(error: &NetError) -> Outcome {
    Outcome::passing(error.to_string(), error.hint())
}

fn of_refresh(failure: RefreshFailure) -> Outcome {
    match failure.kind {
        HoldOffKind::ForNow => Outcome::passing(failure.text, failure.hint),
        _ => Outcome::from(Failure::new(failure.text).hint(failure.hint)),
    }
}

fn of_vault(error: &VaultError) -> Outcome {
    Outcome::failed(None, error.to_string(), error.hint())
}

fn issuer(host: &Host) -> Outcome {
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

fn client_secret(host: &Host) -> Outcome {
    let Some(oauth) = &host.integration().oauth else { return no_oauth() };
    if oauth.is_public() {
        return Outcome::passed("a public client has no secret");
    }
    match open_client_secret(oauth, &host.machine.vault()) {
        Ok(_) => Outcome::passed("it opens with the runner key"),
        Err(error) => {
            Outcome::failed(None, error.to_string(), error.hint(&host.host().to_string()))
        }
    }
}

fn client(host: &Host) -> Outcome {
    let Some(oauth) = &host.integration().oauth else { return no_oauth() };
    let redirect = format!("the redirect URI to register is {}", redirect_uri(oauth));
    if oauth.is_public() {
        return Outcome::passed("a public client shows at the first sign-in").note(Some(redirect));
    }
    let Some(issuer) = host.issuer() else { return Outcome::skipped("the issuer is not known") };
    if !issuer.is_tenant_specific() {
        return Outcome::passed(
            "the Issuer URL names no tenant of its own, so the client shows at the first sign-in",
        )
        .note(Some(redirect));
    }
    let secret = match open_client_secret(oauth, &host.machine.vault()) {
        Ok(secret) => secret,
        Err(error) => {
            return Outcome::failed(
                Step::ClientSecret,
                error.to_string(),
                error.hint(&host.host().to_string()),
            );
        }
    };
    let endpoints = match host.endpoints(&issuer) {
        Ok(endpoints) => endpoints,
        Err(error) => return of_entra(error),
    };
    let app = App { client_id: &oauth.client_id, secret: secret.as_ref() };
    match prove_client(endpoints, app, &everything_consented(), host) {
        Ok(_) => Outcome::passed("the tenant knows the client and accepts its secret")
            .note(Some(redirect)),
        // Another provider may know the client and still give it no token without a person.
        Err(EntraError::Refused(refusal)) if !issuer.is_entra() && refusal.error != "invalid_client" => {
            Outcome::passed("the issuer gives the client no token without a person, so it shows at the first sign-in")
                .note(Some(redirect))
        }
        Err(error) => of_entra(&error),
    }
}

fn organization(host: &Host) -> Outcome {
    let integration = host.integration();
    let busy = |status: u16| match status {
        429 => Outcome::passing(
            format!("{} has had too many requests and refuses for now", host.target.place),
            "wait some minutes, then try again",
        ),
        status => Outcome::passing(
            format!("{} answers with HTTP status {status}", host.target.place),
            "try again in some minutes",
        ),
    };
    if let HostKey::Server(authority) = &integration.host.key {
        let directory = &integration.virtual_directory;
        let url = format!(
            "{}://{authority}{}/_apis/connectionData",
            host.target.scheme.as_str(),
            directory.prefix()
        );
        let request = oauth2::http::Request::get(&url)
            .header("x-tfs-fedauthredirect", "Suppress")
            .header("accept", "application/json")
            .body(Vec::new());
        let Ok(request) = request else {
            return Outcome::failed(
                None,
                format!("{url} is no address that can be asked"),
                "check it",
            );
        };
        return match host.send(request) {
            Err(error) => of_network(&error),
            Ok(reply) if reply.status == 404 => Outcome::from(no_server_at(authority, directory)),
            Ok(reply) if reply.status == 429 || reply.status >= 500 => busy(reply.status),
            Ok(_) => Outcome::passed(format!("{authority}{directory} answers")),
        };
    }
    let Some(organization) = &host.organization else {
        return Outcome::skipped("no organization is named: add its URL to see it checked");
    };
    let theirs = match organization_tenant(host, organization) {
        Err(error) => return of_network(&error),
        Ok(Found::Later { status }) => return busy(status),
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
    let Some(issuer) = host.issuer() else { return Outcome::passed(there) };
    let ours = host.endpoints(&issuer).as_ref().ok().and_then(|endpoints| {
        let expected = issuer.expected_issuer(&endpoints.issuer).ok()?;
        expected.tenant_id().map(str::to_owned)
    });
    let comparison = compare(&theirs, ours.as_deref());
    if let Some(failure) = comparison.failure(organization, integration.pat) {
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

fn clock_check(host: &Host) -> Outcome {
    let clocks = host.clocks();
    let Some((name, ahead)) = clocks.iter().max_by_key(|(_, ahead)| ahead.abs()) else {
        return Outcome::skipped("nobody answered with the time");
    };
    if ahead.abs() < SKEW {
        return Outcome::passed(format!("within {} seconds of {name}'s", ahead.abs() + 1));
    }
    let minutes = (ahead.abs() + 30) / 60;
    let how = if *ahead > 0 { "behind" } else { "ahead of" };
    Outcome::failed(
        None,
        format!(
            "this machine's clock is {minutes} minutes {how} that of {name}, so that tokens seem expired or not yet valid"
        ),
        "set the clock: timedatectl set-ntp true, or restart the virtual machine",
    )
}

/// Nobody is signed in where tokens will do.
fn no_session(host: &Host) -> Outcome {
    if host.pats(&host.machine.vault()).is_ok_and(|pats| !pats.is_empty()) && host.integration().pat
    {
        return Outcome::skipped("nobody is signed in with OAuth; a personal access token is kept");
    }
    let url = host.login_url();
    Outcome::failed(
        None,
        format!("nobody is signed in to {}", host.host()),
        format!("git-credential-ona-azure login {url}"),
    )
}

fn account(host: &Host) -> Outcome {
    let integration = host.integration();
    if integration.oauth.is_none() {
        return Outcome::skipped("OAuth is not on");
    }
    let vault = host.machine.vault();
    let (key, session) = match host.session(&vault) {
        Ok(Some(found)) => found,
        Ok(None) => return no_session(host),
        Err(error) => return of_vault(&error),
    };
    let login = format!("git-credential-ona-azure login https://{key}");
    if let Some(why) = why_over(&session, integration) {
        return Outcome::failed(
            None,
            format!("the sign-in of {} is over: {why}", session.account),
            login,
        );
    }
    let access = match vault.read::<Access>(&key.to_string()) {
        Ok(access) => access.unwrap_or_default(),
        Err(error) => return of_vault(&error),
    };
    if let Some(organization) = &host.organization
        && access.refuses(organization, clock::now())
    {
        return Outcome::failed(
            Step::Organization,
            format!("Azure DevOps refused {} for organization {organization}", session.account),
            format!(
                "Organization settings → Users → Add users, or sign in with an account that is one: {login}"
            ),
        );
    }
    // With --refresh it is tried anew.
    let failed = last_failure(&access, integration).filter(|_| !host.refresh);
    if let Some(failure) = failed {
        return of_refresh(failure.into());
    }
    match allow(&session.scopes) {
        Allows::Write => {
            Outcome::passed(format!("{}, with the right to clone, fetch and push", session.account))
        }
        Allows::Read => Outcome::failed(
            Step::ApiPermissions,
            format!(
                "{} may clone and fetch, but not push: vso.code_write is not granted",
                session.account
            ),
            format!(
                "API permissions → Add a permission → Azure DevOps → Delegated permissions: vso.code_write, then: {login}"
            ),
        ),
        Allows::Nothing => Outcome::failed(
            Step::ApiPermissions,
            format!(
                "the sign-in of {} opens no code: neither vso.code nor vso.code_write is granted",
                session.account
            ),
            format!(
                "API permissions → Add a permission → Azure DevOps → Delegated permissions: vso.code and vso.code_write, then: {login}"
            ),
        ),
    }
}

fn refresh(host: &Host) -> Outcome {
    if !host.refresh {
        return Outcome::skipped("only tried with --refresh");
    }
    let vault = host.machine.vault();
    let (key, _) = match host.session(&vault) {
        Ok(Some(found)) => found,
        Ok(None) => return no_session(host),
        Err(error) => return of_vault(&error),
    };
    match refresh_now(&key, host.integration(), &vault, host) {
        Ok(access) => Outcome::passed(format!("a fresh access token for {}", access.account)),
        Err(failure) => of_refresh(failure),
    }
}

/// Decoded for showing only: nothing is decided by it but that a token is for somebody else.
fn token(host: &Host) -> Outcome {
    let vault = host.machine.vault();
    let found = host.session(&vault).and_then(|found| {
        let Some((key, session)) = found else { return Ok(None) };
        Ok(vault.read::<Access>(&key.to_string())?.map(|access| (session, access)))
    });
    let (session, access) = match found {
        Ok(Some(found)) => found,
        Ok(None) => return Outcome::passed("none is kept; git's next request brings one"),
        Err(error) => return of_vault(&error),
    };
    let now = clock::now();
    let Some(token) = access.token.filter(|_| access.expires_at > now) else {
        return Outcome::passed("none is kept that is still good; git's next request brings one");
    };
    let ends = format!("ends {}", when::distance(access.expires_at, now));
    let Some(claims) = Claims::of(&token) else {
        return Outcome::passed(format!("{ends}; it is not one that can be looked into"));
    };
    if host.issuer().is_some_and(|issuer| issuer.is_entra()) && claims.is_for_another_resource() {
        return Outcome::failed(
            Step::ApiPermissions,
            "the access token is for another service than Azure DevOps",
            format!("sign in again: git-credential-ona-azure login {}", host.login_url()),
        );
    }
    let tenant = claims.tenant().or(session.tenant.as_deref()).unwrap_or("unknown");
    let scopes = claims.scopes().unwrap_or("not said in the token");
    Outcome::passed(format!("{ends}; tenant {tenant}; scopes {scopes}"))
}

fn pat(host: &Host) -> Outcome {
    let integration = host.integration();
    if !integration.pat {
        return Outcome::skipped("personal access tokens are not on");
    }
    let subject = Subject { scheme: host.target.scheme, place: host.target.place.clone() };
    if !subject.scheme_allowed(integration) {
        return Outcome::skipped("no credential is ever given over plain http here");
    }
    let vault = host.machine.vault();
    let pats = match host.pats(&vault) {
        Ok(pats) => pats,
        Err(error) => return of_vault(&error),
    };
    let Some(pat) = pats.last() else {
        if integration.oauth.is_some() {
            return Outcome::skipped("none is kept, and none is needed with OAuth");
        }
        let url = host.login_url();
        return Outcome::failed(
            None,
            format!("no personal access token is kept for {url}"),
            format!("git-credential-ona-azure login {url} --pat"),
        );
    };
    let now = clock::now();
    let page = match &integration.pat_url {
        Some(page) => page.to_string(),
        None => token_page_url(
            host.target.scheme,
            &host.host().place(),
            &integration.virtual_directory,
            host.organization.as_ref(),
        ),
    };
    let site = host.site();
    let PatLogin::Password(secret) = &pat.login else {
        return Outcome::skipped("what is kept is a header, which is not tried here");
    };
    if pat.expires_at.is_some_and(|at| at <= now) {
        return Outcome::failed(
            None,
            format!("the personal access token for {} has run out", site.name()),
            format!("make a new one at {page} and give it to: {}", site.login_command()),
        );
    }
    let username = pat.username.clone().unwrap_or_default();
    match try_pat(host, site, &username, secret).failure(site, &page) {
        // Not for a command that keeps tokens: what it says of --no-test is of no use here.
        Some(mut failure) => {
            failure.message.hint = failure.message.hint.map(|hint| {
                hint.replace(" (or add --no-test to keep the token untried)", "")
                    .split(", or add --no-test")
                    .next()
                    .unwrap_or_default()
                    .to_owned()
            });
            Outcome::from(failure)
        }
        None => {
            let seconds = |at: u64| i64::try_from(at).unwrap_or(i64::MAX);
            let soon =
                pat.expires_at.filter(|at| expiry_warning(seconds(now), seconds(*at)).is_some());
            let ends = pat
                .expires_at
                .map_or_else(String::new, |at| format!("; ends {}", when::distance(at, now)));
            Outcome::passed(format!("it opens {}{ends}", site.name()))
                .note(soon.map(|_| format!("make a new one soon: {}", site.login_command())))
        }
    }
}
