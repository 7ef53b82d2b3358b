//! The way a request would take, told without sending one: the proxy, and whom TLS trusts. For
//! people; what is sent goes by the same settings.

use std::env;
use std::net::IpAddr;
use std::path::PathBuf;

use reqwest::blocking::Client;
use url::Url;

use super::client::{is_loopback, named_authorities, settings_for};
use super::error::{NetError, NetErrorKind};
use crate::git::NetworkSettings;

/// The proxy for one address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proxied {
    /// Its address as it was set, user part and all; `None` where there is no proxy.
    pub proxy: Option<String>,
    /// What says so.
    pub by: &'static str,
}

/// Whom TLS trusts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trust {
    /// The file or directory; `None` for the system's own.
    pub place: Option<PathBuf>,
    /// What says so.
    pub by: &'static str,
}

/// The proxy that would be used for an address.
pub fn proxy(url: &Url) -> Proxied {
    choose(url, &settings_for(url), |name| env::var(name).ok())
}

/// git's configuration before the environment, and of two variables that differ in case the one in
/// capitals: as `net` and reqwest do.
fn choose(
    url: &Url,
    settings: &NetworkSettings,
    variable: impl Fn(&str) -> Option<String>,
) -> Proxied {
    let host = url.host_str().unwrap_or_default();
    let first =
        |names: [&'static str; 2]| names.into_iter().find_map(|name| Some((name, variable(name)?)));
    let spared = || first(["NO_PROXY", "no_proxy"]).filter(|(_, list)| spares(list, host));
    let of_environment = || {
        let own = match url.scheme() {
            "http" => ["HTTP_PROXY", "http_proxy"],
            _ => ["HTTPS_PROXY", "https_proxy"],
        };
        [own, ["ALL_PROXY", "all_proxy"]]
            .into_iter()
            .filter_map(first)
            .find(|(_, proxy)| !proxy.trim().is_empty())
    };
    let none = |by| Proxied { proxy: None, by };
    if is_loopback(host) {
        return none("it is this machine");
    }
    let (by, proxy) = match &settings.proxy {
        Some(proxy) if proxy.is_empty() => return none("http.proxy is empty"),
        Some(proxy) => ("http.proxy", proxy.clone()),
        None => match of_environment() {
            Some(found) => found,
            None => return none("none is set"),
        },
    };
    match spared() {
        Some((name, _)) => none(name),
        None => Proxied { proxy: Some(proxy), by },
    }
}

/// Whether a list of `NO_PROXY` names a host: domains with all that is below them, addresses, `*`.
fn spares(list: &str, host: &str) -> bool {
    let host = host.trim_matches(['[', ']']).to_ascii_lowercase();
    list.split(',').map(|entry| entry.trim().to_ascii_lowercase()).any(|entry| {
        if let Ok(address) = host.parse::<IpAddr>() {
            return within(&entry, address);
        }
        let domain = entry.trim_start_matches('.');
        entry == "*"
            || host == domain
            || (!domain.is_empty()
                && host.strip_suffix(domain).is_some_and(|label| label.ends_with('.')))
    })
}

/// Whether an entry is that address, or a network (`10.0.0.0/8`) that holds it.
fn within(entry: &str, address: IpAddr) -> bool {
    let (network, size) = match entry.split_once('/') {
        Some((network, size)) => (network, size.parse::<u32>().ok()),
        None => (entry, Some(128)),
    };
    let bits = |shared: u32, width: u32| size.is_some_and(|size| shared >= size.min(width));
    match (network.parse::<IpAddr>(), address) {
        (Ok(IpAddr::V4(network)), IpAddr::V4(address)) => {
            bits((network.to_bits() ^ address.to_bits()).leading_zeros(), 32)
        }
        (Ok(IpAddr::V6(network)), IpAddr::V6(address)) => {
            bits((network.to_bits() ^ address.to_bits()).leading_zeros(), 128)
        }
        _ => false,
    }
}

/// Whom TLS would trust for an address.
///
/// # Errors
/// If that is nobody, or cannot be read.
pub fn trust(url: &Url) -> Result<Trust, NetError> {
    let host = url.host_str().unwrap_or_default();
    let settings = settings_for(url);
    match named_authorities(&settings, host)? {
        Some(certificates) if certificates.is_empty() => {
            Err(NetError::new(host, NetErrorKind::NoAuthorities))
        }
        Some(_) => {
            let variable = env::var_os("GIT_SSL_CAINFO").filter(|file| !file.is_empty());
            let (place, by) = match (variable, settings.ca_file, settings.ca_path) {
                (Some(file), ..) => (Some(file.into()), "GIT_SSL_CAINFO"),
                (None, Some(file), _) => (Some(file), "http.sslCAInfo"),
                (None, None, directory) => (directory, "http.sslCAPath"),
            };
            Ok(Trust { place, by })
        }
        None => {
            // A second install is refused and changes nothing.
            let _ = rustls::crypto::ring::default_provider().install_default();
            let built = Client::builder().build();
            built.map_err(|error| NetError::of(host, &error))?;
            let set = |name: &str| env::var_os(name).filter(|file| !file.is_empty());
            let place = |name| set(name).map(|place| (PathBuf::from(place), name));
            let named = place("SSL_CERT_FILE").or_else(|| place("SSL_CERT_DIR"));
            Ok(match named {
                Some((place, by)) => Trust { place: Some(place), by },
                None => Trust { place: None, by: "the system" },
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_proxy_is_the_one_that_requests_take() {
        let url = Url::parse("https://dev.azure.com/contoso").expect("an address");
        let of = |set: &[(&str, &str)], git: Option<&str>| {
            let settings =
                NetworkSettings { proxy: git.map(str::to_owned), ..NetworkSettings::default() };
            let found = choose(&url, &settings, |name| {
                set.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
            });
            (found.proxy.unwrap_or_default(), found.by)
        };
        let is = |proxy: &str, by: &'static str| (proxy.to_owned(), by);
        assert_eq!(of(&[], None), is("", "none is set"));
        assert_eq!(of(&[("https_proxy", "p")], None), is("p", "https_proxy"));
        let both = [("https_proxy", "p"), ("HTTPS_PROXY", "q"), ("ALL_PROXY", "r")];
        assert_eq!(of(&both, None), is("q", "HTTPS_PROXY"));
        assert_eq!(of(&both, Some("g")), is("g", "http.proxy"));
        assert_eq!(of(&both, Some("")), is("", "http.proxy is empty"));
        assert_eq!(of(&[("ALL_PROXY", "r")], None), is("r", "ALL_PROXY"));
        let spared = [("HTTPS_PROXY", "q"), ("NO_PROXY", "x, .azure.com")];
        assert_eq!(of(&spared, None), is("", "NO_PROXY"));
        assert_eq!(of(&spared, Some("g")), is("", "NO_PROXY"));
    }

    #[test]
    fn a_list_names_domains_addresses_and_networks() {
        for (list, host, named) in [
            ("azure.com", "dev.azure.com", true),
            ("azure.com", "notazure.com", false),
            ("*", "dev.azure.com", true),
            ("", "dev.azure.com", false),
            (".", "dev.azure.com", false),
            ("DEV.azure.com", "dev.azure.com", true),
            ("10.0.0.0/8", "10.1.2.3", true),
            ("10.0.0.0/8", "11.1.2.3", false),
            ("10.0.0.7", "10.0.0.7", true),
            ("10.0.0.7", "10.0.0.6", false),
            ("fd00::/8", "[fd00::1]", true),
        ] {
            assert_eq!(spares(list, host), named, "{list} {host}");
        }
    }
}
