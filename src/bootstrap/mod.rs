//! What a cloud environment hands over at its start becomes an environment in which git works.
//!
//! Declarative: what is given is made so, what is so already is left alone, and what is no longer
//! given goes only if that is asked for. A token is taken over once: after that its successors are
//! what counts, and a restart must not put the dead ancestor in their place.

mod apply;
#[cfg(unix)]
mod as_user;
mod document;
mod given;
mod prune;
mod report;
mod source;
mod variables;

use std::path::Path;
use std::time::Duration;

#[cfg(unix)]
pub use as_user::{account, run as run_as};
pub use document::{LIMIT as DOCUMENT_LIMIT, read as read_document, write as write_document};
pub use given::{Given, GivenHost, GivenOAuth, GivenSecret, GivenToken};
pub use report::{Change, HostReport, TokenReport};
pub use variables::{Variables, read as read_variables};

use crate::integration::{Integrations, IntegrationsFile};
use crate::net::Send;
use crate::paths::Paths;
use crate::report::Failure;
use crate::vault::{Vault, VaultError, acquire};
use apply::Bench;

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

/// Makes everything so, as far as it can: a host that fails does not keep the others from it.
///
/// # Errors
/// What keeps all of them from it.
pub fn bootstrap(
    given: &Given,
    options: Options,
    paths: &Paths,
    file: &Path,
    vault: &Vault,
    network: &dyn Send,
) -> Result<Vec<HostReport>, Failure> {
    // Makes the directory too, in which the lock is to be.
    vault.write().and_then(|writer| writer.rehearse())?;
    // Two at once are one: the second finds everything done.
    let _lock = acquire(&vault.dir().join("bootstrap.lock"), WAIT).map_err(VaultError::from)?;
    let integrations = Integrations::load(paths)?;
    if let Some(name) = &given.runner_name {
        IntegrationsFile::name_runner(file, name)?;
    }
    let bench =
        Bench { integrations: &integrations, file, vault, network, offline: options.offline };
    let mut reports: Vec<_> = given.hosts.iter().map(|host| bench.host(host)).collect();
    if options.prune {
        reports.extend(prune::prune(given, file, vault)?);
    }
    Ok(reports)
}
