//! `bootstrap`: what a script is handed over, made so.

use std::fs::File;
use std::io::{Read as _, stdin};
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::json;
use zeroize::Zeroizing;

use super::args::Bootstrap;
use super::setup_git;
use super::{Room, print};
use crate::bootstrap::{
    DOCUMENT_LIMIT, Given, HostReport, Options, bootstrap, read_document, read_variables,
};
#[cfg(unix)]
use crate::bootstrap::{account, run_as, write_document};
use crate::clock;
use crate::net::Network;
use crate::report::{Exit, Failure, escape, stderr};

pub(super) fn run(args: &Bootstrap) -> Exit {
    try_run(args).unwrap_or_else(|failure| {
        say("", &failure);
        failure.exit
    })
}

fn try_run(args: &Bootstrap) -> Result<Exit, Failure> {
    let given = given(args)?;
    #[cfg(unix)]
    if let Some(name) = &args.user
        && let Some(user) = account(name)?
    {
        let flags = [("--offline", args.offline), ("--prune", args.prune), ("--json", args.json)];
        let flags: Vec<_> = flags.iter().filter(|(_, set)| *set).map(|(flag, _)| *flag).collect();
        return run_as(&user, &write_document(&given), &flags);
    }
    here(args, &given)
}

fn here(args: &Bootstrap, given: &Given) -> Result<Exit, Failure> {
    let room = Room::enter()?;
    let file = room.paths.writable_integrations();
    let options = Options { offline: args.offline, prune: args.prune };
    let reports = bootstrap(given, options, &room.paths, &file, &room.vault, &Network)?;
    // Where nothing came of anything, git goes on as it was.
    let git =
        reports.iter().any(|report| report.failure.is_none()).then(|| setup_git::configure(&room));
    tell(args, &reports, git.as_ref())?;
    let of_git = match &git {
        Some(Ok(report)) => report.exit(),
        Some(Err(failure)) => failure.exit,
        None => Exit::Done,
    };
    // The first that went wrong tells what to do first.
    let exits = reports.iter().map(HostReport::exit).chain([of_git]);
    Ok(exits.into_iter().find(|exit| *exit != Exit::Done).unwrap_or(Exit::Done))
}

fn tell(
    args: &Bootstrap,
    reports: &[HostReport],
    git: Option<&Result<crate::git::setup::Report, Failure>>,
) -> Result<(), Failure> {
    if args.json {
        let git = git.map(|git| match git {
            Ok(report) => json!({
                "ok": report.following.is_empty(),
                "changed": report.changed,
                "file": report.file,
                "conflicts": report.following.iter().map(ToString::to_string).collect::<Vec<_>>(),
            }),
            Err(failure) => json!({
                "ok": false,
                "changed": false,
                "error": { "text": failure.message.text, "hint": failure.message.hint },
            }),
        });
        let hosts: Vec<_> = reports.iter().map(HostReport::json).collect();
        return print::document(json!({ "hosts": hosts, "git": git }));
    }
    for report in reports {
        match (report.line(), &report.failure) {
            (Some(line), _) => print::line(&line)?,
            (None, Some(failure)) => say(&format!("{}: ", report.host), failure),
            (None, None) => {}
        }
    }
    match git {
        None => {}
        Some(Ok(report)) => {
            let file = report.file.display();
            print::line(&if report.changed {
                format!("git: asks this program now ({file})")
            } else {
                format!("git: nothing to change ({file})")
            })?;
            for origin in &report.following {
                say(
                    "git: ",
                    &Failure::new(format!("it still obeys {origin}"))
                        .hint("git-credential-ona-azure setup-git --replace"),
                );
            }
        }
        Some(Err(failure)) => say("git: ", failure),
    }
    Ok(())
}

/// One line: in the log of a script that starts a machine there are many.
fn say(place: &str, failure: &Failure) {
    let hint = failure.message.hint.as_ref().map(|hint| format!("; {hint}")).unwrap_or_default();
    stderr(&format!("error: {}\n", escape(&format!("{place}{}{hint}", failure.message.text))));
}

fn given(args: &Bootstrap) -> Result<Given, Failure> {
    let now = clock::now();
    if let Some(from) = &args.from {
        return read_document(&document(from)?, now);
    }
    let deadline = Instant::now() + args.wait.unwrap_or(Duration::ZERO);
    read_variables(&|name| std::env::var(name).ok(), deadline, now)
}

fn document(from: &Path) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(DOCUMENT_LIMIT + 1));
    let limit = DOCUMENT_LIMIT as u64 + 1;
    let read = if from == Path::new("-") {
        stdin().lock().take(limit).read_to_end(&mut bytes)
    } else {
        File::open(from).and_then(|file| file.take(limit).read_to_end(&mut bytes))
    };
    read.map_err(|error| {
        Failure::new(format!("{} cannot be read: {error}", from.display())).exit(Exit::Usage)
    })?;
    if bytes.len() > DOCUMENT_LIMIT {
        return Err(Failure::new("the document is longer than 1 MiB").exit(Exit::Usage));
    }
    Ok(bytes)
}
