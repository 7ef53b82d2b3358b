//! What Azure DevOps is: hosts, organizations, addresses, tokens and messages. Pure.

mod home;
mod messages;
mod organization;
mod pat;
mod place;
mod remote;
mod somebody_elses;
mod url;
mod virtual_directory;

pub use self::url::{RemoteUrl, UrlError};
pub use home::{home_url, repository_url};
pub use messages::{
    Explanation, GIVE_SECRET, ServiceExplanation, Step, explain, explain_service, explain_unknown,
    lookup_url, sentences,
};
pub use organization::Organization;
pub use pat::{
    ANY_NAME, DEFAULT_LIFETIME_DAYS, Expiry, Form, SCOPE_TO_TICK, WARNING_DAYS, expiry_warning,
    form, is_token, looks_like_jwt, token_list_url, token_page_url,
};
pub use place::{Authority, Place, Scheme};
pub use remote::{RemotePath, organization_in_username};
pub use somebody_elses::somebody_elses;
pub use virtual_directory::VirtualDirectory;
