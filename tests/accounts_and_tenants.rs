//! Who signs in, and where: several accounts, an organization's tenant against the integration's,
//! guests, and what is believed of a tenant that the network names. And what `login` ends with.

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use common::terminal::Terminal;
use common::*;
use git_credential_ona_azure::vault::{Access, Session};
use serde_json::{Value, json};
use standins::{
    ADA, App, CLIENT_ID, CONTOSO, FABRIKAM, Fault, GRACE, MSA_TENANT, Pat, Seen, Target, Times,
};
use url::Url;

const OPEN: &str = "To sign in, open this address in a browser on this machine:\n\n";
const WAITING: &str = "A browser was started. Waiting for it to come back …\n";

const CONTOSO_URL: &str = "https://dev.azure.com/contoso";
const FABRIKAM_URL: &str = "https://dev.azure.com/fabrikam";
const NORTHWIND_URL: &str = "https://dev.azure.com/northwind";
const MSAORG_URL: &str = "https://dev.azure.com/msaorg";
const NORTHWIND_REQUEST: &str = "protocol=https\nhost=dev.azure.com\npath=northwind/n/_git/n\n";

/// An issuer that leaves the tenant open.
const ORGANIZATIONS: &str = "https://login.microsoftonline.com/organizations/oauth2/v2.0";

/// What is said of `northwind`, which is in Fabrikam's tenant, before a browser is opened.
fn mismatch() -> String {
    format!(
        "error: dev.azure.com/northwind belongs to the tenant {FABRIKAM}, and the Issuer URL names {CONTOSO}\n\
         hint: step 5 (Azure DevOps and tenant): check that northwind is the organization meant; if it is, \
         name its tenant, where the app has to be known (or organizations, for an app of several tenants): git-credential-ona-azure integration add --host \
         dev.azure.com --issuer-url https://login.microsoftonline.com/{FABRIKAM}/oauth2/v2.0\n"
    )
}

/// Where a sign-in at that tenant begins.
fn authorize_at(tenant: &str) -> String {
    format!("https://login.microsoftonline.com/{tenant}/oauth2/v2.0/authorize?")
}

fn query(address: &str) -> BTreeMap<String, String> {
    Url::parse(address).expect("an address").query_pairs().into_owned().collect()
}

/// What was said after the address.
fn ending(done: &Done) -> &str {
    done.stderr.split_once(WAITING).unwrap_or_else(|| panic!("{done:#?}")).1
}

fn session_of(machine: &Machine, key: &str) -> Option<Session> {
    machine.vault().read(key).expect("a vault that opens")
}

/// Makes the access token of a session one that is over.
fn age(machine: &Machine, key: &str) {
    machine.change(key, |access: &mut Access| {
        access.issued_at -= 4500;
        access.expires_at -= 4500;
    });
}

/// The requests without a body: only an organization's tenant is asked for with one.
fn heads(machine: &Machine) -> Vec<Seen> {
    machine.world.requests().into_iter().filter(|seen| seen.method == "HEAD").collect()
}

fn requests_to(machine: &Machine, end: &str) -> Vec<String> {
    let paths = machine.world.requests().into_iter().map(|seen| seen.path);
    paths.filter(|path| path.split('?').next().unwrap_or_default().ends_with(end)).collect()
}

fn sessions(machine: &Machine) -> Value {
    machine.helper(&["status", "--json"]).expect_success().json()["hosts"][0]["sessions"].clone()
}

#[track_caller]
fn expect_nothing_kept(machine: &Machine) {
    assert!(machine.access().is_none());
    assert_eq!(sessions(machine), json!([]));
}

/// A machine whose browser leaves a mark that it was started, and where that is.
fn with_marking_browser(mut machine: Machine) -> (Machine, PathBuf) {
    let mark = machine.home().join("browser-was-here");
    let browser = machine.script("bin/browser", &format!("#!/bin/sh\n: > '{}'\n", mark.display()));
    machine.set("BROWSER", browser.to_str().expect("text"));
    (machine, mark)
}

/// Nobody was sent anywhere to sign in, and nothing is kept.
#[track_caller]
fn expect_no_sign_in(machine: &Machine, mark: &Path) {
    assert!(!mark.exists(), "a browser was started");
    assert_eq!(requests_to(machine, "/authorize"), [""; 0]);
    assert_eq!(machine.world.entra().token_request_counts(), BTreeMap::new());
    expect_nothing_kept(machine);
}

/// A machine whose integration leaves the tenant open, for an app of several tenants.
fn of_several_tenants() -> Machine {
    let machine = Machine::new();
    machine.world.entra().register_app(App { multitenant: true, ..App::default() });
    machine
        .integration_add(&[
            "--host",
            "dev.azure.com",
            "--issuer-url",
            ORGANIZATIONS,
            "--client-id",
            CLIENT_ID,
            "--client-secret-stdin",
        ])
        .expect_success();
    machine.set_up_git();
    machine
}

/// The same, with Ada a guest of Fabrikam's tenant.
fn with_a_guest() -> Machine {
    let machine = of_several_tenants();
    machine.world.entra().add_guest(FABRIKAM, ADA);
    machine
}

#[track_caller]
fn clone(machine: &Machine, url: &str, directory: &str) {
    machine.git_quietly("", &["clone", "-q", url, directory]);
}

// Several accounts.

/// Ada for the host, Grace for `fabrikam`; each organization lets only that one in.
fn two_accounts() -> Machine {
    let machine = Machine::configured();
    machine.world.azure().deny("fabrikam", ADA);
    machine.world.azure().deny("contoso", GRACE);
    machine.sign_in();
    machine.login(&[FABRIKAM_URL], GRACE).expect_success();
    machine
}

#[test]
fn each_organization_is_served_by_the_account_that_is_bound_to_it() {
    let machine = two_accounts();
    clone(&machine, "https://dev.azure.com/contoso/app/_git/app", "a");
    clone(&machine, "https://dev.azure.com/fabrikam/lib/_git/lib", "b");
    // By its other addresses too.
    clone(&machine, "https://fabrikam.visualstudio.com/lib/_git/lib", "c");
    clone(&machine, "https://fabrikam@dev.azure.com/Fabrikam/lib/_git/lib", "d");
    machine.commit("a", "one", "1");
    machine.commit("b", "two", "2");
    machine.git_quietly("a", &["push", "-q"]);
    machine.git_quietly("b", &["push", "-q"]);
    // Whoever is named comes first, where that account may answer.
    let as_ada = format!("{FABRIKAM_REQUEST}username={ADA}\n");
    assert_eq!(machine.get(as_ada).expect_success().attribute("username"), Some(ADA));
    let as_grace = format!("{CONTOSO_REQUEST}username={GRACE}\n");
    let refused = machine.get(as_grace);
    assert_eq!((refused.code, refused.stdout.as_str()), (0, ""));
    assert!(refused.stderr.contains(&format!("asks for {GRACE}")), "{refused:#?}");
}

#[test]
fn a_refresh_is_of_the_account_whose_token_is_over() {
    let machine = two_accounts();
    let token = |request| machine.get(request).expect_success().password().to_owned();
    let before = (token(CONTOSO_REQUEST), token(FABRIKAM_REQUEST));
    age(&machine, "dev.azure.com/fabrikam");
    let after = (token(CONTOSO_REQUEST), token(FABRIKAM_REQUEST));
    assert_eq!(after.0, before.0);
    assert_ne!(after.1, before.1);
    age(&machine, "dev.azure.com");
    assert_ne!(token(CONTOSO_REQUEST), before.0);
    assert_eq!(token(FABRIKAM_REQUEST), after.1);
    assert_eq!(machine.world.entra().token_requests("refresh_token"), 2);
    clone(&machine, "https://dev.azure.com/contoso/app/_git/app", "a");
    clone(&machine, "https://dev.azure.com/fabrikam/lib/_git/lib", "b");
}

#[test]
fn status_says_which_organization_uses_which_account() {
    let machine = two_accounts();
    let text = machine.helper(&["status"]).expect_success().stdout;
    for block in [
        format!("\n  {ADA}\n    for           every organization of its tenant but fabrikam\n"),
        format!("\n  {GRACE}\n    for           fabrikam\n"),
        format!("\n  which organization uses which\n    fabrikam      {GRACE}\n\n"),
    ] {
        assert!(text.contains(&block), "{block}\nis not in\n{text}");
    }
    let uses = || {
        let status = machine.helper(&["status", "--json"]).expect_success().json();
        status["hosts"][0]["uses"].clone()
    };
    let grace = json!({
        "organization": "fabrikam", "url": FABRIKAM_URL, "with": "oauth", "account": GRACE,
        "reason": null,
    });
    assert_eq!(uses(), json!([grace]));
    // Ada bound to `contoso` beside it, whatever the case of the name.
    machine.login(&["https://dev.azure.com/Contoso"], ADA).expect_success();
    let ada = json!({
        "organization": "contoso", "url": CONTOSO_URL, "with": "oauth", "account": ADA,
        "reason": null,
    });
    assert_eq!(uses(), json!([ada, grace]));
    let text = machine.helper(&["status"]).expect_success().stdout;
    let block = format!(
        "\n  which organization uses which\n    contoso       {ADA}\n    fabrikam      {GRACE}\n\n"
    );
    assert!(text.contains(&block), "{block}\nis not in\n{text}");
}

#[test]
fn whoever_signs_in_anew_takes_the_place_of_the_account_before_and_of_no_other() {
    let machine = two_accounts();
    machine.login(&[CONTOSO_URL], ADA).expect_success();
    machine.world.azure().allow("fabrikam", ADA);
    machine.login(&["https://fabrikam.visualstudio.com"], ADA).expect_success();
    let kept: Vec<_> = ["dev.azure.com", "dev.azure.com/contoso", "dev.azure.com/fabrikam"]
        .map(|key| session_of(&machine, key).expect("a session").account)
        .into();
    assert_eq!(kept, [ADA, ADA, ADA]);
    assert_eq!(sessions(&machine).as_array().map(Vec::len), Some(3));
}

#[test]
fn logging_one_account_out_leaves_the_other() {
    let machine = two_accounts();
    let contoso = machine.get(CONTOSO_REQUEST).expect_success();
    let done = machine.helper(&["logout", FABRIKAM_URL]).expect_success();
    assert_eq!(done.stdout, format!("{GRACE} is signed out of dev.azure.com/fabrikam.\n"));
    assert!(session_of(&machine, "dev.azure.com/fabrikam").is_none());
    assert_eq!(machine.get(CONTOSO_REQUEST).expect_success(), contoso);
    clone(&machine, "https://dev.azure.com/contoso/app/_git/app", "a");
    // The other way round.
    machine.login(&[CONTOSO_URL], ADA).expect_success();
    machine.login(&[FABRIKAM_URL], GRACE).expect_success();
    machine.helper(&["logout", CONTOSO_URL]).expect_success();
    clone(&machine, "https://dev.azure.com/fabrikam/lib/_git/lib", "b");
}

#[test]
fn a_token_that_is_rejected_is_the_one_accounts_and_not_the_others() {
    let machine = two_accounts();
    machine.world.azure().deny("fabrikam", GRACE);
    let done = machine.git(&["clone", "-q", "https://dev.azure.com/fabrikam/lib/_git/lib"]);
    assert!(
        done.stderr.contains(
            "error: Azure DevOps refused grace@contoso.example for organization fabrikam\n\
             hint: if it is no member there, an administrator adds it (Organization settings → Users → Add \
             users); what else it may be: git-credential-ona-azure doctor https://dev.azure.com/fabrikam\n"
        ),
        "{done:#?}"
    );
    clone(&machine, "https://dev.azure.com/contoso/app/_git/app", "a");
}

// The account that is proposed.

#[test]
fn an_account_is_chosen_unless_one_is_proposed() {
    let machine = Machine::configured();
    for (arguments, prompt, hint) in [
        (&[][..], Some("select_account"), None),
        (&[FABRIKAM_URL][..], Some("select_account"), None),
        (&["--login-hint", GRACE][..], None, Some(GRACE)),
        (&[FABRIKAM_URL, "--paste", "--login-hint", GRACE][..], None, Some(GRACE)),
    ] {
        let mut login = Login::start(&machine, arguments);
        let query = query(&login.address());
        login.kill();
        let found = ["prompt", "login_hint"].map(|name| query.get(name).map(String::as_str));
        assert_eq!(found, [prompt, hint], "{arguments:?}");
    }
}

#[test]
fn another_account_than_the_one_proposed_is_said() {
    let machine = Machine::configured();
    let done = machine.login(&["--login-hint", GRACE], ADA).expect_success();
    assert_eq!(ending(&done), format!("note: {ADA} signed in, not {GRACE}\n"));
    let done = machine.login(&["--login-hint", "Grace@Contoso.example"], GRACE).expect_success();
    assert_eq!(ending(&done), "");
}

#[test]
fn an_account_is_only_proposed_where_a_browser_can_be_told() {
    let machine = Machine::configured();
    for way in ["--device", "--pat"] {
        machine.helper_with(&["login", CONTOSO_URL, way, "--login-hint", ADA], "pat").expect(
            2,
            "",
            &format!(
                "error: the argument '{way}' cannot be used with '--login-hint <ACCOUNT>'\n\n\
                 Usage: git-credential-ona-azure login {way} <URL>\n\n\
                 For more information, try '--help'.\n"
            ),
        );
    }
    // A variable that is not set, in a script.
    let done = machine.helper(&["login", "--login-hint", ""]);
    assert_eq!((done.code, &*done.stdout), (2, ""), "{done:#?}");
    assert_eq!(machine.world.requests(), []);
}

// The organization's tenant, before a browser is opened.

#[test]
fn an_organization_of_another_tenant_is_explained_before_a_browser_is_opened() {
    let (machine, mark) = with_marking_browser(Machine::configured());
    for arguments in [
        &[NORTHWIND_URL][..],
        &["https://dev.azure.com/NorthWind/n/_git/n", "--paste"],
        &["https://northwind.visualstudio.com"],
        &[NORTHWIND_URL, "--device"],
    ] {
        let arguments = [&["login"][..], arguments].concat();
        machine.helper(&arguments).expect(1, "", &mismatch());
    }
    expect_no_sign_in(&machine, &mark);
    assert_eq!(machine.world.entra().device_requests(), 0);
}

#[test]
fn the_organization_of_the_integration_is_compared_too() {
    let (machine, mark) = with_marking_browser(Machine::new());
    machine
        .integration_add(&[
            "--host",
            "dev.azure.com/northwind",
            "--issuer-url",
            "contoso.com",
            "--client-id",
            CLIENT_ID,
            "--client-secret-stdin",
        ])
        .expect_success();
    let mismatch =
        || mismatch().replace("--host dev.azure.com ", "--host dev.azure.com/northwind ");
    machine.helper(&["login"]).expect(1, "", &mismatch());
    expect_no_sign_in(&machine, &mark);
    assert_eq!(heads(&machine).len(), 1);
    // What the hint says helps, and keeps the organization.
    let said = mismatch();
    let command = said.split_once("git-credential-ona-azure ").expect("a command").1;
    let command: Vec<&str> = command.split_whitespace().chain(["--no-test"]).collect();
    machine.helper(&command).expect_success();
    assert_eq!(machine.integrations()["integrations"][0]["host"], "dev.azure.com/northwind");
    machine.world.entra().register_app(App { tenant: FABRIKAM.to_owned(), ..App::default() });
    machine.world.entra().add_account(FABRIKAM, "lin@fabrikam.example", "Lin");
    machine.login(&[], "lin@fabrikam.example").expect_success();
}

#[test]
fn an_organization_of_the_integrations_tenant_is_asked_once_and_without_a_credential() {
    let machine = Machine::signed_in();
    assert_eq!(heads(&machine), [], "a sign-in for no organization in particular");
    machine.login(&["https://contoso.visualstudio.com"], ADA).expect_success();
    let [head] = <[Seen; 1]>::try_from(heads(&machine)).expect("one request");
    assert_eq!(
        (&*head.host, &*head.path, head.status, head.authorization),
        ("dev.azure.com", "/contoso", 401, None)
    );
    assert_eq!(machine.world.connections("dev.azure.com"), 1);
    assert_eq!(machine.world.connections("contoso.visualstudio.com"), 0);
}

#[test]
fn an_organization_of_personal_accounts_is_explained_with_the_way_that_is_left() {
    const WHAT: &str = "error: dev.azure.com/msaorg belongs to personal Microsoft accounts, not to a \
         tenant, so no sign-in with Entra ID opens it\n\
         hint: step 5 (Azure DevOps and tenant): connect the organization to your tenant (Organization \
         settings → Microsoft Entra), or ";
    let (machine, mark) = with_marking_browser(Machine::new());
    machine.add_integration(&[]);
    machine.helper(&["login", MSAORG_URL]).expect(
        1,
        "",
        &format!(
            "{WHAT}let an administrator turn on personal access tokens: git-credential-ona-azure \
             integration add --host dev.azure.com --pat\n"
        ),
    );
    machine.add_integration(&["--pat"]);
    machine.helper(&["login", MSAORG_URL]).expect(
        1,
        "",
        &format!(
            "{WHAT}use a personal access token: git-credential-ona-azure login \
             https://dev.azure.com/msaorg --pat\n"
        ),
    );
    expect_no_sign_in(&machine, &mark);
    // What it says helps.
    machine.set_up_git();
    let pat = machine.world.azure().add_pat("msaorg", Pat::read_write());
    machine.helper_with(&["login", MSAORG_URL, "--pat"], &pat).expect_success();
    machine.git(&["clone", "-q", "https://dev.azure.com/msaorg/m/_git/m"]).expect_success();
}

#[test]
fn an_organization_that_is_not_there_is_said_before_a_browser_is_opened() {
    for machine in [Machine::configured(), of_several_tenants()] {
        machine.helper(&["login", "https://dev.azure.com/nowhere"]).expect(
            1,
            "",
            "error: Azure DevOps knows no organization nowhere\n\
             hint: check the name in the address of its repositories, or sign in for all organizations: \
             git-credential-ona-azure login https://dev.azure.com\n",
        );
        assert_eq!(heads(&machine).len(), 1);
        assert_eq!(machine.world.connections("login.microsoftonline.com"), 1, "its discovery only");
    }
}

#[test]
fn an_azure_devops_that_does_not_answer_stops_nobody() {
    let machine = Machine::configured();
    for (asked, fault) in (1..).zip([
        Fault::Html(503),
        Fault::Throttle { retry_after: Some(60) },
        Fault::Reset,
        Fault::Raw {
            status: 302,
            headers: vec![("Location".to_owned(), format!("https://evil.example/{FABRIKAM}"))],
            body: vec![],
        },
        // Long enough for a person who waits, and nothing like the deadline of what is needed.
        Fault::Hang,
    ]) {
        machine.world.fail(Target::Azure, fault.clone(), Times::Once);
        let started = std::time::Instant::now();
        let mut login = Login::start(&machine, &[CONTOSO_URL]);
        let address = login.address();
        assert!(started.elapsed() < Duration::from_secs(12), "{fault:?}");
        assert!(address.starts_with(&authorize_at(CONTOSO)), "{fault:?}: {address}");
        machine.world.browse(&address);
        let done = login.finish().expect_success();
        assert_eq!(done.stderr, format!("{OPEN}  {address}\n\n{WAITING}"), "{fault:?}");
        assert_eq!(heads(&machine).len(), asked, "{fault:?}");
    }
    assert_eq!(machine.world.strays(), [""; 0]);
}

#[test]
fn a_server_has_no_tenant_to_ask_for() {
    let (mut machine, mark) = with_marking_browser(Machine::configured());
    machine.add_pat_integration("tfs.corp.example", &["--virtual-directory", "/tfs"]);
    for ci in ["false", "true"] {
        // It is not a person that is missing.
        machine.set("CI", ci);
        machine.helper(&["login", "https://tfs.corp.example/tfs/DefaultCollection"]).expect(
            1,
            "",
            "error: OAuth is not on for tfs.corp.example\n\
             hint: give a personal access token: git-credential-ona-azure login \
             https://tfs.corp.example/tfs/defaultcollection --pat\n",
        );
    }
    assert_eq!(machine.world.requests(), []);
    expect_no_sign_in(&machine, &mark);
}

// When git asks first.

/// `get` on a terminal, as git runs it. What it answers and says is in files of `work`.
fn get_at_terminal(machine: &Machine, request: &str) -> Terminal {
    fs::write(machine.work().join("request"), request).expect("written");
    Terminal::start(machine, "exec \"$PROGRAM\" get <request >answer 2>said")
}

fn written(machine: &Machine, name: &str) -> String {
    fs::read_to_string(machine.work().join(name)).expect("written")
}

/// Waits for the address a terminal shows.
#[track_caller]
fn address(terminal: &mut Terminal) -> String {
    terminal.expect(OPEN);
    let shown = terminal.expect("\n\n");
    shown.trim().to_owned()
}

#[test]
fn what_azure_devops_told_git_is_compared_without_asking_again() {
    let (mut machine, mark) = with_marking_browser(Machine::configured());
    machine.unset("GIT_TERMINAL_PROMPT");
    let request = format!(
        "{NORTHWIND_REQUEST}wwwauth[]=Bearer authorization_uri=https://login.microsoftonline.com/{FABRIKAM}\n\
         wwwauth[]=Basic realm=\"https://tfsprodneu2.visualstudio.com/\"\nwwwauth[]=TFS-Federated\n"
    );
    let mut terminal = get_at_terminal(&machine, &request);
    terminal.expect("git needs a sign-in: nobody is signed in to dev.azure.com.\n");
    for way in ["1", "2", "3"] {
        terminal.expect("or q for none: ");
        terminal.line(way);
        terminal.expect(&format!("\n{}", mismatch()));
    }
    // And the ways are offered again.
    terminal.expect("  1  a browser on this machine\n");
    terminal.expect("or q for none: ");
    terminal.line("q");
    assert_eq!(terminal.finish().code, 4);
    assert_eq!(written(&machine, "answer"), "quit=1\n");
    assert!(written(&machine, "said").starts_with("error: the sign-in was given up\n"));
    expect_no_sign_in(&machine, &mark);
    assert_eq!(machine.world.connections("dev.azure.com"), 0);
}

#[test]
fn a_git_that_is_told_the_tenant_hands_it_on() {
    for git in gits_since((2, 41)) {
        let (mut machine, mark) = with_marking_browser(Machine::configured());
        machine.unset("GIT_TERMINAL_PROMPT");
        let clone = format!("{} clone -q https://dev.azure.com/northwind/n/_git/n", git.path);
        let mut terminal = Terminal::start(&machine, &clone);
        terminal.expect("or q for none: ");
        terminal.line("1");
        terminal.expect(&mismatch());
        terminal.expect("or q for none: ");
        terminal.line("q");
        assert_ne!(terminal.finish().code, 0);
        expect_no_sign_in(&machine, &mark);
        assert_eq!(heads(&machine), []);
    }
}

#[test]
fn a_git_that_is_told_nothing_of_a_tenant_leaves_the_question_to_us() {
    let (mut machine, mark) = with_marking_browser(Machine::configured());
    machine.unset("GIT_TERMINAL_PROMPT");
    // An organization of personal accounts only says `Bearer`, and gits before 2.41 nothing.
    let request = "protocol=https\nhost=dev.azure.com\npath=msaorg/m/_git/m\nwwwauth[]=Bearer\n";
    let mut terminal = get_at_terminal(&machine, request);
    terminal.expect("or q for none: ");
    terminal.line("1");
    terminal.expect("error: dev.azure.com/msaorg belongs to personal Microsoft accounts");
    terminal.expect("or q for none: ");
    terminal.control('d');
    assert_eq!(terminal.finish().code, 4);
    expect_no_sign_in(&machine, &mark);
    assert_eq!(heads(&machine).len(), 1);
}

// Authorities from the network.

/// Signs in to `contoso` while its answers carry these headers, with `login` and when git asks
/// first; where the integration names the tenant, and where it leaves it open, so that words that
/// were believed would show. Nobody may be sent elsewhere than to the integration's own issuer.
#[track_caller]
fn expect_not_believed(rows: &[&[(&str, &str)]]) {
    for (mut machine, tenant) in
        [(Machine::configured(), CONTOSO), (of_several_tenants(), "organizations")]
    {
        machine.unset("GIT_TERMINAL_PROMPT");
        for headers in rows {
            machine.world.azure().override_challenge("contoso", headers);
            let mut login = Login::start(&machine, &[CONTOSO_URL]);
            let at = login.address();
            login.kill();
            assert!(at.starts_with(&authorize_at(tenant)), "{headers:?}: {at}");
            let told: String = headers
                .iter()
                .filter(|(name, _)| *name == "WWW-Authenticate")
                .map(|(_, value)| format!("wwwauth[]={value}\n"))
                .collect();
            let mut terminal = get_at_terminal(&machine, &format!("{CONTOSO_REQUEST}{told}"));
            terminal.expect("or q for none: ");
            terminal.line("1");
            let at = address(&mut terminal);
            assert!(at.starts_with(&authorize_at(tenant)), "{headers:?}: {at}");
            if rows.last() == Some(headers) {
                machine.world.browse(&at);
                assert_eq!(terminal.finish().code, 0);
                let answer = written(&machine, "answer");
                assert!(answer.contains(&format!("username={ADA}\npassword=")), "{headers:?}");
            }
        }
        machine.world.azure().clear_challenge_override("contoso");
        clone(&machine, "https://dev.azure.com/contoso/app/_git/app", "a");
        assert_eq!(machine.world.strays(), [""; 0]);
        let connections = machine.world.all_connections();
        let hosts: Vec<_> = connections.keys().map(String::as_str).collect();
        assert_eq!(hosts, ["dev.azure.com", "login.microsoftonline.com"]);
    }
}

#[test]
fn d01_an_authority_that_is_not_entras_is_not_believed() {
    let uri = |uri: &str| format!("Bearer authorization_uri={uri}");
    let values = [
        uri("https://evil.example/tenant"),
        uri(&format!("https://evil.example/{FABRIKAM}")),
        uri(&format!("\"https://evil.example/{FABRIKAM}\"")),
        uri(&format!("https://login.microsoftonline.com.evil.example/{FABRIKAM}")),
        uri(&format!("https://login.microsoftonline.com@evil.example/{FABRIKAM}")),
        uri(&format!("https://evil.example\\@login.microsoftonline.com/{FABRIKAM}")),
        uri(&format!("https://login.microsoftonline.com:8443/{FABRIKAM}")),
        uri(&format!("https://login.microsoftonline.de/{FABRIKAM}")),
    ];
    let rows: Vec<_> = values.iter().map(|value| [("WWW-Authenticate", &**value)]).collect();
    expect_not_believed(&rows.iter().map(<[_; 1]>::as_slice).collect::<Vec<_>>());
}

#[test]
fn d03_an_authority_in_clear_is_not_believed() {
    let clear = format!("Bearer authorization_uri=http://login.microsoftonline.com/{FABRIKAM}");
    expect_not_believed(&[
        &[("WWW-Authenticate", "Bearer authorization_uri=http://login.microsoftonline.com/x")],
        &[("WWW-Authenticate", &clear)],
    ]);
}

#[test]
fn d04_an_authority_whose_tenant_is_no_name_is_not_believed() {
    let uri = |path: &str| {
        format!("Bearer authorization_uri=\"https://login.microsoftonline.com/{path}\"")
    };
    let values = [
        uri("../x"),
        uri(&format!("../{FABRIKAM}")),
        uri(&format!("{FABRIKAM}/../{FABRIKAM}")),
        uri(&format!("%2e%2e/{FABRIKAM}")),
        uri("common"),
        uri("x"),
        uri(MSA_TENANT),
        uri(""),
    ];
    let rows: Vec<_> = values.iter().map(|value| [("WWW-Authenticate", &**value)]).collect();
    expect_not_believed(&rows.iter().map(<[_; 1]>::as_slice).collect::<Vec<_>>());
}

#[test]
fn d06_of_two_tenants_neither_is_believed() {
    let uri = |tenant: &str| {
        format!("Bearer authorization_uri=https://login.microsoftonline.com/{tenant}")
    };
    let (contoso, fabrikam) = (uri(CONTOSO), uri(FABRIKAM));
    let both = format!("{fabrikam}, {contoso}");
    expect_not_believed(&[
        &[("WWW-Authenticate", &fabrikam), ("WWW-Authenticate", &contoso)],
        &[("WWW-Authenticate", &contoso), ("WWW-Authenticate", &fabrikam)],
        &[("WWW-Authenticate", &both)],
    ]);
}

#[test]
fn d07_a_resource_tenant_that_is_no_tenant_is_not_believed() {
    const NAME: &str = "X-VSS-ResourceTenant";
    let two = format!("{FABRIKAM},{CONTOSO}");
    expect_not_believed(&[
        &[(NAME, "fabrikam")],
        &[(NAME, "../evil.example")],
        &[(NAME, &two)],
        &[(NAME, FABRIKAM), (NAME, CONTOSO)],
        &[(NAME, FABRIKAM), (NAME, "x")],
        // The challenge names one, the header another or none.
        &[("WWW-Authenticate", "Bearer authorization_uri=https://evil.example/x"), (NAME, "evil")],
    ]);
}

#[test]
fn d07_a_resource_tenant_of_zeros_is_no_tenant_and_is_not_kept_for_one() {
    let (machine, mark) = with_marking_browser(of_several_tenants());
    machine.world.azure().override_challenge(
        "contoso",
        &[("WWW-Authenticate", "Bearer"), ("X-VSS-ResourceTenant", MSA_TENANT)],
    );
    let done = machine.helper(&["login", CONTOSO_URL]);
    assert_eq!((done.code, &*done.stdout), (1, ""), "{done:#?}");
    assert!(
        done.stderr.starts_with(
            "error: dev.azure.com/contoso belongs to personal Microsoft accounts, not to a tenant, so no \
             sign-in with Entra ID opens it\n"
        ),
        "{done:#?}"
    );
    expect_no_sign_in(&machine, &mark);
    assert!(machine.world.requests().iter().all(|seen| !seen.path.contains(MSA_TENANT)));
    machine.world.azure().clear_challenge_override("contoso");
    let mut login = Login::start(&machine, &[CONTOSO_URL]);
    assert!(login.address().starts_with(&authorize_at(CONTOSO)));
    login.kill();
}

// Several tenants, and guests.

#[test]
fn a_guest_signs_in_at_the_tenant_of_the_organization() {
    let machine = with_a_guest();
    let mut login = Login::start(&machine, &["https://dev.azure.com/Northwind"]);
    let address = login.address();
    assert!(address.starts_with(&authorize_at(FABRIKAM)), "{address}");
    machine.world.browse(&address);
    login.finish().expect(
        0,
        &format!(
            "{ADA} is signed in to dev.azure.com.\n\n  \
             for        organization northwind only\n  \
             may        clone, fetch and push\n  \
             tenant     {FABRIKAM}\n  \
             signed in  with a browser, with the client secret\n  \
             kept in    {}, sealed\n  \
             renewed    by itself; git needs no further sign-in\n",
            machine.state_dir().display()
        ),
        &format!("{OPEN}  {address}\n\n{WAITING}"),
    );
    clone(&machine, "https://dev.azure.com/northwind/n/_git/n", "n");
    // It is renewed there, and stays of that tenant.
    age(&machine, "dev.azure.com/northwind");
    machine.commit("n", "one", "1");
    machine.git_quietly("n", &["push", "-q"]);
    let token = format!("/{FABRIKAM}/oauth2/v2.0/token");
    assert_eq!(requests_to(&machine, "/token"), [&*token, &*token]);
    let session = session_of(&machine, "dev.azure.com/northwind").expect("a session");
    assert_eq!(session.tenant.as_deref(), Some(FABRIKAM));
    // Other organizations are nothing to it.
    let done = machine.get(CONTOSO_REQUEST);
    assert_eq!((done.code, &*done.stdout), (4, "quit=1\n"), "{done:#?}");
}

#[test]
fn who_is_no_guest_is_told_in_the_browser_and_may_go_on_there() {
    let machine = with_a_guest();
    let mut login = Login::start(&machine, &[NORTHWIND_URL]);
    let address = login.address();
    let page = machine.world.browse_as(&address, GRACE);
    assert!(page.body.contains("AADSTS50020"), "{}", page.body);
    assert!(login.is_running());
    machine.world.browse(&address);
    login.finish().expect_success();
    assert_eq!(sessions(&machine)[0]["account"], ADA);
}

#[test]
fn accounts_of_several_tenants_serve_their_organizations_side_by_side() {
    let machine = with_a_guest();
    let mut login = Login::start(&machine, &[]);
    let address = login.address();
    assert!(address.starts_with(&authorize_at("organizations")), "{address}");
    machine.world.browse(&address);
    let done = login.finish().expect_success();
    assert!(done.stdout.contains(&format!("\n  tenant     {CONTOSO}\n")), "{done:#?}");
    machine.login(&[NORTHWIND_URL], ADA).expect_success();
    for round in ["first", "renewed"] {
        for (url, name) in [
            ("https://dev.azure.com/contoso/app/_git/app", "app"),
            ("https://dev.azure.com/fabrikam/lib/_git/lib", "lib"),
            ("https://dev.azure.com/northwind/n/_git/n", "n"),
            ("https://northwind.visualstudio.com/n/_git/n", "former"),
        ] {
            clone(&machine, url, &format!("{round}-{name}"));
        }
        age(&machine, "dev.azure.com");
        age(&machine, "dev.azure.com/northwind");
    }
    let tenants = sessions(&machine);
    assert_eq!((&tenants[0]["tenant"], &tenants[1]["tenant"]), (&json!(CONTOSO), &json!(FABRIKAM)));
    let asked = requests_to(&machine, "/token");
    let renewed: Vec<_> = asked[2..].iter().map(String::as_str).collect();
    let at = |tenant: &str| format!("/{tenant}/oauth2/v2.0/token");
    assert_eq!(renewed, [&*at("organizations"), &*at(FABRIKAM)]);
}

#[test]
fn when_git_asks_where_the_tenant_is_open_the_sign_in_is_for_that_organization() {
    for git in gits() {
        let mut machine = with_a_guest();
        machine.unset("GIT_TERMINAL_PROMPT");
        let clone = format!("{} clone -q https://dev.azure.com/northwind/n/_git/n", git.path);
        let mut terminal = Terminal::start(&machine, &clone);
        terminal.expect("or q for none: ");
        terminal.line("1");
        let at = address(&mut terminal);
        assert!(at.starts_with(&authorize_at(FABRIKAM)), "{at}");
        machine.world.browse(&at);
        terminal.expect(&format!("{ADA} is signed in to dev.azure.com.\n"));
        assert_eq!(terminal.finish().code, 0);
        assert!(machine.work().join("n/.git").exists());
        // A git that was told the tenant handed it on; for an older one it is asked.
        assert_eq!(heads(&machine).len(), usize::from(git.version < (2, 41)));
        assert!(session_of(&machine, "dev.azure.com").is_none());
        let session = session_of(&machine, "dev.azure.com/northwind").expect("a session");
        assert_eq!(session.tenant.as_deref(), Some(FABRIKAM));
    }
}

#[test]
fn gits_that_ask_for_several_organizations_ask_one_after_the_other() {
    let mut machine = with_a_guest();
    machine.unset("GIT_TERMINAL_PROMPT");
    fs::write(machine.work().join("one"), NORTHWIND_REQUEST).expect("written");
    fs::write(machine.work().join("two"), CONTOSO_REQUEST).expect("written");
    let line = "\"$PROGRAM\" get <one 2>/dev/null & \"$PROGRAM\" get <two 2>/dev/null & wait";
    let mut terminal = Terminal::start(&machine, line);
    terminal.expect("or q for none: ");
    terminal.line("1");
    let at = address(&mut terminal);
    // Time enough for the other to ask, if it did.
    machine.world.browse(&at);
    let came = terminal.expect("is signed in to dev.azure.com.\n");
    assert_eq!(came.matches("git needs a sign-in").count(), 0, "{came}");
    terminal.expect("git needs a sign-in: nobody is signed in to dev.azure.com.\n");
    terminal.expect("or q for none: ");
    terminal.line("q");
    terminal.expect("quit=1\n");
    terminal.finish();
}

#[test]
fn where_nobody_is_asked_the_sign_in_named_is_the_one_that_helps() {
    // A session of the home tenant would be no use to another tenant's organization.
    with_a_guest().get(NORTHWIND_REQUEST).expect(
        4,
        "quit=1\n",
        "error: nobody is signed in to dev.azure.com\n\
         hint: git-credential-ona-azure login https://dev.azure.com/northwind\n",
    );
    Machine::configured().get(NORTHWIND_REQUEST).expect(
        4,
        "",
        "error: nobody is signed in to dev.azure.com\n\
         hint: git-credential-ona-azure login https://dev.azure.com\n",
    );
}

#[test]
fn a_tenant_that_cannot_be_told_is_said_where_it_decides_where_to_sign_in() {
    let machine = with_a_guest();
    machine.world.fail(Target::Azure, Fault::Html(503), Times::Once);
    let mut login = Login::start(&machine, &[NORTHWIND_URL]);
    let address = login.address();
    assert!(address.starts_with(&authorize_at("organizations")), "{address}");
    machine.world.browse(&address);
    let done = login.finish().expect_success();
    assert_eq!(
        done.stderr,
        format!(
            "warning: Azure DevOps does not say which tenant northwind belongs to, so the sign-in is to the \
             account's own\n\
             hint: if northwind then refuses it, sign in again: git-credential-ona-azure login \
             https://dev.azure.com/northwind\n\
             {OPEN}  {address}\n\n{WAITING}"
        )
    );
    // And that helps.
    let done = machine.git(&["clone", "-q", "https://dev.azure.com/northwind/n/_git/n"]);
    assert_ne!(done.code, 0);
    machine.login(&[NORTHWIND_URL], ADA).expect_success();
    clone(&machine, "https://dev.azure.com/northwind/n/_git/n", "n");
}

/// Puts other claims into one of the tokens of an answer; nobody looks at the signature.
fn with_claims(answer: &mut Value, token: &str, change: impl Fn(&mut Value)) {
    let text = answer[token].as_str().expect("a token");
    let parts: Vec<_> = text.split('.').collect();
    let mut claims: Value =
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(parts[1]).expect("base64")).expect("JSON");
    change(&mut claims);
    let claims = URL_SAFE_NO_PAD.encode(claims.to_string());
    answer[token] = json!(format!("{}.{claims}.{}", parts[0], parts[2]));
}

#[test]
fn an_id_token_of_another_tenant_than_the_organizations_is_refused() {
    let machine = with_a_guest();
    machine.world.entra().override_token_response(|mut answer| {
        with_claims(&mut answer, "id_token", |claims| {
            claims["tid"] = json!(CONTOSO);
            claims["iss"] = json!(format!("https://login.microsoftonline.com/{CONTOSO}/v2.0"));
        });
        answer
    });
    let done = machine.login(&[NORTHWIND_URL], ADA);
    assert_eq!((done.code, &*done.stdout), (4, ""), "{done:#?}");
    assert!(ending(&done).starts_with("error: the ID token is of another issuer\n"), "{done:#?}");
    expect_nothing_kept(&machine);
    // Nor does a renewal move a session to another tenant.
    machine.world.entra().clear_token_override();
    machine.login(&[NORTHWIND_URL], ADA).expect_success();
    age(&machine, "dev.azure.com/northwind");
    machine.world.entra().override_token_response(|mut answer| {
        with_claims(&mut answer, "id_token", |claims| {
            claims["tid"] = json!(CONTOSO);
            claims["iss"] = json!(format!("https://login.microsoftonline.com/{CONTOSO}/v2.0"));
        });
        answer
    });
    let done = machine.get(NORTHWIND_REQUEST);
    assert_eq!(done.stdout, "quit=1\n", "{done:#?}");
    assert!(done.stderr.contains("the ID token is of another issuer"), "{done:#?}");
}

#[test]
fn an_id_token_of_another_sign_in_names_the_command_for_the_same_organization() {
    let machine = Machine::configured();
    machine.world.entra().override_token_response(|mut answer| {
        with_claims(&mut answer, "id_token", |claims| claims["nonce"] = json!("another"));
        answer
    });
    let done = machine.login(&[FABRIKAM_URL], GRACE);
    assert_eq!((done.code, &*done.stdout), (4, ""), "{done:#?}");
    assert_eq!(
        ending(&done),
        "error: the ID token belongs to another sign-in\n\
         hint: sign in again: git-credential-ona-azure login https://dev.azure.com/fabrikam\n"
    );
    expect_nothing_kept(&machine);
}

#[test]
fn a_guest_may_go_by_the_name_the_inviting_tenant_made_up() {
    let name = "ada_contoso.example#EXT#@fabrikam.onmicrosoft.com";
    let machine = with_a_guest();
    machine.world.entra().override_token_response(move |mut answer| {
        with_claims(&mut answer, "id_token", |claims| {
            claims["preferred_username"] = json!(name);
        });
        answer
    });
    let done = machine.login(&[NORTHWIND_URL, "--login-hint", ADA], ADA).expect_success();
    assert!(done.stdout.starts_with(&format!("{name} is signed in to dev.azure.com.\n")));
    let answer = machine.get(NORTHWIND_REQUEST).expect_success();
    assert_eq!(answer.attribute("username"), Some(name));
    clone(&machine, "https://dev.azure.com/northwind/n/_git/n", "n");
}

#[test]
fn an_integration_that_is_moved_to_another_tenant_ends_its_sessions_with_these_words() {
    let machine = with_a_guest();
    machine.sign_in();
    machine.login(&[NORTHWIND_URL], ADA).expect_success();
    let pin = |tenant: &str| {
        machine
            .helper(&[
                "integration",
                "add",
                "--host",
                "dev.azure.com",
                "--no-test",
                "--issuer-url",
                tenant,
            ])
            .expect_success();
    };
    pin(FABRIKAM);
    for key in ["dev.azure.com", "dev.azure.com/northwind"] {
        age(&machine, key);
    }
    // That of the tenant goes on.
    clone(&machine, "https://dev.azure.com/northwind/n/_git/n", "n");
    machine.get(CONTOSO_REQUEST).expect(
        4,
        "quit=1\n",
        "error: the integration of dev.azure.com was changed after ada@contoso.example signed in\n\
         hint: git-credential-ona-azure login https://dev.azure.com\n",
    );
    let status = sessions(&machine);
    assert_eq!(status[0]["ended"], "the integration was changed after the sign-in");
    assert_eq!(status[1]["ended"], Value::Null);
    // The other tenant pinned, it is the other way round; the tenant open again, both go on.
    pin(CONTOSO);
    age(&machine, "dev.azure.com/northwind");
    let done = machine.get(NORTHWIND_REQUEST);
    assert_eq!((done.code, &*done.stdout), (4, "quit=1\n"), "{done:#?}");
    pin(ORGANIZATIONS);
    machine.get(CONTOSO_REQUEST).expect_success();
    machine.get(NORTHWIND_REQUEST).expect_success();
    assert_eq!(machine.world.entra().token_requests("authorization_code"), 2);
}

// What a sign-in comes to.

/// What `login` prints of Ada's sign-in, but for what differs.
fn screen(machine: &Machine, for_whom: &str, may: &str, how: &str) -> String {
    format!(
        "{ADA} is signed in to dev.azure.com.\n\n  \
         for        {for_whom}\n  \
         may        {may}\n  \
         tenant     {CONTOSO}\n  \
         signed in  {how}\n  \
         kept in    {}, sealed\n  \
         renewed    by itself; git needs no further sign-in\n",
        machine.state_dir().display()
    )
}

const EVERY: &str = "every organization of the tenant";
const PUSH: &str = "clone, fetch and push";
const BROWSER: &str = "with a browser, with the client secret";

#[test]
fn a_sign_in_says_on_one_screen_who_may_do_what_where() {
    let machine = Machine::configured();
    for (arguments, for_whom) in [
        (&[][..], EVERY),
        (&["https://dev.azure.com"][..], EVERY),
        (&[CONTOSO_URL][..], "organization contoso only"),
        (&["https://Fabrikam.visualstudio.com/lib"][..], "organization fabrikam only"),
    ] {
        let mut login = Login::start(&machine, arguments);
        let address = login.address();
        machine.world.browse(&address);
        login.finish().expect(
            0,
            &screen(&machine, for_whom, PUSH, BROWSER),
            &format!("{OPEN}  {address}\n\n{WAITING}"),
        );
    }
    assert!(screen(&machine, EVERY, PUSH, BROWSER).lines().count() < 24);
}

#[test]
fn a_sign_in_without_a_client_secret_says_so() {
    let machine = Machine::new();
    machine
        .integration_add(&[
            "--host",
            "dev.azure.com",
            "--issuer-url",
            "contoso.com",
            "--client-id",
            CLIENT_ID,
            "--public-client",
        ])
        .expect_success();
    let how = "with a browser, without a client secret";
    let done = machine.login(&[], ADA).expect_success();
    assert_eq!(done.stdout, screen(&machine, EVERY, PUSH, how));
    assert_eq!(ending(&done), "");
}

#[test]
fn a_sign_in_with_a_device_code_says_so() {
    let machine = Machine::configured();
    let app = App { allow_public_client: true, ..App::default() };
    machine.world.entra().register_app(app);
    machine.world.entra().set_device_interval(Duration::from_secs(1));
    let line = format!("exec \"$PROGRAM\" login {CONTOSO_URL} --device >out");
    let mut terminal = Terminal::start(&machine, &line);
    terminal.expect("open this address in a browser on any device:\n\n    ");
    let page = terminal.expect("\n\n");
    terminal.expect("enter this code:\n\n    ");
    let code = terminal.expect("\n");
    machine.world.enter_device_code(page.trim(), code.trim(), ADA);
    terminal.finish().expect_success();
    let how = "with a device code, without a client secret";
    let for_whom = "organization contoso only";
    assert_eq!(written(&machine, "out"), screen(&machine, for_whom, PUSH, how));
}

#[test]
fn a_sign_in_that_may_not_push_says_so_and_what_to_do() {
    let machine = Machine::configured();
    machine.world.entra().grant_only(&["vso.code"]);
    let mut login = Login::start(&machine, &[]);
    let address = login.address();
    machine.world.browse(&address);
    login.finish().expect(
        0,
        &screen(&machine, EVERY, "clone and fetch, not push", BROWSER),
        &format!(
            "{OPEN}  {address}\n\n{WAITING}\
             warning: the sign-in allows to clone and fetch, but not to push: vso.code_write is not granted\n\
             hint: step 4 (API permissions): add Azure DevOps → Delegated → vso.code_write, then sign in again\n"
        ),
    );
    clone(&machine, "https://dev.azure.com/contoso/app/_git/app", "a");
    machine.commit("a", "one", "1");
    assert_ne!(machine.git_in("a", &["push", "-q"]).code, 0);
}

#[test]
fn a_token_for_another_service_is_refused_and_nothing_is_kept() {
    const GRAPH: &str = "00000003-0000-0000-c000-000000000000";
    let machine = Machine::configured();
    for audience in [json!(GRAPH), json!("https://graph.microsoft.com"), json!([GRAPH])] {
        let put = audience.clone();
        machine.world.entra().override_token_response(move |mut answer| {
            with_claims(&mut answer, "access_token", |claims| claims["aud"] = put.clone());
            answer
        });
        let done = machine.login(&[], ADA);
        assert_eq!((done.code, &*done.stdout), (1, ""), "{audience}: {done:#?}");
        assert_eq!(
            ending(&done),
            "error: the token granted is for another service than Azure DevOps\n\
             hint: step 4 (API permissions): add Azure DevOps → Delegated → vso.code and vso.code_write\n"
        );
        expect_nothing_kept(&machine);
    }
    // A sign-in that is kept already is not lost by one that fails.
    machine.world.entra().clear_token_override();
    machine.sign_in();
    let before = machine.get(CONTOSO_REQUEST).expect_success();
    machine.world.entra().omit_refresh_token(true);
    assert_eq!(machine.login(&[], GRACE).code, 1);
    assert_eq!(machine.get(CONTOSO_REQUEST).expect_success(), before);
}

#[test]
fn a_token_whose_audience_is_azure_devops_by_any_of_its_names_is_kept() {
    let machine = Machine::configured();
    for audience in [
        json!(standins::ADO_RESOURCE),
        json!(standins::ADO_RESOURCE_URI),
        json!(format!("{}/", standins::ADO_RESOURCE_URI)),
        Value::Null,
    ] {
        machine.world.entra().override_token_response(move |mut answer| {
            with_claims(&mut answer, "access_token", |claims| claims["aud"] = audience.clone());
            answer
        });
        machine.sign_in();
    }
}
