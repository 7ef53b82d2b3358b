//! Runs rows side by side, and tells of all that went wrong at once.

use std::collections::BTreeMap;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use serde_json::Value;

use super::Row;
use crate::common::{Done, Machine, schema};

/// More than this machine may have cores: much of a row is waiting for another process.
const AT_ONCE: usize = 4;

/// Secrets that rows write into git's configuration, as they stand there.
const PLANTED: [&str; 2] = ["hunter2", "aHVudGVyMg=="];

/// Checks, and those that say nothing where they fail.
#[rustfmt::skip]
const BEHIND: &[(&str, &[&str])] = &[
    ("git.program", &["git.helper", "git.others", "git.path", "git.header", "git.rewrite", "git.proactive"]),
    ("key", &["vault", "client.secret", "client", "account", "refresh", "token", "pat", "credential", "repository.read", "repository.write"]),
    ("vault", &["account", "refresh", "token", "pat", "credential", "repository.read", "repository.write"]),
    ("integration", &["issuer", "client.secret", "client", "redirect", "organization", "account", "refresh", "token", "pat", "credential", "repository.read", "repository.write"]),
    ("git.helper", &["git.others", "git.path", "git.proactive"]),
    ("issuer", &["client", "redirect"]),
    ("client.secret", &["client"]),
    ("account", &["refresh", "token"]),
    ("credential", &["repository.read", "repository.write"]),
    ("repository.read", &["repository.write"]),
];

/// Fails the test with everything that any of the rows did not find.
pub(super) fn all(rows: &[&Row]) {
    let next = AtomicUsize::new(0);
    let failures = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(row) = rows.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let failed = catch_unwind(AssertUnwindSafe(|| look(row)))
                        .unwrap_or_else(|_| vec!["it panicked; see above for where".to_owned()]);
                    if !failed.is_empty() {
                        let text = format!("== {} ==\n{}", row.name, failed.join("\n"));
                        failures.lock().expect("nobody panics with it").push(text);
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().expect("nobody panicked with it");
    assert!(
        failures.is_empty(),
        "{} of {} rows:\n{}",
        failures.len(),
        rows.len(),
        failures.join("\n\n")
    );
}

/// What is not as the row says.
fn look(row: &Row) -> Vec<String> {
    let machine = (row.plant)();
    let before = files(&machine);
    let done = machine.helper(&[row.command, &["--json"]].concat());
    // A refresh may have been refused for good, which is another fault the next time.
    let wrote = files(&machine) != before;
    put_back(&machine, &before);
    let words = machine.helper(row.command);
    let Ok(document) = serde_json::from_str::<Value>(&done.stdout) else {
        return vec![format!("no document: {done:#?}")];
    };
    let mut failed = Vec::new();
    let mut hold = |holds: bool, what: String| {
        if !holds {
            failed.push(what);
        }
    };
    schema::validate(&document);
    // A remembered refusal is asked about with a new access token where none is left.
    let refreshes =
        row.command.contains(&"--refresh") || row.name == "account refused a moment ago";
    hold(refreshes || !wrote, "something was written".to_owned());
    // Without an integration it is US01.
    let unconfigured =
        document["conclusion"].as_str().unwrap_or_default().contains("is not configured;");
    let code = if unconfigured { 3 } else { 1 };
    hold(
        (done.code, words.code) == (code, code),
        format!("exit codes {} and {}", done.code, words.code),
    );
    hold(done.stderr.is_empty() && words.stderr.is_empty(), done.stderr.clone() + &words.stderr);
    hold(document["ok"] == false, "it says that all is well".to_owned());
    hold(document["check"] == row.check, format!("check {}, not {}", document["check"], row.check));
    let step = document["step"]["number"].as_u64().unwrap_or_default();
    hold(step == row.step, format!("step {step}, not {}", row.step));
    let conclusion = document["conclusion"].as_str().unwrap_or_default();
    for word in row.words {
        hold(conclusion.contains(word), format!("{word:?} is not in: {conclusion}"));
    }
    let last = words.stdout.trim_end().lines().last().unwrap_or_default();
    hold(
        settled(last) == settled(conclusion),
        format!("the list ends in: {last}\nthe document says: {conclusion}"),
    );
    for (id, outcome) in outcomes(&document) {
        let behind = BEHIND.iter().any(|(check, all)| *check == row.check && all.contains(&&*id));
        hold(!behind || outcome == "skipped", format!("{id} {outcome} behind {}", row.check));
    }
    let planted = PLANTED.map(str::to_owned);
    for secret in machine.world.secrets().into_iter().chain(planted) {
        let shown = words.stdout.contains(&secret) || done.stdout.contains(&secret);
        hold(!shown, format!("a secret is shown: {secret}"));
    }
    if !failed.is_empty() {
        failed.push(everything(&words, &document));
    }
    failed
}

fn everything(words: &Done, document: &Value) -> String {
    format!("{}{}\n{document:#}", words.stdout, words.stderr)
}

/// The id of every check, and how it ended.
fn outcomes(document: &Value) -> Vec<(String, String)> {
    let text = |check: &Value, name: &str| check[name].as_str().unwrap_or_default().to_owned();
    let targets = document["targets"].as_array().into_iter().flatten();
    targets
        .flat_map(|target| target["checks"].as_array().into_iter().flatten())
        .map(|check| (text(check, "id"), text(check, "outcome")))
        .collect()
}

/// Without what may be another every time: correlation IDs, and whose clock is compared where two
/// are equally far off.
fn settled(text: &str) -> String {
    const BEFORE: &str = "correlation ID ";
    let mut parts = text.split(BEFORE);
    let first = parts.next().unwrap_or_default().to_owned();
    parts
        .fold(first, |all, part| all + BEFORE + part.get(36..).unwrap_or_default())
        .replace("that of login.microsoftonline.com, so", "that of dev.azure.com, so")
}

/// The files of the state directory.
fn files(machine: &Machine) -> BTreeMap<PathBuf, Vec<u8>> {
    let entries = fs::read_dir(machine.state_dir()).into_iter().flatten().flatten();
    entries.filter_map(|entry| Some((entry.path(), fs::read(entry.path()).ok()?))).collect()
}

fn put_back(machine: &Machine, before: &BTreeMap<PathBuf, Vec<u8>>) {
    for (path, bytes) in files(machine) {
        match before.get(&path) {
            Some(then) if *then == bytes => {}
            Some(then) => fs::write(path, then).expect("written"),
            None => fs::remove_file(path).expect("removed"),
        }
    }
    for (path, bytes) in before.iter().filter(|(path, _)| !path.exists()) {
        fs::write(path, bytes).expect("written");
    }
}
