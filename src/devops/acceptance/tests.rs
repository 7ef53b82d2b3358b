use super::super::table::{Table, reply};
use super::*;
use crate::azure::{Organization, Scheme, VirtualDirectory};

const E2E: &str = "x-vss-e2eid: 5f0c4f5e-0000-0000-0000-000000000000";
const JSON: &str = "content-type: application/json; charset=utf-8";
const HTML: &str = "content-type: text/html; charset=utf-8";
const PACK: &str = "content-type: application/x-git-upload-pack-advertisement";
const BASIC: &str = "www-authenticate: Basic realm=\"x\"";
const NTLM: &str = "www-authenticate: NTLM";
const SIGN_IN: &str = "location: https://spsprodneu1.vssps.visualstudio.com/_signin?realm=x";
const ELSEWHERE: &str = "location: https://gate.example/sso";
const PAGE: &str = "<title>Azure DevOps Services | Sign In</title>";
const POLICY: &str = "x-tfs-serviceerror: VS403463%3A%20The%20conditional%20access%20policy";

fn of(host: &str, status: u16, headers: &[&str], body: &str) -> Acceptance {
    let place = Place::of(Scheme::Https, host.as_bytes()).expect("a host");
    let directory = VirtualDirectory::default();
    let organization = Organization::collection("contoso");
    let site = Site {
        scheme: Scheme::Https,
        place: &place,
        virtual_directory: &directory,
        organization: organization.as_ref(),
    };
    let network = Table::new([reply(status, headers, body)]);
    let repository = format!("https://{host}/contoso/app/_git/app");
    ask(&network, site, Some(&repository), &Authorization::basic(b"ada", &"secret".into()))
}

#[test]
fn only_azure_devops_own_word_speaks_of_a_secret() {
    let words = |verdict| match verdict {
        Acceptance::Accepted => "accepted".to_owned(),
        Acceptance::Refused => "refused".to_owned(),
        Acceptance::RefusedHere => "refused here".to_owned(),
        Acceptance::Unknown(why) => why,
    };
    const CLOUD: &str = "dev.azure.com";
    const SERVER: &str = "tfs.corp.example";
    for (host, status, headers, body, want) in [
        (CLOUD, 200, &[PACK, E2E][..], "001e# service=git-upload-pack", "accepted"),
        (CLOUD, 401, &[E2E, BASIC], "", "refused"),
        (CLOUD, 203, &[HTML], PAGE, "refused"),
        (CLOUD, 302, &[SIGN_IN], "", "refused"),
        // Who asks is known.
        (CLOUD, 403, &[E2E], "", "accepted"),
        (CLOUD, 404, &[E2E, JSON], "{}", "accepted"),
        // The policy is against the network, not against the secret.
        (CLOUD, 401, &[E2E, POLICY], "", "refused here"),
        (CLOUD, 403, &[E2E, POLICY], "", "refused here"),
        // Nobody who knows.
        (CLOUD, 401, &[BASIC], "", "somebody else answers in place of dev.azure.com/contoso"),
        (
            CLOUD,
            401,
            &[HTML],
            "<title>Proxy</title>",
            "somebody else answers in place of dev.azure.com/contoso",
        ),
        (
            CLOUD,
            203,
            &[HTML],
            "<title>Hotel</title>",
            "somebody else answers in place of dev.azure.com/contoso",
        ),
        (CLOUD, 407, &[], "", "dev.azure.com/contoso answers with HTTP status 407"),
        (
            CLOUD,
            200,
            &[HTML],
            "<title>Hotel</title>",
            "dev.azure.com/contoso answers with HTTP status 200",
        ),
        (CLOUD, 404, &[HTML], "", "dev.azure.com/contoso answers with HTTP status 404"),
        (CLOUD, 403, &[HTML], "", "dev.azure.com/contoso answers with HTTP status 403"),
        (CLOUD, 302, &[ELSEWHERE], "", "dev.azure.com/contoso sends on to https://gate.example"),
        (
            CLOUD,
            429,
            &[E2E],
            "",
            "dev.azure.com/contoso has had too many requests and refuses for now",
        ),
        (CLOUD, 503, &[E2E], "", "dev.azure.com/contoso answers with HTTP status 503"),
        (SERVER, 200, &[PACK], "001e# service=git-upload-pack", "accepted"),
        (SERVER, 401, &[E2E, BASIC, NTLM], "", "refused"),
        (SERVER, 401, &[NTLM], "", "tfs.corp.example/contoso does not offer Basic authentication"),
        (
            SERVER,
            401,
            &[E2E, NTLM],
            "",
            "tfs.corp.example/contoso does not offer Basic authentication",
        ),
        (
            SERVER,
            401,
            &[BASIC],
            "",
            "the web server or a proxy before tfs.corp.example/contoso answers in its place",
        ),
    ] {
        assert_eq!(words(of(host, status, headers, body)), want, "{host} {status} {headers:?}");
    }
}

#[test]
fn a_whole_cloud_is_not_asked() {
    let directory = VirtualDirectory::default();
    let site = Site {
        scheme: Scheme::Https,
        place: &Place::DevAzure,
        virtual_directory: &directory,
        organization: None,
    };
    let verdict = ask(&Table::new([]), site, None, &Authorization::basic(b"ada", &"secret".into()));
    assert!(matches!(verdict, Acceptance::Unknown(_)));
}
