//! What bootstrap brought and is no longer given.

use std::path::Path;

use super::given::Given;
use super::report::{Change, HostReport, TokenReport};
use super::source::Source;
use crate::azure::Scheme;
use crate::broker::{PatKey, SessionKey, forget};
use crate::integration::{HostKey, HostSpec, IntegrationsFile};
use crate::report::Failure;
use crate::vault::{Imported, Pats, Session, Vault};

/// Takes away what came from here and is given no longer; nothing that came otherwise.
pub(super) fn prune(given: &Given, file: &Path, vault: &Vault) -> Result<Vec<HostReport>, Failure> {
    let Some(imported) = vault.read::<Imported>("all")? else { return Ok(Vec::new()) };
    let sources: Vec<String> = given
        .hosts
        .iter()
        .flat_map(|host| host.tokens.iter().map(|token| Source::of(&host.spec, token).0))
        .collect();
    let is_given = |host: &str| given.hosts.iter().any(|one| one.spec.key.to_string() == host);
    let mut reports = Vec::new();
    for host in &imported.hosts {
        let Some(HostSpec { key, .. }) = HostSpec::parse(host) else { continue };
        let mut report = HostReport::of(host.clone());
        for known in imported.tokens.iter().filter(|known| !sources.contains(&known.source)) {
            report.tokens.extend(forget_token(vault, &key, known)?);
        }
        if !is_given(host) {
            IntegrationsFile::edit(file, &key, |_| Ok::<_, Failure>(None))?;
            report.integration = Change::Removed;
        }
        if report.changed() {
            reports.push(report);
        }
    }
    let mut left = imported.clone();
    left.hosts.retain(|host| is_given(host));
    left.tokens.retain(|known| sources.contains(&known.source));
    if left != imported {
        vault.write()?.put("all", &left)?;
    }
    Ok(reports)
}

/// Forgets a token, if it is still the one that was brought.
fn forget_token(
    vault: &Vault,
    host: &HostKey,
    known: &crate::vault::ImportedToken,
) -> Result<Option<TokenReport>, Failure> {
    let key = PatKey { scheme: Scheme::Https, host: host.clone() };
    let mut pats = vault.read::<Pats>(&key.to_string())?.unwrap_or_default();
    let at = pats.pats.iter().position(|pat| {
        Source::Pat(host, pat.organization.as_ref()).to_string() == known.source
            && pat.login.secret().digest() == known.digest
    });
    if let Some(at) = at {
        let gone = pats.pats.remove(at);
        vault.write()?.put(&key.to_string(), &pats)?;
        return Ok(Some(TokenReport {
            kind: "pat",
            organization: gone.organization,
            change: Change::Removed,
        }));
    }
    for session in vault.list::<Session>()? {
        let key = SessionKey { host: host.clone(), organization: session.organization.clone() };
        let is_it = session.host == host.to_string()
            && Source::Refresh(&key).to_string() == known.source
            && session.imported == Some(known.digest);
        if is_it {
            forget(vault, &key)?;
            return Ok(Some(TokenReport {
                kind: "oauth",
                organization: session.organization,
                change: Change::Removed,
            }));
        }
    }
    Ok(None)
}
