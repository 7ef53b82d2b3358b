//! Opening the browser: without a shell, its output away from ours, without our secrets.

use std::ffi::OsString;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use url::Url;

use crate::programs;

/// A launcher that lives longer than this has started its browser, however it ends.
const LAUNCH: Duration = Duration::from_secs(10);

/// Starts the first browser that can be started: those `$BROWSER` names, in its order, else the
/// desktop's own. Says whether one was; `failed` is told if that one, and every one after it, then
/// ended at once with an error.
pub fn open(url: &Url, failed: impl FnOnce(String) + Send + 'static) -> bool {
    // Nothing but the issuer's own address, or the page that makes tokens, is ever opened, and both
    // are web addresses.
    if !matches!(url.scheme(), "https" | "http") {
        return false;
    }
    let named = std::env::var("BROWSER").unwrap_or_default();
    let mut commands = named_commands(&named, url);
    if commands.is_empty() {
        commands = open::commands(url.as_str());
    }
    let mut launches = commands.into_iter().filter_map(start);
    let Some(first) = launches.next() else { return false };
    // Never waited for in the way: a launcher may live as long as its browser.
    std::thread::spawn(move || {
        let mut why = String::new();
        for (name, mut child) in std::iter::once(first).chain(launches) {
            let started = Instant::now();
            match child.wait() {
                Ok(status) if !status.success() && started.elapsed() < LAUNCH => {
                    why = format!("{name} ended with {status}");
                }
                _ => return,
            }
        }
        failed(why);
    });
    true
}

/// `$BROWSER` as its users write it: names separated by colons, each with its arguments, `%s`
/// where the address goes, else at the end.
fn named_commands(named: &str, url: &Url) -> Vec<Command> {
    named
        .split(':')
        .filter_map(|entry| {
            let mut words = entry.split_whitespace();
            let mut command = Command::new(words.next()?);
            let mut placed = false;
            for word in words {
                placed |= word.contains("%s");
                command.arg(word.replace("%s", url.as_str()));
            }
            if !placed {
                command.arg(url.as_str());
            }
            Some(command)
        })
        .collect()
}

/// The program's name, and the program under way.
fn start(command: Command) -> Option<(String, Child)> {
    let entries = programs::entries(&std::env::var_os("PATH").unwrap_or_default());
    let program = programs::find(command.get_program(), &entries)?;
    let name = command.get_program().to_string_lossy().into_owned();
    let mut found = Command::new(program);
    found.args(command.get_args());
    for (name, _) in std::env::vars_os().filter(|(name, _)| is_ours(name)) {
        found.env_remove(name);
    }
    // A launcher looks for browsers in its turn.
    if let Ok(path) = std::env::join_paths(&entries) {
        found.env("PATH", path);
    }
    found.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    #[cfg(unix)]
    {
        // Ctrl-C here must not close the browser.
        std::os::unix::process::CommandExt::process_group(&mut found, 0);
    }
    found.spawn().ok().map(|child| (name, child))
}

fn is_ours(name: &OsString) -> bool {
    name.to_string_lossy().starts_with("ONA_AZURE_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_browser_variable_names_the_commands_to_run() {
        let url = Url::parse("https://login.example/a?b=c").expect("valid");
        let words = |named: &str| -> Vec<Vec<String>> {
            named_commands(named, &url)
                .iter()
                .map(|command| {
                    std::iter::once(command.get_program())
                        .chain(command.get_args())
                        .map(|word| word.to_string_lossy().into_owned())
                        .collect()
                })
                .collect()
        };
        let address = url.as_str();
        assert_eq!(words(""), Vec::<Vec<String>>::new());
        assert_eq!(words("firefox"), [vec!["firefox", address]]);
        assert_eq!(
            words("/bin/a --new %s:lynx"),
            [vec!["/bin/a", "--new", address], vec!["lynx", address]]
        );
    }
}
