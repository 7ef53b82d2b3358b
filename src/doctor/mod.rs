//! What is wrong, found by looking: checks as a table, the order they are run in, and the one
//! sentence they end in.

mod about;
mod code;
mod configuration;
mod context;
mod faults;
mod host;
mod machine;
mod mask;
mod organization;
mod pat;
mod repository;
mod save_and_test;
mod session;
mod set_up;
mod support;
mod table;
mod targets;
mod time;
mod trust;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::integration::Integrations;
use crate::net::Network;
use crate::paths::Paths;
use crate::report::Failure;
pub use about::About;
pub use code::code;
use context::{Host, Machine, Manner};
pub use context::{Target, Wire};
pub use mask::{Mask, mask};
pub use save_and_test::{prove, save_and_test};
pub use support::{Hidden, Section, sections};
pub use table::{BadTable, Check, Done, Fault, Outcome, run};
pub use targets::target;
use targets::{BySsh, Remotes, everything, only_ssh, remotes};

/// How long one request may take: two follow each other where nobody answers, and ten seconds are
/// what a person waits.
const REQUEST: Duration = Duration::from_secs(4);

/// What was looked at, and what came of it.
#[derive(Clone, Debug)]
pub struct Examined {
    /// The address, or nothing for the machine itself.
    pub url: Option<String>,
    /// The checks, in the order of their table.
    pub checks: Vec<Done>,
}

/// Looks at this machine, and at the target or, without one, at the remotes of the clone around
/// the current directory, or at everything that is configured.
pub fn examine(paths: Paths, helper: PathBuf, url: Option<Target>, refresh: bool) -> Vec<Examined> {
    let machine = Arc::new(
        Machine::new(paths, helper).asked_about(url.as_ref().map(|target| target.place.clone())),
    );
    let checks = run(machine::CHECKS, &machine, &[]).expect("BUG: the machine's table is sound");
    let mut all = vec![Examined { url: None, checks }];
    let Ok(integrations) = Integrations::load(&machine.paths) else { return all };
    let targets = match url {
        Some(target) => vec![target],
        // A git that gave no answer is not waited for once more.
        None if !git_answers(&all) => everything(&machine, &integrations),
        None => match remotes(&machine, &integrations) {
            Err(refused) => {
                all[0].checks.push(refused);
                everything(&machine, &integrations)
            }
            Ok(none) if none == Remotes::default() => everything(&machine, &integrations),
            Ok(Remotes { targets, by_ssh }) => {
                all.extend(by_ssh.iter().map(BySsh::examined));
                targets
            }
        },
    };
    let before = all[0].checks.clone();
    let manner = Manner { refresh, strict: false, request: Some(REQUEST) };
    // Side by side, so that a network that is gone is waited for once.
    let looking: Vec<_> = targets
        .into_iter()
        .map(|target| {
            let host = Arc::new(Host::new(
                Arc::clone(&machine),
                integrations.clone(),
                target,
                manner,
                Arc::new(Network),
            ));
            let before = before.clone();
            let url = host.target.url();
            let looks = std::thread::spawn(move || {
                run(host::CHECKS, &host, &before).expect("BUG: the targets' table is sound")
            });
            (url, looks)
        })
        .collect();
    all.extend(
        looking.into_iter().map(|(url, looks)| Examined {
            url: Some(url),
            checks: looks.join().unwrap_or_default(),
        }),
    );
    all
}

/// What there is to say where the environment keeps this program from looking at anything.
pub fn not_looked(failure: Failure) -> Examined {
    Examined { url: None, checks: vec![machine::not_looked(failure)] }
}

/// Whether git could be asked, or was not.
fn git_answers(all: &[Examined]) -> bool {
    let mut checks = all.iter().flat_map(|examined| &examined.checks);
    checks
        .find(|done| done.id == "git.program")
        .is_none_or(|done| matches!(done.outcome, Outcome::Passed { .. }))
}

/// The first thing that is wrong, in the order of dependence.
pub fn root(all: &[Examined]) -> Option<(&Examined, &Done, &Fault)> {
    all.iter().find_map(|examined| {
        examined.checks.iter().find_map(|done| match &done.outcome {
            Outcome::Failed(fault) => Some((examined, done, fault)),
            _ => None,
        })
    })
}

/// The one sentence that everything ends in.
pub fn conclusion(all: &[Examined]) -> String {
    match root(all) {
        None => {
            if let Some(conclusion) = only_ssh(all) {
                return conclusion;
            }
            let credential =
                all.iter().flat_map(|one| &one.checks).find_map(|done| match &done.outcome {
                    Outcome::Skipped { because } if done.id == "credential" => Some(because),
                    _ => None,
                });
            match credential {
                Some(because) if because.contains("--refresh") => {
                    "Nothing is wrong as far as can be seen without a refresh."
                }
                Some(_) => "Nothing is wrong in what was looked at.",
                None => "All is well.",
            }
            .to_owned()
        }
        Some((_, done, Fault { step, what, fix, .. })) => {
            let step = step.map_or_else(|| done.name.to_owned(), |step| step.to_string());
            // No full stop behind what may be a command to copy.
            let fix = if fix.is_empty() { String::new() } else { format!("; what to do: {fix}") };
            format!("What is wrong, at {step}: {what}{fix}")
        }
    }
}
