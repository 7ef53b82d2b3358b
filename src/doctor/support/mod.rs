//! What whoever is asked for help wants to know beside what was found: the machine, what is
//! configured and kept, what the environment says. No secret: of what is kept there is only when
//! and for what it was issued.

mod environment;
mod hidden;
mod kept;

use std::io::IsTerminal as _;
use std::path::Path;

use super::code::names_code;
use super::{About, Examined, Outcome};
use crate::git::setup::Origin;
use crate::git::{Git, setup};
use crate::integration::Integrations;
use crate::paths::Paths;
use crate::vault::Vault;
pub use hidden::Hidden;

/// A heading, and what stands below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// The heading.
    pub title: &'static str,
    /// A line each.
    pub lines: Vec<String>,
}

/// All there is to say, in the order in which it is asked for.
pub fn sections(
    paths: &Paths,
    helper: &Path,
    about: &About,
    all: &[Examined],
    hidden: &Hidden,
) -> Vec<Section> {
    let vault = Vault::new(paths.state.clone(), paths.mounted_key.clone());
    let integrations = Integrations::load(paths).unwrap_or_default();
    let section = |title, lines: Vec<String>| Section {
        title,
        lines: lines.iter().map(|line| hidden.from(line)).collect(),
    };
    vec![
        section("Machine", machine(helper, about)),
        section("git's configuration", configuration(all)),
        section("Integrations", kept::integrations(&integrations)),
        section("Sign-ins", kept::sign_ins(&integrations, &vault)),
        section("Personal access tokens", kept::tokens(&integrations, &vault)),
        section("Files", kept::files(paths)),
        section("Environment", environment::of_process()),
        section("Requests that failed", requests(all)),
    ]
}

fn machine(helper: &Path, about: &About) -> Vec<String> {
    let kernel = about.kernel.as_deref().unwrap_or("unknown");
    let git = about.git.as_deref().unwrap_or("none");
    let found = Git::find().map_or_else(String::new, |git| format!(" in {}", git.path().display()));
    let terminal = [
        ("input", std::io::stdin().is_terminal()),
        ("output", std::io::stdout().is_terminal()),
        ("errors", std::io::stderr().is_terminal()),
    ];
    let terminals: Vec<_> =
        terminal.into_iter().filter(|(_, is)| *is).map(|(name, _)| name).collect();
    let or_none = |words: Vec<&str>| match words.is_empty() {
        true => "none".to_owned(),
        false => words.join(", "),
    };
    let lines = [
        format!("program: {} {} in {}", crate::paths::NAME, about.version, helper.display()),
        format!("date: {}", about.date),
        format!("system: {}", about.os),
        format!("kernel: {kernel}"),
        format!("architecture: {}", about.architecture),
        format!("git: {git}{found}"),
        format!("surroundings: {}", or_none(about.surroundings.clone())),
        format!("terminals: {}", or_none(terminals)),
    ];
    lines.into_iter().chain(runs_as()).collect()
}

#[cfg(unix)]
fn runs_as() -> Option<String> {
    let root = rustix::process::geteuid().is_root();
    Some(format!("runs as: {}", if root { "root" } else { "an account like any other" }))
}

#[cfg(not(unix))]
fn runs_as() -> Option<String> {
    None
}

/// The settings that have a say for what was looked at, each once.
fn configuration(all: &[Examined]) -> Vec<String> {
    let Some(git) = Git::find() else { return Vec::new() };
    let mut lines = Vec::new();
    for url in all.iter().filter_map(|examined| examined.url.as_deref()) {
        match setup::relevant(&git, true, url) {
            Ok(origins) => lines.extend(origins.iter().map(setting)),
            Err(failure) => lines.push(failure.message.text),
        }
    }
    let mut seen = std::collections::BTreeSet::new();
    lines.retain(|line| seen.insert(line.clone()));
    lines
}

/// As it stands in a file: so nobody takes the setting's name for the end of an address.
fn setting(origin: &Origin) -> String {
    let section = match origin.parts() {
        (section, Some(subsection), name) => format!("[{section} \"{subsection}\"] {name}"),
        (section, None, name) => format!("[{section}] {name}"),
    };
    format!("{}: {section} = {}", origin.place(), origin.value)
}

/// How the IDs are called by which support finds a request in the services' own logs.
const IDS: &[&str] = &["correlation ID", "request ID", "activity ID", "trace ID"];

/// What the services said of requests. An ID may stand where it is said whom to show it to.
fn requests(all: &[Examined]) -> Vec<String> {
    let tells = |text: &&str| names_code(text) || IDS.iter().any(|id| text.contains(id));
    let said = all.iter().flat_map(|examined| &examined.checks).filter_map(|done| {
        let Outcome::Failed(fault) = &done.outcome else { return None };
        let fix = Some(&*fault.fix).filter(tells);
        let told = fix.is_some() || tells(&&*fault.what);
        let fix = fix.map_or_else(String::new, |fix| format!("; what to do: {fix}"));
        told.then(|| format!("{}: {}{fix}", done.name, fault.what))
    });
    said.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Done;

    #[test]
    fn every_request_that_a_service_names_is_told_of() {
        for (what, fix, told) in [
            ("VS800075: there is no such project", "look", Some("there is no such project")),
            ("VS30063: not accepted", "look", Some("VS30063")),
            ("TF401019: no repository", "look", Some("TF401019")),
            ("AADSTS50173: over (trace ID 1)", "look", Some("(trace ID 1)")),
            ("it answers 500", "show support the activity ID 0a-1", Some("activity ID 0a-1")),
            ("nobody is signed in", "sign in", None),
            ("XTF401019", "", None),
        ] {
            let done = Done {
                id: "x",
                name: "the check",
                step: None,
                outcome: Outcome::failed(None, what, fix),
            };
            let lines = requests(&[Examined { url: None, checks: vec![done] }]);
            assert_eq!(lines.len(), usize::from(told.is_some()), "{what}: {lines:?}");
            assert!(told.is_none_or(|told| lines[0].contains(told)), "{lines:?}");
        }
    }
}
