//! What is between a program and the services: the proxy, certificates and the time of day.
mod common;
use common::*;
use standins::*;

fn discovery() -> String {
    format!("https://login.microsoftonline.com/{CONTOSO}/v2.0/.well-known/openid-configuration")
}

#[test]
fn a_proxy_turns_people_away() {
    let world = World::start();
    let git = Git::new(&world, "x", "y");
    for (proxy, status) in [(Proxy::Refuses, "403"), (Proxy::AsksWho, "407")] {
        world.set_proxy(proxy);
        let error = world.client().get(&discovery()).expect_err("no tunnel").to_string();
        assert!(error.contains(&format!("the proxy answered {status}")), "{error}");
        let told = git.fails(&["ls-remote", "https://dev.azure.com/contoso/open/_git/open"]);
        assert!(told.contains(status), "{told}");
        let plain = world.client().get("http://tfs.corp.example/tfs/").expect("an answer");
        assert_eq!(plain.status.to_string(), status);
        let asks = plain.header("proxy-authenticate").is_some();
        assert_eq!(asks, proxy == Proxy::AsksWho);
    }
    assert!(world.requests().is_empty(), "nobody got through");
    world.set_proxy(Proxy::Open);
    assert_eq!(world.client().get(&discovery()).expect("an answer").status, 200);
}

#[test]
fn another_authority_vouches_for_nobody_here() {
    let world = World::start();
    let client = Client::new(world.proxy_url(), &world.other_ca_file()).expect("a good file");
    let error = client.get(&discovery()).expect_err("no trust").to_string();
    assert!(error.contains("UnknownIssuer"), "{error}");
    assert_eq!(world.client().get(&discovery()).expect("an answer").status, 200);
}

#[test]
fn clocks_that_are_off_show_in_every_answer_and_in_certificates() {
    let world = World::start();
    let urls = [
        discovery(),
        "https://dev.azure.com/contoso".to_owned(),
        "http://tfs.corp.example/tfs/".to_owned(),
    ];
    let dates = || {
        urls.clone().map(|url| {
            let reply = world.client().get(&url).expect("an answer");
            assert_eq!(reply.all("date").len(), 1, "{:?}", reply.headers);
            reply.header("date").expect("a date").to_owned()
        })
    };
    let minute = |date: &str| {
        let time = date.split(' ').nth(4).expect("a time").to_owned();
        let parts: Vec<u32> = time.split(':').map(|part| part.parse().expect("a number")).collect();
        parts[0] * 60 + parts[1]
    };
    let before = dates();
    world.shift_clock(2 * 3600);
    let after = dates();
    for (before, after) in before.iter().zip(&after) {
        let ahead = (minute(after) + 24 * 60 - minute(before)) % (24 * 60);
        // Both may fall to either side of a minute.
        assert!((120..=121).contains(&ahead), "{before} and {after}");
    }
    world.shift_clock(4 * 365 * 86_400);
    let error = world.client().get(&urls[0]).expect_err("not valid yet").to_string();
    assert!(error.contains("NotValidYet") || error.contains("not valid yet"), "{error}");
    world.shift_clock(0);
    dates();
}
