//! Where an organization or collection is: the address below which all of it answers.

use percent_encoding::utf8_percent_encode;

use super::organization::Organization;
use super::place::{Place, Scheme};
use super::remote::{decoded, is_git_variant};
use super::url::SEGMENT;
use super::virtual_directory::VirtualDirectory;

/// The address of an organization or of a Server's collection, without a trailing slash; of the
/// host or the whole Server where none is named.
pub fn home_url(
    scheme: Scheme,
    place: &Place,
    virtual_directory: &VirtualDirectory,
    organization: Option<&Organization>,
) -> String {
    let mut address = match place {
        // No cloud host is ever meant over plain http, whatever a clone URL says.
        Place::DevAzure | Place::VisualStudio { .. } => format!("https://{place}"),
        Place::Other(authority) => format!("{scheme}://{authority}"),
    };
    let mut push = |name: &str| {
        address.push('/');
        address.extend(utf8_percent_encode(name, SEGMENT));
    };
    if let Place::Other(_) = place {
        virtual_directory.segments().for_each(&mut push);
    }
    // The other cloud host has the organization in its name.
    if let (Place::DevAzure | Place::Other(_), Some(organization)) = (place, organization) {
        push(organization.as_str());
    }
    address
}

/// The address of the repository that a path names, without a trailing slash; `None` if it names
/// none. What follows the repository's name, such as `info/lfs`, is left out. The path is that of
/// git's request, percent-decoded or not.
pub fn repository_url(scheme: Scheme, place: &Place, path: &[u8]) -> Option<String> {
    let path = std::str::from_utf8(path).ok()?;
    let path = path.split_once('?').map_or(path, |(path, _)| path);
    let names: Vec<&str> = path.split('/').filter(|name| !name.is_empty()).collect();
    // They would lead to another organization's repository.
    if names.iter().any(|name| matches!(&*decoded(name), "." | "..")) {
        return None;
    }
    let mark = names.iter().position(|name| name.eq_ignore_ascii_case("_git"))?;
    let variant = names.get(mark + 1).is_some_and(|name| is_git_variant(name));
    let end = mark + if variant { 3 } else { 2 };
    let mut address = home_url(scheme, place, &VirtualDirectory::default(), None);
    for name in names.get(..end)? {
        address.push('/');
        address.extend(utf8_percent_encode(&decoded(name), SEGMENT));
    }
    Some(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_is_asked_at_its_own_address() {
        for (host, path, want) in [
            ("dev.azure.com", "contoso/app/_git/app", "https://dev.azure.com/contoso/app/_git/app"),
            (
                "dev.azure.com",
                "contoso/My App/_git/a b/info/lfs",
                "https://dev.azure.com/contoso/My%20App/_git/a%20b",
            ),
            (
                "dev.azure.com",
                "contoso/My%20App/_git/a%20b",
                "https://dev.azure.com/contoso/My%20App/_git/a%20b",
            ),
            ("contoso.visualstudio.com", "_git/app?x", "https://contoso.visualstudio.com/_git/app"),
            (
                "dev.azure.com",
                "contoso/app/_git/_full/app",
                "https://dev.azure.com/contoso/app/_git/_full/app",
            ),
            ("tfs:8080", "tfs/A b/app/_git/app", "http://tfs:8080/tfs/A%20b/app/_git/app"),
            ("dev.azure.com", "contoso/../fabrikam/_git/app", ""),
            ("dev.azure.com", "contoso/%2E%2e/fabrikam/_git/app", ""),
            ("dev.azure.com", "contoso/app/_git", ""),
            ("dev.azure.com", "contoso", ""),
        ] {
            let place = Place::of(Scheme::Http, host.as_bytes()).expect("a host");
            let got = repository_url(Scheme::Http, &place, path.as_bytes());
            assert_eq!(got.unwrap_or_default(), want);
        }
    }

    #[test]
    fn every_kind_of_host_has_its_address() {
        for (host, directory, organization, want) in [
            ("dev.azure.com", "/tfs", "Contoso", "https://dev.azure.com/contoso"),
            ("dev.azure.com", "/", "", "https://dev.azure.com"),
            ("contoso.visualstudio.com", "/", "contoso", "https://contoso.visualstudio.com"),
            ("tfs:8080", "/my tfs", "Team A&B", "http://tfs:8080/my%20tfs/team%20a%26b"),
            ("tfs", "/a/b", "", "http://tfs/a/b"),
            ("tfs", "/", "", "http://tfs"),
        ] {
            let place = Place::of(Scheme::Http, host.as_bytes()).expect("a host");
            let directory = VirtualDirectory::parse(directory).expect("a directory");
            let organization = Organization::collection(organization);
            let got = home_url(Scheme::Http, &place, &directory, organization.as_ref());
            assert_eq!(got, want);
        }
    }
}
