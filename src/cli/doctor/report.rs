//! `--report`: what was found and what stands around it, in a file that can be sent to support.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::super::print;
use super::text::{self, Style};
use crate::doctor::{Examined, Section, conclusion};
use crate::report::{Failure, Message, escape};

/// Where a report goes.
pub(super) enum Destination {
    Stdout,
    File { path: PathBuf, replace: bool },
}

impl Destination {
    /// Before anything is looked at: whoever has to choose another name need not wait for that.
    pub(super) fn of(path: &Path, replace: bool) -> Result<Self, Failure> {
        if path == Path::new("-") {
            return Ok(Self::Stdout);
        }
        let destination = Self::File { path: path.to_owned(), replace };
        destination.refuse_what_is_there()?;
        drop(private_file(path)?);
        Ok(destination)
    }

    fn refuse_what_is_there(&self) -> Result<(), Failure> {
        let Self::File { path, replace } = self else { return Ok(()) };
        let shown = path.display();
        let Ok(there) = fs::symlink_metadata(path) else { return Ok(()) };
        if there.is_symlink() {
            return Err(Failure::new(format!(
                "{shown} is a symbolic link, and no report follows one"
            ))
            .hint("name the file itself"));
        }
        if !there.is_file() {
            return Err(
                Failure::new(format!("{shown} is there and no file")).hint(other_name(path))
            );
        }
        if !replace {
            return Err(Failure::new(format!("{shown} is there already"))
                .hint(format!("{}, or add --force to replace it", other_name(path))));
        }
        Ok(())
    }

    /// Whole or not at all, and private from the moment it exists.
    pub(super) fn write(&self, text: &str) -> Result<(), Failure> {
        let Self::File { path, replace } = self else { return print::bytes(text.as_bytes()) };
        self.refuse_what_is_there()?;
        let mut file = private_file(path)?;
        file.write_all(text.as_bytes()).map_err(|error| failed(path, &error))?;
        // Neither follows a link that came in between.
        match *replace {
            true => file.persist(path),
            false => file.persist_noclobber(path),
        }
        .map_err(|error| failed(path, &error.error))?;
        Message::note(format!("the report is in {}", path.display()))
            .hint("read it before you send it")
            .print();
        Ok(())
    }
}

/// A file beside that path that only its owner reads, for it is for whoever it is sent to: with the
/// mode 0600, as the crate makes them.
fn private_file(path: &Path) -> Result<NamedTempFile, Failure> {
    let directory = path.parent().filter(|directory| !directory.as_os_str().is_empty());
    NamedTempFile::new_in(directory.unwrap_or(Path::new("."))).map_err(|error| failed(path, &error))
}

fn failed(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(format!("the report {} cannot be written: {error}", path.display()))
        .hint("name a file in a directory of your own")
}

/// A name that is free.
fn other_name(path: &Path) -> String {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let extension = path.extension().map(|extension| extension.to_string_lossy().into_owned());
    let name = |number: usize| {
        let name = match &extension {
            Some(extension) => format!("{stem}-{number}.{extension}"),
            None => format!("{stem}-{number}"),
        };
        path.with_file_name(name)
    };
    let free = (2..100).map(name).find(|path| fs::symlink_metadata(path).is_err());
    free.map_or_else(
        || "name another file".to_owned(),
        |path| format!("name another file, such as {}", path.display()),
    )
}

/// The whole report, in Markdown that reads well as it is.
pub(super) fn render(
    command: &str,
    masked: bool,
    all: &[Examined],
    sections: &[Section],
) -> String {
    let names = match masked {
        true => {
            "Names of people, organizations and machines are masked: each has one stand-in throughout."
        }
        false => {
            "Names of people, organizations and machines are as they are; --mask takes them out."
        }
    };
    let mut text = format!(
        "# Report of git-credential-ona-azure doctor\n\nIt holds no secret. {names}\n\n    {}\n\n\
         ## What was found\n\n{}",
        escape(command),
        block(&text::render(all, Some(&conclusion(all)), Style::default()))
    );
    for Section { title, lines } in sections {
        let lines: Vec<_> = lines.iter().map(|line| escape(line)).collect();
        let body = if lines.is_empty() { "none\n".to_owned() } else { block(&lines.join("\n")) };
        text.push_str(&format!("\n## {title}\n\n{body}"));
    }
    text
}

/// Indented, as Markdown has it for what is to stay as it is.
fn block(text: &str) -> String {
    text.trim_end()
        .lines()
        .map(|line| if line.is_empty() { "\n".to_owned() } else { format!("    {line}\n") })
        .collect()
}
