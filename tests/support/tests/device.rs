//! The device authorization grant: the device's side and the person's.
mod common;
use common::*;
use serde_json::{Value, json};
use standins::*;
use std::time::Duration;

const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
const PAGE: &str = "https://microsoft.com/devicelogin";

/// A world whose app allows public clients, and whose devices may poll as they like.
fn world() -> World {
    let world = World::start();
    world.entra().register_app(App { allow_public_client: true, ..App::default() });
    world.entra().set_device_interval(Duration::ZERO);
    world
}

fn ask_at(world: &World, place: &str, form: &[(&str, &str)]) -> Reply {
    world.client().post_form(&endpoint(place, "devicecode"), form).expect("an answer")
}

/// The codes for a device of Contoso.
fn device(world: &World) -> Value {
    let reply = ask_at(world, CONTOSO, &[("client_id", CLIENT_ID), ("scope", SCOPE)]);
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.json()
}

fn text<'a>(answer: &'a Value, name: &str) -> &'a str {
    answer[name].as_str().expect("a text")
}

fn poll_at(world: &World, place: &str, code: &str, more: &[(&str, &str)]) -> Reply {
    let mut form = vec![("grant_type", GRANT), ("client_id", CLIENT_ID), ("device_code", code)];
    form.extend_from_slice(more);
    world.client().post_form(&endpoint(place, "token"), &form).expect("an answer")
}

fn poll(world: &World, answer: &Value) -> Reply {
    poll_at(world, CONTOSO, text(answer, "device_code"), &[])
}

fn enter(world: &World, answer: &Value, account: &str) -> BrowseResult {
    world.enter_device_code(text(answer, "verification_uri"), text(answer, "user_code"), account)
}

fn assert_pending(reply: &Reply) {
    assert_refused(reply, 400, "authorization_pending", 70016);
}

#[test]
fn a_device_waits_until_somebody_signs_in_elsewhere() {
    let world = World::start();
    world.entra().register_app(App { allow_public_client: true, ..App::default() });
    let answer = device(&world);
    let code = text(&answer, "user_code");
    assert_eq!(code.len(), 9);
    assert!(code.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit()), "{code}");
    let expected = json!({
        "user_code": code,
        "device_code": text(&answer, "device_code"),
        "verification_uri": PAGE,
        "expires_in": 900,
        "interval": 5,
        "message": format!(
            "To sign in, use a web browser to open the page {PAGE} and enter the code {code} to \
             authenticate."
        ),
    });
    assert_eq!(answer, expected);
    assert_pending(&poll(&world, &answer));
    let page = enter(&world, &answer, GRACE);
    assert!(page.body.contains("You have signed in to the Ona application"), "{}", page.body);
    assert!(page.final_url.starts_with("https://login.microsoftonline.com/"));
    let reply = poll(&world, &answer);
    let tokens = reply.json();
    assert_eq!(reply.status, 200, "who is let in need not slow down: {tokens}");
    let (access, id) = (claims(&tokens["access_token"]), claims(&tokens["id_token"]));
    assert_eq!((&access["upn"], &access["appidacr"]), (&GRACE.into(), &"0".into()));
    assert_eq!((&id["preferred_username"], &id["tid"]), (&GRACE.into(), &CONTOSO.into()));
    assert!(id["nonce"].is_null());
    assert!(text(&tokens, "scope").contains("/vso.code_write"));
    assert_refused(&poll(&world, &answer), 400, "invalid_grant", 54005);

    let token = text(&tokens, "refresh_token");
    let reply = refresh(&world, token, &[("client_secret", CLIENT_SECRET)]);
    assert_refused(&reply, 401, "invalid_client", 700_025);
    assert_eq!(refresh(&world, token, &[]).status, 200);
    let secrets = world.secrets();
    for secret in [code, text(&answer, "device_code"), token] {
        assert!(secrets.iter().any(|s| s == secret));
    }
    assert_eq!(world.entra().device_requests(), 1);
    assert_eq!(field(&world.entra().last_device_form(), "scope"), SCOPE);
    assert_eq!(world.entra().token_requests(GRANT), 3);
    assert_eq!(world.requests().iter().filter(|s| s.grant.as_deref() == Some(GRANT)).count(), 3);
    assert!(world.strays().is_empty());
}

#[test]
fn the_scopes_are_those_of_the_code_flow() {
    let world = world();
    let ado = format!("{ADO_RESOURCE}/vso.code");
    for (scope, refresh, id) in [
        (format!("openid offline_access {ado}"), true, true),
        (format!("offline_access {ado}"), true, false),
        (format!("openid {ado}"), false, true),
        (format!("{ADO_RESOURCE}/.default"), false, false),
    ] {
        let reply = ask_at(&world, CONTOSO, &[("client_id", CLIENT_ID), ("scope", &scope)]);
        let answer = reply.json();
        enter(&world, &answer, ADA);
        let tokens = poll(&world, &answer).json();
        assert!(text(&tokens, "scope").contains(&ado), "{scope}: {tokens}");
        assert_eq!(tokens["refresh_token"].is_string(), refresh, "{scope}");
        assert_eq!(tokens["id_token"].is_string(), id, "{scope}");
    }
}

#[test]
fn bad_requests_for_codes_are_refused() {
    let world = world();
    let (id, scope) = (("client_id", CLIENT_ID), ("scope", SCOPE));
    let stranger = ("client_id", "00000000-0000-0000-0000-000000000001");
    for (place, form, status, error, code) in [
        (CONTOSO, &[scope][..], 400, "invalid_request", 900_144),
        (CONTOSO, &[id], 400, "invalid_request", 900_144),
        (CONTOSO, &[id, id, scope], 400, "invalid_request", 9_000_411),
        ("common", &[id, scope], 400, "invalid_request", 90133),
        ("Consumers", &[id, scope], 400, "invalid_request", 90133),
        ("organizations", &[id, scope], 400, "invalid_request", 50194),
        ("nowhere.example", &[id, scope], 400, "invalid_request", 90002),
        ("contoso", &[id, scope], 400, "invalid_request", 900_023),
        (MSA_TENANT, &[id, scope], 400, "invalid_request", 900_021),
        (FABRIKAM, &[id, scope], 400, "unauthorized_client", 700_016),
        (CONTOSO, &[stranger, scope], 400, "unauthorized_client", 700_016),
        (CONTOSO, &[id, ("scope", "openid vso.code")], 400, "invalid_scope", 650_053),
        (CONTOSO, &[id, ("scope", "api://x/y")], 400, "invalid_resource", 500_011),
    ] {
        assert_refused(&ask_at(&world, place, form), status, error, code);
    }
    let get = world.client().get(&endpoint(CONTOSO, "devicecode")).expect("an answer");
    assert_refused(&get, 400, "invalid_request", 900_561);
    assert_eq!(world.entra().device_requests(), 13, "a GET is none");
    world.entra().register_app(App { disabled: true, ..App::default() });
    let reply = ask_at(&world, CONTOSO, &[id, scope]);
    assert_refused(&reply, 400, "unauthorized_client", 7_000_112);
}

#[test]
fn polling_too_fast_slows_the_device_down() {
    let world = world();
    let hour = Duration::from_secs(3600);
    let wait = |ms| std::thread::sleep(Duration::from_millis(ms));
    world.entra().set_device_interval(hour);
    let answer = device(&world);
    assert_eq!(answer["interval"], 3600);
    assert_pending(&poll(&world, &answer));
    assert_refused(&poll(&world, &answer), 400, "slow_down", 70016);
    assert_refused(&poll(&world, &answer), 400, "slow_down", 70016);
    enter(&world, &answer, ADA);
    assert_eq!(poll(&world, &answer).status, 200, "whoever is let in need not slow down");

    world.entra().set_device_interval(Duration::from_millis(40));
    let answer = device(&world);
    assert_eq!(answer["interval"], 0, "whole seconds");
    assert_pending(&poll(&world, &answer));
    wait(40);
    assert_pending(&poll(&world, &answer));
    // Once slowed down, the first interval is not enough any more.
    world.entra().set_slow_down(hour);
    let slowed = (0..100).any(|_| poll(&world, &answer).json()["error"] == "slow_down");
    assert!(slowed, "a hundred polls take no four seconds");
    wait(45);
    assert_refused(&poll(&world, &answer), 400, "slow_down", 70016);
}

#[test]
fn devices_are_refused_in_the_ways_they_are() {
    let world = world();
    assert_refused(&poll_at(&world, CONTOSO, "", &[]), 400, "invalid_request", 900_144);
    let reply = poll_at(&world, CONTOSO, "none-of-ours", &[]);
    assert_refused(&reply, 400, "bad_verification_code", 70018);
    let answer = device(&world);
    let code = text(&answer, "device_code").to_owned();
    let reply = poll_at(&world, CONTOSO, &code, &[("client_secret", CLIENT_SECRET)]);
    assert_refused(&reply, 401, "invalid_client", 700_025);
    let reply = poll_at(&world, FABRIKAM, &code, &[]);
    assert_refused(&reply, 400, "unauthorized_client", 700_016);
    let page = enter(&world, &answer, "cancel");
    assert!(page.body.contains("AADSTS65004"), "{}", page.body);
    assert_refused(&poll(&world, &answer), 400, "authorization_declined", 65004);
    assert!(enter(&world, &answer, ADA).body.contains("AADSTS90120"));

    let answer = device(&world);
    world.entra().expire_device_codes();
    assert_refused(&poll(&world, &answer), 400, "expired_token", 70020);
    assert!(enter(&world, &answer, ADA).body.contains("AADSTS70019"));
    world.entra().set_device_lifetime(Duration::from_millis(1));
    let answer = device(&world);
    assert_eq!(answer["expires_in"], 0);
    std::thread::sleep(Duration::from_millis(5));
    assert_refused(&poll(&world, &answer), 400, "expired_token", 70020);

    // Entra hands out codes to any app, and refuses the confidential one where it polls.
    world.entra().set_device_lifetime(Duration::from_secs(900));
    world.entra().register_app(App::default());
    let answer = device(&world);
    assert_refused(&poll(&world, &answer), 401, "invalid_client", 7_000_218);
    enter(&world, &answer, ADA);
    assert_refused(&poll(&world, &answer), 401, "invalid_client", 7_000_218);
    let reply =
        poll_at(&world, CONTOSO, text(&answer, "device_code"), &[("client_secret", CLIENT_SECRET)]);
    assert_refused(&reply, 401, "invalid_client", 700_025);
    let mut app = App { allow_public_client: true, ..App::default() };
    world.entra().register_app(app.clone());
    app.client_id = "22223333-4444-5555-6666-777788889999".to_owned();
    world.entra().register_app(app.clone());
    let form = [
        ("grant_type", GRANT),
        ("client_id", app.client_id.as_str()),
        ("device_code", text(&answer, "device_code")),
    ];
    let reply = world.client().post_form(&token_url(), &form).expect("an answer");
    assert_refused(&reply, 400, "invalid_grant", 70000);
    assert_eq!(poll(&world, &answer).status, 200, "nobody else's tries use it up");
}

#[test]
fn a_person_who_is_stopped_is_told_and_the_device_waits_on() {
    let world = world();
    for (outcome, code) in [
        (SignIn::NeedsAdminConsent, "AADSTS90094"),
        (SignIn::BlockedByPolicy, "AADSTS53003"),
        (SignIn::NotAssigned, "AADSTS50105"),
    ] {
        world.entra().sign_in(outcome);
        let answer = device(&world);
        let page = enter(&world, &answer, ADA);
        assert!(page.body.contains(code), "{code}: {}", page.body);
        assert_pending(&poll(&world, &answer));
        world.entra().sign_in(SignIn::Succeeds);
        enter(&world, &answer, ADA);
        assert_eq!(poll(&world, &answer).status, 200, "{code}: the code can be entered again");
    }
    world.entra().sign_in(SignIn::Declined);
    let answer = device(&world);
    assert!(enter(&world, &answer, ADA).body.contains("AADSTS65004"));
    assert_refused(&poll(&world, &answer), 400, "authorization_declined", 65004);
    world.entra().sign_in(SignIn::Succeeds);
    let answer = device(&world);
    world.entra().add_account(FABRIKAM, "lin@fabrikam.example", "Lin Fabrikam");
    assert!(enter(&world, &answer, "lin@fabrikam.example").body.contains("AADSTS50020"));
    assert_pending(&poll(&world, &answer));
    world.entra().add_guest(CONTOSO, "lin@fabrikam.example");
    enter(&world, &answer, "lin@fabrikam.example");
    assert_eq!(claims(&poll(&world, &answer).json()["access_token"])["tid"], CONTOSO);
}

#[test]
fn the_code_is_typed_as_people_type() {
    let world = world();
    for place in [PAGE, "https://microsoft.com/DeviceLogin/", "https://login.microsoft.com/device"]
    {
        let answer = device(&world);
        let code = text(&answer, "user_code").to_lowercase();
        let typed = format!(" {} {}", &code[..4], &code[4..]);
        let page = world.enter_device_code(place, &typed, ADA);
        assert!(page.body.contains("id=\"done\""), "{place}: {}", page.body);
        assert_eq!(poll(&world, &answer).status, 200);
        assert!(world.enter_device_code(place, &typed, ADA).body.contains("AADSTS90120"));
    }
    for (typed, code) in [("", "AADSTS90119"), ("WRONGCODE", "AADSTS70018")] {
        let page = world.enter_device_code(PAGE, typed, ADA);
        assert!(page.body.contains(code), "{}", page.body);
        assert!(page.body.contains("name=\"otc\""), "it can be tried again: {}", page.body);
    }
    let moved = world.client().get(PAGE).expect("an answer");
    assert_eq!(moved.status, 302);
    assert_eq!(
        moved.header("location"),
        Some("https://login.microsoftonline.com/common/oauth2/deviceauth")
    );
    assert_eq!(world.client().get("https://microsoft.com/").expect("an answer").status, 404);
}

#[test]
fn a_device_of_any_organization_gets_the_tenant_of_the_account() {
    let world = world();
    let app = App { allow_public_client: true, multitenant: true, ..App::default() };
    world.entra().register_app(app);
    world.entra().add_account(FABRIKAM, "lin@fabrikam.example", "Lin Fabrikam");
    let reply = ask_at(&world, "organizations", &[("client_id", CLIENT_ID), ("scope", SCOPE)]);
    let answer = reply.json();
    let code = text(&answer, "device_code");
    enter(&world, &answer, "lin@fabrikam.example");
    assert_refused(&poll_at(&world, CONTOSO, code, &[]), 400, "invalid_grant", 700_005);
    let tokens = poll_at(&world, "organizations", code, &[]).json();
    assert_eq!(claims(&tokens["access_token"])["tid"], FABRIKAM);
}

#[test]
fn answers_can_be_changed_and_faults_strike() {
    let world = world();
    for (name, value) in [
        ("interval", json!(0)),
        ("interval", json!(-1)),
        ("interval", json!("5")),
        ("interval", json!(1_000_000_000)),
        ("interval", Value::Null),
        ("verification_uri", json!("javascript:alert(1)")),
    ] {
        let changed = value.clone();
        world.entra().override_device_response(move |mut answer| {
            answer[name] = changed.clone();
            answer
        });
        assert_eq!(device(&world)[name], value);
    }
    world.entra().clear_device_override();
    assert_eq!(device(&world)["verification_uri"], PAGE);
    let ask = || ask_at(&world, CONTOSO, &[("client_id", CLIENT_ID), ("scope", SCOPE)]);
    let fault = Fault::error(503, "temporarily_unavailable", 90033, "Try again.");
    world.fail(Target::DeviceCode, fault, Times::Once);
    assert_refused(&ask(), 503, "temporarily_unavailable", 90033);
    world.fail(Target::DeviceCode, Fault::Throttle { retry_after: Some(7) }, Times::Once);
    let throttled = ask();
    assert_eq!((throttled.status, throttled.header("retry-after")), (429, Some("7")));
    world.fail(Target::DeviceCode, Fault::Html(502), Times::Once);
    assert_eq!(ask().status, 502);
    let counted = world.entra().device_requests();
    assert_eq!(ask().status, 200);
    assert_eq!((counted, world.entra().device_requests()), (10, 11), "faults count too");
}
