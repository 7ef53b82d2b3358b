//! An Azure DevOps Server, which offers Negotiate and NTLM beside Basic.

mod common;

use std::fs;

use common::*;
use serde_json::json;

const APP: &str = "https://tfs.corp.example/tfs/DefaultCollection/app/_git/app";
const REQUEST: &str =
    "protocol=https\nhost=tfs.corp.example\npath=tfs/DefaultCollection/app/_git/app\n";
const CHALLENGES: &str =
    "wwwauth[]=Bearer\nwwwauth[]=Negotiate\nwwwauth[]=NTLM\nwwwauth[]=Basic realm=\"x\"\n";

/// A machine with the Server's integration and a PAT for what `url` names.
fn with_pat(host: &str, url: &str) -> (Machine, String) {
    let machine = Machine::new();
    machine.add_pat_integration(host, &["--virtual-directory", "/tfs"]);
    machine.set_up_git();
    let pat = machine.world.server().add_pat();
    machine.give_pat(url, &pat, &[]);
    (machine, pat)
}

/// Whether git knows `http.proactiveAuth`.
fn git_is_new(machine: &Machine) -> bool {
    let is_new = machine.git_version() >= (2, 46);
    if !is_new {
        skipped("git 2.46");
    }
    is_new
}

#[test]
fn clone_and_push_with_a_pat_that_survives() {
    for (host, root) in [
        ("tfs.corp.example", "https://tfs.corp.example/tfs"),
        ("tfs.corp.example:8443", "https://tfs.corp.example:8443/tfs"),
    ] {
        let (machine, pat) = with_pat(host, root);
        if !git_is_new(&machine) {
            return;
        }
        let setting = format!("http.https://{host}.proactiveAuth");
        assert_eq!(machine.git(&["config", "--global", &setting]).stdout, "basic\n");
        let url = format!("{root}/DefaultCollection/app/_git/app");
        let state = machine.state();
        machine.git_quietly("", &["clone", "-q", &url, "app"]);
        machine.commit("app", "file", noise(2 << 20));
        machine.git_quietly("app", &["push", "-q", "origin", "main"]);
        machine.git_quietly("app", &["fetch", "-q"]);
        assert_eq!(machine.state(), state, "nothing was erased, nothing written");
        let request =
            format!("protocol=https\nhost={host}\npath=tfs/DefaultCollection/app/_git/app\n");
        assert_eq!(machine.get(request).password(), pat);
        for seen in machine.world.requests() {
            assert_eq!(seen.authorization.as_deref(), Some("Basic"), "{seen:?}");
        }
    }
}

#[test]
fn a_pat_that_the_server_accepts_is_kept_whatever_git_says() {
    each_git(|_| kept_whatever_git_says());
}

fn kept_whatever_git_says() {
    let (machine, pat) = with_pat("tfs.corp.example", APP);
    let before = machine.pats("https://tfs.corp.example");
    let old = machine.git_version() < (2, 46);
    let ntlm = match old {
        true => "the server offers NTLM, which git before 2.46 takes in its place",
        false => "the server offers NTLM or Negotiate, which git tries in its place",
    };
    let nothing = match old {
        true => "where a server offers NTLM, git before 2.46 takes that in its place",
        false => "or somebody in between refused it",
    };
    for (offers, what) in [
        (CHALLENGES, ntlm),
        ("wwwauth[]=NTLM\n", ntlm),
        ("wwwauth[]=Basic realm=\"x\"\n", "or somebody in between refused it"),
        ("", nothing),
    ] {
        let done = machine.erase(format!("{REQUEST}username=\npassword={pat}\n{offers}"));
        assert_eq!((done.code, done.stdout.as_str()), (0, ""), "{done:#?}");
        let kept = "warning: the personal access token for defaultcollection is kept, because \
                    Azure DevOps accepts it: git did not send it";
        assert!(done.stderr.starts_with(kept) && done.stderr.contains(what), "{done:#?}");
        assert_eq!(machine.pats("https://tfs.corp.example"), before);
    }
    // Refused by the Server itself, it goes, also where NTLM is offered. Ten seconds later, for it
    // was asked about just now.
    machine.forget_checks();
    machine.world.server().revoke_pat(&pat);
    let done = machine.erase(format!("{REQUEST}username=\npassword={pat}\n{CHALLENGES}"));
    assert_eq!((done.code, done.stdout.as_str()), (0, ""), "{done:#?}");
    assert!(done.stderr.contains("was rejected and is forgotten"), "{done:#?}");
    assert_eq!(machine.get(REQUEST), Done::silent());
}

#[test]
fn a_git_that_tries_windows_authentication_first_does_not_lose_the_pat() {
    let root = "https://tfs.corp.example/tfs";
    let (machine, _) = with_pat("tfs.corp.example", root);
    if !git_is_new(&machine) {
        return;
    }
    let pat = machine.world.server().add_pat();
    machine.give_pat(root, &pat, &["--username", "ada"]);
    // As before git 2.46: nothing tells git to send the PAT, so libcurl takes NTLM.
    let setting = "http.https://tfs.corp.example.proactiveAuth";
    machine.git(&["config", "--global", "--unset-all", setting]);
    let cloned = machine.git(&["clone", "-q", APP, "app"]);
    assert_eq!(cloned.code, 128, "{cloned:#?}");
    assert!(cloned.stderr.contains("Authentication failed"), "{cloned:#?}");
    assert!(
        cloned.stderr.contains(
            " is kept, because Azure DevOps accepts it: git did not send it: the server offers NTLM"
        ),
        "{cloned:#?}"
    );
    assert_eq!(machine.get(REQUEST).password(), pat);
}

#[test]
fn a_pat_of_a_collection_serves_that_collection_and_one_of_the_server_serves_all() {
    let (machine, own) =
        with_pat("tfs.corp.example", "https://tfs.corp.example/tfs/DefaultCollection");
    let other = "protocol=https\nhost=tfs.corp.example\npath=tfs/Other/app/_git/app\n";
    assert_eq!(machine.get(REQUEST).password(), own);
    assert_eq!(machine.get(other), Done::silent(), "git asks itself");

    let whole = machine.world.server().add_pat();
    machine.give_pat("https://tfs.corp.example/tfs", &whole, &[]);
    assert_eq!(machine.get(REQUEST).password(), own, "its own first");
    assert_eq!(machine.get(other).password(), whole);
    let no_path = machine.get("protocol=https\nhost=tfs.corp.example\n");
    assert_eq!(no_path.password(), whole);
}

#[test]
fn git_is_told_how_to_use_the_pat_of_a_collection() {
    let (machine, _) = with_pat("tfs.corp.example", APP);
    machine.let_git_use_the_server();
    let key = "credential.https://tfs.corp.example.useHttpPath";
    machine.git(&["config", "--global", "--unset-all", key]).expect_success();
    let first = machine.git(&["clone", "-q", APP, "app"]);
    assert_eq!(first.code, 128, "{first:#?}");
    let said = "error: git does not say which organization of tfs.corp.example is meant, and a personal access token is only given to its own\n";
    assert!(first.stderr.starts_with(said), "{first:#?}");
    assert!(first.stderr.contains(": git-credential-ona-azure setup-git\n"), "{first:#?}");
    machine.set_up_git();
    machine.git_quietly("", &["clone", "-q", APP, "app"]);
}

#[test]
fn a_token_kept_without_a_name_is_given_with_one_and_the_pair_that_git_stored_as_it_was() {
    let (machine, pat) = with_pat("tfs.corp.example", APP);
    let expiry = machine.get(REQUEST).attribute("password_expiry_utc").expect("one").to_owned();
    let answer = format!("username=pat\npassword={pat}\npassword_expiry_utc={expiry}\n");
    assert_eq!(machine.get(REQUEST), Done { stdout: answer.clone(), ..Done::silent() });
    // git stores what it was given.
    let state = machine.state();
    machine.store(format!("{REQUEST}{answer}")).expect_nothing();
    assert_eq!(machine.state(), state);
    assert_eq!(machine.get(format!("{REQUEST}username=pat\n")).password(), pat);
    let other = REQUEST.replace("DefaultCollection", "Other");
    machine.store(format!("{other}username=\npassword=open-sesame\n")).expect_nothing();
    let stored = Done { stdout: "username=\npassword=open-sesame\n".to_owned(), ..Done::silent() };
    assert_eq!(machine.get(other), stored);
    machine.give_pat(APP, &pat, &["--username", "CORP\\ada"]);
    let named = machine.get(format!("{REQUEST}username=CORP\\ada\n"));
    assert_eq!(named.attribute("username"), Some("CORP\\ada"));
    // The one without a name is for whoever asks, the named one is not.
    let as_grace = format!("{REQUEST}username=CORP\\grace\n");
    assert_eq!(machine.get(&as_grace).attribute("username"), Some("pat"));
    machine.erase(format!("{REQUEST}username=pat\n")).expect_success();
    assert_eq!(machine.get(as_grace), Done::silent());
}

#[test]
fn other_ports_and_hosts_of_the_server_get_nothing() {
    let (machine, _) = with_pat("tfs.corp.example:8443", "https://tfs.corp.example:8443/tfs");
    for host in ["tfs.corp.example", "tfs.corp.example:443", "corp.example", "x.tfs.corp.example"] {
        let request = format!("protocol=https\nhost={host}\npath=tfs/DefaultCollection/_git/app\n");
        assert_eq!(machine.get(request), Done::silent(), "{host}");
    }
}

#[test]
fn plain_http_is_only_spoken_where_the_integration_allows_it() {
    let (machine, _) = with_pat("tfs.corp.example", APP);
    let plain = REQUEST.replace("https", "http");
    let refused = machine.get(&plain);
    assert_eq!((refused.code, refused.stdout.as_str()), (1, ""), "{refused:#?}");
    assert!(refused.stderr.starts_with("error: no credential is given to "), "{refused:#?}");
    assert!(refused.stderr.contains("allowHttp"), "{refused:#?}");

    machine.add_pat_integration("tfs.corp.example", &["--allow-http"]);
    assert_eq!(machine.get(&plain), Done::silent(), "what was kept for https stays there");
    let pat = machine.world.server().add_pat();
    machine.give_pat("http://tfs.corp.example/tfs/DefaultCollection", &pat, &[]);
    assert_eq!(machine.get(&plain).password(), pat);
    assert_ne!(machine.get(REQUEST).password(), pat);
}

#[test]
fn the_port_of_http_may_be_written_out() {
    let machine = Machine::new();
    machine.add_pat_integration("tfs.corp.example", &["--allow-http"]);
    machine.give_pat("http://tfs.corp.example:80", "s3cret", &[]);
    for host in ["tfs.corp.example", "tfs.corp.example:80"] {
        let got = machine.get(format!("protocol=http\nhost={host}\n"));
        assert_eq!(got.password(), "s3cret", "{host}");
    }
}

#[test]
fn what_a_person_types_into_git_is_kept_and_used() {
    let machine = Machine::new();
    machine.add_pat_integration("tfs.corp.example", &["--virtual-directory", "/tfs"]);
    machine.set_up_git();
    machine.let_git_use_the_server();
    let pat = machine.world.server().add_pat();
    let askpass = machine.home().join("askpass");
    script(
        &askpass,
        &format!("#!/bin/sh\ncase $1 in Username*) echo ada;; *) echo {pat};; esac\n"),
    );
    let mut git = machine.command("git");
    git.env("GIT_ASKPASS", &askpass).args(["clone", "-q", APP, "app"]);
    assert_eq!(run(&mut git, b""), Done::silent());
    fs::remove_file(&askpass).expect("removed");
    machine.git_quietly("app", &["fetch", "-q"]);
    let kept = machine.get(REQUEST);
    assert_eq!((kept.attribute("username"), kept.password()), (Some("ada"), pat.as_str()));
    // It is that collection's, and goes to no other.
    assert_eq!(machine.get(REQUEST.replace("DefaultCollection", "Other")), Done::silent());
}

#[test]
fn an_old_git_that_cannot_send_the_token_at_once_is_named_by_setup_git() {
    let mut machine = Machine::new();
    let old = "#!/bin/sh\n[ \"$1\" = version ] || [ \"$1\" = --version ] || exec git \"$@\"\n\
               echo git version 2.39.5\n";
    // The program runs git with a PATH of absolute entries, so the real one is found behind.
    let real = machine.variable("PATH").to_owned();
    let script = old.replace("exec git", &format!("PATH='{real}' exec git"));
    let dir = machine.script("git", &script).parent().expect("a directory").to_owned();
    machine.set("PATH", format!("{}:{real}", dir.display()));
    let said = machine.helper(&["setup-git"]).expect_success().stderr;
    assert!(!said.contains("2.39"), "without a Server it does not matter: {said}");
    machine.add_pat_integration("tfs.corp.example", &[]);
    let said = machine.helper(&["setup-git"]).expect_success().stderr;
    assert!(
        said.starts_with(
            "warning: git 2.39 cannot send a token before it is asked (http.proactiveAuth): to a \
             Server that offers NTLM it never sends one\n\
             hint: install git 2.46 or newer, then run setup-git again; whether this Server does, \
             and what to do until then: git-credential-ona-azure doctor https://tfs.corp.example\n"
        ),
        "{said}"
    );
}

const OVER_HTTP: &str = "http://tfs.corp.example:8080/tfs";

/// Fails if the Server was ever asked for over https.
#[track_caller]
fn expect_http_only(machine: &Machine) {
    assert_eq!(machine.world.strays(), Vec::<String>::new());
    let hosts: Vec<_> = machine.world.all_connections().into_keys().collect();
    assert_eq!(hosts, ["http://tfs.corp.example:8080"]);
}

#[test]
fn a_server_that_allows_http_is_tested_and_proposed_over_http() {
    let machine = Machine::new();
    machine.let_git_use_the_server();
    let host = "tfs.corp.example:8080";
    let flags = ["--virtual-directory", "/tfs", "--allow-http", "--pat"];
    let added = machine.helper(&[&["integration", "add", "--host", host], &flags[..]].concat());
    let added = added.expect_success();
    let login = format!("git-credential-ona-azure login {OVER_HTTP} --pat\n");
    assert!(added.stdout.ends_with(&login), "{added:#?}");
    let tested = machine.helper(&["integration", "test", host]).expect_success();
    assert!(tested.stdout.contains(&format!("\n{OVER_HTTP}\n")), "{tested:#?}");
    assert!(tested.stdout.ends_with(&login), "{tested:#?}");
    let status = machine.helper(&["status"]).expect_success();
    assert!(status.stdout.contains(&login), "{status:#?}");
    // What is proposed works.
    let pat = machine.world.server().add_pat();
    machine.helper_with(&["login", OVER_HTTP, "--pat"], &pat).expect_success();
    assert_eq!(machine.helper(&["token"]).expect_success().stdout.trim_end(), pat);
    machine.set_up_git();
    let url = format!("{OVER_HTTP}/DefaultCollection/app/_git/app");
    machine.git_quietly("", &["clone", "-q", &url, "app"]);
    machine.helper(&["doctor"]).expect_success();
    expect_http_only(&machine);
}

#[test]
fn a_server_is_bootstrapped_over_http_by_document_and_by_variables() {
    let url = format!("{OVER_HTTP}/DefaultCollection/app/_git/app");
    for by_document in [true, false] {
        let mut machine = Machine::new();
        machine.let_git_use_the_server();
        let pat = machine.world.server().add_pat();
        let run = |machine: &Machine, more: &[&str]| match by_document {
            true => {
                let document = json!({
                    "integrations": [{
                        "host": "tfs.corp.example:8080",
                        "virtualDirectory": "/tfs",
                        "allowHttp": true,
                    }],
                    "tokens": [{
                        "host": "tfs.corp.example:8080",
                        "organization": "DefaultCollection",
                        "token": pat,
                    }],
                });
                let arguments = [&["bootstrap", "--from", "-"], more].concat();
                machine.scanner().add(&pat);
                machine.helper_with(&arguments, document.to_string())
            }
            false => machine.helper(&[&["bootstrap"], more].concat()),
        };
        if !by_document {
            machine.set("ONA_AZURE_HOST", "tfs.corp.example:8080");
            machine.set("ONA_AZURE_VIRTUAL_DIRECTORY", "/tfs");
            machine.set("ONA_AZURE_ALLOW_HTTP", "true");
            machine.set("ONA_AZURE_PAT", &*pat);
            machine.set("ONA_AZURE_PAT_ORGANIZATION", "DefaultCollection");
        }
        let done = run(&machine, &[]).expect_success();
        let added = "tfs.corp.example:8080: integration added, personal access token for \
                     defaultcollection added\n";
        assert!(done.stdout.starts_with(added), "{done:#?}");
        machine.git_quietly("", &["clone", "-q", &url, "app"]);
        let done = run(&machine, &[]).expect_success();
        assert!(done.stdout.contains("tfs.corp.example:8080: nothing to change"), "{done:#?}");
        assert_eq!(machine.get(format!("url={url}\n")).password(), pat);
        expect_http_only(&machine);
        assert_eq!(machine.get(format!("url={}\n", url.replacen("http", "https", 1))).stdout, "");
    }
    let mut machine = Machine::new();
    machine.set("ONA_AZURE_HOST", "dev.azure.com/contoso");
    machine.set("ONA_AZURE_PAT", "not-tried");
    machine.set("ONA_AZURE_ALLOW_HTTP", "true");
    let done = machine.helper(&["bootstrap"]);
    assert_eq!(done.code, 2, "{done:#?}");
    assert!(done.stderr.contains("only a Server may be reached so"), "{done:#?}");
}
