//! What the path of a request says: organization, project, repository.
//!
//! git hands the path over percent-decoded, outer slashes trimmed, with the query still on it.
//! Other callers (libgit2, editors) hand it over as it stands in the address, percent-encoded: both
//! forms name the same collection, project and repository. A cloud organization needs no encoding,
//! so none is undone there. The organization decides which PAT is given out, so it is read strictly;
//! project and repository are only ever shown.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use super::organization::Organization;
use super::place::Place;
use super::virtual_directory::VirtualDirectory;

/// The name every organization's only collection has in the former address.
const DEFAULT_COLLECTION: &str = "DefaultCollection";

/// What marks the repository in a path.
const GIT: &str = "_git";

/// Names that may stand between `_git` and the repository, for partial clones by other tools.
const GIT_VARIANTS: [&str; 2] = ["_full", "_optimized"];

/// Whether a name between `_git` and the repository is one of those.
pub(super) fn is_git_variant(name: &str) -> bool {
    GIT_VARIANTS.contains(&name)
}

/// What a path says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RemotePath {
    /// The organization, or a Server's collection.
    pub organization: Option<Organization>,
    /// A path was given but names no organization: it is malformed, or on a Server not below the
    /// virtual directory. Nothing may be put in the organization's place then, neither the host's
    /// default nor a username, since the request is not for it.
    pub refused: bool,
    /// The project as typed. The same as the repository where the path leaves it out.
    pub project: Option<String>,
    /// The repository as typed, without `.git`. For showing only: never a key.
    pub repository: Option<String>,
}

impl RemotePath {
    /// Reads the path git sent for a place. The virtual directory matters on a Server only.
    pub fn of(place: &Place, virtual_directory: &VirtualDirectory, path: Option<&[u8]>) -> Self {
        let path = path.unwrap_or_default();
        let read = std::str::from_utf8(path).ok().and_then(Segments::of);
        let Some(Segments { names, open_query }) = read else {
            // The label names the organization whatever the path is.
            return Self {
                organization: label(place),
                refused: label(place).is_none(),
                ..Self::default()
            };
        };
        match place {
            Place::VisualStudio { organization } => {
                let skip =
                    names.first().is_some_and(|n| n.eq_ignore_ascii_case(DEFAULT_COLLECTION));
                Self::told(organization.clone(), &names[usize::from(skip)..])
            }
            Place::DevAzure => Self::first(&names, open_query, Organization::cloud),
            Place::Other(_) if names.is_empty() => Self::default(),
            Place::Other(_) => {
                let decoded: Vec<_> = names.iter().map(|name| decoded(name)).collect();
                let decoded: Vec<&str> = decoded.iter().map(|name| &**name).collect();
                match virtual_directory.below(&decoded) {
                    Some(below) => Self::first(below, open_query, Organization::collection),
                    None => Self { refused: true, ..Self::default() },
                }
            }
        }
    }

    /// The organization is the first name. A query right behind it may be part of a name that was
    /// percent-encoded, so that is refused.
    fn first(
        names: &[&str],
        open_query: bool,
        read: impl Fn(&str) -> Option<Organization>,
    ) -> Self {
        let Some((first, rest)) = names.split_first() else {
            return Self { refused: open_query, ..Self::default() };
        };
        match read(first).filter(|_| !(open_query && rest.is_empty())) {
            Some(organization) => Self::told(organization, rest),
            None => Self { refused: true, ..Self::default() },
        }
    }

    /// Project and repository from what follows the organization.
    fn told(organization: Organization, names: &[&str]) -> Self {
        let mark = names.iter().position(|n| n.eq_ignore_ascii_case(GIT));
        let repository = mark.and_then(|at| match &names[at + 1..] {
            [variant, name, ..] if is_git_variant(variant) => Some(*name),
            [name, ..] => Some(*name),
            [] => None,
        });
        let repository =
            repository.map(|n| decoded(n.strip_suffix(".git").unwrap_or(n)).into_owned());
        let project = match (mark, names.first()) {
            (Some(0), _) => repository.clone(),
            // `_apis`, `_packaging` and the like are no projects.
            (_, Some(name)) if !name.starts_with('_') => Some(decoded(name).into_owned()),
            _ => None,
        };
        Self { organization: Some(organization), refused: false, project, repository }
    }
}

/// The organization a place names by itself.
fn label(place: &Place) -> Option<Organization> {
    match place {
        Place::VisualStudio { organization } => Some(organization.clone()),
        Place::DevAzure | Place::Other(_) => None,
    }
}

/// A path taken apart.
struct Segments<'a> {
    names: Vec<&'a str>,
    /// The last name runs straight into a query.
    open_query: bool,
}

impl<'a> Segments<'a> {
    /// `None` for control characters and for `.` and `..`: curl resolves those before it sends the
    /// request, which would then be for another organization than the one read here.
    fn of(path: &'a str) -> Option<Self> {
        let (path, query) = path.split_once('?').map_or((path, false), |(path, _)| (path, true));
        let names: Vec<_> = path.split('/').filter(|n| !n.is_empty()).collect();
        let odd = |n: &&str| {
            let n = decoded(n);
            matches!(&*n, "." | "..") || n.contains(char::is_control)
        };
        let open_query = query && !path.ends_with('/');
        (!names.iter().any(odd)).then_some(Self { names, open_query })
    }
}

/// A name as it reads, where it is percent-encoded as a whole. What is not is text that git has
/// decoded, in which a percent sign stands for itself; so is what would be no name any more.
pub(super) fn decoded(name: &str) -> Cow<'_, str> {
    let is_escape = |(at, _): (usize, &str)| {
        let digits = name.as_bytes().get(at + 1..at + 3);
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    };
    if !name.contains('%') || !name.match_indices('%').all(is_escape) {
        return Cow::Borrowed(name);
    }
    match percent_decode_str(name).decode_utf8() {
        Ok(decoded) if !decoded.contains(['/', '\\']) => decoded,
        _ => Cow::Borrowed(name),
    }
}

/// The organization a URL's username names: `https://contoso@dev.azure.com/…`, the form the
/// portal offers for cloning, puts the organization there. Only on dev.azure.com, and only in an
/// organization's form; an account (`a@b`) or a PAT (too long) never is one. Whether it is a
/// username this helper hands out itself, the caller knows.
pub fn organization_in_username(place: &Place, username: &[u8]) -> Option<Organization> {
    match place {
        Place::DevAzure => std::str::from_utf8(username).ok().and_then(Organization::cloud),
        Place::VisualStudio { .. } | Place::Other(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::place::Scheme;
    use super::*;

    fn place(host: &str) -> Place {
        Place::of(Scheme::Https, host.as_bytes()).expect("a host")
    }

    fn read(host: &str, directory: &str, path: Option<&[u8]>) -> RemotePath {
        let directory = VirtualDirectory::parse(directory).expect("a directory");
        RemotePath::of(&place(host), &directory, path)
    }

    #[test]
    fn organization_project_and_repository_are_read_from_each_form_of_path() {
        const DEV: &str = "dev.azure.com";
        const VS: &str = "Contoso.visualstudio.com";
        const TFS: &str = "tfs.corp.example:8080";
        // Organization, project, repository; "-" is none, "!" is refused.
        for (host, directory, path, want) in [
            (DEV, "/", "contoso/proj/_git/repo", "contoso proj repo"),
            (DEV, "/", "/Contoso/Proj/_git/Repo/", "contoso Proj Repo"),
            (DEV, "/", "contoso/_git/repo", "contoso repo repo"),
            (DEV, "/", "contoso/p/_git/_full/r", "contoso p r"),
            (DEV, "/", "contoso/p/_git/_optimized/r.git", "contoso p r"),
            (DEV, "/", "contoso/p/_git/_full", "contoso p _full"),
            (DEV, "/", "contoso/p/_git/r.git/info/lfs", "contoso p r"),
            (DEV, "/", "contoso/p/_git/r?x=1", "contoso p r"),
            (DEV, "/", "contoso/p?path=/a/_git/b", "contoso p -"),
            (DEV, "/", "contoso/C#/_git/r", "contoso C# r"),
            (DEV, "/", "contoso", "contoso - -"),
            (DEV, "/", "contoso/_apis/git", "contoso - -"),
            (DEV, "/", "contoso/p/_git", "contoso p -"),
            (DEV, "/", "contoso/?x", "contoso - -"),
            (DEV, "/", "contoso?x=1", "! - -"),
            (DEV, "/", "cont#oso/p", "! - -"),
            (DEV, "/", "org1.git/p/_git/r", "! - -"),
            (DEV, "/", "_git/r", "! - -"),
            (DEV, "/", "contoso/../fabrikam/_git/r", "! - -"),
            (DEV, "/", "?x=1", "! - -"),
            (DEV, "/", "", "- - -"),
            // The directory is a Server's matter.
            (DEV, "/tfs", "contoso/p/_git/r", "contoso p r"),
            (VS, "/", "proj/_git/repo", "contoso proj repo"),
            (VS, "/", "DefaultCollection/proj/_git/repo", "contoso proj repo"),
            (VS, "/", "defaultcollection/_git/repo", "contoso repo repo"),
            (VS, "/", "_git/repo", "contoso repo repo"),
            (VS, "/", "fabrikam/../x", "contoso - -"),
            (VS, "/", "", "contoso - -"),
            (TFS, "/tfs", "tfs/Main/proj/_git/repo", "main proj repo"),
            (TFS, "/tfs", "TFS/Main/_git/repo", "main repo repo"),
            (TFS, "/tfs", "tfs", "- - -"),
            (TFS, "/tfs", "", "- - -"),
            (TFS, "/tfs", "tfs2/Main/_git/r", "! - -"),
            (TFS, "/tfs", "Main/_git/r", "! - -"),
            (TFS, "/", "foo.git", "foo.git - -"),
            (TFS, "/", "Main?x", "! - -"),
            (TFS, "/", "Main/../x", "! - -"),
            (TFS, "/a/b", "A/b/Main/p/_git/r", "main p r"),
            (TFS, "/a/b", "a/Main/p/_git/r", "! - -"),
        ] {
            let got = read(host, directory, Some(path.as_bytes()));
            let organization = got.organization.map(|o| o.to_string());
            let none = if got.refused { "!" } else { "-" };
            let shown = format!(
                "{} {} {}",
                organization.as_deref().unwrap_or(none),
                got.project.as_deref().unwrap_or("-"),
                got.repository.as_deref().unwrap_or("-")
            );
            assert_eq!(shown, want, "{host} {directory} {path}");
        }
    }

    /// Callers that are not git pass the path as it stands in the address.
    #[test]
    fn an_encoded_path_names_what_the_plain_one_names() {
        for (host, directory, encoded, plain) in [
            ("tfs", "/my tfs", "my%20tfs/My%20Team/p/_git/r", "my tfs/My Team/p/_git/r"),
            ("tfs", "/", "T%C3%A9am/a%20b/_git/c%20d", "Téam/a b/_git/c d"),
            ("tfs", "/", "A%26B/p/_git/r", "A&B/p/_git/r"),
            ("dev.azure.com", "/", "contoso/My%20Proj/_git/r%20s", "contoso/My Proj/_git/r s"),
            ("contoso.visualstudio.com", "/", "My%20Proj/_git/r", "My Proj/_git/r"),
        ] {
            let of = |path: &str| read(host, directory, Some(path.as_bytes()));
            assert_eq!(of(encoded), of(plain), "{encoded}");
            assert!(of(plain).organization.is_some(), "{plain}");
        }
        // What stands for itself, and what would escape from its collection or organization.
        for (host, path, want) in [
            ("tfs", "100%/p/_git/r", Some("100%")),
            ("tfs", "a%zz/p/_git/r", Some("a%zz")),
            ("tfs", "A%2FB/p/_git/r", Some("a%2fb")),
            ("tfs", "A%5CB/p/_git/r", Some("a%5cb")),
            ("tfs", "A%2520B/p/_git/r", Some("a%20b")),
            ("tfs", "A/%2e%2e/B/_git/r", None),
            ("tfs", "A/.%2E/B/_git/r", None),
            ("tfs", "A%00/p/_git/r", None),
            ("tfs", "A%3Fx/p/_git/r", None),
            ("dev.azure.com", "cont%6fso/p/_git/r", None),
            ("dev.azure.com", "contoso/%2e%2e/fabrikam/_git/r", None),
            ("dev.azure.com", "contoso%2Ffabrikam/p/_git/r", None),
        ] {
            let got = read(host, "/", Some(path.as_bytes()));
            assert_eq!(got.organization.as_ref().map(Organization::as_str), want, "{path}");
            assert_eq!(got.refused, want.is_none(), "{path}");
        }
    }

    #[test]
    fn odd_paths() {
        let spaces = read("dev.azure.com", "/", Some(b"org/My Proj/_git/r?x=1"));
        assert_eq!(spaces.project.as_deref(), Some("My Proj"));
        let team = read("tfs", "/", Some(b"My Team/p/_git/r"));
        assert_eq!(team.organization, Organization::collection("my team"));
        assert!(read("dev.azure.com", "/", Some(b"org\xff/p")).refused);
        assert!(read("dev.azure.com", "/", Some(b"org/p\nq")).refused);
        assert_eq!(
            read("contoso.visualstudio.com", "/", Some(b"\xff")).organization,
            Organization::cloud("contoso")
        );
        assert_eq!(read("dev.azure.com", "/", None), RemotePath::default());
    }

    #[test]
    fn usernames() {
        for (host, username, want) in [
            ("dev.azure.com", "Contoso", Some("contoso")),
            ("dev.azure.com", "ada@contoso.example", None),
            ("dev.azure.com", "", None),
            ("dev.azure.com", &"a".repeat(52), None),
            ("contoso.visualstudio.com", "fabrikam", None),
            ("tfs", "contoso", None),
        ] {
            let got = organization_in_username(&place(host), username.as_bytes());
            assert_eq!(got.as_ref().map(Organization::as_str), want, "{host} {username}");
        }
    }

    proptest! {
        #[test]
        fn a_path_of_any_bytes_that_is_refused_names_no_organization(path in proptest::collection::vec(any::<u8>(), 0..80)) {
            for host in ["dev.azure.com", "o.visualstudio.com", "tfs"] {
                let got = read(host, "/tfs", Some(&path));
                prop_assert!(!(got.refused && got.organization.is_some()));
            }
        }

        #[test]
        fn an_organization_is_the_first_name(path in "[a-z?#./_-]{0,30}") {
            let got = read("dev.azure.com", "/", Some(path.as_bytes()));
            if let Some(organization) = got.organization {
                prop_assert!(path.trim_start_matches('/').starts_with(organization.as_str()));
            }
        }
    }
}
