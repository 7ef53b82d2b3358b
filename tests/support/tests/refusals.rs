//! How Azure DevOps and its Server refuse those whose credential is good.
use base64::Engine as _;
use standins::*;

const APP: &str = "https://dev.azure.com/contoso/app/_git/app";

fn basic(secret: &str) -> String {
    let pair = base64::engine::general_purpose::STANDARD.encode(format!("x:{secret}"));
    format!("Basic {pair}")
}

/// What git asks first, with a secret.
fn refs(world: &World, service: &str, secret: &str) -> Reply {
    let url = format!("{APP}/info/refs?service={service}");
    ask(world, &url, secret)
}

/// As programs ask, that want no page.
fn ask(world: &World, url: &str, secret: &str) -> Reply {
    let headers = [("Authorization", &*basic(secret)), ("X-TFS-FedAuthRedirect", "Suppress")];
    world.client().request("GET", url, &headers, b"").expect("an answer")
}

fn repositories(world: &World, secret: &str) -> Reply {
    ask(world, "https://dev.azure.com/contoso/_apis/git/repositories", secret)
}

#[test]
fn who_is_no_member_is_named_and_who_may_not_push_is_told_so() {
    let world = World::start();
    let token = world.entra().issue_access_token(ADA, &["vso.code", "vso.code_write"]);
    assert_eq!(refs(&world, "git-receive-pack", &token).status, 200);
    world.azure().only_reads("contoso", ADA);
    assert_eq!(refs(&world, "git-upload-pack", &token).status, 200);
    let refused = refs(&world, "git-receive-pack", &token);
    assert_eq!(refused.status, 403);
    assert!(refused.text().starts_with("TF401027: "), "{}", refused.text());
    world.azure().deny("contoso", ADA);
    for reply in [refs(&world, "git-upload-pack", &token), repositories(&world, &token)] {
        assert_eq!(reply.status, 401);
        assert!(reply.text().contains(&format!("TF400813: The user '{ADA}'")), "{}", reply.text());
    }
}

#[test]
fn rules_of_an_organization_hold_for_those_they_are_about() {
    let world = World::start();
    let token = world.entra().issue_access_token(ADA, &["vso.code"]);
    let pat = world.azure().add_pat("contoso", Pat::read_write());
    world.azure().set_rule("contoso", Rule::NoPersonalAccessTokens);
    assert_eq!(refs(&world, "git-upload-pack", &token).status, 200);
    for reply in [refs(&world, "git-upload-pack", &pat), repositories(&world, &pat)] {
        assert_eq!(reply.status, 401);
        let said = reply.header("x-tfs-serviceerror").expect("why");
        assert!(said.starts_with("Access%20Denied%3A%20Personal%20access%20tokens"), "{said}");
    }
    world.azure().set_rule("contoso", Rule::ConditionalAccess);
    for secret in [&token, &pat] {
        for reply in [refs(&world, "git-upload-pack", secret), repositories(&world, secret)] {
            assert_eq!(reply.status, 401);
            assert!(reply.text().contains("VS403463: "), "{}", reply.text());
        }
    }
    let elsewhere = ask(&world, "https://dev.azure.com/fabrikam/_apis/connectionData", &token);
    assert_eq!(elsewhere.status, 200);
}

#[test]
fn the_sign_in_page_comes_in_every_guise() {
    let world = World::start();
    let pat = world.azure().add_pat("contoso", Pat::read_write());
    for (page, status) in
        [(SignInPage::NonAuthoritative, 203), (SignInPage::Redirect, 302), (SignInPage::Ok, 200)]
    {
        world.azure().set_sign_in_page(page);
        for reply in [refs(&world, "git-upload-pack", "none"), repositories(&world, "none")] {
            assert_eq!(reply.status, status);
            assert!(reply.header("content-type").is_some_and(|kind| kind.contains("html")));
            let leads = reply.header("location").is_some_and(|to| to.contains("/_signin?"));
            assert_eq!(leads, status == 302);
        }
        assert_eq!(repositories(&world, &pat).json()["count"], 2, "who is signed in sees no page");
    }
}

#[test]
fn what_is_used_up_is_said_with_every_answer() {
    let world = World::start();
    let pat = world.azure().add_pat("contoso", Pat::read_write());
    world.azure().slow_down(Some(7));
    let slowed = refs(&world, "git-upload-pack", &pat);
    assert_eq!((slowed.status, slowed.header("retry-after")), (200, Some("7")));
    world.azure().slow_down(None);
    assert_eq!(refs(&world, "git-upload-pack", &pat).header("retry-after"), None);
    world.fail(Target::Azure, Fault::Throttle { retry_after: Some(9) }, Times::Once);
    let refused = repositories(&world, &pat);
    assert_eq!((refused.status, refused.header("retry-after")), (429, Some("9")));
    assert!(refused.text().contains("TF400733: "), "{}", refused.text());
    for reply in [&slowed, &refused] {
        for name in ["resource", "delay", "limit", "remaining", "reset"] {
            assert!(reply.header(&format!("x-ratelimit-{name}")).is_some(), "{name}");
        }
    }
    world.fail(Target::Azure, Fault::HostOffline, Times::Once);
    let offline = repositories(&world, &pat);
    assert_eq!(offline.status, 503);
    assert!(offline.header("x-vss-hostofflineerror").is_some());
}

#[test]
fn a_web_server_may_stand_before_the_server() {
    let world = World::start();
    let pat = world.server().add_pat();
    let get = |path: &str| ask(&world, &format!("https://tfs.corp.example{path}"), &pat);
    let call = "/tfs/DefaultCollection/_apis/connectionData";
    assert_eq!(get(call).status, 200);
    // Nothing asks for a password where there is nothing.
    let nobody = world.client().get("https://tfs.corp.example/_apis/connectionData");
    for reply in [get("/DefaultCollection/_apis/connectionData"), nobody.expect("an answer")] {
        assert_eq!((reply.status, reply.header("www-authenticate")), (404, None));
        assert_eq!(reply.header("x-tfs-processid"), None, "Azure DevOps has not seen it");
    }
    world.server().set_sign_in(ServerSignIn::IisBasic);
    let refused = get(call);
    assert_eq!(refused.status, 401);
    assert_eq!(
        refused.all("www-authenticate"),
        ["Negotiate", "NTLM", "Basic realm=\"tfs.corp.example\""]
    );
    assert_eq!(refused.header("x-tfs-processid"), None);
    world.server().set_sign_in(ServerSignIn::WindowsOnly);
    let refused = get(call);
    assert_eq!(refused.status, 401);
    assert_eq!(refused.all("www-authenticate"), ["Bearer", "Negotiate", "NTLM"]);
    world.server().set_sign_in(ServerSignIn::Fresh);
    assert_eq!(get(call).status, 200);
}
