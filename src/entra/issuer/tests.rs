use proptest::prelude::*;

use super::*;

const T: &str = "0f0f0f0f-1111-2222-3333-444444444444";
const GLOBAL: &str = "login.microsoftonline.com";

fn parse(text: &str) -> Result<Issuer, IssuerError> {
    Issuer::parse(text, &[])
}

#[test]
fn every_pasted_form_gives_host_and_tenant() {
    for form in [
        "https://login.microsoftonline.com/{T}/oauth2/v2.0",
        "https://login.microsoftonline.com/{T}/oauth2/v2.0/",
        "https://login.microsoftonline.com/{T}/oauth2/v2.0/authorize",
        "https://login.microsoftonline.com/{T}/oauth2/v2.0/token",
        "https://login.microsoftonline.com/{T}/oauth2/v2.0/devicecode",
        "https://login.microsoftonline.com/{T}/oauth2/v2.0/logout",
        "https://login.microsoftonline.com/{T}/oauth2/v2.0/.well-known/openid-configuration",
        "https://login.microsoftonline.com/{T}/v2.0",
        "https://login.microsoftonline.com/{T}/v2.0/.well-known/openid-configuration",
        "https://login.microsoftonline.com/{T}",
        "https://login.microsoftonline.com/{T}/",
        "https://login.microsoftonline.com/{T}/.well-known/openid-configuration",
        "https://login.microsoftonline.com/{T}/oauth2",
        "https://login.microsoftonline.com/{T}/oauth2/authorize",
        "https://login.microsoftonline.com/{T}/oauth2/token",
        "https://login.microsoftonline.com/{T}/discovery/v2.0/keys",
        "https://login.microsoftonline.com/{T}/saml2",
        "https://login.microsoftonline.com/{T}/federationmetadata/2007-06/federationmetadata.xml",
        "https://login.microsoftonline.com/{T}/wsfed",
        "https://sts.windows.net/{T}/",
        "https://login.windows.net/{T}/oauth2",
        "https://login.microsoft.com/{T}",
        "HTTPS://LOGIN.MicrosoftOnline.com.:443/{T}?x=1#y",
        "login.microsoftonline.com/{T}/v2.0",
        " \"https://login.microsoftonline.com/{T}\" ",
        "{T}",
        "Bearer authorization_uri=https://login.microsoftonline.com/{T}",
        "WWW-Authenticate: Bearer authorization_uri=\"https://login.windows.net/{T}\", x=y",
    ] {
        for tenant in [T, &T.to_uppercase(), "contoso.com", "contoso.onmicrosoft.com"] {
            let text = form.replace("{T}", tenant);
            let issuer = parse(&text).expect(&text);
            assert_eq!(issuer.host(), GLOBAL, "{text}");
            assert_eq!(issuer.tenant(), Some(tenant.to_lowercase().as_str()), "{text}");
            assert!(issuer.is_entra() && issuer.is_tenant_specific());
            assert_eq!(
                issuer.discovery_url().as_str(),
                format!(
                    "https://{GLOBAL}/{}/v2.0/.well-known/openid-configuration",
                    tenant.to_lowercase()
                )
            );
            assert_eq!(parse(&issuer.to_string()), Ok(issuer));
        }
    }
}

#[test]
fn clouds_and_placeholders() {
    for (text, host, tenant, specific) in [
        ("https://login.microsoftonline.us/T", "login.microsoftonline.us", "t", true),
        ("https://login.usgovcloudapi.net/T", "login.microsoftonline.us", "t", true),
        ("https://login.chinacloudapi.cn/T", "login.partner.microsoftonline.cn", "t", true),
        ("https://login.sovcloud-identity.fr/T/v2.0", "login.sovcloud-identity.fr", "t", true),
        ("https://login.microsoftonline.com/common/v2.0", GLOBAL, "common", false),
        ("https://login.microsoftonline.com/organizations", GLOBAL, "organizations", false),
        ("consumers", GLOBAL, "consumers", false),
    ] {
        let issuer = parse(text).expect(text);
        assert_eq!((issuer.host(), issuer.tenant()), (host, Some(tenant)), "{text}");
        assert_eq!(issuer.is_tenant_specific(), specific, "{text}");
    }
}

#[test]
fn refusals() {
    use IssuerError::*;
    let unknown = |host: &str| UnknownHost { host: host.to_owned() };
    let page = |host: &str| WrongPage { host: host.to_owned() };
    let tenant = |tenant: &str| BadTenant { tenant: tenant.to_owned() };
    for (text, want) in [
        ("", Empty),
        (" ' ' ", Malformed),
        ("Bearer authorization_uri=", Empty),
        ("http://login.microsoftonline.com/T", NotHttps),
        ("ftp://login.microsoftonline.com/T", NotHttps),
        ("https://u@login.microsoftonline.com/T", UserInfo),
        ("https://:p@login.microsoftonline.com/T", UserInfo),
        ("https://login.microsoftonline.com@evil.example/T", UserInfo),
        ("https://evil.example/T", unknown("evil.example")),
        (
            "https://login.microsoftonline.com.evil.example/T",
            unknown("login.microsoftonline.com.evil.example"),
        ),
        ("https://login.microsoftonline.com:8443/T", unknown("login.microsoftonline.com:8443")),
        ("https://login.microsoftonline.de/T", unknown("login.microsoftonline.de")),
        ("https://127.0.0.2/T", unknown("127.0.0.2")),
        ("https://localhost.evil.example/T", unknown("localhost.evil.example")),
        ("https://portal.azure.com/#view/Microsoft_AAD", page("portal.azure.com")),
        ("https://entra.microsoft.com/", page("entra.microsoft.com")),
        ("https://dev.azure.com/contoso", page("dev.azure.com")),
        ("dev.azure.com", page("dev.azure.com")),
        ("https://contoso.visualstudio.com", page("contoso.visualstudio.com")),
        ("https://login.microsoftonline.com", NoTenant),
        ("https://login.microsoftonline.com/oauth2/v2.0", NoTenant),
        ("https://login.microsoftonline.com/v2.0", NoTenant),
        ("login.microsoftonline.com", NoTenant),
        ("00000000-0000-0000-0000-000000000000", ZeroTenant),
        ("https://login.microsoftonline.com/00000000-0000-0000-0000-000000000000/", ZeroTenant),
        ("https://login.microsoftonline.com/a_b", tenant("a_b")),
        ("https://login.microsoftonline.com/{tenant}/v2.0", tenant("%7Btenant%7D")),
        ("https://login.microsoftonline.com/a%2eb", tenant("a%2eb")),
        ("https://login.microsoftonline.com/-a", tenant("-a")),
        ("contoso", tenant("contoso")),
        ("contoso com", Malformed),
        ("https://login.microsoftonline.com\\@evil.example/T", Malformed),
        ("https://l\u{43e}gin.microsoftonline.com/T", Malformed),
    ] {
        assert_eq!(parse(text), Err(want), "{text}");
    }
    let shown = parse("https://evil.example").expect_err("refused").to_string();
    assert!(shown.contains("evil.example") && shown.contains("trustedIssuers"));
}

#[test]
fn literal_issuers() {
    let trusted = ["https://idp.corp.example/a/".to_owned(), "http://idp.corp.example".to_owned()];
    for (text, discovery) in [
        ("https://idp.corp.example/a", "https://idp.corp.example/a"),
        ("https://idp.corp.example/a/", "https://idp.corp.example/a"),
        (
            "https://idp.corp.example/a/.well-known/openid-configuration",
            "https://idp.corp.example/a",
        ),
        ("http://127.0.0.1:4321", "http://127.0.0.1:4321"),
        ("http://localhost:1/t/v2.0", "http://localhost:1/t/v2.0"),
        ("http://[::1]:1/t/oauth2/v2.0", "http://[::1]:1/t/oauth2/v2.0"),
        ("https://localhost/", "https://localhost"),
    ] {
        let issuer = Issuer::parse(text, &trusted).expect(text);
        assert!(!issuer.is_entra() && issuer.is_tenant_specific());
        assert_eq!(
            issuer.discovery_url().as_str(),
            format!("{discovery}/.well-known/openid-configuration")
        );
        let expected = issuer.expected_issuer(discovery).expect("itself");
        assert!(expected.accepts(discovery, None));
        assert!(!expected.accepts(&format!("{discovery}/"), None));
        assert!(issuer.expected_issuer(&format!("{discovery}x")).is_err());
    }
    for (text, want) in [
        ("http://idp.corp.example", IssuerError::NotHttps),
        ("http://localhost/?x", IssuerError::Query),
        ("http://u@localhost/", IssuerError::UserInfo),
    ] {
        assert_eq!(Issuer::parse(text, &trusted), Err(want), "{text}");
    }
    let other = Issuer::parse("https://idp.corp.example/b", &trusted);
    assert_eq!(other, Err(IssuerError::UnknownHost { host: "idp.corp.example".to_owned() }));
}

#[test]
fn discovered_issuers() {
    let other = "0f0f0f0f-1111-2222-3333-555555555555";
    for (asked, discovered, want) in [
        (T, "https://login.microsoftonline.com/T/v2.0", true),
        (T, "https://login.windows.net/T/v2.0", true),
        (T, "https://login.microsoftonline.us/T/v2.0", false),
        (T, "https://login.microsoftonline.com/O/v2.0", false),
        (T, "https://login.microsoftonline.com/{tenantid}/v2.0", false),
        (T, "http://login.microsoftonline.com/T/v2.0", false),
        (T, "https://login.microsoftonline.com/T/v2.0/", false),
        (T, "https://login.microsoftonline.com/T/x/v2.0", false),
        (T, "https://login.microsoftonline.com/T", false),
        (T, "https://evil.example/T/v2.0", false),
        (T, "https://x@login.microsoftonline.com/T/v2.0", false),
        (T, "", false),
        ("contoso.com", "https://login.microsoftonline.com/O/v2.0", true),
        ("contoso.com", "https://login.microsoftonline.com/contoso.com/v2.0", false),
        ("contoso.com", "https://login.microsoftonline.com/{tenantid}/v2.0", false),
        ("common", "https://login.microsoftonline.com/{tenantid}/v2.0", true),
        ("consumers", "https://login.microsoftonline.com/O/v2.0", true),
    ] {
        let discovered = discovered.replace('T', T).replace('O', other);
        let got = parse(asked).expect(asked).expected_issuer(&discovered);
        assert_eq!(got.is_ok(), want, "{asked} {discovered}");
    }
    let domain = parse("contoso.com").expect("a domain");
    let expected = domain
        .expected_issuer(&format!("https://{GLOBAL}/{T}/v2.0"))
        .expect("the tenant behind it");
    assert_eq!(expected.tenant_id(), Some(T));
}

#[test]
fn id_tokens() {
    let iss = format!("https://{GLOBAL}/{T}/v2.0");
    let one = parse(T).expect("a tenant").expected_issuer(&iss).expect("its issuer");
    assert!(one.accepts(&iss, Some(T)) && one.accepts(&iss, None));
    assert!(!one.accepts(&iss, Some("other")));
    assert!(!one.accepts("https://sts.windows.net/T/", Some(T)));
    let template = format!("https://{GLOBAL}/{{tenantid}}/v2.0");
    let any = parse("common").expect("common").expected_issuer(&template).expect("its issuer");
    assert!(any.accepts(&iss, Some(T)));
    assert!(!any.accepts(&iss, None));
    assert!(!any.accepts(&template, Some("{tenantid}")));
    assert!(!any.accepts(&iss, Some("0f0f0f0f-1111-2222-3333-555555555555")));
    assert_eq!(any.tenant_id(), None);
}

#[test]
fn endpoints() {
    let trusted = ["https://idp.corp.example".to_owned()];
    for (issuer, endpoint, want) in [
        (T, "https://login.microsoftonline.com/T/oauth2/v2.0/token", true),
        (T, "https://login.windows.net/T/oauth2/v2.0/token", true),
        (T, "http://login.microsoftonline.com/T/oauth2/v2.0/token", false),
        (T, "https://login.microsoftonline.com:444/T", false),
        (T, "https://login.microsoftonline.us/T", false),
        (T, "https://u@login.microsoftonline.com/T", false),
        (T, "https://evil.example/token", false),
        ("https://idp.corp.example", "https://idp.corp.example/token", true),
        ("https://idp.corp.example", "https://idp.corp.example:8443/token", true),
        ("https://idp.corp.example", "http://idp.corp.example/token", false),
        ("https://idp.corp.example", "https://evil.example/token", false),
        ("https://idp.corp.example", "https://idp.corp.example/token#x", false),
        ("http://127.0.0.1:1", "http://127.0.0.1:2/token", true),
        ("http://127.0.0.1:1", "http://localhost:1/token", false),
        ("https://localhost:1", "http://localhost:1/token", false),
        ("http://127.0.0.1:1", "http://evil.example/token", false),
    ] {
        let issuer = Issuer::parse(issuer, &trusted).expect(issuer);
        let url = Url::parse(endpoint).expect(endpoint);
        assert_eq!(issuer.endpoint_allowed(&url), want, "{issuer} {endpoint}");
    }
}

#[test]
fn only_an_issuer_that_leaves_the_tenant_open_takes_one_and_stays_in_its_cloud() {
    const ZERO: &str = "00000000-0000-0000-0000-000000000000";
    for (issuer, tenant, want) in [
        ("common", T, Some(format!("https://{GLOBAL}/{T}/v2.0"))),
        ("organizations", &T.to_uppercase(), Some(format!("https://{GLOBAL}/{T}/v2.0"))),
        (
            "https://login.chinacloudapi.cn/common",
            T,
            Some(format!("https://login.partner.microsoftonline.cn/{T}/v2.0")),
        ),
        ("consumers", T, None),
        ("contoso.com", T, None),
        ("11111111-1111-2222-3333-444444444444", T, None),
        ("http://localhost:1", T, None),
        ("common", ZERO, None),
        ("common", "contoso.com", None),
        ("common", "organizations", None),
        ("common", "../x", None),
        ("common", "", None),
    ] {
        let got = parse(issuer).expect(issuer).with_tenant(tenant);
        assert_eq!(got.map(|issuer| issuer.to_string()), want, "{issuer} {tenant}");
    }
}

proptest! {
    #[test]
    fn never_panics(text in "\\PC{0,60}") {
        if let Ok(issuer) = parse(&text) {
            let _ = issuer.discovery_url();
        }
    }

    #[test]
    fn the_host_is_always_allowed(
        scheme in "(https?://|)",
        host in "(login\\.microsoftonline\\.com|sts\\.windows\\.net|[a-z.@:]{1,12}|localhost)",
        rest in "[a-z.@:/?#%\\\\]{0,20}",
    ) {
        if let Ok(issuer) = parse(&format!("{scheme}{host}{rest}")) {
            let url = issuer.discovery_url();
            let host = url.host_str().unwrap_or_default();
            prop_assert!(cloud_of(host).is_some() || is_loopback(&url), "{}", url);
            prop_assert!(url.username().is_empty() && url.query().is_none());
            prop_assert!(issuer.endpoint_allowed(&url));
        }
    }

    #[test]
    fn any_discovered_issuer(text in "\\PC{0,60}") {
        for asked in [T, "common", "http://localhost"] {
            let _ = parse(asked).expect(asked).expected_issuer(&text);
        }
    }
}
