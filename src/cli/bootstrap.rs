//! `bootstrap`: what a script is handed over, made so.

use std::time::{Duration, Instant};

use serde_json::json;

use super::args::Bootstrap;
use super::setup_git;
use super::{Room, print};
use crate::bootstrap::{
    Change, Done, Given, HostReport, Options, bootstrap, load_document, read_document,
    read_variables,
};
#[cfg(unix)]
use crate::bootstrap::{account, run_as, write_document};
use crate::clock;
use crate::net::Network;
use crate::report::{Exit, Failure, escape, stderr};

pub(super) fn run(args: &Bootstrap) -> Exit {
    try_run(args).unwrap_or_else(|failure| {
        say("", &failure);
        if args.json {
            let error = json!({
                "text": failure.message.text,
                "hint": failure.message.hint,
                "exit": failure.exit as u8,
            });
            let _ = print::document(json!({ "hosts": [], "git": null, "error": error }));
        }
        failure.exit
    })
}

fn try_run(args: &Bootstrap) -> Result<Exit, Failure> {
    let given = given(args)?;
    super::integration::tell_skipped(&given);
    for unknown in crate::variables::unknown() {
        warn("", &Failure::new(unknown.sentence()));
    }
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
    let done = bootstrap(given, options, &room.paths, &file, &room.vault, &Network)?;
    let reports = &done.hosts;
    // Where nothing came of anything, git goes on as it was.
    let git =
        reports.iter().any(|report| report.failure.is_none()).then(|| setup_git::configure(&room));
    tell(args, &done, git.as_ref())?;
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
    done: &Done,
    git: Option<&Result<crate::git::setup::Report, Failure>>,
) -> Result<(), Failure> {
    let Done { hosts: reports, runner_name, .. } = done;
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
        return print::document(json!({
            "hosts": hosts,
            "runnerName": runner_name.word(),
            "git": git,
        }));
    }
    if reports.is_empty() {
        print::line("nothing to change")?;
    }
    for report in reports {
        match (report.line(), &report.failure) {
            (Some(line), _) => print::line(&line)?,
            (None, Some(failure)) => say(&format!("{}: ", report.host), failure),
            (None, None) => {}
        }
        if let Some(warning) = &report.warning {
            warn(&format!("{}: ", report.host), warning);
        }
    }
    if *runner_name != Change::Unchanged {
        print::line(&format!("runner name: {}", runner_name.word()))?;
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

fn warn(place: &str, failure: &Failure) {
    say_as("warning", place, failure);
}

/// One line: in the log of a script that starts a machine there are many.
fn say(place: &str, failure: &Failure) {
    say_as("error", place, failure);
}

fn say_as(word: &str, place: &str, failure: &Failure) {
    let hint = failure.message.hint.as_ref().map(|hint| format!("; {hint}")).unwrap_or_default();
    stderr(&format!("{word}: {}\n", escape(&format!("{place}{}{hint}", failure.message.text))));
}

fn given(args: &Bootstrap) -> Result<Given, Failure> {
    let now = clock::now();
    let deadline = Instant::now() + args.wait.unwrap_or(Duration::ZERO);
    let given = match &args.from {
        Some(from) => read_document(&load_document(from, deadline)?, now)?,
        None => read_variables(&|name| std::env::var_os(name), deadline, now)?,
    };
    if given.hosts.is_empty() && !args.prune {
        return Err(Failure::new("the document holds no integrations")
            .hint("name some, or take away all that bootstrap brought: git-credential-ona-azure bootstrap --prune --from FILE")
            .exit(Exit::Usage));
    }
    Ok(given)
}
