//! What Azure DevOps answers is told for what it is, in the same words whoever asks.

mod common;

use common::*;
use serde_json::Value;
use standins::{ADA, Fault, Target, Times};

const REPOSITORY: &str = "https://dev.azure.com/contoso/app/_git/app";
const APP: &str = "https://tfs.corp.example/tfs/DefaultCollection/app/_git/app";
const ACTIVITY: &str = "0a0a0a0a-1111-2222-3333-444444444444";

fn raw(status: u16, headers: &[(&str, &str)], body: &str) -> Fault {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Fault::Raw { status, headers: headers.collect(), body: body.as_bytes().to_vec() }
}

/// A check of the one target as the document has it.
fn check(machine: &Machine, url: &str, id: &str) -> Value {
    let document = machine.helper(&["doctor", "--json", url]).json();
    let targets = document["targets"].as_array().expect("targets").clone();
    targets
        .iter()
        .flat_map(|target| target["checks"].as_array().into_iter().flatten())
        .find(|check| check["id"] == id)
        .unwrap_or_else(|| panic!("no {id} in {document}"))
        .clone()
}

#[test]
fn doctor_tells_answers_to_git_apart() {
    const ELSEWHERE: &str = "open the repository's address in a browser, and give git the one it ends at: git \
                             remote set-url origin URL";
    let machine = Machine::signed_in();
    let ids = ("ActivityId", ACTIVITY);
    let html = ("Content-Type", "text/html; charset=utf-8");
    for (fault, text, fix) in [
        (
            raw(503, &[ids, ("X-VSS-HostOfflineError", "being moved"), ("Retry-After", "90")], ""),
            "dev.azure.com/contoso is offline for now (being moved)",
            "try again in 2 minutes",
        ),
        (
            Fault::Throttle { retry_after: Some(300) },
            "dev.azure.com/contoso has had too many requests and refuses for now",
            "try again in 5 minutes",
        ),
        (
            raw(200, &[html], "<title>Welcome to the hotel</title>"),
            "in place of dev.azure.com/contoso a web page answers that is not Azure DevOps' own",
            "check that no proxy or sign-in page of the network answers in its place",
        ),
        (
            raw(302, &[ids, ("Location", "https://elsewhere.example/secret?path")], ""),
            "dev.azure.com/contoso sends git on to https://elsewhere.example, where no credential is given",
            ELSEWHERE,
        ),
        // The network's own sign-in, which is about no token.
        (
            raw(302, &[("Location", "https://login.corp.example/oauth2/start?rd=x")], ""),
            "dev.azure.com/contoso sends git on to https://login.corp.example, where no credential is given",
            ELSEWHERE,
        ),
        (
            raw(302, &[], ""),
            "dev.azure.com/contoso answers with HTTP status 302 where git expects a list of branches",
            "check that no proxy or sign-in page of the network answers in its place",
        ),
        (
            raw(400, &[ids], "<p>TF999999: Something \u{1b}[31mnew.</p>"),
            "dev.azure.com/contoso answers with HTTP status 400 where git expects a list of branches (TF999999: \
             Something \\u{1b}[31mnew)",
            "see https://status.dev.azure.com, or show Microsoft's support the activity ID \
             0a0a0a0a-1111-2222-3333-444444444444",
        ),
    ] {
        machine.world.fail(Target::Azure, fault.clone(), Times::Always);
        let check = check(&machine, REPOSITORY, "repository.read");
        machine.world.clear_faults();
        assert_eq!((&check["text"], &check["fix"]), (&text.into(), &fix.into()), "{fault:?}");
    }
    let slow =
        [("Content-Type", "application/x-git-upload-pack-advertisement"), ("Retry-After", "3")];
    let list = "001e# service=git-upload-pack\n0000";
    machine.world.fail(Target::Azure, raw(200, &slow, list), Times::Always);
    let check = check(&machine, REPOSITORY, "repository.read");
    assert_eq!(check["outcome"], "passed", "{check}");
    let note =
        "dev.azure.com/contoso is slowing this account down for now: it has had too many requests";
    assert_eq!(check["notes"], serde_json::json!([note]));
    assert_eq!(machine.world.strays(), [""; 0]);
}

#[test]
fn git_and_doctor_say_the_same_of_an_account_that_is_refused() {
    let machine = Machine::signed_in();
    machine.world.azure().deny("contoso", ADA);
    let said = format!("Azure DevOps refused {ADA} for organization contoso");
    let before = check(&machine, REPOSITORY, "repository.read");
    assert!(before["text"].as_str().is_some_and(|text| text.starts_with(&said)), "{before}");
    let git = machine.git(&["ls-remote", REPOSITORY]);
    assert!(git.stderr.contains(&format!("error: {said}\n")), "{git:#?}");
    let doctor = "git-credential-ona-azure doctor https://dev.azure.com/contoso\n";
    assert!(git.stderr.contains(doctor), "{git:#?}");
    assert_eq!(check(&machine, "https://dev.azure.com/contoso", "account")["text"], *said);
}

#[test]
fn doctor_tells_what_a_server_lets_no_token_through_for() {
    let machine = Machine::new();
    machine.add_pat_integration("tfs.corp.example", &["--virtual-directory", "/tfs"]);
    machine.set_up_git();
    let pat = machine.world.server().add_pat();
    machine.give_pat(APP, &pat, &[]);
    let ntlm = ("WWW-Authenticate", "NTLM");
    let basic = ("WWW-Authenticate", "Basic realm=\"tfs.corp.example\"");
    let ids = ("ActivityId", ACTIVITY);
    for (headers, text) in [
        (
            &[ntlm, basic][..],
            "the web server of tfs.corp.example/defaultcollection refuses the personal access token before Azure \
             DevOps sees it",
        ),
        (
            &[ntlm, ids],
            "tfs.corp.example/defaultcollection takes no personal access tokens: it does not offer Basic \
             authentication",
        ),
    ] {
        machine.world.fail(Target::Server, raw(401, headers, ""), Times::Always);
        let read = check(&machine, APP, "repository.read");
        machine.world.clear_faults();
        assert_eq!(read["text"], text);
    }
}
