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

/// A text as one word of a command that can be copied to a shell.
pub(super) fn word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@%,=".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
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

#[cfg(test)]
mod tests {
    use super::word;

    #[test]
    fn a_word_of_a_command_means_to_a_shell_what_it_says() {
        for (text, quoted) in [
            ("https://dev.azure.com/contoso", "https://dev.azure.com/contoso"),
            ("https://tfs/team%20a", "https://tfs/team%20a"),
            ("CORP\\ada", "'CORP\\ada'"),
            ("o'neil; rm -r", "'o'\\''neil; rm -r'"),
            ("$HOME", "'$HOME'"),
            ("Zoë", "'Zoë'"),
            ("", "''"),
        ] {
            assert_eq!(word(text), quoted);
        }
    }
}
