//! What an organization of Azure DevOps' says about the tenant it belongs to.
//!
//! It says so to whoever asks without a credential, and to git, which hands it on as `wwwauth[]`:
//! `WWW-Authenticate: Bearer authorization_uri=https://login.microsoftonline.com/{tenant}` and
//! `X-VSS-ResourceTenant: {tenant}` (git-credential-manager, AzureDevOpsRestApi.cs; the answers in
//! coder/coder#12351). Whoever signs in by these words sends a person, and what they type, to that
//! host: so the host comes from the table of Entra's own, and words that can be read in two ways
//! are not believed.

use super::issuer::{Issuer, cloud_of, is_guid, is_placeholder, is_zero, tenant_name};

/// The longest header value read, in bytes. The real ones have about a hundred.
const VALUE_MAX: usize = 4096;

/// The most header values read: Azure DevOps sends four.
const VALUES_MAX: usize = 64;

/// The most tenants a header may list. No organization of several was ever seen.
const TENANTS_MAX: usize = 16;

/// Where an organization's people sign in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum OrganizationTenant {
    /// In a tenant of Entra's.
    Entra {
        /// The cloud's own login host, one of Entra's.
        login_host: &'static str,
        /// The tenant's ID, or a domain of it; lower case.
        tenant: String,
    },
    /// Nowhere in Entra: the organization belongs to personal Microsoft accounts.
    MicrosoftAccounts,
    /// It does not say, or says it in a way not to be believed.
    #[default]
    Unknown,
}

impl OrganizationTenant {
    /// Reads the values of `WWW-Authenticate` and of `X-VSS-ResourceTenant`, from an answer or
    /// from git's `wwwauth[]`.
    ///
    /// Challenges of other authorities are passed over. Two of Entra's that name different
    /// tenants, or a challenge and a header that do, leave it unknown: taking either would be
    /// taking the word of whoever could add one.
    pub fn read<'v>(
        challenges: impl IntoIterator<Item = &'v [u8]>,
        resource_tenants: impl IntoIterator<Item = &'v [u8]>,
    ) -> Self {
        let Some(challenged) = challenged(challenges) else { return Self::Unknown };
        match (challenged, listed(resource_tenants)) {
            (Some((login_host, tenant)), Listed::Nothing) => Self::Entra { login_host, tenant },
            // A domain cannot be held against an ID; of the two, the ID says more.
            (Some((login_host, tenant)), Listed::Tenants(ids)) if !is_guid(&tenant) => {
                match <[String; 1]>::try_from(ids) {
                    Ok([tenant]) => Self::Entra { login_host, tenant },
                    Err(_) => Self::Unknown,
                }
            }
            (Some((login_host, tenant)), Listed::Tenants(ids)) if ids.contains(&tenant) => {
                Self::Entra { login_host, tenant }
            }
            (Some(_), _) => Self::Unknown,
            (None, Listed::Zero) => Self::MicrosoftAccounts,
            // The header names no cloud, and Azure DevOps Services is in the global one.
            (None, Listed::Tenants(ids)) => match <[String; 1]>::try_from(ids) {
                Ok([tenant]) => Self::Entra { login_host: Issuer::GLOBAL_HOST, tenant },
                Err(_) => Self::Unknown,
            },
            (None, Listed::Nothing) => Self::Unknown,
        }
    }

    /// The issuer to sign in at for this organization: `configured` with the organization's own
    /// tenant, where it leaves the tenant open and is of the same cloud. See
    /// [`Issuer::with_tenant`].
    pub fn issuer(&self, configured: &Issuer) -> Option<Issuer> {
        match self {
            Self::Entra { login_host, tenant } if configured.host() == *login_host => {
                configured.with_tenant(tenant)
            }
            _ => None,
        }
    }
}

type Authority = (&'static str, String);

/// The one authority the challenges name, if they name any; `None` if they name several.
fn challenged<'v>(values: impl IntoIterator<Item = &'v [u8]>) -> Option<Option<Authority>> {
    let mut found: Option<Authority> = None;
    for (count, value) in values.into_iter().enumerate() {
        if count == VALUES_MAX {
            return None;
        }
        let Ok(value) = std::str::from_utf8(value) else { continue };
        if value.len() > VALUE_MAX {
            continue;
        }
        for uri in authorization_uris(value) {
            let Some(authority) = authority(uri) else { continue };
            if found.as_ref().is_some_and(|found| *found != authority) {
                return None;
            }
            found = Some(authority);
        }
    }
    Some(found)
}

/// What `X-VSS-ResourceTenant` lists.
enum Listed {
    /// Nothing, or something that is no list of IDs.
    Nothing,
    /// Only the ID of all zeros.
    Zero,
    /// These, each once and none of them zero; lower case.
    Tenants(Vec<String>),
}

/// Several header lines are one list (RFC 9110 section 5.3).
fn listed<'v>(values: impl IntoIterator<Item = &'v [u8]>) -> Listed {
    let mut tenants: Vec<String> = Vec::new();
    let mut zero = false;
    for (count, value) in values.into_iter().enumerate() {
        let text = std::str::from_utf8(value).unwrap_or("\0");
        if count == VALUES_MAX || text.len() > VALUE_MAX {
            return Listed::Nothing;
        }
        for id in text.split(',').map(str::trim).filter(|id| !id.is_empty()) {
            if !is_guid(id) {
                return Listed::Nothing;
            }
            let id = id.to_ascii_lowercase();
            if is_zero(&id) {
                zero = true;
            } else if !tenants.contains(&id) {
                tenants.push(id);
            }
            if tenants.len() > TENANTS_MAX {
                return Listed::Nothing;
            }
        }
    }
    match (tenants.is_empty(), zero) {
        (false, _) => Listed::Tenants(tenants),
        (true, true) => Listed::Zero,
        (true, false) => Listed::Nothing,
    }
}

/// Host and tenant of an `authorization_uri`, if both are such as Azure DevOps would name.
///
/// Read as written, not by a URL parser: that would turn `/../x` into `/x` before anybody can
/// object. What follows the tenant (`/oauth2/authorize`) says nothing.
fn authority(uri: &str) -> Option<Authority> {
    let scheme = uri.get(..8)?;
    let rest = uri.get(8..).filter(|_| scheme.eq_ignore_ascii_case("https://"))?;
    let (host, path) = rest.split_once('/')?;
    // No port, no user part, no trailing dot: a name of the table, or nothing.
    let login_host = cloud_of(host)?[0];
    let odd = |c: char| !c.is_ascii_graphic() || matches!(c, '\\' | '%');
    if path.contains(odd) || path.contains("..") || path.split('/').any(|part| part == ".") {
        return None;
    }
    let tenant = tenant_name(path.split(['/', '?', '#']).next()?).ok()?;
    let named = !is_placeholder(&tenant) && (is_guid(&tenant) || tenant.contains('.'));
    named.then_some((login_host, tenant))
}

/// The values of `authorization_uri` in the Bearer challenges of one header value, which may hold
/// several challenges (RFC 9110 section 11.6.1). Azure DevOps does not quote the address, which by
/// that grammar it would have to.
fn authorization_uris(value: &str) -> Vec<&str> {
    let mut uris = Vec::new();
    let mut bearer = false;
    for element in elements(value) {
        let end = element.find(|c: char| !is_token(c)).unwrap_or(element.len());
        let (word, rest) = element.split_at(end);
        let parameter = match rest.trim_start().strip_prefix('=') {
            Some(value) => Some((word, value)),
            // `Bearer` and, in the same element, its first parameter.
            None => {
                bearer = word.eq_ignore_ascii_case("bearer");
                rest.split_once('=').filter(|_| rest.starts_with([' ', '\t']))
            }
        };
        let Some((name, value)) = parameter.filter(|_| bearer) else { continue };
        if name.trim().eq_ignore_ascii_case("authorization_uri") {
            uris.extend(unquoted(value.trim()));
        }
    }
    uris
}

/// The characters of a token (RFC 9110 section 5.6.2).
fn is_token(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c)
}

/// The elements of a list, split at commas outside of quotes.
fn elements(value: &str) -> Vec<&str> {
    let (mut quoted, mut escaped, mut start) = (false, false, 0);
    let mut found = Vec::new();
    for (at, byte) in value.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b',' if !quoted => {
                found.push(value[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    // A quote that is never closed may hide anything.
    if !quoted {
        found.push(value[start..].trim());
    }
    found
}

/// A parameter's value without its quotes. Anything beside it makes it no value, so that nothing
/// is left to be read otherwise.
fn unquoted(value: &str) -> Option<&str> {
    let inner = ['"', '\''].into_iter().find_map(|quote| {
        value.strip_prefix(quote).map(|rest| rest.strip_suffix(quote).unwrap_or("\0"))
    });
    Some(inner.unwrap_or(value)).filter(|value| !value.contains(['"', '\'', ' ', '\t', '\0']))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const T: &str = "0f0f0f0f-1111-2222-3333-444444444444";
    const U: &str = "1a1a1a1a-1111-2222-3333-444444444444";
    const ZERO: &str = "00000000-0000-0000-0000-000000000000";
    const GLOBAL: &str = "login.microsoftonline.com";

    fn read(challenges: &[&str], tenants: &[&str]) -> OrganizationTenant {
        let bytes = |values: &[&str]| -> Vec<Vec<u8>> {
            values.iter().map(|v| v.as_bytes().to_vec()).collect()
        };
        let (challenges, tenants) = (bytes(challenges), bytes(tenants));
        OrganizationTenant::read(
            challenges.iter().map(Vec::as_slice),
            tenants.iter().map(Vec::as_slice),
        )
    }

    fn entra(login_host: &'static str, tenant: &str) -> OrganizationTenant {
        OrganizationTenant::Entra { login_host, tenant: tenant.to_owned() }
    }

    /// A challenge of that address, quoted or not.
    fn bearer(uri: &str) -> String {
        format!("Bearer authorization_uri={uri}")
    }

    #[test]
    fn what_azure_devops_sends_is_understood() {
        let uri = format!("https://{GLOBAL}/{T}");
        let (upper, header) = (T.to_uppercase(), bearer(&uri));
        let rest = ["Basic realm=\"https://tfsprodneu2.visualstudio.com/\"", "TFS-Federated"];
        assert_eq!(read(&[&header, rest[0], rest[1]], &[T]), entra(GLOBAL, T));
        assert_eq!(read(&[&header], &[]), entra(GLOBAL, T));
        assert_eq!(read(&[], &[&upper]), entra(GLOBAL, T));
        assert_eq!(
            read(&["Bearer", rest[0], rest[1]], &[ZERO]),
            OrganizationTenant::MicrosoftAccounts
        );
        assert_eq!(read(&["Bearer"], &[]), OrganizationTenant::Unknown);
        assert_eq!(read(&[], &[]), OrganizationTenant::Unknown);
    }

    #[test]
    fn every_spelling_of_the_challenge_is_read() {
        for form in [
            "bearer authorization_uri={}",
            "BEARER  Authorization_URI = \"{}\"",
            "Bearer authorization_uri='{}'",
            "Bearer realm=\"\", authorization_uri=\"{}\", client_id=\"a, b\"",
            "Basic realm=\"a, Bearer authorization_uri=https://x/\", Bearer authorization_uri={}",
            "Negotiate abc==, Bearer x=y,authorization_uri={}",
            "TFS-Federated, Bearer authorization_uri={}, Basic realm=\"x\"",
        ] {
            for path in ["", "/", "/oauth2/authorize", "/oauth2/v2.0?x=y"] {
                let header = form.replace("{}", &format!("https://{GLOBAL}/{T}{path}"));
                assert_eq!(read(&[&header], &[]), entra(GLOBAL, T), "{header}");
            }
        }
        for (uri, want) in [
            (format!("https://login.windows.net/{T}"), entra(GLOBAL, T)),
            (format!("HTTPS://LOGIN.microsoftonline.US/{T}"), entra("login.microsoftonline.us", T)),
            (format!("https://{GLOBAL}/Contoso.com"), entra(GLOBAL, "contoso.com")),
        ] {
            assert_eq!(read(&[&bearer(&uri)], &[]), want, "{uri}");
        }
    }

    #[test]
    fn d01_another_authority_is_ignored() {
        for uri in [
            "https://evil.example/tenant".to_owned(),
            format!("https://evil.example/{T}"),
            format!("https://{GLOBAL}.evil.example/{T}"),
            format!("https://evil-{GLOBAL}/{T}"),
            format!("https://{GLOBAL}@evil.example/{T}"),
            format!("https://u:p@{GLOBAL}/{T}"),
            format!("https://{GLOBAL}:443/{T}"),
            format!("https://{GLOBAL}:8443/{T}"),
            format!("https://{GLOBAL}./{T}"),
            format!("https://{GLOBAL}\\@evil.example/{T}"),
            format!("https://evil.example\\{GLOBAL}/{T}"),
            format!("https://login.microsoftonline.de/{T}"),
            format!("https://localhost/{T}"),
            format!("https:{GLOBAL}/{T}"),
            format!("//{GLOBAL}/{T}"),
            T.to_owned(),
        ] {
            assert_eq!(read(&[&bearer(&uri)], &[]), OrganizationTenant::Unknown, "{uri}");
            assert_eq!(read(&[&bearer(&format!("\"{uri}\""))], &[]), OrganizationTenant::Unknown);
            // Nor does it take the word from the organization's own.
            let own = bearer(&format!("https://{GLOBAL}/{T}"));
            assert_eq!(read(&[&bearer(&uri), &own], &[]), entra(GLOBAL, T), "{uri}");
        }
    }

    #[test]
    fn d01_a_challenge_of_another_scheme_says_nothing_of_a_tenant() {
        let uri = format!("https://{GLOBAL}/{T}");
        for header in [
            format!("Basic authorization_uri={uri}"),
            format!("Bearer realm=x, Basic authorization_uri={uri}"),
            format!("BearerX authorization_uri={uri}"),
            format!("authorization_uri={uri}"),
            format!("Bearer x=\"authorization_uri={uri}\""),
            format!("Bearer not_authorization_uri={uri}"),
            format!("Bearer realm=\"x, authorization_uri={uri}"),
            format!("Bearer authorization_uri=\"{uri}"),
            format!("Bearer authorization_uri={uri} x"),
            format!("Bearer authorization_uri=\"{uri}\" \"https://evil.example\""),
        ] {
            assert_eq!(read(&[&header], &[]), OrganizationTenant::Unknown, "{header}");
        }
    }

    #[test]
    fn d03_plain_http_is_ignored() {
        for uri in [
            format!("http://{GLOBAL}/x"),
            format!("http://{GLOBAL}/{T}"),
            format!("HTTP://{GLOBAL}/{T}"),
            format!("ftp://{GLOBAL}/{T}"),
        ] {
            assert_eq!(read(&[&bearer(&uri)], &[]), OrganizationTenant::Unknown, "{uri}");
        }
    }

    #[test]
    fn d04_what_is_no_tenant_is_ignored() {
        for tenant in [
            "",
            "x",
            "../x",
            &format!("../{T}"),
            &format!("./{T}"),
            &format!("%2e%2e/{T}"),
            &format!("{T}/../{U}"),
            &format!("{T}/..;/{U}"),
            &format!("{T}%2f{U}"),
            &format!("{T}\\{U}"),
            &format!("/{T}"),
            "..",
            ".",
            ".com",
            "a..b",
            "common",
            "organizations",
            "Consumers",
            "v2.0/",
            ZERO,
            "t\u{435}st.com",
            &format!("{}.com", "a".repeat(300)),
            &format!("?{T}"),
            &format!("#{T}"),
        ] {
            for uri in
                [format!("https://{GLOBAL}/{tenant}"), format!("\"https://{GLOBAL}/{tenant}\"")]
            {
                let got = read(&[&bearer(&uri)], &[]);
                // Names of one more label are domains all the same.
                let want = if tenant == "v2.0/" {
                    entra(GLOBAL, "v2.0")
                } else {
                    OrganizationTenant::Unknown
                };
                assert_eq!(got, want, "{uri}");
            }
        }
    }

    #[test]
    fn d06_two_tenants_are_refused() {
        let of = |tenant: &str| bearer(&format!("https://{GLOBAL}/{tenant}"));
        let us = bearer(&format!("https://login.microsoftonline.us/{T}"));
        let both = format!("{}, {}", of(T), of(U));
        for challenges in [&[of(T), of(U)][..], &[of(U), of(T)], &[of(T), us], &[both]] {
            let challenges: Vec<&str> = challenges.iter().map(String::as_str).collect();
            for tenants in [&[][..], &[T], &[ZERO]] {
                assert_eq!(
                    read(&challenges, tenants),
                    OrganizationTenant::Unknown,
                    "{challenges:?}"
                );
            }
        }
        assert_eq!(read(&[&of(T), &of(&T.to_uppercase())], &[]), entra(GLOBAL, T));
        // As are a challenge and a header that disagree.
        assert_eq!(read(&[&of(T)], &[U]), OrganizationTenant::Unknown);
        assert_eq!(read(&[&of(T)], &[ZERO]), OrganizationTenant::Unknown);
    }

    #[test]
    fn d07_the_tenant_of_zeros_and_what_is_no_id_are_no_tenant() {
        let zeros = format!("{ZERO}, {ZERO}");
        let after_zero = format!("{ZERO},{T}");
        let twice = format!("{T} , {}", T.to_uppercase());
        let two = format!("{T},{U}");
        let bad = format!("{T},contoso.com");
        for (tenants, want) in [
            (&[ZERO][..], OrganizationTenant::MicrosoftAccounts),
            (&[&*zeros], OrganizationTenant::MicrosoftAccounts),
            (&[&*after_zero], entra(GLOBAL, T)),
            (&[&*twice], entra(GLOBAL, T)),
            (&[ZERO, T], entra(GLOBAL, T)),
            (&[&*two], OrganizationTenant::Unknown),
            (&[T, U], OrganizationTenant::Unknown),
            (&[&*bad], OrganizationTenant::Unknown),
            (&["contoso.com"], OrganizationTenant::Unknown),
            (&["common"], OrganizationTenant::Unknown),
            (&["{0f0f0f0f-1111-2222-3333-444444444444}"], OrganizationTenant::Unknown),
            (&[" "], OrganizationTenant::Unknown),
            (&[","], OrganizationTenant::Unknown),
        ] {
            assert_eq!(read(&["Bearer"], tenants), want, "{tenants:?}");
        }
        // The challenge decides which of two it is.
        let of = bearer(&format!("https://{GLOBAL}/{U}"));
        assert_eq!(read(&[&of], &[&two]), entra(GLOBAL, U));
        assert_eq!(read(&[&of], &["nonsense"]), entra(GLOBAL, U));
        // An ID is worth more than a domain.
        let of = bearer(&format!("https://{GLOBAL}/contoso.com"));
        assert_eq!(read(&[&of], &[T]), entra(GLOBAL, T));
        assert_eq!(read(&[&of], &[&two]), OrganizationTenant::Unknown);
    }

    #[test]
    fn only_a_bounded_part_of_what_comes_is_read() {
        let own = bearer(&format!("https://{GLOBAL}/{T}"));
        let long = format!("{own}, x=\"{}\"", "a".repeat(VALUE_MAX));
        assert_eq!(read(&[&long], &[]), OrganizationTenant::Unknown);
        assert_eq!(read(&vec![&*own; VALUES_MAX], &[]), entra(GLOBAL, T));
        assert_eq!(read(&vec![&*own; VALUES_MAX + 1], &[]), OrganizationTenant::Unknown);
        let list = vec![T; 200].join(",");
        assert_eq!(read(&[], &[&list]), OrganizationTenant::Unknown);
        let ids: Vec<String> = (10..50).map(|n| format!("{n}{}", &T[2..])).collect();
        let list = format!("{T},{}", ids.join(","));
        assert_eq!(read(&[&own], &[&list]), entra(GLOBAL, T));
        assert_eq!(read(&[], &[&list]), OrganizationTenant::Unknown);
    }

    #[test]
    fn an_issuer_open_to_all_tenants_takes_the_organizations_own() {
        let open = Issuer::parse("organizations", &[]).expect("an issuer");
        let own = Issuer::parse(T, &[]).expect("an issuer");
        assert_eq!(entra(GLOBAL, T).issuer(&open), Some(own.clone()));
        assert_eq!(entra(GLOBAL, U).issuer(&own), None);
        assert_eq!(entra("login.microsoftonline.us", T).issuer(&open), None);
        assert_eq!(entra(GLOBAL, "contoso.com").issuer(&open), None);
        assert_eq!(OrganizationTenant::MicrosoftAccounts.issuer(&open), None);
        assert_eq!(OrganizationTenant::Unknown.issuer(&open), None);
    }

    proptest! {
        #[test]
        fn whatever_comes_no_host_outside_the_table_is_named(
            values in prop::collection::vec(
                "(Bearer |bearer|Basic |,)?(authorization_uri ?= ?)?[\"']?(https?://)?\
                 (login\\.microsoftonline\\.com|sts\\.windows\\.net|evil\\.example|[ -~\u{e9}]{0,8})\
                 [/@:.%\\\\]?([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[ -~]{0,12})[\"', ]?",
                0..4,
            ),
            raw in prop::collection::vec(any::<u8>(), 0..40),
        ) {
            let values: Vec<&[u8]> = values.iter().map(|v| v.as_bytes()).chain([raw.as_slice()]).collect();
            let got = OrganizationTenant::read(values.iter().copied(), values.iter().copied());
            if let OrganizationTenant::Entra { login_host, tenant } = &got {
                prop_assert_eq!(cloud_of(login_host).map(|names| names[0]), Some(*login_host));
                prop_assert_eq!(tenant_name(tenant), Ok(tenant.clone()));
                prop_assert!(!is_placeholder(tenant) && (is_guid(tenant) || tenant.contains('.')));
            }
        }
    }
}
