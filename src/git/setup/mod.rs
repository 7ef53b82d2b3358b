//! Puts our helper into git's configuration, and takes it out again.
//!
//! The file is edited as text and not with a row of `git config` commands: those cannot move a
//! section to the end of a file, leave headers behind, and can be interrupted half way. git still
//! has the last word: it reads the file before and the new text after, and unless exactly our
//! settings differ, nothing is written.

mod document;
mod edit;
mod effective;
mod examine;
mod file;
mod helper_value;
pub mod redact;
mod report;
mod url_pattern;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use document::Document;
use edit::{Plan, Wanted};
pub use effective::ENVIRONMENT;
use effective::Effective;
pub use examine::{Examination, Rewrite, Setting, examine, relevant};
pub use report::{Origin, Report};

use super::Git;
use crate::report::Failure;

/// The first git that knows `http.proactiveAuth`.
pub const PROACTIVE_SINCE: (u32, u32) = (2, 46);

/// A host whose credentials git shall ask us for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// As in the section's header: `https://dev.azure.com`, `https://*.visualstudio.com`,
    /// `https://tfs.example:8443`.
    pub url: String,
    /// Set `useHttpPath`, without which a helper is not told the organization.
    pub use_http_path: bool,
    /// Set `http.URL.proactiveAuth = basic`, where git knows it.
    pub proactive: bool,
}

/// Whose configuration is changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    /// The user's.
    #[default]
    Global,
    /// The machine's.
    System,
    /// The repository's around the current directory, whatever `GIT_DIR` says.
    Local,
}

/// How it is changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Whose configuration.
    pub scope: Scope,
    /// Move our sections to the end of the file if another helper follows them.
    pub replace: bool,
}

/// Makes git ask the program at `helper`, and no other, for the credentials of `targets`. Changes
/// nothing where that is so already.
pub fn set_up(
    git: &Git,
    helper: &Path,
    targets: &[Target],
    options: &Options,
) -> Result<Report, Failure> {
    let value = helper_value::value(helper)?;
    let knows_proactive = git.version().is_some_and(|version| version >= PROACTIVE_SINCE);
    let wanted = targets
        .iter()
        .map(|target| {
            // What goes between the quotes of a header must not end them.
            if target.url.chars().any(|c| !c.is_ascii_graphic() || c == '"' || c == '\\') {
                return Err(Failure::new(format!("`{}` is not a URL", target.url)));
            }
            let (url, use_http_path) = (target.url.clone(), target.use_http_path);
            Ok(Wanted { url, use_http_path, proactive: target.proactive && knows_proactive })
        })
        .collect::<Result<Vec<_>, _>>()?;
    let file = file::locate(git, options.scope)?;
    let to_end = options.replace && {
        let entries = effective(git, options.scope)?;
        let follows = |want: &Wanted| {
            let verdict = effective::judge(&entries, &want.url, want.use_http_path, &value);
            !verdict.following.is_empty()
        };
        wanted.iter().any(follows)
    };
    let plan = change(git, &file, &value, |doc| edit::set_up(doc, &wanted, &value, to_end))?;
    judge(git, options.scope, Report::new(file, plan), &wanted, &value)
}

/// Removes what `set_up` added in this scope, and names what else there runs this program.
pub fn undo(git: &Git, helper: &Path, scope: Scope) -> Result<Report, Failure> {
    let value = helper_value::value(helper)?;
    let file = file::locate(git, scope)?;
    let plan = change(git, &file, &value, |doc| edit::undo(doc, &value))?;
    let settings = file::settings(git, &plan.text).unwrap_or_default();
    let by_hand = Document::new(&plan.text, &settings).map_or_else(Vec::new, |doc| {
        let origin = |(key, entry): (&str, &document::Entry)| Origin {
            key: format!("{key}.{}", entry.name),
            value: helper_value::shown(&entry.value),
            file: file.clone(),
            line: Some(doc.line(entry)),
        };
        edit::by_hand(&doc, &value).into_iter().map(origin).collect()
    });
    if scope != Scope::Local && plan.text.is_empty() && !plan.lines.is_empty() {
        remove_empty(&file);
    }
    Ok(Report { by_hand, ..Report::new(file, plan) })
}

/// Removes a file that holds nothing any more, as before it was made. A link is somebody's own, and leads
/// somewhere; that it cannot be removed is no failure.
fn remove_empty(file: &Path) {
    let is_empty = |found: std::fs::Metadata| found.is_file() && found.len() == 0;
    if file.symlink_metadata().is_ok_and(is_empty) {
        let _ = std::fs::remove_file(file);
    }
}

/// Plans on what the file says, has git check the plan, and writes it. Starts over if another
/// process was faster.
fn change(
    git: &Git,
    file: &Path,
    value: &str,
    plan: impl Fn(&Document) -> Plan,
) -> Result<Plan, Failure> {
    for _ in 0..5 {
        let old = file::read(file)?;
        let settings = file::settings(git, &old).map_err(|why| {
            Failure::new(format!("git cannot read {}: {why}", file.display()))
                .hint("mend the file, then run setup-git again")
        })?;
        let by_hand = || {
            Failure::new(format!(
                "{} is written in a way setup-git does not understand; nothing was changed",
                file.display()
            ))
            .hint("run `git config --list --show-origin` to see how git reads it")
        };
        let before = Document::new(&old, &settings).ok_or_else(by_hand)?;
        let plan = plan(&before);
        if plan.text == old {
            return Ok(plan);
        }
        let settings = file::settings(git, &plan.text).map_err(|_| by_hand())?;
        let after = Document::new(&plan.text, &settings).ok_or_else(by_hand)?;
        if !same(&before, &after, value) {
            return Err(by_hand());
        }
        if file::replace(file, &old, &plan.text)? {
            return Ok(plan);
        }
    }
    Err(Failure::new(format!("{} changes all the time; nothing was changed", file.display()))
        .hint("run setup-git again"))
}

/// Whether two texts agree in everything that is not ours.
fn same(before: &Document, after: &Document, value: &str) -> bool {
    let (before, after) = (edit::foreign(before, value), edit::foreign(after, value));
    before.len() == after.len()
        && before.iter().zip(&after).all(|((key, entry), (other_key, other))| {
            key == other_key && entry.name == other.name && entry.value == other.value
        })
}

/// Reads back what git does now.
fn judge(
    git: &Git,
    scope: Scope,
    mut report: Report,
    wanted: &[Wanted],
    value: &str,
) -> Result<Report, Failure> {
    let entries = effective(git, scope)?;
    let (mut displaced, mut following) = (BTreeSet::new(), BTreeSet::new());
    for want in wanted {
        let verdict = effective::judge(&entries, &want.url, want.use_http_path, value);
        if !verdict.asked && verdict.following.is_empty() {
            return Err(Failure::new(format!(
                "{} is set up, but git does not read it, so {} is not covered",
                report.file.display(),
                want.url
            ))
            .hint("unset GIT_CONFIG_NOSYSTEM, GIT_CONFIG_SYSTEM and GIT_CONFIG_GLOBAL, or choose another scope"));
        }
        displaced.extend(verdict.displaced);
        following.extend(verdict.following);
    }
    let origins = |places: BTreeSet<usize>| -> Vec<Origin> {
        places.into_iter().map(|at| origin(&entries[at])).collect()
    };
    report.displaced = origins(displaced);
    report.following = origins(following);
    match scope {
        Scope::Local => {}
        Scope::Global | Scope::System => {
            match of_this_repository(git, &entries, wanted, value)? {
                Some(found) => report.following.extend(found),
                // Which repositories they count in, only those repositories tell.
                None => {
                    let conditional =
                        entries.iter().filter(|one| one.key.starts_with("includeif."));
                    report.conditional = conditional.map(origin).collect();
                }
            }
        }
    }
    Ok(report)
}

/// What comes in our way in the repository around the current directory, from files that are included
/// under a condition (`includeIf`): git itself says whether it holds. What the repository's own file says
/// is its own business. `None` outside every repository.
fn of_this_repository(
    git: &Git,
    everywhere: &[Effective],
    wanted: &[Wanted],
    value: &str,
) -> Result<Option<Vec<Origin>>, Failure> {
    let Some(own) = git_directory(git.command()) else { return Ok(None) };
    let entries = effective(git, Scope::Local)?;
    let entries: Vec<_> =
        entries.into_iter().filter(|entry| !entry.file.starts_with(&own)).collect();
    let mut following = BTreeSet::new();
    for want in wanted {
        following
            .extend(effective::judge(&entries, &want.url, want.use_http_path, value).following);
    }
    let known = |at: &usize| everywhere.iter().any(|one| one.file == entries[*at].file);
    let only_here = following.into_iter().filter(|at| !known(at));
    Ok(Some(only_here.map(|at| origin(&entries[at])).collect()))
}

/// Where the files of the repository around the current directory are.
fn git_directory(mut command: Command) -> Option<PathBuf> {
    let output =
        command.args(["rev-parse", "--path-format=absolute", "--git-common-dir"]).output().ok()?;
    let path = String::from_utf8(output.stdout).ok()?;
    let path = path.trim_end_matches('\n');
    (output.status.success() && !path.is_empty()).then(|| path.into())
}

/// The configuration that this scope is part of: outside every repository, unless it is one's own.
fn effective(git: &Git, scope: Scope) -> Result<Vec<Effective>, Failure> {
    match scope {
        Scope::Global | Scope::System => effective::read(git.outside(), Path::new("/")),
        Scope::Local => {
            // git names the files of a repository relative to the top of its work tree.
            let here =
                git.directory().map_err(|err| Failure::new(format!("no directory: {err}")))?;
            let top = top_level(git.command()).unwrap_or(here);
            effective::read(git.clone().in_directory(&top).command(), &top)
        }
    }
}

fn top_level(mut command: Command) -> Option<PathBuf> {
    let output = command.args(["rev-parse", "--show-toplevel"]).output().ok()?;
    let path = String::from_utf8(output.stdout).ok()?;
    let path = path.trim_end_matches('\n');
    (output.status.success() && !path.is_empty()).then(|| path.into())
}

/// Finds the line of a setting in its file.
fn origin(entry: &Effective) -> Origin {
    if entry.file == Path::new(ENVIRONMENT) {
        let (key, value) = (entry.key.clone(), helper_value::shown(&entry.value));
        return Origin { key, value, file: entry.file.clone(), line: None };
    }
    let lines = file::read(&entry.file).map(|text| document::lines(&text)).unwrap_or_default();
    // A file that is included twice is listed twice.
    let found = entry.nth.checked_rem(lines.len()).map(|nth| &lines[nth]);
    Origin {
        key: entry.key.clone(),
        value: helper_value::shown(&entry.value),
        file: entry.file.clone(),
        line: found.filter(|(key, _)| *key == entry.key).map(|(_, line)| *line),
    }
}
