//! The command line: one file a command, no decisions.

mod args;
mod bootstrap;
mod credential;
mod doctor;
mod input;
mod integration;
mod interaction;
mod key;
mod login;
mod logout;
mod print;
mod setup_git;
mod status;
mod target;
mod token;

use std::ffi::OsString;
use std::io::IsTerminal as _;
use std::process::ExitCode;
use std::time::Instant;

use clap::error::{ContextKind, ErrorKind};
use clap::{CommandFactory as _, Parser as _};

use crate::azure::is_token;
use crate::integration::{FileError, Integrations};
use crate::paths::Paths;
use crate::protocol::Operation;
use crate::report::{Exit, Failure, Message, stderr};
use crate::trace;
use crate::vault::{Vault, VaultError};
use args::{Args, Command};

/// Runs the program.
pub fn run() -> ExitCode {
    let started = Instant::now();
    let arguments: Vec<OsString> = std::env::args_os().collect();
    trace::event("begin", |words| {
        words.with("version", env!("CARGO_PKG_VERSION")).with("command", name(&arguments))
    });
    // git's own calls come before anything that costs time.
    let operation = match arguments.as_slice() {
        [_, word] => word.to_str().and_then(Operation::from_word),
        _ => None,
    };
    let exit = match operation {
        Some(operation) => credential::run(operation),
        None => command(&arguments),
    };
    trace::event("end", |words| {
        words.with("exit", exit as u8).with("ms", started.elapsed().as_millis())
    });
    ExitCode::from(exit as u8)
}

/// The name of the command. Nothing else of the command line is told: it may be anything.
fn name(arguments: &[OsString]) -> String {
    let words = arguments.iter().skip(1).map_while(|word| word.to_str());
    if let [_, word] = arguments
        && word.to_str().and_then(Operation::from_word).is_some()
    {
        return words.collect();
    }
    let mut known = Args::command();
    let mut names = Vec::new();
    for word in words {
        let Some(next) = known.find_subcommand(word).cloned() else { break };
        names.push(next.get_name().to_owned());
        known = next;
    }
    if names.is_empty() { "none".to_owned() } else { names.join(" ") }
}

fn command(arguments: &[OsString]) -> Exit {
    if arguments.iter().any(|argument| is_token(argument.as_encoded_bytes())) {
        Message::error("a token was given on the command line, where other users and the shell's history see it")
            .hint("revoke it, then pass a new one on standard input: git-credential-ona-azure login URL --pat < file")
            .print();
        return Exit::Usage;
    }
    let args = match Args::try_parse_from(arguments) {
        Ok(args) => args,
        Err(error) => return refuse(&error),
    };
    let done = match args.command {
        Command::Login(args) => login::run(args),
        Command::Logout(args) => logout::run(args),
        Command::Status(args) => status::run(args),
        Command::Integration(args) => return finish(integration::run(args)),
        Command::Key(args) => key::run(args),
        Command::Bootstrap(args) => return bootstrap::run(&args),
        Command::Doctor(args) => return finish(doctor::run(&args)),
        Command::Token(args) => return finish(token::run(&args)),
        Command::SetupGit(args) => return finish(setup_git::run(&args)),
    };
    finish(done.map(|()| Exit::Done))
}

fn finish(done: Result<Exit, Failure>) -> Exit {
    match done {
        Ok(exit) => exit,
        Err(failure) => {
            failure.message.print();
            failure.exit
        }
    }
}

/// A command line that is no command. A word git may send to helpers one day is nothing to
/// complain about (gitcredentials(7)).
fn refuse(error: &clap::Error) -> Exit {
    let words = std::env::args_os().len();
    match error.kind() {
        ErrorKind::InvalidSubcommand if words == 2 && !std::io::stdin().is_terminal() => Exit::Done,
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            let _ = crate::report::stdout(error.render().to_string().as_bytes());
            Exit::Done
        }
        // clap repeats the value, and it may well be a secret.
        ErrorKind::TooManyValues => {
            let flag =
                error.get(ContextKind::InvalidArg).map(ToString::to_string).unwrap_or_default();
            Message::error(format!("{flag} takes no value here")).hint("see --help").print();
            Exit::Usage
        }
        // A flag that is none can be named; a word too many may well be a secret too.
        ErrorKind::UnknownArgument
            if !error
                .get(ContextKind::InvalidArg)
                .is_some_and(|argument| argument.to_string().starts_with('-')) =>
        {
            Message::error("there is an argument too many")
                .hint("secrets go on standard input, never on the command line; see --help")
                .print();
            Exit::Usage
        }
        _ => {
            stderr(&error.render().to_string());
            Exit::Usage
        }
    }
}

/// What every command but git's starts with.
struct Room {
    paths: Paths,
    vault: Vault,
}

impl Room {
    fn enter() -> Result<Self, Failure> {
        let paths = Paths::from_env()?;
        let vault = Vault::new(paths.state.clone(), paths.mounted_key.clone());
        Ok(Self { paths, vault })
    }

    fn integrations(&self) -> Result<Integrations, Failure> {
        Integrations::load(&self.paths).map_err(Failure::from)
    }
}

/// At the edge of the program the system's own errors become messages, causes and all.
impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::new(format!("{error:#}"))
    }
}

impl From<FileError> for Failure {
    fn from(error: FileError) -> Self {
        Self::new(error.to_string()).hint(error.fix)
    }
}

impl From<VaultError> for Failure {
    fn from(error: VaultError) -> Self {
        Self::new(error.to_string()).hint(error.hint())
    }
}

impl From<crate::vault::KeyError> for Failure {
    fn from(error: crate::vault::KeyError) -> Self {
        Self::new(error.to_string()).hint(error.hint())
    }
}
