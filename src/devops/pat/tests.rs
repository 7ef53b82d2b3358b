use base64::{Engine as _, engine::general_purpose::STANDARD};
use proptest::prelude::*;

use super::super::table::{Table, reply};
use super::*;
use crate::azure::{Organization, Scheme, VirtualDirectory};
use crate::net::Network;
use crate::report::Exit;

const PAT: &str = "abcdefghijklmnopqrstuvwxyz234567abcdefghijklmnopqrst";
const PAGE: &str = "https://the.page/";

const E2E: &str = "x-vss-e2eid: 5f0c4f5e-0000-0000-0000-000000000000";
const JSON: &str = "content-type: application/json; charset=utf-8; api-version=5.0";
const HTML: &str = "content-type: text/html; charset=utf-8";
const EXPIRED: &str = "x-tfs-serviceerror: Access%20Denied%3A%20The%20Personal%20Access%20Token%20used%20has%20expired.";
const LOGIN: &str = "location: https://login.microsoftonline.com/x/oauth2/authorize?y";
const BASIC: &str = "www-authenticate: Basic realm=\"https://tfs.corp.example/tfs\"";
const NTLM: &str = "www-authenticate: NTLM";
const NEGOTIATE: &str = "www-authenticate: Negotiate";

const NOBODY: &str =
    r#"{"message":"TF400813: The user '' is not authorized to access this resource."}"#;
const STRANGER: &str = r#"{"message":"TF400813: The user 'aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa' is not authorized to access this resource."}"#;
const ADA: &str = r#"{"$id":"1","message":"TF400813: The user '0f0f0f0f-1111-2222-3333-444444444444' is not authorized to access this resource.","typeKey":"UnauthorizedRequestException"}"#;
const POLICY: &str = r#"{"message":"VS403463: The conditional access policy defined by your Microsoft Entra administrator has failed."}"#;

const FORBIDDEN: &str = r#"{"message":"GlobalPatPolicyViolation"}"#;

fn meaning(status: u16, headers: &[&str], body: &str, cloud: bool) -> Trial {
    let reply = reply(status, headers, body);
    let host = if cloud { "dev.azure.com" } else { "tfs.corp.example" };
    let answer = Answer::read(&reply, &format!("https://{host}/x"), &[]);
    classify(answer, &reply.body, cloud)
}

/// The words of an outcome in short.
fn short(trial: &Trial) -> String {
    match trial {
        Trial::Refused { reason, .. } => format!("{reason:?}"),
        Trial::LacksScope { .. } => "LacksScope".to_owned(),
        Trial::NoSuchPlace { by_azure } => format!("NoSuchPlace {by_azure}"),
        Trial::Moved { to } => format!("Moved {to}"),
        Trial::Unclear { status } => format!("Unclear {status}"),
        Trial::Works { slowed } => if *slowed { "Slowed" } else { "Works" }.to_owned(),
        Trial::Later(Later::Busy(busy)) => {
            let offline = if busy.offline { " offline" } else { "" };
            format!("Busy {} {:?}{offline}", busy.status, busy.retry_after)
        }
        other => format!("{other:?}"),
    }
}

#[test]
fn every_answer_of_azure_devops_services_has_its_meaning() {
    for (status, headers, body, want) in [
        (200, &[JSON][..], r#"{"value":[],"count":0}"#, "Works"),
        (200, &[JSON], r#"{"value":[{"name":"cut off"#, "Works"),
        // Slowed down, and still an answer.
        (200, &[JSON, "retry-after: 5"], "{}", "Slowed"),
        (200, &[JSON, "x-ratelimit-delay: 0.250"], "{}", "Slowed"),
        (200, &[HTML, E2E], "<title>Sign In</title>", "NotAccepted"),
        // Nothing of Azure DevOps': the network asks for a sign-in of its own.
        (200, &[HTML], "<title>Sign In</title>", "Unclear 200"),
        (203, &[HTML], "<title>Sign In</title>", "NotAccepted"),
        (203, &[JSON], "{}", "NotAccepted"),
        (203, &[HTML, EXPIRED], "", "Expired"),
        (200, &[], "", "Unclear 200"),
        (204, &[], "", "Unclear 204"),
        (200, &["content-type: text/plain"], "{}", "Unclear 200"),
        (302, &[LOGIN], "", "NotAccepted"),
        (302, &["location: /_signin?realm=x"], "", "NotAccepted"),
        (302, &["location: https://spsprodweu1.vssps.visualstudio.com/_signin"], "", "NotAccepted"),
        (302, &[], "", "Unclear 302"),
        (
            302,
            &["location: https://login.corp.example/oauth2/start"],
            "",
            "Moved https://login.corp.example",
        ),
        (
            302,
            &["location: https://u:p@portal.example:8443/x?y"],
            "",
            "Moved https://portal.example:8443",
        ),
        (307, &["location: https://dev.azure.com/other"], "", "Moved https://dev.azure.com"),
        (301, &["location: /other"], "", "Moved another page of its own"),
        (401, &[], "", "NotAccepted"),
        (401, &[JSON], NOBODY, "NotAccepted"),
        (401, &[JSON], STRANGER, "NotAccepted"),
        (401, &[JSON], ADA, "LacksScope"),
        (401, &[EXPIRED, JSON], ADA, "Expired"),
        (401, &[JSON], POLICY, "Policy"),
        (
            401,
            &[HTML],
            "<h1>Access Denied</h1><p>VS403463: The conditional access policy</p>",
            "Policy",
        ),
        (401, &[HTML], "<p>TF400813: The user &#39;ada&#39; is not authorized</p>", "LacksScope"),
        (401, &["x-tfs-serviceerror: %ff%fe"], "", "NotAccepted"),
        // The cloud offers Basic always; that it would not is no reason.
        (401, &[NTLM], "", "NotAccepted"),
        (403, &[JSON], ADA, "LacksScope"),
        (403, &[], "", "LacksScope"),
        (403, &[JSON], POLICY, "Policy"),
        (404, &[HTML, E2E], "", "NoSuchPlace true"),
        (404, &[], "", "NoSuchPlace false"),
        (408, &[], "", "Busy 408 None"),
        (429, &["retry-after: 30"], "", "Busy 429 Some(30)"),
        (500, &[], "", "Busy 500 None"),
        (503, &[HTML], "", "Busy 503 None"),
        (
            503,
            &[HTML, "x-vss-hostofflineerror: offline", "retry-after: 90"],
            "",
            "Busy 503 Some(90) offline",
        ),
        (400, &[JSON], FORBIDDEN, "Forbidden"),
        (401, &[JSON], FORBIDDEN, "Forbidden"),
        (403, &[JSON], FORBIDDEN, "Forbidden"),
        (400, &[JSON], "{}", "Unclear 400"),
        (407, &[], "", "Unclear 407"),
        (410, &[], "", "Unclear 410"),
    ] {
        let got = meaning(status, headers, body, true);
        assert_eq!(short(&got), want, "{status} {headers:?} {body}");
    }
}

#[test]
fn every_answer_of_a_server_has_its_meaning() {
    let ada = r#"{"authenticatedUser":{"id":"0f0f0f0f-1111-2222-3333-444444444444"}}"#;
    let nobody = r#"{"authenticatedUser":{"id":"aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa"}}"#;
    for (status, headers, body, want) in [
        (200, &[JSON, E2E][..], ada, "Works"),
        (200, &[JSON, E2E], nobody, "NotAccepted"),
        (401, &["www-authenticate: Bearer", NEGOTIATE, NTLM, BASIC, E2E], "", "NotAccepted"),
        (401, &[BASIC, NEGOTIATE, NTLM], "", "WebServer"),
        (401, &["www-authenticate: NTLM, basic realm=\"x\""], "", "WebServer"),
        (401, &[NEGOTIATE, NTLM, E2E], "", "NoBasic"),
        (401, &[NEGOTIATE, NTLM], "", "NoBasic"),
        (401, &["www-authenticate: Negotiate realm=\"basic\""], "", "NoBasic"),
        (401, &[E2E], "", "NotAccepted"),
        (401, &[NTLM, BASIC, EXPIRED, E2E], "", "Expired"),
        (401, &[NTLM, BASIC, JSON, E2E], ADA, "LacksScope"),
        (404, &[HTML], "", "NoSuchPlace false"),
        (404, &[JSON, E2E], "", "NoSuchPlace true"),
        // Behind a gateway that does not pass on the numbers.
        (
            404,
            &[JSON],
            r#"{"message":"TF400898","typeKey":"HostDoesNotExistException"}"#,
            "NoSuchPlace true",
        ),
        (404, &[JSON], r#"{"message":"no route"}"#, "NoSuchPlace false"),
        (401, &[BASIC, JSON], ADA, "LacksScope"),
        (
            401,
            &[BASIC, JSON],
            r#"{"message":"no","typeKey":"UnauthorizedRequestException"}"#,
            "NotAccepted",
        ),
        (301, &["location: https://tfs.corp.example/tfs/"], "", "Moved https://tfs.corp.example"),
    ] {
        let got = meaning(status, headers, body, false);
        assert_eq!(short(&got), want, "{status} {headers:?} {body}");
    }
}

/// Tries on the site of an address: host, virtual directory, organization.
fn try_at(table: &Table, site: (&str, &str, &str), scheme: Scheme, username: &str) -> Trial {
    with_site(site, scheme, |site| try_pat(table, site, username.as_bytes(), &Secret::from(PAT)))
}

fn with_site<T>(
    (host, directory, organization): (&str, &str, &str),
    scheme: Scheme,
    then: impl FnOnce(Site<'_>) -> T,
) -> T {
    let place = Place::of(scheme, host.as_bytes()).expect("a host");
    let directory = VirtualDirectory::parse(directory).expect("a directory");
    let organization = Organization::collection(organization);
    then(Site {
        scheme,
        place: &place,
        virtual_directory: &directory,
        organization: organization.as_ref(),
    })
}

const CLOUD: (&str, &str, &str) = ("dev.azure.com", "/", "contoso");
const COLLECTION: (&str, &str, &str) = ("tfs.corp.example", "/tfs", "Main Team");
const SERVER: (&str, &str, &str) = ("tfs.corp.example", "/tfs", "");

#[test]
fn a_token_is_tried_once_where_it_will_be_used() {
    for (site, scheme, username, address, login) in [
        (
            CLOUD,
            Scheme::Https,
            "",
            "https://dev.azure.com/contoso/_apis/git/repositories?api-version=5.0",
            "pat",
        ),
        (
            ("contoso.visualstudio.com", "/", ""),
            Scheme::Https,
            "ada",
            "https://dev.azure.com/contoso/_apis/git/repositories?api-version=5.0",
            "ada",
        ),
        (
            COLLECTION,
            Scheme::Https,
            "",
            "https://tfs.corp.example/tfs/main%20team/_apis/git/repositories?api-version=5.0",
            "pat",
        ),
        (
            SERVER,
            Scheme::Http,
            "CORP\\ada",
            "http://tfs.corp.example/tfs/_apis/connectionData",
            "CORP\\ada",
        ),
        (
            ("tfs.corp.example:8443", "/", ""),
            Scheme::Https,
            "\u{e9}",
            "https://tfs.corp.example:8443/_apis/connectionData",
            "\u{e9}",
        ),
    ] {
        let table = Table::new([reply(200, &[JSON], "{}")]);
        assert_eq!(try_at(&table, site, scheme, username), Trial::Works { slowed: false });
        let asked = table.asked.borrow();
        assert_eq!(asked.len(), 1);
        assert_eq!(
            (asked[0].method().as_str(), asked[0].uri().to_string()),
            ("GET", address.to_owned())
        );
        assert_eq!(asked[0].headers()["x-tfs-fedauthredirect"], "Suppress");
        let header = &asked[0].headers()["authorization"];
        assert!(header.is_sensitive());
        let sent = header.to_str().expect("text").strip_prefix("Basic ").expect("the scheme");
        assert_eq!(STANDARD.decode(sent).expect("base64"), format!("{login}:{PAT}").into_bytes());
        let debug = format!("{:?}", asked[0]);
        assert!(!debug.contains(PAT) && !debug.contains(sent), "{debug}");
    }
}

#[test]
fn a_server_that_repeats_the_token_is_not_repeated() {
    let encoded = STANDARD.encode(format!("pat:{PAT}"));
    for words in [
        format!("the token {PAT} is bad"),
        format!("{}{PAT} is bad", "x".repeat(200 - 20)),
        format!("Authorization: Basic {encoded}"),
    ] {
        for status in [401, 403] {
            let body = serde_json::json!({ "message": words }).to_string();
            let header = format!("x-tfs-serviceerror: {}", words.replace(' ', "%20"));
            for answer in [reply(status, &[JSON], &body), reply(status, &[&header], "")] {
                let trial = try_at(&Table::new([answer]), CLOUD, Scheme::Https, "");
                let failure =
                    with_site(CLOUD, Scheme::Https, |site| trial.failure(site, PAGE, Asker::Login));
                let shown = format!("{trial:?} {}", failure.expect("a failure").message.render());
                assert!(!shown.contains(&PAT[..12]) && !shown.contains(&encoded[..12]), "{shown}");
                assert!(shown.contains("(hidden)") || words.starts_with('x'), "{shown}");
            }
        }
    }
    let location = format!("location: https://{PAT}.example/");
    let trial = try_at(&Table::new([reply(302, &[&location], "")]), CLOUD, Scheme::Https, "");
    assert_eq!(short(&trial), "Moved https://(hidden).example");
}

#[test]
fn without_an_organization_no_token_leaves_for_the_cloud() {
    let (table, site) = (Table::new([]), ("dev.azure.com", "/", ""));
    let trial = try_at(&table, site, Scheme::Https, "");
    assert_eq!(table.asked.borrow().len(), 0);
    assert_eq!(
        words(&trial, site).0,
        "error: a personal access token is for one organization, and none is named\n\
         hint: git-credential-ona-azure login https://dev.azure.com/ORGANIZATION --pat\n"
    );
}

#[test]
fn a_server_that_does_not_know_the_call_is_a_server_all_the_same() {
    for (site, want) in [(SERVER, "Unclear 404"), (COLLECTION, "NoSuchPlace true")] {
        let table = Table::new([reply(404, &[JSON, E2E], "{}")]);
        assert_eq!(short(&try_at(&table, site, Scheme::Https, "")), want);
    }
}

fn words(trial: &Trial, site: (&str, &str, &str)) -> (String, Exit) {
    let failure = with_site(site, Scheme::Https, |site| trial.failure(site, PAGE, Asker::Login))
        .expect("a failure");
    (failure.message.render(), failure.exit)
}

#[test]
fn each_outcome_says_what_happened_and_what_to_do() {
    let refused =
        |reason, said: Option<&str>| Trial::Refused { reason, said: said.map(str::to_owned) };
    let again = "git-credential-ona-azure login https://dev.azure.com/contoso --pat\n";
    let anew = format!(
        "make a new one (Custom defined → Code: Read & write) at https://the.page/ and give it to: {again}"
    );
    for (trial, exit, want) in [
        (
            refused(Reason::Expired, Some("expired")),
            Exit::SignIn,
            format!("error: the personal access token for dev.azure.com/contoso has run out\nhint: {anew}"),
        ),
        (
            refused(Reason::NotAccepted, None),
            Exit::SignIn,
            format!(
                "error: dev.azure.com/contoso does not accept the personal access token\n\
                 hint: it may be copied in part, revoked, or made for another organization, or for all accessible organizations (such tokens end on 2026-12-01); {anew}"
            ),
        ),
        (
            refused(Reason::NotAccepted, Some("TF1: \u{1b}[31mno")),
            Exit::SignIn,
            format!(
                "error: dev.azure.com/contoso does not accept the personal access token (TF1: \\u{{1b}}[31mno)\n\
                 hint: it may be copied in part, revoked, or made for another organization, or for all accessible organizations (such tokens end on 2026-12-01); {anew}"
            ),
        ),
        (
            refused(Reason::Policy, Some("VS403463: no")),
            Exit::SignIn,
            format!(
                "error: a conditional access policy does not let the personal access token into \
                 dev.azure.com/contoso from here (VS403463: no)\n\
                 hint: ask the tenant's administrator which networks and devices it allows, and from one of \
                 them: {again}"
            ),
        ),
        (
            Trial::LacksScope { said: None },
            Exit::SignIn,
            format!(
                "error: dev.azure.com/contoso accepts the personal access token, but not for source code\n\
                 hint: it lacks the scope Code, or its owner has no access to the code; {anew}"
            ),
        ),
        (
            Trial::NoSuchPlace { by_azure: true },
            Exit::Failed,
            "error: there is no organization contoso at dev.azure.com\n\
             hint: check the name in the address of its repositories, then: git-credential-ona-azure login \
             https://dev.azure.com/ORGANIZATION --pat\n"
                .to_owned(),
        ),
        (
            Trial::Later(Later::Busy(Busy { status: 429, retry_after: Some(30), offline: false })),
            Exit::Unavailable,
            format!(
                "error: dev.azure.com/contoso has had too many requests, and cannot try the personal access \
                 token now (HTTP status 429)\n\
                 hint: try again in 30 seconds, or add --no-test to keep the token untried: {again}"
            ),
        ),
        (
            Trial::Later(Later::Busy(Busy { status: 503, retry_after: None, offline: false })),
            Exit::Unavailable,
            format!(
                "error: dev.azure.com/contoso cannot try the personal access token now (HTTP status 503)\n\
                 hint: try again in some minutes, or add --no-test to keep the token untried: {again}"
            ),
        ),
        (
            Trial::Unclear { status: 400 },
            Exit::Failed,
            format!(
                "error: dev.azure.com/contoso answers with HTTP status 400, which says nothing about the personal \
                 access token\n\
                 hint: check the address, and that no proxy or sign-in page of the network answers in its place, \
                 or add --no-test to keep the token untried: {again}"
            ),
        ),
    ] {
        assert_eq!(words(&trial, CLOUD), (want, exit));
    }
    let nothing = with_site(CLOUD, Scheme::Https, |site| {
        Trial::Works { slowed: false }.failure(site, PAGE, Asker::Login)
    });
    assert_eq!(nothing, None);
}

#[test]
fn what_goes_wrong_at_a_server_is_said_in_its_own_terms() {
    for (trial, site, want) in [
        (
            Trial::NoSuchPlace { by_azure: true },
            COLLECTION,
            "error: there is no collection main team at tfs.corp.example/tfs\n\
             hint: check the name in the address of its repositories, then: git-credential-ona-azure login \
             https://tfs.corp.example/tfs/COLLECTION --pat\n",
        ),
        (
            Trial::NoSuchPlace { by_azure: false },
            COLLECTION,
            "error: nothing of Azure DevOps is at tfs.corp.example/tfs/main%20team\n\
             hint: compare it with the address in a browser; what that has between host and collection \
             (/ if nothing) belongs here: git-credential-ona-azure integration add --host tfs.corp.example \
             --virtual-directory /tfs\n",
        ),
        (
            Trial::NoSuchPlace { by_azure: false },
            SERVER,
            "error: tfs.corp.example has no Azure DevOps Server at /tfs\n\
             hint: step 5 (Azure DevOps and tenant): name the part of its address between host and collection \
             (/ if there is none): git-credential-ona-azure integration add --host tfs.corp.example \
             --virtual-directory /tfs\n",
        ),
        (
            Trial::NoBasic,
            SERVER,
            "error: tfs.corp.example/tfs takes no personal access tokens: it does not offer Basic authentication\n\
             hint: ask its administrator to allow them, or see whether this is the Server: \
             https://tfs.corp.example/tfs\n",
        ),
        (
            Trial::Moved { to: "https://sso.corp.example".to_owned() },
            SERVER,
            "error: tfs.corp.example/tfs answers with a redirect to https://sso.corp.example, where no token is \
             sent\n\
             hint: open https://tfs.corp.example/tfs in a browser, and use the address it ends at: \
             git-credential-ona-azure login URL --pat\n",
        ),
        (
            Trial::Refused { reason: Reason::WebServer, said: None },
            SERVER,
            "error: the web server of tfs.corp.example/tfs refuses the personal access token before Azure DevOps \
             sees it\n\
             hint: ask its administrator to turn off IIS Basic Authentication, which takes no tokens: \
             https://learn.microsoft.com/azure/devops/integrate/get-started/authentication/iis-basic-auth\n",
        ),
    ] {
        assert_eq!(words(&trial, site), (want.to_owned(), Exit::Failed));
    }
}

#[test]
fn a_host_that_cannot_be_reached_says_nothing_about_the_token() {
    // A port that was free a moment ago: nobody listens there.
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("a port")
        .port();
    let host = format!("127.0.0.1:{port}");
    let site = (host.as_str(), "/", "");
    let trial =
        with_site(site, Scheme::Http, |site| try_pat(&Network, site, b"", &Secret::from(PAT)));
    assert!(matches!(trial, Trial::Later(Later::Network(_))), "{trial:?}");
    let (words, exit) = words(&trial, site);
    assert_eq!(
        words,
        "error: 127.0.0.1 cannot be reached\n\
         hint: check the network, and HTTPS_PROXY if there is a proxy; then try again (or add --no-test to \
         keep the token untried)\n"
    );
    assert_eq!(exit, Exit::Unavailable);
}

#[test]
fn a_list_of_any_length_is_not_waited_for() {
    use std::io::{Read as _, Write as _};

    let server = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let host = server.local_addr().expect("an address").to_string();
    std::thread::spawn(move || {
        let (mut stream, _) = server.accept().expect("a connection");
        let _ = stream.read(&mut [0; 4096]);
        let head =
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99999999\r\n\r\n";
        let _ = stream.write_all(head.as_bytes());
        let _ = stream.write_all(&vec![b'['; 2 * usize::try_from(ENOUGH).expect("small")]);
        // Nothing more, until the other side has had enough.
        let _ = stream.read(&mut [0; 1]);
    });
    let trial = with_site((&host, "/", "main"), Scheme::Http, |site| {
        try_pat(&Network, site, b"", &Secret::from(PAT))
    });
    assert_eq!(trial, Trial::Works { slowed: false });
}

#[test]
fn the_way_out_is_that_of_whoever_asks() {
    let trials = [
        Trial::Refused { reason: Reason::Expired, said: None },
        Trial::Refused { reason: Reason::NotAccepted, said: None },
        Trial::Refused { reason: Reason::Policy, said: None },
        Trial::Refused {
            reason: Reason::Forbidden,
            said: Some("GlobalPatPolicyViolation".to_owned()),
        },
        Trial::LacksScope { said: None },
        Trial::NoSuchPlace { by_azure: true },
        Trial::Moved { to: "https://x".to_owned() },
        Trial::Unclear { status: 400 },
        Trial::Later(Later::Busy(Busy { status: 503, retry_after: None, offline: true })),
    ];
    for trial in &trials {
        let hint = |asker| {
            let failure = with_site(CLOUD, Scheme::Https, |site| trial.failure(site, PAGE, asker));
            failure.and_then(|failure| failure.message.hint).expect("a hint")
        };
        let script = hint(Asker::Bootstrap);
        assert!(
            !script.contains("git-credential-ona-azure") && !script.contains("--no-test"),
            "{script}"
        );
        let doctor = hint(Asker::Doctor);
        assert!(!doctor.contains("untried"), "{doctor}");
    }
    let untried = |asker| words_for(&trials[7], asker);
    assert_eq!(
        untried(Asker::Bootstrap),
        "check the address, and that no proxy or sign-in page of the network answers in its place, or add \
         --offline to keep the token untried"
    );
    assert_eq!(
        words_for(&trials[3], Asker::Login),
        "make one for this organization alone, or ask the administrator: Organization settings → Microsoft Entra \
         → Restrict global personal access token creation"
    );
}

fn words_for(trial: &Trial, asker: Asker) -> String {
    let failure = with_site(CLOUD, Scheme::Https, |site| trial.failure(site, PAGE, asker));
    failure.and_then(|failure| failure.message.hint).expect("a hint")
}

proptest! {
    #[test]
    fn every_site_there_can_be_is_asked_at_its_own_host(
        host in "([a-z0-9_.-]{1,20}|\\[::[0-9a-f]{1,4}\\])(:[1-9][0-9]{0,3})?",
        directory in "\\PC{0,20}",
        organization in "\\PC{0,20}",
        username in prop::collection::vec(any::<u8>(), 0..10),
    ) {
        let Some(place) = Place::of(Scheme::Http, host.as_bytes()) else { return Ok(()) };
        let Some(directory) = VirtualDirectory::parse(&directory) else { return Ok(()) };
        let organization = Organization::collection(&organization);
        let organization = organization.as_ref();
        let site = Site { scheme: Scheme::Http, place: &place, virtual_directory: &directory, organization };
        let table = Table::new([reply(200, &[JSON], "{}")]);
        try_pat(&table, site, &username, &Secret::from(PAT));
        let asked = table.asked.borrow();
        let authority = asked[0].uri().authority().map(ToString::to_string);
        prop_assert_eq!(authority, Some(place.authority().to_string()));
        prop_assert!(!asked[0].uri().to_string().contains(PAT));
    }

    #[test]
    fn whatever_is_answered_the_token_is_not_shown(
        status in 100u16..600,
        kind in "(application/json|text/html|x)",
        location in "[ -~]{0,30}",
        before in "(\\{\"message\":\"|TF400813: |<p>VS403463: |)[ -~]{0,20}",
        after in "[ -~]{0,20}(\"\\}|</p>|)",
    ) {
        let headers = [
            format!("content-type: {kind}"),
            format!("location: https://x/{location}{PAT}"),
            format!("www-authenticate: {location}"),
        ];
        let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
        for cloud in [CLOUD, COLLECTION, SERVER] {
            let table = Table::new([reply(status, &headers, &format!("{before}{PAT}{after}"))]);
            let trial = try_at(&table, cloud, Scheme::Https, "");
            let failure = with_site(cloud, Scheme::Https, |site| trial.failure(site, PAGE, Asker::Login));
            let shown = format!("{trial:?} {failure:?}");
            prop_assert!(!shown.contains(PAT), "{}", shown);
        }
    }
}
