//! Entra ID, asked properly and improperly.
mod common;
use base64::Engine as _;
use common::*;
use standins::*;
use std::time::{Duration, Instant};

fn discovery(tenant: &str) -> String {
    format!("https://login.microsoftonline.com/{tenant}/v2.0/.well-known/openid-configuration")
}

#[test]
fn discovery_knows_its_tenants() {
    let world = World::start();
    let client = world.client();
    let get = |tenant: &str| client.get(&discovery(tenant)).expect("an answer");
    let issuer = format!("https://login.microsoftonline.com/{CONTOSO}/v2.0");
    for name in [CONTOSO, "contoso.com", "Contoso.onmicrosoft.com"] {
        assert_eq!(get(name).json()["issuer"], issuer);
    }
    let common = get("common").json();
    assert_eq!(common["issuer"], "https://login.microsoftonline.com/{tenantid}/v2.0");
    assert_refused(&get("nowhere.example"), 400, "invalid_tenant", 90002);
    assert_refused(&get("contoso"), 400, "invalid_tenant", 900023);
    let wrong = format!(
        "https://login.microsoftonline.com/{CONTOSO}/oauth2/v2.0/.well-known/openid-configuration"
    );
    let reply = client.get(&wrong).expect("an answer");
    assert_eq!(reply.status, 404);
    assert!(reply.header("content-type").is_some_and(|kind| kind.starts_with("text/html")));
}

#[test]
fn a_confidential_session_signs_in_and_refreshes() {
    let world = World::start();
    let (uri, pairs) = sign_in(&world, "/ona-azure");
    assert_eq!(field(&pairs, "state"), "some-state");
    assert!(!field(&pairs, "session_state").is_empty());
    let code = field(&pairs, "code");
    assert_refused(&redeem(&world, &uri, code, None), 401, "invalid_client", 7_000_218);
    assert_refused(&redeem(&world, &uri, code, Some("x")), 401, "invalid_client", 7_000_215);
    let other = uri.replace("localhost", "LOCALHOST");
    let reply = redeem(&world, &other, code, Some(CLIENT_SECRET));
    assert_refused(&reply, 400, "invalid_grant", 500_112);
    let reply = redeem(&world, &uri, code, Some(CLIENT_SECRET));
    let answer = reply.json();
    assert_eq!(reply.status, 200, "{answer}");
    assert_eq!(reply.header("cache-control"), Some("no-store, no-cache"));
    assert_eq!(answer["token_type"], "Bearer");
    let scope = answer["scope"].as_str().expect("a scope");
    assert!(scope.contains("499b84ac-1321-427f-aa17-267ca6975798/vso.code_write"), "{scope}");
    assert!(!scope.contains("offline_access"));
    let access = answer["access_token"].as_str().expect("a token");
    assert!((1200..2500).contains(&access.len()), "{}", access.len());
    let access = claims(&access.into());
    assert_eq!(access["aud"], ADO_RESOURCE);
    assert_eq!(access["iss"], format!("https://sts.windows.net/{CONTOSO}/"));
    assert_eq!((&access["upn"], &access["appidacr"]), (&ADA.into(), &"1".into()));
    let id = claims(&answer["id_token"]);
    assert_eq!((&id["nonce"], &id["aud"]), (&"some-nonce".into(), &CLIENT_ID.into()));
    assert_eq!(id["preferred_username"], ADA);
    let reply = redeem(&world, &uri, code, Some(CLIENT_SECRET));
    assert_refused(&reply, 400, "invalid_grant", 54005);

    let first = answer["refresh_token"].as_str().expect("a refresh token");
    assert_refused(&refresh(&world, first, &[]), 401, "invalid_client", 7_000_218);
    let secret = ("client_secret", CLIENT_SECRET);
    let second = refresh(&world, first, &[secret, ("scope", SCOPE)]);
    assert_eq!(second.status, 200);
    assert_ne!(second.json()["refresh_token"], first);
    assert_eq!(refresh(&world, first, &[secret]).status, 200, "old tokens stay good");
    let more = format!("{ADO_RESOURCE}/vso.code_manage");
    let reply = refresh(&world, first, &[secret, ("scope", &more)]);
    assert_refused(&reply, 400, "invalid_grant", 65001);
    assert_eq!(reply.json()["suberror"], "consent_required");
    assert_eq!(world.entra().token_requests("refresh_token"), 4);
    assert_eq!(field(&world.entra().last_token_form(), "scope"), more);
    let secrets = world.secrets();
    for secret in [CLIENT_SECRET, first, code, VERIFIER] {
        assert!(secrets.iter().any(|s| s == secret));
    }
}

#[test]
fn a_public_session_must_not_send_the_secret() {
    let world = World::start();
    let (uri, pairs) = sign_in(&world, "/ona-azure-native");
    let code = field(&pairs, "code");
    let reply = redeem(&world, &uri, code, Some(CLIENT_SECRET));
    assert_refused(&reply, 401, "invalid_client", 700_025);
    let answer = redeem(&world, &uri, code, None).json();
    let token = answer["refresh_token"].as_str().expect("a refresh token");
    let reply = refresh(&world, token, &[("client_secret", CLIENT_SECRET)]);
    assert_refused(&reply, 401, "invalid_client", 700_025);
    assert_eq!(refresh(&world, token, &[]).status, 200);
}

#[test]
fn the_verifier_must_fit() {
    let world = World::start();
    let (uri, pairs) = sign_in(&world, "/ona-azure-native");
    let code = field(&pairs, "code");
    let form = [
        ("grant_type", "authorization_code"),
        ("client_id", CLIENT_ID),
        ("code", code),
        ("redirect_uri", uri.as_str()),
    ];
    let reply = world.client().post_form(&token_url(), &form).expect("an answer");
    assert_refused(&reply, 400, "invalid_grant", 501_481);
    world.entra().expire_codes();
    assert_refused(&redeem(&world, &uri, code, None), 400, "invalid_grant", 70008);
}

#[test]
fn bad_authorize_requests_are_shown_or_sent_back() {
    let world = World::start();
    let uri = "http://localhost:9/ona-azure";
    for (changes, expected) in [
        (&[("client_id", "00000000-0000-0000-0000-000000000001")][..], "AADSTS700016"),
        (&[("redirect_uri", "http://localhost:9/Ona-azure")], "AADSTS50011"),
        (&[("redirect_uri", "http://localhost:9/ona-azure/")], "AADSTS50011"),
        (&[("redirect_uri", "http://127.0.0.1:9/ona-azure")], "AADSTS50011"),
        (&[("redirect_uri", "http://u@localhost:9/ona-azure")], "AADSTS50011"),
        (&[("redirect_uri", "")], "AADSTS900971"),
    ] {
        let result = world.browse(&authorize_url(uri, changes));
        assert!(result.body.contains(expected), "{expected}: {}", result.body);
        assert_eq!(result.status, 400);
    }
    for (changes, error, code) in [
        (&[("scope", "openid vso.code")][..], "invalid_scope", "AADSTS650053"),
        (&[("scope", "")], "invalid_request", "AADSTS900144"),
        (&[("response_type", "code id_token")], "unsupported_response_type", "AADSTS700054"),
        (&[("code_challenge", "short")], "invalid_request", "AADSTS50147"),
        (&[("prompt", "none")], "login_required", "AADSTS50058"),
        (&[("prompt", "select_account"), ("login_hint", ADA)], "invalid_request", "AADSTS90023"),
    ] {
        let reply = world.client().get(&authorize_url(uri, changes)).expect("an answer");
        assert_eq!(reply.status, 302, "{code}: {}", reply.text());
        let location = reply.header("location").expect("a location");
        assert!(location.starts_with(&format!("{uri}?error={error}&")), "{location}");
        assert!(location.contains(code) && location.contains("state=some-state"), "{location}");
    }
}

#[test]
fn who_asks_without_a_person_is_told_at_a_registered_address_only() {
    let world = World::start();
    let ask = |uri: &str, more: &[(&str, &str)]| {
        let changes = [&[("prompt", "none")], more].concat();
        world.client().get(&authorize_url(uri, &changes)).expect("an answer")
    };
    // The platform, and whether the port is another, make no difference before the code is redeemed.
    for uri in [
        "http://localhost:9/ona-azure",
        "http://localhost:10/ona-azure-native",
        "https://ona.example/auth/callback",
    ] {
        let reply = ask(uri, &[]);
        let location = reply.header("location").unwrap_or_default();
        let query = location.strip_prefix(&format!("{uri}?")).expect("back where it came from");
        let pairs: Vec<_> = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        assert_eq!((reply.status, field(&pairs, "error")), (302, "login_required"));
        assert_eq!(field(&pairs, "state"), "some-state");
        assert!(field(&pairs, "error_description").starts_with("AADSTS50058: "), "{location}");
    }
    let nobody = "00000000-0000-0000-0000-000000000001";
    for (uri, more, code) in [
        ("http://localhost:9/other", &[][..], "AADSTS50011: "),
        ("https://localhost:9/ona-azure", &[], "AADSTS50011: "),
        ("http://localhost:9/ona-azure", &[("client_id", nobody)], "AADSTS700016: "),
    ] {
        let reply = ask(uri, more);
        assert_eq!((reply.status, reply.header("location")), (400, None), "{}", reply.text());
        assert!(reply.header("content-type").is_some_and(|kind| kind.contains("html")));
        assert!(reply.text().contains(code), "{}", reply.text());
    }
}

#[test]
fn sign_ins_can_end_badly() {
    let world = World::start();
    for (outcome, code) in [
        (SignIn::NeedsAdminConsent, "AADSTS90094"),
        (SignIn::BlockedByPolicy, "AADSTS53003"),
        (SignIn::NotAssigned, "AADSTS50105"),
    ] {
        world.entra().sign_in(outcome);
        let url = authorize_url("http://localhost:9/ona-azure", &[]);
        assert!(world.browse(&url).body.contains(code), "{code}");
    }
    world.entra().sign_in(SignIn::Declined);
    let (port, thread) = listen();
    let url = authorize_url(&format!("http://localhost:{port}/ona-azure"), &[]);
    let result = world.browse(&url);
    thread.join().expect("the listener ends");
    assert!(result.final_url.contains("?error=access_denied&"), "{}", result.final_url);
    assert!(result.final_url.contains("AADSTS65004"));
    let (port, thread) = listen();
    let url = authorize_url(
        &format!("http://localhost:{port}/ona-azure"),
        &[("response_mode", "form_post")],
    );
    world.entra().sign_in(SignIn::Succeeds);
    assert_eq!(world.browse_as(&url, GRACE).body, "done");
    assert!(thread.join().expect("the listener ends").contains("&state=some-state"));
}

#[test]
fn client_credentials_prove_the_set_up() {
    let world = World::start();
    let ask = |tenant: &str, changes: &[(&str, &str)]| {
        let scope = format!("{ADO_RESOURCE}/.default");
        let mut form = vec![
            ("grant_type", "client_credentials"),
            ("client_id", CLIENT_ID),
            ("client_secret", CLIENT_SECRET),
            ("scope", &scope),
        ];
        for (name, value) in changes {
            form.retain(|(n, _)| n != name);
            if !value.is_empty() {
                form.push((name, value));
            }
        }
        let url = format!("https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token");
        world.client().post_form(&url, &form).expect("an answer")
    };
    let good = ask(CONTOSO, &[]);
    assert_eq!(good.status, 200);
    assert!(good.json()["refresh_token"].is_null());
    assert_refused(&ask("common", &[]), 400, "invalid_request", 9_001_023);
    assert_refused(&ask("organizations", &[]), 400, "invalid_request", 50194);
    assert_refused(&ask(FABRIKAM, &[]), 400, "unauthorized_client", 700_016);
    assert_refused(&ask("nowhere.example", &[]), 400, "invalid_request", 90002);
    let wrong = ask(CONTOSO, &[("client_secret", "0f0f0f0f-id")]);
    assert_refused(&wrong, 401, "invalid_client", 7_000_215);
    let missing = ask(CONTOSO, &[("client_secret", "")]);
    assert_refused(&missing, 401, "invalid_client", 7_000_216);
    let scope = format!("{ADO_RESOURCE}/vso.code");
    assert_refused(&ask(CONTOSO, &[("scope", &scope)]), 400, "invalid_scope", 1_002_012);
    let mut app = App::default();
    app.secrets[0].1 = true;
    world.entra().register_app(app.clone());
    assert_refused(&ask(CONTOSO, &[]), 401, "invalid_client", 7_000_222);
    app.disabled = true;
    world.entra().register_app(app);
    assert_refused(&ask(CONTOSO, &[]), 400, "unauthorized_client", 7_000_112);
}

#[test]
fn malformed_token_requests_are_refused() {
    let world = World::start();
    let client = world.client();
    let get = client.get(&token_url()).expect("an answer");
    assert_refused(&get, 400, "invalid_request", 900_561);
    let post = |form: &[(&str, &str)]| client.post_form(&token_url(), form).expect("an answer");
    assert_refused(&post(&[]), 400, "invalid_request", 900_144);
    let grant = ("grant_type", "refresh_token");
    assert_refused(&post(&[grant, grant]), 400, "invalid_request", 9_000_411);
    assert_refused(&post(&[grant]), 400, "invalid_request", 900_144);
    let json = [("Content-Type", "application/json")];
    let reply = client.request("POST", &token_url(), &json, b"{}").expect("an answer");
    assert_refused(&reply, 400, "invalid_request", 900_144);
    let form = [("grant_type", "password"), ("client_id", CLIENT_ID)];
    assert_refused(&post(&form), 400, "unsupported_grant_type", 70003);
    let basic = base64::engine::general_purpose::STANDARD
        .encode(format!("{CLIENT_ID}:{}", CLIENT_SECRET.replace('~', "%7E")));
    let reply = client
        .request(
            "POST",
            &token_url(),
            &[
                ("Content-Type", "application/x-www-form-urlencoded"),
                ("Authorization", &format!("Basic {basic}")),
            ],
            format!("grant_type=client_credentials&scope={ADO_RESOURCE}%2F.default").as_bytes(),
        )
        .expect("an answer");
    assert_eq!(reply.status, 200, "{}", reply.text());
    let seen = world.requests();
    let last = seen.last().expect("a request");
    assert_eq!(last.authorization.as_deref(), Some("Basic"));
    assert_eq!(last.grant.as_deref(), Some("client_credentials"));
}

#[test]
fn refresh_tokens_die_in_the_ways_they_do() {
    let world = World::start();
    let secret = ("client_secret", CLIENT_SECRET);
    let fresh = || session(&world)["refresh_token"].as_str().expect("a token").to_owned();
    for (dead, code, suberror) in [
        (Dead::Inactivity, 700_082, None),
        (Dead::Password, 50173, Some("bad_token")),
        (Dead::SignInFrequency, 70043, Some("bad_token")),
    ] {
        let token = fresh();
        world.entra().revoke_refresh_tokens(dead);
        let reply = refresh(&world, &token, &[secret]);
        assert_refused(&reply, 400, "invalid_grant", code);
        assert_eq!(reply.json()["suberror"].as_str(), suberror);
    }
    world.entra().strict_rotation(true);
    let first = fresh();
    let second = refresh(&world, &first, &[secret]).json();
    let reply = refresh(&world, &first, &[secret]);
    assert_refused(&reply, 400, "invalid_grant", 70000);
    let second = second["refresh_token"].as_str().expect("a token");
    assert_eq!(refresh(&world, second, &[secret]).status, 400, "the family is dead");
    world.entra().grant_only(&["vso.code"]);
    world.entra().omit_refresh_token(true);
    world.entra().override_token_response(|mut answer| {
        answer["expires_in"] = "soon".into();
        answer
    });
    let answer = session(&world);
    assert_eq!(answer["scope"], format!("{ADO_RESOURCE}/vso.code"));
    assert!(answer["refresh_token"].is_null());
    assert_eq!(answer["expires_in"], "soon");
}

#[test]
fn faults_strike_as_often_as_told() {
    let world = World::start();
    let client = world.client();
    let get = || client.get(&discovery(CONTOSO));
    world.fail(Target::Discovery, Fault::Html(503), Times::N(2));
    world.fail(Target::Discovery, Fault::Throttle { retry_after: Some(7) }, Times::Once);
    world.fail(Target::Discovery, Fault::Reset, Times::Once);
    assert_eq!(get().expect("an answer").status, 503);
    assert_eq!(get().expect("an answer").status, 503);
    let throttled = get().expect("an answer");
    assert_eq!((throttled.status, throttled.header("retry-after")), (429, Some("7")));
    assert!(get().is_err(), "the connection is dropped");
    assert_eq!(get().expect("an answer").status, 200);
    let fault = Fault::error(503, "temporarily_unavailable", 90033, "Try again.");
    world.fail(Target::Token, fault, Times::Always);
    let reply = client.post_form(&token_url(), &[("grant_type", "refresh_token")]);
    assert_refused(&reply.expect("an answer"), 503, "temporarily_unavailable", 90033);
    world.clear_faults();
    let raw = Fault::Raw { status: 200, headers: vec![], body: b"nonsense".to_vec() };
    world.fail(Target::Discovery, raw, Times::Once);
    assert_eq!(get().expect("an answer").text(), "nonsense");
    world.delay(Target::Discovery, Duration::from_millis(150));
    let begun = Instant::now();
    assert_eq!(get().expect("an answer").status, 200);
    assert!(begun.elapsed() >= Duration::from_millis(150));
    world.clear_faults();
    world.fail(Target::Discovery, Fault::Oversized, Times::Once);
    let begun = Instant::now();
    let size = get().expect("an answer").body.len();
    assert!(size > 200 * 1024 * 1024 - 70_000, "{size} in {:?}", begun.elapsed());
}

#[test]
fn a_world_ends_even_while_something_hangs() {
    let world = World::start();
    world.fail(Target::Discovery, Fault::Hang, Times::Always);
    let client = world.client();
    let thread = std::thread::spawn(move || client.get(&discovery(CONTOSO)).is_err());
    std::thread::sleep(Duration::from_millis(200));
    drop(world);
    assert!(thread.join().expect("the client ends"));
}

#[test]
fn other_names_are_refused_and_noted() {
    let world = World::start();
    let client = world.client();
    for url in
        ["https://example.com/", "http://dev.azure.com/contoso", "https://dev.azure.com:444/"]
    {
        assert!(client.get(url).map_or(true, |reply| reply.status == 502), "{url}");
    }
    assert_eq!(world.strays(), ["example.com", "http://dev.azure.com", "dev.azure.com:444"]);
    assert_eq!(world.connections("dev.azure.com"), 0);
}
