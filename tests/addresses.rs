//! User names and secrets in addresses: a name excludes nobody who is signed in, and a secret that
//! git only passes through displaces none that a person gave.

mod common;

use common::*;
use standins::{ADA, Pat};

const APP: &str = "https://dev.azure.com/contoso/app/_git/app";
const CLOUD: &str = "https://dev.azure.com";

/// A token of contoso that the program is not given.
fn other_pat(machine: &Machine) -> String {
    machine.world.azure().add_pat("contoso", Pat::read_write())
}

fn with_user(user: &str) -> String {
    APP.replace("https://", &format!("https://{user}@"))
}

fn request_of(user: &str) -> String {
    format!("{CONTOSO_REQUEST}username={user}\n")
}

/// The ways of azure-dev, renovate, go and pipelines.
#[test]
fn a_secret_in_an_address_displaces_none_that_a_person_gave() {
    each_git(|_| {
        let mut machine = Machine::tokens_only();
        let given = machine.world.azure().add_pat("contoso", Pat::read_write());
        machine.give_pat("https://dev.azure.com/contoso", &given, &["--expires", "20d"]);
        let before = machine.pats(CLOUD);
        let passed = other_pat(&machine);
        let key = format!("url.https://bot:{passed}@dev.azure.com/.insteadOf");
        let setting = format!("{key}=https://dev.azure.com/");
        machine.git(&["-c", &setting, "ls-remote", APP]).expect_success();
        let kept = machine.pats(CLOUD);
        assert_eq!(kept[..1], before, "with its expiry");
        assert!(kept[1..].iter().all(|pat| pat.passed_through), "{kept:?}");

        machine.set("GIT_CONFIG_COUNT", "1");
        machine.set("GIT_CONFIG_KEY_0", &key);
        machine.set("GIT_CONFIG_VALUE_0", "https://dev.azure.com/");
        machine.git(&["ls-remote", APP]).expect_success();
        machine.unset("GIT_CONFIG_COUNT");
        let url = with_user(&format!("bot:{passed}"));
        machine.git(&["clone", "-q", &url, "app"]).expect_success();
        machine.git_in("app", &["fetch", "-q"]).expect_success();
        assert_eq!(machine.pats(CLOUD)[0], before[0]);
        assert_eq!(machine.pats(CLOUD).len(), 2, "one a user");

        // It is only used when asked for by its user.
        assert_eq!(machine.get(CONTOSO_REQUEST).password(), given);
        assert_eq!(machine.get(request_of("somebody")).password(), given);
        assert_eq!(machine.get(request_of("bot")).password(), passed);
        let listed = machine.git(&["ls-remote", APP]).expect_success();
        assert_eq!(listed.stderr, "");
    });
}

#[test]
fn a_secret_in_an_address_answers_for_its_own_user_only_also_where_nothing_was_given() {
    each_git(|_| {
        let machine = Machine::configured();
        let passed = other_pat(&machine);
        machine.git(&["ls-remote", &with_user(&format!("bot:{passed}"))]).expect_success();
        assert_eq!(machine.get(CONTOSO_REQUEST).stdout, "");
        assert_eq!(machine.get(request_of("bot")).password(), passed);
        // It is the first to go: refused, and the given one is what is left.
        let given = machine.new_pat("contoso");
        machine.world.azure().revoke_pat(&passed);
        machine.git(&["ls-remote", &with_user(&format!("bot:{passed}"))]);
        let kept = machine.pat_secrets(CLOUD);
        assert_eq!(kept, [(Some("contoso".to_owned()), given)]);
    });
}

#[test]
fn a_secret_in_an_address_does_not_become_what_takes_over_from_a_sign_in() {
    each_git(|_| {
        let machine = Machine::signed_in();
        let passed = other_pat(&machine);
        machine.git(&["ls-remote", &with_user(&format!("bot:{passed}"))]).expect_success();
        let answer = machine.get(CONTOSO_REQUEST).expect_success();
        assert_eq!(answer.attribute("username"), Some(ADA));
        machine.helper(&["logout", "https://dev.azure.com"]);
        assert_eq!(machine.get(CONTOSO_REQUEST).stdout, "");
    });
}

#[test]
fn what_a_person_types_at_git_s_prompt_is_given_and_stays() {
    each_git(|_| {
        let mut machine = Machine::tokens_only();
        let typed = other_pat(&machine);
        let script =
            format!("#!/bin/sh\ncase $1 in Username*) echo me ;; *) echo {typed} ;; esac\n");
        let askpass = machine.script("askpass", &script);
        machine.set("GIT_ASKPASS", askpass.to_str().expect("text"));
        machine.git(&["ls-remote", APP]).expect_success();
        machine.unset("GIT_ASKPASS");
        let before = machine.pats(CLOUD);
        assert_eq!(before.iter().map(|pat| pat.passed_through).collect::<Vec<_>>(), [false]);
        let passed = other_pat(&machine);
        machine.git(&["ls-remote", &with_user(&format!("bot:{passed}"))]).expect_success();
        assert_eq!(machine.pats(CLOUD)[..1], before);
        assert_eq!(machine.get(CONTOSO_REQUEST).password(), typed);
        // Given by hand, the same secret is one a person gave.
        machine.give_pat("https://dev.azure.com/contoso", &passed, &[]);
        assert_eq!(machine.get(CONTOSO_REQUEST).password(), passed);
        assert_eq!(machine.pats(CLOUD).len(), 1, "{:?}", machine.pats(CLOUD));
    });
}

#[test]
fn a_secret_handed_out_here_and_stored_back_under_any_name_is_never_complained_about() {
    let machine = Machine::loaded();
    let token = machine.get(CONTOSO_REQUEST).expect_success().password().to_owned();
    let pat = machine.pat_secrets(CLOUD).remove(0).1;
    let before = machine.state();
    for secret in [&token, &pat] {
        for user in ["oauth2", "pat", "contoso", "x", ADA, ""] {
            let stored = format!("{CONTOSO_REQUEST}username={user}\npassword={secret}\n");
            machine.store(stored).expect_nothing();
        }
    }
    assert_eq!(machine.state(), before);
}

#[test]
fn a_user_name_that_is_no_account_excludes_nobody_who_is_signed_in() {
    each_git(|_| {
        let machine = Machine::signed_in();
        for (user, path) in [
            ("contoso", "fabrikam/lib/_git/lib"),
            ("contoso", "contoso/app/_git/app"),
            ("randomname", "contoso/app/_git/app"),
            ("git", "contoso/app/_git/app"),
            ("oauth2", "contoso/app/_git/app"),
            ("x-token-auth", "contoso/app/_git/app"),
            (&ADA.replace('@', "%40"), "contoso/app/_git/app"),
        ] {
            let url = format!("https://{user}@dev.azure.com/{path}");
            let done = machine.git(&["ls-remote", &url]).expect_success();
            assert_eq!(done.stderr, "", "{url}");
        }
    });
}

#[test]
fn another_person_s_account_is_a_miss_and_one_line_says_who_is_signed_in() {
    let machine = Machine::signed_in();
    let done = machine.get(request_of("grace@contoso.example"));
    assert_eq!((done.code, done.stdout.as_str()), (0, ""));
    assert_eq!(
        done.stderr,
        format!(
            "warning: the address asks for grace@contoso.example, and the sign-in kept for \
             dev.azure.com is of {ADA}\n"
        )
    );
}

#[test]
fn a_user_name_that_is_a_token_gets_one_line_and_is_never_shown() {
    let machine = Machine::tokens_only();
    let given = machine.new_pat("contoso");
    let name = other_pat(&machine);
    let done = machine.get(request_of(&name)).expect_success();
    assert_eq!(done.password(), given);
    assert!(done.stderr.starts_with("warning: the user name in the address for dev.azure.com looks like a personal access token"), "{done:#?}");
    assert_eq!(machine.get(request_of(&name)).stderr, "", "once a day");
}

#[test]
fn a_token_of_a_server_given_without_a_name_answers_whoever_is_named() {
    each_git(|_| {
        let machine = Machine::new();
        machine.add_pat_integration("tfs.corp.example", &["--virtual-directory", "/tfs"]);
        machine.set_up_git();
        machine.let_git_use_the_server();
        let pat = machine.world.server().add_pat();
        machine.give_pat("https://tfs.corp.example/tfs", &pat, &[]);
        for user in ["git", "randomname", "CORP%5Cada", "ada%40corp.example"] {
            let url = format!("https://{user}@tfs.corp.example/tfs/DefaultCollection/app/_git/app");
            machine.git(&["ls-remote", &url]).expect_success();
        }
        let encoded =
            "protocol=https\nhost=tfs.corp.example\npath=tfs/Default%43ollection/app/_git/app\n";
        assert_eq!(machine.get(encoded).password(), pat);
    });
}
