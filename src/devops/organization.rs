//! Asks an organization, without a credential, whether it is there and whose it is, and holds
//! that against the tenant an integration signs in at.

use oauth2::http::{Method, Request};

use super::answer::Answer;
use super::busy::Busy;
use crate::azure::{Organization, Place, Scheme, Step, VirtualDirectory, home_url};
use crate::entra::OrganizationTenant;
use crate::integration::HostSpec;
use crate::net::{NetError, Reply, Send};
use crate::report::Failure;

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// There is no such organization.
    Missing,
    /// It is there, and says this of its tenant.
    There(OrganizationTenant),
    /// Something of the network's own answers in its place.
    OfTheNetwork,
    /// The service cannot answer now.
    Later(Busy),
}

/// Asks an organization of Azure DevOps Services for its tenant.
///
/// A `HEAD` of its address is what git-credential-manager sends (AzureDevOpsRestApi.cs), and the
/// header makes the service refuse where it would else redirect a browser to sign in
/// (azure-pipelines-agent, CredentialProvider.cs). Either way its headers name the tenant.
///
/// # Errors
/// If nothing answers.
pub fn organization_tenant(
    network: &dyn Send,
    organization: &Organization,
) -> Result<Found, NetError> {
    let directory = VirtualDirectory::default();
    let url = home_url(Scheme::Https, &Place::DevAzure, &directory, Some(organization));
    let mut reply = ask(network, &url, Method::HEAD)?;
    if reply.status == 405 {
        reply = ask(network, &url, Method::GET)?;
    }
    let answer = Answer::read(&reply, &url, &[]);
    if let Some(busy) = answer.busy() {
        return Ok(Found::Later(busy));
    }
    Ok(match reply.status {
        404 => Found::Missing,
        _ if answer.is_somebody_elses() => Found::OfTheNetwork,
        _ => {
            let values = |name: &str| {
                reply.headers.get_all(name).iter().map(|value| value.as_bytes()).collect::<Vec<_>>()
            };
            Found::There(OrganizationTenant::read(
                values("www-authenticate"),
                values("x-vss-resourcetenant"),
            ))
        }
    })
}

fn ask(network: &dyn Send, url: &str, method: Method) -> Result<Reply, NetError> {
    let request = Request::builder()
        .method(method)
        .uri(url)
        .header("x-tfs-fedauthredirect", "Suppress")
        .body(Vec::new())
        .expect("a percent-encoded address and plain headers make a request");
    network.send(request)
}

/// An organization's tenant beside the one an integration signs in at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// The same.
    Same,
    /// Another one: no token of ours opens the organization.
    Other {
        /// The login host of the organization's cloud.
        login_host: &'static str,
        /// The organization's tenant.
        theirs: String,
        /// The integration's.
        ours: String,
    },
    /// The organization has none.
    MicrosoftAccounts,
    /// It cannot be told.
    Unknown,
}

/// Compares by ID. `ours` is the tenant's ID as the discovery document gives it
/// ([`ExpectedIssuer::tenant_id`](crate::entra::ExpectedIssuer::tenant_id)), also for an Issuer URL
/// that names a domain; `None` where the issuer leaves the tenant open.
pub fn compare(organization: &OrganizationTenant, ours: Option<&str>) -> Comparison {
    let (login_host, theirs) = match organization {
        OrganizationTenant::MicrosoftAccounts => return Comparison::MicrosoftAccounts,
        OrganizationTenant::Unknown => return Comparison::Unknown,
        OrganizationTenant::Entra { login_host, tenant } => (*login_host, tenant),
    };
    match ours {
        Some(ours) if ours.eq_ignore_ascii_case(theirs) => Comparison::Same,
        // Dots are in domains only, and a tenant may have many.
        Some(ours) if !ours.contains('.') && !theirs.contains('.') => {
            Comparison::Other { login_host, theirs: theirs.clone(), ours: ours.to_owned() }
        }
        _ => Comparison::Unknown,
    }
}

impl Comparison {
    /// What is wrong with that, if something is, and the way out. `pat` says whether the
    /// integration named has personal access tokens on.
    pub fn failure(
        &self,
        organization: &Organization,
        integration: &HostSpec,
        pat: bool,
    ) -> Option<Failure> {
        let step = Step::Organization;
        let host = Place::DevAzure;
        match self {
            Self::Same | Self::Unknown => None,
            Self::Other { login_host, theirs, ours } => Some(
                Failure::new(format!(
                    "{host}/{organization} belongs to the tenant {theirs}, and the Issuer URL names {ours}"
                ))
                .hint(format!(
                    "{step}: check that {organization} is the organization meant; if it is, name its tenant, \
                     where the app has to be known (or organizations, for an app of several tenants): git-credential-ona-azure integration add --host {integration} \
                     --issuer-url https://{login_host}/{theirs}/oauth2/v2.0"
                )),
            ),
            Self::MicrosoftAccounts => {
                let instead = if pat {
                    format!(
                        "use a personal access token: git-credential-ona-azure login \
                         https://{host}/{organization} --pat"
                    )
                } else {
                    format!(
                        "let an administrator turn on personal access tokens: \
                         git-credential-ona-azure integration add --host {integration} --pat"
                    )
                };
                Some(
                    Failure::new(format!(
                        "{host}/{organization} belongs to personal Microsoft accounts, not to a tenant, so no \
                         sign-in with Entra ID opens it"
                    ))
                    .hint(format!(
                        "{step}: connect the organization to your tenant (Organization settings → Microsoft \
                         Entra), or {instead}"
                    )),
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::{Table, reply};
    use super::*;
    use crate::integration::HostKey;

    const T: &str = "0f0f0f0f-1111-2222-3333-444444444444";
    const U: &str = "1a1a1a1a-1111-2222-3333-444444444444";
    const ZERO: &str = "00000000-0000-0000-0000-000000000000";
    const GLOBAL: &str = "login.microsoftonline.com";

    fn contoso() -> Organization {
        Organization::cloud("Contoso").expect("a name")
    }

    fn entra(tenant: &str) -> OrganizationTenant {
        OrganizationTenant::Entra { login_host: GLOBAL, tenant: tenant.to_owned() }
    }

    #[test]
    fn the_organization_is_asked_once_without_a_credential() {
        let bearer = format!("www-authenticate: Bearer authorization_uri=https://{GLOBAL}/{T}");
        let table = Table::new([reply(
            401,
            &[
                &bearer,
                "www-authenticate: Basic realm=\"x\"",
                &format!("x-vss-resourcetenant: {T}"),
            ],
            "",
        )]);
        let found = organization_tenant(&table, &contoso());
        assert_eq!(found, Ok(Found::There(entra(T))));
        let asked = table.asked.borrow();
        assert_eq!(asked.len(), 1);
        assert_eq!(asked[0].method(), Method::HEAD);
        assert_eq!(asked[0].uri().to_string(), "https://dev.azure.com/contoso");
        assert_eq!(asked[0].headers()["x-tfs-fedauthredirect"], "Suppress");
        assert_eq!(asked[0].headers().len(), 1);
    }

    #[test]
    fn every_answer_says_what_it_says() {
        let tenant = format!("x-vss-resourcetenant: {T}");
        let zero = format!("x-vss-resourcetenant: {ZERO}");
        let later =
            |status, retry_after, offline| Found::Later(Busy { status, retry_after, offline });
        let location = format!("location: https://{GLOBAL}/{U}/oauth2/authorize");
        let e2e = "x-vss-e2eid: 5f0c4f5e-0000-0000-0000-000000000000";
        let gate = "location: https://gate.example/oauth2/start";
        for (status, headers, want) in [
            (404, &[][..], Found::Missing),
            (404, &[&*tenant], Found::Missing),
            (429, &["retry-after: 30"], later(429, Some(30), false)),
            (503, &[&*tenant], later(503, None, false)),
            (404, &["x-vss-hostofflineerror: being moved"], later(404, None, true)),
            (200, &[&*tenant], Found::There(entra(T))),
            (203, &[&*tenant], Found::There(entra(T))),
            // Where a browser would be sent says nothing.
            (302, &[&*location, &*tenant], Found::There(entra(T))),
            (302, &[&*location], Found::There(OrganizationTenant::Unknown)),
            (
                401,
                &["www-authenticate: Bearer", &*zero],
                Found::There(OrganizationTenant::MicrosoftAccounts),
            ),
            (401, &["www-authenticate: Bearer", e2e], Found::There(OrganizationTenant::Unknown)),
            (401, &[e2e], Found::There(OrganizationTenant::Unknown)),
            // What the network has put in its place.
            (401, &["www-authenticate: Basic realm=\"gate\""], Found::OfTheNetwork),
            (200, &["content-type: text/html"], Found::OfTheNetwork),
            (200, &[], Found::OfTheNetwork),
            (403, &["content-type: text/html"], Found::OfTheNetwork),
            (302, &[gate], Found::OfTheNetwork),
            (302, &[], Found::OfTheNetwork),
        ] {
            let table = Table::new([reply(status, headers, "")]);
            assert_eq!(organization_tenant(&table, &contoso()), Ok(want), "{status} {headers:?}");
        }
    }

    #[test]
    fn a_service_that_takes_no_head_is_asked_with_get() {
        let tenant = format!("x-vss-resourcetenant: {T}");
        let table = Table::new([reply(405, &[], ""), reply(401, &[&tenant], "")]);
        assert_eq!(organization_tenant(&table, &contoso()), Ok(Found::There(entra(T))));
        let methods: Vec<_> = table.asked.borrow().iter().map(|r| r.method().clone()).collect();
        assert_eq!(methods, [Method::HEAD, Method::GET]);
    }

    #[test]
    fn tenants_are_compared_by_id_whatever_their_case() {
        let other = |theirs: &str, ours: &str| Comparison::Other {
            login_host: GLOBAL,
            theirs: theirs.to_owned(),
            ours: ours.to_owned(),
        };
        for (organization, ours, want) in [
            (entra(T), Some(T), Comparison::Same),
            (entra(T), Some(&*T.to_uppercase()), Comparison::Same),
            (entra(T), Some(U), other(T, U)),
            (entra(T), None, Comparison::Unknown),
            (entra("contoso.com"), Some(T), Comparison::Unknown),
            (entra(T), Some("contoso.com"), Comparison::Unknown),
            (entra("contoso.com"), Some("contoso.com"), Comparison::Same),
            (OrganizationTenant::MicrosoftAccounts, Some(T), Comparison::MicrosoftAccounts),
            (OrganizationTenant::MicrosoftAccounts, None, Comparison::MicrosoftAccounts),
            (OrganizationTenant::Unknown, Some(T), Comparison::Unknown),
        ] {
            assert_eq!(compare(&organization, ours), want, "{organization:?} {ours:?}");
        }
    }

    #[test]
    fn what_does_not_fit_is_said_with_the_way_out() {
        let words = |comparison: Comparison, pat| {
            comparison
                .failure(&contoso(), &HostSpec::whole(HostKey::Cloud), pat)
                .map(|failure| failure.message.render())
        };
        assert_eq!(words(Comparison::Same, true), None);
        assert_eq!(words(Comparison::Unknown, true), None);
        let other = compare(&entra(T), Some(U));
        assert_eq!(
            words(other, false).as_deref(),
            Some(
                "error: dev.azure.com/contoso belongs to the tenant 0f0f0f0f-1111-2222-3333-444444444444, \
                 and the Issuer URL names 1a1a1a1a-1111-2222-3333-444444444444\n\
                 hint: step 5 (Azure DevOps and tenant): check that contoso is the organization meant; if it \
                 is, name its tenant, where the app has to be known (or organizations, for an app of several \
                 tenants): git-credential-ona-azure integration add \
                 --host dev.azure.com --issuer-url https://login.microsoftonline.com/\
                 0f0f0f0f-1111-2222-3333-444444444444/oauth2/v2.0\n"
            )
        );
        for (pat, instead) in [
            (
                true,
                "use a personal access token: git-credential-ona-azure login \
                 https://dev.azure.com/contoso --pat",
            ),
            (
                false,
                "let an administrator turn on personal access tokens: git-credential-ona-azure \
                 integration add --host dev.azure.com --pat",
            ),
        ] {
            assert_eq!(
                words(Comparison::MicrosoftAccounts, pat),
                Some(format!(
                    "error: dev.azure.com/contoso belongs to personal Microsoft accounts, not to a tenant, \
                     so no sign-in with Entra ID opens it\n\
                     hint: step 5 (Azure DevOps and tenant): connect the organization to your tenant \
                     (Organization settings → Microsoft Entra), or {instead}\n"
                ))
            );
        }
    }
}
