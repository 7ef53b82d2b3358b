//! A host that fails stays as it was, whatever else it was given and however the rest fares.

use serde_json::{Value, json};
use standins::{ADA, Dead};

use crate::common::*;
use crate::given::*;

const DEAD: &str = "1.dead.refresh-token-that-nobody-issued";

fn contoso(host: Value, tokens: &[Value]) -> Value {
    json!({ "integrations": [host], "tokens": tokens })
}

fn pat_of(machine: &Machine) -> (String, Value) {
    let pat = machine.world.azure().add_pat("contoso", standins::Pat::read_write());
    let token = json!({ "host": "dev.azure.com", "organization": "contoso", "token": pat });
    (pat, token)
}

#[test]
fn of_two_tokens_none_is_kept_where_one_is_dead() {
    let machine = Machine::new();
    let (_, pat) = pat_of(&machine);
    let dead = json!({ "host": "dev.azure.com", "refreshToken": DEAD });
    for tokens in [[pat.clone(), dead.clone()], [dead.clone(), pat.clone()]] {
        let done = machine.bootstrap_from(&contoso(cloud("dev.azure.com"), &tokens), &[]);
        assert_eq!(done.code, 4, "{done:#?}");
        assert_eq!(machine.pat_secrets("https://dev.azure.com"), []);
        assert!(!machine.integrations_file().exists());
    }
    // Nor does a new one take the place of one that works.
    let (old, first) = pat_of(&machine);
    machine.bootstrap_from(&contoso(cloud("dev.azure.com"), &[first]), &[]).expect_success();
    let done = machine.bootstrap_from(&contoso(cloud("dev.azure.com"), &[pat, dead]), &[]);
    assert_eq!(done.code, 4, "{done:#?}");
    assert_eq!(machine.pat_secrets("https://dev.azure.com"), [(Some("contoso".to_owned()), old)]);
}

#[test]
fn a_refresh_token_that_was_spent_is_kept_though_a_later_one_is_dead() {
    let machine = Machine::new();
    let token = refresh_token(&machine.world, ADA);
    let tokens = [
        json!({ "host": "dev.azure.com", "refreshToken": token }),
        json!({ "host": "dev.azure.com", "organization": "fabrikam", "refreshToken": DEAD }),
    ];
    let document = contoso(cloud("dev.azure.com"), &tokens);
    let done = machine.bootstrap_from(&document, &[]);
    assert_eq!(done.code, 4, "{done:#?}");
    assert_eq!(machine.session().account, ADA);
    // The corrected run does not redeem its ancestor once more.
    machine.world.entra().strict_rotation(true);
    let document = contoso(cloud("dev.azure.com"), &tokens[..1]);
    machine.bootstrap_from(&document, &[]).expect_success();
    machine.set_up_git();
    machine.get(CONTOSO_REQUEST).expect_success();
}

#[test]
fn prune_takes_nothing_of_a_host_that_fails_and_nothing_at_all_where_all_do() {
    let machine = Machine::new();
    let (old, pat) = pat_of(&machine);
    let server_pat =
        json!({ "host": "tfs.corp.example", "token": machine.world.server().add_pat() });
    let all = json!({
        "integrations": [cloud("dev.azure.com"), server()],
        "tokens": [pat, server_pat],
    });
    machine.bootstrap_from(&all, &[]).expect_success();
    let mut wrong = cloud("dev.azure.com");
    wrong["oauth"]["plaintextClientSecret"] = json!("wrong");
    let before = machine.everything();
    let done = machine.bootstrap_from(&contoso(wrong.clone(), &[]), &["--prune"]);
    assert_eq!(done.code, 1, "{done:#?}");
    assert!(machine.everything() == before, "not a byte is other");
    // With another host that works, what is no longer given of that one goes.
    let some = json!({ "integrations": [wrong, server()], "tokens": [server_pat] });
    machine.bootstrap_from(&some, &["--prune"]);
    assert_eq!(machine.pat_secrets("https://dev.azure.com"), [(Some("contoso".to_owned()), old)]);
}

#[test]
fn a_sign_in_that_has_died_at_the_issuer_is_not_called_verified() {
    let (machine, _) = with_refresh_token();
    machine.bootstrap(&[]).expect_success();
    machine.world.entra().revoke_refresh_tokens(Dead::Password);
    machine.age_access_token(120);
    let done = machine.bootstrap(&["--json"]);
    assert_eq!(done.code, 4, "{done:#?}");
    assert_eq!(done.json()["hosts"][0]["ok"], false);
}

#[test]
fn a_secret_that_is_empty_or_misspelt_makes_no_public_client() {
    let mut machine = machine();
    machine.set("ONA_AZURE_CLIENT_SECRET", "");
    machine.bootstrap(&[]).expect(
        2,
        "",
        "error: ONA_AZURE_CLIENT_SECRET is set and empty; give the client secret, or unset the \
         variable where the app has none\n",
    );
    let mut host = cloud("dev.azure.com");
    host["oauth"]["plainTextClientSecret"] = host["oauth"]["plaintextClientSecret"].take();
    host["oauth"].as_object_mut().expect("an object").remove("plaintextClientSecret");
    let done = machine.bootstrap_from(&contoso(host, &[]), &["--json"]);
    assert_eq!(done.code, 2, "{done:#?}");
    assert_eq!(done.json()["error"]["exit"], 2);
    assert!(!machine.integrations_file().exists());
}

#[test]
fn a_pipe_that_nobody_writes_to_is_not_waited_for_for_ever() {
    let mut machine = machine();
    let pipe = machine.mounts().join("pipe");
    let made = machine.command("mkfifo").arg(&pipe).status().expect("mkfifo");
    assert!(made.success());
    machine.set("ONA_AZURE_PAT_FILE", pipe.to_str().expect("text"));
    let done = machine.bootstrap(&[]);
    assert_ne!(done.code, 0, "{done:#?}");
    assert!(done.stderr.contains("a pipe that nobody writes to"), "{done:#?}");
}
