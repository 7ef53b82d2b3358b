//! Checks as data, and how they are run: in order of dependence, side by side where they are
//! independent, each with a deadline. Nothing here knows what is checked.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use crate::azure::Step;
use crate::report::{Exit, Failure, escape};
use crate::trace;

/// One thing that can be right or wrong.
#[derive(Debug)]
pub struct Check<C> {
    /// What it is called in documents and by those who look for it; never changes.
    pub id: &'static str,
    /// What it looks at, in a few words.
    pub name: &'static str,
    /// The step of the set-up that is at fault where it fails and does not know better.
    pub step: Option<Step>,
    /// The checks that have to pass before this one says anything.
    pub needs: &'static [&'static str],
    /// The checks that have to be through, however they ended.
    pub after: &'static [&'static str],
    /// How long it may take.
    pub deadline: Duration,
    /// What to do where it takes longer.
    pub late: &'static str,
    /// Looks.
    pub look: fn(&C) -> Outcome,
}

// Derived, it would ask the same of what is looked at.
impl<C> Clone for Check<C> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<C> Copy for Check<C> {}

/// What came of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is right.
    Passed {
        /// What was seen.
        evidence: String,
        /// What is worth knowing all the same.
        notes: Vec<String>,
    },
    /// It is wrong.
    Failed(Fault),
    /// It was not looked at.
    Skipped {
        /// Why.
        because: String,
    },
}

/// What is wrong, and the way out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The step of the set-up to mend, where it is one.
    pub step: Option<Step>,
    /// What is wrong.
    pub what: String,
    /// What to click or type.
    pub fix: String,
    /// Whether the network or a service is at fault, and nothing that was set up.
    pub passing: bool,
}

impl Outcome {
    /// It is right.
    pub fn passed(evidence: impl Into<String>) -> Self {
        Self::Passed { evidence: evidence.into(), notes: Vec::new() }
    }

    /// It is wrong.
    pub fn failed(
        step: impl Into<Option<Step>>,
        what: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        let (step, what, fix) = (step.into(), what.into(), fix.into());
        Self::Failed(Fault { step, what, fix, passing: false })
    }

    /// The network or a service is at fault, and no step of the set-up.
    pub fn passing(what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self::Failed(Fault { step: None, what: what.into(), fix: fix.into(), passing: true })
    }

    /// How it ended, in a word.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Passed { .. } => "passed",
            Self::Failed(_) => "failed",
            Self::Skipped { .. } => "skipped",
        }
    }

    /// It was not looked at.
    pub fn skipped(because: impl Into<String>) -> Self {
        Self::Skipped { because: because.into() }
    }

    /// The same with something worth knowing, where it is right.
    #[must_use]
    pub fn note(mut self, note: Option<String>) -> Self {
        if let Self::Passed { notes, .. } = &mut self {
            notes.extend(note);
        }
        self
    }
}

/// The failure of a command, whose hint may begin with the step.
impl From<Failure> for Outcome {
    fn from(failure: Failure) -> Self {
        let hint = failure.message.hint.unwrap_or_default();
        let named = Step::ALL.into_iter().find_map(|step| {
            hint.strip_prefix(&format!("{step}: ")).map(|fix| (Some(step), fix.to_owned()))
        });
        let (step, fix) = named.unwrap_or((None, hint));
        let passing = failure.exit == Exit::Unavailable;
        Self::Failed(Fault { step, what: failure.message.text, fix, passing })
    }
}

/// A check that was run, or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    /// [`Check::id`].
    pub id: &'static str,
    /// [`Check::name`].
    pub name: &'static str,
    /// [`Check::step`].
    pub step: Option<Step>,
    /// What came of it.
    pub outcome: Outcome,
}

/// A table that cannot be run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadTable {
    /// Two checks of one name.
    #[error("two checks are called {0}")]
    Twice(&'static str),
    /// A check that waits for one that is not there.
    #[error("{0} waits for {1}, which is not there")]
    Unknown(&'static str, &'static str),
    /// Checks that wait for each other.
    #[error("{0} waits for itself")]
    Cycle(&'static str),
}

/// Runs a table over what it looks at; `before` is what was found out already. What comes back is
/// in the order of the table.
///
/// # Errors
/// If the table makes no sense; nothing is run then.
pub fn run<C: Send + Sync + 'static>(
    checks: &[Check<C>],
    context: &Arc<C>,
    before: &[Done],
) -> Result<Vec<Done>, BadTable> {
    validate(checks, before)?;
    let mut settled: BTreeMap<&str, (&str, Outcome)> =
        before.iter().map(|done| (done.id, (done.name, done.outcome.clone()))).collect();
    let mut waiting: Vec<&Check<C>> = checks.iter().collect();
    let mut running: Vec<(&Check<C>, Instant)> = Vec::new();
    let (sender, receiver) = mpsc::channel::<(&'static str, Outcome)>();
    while !waiting.is_empty() || !running.is_empty() {
        let mut moved = false;
        waiting.retain(|check| {
            let all = || check.needs.iter().chain(check.after);
            if !all().all(|id| settled.contains_key(id)) {
                return true;
            }
            moved = true;
            if let Some(because) = in_the_way(check, &settled) {
                settle(&mut settled, check, Outcome::Skipped { because });
                return false;
            }
            running.push((check, Instant::now() + check.deadline));
            let (sender, context) = (sender.clone(), Arc::clone(context));
            let (id, look) = (check.id, check.look);
            // Left behind if it is late; nobody waits for it then.
            thread::spawn(move || sender.send((id, look(&context))));
            false
        });
        if moved {
            continue;
        }
        let Some(next) = running.iter().map(|(_, deadline)| *deadline).min() else { continue };
        if let Ok((id, outcome)) =
            receiver.recv_timeout(next.saturating_duration_since(Instant::now()))
        {
            // One that is late has been settled already.
            if let Some(at) = running.iter().position(|(check, _)| check.id == id) {
                let (check, _) = running.swap_remove(at);
                settle(&mut settled, check, with_step(outcome, check.step));
            }
            continue;
        }
        let now = Instant::now();
        running.retain(|(check, deadline)| {
            let late = *deadline <= now;
            if late {
                let what = format!("no answer within {} seconds", check.deadline.as_secs());
                settle(&mut settled, check, Outcome::passing(what, check.late));
            }
            !late
        });
    }
    Ok(checks
        .iter()
        .map(|check| Done {
            id: check.id,
            name: check.name,
            step: check.step,
            outcome: settled.remove(check.id).expect("BUG: every check is settled").1,
        })
        .collect())
}

fn settle<C>(settled: &mut BTreeMap<&str, (&str, Outcome)>, check: &Check<C>, outcome: Outcome) {
    trace::event("check", |words| words.with("id", check.id).with("outcome", outcome.word()));
    settled.insert(check.id, (check.name, outcome));
}

/// What keeps a check from being run.
fn in_the_way<C>(check: &Check<C>, settled: &BTreeMap<&str, (&str, Outcome)>) -> Option<String> {
    check.needs.iter().find_map(|need| match settled.get(need)? {
        (_, Outcome::Passed { .. }) => None,
        (name, Outcome::Failed(_)) => Some(format!("because of: {name}")),
        (_, Outcome::Skipped { because }) => Some(because.clone()),
    })
}

/// A fault that names no step is of the check's own.
fn with_step(outcome: Outcome, step: Option<Step>) -> Outcome {
    match outcome {
        Outcome::Failed(fault) => Outcome::Failed(Fault {
            step: if fault.passing { None } else { fault.step.or(step) },
            passing: fault.passing,
            what: escape(&fault.what),
            fix: escape(&fault.fix),
        }),
        other => other,
    }
}

fn validate<C>(checks: &[Check<C>], before: &[Done]) -> Result<(), BadTable> {
    let mut known: BTreeSet<&str> = before.iter().map(|done| done.id).collect();
    for check in checks {
        if !known.insert(check.id) {
            return Err(BadTable::Twice(check.id));
        }
    }
    let mut settled: BTreeSet<&str> = before.iter().map(|done| done.id).collect();
    let mut left: Vec<&Check<C>> = checks.iter().collect();
    for check in &left {
        if let Some(unknown) = check.needs.iter().chain(check.after).find(|id| !known.contains(*id))
        {
            return Err(BadTable::Unknown(check.id, unknown));
        }
    }
    while let Some(first) = left.first() {
        let id = first.id;
        let (ready, rest): (Vec<&Check<C>>, Vec<_>) = left.into_iter().partition(|check| {
            check.needs.iter().chain(check.after).all(|need| settled.contains(need))
        });
        if ready.is_empty() {
            return Err(BadTable::Cycle(id));
        }
        settled.extend(ready.iter().map(|check| check.id));
        left = rest;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
