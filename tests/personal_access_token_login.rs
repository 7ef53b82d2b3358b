//! `login --pat`: what is taken for a personal access token, that it is tried before it is kept, how
//! long it is kept, and what `get` makes of it until and after its end.

mod common;

use std::time::{SystemTime, UNIX_EPOCH};

use common::*;
use git_credential_ona_azure::vault::{Notices, Pats};
use standins::Pat;

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
    let vault = machine.vault();
    let writer = vault.write().expect("a vault that can be written");
    let of = "https://dev.azure.com";
    let mut pats = writer.read::<Pats>(of).expect("opens").expect("tokens");
    change(&mut pats);
    writer.put(of, &pats).expect("written");
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
}

#[test]
fn the_organization_has_to_be_named_once() {
    let machine = tokens_only();
    for arguments in [&[][..], &["https://dev.azure.com"], &["dev.azure.com"]] {
        give(&machine, arguments, PAT).expect(
            2,
            "",
            "error: a personal access token is for one organization, and none is named\n\
             hint: git-credential-ona-azure login https://dev.azure.com/<organization> --pat\n",
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
    assert_eq!((got.attribute("username"), got.password()), (Some(""), &*pat));
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
    {
        let vault = machine.vault();
        let writer = vault.write().expect("writable");
        let mut notices = writer.read::<Notices>("all").expect("opens").expect("told");
        notices.told.iter_mut().for_each(|(_, at)| *at -= DAY);
        writer.put("all", &notices).expect("written");
    }
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
