//! The address a person types: a host, a clone URL, or the SSH form by mistake.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use url::Url;

use super::organization::Organization;
use super::pat;
use super::place::{Place, Scheme};
use crate::report::escape;

/// The longest address read, in bytes.
const MAX: usize = 4096;

/// All that RFC 3986 section 2.3 does not call unreserved.
pub(crate) const SEGMENT: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Why an address is none. One sentence each, safe to print; none repeats a user part, which may
/// be a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// Nothing there.
    #[error("the URL is empty")]
    Empty,
    /// Not an address.
    #[error("this is not a URL such as https://dev.azure.com/contoso")]
    Malformed,
    /// The host is none.
    #[error("\"{}\" is not the name of a host", escape(host))]
    Host {
        /// As typed, without the user part.
        host: String,
    },
    /// Neither https nor http.
    #[error("{} is not a protocol of Azure DevOps, use https", escape(scheme))]
    Scheme {
        /// As typed.
        scheme: String,
    },
    /// An SSH address.
    #[error("git asks no credential helper over SSH; {}", https_words(https_form.as_deref()))]
    Ssh {
        /// The same repository over HTTPS, where that can be told.
        https_form: Option<String>,
    },
    /// A password or token in the user part.
    #[error("the URL holds a password or token, take it out: URLs are kept in histories and logs")]
    Password,
}

fn https_words(form: Option<&str>) -> String {
    match form {
        Some(form) => format!("the same repository over HTTPS is {}", escape(form)),
        None => "use the repository's HTTPS address".to_owned(),
    }
}

/// An address, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteUrl {
    /// The protocol; https where none was typed.
    pub scheme: Scheme,
    /// The host.
    pub place: Place,
    /// The user part, decoded.
    pub username: Option<String>,
    /// The path, percent-decoded and without outer slashes, as git would send it; no query.
    pub path: Option<String>,
}

impl RemoteUrl {
    /// Reads what a person typed.
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(UrlError::Empty);
        }
        // The url crate would quietly drop or turn these; a person never means them.
        if text.len() > MAX || text.contains(|c: char| c.is_control() || c == '\\') {
            return Err(UrlError::Malformed);
        }
        let (scheme, rest) = match text.split_once("://") {
            Some((scheme, rest)) if is_scheme(scheme) => (scheme.to_ascii_lowercase(), rest),
            _ => ("https".to_owned(), text),
        };
        let written = rest.len() != text.len();
        let (authority, tail) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        let (user, host) = match authority.rsplit_once('@') {
            Some((user, host)) => (Some(user), host),
            None => (None, authority),
        };
        if scheme.split('+').any(|part| part == "ssh") {
            return Err(UrlError::Ssh { https_form: https_form(user, host, tail) });
        }
        if user.is_some_and(holds_secret) {
            return Err(UrlError::Password);
        }
        if !written && let Some((host, first)) = ssh_short_form(host) {
            return Err(UrlError::Ssh {
                https_form: https_form(user, host, &format!("{first}{tail}")),
            });
        }
        let known = match scheme.as_str() {
            "https" => Scheme::Https,
            "http" => Scheme::Http,
            _ => return Err(UrlError::Scheme { scheme }),
        };
        // The host is read by our own rules, since it is compared with what git sends: the url
        // crate would map d\u{435}v.azure.com and 127.1 to something else.
        let place = Place::of(known, host.as_bytes())
            .ok_or_else(|| UrlError::Host { host: host.to_owned() })?;
        let url =
            Url::parse(&format!("{known}://{authority}{tail}")).map_err(|_| UrlError::Malformed)?;
        let path = decode(url.path().trim_matches('/'))?;
        let username = decode(url.username())?;
        if username.as_deref().is_some_and(|name| pat::is_token(name.as_bytes())) {
            return Err(UrlError::Password);
        }
        Ok(Self { scheme: known, place, username, path })
    }
}

/// RFC 3986 section 3.1.
fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
}

/// Whether a user part holds more than a name.
fn holds_secret(user: &str) -> bool {
    user.contains(':') || pat::is_token(user.as_bytes())
}

/// `host:path` as git takes it for SSH, unless what follows the colon is a port. `https:` and
/// `http:` in front are a URL gone wrong.
fn ssh_short_form(host: &str) -> Option<(&str, &str)> {
    let (name, first) = host.split_once(':').filter(|_| !host.starts_with('['))?;
    let azure = matches!(name, "ssh.dev.azure.com" | "vs-ssh.visualstudio.com");
    let port = !azure && first.bytes().all(|b| b.is_ascii_digit());
    let scheme = name.eq_ignore_ascii_case("https") || name.eq_ignore_ascii_case("http");
    (!port && !scheme).then_some((name, first))
}

/// The HTTPS address of an SSH one ("Use SSH key authentication" in Azure Repos' pages): `v3/` in
/// front of organization, project and repository; before that `project/_ssh/repository` with the
/// organization as the user. For a Server nobody can tell: SSH has a port of its own there.
fn https_form(user: Option<&str>, host: &str, path: &str) -> Option<String> {
    let name = host.split_once(':').map_or(host, |(name, _)| name).to_ascii_lowercase();
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let mut names = path.split('/').filter(|n| !n.is_empty()).collect::<Vec<_>>();
    let label = name.strip_suffix(".visualstudio.com");
    if name != "ssh.dev.azure.com" && label.is_none() {
        return None;
    }
    let (organization, project, repository) = match names.as_slice() {
        ["v3", organization, project, repository] => (*organization, *project, *repository),
        _ => {
            let organization = label.filter(|l| *l != "vs-ssh").or(user)?;
            names.retain(|n| !n.eq_ignore_ascii_case("DefaultCollection"));
            match names.as_slice() {
                [project, "_ssh", repository] => (organization, *project, *repository),
                ["_ssh", repository] => (organization, *repository, *repository),
                _ => return None,
            }
        }
    };
    let organization = Organization::cloud(organization)?;
    let encode = |name: &str| {
        // Typed encoded or not: `My%20Proj` and `My Proj` are the same project.
        let name = percent_decode_str(name).decode_utf8_lossy().into_owned();
        utf8_percent_encode(&name, SEGMENT).to_string()
    };
    let (project, repository) = (encode(project), encode(repository));
    Some(format!("https://dev.azure.com/{organization}/{project}/_git/{repository}"))
}

/// Percent-decoded text; `None` where it is empty. git refuses control characters there as well.
fn decode(text: &str) -> Result<Option<String>, UrlError> {
    let text = percent_decode_str(text).decode_utf8().map_err(|_| UrlError::Malformed)?;
    if text.contains(char::is_control) {
        return Err(UrlError::Malformed);
    }
    Ok((!text.is_empty()).then(|| text.into_owned()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn addresses() {
        // Scheme, host, username, path; "-" is none.
        for (text, want) in [
            ("https://dev.azure.com/contoso", "https dev.azure.com - contoso"),
            ("https://dev.azure.com", "https dev.azure.com - -"),
            ("https://dev.azure.com/", "https dev.azure.com - -"),
            ("dev.azure.com", "https dev.azure.com - -"),
            (" dev.azure.com/contoso/ ", "https dev.azure.com - contoso"),
            ("HTTPS://DEV.azure.com:443/Contoso", "https dev.azure.com - Contoso"),
            ("contoso.visualstudio.com", "https contoso.visualstudio.com - -"),
            (
                "https://contoso@dev.azure.com/contoso/My%20Proj/_git/r?path=/x#y",
                "https dev.azure.com contoso contoso/My Proj/_git/r",
            ),
            ("contoso@dev.azure.com", "https dev.azure.com contoso -"),
            ("https://ada%40x.example@dev.azure.com", "https dev.azure.com ada@x.example -"),
            ("https://dev.azure.com/contoso/_git/r", "https dev.azure.com - contoso/_git/r"),
            (
                "https://contoso.visualstudio.com/DefaultCollection/p/_git/r",
                "https contoso.visualstudio.com - DefaultCollection/p/_git/r",
            ),
            ("tfs.corp.example:8080/tfs", "https tfs.corp.example:8080 - tfs"),
            ("http://tfs:8080/tfs/Main/p/_git/R", "http tfs:8080 - tfs/Main/p/_git/R"),
            ("[::1]:8080/tfs", "https [::1]:8080 - tfs"),
            ("http://localhost:3000", "http localhost:3000 - -"),
            ("https://dev.azure.com/a/../b", "https dev.azure.com - b"),
            ("https://dev.azure.com/My Proj", "https dev.azure.com - My Proj"),
        ] {
            let url = RemoteUrl::parse(text).expect(text);
            let or = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
            let shown =
                format!("{} {} {} {}", url.scheme, url.place, or(&url.username), or(&url.path));
            assert_eq!(shown, want, "{text}");
        }
    }

    #[test]
    fn ssh() {
        const REPO: &str = "https://dev.azure.com/contoso/My%20Proj/_git/repo";
        for (text, want) in [
            ("git@ssh.dev.azure.com:v3/contoso/My%20Proj/repo", Some(REPO)),
            ("git@ssh.dev.azure.com:v3/Contoso/My Proj/repo", Some(REPO)),
            ("ssh://git@ssh.dev.azure.com/v3/contoso/My%20Proj/repo", Some(REPO)),
            ("ssh://git@ssh.dev.azure.com:22/v3/contoso/My%20Proj/repo", Some(REPO)),
            ("contoso@vs-ssh.visualstudio.com:v3/contoso/My%20Proj/repo", Some(REPO)),
            ("ssh://contoso@vs-ssh.visualstudio.com:22/My%20Proj/_ssh/repo", Some(REPO)),
            (
                "ssh://contoso@contoso.visualstudio.com:22/DefaultCollection/_ssh/repo",
                Some("https://dev.azure.com/contoso/repo/_git/repo"),
            ),
            ("git@ssh.dev.azure.com:v3/contoso", None),
            ("ssh://tfs.corp.example:22/tfs/Main/p/_git/r", None),
            ("git+ssh://host/x", None),
            ("git@github.com:a/b.git", None),
            ("host:repo.git", None),
        ] {
            let want = UrlError::Ssh { https_form: want.map(str::to_owned) };
            assert_eq!(RemoteUrl::parse(text), Err(want), "{text}");
        }
    }

    #[test]
    fn refusals() {
        let pat = format!("https://{}AZDO1234@dev.azure.com/contoso", "a".repeat(76));
        for (text, want) in [
            ("", UrlError::Empty),
            ("  ", UrlError::Empty),
            ("https://u:hunter2@dev.azure.com", UrlError::Password),
            ("u:hunter2@dev.azure.com/contoso", UrlError::Password),
            ("https://:hunter2@dev.azure.com", UrlError::Password),
            (&pat, UrlError::Password),
            ("ftp://dev.azure.com", UrlError::Scheme { scheme: "ftp".to_owned() }),
            ("https://", UrlError::Host { host: String::new() }),
            ("https://a b/", UrlError::Host { host: "a b".to_owned() }),
            ("https://d\u{435}v.azure.com", UrlError::Host { host: "d\u{435}v.azure.com".into() }),
            ("https:dev.azure.com", UrlError::Host { host: "https:dev.azure.com".to_owned() }),
            ("https://dev.azure.com\\@evil.example", UrlError::Malformed),
            ("https://dev.azure.com/a\u{7}", UrlError::Malformed),
            ("https://dev.azure.com/a%0ab", UrlError::Malformed),
            ("https://dev.azure.com/%ff", UrlError::Malformed),
        ] {
            let got = RemoteUrl::parse(text).expect_err(text);
            assert_eq!(got, want, "{text}");
            assert!(!got.to_string().contains("hunter2"));
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC{0,60}") {
            let _ = RemoteUrl::parse(&text).map_err(|e| e.to_string());
        }

        #[test]
        fn a_password_is_never_repeated(host in "[a-z.:/@]{0,12}", prefix in "(https?|ssh|x)://|") {
            if let Err(error) = RemoteUrl::parse(&format!("{prefix}u:hunter2@{host}")) {
                prop_assert!(!error.to_string().contains("hunter2"), "{}", error);
            }
        }
    }
}
