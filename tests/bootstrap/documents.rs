//! One JSON document with several hosts and their tokens, in Ona's words.

use serde_json::{Value, json};
use standins::{ADA, CLIENT_ID, CLIENT_SECRET};

use crate::common::*;
use crate::given::*;

fn both(machine: &Machine) -> Value {
    json!({
        "runnerName": "Ona Cloud (EU01)",
        "integrations": [cloud("dev.azure.com"), server()],
        "tokens": [
            {
                "id": "00000000-0000-0000-0000-000000000001",
                "userId": "00000000-0000-0000-0000-000000000002",
                "host": "dev.azure.com",
                "source": "HOST_AUTHENTICATION_TOKEN_SOURCE_OAUTH",
                "token": "an-access-token",
                "refreshToken": refresh_token(&machine.world, ADA),
                "expiresAt": "2026-01-31T12:00:00Z",
                "scopes": ["vso.code"],
            },
            {
                "host": "dev.azure.com",
                "source": "HOST_AUTHENTICATION_TOKEN_SOURCE_PAT",
                "organization": "fabrikam",
                "token": machine.world.azure().add_pat("fabrikam", standins::Pat::read_write()),
                "expiresAt": "2099-01-31T12:00:00Z",
            },
            { "host": "tfs.corp.example", "token": machine.world.server().add_pat() },
        ],
    })
}

#[test]
fn several_hosts_and_their_tokens_at_once() {
    let machine = Machine::new();
    machine.let_git_use_the_server();
    let document = both(&machine);
    let done = machine.bootstrap_from(&document, &[]).expect_success();
    let expected = format!(
        "dev.azure.com: integration added, sign-in added, personal access token for fabrikam added; \
         {ADA} is signed in\n\
         tfs.corp.example: integration added, personal access token added\n\
         runner name: added\n"
    );
    assert!(done.stdout.starts_with(&expected), "{}", done.stdout);
    for url in [
        "https://dev.azure.com/contoso/app/_git/app",
        "https://tfs.corp.example/tfs/DefaultCollection/app/_git/app",
    ] {
        let folder = url.split('/').nth(2).expect("a host");
        assert_eq!(machine.git(&["clone", "-q", url, folder]), Done::silent(), "{url}");
    }
    let before = machine.everything();
    let path = machine.mount("azure.json", format!("\u{feff}{document}\r\n"));
    let done = machine.bootstrap(&["--from", path.to_str().expect("text")]).expect_success();
    assert!(done.stdout.contains("tfs.corp.example: nothing to change\n"), "{}", done.stdout);
    assert!(machine.everything() == before, "not a byte is other");
    let said = machine.get("protocol=https\nhost=dev.azure.com:8443\n");
    said.expect_nothing();
}

#[test]
fn one_request_a_host_and_the_discovery_on_top() {
    let machine = Machine::new();
    let pat = machine.world.server().add_pat();
    let document = json!({
        "integrations": [cloud("dev.azure.com"), server()],
        "tokens": [{ "host": "tfs.corp.example", "token": pat }],
    });
    machine.bootstrap_from(&document, &[]).expect_success();
    assert_eq!(
        machine.asked(),
        [
            "GET login.microsoftonline.com openid-configuration",
            "POST login.microsoftonline.com client_credentials",
            "GET tfs.corp.example connectionData",
        ]
    );
}

#[test]
fn the_flat_form_of_ona_is_read_too() {
    let machine = Machine::new();
    let document = json!({ "integrations": [{
        "runnerId": "r",
        "scmId": "azuredevops_entra",
        "host": "dev.azure.com",
        "oauthClientId": CLIENT_ID,
        "oauthPlaintextClientSecret": CLIENT_SECRET,
        "issuerUrl": issuer(),
        "pat": true,
    }]});
    machine.bootstrap_from(&document, &[]).expect_success();
    machine.sign_in();
}

#[test]
fn one_host_that_fails_does_not_keep_the_others_from_it() {
    let machine = Machine::new();
    machine.let_git_use_the_server();
    let mut document = both(&machine);
    document["integrations"][0]["oauth"]["plaintextClientSecret"] = json!("not-the-secret");
    let done = machine.bootstrap_from(&document, &["--json"]);
    assert_eq!((done.code, &*done.stderr), (1, ""), "{done:#?}");
    let report = done.json();
    let of = |index: usize, field: &str| report["hosts"][index][field].clone();
    assert_eq!(
        (of(0, "ok"), of(0, "changed"), of(0, "error")["exit"].clone()),
        (json!(false), json!(false), json!(1))
    );
    assert_eq!(
        (of(1, "ok"), of(1, "changed"), of(1, "integration")),
        (json!(true), json!(true), json!("added"))
    );
    assert_eq!(report["git"]["changed"], json!(true));
    machine
        .git(&["clone", "-q", "https://tfs.corp.example/tfs/DefaultCollection/app/_git/app"])
        .expect_success();
    assert_eq!(machine.integrations()["integrations"].as_array().expect("a list").len(), 1);
    // The first is not there, not even its tokens.
    assert_eq!(machine.pat_secrets("https://dev.azure.com"), []);
    // In words: the one that works on stdout, the other on stderr.
    let done = machine.bootstrap_from(&document, &[]);
    expect_one_line(&done, 1, &["dev.azure.com: ", "the client secret is wrong"]);
    assert!(done.stdout.starts_with("tfs.corp.example: nothing to change\n"), "{}", done.stdout);
    document["integrations"][0]["oauth"]["plaintextClientSecret"] = json!(CLIENT_SECRET);
    let done = machine.bootstrap_from(&document, &[]).expect_success();
    assert!(done.stdout.contains("dev.azure.com: integration added, sign-in added"), "{done:#?}");
}

#[test]
fn what_makes_no_sense_is_found_before_anything_is_written() {
    let machine = Machine::new();
    let good = cloud("dev.azure.com");
    let with = |index: &str, value: Value| {
        let mut host = server();
        host[index] = value;
        json!({ "integrations": [good, host] })
    };
    let token = |token: Value| json!({ "integrations": [cloud("dev.azure.com"), server()], "tokens": [token] });
    let rows = [
        (json!({}), "the document holds neither integrations nor tokens"),
        (json!({ "integrations": [] }), "the document holds no integrations"),
        (json!({ "integration": [] }), "of the document is missing, unknown or of the wrong type"),
        (json!([]), "the document holds no integrations"),
        (with("host", json!("https://")), "is no host"),
        (with("host", json!(7)), "integrations[1].host of the document"),
        (with("scmId", json!("azuredevops")), "\"azuredevops\" is no kind of integration"),
        (with("scmId", json!("azuredevops_entra")), "tfs.corp.example: scmId is azuredevops_entra"),
        (with("virtualDirectory", json!("/a?b")), "is no virtual directory"),
        (with("pat", json!(false)), "no way to sign in to tfs.corp.example is given"),
        (with("oauth", good["oauth"].clone()), "which has no OAuth"),
        (with("oauth", json!({ "clientId": "c" })), "integrations[1].oauth"),
        (with("host", json!("DEV.azure.com")), "dev.azure.com is given twice"),
        (with("host", json!("github.com")), "github.com is GitHub's"),
        (token(json!({ "host": "other.example", "token": "t" })), "none of the integrations"),
        (token(json!({ "host": "dev.azure.com", "token": "t" })), "and not its organization"),
        (
            token(json!({ "host": "dev.azure.com", "token": "t", "organization": "a/b" })),
            "is no organization",
        ),
        (
            token(json!({ "host": "tfs.corp.example", "refreshToken": "t" })),
            "no issuer and client ID to use it with",
        ),
        (
            token(json!({ "host": "tfs.corp.example", "token": "" })),
            "a token for tfs.corp.example is empty",
        ),
        (
            token(json!({ "host": "tfs.corp.example", "token": "t", "expiresAt": "soon" })),
            "expiresAt is no time",
        ),
        (
            token(
                json!({ "host": "dev.azure.com", "source": "HOST_AUTHENTICATION_TOKEN_SOURCE_OAUTH", "token": "t" }),
            ),
            "comes without a refresh token",
        ),
        (
            json!({ "integrations": [server()], "tokens": [
                { "host": "tfs.corp.example", "token": "t" }, { "host": "tfs.corp.example", "token": "u" },
            ] }),
            "two tokens are given for the same",
        ),
        (
            json!({ "integrations": [{ "host": "dev.azure.com", "pat": false, "oauth": good["oauth"] }],
                "tokens": [{ "host": "dev.azure.com", "token": "t", "organization": "contoso" }] }),
            "forbids to use it",
        ),
        (
            json!({ "integrations": [{ "host": "dev.azure.com", "oauth": { "clientId": " ", "issuerUrl": issuer() } }] }),
            "the client ID given for dev.azure.com is empty",
        ),
        (
            json!({ "integrations": [{ "host": "dev.azure.com", "oauth": { "clientId": "c", "issuerUrl": "http://evil.example" } }] }),
            "oauth.issuerUrl cannot be used",
        ),
        (
            json!({ "integrations": [{ "host": "dev.azure.com", "oauth": { "clientId": "c", "issuerUrl": issuer(), "encryptedClientSecret": "c2VjcmV0" } }] }),
            "not in the format of age",
        ),
    ];
    for (document, words) in rows {
        let done = machine.bootstrap_from(&document, &[]);
        expect_one_line(&done, 2, &[words]);
        assert_eq!(machine.everything().len(), 0, "{document}");
    }
    assert_eq!(machine.world.requests().len(), 0);
}

#[test]
fn what_is_no_document_is_not_repeated() {
    let machine = Machine::new();
    let rows = [
        ("", "the document is not JSON, line 1 column 0"),
        ("{\"integrations\": [s3cret", "the document is not JSON, line 1 column 19"),
        (
            "{\"integrations\": [{\"host\": \"s3cret\"}]} s3cret",
            "the document is not JSON, line 1 column 40",
        ),
        ("{\"integrations\": \"s3cret\"}", "integrations of the document is"),
        (
            "{\"integrations\": [{\"host\": \"dev.azure.com\", \"host\": \"s3cret\"}]}",
            "of the document is",
        ),
    ];
    for (text, words) in rows {
        let done = machine.helper_with(&["bootstrap", "--from", "-"], text);
        expect_one_line(&done, 2, &[words]);
        assert!(!done.stderr.contains("s3cret"), "{}", done.stderr);
    }
    let long = machine.helper_with(&["bootstrap", "--from", "-"], " ".repeat((1 << 20) + 1));
    expect_one_line(&long, 2, &["it is longer than 1024 KiB"]);
    let missing = machine.bootstrap(&["--from", "/nonexistent/azure.json"]);
    expect_one_line(&missing, 5, &["\"/nonexistent/azure.json\" cannot be read"]);
    assert_eq!(machine.everything().len(), 0);
}
