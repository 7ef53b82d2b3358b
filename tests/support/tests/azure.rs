//! Azure DevOps and its Server, used with real git.
mod common;
use base64::Engine as _;
use common::*;
use standins::*;

const APP: &str = "https://dev.azure.com/contoso/app/_git/app";

/// Commits a file of noise and pushes it.
fn push(git: &Git<'_>, clone: &str, size: usize) -> std::process::Output {
    let noise: Vec<u8> = (0..size as u64)
        .map(|i| (i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33) as u8 ^ (i >> 7) as u8)
        .collect();
    std::fs::write(git.home.join(clone).join("noise"), noise).expect("a file");
    git.ok(&["-C", clone, "add", "noise"]);
    git.ok(&["-C", clone, "commit", "-q", "--allow-empty", "-m", "Noise"]);
    git.run(&["-C", clone, "push", "-q", "origin", "main"])
}

#[test]
fn pats_clone_and_push() {
    let world = World::start();
    let pat = world.azure().add_pat("contoso", Pat::read_write());
    assert_eq!((pat.len(), &pat[76..80]), (84, "AZDO"));
    let git = Git::new(&world, "anything", &pat);
    git.ok(&["clone", "-q", APP, "app"]);
    assert!(push(&git, "app", 3_000_000).status.success());
    git.ok(&["-c", "http.postBuffer=65536", "-C", "app", "push", "-q", "origin", "main:other"]);
    git.ok(&[
        "clone",
        "-q",
        "https://contoso.visualstudio.com/DefaultCollection/app/_git/app",
        "b",
    ]);
    assert!(git.home.join("b/noise").exists());
    git.fails(&["ls-remote", "https://dev.azure.com/fabrikam/lib/_git/lib"]);
    let told = git.fails(&["ls-remote", "https://dev.azure.com/contoso/app/_git/none"]);
    assert!(told.contains("not found"), "{told}");
    let read = world.azure().add_pat("contoso", Pat::read_only());
    let reader = Git::new(&world, "anything", &read);
    reader.ok(&["clone", "-q", APP, "app"]);
    let refused = push(&reader, "app", 10);
    assert!(!refused.status.success());
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(told.contains("TF401027") && told.contains("403"), "{told}");
    world.azure().revoke_pat(&pat);
    git.fails(&["ls-remote", APP]);
}

#[test]
fn tokens_are_good_only_where_they_should_be() {
    let world = World::start();
    let answer = session(&world);
    let token = answer["access_token"].as_str().expect("a token").to_owned();
    let git = Git::new(&world, ADA, &token);
    git.ok(&["clone", "-q", APP, "app"]);
    assert!(push(&git, "app", 10).status.success());
    git.ok(&["ls-remote", "https://fabrikam.visualstudio.com/_git/lib"]);
    git.fails(&["ls-remote", "https://dev.azure.com/outsider/x/_git/x"]);
    git.fails(&["ls-remote", "https://dev.azure.com/northwind/n/_git/n"]);
    git.fails(&["ls-remote", "https://dev.azure.com/msaorg/m/_git/m"]);
    let bearer = format!("http.extraHeader=Authorization: Bearer {token}");
    let nobody = Git::new(&world, "", "");
    nobody.ok(&["-c", &bearer, "ls-remote", APP]);
    let swapped = base64::engine::general_purpose::STANDARD.encode(format!("{token}:"));
    let header = format!("http.extraHeader=Authorization: Basic {swapped}");
    nobody.fails(&["-c", &header, "ls-remote", APP]);
    // git needs some name beside a token; any will do.
    let pat = world.azure().add_pat("contoso", Pat::read_write());
    for secret in [&token, &pat] {
        let basic = |user: &str| {
            let both = format!("{user}:{secret}");
            let basic = base64::engine::general_purpose::STANDARD.encode(both);
            format!("http.extraHeader=Authorization: Basic {basic}")
        };
        nobody.fails(&["-c", &basic(""), "ls-remote", APP]);
        nobody.ok(&["-c", &basic("x"), "ls-remote", APP]);
    }
    world.azure().deny("fabrikam", ADA);
    git.fails(&["ls-remote", "https://dev.azure.com/fabrikam/lib/_git/lib"]);
    world.entra().expire_access_tokens();
    git.fails(&["ls-remote", APP]);
    let narrow = world.entra().issue_access_token(ADA, &["vso.code"]);
    let reader = Git::new(&world, ADA, &narrow);
    reader.ok(&["clone", "-q", APP, "app"]);
    assert!(!push(&reader, "app", 10).status.success());
    // A scope that is none of Code (write) and up writes no code.
    for (scope, writes) in
        [("vso.code_manage", true), ("vso.code_full", true), ("vso.code_status", false)]
    {
        let token = world.entra().issue_access_token(ADA, &["vso.code", scope]);
        let git = Git::new(&world, ADA, &token);
        git.ok(&["clone", "-q", APP, "app"]);
        assert_eq!(push(&git, "app", 10).status.success(), writes, "{scope}");
    }
}

#[test]
fn public_projects_are_open_to_all_and_the_foreign_host_gets_nothing() {
    let world = World::start();
    world.azure().create_repo("contoso", "Web Shop", "web shop");
    let pat = world.azure().add_pat("contoso", Pat::read_write());
    let nobody = Git::new(&world, "", "");
    nobody.ok(&["ls-remote", "https://dev.azure.com/contoso/open/_git/open"]);
    nobody.fails(&["ls-remote", APP]);
    nobody.ok(&["ls-remote", "https://git.example.org/pub/sub.git"]);
    nobody.fails(&["-c", "core.askPass=", "ls-remote", "https://git.example.org/private/x.git"]);
    let git = Git::new(&world, "x", &pat);
    git.ok(&["ls-remote", "https://dev.azure.com/contoso/Web%20Shop/_git/web%20shop"]);
    git.ok(&["ls-remote", "https://dev.azure.com/contoso/web%20shop/_git/_full/Web%20Shop"]);
    let before = world.foreign_authorizations();
    git.ok(&["ls-remote", "https://git.example.org/pub/sub.git"]);
    assert_eq!(world.foreign_authorizations(), before);
}

#[test]
fn a_challenge_names_the_tenant() {
    let world = World::start();
    let client = world.client();
    let url = format!("{APP}/info/refs?service=git-upload-pack");
    let reply = client.get(&url).expect("an answer");
    assert_eq!(reply.status, 401);
    let bearer = format!("Bearer authorization_uri=https://login.microsoftonline.com/{CONTOSO}");
    assert_eq!(
        reply.all("www-authenticate"),
        [bearer.as_str(), "Basic realm=\"https://tfsprodneu2.visualstudio.com/\"", "TFS-Federated"]
    );
    assert_eq!(reply.header("x-vss-resourcetenant"), Some(CONTOSO));
    let suppress = [("X-TFS-FedAuthRedirect", "Suppress")];
    let head = |org: &str| {
        let url = format!("https://dev.azure.com/{org}");
        client.request("HEAD", &url, &suppress, b"").expect("an answer")
    };
    assert_eq!(head("contoso").status, 401);
    assert_eq!(head("nobody").status, 404);
    let msa = head("msaorg");
    assert_eq!(msa.all("www-authenticate")[0], "Bearer");
    assert_eq!(msa.header("x-vss-resourcetenant"), Some(MSA_TENANT));
    let pat = world.azure().add_pat("contoso", Pat::past_expiry());
    let basic = base64::engine::general_purpose::STANDARD.encode(format!("x:{pat}"));
    let header = format!("Basic {basic}");
    let reply = client.request("GET", &url, &[("Authorization", &header)], b"").expect("one");
    assert!(reply.header("x-tfs-serviceerror").is_some_and(|e| e.contains("expired")));
    world.fail(Target::Azure, Fault::Throttle { retry_after: Some(30) }, Times::Once);
    let reply = client.get(&url).expect("an answer");
    assert_eq!((reply.status, reply.header("retry-after")), (429, Some("30")));
    assert!(reply.text().contains("TF400733"));
}

#[test]
fn rest_asks_strangers_to_sign_in_in_three_ways() {
    let world = World::start();
    let client = world.client();
    let url = "https://dev.azure.com/contoso/_apis/git/repositories?api-version=7.1";
    let get = |headers: &[(&str, &str)]| client.request("GET", url, headers, b"").expect("one");
    let plain = get(&[]);
    assert_eq!(plain.status, 203);
    assert!(plain.text().contains("Sign In"));
    let browser = get(&[("Accept", "text/html")]);
    assert_eq!(browser.status, 302);
    let location = browser.header("location").expect("a location");
    assert!(location.starts_with("https://login.microsoftonline.com/"));
    assert_eq!(get(&[("X-TFS-FedAuthRedirect", "Suppress")]).status, 401);
    let token = world.entra().issue_access_token(ADA, &["vso.code_write"]);
    let bearer = format!("Bearer {token}");
    let good = get(&[("Authorization", &bearer)]);
    assert_eq!(good.status, 200);
    assert_eq!(good.json()["count"], 2);
    world.entra().revoke_access_tokens();
    assert_eq!(get(&[("Authorization", &bearer)]).status, 203);
    let stranger = world.entra().issue_access_token(ADA, &["vso.code"]);
    let url = "https://dev.azure.com/outsider/_apis/connectionData";
    let header = format!("Bearer {stranger}");
    let reply = client
        .request("GET", url, &[("Authorization", &header), ("Accept", "application/json")], b"")
        .expect("an answer");
    assert_eq!(reply.status, 401);
    assert!(reply.json()["message"].as_str().expect("words").starts_with("TF400813"));
}

#[test]
fn lfs_objects_go_both_ways() {
    let world = World::start();
    let pat = world.azure().add_pat("contoso", Pat::read_write());
    let git = Git::new(&world, "x", &pat);
    let probe = git.run(&["lfs", "version"]);
    if !probe.status.success() {
        return;
    }
    git.ok(&["lfs", "install", "--skip-repo"]);
    git.ok(&["clone", "-q", APP, "app"]);
    git.ok(&["-C", "app", "lfs", "install", "--local"]);
    git.ok(&["-C", "app", "lfs", "track", "noise"]);
    git.ok(&["-C", "app", "add", ".gitattributes"]);
    let pushed = push(&git, "app", 100_000);
    assert!(pushed.status.success(), "{}", String::from_utf8_lossy(&pushed.stderr));
    git.ok(&["clone", "-q", APP, "again"]);
    let (one, two) = ("app/noise", "again/noise");
    let read = |name: &str| std::fs::read(git.home.join(name)).expect("a file");
    assert_eq!(read(two).len(), 100_000);
    assert!(read(one) == read(two));
    let puts =
        world.requests().iter().filter(|seen| seen.method == "PUT" && seen.status == 200).count();
    assert_eq!(puts, 1);
}

#[test]
fn the_server_takes_pats_and_only_pats() {
    let world = World::start();
    let client = world.client();
    let url = "https://tfs.corp.example/tfs/DefaultCollection/app/_git/app";
    let refs = format!("{url}/info/refs?service=git-upload-pack");
    let reply = client.get(&refs).expect("an answer");
    assert_eq!(reply.status, 401);
    assert_eq!(
        reply.all("www-authenticate"),
        ["Bearer", "Basic realm=\"https://tfs.corp.example/tfs\"", "Negotiate", "NTLM"]
    );
    let hello = "NTLM TlRMTVNTUAABAAAABoIIAAAAAAAAAAAAAAAAAAAAAAA=";
    let reply = client.request("GET", &refs, &[("Authorization", hello)], b"").expect("one");
    assert_eq!(reply.status, 401);
    assert!(reply.all("www-authenticate")[0].starts_with("NTLM TlRMTVNTUAACAAAA"));
    let pat = world.server().add_pat();
    let git = Git::new(&world, "", &pat);
    let basic = base64::engine::general_purpose::STANDARD.encode(format!(":{pat}"));
    let header = format!("http.extraHeader=Authorization: Basic {basic}");
    for base in [
        "https://tfs.corp.example/tfs/DefaultCollection/app/_git/app",
        "https://tfs.corp.example:8443/tfs/defaultcollection/_git/app",
        "http://tfs.corp.example/tfs/DefaultCollection/app/_git/app",
    ] {
        git.ok(&["-c", &header, "ls-remote", base]);
    }
    git.ok(&["-c", &header, "clone", "-q", url, "app"]);
    git.ok(&["-C", "app", "config", "http.extraHeader", &format!("Authorization: Basic {basic}")]);
    assert!(push(&git, "app", 10).status.success());
    let auth = format!("Basic {basic}");
    let call = "https://tfs.corp.example/tfs/DefaultCollection/_apis/projects";
    let reply = client.request("GET", call, &[("Authorization", &auth)], b"").expect("one");
    assert_eq!((reply.status, reply.json()["count"].as_u64()), (200, Some(1)));
    assert_eq!(client.get(call).expect("an answer").status, 401);
    let named = Git::new(&world, "ada", &pat);
    named.fails(&["ls-remote", url]);
    // Known since git 2.46.
    let at_once = ["-c", "http.https://tfs.corp.example.proactiveAuth=basic", "ls-remote", url];
    let since = |version: &str| {
        let mut numbers = version.split(['.', ' ']).filter_map(|number| number.parse().ok());
        (numbers.next(), numbers.next()) >= (Some(2), Some(46))
    };
    if since(&named.ok(&["version"])) {
        named.ok(&at_once);
    } else {
        named.fails(&at_once);
    }
    // Without NTLM there is nothing that git would take in place of the token.
    for sign_in in [ServerSignIn::Kerberos, ServerSignIn::BasicOnly] {
        world.server().set_sign_in(sign_in);
        named.ok(&["ls-remote", url]);
    }
    for sign_in in [ServerSignIn::WindowsOnly, ServerSignIn::KerberosOnly] {
        world.server().set_sign_in(sign_in);
        named.fails(&["ls-remote", url]);
    }
}

fn basic(user: &str, password: &str) -> String {
    let both = format!("{user}:{password}");
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(both))
}

#[test]
fn organizations_say_whose_they_are_to_strangers() {
    let world = World::start();
    let suppress = [("X-TFS-FedAuthRedirect", "Suppress")];
    let named = |tenant: &str| {
        format!("Bearer authorization_uri=https://login.microsoftonline.com/{tenant}")
    };
    let moved = "ccccdddd-2222-eeee-3333-ffff4444aaaa";
    world.azure().set_tenant("outsider", moved);
    for (org, bearer, tenant) in [
        ("contoso", named(CONTOSO), CONTOSO),
        ("Contoso", named(CONTOSO), CONTOSO),
        ("northwind", named(FABRIKAM), FABRIKAM),
        ("outsider", named(moved), moved),
        ("msaorg", "Bearer".to_owned(), MSA_TENANT),
    ] {
        for method in ["HEAD", "GET"] {
            for place in ["", "/_apis/connectionData", "/_apis/connectiondata"] {
                let url = format!("https://dev.azure.com/{org}{place}");
                let reply = world.client().request(method, &url, &suppress, b"").expect("one");
                assert_eq!(reply.status, 401, "{method} {url}");
                assert_eq!(
                    reply.all("www-authenticate"),
                    [
                        bearer.as_str(),
                        "Basic realm=\"https://tfsprodneu2.visualstudio.com/\"",
                        "TFS-Federated"
                    ],
                    "{method} {url}"
                );
                assert_eq!(reply.all("x-vss-resourcetenant"), [tenant], "{method} {url}");
                assert!(reply.header("x-vss-e2eid").is_some());
            }
        }
    }
    for place in ["nobody", "nobody/_apis/connectionData", ""] {
        let url = format!("https://dev.azure.com/{place}");
        let reply = world.client().request("HEAD", &url, &suppress, b"").expect("an answer");
        assert_eq!(reply.status, 404, "{url}");
        assert!(reply.all("www-authenticate").is_empty());
    }
}

#[test]
fn an_organization_can_be_hostile() {
    let world = World::start();
    let suppress = [("X-TFS-FedAuthRedirect", "Suppress")];
    let evil = "Bearer authorization_uri=https://login.evil.example/contoso";
    let (one, two) = (CONTOSO, FABRIKAM);
    for headers in [
        &[("WWW-Authenticate", evil)][..],
        &[("X-VSS-ResourceTenant", one), ("X-VSS-ResourceTenant", two)],
        &[("WWW-Authenticate", "Bearer authorization_uri=http://login.microsoftonline.com/x")],
        &[("X-VSS-ResourceTenant", "../common"), ("WWW-Authenticate", "Basic realm=\"x\"")],
        &[],
    ] {
        world.azure().override_challenge("Contoso", headers);
        for url in [
            "https://dev.azure.com/contoso",
            "https://contoso.visualstudio.com/_apis/connectionData",
            "https://dev.azure.com/contoso/app/_git/app/info/refs?service=git-upload-pack",
        ] {
            let reply = world.client().request("GET", url, &suppress, b"").expect("an answer");
            assert_eq!(reply.status, 401);
            for name in ["WWW-Authenticate", "X-VSS-ResourceTenant"] {
                let expected: Vec<&str> =
                    headers.iter().filter(|(n, _)| *n == name).map(|(_, value)| *value).collect();
                assert_eq!(reply.all(&name.to_lowercase()), expected, "{url}");
            }
            assert!(reply.header("activityid").is_some(), "it is still Azure DevOps");
        }
        let url = "https://dev.azure.com/fabrikam";
        let other = world.client().request("HEAD", url, &suppress, b"").expect("an answer");
        assert_eq!(other.all("x-vss-resourcetenant"), [CONTOSO], "only this organization");
    }
    world.azure().clear_challenge_override("contoso");
    let url = "https://dev.azure.com/contoso";
    let reply = world.client().request("HEAD", url, &suppress, b"").expect("an answer");
    assert_eq!(reply.all("x-vss-resourcetenant"), [CONTOSO]);
}

#[test]
fn pats_are_tried_on_the_list_of_repositories() {
    let world = World::start();
    let azure = world.azure();
    let revoked = azure.add_pat("contoso", Pat::read_write());
    azure.revoke_pat(&revoked);
    for (pat, plain, browser, suppressed) in [
        (azure.add_pat("contoso", Pat::read_write()), 200, 200, 200),
        (azure.add_pat("contoso", Pat::read_only()), 200, 200, 200),
        (azure.add_pat("contoso", Pat::without_code()), 401, 401, 401),
        (azure.add_pat("contoso", Pat::past_expiry()), 203, 302, 401),
        (azure.add_pat("fabrikam", Pat::read_write()), 203, 302, 401),
        (revoked, 203, 302, 401),
        ("nonsense".to_owned(), 203, 302, 401),
    ] {
        for (headers, status) in [
            (&[][..], plain),
            (&[("Accept", "application/json")], plain),
            (&[("Accept", "text/html")], browser),
            (&[("X-TFS-FedAuthRedirect", "Suppress")], suppressed),
            (&[("X-TFS-FedAuthRedirect", "Suppress"), ("Accept", "application/json")], suppressed),
        ] {
            for user in ["", "anything"] {
                let authorization = basic(user, &pat);
                let mut headers = headers.to_vec();
                headers.push(("Authorization", &authorization));
                let url = "https://dev.azure.com/contoso/_apis/git/repositories?api-version=7.1";
                let reply = world.client().request("GET", url, &headers, b"").expect("one");
                assert_eq!(reply.status, status, "{pat} {headers:?}: {}", reply.text());
                match status {
                    200 => assert_eq!(reply.json()["count"], 2),
                    203 => assert!(reply.text().contains("Sign In"), "{}", reply.text()),
                    302 => assert!(
                        reply
                            .header("location")
                            .is_some_and(|l| l.starts_with("https://login.microsoftonline.com/"))
                    ),
                    _ => assert!(!reply.all("www-authenticate").is_empty()),
                }
            }
        }
    }
    let who = azure.add_pat("contoso", Pat::without_code());
    let authorization = basic("", &who);
    let headers = [("Authorization", authorization.as_str()), ("Accept", "application/json")];
    let get = |url: &str| world.client().request("GET", url, &headers, b"").expect("an answer");
    let refused = get("https://dev.azure.com/contoso/_apis/git/repositories");
    assert!(refused.json()["message"].as_str().expect("words").starts_with("TF400813: The user '"));
    let known = get("https://dev.azure.com/contoso/_apis/connectionData");
    assert_eq!(known.status, 200, "it is good for other things");
    let git = Git::new(&world, "x", &who);
    git.fails(&["ls-remote", APP]);
}

#[test]
fn the_server_lists_repositories_and_says_who_is_asking() {
    let world = World::start();
    world.server().create_repo("DefaultCollection", "Web Shop", "shop");
    let good = basic("", &world.server().add_pat());
    let gone = world.server().add_pat();
    world.server().revoke_pat(&gone);
    let bad = basic("ada", &gone);
    for (directory, prefix) in [("tfs", "/tfs"), ("/", ""), ("/DevOps/", "/DevOps")] {
        world.server().set_virtual_directory(directory);
        for (path, status) in [
            ("DefaultCollection/_apis/git/repositories?api-version=7.1", 200),
            ("defaultcollection/_apis/git/repositories", 200),
            ("DefaultCollection/app/_apis/git/repositories", 200),
            ("DefaultCollection/none/_apis/git/repositories", 404),
            ("Other/_apis/git/repositories", 404),
            ("_apis/connectionData", 200),
            ("_apis/connectiondata", 200),
            ("DefaultCollection/_apis/connectionData", 200),
            ("_apis/git/repositories", 404),
        ] {
            for base in ["https://tfs.corp.example", "http://tfs.corp.example"] {
                let url = format!("{base}{prefix}/{path}");
                let get = |headers: &[(&str, &str)]| {
                    world.client().request("GET", &url, headers, b"").expect("an answer")
                };
                let reply = get(&[("Authorization", &good)]);
                assert_eq!(reply.status, status, "{url}: {}", reply.text());
                for refused in [get(&[]), get(&[("Authorization", &bad)])] {
                    assert_eq!(refused.status, 401, "{url}");
                    let offers = refused.all("www-authenticate");
                    let realm = format!("Basic realm=\"{base}/{}\"", directory.trim_matches('/'));
                    assert_eq!(offers, ["Bearer", &realm, "Negotiate", "NTLM"], "{url}");
                }
            }
        }
    }
    world.server().set_virtual_directory("tfs");
    let get = |path: &str| {
        let url = format!("https://tfs.corp.example:8443/tfs/{path}");
        let headers = [("Authorization", good.as_str())];
        world.client().request("GET", &url, &headers, b"").expect("an answer").json()
    };
    let all = get("DefaultCollection/_apis/git/repositories");
    assert_eq!(all["count"], 2);
    assert_eq!(
        get("DefaultCollection/app/_apis/git/repositories")["value"][0]["remoteUrl"],
        "https://tfs.corp.example:8443/tfs/DefaultCollection/app/_git/app"
    );
    assert_eq!(get("_apis/connectionData")["deploymentType"], "onPremises");
}
