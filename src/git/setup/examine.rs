//! What git would do for one URL, told to whoever wants to know why.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::effective::Effective;
use super::helper_value::is_ours;
use super::url_pattern::UrlPattern;
use super::{Origin, Scope, effective as read_effective, helper_value, origin, redact};
use crate::git::Git;
use crate::git::parameters::is_no;
use crate::programs;
use crate::report::Failure;

/// What git's configuration means for a URL.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Examination {
    /// The setting that has git ask us; `None` if git does not.
    pub asked: Option<Origin>,
    /// The program that setting runs: a path, or a mere name where nothing of that name is found.
    /// `None` where only a shell can tell.
    pub program: Option<PathBuf>,
    /// Other helpers, which git asks first.
    pub before: Vec<Origin>,
    /// Other helpers, which are given our token to keep.
    pub after: Vec<Origin>,
    /// What drops our helper again.
    pub dropped_by: Option<Origin>,
    /// Whether git says the path, and with it the organization.
    pub use_http_path: bool,
    /// The last setting that tells it not to.
    pub no_http_path: Option<Origin>,
    /// `credential.username`: the user git asks for where the address names none.
    pub username: Option<Setting>,
    /// The proxy git uses: `remote.<name>.proxy`, or `http.proxy`.
    pub proxy: Option<Setting>,
    /// The files that count in this repository and nowhere else, which `setup-git` does not overtake.
    pub only_here: Vec<PathBuf>,
    /// A header of git's own that says who is asking, in the place of any helper.
    pub authorization: Option<Origin>,
    /// What becomes of the URL.
    pub rewritten: Option<Rewrite>,
    /// What becomes of it for pushes alone (`pushInsteadOf`).
    pub push_rewritten: Option<Rewrite>,
    /// `http.proactiveAuth`.
    pub proactive: Option<String>,
    /// `http.sslVerify`.
    pub ssl_verify: Option<Setting>,
    /// `http.emptyAuth`.
    pub empty_auth: Option<Setting>,
    /// `credential.interactive`.
    pub interactive: Option<Setting>,
}

/// A setting that counts for the URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Its value as git canonicalises it.
    pub value: String,
    /// The last place that speaks of it.
    pub origin: Origin,
}

/// `url.<base>.insteadOf` or `pushInsteadOf`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rewrite {
    /// The setting. Its key may hold a password and is not to be shown.
    pub origin: Origin,
    /// What the URL becomes.
    pub url: String,
}

/// Looks. With `local`, the configuration of the repository around the current directory counts
/// too; what the environment sets always does. `url` is one without a secret.
///
/// # Errors
/// If git cannot read its configuration.
pub fn examine(git: &Git, local: bool, helper: &Path, url: &str) -> Result<Examination, Failure> {
    let value = helper_value::value(helper)?;
    let git = git.clone().with_callers_settings();
    let entries = read_effective(&git, scope(local))?;
    let mut found = judge(&entries, url, &value);
    let command = || if local { git.command() } else { git.outside() };
    let one = |kind: &str, key: &str| {
        url_match(command(), kind, key, url).filter(|value| !value.is_empty())
    };
    let setting = |kind: &str, section: &str, name: &str| {
        let origin = last(&entries, url, section, name)?;
        Some(Setting { value: one(kind, &format!("{section}.{name}"))?, origin })
    };
    found.use_http_path =
        one("--type=bool", "credential.useHttpPath").is_some_and(|value| value == "true");
    found.no_http_path = entries.iter().rev().find(|entry| says_no_path(entry, url)).map(origin);
    found.username = setting("--no-type", "credential", "username");
    found.proxy = of_remote(&entries, url).or_else(|| setting("--no-type", "http", "proxy"));
    if local {
        let everywhere = read_effective(&git, Scope::Global)?;
        let is_elsewhere = |entry: &&Effective| everywhere.iter().any(|of| of.file == entry.file);
        let only_here = entries.iter().filter(|entry| !is_elsewhere(entry));
        found.only_here = only_here.map(|entry| entry.file.clone()).collect();
    }
    found.proactive = one("--no-type", "http.proactiveAuth");
    found.ssl_verify = setting("--type=bool", "http", "sslverify");
    found.empty_auth = setting("--type=bool", "http", "emptyauth");
    found.interactive = setting("--no-type", "credential", "interactive");
    found.program = found.program.map(|program| resolved(&git, program));
    Ok(found)
}

/// The settings that have a say for the URL, in git's order, as they may be shown to anybody.
///
/// # Errors
/// As [`examine`].
pub fn relevant(git: &Git, local: bool, url: &str) -> Result<Vec<Origin>, Failure> {
    let git = git.clone().with_callers_settings();
    let entries = read_effective(&git, scope(local))?;
    let speaks = |entry: &&Effective| {
        let of_url = |section| entry.parts(section).is_some_and(|(of, _)| speaks_of(of, url));
        of_url("credential")
            || of_url("http")
            || entry.key.starts_with("core.")
            || (entry.key.starts_with("url.") && is_about(&[&entry.key, &entry.value], url))
            || (entry.key.starts_with("remote.") && is_about(&[&entry.value], url))
    };
    let shown = |entry: &Effective| Origin {
        key: redact::key(&entry.key),
        value: redact::value(&entry.key, &entry.value),
        ..origin(entry)
    };
    Ok(entries.iter().filter(speaks).map(shown).collect())
}

/// Whether addresses name the host of the URL, or that of Azure Repos for SSH: others are nobody's
/// business here.
fn is_about(addresses: &[&str], url: &str) -> bool {
    let host = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = host.split(['/', '?', '#']).next().unwrap_or_default();
    let hosts = [host, "dev.azure.com", ".visualstudio.com"];
    addresses.iter().any(|address| {
        let address = address.to_ascii_lowercase();
        url.starts_with(&address) || hosts.iter().any(|host| address.contains(host))
    })
}

fn scope(local: bool) -> Scope {
    if local { Scope::Local } else { Scope::Global }
}

/// The last of the settings of that name that speak of the URL.
fn last(entries: &[Effective], url: &str, section: &str, name: &str) -> Option<Origin> {
    let of = |entry: &&Effective| {
        entry.parts(section).is_some_and(|(of, found)| found == name && speaks_of(of, url))
    };
    entries.iter().rev().find(of).map(origin)
}

fn says_no_path(entry: &Effective, url: &str) -> bool {
    entry.parts("credential").is_some_and(|(of, name)| {
        name == "usehttppath" && is_no(&entry.value) && speaks_of(of, url)
    })
}

/// The proxy of the remote with that address (git-config(1), `remote.<name>.proxy`).
fn of_remote(entries: &[Effective], url: &str) -> Option<Setting> {
    let is_it = |entry: &&Effective| {
        let named = entry.parts("remote").is_some_and(|(_, name)| name == "url");
        named && without_user(&entry.value) == url
    };
    let (remote, _) = entries.iter().find(is_it)?.parts("remote")?;
    let proxy = |entry: &&Effective| entry.parts("remote") == Some((remote, "proxy"));
    let entry = entries.iter().rev().find(proxy).filter(|entry| !entry.value.is_empty())?;
    Some(Setting { value: entry.value.clone(), origin: origin(entry) })
}

fn without_user(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let end = rest.find('/').unwrap_or(rest.len());
    let host = rest[..end].rfind('@').map_or(0, |at| at + 1);
    format!("{scheme}://{}", &rest[host..])
}

/// Where a program that is only named is found: in git's own directory of programs, which git puts
/// in front of the PATH for its helpers, or on the PATH.
fn resolved(git: &Git, program: PathBuf) -> PathBuf {
    if program.is_absolute() {
        return program;
    }
    let own = git.outside().arg("--exec-path").output().ok().map(|output| {
        PathBuf::from(String::from_utf8_lossy(&output.stdout).trim_end_matches('\n'))
    });
    let path = git.variable("PATH").map(programs::entries).unwrap_or_default();
    let entries: Vec<_> = own.into_iter().chain(path).collect();
    programs::find(program.as_os_str(), &entries).unwrap_or(program)
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
    let mut rewrites: [Option<(usize, &str)>; 2] = [None, None];
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
        let rewrite = match entry.parts("url") {
            Some((Some(_), "insteadof")) => &mut rewrites[0],
            Some((Some(_), "pushinsteadof")) => &mut rewrites[1],
            _ => continue,
        };
        if url.starts_with(&entry.value)
            // The longest one counts.
            && rewrite.is_none_or(|(_, longest)| longest.len() < entry.value.len())
        {
            *rewrite = Some((at, &entry.value));
        }
    }
    found.asked = ours.map(|at| origin(&entries[at]));
    found.program = ours.and_then(|at| helper_value::program(&entries[at].value));
    found.dropped_by = dropped.map(|at| origin(&entries[at]));
    let (before, after): (Vec<_>, Vec<_>) =
        others.into_iter().partition(|at| ours.is_none_or(|ours| *at < ours));
    let origins = |places: Vec<usize>| places.iter().map(|at| origin(&entries[*at])).collect();
    (found.before, found.after) = (origins(before), origins(after));
    found.authorization = header.map(|at| origin(&entries[at]));
    [found.rewritten, found.push_rewritten] = rewrites.map(|rewrite| {
        let (at, prefix) = rewrite?;
        let (base, _) = entries[at].parts("url")?;
        let url = format!("{}{}", base?, &url[prefix.len()..]);
        Some(Rewrite { origin: origin(&entries[at]), url })
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
        let push = found(&[("url.https://push/.pushinsteadof", "https://dev.azure.com/")]);
        assert_eq!(push.rewritten, None);
        let url = push.push_rewritten.map(|rewrite| rewrite.url);
        assert_eq!(url.as_deref(), Some("https://push/contoso/app/_git/app"));
    }
}
