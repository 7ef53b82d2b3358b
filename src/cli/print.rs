//! Output of the commands for people and scripts.

use anyhow::Context as _;
use serde::Serialize;
use serde_json::{Value, json};

use crate::report::{self, Failure, escape};

/// Prints a line on stdout, escaped.
pub(super) fn line(text: &str) -> Result<(), Failure> {
    bytes(format!("{}\n", escape(text)).as_bytes())
}

/// Where the second column of a table begins: room for `access token`, indented twice.
const COLUMN: usize = 18;

/// The widest label that the others are aligned with.
const WIDEST: usize = 32;

/// Prints lines of a label and what it says. Tables below each other have one second column, but
/// where a long label needs more room.
pub(super) fn table(indent: usize, rows: &[(String, String)]) -> Result<(), Failure> {
    let labels: Vec<_> = rows.iter().map(|(label, _)| escape(label)).collect();
    let widths = labels.iter().map(|label| label.chars().count());
    let width = widths.filter(|width| *width <= WIDEST).max().unwrap_or_default();
    let width = width.max(COLUMN.saturating_sub(indent + 2));
    labels
        .iter()
        .zip(rows)
        .try_for_each(|(label, (_, value))| line(&format!("{:indent$}{label:width$}  {value}", "")))
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

/// Prints bytes as they are.
pub(super) fn bytes(bytes: &[u8]) -> Result<(), Failure> {
    Ok(report::stdout(bytes).context("standard output cannot be written")?)
}
