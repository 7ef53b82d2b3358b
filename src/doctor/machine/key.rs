//! The runner key: where it is from, who else has it, and what is sealed to it.

use super::super::context::Machine;
use super::super::table::Outcome;
use super::access::Access;
use crate::broker::{belongs_to_another, make_own};
use crate::integration::{Integrations, OAuth};
use crate::report::{Failure, path_word};
use crate::vault::KeySource;

pub(super) fn key(machine: &Machine) -> Outcome {
    let vault = machine.vault();
    let key = match vault.runner_key() {
        Ok(None) => return Outcome::passed("none yet: it is made on first need"),
        Ok(Some(key)) => key,
        Err(error) => return Outcome::from(Failure::new(error.to_string()).hint(error.hint())),
    };
    let public = key.public();
    let path = key.source().path();
    let (whence, weak) = match key.source() {
        KeySource::Mounted(_) => (" (ONA_AZURE_KEY_FILE)", None),
        KeySource::Beside(_) => (
            "",
            Some(
                "the key lies beside what it protects: whoever copies that directory can open it; \
                 mount a key from a secret store, and name it in ONA_AZURE_KEY_FILE"
                    .to_owned(),
            ),
        ),
    };
    let access = Access::of(path);
    let mode = access.map_or_else(String::new, |access| format!(", mode {:04o}", access.mode));
    let owner = vault.anothers().filter(|found| found.path == path);
    let owner = owner
        .map(|found| format!("{}; {}", belongs_to_another(&found), make_own(&found, vault.dir())));
    let written = access
        .filter(|access| access.others_write())
        .map(|_| format!("other accounts may change it: chmod go-w {}", path_word(path)));
    let mut outcome = Outcome::passed(format!("{public} in {}{whence}{mode}", path.display()))
        .note(weak)
        .note(owner)
        .note(written);
    // A file that does not load is told of where files are looked at.
    for found in Integrations::load(&machine.paths).unwrap_or_default().all() {
        let host = &found.integration.host;
        let elsewhere =
            found.integration.oauth.as_ref().and_then(|oauth| sealed_elsewhere(oauth, &public));
        outcome = outcome.note(
            elsewhere.map(|to| format!("the client secret of {host} is sealed to {to}, not to it")),
        );
    }
    outcome
}

/// The keys a client secret is sealed to, where it is known that ours is none of them.
pub(in crate::doctor) fn sealed_elsewhere(oauth: &OAuth, public: &str) -> Option<String> {
    let known = oauth.encrypted_client_secret.is_some() && !oauth.recipients.is_empty();
    let ours = oauth.recipients.iter().any(|recipient| recipient == public);
    (known && !ours).then(|| oauth.recipients.join(", "))
}
