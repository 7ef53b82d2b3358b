//! `integration add|list|show|remove` and the file they keep: every flag, what stays when
//! something changes, and what is said of a file that makes no sense.

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::thread;

use common::*;
use serde_json::{Value, json};
use standins::{CLIENT_ID, CLIENT_SECRET, CONTOSO, FABRIKAM};

const US01: &str =
    "Ona Cloud (US01) requires authentication with Source Control - the SCM integration for host";

fn issuer() -> String {
    format!("https://login.microsoftonline.com/{CONTOSO}/oauth2/v2.0")
}

/// The flags of a whole OAuth integration for the cloud.
fn oauth_flags(issuer: &str) -> Vec<&str> {
    vec![
        "--host",
        "dev.azure.com",
        "--issuer-url",
        issuer,
        "--client-id",
        CLIENT_ID,
        "--client-secret-stdin",
    ]
}

fn only(machine: &Machine) -> Value {
    let all = machine.integrations()["integrations"].as_array().expect("a list").clone();
    assert_eq!(all.len(), 1, "{all:#?}");
    all[0].clone()
}

#[test]
fn add_saves_says_where_and_names_the_redirect_uri_to_register() {
    let machine = Machine::new();
    let done = machine.integration_add(&oauth_flags(&issuer())).expect_success();
    let key = machine.helper(&["key", "show"]).expect_success().stdout;
    let file = machine.integrations_file();
    done.expect(
        0,
        &format!(
            "The integration for dev.azure.com is saved in {}.\n\
             Register this redirect URI with the app, platform Web, beside Ona's own: \
             http://localhost/ona-azure\n\
             The client secret is sealed to {key}.\n",
            file.display()
        )
        .replace("\n.\n", ".\n"),
        "next: git-credential-ona-azure setup-git\n",
    );
    let root = machine.integrations();
    assert_eq!(root["version"], 1);
    let saved = only(&machine);
    assert_eq!(saved["scmId"], "azuredevops_entra");
    assert_eq!(saved["host"], "dev.azure.com");
    assert_eq!(saved["pat"], false);
    assert_eq!(saved["oauth"]["clientId"], CLIENT_ID);
    assert_eq!(saved["oauth"]["issuerUrl"], issuer().as_str());
    assert_eq!(saved["oauth"]["recipients"], json!([key.trim()]));
    let sealed = saved["oauth"]["encryptedClientSecret"].as_str().expect("text");
    assert!(sealed.starts_with("-----BEGIN AGE ENCRYPTED FILE-----\n"), "{sealed}");
}

#[test]
fn the_file_holds_no_secret_in_clear_and_may_be_read_by_all() {
    let machine = Machine::new();
    machine.integration_add(&oauth_flags(&issuer())).expect_success();
    let file = machine.integrations_file();
    let text = fs::read_to_string(&file).expect("text");
    assert!(!text.contains(CLIENT_SECRET), "{text}");
    assert!(!text.contains("AGE-SECRET-KEY"), "{text}");
    assert_eq!(fs::metadata(&file).expect("there").permissions().mode() & 0o777, 0o644);
    let left: Vec<_> = fs::read_dir(file.parent().expect("a directory"))
        .expect("readable")
        .map(|entry| entry.expect("an entry").file_name())
        .collect();
    assert_eq!(left.len(), 2, "the file and its lock, and no temporary file: {left:?}");
}

#[test]
fn a_public_client_has_no_secret_and_a_redirect_uri_of_its_own() {
    let machine = Machine::new();
    let issuer = issuer();
    let done = machine
        .integration_add(&[
            "--host",
            "dev.azure.com",
            "--issuer-url",
            &issuer,
            "--client-id",
            CLIENT_ID,
            "--public-client",
        ])
        .expect_success();
    assert!(
        done.stdout.contains(
            "platform Mobile and desktop applications, beside Ona's own: http://localhost/ona-azure-native\n"
        ),
        "{done:#?}"
    );
    assert_eq!(only(&machine)["oauth"], json!({ "clientId": CLIENT_ID, "issuerUrl": issuer }));
}

#[test]
fn the_client_secret_is_read_from_a_file_too() {
    let machine = Machine::new();
    let secret = machine.home().join("secret");
    fs::write(&secret, format!("{CLIENT_SECRET}\n")).expect("written");
    let issuer = issuer();
    let mut flags = oauth_flags(&issuer);
    flags.pop();
    flags.extend(["--client-secret-file", secret.to_str().expect("text")]);
    machine.integration_add(&flags).expect_success();
    machine.helper(&["integration", "test"]).expect_success();
    assert_eq!(machine.world.entra().token_requests("client_credentials"), 1);
}

#[test]
fn the_client_secret_is_never_taken_from_the_command_line() {
    let machine = Machine::new();
    for flag in ["--client-secret=hunter2", "--client-secret"] {
        let issuer = issuer();
        let mut flags = oauth_flags(&issuer);
        flags.pop();
        flags.push(flag);
        let done = machine.integration_add(&flags);
        assert_eq!((done.code, &*done.stdout), (2, ""), "{done:#?}");
        assert!(!done.stderr.contains("hunter2"), "{done:#?}");
    }
    assert!(!machine.integrations_file().exists());
}

#[test]
fn a_secret_that_is_none_is_refused_with_what_to_copy() {
    let machine = Machine::new();
    let issuer = issuer();
    let mut arguments = vec!["integration", "add", "--no-test"];
    arguments.extend(oauth_flags(&issuer));
    machine.helper_with(&arguments, " \n").expect(
        2,
        "",
        "error: the client secret is empty\n\
         hint: Certificates & secrets → New client secret, then copy the Value column at once\n",
    );
    machine.helper_with(&arguments, "one\ntwo\n").expect(
        2,
        "",
        "error: the client secret is one line, and this is more\n\
         hint: pass the secret's Value alone\n",
    );
    assert!(!machine.integrations_file().exists());
}

#[test]
fn what_oauth_lacks_is_named_with_the_place_to_copy_it_from() {
    let machine = Machine::new();
    let issuer = issuer();
    let rows: [(&[&str], &str); 4] = [
        (
            &[],
            "error: no way to sign in to dev.azure.com is named\n\
             hint: give --issuer-url and --client-id, or --pat, or both\n",
        ),
        (
            &["--issuer-url", &issuer, "--client-secret-stdin"],
            "error: --client-id is missing\n\
             hint: OAuth needs it: copy it from the app registration, Overview → Application (client) ID\n",
        ),
        (
            &["--client-id", CLIENT_ID, "--client-secret-stdin"],
            "error: --issuer-url is missing\n\
             hint: OAuth needs it: copy it from the app registration, Overview → Endpoints\n",
        ),
        (
            &["--client-id", CLIENT_ID, "--issuer-url", &issuer],
            "error: the client secret is missing\n\
             hint: pass it on standard input with --client-secret-stdin, or say --public-client if the app has none\n",
        ),
    ];
    for (flags, stderr) in rows {
        let flags = [&["--host", "dev.azure.com"], flags].concat();
        machine.integration_add(&flags).expect(2, "", stderr);
    }
    assert!(!machine.integrations_file().exists());
}

#[test]
fn a_second_add_changes_what_it_names_and_keeps_the_rest() {
    let machine = Machine::new();
    machine.integration_add(&oauth_flags(&issuer())).expect_success();
    let before = only(&machine);
    // PAT on.
    machine.integration_add(&["--host", "dev.azure.com", "--pat"]).expect_success();
    let mut expected = before.clone();
    expected["pat"] = json!(true);
    assert_eq!(only(&machine), expected);
    // Another client: its secret stays, PAT stays.
    machine.integration_add(&["--host", "DEV.azure.com", "--client-id", "other"]).expect_success();
    expected["oauth"]["clientId"] = json!("other");
    assert_eq!(only(&machine), expected);
    machine.integration_add(&["--host", "dev.azure.com", "--bearer"]).expect_success();
    expected["bearer"] = json!(true);
    assert_eq!(only(&machine), expected);
    machine.integration_add(&["--host", "dev.azure.com", "--no-pat"]).expect_success();
    expected["pat"] = json!(false);
    assert_eq!(only(&machine), expected);
    // A new secret.
    machine.integration_add(&["--host", "dev.azure.com", "--client-secret-stdin"]).expect_success();
    let renewed = only(&machine);
    assert_ne!(
        renewed["oauth"]["encryptedClientSecret"],
        expected["oauth"]["encryptedClientSecret"]
    );
    expected["oauth"] = renewed["oauth"].clone();
    assert_eq!(renewed, expected);
    // Public: the secret goes.
    machine.integration_add(&["--host", "dev.azure.com", "--public-client"]).expect_success();
    expected["oauth"] = json!({ "clientId": "other", "issuerUrl": issuer() });
    assert_eq!(only(&machine), expected);
}

#[test]
fn a_method_is_turned_off_but_never_the_last_one() {
    let machine = Machine::new();
    let mut flags = vec!["--pat"];
    let issuer = issuer();
    flags.extend(oauth_flags(&issuer));
    machine.integration_add(&flags).expect_success();
    machine.integration_add(&["--host", "dev.azure.com", "--no-oauth"]).expect_success();
    let pat_only = json!({ "scmId": "azuredevops_entra", "host": "dev.azure.com", "pat": true });
    assert_eq!(only(&machine), pat_only);
    machine.integration_add(&["--host", "dev.azure.com", "--no-pat"]).expect(
        2,
        "",
        "error: no way to sign in to dev.azure.com is named\n\
         hint: give --issuer-url and --client-id, or --pat, or both\n",
    );
    assert_eq!(only(&machine), pat_only);
    for pair in [["--no-pat", "--pat"], ["--no-oauth", "--public-client"]] {
        let flags = [&["--host", "dev.azure.com"], &pair[..]].concat();
        assert_eq!(machine.integration_add(&flags).code, 2, "{pair:?}");
    }
}

#[test]
fn what_is_not_known_here_stays_in_the_file() {
    let machine = Machine::new();
    machine.write_integrations(
        r#"{
  "$schema": "https://example.org/schema.json",
  "version": 1,
  "runnerName": "Ona Cloud (EU01)",
  "integrations": [
    {"id": "a1", "runnerId": "r1", "scmId": "github", "host": "github.com", "pat": "on", "oauth": {"clientId": "x"}},
    {"id": "a2", "runnerId": "r1", "scmId": "azuredevops_entra", "host": "dev.azure.com",
     "oauth": {"clientId": "c", "issuerUrl": "contoso.com", "note": "ours"}, "pat": false},
    {"id": "a3", "scmId": "azuredevops_server", "host": "tfs.corp.example", "virtualDirectory": "/tfs", "pat": true}
  ]
}"#,
    );
    let mut expected = machine.integrations();
    machine.integration_add(&["--host", "dev.azure.com", "--pat"]).expect_success();
    expected["integrations"][1]["pat"] = json!(true);
    assert_eq!(machine.integrations(), expected);
    machine
        .integration_add(&["--host", "tfs.corp.example", "--pat", "--virtual-directory", "/"])
        .expect_success();
    expected["integrations"][2].as_object_mut().expect("an object").remove("virtualDirectory");
    assert_eq!(machine.integrations(), expected);
    machine.helper(&["integration", "remove", "dev.azure.com"]).expect_success();
    expected["integrations"].as_array_mut().expect("a list").remove(1);
    assert_eq!(machine.integrations(), expected);
    // The name of the runner is the one the file gives.
    machine.get(CONTOSO_REQUEST).expect(
        3,
        "quit=1\n",
        "error: Ona Cloud (EU01) requires authentication with Source Control - the SCM integration \
         for host dev.azure.com is not configured\n\
         hint: ask the administrator of the runner to configure it; administrators: git-credential-ona-azure integration add --host dev.azure.com --issuer-url \
         https://login.microsoftonline.com/TENANT_ID/oauth2/v2.0 --client-id CLIENT_ID --client-secret-stdin --pat\n",
    );
}

#[test]
fn organizations_and_the_former_host_are_the_same_integration() {
    for (host, kept) in [
        ("dev.azure.com/acme", "dev.azure.com/acme"),
        ("https://dev.azure.com/acme/", "dev.azure.com/acme"),
        ("contoso.visualstudio.com", "dev.azure.com/contoso"),
        ("Dev.Azure.Com.", "dev.azure.com"),
    ] {
        let machine = Machine::new();
        machine.integration_add(&["--host", host, "--pat"]).expect_success();
        let saved = only(&machine);
        assert_eq!((&saved["host"], &saved["scmId"]), (&json!(kept), &json!("azuredevops_entra")));
        for name in ["dev.azure.com", host] {
            let shown = machine.helper(&["integration", "show", name, "--json"]).expect_success();
            assert_eq!(shown.json()["host"], kept);
        }
        let other = machine.helper(&["integration", "show", "other.visualstudio.com"]);
        let of_all = kept == "dev.azure.com";
        assert_eq!(other.code, 3, "{of_all} {other:#?}");
    }
}

#[test]
fn what_is_no_host_is_refused() {
    let machine = Machine::new();
    for host in [
        "",
        "dev.azure.com/acme/project",
        "tfs.corp.example/tfs",
        "two words",
        "http://dev.azure.com",
        "user@dev.azure.com",
        "dev.azure.com:99999",
    ] {
        let done = machine.integration_add(&["--host", host, "--pat"]);
        done.expect(
            2,
            "",
            &format!(
                "error: {host:?} is no host\nhint: write dev.azure.com, dev.azure.com/ORGANIZATION, \
                 or the Server's host[:port]\n"
            ),
        );
    }
    assert!(!machine.integrations_file().exists());
}

#[test]
fn what_can_be_turned_on_can_be_turned_off() {
    let machine = Machine::new();
    let trusted = "https://idp.corp.example/realms/dev";
    let cloud = ["--host", "dev.azure.com", "--pat", "--bearer", "--trusted-issuer", trusted];
    machine.integration_add(&cloud).expect_success();
    let on = json!({
        "scmId": "azuredevops_entra",
        "host": "dev.azure.com",
        "pat": true,
        "bearer": true,
        "trustedIssuers": [trusted],
    });
    assert_eq!(only(&machine), on);
    machine.integration_add(&["--host", "dev.azure.com", "--no-bearer"]).expect_success();
    machine.integration_add(&["--host", "dev.azure.com", "--no-trusted-issuer"]).expect_success();
    let off = json!({ "scmId": "azuredevops_entra", "host": "dev.azure.com", "pat": true });
    assert_eq!(only(&machine), off);
    for on in [&["--bearer"][..], &["--allow-http"], &["--trusted-issuer", trusted]] {
        let no = on[0].replace("--", "--no-");
        let done = machine.integration_add(&[&["--host", "dev.azure.com", &no], on].concat());
        assert_eq!((done.code, &*done.stdout), (2, ""), "{no}: {done:#?}");
        assert!(done.stderr.contains("cannot be used with"), "{no}: {done:#?}");
    }

    let machine = Machine::new();
    let server = ["--host", "tfs.corp.example", "--pat", "--allow-http"];
    machine.integration_add(&server).expect_success();
    assert_eq!(only(&machine)["allowHttp"], true);
    machine.integration_add(&["--host", "tfs.corp.example", "--no-allow-http"]).expect_success();
    assert_eq!(
        only(&machine),
        json!({ "scmId": "azuredevops_server", "host": "tfs.corp.example", "pat": true })
    );
}

/// A page of a runner's own, as Ona links to.
const TOKEN_PAGE: &str = "https://app.ona.example/runners/r1/azure?host=dev.azure.com#pat";

#[test]
fn the_page_where_tokens_are_made_is_kept_shown_and_taken_out_again() {
    let machine = Machine::new();
    let add = |flags: &[&str]| {
        machine.integration_add(&[&["--host", "dev.azure.com", "--pat"], flags].concat())
    };
    add(&["--pat-url", TOKEN_PAGE]).expect_success();
    let on = json!({
        "scmId": "azuredevops_entra",
        "host": "dev.azure.com",
        "pat": true,
        "patUrl": TOKEN_PAGE,
    });
    assert_eq!(only(&machine), on);
    // What is not named stays.
    add(&[]).expect_success();
    assert_eq!(only(&machine), on);
    machine.helper(&["integration", "show"]).expect(
        0,
        &format!(
            "host               dev.azure.com\n\
             kind               azuredevops_entra\n\
             file               {}\n\
             sign-in            PAT\n\
             token page         {TOKEN_PAGE}\n",
            machine.integrations_file().display()
        ),
        "",
    );
    let listed = machine.helper(&["integration", "list", "--json"]).json();
    assert_eq!(listed["integrations"][0]["patUrl"], TOKEN_PAGE);
    assert_eq!(add(&["--pat-url", TOKEN_PAGE, "--no-pat-url"]).code, 2);
    add(&["--no-pat-url"]).expect_success();
    let off = json!({ "scmId": "azuredevops_entra", "host": "dev.azure.com", "pat": true });
    assert_eq!(only(&machine), off);
}

#[test]
fn a_token_page_that_somebody_else_could_put_in_place_is_refused_with_the_fix() {
    const WRITE: &str = "write the address of the page where people make tokens for this host, \
                         beginning with https://";
    let no_address = |text: &str| format!("is \"{text}\", which is no address of a page");
    let in_clear =
        |url: &str| format!("is {url}, and anyone on the way could show another page in its place");
    let user = (
        "holds a user name or password, and everybody is shown it".to_owned(),
        "write the address without what stands before the @",
    );
    let cloud = json!({ "scmId": "azuredevops_entra", "host": "dev.azure.com", "pat": true });
    let server = json!({ "scmId": "azuredevops_server", "host": "tfs.corp.example", "pat": true });
    let rows = [
        (&cloud, "", (no_address(""), WRITE)),
        (&cloud, "ona.example/pat", (no_address("ona.example/pat"), WRITE)),
        (&cloud, "javascript:alert(1)", (no_address("javascript:alert(1)"), WRITE)),
        (&cloud, "file:///etc/passwd", (no_address("file:///etc/passwd"), WRITE)),
        (
            &cloud,
            "https://ona.example/a\u{1b}b",
            (no_address("https://ona.example/a\\u{1b}b"), WRITE),
        ),
        (&cloud, "https://ona.example/a b", (no_address("https://ona.example/a b"), WRITE)),
        (&cloud, "https://ada@ona.example/", user.clone()),
        (&cloud, "https://:hunter2@ona.example/", user),
        (&cloud, "http://ona.example/pat", (in_clear("http://ona.example/pat"), WRITE)),
        (&server, "http://tfs.corp.example/pat", (in_clear("http://tfs.corp.example/pat"), WRITE)),
    ];
    let machine = Machine::new();
    for (one, url, (problem, fix)) in rows {
        let host = one["host"].as_str().expect("text");
        machine.integration_add(&["--host", host, "--pat", "--pat-url", url]).expect(
            2,
            "",
            &format!("error: patUrl {problem}\nhint: {fix}\n"),
        );
        assert!(!machine.integrations_file().exists(), "{url}");
        let one = with(one, "patUrl", json!(url));
        machine.write_integrations(&json!({ "version": 1, "integrations": [one] }).to_string());
        machine.helper(&["integration", "list"]).expect(
            1,
            "",
            &format!(
                "error: {}: integrations[0].patUrl {problem}\nhint: {fix}\n",
                machine.integrations_file().display()
            ),
        );
        fs::remove_file(machine.integrations_file()).expect("removed");
    }
    // As the Server's own pages are, and on this machine.
    for (host, flag, url) in [
        ("tfs.corp.example", Some("--allow-http"), "http://portal.corp.example/pat"),
        ("dev.azure.com", None, "http://localhost:8080/pat"),
        ("dev.azure.com", None, "http://127.0.0.1/pat"),
        ("dev.azure.com", None, "http://[::1]:8080/pat"),
    ] {
        let machine = Machine::new();
        let mut flags = vec!["--host", host, "--pat", "--pat-url", url];
        flags.extend(flag);
        machine.integration_add(&flags).expect_success();
        assert_eq!(only(&machine)["patUrl"], url);
    }
}

#[test]
fn servers_keep_port_and_virtual_directory_and_take_tokens_only() {
    let machine = Machine::new();
    machine
        .integration_add(&[
            "--host",
            "tfs.corp.example:8443",
            "--pat",
            "--virtual-directory",
            "tfs/",
            "--allow-http",
        ])
        .expect_success()
        .expect(
            0,
            &format!(
                "The integration for tfs.corp.example:8443 is saved in {}.\n",
                machine.integrations_file().display()
            ),
            "next: git-credential-ona-azure setup-git\n",
        );
    assert_eq!(
        only(&machine),
        json!({
            "scmId": "azuredevops_server",
            "host": "tfs.corp.example:8443",
            "pat": true,
            "virtualDirectory": "/tfs",
            "allowHttp": true,
        })
    );
    machine.helper(&["integration", "show", "tfs.corp.example:8443"]).expect(
        0,
        &format!(
            "host               tfs.corp.example:8443\n\
             kind               azuredevops_server\n\
             file               {}\n\
             sign-in            PAT\n\
             virtual directory  /tfs\n",
            machine.integrations_file().display()
        ),
        "",
    );
}

#[test]
fn fields_that_contradict_each_other_are_refused_before_anything_is_written() {
    let machine = Machine::new();
    let issuer = issuer();
    let rows: [(&[&str], &str); 7] = [
        (
            &["--host", "tfs.corp.example", "--scm-id", "azuredevops_entra", "--pat"],
            "error: scmId is azuredevops_entra, but tfs.corp.example is not Azure DevOps Services\n\
             hint: write azuredevops_server: a self-hosted Server takes personal access tokens only\n",
        ),
        (
            &["--host", "dev.azure.com", "--scm-id", "azuredevops_server", "--pat"],
            "error: scmId is azuredevops_server, but dev.azure.com is Azure DevOps Services\n\
             hint: write azuredevops_entra\n",
        ),
        (
            &["--host", "dev.azure.com", "--scm-id", "azuredevops", "--pat"],
            "error: \"azuredevops\" is no kind of integration\n\
             hint: write azuredevops_entra or azuredevops_server\n",
        ),
        (
            &[
                "--host",
                "tfs.corp.example",
                "--issuer-url",
                &issuer,
                "--client-id",
                "x",
                "--public-client",
            ],
            "error: oauth is set for azuredevops_server, which has no OAuth\n\
             hint: remove oauth and set \"pat\": true\n",
        ),
        (
            &["--host", "dev.azure.com", "--pat", "--virtual-directory", "/tfs"],
            "error: virtualDirectory is set for azuredevops_entra, which has none\n\
             hint: remove it\n",
        ),
        (
            &["--host", "dev.azure.com", "--pat", "--allow-http"],
            "error: allowHttp is set for Azure DevOps Services, which is never spoken to in clear\n\
             hint: remove it\n",
        ),
        (
            &["--host", "tfs.corp.example:80", "--pat", "--allow-http"],
            "error: host is tfs.corp.example:80, and 80 is the port of http itself\n\
             hint: leave out :80 and write tfs.corp.example\n",
        ),
    ];
    for (flags, stderr) in rows {
        machine.integration_add(flags).expect(2, "", stderr);
    }
    assert!(!machine.integrations_file().exists());
}

#[test]
fn every_form_of_the_issuer_is_taken_and_kept_as_given() {
    let machine = Machine::new();
    let t = CONTOSO;
    let forms = [
        format!("https://login.microsoftonline.com/{t}/oauth2/v2.0"),
        format!("https://login.microsoftonline.com/{t}/oauth2/v2.0/"),
        format!("https://login.microsoftonline.com/{t}/oauth2/v2.0/authorize"),
        format!("https://login.microsoftonline.com/{t}/oauth2/v2.0/token"),
        format!("https://login.microsoftonline.com/{t}/oauth2/v2.0/devicecode"),
        format!("https://login.microsoftonline.com/{t}/oauth2/v2.0/logout"),
        format!(
            "https://login.microsoftonline.com/{t}/oauth2/v2.0/.well-known/openid-configuration"
        ),
        format!("https://login.microsoftonline.com/{t}/v2.0"),
        format!("https://login.microsoftonline.com/{t}/v2.0/.well-known/openid-configuration"),
        format!("https://login.microsoftonline.com/{t}"),
        format!("https://login.microsoftonline.com/{t}/"),
        format!("https://login.microsoftonline.com/{t}/.well-known/openid-configuration"),
        format!("https://login.microsoftonline.com/{t}/oauth2"),
        format!("https://login.microsoftonline.com/{t}/oauth2/authorize"),
        format!("https://login.microsoftonline.com/{t}/oauth2/token"),
        format!("https://login.microsoftonline.com/{t}/discovery/v2.0/keys"),
        format!("https://login.microsoftonline.com/{t}/saml2"),
        format!(
            "https://login.microsoftonline.com/{t}/federationmetadata/2007-06/federationmetadata.xml"
        ),
        format!("https://login.microsoftonline.com/{t}/wsfed"),
        format!("https://LOGIN.microsoftonline.com./{t}/oauth2/v2.0?x=y#z"),
        format!("https://sts.windows.net/{t}/"),
        format!("https://login.windows.net/{t}"),
        format!("https://login.microsoft.com/{t}/v2.0"),
        format!("login.microsoftonline.com/{t}/oauth2/v2.0"),
        t.to_owned(),
        "contoso.com".to_owned(),
        "contoso.onmicrosoft.com".to_owned(),
        "https://login.microsoftonline.com/contoso.com/oauth2/v2.0".to_owned(),
        format!("Bearer authorization_uri=https://login.microsoftonline.com/{t}"),
        // Each asks the same tenant's discovery document, so one Save & Test a form.
    ];
    for form in forms {
        machine
            .helper(&[
                "integration",
                "add",
                "--host",
                "dev.azure.com",
                "--issuer-url",
                &form,
                "--client-id",
                CLIENT_ID,
                "--public-client",
            ])
            .expect_success();
        assert_eq!(only(&machine)["oauth"]["issuerUrl"], form.as_str());
    }
}

#[test]
fn issuers_of_national_clouds_are_taken() {
    let machine = Machine::new();
    for host in [
        "login.microsoftonline.us",
        "login.usgovcloudapi.net",
        "login.partner.microsoftonline.cn",
        "login.chinacloudapi.cn",
        "login.sovcloud-identity.fr",
        "login.sovcloud-identity.de",
        "login.sovcloud-identity.sg",
    ] {
        let form = format!("https://{host}/{CONTOSO}/oauth2/v2.0");
        let mut flags = oauth_flags(&form);
        flags.pop();
        flags.push("--public-client");
        machine.integration_add(&flags).expect_success();
        assert_eq!(only(&machine)["oauth"]["issuerUrl"], form.as_str());
    }
}

#[test]
fn an_issuer_the_secret_must_not_go_to_is_refused_and_the_file_stays() {
    let machine = Machine::new();
    machine.integration_add(&oauth_flags(&issuer())).expect_success();
    let before = fs::read(machine.integrations_file()).expect("readable");
    const COPY: &str =
        "copy the OAuth 2.0 token endpoint from the app registration's Overview → Endpoints";
    let t = CONTOSO;
    let rows = [
        (
            format!("http://login.microsoftonline.com/{t}"),
            "the issuer URL must begin with https://, the client secret is sent there",
            "name the tenant's own issuer",
        ),
        (
            format!("https://user:pw@login.microsoftonline.com/{t}"),
            "the issuer URL must not hold a username or password",
            "name the tenant's own issuer",
        ),
        (
            format!("https://login.microsoftonline.com.evil.example/{t}"),
            "login.microsoftonline.com.evil.example is no login host of Entra ID, and the \
             integration's trustedIssuers does not name this issuer",
            COPY,
        ),
        (
            format!("https://login.microsoftonline.com:8443/{t}"),
            "login.microsoftonline.com:8443 is no login host of Entra ID, and the integration's \
             trustedIssuers does not name this issuer",
            COPY,
        ),
        (
            "https://portal.azure.com/#view/Microsoft_AAD".to_owned(),
            "portal.azure.com is not where Entra signs people in",
            COPY,
        ),
        (
            "https://dev.azure.com/contoso".to_owned(),
            "dev.azure.com is not where Entra signs people in",
            COPY,
        ),
        ("https://login.microsoftonline.com/".to_owned(), "the issuer URL names no tenant", COPY),
        (
            "https://login.microsoftonline.com/oauth2/v2.0".to_owned(),
            "the issuer URL names no tenant",
            COPY,
        ),
        (
            "https://login.microsoftonline.com/00000000-0000-0000-0000-000000000000".to_owned(),
            "the tenant is all zeros: the organization belongs to personal accounts, not to a tenant",
            "connect the organization under Organization settings → Microsoft Entra, or use a \
             personal access token",
        ),
        ("contoso".to_owned(), "\"contoso\" is neither a tenant's ID nor a domain", COPY),
        (" ".to_owned(), "the issuer URL is empty", COPY),
        (
            "https://log\u{ed}n.microsoftonline.com/x".to_owned(),
            "the issuer is neither a URL nor a tenant",
            COPY,
        ),
    ];
    for (form, problem, fix) in rows {
        machine.integration_add(&["--host", "dev.azure.com", "--issuer-url", &form]).expect(
            2,
            "",
            &format!("error: oauth.issuerUrl cannot be used: {problem}\nhint: {fix}\n"),
        );
        assert_eq!(fs::read(machine.integrations_file()).expect("readable"), before, "{form}");
    }
}

#[test]
fn an_issuer_that_is_not_entra_is_taken_if_it_is_trusted_by_name() {
    let machine = Machine::new();
    let mut flags = oauth_flags("https://idp.corp.example/realms/dev");
    assert_eq!(machine.integration_add(&flags).code, 2);
    flags.extend(["--trusted-issuer", "https://idp.corp.example/realms/dev"]);
    machine.integration_add(&flags).expect_success();
    let saved = only(&machine);
    assert_eq!(saved["trustedIssuers"], json!(["https://idp.corp.example/realms/dev"]));
    assert_eq!(saved["oauth"]["issuerUrl"], "https://idp.corp.example/realms/dev");
}

#[test]
fn the_client_secret_is_sealed_to_the_recipients_named() {
    let machine = Machine::new();
    let other = Machine::new();
    let key = other.helper(&["key", "init"]).expect_success().stdout.trim().to_owned();
    let issuer = issuer();
    let mut flags = oauth_flags(&issuer);
    flags.extend(["--recipient", &key]);
    machine.integration_add(&flags).expect_success();
    assert_eq!(only(&machine)["oauth"]["recipients"], json!([key]));
    assert_eq!(machine.state().len(), 0, "a machine that only seals needs no key of its own");
    // Who holds that key can use it, and nobody else: both keys are named.
    let ours = machine.helper(&["key", "init"]).expect_success().stdout.trim().to_owned();
    let looked = look(&machine, &["integration", "test"]);
    assert_eq!(
        looked.conclusion,
        format!(
            "What is wrong, at step 3 (client secret): the client secret is sealed to {key}, but the \
             runner key here is {ours}; what to do: give the secret again on this machine: \
             git-credential-ona-azure integration add --host dev.azure.com --client-secret-stdin"
        )
    );
    other.write_integrations(&machine.integrations().to_string());
    other.helper(&["integration", "test"]).expect_success();
    let mut flags = oauth_flags(&issuer);
    flags.extend(["--recipient", "age1nonsense"]);
    machine.integration_add(&flags).expect(
        2,
        "",
        "error: \"age1nonsense\" is no age public key (age1…)\n\
         hint: print the runner's public key with: git-credential-ona-azure key show\n",
    );
}

#[test]
fn the_machines_own_file_is_refused_a_secret_that_only_one_account_could_open() {
    let machine = Machine::new();
    let issuer = issuer();
    let mut flags = oauth_flags(&issuer);
    flags.push("--system");
    machine.integration_add(&flags).expect(
        2,
        "",
        "error: an integration of the whole machine is sealed to no key that everybody who is to use it has\n\
         hint: name the runner's public keys with --recipient age1…, or its key file in ONA_AZURE_KEY_FILE\n",
    );
}

#[test]
fn list_show_and_remove() {
    let machine = Machine::new();
    let file = machine.integrations_file().display().to_string();
    machine.helper(&["integration", "list"]).expect(
        0,
        "No integration is configured. Add one with: git-credential-ona-azure integration add --help\n",
        "",
    );
    assert_eq!(
        machine.helper(&["integration", "list", "--json"]).json(),
        json!({ "version": 1, "integrations": [] })
    );
    let mut flags = oauth_flags("contoso.com");
    flags.push("--pat");
    machine.integration_add(&flags).expect_success();
    machine.integration_add(&["--host", "tfs.corp.example", "--pat"]).expect_success();
    machine.helper(&["integration", "list"]).expect(
        0,
        &format!(
            "dev.azure.com  azuredevops_entra  OAuth and PAT  {file}\n\
             tfs.corp.example  azuredevops_server  PAT  {file}\n"
        ),
        "",
    );
    let key = machine.helper(&["key", "show"]).stdout.trim().to_owned();
    let cloud = json!({
        "scmId": "azuredevops_entra",
        "host": "dev.azure.com",
        "oauth": {
            "clientId": CLIENT_ID,
            "issuerUrl": "contoso.com",
            "publicClient": false,
            "recipients": [key],
            "redirectUri": "http://localhost/ona-azure",
        },
        "pat": true,
        "patUrl": null,
        "virtualDirectory": "/",
        "bearer": false,
        "allowHttp": false,
        "trustedIssuers": [],
        "file": file,
    });
    let listed = machine.helper(&["integration", "list", "--json"]).expect_success().json();
    assert_eq!(listed["version"], 1);
    assert_eq!(listed["integrations"][0], cloud);
    assert_eq!(listed["integrations"][1]["host"], "tfs.corp.example");
    let mut shown = cloud.clone();
    shown["version"] = json!(1);
    assert_eq!(machine.helper(&["integration", "show", "--json"]).expect_success().json(), shown);
    machine.helper(&["integration", "show"]).expect(
        0,
        &format!(
            "host               dev.azure.com\n\
             kind               azuredevops_entra\n\
             file               {file}\n\
             sign-in            OAuth and PAT\n\
             issuer URL         contoso.com\n\
             client ID          {CLIENT_ID}\n\
             client secret      sealed to {key}\n\
             redirect URI       http://localhost/ona-azure\n"
        ),
        "",
    );
    machine.helper(&["integration", "remove", "dev.azure.com"]).expect(
        0,
        &format!("The integration for dev.azure.com is removed from {file}.\n"),
        "",
    );
    assert_eq!(only(&machine)["host"], "tfs.corp.example");
    for command in ["show", "test", "remove"] {
        machine.helper(&["integration", command, "dev.azure.com"]).expect(
            3,
            "",
            &format!(
                "error: {US01} dev.azure.com is not configured\n\
                 hint: ask the administrator of the runner to configure it; administrators: git-credential-ona-azure integration add --host dev.azure.com --issuer-url \
                 https://login.microsoftonline.com/TENANT_ID/oauth2/v2.0 --client-id CLIENT_ID --client-secret-stdin --pat\n"
            ),
        );
    }
}

#[test]
fn a_named_file_is_the_only_one_read_and_written() {
    let mut machine = Machine::new();
    machine.integration_add(&["--host", "tfs.corp.example", "--pat"]).expect_success();
    let usual = fs::read(machine.integrations_file()).expect("readable");
    let named = machine.home().join("mounted/integrations.json");
    machine.set("ONA_AZURE_INTEGRATIONS", named.to_str().expect("text"));
    assert_eq!(
        machine.helper(&["integration", "list", "--json"]).json()["integrations"],
        json!([])
    );
    machine.integration_add(&["--host", "dev.azure.com", "--pat"]).expect_success();
    assert_eq!(fs::read(machine.integrations_file()).expect("readable"), usual);
    let listed = machine.helper(&["integration", "list", "--json"]).json();
    assert_eq!(listed["integrations"].as_array().map(Vec::len), Some(1));
    assert_eq!(listed["integrations"][0]["file"], named.to_str().expect("text"));
    // One file for all leaves none for the whole machine.
    let done = machine.integration_add(&["--host", "dev.azure.com", "--pat", "--system"]);
    assert_eq!((done.code, &*done.stdout), (2, ""), "{done:#?}");
}

#[test]
fn integrations_added_at_the_same_time_are_all_kept() {
    let machine = Machine::new();
    let hosts: Vec<_> = (0..20).map(|n| format!("tfs{n:02}.corp.example")).collect();
    thread::scope(|scope| {
        for host in &hosts {
            let machine = &machine;
            scope.spawn(move || {
                machine.integration_add(&["--host", host, "--pat"]).expect_success();
            });
        }
    });
    let mut kept: Vec<_> = machine.integrations()["integrations"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| one["host"].as_str().expect("text").to_owned())
        .collect();
    kept.sort();
    assert_eq!(kept, hosts);
}

/// Files that make no sense: the text, what is wrong, and the fix.
fn broken() -> Vec<(String, &'static str, &'static str)> {
    let of = |element: &str| format!(r#"{{"version": 1, "integrations": [{element}]}}"#);
    const DESCRIBED: &str =
        "mend that field; `git-credential-ona-azure integration add --help` describes each";
    vec![
        (
            "{\"version\": 1,\n oops".to_owned(),
            "is not JSON: key must be a string at line 2 column 2",
            "mend the line named, or move the file away and add the integrations again",
        ),
        (
            String::new(),
            "is not JSON: EOF while parsing a value at line 1 column 0",
            "mend the line named, or move the file away and add the integrations again",
        ),
        ("[]".to_owned(), "is not a JSON object", r#"write {"version": 1, "integrations": []}"#),
        (r#"{"integrations": []}"#.to_owned(), "version is missing", r#"write "version": 1"#),
        (
            r#"{"version": 2, "integrations": []}"#.to_owned(),
            "version is 2, and this program knows 1",
            "install the version of git-credential-ona-azure that wrote it",
        ),
        (
            r#"{"version": "1", "integrations": []}"#.to_owned(),
            "version is \"1\", and this program knows 1",
            r#"write "version": 1"#,
        ),
        (
            r#"{"version": 1, "integrations": {}}"#.to_owned(),
            "integrations is not a list",
            r#"write "integrations": [ … ]"#,
        ),
        (
            r#"{"version": 1, "runnerName": 7, "integrations": []}"#.to_owned(),
            "runnerName is not text",
            r#"write "runnerName": "NAME", or remove it"#,
        ),
        (
            of(r#"{"scmId": "azuredevops_entra", "host": "dev.azure.com", "pat": "yes"}"#),
            "integrations[0].pat is not true or false",
            DESCRIBED,
        ),
        (of(r#"{"host": "dev.azure.com", "pat": true}"#), "integrations[0] lacks scmId", DESCRIBED),
        (
            of(
                r#"{"scmId": "azuredevops_entra", "host": "dev.azure.com", "oauth": {"clientId": "x"}}"#,
            ),
            "integrations[0].oauth lacks issuerUrl",
            DESCRIBED,
        ),
        (
            of(
                r#"{"scmId": "azuredevops_entra", "host": "dev.azure.com", "oauth": {"clientId": "", "issuerUrl": "contoso.com"}}"#,
            ),
            "integrations[0].oauth.clientId is empty",
            "copy Application (client) ID from the app registration's Overview page",
        ),
        (
            of(r#"{"scmId": "azure", "host": "dev.azure.com", "pat": true}"#),
            "integrations[0].scmId is \"azure\", which is no kind of integration",
            "write azuredevops_entra (Azure DevOps Services) or azuredevops_server (self-hosted)",
        ),
        (
            of(r#"{"scmId": "azuredevops_server", "host": "tfs/x", "pat": true}"#),
            "integrations[0].host is \"tfs/x\", which is no host",
            "write dev.azure.com, dev.azure.com/ORGANIZATION, or the Server's host[:port]",
        ),
        (
            of(
                r#"{"scmId": "azuredevops_entra", "host": "dev.azure.com", "pat": true}, {"scmId": "azuredevops_entra", "host": "DEV.azure.com", "pat": true}"#,
            ),
            "integrations[1].host is dev.azure.com, which has an integration above",
            "keep one of the two",
        ),
        (
            of(
                r#"{"scmId": "azuredevops_entra", "host": "dev.azure.com", "oauth": {"clientId": "x", "issuerUrl": "https://evil.example/t"}}"#,
            ),
            "integrations[0].oauth.issuerUrl cannot be used: evil.example is no login host of Entra ID, \
             and the integration's trustedIssuers does not name this issuer",
            "copy the OAuth 2.0 token endpoint from the app registration's Overview → Endpoints",
        ),
    ]
}

#[test]
fn a_broken_file_is_told_with_file_field_and_fix_and_left_alone() {
    let machine = Machine::new();
    let file = machine.integrations_file();
    for (text, problem, fix) in broken() {
        machine.write_integrations(&text);
        let stderr = format!("error: {}: {problem}\nhint: {fix}\n", file.display());
        machine.get(CONTOSO_REQUEST).expect(1, "quit=1\n", &stderr);
        machine.helper(&["integration", "list"]).expect(1, "", &stderr);
        machine.integration_add(&["--host", "tfs.corp.example", "--pat"]).expect(1, "", &stderr);
        assert_eq!(fs::read_to_string(&file).expect("readable"), text);
    }
}

#[test]
fn what_stands_in_a_wrong_field_is_not_repeated() {
    let machine = Machine::new();
    let file = machine.integrations_file();
    const SECRET: &str = "hunter2, expected a string";
    let cloud = json!({ "scmId": "azuredevops_entra", "host": "dev.azure.com" });
    let oauth = json!({ "clientId": "x", "issuerUrl": "contoso.com" });
    let rows = [
        ("pat", json!(SECRET), "pat is not true or false"),
        ("bearer", json!([SECRET]), "bearer is not true or false"),
        ("oauth", json!(SECRET), "oauth is not an object"),
        ("host", json!({ "a": SECRET }), "host is not text"),
        ("scmId", json!(7_654_321), "scmId is not text"),
        ("trustedIssuers", json!(SECRET), "trustedIssuers is not a list"),
        ("patUrl", json!([SECRET]), "patUrl is not text"),
        ("trustedIssuers", json!([7_654_321]), "trustedIssuers[0] is not text"),
        (
            "oauth",
            with(&oauth, "clientSecretSetAt", json!(SECRET)),
            "oauth.clientSecretSetAt is not a whole number",
        ),
        (
            "oauth",
            with(&oauth, "clientSecretSetAt", json!(-7_654_321)),
            "oauth.clientSecretSetAt is not a whole number",
        ),
        ("oauth", with(&oauth, "recipients", json!(SECRET)), "oauth.recipients is not a list"),
    ];
    for (field, value, problem) in rows {
        let one = with(&cloud, field, value);
        machine.write_integrations(&json!({ "version": 1, "integrations": [one] }).to_string());
        machine.helper(&["integration", "list"]).expect(
            1,
            "",
            &format!(
                "error: {}: integrations[0].{problem}\nhint: mend that field; \
                 `git-credential-ona-azure integration add --help` describes each\n",
                file.display()
            ),
        );
    }
}

#[test]
fn what_is_shown_of_a_wrong_value_is_cut_and_escaped() {
    let machine = Machine::new();
    let long = format!("\u{1b}[31m{}SECRET", "x".repeat(100));
    let shown = format!("\"\\u{{1b}}[31m{}…\"", "x".repeat(60 - 10));
    let cloud = json!({ "scmId": "azuredevops_entra", "host": "dev.azure.com", "pat": true });
    let server = json!({ "scmId": "azuredevops_server", "host": "tfs.corp.example", "pat": true });
    let of = |one| json!({ "version": 1, "integrations": [one] });
    let rows = [
        (json!({ "version": long }), format!("version is {shown}, and this program knows 1")),
        (
            json!({ "version": { "a": long } }),
            "version is no number, and this program knows 1".to_owned(),
        ),
        (of(with(&cloud, "scmId", json!(long))), format!("scmId is {shown}, which is no kind")),
        (of(with(&cloud, "host", json!(long))), format!("host is {shown}, which is no host")),
        (
            of(with(&cloud, "patUrl", json!(long))),
            format!("patUrl is {shown}, which is no address"),
        ),
        (
            of(with(&server, "virtualDirectory", json!(format!("{long}/..")))),
            format!("virtualDirectory is {shown}, which is no path"),
        ),
    ];
    for (root, said) in rows {
        machine.write_integrations(&root.to_string());
        let done = machine.helper(&["integration", "list"]);
        assert_eq!((done.code, &*done.stdout), (1, ""), "{done:#?}");
        assert!(done.stderr.contains(&said), "{said}: {done:#?}");
    }
}

/// The same object with one field set.
fn with(object: &Value, field: &str, value: Value) -> Value {
    let mut object = object.clone();
    object[field] = value;
    object
}

#[test]
fn no_command_touches_a_broken_file_and_each_says_what_is_wrong() {
    let machine = Machine::new();
    let file = machine.integrations_file();
    let text = r#"{"version": 3, "integrations": []}"#;
    machine.write_integrations(text);
    let stderr = format!(
        "error: {}: version is 3, and this program knows 1\n\
         hint: install the version of git-credential-ona-azure that wrote it\n",
        file.display()
    );
    let commands: [&[&str]; 12] = [
        &["store"],
        &["erase"],
        &["login"],
        &["login", "https://dev.azure.com/contoso", "--pat"],
        &["logout"],
        &["status"],
        &["status", "--json"],
        &["integration", "list", "--json"],
        &["integration", "show"],
        &["integration", "test"],
        &["integration", "remove", "dev.azure.com"],
        &["setup-git"],
    ];
    for command in commands {
        let request = format!("{CONTOSO_REQUEST}username=x\npassword=y\n");
        let done = machine.helper_with(command, request);
        assert_eq!((done.code, &*done.stdout, &*done.stderr), (1, "", &*stderr), "{command:?}");
        assert_eq!(fs::read_to_string(&file).expect("readable"), text, "{command:?}");
    }
}

/// Changes the file as an editor would.
fn edit(machine: &Machine, from: &str, to: &str) {
    let file = machine.integrations_file();
    let text = std::fs::read_to_string(&file).expect("there");
    assert!(text.contains(from), "{text}");
    std::fs::write(&file, text.replace(from, to)).expect("written");
}

/// Fails unless the sign-in is over, for `get` as for those who tell of it.
#[track_caller]
fn expect_ended(machine: &Machine) {
    let before = machine.world.requests().len();
    let done = machine.get(CONTOSO_REQUEST);
    assert_eq!((done.code, &*done.stdout), (4, ""), "{done:#?}");
    let start =
        "error: the integration of dev.azure.com was changed after ada@contoso.example signed in\n";
    assert!(done.stderr.starts_with(start), "{}", done.stderr);
    let token = machine.helper(&["token", "https://dev.azure.com/contoso"]);
    assert_eq!((token.code, &*token.stdout), (4, ""), "{token:#?}");
    assert_eq!(machine.world.requests().len(), before, "the new client's app is not asked");
    let status = machine.helper(&["status"]);
    assert!(status.stdout.contains("the integration was changed after the sign-in"), "{status:#?}");
    assert!(!status.stdout.contains("\n    access token "), "{}", status.stdout);
    let session = &machine.helper(&["status", "--json"]).json()["hosts"][0]["sessions"][0];
    assert_eq!(session["accessTokenExpiresAt"], json!(null));
    let doctor = machine.helper(&["doctor", "https://dev.azure.com/contoso", "--json"]).json();
    let checks = doctor["targets"].as_array().expect("a list").iter();
    let mut checks = checks.flat_map(|target| target["checks"].as_array().expect("a list"));
    let account = checks.find(|check| check["id"] == "account").expect("there");
    assert_eq!(account["outcome"], "failed", "{account:#}");
}

#[test]
fn a_changed_client_or_issuer_ends_the_old_ones_access_token_at_once() {
    const OTHER: &str = "00000000-1111-2222-3333-444444444444";
    let machine = Machine::signed_in();
    let token = machine.get(CONTOSO_REQUEST).expect_success();
    for (from, to) in [(CLIENT_ID, OTHER), (CONTOSO, FABRIKAM)] {
        edit(&machine, from, to);
        expect_ended(&machine);
        // Nothing is lost by a mistake that is taken back.
        edit(&machine, to, from);
        assert_eq!(machine.get(CONTOSO_REQUEST).expect_success().stdout, token.stdout);
    }
    let done = machine.integration_add(&["--host", "dev.azure.com", "--client-id", OTHER]);
    assert_eq!(
        done.expect_success().stderr,
        format!(
            "note: the client ID for dev.azure.com is {OTHER} now; it was {CLIENT_ID}\n\
             note: the sign-in of ada@contoso.example was made with the integration as it was before, and is over\n\
             hint: sign in again: git-credential-ona-azure login https://dev.azure.com\n"
        )
    );
    expect_ended(&machine);
    // Where a token takes over, it does so at once.
    machine.give_pat("https://dev.azure.com/contoso", "contoso-pat", &[]);
    assert_eq!(machine.get(CONTOSO_REQUEST).expect_success().password(), "contoso-pat");
}

#[test]
fn a_changed_client_secret_ends_no_access_token() {
    let machine = Machine::signed_in();
    let token = machine.get(CONTOSO_REQUEST).expect_success();
    let done = machine.integration_add(&["--host", "dev.azure.com", "--client-secret-stdin"]);
    let said = done.expect_success().stderr;
    assert_eq!(said, "note: the client secret for dev.azure.com is replaced\n");
    assert_eq!(machine.get(CONTOSO_REQUEST), token);
}

#[test]
fn an_access_token_that_an_earlier_version_kept_stays_valid() {
    let machine = Machine::signed_in();
    let token = machine.get(CONTOSO_REQUEST).expect_success();
    machine.change_access(|access| access.client = None);
    assert_eq!(machine.get(CONTOSO_REQUEST), token);
}

#[test]
fn without_pat_the_kept_tokens_stay_and_the_command_that_forgets_them_is_named() {
    let machine = Machine::signed_in();
    let turn = |flag: &str| machine.integration_add(&["--host", "dev.azure.com", flag]);
    assert_eq!(turn("--no-pat").expect_success().stderr, "", "none is kept");
    turn("--pat").expect_success();
    machine.give_pat("https://dev.azure.com/contoso", "contoso-pat", &[]);
    let forget = "git-credential-ona-azure logout https://dev.azure.com/contoso";
    assert_eq!(
        turn("--no-pat").expect_success().stderr,
        format!(
            "note: the personal access token for contoso stays kept, and no longer used\n\
             hint: to forget it: {forget}\n"
        )
    );
    turn("--pat").expect_success();
    machine.give_pat("https://dev.azure.com/fabrikam", "fabrikam-pat", &[]);
    let said = turn("--no-pat").expect_success().stderr;
    let both =
        format!("{forget} && git-credential-ona-azure logout https://dev.azure.com/fabrikam");
    assert_eq!(
        said,
        format!(
            "note: the personal access tokens for contoso, fabrikam stay kept, and no longer used\n\
             hint: to forget them: {both}\n"
        )
    );
    // What is named is what it does: the tokens go, and the sign-in stays.
    for command in both.split(" && ") {
        let words: Vec<_> = command.split(' ').skip(1).collect();
        machine.helper(&words).expect_success();
    }
    assert_eq!(machine.pat_secrets("https://dev.azure.com"), []);
    machine.get(CONTOSO_REQUEST).expect_success();
}
