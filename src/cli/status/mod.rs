//! `status`: what is configured, who is signed in, which credential is used where, and where
//! secrets are kept.

mod host;
mod store;
mod words;

use serde_json::json;

use super::args::Status;
use super::target::not_configured;
use super::{Room, print};
use crate::broker::sessions;
use crate::clock;
use crate::integration::{HostKey, HostSpec};
use crate::report::{Failure, Message};
use crate::vault::Session;
use host::Host;
use store::Store;

/// A label and what it says.
type Row = (String, String);

fn row(label: impl Into<String>, value: impl Into<String>) -> Row {
    (label.into(), value.into())
}

/// Says what there is; without any integration also that there is none, as every command does.
pub(super) fn run(args: Status) -> Result<(), Failure> {
    let room = Room::enter()?;
    let integrations = room.integrations()?;
    let now = clock::now();
    let hosts: Vec<_> = integrations
        .all()
        .iter()
        .map(|found| Host::read(&room, found, &integrations, now))
        .collect();
    let left = left_over(&room, &hosts);
    let store = Store::read(&room, &hosts);
    if args.json {
        print::document(json!({
            "hosts": hosts.iter().map(|host| host.json(now)).collect::<Vec<_>>(),
            "withoutIntegration": left.iter().map(|session| json!({
                "host": session.host,
                "organization": session.organization,
                "account": session.account,
            })).collect::<Vec<_>>(),
            "store": store.json(),
        }))?;
    } else {
        for host in &hosts {
            host.print(now)?;
            print::line("")?;
        }
        for session in &left {
            print::line(&session.host)?;
            print::table(
                2,
                &[
                    row("methods", "none: there is no integration for it any more"),
                    row("signed in", &*session.account),
                    row("what to do", "git-credential-ona-azure logout --all"),
                ],
            )?;
            print::line("")?;
        }
        store.print()?;
    }
    if hosts.iter().any(|host| !host.errors.is_empty()) || !store.errors.is_empty() {
        return Err(Failure::new("not everything that is kept can be read"));
    }
    if hosts.is_empty() {
        let cloud = HostSpec::whole(HostKey::Cloud);
        return Err(not_configured(&integrations, &cloud, "dev.azure.com"));
    }
    Ok(())
}

/// The sessions of hosts that have no integration any more.
fn left_over(room: &Room, hosts: &[Host]) -> Vec<Session> {
    let configured = |session: &Session| {
        hosts.iter().any(|host| host.found.integration.host.key.to_string() == session.host)
    };
    // Where they cannot be read, the store says so.
    let mut all = sessions(&room.vault, None).unwrap_or_default();
    all.retain(|session| !configured(session));
    all
}

/// What went wrong and what to do about it, as a line of its own.
fn problem(error: impl Into<Failure>) -> String {
    let Message { text, hint, .. } = error.into().message;
    match hint {
        Some(hint) => format!("{text}; {hint}"),
        None => text,
    }
}

fn joined(errors: &[String]) -> Option<String> {
    (!errors.is_empty()).then(|| errors.join("; "))
}
