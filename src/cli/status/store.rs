//! Where secrets are, and what protects them.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::host::Host;
use super::{Room, joined, print, problem, row};
use crate::broker::{belongs_to_another, make_own};
use crate::report::Failure;
use crate::vault::{Anothers, KeySource};

/// The vault and its key.
pub(super) struct Store {
    dir: PathBuf,
    key: Option<(String, KeySource)>,
    set_aside: Vec<PathBuf>,
    open_to_others: Option<PathBuf>,
    anothers: Option<Anothers>,
    /// What no host has said already.
    pub(super) errors: Vec<String>,
}

impl Store {
    pub(super) fn read(room: &Room, hosts: &[Host]) -> Self {
        let mut errors: Vec<_> = room.vault.unreadable().into_iter().map(problem).collect();
        let key = room.vault.runner_key().unwrap_or_else(|error| {
            let error = problem(error);
            if !errors.contains(&error) {
                errors.push(error);
            }
            None
        });
        errors.retain(|error| !hosts.iter().any(|host| host.errors.contains(error)));
        Self {
            dir: room.vault.dir().to_owned(),
            key: key.map(|key| (key.public(), key.source().clone())),
            set_aside: room.vault.set_aside(),
            open_to_others: room.vault.open_to_others(),
            anothers: room.vault.anothers(),
            errors,
        }
    }

    fn protection(&self) -> String {
        match &self.key {
            None => "no runner key yet: it is made on first need".to_owned(),
            Some((_, KeySource::Mounted(path))) => {
                format!("sealed to the runner key in {} (ONA_AZURE_KEY_FILE)", path.display())
            }
            Some((_, KeySource::Beside(path))) => {
                format!("sealed to the runner key in {}", path.display())
            }
        }
    }

    /// What the protection does not help against, and what would.
    fn weakness(&self) -> Option<(&'static str, &'static str)> {
        matches!(self.key, Some((_, KeySource::Beside(_)))).then_some((
            "the key lies beside what it protects: whoever copies that directory can open it",
            "mount a key from a secret store, and name it in ONA_AZURE_KEY_FILE",
        ))
    }

    pub(super) fn print(&self) -> Result<(), Failure> {
        print::line("Where secrets are kept")?;
        let mut rows = vec![
            row("directory", self.dir.display().to_string()),
            row("protection", self.protection()),
        ];
        if let Some((weakness, remedy)) = self.weakness() {
            rows.push(row("but", weakness));
            rows.push(row("what to do", remedy));
        }
        rows.extend(self.key.as_ref().map(|(public, _)| row("public key", &**public)));
        rows.extend(self.open_to_others.as_ref().map(|path| {
            row("warning", format!("other accounts may change or read {}", path.display()))
        }));
        if let Some(found) = &self.anothers {
            rows.push(row("warning", belongs_to_another(found)));
            rows.push(row("what to do", make_own(found, &self.dir)));
        }
        rows.extend(
            self.set_aside
                .iter()
                .map(|path| row("note", format!("damaged and set aside: {}", path.display()))),
        );
        print::table(2, &rows)?;
        self.errors.iter().try_for_each(|error| print::line(&format!("  ! {error}")))
    }

    pub(super) fn json(&self) -> Value {
        let protection = match self.weakness() {
            Some((weakness, remedy)) => format!("{}; {weakness}; {remedy}", self.protection()),
            None => self.protection(),
        };
        json!({
            "directory": self.dir,
            "publicKey": self.key.as_ref().map(|(public, _)| public),
            "keyFile": self.key.as_ref().map(|(_, source)| source.path()),
            "keyBesideVault": matches!(self.key, Some((_, KeySource::Beside(_)))),
            "protection": protection,
            "setAside": self.set_aside,
            "openToOthers": self.open_to_others,
            "ofAnotherAccount": self.anothers.as_ref().map(|found| &found.path),
            "error": joined(&self.errors),
        })
    }
}
