//! Git and sign-ins for the stand-ins' own tests.
#![allow(dead_code, unreachable_pub)]
use sha2::{Digest as _, Sha256};
use standins::{CLIENT_ID, CLIENT_SECRET, CONTOSO, Reply, World};
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Output};
use url::Url;

pub const SCOPE: &str = "openid profile offline_access \
     499b84ac-1321-427f-aa17-267ca6975798/vso.code \
     499b84ac-1321-427f-aa17-267ca6975798/vso.code_write";
pub const VERIFIER: &str = "a-verifier-that-is-long-enough-to-be-taken-0123456789";

pub fn token_url() -> String {
    endpoint(CONTOSO, "token")
}

/// An endpoint of Entra's at a tenant or a placeholder.
pub fn endpoint(place: &str, name: &str) -> String {
    format!("https://login.microsoftonline.com/{place}/oauth2/v2.0/{name}")
}

/// The claims of a token.
pub fn claims(token: &serde_json::Value) -> serde_json::Value {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let part = token.as_str().and_then(|token| token.split('.').nth(1)).expect("a payload");
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).expect("base64url")).expect("JSON")
}

pub fn challenge() -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER))
}

/// The authorize URL of a usual sign-in, with changes (an empty value leaves a parameter out).
pub fn authorize_url(redirect_uri: &str, changes: &[(&str, &str)]) -> String {
    authorize_url_at(CONTOSO, redirect_uri, changes)
}

/// The same at a tenant or a placeholder.
pub fn authorize_url_at(place: &str, redirect_uri: &str, changes: &[(&str, &str)]) -> String {
    let challenge = challenge();
    let mut pairs = vec![
        ("client_id", CLIENT_ID),
        ("response_type", "code"),
        ("redirect_uri", redirect_uri),
        ("response_mode", "query"),
        ("scope", SCOPE),
        ("state", "some-state"),
        ("nonce", "some-nonce"),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
    ];
    for (name, value) in changes {
        pairs.retain(|(n, _)| n != name);
        if !value.is_empty() {
            pairs.push((name, value));
        }
    }
    Url::parse_with_params(&endpoint(place, "authorize"), pairs).expect("a URL").into()
}

/// Waits for one request on loopback; gives its request line.
pub fn listen() -> (u16, std::thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let thread = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a visitor");
        let mut raw = vec![0; 64 * 1024];
        let n = stream.read(&mut raw).expect("a request");
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\ndone";
        stream.write_all(answer).expect("an answer");
        String::from_utf8_lossy(&raw[..n]).into_owned()
    });
    (port, thread)
}

/// Signs in at the authorize endpoint; gives redirect URI and the pairs it was called with.
pub fn sign_in(world: &World, path: &str) -> (String, Vec<(String, String)>) {
    let (port, thread) = listen();
    let redirect_uri = format!("http://localhost:{port}{path}");
    let result = world.browse(&authorize_url(&redirect_uri, &[]));
    assert_eq!((result.status, result.body.as_str()), (200, "done"));
    thread.join().expect("the listener ends");
    let url = Url::parse(&result.final_url).expect("a URL");
    (redirect_uri, url.query_pairs().into_owned().collect())
}

pub fn field<'a>(pairs: &'a [(String, String)], name: &str) -> &'a str {
    pairs.iter().find(|(n, _)| n == name).map_or("", |(_, v)| v)
}

pub fn redeem(world: &World, uri: &str, code: &str, secret: Option<&str>) -> Reply {
    let mut form = vec![
        ("grant_type", "authorization_code"),
        ("client_id", CLIENT_ID),
        ("code", code),
        ("redirect_uri", uri),
        ("code_verifier", VERIFIER),
    ];
    form.extend(secret.map(|s| ("client_secret", s)));
    world.client().post_form(&token_url(), &form).expect("an answer")
}

/// A confidential session: the whole token answer.
pub fn session(world: &World) -> serde_json::Value {
    let (uri, pairs) = sign_in(world, "/ona-azure");
    let reply = redeem(world, &uri, field(&pairs, "code"), Some(CLIENT_SECRET));
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.json()
}

pub fn refresh(world: &World, token: &str, more: &[(&str, &str)]) -> Reply {
    let mut form =
        vec![("grant_type", "refresh_token"), ("client_id", CLIENT_ID), ("refresh_token", token)];
    form.extend_from_slice(more);
    world.client().post_form(&token_url(), &form).expect("an answer")
}

/// Checks status, `error` and the AADSTS number of a refusal.
pub fn assert_refused(reply: &Reply, status: u16, error: &str, code: u32) {
    let body = reply.json();
    assert_eq!(reply.status, status, "{body}");
    assert_eq!(body["error"], error, "{body}");
    assert_eq!(body["error_codes"], serde_json::json!([code]), "{body}");
    let description = body["error_description"].as_str().expect("a description");
    assert!(description.starts_with(&format!("AADSTS{code}: ")), "{description}");
    assert!(description.contains("\r\nTrace ID: "), "{description}");
    assert!(reply.header("x-ms-request-id").is_some());
}

/// Git in a world, with a user name and password to answer prompts with.
pub struct Git<'a> {
    world: &'a World,
    pub home: PathBuf,
    user: String,
    password: String,
}

impl<'a> Git<'a> {
    pub fn new(world: &'a World, user: &str, password: &str) -> Self {
        let name = format!("git-{}", std::fs::read_dir(world.dir()).expect("a folder").count());
        let home = world.dir().join(name);
        std::fs::create_dir(&home).expect("a folder");
        let askpass = home.join("askpass");
        let script =
            "#!/bin/sh\ncase $1 in Username*) echo \"$T_USER\";; *) echo \"$T_PASS\";; esac\n";
        std::fs::write(&askpass, script).expect("a script");
        let mode = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(&askpass, mode).expect("a script that runs");
        Self { world, home, user: user.into(), password: password.into() }
    }

    pub fn run(&self, args: &[&str]) -> Output {
        Command::new("git")
            .args(args)
            .current_dir(&self.home)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .envs(self.world.env())
            .env("HOME", &self.home)
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_ASKPASS", self.home.join("askpass"))
            .env("T_USER", &self.user)
            .env("T_PASS", &self.password)
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_AUTHOR_NAME", "T")
            .env("GIT_AUTHOR_EMAIL", "t@example.org")
            .env("GIT_COMMITTER_NAME", "T")
            .env("GIT_COMMITTER_EMAIL", "t@example.org")
            .output()
            .expect("git runs")
    }

    pub fn ok(&self, args: &[&str]) -> String {
        let out = self.run(args);
        let told = String::from_utf8_lossy(&out.stderr).into_owned();
        assert!(out.status.success(), "git {args:?}: {told}");
        String::from_utf8_lossy(&out.stdout).into_owned() + &told
    }

    pub fn fails(&self, args: &[&str]) -> String {
        let out = self.run(args);
        let told = String::from_utf8_lossy(&out.stderr).into_owned();
        assert!(!out.status.success(), "git {args:?} should fail: {told}");
        told
    }
}
