//! The personal access token that is kept.

use super::context::Host;
use super::faults::of_vault;
use super::table::Outcome;
use crate::azure::{Step, expiry_warning, sentences, token_page_url};
use crate::broker::Subject;
use crate::clock;
use crate::devops::{Asker, Reason, Trial, slowed, try_pat};
use crate::vault::PatLogin;
use crate::when;

/// Tokens are for organizations and collections, and the address names none.
pub(super) const NO_ORGANIZATION: &str =
    "tokens are kept for single organizations or collections: add one to the URL to see it checked";

pub(super) fn pat(host: &Host) -> Outcome {
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
        if host.organization.is_none() && host.has_any_pat(&vault) {
            return Outcome::skipped(NO_ORGANIZATION);
        }
        let url = host.login_url();
        return host.explaining(Outcome::failed(
            None,
            format!("no personal access token is kept for {url}"),
            format!("git-credential-ona-azure login {url} --pat"),
        ));
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
        return host.explaining(Outcome::failed(
            None,
            sentences::pat_ran_out(&site.name()),
            format!("make a new one at {page} and give it to: {}", site.login_command()),
        ));
    }
    let username = pat.username.clone().unwrap_or_default();
    let trial = try_pat(host, site, &username, secret);
    match trial.failure(site, &page, Asker::Doctor) {
        Some(failure) => at_the_service(&trial, Outcome::from(failure)),
        None => {
            let seconds = |at: u64| i64::try_from(at).unwrap_or(i64::MAX);
            let soon =
                pat.expires_at.filter(|at| expiry_warning(seconds(now), seconds(*at)).is_some());
            let ends = pat
                .expires_at
                .map_or_else(String::new, |at| format!("; ends {}", when::distance(at, now)));
            Outcome::passed(format!("it opens {}{ends}", site.name()))
                .note(soon.map(|_| format!("make a new one soon: {}", site.login_command())))
                .note((trial == Trial::Works { slowed: true }).then(|| slowed(&site.name())))
        }
    }
}

/// A token that is right is of no use where the organization or Server lets none in.
fn at_the_service(trial: &Trial, mut outcome: Outcome) -> Outcome {
    let shut = matches!(
        trial,
        Trial::NoBasic | Trial::Refused { reason: Reason::WebServer | Reason::Forbidden, .. }
    );
    if let Outcome::Failed(fault) = &mut outcome
        && shut
    {
        fault.step = Some(Step::Organization);
    }
    outcome
}
