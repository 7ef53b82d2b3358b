//! `login --pat`: what is taken for a personal access token, that it is tried before it is kept, how
//! long it is kept, and what `get` makes of it until and after its end.

mod common;

use std::time::{SystemTime, UNIX_EPOCH};

use common::terminal::Terminal;
use common::*;
use git_credential_ona_azure::vault::{Notices, Pats};
use standins::{Fault, Pat, Seen, Target, Times};

const DAY: u64 = 24 * 60 * 60;
const PAT: &str = "qjk3x7w2mzv5tqjk3x7w2mzv5tqjk3x7w2mzv5tqjk3x7w2mzv5t";
const CONTOSO_URL: &str = "https://dev.azure.com/contoso";

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock").as_secs()
}

/// A machine with tokens only.
fn tokens_only() -> Machine {
    let machine = Machine::new();
    machine.add_pat_integration("dev.azure.com", &[]);
    machine
}

/// Gives it a token, which is tried.
fn give(machine: &Machine, arguments: &[&str], pat: &str) -> Done {
    machine.helper_with(&[&["login"], arguments, &["--pat"]].concat(), pat)
}

/// Gives it a token that was made up, and so is not to be tried.
fn give_untried(machine: &Machine, arguments: &[&str], pat: &str) -> Done {
    give(machine, &[arguments, &["--no-test"]].concat(), pat)
}

/// A token of contoso's that works.
fn working(machine: &Machine) -> String {
    machine.world.azure().add_pat("contoso", Pat::read_write())
}

#[track_caller]
fn expiry(done: &Done) -> u64 {
    done.attribute("password_expiry_utc").and_then(|at| at.parse().ok()).expect("an end")
}

/// Changes the kept tokens of the cloud, as the passing of time would.
fn change_pats(machine: &Machine, change: impl FnOnce(&mut Pats)) {
    machine.change("https://dev.azure.com", change);
}

#[test]
fn a_token_is_read_from_standard_input_and_given_to_git_with_its_end() {
    let machine = tokens_only();
    let pat = working(&machine);
    let before = now();
    let done = give(&machine, &[CONTOSO_URL], &format!("  {pat}\r\n")).expect_success();
    assert!(
        done.stdout.starts_with("The personal access token for contoso is kept until ")
            && done.stdout.ends_with(" UTC (in 30 days).\n"),
        "{done:#?}"
    );
    assert_eq!(done.stderr, "");
    let got = machine.get(CONTOSO_REQUEST);
    let at = expiry(&got);
    got.expect(0, &format!("username=oauth2\npassword={pat}\npassword_expiry_utc={at}\n"), "");
    assert!((before + 30 * DAY..=now() + 30 * DAY).contains(&at), "{at}");
    // Another organization's never.
    machine.get(FABRIKAM_REQUEST).expect(0, "", "");
}

/// What Azure DevOps is asked to try a token, and nothing else.
fn trial(host: &str, path: &str, status: u16) -> Vec<Seen> {
    vec![Seen {
        host: host.to_owned(),
        method: "GET".to_owned(),
        path: path.to_owned(),
        status,
        authorization: Some("Basic".to_owned()),
        grant: None,
    }]
}

/// An answer with exactly these headers.
fn raw(status: u16, headers: &[(&str, &str)], body: &str) -> Fault {
    let headers = headers.iter().map(|&(n, v)| (n.to_owned(), v.to_owned())).collect();
    Fault::Raw { status, headers, body: body.as_bytes().to_vec() }
}

const HTML: (&str, &str) = ("Content-Type", "text/html; charset=utf-8");
const JSON: (&str, &str) = ("Content-Type", "application/json; charset=utf-8");
/// Ada's, as Azure DevOps knows her.
const ADA_ID: &str = "689ff7b2-ca28-a966-dba8-e30c9682718b";
const SIGN_IN_PAGE: &str = "<html><title>Azure DevOps Services | Sign In</title></html>";
const REPOSITORIES: &str = "/contoso/_apis/git/repositories?api-version=5.0";
const ANEW: &str = "make a new one (Custom defined → Code: Read & write) at \
    https://dev.azure.com/contoso/_usersSettings/tokens?action=edit and give it to: \
    git-credential-ona-azure login https://dev.azure.com/contoso --pat";
const LATER: &str = "or add --no-test to keep the token untried: \
    git-credential-ona-azure login https://dev.azure.com/contoso --pat";

fn has_run_out() -> String {
    format!(
        "error: the personal access token for dev.azure.com/contoso has run out; the token is not \
         kept\nhint: {ANEW}\n"
    )
}

fn not_accepted(quote: &str) -> String {
    format!(
        "error: dev.azure.com/contoso does not accept the personal access token{quote}; the token \
         is not kept\n\
         hint: it may be copied in part, revoked, or made for another organization, or for all \
         accessible organizations (such tokens end on 2026-12-01); {ANEW}\n"
    )
}

#[test]
fn a_token_that_works_is_tried_with_one_request_and_kept() {
    for pat in [Pat::read_write(), Pat::read_only()] {
        let machine = tokens_only();
        let pat = machine.world.azure().add_pat("contoso", pat);
        let done = give(&machine, &[CONTOSO_URL, "--expires", "2099-01-31"], &pat);
        assert_eq!((done.code, &*done.stderr), (0, ""), "{done:#?}");
        assert_eq!(machine.world.requests(), trial("dev.azure.com", REPOSITORIES, 200));
        assert_eq!(machine.get(CONTOSO_REQUEST).password(), pat);
        assert_eq!(machine.world.requests().len(), 1, "no more to give it to git");
    }
}

#[test]
fn the_form_of_a_token_is_no_reason_to_refuse_it_or_not_to_try_it() {
    let machine = tokens_only();
    const ODD: &str = "hunter2";
    let form =
        ", and it does not look like one (those of Azure DevOps have 84 characters, older ones 52)";
    let refused = not_accepted(form);
    give(&machine, &[CONTOSO_URL], ODD).expect(4, "", &refused);
    assert_eq!(machine.world.requests(), trial("dev.azure.com", REPOSITORIES, 401));
    let list = raw(200, &[JSON], r#"{"count":0,"value":[]}"#);
    machine.world.fail(Target::Azure, list, Times::Once);
    give(&machine, &[CONTOSO_URL], ODD).expect_success();
    assert_eq!(machine.get(CONTOSO_REQUEST).password(), ODD);
}

#[test]
fn a_token_that_does_not_work_is_refused_in_words_and_not_kept() {
    let machine = tokens_only();
    let azure = machine.world.azure();
    let good = working(&machine);
    give(&machine, &[CONTOSO_URL], &good).expect_success();
    let revoked = working(&machine);
    azure.revoke_pat(&revoked);
    let without_code = azure.add_pat("contoso", Pat::without_code());
    let login_page = "https://login.microsoftonline.com/common/oauth2/authorize?client_id=x";
    let policy = r#"{"message":"VS403463: The conditional access policy has failed."}"#;
    let echo = format!(r#"{{"message":"The token {good} is unknown."}}"#);
    let expired = "Access%20Denied%3A%20The%20Personal%20Access%20Token%20used%20has%20expired.";
    let unavailable = format!(
        "error: dev.azure.com/contoso cannot try the personal access token now (HTTP status 503); \
         the token is not kept\nhint: try again in some minutes, {LATER}\n"
    );
    let throttled = |when: &str| {
        format!(
            "error: dev.azure.com/contoso has had too many requests, and cannot try the personal \
             access token now (HTTP status 429); the token is not kept\n\
             hint: try again {when}, {LATER}\n"
        )
    };
    // What is given, what Azure DevOps answers if not what it would, and what is said.
    let rows = [
        (azure.add_pat("contoso", Pat::past_expiry()), None, 4, has_run_out()),
        (PAT.to_owned(), None, 4, not_accepted("")),
        (revoked, None, 4, not_accepted("")),
        (azure.add_pat("fabrikam", Pat::read_write()), None, 4, not_accepted("")),
        (
            without_code,
            None,
            4,
            format!(
                "error: dev.azure.com/contoso accepts the personal access token, but not for \
                 source code (TF400813: The user '{ADA_ID}' is not authorized to access \
                 this resource); the token is not kept\n\
                 hint: it lacks the scope Code, or its owner has no access to the code; {ANEW}\n"
            ),
        ),
        // Sign-in pages in place of an answer.
        (good.clone(), Some(raw(203, &[HTML], SIGN_IN_PAGE)), 4, not_accepted("")),
        (
            good.clone(),
            Some(raw(203, &[HTML, ("X-TFS-ServiceError", expired)], SIGN_IN_PAGE)),
            4,
            has_run_out(),
        ),
        (good.clone(), Some(raw(302, &[("Location", login_page)], "")), 4, not_accepted("")),
        (
            good.clone(),
            Some(raw(302, &[("Location", "/_signin?realm=dev.azure.com")], "")),
            4,
            not_accepted(""),
        ),
        (good.clone(), Some(raw(200, &[HTML], SIGN_IN_PAGE)), 4, not_accepted("")),
        (
            good.clone(),
            Some(raw(200, &[HTML], "<html><title>Welcome to the hotel</title></html>")),
            1,
            format!(
                "error: dev.azure.com/contoso answers with HTTP status 200, which says nothing \
                 about the personal access token; the token is not kept\n\
                 hint: check the address, and that no proxy or sign-in page of the network answers \
                 in its place, {LATER}\n"
            ),
        ),
        (
            good.clone(),
            Some(raw(401, &[JSON], &echo)),
            4,
            not_accepted(" (The token (hidden) is unknown)"),
        ),
        (
            good.clone(),
            Some(raw(401, &[JSON], policy)),
            4,
            "error: a conditional access policy does not let the personal access token into \
             dev.azure.com/contoso from here (VS403463: The conditional access policy has failed); \
             the token is not kept\n\
             hint: ask the tenant's administrator which networks and devices it allows, and from \
             one of them: git-credential-ona-azure login https://dev.azure.com/contoso --pat\n"
                .to_owned(),
        ),
        // Nothing is known of the token then.
        (
            good.clone(),
            Some(raw(302, &[("Location", "https://portal.example/x?y")], "")),
            1,
            "error: dev.azure.com/contoso answers with a redirect to https://portal.example, where \
             no token is sent; the token is not kept\n\
             hint: open https://dev.azure.com/contoso in a browser, and use the address it ends \
             at: git-credential-ona-azure login URL --pat\n"
                .to_owned(),
        ),
        (
            good.clone(),
            Some(raw(400, &[JSON], "{}")),
            1,
            format!(
                "error: dev.azure.com/contoso answers with HTTP status 400, which says nothing \
                 about the personal access token; the token is not kept\n\
                 hint: check the address, and that no proxy or sign-in page of the network answers \
                 in its place, {LATER}\n"
            ),
        ),
        (good.clone(), Some(Fault::Html(503)), 5, unavailable),
        (
            good.clone(),
            Some(Fault::Throttle { retry_after: Some(30) }),
            5,
            throttled("in 30 seconds"),
        ),
        (
            good.clone(),
            Some(Fault::Throttle { retry_after: None }),
            5,
            throttled("in some minutes"),
        ),
        (
            good.clone(),
            Some(Fault::Reset),
            5,
            "error: dev.azure.com cannot be reached; the token is not kept\n\
             hint: check the network, and HTTPS_PROXY if there is a proxy; then try again (or add \
             --no-test to keep the token untried)\n"
                .to_owned(),
        ),
    ];
    let before = machine.state();
    for (pat, fault, code, stderr) in rows {
        let seen = machine.world.requests().len();
        if let Some(fault) = fault.clone() {
            machine.world.fail(Target::Azure, fault, Times::Always);
        }
        give(&machine, &[CONTOSO_URL], &pat).expect(code, "", &stderr);
        assert!(!stderr.contains(&pat), "{stderr}");
        let asked = machine.world.requests().split_off(seen);
        let answered = asked.first().map_or(0, |seen| seen.status);
        assert_eq!(asked, trial("dev.azure.com", REPOSITORIES, answered), "{fault:?}");
        assert_eq!(machine.state(), before, "{fault:?}");
        machine.world.clear_faults();
    }
    // The token from before is as good as ever.
    assert_eq!(machine.get(CONTOSO_REQUEST).password(), good);
}

#[test]
fn a_token_for_an_organization_that_is_not_there_is_not_kept() {
    let machine = tokens_only();
    let pat = working(&machine);
    let before = machine.state();
    give(&machine, &["https://dev.azure.com/contosso"], &pat).expect(
        1,
        "",
        "error: there is no organization contosso at dev.azure.com; the token is not kept\n\
         hint: check the name in the address of its repositories, then: git-credential-ona-azure \
         login https://dev.azure.com/ORGANIZATION --pat\n",
    );
    let path = "/contosso/_apis/git/repositories?api-version=5.0";
    assert_eq!(machine.world.requests(), trial("dev.azure.com", path, 404));
    assert_eq!(machine.state(), before);
}

#[test]
fn untried_it_is_kept_without_a_request() {
    let machine = tokens_only();
    machine.add_pat_integration("tfs.corp.example", &[]);
    let url = "https://tfs.corp.example/DefaultCollection";
    for (url, request) in [
        (CONTOSO_URL, CONTOSO_REQUEST),
        (url, "protocol=https\nhost=tfs.corp.example\npath=DefaultCollection/app/_git/app\n"),
    ] {
        give_untried(&machine, &[url], PAT).expect_success();
        assert_eq!(machine.get(request).password(), PAT);
    }
    assert_eq!(machine.world.all_connections().into_iter().collect::<Vec<_>>(), []);
}

#[test]
fn on_a_server_a_token_is_tried_where_it_will_be_used() {
    let anew = |of: &str| {
        format!(
            "make a new one (Custom defined → Code: Read & write) at \
             https://tfs.corp.example/{of}/_usersSettings/tokens?action=edit and give it to: \
             git-credential-ona-azure login https://tfs.corp.example/{of} --pat\n"
        )
    };
    let ntlm = [("WWW-Authenticate", "Negotiate"), ("WWW-Authenticate", "NTLM")];
    let iis = [("WWW-Authenticate", "Basic realm=\"tfs\"")];
    const WHOLE: &str = "/tfs/_apis/connectionData";
    const COLLECTION: &str = "/tfs/defaultcollection/_apis/git/repositories?api-version=5.0";
    // Below /tfs what is named, how it goes wrong, where it is tried, and what is said.
    let rows = [
        ("", "", WHOLE, String::new()),
        ("/DefaultCollection", "", COLLECTION, String::new()),
        (
            "",
            "revoked",
            WHOLE,
            format!(
                "error: tfs.corp.example/tfs does not accept the personal access token; the token \
                 is not kept\n\
                 hint: it may be copied in part, revoked, or good for one collection only; {}",
                anew("tfs")
            ),
        ),
        (
            "/DefaultCollection",
            "revoked",
            COLLECTION,
            format!(
                "error: tfs.corp.example/tfs/defaultcollection does not accept the personal access \
                 token; the token is not kept\n\
                 hint: it may be copied in part, revoked, or made for another collection; {}",
                anew("tfs/defaultcollection")
            ),
        ),
        (
            "/Nowhere",
            "",
            "/tfs/nowhere/_apis/git/repositories?api-version=5.0",
            "error: there is no collection nowhere at tfs.corp.example/tfs; the token is not kept\n\
             hint: check the name in the address of its repositories, then: \
             git-credential-ona-azure login https://tfs.corp.example/tfs/COLLECTION --pat\n"
                .to_owned(),
        ),
        (
            "",
            "moved",
            WHOLE,
            "error: tfs.corp.example has no Azure DevOps Server at /tfs; the token is not kept\n\
             hint: step 5 (Azure DevOps and tenant): name the part of its address between host and \
             collection (/ if there is none): git-credential-ona-azure integration add --host \
             tfs.corp.example --virtual-directory /tfs\n"
                .to_owned(),
        ),
        (
            "/DefaultCollection",
            "moved",
            COLLECTION,
            "error: nothing of Azure DevOps is at tfs.corp.example/tfs/defaultcollection; the token \
             is not kept\n\
             hint: compare it with the address in a browser; what that has between host and \
             collection (/ if nothing) belongs here: git-credential-ona-azure integration add \
             --host tfs.corp.example --virtual-directory /tfs\n"
                .to_owned(),
        ),
        (
            "",
            "ntlm",
            WHOLE,
            "error: tfs.corp.example/tfs takes no personal access tokens: it does not offer Basic \
             authentication; the token is not kept\n\
             hint: ask its administrator to allow them, or see whether this is the Server: \
             https://tfs.corp.example/tfs\n"
                .to_owned(),
        ),
        (
            "/DefaultCollection",
            "iis",
            COLLECTION,
            "error: the web server of tfs.corp.example/tfs/defaultcollection refuses the personal \
             access token before Azure DevOps sees it; the token is not kept\n\
             hint: ask its administrator to turn off IIS Basic Authentication, which takes no \
             tokens: https://learn.microsoft.com/azure/devops/integrate/get-started/authentication/\
             iis-basic-auth\n"
                .to_owned(),
        ),
    ];
    for (below, fault, path, stderr) in rows {
        let machine = Machine::new();
        machine.add_pat_integration("tfs.corp.example", &["--virtual-directory", "/tfs"]);
        let server = machine.world.server();
        let pat = server.add_pat();
        match fault {
            "revoked" => server.revoke_pat(&pat),
            "moved" => server.set_virtual_directory("/devops"),
            "ntlm" => machine.world.fail(Target::Server, raw(401, &ntlm, ""), Times::Always),
            "iis" => machine.world.fail(Target::Server, raw(401, &iis, ""), Times::Always),
            _ => {}
        }
        let before = machine.state();
        let done = give(&machine, &[&format!("https://tfs.corp.example/tfs{below}")], &pat);
        let what = format!("{below} {fault}: {done:#?}");
        let asked = machine.world.requests();
        let answered = asked.first().map_or(0, |seen| seen.status);
        assert_eq!(asked, trial("tfs.corp.example", path, answered), "{what}");
        let request =
            "protocol=https\nhost=tfs.corp.example\npath=tfs/DefaultCollection/app/_git/app\n";
        if stderr.is_empty() {
            done.expect_success();
            assert_eq!(machine.get(request).password(), pat, "{what}");
        } else {
            let code = if fault == "revoked" { 4 } else { 1 };
            done.expect(code, "", &stderr);
            assert_eq!(machine.state(), before, "{what}");
        }
    }
}

#[test]
fn the_page_of_the_integration_is_the_one_that_is_named() {
    const PAGE: &str = "https://tokens.contoso.example/new?for=git";
    let machine = Machine::new();
    machine.add_pat_integration("dev.azure.com", &["--pat-url", PAGE]);
    let pat = machine.world.azure().add_pat("contoso", Pat::past_expiry());
    let here = |text: String| {
        let page = "https://dev.azure.com/contoso/_usersSettings/tokens?action=edit";
        assert!(text.contains(page), "{text}");
        text.replace(page, PAGE)
    };
    give(&machine, &[CONTOSO_URL], &pat).expect(4, "", &here(has_run_out()));
    give(&machine, &[CONTOSO_URL], PAT).expect(4, "", &here(not_accepted("")));
    give(&machine, &[CONTOSO_URL], "").expect(
        2,
        "",
        &format!(
            "error: no personal access token was given\n\
             hint: make one at {PAGE} and pass it on standard input\n"
        ),
    );
}

#[test]
fn whoever_passes_a_token_is_not_told_where_to_make_one() {
    let mut machine = tokens_only();
    let opened = machine.home().join("opened");
    let browser = machine.home().join("browser");
    script(&browser, &format!("#!/bin/sh\n: > '{}'\n", opened.display()));
    machine.set("BROWSER", browser.to_str().expect("text"));
    machine.set("DISPLAY", ":0");
    let pat = working(&machine);
    let done = give(&machine, &[CONTOSO_URL], &pat).expect_success();
    assert_eq!((done.stdout.lines().count(), &*done.stderr), (1, ""), "{done:#?}");
    assert!(!opened.exists(), "a page was opened");
}

#[test]
fn what_is_too_long_for_a_secret_is_refused_and_not_cut() {
    let machine = Machine::configured();
    const LIMIT: usize = 16 * 1024;
    let file = machine.home().join("long");
    std::fs::write(&file, "x".repeat(LIMIT + 1)).expect("written");
    let file = file.to_str().expect("text");
    let stderr = |name: &str| format!("error: {name} holds more than 16 KiB, which is no secret\n");
    let before = (machine.state(), machine.integrations());
    let long = "x".repeat(1024 * 1024);
    give(&machine, &[CONTOSO_URL], &long).expect(2, "", &stderr("standard input"));
    let add = ["integration", "add", "--host", "dev.azure.com", "--no-test"];
    machine.helper_with(&[&add[..], &["--client-secret-stdin"]].concat(), &long).expect(
        2,
        "",
        &stderr("standard input"),
    );
    machine.helper(&[&add[..], &["--client-secret-file", file]].concat()).expect(
        2,
        "",
        &stderr(file),
    );
    assert_eq!((machine.state(), machine.integrations()), before);
    let longest = "x".repeat(LIMIT);
    give_untried(&machine, &[CONTOSO_URL], &longest).expect_success();
    assert_eq!(machine.get(CONTOSO_REQUEST).password(), longest);
}

#[test]
fn no_token_is_taken_for_plain_http_where_none_would_be_given() {
    let machine = tokens_only();
    machine.add_pat_integration("tfs.corp.example", &[]);
    let before = machine.state();
    for (url, host) in [
        ("http://dev.azure.com/contoso", "dev.azure.com"),
        ("http://contoso.visualstudio.com", "dev.azure.com"),
        ("http://tfs.corp.example/DefaultCollection", "tfs.corp.example"),
    ] {
        let hint = match host {
            "dev.azure.com" => "write https:// in its place".to_owned(),
            server => format!(
                "write https:// in its place; where the Server has none, set allowHttp: \
                 git-credential-ona-azure integration add --host {server} --allow-http"
            ),
        };
        give(&machine, &[url], PAT).expect(
            2,
            "",
            &format!(
                "error: no credential is ever given to http://{host}: anyone on the way could read \
                 it\nhint: {hint}\n"
            ),
        );
    }
    assert_eq!(machine.state(), before);
    machine.add_pat_integration("tfs.corp.example", &["--allow-http"]);
    give_untried(&machine, &["http://tfs.corp.example/DefaultCollection"], PAT).expect_success();
}

#[test]
fn every_form_of_the_end_is_understood() {
    let machine = tokens_only();
    let pat = working(&machine);
    for (text, seconds, said) in [
        ("90d", 90 * DAY, "(in 90 days).\n"),
        ("12w", 84 * DAY, "(in 84 days).\n"),
        ("8h", 8 * 3600, "(in 8 hours).\n"),
    ] {
        let before = now();
        let done = give(&machine, &[CONTOSO_URL, "--expires", text], &pat).expect_success();
        assert!(done.stdout.ends_with(said), "{text}: {done:#?}");
        let at = expiry(&machine.get(CONTOSO_REQUEST));
        assert!((before + seconds..=now() + seconds).contains(&at), "{text}: {at}");
    }
    let done = give(&machine, &[CONTOSO_URL, "--expires", "2099-01-31"], &pat).expect_success();
    assert!(done.stdout.contains(" is kept until 2099-01-31 00:00 UTC (in "), "{done:#?}");
    assert_eq!(expiry(&machine.get(CONTOSO_REQUEST)), 4_073_500_800);
}

#[test]
fn what_is_no_end_is_refused() {
    let machine = tokens_only();
    for text in ["soon", "30", "0d", "30 days", "2099-02-30", ""] {
        give(&machine, &[CONTOSO_URL, "--expires", text], PAT).expect(
            2,
            "",
            &format!(
                "error: --expires {text:?} is neither a span nor a date\n\
                 hint: write 30d, 12w or 2027-01-31\n"
            ),
        );
    }
    give(&machine, &[CONTOSO_URL, "--expires", "2020-01-31"], PAT).expect(
        2,
        "",
        "error: that token has run out already\nhint: give --expires the end that the page shows\n",
    );
    machine.get(CONTOSO_REQUEST).expect(0, "", "");
    assert_eq!(machine.world.requests(), []);
}

#[test]
fn what_is_no_personal_access_token_is_refused() {
    const MORE: &str = "error: a personal access token is one word, and this is more\n\
        hint: pass the token alone, as the page shows it\n";
    let machine = tokens_only();
    let jwt = machine.world.entra().issue_access_token(standins::ADA, &["vso.code"]);
    const PAGE: &str = "https://dev.azure.com/contoso/_usersSettings/tokens?action=edit";
    let rows = [
        (
            "",
            format!(
                "error: no personal access token was given\n\
                 hint: make one at {PAGE} and pass it on standard input\n"
            ),
        ),
        (
            " \n\n",
            format!(
                "error: no personal access token was given\n\
                 hint: make one at {PAGE} and pass it on standard input\n"
            ),
        ),
        ("two words", MORE.to_owned()),
        ("one\ntwo\n", MORE.to_owned()),
        (
            &jwt,
            format!(
                "error: that is an OAuth access token, which ends within the hour\n\
                 hint: make a personal access token at {PAGE}\n"
            ),
        ),
    ];
    for (pat, stderr) in rows {
        give(&machine, &[CONTOSO_URL], pat).expect(2, "", &stderr);
    }
    machine.get(CONTOSO_REQUEST).expect(0, "", "");
    assert_eq!(machine.world.requests(), []);
}

#[test]
fn the_organization_has_to_be_named_once() {
    let machine = tokens_only();
    for arguments in [&[][..], &["https://dev.azure.com"], &["dev.azure.com"]] {
        give(&machine, arguments, PAT).expect(
            2,
            "",
            "error: a personal access token is for one organization, and none is named\n\
             hint: git-credential-ona-azure login https://dev.azure.com/ORGANIZATION --pat\n",
        );
    }
    for url in [
        "https://contoso.visualstudio.com",
        "https://dev.azure.com/Contoso/app/_git/app",
        "https://contoso@dev.azure.com/contoso/app/_git/app",
        "dev.azure.com/contoso",
    ] {
        let machine = tokens_only();
        let pat = working(&machine);
        give(&machine, &[url], &pat).expect_success();
        assert_eq!(machine.get(CONTOSO_REQUEST).password(), pat, "{url}");
    }
    // Or in the integration.
    let machine = Machine::new();
    machine.add_pat_integration("dev.azure.com/contoso", &[]);
    let pat = working(&machine);
    give(&machine, &[], &pat).expect_success();
    assert_eq!(machine.get(CONTOSO_REQUEST).password(), pat);
}

#[test]
fn where_tokens_are_off_the_command_that_turns_them_on_is_named() {
    let machine = Machine::new();
    machine.add_integration(&[]);
    give(&machine, &[CONTOSO_URL], PAT).expect(
        1,
        "",
        "error: personal access tokens are not on for dev.azure.com\n\
         hint: git-credential-ona-azure integration add --host dev.azure.com --pat\n",
    );
}

#[test]
fn a_servers_token_is_for_its_collection_or_for_the_whole_of_it() {
    let machine = Machine::new();
    machine.add_pat_integration("tfs.corp.example", &["--virtual-directory", "/tfs"]);
    let request = |collection: &str| {
        format!("protocol=https\nhost=tfs.corp.example\npath=tfs/{collection}/app/_git/app\n")
    };
    machine.world.server().create_repo("Research", "app", "app");
    let pat = machine.world.server().add_pat();
    let done = give(&machine, &["https://tfs.corp.example/tfs"], &pat).expect_success();
    assert!(
        done.stdout.starts_with("The personal access token for tfs.corp.example is kept until "),
        "{done:#?}"
    );
    let own = machine.world.server().add_pat();
    let done =
        give(&machine, &["https://tfs.corp.example/tfs/Research", "--username", "ada"], &own)
            .expect_success();
    assert!(
        done.stdout.starts_with("The personal access token for research is kept until "),
        "{done:#?}"
    );
    assert_eq!(
        done.stderr,
        "note: git has to say which collection of tfs.corp.example it asks for\n\
         hint: have it send the path (credential.useHttpPath): git-credential-ona-azure setup-git\n"
    );
    let got = machine.get(request("DefaultCollection")).expect_success();
    assert_eq!((got.attribute("username"), got.password()), (Some("pat"), &*pat));
    let got = machine.get(request("Research")).expect_success();
    assert_eq!((got.attribute("username"), got.password()), (Some("ada"), &*own));
    // An address outside the virtual directory is explained.
    let done = give(&machine, &["https://tfs.corp.example/elsewhere/Research"], &pat);
    assert_eq!((done.code, &*done.stdout), (2, ""), "{done:#?}");
    assert!(
        done.stderr.contains("the virtual directory of tfs.corp.example is configured as /tfs"),
        "{done:#?}"
    );
}

#[test]
fn from_three_days_before_its_end_it_warns_once_a_day() {
    let machine = tokens_only();
    let pat = working(&machine);
    give(&machine, &[CONTOSO_URL, "--expires", "30h"], &pat).expect_success();
    const WARNING: &str = "warning: the personal access token for contoso runs out in 1 day\n\
        hint: make a new one at https://dev.azure.com/contoso/_usersSettings/tokens?action=edit and \
        give it to: git-credential-ona-azure login https://dev.azure.com/contoso --pat\n";
    let said = || {
        let done = machine.get(CONTOSO_REQUEST).expect_success();
        assert_eq!(done.password(), pat);
        done.stderr
    };
    assert_eq!(said(), WARNING);
    assert_eq!(said(), "");
    // A day later again.
    machine.change("all", |notices: &mut Notices| {
        notices.told.iter_mut().for_each(|(_, at)| *at -= DAY);
    });
    assert_eq!(said(), WARNING);
    // Long before its end nothing is said.
    give(&machine, &[CONTOSO_URL, "--expires", "100h"], &pat).expect_success();
    assert_eq!(said(), "");
}

#[test]
fn past_its_end_it_is_not_given_and_git_asks_itself() {
    let machine = tokens_only();
    give(&machine, &[CONTOSO_URL], &working(&machine)).expect_success();
    change_pats(&machine, |pats| pats.pats[0].expires_at = Some(now() - 1));
    machine.get(CONTOSO_REQUEST).expect(
        0,
        "",
        "error: the personal access token for contoso has run out\n\
         hint: make a new one at https://dev.azure.com/contoso/_usersSettings/tokens?action=edit and \
         give it to: git-credential-ona-azure login https://dev.azure.com/contoso --pat\n",
    );
    // A new one takes its place.
    let fresh = working(&machine);
    give(&machine, &[CONTOSO_URL], &fresh).expect_success();
    assert_eq!(machine.get(CONTOSO_REQUEST).password(), fresh);
    let mut kept = 0;
    change_pats(&machine, |pats| kept = pats.pats.len());
    assert_eq!(kept, 1);
}

#[test]
fn with_oauth_on_too_a_token_that_ran_out_leads_to_the_sign_in() {
    let machine = Machine::configured();
    give(&machine, &[CONTOSO_URL], &working(&machine)).expect_success();
    change_pats(&machine, |pats| pats.pats[0].expires_at = Some(now() - 1));
    machine.get(CONTOSO_REQUEST).expect(
        4,
        "",
        "error: the personal access token for contoso has run out\n\
         hint: git-credential-ona-azure login https://dev.azure.com\n",
    );
}

#[test]
fn the_token_itself_is_shown_nowhere_and_lies_nowhere_in_clear() {
    let machine = tokens_only();
    let pat = working(&machine);
    let shown = [
        give(&machine, &[CONTOSO_URL], &pat).expect_success(),
        machine.helper(&["status"]),
        machine.helper(&["status", "--json"]),
        machine.helper(&["logout", "https://dev.azure.com/fabrikam"]),
    ];
    for done in shown {
        assert!(!format!("{done:?}").contains(&pat), "{done:#?}");
    }
    for (path, bytes) in machine.state() {
        assert!(!String::from_utf8_lossy(&bytes).contains(&pat), "{}", path.display());
    }
}

/// What stands for a person at a terminal, who pastes `pasted` where a token is asked for: what came
/// of it up to `said`. Whatever reads the terminal afterwards has to get what is typed then, and
/// nothing of what was pasted.
#[track_caller]
fn paste(machine: &Machine, pasted: &str, said: &str) -> String {
    let line =
        format!("\"$PROGRAM\" login {CONTOSO_URL} --pat || :; read -r rest; echo \"got:$rest\"");
    let mut terminal = Terminal::start(machine, &line);
    terminal.expect("Personal access token (not shown): ");
    terminal.wait_until_hidden();
    terminal.send(pasted);
    let came = terminal.expect(said);
    terminal.line("typed");
    terminal.expect("got:typed\n");
    let shown = terminal.finish().expect_success().stdout;
    assert!(!shown.contains("touch"), "{shown}");
    came
}

#[test]
fn what_is_pasted_after_the_line_of_a_token_goes_to_nobody() {
    for after in ["touch pasted\r", "touch pasted", "\x04touch pasted\r"] {
        let machine = tokens_only();
        let pat = working(&machine);
        paste(&machine, &format!("{pat}\r{after}"), " is kept until ");
        assert_eq!(machine.get(CONTOSO_REQUEST).password(), pat);
    }
}

#[test]
fn a_paste_longer_than_any_token_is_refused_whole() {
    let machine = tokens_only();
    let page = format!("{}\r{}", "touch it ".repeat(12_000), "touch pasted\r".repeat(500));
    let said = "\nerror: what was pasted is longer than 64 KiB, which is no secret\n";
    assert_eq!(paste(&machine, &page, said), said.to_owned());
    machine.get(CONTOSO_REQUEST).expect(0, "", "");
    assert!(machine.world.requests().is_empty());
}
