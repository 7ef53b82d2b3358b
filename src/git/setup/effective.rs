//! Which helpers git asks for a host, all files taken together. Pure but for `read`.

use std::collections::HashMap;
use std::path::PathBuf;
use std::process::Command;

use super::helper_value::is_ours;
use super::url_pattern::UrlPattern;
use crate::report::{Failure, escape_bytes};

/// What stands in the place of a file for a setting that no file holds: git tells those of
/// `GIT_CONFIG_COUNT` and of `git -c` apart from files only (`--show-origin` says `command line:`).
pub const ENVIRONMENT: &str = "the environment, GIT_CONFIG_COUNT or git -c";

/// One setting of git's effective configuration about credentials, the network, addresses or
/// remotes, in git's order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Effective {
    /// The file that holds it.
    pub(super) file: PathBuf,
    /// Which setting of that file's it is, counting all of them.
    pub(super) nth: usize,
    /// Its key in git's canonical case.
    pub(super) key: String,
    pub(super) value: String,
}

impl Effective {
    /// The URL of its section, if it is in a section of that kind; `None` in an unscoped one. And
    /// its name.
    pub(super) fn parts(&self, section: &str) -> Option<(Option<&str>, &str)> {
        let rest = self.key.strip_prefix(section)?.strip_prefix('.')?;
        Some(rest.rsplit_once('.').map_or((None, rest), |(url, name)| (Some(url), name)))
    }
}

/// What git does for one host. The numbers are places in the effective configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Verdict {
    /// git asks our helper.
    pub(super) asked: bool,
    /// Helpers that git would ask if ours did not drop them.
    pub(super) displaced: Vec<usize>,
    /// What git does in spite of our section: other helpers it asks, or settings that drop ours.
    pub(super) following: Vec<usize>,
}

/// Lists the effective configuration. `command` decides for which repository, if any.
pub(super) fn read(
    mut command: Command,
    base: &std::path::Path,
) -> Result<Vec<Effective>, Failure> {
    let output = command
        .args(["config", "--null", "--show-origin", "--includes", "--list"])
        .output()
        .map_err(|err| Failure::new(format!("git cannot be run: {err}")))?;
    if !output.status.success() {
        let why = escape_bytes(output.stderr.trim_ascii());
        return Err(Failure::new(format!("git cannot read its configuration: {why}"))
            .hint("mend the file, then run setup-git again"));
    }
    let mut seen: HashMap<PathBuf, usize> = HashMap::new();
    let mut records = output.stdout.split(|byte| *byte == 0);
    let mut entries = Vec::new();
    while let (Some(origin), Some(setting)) = (records.next(), records.next()) {
        let file = match origin.strip_prefix(b"file:") {
            Some(file) => base.join(path(file)),
            None => ENVIRONMENT.into(),
        };
        let count = seen.entry(file.clone()).or_default();
        let nth = *count;
        *count += 1;
        let at = setting.iter().position(|byte| *byte == b'\n').unwrap_or(setting.len());
        let key = String::from_utf8_lossy(&setting[..at]).into_owned();
        let ours = ["credential.", "http.", "url.", "core.askpass", "remote.", "includeif."];
        if ours.iter().any(|beginning| key.starts_with(beginning)) {
            let value = setting.get(at + 1..).unwrap_or_default();
            let value = match key.ends_with(".extraheader") {
                // What follows the name of a header may well be a token.
                true => value.split(|byte| *byte == b':').next().unwrap_or_default(),
                false => value,
            };
            let value = String::from_utf8_lossy(value).into_owned();
            entries.push(Effective { file, nth, key, value });
        }
    }
    Ok(entries)
}

#[cfg(unix)]
fn path(bytes: &[u8]) -> PathBuf {
    use std::os::unix::ffi::OsStrExt as _;
    std::ffi::OsStr::from_bytes(bytes).into()
}

#[cfg(not(unix))]
fn path(bytes: &[u8]) -> PathBuf {
    String::from_utf8_lossy(bytes).into_owned().into()
}

/// Follows git through its configuration for the host of `url`: an empty helper drops those
/// before it, any other is added; the last `useHttpPath` counts.
pub(super) fn judge(entries: &[Effective], url: &str, paths: bool, helper: &str) -> Verdict {
    let target = UrlPattern::parse(url);
    let mut verdict = Verdict::default();
    let mut live: Vec<usize> = Vec::new();
    let mut drops: Vec<usize> = Vec::new();
    let mut no_path: Vec<usize> = Vec::new();
    for (at, entry) in entries.iter().enumerate() {
        let Some((section, name)) = entry.parts("credential") else { continue };
        let pattern = section.map(UrlPattern::parse);
        if pattern.as_ref().is_some_and(|pattern| !pattern.overlaps(&target)) {
            continue;
        }
        let covers = pattern.is_none_or(|pattern| pattern.covers(&target));
        match name {
            "helper" if entry.value.is_empty() => {
                if verdict.asked {
                    drops.push(at);
                }
                if covers {
                    verdict.asked = false;
                    verdict.displaced = std::mem::take(&mut live);
                }
            }
            "helper" if is_ours(&entry.value, helper) => {
                verdict.asked |= covers;
                if covers {
                    drops.clear();
                } else {
                    // A section of its own that drops us asks us again.
                    drops.retain(|dropped| entries[*dropped].key != entry.key);
                }
            }
            "helper" => live.push(at),
            "usehttppath" if !paths => {}
            "usehttppath" if !is_true(&entry.value) => no_path.push(at),
            "usehttppath" if covers => no_path.clear(),
            _ => {}
        }
    }
    verdict.following = [drops, live, no_path].concat();
    verdict.following.sort_unstable();
    verdict
}

/// A setting without `=` is true, and listed like an empty one.
fn is_true(value: &str) -> bool {
    matches!(value.to_ascii_lowercase().as_str(), "true" | "yes" | "on" | "1" | "")
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: &str = "/usr/bin/git-credential-ona-azure";

    fn entries(lines: &[(&str, &str)]) -> Vec<Effective> {
        let entry = |(nth, (key, value)): (usize, &(&str, &str))| Effective {
            file: "/f".into(),
            nth,
            key: (*key).to_owned(),
            value: (*value).to_owned(),
        };
        lines.iter().enumerate().map(entry).collect()
    }

    fn verdict(lines: &[(&str, &str)]) -> Verdict {
        judge(&entries(lines), "https://dev.azure.com", true, OURS)
    }

    const HELPER: &str = "credential.https://dev.azure.com.helper";

    #[test]
    fn what_stands_before_is_displaced_and_what_stands_after_follows() {
        let found = verdict(&[
            ("credential.helper", "store"),
            ("credential.https://github.com.helper", "gh"),
            (HELPER, ""),
            (HELPER, OURS),
            ("credential.helper", "cache"),
            ("credential.https://dev.azure.com/org.helper", "manager"),
        ]);
        assert_eq!(found, Verdict { asked: true, displaced: vec![0], following: vec![4, 5] });
    }

    #[test]
    fn a_helper_that_somebody_else_dropped_is_not_displaced() {
        let found = verdict(&[
            ("credential.helper", "store"),
            ("credential.helper", ""),
            (HELPER, ""),
            (HELPER, OURS),
        ]);
        assert_eq!(found, Verdict { asked: true, ..Verdict::default() });
    }

    #[test]
    fn a_later_empty_helper_drops_ours() {
        let found = verdict(&[(HELPER, ""), (HELPER, OURS), ("credential.helper", "")]);
        assert_eq!(found, Verdict { asked: false, displaced: vec![], following: vec![2] });
        let narrow = ("credential.https://dev.azure.com/org.helper", "");
        let found = verdict(&[(HELPER, ""), (HELPER, OURS), narrow]);
        assert_eq!(found, Verdict { asked: true, displaced: vec![], following: vec![2] });
    }

    #[test]
    fn a_helper_between_the_empty_one_and_ours_is_found() {
        let found = verdict(&[(HELPER, ""), (HELPER, "cache"), (HELPER, OURS)]);
        assert_eq!(found.following, [1]);
    }

    #[test]
    fn a_later_use_http_path_counts() {
        let path = "credential.https://dev.azure.com.usehttppath";
        let both = [(HELPER, ""), (HELPER, OURS), (path, "true")];
        assert_eq!(verdict(&both).following, [] as [usize; 0]);
        let off = ("credential.usehttppath", "false");
        assert_eq!(verdict(&[both.as_slice(), &[off]].concat()).following, [3]);
        assert_eq!(verdict(&[&[off], both.as_slice()].concat()).following, [] as [usize; 0]);
    }
}
