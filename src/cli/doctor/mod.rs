//! `doctor`: what is wrong, at which step, and what to do.

mod command;
mod document;
mod report;
mod text;

use super::args::Doctor;
use super::{Room, print, setup_git};
use crate::azure::{RemotePath, RemoteUrl, VirtualDirectory, somebody_elses};
use crate::doctor::{
    About, Examined, Fault, Hidden, Target, code, conclusion, examine, mask, not_looked, root,
    sections, target,
};
use crate::report::{Exit, Failure};
use report::Destination;

pub(super) fn run(args: &Doctor) -> Result<Exit, Failure> {
    if let Some((name, fault)) = args.url.as_deref().and_then(code) {
        return explain(args, &name, &fault);
    }
    let room = match Room::enter() {
        Err(failure) if args.json => return no_room(args, failure),
        entered => entered?,
    };
    let url = match &args.url {
        None => None,
        Some(url) => Some(target(url, false).map_err(|error| {
            Failure::new(error.to_string())
                .hint("write it as https://dev.azure.com/ORGANIZATION, or https://SERVER")
                .exit(Exit::Usage)
        })?),
    };
    let report = args.report.as_ref().map(|path| Destination::of(path, args.force)).transpose()?;
    if args.json && matches!(report, Some(Destination::Stdout)) {
        return Err(Failure::new("two documents on one standard output")
            .hint("name a file: --report FILE")
            .exit(Exit::Usage));
    }
    let command = command_line(args, url.as_ref());
    let helper = setup_git::this_program()?;
    let found = examine(room.paths.clone(), helper.clone(), url, args.refresh);
    // Of what is kept now: looking may have renewed it.
    let hidden = Hidden::here(&room.paths);
    let mut all = hidden.examined(found.clone());
    let mut command = hidden.from(&command);
    let failed = root(&all).is_some();
    let mut sections = match report {
        Some(_) => sections(&room.paths, &helper, &About::here(&all), &all, &hidden),
        None => Vec::new(),
    };
    if args.mask {
        // Of what is hidden beside a secret, a name may be met elsewhere.
        let mut mask = mask(&room.paths, &found);
        let lines = || sections.iter().flat_map(|section| &section.lines);
        lines().for_each(|line| mask.learn(line));
        all = mask.examined(&all);
        command = mask.apply(&command);
        for line in sections.iter_mut().flat_map(|section| &mut section.lines) {
            *line = mask.apply(line);
        }
    }
    if !matches!(report, Some(Destination::Stdout)) {
        show(&all, Some(&conclusion(&all)), args.json)?;
    }
    if let Some(destination) = report {
        destination.write(&report::render(&command, args.mask, &all, &sections))?;
    }
    let lacks = failed && is_unconfigured(&room, args.url.as_deref());
    Ok(match (failed, lacks) {
        (true, true) => Exit::NotConfigured,
        (true, false) => Exit::Failed,
        (false, _) => Exit::Done,
    })
}

/// Whether there is no integration for what was asked about (US01).
fn is_unconfigured(room: &Room, url: Option<&str>) -> bool {
    let Ok(integrations) = room.integrations() else { return false };
    let Some(url) = url.and_then(|url| RemoteUrl::parse(url).ok()) else {
        return integrations.all().is_empty();
    };
    let path = url.path.as_deref().map(str::as_bytes);
    let cloud = url.place.is_cloud();
    let organization = RemotePath::of(&url.place, &VirtualDirectory::default(), path).organization;
    let organization = organization.filter(|_| cloud);
    // A mere word, or another service's host, is no host that could be configured.
    let host = &url.place.authority().host;
    let could_be = cloud || (host.contains(['.', ':']) && somebody_elses(host).is_none());
    could_be && integrations.of_place(&url.place, organization.as_ref()).is_none()
}

/// Where nothing can be looked at, scripts get a document all the same, with the reason as its only
/// check.
fn no_room(args: &Doctor, failure: Failure) -> Result<Exit, Failure> {
    let unwritten = args.report.is_some().then(|| failure.clone());
    let all = [not_looked(failure)];
    show(&all, Some(&conclusion(&all)), true)?;
    unwritten.map_or(Ok(Exit::Failed), Err)
}

/// What a code means: nothing is looked at.
fn explain(args: &Doctor, name: &str, fault: &Fault) -> Result<Exit, Failure> {
    if args.json || args.refresh || args.mask || args.report.is_some() {
        return Err(Failure::new(format!("{name} is a code, which is only explained"))
            .hint(format!("git-credential-ona-azure doctor {name}"))
            .exit(Exit::Usage));
    }
    let meaning = match (fault.what.as_str(), fault.step) {
        ("", _) => "is not known here".to_owned(),
        (cause, Some(step)) => format!("means, at {step}: {cause}"),
        (cause, None) => format!("means: {cause}"),
    };
    print::line(&format!("{name} {meaning}; what to do: {}", fault.fix))?;
    Ok(Exit::Done)
}

/// Prints what was looked at, and the sentence it ends in unless that is said elsewhere.
pub(super) fn show(all: &[Examined], conclusion: Option<&str>, json: bool) -> Result<(), Failure> {
    match json {
        true => print::document(document::document(all, conclusion, &About::here(all))),
        false => print::bytes(text::render(all, conclusion, text::Style::for_stdout()).as_bytes()),
    }
}

/// As it was typed, but for a password in the address.
fn command_line(args: &Doctor, url: Option<&Target>) -> String {
    let flags = [(args.refresh, "--refresh"), (args.json, "--json"), (args.mask, "--mask")];
    let flags = flags.into_iter().filter(|(given, _)| *given).map(|(_, flag)| flag.to_owned());
    let name = format!("{} doctor", crate::paths::NAME);
    let words = std::iter::once(name).chain(url.map(Target::url)).chain(flags);
    words.collect::<Vec<_>>().join(" ")
}
