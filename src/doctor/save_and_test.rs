//! *Save & Test*: does what is configured work, as far as it can be known without a person?

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::context::{Host, Machine, Manner, Target, Wire};
use super::table::{Check, Done, Fault, Outcome, run};
use super::{Examined, REQUEST, host, machine, root};
use crate::azure::RemoteUrl;
use crate::integration::{Found, Integrations};
use crate::net::Network;
use crate::paths::Paths;
use crate::report::{Exit, Failure};

/// The checks of the machine that those of an integration build on.
const MACHINE: &[&str] = &["integration.file", "key"];

/// The checks that need nobody: the first five steps of the set-up.
const HOST: &[&str] = &[
    "integration",
    "proxy",
    "trust",
    "issuer",
    "client.secret",
    "client",
    "redirect",
    "organization",
    "clock",
];

/// Those of them that a script needs, which is one request more than to find the issuer.
const PROVED: &[&str] =
    &["integration", "trust", "issuer", "client.secret", "client", "organization"];

/// How long each may take where the network waits as a service tells it to.
const PATIENT: Duration = Duration::from_secs(120);

/// Looks at an integration that is configured, at an organization or repository if one is named.
pub fn save_and_test(paths: &Paths, found: &Found, at: Option<RemoteUrl>) -> Vec<Examined> {
    let machine = Arc::new(Machine::new(paths.clone(), PathBuf::new()));
    let checks = run(&only(machine::CHECKS, MACHINE), &machine, &[])
        .expect("BUG: this part of the machine's table is sound");
    let manner = Manner { refresh: false, strict: true, request: Some(REQUEST) };
    let target = at.map_or_else(|| Target::of(&found.integration), Target::at);
    let host = of(machine, found, target, manner, Arc::new(Network));
    let url = host.target.url();
    let looked = run(&only(host::CHECKS, HOST), &host, &checks)
        .expect("BUG: this part of the targets' table is sound");
    vec![Examined { url: None, checks }, Examined { url: Some(url), checks: looked }]
}

/// The same of an integration that need not be kept yet, over a network that may take its time.
///
/// # Errors
/// The first thing that is wrong.
pub fn prove(paths: &Paths, found: &Found, network: Arc<Wire>) -> Result<(), Failure> {
    let machine = Arc::new(Machine::new(paths.clone(), PathBuf::new()));
    let granted = only(machine::CHECKS, MACHINE).into_iter().map(|check| Done {
        id: check.id,
        name: check.name,
        step: check.step,
        outcome: Outcome::passed("seen to by the caller"),
    });
    let granted: Vec<Done> = granted.collect();
    let manner = Manner { refresh: false, strict: true, request: None };
    let checks: Vec<_> = only(host::CHECKS, PROVED)
        .into_iter()
        .map(|check| Check { deadline: PATIENT, ..check })
        .collect();
    let looked = run(
        &checks,
        &of(machine, found, Target::of(&found.integration), manner, network),
        &granted,
    )
    .expect("BUG: this part of the targets' table is sound");
    match root(&[Examined { url: None, checks: looked }]) {
        Some((_, _, fault)) => Err(fault.into()),
        None => Ok(()),
    }
}

fn of(
    machine: Arc<Machine>,
    found: &Found,
    target: Target,
    manner: Manner,
    network: Arc<Wire>,
) -> Arc<Host> {
    let integrations = Integrations::only(found.clone());
    Arc::new(Host::new(machine, integrations, target, manner, network))
}

fn only<C>(checks: &[Check<C>], ids: &[&str]) -> Vec<Check<C>> {
    checks.iter().filter(|check| ids.contains(&check.id)).copied().collect()
}

/// The failure of a command that needed it to be right.
impl From<&Fault> for Failure {
    fn from(fault: &Fault) -> Self {
        let hint = match fault.step {
            Some(step) => format!("{step}: {}", fault.fix),
            None => fault.fix.clone(),
        };
        let exit = if fault.passing { Exit::Unavailable } else { Exit::Failed };
        Self::new(fault.what.clone()).hint(hint).exit(exit)
    }
}
