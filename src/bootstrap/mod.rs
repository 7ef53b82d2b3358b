//! What a cloud environment hands over at its start becomes an environment in which git works.
//!
//! Declarative: what is given is made so, what is so already is left alone, and what is no longer
//! given goes only if that is asked for. A token is taken over once: after that its successors are
//! what counts, and a restart must not put the dead ancestor in their place.

mod apply;
#[cfg(unix)]
mod as_user;
mod compose;
mod document;
mod given;
mod import;
mod mounted;
mod patience;
mod planned;
mod prove;
mod prune;
mod report;
mod source;
mod variables;

use std::path::Path;
use std::time::Duration;

#[cfg(unix)]
pub use as_user::{account, run as run_as};
pub use document::{load as load_document, read as read_document, write as write_document};
pub use given::{Given, GivenHost, GivenOAuth, GivenSecret, GivenToken};
pub use import::{Taken, import};
pub use report::{Change, HostReport, TokenReport};
pub use variables::{Variables, read as read_variables};

use crate::doctor::Wire;
use crate::integration::{Integrations, IntegrationsFile};
use crate::paths::Paths;
use crate::report::Failure;
use crate::vault::{Imported, Lock, Vault, VaultError, acquire};
use apply::Bench;
use patience::Patient;

/// How long to wait for another bootstrap of the same environment.
const WAIT: Duration = Duration::from_secs(120);

/// How it is done.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Prove nothing: no request is made.
    pub offline: bool,
    /// Take away what bootstrap brought and is no longer given.
    pub prune: bool,
}

/// What was done.
#[derive(Debug)]
pub struct Done {
    /// Host by host: those given, then those that went.
    pub hosts: Vec<HostReport>,
    /// What became of the runner's name.
    pub runner_name: Change,
    /// Until it is dropped, another bootstrap waits: to set up git is part of it.
    pub lock: Lock,
}

/// Makes everything so, as far as it can: a host that fails does not keep the others from it.
///
/// # Errors
/// What keeps all of them from it. Where something given makes no sense, nothing is done at all.
pub fn bootstrap(
    given: &Given,
    options: Options,
    paths: &Paths,
    file: &Path,
    vault: &Vault,
    network: &'static Wire,
) -> Result<Done, Failure> {
    let Options { offline, prune } = options;
    let network = &Patient::new(network);
    let with_bench = |run: &mut dyn FnMut(&Bench<'_>) -> Result<(), Failure>| {
        let integrations = &Integrations::load(paths)?;
        let imported = match vault.read::<Imported>("all") {
            Err(error) if error.is_damage_of::<Imported>() => None,
            read => Some(read?.unwrap_or_default()),
        };
        let forgotten = imported.is_none();
        let imported = &imported.unwrap_or_default();
        run(&Bench {
            integrations,
            file,
            vault,
            network,
            paths,
            offline,
            prune,
            imported,
            forgotten,
        })
    };
    with_bench(&mut |bench| given.hosts.iter().try_for_each(|host| bench.check(host)))?;
    // Makes the directory too, in which the lock is to be.
    vault.write().and_then(|writer| writer.rehearse())?;
    // Two at once are one: the second finds everything done.
    let lock = acquire(&vault.dir().join("bootstrap.lock"), WAIT).map_err(VaultError::from)?;
    let mut hosts = Vec::new();
    with_bench(&mut |bench| {
        hosts = given.hosts.iter().map(|host| bench.host(host)).collect();
        Ok(())
    })?;
    // Where nothing came of anything, everything stays as it was.
    let any = hosts.is_empty() || hosts.iter().any(|report| report.failure.is_none());
    let runner_name = match &given.runner_name {
        Some(name) if any => name_runner(file, vault, name)?,
        _ => Change::Unchanged,
    };
    if prune && any {
        let failed: Vec<String> = given
            .hosts
            .iter()
            .zip(&hosts)
            .filter(|(_, report)| report.failure.is_some())
            .map(|(host, _)| host.spec.to_string())
            .collect();
        for gone in prune::prune(given, &failed, file, vault)? {
            match hosts.iter_mut().find(|report| report.host == gone.host) {
                Some(report) => report.tokens.extend(gone.tokens),
                None => hosts.push(gone),
            }
        }
    }
    Ok(Done { hosts, runner_name, lock })
}

fn name_runner(file: &Path, vault: &Vault, name: &str) -> Result<Change, Failure> {
    let (before, changed) = IntegrationsFile::name_runner(file, |_| Some(name.to_owned()))?;
    if !changed {
        return Ok(Change::Unchanged);
    }
    vault.update("all", |kept: &mut Option<Imported>| {
        kept.get_or_insert_default().runner_name = Some(name.to_owned());
    })?;
    Ok(if before.is_some() { Change::Changed } else { Change::Added })
}
