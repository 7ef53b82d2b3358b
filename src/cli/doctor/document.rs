//! What was found, for scripts: as `src/doctor/schema.json` says.

use serde_json::{Value, json};

use crate::azure::Step;
use crate::doctor::{About, Done, Examined, Outcome, root};

/// The document, but for its `version`.
pub(in crate::cli) fn document(all: &[Examined], conclusion: &str, about: &About) -> Value {
    let targets: Vec<_> = all
        .iter()
        .map(|examined| {
            let checks: Vec<_> = examined.checks.iter().map(check).collect();
            json!({ "url": examined.url, "checks": checks })
        })
        .collect();
    let found = root(all);
    let fault = found.map(|(_, _, fault)| fault);
    json!({
        "program": { "name": crate::paths::NAME, "version": about.version },
        "date": about.date,
        "platform": {
            "os": about.os,
            "kernel": about.kernel,
            "architecture": about.architecture,
            "git": about.git,
            "surroundings": about.surroundings,
        },
        "ok": found.is_none(),
        "conclusion": conclusion,
        "check": found.map(|(_, done, _)| done.id),
        "step": step(fault.and_then(|fault| fault.step)),
        "fix": fault.map(|fault| &fault.fix),
        "targets": targets,
    })
}

fn step(step: Option<Step>) -> Value {
    step.map_or(Value::Null, |step| json!({ "number": step.number(), "name": step.name() }))
}

fn check(done: &Done) -> Value {
    let (outcome, at, text, notes, fix) = match &done.outcome {
        Outcome::Passed { evidence, notes } => ("passed", done.step, evidence, &notes[..], None),
        Outcome::Failed(fault) => ("failed", fault.step, &fault.what, &[][..], Some(&fault.fix)),
        Outcome::Skipped { because } => ("skipped", done.step, because, &[][..], None),
    };
    json!({
        "id": done.id,
        "name": done.name,
        "step": step(at),
        "outcome": outcome,
        "text": text,
        "notes": notes,
        "fix": fix,
    })
}
