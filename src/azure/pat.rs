//! Personal access tokens: their form, the page that makes them, and when they run out.

use super::home::home_url;
use super::organization::Organization;
use super::place::{Place, Scheme};
use super::virtual_directory::VirtualDirectory;

/// How long a PAT lives where its owner does not say: what the portal's form offers first ("Use
/// personal access tokens").
pub const DEFAULT_LIFETIME_DAYS: u32 = 30;

/// From how many days before its end a PAT is worth a warning.
pub const WARNING_DAYS: i64 = 3;

/// The name that a token without one is given with: Azure DevOps takes any ("Use personal access
/// tokens"), but a git before 2.46 sends nothing at all where it is empty.
pub const ANY_NAME: &str = "pat";

/// What to tick on the page, in its own words.
pub const SCOPE_TO_TICK: &str = "Custom defined → Code: Read & write";

const DAY: i64 = 24 * 60 * 60;

/// What a password looks like. A hint: Azure promises none of these forms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A PAT as made since 2024: 84 characters, `AZDO` at the 77th.
    Current,
    /// A PAT as made before: 52 characters of base 32.
    Former,
    /// A JSON web token, so an OAuth token, and certainly no PAT.
    Jwt,
    /// Anything else; it may be a PAT all the same.
    Unknown,
}

/// The form of a password. The two PAT forms are those Microsoft's own client library tells apart
/// (azure-devops-node-api, WebApi.ts; Purview's "Azure DevOps personal access token").
pub fn form(password: &[u8]) -> Form {
    let letters = password.iter().all(u8::is_ascii_alphanumeric);
    let base32 = |b: &u8| b.is_ascii_alphabetic() || matches!(b, b'2'..=b'7');
    match password.len() {
        84 if letters && &password[76..80] == b"AZDO" => Form::Current,
        52 if password.iter().all(base32) => Form::Former,
        _ if looks_like_jwt(password) => Form::Jwt,
        _ => Form::Unknown,
    }
}

/// Whether a text that should be a name is a token instead.
pub fn is_token(text: &[u8]) -> bool {
    form(text) != Form::Unknown
}

/// Whether this has the form of a signed (three parts) or encrypted (five) JSON web token, RFC
/// 7515 section 7.1 and RFC 7516 section 7.1. `eyJ` is base64 for the `{"` a header begins with.
/// Parts after the first may be empty, as a signature is for `alg: none`.
pub fn looks_like_jwt(password: &[u8]) -> bool {
    let alphabet = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    let dots = password.iter().filter(|b| **b == b'.').count();
    password.starts_with(b"eyJ") && matches!(dots, 2 | 4) && password.iter().all(alphabet)
}

/// The page that lists the owner's PATs, where each can be revoked. Without an organization there
/// is no such page on the cloud, and the address is the host's own.
pub fn token_list_url(
    scheme: Scheme,
    place: &Place,
    virtual_directory: &VirtualDirectory,
    organization: Option<&Organization>,
) -> String {
    let home = home_url(scheme, place, virtual_directory, organization);
    match (place, organization) {
        (Place::DevAzure, None) => format!("{home}/"),
        _ => format!("{home}/_usersSettings/tokens"),
    }
}

/// The page where the owner makes a PAT, opened at the form where the portal lets it be. Azure has
/// no way to fill the form in from an address.
pub fn token_page_url(
    scheme: Scheme,
    place: &Place,
    virtual_directory: &VirtualDirectory,
    organization: Option<&Organization>,
) -> String {
    let list = token_list_url(scheme, place, virtual_directory, organization);
    match (place, organization) {
        (Place::DevAzure, None) => list,
        _ => format!("{list}?action=edit"),
    }
}

/// How near a PAT is to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expiry {
    /// It is over.
    Over,
    /// It ends within [`WARNING_DAYS`].
    Soon {
        /// Whole days left; 0 is less than a day.
        days: i64,
    },
}

impl Expiry {
    /// How a sentence about a PAT goes on: "ran out", "runs out in 2 days".
    pub fn words(self) -> String {
        match self {
            Self::Over => "ran out".to_owned(),
            Self::Soon { days: 0 } => "runs out in less than a day".to_owned(),
            Self::Soon { days: 1 } => "runs out in 1 day".to_owned(),
            Self::Soon { days } => format!("runs out in {days} days"),
        }
    }
}

/// Whether an end, in Unix seconds like `now`, deserves a warning.
pub fn expiry_warning(now: i64, expires: i64) -> Option<Expiry> {
    let left = expires.saturating_sub(now);
    match left {
        ..=0 => Some(Expiry::Over),
        1.. if left <= WARNING_DAYS * DAY => Some(Expiry::Soon { days: left / DAY }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_of_a_token_is_told_by_its_length_and_mark() {
        let current = format!("{}AZDO1234", "aB3".repeat(26).split_at(76).0);
        for (password, want) in [
            (current.as_str(), Form::Current),
            (&current[1..], Form::Unknown),
            (&current.replace("AZDO", "AZD0"), Form::Unknown),
            (&"abcdefghijklmnopqrstuvwxyz".repeat(2), Form::Former),
            (&"a".repeat(51), Form::Unknown),
            (&"1".repeat(52), Form::Unknown),
            ("eyJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJ4In0.c2ln", Form::Jwt),
            ("eyJhbGciOiJub25lIn0.eyJhIjoxfQ.", Form::Jwt),
            ("eyJlbmMiOiJBMTI4R0NNIn0..aXY.Y3Q.dGFn", Form::Jwt),
            ("eyJ.a", Form::Unknown),
            ("eyJ.a.b.c", Form::Unknown),
            ("eyJhbGciOiJSUzI1NiJ9.a b.c", Form::Unknown),
            ("xyz.abc.def", Form::Unknown),
            ("hunter2", Form::Unknown),
            ("", Form::Unknown),
        ] {
            assert_eq!(form(password.as_bytes()), want, "{password}");
        }
        assert!(looks_like_jwt(b"eyJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJ4In0.c2ln"));
    }

    #[test]
    fn every_kind_of_host_has_its_page_for_new_tokens() {
        for (host, directory, organization, want) in [
            (
                "dev.azure.com",
                "/tfs",
                "Contoso",
                "https://dev.azure.com/contoso/_usersSettings/tokens?action=edit",
            ),
            ("dev.azure.com", "/", "", "https://dev.azure.com/"),
            (
                "contoso.visualstudio.com",
                "/",
                "",
                "https://contoso.visualstudio.com/_usersSettings/tokens?action=edit",
            ),
            (
                "tfs:8080",
                "/my tfs",
                "Team A&B",
                "http://tfs:8080/my%20tfs/team%20a%26b/_usersSettings/tokens?action=edit",
            ),
            ("tfs", "/", "", "http://tfs/_usersSettings/tokens?action=edit"),
        ] {
            let place = Place::of(Scheme::Http, host.as_bytes()).expect("a host");
            let directory = VirtualDirectory::parse(directory).expect("a directory");
            let organization = Organization::collection(organization);
            let got = token_page_url(Scheme::Http, &place, &directory, organization.as_ref());
            assert_eq!(got, want);
            let list = token_list_url(Scheme::Http, &place, &directory, organization.as_ref());
            assert_eq!(list, want.trim_end_matches("?action=edit"));
        }
    }

    #[test]
    fn a_token_is_warned_of_from_three_days_before_its_end() {
        for (left, want) in [
            (-1, Some("ran out")),
            (0, Some("ran out")),
            (1, Some("runs out in less than a day")),
            (DAY, Some("runs out in 1 day")),
            (3 * DAY, Some("runs out in 3 days")),
            (3 * DAY + 1, None),
            (i64::MAX, None),
        ] {
            assert_eq!(expiry_warning(0, left).map(Expiry::words).as_deref(), want, "{left}");
        }
        assert_eq!(expiry_warning(i64::MAX, i64::MIN), Some(Expiry::Over));
    }
}
