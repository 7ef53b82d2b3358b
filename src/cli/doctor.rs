//! `doctor`: what is wrong, at which step, and what to do.

use std::io::IsTerminal as _;

use serde_json::{Value, json};

use super::args::Doctor;
use super::{Room, print, setup_git};
use crate::azure::Step;
use crate::doctor::{Done, Examined, Outcome, conclusion, examine, root, target};
use crate::report::{Exit, Failure, escape};

pub(super) fn run(args: &Doctor) -> Result<Exit, Failure> {
    let room = Room::enter()?;
    let url = match &args.url {
        None => None,
        Some(url) => Some(target(url, false).map_err(|error| {
            Failure::new(error.to_string())
                .hint("write it as https://dev.azure.com/<organization>, or https://<server>")
                .exit(Exit::Usage)
        })?),
    };
    let all = examine(room.paths, setup_git::this_program()?, url, args.refresh);
    show(&all, Some(&conclusion(&all)), args.json)?;
    Ok(if root(&all).is_none() { Exit::Done } else { Exit::Failed })
}

/// Prints what was looked at and the sentence it ends in, if that is not said elsewhere.
pub(super) fn show(all: &[Examined], conclusion: Option<&str>, json: bool) -> Result<(), Failure> {
    if json {
        print::document(document(all, conclusion))
    } else {
        text(all, conclusion, Colours::for_stdout())
    }
}

/// Whether marks are in colour.
#[derive(Clone, Copy)]
struct Colours(bool);

impl Colours {
    fn for_stdout() -> Self {
        // https://no-color.org: set and not empty.
        let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self(std::io::stdout().is_terminal() && !unwanted)
    }

    fn mark(self, outcome: &Outcome) -> &'static str {
        match (outcome, self.0) {
            (Outcome::Passed { .. }, true) => "\u{1b}[32m✓\u{1b}[0m",
            (Outcome::Passed { .. }, false) => "✓",
            (Outcome::Failed(_), true) => "\u{1b}[31m✗\u{1b}[0m",
            (Outcome::Failed(_), false) => "✗",
            (Outcome::Skipped { .. }, true) => "\u{1b}[2m–\u{1b}[0m",
            (Outcome::Skipped { .. }, false) => "–",
        }
    }
}

fn text(all: &[Examined], conclusion: Option<&str>, colours: Colours) -> Result<(), Failure> {
    let mut lines = String::new();
    let mut line = |text: String| {
        lines.push_str(&text);
        lines.push('\n');
    };
    for examined in all {
        line(escape(examined.url.as_deref().unwrap_or("This machine")));
        for done in &examined.checks {
            let mark = colours.mark(&done.outcome);
            let (said, details) = words(done);
            line(format!("  {mark} {}: {}", done.name, escape(&said)));
            details.into_iter().for_each(|detail| line(format!("      {}", escape(&detail))));
        }
        line(String::new());
    }
    conclusion.into_iter().for_each(|text| line(escape(text)));
    print::bytes(lines.as_bytes())
}

/// What a check says in its line, and what stands below it.
fn words(done: &Done) -> (String, Vec<String>) {
    match &done.outcome {
        Outcome::Passed { evidence, notes } => {
            (evidence.clone(), notes.iter().map(|note| format!("note: {note}")).collect())
        }
        Outcome::Skipped { because } => (format!("not looked at, {because}"), Vec::new()),
        Outcome::Failed(fault) => {
            let step = fault.step.map(|step| step.to_string());
            let fix = (!fault.fix.is_empty()).then(|| format!("what to do: {}", fault.fix));
            (fault.what.clone(), step.into_iter().chain(fix).collect())
        }
    }
}

fn step(step: Option<Step>) -> Value {
    step.map_or(Value::Null, |step| json!({ "number": step.number(), "name": step.name() }))
}

/// As `src/doctor/schema.json` says.
fn document(all: &[Examined], conclusion: Option<&str>) -> Value {
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
        "ok": found.is_none(),
        "conclusion": conclusion,
        "check": found.map(|(_, done, _)| done.id),
        "step": step(fault.and_then(|fault| fault.step)),
        "fix": fault.map(|fault| &fault.fix),
        "targets": targets,
    })
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
