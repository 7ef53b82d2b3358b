//! The integrations files: which are there, which one counts, and who may change them.

use std::path::PathBuf;

use super::super::context::Machine;
use super::super::table::Outcome;
use super::access::Access;
use crate::azure::Place;
use crate::integration::{HostKey, HostSpec, Integrations, IntegrationsFile};
use crate::report::{Failure, path_word};

/// A file with the hosts it speaks of.
type Named = (PathBuf, Vec<HostSpec>);

pub(super) fn files(machine: &Machine) -> Outcome {
    let paths = &machine.paths;
    let integrations = match Integrations::load(paths) {
        Ok(integrations) => integrations,
        Err(error) => return Outcome::from(Failure::new(error.to_string()).hint(error.fix)),
    };
    // In the order in which they win.
    let files = [
        &paths.state_integrations,
        &Some(paths.user_integrations.clone()),
        &paths.system_integrations,
    ];
    let there: Vec<Named> = files
        .into_iter()
        .flatten()
        .filter_map(|path| {
            let read = IntegrationsFile::read(path).ok()??.integrations().ok()?;
            Some((path.clone(), read.into_iter().map(|found| found.host).collect()))
        })
        .collect();
    if integrations.all().is_empty() {
        let place = machine.asked.clone().unwrap_or(Place::DevAzure);
        return Outcome::failed(
            None,
            integrations.not_configured(&place.authority().to_string()),
            Integrations::configure_hint(&HostSpec::whole(HostKey::of_place(&place))),
        );
    }
    let each: Vec<_> = integrations
        .all()
        .iter()
        .map(|found| format!("{} from {}", found.integration.host, found.file.display()))
        .collect();
    let mut outcome = Outcome::passed(each.join("; "));
    for note in twice(&there).into_iter().chain(there.iter().filter_map(|(path, _)| unsafe_(path)))
    {
        outcome = outcome.note(Some(note));
    }
    outcome
}

/// Hosts that several files speak of, with the one that counts.
fn twice(files: &[Named]) -> Vec<String> {
    let mut notes = Vec::new();
    for (at, (winner, hosts)) in files.iter().enumerate() {
        for host in hosts {
            let earlier = files[..at].iter().any(|(_, hosts)| hosts.contains(host));
            let later: Vec<_> = files[at + 1..]
                .iter()
                .filter(|(_, hosts)| hosts.contains(host))
                .map(|(path, _)| path.display().to_string())
                .collect();
            if !earlier && !later.is_empty() {
                notes.push(format!(
                    "for {host} {} counts, and {} does not",
                    winner.display(),
                    later.join(", ")
                ));
            }
        }
    }
    notes
}

/// Who but us and the administrator decides what the file says.
fn unsafe_(path: &std::path::Path) -> Option<String> {
    let access = Access::of(path)?;
    if access.is_anothers() {
        return Some(format!(
            "{} belongs to another account (number {}), which may change it",
            path.display(),
            access.owner
        ));
    }
    access.others_write().then(|| {
        format!("other accounts may change {}: chmod go-w {}", path.display(), path_word(path))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_file_that_names_a_host_counts() {
        let file = |name: &str, hosts: &[HostSpec]| (PathBuf::from(name), hosts.to_vec());
        let cloud = [HostSpec::whole(HostKey::Cloud)];
        let files = [file("/a", &[]), file("/b", &cloud), file("/c", &cloud), file("/d", &cloud)];
        assert_eq!(twice(&files), ["for dev.azure.com /b counts, and /c, /d does not"]);
        assert!(twice(&files[..2]).is_empty());
    }
}
