//! git clones, fetches and pushes through the program with an OAuth token, under the real names.

mod common;

use std::fs;

use common::*;
use standins::{App, CLIENT_ID, CONTOSO, Platform};

const APP: &str = "https://dev.azure.com/contoso/app/_git/app";

/// Clones, pushes, and fetches from a second clone what was pushed: without a word of anybody's.
#[track_caller]
fn clone_push_fetch(machine: &Machine, url: &str) {
    machine.git_quietly("", &["clone", "-q", url, "one"]);
    machine.git_quietly("", &["clone", "-q", url, "two"]);
    machine.commit("one", "news", "from one");
    machine.git_quietly("one", &["push", "-q", "origin", "main"]);
    machine.git_quietly("two", &["fetch", "-q", "origin"]);
    machine.git_quietly("two", &["merge", "-q", "--ff-only", "origin/main"]);
    assert_eq!(fs::read(machine.work().join("two/news")).expect("merged"), b"from one", "{url}");
    assert_eq!(machine.world.strays(), Vec::<String>::new());
}

#[test]
fn every_form_of_clone_address_works_with_the_one_sign_in() {
    let machine = Machine::signed_in();
    machine.world.azure().create_repo("contoso", "Web Shop", "web shop");
    for url in [
        APP,
        "https://contoso@dev.azure.com/contoso/app/_git/app",
        "https://contoso.visualstudio.com/app/_git/app",
        "https://contoso.visualstudio.com/DefaultCollection/app/_git/app",
        "https://contoso@dev.azure.com/contoso/Web%20Shop/_git/web%20shop",
        "https://contoso.visualstudio.com/Web%20Shop/_git/web%20shop",
        "https://dev.azure.com/contoso/_git/app",
        "https://fabrikam@dev.azure.com/fabrikam/_git/lib",
    ] {
        let before = machine.world.requests().len();
        machine.git_quietly("", &["clone", "-q", url, "clone"]);
        machine.commit("clone", &format!("file-{before}"), url);
        machine.git_quietly("clone", &["push", "-q", "origin", "main"]);
        machine.git_quietly("clone", &["fetch", "-q", "origin"]);
        fs::remove_dir_all(machine.work().join("clone")).expect("removed");
        let requests = machine.world.requests().split_off(before);
        assert!(
            requests.iter().any(|seen| seen.authorization.as_deref() == Some("Basic")),
            "{url}"
        );
        assert!(requests.iter().all(|seen| seen.host != "login.microsoftonline.com"), "{url}");
    }
    assert_eq!(machine.world.entra().token_requests("refresh_token"), 0);
    assert_eq!(machine.world.strays(), Vec::<String>::new());
}

#[test]
fn a_confidential_client_signs_in_and_refreshes_with_its_secret() {
    let machine = Machine::signed_in();
    let secret = ("client_secret".to_owned(), standins::CLIENT_SECRET.to_owned());
    assert!(machine.world.entra().last_token_form().contains(&secret));
    machine.age_access_token(4300);
    clone_push_fetch(&machine, APP);
    assert!(machine.world.entra().last_token_form().contains(&secret));
    assert_eq!(machine.world.entra().token_requests("refresh_token"), 1);
}

#[test]
fn every_git_on_this_machine_can_be_used() {
    each_git(|_| {
        let machine = Machine::signed_in();
        clone_push_fetch(&machine, APP);
        // What git stored along the way changed nothing.
        assert_eq!(machine.helper(&["logout"]).stdout.lines().count(), 1);
    });
}

#[test]
fn a_public_client_signs_in_and_refreshes_without_a_secret() {
    let machine = Machine::new();
    let native = vec![(Platform::Desktop, "http://localhost/ona-azure-native".to_owned())];
    let app = App { secrets: Vec::new(), redirect_uris: native, ..App::default() };
    machine.world.entra().register_app(app);
    let issuer = format!("https://login.microsoftonline.com/{CONTOSO}/v2.0");
    machine
        .helper(&[
            "integration",
            "add",
            "--host",
            "dev.azure.com",
            "--no-test",
            "--issuer-url",
            &issuer,
            "--client-id",
            CLIENT_ID,
            "--public-client",
        ])
        .expect_success();
    machine.set_up_git();
    machine.sign_in();
    let no_secret = |grant: &str| {
        let form = machine.world.entra().last_token_form();
        assert!(form.contains(&("grant_type".to_owned(), grant.to_owned())), "{grant}");
        assert!(form.iter().all(|(name, _)| !name.starts_with("client_secret")), "{grant}");
    };
    no_secret("authorization_code");
    machine.age_access_token(4300);
    clone_push_fetch(&machine, APP);
    no_secret("refresh_token");
    assert_eq!(machine.world.entra().token_requests("refresh_token"), 1);
}

#[test]
fn a_push_of_more_than_a_mebibyte_goes_through() {
    let machine = Machine::signed_in();
    machine.git_quietly("", &["clone", "-q", APP, "app"]);
    let bytes = noise(3 << 20);
    machine.commit("app", "large", &bytes);
    machine.git_quietly("app", &["push", "-q", "origin", "main"]);
    machine.git_quietly("", &["clone", "-q", APP, "again"]);
    let fetched = fs::read(machine.work().join("again/large")).expect("cloned");
    assert!(fetched == bytes, "{} of {} bytes", fetched.len(), bytes.len());
}

#[test]
fn an_lfs_object_is_pushed_and_cloned() {
    if !has("git-lfs") {
        return;
    }
    let machine = Machine::signed_in();
    machine.git(&["lfs", "install", "--skip-repo"]).expect_success();
    machine.git_quietly("", &["clone", "-q", APP, "app"]);
    machine.git_in("app", &["lfs", "install", "--local"]).expect_success();
    machine.git_in("app", &["lfs", "track", "*.bin"]).expect_success();
    machine.git_in("app", &["add", ".gitattributes"]).expect_success();
    let bytes = noise(300_000);
    machine.commit("app", "large.bin", &bytes);
    machine.git_in("app", &["push", "-q", "origin", "main"]).expect_success();
    machine.git_in("", &["clone", "-q", APP, "again"]).expect_success();
    assert!(fs::read(machine.work().join("again/large.bin")).expect("cloned") == bytes);
    let moved = |method: &str| {
        let is_object =
            |path: &str| path.contains("/info/lfs/objects/") && !path.ends_with("batch");
        let requests = machine.world.requests();
        requests
            .iter()
            .filter(|seen| seen.method == method && is_object(&seen.path) && seen.status == 200)
            .count()
    };
    assert_eq!((moved("PUT"), moved("GET")), (1, 1), "each way once, through LFS");
}

#[test]
fn the_address_is_printed_and_the_browser_named_gets_it_and_no_secret() {
    let mut machine = Machine::configured();
    let seen = machine.home().join("seen");
    fs::create_dir(&seen).expect("made");
    let browser = machine.home().join("browser");
    script(
        &browser,
        &format!(
            "#!/bin/sh\ncd '{}'\nprintf '%s\\n' \"$@\" > argv\nenv > environment\n\
             echo noise\necho noise >&2\nmv argv argv-done\n",
            seen.display()
        ),
    );
    machine.set("BROWSER", format!("{} --new-window %s --last", browser.display()));
    machine.set("ONA_AZURE_RUNNER_NAME", "somewhere");
    machine.set("ONA_AZURE_PAT", "hunter2");
    let login = machine.login(&[], standins::ADA);
    assert_eq!(login.code, 0, "{login:#?}");
    assert!(!login.stdout.contains("noise") && !login.stderr.contains("noise"), "{login:#?}");
    let address = login.stderr.lines().map(str::trim).find(|line| line.starts_with("https://"));
    let address = address.expect("an address");
    assert!(
        address.starts_with(&format!(
            "https://login.microsoftonline.com/{CONTOSO}/oauth2/v2.0/authorize?"
        )),
        "{address}"
    );
    wait_for(&seen.join("argv-done"));
    let argv = fs::read_to_string(seen.join("argv-done")).expect("recorded");
    assert_eq!(argv, format!("--new-window\n{address}\n--last\n"));
    let environment = fs::read_to_string(seen.join("environment")).expect("recorded");
    assert!(environment.contains("HOME="), "{environment}");
    assert!(!environment.contains("ONA_AZURE_"), "{environment}");
    for secret in machine.world.secrets() {
        assert!(!environment.contains(&secret), "a secret in the browser's environment");
    }
    let account = format!("{} is signed in to dev.azure.com.\n", standins::ADA);
    assert!(login.stdout.starts_with(&account), "{login:#?}");
}

#[test]
fn a_submodule_on_another_host_gets_nothing() {
    let machine = Machine::signed_in();
    machine.git_quietly("", &["clone", "-q", APP, "app"]);
    let add = ["submodule", "add", "-q", "https://git.example.org/pub/sub.git", "sub"];
    machine.git_in("app", &add).expect_success();
    machine.git_in("app", &["commit", "-q", "-m", "A submodule"]).expect_success();
    machine.git_quietly("app", &["push", "-q", "origin", "main"]);
    machine.git_in("", &["clone", "-q", "--recurse-submodules", APP, "again"]).expect_success();
    assert!(machine.work().join("again/sub/README.md").exists());
    assert!(machine.world.connections("git.example.org") > 0);

    // Not even where git is told to ask the program for everything, and the host asks.
    machine.git(&["config", "--global", "credential.helper", PROGRAM]).expect_success();
    let private = "https://git.example.org/private/x.git";
    machine.git_in("app", &["config", "-f", ".gitmodules", "submodule.sub.url", private]);
    machine.git_in("app", &["commit", "-qam", "A private one"]).expect_success();
    machine.git_quietly("app", &["push", "-q", "origin", "main"]);
    let cloned = machine.git_in("", &["clone", "-q", "--recurse-submodules", APP, "third"]);
    assert_ne!(cloned.code, 0, "{cloned:#?}");
    assert!(machine.work().join("third/README.md").exists(), "the superproject is cloned");
    let asked =
        "fatal: could not read Username for 'https://git.example.org': terminal prompts disabled";
    assert!(cloned.stderr.contains(asked), "{cloned:#?}");
    assert!(!cloned.stderr.contains("error: nobody"), "{cloned:#?}");
    assert_eq!(machine.world.foreign_authorizations(), 0);
}

#[test]
fn a_public_project_is_cloned_without_a_credential() {
    const OPEN: &str = "https://dev.azure.com/contoso/open/_git/open";
    let anonymous = |machine: &Machine| {
        let before = machine.world.requests().len();
        machine.git_quietly("", &["clone", "-q", OPEN, "open"]);
        machine.git_quietly("open", &["fetch", "-q"]);
        let requests = machine.world.requests().split_off(before);
        assert!(!requests.is_empty());
        for seen in requests {
            assert_eq!((seen.host.as_str(), seen.authorization), ("dev.azure.com", None));
        }
    };
    anonymous(&Machine::signed_in());
    let nothing_configured = Machine::new();
    nothing_configured.set_up_git();
    anonymous(&nothing_configured);
    let nobody_signed_in = Machine::configured();
    anonymous(&nobody_signed_in);

    // To push there takes a credential all the same.
    let machine = Machine::signed_in();
    machine.git_quietly("", &["clone", "-q", OPEN, "open"]);
    machine.commit("open", "file", "content");
    machine.git_quietly("open", &["push", "-q", "origin", "main"]);
}
