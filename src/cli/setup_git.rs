//! `setup-git`: git's configuration.

use std::path::PathBuf;

use super::Room;
use super::args::SetupGit;
use crate::git::Git;
use crate::git::setup::{Options, Scope, Target, set_up, undo};
use crate::integration::{HostKey, Integrations};
use crate::report::{Exit, Failure, Message};

pub(super) fn run(args: &SetupGit) -> Result<Exit, Failure> {
    let git = Git::find().ok_or_else(|| {
        Failure::new("git is not on the PATH").hint("install git, then run this again")
    })?;
    let helper = this_program()?;
    let scope = match (args.system, args.local) {
        (true, _) => Scope::System,
        (_, true) => Scope::Local,
        _ => Scope::Global,
    };
    let report = if args.undo {
        undo(&git, &helper, scope)?
    } else {
        let integrations = Room::enter()?.integrations()?;
        let options = Options { scope, replace: args.replace };
        set_up(&git, &helper, &targets(&integrations, args.proactive), &options)?
    };
    report.messages().iter().for_each(Message::print);
    Ok(report.exit())
}

/// The path git is to call: as it was started, not what a symbolic link leads to, so that an
/// update which moves the link keeps working.
fn this_program() -> Result<PathBuf, Failure> {
    std::env::current_exe()
        .map_err(|error| Failure::new(format!("the path of this program is not known: {error}")))
}

fn targets(integrations: &Integrations, proactive: bool) -> Vec<Target> {
    let cloud = ["https://dev.azure.com", "https://*.visualstudio.com"].map(|url| Target {
        url: url.to_owned(),
        use_http_path: true,
        proactive,
    });
    let servers = integrations.all().iter().filter_map(|found| {
        let HostKey::Server(authority) = &found.integration.host.key else { return None };
        let schemes: &[&str] =
            if found.integration.allow_http { &["https", "http"] } else { &["https"] };
        Some(schemes.iter().map(move |scheme| Target {
            url: format!("{scheme}://{authority}"),
            use_http_path: false,
            // Else git takes the NTLM or Negotiate a Server offers, and never sends the token.
            proactive: true,
        }))
    });
    cloud.into_iter().chain(servers.flatten()).collect()
}
