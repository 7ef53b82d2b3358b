//! What administrators of a tenant decide, as accounts and refresh tokens hear of it.
mod common;
use common::*;
use standins::*;

const SECRET: (&str, &str) = ("client_secret", CLIENT_SECRET);

/// The page that a sign-in ends on.
fn page(world: &World) -> BrowseResult {
    world.browse(&authorize_url("http://localhost:9/ona-azure", &[]))
}

fn refresh_token(answer: &serde_json::Value) -> String {
    answer["refresh_token"].as_str().expect("a refresh token").to_owned()
}

#[test]
fn what_is_forbidden_stays_so_until_it_is_lifted() {
    for (policy, error, code, suberror, claims) in [
        (Policy::ConditionalAccess, "invalid_grant", 53003, Some("message_only"), true),
        (Policy::TenantBlocks, "access_denied", 530_032, None, false),
        (Policy::NotAssigned, "invalid_grant", 50105, None, false),
        (Policy::AccountDisabled, "invalid_grant", 50057, None, false),
    ] {
        let world = World::start();
        let token = refresh_token(&session(&world));
        world.entra().policy(policy);
        let reply = refresh(&world, &token, &[SECRET]);
        assert_refused(&reply, 400, error, code);
        assert_eq!(reply.json()["suberror"].as_str(), suberror, "{policy:?}");
        let next = reply.json()["claims"].as_str().map(serde_json::from_str::<serde_json::Value>);
        assert_eq!(next.is_some_and(|next| next.is_ok()), claims, "{policy:?}");
        assert!(page(&world).body.contains(&format!("AADSTS{code}: ")), "{policy:?}");
        world.entra().lift_policies();
        assert_eq!(refresh(&world, &token, &[SECRET]).status, 200, "the token is as good as ever");
        session(&world);
    }
}

#[test]
fn what_a_sign_in_satisfies_is_only_asked_of_older_sessions() {
    for (policy, code, suberror) in [
        (Policy::MfaExpired, 50078, "basic_action"),
        (Policy::ConsentWithdrawn, 65001, "consent_required"),
    ] {
        let world = World::start();
        let before = refresh_token(&session(&world));
        world.entra().policy(policy);
        let reply = refresh(&world, &before, &[SECRET]);
        assert_refused(&reply, 400, "invalid_grant", code);
        assert_eq!(reply.json()["suberror"], suberror);
        let after = refresh_token(&session(&world));
        let rotated = refresh(&world, &after, &[SECRET]);
        assert_eq!(refresh(&world, &refresh_token(&rotated.json()), &[SECRET]).status, 200);
        assert_eq!(refresh(&world, &before, &[SECRET]).status, 400);
    }
}

#[test]
fn where_an_administrator_has_to_consent_the_page_leads_back() {
    let world = World::start();
    let token = refresh_token(&session(&world));
    world.entra().policy(Policy::AdminConsentRequired);
    assert_eq!(refresh(&world, &token, &[SECRET]).status, 200, "consent was given before");
    let (port, thread) = listen();
    let url = authorize_url(&format!("http://localhost:{port}/ona-azure"), &[]);
    let asked = world.browse(&url);
    assert!(asked.body.contains("AADSTS90094: "), "{}", asked.body);
    assert!(asked.body.contains("without granting consent"), "{}", asked.body);
    let end = world.go_back(&asked);
    thread.join().expect("the listener ends");
    let url = url::Url::parse(&end.final_url).expect("an address");
    let pairs: Vec<_> = url.query_pairs().into_owned().collect();
    assert_eq!(field(&pairs, "error"), "access_denied");
    assert_eq!(field(&pairs, "state"), "some-state");
}

#[test]
fn a_guest_who_is_no_longer_invited_gets_nothing() {
    let world = World::start();
    let guest = "linus@fabrikam.example";
    world.entra().add_account(FABRIKAM, guest, "Linus");
    world.entra().add_guest(CONTOSO, guest);
    let (port, thread) = listen();
    let uri = format!("http://localhost:{port}/ona-azure");
    let end = world.browse_as(&authorize_url(&uri, &[]), guest);
    thread.join().expect("the listener ends");
    let url = url::Url::parse(&end.final_url).expect("an address");
    let pairs: Vec<_> = url.query_pairs().into_owned().collect();
    let answer = redeem(&world, &uri, field(&pairs, "code"), Some(CLIENT_SECRET)).json();
    world.entra().remove_guest(CONTOSO, guest);
    let reply = refresh(&world, &refresh_token(&answer), &[SECRET]);
    assert_refused(&reply, 400, "invalid_grant", 50020);
}
