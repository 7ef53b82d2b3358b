//! Where a redirect leads. Only what is sure to be Azure DevOps' own way to sign in says anything
//! about a credential: a gateway of the network redirects as well. Pure.

use oauth2::http::Uri;
use url::Url;

use crate::azure::{Place, Scheme};
use crate::entra::is_login_host;

/// Where a redirect leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Redirect {
    /// To where people sign in to Azure DevOps.
    SignIn,
    /// Nowhere that could be told.
    Nowhere,
    /// Somewhere else: protocol and host, or words for another page of the same host.
    Elsewhere(String),
}

/// Where a `Location` leads from the address that was asked.
pub(super) fn leads(location: &str, asked: &str) -> Redirect {
    let to = Url::parse(asked).ok().and_then(|asked| Some((asked.join(location).ok()?, asked)));
    let Some((to, asked)) = to else { return Redirect::Nowhere };
    if is_sign_in(&to, &asked) {
        return Redirect::SignIn;
    }
    // A reference to another host may leave out the protocol (RFC 3986 section 4.2).
    let whole = match location.strip_prefix("//") {
        Some(rest) => format!("{}://{rest}", asked.scheme()),
        None => location.to_owned(),
    };
    // As it was written, for what is hidden has its case. Neither path nor query, which may repeat
    // anything; nor a user part.
    let Ok(uri) = whole.parse::<Uri>() else { return Redirect::Nowhere };
    Redirect::Elsewhere(match (uri.scheme_str(), uri.host(), uri.port_u16()) {
        (Some(scheme), Some(host), Some(port)) => format!("{scheme}://{host}:{port}"),
        (Some(scheme), Some(host), None) => format!("{scheme}://{host}"),
        _ => "another page of its own".to_owned(),
    })
}

/// Azure DevOps sends a browser to a page of its own, to that of its organizations' accounts, or to
/// Entra ID (actions/runner, FederatedCredential.cs; the hosts as in "Allowed IP addresses and domain
/// URLs"). Of a Server only the first: whoever sends people from there to Entra ID is a proxy before it.
fn is_sign_in(to: &Url, asked: &Url) -> bool {
    let host = to.host_str().unwrap_or_default();
    let names_the_page = to.path_segments().is_some_and(|mut segments| {
        segments
            .any(|part| ["_signin", "_login"].iter().any(|page| part.eq_ignore_ascii_case(page)))
    });
    let of_the_services = || {
        let of_accounts =
            host == "vssps.dev.azure.com" || host.ends_with(".vssps.visualstudio.com");
        of_accounts
            || is_login_host(host)
            || (names_the_page && (host == "dev.azure.com" || host.ends_with(".visualstudio.com")))
    };
    let is_cloud = Place::of(Scheme::Https, asked.host_str().unwrap_or_default().as_bytes())
        .is_some_and(|place| place.is_cloud());
    (names_the_page && to.host_str() == asked.host_str()) || (is_cloud && of_the_services())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_way_to_sign_in_of_azure_devops_counts_as_one() {
        const CLOUD: &str = "https://dev.azure.com/contoso";
        const SERVER: &str = "https://tfs.corp.example/tfs/";
        for (asked, location) in [
            (CLOUD, "/_signin?realm=x"),
            (CLOUD, "https://login.microsoftonline.com/x/oauth2/authorize?y"),
            (CLOUD, "https://LOGIN.windows.net/x"),
            (CLOUD, "https://spsprodweu1.vssps.visualstudio.com/_signin"),
            (CLOUD, "https://vssps.dev.azure.com/contoso/x"),
            (CLOUD, "https://contoso.visualstudio.com/_signin"),
            ("https://contoso.visualstudio.com/", "https://dev.azure.com/_signin"),
            (SERVER, "_signin"),
            (SERVER, "https://tfs.corp.example/tfs/_Signin?x"),
        ] {
            assert_eq!(leads(location, asked), Redirect::SignIn, "{asked} {location}");
        }
        for (asked, location, to) in [
            (CLOUD, "https://gate.example/oauth2/start?rd=x", "https://gate.example"),
            (CLOUD, "https://login.corp.example/sso", "https://login.corp.example"),
            (CLOUD, "https://gate.example/_signin", "https://gate.example"),
            (
                CLOUD,
                "https://login.microsoftonline.com.example/x",
                "https://login.microsoftonline.com.example",
            ),
            (CLOUD, "https://gate.example/?to=app.vssps.visualstudio.com", "https://gate.example"),
            (CLOUD, "//gate.example:8443/x", "https://gate.example:8443"),
            (CLOUD, "/oauth2/start", "another page of its own"),
            (
                SERVER,
                "https://login.microsoftonline.com/x/oauth2/authorize",
                "https://login.microsoftonline.com",
            ),
            (SERVER, "https://other.corp.example/_signin", "https://other.corp.example"),
        ] {
            assert_eq!(
                leads(location, asked),
                Redirect::Elsewhere(to.to_owned()),
                "{asked} {location}"
            );
        }
        assert_eq!(leads("https://", CLOUD), Redirect::Nowhere);
    }
}
