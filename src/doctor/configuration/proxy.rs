//! The proxy of the target: this program's, and git's where that is another.

use std::net::{TcpStream, ToSocketAddrs as _};
use std::time::Duration;

use url::Url;

use super::super::context::Host;
use super::super::table::Outcome;
use crate::git::setup::{Setting, redact};
use crate::net;

/// How long a proxy may take to take a connection.
const PATIENCE: Duration = Duration::from_secs(2);

/// Which proxy the target is reached through.
pub(in crate::doctor) fn proxy(host: &Host) -> Outcome {
    let name = host.target.place.authority();
    let Ok(url) = Url::parse(&host.target.url()) else {
        return Outcome::skipped(format!("{name} is no address that can be asked"));
    };
    let found = net::proxy(&url);
    let others = proxy_of_git(host, &found);
    if let Some(setting) = &others
        && !answers(&setting.value)
    {
        let at = setting.origin.place();
        let shown = redact::value("http.proxy", &setting.value);
        return Outcome::failed(
            None,
            format!("git itself goes through the proxy {shown} ({at}), where nothing answers"),
            setting.origin.unset(),
        );
    }
    let others = others.map(|setting| {
        let shown = redact::value("http.proxy", &setting.value);
        format!("git itself goes through the proxy {shown} ({})", setting.origin.place())
    });
    Outcome::passed(match found.proxy {
        Some(proxy) => {
            let proxy = redact::value("http.proxy", &proxy);
            format!("{proxy} for {name} ({})", found.by)
        }
        None => format!("none for {name} ({})", found.by),
    })
    .note(others)
}

/// The proxy that the repository gives git alone. This program asks no repository for one, which may
/// be a stranger's.
fn proxy_of_git(host: &Host, ours: &net::Proxied) -> Option<Setting> {
    let spared = ours.by.eq_ignore_ascii_case("no_proxy");
    if !host.target.local || spared {
        return None;
    }
    let setting = host.examination().ok()?.proxy.clone()?;
    (ours.proxy.as_ref() != Some(&setting.value)).then_some(setting)
}

/// Whether something takes connections at a proxy's address. One that cannot be read is git's to judge.
fn answers(proxy: &str) -> bool {
    let authority = proxy.split_once("://").map_or(proxy, |(_, rest)| rest);
    // Of a scheme without a port of its own, so that every port that is written is told.
    let Ok(url) = Url::parse(&format!("proxy://{authority}")) else { return true };
    let port = url.port().unwrap_or(match proxy.starts_with("https://") {
        true => 443,
        // curl(1), --proxy.
        false => 1080,
    });
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let Ok(mut addresses) = (host, port).to_socket_addrs() else { return false };
    addresses.any(|address| TcpStream::connect_timeout(&address, PATIENCE).is_ok())
}
