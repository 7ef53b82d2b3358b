use std::fs;
use std::path::Path;

use super::*;
use crate::azure::Scheme;

const OAUTH: &str = r#""oauth": {"clientId": "c", "issuerUrl": "contoso.com"}"#;

fn paths(dir: &Path, system: Option<&str>, user: Option<&str>) -> Paths {
    let write = |name: &str, text: Option<&str>| {
        let path = dir.join(name);
        if let Some(text) = text {
            fs::write(&path, text).expect("written");
        }
        path
    };
    Paths {
        state_integrations: None,
        system_integrations: Some(write("system.json", system)),
        user_integrations: write("user.json", user),
        state: dir.join("state"),
        mounted_key: None,
    }
}

fn load(system: Option<&str>, user: Option<&str>) -> Result<Integrations, String> {
    let dir = tempfile::tempdir().expect("a directory");
    Integrations::load(&paths(dir.path(), system, user))
        .map_err(|error| error.to_string().replace(&format!("{}/", dir.path().display()), ""))
}

fn file(integrations: &str) -> String {
    format!(r#"{{"version": 1, "integrations": [{integrations}]}}"#)
}

fn summary(all: &Integrations) -> Vec<(String, bool, bool, String)> {
    all.all()
        .iter()
        .map(|found| {
            let one = &found.integration;
            let name = found.file.file_name().expect("a name").to_string_lossy().into_owned();
            (one.host.to_string(), one.oauth.is_some(), one.pat, name)
        })
        .collect()
}

#[test]
fn without_files_there_are_no_integrations() {
    let all = load(None, None).expect("nothing to be wrong");
    assert!(all.all().is_empty());
    assert_eq!(
        all.not_configured("dev.azure.com"),
        "Ona Cloud (US01) requires authentication with Source Control - the SCM integration for \
         host dev.azure.com is not configured"
    );
}

#[test]
fn the_users_file_wins_host_by_host() {
    let system = file(&format!(
        r#"{{"scmId": "azuredevops_entra", "host": "dev.azure.com", {OAUTH}}},
           {{"scmId": "azuredevops_server", "host": "tfs.corp.example", "pat": true}}"#
    ));
    // The same host by another of its names.
    let user =
        file(r#"{"scmId": "azuredevops_entra", "host": "acme.visualstudio.com", "pat": true}"#);
    let all = load(Some(&system), Some(&user)).expect("good files");
    assert_eq!(
        summary(&all),
        [
            ("dev.azure.com/acme".to_owned(), false, true, "user.json".to_owned()),
            ("tfs.corp.example".to_owned(), false, true, "system.json".to_owned()),
        ]
    );
    let place = Place::of(Scheme::Https, b"contoso.visualstudio.com").expect("a place");
    assert_eq!(all.of_place(&place).expect("found").file.file_name(), Some("user.json".as_ref()));
    let place = Place::of(Scheme::Https, b"tfs.corp.example:8443").expect("a place");
    assert!(all.of_place(&place).is_none(), "another port is another host");
}

#[test]
fn what_is_wrong_in_either_file_is_said() {
    let good = file(r#"{"scmId": "azuredevops_entra", "host": "dev.azure.com", "pat": true}"#);
    let newer = r#"{"version": 2}"#;
    for (system, user, said) in [
        (newer, good.as_str(), "system.json: version is 2, and this program knows 1"),
        (good.as_str(), newer, "user.json: version is 2, and this program knows 1"),
    ] {
        assert_eq!(load(Some(system), Some(user)).expect_err("broken"), said);
    }
}

#[test]
fn integrations_of_other_source_hosts_are_not_judged() {
    let foreign = file(
        r#"{"scmId": "github", "host": {"any": "shape"}, "oauth": [], "pat": 3},
           {"scmId": "gitlab", "host": "gitlab.com"}, {"scmId": "bitbucket"}"#,
    );
    assert!(load(None, Some(&foreign)).expect("a good file").all().is_empty());
}

#[test]
fn the_runner_has_the_name_the_users_file_gives_it() {
    let named = |name: &str| format!(r#"{{"version": 1, "runnerName": "{name}"}}"#);
    let (system, user) = (named("System"), named("User"));
    let name = |system: Option<&str>, user: Option<&str>| {
        let all = load(system, user).expect("good files");
        all.not_configured("x").split(" requires").next().expect("a word").to_owned()
    };
    assert_eq!(name(Some(&system), Some(&user)), "User");
    assert_eq!(name(Some(&system), None), "System");
    assert_eq!(name(Some(&system), Some(r#"{"version": 1, "runnerName": null}"#)), "System");
}

#[test]
fn an_edit_of_one_host_leaves_the_others_as_they_stand() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("integrations.json");
    let text = file(
        r#"{"scmId": "github", "host": "dev.azure.com", "x": 1},
           {"scmId": "azuredevops_entra", "host": "https://dev.azure.com/", "pat": true, "id": "i"}"#,
    );
    fs::write(&path, text).expect("written");
    IntegrationsFile::edit(&path, &HostKey::Cloud, |old| {
        let mut new = old.expect("there");
        new.bearer = true;
        Ok::<_, FileError>(Some(new))
    })
    .expect("edited");
    let root: serde_json::Value =
        serde_json::from_slice(&fs::read(&path).expect("readable")).expect("JSON");
    assert_eq!(
        root,
        serde_json::json!({
            "version": 1,
            "integrations": [
                { "scmId": "github", "host": "dev.azure.com", "x": 1 },
                { "scmId": "azuredevops_entra", "host": "dev.azure.com", "pat": true, "bearer": true, "id": "i" },
            ],
        })
    );
}
