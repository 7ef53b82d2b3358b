//! Which hosts a `credential.URL` section speaks of, as git matches them. Pure.

use percent_encoding::percent_decode_str;

/// The URL of a section, or of a host we set up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct UrlPattern {
    scheme: Option<String>,
    host: Option<String>,
    port: Option<String>,
    /// Names a user or a path, so that it speaks only of some URLs of its host.
    narrow: bool,
}

impl UrlPattern {
    /// Reads the URL of a section. git also takes parts of one: `https://`, `dev.azure.com`.
    pub(super) fn parse(text: &str) -> Self {
        let (scheme, rest) = match text.split_once("://") {
            Some((scheme, rest)) => (Some(scheme.to_ascii_lowercase()), rest),
            None => (None, text),
        };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let (user, host) = match authority.rsplit_once('@') {
            Some((user, host)) => (Some(user), host),
            None => (None, authority),
        };
        let bare = host.rfind(']').map_or(0, |bracket| bracket + 1);
        let (host, port) = match host[bare..].find(':') {
            Some(colon) => (&host[..bare + colon], Some(&host[bare + colon + 1..])),
            None => (host, None),
        };
        let default = match scheme.as_deref() {
            Some("https") => "443",
            Some("http") => "80",
            _ => "",
        };
        let host = percent_decode_str(host).decode_utf8_lossy().to_ascii_lowercase();
        let host = host.trim_end_matches('.');
        Self {
            scheme,
            host: (!host.is_empty()).then(|| host.to_owned()),
            port: port
                .map(|port| port.trim_start_matches('0').to_owned())
                .filter(|port| !port.is_empty() && port != default),
            narrow: user.is_some() || !path.trim_matches('/').is_empty(),
        }
    }

    /// Whether there is a URL of which both speak.
    pub(super) fn overlaps(&self, other: &Self) -> bool {
        self.agrees(other, |mine, theirs| mine == theirs || mine == "*" || theirs == "*")
    }

    /// Whether this speaks of every URL of which `other` does.
    pub(super) fn covers(&self, other: &Self) -> bool {
        !self.narrow && self.agrees(other, |mine, theirs| mine == theirs || mine == "*")
    }

    /// Whether this speaks of no more than some URLs of its host.
    pub(super) fn is_narrow(&self) -> bool {
        self.narrow
    }

    fn agrees(&self, other: &Self, label: impl Fn(&str, &str) -> bool) -> bool {
        let scheme = match (&self.scheme, &other.scheme) {
            (Some(mine), Some(theirs)) => mine == theirs,
            _ => true,
        };
        // Without a host a section speaks of all of them, and then of every port.
        let host = match (&self.host, &other.host) {
            (Some(mine), Some(theirs)) => {
                mine.split('.').count() == theirs.split('.').count()
                    && mine.split('.').zip(theirs.split('.')).all(|(a, b)| label(a, b))
                    && self.port == other.port
            }
            _ => true,
        };
        scheme && host
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn overlaps(section: &str, target: &str) -> bool {
        UrlPattern::parse(section).overlaps(&UrlPattern::parse(target))
    }

    fn covers(section: &str, target: &str) -> bool {
        UrlPattern::parse(section).covers(&UrlPattern::parse(target))
    }

    #[test]
    fn a_section_reaches_a_host_as_in_git() {
        let cloud = "https://dev.azure.com";
        for section in [
            "https://dev.azure.com",
            "https://DEV.Azure.com:443/",
            "https://dev.azure.com/org",
            "https://org@dev.azure.com",
            "https://*.azure.com",
            "https://*.*.*",
            "https://",
            "dev.azure.com",
            "dev.azure.com/org",
            "https://dev%2eazure.com",
        ] {
            assert!(overlaps(section, cloud), "{section}");
        }
        for section in [
            "http://dev.azure.com",
            "https://dev.azure.com:8443",
            "https://*.com",
            "https://azure.com",
            "https://xdev.azure.com",
            "https://dev.azure.com.evil.example",
            "https://github.com",
            "github.com",
        ] {
            assert!(!overlaps(section, cloud), "{section}");
        }
    }

    #[test]
    fn a_wildcard_meets_every_single_label() {
        let any = "https://*.visualstudio.com";
        assert!(overlaps("https://contoso.visualstudio.com", any));
        assert!(overlaps("https://*.visualstudio.com/DefaultCollection", any));
        assert!(!overlaps("https://a.b.visualstudio.com", any));
        assert!(!overlaps("https://visualstudio.com", any));
    }

    #[test]
    fn only_a_section_for_the_whole_host_covers_it() {
        assert!(covers("https://dev.azure.com/", "https://dev.azure.com"));
        assert!(covers("https://*.azure.com", "https://dev.azure.com"));
        assert!(!covers("https://dev.azure.com/org", "https://dev.azure.com"));
        assert!(!covers("https://org@dev.azure.com", "https://dev.azure.com"));
        assert!(!covers("https://contoso.visualstudio.com", "https://*.visualstudio.com"));
        assert!(!covers("https://tfs.example", "https://tfs.example:8080"));
        assert!(covers("http://tfs.example:80", "http://tfs.example"));
        assert!(covers("https://[::1]:8443", "https://[::1]:8443"));
        assert!(!covers("https://[::1]", "https://[::1]:8443"));
    }
}
