use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use proptest::prelude::*;

use super::*;
use crate::doctor::Done;

fn mask(names: &[(Kind, &str)], learned: &[&str]) -> Mask {
    let mut mask = Mask::default();
    names.iter().for_each(|(kind, name)| mask.add(*kind, name));
    learned.iter().for_each(|text| mask.learn(text));
    mask
}

#[test]
fn a_name_has_one_stand_in_wherever_it_is_met() {
    let mask = mask(
        &[
            (Kind::Account, "ada@contoso.example"),
            (Kind::Organization, "contoso"),
            (Kind::Organization, "fabrikam"),
            (Kind::Project, "My App"),
            (Kind::Server, "tfs.corp.example"),
            (Kind::Home, "/home/ada"),
            (Kind::User, "ada"),
            (Kind::Repository, "O'Brien's"),
        ],
        &[],
    );
    for (text, masked) in [
        ("Ada@Contoso.example may push", "account-1 may push"),
        ("login_hint=ada%40contoso.example&x", "login_hint=account-1&x"),
        ("login_hint=ada%2540contoso.example", "login_hint=account-1"),
        (
            "https://dev.azure.com/CONTOSO/My%20App/_git/x",
            "https://dev.azure.com/organization-1/project-1/_git/x",
        ),
        ("https://fabrikam.visualstudio.com", "https://organization-2.visualstudio.com"),
        ("contosocorp", "organization-1corp"),
        ("q=my+app", "q=project-1"),
        ("https://tfs.corp.example:8080/tfs", "https://server-1.example:8080/tfs"),
        ("/home/ada/work", "~/work"),
        ("/home/adam/work", "/home/adam/work"),
        ("ada adamant", "user-1 adamant"),
        (r"chmod go= '/x/O'\''Brien'\''s'", "chmod go= '/x/repository-1'"),
    ] {
        assert_eq!(mask.apply(text), masked, "{text}");
    }
}

#[test]
fn what_names_nobody_stays() {
    let mask = mask(
        &[(Kind::Organization, "azure"), (Kind::Project, "app"), (Kind::Repository, "git")],
        &[],
    );
    for (text, masked) in [
        (
            "https://dev.azure.com/azure/app/_git/app",
            "https://dev.azure.com/organization-1/project-1/_git/project-1",
        ),
        ("git-credential-ona-azure setup-git", "git-credential-ona-azure setup-git"),
        (
            "step 1 (app registration): git asks nobody",
            "step 1 (app registration): git asks nobody",
        ),
        ("there is no 'app'", "there is no 'project-1'"),
    ] {
        assert_eq!(mask.apply(text), masked, "{text}");
    }
}

#[test]
fn names_give_themselves_away_by_their_form() {
    let texts = [
        "'grace@fabrikam.example' from 192.0.2.7, [2001:db8::7]:443",
        "x_y.com#EXT#@contoso.onmicrosoft.com",
        "tenant 0f0f0f0f-1111-2222-3333-444444444444; client 5c1d4a6e-0b1f-4b8e-9d3e-0123456789ab",
        "correlation ID 99999999-1111-2222-3333-444444444444",
        "https://login.microsoftonline.com/northwind.example/v2.0",
        "https://contoso@dev.azure.com/contoso/secretproject/_git/secretrepo.",
        "http://proxy.corp.example:8080, git@ssh.dev.azure.com:v3/fabrikam/secondproject/thing",
        "127.0.0.1:9 git 2.47.3 at 12:02:12 for 499b84ac-1321-427f-aa17-267ca6975798",
        "PATH=/opt/node@18.2/bin:/usr/bin http://localhost/ona-azure https://*.visualstudio.com",
        "TF400813: The user 'Ada Lovelace' is not authorized; User '(account)' is not",
        "The user 'Ada O'Brien' is not authorized, nor is user 'Zoë D'Arcy'.",
    ];
    let mask = mask(&[], &texts);
    let masked: Vec<_> = texts.iter().map(|text| mask.apply(text)).collect();
    assert_eq!(
        masked,
        [
            "'account-1' from address-1, [address-2]:443",
            "account-2",
            "tenant-1; client id-1".replace("tenant-1", "tenant tenant-1").as_str(),
            "correlation ID 99999999-1111-2222-3333-444444444444",
            "https://login.microsoftonline.com/tenant-2/v2.0",
            "https://organization-1@dev.azure.com/organization-1/project-1/_git/repository-1.",
            "http://server-1.example:8080, git@ssh.dev.azure.com:v3/organization-2/project-2/repository-2",
            "127.0.0.1:9 git 2.47.3 at 12:02:12 for 499b84ac-1321-427f-aa17-267ca6975798",
            "PATH=/opt/node@18.2/bin:/usr/bin http://localhost/ona-azure https://*.visualstudio.com",
            "TF400813: The user 'account-4' is not authorized; User '(account)' is not",
            "The user 'account-5' is not authorized, nor is user 'account-6'.",
        ]
    );
}

#[test]
fn what_was_found_is_masked_and_the_programs_own_words_are_not() {
    let checks = vec![Done {
        id: "organization",
        name: "the organization",
        step: None,
        outcome: Outcome::failed(None, "no organization northwind", "ask northwind"),
    }];
    let url = Some("https://dev.azure.com/northwind".to_owned());
    let mut mask = Mask::default();
    let all = [Examined { url, checks }];
    mask.learn_from(&all);
    let masked = mask.examined(&all);
    assert_eq!(masked[0].url.as_deref(), Some("https://dev.azure.com/organization-1"));
    let fault = Outcome::failed(None, "no organization organization-1", "ask organization-1");
    assert_eq!((masked[0].checks[0].id, &masked[0].checks[0].outcome), ("organization", &fault));
}

/// A way to write a name down.
fn written(name: &str, way: u8) -> String {
    let encoded = |name: &str| utf8_percent_encode(name, NON_ALPHANUMERIC).to_string();
    let all = |name: &str| name.bytes().map(|byte| format!("%{byte:02x}")).collect::<String>();
    match way % 7 {
        0 => name.to_owned(),
        1 => name.to_uppercase(),
        2 => name.to_lowercase(),
        3 => encoded(name),
        4 => all(name),
        5 => encoded(&all(&name.to_uppercase())),
        _ => name.replace(' ', "+"),
    }
}

proptest! {
    // Of letters that no stand-in has, so that none is one by chance.
    #[test]
    fn nothing_of_a_name_is_left_however_it_is_written(
        names in proptest::collection::vec("[qwzjQWZJßéЖ][qwzjQWZJßéЖ .]{4,8}[qwzjQWZJßéЖ]", 1..4),
        texts in proptest::collection::vec(("[ a-m:/=%]{0,8}", 0..4usize, any::<u8>()), 0..6),
    ) {
        let names: Vec<_> = names.into_iter().filter(|name| fold(name).len() >= LONG).collect();
        prop_assume!(!names.is_empty());
        let kinds = [Kind::Account, Kind::Organization, Kind::Project, Kind::Server];
        let mut mask = Mask::default();
        names.iter().zip(kinds).for_each(|(name, kind)| mask.add(kind, name));
        let text: String = texts
            .iter()
            .map(|(before, which, way)| {
                // What ends in % would take the first letters with it, as it would for anybody.
                let before = before.trim_end_matches(|c: char| c == '%' || c.is_ascii_hexdigit());
                format!("{before} {}", written(&names[which % names.len()], *way))
            })
            .collect();
        let masked = mask.apply(&text);
        let folded = Folded::of(&masked);
        for name in &names {
            prop_assert!(folded.all(&fold(name)).is_empty(), "{} in {} of {}", name, masked, text);
        }
    }

    #[test]
    fn an_account_an_address_or_an_id_never_stays(
        name in "[a-z][a-z0-9.+-]{0,8}[a-z0-9]",
        domain in "[a-z]{2,8}\\.(example|test|onmicrosoft\\.com)",
        ip in any::<std::net::Ipv4Addr>(),
        id in "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
        between in "[ ('\"]",
    ) {
        let text = format!("user{between}{name}@{domain}{between}from{between}{ip}{between}as {id}");
        let mut mask = Mask::default();
        mask.learn(&text);
        let masked = mask.apply(&text);
        prop_assert!(!masked.contains('@'), "{}", masked);
        prop_assert!(ip.is_loopback() || ip.is_unspecified() || !masked.contains(&ip.to_string()));
        prop_assert!(!masked.contains(&id));
    }

    #[test]
    fn whatever_is_masked_does_no_harm(text in "\\PC{0,120}", name in "\\PC{0,12}") {
        let mut mask = Mask::default();
        mask.add(Kind::Project, &name);
        mask.learn(&text);
        let _ = mask.apply(&text);
    }
}
