//! What is looked at once, whatever the target: git, the files, the key and the vault.

use std::time::Duration;

use super::context::Machine;
use super::table::{Check, Outcome};
use crate::git::setup::PROACTIVE_SINCE;
use crate::integration::{Integrations, IntegrationsFile};
use crate::paths::NAME;
use crate::report::Failure;
use crate::vault::KeySource;

/// All of it is on this machine.
const DEADLINE: Duration = Duration::from_secs(5);

const fn check(
    id: &'static str,
    name: &'static str,
    needs: &'static [&'static str],
    look: fn(&Machine) -> Outcome,
) -> Check<Machine> {
    Check { id, name, step: None, needs, after: &[], deadline: DEADLINE, look }
}

/// The checks of the machine.
pub(super) const CHECKS: &[Check<Machine>] = &[
    check("program", "this program", &[], program),
    check("git.program", "git", &[], git),
    check("integration.file", "the integrations files", &[], files),
    check("key", "the runner key", &[], key),
    check("vault", "the vault", &["key"], vault),
];

fn program(machine: &Machine) -> Outcome {
    let evidence = format!("{NAME} {} in {}", env!("CARGO_PKG_VERSION"), machine.helper.display());
    let path = std::env::var_os("PATH").unwrap_or_default();
    let this = machine.helper.canonicalize().ok();
    let mut others: Vec<_> = std::env::split_paths(&path)
        .filter(|directory| directory.is_absolute())
        .map(|directory| directory.join(NAME))
        .filter(|found| found.is_file() && found.canonicalize().ok() != this)
        .map(|found| found.display().to_string())
        .collect();
    others.dedup();
    let note = (!others.is_empty())
        .then(|| format!("the PATH has another copy too: {}", others.join(", ")));
    Outcome::passed(evidence).note(note)
}

fn git(machine: &Machine) -> Outcome {
    let Some(git) = machine.git() else {
        return Outcome::failed(None, "git is not on the PATH", "install git");
    };
    let Some((major, minor)) = git.version() else {
        return Outcome::failed(
            None,
            format!("{} does not say its version", git.path().display()),
            "install git anew",
        );
    };
    Outcome::passed(format!("git {major}.{minor} in {}", git.path().display()))
}

fn files(machine: &Machine) -> Outcome {
    let paths = &machine.paths;
    let integrations = match Integrations::load(paths) {
        Ok(integrations) => integrations,
        Err(error) => return Outcome::from(Failure::new(error.to_string()).hint(error.fix)),
    };
    let files = [
        &paths.state_integrations,
        &Some(paths.user_integrations.clone()),
        &paths.system_integrations,
    ];
    let there: Vec<_> = files
        .into_iter()
        .flatten()
        .filter(|file| matches!(IntegrationsFile::read(file), Ok(Some(_))))
        .collect();
    if integrations.all().is_empty() {
        let file = there.first().map_or(&paths.user_integrations, |file| file);
        return Outcome::failed(
            None,
            format!("no integration is configured, in {} or elsewhere", file.display()),
            Integrations::configure_command(&crate::integration::HostKey::Cloud),
        );
    }
    let each: Vec<_> = integrations
        .all()
        .iter()
        .map(|found| format!("{} from {}", found.integration.host, found.file.display()))
        .collect();
    let open = there
        .iter()
        .find(|file| others_write(file))
        .map(|file| format!("other accounts may change {}: chmod go-w '{0}'", file.display()));
    Outcome::passed(each.join("; ")).note(open)
}

#[cfg(unix)]
fn others_write(file: &std::path::Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    file.metadata().is_ok_and(|metadata| metadata.permissions().mode() & 0o022 != 0)
}

#[cfg(not(unix))]
fn others_write(_: &std::path::Path) -> bool {
    false
}

fn key(machine: &Machine) -> Outcome {
    match machine.vault().runner_key() {
        Ok(None) => Outcome::passed("none yet: it is made on first need"),
        Ok(Some(key)) => {
            let weak = matches!(key.source(), KeySource::Beside(_)).then(|| {
                "the key lies beside what it protects: whoever copies that directory can open it; \
                 mount a key from a secret store, and name it in ONA_AZURE_KEY_FILE"
                    .to_owned()
            });
            Outcome::passed(format!("{} in {}", key.public(), key.source().path().display()))
                .note(weak)
        }
        Err(error) => Outcome::from(Failure::new(error.to_string()).hint(error.hint())),
    }
}

fn vault(machine: &Machine) -> Outcome {
    let vault = machine.vault();
    if let Some(error) = vault.unreadable().into_iter().next() {
        return Outcome::from(Failure::new(error.to_string()).hint(error.hint()));
    }
    // Reading says who else may.
    let _ = vault.runner_key();
    let directory = vault.dir().display().to_string();
    let open = vault.open_to_others().map(|path| {
        format!("other accounts may change or read {}: chmod -R go= '{directory}'", path.display())
    });
    let damaged: Vec<_> = vault.set_aside().iter().map(|path| path.display().to_string()).collect();
    let damaged =
        (!damaged.is_empty()).then(|| format!("damaged and set aside: {}", damaged.join(", ")));
    let what = if vault.dir().exists() { "everything kept opens" } else { "nothing is kept yet" };
    Outcome::passed(format!("{what} in {directory}")).note(open).note(damaged)
}

/// Whether that git can be told to send a token before it is asked.
pub(super) fn knows_proactive(machine: &Machine) -> bool {
    machine
        .git()
        .and_then(crate::git::Git::version)
        .is_some_and(|version| version >= PROACTIVE_SINCE)
}
