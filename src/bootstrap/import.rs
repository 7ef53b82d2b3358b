//! Integrations brought from a document, as from Ona's API: laid over what is there, and nothing else
//! done.

use std::path::Path;

use super::compose::Composed;
use super::given::{Given, GivenHost};
use super::report::Change;
use crate::integration::{HostSpec, Integrations, IntegrationsFile};
use crate::report::Failure;
use crate::vault::Vault;

/// What became of one integration.
#[derive(Clone, Debug)]
pub struct Taken {
    /// Its host.
    pub host: HostSpec,
    /// What was done.
    pub change: Change,
    /// Whether its client secret is sealed to Ona's own runner key, so that it cannot be used here.
    pub is_sealed_elsewhere: bool,
    /// Whether OAuth is on.
    pub oauth: bool,
}

/// Takes over the integrations of a document; its tokens are left out.
///
/// # Errors
/// The first that makes no sense, before anything is written; or a file that cannot be.
pub fn import(
    given: &Given,
    integrations: &Integrations,
    file: &Path,
    vault: &Vault,
) -> Result<Vec<Taken>, Failure> {
    let hosts: Vec<GivenHost> =
        given.hosts.iter().map(|host| GivenHost { tokens: Vec::new(), ..host.clone() }).collect();
    let old =
        |host: &GivenHost| integrations.exactly(&host.spec).map(|found| found.integration.clone());
    for host in &hosts {
        Composed::of(old(host).as_ref(), host, false, vault)?;
    }
    hosts.iter().map(|host| one(host, old(host), file, vault)).collect()
}

fn one(
    host: &GivenHost,
    inherited: Option<crate::integration::Integration>,
    file: &Path,
    vault: &Vault,
) -> Result<Taken, Failure> {
    let mut taken = None;
    IntegrationsFile::edit(file, &host.spec, |here| {
        let old = here.clone().or(inherited);
        let composed = Composed::of(old.as_ref(), host, false, vault)?;
        let is_sealed_elsewhere = composed.is_sealed_elsewhere();
        let new = composed.sealed(vault)?;
        let change = match &old {
            Some(old) if *old == new => Change::Unchanged,
            Some(_) => Change::Changed,
            None => Change::Added,
        };
        taken = Some(Taken {
            host: new.host.clone(),
            change,
            is_sealed_elsewhere,
            oauth: new.oauth.is_some(),
        });
        Ok::<_, Failure>(if change == Change::Unchanged { here } else { Some(new) })
    })?;
    Ok(taken.expect("BUG: an edit that succeeds has been made"))
}
