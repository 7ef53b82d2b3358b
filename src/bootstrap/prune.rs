//! What bootstrap brought and is no longer given.

use std::path::Path;

use super::apply::is_own;
use super::given::Given;
use super::report::{Change, HostReport, TokenReport};
use super::source::Source;
use crate::azure::Scheme;
use crate::broker::{PatKey, SessionKey, forget};
use crate::integration::{HostKey, HostSpec, IntegrationsFile};
use crate::report::Failure;
use crate::vault::{Imported, ImportedToken, Pats, Session, Vault};

/// Takes away what came from here and is given no longer; nothing that came otherwise, and nothing
/// of the hosts that `failed`, which stay as they were.
pub(super) fn prune(
    given: &Given,
    failed: &[String],
    file: &Path,
    vault: &Vault,
) -> Result<Vec<HostReport>, Failure> {
    let Some(imported) = vault.read_intact::<Imported>("all")? else { return Ok(Vec::new()) };
    let is_given = |host: &str| given.hosts.iter().any(|one| one.spec.key.to_string() == host);
    // As `apply` names them, after the integrations as they are now.
    let now = match IntegrationsFile::read(file)? {
        Some(file) => file.integrations()?,
        None => Vec::new(),
    };
    let find = |key: &HostKey| now.iter().find(|known| known.host.key == *key);
    let mut sources = Vec::new();
    for host in &given.hosts {
        let spec = find(&host.spec.key).map_or(&host.spec, |known| &known.host);
        sources.extend(host.tokens.iter().map(|token| Source::of(spec, token).to_string()));
    }
    let mut reports: Vec<HostReport> = Vec::new();
    let stays =
        |known: &ImportedToken| sources.contains(&known.source) || failed.contains(&known.host);
    for known in imported.tokens.iter().filter(|known| !stays(known)) {
        let Some(HostSpec { key, .. }) = HostSpec::parse(&known.host) else { continue };
        if let Some(gone) = forget_token(vault, &key, known)? {
            of_host(&mut reports, &known.host).tokens.push(gone);
        }
    }
    for known in imported.hosts.iter().filter(|known| !is_given(&known.host)) {
        let Some(HostSpec { key, .. }) = HostSpec::parse(&known.host) else { continue };
        let Some(integration) = find(&key) else { continue };
        let mut own = is_own(&imported, &key, integration);
        if own {
            IntegrationsFile::edit(file, &key, |now| {
                // A person may have changed it meanwhile.
                own = now.as_ref().is_none_or(|now| is_own(&imported, &key, now));
                Ok::<_, Failure>(now.filter(|_| !own))
            })?;
        }
        let change = if own { Change::Removed } else { Change::Left };
        of_host(&mut reports, &known.host).integration = change;
    }
    if given.runner_name.is_none() && imported.runner_name.is_some() {
        let ours = imported.runner_name.as_deref();
        let others = |now: Option<&str>| now.filter(|_| now != ours).map(ToOwned::to_owned);
        IntegrationsFile::name_runner(file, others)?;
    }
    vault.update("all", |kept: &mut Option<Imported>| {
        let Some(left) = kept else { return };
        left.hosts.retain(|known| is_given(&known.host));
        left.tokens.retain(stays);
        left.runner_name = left.runner_name.take().filter(|_| given.runner_name.is_some());
    })?;
    Ok(reports)
}

fn of_host<'r>(reports: &'r mut Vec<HostReport>, host: &str) -> &'r mut HostReport {
    let at = reports.iter().position(|report| report.host == host).unwrap_or_else(|| {
        reports.push(HostReport::of(host.to_owned()));
        reports.len() - 1
    });
    &mut reports[at]
}

/// Forgets a token, if it is still the one that was brought.
fn forget_token(
    vault: &Vault,
    host: &HostKey,
    known: &ImportedToken,
) -> Result<Option<TokenReport>, Failure> {
    for scheme in [Scheme::Https, Scheme::Http] {
        let key = PatKey { scheme, host: host.clone() };
        let gone = vault.update(&key.to_string(), |kept: &mut Option<Pats>| {
            let kept = &mut kept.as_mut()?.pats;
            let at = kept.iter().position(|pat| {
                Source::Pat(host.clone(), pat.organization.clone()).to_string() == known.source
                    && pat.login.secret().digest() == known.digest
            })?;
            Some(kept.remove(at))
        })?;
        let Some(gone) = gone else { continue };
        return Ok(Some(TokenReport {
            kind: "pat",
            organization: gone.organization,
            change: Change::Removed,
        }));
    }
    let is_it = |session: &Session| session.imported == Some(known.digest);
    for session in vault.list::<Session>()? {
        let key = SessionKey { host: host.clone(), organization: session.organization.clone() };
        let is_source = session.host == host.to_string()
            && Source::Refresh(key.clone()).to_string() == known.source;
        if is_source && is_it(&session) && forget(vault, &key, is_it)?.is_some() {
            return Ok(Some(TokenReport {
                kind: "oauth",
                organization: session.organization,
                change: Change::Removed,
            }));
        }
    }
    Ok(None)
}
