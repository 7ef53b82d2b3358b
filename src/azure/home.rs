//! Where an organization or collection is: the address below which all of it answers.

use percent_encoding::utf8_percent_encode;

use super::organization::Organization;
use super::place::{Place, Scheme};
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

#[cfg(test)]
mod tests {
    use super::*;

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
