//! Output of the commands for people and scripts.

use anyhow::Context as _;
use serde::Serialize;
use serde_json::{Value, json};

use crate::report::{self, Failure, escape};

/// Prints a line on stdout, escaped.
pub(super) fn line(text: &str) -> Result<(), Failure> {
    bytes(format!("{}\n", escape(text)).as_bytes())
}

/// Prints one JSON document with its `version`.
pub(super) fn document(content: impl Serialize) -> Result<(), Failure> {
    let mut document = json!({ "version": 1 });
    let content = serde_json::to_value(content).expect("BUG: output becomes JSON");
    if let (Value::Object(document), Value::Object(content)) = (&mut document, content) {
        document.extend(content);
    }
    let mut text = serde_json::to_string_pretty(&document).expect("BUG: JSON becomes JSON");
    text.push('\n');
    bytes(text.as_bytes())
}

fn bytes(bytes: &[u8]) -> Result<(), Failure> {
    Ok(report::stdout(bytes).context("standard output cannot be written")?)
}
