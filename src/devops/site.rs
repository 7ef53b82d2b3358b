//! Which organization or collection is asked, and what it is called in messages.

use crate::azure::{
    Authority, Organization, Place, Scheme, Step, VirtualDirectory, home_url as url_of,
};
use crate::report::Failure;

/// An organization of Azure DevOps Services, a collection of a Server, or a whole Server.
#[derive(Clone, Copy, Debug)]
pub struct Site<'s> {
    /// The protocol; it counts for a Server only.
    pub scheme: Scheme,
    /// The host.
    pub place: &'s Place,
    /// The Server's virtual directory.
    pub virtual_directory: &'s VirtualDirectory,
    /// The organization or collection; `None` is a whole Server.
    pub organization: Option<&'s Organization>,
}

impl Site<'_> {
    /// Its address, without a trailing slash. Every organization answers at `dev.azure.com`,
    /// whichever of its two hosts was named.
    pub fn home_url(&self) -> String {
        let (place, organization) = match self.place {
            Place::VisualStudio { organization } => (&Place::DevAzure, Some(organization)),
            place => (place, self.organization),
        };
        url_of(self.scheme, place, self.virtual_directory, organization)
    }

    /// Whether it is a Server as a whole, and none of its collections.
    pub(super) fn is_whole_server(&self) -> bool {
        self.organization.is_none() && !self.place.is_cloud()
    }

    /// Its address without the protocol, as messages name it.
    pub fn name(&self) -> String {
        let url = self.home_url();
        url.split_once("://").map_or(url.clone(), |(_, name)| name.to_owned())
    }

    /// The command that gives it a token.
    pub fn login_command(&self) -> String {
        format!("git-credential-ona-azure login {} --pat", self.home_url())
    }
}

/// Nothing of Azure DevOps' is in a Server's virtual directory.
pub fn no_server_at(authority: &Authority, virtual_directory: &VirtualDirectory) -> Failure {
    Failure::new(format!("{authority} has no Azure DevOps Server at {virtual_directory}")).hint(
        format!(
            "{}: name the part of its address between host and collection (/ if there is none): \
         git-credential-ona-azure integration add --host {authority} --virtual-directory /tfs",
            Step::Organization
        ),
    )
}
