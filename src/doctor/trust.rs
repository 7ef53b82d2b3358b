//! Whom TLS would trust.

use url::Url;

use super::context::Host;
use super::table::Outcome;
use crate::net;

/// A machine may trust a Server's authority for that Server alone.
pub(super) fn trust(host: &Host) -> Outcome {
    let Ok(url) = Url::parse(&host.target.url()) else {
        let name = host.target.place.authority();
        return Outcome::skipped(format!("{name} is no address that can be asked"));
    };
    match net::trust(&url) {
        Ok(trust) => {
            let place = trust.place.map_or_else(
                || "the system's own".to_owned(),
                |place| format!("those in {} ({})", place.display(), trust.by),
            );
            Outcome::passed(place)
        }
        Err(error) if error.is_without_authorities() => {
            let set = std::env::var_os("SSL_CERT_FILE").filter(|file| !file.is_empty());
            let fix = match set {
                Some(file) => format!(
                    "SSL_CERT_FILE names {}: name a PEM file that is there, or unset it",
                    file.to_string_lossy()
                ),
                None => {
                    "install them: apt-get install ca-certificates; or name your organization's: \
                         git config --global http.sslCAInfo <file.pem>"
                        .to_owned()
                }
            };
            Outcome::failed(None, error.to_string(), fix)
        }
        Err(error) => Outcome::failed(None, error.to_string(), error.hint()),
    }
}
