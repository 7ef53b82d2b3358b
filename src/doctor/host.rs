//! What is looked at for one target: git's configuration, the set-up in its six steps, who is
//! signed in, and whether Azure DevOps lets them in.

use std::time::Duration;

use super::context::Host;
use super::table::{Check, Outcome};
use super::{configuration, organization, pat, repository, session, set_up, time, trust};
use crate::azure::Step;

/// Two requests at the most, less than what a person waits for.
const DEADLINE: Duration = Duration::from_secs(8);

/// A refresh waits for another process's, and what it brings has to be kept before this one ends.
const REFRESH: Duration = Duration::from_secs(45);

/// What to do where something takes longer.
const LATE: &str = "check the network, and HTTPS_PROXY if there is a proxy; then try again";

type Ids = &'static [&'static str];

const fn check(
    id: &'static str,
    name: &'static str,
    step: Option<Step>,
    needs: Ids,
    after: Ids,
    look: fn(&Host) -> Outcome,
) -> Check<Host> {
    Check { id, name, step, needs, after, deadline: DEADLINE, late: LATE, look }
}

/// The checks of a target, those of the machine being through.
#[rustfmt::skip]
pub(super) const CHECKS: &[Check<Host>] = &[
    check("integration", "the integration", Some(Step::Connect), &["integration.file"], &[], set_up::integration),
    check("git.address", "the remote's address", Some(Step::Connect), &["git.program"], &[], configuration::address),
    check("git.helper", "git asks this program", Some(Step::Connect), &["git.program"], &[], configuration::helper),
    check("git.others", "other credential helpers", Some(Step::Connect), &["git.helper"], &[], configuration::others),
    check("git.path", "git says the organization", Some(Step::Connect), &["git.helper"], &[], configuration::path),
    check("git.header", "headers git sends itself", Some(Step::Connect), &["git.program"], &[], configuration::header),
    check("git.rewrite", "rewritten addresses", Some(Step::Connect), &["git.program"], &[], configuration::rewrite),
    check("git.settings", "other settings of git", None, &["git.program"], &[], configuration::settings),
    check("proxy", "the proxy", None, &[], &[], configuration::proxy),
    check("trust", "the certificate authorities", None, &[], &[], trust::trust),
    check("git.proactive", "tokens before NTLM", Some(Step::Connect), &["git.helper"], &["organization"], configuration::proactive),
    check("issuer", "the issuer", Some(Step::AppRegistration), &["integration", "trust"], &[], set_up::issuer),
    check("client.secret", "the client secret here", Some(Step::ClientSecret), &["integration", "key"], &[], set_up::client_secret),
    check("client", "client ID and secret", Some(Step::AppRegistration), &["issuer", "client.secret"], &[], set_up::client),
    check("redirect", "the redirect URI", Some(Step::Authentication), &["issuer"], &["client"], set_up::redirect),
    check("organization", "the organization", Some(Step::Organization), &["integration", "trust"], &["issuer"], organization::organization),
    check("clock", "this machine's clock", None, &[], &["issuer", "organization"], time::clock),
    check("account", "who is signed in", Some(Step::Connect), &["integration", "vault"], &[], session::account),
    Check { deadline: REFRESH, ..check("refresh", "the refresh", Some(Step::Connect), &["account", "trust"], &["issuer", "client"], session::refresh) },
    check("token", "the access token", Some(Step::Connect), &["account"], &["refresh"], session::token),
    check("pat", "the personal access token", Some(Step::Connect), &["integration", "vault", "trust"], &[], pat::pat),
    check("credential", "what git is given", Some(Step::Connect), &["integration", "vault"], &["git.address", "account", "refresh", "pat"], repository::credential),
    check("repository.read", "clone and fetch", None, &["credential", "trust"], &[], repository::read),
    check("repository.write", "push", None, &["repository.read"], &[], repository::write),
];
