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
fn the_users_file_wins_for_each_host_and_each_organization() {
    let system = file(&format!(
        r#"{{"scmId": "azuredevops_entra", "host": "dev.azure.com", {OAUTH}}},
           {{"scmId": "azuredevops_entra", "host": "dev.azure.com/acme", {OAUTH}}},
           {{"scmId": "azuredevops_server", "host": "tfs.corp.example", "pat": true}}"#
    ));
    // The same organization by another of its names.
    let user =
        file(r#"{"scmId": "azuredevops_entra", "host": "acme.visualstudio.com", "pat": true}"#);
    let all = load(Some(&system), Some(&user)).expect("good files");
    assert_eq!(
        summary(&all),
        [
            ("dev.azure.com/acme".to_owned(), false, true, "user.json".to_owned()),
            ("dev.azure.com".to_owned(), true, false, "system.json".to_owned()),
            ("tfs.corp.example".to_owned(), false, true, "system.json".to_owned()),
        ]
    );
    let file_of = |host: &str, organization: Option<&str>| {
        let place = Place::of(Scheme::Https, host.as_bytes()).expect("a place");
        let organization = organization.and_then(Organization::cloud);
        let found = all.of_place(&place, organization.as_ref())?;
        found.file.file_name().map(|name| name.to_string_lossy().into_owned())
    };
    for (host, organization, want) in [
        ("dev.azure.com", Some("acme"), Some("user.json")),
        ("dev.azure.com", Some("contoso"), Some("system.json")),
        ("dev.azure.com", None, Some("system.json")),
        ("tfs.corp.example", None, Some("system.json")),
        ("tfs.corp.example:8443", None, None),
    ] {
        assert_eq!(file_of(host, organization).as_deref(), want, "{host} {organization:?}");
    }
}

#[test]
fn an_integration_of_one_organization_serves_no_other() {
    let of = |hosts: &[&str]| {
        let each: Vec<_> = hosts
            .iter()
            .map(|host| {
                format!(r#"{{"scmId": "azuredevops_entra", "host": "{host}", "pat": true}}"#)
            })
            .collect();
        load(None, Some(&file(&each.join(",")))).expect("a good file")
    };
    for (hosts, organization, want) in [
        (&["dev.azure.com/acme"][..], Some("acme"), Some("dev.azure.com/acme")),
        (&["dev.azure.com/acme"], Some("globex"), None),
        (&["dev.azure.com/acme"], None, Some("dev.azure.com/acme")),
        (
            &["dev.azure.com/acme", "dev.azure.com/globex"],
            Some("Globex"),
            Some("dev.azure.com/globex"),
        ),
        (&["dev.azure.com/acme", "dev.azure.com/globex"], None, None),
        (&["dev.azure.com/acme", "dev.azure.com"], None, Some("dev.azure.com")),
        (&["dev.azure.com/acme", "dev.azure.com"], Some("globex"), Some("dev.azure.com")),
        (&["dev.azure.com/acme", "dev.azure.com"], Some("acme"), Some("dev.azure.com/acme")),
    ] {
        let all = of(hosts);
        let organization = organization.and_then(Organization::cloud);
        let found = all.find(&HostKey::Cloud, organization.as_ref());
        let host = found.map(|found| found.integration.host.to_string());
        assert_eq!(host.as_deref(), want, "{hosts:?} {organization:?}");
    }
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
    IntegrationsFile::edit(&path, &HostSpec::whole(HostKey::Cloud), |old| {
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
