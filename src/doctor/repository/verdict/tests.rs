use super::*;
use crate::devops::table::reply;

const PACK: &str = "content-type: application/x-git-receive-pack-advertisement";
const JSON: &str = "content-type: application/json; charset=utf-8";
const HTML: &str = "content-type: text/html; charset=utf-8";
const IDS: &str = "activityid: 0a0a0a0a-1111-2222-3333-444444444444";
const BASIC: &str = "www-authenticate: Basic realm=\"x\"";
const ADA: &str = r#"{"message":"TF400813: The user '0f0f0f0f-1111-2222-3333-444444444444' is not authorized to access this resource."}"#;
const NOBODY: &str =
    r#"{"message":"TF400813: The user '' is not authorized to access this resource."}"#;

fn oauth(may_write: bool) -> By {
    By::OAuth { account: "ada@contoso.example".to_owned(), may_write }
}

fn of(by: By, cloud: bool, status: u16, headers: &[&str], body: &str) -> Outcome {
    let (name, url) = match cloud {
        true => ("dev.azure.com/contoso", "https://dev.azure.com/contoso"),
        false => ("tfs.corp.example/main", "https://tfs.corp.example/tfs/main"),
    };
    let asked = Asked {
        service: "git-receive-pack",
        name: name.to_owned(),
        organization: Some("contoso".to_owned()),
        by,
        cloud,
        url: url.to_owned(),
    };
    verdict(&asked, &Answer::read(&reply(status, headers, body), &asked.url, &[]))
}

#[test]
fn a_list_of_branches_is_right_also_where_it_is_held_back() {
    let list = "001f# service=git-receive-pack\n0000003f0000 refs/heads/TF12345\n";
    assert_eq!(of(By::Pat, true, 200, &[PACK], list), Outcome::passed("git may push"));
    let slow =
        "dev.azure.com/contoso is slowing this account down for now: it has had too many requests";
    for header in ["retry-after: 5", "x-ratelimit-delay: 1.2"] {
        let want = Outcome::passed("git may push").note(Some(slow.to_owned()));
        assert_eq!(of(By::Pat, true, 200, &[PACK, header], list), want);
    }
}

/// What is wrong, by the step, the beginning of what is said, and a part of the way out.
#[test]
fn every_answer_is_told_with_its_step_and_the_way_out() {
    use Step::{ApiPermissions, Connect, Organization};
    let contribute = "001f# service=git-receive-pack\n0000000000aaTF401027: You need the Git 'GenericContribute' permission";
    let error = "001f# service=git-receive-pack\n0000000eERR no way";
    for (by, status, headers, body, step, what, fix) in [
        (
            oauth(true),
            200,
            &[PACK][..],
            error,
            None,
            "dev.azure.com/contoso answers with HTTP status 200 where git expects a list of branches (no way)",
            "check that no proxy",
        ),
        (
            oauth(true),
            403,
            &[IDS],
            contribute,
            None,
            "dev.azure.com/contoso: the right to push is missing (TF401027: You need the Git",
            "Project settings → Repositories → Security → Contribute",
        ),
        (
            oauth(false),
            403,
            &[IDS],
            contribute,
            Some(ApiPermissions),
            "dev.azure.com/contoso: the right to push is missing",
            "vso.code_write, then sign in again: git-credential-ona-azure login https://dev.azure.com/contoso",
        ),
        (
            By::Pat,
            403,
            &[IDS],
            contribute,
            Some(ApiPermissions),
            "dev.azure.com/contoso: the right to push is missing",
            "make a token with Code (Read & write), and give it: git-credential-ona-azure login https://dev.azure.com/contoso --pat; if it has that, ask for",
        ),
        (
            oauth(true),
            401,
            &[IDS, "x-tfs-serviceerror: The%20access%20token%20has%20expired."],
            "",
            Some(Connect),
            "the access token for dev.azure.com/contoso has run out (The access token has expired)",
            "sign in again: git-credential-ona-azure login https://dev.azure.com/contoso",
        ),
        (
            By::Pat,
            401,
            &[IDS, "x-tfs-serviceerror: The%20access%20token%20has%20expired."],
            "",
            Some(Connect),
            "the personal access token for dev.azure.com/contoso has run out",
            "make a new one",
        ),
        (
            oauth(true),
            401,
            &[JSON, IDS],
            ADA,
            Some(Organization),
            "Azure DevOps refused ada@contoso.example for organization contoso: the account is no member of the organization (TF400813",
            "Organization settings → Users → Add users, or sign in with an account that is one: git-credential-ona-azure login https://dev.azure.com/contoso",
        ),
        (
            By::Pat,
            401,
            &[JSON, IDS],
            ADA,
            Some(Connect),
            "dev.azure.com/contoso accepts the personal access token, but not for source code",
            "it lacks the scope Code",
        ),
        (
            oauth(true),
            401,
            &[JSON, IDS],
            NOBODY,
            Some(Organization),
            "dev.azure.com/contoso does not accept the access token",
            "Organization settings → Microsoft Entra",
        ),
        (
            By::Pat,
            203,
            &[HTML],
            "<title>Sign In</title>",
            Some(Connect),
            "dev.azure.com/contoso does not accept the personal",
            "make a new one (Custom defined → Code: Read & write), and give it: ",
        ),
        (
            By::Pat,
            302,
            &["location: /_signin"],
            "",
            Some(Connect),
            "dev.azure.com/contoso does not accept the personal",
            "make a new one",
        ),
        (
            By::Pat,
            200,
            &[HTML, IDS],
            "<title>Sign In</title>",
            Some(Connect),
            "dev.azure.com/contoso does not accept the personal",
            "make a new one",
        ),
        (
            By::Pat,
            401,
            &["x-tfs-serviceerror: The%20Personal%20Access%20Token%20used%20has%20expired."],
            "",
            Some(Connect),
            "the personal access token for dev.azure.com/contoso has run out",
            "--pat",
        ),
        (
            By::Pat,
            403,
            &[JSON],
            r#"{"message":"PatLifespanPolicyViolation"}"#,
            Some(Connect),
            "dev.azure.com/contoso: the tenant allows no personal access tokens that live so long",
            "Enforce maximum personal access token lifespan",
        ),
        (
            oauth(true),
            403,
            &[JSON],
            r#"{"message":"VS403463: The conditional access policy"}"#,
            Some(Connect),
            "dev.azure.com/contoso: Conditional Access refuses",
            "Sign-in logs",
        ),
        (
            oauth(true),
            404,
            &[JSON],
            r#"{"message":"VS800075: The project with id 'x' does not exist"}"#,
            None,
            "dev.azure.com/contoso: there is no such project",
            "project's name",
        ),
        (
            oauth(true),
            404,
            &[IDS],
            "",
            Some(Organization),
            "dev.azure.com/contoso has no such repository",
            "in the browser",
        ),
        (oauth(true), 403, &[IDS], "", None, "dev.azure.com/contoso refuses", "Project settings"),
        (
            oauth(true),
            307,
            &["location: https://sso.example/x"],
            "",
            None,
            "dev.azure.com/contoso sends git on to https://sso.example",
            "git remote set-url origin URL",
        ),
        (
            oauth(true),
            418,
            &[IDS],
            "TF999999: new",
            None,
            "dev.azure.com/contoso answers with HTTP status 418 where git expects a list of branches (TF999999: new)",
            "the activity ID 0a0a0a0a-1111-2222-3333-444444444444",
        ),
    ] {
        let Outcome::Failed(fault) = of(by, true, status, headers, body) else {
            panic!("{status} {headers:?} {body} is no fault");
        };
        assert_eq!((fault.step, fault.passing), (step, false), "{fault:?}");
        assert!(fault.what.starts_with(what) && fault.fix.contains(fix), "{fault:?}");
    }
}

#[test]
fn what_passes_is_told_with_how_long_to_wait() {
    let throttled = r#"{"message":"TF400733: The request has been canceled"}"#;
    for (status, headers, body, what, fix) in [
        (
            429,
            &[JSON, "retry-after: 120"][..],
            throttled,
            "dev.azure.com/contoso has had too many requests and refuses for now",
            "try again in 2 minutes",
        ),
        (
            429,
            &[],
            "",
            "dev.azure.com/contoso has had too many requests and refuses for now",
            "wait some minutes, then try again",
        ),
        (
            503,
            &["x-vss-hostofflineerror: being moved", "retry-after: 60"],
            "",
            "dev.azure.com/contoso is offline for now (being moved)",
            "try again in 1 minute",
        ),
        (
            503,
            &[HTML],
            "",
            "dev.azure.com/contoso answers with HTTP status 503",
            "try again in some minutes",
        ),
        (
            500,
            &[JSON, IDS],
            r#"{"message":"TF400898: An Internal Error Occurred."}"#,
            "dev.azure.com/contoso answers with HTTP status 500 (TF400898: An Internal Error Occurred)",
            "try again in some minutes; if it stays, see https://status.dev.azure.com, or show Microsoft's support \
             the activity ID 0a0a0a0a-1111-2222-3333-444444444444",
        ),
        (
            200,
            &[HTML],
            "<title>Hotel</title>",
            "in place of dev.azure.com/contoso a web page answers that is not Azure DevOps' own",
            "check that no proxy or sign-in page of the network answers in its place",
        ),
    ] {
        assert_eq!(of(oauth(true), true, status, headers, body), Outcome::passing(what, fix));
    }
}

#[test]
fn a_server_that_lets_no_token_through_is_told_as_such() {
    let ntlm = "www-authenticate: NTLM";
    for (headers, want) in [
        (
            &[ntlm, IDS][..],
            "tfs.corp.example/main takes no personal access tokens: it does not offer Basic authentication",
        ),
        (
            &[BASIC, ntlm, HTML],
            "the web server of tfs.corp.example/main refuses the personal access token before Azure DevOps sees it",
        ),
        (&[BASIC, ntlm, IDS], "tfs.corp.example/main does not accept the personal access token"),
    ] {
        let Outcome::Failed(fault) = of(By::Pat, false, 401, headers, "") else {
            panic!("no fault")
        };
        assert_eq!(fault.what, want);
    }
    let Outcome::Failed(fault) = of(By::Pat, false, 418, &[IDS], "") else { panic!("no fault") };
    assert!(fault.fix.starts_with("show whoever runs the Server the activity ID"), "{fault:?}");
}
