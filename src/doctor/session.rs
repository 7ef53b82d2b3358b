//! Who is signed in, and whether that still brings tokens.

use std::time::Duration;

use super::context::Host;
use super::faults::{of_refresh, of_vault};
use super::table::Outcome;
use crate::azure::{Step, sentences};
use crate::broker::{
    Question, SessionKey, Subject, access, ask_again, last_failure, refresh_now, why_over,
};
use crate::clock;
use crate::devops::Acceptance;
use crate::entra::{Allows, Claims, allow};
use crate::report::Failure;
use crate::vault::{Access, HoldOffKind, SignInFailure, Vault};
use crate::when;

/// How long a sign-in that failed is worth telling of, in seconds.
const TOLD_FOR: u64 = 7 * 24 * 60 * 60;

/// Nobody is signed in where tokens will do.
fn no_session(host: &Host, vault: &Vault) -> Outcome {
    let subject = Subject { scheme: host.target.scheme, place: host.target.place.clone() };
    let keys = subject.session_keys(host.organization.as_ref(), &host.integrations);
    if host.pats(vault).is_ok_and(|pats| !pats.is_empty()) && host.integration().pat {
        return Outcome::skipped("nobody is signed in with OAuth; a personal access token is kept");
    }
    let nobody = sentences::nobody_signed_in(&host.host().to_string());
    host.explaining(match keys.iter().find_map(|key| last_sign_in(host, vault, key, 0)) {
        Some(failed) => tried(&nobody, &failed),
        None => {
            // One sign-in serves every organization, but where each may have a tenant of its own.
            let login = match host.integration().leaves_tenant_open() {
                true => format!("git-credential-ona-azure login {}", host.login_url()),
                false => format!("git-credential-ona-azure login https://{}", host.host()),
            };
            Outcome::failed(None, nobody, login)
        }
    })
}

/// The sign-in that failed last, if it says anything of how things are now. `since` is in seconds
/// since the epoch.
fn last_sign_in(host: &Host, vault: &Vault, key: &SessionKey, since: u64) -> Option<SignInFailure> {
    // What cannot be read is told of by another check.
    let failed = vault.read::<SignInFailure>(&key.to_string()).ok().flatten()?;
    let young = clock::now().abs_diff(failed.at) < TOLD_FOR;
    let same = failed.integration == host.integration().digest();
    (young && same && failed.at >= since).then_some(failed)
}

fn tried(what: &str, failed: &SignInFailure) -> Outcome {
    let when = when::distance(failed.at, clock::now());
    let failure = Failure::new(format!("{what}; the last try, {when}: {}", failed.text));
    Outcome::from(failure.hint(failed.hint.clone()))
}

pub(super) fn account(host: &Host) -> Outcome {
    let integration = host.integration();
    if integration.oauth.is_none() {
        return Outcome::skipped("OAuth is not on");
    }
    let vault = host.machine.vault();
    let (key, session) = match host.session(&vault) {
        Ok(Some(found)) => found,
        Ok(None) => return no_session(host, &vault),
        Err(error) => return of_vault(&error),
    };
    let login = format!("git-credential-ona-azure login https://{key}");
    if let Some(why) = why_over(&session, integration) {
        let what = sentences::sign_in_over(&session.account, &why);
        let failed = last_sign_in(host, &vault, &key, session.signed_in_at);
        return host.explaining(match failed {
            Some(failed) => tried(&what, &failed),
            None => Outcome::failed(None, what, login),
        });
    }
    let access = match access(&vault, &key, integration) {
        Ok(access) => access.unwrap_or_default(),
        Err(error) => return of_vault(&error),
    };
    if let Some(outcome) = refusal(host, &vault, &key, &access, &session.account) {
        return host.explaining(outcome);
    }
    let now = clock::now();
    let is_good = access.token.is_some() && access.expires_at > now;
    // With --refresh it is tried anew. What may be over by now says nothing, nor does it keep anything
    // from git as long as there is a token.
    let failed = last_failure(&access, integration).filter(|failure| {
        let lasts = failure.kind != HoldOffKind::ForNow || (failure.until > now && !is_good);
        lasts && !host.refresh
    });
    if let Some(failure) = failed {
        return host.explaining(of_refresh(failure.into()));
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

/// What is remembered of the organization's refusal, asked about anew: evidence of the past is no
/// fault of today.
fn refusal(
    host: &Host,
    vault: &Vault,
    key: &SessionKey,
    access: &Access,
    account: &str,
) -> Option<Outcome> {
    let organization = host.organization.as_ref()?;
    let refusal = access.refusal(organization)?;
    let now = clock::now();
    // Nothing is asked without a token, and git would fetch one as well.
    let access = if access.token.is_some() && access.expires_at > now {
        access.clone()
    } else {
        match refresh_now(key, host.integration(), vault, host) {
            Ok(access) => access,
            Err(failure) => return Some(of_refresh(failure)),
        }
    };
    let subject = Subject { scheme: host.target.scheme, place: host.target.place.clone() };
    let question = Question {
        subject: &subject,
        integration: host.integration(),
        organization: Some(organization),
        path: host.target.path.as_deref().map(str::as_bytes),
    };
    let acceptance = ask_again(question, key, &access, Duration::ZERO, vault, host);
    let login = format!("git-credential-ona-azure login https://{key}");
    let refused = sentences::refused(account, organization.as_str());
    match acceptance {
        Acceptance::Accepted => None,
        Acceptance::Refused | Acceptance::RefusedHere => Some(Outcome::failed(
            Step::Organization,
            refused,
            format!(
                "Organization settings → Users → Add users, or sign in with an account that is one: {login}"
            ),
        )),
        // Not believed any more: git's next request asks.
        Acceptance::Unknown(_) if refusal.until <= now => None,
        Acceptance::Unknown(why) => Some(Outcome::failed(
            Step::Organization,
            format!(
                "{refused}, {}; it cannot be asked now: {why}",
                when::distance(refusal.asked_at, now)
            ),
            format!("git-credential-ona-azure doctor --refresh {}", host.login_url()),
        )),
    }
}

pub(super) fn refresh(host: &Host) -> Outcome {
    if !host.refresh {
        return Outcome::skipped("only tried with --refresh");
    }
    let vault = host.machine.vault();
    let (key, _) = match host.session(&vault) {
        Ok(Some(found)) => found,
        Ok(None) => return no_session(host, &vault),
        Err(error) => return of_vault(&error),
    };
    match refresh_now(&key, host.integration(), &vault, host) {
        Ok(access) => Outcome::passed(format!("a fresh access token for {}", access.account)),
        Err(failure) => of_refresh(failure),
    }
}

/// Decoded for showing only: nothing is decided by it but that a token is for somebody else.
pub(super) fn token(host: &Host) -> Outcome {
    let vault = host.machine.vault();
    let found = host.session(&vault).and_then(|found| {
        let Some((key, session)) = found else { return Ok(None) };
        Ok(access(&vault, &key, host.integration())?.map(|access| (session, access)))
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
