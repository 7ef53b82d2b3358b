//! The variables that have a say. Most are only named: what is in them may be a secret.

use std::env;

use crate::git::setup::redact;

/// What is in these is no secret: places, switches and names.
const SHOWN: &[&str] = &[
    "CI",
    "GIT_CONFIG_COUNT",
    "GIT_CONFIG_GLOBAL",
    "GIT_CONFIG_NOSYSTEM",
    "GIT_CONFIG_SYSTEM",
    "GIT_DIR",
    "GIT_EXEC_PATH",
    "GIT_SSL_CAINFO",
    "GIT_SSL_CAPATH",
    "GIT_SSL_NO_VERIFY",
    "GIT_TERMINAL_PROMPT",
    "HOME",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "NO_COLOR",
    "NO_PROXY",
    "ONA_AZURE_CLIENT_ID",
    "ONA_AZURE_INTEGRATIONS",
    "ONA_AZURE_INTERACTIVE",
    "ONA_AZURE_KEY_FILE",
    "ONA_AZURE_PAT_EXPIRES",
    "ONA_AZURE_PAT_ORGANIZATION",
    "ONA_AZURE_RUNNER_NAME",
    "ONA_AZURE_SCM_ID",
    "ONA_AZURE_STATE_DIR",
    "ONA_AZURE_TRACE",
    "ONA_AZURE_VIRTUAL_DIRECTORY",
    "ONA_AZURE_ALLOW_HTTP",
    "PATH",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
    "TERM",
    "XDG_CONFIG_HOME",
    "XDG_STATE_HOME",
    "no_proxy",
];

/// Proxies, which may be written with a password.
const PROXIES: &[&str] =
    &["ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY", "all_proxy", "http_proxy", "https_proxy"];

/// Those that are worth naming: git's, ours, and what tells of the surroundings.
const NAMED: &[&str] = &[
    "GIT_",
    "ONA_",
    "GITPOD_",
    "SSH_",
    "CODESPACES",
    "REMOTE_CONTAINERS",
    "DEVCONTAINER",
    "KUBERNETES_SERVICE_HOST",
    "VSCODE_",
    "WSL_",
    "BROWSER",
    "DISPLAY",
    "WAYLAND_DISPLAY",
    "CURL_CA_BUNDLE",
    "REQUESTS_CA_BUNDLE",
    "NODE_EXTRA_CA_CERTS",
    "container",
];

pub(super) fn of_process() -> Vec<String> {
    let mut set: Vec<_> = env::vars_os()
        .map(|(name, value)| {
            (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned())
        })
        .collect();
    set.sort();
    set.iter().filter_map(|(name, value)| line(name, value)).collect()
}

fn line(name: &str, value: &str) -> Option<String> {
    if PROXIES.contains(&name) {
        return Some(format!("{name}={}", redact::value("http.proxy", value)));
    }
    // A name with _FILE behind is a place, whatever that place holds.
    let place = name.starts_with("ONA_AZURE_") && name.ends_with("_FILE");
    if matches!(name, "ONA_AZURE_HOST" | "ONA_AZURE_ISSUER_URL") {
        return Some(format!("{name}={}", redact::address(value)));
    }
    if SHOWN.contains(&name) || place {
        return Some(format!("{name}={}", redact::addresses(value)));
    }
    NAMED.iter().any(|beginning| name.starts_with(beginning)).then(|| format!("{name} is set"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_named_and_not_shown() {
        for (name, value, expected) in [
            ("ONA_AZURE_PAT", "hunter2", Some("ONA_AZURE_PAT is set")),
            ("ONA_AZURE_CLIENT_SECRET", "hunter2", Some("ONA_AZURE_CLIENT_SECRET is set")),
            ("ONA_AZURE_PAT_FILE", "/run/pat", Some("ONA_AZURE_PAT_FILE=/run/pat")),
            ("GIT_CONFIG_VALUE_0", "hunter2", Some("GIT_CONFIG_VALUE_0 is set")),
            ("GIT_CONFIG_PARAMETERS", "hunter2", Some("GIT_CONFIG_PARAMETERS is set")),
            ("HTTPS_PROXY", "http://a:hunter2@p:1", Some("HTTPS_PROXY=http://(hidden)@p:1")),
            ("https_proxy", "a:hunter2@p:1", Some("https_proxy=(hidden)@p:1")),
            (
                "ONA_AZURE_ISSUER_URL",
                "https://a:hunter2@x/y",
                Some("ONA_AZURE_ISSUER_URL=https://(hidden)@x/y"),
            ),
            ("ONA_AZURE_HOST", "a:hunter2@x", Some("ONA_AZURE_HOST=(hidden)@x")),
            ("https_proxy", "http://a:hun/ter2@p:1", Some("https_proxy=http://(hidden)@p:1")),
            ("AWS_SECRET_ACCESS_KEY", "hunter2", None),
        ] {
            assert_eq!(line(name, value).as_deref(), expected);
        }
    }
}
