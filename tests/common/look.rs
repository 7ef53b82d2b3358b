//! What `doctor` and `integration test` say of a machine, as text and as JSON.

use serde_json::Value;

use super::{Done, Machine};

/// One look.
#[derive(Debug)]
pub struct Look {
    /// The exit code.
    pub code: i32,
    /// The check at fault, or nothing.
    pub check: String,
    /// The number of the set-up step at fault, or 0.
    pub step: u64,
    /// What is at fault, as the sentence at the end names it.
    pub at: String,
    /// The sentence at the end, without correlation IDs.
    pub conclusion: String,
    /// The document.
    pub document: Value,
    /// The text.
    pub text: String,
}

/// Runs the command, once more with `--json`, and holds the two against each other.
#[track_caller]
pub fn look(machine: &Machine, command: &[&str]) -> Look {
    let command: Vec<&str> = command.iter().copied().filter(|word| !word.is_empty()).collect();
    let told = machine.helper(&command);
    let done = machine.helper(&[&command[..], &["--json"]].concat());
    assert_eq!((told.code, &*told.stderr), (done.code, ""), "{told:#?} {done:#?}");
    assert_eq!(done.stderr, "", "{done:#?}");
    let document = done.json();
    let text = |name: &str| document[name].as_str().unwrap_or_default().to_owned();
    assert_eq!(document["ok"] == true, done.code == 0, "{document:#}");
    let step = document["step"]["number"].as_u64().unwrap_or_default();
    let found = checks(&document).find(|check| check["id"] == document["check"]);
    let at = match (step, found) {
        (0, Some(check)) => check["name"].as_str().expect("a name").to_owned(),
        (step, _) => {
            format!("step {step} ({})", document["step"]["name"].as_str().unwrap_or_default())
        }
    };
    let last = told.stdout.lines().last().unwrap_or_default().to_owned();
    let conclusion = text("conclusion");
    // The service gives each request an ID of its own.
    assert_eq!(without_ids(&last), without_ids(&conclusion), "{told:#?}");
    Look {
        code: done.code,
        check: text("check"),
        step,
        at,
        conclusion: without_ids(&conclusion),
        document,
        text: told.stdout,
    }
}

impl Look {
    /// Fails unless the check ended so, in these words.
    #[track_caller]
    pub fn expect(&self, check: &str, outcome: &str, text: &str) {
        let found = checks(&self.document).find(|found| found["id"] == check);
        let found = found.unwrap_or_else(|| panic!("no check {check} in {self:#?}"));
        assert_eq!(
            (found["outcome"].as_str(), found["text"].as_str()),
            (Some(outcome), Some(text)),
            "{self:#?}"
        );
    }
}

fn checks(document: &Value) -> impl Iterator<Item = &Value> {
    let targets = document["targets"].as_array().into_iter().flatten();
    targets.flat_map(|target| target["checks"].as_array().into_iter().flatten())
}

fn without_ids(text: &str) -> String {
    let done = Done { code: 0, stdout: String::new(), stderr: text.to_owned() };
    done.without_correlation_ids().stderr
}
