//! `logout` forgets what it is asked to and nothing else; `status` tells what there is.

mod common;

use std::fs;

use common::system::name_of;
use common::*;
use git_credential_ona_azure::vault::Access;
use serde_json::json;
use standins::{ADA, CLIENT_ID, CONTOSO, GRACE, Pat};

/// What `status` ends with where it could not show everything.
const UNREADABLE: &str = "error: not everything that is kept can be read\n";

/// What makes a vault unreadable.
type Spoil<'a> = &'a dyn Fn(&Machine);

fn with_everything() -> (Machine, String, String) {
    let machine = Machine::signed_in();
    machine.login(&["https://dev.azure.com/fabrikam"], GRACE).expect_success();
    let contoso = machine.world.azure().add_pat("contoso", Pat::read_write());
    let fabrikam = machine.world.azure().add_pat("fabrikam", Pat::read_write());
    machine.give_pat("https://dev.azure.com/contoso", &contoso, &[]);
    machine.give_pat("https://dev.azure.com/fabrikam", &fabrikam, &[]);
    (machine, contoso, fabrikam)
}

/// The names of what lies in the state directory.
fn names(machine: &Machine) -> Vec<String> {
    machine.state().keys().map(|path| name_of(path)).collect()
}

#[test]
fn logout_of_a_host_forgets_all_that_is_kept_for_it() {
    let (machine, ..) = with_everything();
    machine.add_pat_integration("tfs.corp.example", &["--virtual-directory", "/tfs"]);
    let server = machine.world.server().add_pat();
    machine.give_pat("https://tfs.corp.example/tfs", &server, &[]);
    machine.helper(&["logout"]).expect(
        0,
        "ada@contoso.example is signed out of https://dev.azure.com.\n\
         grace@contoso.example is signed out of https://dev.azure.com.\n\
         2 personal access tokens are forgotten for https://dev.azure.com.\n",
        "",
    );
    for request in [CONTOSO_REQUEST, FABRIKAM_REQUEST] {
        let done = machine.get(request);
        assert_eq!((done.code, &*done.stdout), (4, ""), "{done:#?}");
    }
    machine.helper(&["logout"]).expect(0, "Nothing was kept for https://dev.azure.com.\n", "");
    // The Server's stays until it is named.
    let request =
        "protocol=https\nhost=tfs.corp.example\npath=tfs/DefaultCollection/app/_git/app\n";
    assert_eq!(machine.get(request).expect_success().password(), server);
    machine.helper(&["logout", "https://tfs.corp.example/tfs"]).expect(
        0,
        "1 personal access token is forgotten for https://tfs.corp.example/tfs.\n",
        "",
    );
    machine.get(request).expect(0, "", "");
}

#[test]
fn logout_of_an_organization_leaves_the_others() {
    const STILL: &str = "note: the sign-in of ada@contoso.example to all of dev.azure.com still serves it\n\
         hint: to end that too: git-credential-ona-azure logout https://dev.azure.com\n";
    let (machine, contoso, _) = with_everything();
    machine.helper(&["logout", "https://dev.azure.com/fabrikam"]).expect(
        0,
        "grace@contoso.example is signed out of https://dev.azure.com/fabrikam.\n\
         1 personal access token is forgotten for https://dev.azure.com/fabrikam.\n",
        STILL,
    );
    // The host-wide sign-in serves it again; contoso's token is still there behind it.
    assert_eq!(machine.get(FABRIKAM_REQUEST).expect_success().attribute("username"), Some(ADA));
    machine.helper(&["logout", "https://dev.azure.com/northwind"]).expect(
        0,
        "Nothing was kept for https://dev.azure.com/northwind.\n",
        STILL,
    );
    machine.add_integration(&[]);
    machine
        .helper(&["integration", "add", "--host", "dev.azure.com", "--no-oauth"])
        .expect_success();
    assert_eq!(machine.get(CONTOSO_REQUEST).expect_success().password(), contoso);
}

#[test]
fn logout_all_forgets_everything_but_the_key_and_the_integrations() {
    let (machine, ..) = with_everything();
    let integrations = machine.integrations();
    let key = machine.helper(&["key", "show"]).stdout;
    machine.helper(&["logout", "--all"]).expect(
        0,
        "Every sign-in and personal access token is forgotten.\n",
        "",
    );
    assert_eq!(machine.integrations(), integrations);
    assert_eq!(machine.helper(&["key", "show"]).stdout, key);
    let left: Vec<_> = machine
        .state()
        .into_keys()
        .map(|path| path.file_name().expect("a name").to_string_lossy().into_owned())
        .collect();
    let sealed = left.iter().any(|name| name.ends_with(".sealed") || name == "vault.json");
    assert!(!sealed, "{left:?}");
    assert_eq!(machine.get(CONTOSO_REQUEST).code, 4);
    machine.sign_in();
    assert!(machine.get(CONTOSO_REQUEST).expect_success().attribute("password").is_some());
}

#[test]
fn logout_all_leaves_nothing_sealed_not_even_what_was_set_aside() {
    let (machine, ..) = with_everything();
    let pats = machine.entry("pats");
    fs::write(&pats, "damaged").expect("written");
    machine.give_pat("https://dev.azure.com/contoso", "a-token", &[]);
    fs::write(machine.state_dir().join("vault.json"), "{").expect("written");
    machine.sign_in();
    fs::write(machine.state_dir().join(".tmp-a1b2c3"), "of a killed writer").expect("written");
    let name = pats.file_name().expect("a name").to_string_lossy().into_owned();
    let before = names(&machine);
    for left in [format!("{name}.corrupt-1"), "vault.json.corrupt-1".to_owned()] {
        assert!(before.contains(&left), "{before:?}");
    }
    machine.helper(&["logout", "--all"]).expect_success();
    let left = names(&machine);
    let stays = |name: &String| name == "runner.key" || name.ends_with(".lock");
    assert!(left.iter().all(stays) && left.contains(&"runner.key".to_owned()), "{left:?}");
}

#[test]
fn the_command_that_is_named_for_a_damaged_file_mends_it() {
    const AFRESH: &str =
        "forget what is kept, then sign in again: git-credential-ona-azure logout --all";
    const LOGIN_AGAIN: &str =
        "sign in again, which sets the damaged file aside: git-credential-ona-azure login <URL>";
    const PAT_AGAIN: &str = "give the personal access token again, which sets the damaged file aside: \
                             git-credential-ona-azure login <URL> --pat";
    let bound = "https://dev.azure.com/contoso";
    let mut told = Vec::new();
    for (kind, hint) in [
        ("access", LOGIN_AGAIN),
        ("session", LOGIN_AGAIN),
        ("issued", AFRESH),
        ("vault.json", AFRESH),
        ("pats", PAT_AGAIN),
    ] {
        for with_oauth in [true, false] {
            let machine = Machine::configured();
            machine.login(&[bound], ADA).expect_success();
            // A token takes over where the session fails.
            if kind == "pats" || !with_oauth {
                machine.give_pat(bound, "a-token", &[]);
            }
            if with_oauth {
                // Whatever is damaged has to be read: the access token has run out.
                let vault = machine.vault();
                let of = "dev.azure.com/contoso";
                let writer = vault.write().expect("a vault that can be written");
                let mut access: Access =
                    writer.read(of).expect("a vault that opens").expect("a session");
                access.expires_at -= 4600;
                access.issued_at -= 4600;
                writer.put(of, &access).expect("written");
            } else {
                machine.add_pat_integration("dev.azure.com", &["--no-oauth"]);
            }
            let damaged = match kind {
                "vault.json" => machine.state_dir().join(kind),
                kind => machine.entry(kind),
            };
            fs::write(&damaged, "damaged").expect("written");
            let failed = machine.get(CONTOSO_REQUEST);
            let said = format!("{} is damaged", damaged.display());
            // What is not needed is not looked at.
            if failed.stderr.contains(&said) {
                told.push((kind, with_oauth));
                assert!(failed.stderr.contains(&format!("hint: {hint}\n")), "{failed:#?}");
            } else {
                assert_eq!(failed.stderr, "", "{kind}");
            }
            if hint == LOGIN_AGAIN && with_oauth {
                machine.login(&[bound], ADA).expect_success();
            } else if hint == LOGIN_AGAIN {
                // Nobody can sign in where OAuth is off; what is left of it only disturbs status.
                machine.helper(&["logout", bound]).expect_success();
                machine.give_pat(bound, "another-token", &[]);
            } else if hint == AFRESH {
                machine.helper(&["logout", "--all"]).expect_success();
                let got = machine.get(CONTOSO_REQUEST);
                // Without OAuth git asks the person itself.
                assert_eq!(got.code, if with_oauth { 4 } else { 0 }, "{kind}: {got:#?}");
                assert!(!got.stderr.contains("damaged"), "{kind}: {got:#?}");
                machine.give_pat(bound, "another-token", &[]);
                if with_oauth {
                    machine.login(&[bound], ADA).expect_success();
                }
            } else {
                machine.give_pat(bound, "another-token", &[]);
            }
            let got = machine.get(CONTOSO_REQUEST).expect_success();
            assert!(got.attribute("password").is_some() && got.stderr.is_empty(), "{got:#?}");
            machine.helper(&["status"]).expect_success();
        }
    }
    assert_eq!(
        told,
        [
            ("access", true),
            ("session", true),
            ("vault.json", true),
            ("vault.json", false),
            ("pats", false),
        ]
    );
}

#[test]
fn logout_all_works_where_nothing_can_be_read() {
    let other = Machine::new();
    other.helper(&["key", "init"]).expect_success();
    let other_key = fs::read(other.state_dir().join("runner.key")).expect("a key");
    let breakages: [(&str, Spoil<'_>); 4] = [
        ("another key", &|machine| {
            fs::write(machine.state_dir().join("runner.key"), &other_key).expect("written");
        }),
        ("no header", &|machine| {
            fs::remove_file(machine.state_dir().join("vault.json")).expect("removed");
        }),
        ("a damaged header", &|machine| {
            fs::write(machine.state_dir().join("vault.json"), "{").expect("written");
        }),
        ("broken integrations", &|machine| machine.write_integrations("{")),
    ];
    for (name, spoil) in breakages {
        let (machine, ..) = with_everything();
        let file = fs::read(machine.integrations_file()).expect("readable");
        spoil(&machine);
        machine.helper(&["logout", "--all"]).expect(
            0,
            "Every sign-in and personal access token is forgotten.\n",
            "",
        );
        fs::write(machine.integrations_file(), file).expect("written");
        assert_eq!(machine.get(CONTOSO_REQUEST).code, 4, "{name}");
    }
}

#[test]
fn logout_all_where_nothing_was_ever_kept() {
    Machine::new().helper(&["logout", "--all"]).expect(
        0,
        "Every sign-in and personal access token is forgotten.\n",
        "",
    );
}

#[test]
fn status_without_anything_says_how_to_begin() {
    let machine = Machine::new();
    machine.helper(&["status"]).expect(
        0,
        &format!(
            "No integration is configured. Add one with: git-credential-ona-azure integration add --help\n\
             Secrets are kept in {}\n  no runner key yet: it is made on first need\n",
            machine.state_dir().display()
        ),
        "",
    );
    let status = machine.helper(&["status", "--json"]).expect_success().json();
    assert_eq!(
        status,
        json!({
            "version": 1,
            "hosts": [],
            "withoutIntegration": [],
            "store": {
                "directory": machine.state_dir(),
                "publicKey": null,
                "keyFile": null,
                "keyBesideVault": false,
                "protection": "no runner key yet: it is made on first need",
                "setAside": [],
                "openToOthers": null,
                "error": null,
            },
        })
    );
    assert!(machine.state().is_empty(), "looking makes nothing");
}

#[test]
fn status_tells_who_is_signed_in_and_which_tokens_are_kept() {
    let (machine, ..) = with_everything();
    machine.add_pat_integration("tfs.corp.example", &[]);
    let before = machine.state();
    let done = machine.helper(&["status"]).expect_success();
    assert_eq!(machine.state(), before, "looking changes nothing");
    let key = machine.helper(&["key", "show"]).stdout;
    let file = machine.integrations_file();
    let shape: Vec<_> = done
        .stdout
        .lines()
        // Up to the moment, which is another one every time.
        .map(|line| line.split(" 20").next().unwrap_or_default().to_owned())
        .collect();
    assert_eq!(
        shape,
        [
            format!("dev.azure.com  (OAuth and PAT; {})", file.display()),
            "  OAuth  ada@contoso.example: signed in since".to_owned(),
            "         access token until".to_owned(),
            "  OAuth  grace@contoso.example for fabrikam: signed in since".to_owned(),
            "         access token until".to_owned(),
            "  PAT    contoso: until".to_owned(),
            "  PAT    fabrikam: until".to_owned(),
            format!("tfs.corp.example  (PAT; {})", file.display()),
            "  PAT    none is kept".to_owned(),
            format!("Secrets are kept in {}", machine.state_dir().display()),
            format!(
                "  sealed to the runner key in {}; it lies beside the vault, so whoever copies that directory \
                 can open it: mount a key and name it in ONA_AZURE_KEY_FILE",
                machine.state_dir().join("runner.key").display()
            ),
            format!("  public key {}", key.trim()),
        ]
    );
    for secret in machine.world.secrets() {
        assert!(!done.stdout.contains(&secret));
    }
}

#[test]
fn status_json_holds_what_a_script_needs_and_no_secret() {
    let (machine, ..) = with_everything();
    let done = machine.helper(&["status", "--json"]).expect_success();
    let status = done.json();
    assert_eq!(status["version"], 1);
    let host = &status["hosts"][0];
    assert_eq!(host["host"], "dev.azure.com");
    assert_eq!(host["file"], machine.integrations_file().to_str().expect("text"));
    assert_eq!((&host["oauth"], &host["pat"]), (&json!(true), &json!(true)));
    let session = &host["sessions"][0];
    let access = machine.access().expect("a session");
    for (field, value) in [
        ("account", json!(ADA)),
        ("organization", json!(null)),
        ("tenant", json!(CONTOSO)),
        ("clientMode", json!("confidential")),
        ("signedIn", json!(true)),
        ("ended", json!(null)),
        ("accessTokenExpiresAt", json!(access.expires_at)),
        ("refusedBy", json!([])),
        (
            "scopes",
            json!([
                "499b84ac-1321-427f-aa17-267ca6975798/vso.code",
                "499b84ac-1321-427f-aa17-267ca6975798/vso.code_write"
            ]),
        ),
    ] {
        assert_eq!(session[field], value, "{field}");
    }
    assert_eq!(host["sessions"][1]["organization"], "fabrikam");
    let pats: Vec<_> =
        host["pats"].as_array().expect("a list").iter().map(|pat| &pat["organization"]).collect();
    assert_eq!(pats, ["contoso", "fabrikam"]);
    assert_eq!(status["store"]["keyBesideVault"], true);
    for secret in machine.world.secrets() {
        assert!(!done.stdout.contains(&secret));
    }
}

#[test]
fn status_tells_what_protects_a_mounted_key_and_why_a_session_ended() {
    let mut machine = Machine::new();
    let key = machine.home().join("mounted.key");
    machine.set("ONA_AZURE_KEY_FILE", key.to_str().expect("text"));
    machine.helper(&["key", "init"]).expect_success();
    machine.add_integration(&[]);
    machine.helper(&["status"]).expect_success();
    machine.sign_in();
    let status = machine.helper(&["status", "--json"]).expect_success().json();
    assert_eq!(status["store"]["keyBesideVault"], false);
    assert_eq!(status["store"]["keyFile"], key.to_str().expect("text"));
    assert_eq!(
        status["store"]["protection"],
        format!("sealed to the runner key in {} (ONA_AZURE_KEY_FILE)", key.display())
    );
    assert!(!machine.state_dir().join("runner.key").exists());
    machine.world.entra().revoke_refresh_tokens(standins::Dead::Password);
    machine.age_access_token(4500);
    assert_eq!(machine.get(CONTOSO_REQUEST).code, 4);
    let session =
        machine.helper(&["status", "--json"]).expect_success().json()["hosts"][0]["sessions"][0]
            .clone();
    assert_eq!((&session["signedIn"], &session["account"]), (&json!(false), &json!(ADA)));
    let reason = session["ended"].as_str().expect("a reason");
    assert!(reason.contains("AADSTS50173"), "{reason}");
    let text = machine.helper(&["status"]).expect_success().stdout;
    assert!(text.contains(&format!(": {reason}\n")), "{text}");
}

#[test]
fn status_names_the_organization_that_refused_and_what_was_set_aside() {
    let machine = Machine::signed_in();
    let got = machine.get(FABRIKAM_REQUEST).expect_success();
    let rejected = format!("{FABRIKAM_REQUEST}username={ADA}\npassword={}\n", got.password());
    machine.erase(rejected).expect_success();
    let status = machine.helper(&["status", "--json"]).expect_success().json();
    let session = &status["hosts"][0]["sessions"][0];
    assert_eq!(session["refusedBy"], json!(["fabrikam"]));
    assert_eq!(session["accessTokenExpiresAt"], json!(null));
    let text = machine.helper(&["status"]).expect_success().stdout;
    assert!(text.contains("         access token is fetched when git next asks\n"), "{text}");
    assert!(
        text.contains("         fabrikam refused this account; not tried again before "),
        "{text}"
    );
    fs::write(machine.state_dir().join("vault.json"), "{").expect("written");
    machine.sign_in();
    let aside = machine.state_dir().join("vault.json.corrupt-1");
    let status = machine.helper(&["status", "--json"]).expect_success().json();
    let named = status["store"]["setAside"].as_array().expect("a list");
    assert!(named.contains(&json!(aside)), "{named:?}");
    let text = machine.helper(&["status"]).expect_success().stdout;
    assert!(text.contains(&format!("  damaged and set aside: {}\n", aside.display())), "{text}");
}

#[test]
fn status_of_a_vault_sealed_to_another_key_names_both() {
    let machine = Machine::signed_in();
    let old = machine.helper(&["key", "show"]).stdout.trim().to_owned();
    fs::remove_file(machine.state_dir().join("runner.key")).expect("removed");
    let new = machine.helper(&["key", "init"]).expect_success().stdout.trim().to_owned();
    let state = machine.state_dir();
    let why = format!(
        "the vault in {} is sealed to {old}, but the runner key here is {new}; bring that runner key back \
         (ONA_AZURE_KEY_FILE), or start afresh: git-credential-ona-azure logout --all",
        state.display()
    );
    machine.helper(&["status"]).expect(
        1,
        &format!(
            "dev.azure.com  (OAuth and PAT; {})\n  ! {why}\nSecrets are kept in {}\n  \
             sealed to the runner key in {}; it lies beside the vault, so whoever copies that directory can \
             open it: mount a key and name it in ONA_AZURE_KEY_FILE\n  public key {new}\n",
            machine.integrations_file().display(),
            state.display(),
            state.join("runner.key").display()
        ),
        UNREADABLE,
    );
    let status = machine.helper(&["status", "--json"]);
    assert_eq!((status.code, &*status.stderr), (1, UNREADABLE));
    assert_eq!(status.json()["hosts"][0]["error"], json!(why));
    assert_eq!(status.json()["store"]["error"], json!(null), "said once");
}

#[test]
fn status_shows_all_but_what_is_damaged_and_names_that() {
    for kind in ["access", "session", "pats", "issued"] {
        let machine = Machine::loaded();
        machine.add_pat_integration("tfs.corp.example", &[]);
        let damaged = machine.entry(kind);
        fs::write(&damaged, "damaged").expect("written");
        let before = machine.state();
        let done = machine.helper(&["status"]);
        assert_eq!((done.code, &*done.stderr), (1, UNREADABLE), "{kind}");
        assert_eq!(machine.state(), before, "looking changes nothing");
        let said = format!("  ! {} is damaged; ", damaged.display());
        assert_eq!(done.stdout.matches(&said).count(), 1, "{}", done.stdout);
        for (of, line) in [
            ("session", "  OAuth  ada@contoso.example: signed in since "),
            ("pats", "  PAT    contoso: "),
            ("", "tfs.corp.example  (PAT; "),
            ("", "Secrets are kept in "),
            ("", "  public key "),
        ] {
            assert_eq!(done.stdout.contains(line), of != kind, "{kind}: {}", done.stdout);
        }
        assert!(!done.stdout.contains("nobody is signed in"), "{}", done.stdout);
        let status = machine.helper(&["status", "--json"]).json();
        let error = match kind {
            "issued" => &status["store"]["error"],
            _ => &status["hosts"][0]["error"],
        };
        let named = |error: &str| error.starts_with(&format!("{} is damaged; ", damaged.display()));
        assert!(error.as_str().is_some_and(named), "{status:#}");
        assert_eq!(status["hosts"][1]["error"], json!(null));
    }
}

#[test]
fn status_of_a_key_that_is_no_key_still_shows_the_hosts() {
    let machine = Machine::signed_in();
    let key = machine.state_dir().join("runner.key");
    fs::write(&key, "no key").expect("written");
    let done = machine.helper(&["status"]);
    assert_eq!((done.code, &*done.stderr), (1, UNREADABLE));
    assert!(done.stdout.starts_with("dev.azure.com  (OAuth and PAT; "), "{}", done.stdout);
    assert!(done.stdout.contains("\nSecrets are kept in "), "{}", done.stdout);
    let said = format!("{}", key.display());
    let named = done.stdout.lines().filter(|line| line.starts_with("  ! ") && line.contains(&said));
    assert_eq!(named.count(), 1, "{}", done.stdout);
}

#[test]
fn status_tells_of_a_sign_in_whose_integration_is_gone() {
    let machine = Machine::signed_in();
    // As when the file they were in is mounted no more.
    fs::remove_file(machine.integrations_file()).expect("gone");
    let line = format!(
        "dev.azure.com  no integration any more: {ADA} is still signed in; forget it with: \
         git-credential-ona-azure logout --all\n"
    );
    let text = machine.helper(&["status"]).expect_success().stdout;
    assert_eq!(text.matches(&line).count(), 1, "{text}");
    let status = machine.helper(&["status", "--json"]).expect_success().json();
    assert_eq!(
        status["withoutIntegration"],
        json!([{ "host": "dev.azure.com", "organization": null, "account": ADA }])
    );
    machine.helper(&["logout", "--all"]).expect_success();
    let text = machine.helper(&["status"]).expect_success().stdout;
    assert!(!text.contains("no integration any more"), "{text}");
}

#[test]
fn removing_an_integration_forgets_what_was_kept_for_it() {
    let (machine, ..) = with_everything();
    let file = machine.integrations_file();
    machine.helper(&["integration", "remove", "dev.azure.com"]).expect(
        0,
        &format!(
            "The integration for dev.azure.com is removed from {}.\n\
             {ADA} is signed out of https://dev.azure.com.\n\
             grace@contoso.example is signed out of https://dev.azure.com.\n\
             2 personal access tokens are forgotten for https://dev.azure.com.\n",
            file.display()
        ),
        "",
    );
    let kept: Vec<_> =
        machine.vault().list::<git_credential_ona_azure::vault::Session>().expect("opens");
    assert_eq!(kept, []);
    machine.add_integration(&["--pat"]);
    let said = machine.get(CONTOSO_REQUEST);
    assert_eq!((said.code, said.stdout.as_str()), (4, ""), "{said:#?}");
}

#[test]
fn nobody_signed_in_is_said_with_the_command() {
    let machine = Machine::configured();
    let text = machine.helper(&["status"]).expect_success().stdout;
    assert!(
        text.contains(
            "  OAuth  nobody is signed in: git-credential-ona-azure login https://dev.azure.com\n"
        ),
        "{text}"
    );
    let shown = machine.helper(&["integration", "show", "--json"]).json();
    assert_eq!(shown["oauth"]["clientId"], CLIENT_ID);
}

#[test]
fn status_says_that_the_integration_was_changed_after_the_sign_in() {
    let machine = Machine::signed_in();
    let other = "99999999-3333-4444-5555-666677778888";
    let change =
        ["integration", "add", "--host", "dev.azure.com", "--no-test", "--client-id", other];
    machine.helper(&change).expect_success();
    let text = machine.helper(&["status"]).expect_success().stdout;
    assert!(
        text.contains("\n         ended: the integration was changed after the sign-in\n"),
        "{text}"
    );
    assert!(text.contains("; there is no next one\n"), "{text}");
    assert!(
        text.contains(
            "\n         sign in again: git-credential-ona-azure login https://dev.azure.com\n"
        ),
        "{text}"
    );
}

#[test]
fn logout_says_that_damaged_tokens_are_set_aside() {
    let machine = Machine::configured();
    machine.give_pat("https://dev.azure.com/contoso", "a-token", &[]);
    fs::write(machine.entry("pats"), "damaged").expect("written");
    machine.helper(&["logout"]).expect(0, "Damaged tokens for dev.azure.com are set aside.\n", "");
    machine.helper(&["logout"]).expect(0, "Nothing was kept for https://dev.azure.com.\n", "");
}
