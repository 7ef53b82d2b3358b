//! What Azure DevOps' answer to git's first request for a repository means. Pure.

use crate::azure::{SCOPE_TO_TICK, Step, explain_service, sentences};
use crate::devops::{Answer, Door, Named, Redirect, slowed};
use crate::doctor::faults::of_the_networks_page;
use crate::doctor::table::Outcome;

/// What was asked, and with what.
pub(super) struct Asked<'a> {
    /// git's name of the service: `git-upload-pack` or `git-receive-pack`.
    pub(super) service: &'a str,
    /// Who was asked, as messages name it.
    pub(super) name: String,
    /// The organization or collection.
    pub(super) organization: Option<String>,
    /// The credential.
    pub(super) by: By,
    /// Whether it is Azure DevOps Services.
    pub(super) cloud: bool,
    /// The address to sign in to.
    pub(super) url: String,
}

/// Whose credential it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum By {
    /// An access token of a sign-in.
    OAuth {
        /// Who signed in.
        account: String,
        /// Whether the scopes that were granted are enough to push.
        may_write: bool,
    },
    /// A personal access token; what it may is known to Azure DevOps only.
    Pat,
}

impl Asked<'_> {
    fn writes(&self) -> bool {
        self.service == "git-receive-pack"
    }

    fn login(&self) -> String {
        format!("git-credential-ona-azure login {}", self.url)
    }

    fn new_pat(&self) -> String {
        format!("make a new one ({SCOPE_TO_TICK}), and give it: {} --pat", self.login())
    }
}

/// The first that fits.
pub(super) fn verdict(asked: &Asked<'_>, answer: &Answer) -> Outcome {
    let name = &asked.name;
    let list = format!("{}-advertisement", asked.service);
    if answer.status == 200 && answer.kind.contains(&list) && answer.said.is_none() {
        let what = if asked.writes() { "git may push" } else { "git may clone and fetch" };
        return Outcome::passed(what).note(answer.is_slowed().then(|| slowed(name)));
    }
    if let Some(busy) = answer.busy() {
        // What it says of having had too many requests is what is said here.
        let quoted = if busy.status == 429 { String::new() } else { answer.quoted() };
        let fix = match busy.status {
            500 => format!("{}; if it stays, {}", busy.fix(), answer.whom_to_ask(asked.cloud)),
            _ => busy.fix(),
        };
        return Outcome::passing(format!("{}{quoted}", busy.what(name)), fix);
    }
    if let Some(Redirect::Elsewhere(to)) = &answer.redirect {
        return Outcome::failed(
            None,
            format!("{name} sends git on to {to}, where no credential is given"),
            "open the repository's address in a browser, and give git the one it ends at: git remote set-url origin URL",
        );
    }
    if answer.is_of_the_network() {
        return of_the_networks_page(name);
    }
    if let Some(outcome) = told(asked, answer) {
        return outcome;
    }
    if let Some(door) = Door::of(answer, asked.cloud) {
        return Outcome::from(door.failure(name, &asked.url, &answer.quoted()));
    }
    if answer.asks_to_sign_in() {
        return signed_out(asked, answer);
    }
    other(asked, answer)
}

/// What the service's own words tell.
fn told(asked: &Asked<'_>, answer: &Answer) -> Option<Outcome> {
    let (name, quoted) = (&asked.name, answer.quoted());
    if answer.named == Some(Named::Nobody) {
        return None;
    }
    if answer.says_expired() {
        let (what, fix) = match asked.by {
            By::Pat => (sentences::pat_ran_out(name), asked.new_pat()),
            By::OAuth { .. } => (
                format!("the access token for {name} has run out{quoted}"),
                format!("sign in again: {}", asked.login()),
            ),
        };
        return Some(Outcome::failed(Step::Connect, what, fix));
    }
    let row = answer.said.as_deref().and_then(explain_service)?;
    let (mut step, mut what, mut fix) =
        (row.step, format!("{name}: {}{quoted}", row.cause), row.fix.to_owned());
    match (row.code, &asked.by, &asked.organization) {
        ("TF400813", By::OAuth { account, .. }, Some(organization)) if !account.is_empty() => {
            what = format!("{}: {}{quoted}", sentences::refused(account, organization), row.cause);
            fix = format!("{fix}: {}", asked.login());
        }
        ("TF400813", By::Pat, _) => {
            step = Some(Step::Connect);
            what = format!(
                "{name} accepts the personal access token, but not for source code{quoted}"
            );
            fix = format!("{}; {}", sentences::LACKS_CODE, asked.new_pat());
        }
        ("TF401027", By::OAuth { may_write: false, .. }, _) if asked.writes() => {
            step = Some(Step::ApiPermissions);
            fix = format!(
                "API permissions → Add a permission → Azure DevOps → Delegated permissions: vso.code_write, \
                 then sign in again: {}",
                asked.login()
            );
        }
        ("TF401027", By::Pat, _) if asked.writes() => {
            step = Some(Step::ApiPermissions);
            fix = format!(
                "make a token with Code (Read & write), and give it: {} --pat; if it has that, {}",
                asked.login(),
                row.fix
            );
        }
        ("TF400898", ..) => {
            fix = format!("{fix}; if it stays, {}", answer.whom_to_ask(asked.cloud))
        }
        _ => {}
    }
    Some(Outcome::failed(step, what, fix))
}

/// The credential is not taken for anybody's.
fn signed_out(asked: &Asked<'_>, answer: &Answer) -> Outcome {
    let (name, quoted) = (&asked.name, answer.quoted());
    match asked.by {
        By::OAuth { .. } => Outcome::failed(
            Step::Organization,
            format!("{name} does not accept the access token{quoted}"),
            format!(
                "compare its tenant with the one signed in at (Organization settings → Microsoft Entra), \
                 then sign in again: {}",
                asked.login()
            ),
        ),
        By::Pat => Outcome::failed(
            Step::Connect,
            format!("{name} does not accept the personal access token{quoted}"),
            asked.new_pat(),
        ),
    }
}

/// Nothing is known of it but its status.
fn other(asked: &Asked<'_>, answer: &Answer) -> Outcome {
    let (name, quoted) = (&asked.name, answer.quoted());
    match answer.status {
        403 => Outcome::failed(
            None,
            format!("{name} refuses{quoted}"),
            "ask the project's administrator: Project settings → Repositories → Security",
        ),
        404 => Outcome::failed(
            Step::Organization,
            format!("{name} has no such repository, or the account may not see it{quoted}"),
            "check the repository's address in the browser",
        ),
        status => Outcome::failed(
            None,
            format!(
                "{name} answers with HTTP status {status} where git expects a list of branches{quoted}"
            ),
            match answer.by_azure {
                true => answer.whom_to_ask(asked.cloud),
                false => format!("check that {}", sentences::NOTHING_IN_ITS_PLACE),
            },
        ),
    }
}

#[cfg(test)]
mod tests;
