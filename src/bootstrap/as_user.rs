//! The same for another account, started by root: everything is then made by that account itself,
//! and so its own from the first byte.

use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};

use nix::unistd::{Uid, User, geteuid};

use crate::report::{Exit, Failure, quoted};
use crate::trace;

/// The variables of ours that say where things are; all others may hold secrets.
const PLACES: [&str; 4] = [
    "ONA_AZURE_STATE_DIR",
    "ONA_AZURE_INTEGRATIONS",
    "ONA_AZURE_KEY_FILE",
    "ONA_AZURE_INTERACTIVE",
];

/// What else another account is handed on: where programs, network and certificates are, and how to
/// speak.
const GENERAL: [&str; 18] = [
    "PATH",
    "LANG",
    "LC_ALL",
    "TZ",
    "CI",
    "GIT_CONFIG_GLOBAL",
    "GIT_CONFIG_SYSTEM",
    "GIT_CONFIG_NOSYSTEM",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "GIT_SSL_CAINFO",
    "GIT_SSL_CAPATH",
    "HTTPS_PROXY",
    "https_proxy",
    "HTTP_PROXY",
    "http_proxy",
    "NO_PROXY",
    "no_proxy",
];

fn is_handed_on(name: &str) -> bool {
    PLACES.contains(&name) || GENERAL.contains(&name) || matches!(name, "ALL_PROXY" | "all_proxy")
}

/// Whether this process is of that account already.
///
/// # Errors
/// If there is no such account, or this process may not become it.
pub fn account(name: &str) -> Result<Option<User>, Failure> {
    let user = User::from_name(name).ok().flatten().ok_or_else(|| {
        Failure::new(format!("there is no account {}", quoted(name)))
            .hint("make it first, or leave out --user")
            .exit(Exit::Usage)
    })?;
    if user.uid == geteuid() {
        return Ok(None);
    }
    if geteuid() != Uid::from_raw(0) {
        return Err(Failure::new(format!("only root can do this for {name}"))
            .hint(format!("sudo git-credential-ona-azure bootstrap --user {name}"))
            .exit(Exit::Usage));
    }
    Ok(Some(user))
}

/// Runs this program again as that account, with the document on its standard input. Gives the
/// exit code.
///
/// # Errors
/// If it cannot be started.
pub fn run(user: &User, document: &[u8], flags: &[&str]) -> Result<Exit, Failure> {
    let failed = |what: &str, error: &std::io::Error| {
        Failure::new(format!("{what} as {}: {error}", user.name)).hint(
            "install the program where that account can run it: sh install/install.sh --system",
        )
    };
    let program =
        std::env::current_exe().map_err(|error| failed("this program is not found", &error))?;
    let mut command = Command::new(program);
    command.args(["bootstrap", "--from", "-"]).args(flags);
    // What root's environment holds besides is not that account's to know.
    command.env_clear();
    command.envs(std::env::vars_os().filter(|(name, _)| is_handed_on(&name.to_string_lossy())));
    // A file of root's is not that account's to write, and must not be made so.
    if trace::is_for_others() {
        command.env(trace::VARIABLE, "1");
    }
    command
        .env("HOME", &user.dir)
        .env("USER", &user.name)
        .env("LOGNAME", &user.name)
        .current_dir("/")
        .uid(user.uid.as_raw())
        .gid(user.gid.as_raw())
        .stdin(Stdio::piped());
    let mut child =
        command.spawn().map_err(|error| failed("this program cannot be started", &error))?;
    if let Some(mut stdin) = child.stdin.take() {
        // One that ended early says why itself.
        let _ = stdin.write_all(document);
    }
    let status =
        child.wait().map_err(|error| failed("this program cannot be waited for", &error))?;
    Ok(status.code().and_then(Exit::from_code).unwrap_or(Exit::Failed))
}
