//! The client secret: sealed to the runner key, of use to whoever holds that key only.

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::has;
use common::system::holding;
use common::*;
use serde_json::{Value, json};
use standins::{CLIENT_ID, CLIENT_SECRET};

const NOTHING: [&str; 0] = [];
const ARMOR: &str = "-----BEGIN AGE ENCRYPTED FILE-----\n";

fn public_key(machine: &Machine) -> String {
    let done = machine.helper(&["key", "show"]).expect_success();
    let key = done.stdout.trim_end().to_owned();
    assert!(key.starts_with("age1") && key.len() == 62, "{key}");
    assert_eq!(done.stdout, format!("{key}\n"), "nothing else, so that scripts can use it");
    key
}

fn read_integrations(machine: &Machine) -> Value {
    let text = fs::read(machine.integrations_file()).expect("there");
    serde_json::from_slice(&text).expect("JSON")
}

/// Changes the OAuth part of the one integration, as an administrator would in an editor.
fn edit_oauth(machine: &Machine, change: impl FnOnce(&mut Value)) {
    let mut root = read_integrations(machine);
    change(&mut root["integrations"][0]["oauth"]);
    let text = serde_json::to_vec_pretty(&root).expect("JSON");
    fs::write(machine.integrations_file(), text).expect("written");
}

/// A runner key of somewhere else, and its public half.
fn other_key(machine: &Machine) -> (String, String) {
    let path = machine.home().join("elsewhere/other.key");
    let mut command = machine.command(PROGRAM);
    let done = run(command.args(["key", "init"]).env("ONA_AZURE_KEY_FILE", &path), b"");
    let public = done.expect_success().stdout.trim_end().to_owned();
    (path.to_str().expect("text").to_owned(), public)
}

fn seal_with_age(machine: &Machine, public: &str, plain: &str) -> String {
    let done = run(machine.command("age").args(["-a", "-r", public]), plain.as_bytes());
    done.expect_success().stdout
}

#[test]
fn it_is_sealed_when_it_is_added_and_in_clear_nowhere() {
    let machine = Machine::configured();
    let sealed = &read_integrations(&machine)["integrations"][0]["oauth"]["encryptedClientSecret"];
    assert!(sealed.as_str().is_some_and(|text| text.starts_with(ARMOR)), "{sealed}");
    machine.sign_in();
    machine.age_access_token(4600);
    machine.get(CONTOSO_REQUEST).expect_success();
    let form = machine.world.entra().last_token_form();
    let sent = form.iter().find(|(name, _)| name == "client_secret").map(|(_, value)| value);
    assert_eq!(sent.map(String::as_str), Some(CLIENT_SECRET), "it was in use");
    let files = machine.all_files();
    assert!(files.len() > 5, "{files:?}");
    assert_eq!(holding(&files, CLIENT_SECRET.as_bytes()), Vec::<&PathBuf>::new());
    let shown = [
        machine.helper(&["integration", "show", "dev.azure.com"]),
        machine.helper(&["integration", "show", "dev.azure.com", "--json"]),
        machine.helper(&["integration", "list", "--json"]),
        machine.helper(&["status", "--json"]),
    ];
    for done in shown {
        let done = done.expect_success();
        assert!(!done.stdout.contains(CLIENT_SECRET) && !done.stdout.contains(ARMOR.trim_end()));
    }
}

#[test]
fn key_show_and_key_init_print_the_public_half_only() {
    let machine = Machine::new();
    let none = machine.helper(&["key", "show"]);
    assert_eq!((none.code, none.stdout.as_str()), (1, ""));
    assert_eq!(
        none.stderr,
        "error: there is no runner key yet\nhint: make one with: git-credential-ona-azure key init\n"
    );
    assert!(!machine.state_dir().exists(), "to look makes no key");
    let made = machine.helper(&["key", "init"]).expect_success();
    assert_eq!(made.stdout.trim_end(), public_key(&machine));
    let again = machine.helper(&["key", "init"]).expect_success();
    assert_eq!(again, made, "a key that is there stays");
    let file = fs::read_to_string(machine.state_dir().join("runner.key")).expect("a key");
    assert!(file.contains("\nAGE-SECRET-KEY-1"));
    assert!(!made.stdout.contains("SECRET"));
    if has("age-keygen") {
        let path = machine.state_dir().join("runner.key");
        let done = run(machine.command("age-keygen").arg("-y").arg(path), b"").expect_success();
        assert_eq!(done.stdout, made.stdout, "age reads the same key from it");
    }
}

#[test]
fn a_mounted_key_is_used_and_none_is_made_beside_the_vault() {
    let mut machine = Machine::new();
    let mounted = machine.home().join("secrets/runner.key");
    machine.set("ONA_AZURE_KEY_FILE", mounted.to_str().expect("text"));
    let made = machine.helper(&["key", "init"]).expect_success();
    assert_eq!(made.stdout.trim_end(), public_key(&machine));
    machine.add_integration(&["--pat"]);
    machine.sign_in();
    machine.get(CONTOSO_REQUEST).expect_success();
    assert!(mounted.exists());
    assert!(!machine.state_dir().join("runner.key").exists());
    let status = machine.helper(&["status"]).expect_success();
    assert!(
        status.stdout.contains(&format!(
            "sealed to the runner key in {} (ONA_AZURE_KEY_FILE)",
            mounted.display()
        )),
        "{}",
        status.stdout
    );
}

#[test]
fn a_mounted_key_of_age_keygen_serves() {
    if !has("age-keygen") {
        return;
    }
    let mut machine = Machine::new();
    let mounted = machine.home().join("age.key");
    run(machine.command("age-keygen").arg("-o").arg(&mounted), b"").expect_success();
    machine.set("ONA_AZURE_KEY_FILE", mounted.to_str().expect("text"));
    machine.add_integration(&[]);
    machine.sign_in();
    machine.get(CONTOSO_REQUEST).expect_success();
}

#[test]
fn a_mounted_key_that_is_missing_or_malformed_is_named_and_left_alone() {
    let mut machine = Machine::signed_in();
    let mounted = machine.home().join("secrets/runner.key");
    machine.set("ONA_AZURE_KEY_FILE", mounted.to_str().expect("text"));
    let before = machine.state();
    let missing = machine.get(CONTOSO_REQUEST);
    assert_eq!(
        missing,
        Done {
            code: 1,
            stdout: "quit=1\n".to_owned(),
            stderr: format!(
                "error: ONA_AZURE_KEY_FILE names {}, which does not exist\nhint: mount the secret there, \
                 or make a key in that place: git-credential-ona-azure key init\n",
                mounted.display()
            ),
        }
    );
    let added = machine.try_add_integration(&[]);
    assert_eq!(added.code, 1, "{added:#?}");
    assert!(!mounted.exists(), "only `key init` makes it");
    fs::create_dir(mounted.parent().expect("one")).expect("made");
    for content in ["", "hunter2\n", "AGE-SECRET-KEY-1NONSENSE\n", "age1notsecret\n"] {
        fs::write(&mounted, content).expect("written");
        let done = machine.get(CONTOSO_REQUEST);
        assert_eq!((done.code, done.stdout.as_str()), (1, "quit=1\n"), "{content:?}");
        assert!(
            done.stderr
                .starts_with(&format!("error: {} holds no age X25519 identity", mounted.display())),
            "{}",
            done.stderr
        );
        assert!(!done.stderr.contains("hunter2"), "what is in there may be a secret");
        let init = machine.helper(&["key", "init"]);
        assert_eq!(init.code, 1, "{init:#?}");
        assert_eq!(fs::read_to_string(&mounted).expect("there"), content, "left as it is");
    }
    assert_eq!(machine.changed_since(&before), NOTHING);
}

#[test]
fn it_can_be_sealed_to_keys_of_other_places() {
    let mut machine = Machine::new();
    let (path, public) = other_key(&machine);
    let own = machine.helper(&["key", "init"]).expect_success().stdout.trim_end().to_owned();
    let done = machine.try_add_integration(&["--recipient", &public]).expect_success();
    assert!(
        done.stdout.contains(&format!("The client secret is sealed to {public}.")),
        "{done:#?}"
    );
    let login = machine.helper(&["login"]);
    assert_eq!(login.code, 1, "{login:#?}");
    assert_eq!(
        login.stderr,
        format!(
            "error: the client secret is sealed to {public}, but the runner key here is {own}\n\
             hint: give the secret again on this machine: git-credential-ona-azure integration add \
             --host dev.azure.com --client-secret-stdin\n"
        )
    );
    // To both: either opens it.
    machine.try_add_integration(&["--recipient", &public, "--recipient", &own]).expect_success();
    machine.sign_in();
    machine.set("ONA_AZURE_KEY_FILE", path);
    machine.set("ONA_AZURE_STATE_DIR", machine.home().join("state-2").to_str().expect("text"));
    machine.sign_in();
    let no_key = machine.try_add_integration(&["--recipient", "age1nonsense"]);
    assert_eq!(no_key.code, 2, "{no_key:#?}");
    assert!(
        no_key.stderr.starts_with("error: \"age1nonsense\" is no age public key"),
        "{no_key:#?}"
    );
}

#[test]
fn what_an_administrator_sealed_with_age_opens_here() {
    if !has("age") {
        return;
    }
    let machine = Machine::configured();
    let public = public_key(&machine);
    // From `echo`, from `printf`, and from an editor on Windows.
    for end in ["", "\n", "\r\n"] {
        let sealed = seal_with_age(&machine, &public, &format!("{CLIENT_SECRET}{end}"));
        assert!(sealed.starts_with(ARMOR), "{sealed}");
        edit_oauth(&machine, |oauth| {
            oauth["encryptedClientSecret"] = json!(sealed);
            oauth.as_object_mut().expect("an object").remove("recipients");
        });
        machine.sign_in();
        machine.age_access_token(4600);
        machine.get(CONTOSO_REQUEST).expect_success();
    }
    // And what is sealed here opens with age.
    let root = {
        machine.add_integration(&[]);
        read_integrations(&machine)
    };
    let sealed = root["integrations"][0]["oauth"]["encryptedClientSecret"].as_str().expect("text");
    let key = machine.state_dir().join("runner.key");
    let done = run(machine.command("age").args(["-d", "-i"]).arg(key), sealed.as_bytes());
    assert_eq!(done.expect_success().stdout, CLIENT_SECRET);
}

/// Signed in, the token run out, and the client secret since sealed to another key.
fn sealed_elsewhere() -> (Machine, String, String) {
    let machine = Machine::signed_in();
    let own = public_key(&machine);
    let (_, other) = other_key(&machine);
    machine.try_add_integration(&["--recipient", &other]).expect_success();
    machine.age_access_token(4600);
    (machine, own, other)
}

#[test]
fn with_another_key_get_says_both_and_asks_for_the_step_that_mends_it() {
    let (machine, own, other) = sealed_elsewhere();
    let before = machine.state();
    let seen = machine.world.requests().len();
    let done = machine.get(CONTOSO_REQUEST);
    assert_eq!(
        done,
        Done {
            code: 1,
            stdout: "quit=1\n".to_owned(),
            stderr: format!(
                "error: the client secret is sealed to {other}, but the runner key here is {own}\n\
                 hint: give the secret again on this machine: git-credential-ona-azure integration add \
                 --host dev.azure.com --client-secret-stdin\n"
            ),
        }
    );
    assert_eq!(machine.changed_since(&before), NOTHING, "the session is kept");
    assert_eq!(machine.world.requests().len(), seen, "and nobody was asked");
    // Given again, the session goes on where it was.
    machine.add_integration(&[]);
    machine.get(CONTOSO_REQUEST).expect_success();
}

#[test]
fn with_another_key_get_falls_back_to_the_pat() {
    let (machine, own, other) = sealed_elsewhere();
    machine.give_pat("https://dev.azure.com/contoso", "contoso-pat", &[]);
    let done = machine.get(CONTOSO_REQUEST).expect_success();
    assert_eq!(done.password(), "contoso-pat");
    assert_eq!(
        done.stderr,
        format!(
            "warning: using the personal access token for contoso: the client secret is sealed to \
             {other}, but the runner key here is {own}\n"
        )
    );
}

#[test]
fn what_is_no_age_file_is_said_to_be_none() {
    let machine = Machine::signed_in();
    machine.age_access_token(4600);
    let sealed = read_integrations(&machine)["integrations"][0]["oauth"]["encryptedClientSecret"]
        .as_str()
        .expect("text")
        .to_owned();
    let truncated = &sealed[..sealed.len() / 2];
    for text in [CLIENT_SECRET, "", ARMOR, truncated] {
        edit_oauth(&machine, |oauth| oauth["encryptedClientSecret"] = json!(text));
        let done = machine.get(CONTOSO_REQUEST);
        assert_eq!((done.code, done.stdout.as_str()), (1, "quit=1\n"), "{text:?}: {done:#?}");
        assert!(done.stderr.contains("encryptedClientSecret"), "{text:?}: {}", done.stderr);
        assert!(!done.stderr.contains(CLIENT_SECRET), "it may be the secret in clear");
    }
}

#[test]
fn a_secret_in_clear_in_the_file_is_refused_by_the_name_of_its_field() {
    let machine = Machine::configured();
    let good = machine.integrations();
    const PLACES: [(&str, &str); 6] = [
        ("/integrations/0/oauth", "clientSecret"),
        ("/integrations/0/oauth", "client_secret"),
        ("/integrations/0/oauth", "secret"),
        ("/integrations/0/oauth", "oauthPlaintextClientSecret"),
        ("/integrations/0", "oauthPlaintextClientSecret"),
        ("/integrations/0", "clientSecret"),
    ];
    for (object, name) in PLACES {
        let mut root = good.clone();
        root.pointer_mut(object).expect("there")[name] = json!(CLIENT_SECRET);
        machine.write_integrations(&root.to_string());
        let field = format!(
            "integrations[0]{}.{name}",
            if object.ends_with("oauth") { ".oauth" } else { "" }
        );
        let stderr = format!(
            "error: {}: {field} holds a client secret in clear\n\
             hint: remove the field, revoke that secret (Certificates & secrets), and give a new one \
             to: git-credential-ona-azure integration add --host dev.azure.com --client-secret-stdin\n",
            machine.integrations_file().display()
        );
        machine.get(CONTOSO_REQUEST).expect(1, "quit=1\n", &stderr);
        machine.integration_add(&["--host", "dev.azure.com", "--pat"]).expect(1, "", &stderr);
    }
    // Another tool's field that is there and says nothing.
    let mut root = good;
    root["integrations"][0]["oauth"]["clientSecret"] = Value::Null;
    machine.write_integrations(&root.to_string());
    machine.helper(&["integration", "list"]).expect_success();
}

#[test]
fn for_the_whole_machine_it_is_sealed_to_no_key_of_one_account() {
    let machine = Machine::new();
    let done = machine.try_add_integration(&["--system"]);
    assert_eq!((done.code, done.stdout.as_str()), (2, ""), "{done:#?}");
    assert_eq!(
        done.stderr,
        "error: an integration of the whole machine is sealed to no key that everybody who is to use \
         it has\nhint: name the runner's public keys with --recipient age1…, or its key file in \
         ONA_AZURE_KEY_FILE\n"
    );
    assert!(!machine.state_dir().exists(), "no key is made for it");
}

#[test]
fn for_the_whole_machine_it_is_sealed_to_a_mounted_key_or_to_recipients() {
    let mut machine = Machine::new();
    let (path, public) = other_key(&machine);
    machine.set("FILE", path);
    machine.set("PUBLIC", &*public);
    machine.set("CLIENT", CLIENT_ID);
    machine.set("SECRET", CLIENT_SECRET);
    let done = machine.script_with_mounts(
        r#"
        umask 077
        cp -a /etc "$HOME/etc"
        mount --bind "$HOME/etc" /etc
        add() {
            printf %s "$SECRET" | "$PROGRAM" integration add --system --host dev.azure.com --no-test \
                --issuer-url https://login.microsoftonline.com/contoso.com/oauth2/v2.0 \
                --client-id "$CLIENT" --client-secret-stdin "$@"
        }
        add --recipient "$PUBLIC"
        cp /etc/git-credential-ona-azure/integrations.json "$HOME/by-recipient.json"
        rm /etc/git-credential-ona-azure/integrations.json
        ONA_AZURE_KEY_FILE="$FILE" add
        cp /etc/git-credential-ona-azure/integrations.json "$HOME/by-key.json"
        "$PROGRAM" integration list
        "#,
        "",
    );
    let Some(done) = done else { return };
    let done = done.expect_success();
    let file = "/etc/git-credential-ona-azure/integrations.json";
    assert!(done.stdout.ends_with(&format!("dev.azure.com  azuredevops_entra  OAuth  {file}\n")));
    assert!(!Path::new(file).exists(), "the machine of the test is as it was");
    for name in ["by-recipient.json", "by-key.json"] {
        let text = fs::read_to_string(machine.home().join(name)).expect("there");
        let root: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(root["integrations"][0]["oauth"]["recipients"], json!([public]), "{name}");
    }
    assert!(!machine.state_dir().join("runner.key").exists());
}

#[test]
fn for_the_whole_machine_nothing_is_taken_over_from_the_users_own() {
    let machine = Machine::new();
    machine.add_integration(&["--bearer"]);
    let done = machine.script_with_mounts(
        r#"
        cp -a /etc "$HOME/etc"
        mount --bind "$HOME/etc" /etc
        "$PROGRAM" integration add --system --host dev.azure.com --pat --no-test
        cp /etc/git-credential-ona-azure/integrations.json "$HOME/system.json"
        "#,
        "",
    );
    let Some(done) = done else { return };
    done.expect_success();
    let text = fs::read_to_string(machine.home().join("system.json")).expect("there");
    let root: Value = serde_json::from_str(&text).expect("JSON");
    let all = json!([{ "scmId": "azuredevops_entra", "host": "dev.azure.com", "pat": true }]);
    assert_eq!(root["integrations"], all);
}

#[test]
fn only_a_secret_needs_a_key() {
    let machine = Machine::new();
    let public = machine.helper(&["key", "init"]).stdout;
    let add = ["integration", "add", "--host", "tfs.corp.example", "--pat", "--no-test"];
    let done = machine.helper(&[&add[..], &["--recipient", public.trim()]].concat());
    assert_eq!((done.code, done.stdout.as_str()), (2, ""), "{done:#?}");
    assert!(done.stderr.contains("--recipient"), "{done:#?}");
    assert!(!machine.integrations_file().exists());
    let done = machine.script_with_mounts(
        r#"
        cp -a /etc "$HOME/etc"
        mount --bind "$HOME/etc" /etc
        "$PROGRAM" integration add --system --host tfs.corp.example --pat --no-test
        "#,
        "",
    );
    let Some(done) = done else { return };
    done.expect_success();
}
