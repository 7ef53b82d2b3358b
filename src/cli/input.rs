//! Secrets as they come in: from the terminal without echo, from standard input, from a file.
//! Never from the command line.

use std::fs::File;
use std::io::{IsTerminal as _, Read, stdin};
use std::path::Path;

use anyhow::{Context as _, Result};
use zeroize::Zeroizing;

/// The longest secret read, in bytes. Entra's client secrets have 40, tokens some thousand.
const LIMIT: u64 = 16 * 1024;

/// What a person types at `prompt`, or a script passes on standard input; outer white space cut.
pub(super) fn typed(prompt: &str) -> Result<Zeroizing<Vec<u8>>> {
    if stdin().is_terminal() {
        let text = rpassword::prompt_password(prompt).context("the terminal cannot be read")?;
        return Ok(trimmed(&Zeroizing::new(text.into_bytes())));
    }
    read(stdin().lock()).context("standard input cannot be read")
}

/// What is in a file; outer white space cut.
pub(super) fn in_file(path: &Path) -> Result<Zeroizing<Vec<u8>>> {
    File::open(path)
        .map_err(anyhow::Error::from)
        .and_then(read)
        .with_context(|| format!("{} cannot be read", path.display()))
}

fn read(source: impl Read) -> Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(LIMIT)?));
    source.take(LIMIT).read_to_end(&mut bytes)?;
    Ok(trimmed(&bytes))
}

fn trimmed(bytes: &[u8]) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(bytes.trim_ascii().to_vec())
}
