//! `logout` forgets what it is asked to and nothing else; `status` tells what there is.

mod common;

use std::fs;

use common::system::name_of;
use common::*;
use git_credential_ona_azure::azure::Organization;
use git_credential_ona_azure::vault::{
    Access, ClientMode, OrganizationRefusal, Pat as KeptPat, Pats, Session, SignInMethod,
};
use serde_json::{Value, json};
use standins::{ADA, CLIENT_ID, CONTOSO, Dead, Fault, GRACE, Pat, Target, Times};

/// What `status` ends with where it could not show everything.
const UNREADABLE: &str = "error: not everything that is kept can be read\n";

/// That the issuer knows nothing of a logout.
const SIGN_IN_LIVES: &str = "note: the sign-in is forgotten here, but not by the issuer: a copy of the \
     tokens works until they end or are revoked\n\
     hint: to revoke it: https://myapps.microsoft.com → the app → Manage your application → Revoke \
     permissions; what an administrator consented to, only an administrator can revoke\n";

/// The same of several.
fn sign_ins_live() -> String {
    SIGN_IN_LIVES.replace("sign-in is", "sign-ins are").replace("revoke it:", "revoke them:")
}

/// That Azure DevOps knows nothing of it either.
fn pat_lives(page: &str) -> String {
    format!(
        "note: the personal access token is forgotten here, but not by Azure DevOps: a copy works until it \
         ends or is revoked\nhint: to revoke it: {page}\n"
    )
}

/// The same of the two of [`with_everything`].
const PATS_LIVE: &str = "note: the personal access tokens are forgotten here, but not by Azure DevOps: a \
     copy works until they end or are revoked\n\
     hint: to revoke them: https://dev.azure.com/contoso/_usersSettings/tokens, \
     https://dev.azure.com/fabrikam/_usersSettings/tokens\n";

/// What is forgotten of [`with_everything`].
const ALL_GONE: &str = "ada@contoso.example is signed out of dev.azure.com, for every organization.\n\
     grace@contoso.example is signed out of dev.azure.com/fabrikam.\n\
     The personal access token for dev.azure.com/contoso is forgotten.\n\
     The personal access token for dev.azure.com/fabrikam is forgotten.\n";

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

/// The day of a moment, in UTC.
fn day(at: u64) -> String {
    let at = jiff::Timestamp::from_second(i64::try_from(at).expect("in range")).expect("in range");
    at.strftime("%Y-%m-%d").to_string()
}

/// What `status` says last, where the key lies beside the vault.
fn secrets(machine: &Machine) -> String {
    let state = machine.state_dir();
    format!(
        "Where secrets are kept
  directory       {}
  protection      sealed to the runner key in {}
  but             the key lies beside what it protects: whoever copies that directory can open it
  what to do      mount a key from a secret store, and name it in ONA_AZURE_KEY_FILE
  public key      {}
",
        state.display(),
        state.join("runner.key").display(),
        machine.helper(&["key", "show"]).stdout.trim()
    )
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
    machine.helper(&["logout"]).expect(0, ALL_GONE, &format!("{}{PATS_LIVE}", sign_ins_live()));
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
        "The personal access token for the whole of tfs.corp.example is forgotten.\n",
        &pat_lives("https://tfs.corp.example/tfs/_usersSettings/tokens"),
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
        "grace@contoso.example is signed out of dev.azure.com/fabrikam.\n\
         The personal access token for dev.azure.com/fabrikam is forgotten.\n",
        &format!(
            "{SIGN_IN_LIVES}{}{STILL}",
            pat_lives("https://dev.azure.com/fabrikam/_usersSettings/tokens")
        ),
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
        &format!("{ALL_GONE}Every sign-in and personal access token is forgotten.\n"),
        &format!("{}{PATS_LIVE}", sign_ins_live()),
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
        "sign in again, which sets the damaged file aside: git-credential-ona-azure login URL";
    const PAT_AGAIN: &str = "give the personal access token again, which sets the damaged file aside: \
                             git-credential-ona-azure login URL --pat";
    let bound = "https://dev.azure.com/contoso";
    let mut told = Vec::new();
    for (kind, hint) in
        [("session", LOGIN_AGAIN), ("issued", AFRESH), ("vault.json", AFRESH), ("pats", PAT_AGAIN)]
    {
        for with_oauth in [true, false] {
            let machine = Machine::configured();
            machine.login(&[bound], ADA).expect_success();
            // A token takes over where the session fails.
            if kind == "pats" || !with_oauth {
                machine.give_pat(bound, "a-token", &[]);
            }
            if with_oauth {
                // Whatever is damaged has to be read: the access token has run out.
                machine.change("dev.azure.com/contoso", |access: &mut Access| {
                    access.expires_at -= 4600;
                    access.issued_at -= 4600;
                });
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
        [("session", true), ("vault.json", true), ("vault.json", false), ("pats", false),]
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
        let done = machine.helper(&["logout", "--all"]).expect_success();
        // Which host a token is of, only the integrations tell.
        let named = if name == "broken integrations" {
            &ALL_GONE[..ALL_GONE.find("The personal").expect("there")]
        } else {
            ""
        };
        assert_eq!(
            done.stdout,
            format!("{named}Every sign-in and personal access token is forgotten.\n"),
            "{name}"
        );
        fs::write(machine.integrations_file(), file).expect("written");
        assert_eq!(machine.get(CONTOSO_REQUEST).code, 4, "{name}");
    }
}

#[test]
fn logout_all_where_nothing_was_ever_kept() {
    Machine::new().helper(&["logout", "--all"]).expect(
        0,
        "Nothing was kept: no sign-in, and no personal access token.\n",
        "",
    );
}

#[test]
fn status_without_anything_says_how_to_begin() {
    let machine = Machine::new();
    machine.helper(&["status"]).expect(
        3,
        &format!(
            "Where secrets are kept\n  directory       {}\n  \
             protection      no runner key yet: it is made on first need\n",
            machine.state_dir().display()
        ),
        "error: Ona Cloud (US01) requires authentication with Source Control - the SCM integration for host \
         dev.azure.com is not configured\n\
         hint: ask the administrator of the runner to configure it; administrators: \
         git-credential-ona-azure integration add --host dev.azure.com --issuer-url \
         https://login.microsoftonline.com/TENANT_ID/oauth2/v2.0 --client-id CLIENT_ID --client-secret-stdin \
         --pat\n",
    );
    let status = machine.helper(&["status", "--json"]).json();
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
                "ofAnotherAccount": null,
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
    let ends = day(machine.pats("https://dev.azure.com")[0].expires_at.expect("an end"));
    let file = machine.integrations_file().display().to_string();
    let expected = format!(
        "dev.azure.com
  methods         OAuth and PAT
  file            {file}

  ada@contoso.example
    for           every organization of its tenant but fabrikam
    signed in     just now (browser, with the client secret)
    tenant        {CONTOSO}
    access token  good for another hour, then renewed by itself
    allows        clone, fetch and push

  grace@contoso.example
    for           fabrikam
    signed in     just now (browser, with the client secret)
    tenant        {CONTOSO}
    access token  good for another hour, then renewed by itself
    allows        clone, fetch and push

  personal access tokens
    contoso       ends in 30 days, on {ends} UTC; kept just now
    fabrikam      ends in 30 days, on {ends} UTC; kept just now

  which organization uses which
    contoso       ada@contoso.example
    fabrikam      grace@contoso.example

tfs.corp.example
  methods         PAT
  file            {file}

  no personal access token is kept
    what to do    git-credential-ona-azure login https://tfs.corp.example --pat

{}",
        secrets(&machine)
    );
    assert_eq!(done.stdout, expected);
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
        ("method", json!("browser")),
        ("allows", json!("write")),
        ("holdOff", json!(null)),
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
    assert_eq!(host["pats"][0]["state"], "good");
    assert_eq!(host["pats"][0]["username"], json!(null));
    assert_eq!(
        host["uses"],
        json!([
            {
                "organization": "contoso",
                "url": "https://dev.azure.com/contoso",
                "with": "oauth",
                "account": ADA,
                "reason": null,
            },
            {
                "organization": "fabrikam",
                "url": "https://dev.azure.com/fabrikam",
                "with": "oauth",
                "account": GRACE,
                "reason": null,
            },
        ])
    );
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
    assert!(
        text.contains(&format!(
            "    ended         just now: {reason}\n    \
             what to do    git-credential-ona-azure login https://dev.azure.com\n\n"
        )),
        "{text}"
    );
}

#[test]
fn status_names_the_organization_that_refused_and_what_was_set_aside() {
    let machine = Machine::signed_in();
    let got = machine.get(FABRIKAM_REQUEST).expect_success();
    let rejected = format!("{FABRIKAM_REQUEST}username={ADA}\npassword={}\n", got.password());
    machine.world.azure().deny("fabrikam", ADA);
    machine.erase(rejected).expect_success();
    let status = machine.helper(&["status", "--json"]).expect_success().json();
    let session = &status["hosts"][0]["sessions"][0];
    assert_eq!(session["refusedBy"], json!(["fabrikam"]));
    assert_eq!(session["accessTokenExpiresAt"], json!(null));
    let text = machine.helper(&["status"]).expect_success().stdout;
    assert!(
        text.contains(
            "    for           every organization of its tenant but fabrikam\n    \
             signed in     just now (browser, with the client secret)\n"
        ),
        "{text}"
    );
    assert!(
        text.contains(
            "    access token  renewed by itself when git next asks\n    \
             allows        clone, fetch and push\n    \
             refused by    fabrikam, as it said just now; it is asked again when git next needs it\n"
        ),
        "{text}"
    );
    assert!(
        text.contains(
            "  which organization uses which\n    \
             fabrikam      nothing: Azure DevOps refused ada@contoso.example for organization fabrikam\n"
        ),
        "{text}"
    );
    fs::write(machine.state_dir().join("vault.json"), "{").expect("written");
    machine.sign_in();
    let aside = machine.state_dir().join("vault.json.corrupt-1");
    let status = machine.helper(&["status", "--json"]).expect_success().json();
    let named = status["store"]["setAside"].as_array().expect("a list");
    assert!(named.contains(&json!(aside)), "{named:?}");
    let text = machine.helper(&["status"]).expect_success().stdout;
    let said = format!("  note            damaged and set aside: {}\n", aside.display());
    assert!(text.contains(&said), "{text}");
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
            "dev.azure.com\n  methods         OAuth and PAT\n  file            {}\n  ! {why}\n\n{}",
            machine.integrations_file().display(),
            secrets(&machine)
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
            (
                "session",
                "\n  ada@contoso.example\n    for           every organization of its tenant\n",
            ),
            ("pats", "\n    contoso       ends in 30 days"),
            ("", "\ntfs.corp.example\n  methods         PAT\n"),
            ("", "\nWhere secrets are kept\n"),
            ("", "\n  public key      age1"),
        ] {
            assert_eq!(done.stdout.contains(line), of != kind, "{kind}: {}", done.stdout);
        }
        assert!(!done.stdout.contains("nobody is signed in"), "{}", done.stdout);
        let renewed = done.stdout.contains("    access token  ");
        assert_eq!(renewed, !matches!(kind, "access" | "session"), "{kind}: {}", done.stdout);
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
    assert!(
        done.stdout.starts_with("dev.azure.com\n  methods         OAuth and PAT\n"),
        "{}",
        done.stdout
    );
    assert!(done.stdout.contains("\nWhere secrets are kept\n"), "{}", done.stdout);
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
        "dev.azure.com\n  \
         methods         none: there is no integration for it any more\n  \
         signed in       {ADA}\n  \
         what to do      git-credential-ona-azure logout --all\n"
    );
    let text = machine.helper(&["status"]).stdout;
    assert_eq!(text.matches(&line).count(), 1, "{text}");
    let status = machine.helper(&["status", "--json"]).json();
    assert_eq!(
        status["withoutIntegration"],
        json!([{ "host": "dev.azure.com", "organization": null, "account": ADA }])
    );
    machine.helper(&["logout", "--all"]).expect_success();
    let text = machine.helper(&["status"]).stdout;
    assert!(!text.contains("no integration any more"), "{text}");
}

#[test]
fn removing_an_integration_forgets_what_was_kept_for_it() {
    let (machine, ..) = with_everything();
    let file = machine.integrations_file();
    machine.helper(&["integration", "remove", "dev.azure.com"]).expect(
        0,
        &format!(
            "The integration for dev.azure.com is removed from {}.\n{ALL_GONE}",
            file.display()
        ),
        &format!("{}{PATS_LIVE}", sign_ins_live()),
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
            "\n\n  nobody is signed in with OAuth\n    \
             what to do    git-credential-ona-azure login https://dev.azure.com\n\n  \
             no personal access token is kept\n\n"
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
        text.contains(
            "\n    ended         the integration was changed after the sign-in\n    \
             what to do    git-credential-ona-azure login https://dev.azure.com\n\n"
        ),
        "{text}"
    );
    // The same client without its secret: its last token is good until it ends.
    machine.integration_add(&["--host", "dev.azure.com", "--client-id", CLIENT_ID]);
    machine.integration_add(&["--host", "dev.azure.com", "--public-client"]).expect_success();
    let text = machine.helper(&["status"]).expect_success().stdout;
    assert!(
        text.contains("\n    access token  good for another hour, and there is no next one\n"),
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

/// Changes the tokens kept for a host, as the passing of time would.
fn change_pats(machine: &Machine, of: &str, change: impl FnOnce(&mut Vec<KeptPat>)) {
    machine.change(of, |kept: &mut Pats| change(&mut kept.pats));
}

#[test]
fn status_warns_of_tokens_that_end_with_the_command_that_renews_each() {
    const DAY: u64 = 24 * 60 * 60;
    let machine = Machine::new();
    machine.add_pat_integration("dev.azure.com", &[]);
    machine
        .add_pat_integration("tfs.corp.example", &["--virtual-directory", "/tfs", "--allow-http"]);
    for organization in ["contoso", "fabrikam", "northwind", "tailspin"] {
        machine.give_pat(&format!("https://dev.azure.com/{organization}"), organization, &[]);
    }
    let now = machine.pats("https://dev.azure.com")[0].kept_at;
    change_pats(&machine, "https://dev.azure.com", |pats| {
        let ends = [Some(now + 12 * DAY), Some(now + 2 * DAY + 3600), Some(now - 2 * DAY), None];
        for (pat, end) in pats.iter_mut().zip(ends) {
            pat.expires_at = end;
            pat.kept_at -= 18 * DAY;
        }
    });
    machine.give_pat(
        "https://tfs.corp.example/tfs/Team%20A",
        "a",
        &["--expires", "90d", "--username", "ada"],
    );
    machine.give_pat(
        "https://tfs.corp.example/tfs",
        "b",
        &["--expires", "1h", "--username", "CORP\\o'neil"],
    );
    machine.give_pat("http://tfs.corp.example/tfs/old", "c", &["--expires", "90d"]);
    let text = machine.helper(&["status"]).expect_success().stdout;
    let at = |at: u64, form: &str| {
        let at = i64::try_from(at).expect("in range");
        jiff::Timestamp::from_second(at).expect("in range").strftime(form).to_string()
    };
    let ends: Vec<_> = machine
        .pats("https://dev.azure.com")
        .iter()
        .map(|pat| pat.expires_at.unwrap_or_default())
        .collect();
    let minute = "%Y-%m-%d at %H:%M UTC";
    let cloud = format!(
        "
  personal access tokens
    contoso       ends in 12 days, on {}; kept 18 days ago
    fabrikam      ends soon: in 2 days, on {}; kept 18 days ago
    what to do    make a new one: git-credential-ona-azure login https://dev.azure.com/fabrikam --pat
    northwind     ran out 2 days ago, on {}; kept 18 days ago
    what to do    make a new one: git-credential-ona-azure login https://dev.azure.com/northwind --pat
    tailspin      its end is not known; kept 18 days ago

  which organization uses which
    contoso       its personal access token
    fabrikam      its personal access token
    northwind     nothing: the personal access token for northwind has run out
    tailspin      its personal access token
",
        at(ends[0], "%Y-%m-%d UTC"),
        at(ends[1], minute),
        at(ends[2], minute),
    );
    assert!(text.contains(&cloud), "{cloud}\n{text}");
    let servers = machine.pats("https://tfs.corp.example");
    let server = format!(
        "
  personal access tokens
    whole Server  ends soon: in 1 hour, on {}; user CORP\\o'neil; kept just now
    what to do    make a new one: git-credential-ona-azure login https://tfs.corp.example/tfs --pat \
         --username 'CORP\\o'\\''neil'
    old           ends in 90 days, on {}; over plain http; kept just now
    team a        ends in 90 days, on {}; user ada; kept just now

  which organization uses which
    team a        its personal access token
    old (http)    its personal access token
",
        at(servers[1].expires_at.expect("an end"), minute),
        at(machine.pats("http://tfs.corp.example")[0].expires_at.expect("an end"), "%Y-%m-%d UTC"),
        at(servers[0].expires_at.expect("an end"), "%Y-%m-%d UTC"),
    );
    assert!(text.contains(&server), "{server}\n{text}");
    let status = machine.helper(&["status", "--json"]).expect_success().json();
    let of = |host: usize, field: &str| -> Vec<_> {
        let pats = status["hosts"][host]["pats"].as_array().expect("a list");
        pats.iter().map(|pat| pat[field].clone()).collect()
    };
    assert_eq!(of(0, "state"), ["good", "soon", "over", "unknown"]);
    assert_eq!(of(1, "username"), [json!("CORP\\o'neil"), json!(null), json!("ada")]);
    assert_eq!(status["hosts"][0]["uses"][2]["with"], json!(null));
    assert_eq!(status["hosts"][1]["uses"][1]["url"], "http://tfs.corp.example/tfs/old");
    // Of a whole Server nothing is left to a collection but that.
    machine.helper(&["logout", "https://tfs.corp.example/tfs/team a"]).expect(
        0,
        "The personal access token of ada for tfs.corp.example/team a is forgotten.\n",
        &format!(
            "{}note: the personal access token for the whole of tfs.corp.example still serves it\n\
             hint: to end that too: git-credential-ona-azure logout https://tfs.corp.example\n",
            pat_lives("https://tfs.corp.example/tfs/team%20a/_usersSettings/tokens")
        ),
    );
    // What ran out is nothing to revoke.
    machine.helper(&["logout", "https://dev.azure.com/northwind"]).expect(
        0,
        "The personal access token for dev.azure.com/northwind is forgotten.\n",
        "",
    );
}

#[test]
fn status_tells_which_organization_uses_which_as_get_then_does() {
    let machine = Machine::signed_in();
    machine.login(&["https://dev.azure.com/fabrikam"], GRACE).expect_success();
    let northwind = machine.new_pat("northwind");
    let fabrikam = machine.new_pat("fabrikam");
    let refuse = |access: &mut Access| {
        access.refusals.push(OrganizationRefusal {
            organization: Organization::cloud("northwind").expect("a name"),
            until: access.issued_at + 480,
            asked_at: 0,
        });
    };
    machine.change_access(refuse);
    let block = |rows: &str| {
        let text = machine.helper(&["status"]).expect_success().stdout;
        assert!(text.contains(&format!("  which organization uses which\n{rows}\n")), "{text}");
    };
    block(
        "    fabrikam      grace@contoso.example\n    \
         northwind     its personal access token: Azure DevOps refused ada@contoso.example\n",
    );
    let ask = |organization: &str| {
        machine.get(format!("protocol=https\nhost=dev.azure.com\npath={organization}/a/_git/a\n"))
    };
    assert_eq!(ask("fabrikam").attribute("username"), Some(GRACE));
    assert_eq!(ask("northwind").password(), northwind);
    // A sign-in of an organization's own that is over is not replaced by the host's.
    machine.world.entra().revoke_refresh_tokens(Dead::Password);
    machine.change("dev.azure.com/fabrikam", |access: &mut Access| access.expires_at -= 4500);
    assert_eq!(ask("fabrikam").password(), fabrikam);
    let reason = |status: &Value| {
        let uses = status["hosts"][0]["uses"].as_array().expect("a list");
        let of = uses.iter().find(|one| one["organization"] == "fabrikam").expect("there");
        (of["with"].clone(), of["reason"].as_str().unwrap_or_default().to_owned())
    };
    let (with, why) = reason(&machine.helper(&["status", "--json"]).json());
    assert_eq!(with, "pat");
    assert!(why.starts_with("the sign-in of grace@contoso.example has ended: "), "{why}");
    let text = machine.helper(&["status"]).expect_success().stdout;
    assert!(
        text.contains(
            "    for           every organization of its tenant but fabrikam and northwind\n"
        ),
        "{text}"
    );
    assert!(
        text.contains(
            "    what to do    git-credential-ona-azure login https://dev.azure.com/fabrikam\n"
        ),
        "{text}"
    );
    // Only what git asks for is asked of anybody.
    let asked = machine.world.entra().token_requests("refresh_token");
    machine.helper(&["status"]).expect_success();
    assert_eq!(machine.world.entra().token_requests("refresh_token"), asked);
}

#[test]
fn status_tells_of_a_refresh_that_failed_and_of_one_that_will() {
    let machine = Machine::configured();
    machine.sign_in();
    machine.world.fail(Target::Token, Fault::Throttle { retry_after: Some(120) }, Times::Always);
    machine.age_access_token(4500);
    let failed = machine.get(CONTOSO_REQUEST);
    assert_eq!(failed.code, 5, "{failed:#?}");
    let (text, hint) = failed.stderr.split_once("\nhint: ").expect("a hint");
    let text = text.strip_prefix("error: ").expect("an error");
    let row = |again: &str| {
        format!(
            "    renewal       failed just now: {text}; tried again {again}\n    \
             what to do    {hint}    allows        clone, fetch and push\n"
        )
    };
    let said = machine.helper(&["status"]).expect_success().stdout;
    assert!(said.contains(&row("in 2 minutes")), "{said}");
    let status = machine.helper(&["status", "--json"]).json();
    let hold_off = &status["hosts"][0]["sessions"][0]["holdOff"];
    let kept = machine.access().and_then(|access| access.hold_off).expect("kept");
    assert_eq!(
        *hold_off,
        json!({
            "failedAt": kept.failed_at_ms / 1000,
            "until": kept.until,
            "text": text,
            "hint": hint.trim_end(),
        })
    );
    machine.change_access(|access| {
        access.hold_off.as_mut().expect("kept").until -= 120;
    });
    let said = machine.helper(&["status"]).expect_success().stdout;
    assert!(said.contains(&row("when git next asks")), "{said}");
    machine.world.clear_faults();
    machine.get(CONTOSO_REQUEST).expect_success();
    let said = machine.helper(&["status"]).expect_success().stdout;
    assert!(!said.contains("renewal"), "{said}");
    // Sealed for another machine: that can be told before git asks.
    let other = Machine::new();
    let key = other.helper(&["key", "init"]).expect_success().stdout.trim().to_owned();
    machine.add_integration(&["--recipient", &key]);
    let ours = machine.helper(&["key", "show"]).stdout.trim().to_owned();
    let said = machine.helper(&["status"]).expect_success().stdout;
    assert!(
        said.contains(&format!(
            "    renewal       will fail: the client secret is sealed to {key}, but the runner key here is {ours}\n    \
             what to do    give the secret again on this machine: "
        )),
        "{said}"
    );
    assert!(said.contains("    access token  good for another hour\n"), "{said}");
}

#[test]
fn status_tells_how_a_person_signed_in_and_what_they_may_do() {
    let machine = Machine::signed_in();
    let file = |scopes: &[&str], method: SignInMethod, mode: ClientMode| {
        machine.change("dev.azure.com", |session: &mut Session| {
            session.scopes = scopes.iter().map(ToString::to_string).collect();
            (session.method, session.mode) = (method, mode);
            session.signed_in_at -= 3 * 24 * 60 * 60;
            session.tenant = None;
        });
        let text = machine.helper(&["status"]).expect_success().stdout;
        let shown: Vec<_> = text
            .lines()
            .filter(|line| {
                ["for", "signed in", "allows"]
                    .iter()
                    .any(|label| line.starts_with(&format!("    {label} ")))
            })
            .map(|line| line[18..].to_owned())
            .collect();
        shown
    };
    assert_eq!(
        file(&["vso.code"], SignInMethod::Paste, ClientMode::Confidential),
        [
            "every organization",
            "3 days ago (pasted address, with the client secret)",
            "clone and fetch, but no push: vso.code_write is not granted",
        ]
    );
    assert_eq!(
        file(&["vso.code", "vso.code_write"], SignInMethod::Device, ClientMode::Public),
        [
            "every organization",
            "6 days ago (device code, without the client secret)",
            "clone, fetch and push",
        ]
    );
    let status = machine.helper(&["status", "--json"]).json();
    let session = &status["hosts"][0]["sessions"][0];
    assert_eq!((&session["method"], &session["allows"]), (&json!("device"), &json!("write")));
}

#[test]
fn status_says_that_tokens_of_a_method_that_is_off_are_not_used() {
    let machine = Machine::loaded();
    machine
        .helper(&["integration", "add", "--host", "dev.azure.com", "--no-test", "--no-pat"])
        .expect_success();
    let text = machine.helper(&["status"]).expect_success().stdout;
    assert!(
        text.contains(
            "\n\n  personal access tokens, none of which is used: they are off for this host\n    contoso       ends in "
        ),
        "{text}"
    );
    let turn =
        ["integration", "add", "--host", "dev.azure.com", "--no-test", "--no-oauth", "--pat"];
    machine.helper(&turn).expect_success();
    let text = machine.helper(&["status"]).expect_success().stdout;
    assert!(
        text.contains(
            "    ended         OAuth is not on any more\n    \
             what to do    to turn OAuth on again: git-credential-ona-azure integration add --host dev.azure.com "
        ),
        "{text}"
    );
    assert!(text.contains("\n    contoso       its personal access token\n"), "{text}");
}

#[test]
fn logout_of_a_sign_in_that_is_over_leaves_nothing_to_revoke() {
    let machine = Machine::signed_in();
    machine.world.entra().revoke_refresh_tokens(Dead::Password);
    machine.age_access_token(4500);
    assert_eq!(machine.get(CONTOSO_REQUEST).code, 4);
    machine.helper(&["logout", "https://dev.azure.com/contoso"]).expect(
        0,
        "Nothing was kept for https://dev.azure.com/contoso.\n",
        "",
    );
    machine.helper(&["logout"]).expect(
        0,
        "ada@contoso.example is signed out of dev.azure.com, for every organization.\n",
        "",
    );
}

#[test]
fn logout_says_what_is_forgotten_also_where_the_rest_cannot_be() {
    let machine = Machine::loaded();
    let pats = machine.entry("pats");
    let newer = b"onaz\x02of a later version";
    fs::write(&pats, newer).expect("written");
    let done = machine.helper(&["logout"]);
    assert_eq!(
        (done.code, &*done.stdout),
        (1, "ada@contoso.example is signed out of dev.azure.com, for every organization.\n"),
        "{done:#?}"
    );
    let failed = format!(
        "error: {} was written by a newer version of git-credential-ona-azure\n",
        pats.display()
    );
    assert!(done.stderr.starts_with(&format!("{SIGN_IN_LIVES}{failed}")), "{done:#?}");
    assert_eq!(fs::read(&pats).expect("there"), newer);
}
