//! Apps of many tenants, and guests.
mod common;
use common::*;
use standins::*;

/// Somebody of Fabrikam.
const LIN: &str = "lin@fabrikam.example";

/// A world whose app is used by more tenants than its own.
fn world() -> World {
    let world = World::start();
    world.entra().register_app(App { multitenant: true, ..App::default() });
    world.entra().add_account(FABRIKAM, LIN, "Lin Fabrikam");
    world
}

/// Signs in at a place as an account; gives redirect URI and code.
fn code_at(world: &World, place: &str, account: &str) -> (String, String) {
    let (port, thread) = listen();
    let uri = format!("http://localhost:{port}/ona-azure");
    let result = world.browse_as(&authorize_url_at(place, &uri, &[]), account);
    assert_eq!(result.body, "done");
    thread.join().expect("the listener ends");
    let url = url::Url::parse(&result.final_url).expect("a URL");
    let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    (uri, field(&pairs, "code").to_owned())
}

fn redeem_at(world: &World, place: &str, uri: &str, code: &str) -> Reply {
    let form = [
        ("grant_type", "authorization_code"),
        ("client_id", CLIENT_ID),
        ("client_secret", CLIENT_SECRET),
        ("code", code),
        ("redirect_uri", uri),
        ("code_verifier", VERIFIER),
    ];
    world.client().post_form(&endpoint(place, "token"), &form).expect("an answer")
}

fn refresh_at(world: &World, place: &str, token: &serde_json::Value) -> Reply {
    let form = [
        ("grant_type", "refresh_token"),
        ("client_id", CLIENT_ID),
        ("client_secret", CLIENT_SECRET),
        ("refresh_token", token.as_str().expect("a refresh token")),
    ];
    world.client().post_form(&endpoint(place, "token"), &form).expect("an answer")
}

/// Whether Azure DevOps lets a token into an organization.
fn lets_in(world: &World, org: &str, token: &serde_json::Value) -> bool {
    let url = format!("https://dev.azure.com/{org}/_apis/git/repositories?api-version=7.1");
    let bearer = format!("Bearer {}", token.as_str().expect("a token"));
    let headers = [("Authorization", bearer.as_str())];
    world.client().request("GET", &url, &headers, b"").expect("an answer").status == 200
}

#[test]
fn tokens_are_for_the_tenant_signed_in_to() {
    let world = world();
    world.entra().add_guest(FABRIKAM, ADA);
    for (place, account, tenant) in [
        ("organizations", ADA, CONTOSO),
        ("organizations", LIN, FABRIKAM),
        ("common", LIN, FABRIKAM),
        (CONTOSO, ADA, CONTOSO),
        (FABRIKAM, LIN, FABRIKAM),
        (FABRIKAM, ADA, FABRIKAM),
        ("fabrikam.com", ADA, FABRIKAM),
    ] {
        let (uri, code) = code_at(&world, place, account);
        let reply = redeem_at(&world, place, &uri, &code);
        let answer = reply.json();
        assert_eq!(reply.status, 200, "{account} at {place}: {answer}");
        let (access, id) = (claims(&answer["access_token"]), claims(&answer["id_token"]));
        assert_eq!(access["tid"], tenant, "{account} at {place}");
        assert_eq!(access["iss"], format!("https://sts.windows.net/{tenant}/"));
        assert_eq!(access["unique_name"], account);
        assert_eq!(id["tid"], tenant);
        assert_eq!(id["iss"], format!("https://login.microsoftonline.com/{tenant}/v2.0"));
        assert_eq!(id["preferred_username"], account);
        assert_eq!(id["oid"], access["oid"]);
        assert_eq!(lets_in(&world, "contoso", &answer["access_token"]), tenant == CONTOSO);
        let member = account == ADA && tenant == FABRIKAM;
        assert_eq!(lets_in(&world, "northwind", &answer["access_token"]), member);
    }
}

#[test]
fn strangers_to_a_tenant_are_shown_that_they_are() {
    let world = world();
    let url = authorize_url_at(FABRIKAM, "http://localhost:9/ona-azure", &[]);
    let result = world.browse_as(&url, ADA);
    assert!(result.body.contains("AADSTS50020"), "{}", result.body);
    assert!(world.browse_as(&url, "nobody@contoso.example").body.contains("AADSTS50034"));
    world.entra().add_guest(FABRIKAM, "Ada@Contoso.Example");
    code_at(&world, FABRIKAM, ADA);
    let result = world.browse_as(&url, GRACE);
    assert!(result.body.contains("AADSTS50020"), "being a guest is personal: {}", result.body);
}

#[test]
fn the_account_page_lists_who_may_sign_in_and_the_hinted_one_first() {
    let world = world();
    world.entra().add_guest(FABRIKAM, ADA);
    for (place, hint, expected) in [
        (CONTOSO, "", &[ADA, GRACE, "cancel"][..]),
        (CONTOSO, GRACE, &[GRACE, ADA, "cancel"]),
        (CONTOSO, "nobody@contoso.example", &[ADA, GRACE, "cancel"]),
        (FABRIKAM, "LIN@FABRIKAM.EXAMPLE", &[LIN, ADA, "cancel"]),
        ("organizations", LIN, &[LIN, ADA, GRACE, "cancel"]),
    ] {
        let url = authorize_url_at(place, "http://localhost:9/ona-azure", &[("login_hint", hint)]);
        let page = world.client().get(&url).expect("an answer").text();
        let buttons: Vec<&str> = page
            .split("<button type=\"submit\" id=\"")
            .skip(1)
            .filter_map(|button| button.split('"').next())
            .collect();
        assert_eq!(buttons, expected, "{page}");
        for button in buttons {
            assert!(page.contains(&format!("name=\"account\" value=\"{button}\"")), "{page}");
        }
    }
}

#[test]
fn codes_and_refresh_tokens_know_their_place() {
    let world = world();
    for (asked, redeemed, fits) in [
        ("organizations", "organizations", true),
        ("organizations", "common", true),
        ("organizations", CONTOSO, true),
        ("organizations", FABRIKAM, false),
        (CONTOSO, "organizations", false),
        (CONTOSO, FABRIKAM, false),
    ] {
        let (uri, code) = code_at(&world, asked, ADA);
        let reply = redeem_at(&world, redeemed, &uri, &code);
        if fits {
            assert_eq!(reply.status, 200, "{asked} then {redeemed}");
        } else {
            assert_refused(&reply, 400, "invalid_grant", 700_005);
        }
    }
    let (uri, code) = code_at(&world, "organizations", ADA);
    let answer = redeem_at(&world, "organizations", &uri, &code).json();
    let token = &answer["refresh_token"];
    for place in ["organizations", CONTOSO] {
        let reply = refresh_at(&world, place, token);
        assert_eq!(claims(&reply.json()["access_token"])["tid"], CONTOSO, "{place}");
    }
    assert_refused(&refresh_at(&world, FABRIKAM, token), 400, "invalid_grant", 50020);
    world.entra().add_guest(FABRIKAM, ADA);
    let reply = refresh_at(&world, FABRIKAM, token);
    assert_eq!(claims(&reply.json()["access_token"])["tid"], FABRIKAM);
}

#[test]
fn placeholders_are_for_apps_of_many_tenants() {
    let world = World::start();
    let page = |place: &str| {
        let url = authorize_url_at(place, "http://localhost:9/ona-azure", &[]);
        world.client().get(&url).expect("an answer")
    };
    for place in ["organizations", "common", "consumers"] {
        let reply = page(place);
        assert_eq!(reply.status, 400);
        assert!(reply.text().contains("AADSTS50194"), "{place}: {}", reply.text());
    }
    assert!(page(FABRIKAM).text().contains("AADSTS700016"));
    world.entra().register_app(App { multitenant: true, ..App::default() });
    assert_eq!(page("organizations").status, 200);
    assert_eq!(page("Common").status, 200);
    assert_eq!(page(FABRIKAM).status, 200);
    assert!(page("consumers").text().contains("AADSTS9002332"));
    world.entra().register_app(App { multitenant: true, disabled: true, ..App::default() });
    assert!(page("organizations").text().contains("AADSTS7000112"));
    world.entra().remove_app(CLIENT_ID);
    assert!(page("organizations").text().contains("AADSTS700016"));
}

#[test]
fn an_app_speaks_for_itself_where_it_is_installed() {
    let world = world();
    let ask = |place: &str| {
        let scope = format!("{ADO_RESOURCE}/.default");
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", CLIENT_ID),
            ("client_secret", CLIENT_SECRET),
            ("scope", &scope),
        ];
        world.client().post_form(&endpoint(place, "token"), &form).expect("an answer")
    };
    assert_refused(&ask("common"), 400, "invalid_request", 9_001_023);
    assert_refused(&ask(FABRIKAM), 400, "unauthorized_client", 7_000_229);
    for place in ["organizations", CONTOSO] {
        assert_eq!(claims(&ask(place).json()["access_token"])["tid"], CONTOSO, "{place}");
    }
    let (uri, code) = code_at(&world, "organizations", LIN);
    assert_eq!(redeem_at(&world, "organizations", &uri, &code).status, 200);
    assert_eq!(claims(&ask(FABRIKAM).json()["access_token"])["tid"], FABRIKAM);
}
