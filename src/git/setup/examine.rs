//! What git would do for one URL, told to whoever wants to know why.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::effective::Effective;
use super::helper_value::is_ours;
use super::url_pattern::UrlPattern;
use super::{Origin, Scope, effective as read_effective, helper_value, origin};
use crate::git::Git;
use crate::report::Failure;

/// What git's configuration means for a URL.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Examination {
    /// The setting that has git ask us; `None` if git does not.
    pub asked: Option<Origin>,
    /// The program that setting runs, where it says an absolute path.
    pub program: Option<PathBuf>,
    /// Other helpers, which git asks first.
    pub before: Vec<Origin>,
    /// Other helpers, which are given our token to keep.
    pub after: Vec<Origin>,
    /// What drops our helper again.
    pub dropped_by: Option<Origin>,
    /// Whether git says the path, and with it the organization.
    pub use_http_path: bool,
    /// A header of git's own that says who is asking, in the place of any helper.
    pub authorization: Option<Origin>,
    /// What becomes of the URL.
    pub rewritten: Option<Rewrite>,
    /// `http.proactiveAuth`.
    pub proactive: Option<String>,
}

/// `url.<base>.insteadOf`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rewrite {
    /// The setting. Its key may hold a password and is not to be shown.
    pub file: PathBuf,
    /// The line in the file, where it could be found.
    pub line: Option<usize>,
    /// What the URL becomes.
    pub url: String,
}

/// Looks. With `local`, the configuration of the repository around the current directory counts
/// too. `url` is one without a secret.
///
/// # Errors
/// If git cannot read its configuration.
pub fn examine(git: &Git, local: bool, helper: &Path, url: &str) -> Result<Examination, Failure> {
    let value = helper_value::value(helper)?;
    let scope = if local { Scope::Local } else { Scope::Global };
    let entries = read_effective(git, scope)?;
    let mut found = judge(&entries, url, &value);
    let command = || if local { git.command() } else { git.outside() };
    let one = |kind: &str, key: &str| {
        url_match(command(), kind, key, url).filter(|value| !value.is_empty())
    };
    found.use_http_path =
        one("--type=bool", "credential.useHttpPath").is_some_and(|value| value == "true");
    found.proactive = one("--no-type", "http.proactiveAuth");
    Ok(found)
}

fn url_match(mut command: Command, kind: &str, key: &str, url: &str) -> Option<String> {
    let output = command.args(["config", kind, "--get-urlmatch", key, url]).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim_end_matches('\n').to_owned())
}

/// As git goes through its configuration: an empty value drops what was said before.
fn judge(entries: &[Effective], url: &str, helper: &str) -> Examination {
    let mut found = Examination::default();
    let (mut others, mut ours): (Vec<usize>, Option<usize>) = Default::default();
    let mut dropped: Option<usize> = None;
    let mut header: Option<usize> = None;
    let mut rewrite: Option<(usize, &str)> = None;
    for (at, entry) in entries.iter().enumerate() {
        match entry.parts("credential") {
            Some((section, "helper")) if speaks_of(section, url) => {
                if entry.value.is_empty() {
                    others.clear();
                    dropped = ours.take().map(|_| at).or(dropped);
                } else if is_ours(&entry.value, helper) {
                    ours = ours.or(Some(at));
                    dropped = None;
                } else {
                    others.push(at);
                }
            }
            _ => {}
        }
        match entry.parts("http") {
            Some((section, "extraheader")) if speaks_of(section, url) => {
                if entry.value.is_empty() {
                    header = None;
                } else if entry.value.trim().eq_ignore_ascii_case("authorization") {
                    header = Some(at);
                }
            }
            _ => {}
        }
        if let Some((Some(_), "insteadof")) = entry.parts("url")
            && url.starts_with(&entry.value)
            // The longest one counts.
            && rewrite.is_none_or(|(_, longest)| longest.len() < entry.value.len())
        {
            rewrite = Some((at, &entry.value));
        }
    }
    found.asked = ours.map(|at| origin(&entries[at]));
    found.program = ours.and_then(|at| program(&entries[at].value));
    found.dropped_by = dropped.map(|at| origin(&entries[at]));
    let (before, after): (Vec<_>, Vec<_>) =
        others.into_iter().partition(|at| ours.is_none_or(|ours| *at < ours));
    let origins = |places: Vec<usize>| places.iter().map(|at| origin(&entries[*at])).collect();
    (found.before, found.after) = (origins(before), origins(after));
    found.authorization = header.map(|at| origin(&entries[at]));
    found.rewritten = rewrite.and_then(|(at, prefix)| {
        let (base, _) = entries[at].parts("url")?;
        let place = origin(&entries[at]);
        let url = format!("{}{}", base?, &url[prefix.len()..]);
        Some(Rewrite { file: place.file, line: place.line, url })
    });
    found
}

/// Whether a section speaks of a URL: of all of its host, or of a path that it begins with.
fn speaks_of(section: Option<&str>, url: &str) -> bool {
    let Some(section) = section else { return true };
    let pattern = UrlPattern::parse(section);
    if !pattern.overlaps(&UrlPattern::parse(url)) {
        return false;
    }
    let path = |url: &str| {
        let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
        rest.split_once('/').map_or("", |(_, path)| path).trim_end_matches('/').to_owned()
    };
    let (theirs, ours) = (path(section), path(url));
    !pattern.is_narrow()
        || ours.strip_prefix(&theirs).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        || theirs.is_empty()
}

/// The program a helper's value runs, if that is an absolute path and nothing else.
fn program(value: &str) -> Option<PathBuf> {
    let bare: String = value.trim_start_matches('!').replace('\\', "");
    let path = PathBuf::from(bare.trim_matches(['\'', '"']));
    path.is_absolute().then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: &str = "/usr/bin/git-credential-ona-azure";
    const URL: &str = "https://dev.azure.com/contoso/app/_git/app";

    fn found(lines: &[(&str, &str)]) -> Examination {
        let entry = |(nth, (key, value)): (usize, &(&str, &str))| Effective {
            file: "/nonexistent".into(),
            nth,
            key: (*key).to_owned(),
            value: (*value).to_owned(),
        };
        let entries: Vec<_> = lines.iter().enumerate().map(entry).collect();
        judge(&entries, URL, OURS)
    }

    fn values(origins: &[Origin]) -> Vec<&str> {
        origins.iter().map(|origin| &*origin.value).collect()
    }

    #[test]
    fn helpers_before_and_after_ours_are_told_apart() {
        let found = found(&[
            ("credential.helper", "dropped"),
            ("credential.helper", ""),
            ("credential.helper", "first"),
            ("credential.https://dev.azure.com.helper", OURS),
            ("credential.https://github.com.helper", "elsewhere"),
            ("credential.https://dev.azure.com/fabrikam.helper", "elsewhere"),
            ("credential.https://dev.azure.com/contoso.helper", "last"),
        ]);
        assert_eq!(values(&found.before), ["first"]);
        assert_eq!(values(&found.after), ["last"]);
        assert_eq!(found.program, Some(PathBuf::from(OURS)));
    }

    #[test]
    fn an_empty_helper_after_ours_drops_it() {
        let found = found(&[("credential.helper", OURS), ("credential.helper", "")]);
        assert_eq!(found.asked, None);
        assert!(found.dropped_by.is_some());
    }

    #[test]
    fn a_header_that_says_who_asks_is_found_unless_it_is_dropped() {
        let header = ("http.https://dev.azure.com/.extraheader", "AUTHORIZATION");
        assert!(found(&[header]).authorization.is_some());
        assert_eq!(found(&[header, ("http.extraheader", "")]).authorization, None);
        assert_eq!(found(&[("http.extraheader", "X-Any")]).authorization, None);
    }

    #[test]
    fn the_longest_rewrite_counts() {
        let rewrites = [
            ("url.https://short/.insteadof", "https://dev.azure.com/"),
            ("url.https://long/.insteadof", "https://dev.azure.com/contoso/"),
            ("url.https://other/.insteadof", "https://github.com/"),
        ];
        let rewritten = found(&rewrites).rewritten.expect("rewritten");
        assert_eq!(rewritten.url, "https://long/app/_git/app");
    }
}
