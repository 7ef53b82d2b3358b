use proptest::prelude::*;

use super::super::table::reply;
use super::*;

const E2E: &str = "x-vss-e2eid: 5f0c4f5e-0000-0000-0000-000000000000";
const JSON: &str = "content-type: application/json; charset=utf-8";
const HTML: &str = "content-type: text/html; charset=utf-8";

fn read(status: u16, headers: &[&str], body: &str) -> Answer {
    Answer::read(&reply(status, headers, body), "https://dev.azure.com/contoso", &["s3cret"])
}

#[test]
fn the_first_line_is_found_wherever_it_stands() {
    for (headers, body, said) in [
        (
            &["x-tfs-serviceerror: Access%20Denied%3A%20The%20token%20has%20expired."][..],
            "TF400813: second",
            Some("Access Denied: The token has expired"),
        ),
        (&["x-vss-hostofflineerror: The host is offline."], "", Some("The host is offline")),
        (&[JSON], r#"{"Message":"VS800075: no project."}"#, Some("VS800075: no project")),
        (
            &[],
            "<h1>No</h1><p>TF400813: The user &#39;&#39; is &quot;out&quot;</p>",
            Some("TF400813: The user '' is \"out\""),
        ),
        // AzOps#299: git's protocol without an error line.
        (
            &[],
            "001f# service=git-receive-pack\n0000000000aaTF401027: You need the Git 'GenericContribute' permission",
            Some("TF401027: You need the Git 'GenericContribute' permission"),
        ),
        (
            &[],
            "001e# service=git-upload-pack\n00000019ERR  access\u{7} denied\n",
            Some("access\u{7} denied"),
        ),
        (&[], "0019ERR cut off", Some("cut off")),
        (&[], "ffffERR \u{fffd}", Some("\u{fffd}")),
        (&[], "TF12: short, VS403463 without a colon", None),
        (&[], "the secret is s3cret, VS403463: s3cret\nmore", Some("VS403463: (hidden)")),
        (&["x-tfs-serviceerror: %20"], "", None),
        (&[], "", None),
    ] {
        assert_eq!(read(401, headers, body).said.as_deref(), said, "{headers:?} {body}");
    }
    let long = format!("TF400813: {}", "é ".repeat(300));
    assert_eq!(read(401, &[], &long).said.map(|said| said.chars().count()), Some(200));
}

#[test]
fn whom_a_refusal_names_is_told_apart() {
    for (name, named) in [
        ("''", Some(Named::Nobody)),
        ("'aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa'", Some(Named::Nobody)),
        ("'00000000-0000-0000-0000-000000000000'", Some(Named::Nobody)),
        ("nobody at all", Some(Named::Nobody)),
        ("'0f0f0f0f-1111-2222-3333-444444444444'", Some(Named::Somebody)),
        ("'ada@contoso.example'", Some(Named::Somebody)),
    ] {
        let body = format!("TF400813: The user {name} is not authorized to access this resource.");
        assert_eq!(read(401, &[], &body).named, named, "{name}");
    }
    assert_eq!(read(401, &[], "VS403463: 'ada'").named, None);
}

/// What the answer is about, in one word.
fn kind(answer: &Answer) -> &'static str {
    match answer.busy() {
        Some(_) => "busy",
        None if answer.asks_to_sign_in() => "sign in",
        None if answer.is_of_the_network() => "network",
        None if matches!(answer.redirect, Some(Redirect::Elsewhere(_))) => "elsewhere",
        None if answer.is_slowed() => "slowed",
        None => "else",
    }
}

#[test]
fn an_answer_is_taken_for_what_it_is() {
    for (status, headers, want) in [
        (200, &[JSON][..], "else"),
        (200, &[JSON, "retry-after: 1"], "slowed"),
        (200, &[JSON, "x-ratelimit-delay: 1.5"], "slowed"),
        (200, &[JSON, "x-ratelimit-delay: "], "else"),
        (200, &[HTML, E2E], "sign in"),
        (200, &[HTML], "network"),
        (203, &[HTML], "sign in"),
        (203, &[], "sign in"),
        (302, &["location: https://login.microsoftonline.com/x/oauth2/authorize"], "sign in"),
        (302, &["location: /_signin?x"], "sign in"),
        (302, &[], "else"),
        (304, &[], "else"),
        (302, &["location: https://login.example/oauth2/start"], "elsewhere"),
        (302, &["location: https://elsewhere.example/x"], "elsewhere"),
        (401, &[], "sign in"),
        (403, &[], "else"),
        (404, &[HTML], "else"),
        (408, &[], "busy"),
        (429, &["retry-after: 5"], "busy"),
        (500, &[], "busy"),
        (503, &["x-vss-hostofflineerror: offline"], "busy"),
        (404, &["x-vss-hostofflineerror: offline"], "busy"),
    ] {
        assert_eq!(kind(&read(status, headers, "")), want, "{status} {headers:?}");
    }
}

#[test]
fn a_page_to_sign_in_at_is_known_by_its_title_where_a_gateway_took_its_numbers() {
    for (title, want) in [
        ("Azure DevOps Services | Sign In", "sign in"),
        ("Sign in to your account", "sign in"),
        ("Sign in", "network"),
        ("", "network"),
    ] {
        let body = format!("<html><head><title>\n{title} </title></head></html>");
        assert_eq!(kind(&read(200, &[HTML], &body)), want, "{title}");
    }
    for (body, want) in [
        ("<HTML><TITLE>Sign in to your account</TITLE>", "sign in"),
        ("<svg><titles>x</titles></svg><title\n lang=\"en\">Azure DevOps</title>", "sign in"),
        ("<title>Azure DevOps", "network"),
        ("<title", "network"),
        ("<titles>Azure DevOps</title>", "network"),
    ] {
        assert_eq!(kind(&read(200, &[HTML], body)), want, "{body}");
    }
}

#[test]
fn a_redirect_shows_its_host_and_no_more() {
    let to = |location: &str| read(307, &[&format!("location: {location}")], "").redirect;
    let elsewhere = |to: &str| Some(Redirect::Elsewhere(to.to_owned()));
    assert_eq!(to("https://u:p@x.example:8443/a?b"), elsewhere("https://x.example:8443"));
    assert_eq!(to("https://s3cret.example/"), elsewhere("https://(hidden).example"));
    assert_eq!(to("/other"), elsewhere("another page of its own"));
    assert_eq!(read(200, &["location: https://x.example"], "").redirect, None);
}

#[test]
fn whom_to_ask_has_the_number_to_look_it_up_by() {
    let activity = "activityid: 0a0a0a0a-1111-2222-3333-444444444444";
    let answer = read(418, &[E2E, activity], "");
    assert_eq!(
        answer.whom_to_ask(true),
        "see https://status.dev.azure.com, or show Microsoft's support the activity ID \
         0a0a0a0a-1111-2222-3333-444444444444"
    );
    assert_eq!(read(418, &[E2E], "").activity.as_deref(), E2E.strip_prefix("x-vss-e2eid: "));
    let odd = read(418, &["activityid: <script>"], "");
    assert_eq!(odd.whom_to_ask(false), "show whoever runs the Server this line");
    assert!(odd.by_azure);
}

proptest! {
    #[test]
    fn any_answer_can_be_read_and_shows_no_secret(
        status in 100u16..600,
        header in "[ -~]{0,30}",
        lines in prop::collection::vec("([0-9a-f]{4})?(ERR )?(TF[0-9]{6}: )?\\PC{0,10}(s3cret)?", 0..4),
    ) {
        let body = lines.join("\n");
        let headers = ["x-tfs-serviceerror", "location", "activityid", "www-authenticate", "retry-after"];
        for name in headers {
            let answer = read(status, &[&format!("{name}: {header}s3cret")], &body);
            let shown = format!("{answer:?}");
            prop_assert!(!shown.contains("s3cret"), "{}", shown);
            prop_assert!(answer.said.as_ref().is_none_or(|said| said.chars().count() <= 200));
            let _ = (answer.busy(), answer.whom_to_ask(true), kind(&answer));
        }
    }
}
