//! Secrets as they come in: from the terminal without echo, from standard input, from a file.
//! Never from the command line.

use std::fs::File;
use std::io::{self, IsTerminal as _, Read, stdin};
use std::path::Path;

use zeroize::Zeroizing;

use crate::person::{Answer, Person};
use crate::report::{Exit, Failure};

/// The longest secret read, in bytes. Entra's client secrets have 40, tokens some thousand.
const LIMIT: usize = 16 * 1024;

/// What a person types at `prompt`, or a script passes on standard input; outer white space cut.
pub(super) fn typed(prompt: &str) -> Result<Zeroizing<Vec<u8>>, Failure> {
    if stdin().is_terminal() {
        return Ok(match Person::at_command().ask_secretly(prompt)? {
            Answer::Typed(secret) => secret,
            Answer::GaveUp | Answer::Nobody => Zeroizing::default(),
        });
    }
    read(Ok(stdin().lock()), "standard input")
}

/// What is in a file; outer white space cut.
pub(super) fn in_file(path: &Path) -> Result<Zeroizing<Vec<u8>>, Failure> {
    read(File::open(path), &path.display().to_string())
}

fn read(source: io::Result<impl Read>, name: &str) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(LIMIT + 1));
    source
        .and_then(|source| source.take(LIMIT as u64 + 1).read_to_end(&mut bytes))
        .map_err(|error| Failure::new(format!("{name} cannot be read: {error}")))?;
    // The first part of a secret would be kept as if it were the whole.
    if bytes.len() > LIMIT {
        return Err(Failure::new(format!(
            "{name} holds more than {} KiB, which is no secret",
            LIMIT / 1024
        ))
        .exit(Exit::Usage));
    }
    Ok(trimmed(&bytes))
}

fn trimmed(bytes: &[u8]) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(bytes.trim_ascii().to_vec())
}
