//! This program, and other copies of it.

use super::super::context::Machine;
use super::super::table::Outcome;
use crate::paths::NAME;

pub(super) fn program(machine: &Machine) -> Outcome {
    let evidence = format!("{NAME} {} in {}", env!("CARGO_PKG_VERSION"), machine.helper.display());
    let path = std::env::var_os("PATH").unwrap_or_default();
    let this = machine.helper.canonicalize().ok();
    let all: Vec<_> = crate::programs::entries(&path)
        .into_iter()
        .map(|directory| directory.join(NAME))
        .filter(|found| found.is_file())
        .collect();
    let is_this = |found: &std::path::PathBuf| found.canonicalize().ok() == this;
    let mut others: Vec<_> = all.iter().filter(|found| !is_this(found)).collect();
    others.dedup();
    let names = others.iter().map(|found| found.display().to_string()).collect::<Vec<_>>();
    let names = names.join(", ");
    let note = match all.first() {
        Some(first) if !others.is_empty() && !is_this(first) => {
            Some(format!("the PATH leads to another copy first: {names}"))
        }
        Some(_) if !others.is_empty() => Some(format!("the PATH has another copy too: {names}")),
        _ => None,
    };
    crate::variables::unknown()
        .iter()
        .fold(Outcome::passed(evidence).note(note), |outcome, unknown| {
            outcome.note(Some(unknown.sentence()))
        })
}
