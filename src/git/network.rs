//! git's settings for the network, as far as a person or an administrator made them.
//!
//! A repository's own configuration is never asked: it may come from a stranger, and a proxy or a
//! certificate authority of his choice would see every token.

use std::path::PathBuf;

use super::Git;

/// How git would reach a URL.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NetworkSettings {
    /// `http.proxy`. Empty means: no proxy, whatever the environment says.
    pub proxy: Option<String>,
    /// `http.sslCAInfo`: a file of certificates.
    pub ca_file: Option<PathBuf>,
    /// `http.sslCAPath`: a directory of certificates.
    pub ca_path: Option<PathBuf>,
}

/// git's settings for `url` from system and global scope; the section that fits the URL best wins,
/// as in git. `http.sslVerify` is not read: verification is never off. What cannot be read is
/// taken as not set. The URL becomes an argument, so it must not carry a secret.
pub fn network_settings(git: &Git, url: &str) -> NetworkSettings {
    let mut settings = NetworkSettings::default();
    let Some(output) = url_match(git, &["http", url]) else { return settings };
    for record in output.split(|byte| *byte == 0) {
        // A key without a value has no line feed, and means nothing for these three.
        let Some(at) = record.iter().position(|byte| *byte == b'\n') else { continue };
        let Ok(value) = std::str::from_utf8(&record[at + 1..]) else { continue };
        match &record[..at] {
            b"http.proxy" => settings.proxy = Some(value.to_owned()),
            b"http.sslcainfo" => settings.ca_file = path(git, "http.sslCAInfo", url, value),
            b"http.sslcapath" => settings.ca_path = path(git, "http.sslCAPath", url, value),
            _ => {}
        }
    }
    settings
}

/// A path as git understands it. Only `~` and `%(prefix)` need git again: asking for the whole
/// section as paths would fail over values that are none. A relative path is dropped, because it
/// would mean a file of whichever work tree git happens to run in.
fn path(git: &Git, key: &str, url: &str, value: &str) -> Option<PathBuf> {
    let expanded = if value.starts_with(['~', '%']) {
        let output = url_match(git, &["--type=path", key, url])?;
        String::from_utf8(output).ok()?.trim_end_matches('\0').into()
    } else {
        PathBuf::from(value)
    };
    expanded.is_absolute().then_some(expanded)
}

fn url_match(git: &Git, arguments: &[&str]) -> Option<Vec<u8>> {
    let (last, options) = arguments.split_last()?;
    let (key, options) = options.split_last()?;
    let output = git
        .outside()
        .args(["config", "--null"])
        .args(options)
        .args(["--get-urlmatch", key, last])
        .output()
        .ok()?;
    output.status.success().then_some(output.stdout)
}
