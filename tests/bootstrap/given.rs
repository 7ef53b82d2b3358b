//! What the tests hand over.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::{Value, json};
use standins::{CLIENT_ID, CLIENT_SECRET, CONTOSO, World};

use crate::common::*;

/// The Issuer URL of Contoso.
pub(crate) fn issuer() -> String {
    format!("https://login.microsoftonline.com/{CONTOSO}/oauth2/v2.0")
}

/// A machine whose environment gives the integration of the stand-ins.
pub(crate) fn machine() -> Machine {
    let mut machine = Machine::new();
    give_oauth(&mut machine);
    machine
}

pub(crate) fn give_oauth(machine: &mut Machine) {
    machine.set("ONA_AZURE_HOST", "dev.azure.com");
    machine.set("ONA_AZURE_ISSUER_URL", issuer());
    machine.set("ONA_AZURE_CLIENT_ID", CLIENT_ID);
    machine.set("ONA_AZURE_CLIENT_SECRET", CLIENT_SECRET);
}

/// A machine that is given a sign-in of Ada's, too, and the refresh token of it.
pub(crate) fn with_refresh_token() -> (Machine, String) {
    let mut machine = machine();
    let token = refresh_token(&machine.world, standins::ADA);
    machine.set("ONA_AZURE_REFRESH_TOKEN", &*token);
    (machine, token)
}

/// A machine that is given a personal access token of `contoso` and nothing else.
pub(crate) fn with_pat() -> (Machine, String) {
    let mut machine = Machine::new();
    let pat = machine.world.azure().add_pat("contoso", standins::Pat::read_write());
    machine.set("ONA_AZURE_HOST", "dev.azure.com/contoso");
    machine.set("ONA_AZURE_PAT", &*pat);
    (machine, pat)
}

/// The refresh token of a sign-in made elsewhere, with the client secret.
pub(crate) fn refresh_token(world: &World, account: &str) -> String {
    const SCOPES: &str = "openid profile offline_access \
        499b84ac-1321-427f-aa17-267ca6975798/vso.code \
        499b84ac-1321-427f-aa17-267ca6975798/vso.code_write";
    let redirect = "http://localhost/ona-azure";
    let base = issuer();
    let query = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs([
            ("client_id", CLIENT_ID),
            ("response_type", "code"),
            ("redirect_uri", redirect),
            ("scope", SCOPES),
            ("state", "elsewhere"),
        ])
        .finish();
    let end = world.browse_elsewhere(&format!("{base}/authorize?{query}"), account);
    let end = url::Url::parse(&end).expect("an address");
    let pairs: BTreeMap<_, _> = end.query_pairs().collect();
    let code = pairs.get("code").unwrap_or_else(|| panic!("no code: {end}"));
    let form = [
        ("grant_type", "authorization_code"),
        ("client_id", CLIENT_ID),
        ("client_secret", CLIENT_SECRET),
        ("redirect_uri", redirect),
        ("code", code),
    ];
    let reply = world.client().post_form(&format!("{base}/token"), &form).expect("an answer");
    reply.json()["refresh_token"].as_str().expect("a refresh token").to_owned()
}

/// `dev.azure.com` in a document, with the client secret in clear.
pub(crate) fn cloud(host: &str) -> Value {
    json!({
        "scmId": "azuredevops_entra",
        "host": host,
        "pat": true,
        "oauth": {
            "clientId": CLIENT_ID,
            "issuerUrl": issuer(),
            "plaintextClientSecret": CLIENT_SECRET,
        },
    })
}

/// The Server in a document.
pub(crate) fn server() -> Value {
    json!({
        "scmId": "azuredevops_server",
        "host": "tfs.corp.example",
        "pat": true,
        "virtualDirectory": "/tfs",
    })
}

impl Machine {
    pub(crate) fn bootstrap(&self, arguments: &[&str]) -> Done {
        self.helper(&[&["bootstrap"], arguments].concat())
    }

    /// A bootstrap of a document on standard input.
    pub(crate) fn bootstrap_from(&self, document: &Value, arguments: &[&str]) -> Done {
        let arguments = [&["bootstrap", "--from", "-"], arguments].concat();
        self.helper_with(&arguments, document.to_string())
    }

    /// Writes a file that may hold a secret, outside the home.
    pub(crate) fn mount(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.mounts().join(name);
        std::fs::write(&path, content).expect("written");
        path
    }

    pub(crate) fn mounts(&self) -> PathBuf {
        let path = self.home().parent().expect("a directory").join("mounts");
        std::fs::create_dir_all(&path).expect("made");
        path
    }

    /// Every file of the home with its bytes, lock files left out.
    pub(crate) fn everything(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let files = self.all_files().into_iter();
        files
            .filter(|path| !path.to_string_lossy().ends_with(".lock"))
            .map(|path| (path.clone(), std::fs::read(&path).expect("readable")))
            .collect()
    }

    /// The requests so far, in short: `POST login.microsoftonline.com refresh_token`.
    pub(crate) fn asked(&self) -> Vec<String> {
        let requests = self.world.requests();
        let short = requests.iter().map(|seen| {
            let path = seen.path.split('?').next().unwrap_or_default();
            let last = path.rsplit('/').next().unwrap_or_default();
            format!("{} {} {}", seen.method, seen.host, seen.grant.as_deref().unwrap_or(last))
        });
        short.collect()
    }
}

/// Fails unless it ended with this exit code, said one line on stderr that holds these words, and
/// nothing on stdout.
#[track_caller]
pub(crate) fn expect_one_line(done: &Done, code: i32, words: &[&str]) {
    assert_eq!(done.code, code, "{done:#?}");
    let one_line = done.stderr.starts_with("error: ") && done.stderr.lines().count() == 1;
    assert!(one_line, "{done:#?}");
    assert!(words.iter().all(|word| done.stderr.contains(word)), "{words:?}: {done:#?}");
}
