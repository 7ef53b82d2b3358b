//! Which service a request's `protocol` and `host` name.
//!
//! git hands over the host as typed and percent-decoded, so it may hold anything. Whatever could
//! be read in two ways is no host here: no IDNA mapping, no percent-decoding, no user part.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::organization::Organization;

/// The longest host name DNS can carry, as text (RFC 1035 section 2.3.4).
const HOST_MAX: usize = 253;

/// The longest label of a host name (RFC 1035 section 2.3.4).
const LABEL_MAX: usize = 63;

/// The one host of Azure DevOps Services that names no organization.
const DEV_AZURE: &str = "dev.azure.com";

/// What follows the organization in the former address of Azure DevOps Services.
const VISUAL_STUDIO: &str = ".visualstudio.com";

/// First labels of `*.visualstudio.com` that are Microsoft's own sites and services rather than
/// organizations. A real organization is worse to miss than a site to include, so only labels
/// whose hosts are public knowledge are here.
const SERVICE_LABELS: [&str; 11] = [
    "app",                // profiles and account creation
    "code",               // the editor's site
    "developercommunity", // feedback
    "manage",             // subscription administration
    "marketplace",        // extensions
    "my",                 // subscriptions
    "online",             // hosted environments
    "support",            // support
    "vs-ssh",             // git over SSH
    "vssps",              // identity service
    "www",                // the product's site
];

/// The two protocols of git's that Azure DevOps answers with credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scheme {
    /// `https`
    Https,
    /// `http`
    Http,
}

impl Scheme {
    /// The scheme git named. Only the exact word counts: git compares protocols byte for byte
    /// (gitcredentials(7), "Credential contexts").
    pub fn from_bytes(protocol: &[u8]) -> Option<Self> {
        match protocol {
            b"https" => Some(Self::Https),
            b"http" => Some(Self::Http),
            _ => None,
        }
    }

    /// The word in a URL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Https => "https",
            Self::Http => "http",
        }
    }

    /// The port that goes without saying (RFC 9110 sections 4.2.1 and 4.2.2).
    pub fn default_port(self) -> u16 {
        match self {
            Self::Https => 443,
            Self::Http => 80,
        }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A host and, where it is not the scheme's own, a port.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Authority {
    /// Lower-case ASCII without a trailing dot; IPv6 in brackets, in its canonical form.
    pub host: String,
    /// The port, unless it is the scheme's default.
    pub port: Option<u16>,
}

impl Authority {
    /// Reads `host` or `host:port`. One trailing dot of the name is dropped, since it is the same
    /// host in DNS and to git's URL matching.
    pub fn parse(scheme: Scheme, text: &[u8]) -> Option<Self> {
        // Room for brackets aside, a port takes six characters more.
        if text.len() > HOST_MAX + 1 + 6 || !text.is_ascii() {
            return None;
        }
        let text = std::str::from_utf8(text).ok()?;
        let (host, port) = if let Some(bracketed) = text.strip_prefix('[') {
            let (address, rest) = bracketed.split_once(']')?;
            let address: Ipv6Addr = address.parse().ok()?;
            let port = if rest.is_empty() { None } else { Some(rest.strip_prefix(':')?) };
            (format!("[{address}]"), port)
        } else {
            let (host, port) = match text.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (text, None),
            };
            (host_name(host)?, port)
        };
        let port = match port {
            Some(digits) => Some(port_number(digits)?).filter(|p| *p != scheme.default_port()),
            None => None,
        };
        Some(Self { host, port })
    }

    /// Whether the host is this machine, whatever DNS says (RFC 6761 section 6.3, RFC 8252
    /// section 7.3).
    pub fn is_loopback(&self) -> bool {
        let ipv6 = self.host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        self.host == "localhost"
            || self.host.parse::<Ipv4Addr>().is_ok_and(|ip| ip.is_loopback())
            || ipv6.is_some_and(|ip| ip.parse::<Ipv6Addr>().is_ok_and(|ip| ip.is_loopback()))
    }
}

impl fmt::Display for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            Some(port) => write!(f, "{}:{port}", self.host),
            None => f.write_str(&self.host),
        }
    }
}

/// A DNS name, or an IPv4 address as written. Underscores are let in: Windows hosts have them.
fn host_name(text: &str) -> Option<String> {
    let name = text.strip_suffix('.').unwrap_or(text);
    let label = |label: &str| {
        (1..=LABEL_MAX).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    (name.len() <= HOST_MAX && name.split('.').all(label)).then(|| name.to_ascii_lowercase())
}

/// 1 to 65535 without sign or leading zero: every reader agrees on those.
fn port_number(digits: &str) -> Option<u16> {
    let plain = digits.bytes().all(|b| b.is_ascii_digit()) && !digits.starts_with('0');
    if plain { digits.parse().ok() } else { None }
}

/// Where a request goes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Place {
    /// `dev.azure.com`: the organization is in the path.
    DevAzure,
    /// `{org}.visualstudio.com`.
    VisualStudio {
        /// The label.
        organization: Organization,
    },
    /// Any other host: an Azure DevOps Server if an integration says so, else none of ours.
    Other(Authority),
}

impl Place {
    /// The place a host names; `None` where it is no host. Cloud hosts are recognised over plain
    /// `http` as well, so that the caller can refuse in words; on another port they are `Other`,
    /// since nothing of Microsoft's listens there.
    pub fn of(scheme: Scheme, host: &[u8]) -> Option<Self> {
        Authority::parse(scheme, host).map(Self::from_authority)
    }

    fn from_authority(authority: Authority) -> Self {
        if authority.port.is_some() {
            return Self::Other(authority);
        }
        if authority.host == DEV_AZURE {
            return Self::DevAzure;
        }
        let label = authority.host.strip_suffix(VISUAL_STUDIO);
        match label.filter(|l| !SERVICE_LABELS.contains(l)).and_then(Organization::cloud) {
            Some(organization) => Self::VisualStudio { organization },
            None => Self::Other(authority),
        }
    }

    /// Whether this is Azure DevOps Services.
    pub fn is_cloud(&self) -> bool {
        !matches!(self, Self::Other(_))
    }

    /// The host and port of it.
    pub fn authority(&self) -> Authority {
        match self {
            Self::DevAzure => Authority { host: DEV_AZURE.to_owned(), port: None },
            Self::VisualStudio { organization } => {
                Authority { host: format!("{organization}{VISUAL_STUDIO}"), port: None }
            }
            Self::Other(authority) => authority.clone(),
        }
    }
}

/// `host[:port]`.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.authority().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_host_is_the_cloud_in_each_of_its_spellings_and_in_no_other() {
        use Scheme::{Http, Https};
        // What the place prints as, and whether it is the cloud; "" is no host at all.
        for (scheme, host, want, cloud) in [
            (Https, "dev.azure.com", "dev.azure.com", true),
            (Https, "DEV.Azure.com", "dev.azure.com", true),
            (Https, "dev.azure.com.", "dev.azure.com", true),
            (Https, "dev.azure.com:443", "dev.azure.com", true),
            (Https, "dev.azure.com.:443", "dev.azure.com", true),
            (Http, "dev.azure.com", "dev.azure.com", true),
            (Http, "dev.azure.com:80", "dev.azure.com", true),
            (Http, "dev.azure.com:443", "dev.azure.com:443", false),
            (Https, "dev.azure.com:8443", "dev.azure.com:8443", false),
            (Https, "contoso.visualstudio.com", "contoso.visualstudio.com", true),
            (Https, "Contoso.VisualStudio.com:443", "contoso.visualstudio.com", true),
            (Https, "contoso.visualstudio.com:8080", "contoso.visualstudio.com:8080", false),
            (Https, "a.b.visualstudio.com", "a.b.visualstudio.com", false),
            (Https, "app.vssps.visualstudio.com", "app.vssps.visualstudio.com", false),
            (Https, "vs-ssh.visualstudio.com", "vs-ssh.visualstudio.com", false),
            (Https, "www.visualstudio.com", "www.visualstudio.com", false),
            (Https, "-a.visualstudio.com", "-a.visualstudio.com", false),
            (Https, "visualstudio.com", "visualstudio.com", false),
            (Https, "evil-dev.azure.com", "evil-dev.azure.com", false),
            (Https, "org.dev.azure.com", "org.dev.azure.com", false),
            (Https, "dev.azure.com.evil.example", "dev.azure.com.evil.example", false),
            (Https, "evilvisualstudio.com", "evilvisualstudio.com", false),
            (Https, "github.com", "github.com", false),
            (Https, "tfs_01.corp.example:8080", "tfs_01.corp.example:8080", false),
            (Http, "tfs:80", "tfs", false),
            (Https, "10.0.0.7:8080", "10.0.0.7:8080", false),
            (Https, "[::1]:8080", "[::1]:8080", false),
            (Https, "[0:0::1]:443", "[::1]", false),
            (Https, "", "", false),
            (Https, ".", "", false),
            (Https, ".visualstudio.com", "", false),
            (Https, "dev..azure.com", "", false),
            (Https, "dev.azure.com..", "", false),
            (Https, "dev.azure.com:443:evil.example", "", false),
            (Https, "dev.azure.com@evil.example", "", false),
            (Https, "dev.azure.com/.evil.example", "", false),
            (Https, "dev.azure.com\\evil.example", "", false),
            (Https, "dev.azure.com?x", "", false),
            (Https, "dev.azure.com#x", "", false),
            (Https, "dev%2eazure.com", "", false),
            (Https, "dev.azure.com\0", "", false),
            (Https, " dev.azure.com", "", false),
            (Https, "d\u{435}v.azure.com", "", false),
            (Https, "host:", "", false),
            (Https, "host:0", "", false),
            (Https, "host:0443", "", false),
            (Https, "host:+443", "", false),
            (Https, "host:65536", "", false),
            (Https, "[::1", "", false),
            (Https, "[::1]8080", "", false),
            (Https, "[::1%25eth0]", "", false),
            (Https, "::1", "", false),
        ] {
            let place = Place::of(scheme, host.as_bytes());
            assert_eq!(place.as_ref().map(Place::to_string).unwrap_or_default(), want, "{host}");
            assert_eq!(place.is_some_and(|p| p.is_cloud()), cloud, "{host}");
        }
        assert_eq!(Place::of(Https, b"d\xd0\xb5v.azure.com"), None);
        assert_eq!(Place::of(Https, &vec![b'a'; 400]), None);
    }

    #[test]
    fn protocols_and_loopback() {
        assert_eq!(Scheme::from_bytes(b"https"), Some(Scheme::Https));
        assert_eq!(Scheme::from_bytes(b"http"), Some(Scheme::Http));
        for other in [&b"HTTPS"[..], b"cert", b"smtp", b"https ", b""] {
            assert_eq!(Scheme::from_bytes(other), None);
        }
        for (host, want) in [
            ("localhost:81", true),
            ("127.8.0.1", true),
            ("[::1]", true),
            ("localhost.example", false),
            ("127.evil.example", false),
            ("[::2]", false),
        ] {
            let authority = Authority::parse(Scheme::Http, host.as_bytes()).expect("a host");
            assert_eq!(authority.is_loopback(), want, "{host}");
        }
    }

    proptest! {
        #[test]
        fn a_host_of_any_bytes_does_no_harm(host in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = Place::of(Scheme::Https, &host);
        }

        #[test]
        fn what_is_printed_reads_back(host in "[a-zA-Z0-9.:_\\[\\]-]{0,40}") {
            if let Some(place) = Place::of(Scheme::Https, host.as_bytes()) {
                prop_assert_eq!(Place::of(Scheme::Https, place.to_string().as_bytes()), Some(place));
            }
        }
    }
}
