//! `token`: what git would be given, for other tools.

mod common;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use common::terminal::Terminal;
use common::*;
use git_credential_ona_azure::vault::{PatLogin, Pats};
use serde_json::json;
use standins::{ADA, Fault, Target, Times};

const CONTOSO: &str = "https://dev.azure.com/contoso";
const FABRIKAM: &str = "https://dev.azure.com/fabrikam";
const SERVER: &str = "https://tfs.corp.example/tfs";
const COLLECTION: &str = "https://tfs.corp.example/tfs/DefaultCollection";

fn token(machine: &Machine, arguments: &[&str]) -> Done {
    machine.helper(&[&["token"], arguments].concat())
}

/// The token alone, and not a word beside it.
#[track_caller]
fn printed(machine: &Machine, arguments: &[&str]) -> String {
    let done = token(machine, arguments);
    let text = done.stdout.strip_suffix('\n').unwrap_or_default().to_owned();
    done.expect(0, &format!("{text}\n"), "");
    assert!(!text.is_empty() && !text.contains('\n'), "{text}");
    text
}

/// `user:password` of a `Basic` header.
#[track_caller]
fn basic(header: &str) -> String {
    let encoded = header.strip_prefix("Authorization: Basic ").expect("a Basic header");
    String::from_utf8(STANDARD.decode(encoded).expect("base64")).expect("text")
}

/// A machine with a Server's integration.
fn with_server() -> Machine {
    let machine = Machine::new();
    machine.add_pat_integration("tfs.corp.example", &["--virtual-directory", "/tfs"]);
    machine
}

#[test]
fn whoever_is_signed_in_gets_the_access_token_that_git_gets() {
    let machine = Machine::signed_in();
    let access = machine.get(CONTOSO_REQUEST).password().to_owned();
    let before = (machine.state(), machine.world.all_connections());
    assert_eq!(printed(&machine, &[CONTOSO]), access);
    assert_eq!(printed(&machine, &[]), access, "the host that is configured");
    assert_eq!(printed(&machine, &["https://contoso.visualstudio.com"]), access);
    assert_eq!(
        printed(&machine, &["--header", CONTOSO]),
        format!("Authorization: Bearer {access}")
    );
    let done = token(&machine, &["--json", CONTOSO]);
    assert_eq!((done.code, &*done.stderr), (0, ""), "{done:#?}");
    let expected = json!({
        "version": 1,
        "host": "dev.azure.com",
        "organization": "contoso",
        "kind": "oauth",
        "username": ADA,
        "token": access,
        "header": format!("Authorization: Bearer {access}"),
        "expiresAt": machine.access().expect("a session").expires_at,
    });
    assert_eq!(done.json(), expected);
    assert_eq!(token(&machine, &["--json"]).json()["organization"], json!(null));
    assert_eq!((machine.state(), machine.world.all_connections()), before);
}

#[test]
fn a_bearer_integration_prints_the_same() {
    let machine = Machine::new();
    machine.add_integration(&["--bearer"]);
    machine.sign_in();
    let document = token(&machine, &["--json", CONTOSO]).json();
    assert_eq!((&document["kind"], &document["username"]), (&json!("oauth"), &json!(ADA)));
}

#[test]
fn a_personal_access_token_is_printed_for_its_own_organization_only() {
    let machine = Machine::tokens_only();
    let pat = machine.world.azure().add_pat("contoso", standins::Pat::read_write());
    machine.give_pat(CONTOSO, &pat, &["--expires", "2099-12-31"]);
    assert_eq!(printed(&machine, &[CONTOSO]), pat);
    assert_eq!(printed(&machine, &[&format!("{CONTOSO}/app/_git/app")]), pat);
    assert_eq!(basic(&printed(&machine, &["--header", CONTOSO])), format!(":{pat}"));
    let expected = json!({
        "version": 1,
        "host": "dev.azure.com",
        "organization": "contoso",
        "kind": "pat",
        "username": "oauth2",
        "token": pat,
        "header": format!("Authorization: Basic {}", STANDARD.encode(format!(":{pat}"))),
        "expiresAt": 4_102_358_400_u64,
    });
    for url in [CONTOSO, "https://contoso@dev.azure.com/contoso", "https://contoso@dev.azure.com"] {
        assert_eq!(token(&machine, &["--json", url]).json(), expected, "{url}");
    }
    token(&machine, &[FABRIKAM]).expect(
        4,
        "",
        "error: no personal access token is kept for fabrikam\n\
         hint: git-credential-ona-azure login https://dev.azure.com/fabrikam --pat\n",
    );
}

#[test]
fn a_servers_token_goes_with_the_name_it_was_given_with() {
    let machine = with_server();
    let unnamed = machine.world.server().add_pat();
    machine.give_pat(SERVER, &unnamed, &[]);
    assert_eq!(printed(&machine, &[COLLECTION]), unnamed);
    assert_eq!(printed(&machine, &[]), unnamed, "the host that is configured");
    assert_eq!(basic(&printed(&machine, &["--header", SERVER])), format!("pat:{unnamed}"));
    let named = machine.world.server().add_pat();
    machine.give_pat(COLLECTION, &named, &["--username", "CORP\\ada"]);
    assert_eq!(basic(&printed(&machine, &["--header", COLLECTION])), format!("CORP\\ada:{named}"));
    let document = token(&machine, &["--json", COLLECTION]).json();
    let field = |name: &str| document[name].clone();
    assert_eq!(field("host"), json!("tfs.corp.example"));
    assert_eq!(field("organization"), json!("defaultcollection"));
    assert_eq!((field("kind"), field("username")), (json!("pat"), json!("CORP\\ada")));
    assert_eq!(field("header"), json!(printed(&machine, &["--header", COLLECTION])));
    let as_grace = "https://grace@tfs.corp.example/tfs/DefaultCollection";
    assert_eq!(
        printed(&machine, &[as_grace]),
        unnamed,
        "the one without a name is for whoever asks"
    );
    machine.erase("protocol=https\nhost=tfs.corp.example\nusername=pat\n").expect_success();
    token(&machine, &[as_grace]).expect(
        4,
        "",
        "error: nothing is kept for grace on tfs.corp.example\n\
         hint: git-credential-ona-azure login https://tfs.corp.example/tfs/defaultcollection --pat --username grace\n",
    );
}

#[test]
fn an_end_that_nobody_knows_is_null() {
    let machine = with_server();
    machine.store("protocol=https\nhost=tfs.corp.example\nusername=ada\npassword=hunter2\n");
    let document = token(&machine, &["--json", SERVER]).json();
    assert_eq!((&document["token"], &document["expiresAt"]), (&json!("hunter2"), &json!(null)));
    assert_eq!(document["organization"], json!(null));
}

#[test]
fn a_header_that_git_kept_is_printed_as_it_was() {
    let machine = with_server();
    let request = "protocol=https\nhost=tfs.corp.example\ncapability[]=authtype\n";
    machine.store(format!("{request}authtype=Digest\ncredential=k3pt\n"));
    assert_eq!(printed(&machine, &["--header", SERVER]), "Authorization: Digest k3pt");
    assert_eq!(printed(&machine, &[SERVER]), "k3pt");
    assert_eq!(token(&machine, &["--json", SERVER]).json()["username"], json!(null));
}

#[test]
fn pat_prints_the_personal_access_token_of_somebody_who_is_signed_in() {
    let machine = Machine::signed_in();
    let pat = machine.new_pat("contoso");
    assert_ne!(printed(&machine, &[CONTOSO]), pat);
    assert_eq!(printed(&machine, &["--pat", CONTOSO]), pat);
    assert_eq!(basic(&printed(&machine, &["--pat", "--header", CONTOSO])), format!(":{pat}"));
    assert_eq!(token(&machine, &["--pat", "--json", CONTOSO]).json()["kind"], json!("pat"));
    token(&machine, &["--pat", FABRIKAM]).expect(
        4,
        "",
        "error: no personal access token is kept for fabrikam\n\
         hint: git-credential-ona-azure login https://dev.azure.com/fabrikam --pat\n",
    );
    token(&machine, &["--pat"]).expect(
        2,
        "",
        "error: a personal access token is for one organization of dev.azure.com, and none is named\n\
         hint: git-credential-ona-azure token --pat https://dev.azure.com/ORGANIZATION\n",
    );
}

#[test]
fn pat_where_there_are_none_names_the_command_that_allows_them() {
    let machine = Machine::new();
    machine.add_integration(&[]);
    machine.sign_in();
    token(&machine, &["--pat", CONTOSO]).expect(
        1,
        "",
        "error: personal access tokens are not on for dev.azure.com\n\
         hint: git-credential-ona-azure integration add --host dev.azure.com --pat\n",
    );
}

#[test]
fn a_url_that_names_no_organization_means_the_default_one() {
    let machine = Machine::new();
    machine.add_pat_integration("dev.azure.com/contoso", &[]);
    let pat = machine.new_pat("contoso");
    machine.add_pat_integration("dev.azure.com/fabrikam", &[]);
    let other = machine.new_pat("fabrikam");
    machine.helper(&["integration", "remove", "dev.azure.com/fabrikam"]).expect_success();
    for arguments in [&["--json"][..], &["--json", "--pat"], &["--json", "https://dev.azure.com"]] {
        let document = token(&machine, arguments).json();
        assert_eq!(
            (&document["token"], &document["organization"]),
            (&json!(pat), &json!("contoso"))
        );
    }
    // Of another organization there is no integration any more, and so nothing is kept.
    assert_eq!(token(&machine, &[FABRIKAM]).code, 3, "{other}");
}

#[test]
fn which_organization_has_to_be_said_where_only_it_can_tell() {
    let machine = Machine::tokens_only();
    machine.new_pat("contoso");
    for arguments in [&[][..], &["https://dev.azure.com"]] {
        token(&machine, arguments).expect(
            2,
            "",
            "error: a personal access token is for one organization of dev.azure.com, and none is named\n\
             hint: git-credential-ona-azure token https://dev.azure.com/ORGANIZATION\n",
        );
    }
    let machine = with_server();
    let pat = machine.world.server().add_pat();
    machine.give_pat(COLLECTION, &pat, &[]);
    token(&machine, &[]).expect(
        2,
        "",
        "error: a personal access token is for one collection of tfs.corp.example, and none is named\n\
         hint: git-credential-ona-azure token https://tfs.corp.example/tfs/COLLECTION\n",
    );
    assert_eq!(printed(&machine, &[COLLECTION]), pat);
}

#[test]
fn a_stale_token_is_refreshed() {
    let machine = Machine::signed_in();
    let stale = printed(&machine, &[CONTOSO]);
    machine.age_access_token(4600);
    let fresh = printed(&machine, &[CONTOSO]);
    assert_ne!(fresh, stale);
    assert_eq!(machine.get(CONTOSO_REQUEST).password(), fresh);
    assert_eq!(machine.world.entra().token_requests("refresh_token"), 1);
}

#[test]
fn twenty_at_once_make_one_refresh() {
    let machine = Machine::signed_in();
    machine.age_access_token(4600);
    machine.world.entra().strict_rotation(true);
    let all: Vec<String> = std::thread::scope(|scope| {
        let all: Vec<_> = (0..20).map(|_| scope.spawn(|| printed(&machine, &[CONTOSO]))).collect();
        all.into_iter().map(|one| one.join().expect("it ends")).collect()
    });
    assert!(all.iter().all(|token| *token == all[0]));
    assert_eq!(machine.world.entra().token_requests("refresh_token"), 1);
}

#[test]
fn with_the_service_down_a_kept_token_takes_over_and_the_reason_is_said() {
    let machine = Machine::loaded();
    let pat = machine.pat_secrets("https://dev.azure.com").remove(0).1;
    machine.age_access_token(4600);
    machine.world.fail(Target::Token, Fault::Html(503), Times::Always);
    let done = token(&machine, &[CONTOSO]);
    assert_eq!((done.code, done.stdout.as_str()), (0, &*format!("{pat}\n")), "{done:#?}");
    assert!(done.stderr.starts_with("warning: using the personal access token for contoso: "));
    // Once an hour is enough, whoever asks.
    assert_eq!(machine.get(CONTOSO_REQUEST).stderr, "");
    // Asked for by name, it needs no excuse.
    assert_eq!(printed(&machine, &["--pat", CONTOSO]), pat);
    // Nothing takes over where none is kept.
    let by_git = machine.get(FABRIKAM_REQUEST);
    token(&machine, &[FABRIKAM]).expect(5, "", &by_git.stderr);
}

#[test]
fn with_no_network_at_all_it_says_so() {
    let mut machine = Machine::signed_in();
    machine.age_access_token(4600);
    for proxy in ["HTTPS_PROXY", "https_proxy"] {
        machine.set(proxy, "http://127.0.0.1:9");
    }
    let done = token(&machine, &["--json", CONTOSO]);
    assert_eq!((done.code, &*done.stdout), (5, ""), "{done:#?}");
    assert!(done.stderr.starts_with("error: ") && done.stderr.contains("\nhint: "), "{done:#?}");
}

#[test]
fn with_nobody_signed_in_it_names_the_command_to_run() {
    let machine = Machine::configured();
    token(&machine, &["--header", CONTOSO]).expect(
        4,
        "",
        "error: nobody is signed in to dev.azure.com\n\
         hint: git-credential-ona-azure login https://dev.azure.com\n",
    );
    let machine = Machine::tokens_only();
    token(&machine, &[CONTOSO]).expect(
        4,
        "",
        "error: no personal access token is kept for contoso\n\
         hint: git-credential-ona-azure login https://dev.azure.com/contoso --pat\n",
    );
    token(&machine, &["https://ada@dev.azure.com/contoso"]).expect(
        4,
        "",
        "error: nothing is kept for ada on dev.azure.com\n\
         hint: leave the user out of the URL: git-credential-ona-azure token https://dev.azure.com/contoso\n",
    );
    assert_eq!(machine.world.all_connections().len(), 0);
}

#[test]
fn a_token_that_has_run_out_is_not_printed() {
    let machine = Machine::tokens_only();
    machine.new_pat("contoso");
    machine.change("https://dev.azure.com", |kept: &mut Pats| {
        kept.pats[0].expires_at = Some(1_700_000_000);
    });
    let done = token(&machine, &[CONTOSO]);
    assert_eq!((done.code, &*done.stdout), (4, ""), "{done:#?}");
    assert!(
        done.stderr.starts_with("error: the personal access token for contoso has run out\nhint: "),
        "{done:#?}"
    );
}

#[test]
fn a_token_that_would_be_more_than_one_line_is_not_printed() {
    let machine = with_server();
    let pat = machine.world.server().add_pat();
    machine.give_pat(SERVER, &pat, &[]);
    for (kept, why) in [
        (&b"one\r\nX-Other: two"[..], "has a line break or a NUL in it"),
        (b"\xff\xfe", "is not text"),
    ] {
        let secret = git_credential_ona_azure::secret::Secret::new(kept);
        machine.change("https://tfs.corp.example", |kept: &mut Pats| {
            kept.pats[0].login = PatLogin::Password(secret);
        });
        for form in [&[][..], &["--header"], &["--json"]] {
            token(&machine, form).expect(
                1,
                "",
                &format!(
                    "error: the credential kept for {SERVER} {why}, and is not printed\n\
                     hint: forget it and sign in again: git-credential-ona-azure logout {SERVER}\n"
                ),
            );
        }
    }
}

#[test]
fn a_host_without_an_integration_gets_the_us01_message() {
    let machine = Machine::new();
    for (arguments, host) in [
        (&[][..], "dev.azure.com"),
        (&[CONTOSO], "dev.azure.com"),
        (&["--pat", CONTOSO], "dev.azure.com"),
        (&["https://contoso.visualstudio.com"], "contoso.visualstudio.com"),
        (&[COLLECTION], "tfs.corp.example"),
    ] {
        let done = token(&machine, arguments);
        assert_eq!((done.code, &*done.stdout), (3, ""), "{done:#?}");
        let message = format!(
            "error: Ona Cloud (US01) requires authentication with Source Control - the SCM integration for host {host} is not configured\nhint: ask the administrator of the runner to configure it; administrators: git-credential-ona-azure integration add --host "
        );
        assert!(done.stderr.starts_with(&message), "{done:#?}");
    }
    assert!(machine.state().is_empty(), "nothing is made by asking");
}

#[test]
fn a_server_with_no_way_to_sign_in_is_not_configured_either() {
    let machine = Machine::new();
    let none = json!({"scmId": "azuredevops_server", "host": "tfs.corp.example", "pat": false});
    machine.write_integrations(&json!({"version": 1, "integrations": [none]}).to_string());
    token(&machine, &[]).expect(
        3,
        "",
        "error: no way to sign in to tfs.corp.example is on\n\
         hint: git-credential-ona-azure integration add --host tfs.corp.example --pat\n",
    );
}

#[test]
fn what_cannot_be_asked_for_is_a_wrong_command_line() {
    let machine = Machine::loaded();
    for arguments in [
        &["--header", "--json", CONTOSO][..],
        &["http://dev.azure.com/contoso"],
        &["git@ssh.dev.azure.com:v3/contoso/app/app"],
        &[CONTOSO, FABRIKAM],
        &[""],
    ] {
        let done = token(&machine, arguments);
        assert_eq!((done.code, &*done.stdout), (2, ""), "{done:#?}");
        assert!(done.stderr.starts_with("error: "), "{done:#?}");
    }
}

#[test]
fn nobody_is_asked_for_anything_even_at_a_terminal() {
    let mut machine = Machine::configured();
    machine.unset("GIT_TERMINAL_PROMPT");
    let done = Terminal::start(&machine, &format!("\"$PROGRAM\" token {CONTOSO}")).finish();
    done.expect(
        4,
        "error: nobody is signed in to dev.azure.com\n\
         hint: git-credential-ona-azure login https://dev.azure.com\n",
        "",
    );
    // What is asked for is printed, wherever to.
    let pat = machine.new_pat("contoso");
    let done = Terminal::start(&machine, &format!("\"$PROGRAM\" token --pat {CONTOSO}")).finish();
    done.expect(0, &format!("{pat}\n"), "");
}
