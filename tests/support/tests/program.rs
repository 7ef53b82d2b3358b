//! The program that scripts use.
mod common;
use common::{SCOPE, authorize_url, endpoint, listen};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

fn standins(args: &[&str], dir: &Path) -> String {
    let out = Command::new(env!("CARGO_BIN_EXE_standins"))
        .args([args[0], dir.to_str().expect("UTF-8")])
        .args(&args[1..])
        .output()
        .expect("it runs");
    assert!(out.status.success(), "{args:?}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8_lossy(&out.stdout).into_owned()
}

#[test]
fn it_serves_browses_and_is_controlled() {
    let temporary = tempfile::tempdir().expect("a folder");
    let dir = temporary.path().join("world");
    let mut server = Command::new(env!("CARGO_BIN_EXE_standins"))
        .args(["serve", dir.to_str().expect("UTF-8"), "--stop-on-stdin-eof"])
        .stdin(Stdio::piped())
        .spawn()
        .expect("it runs");
    for _ in 0..200 {
        if dir.join("ready").exists() {
            break;
        }
        std::thread::sleep(Duration::from_millis(25));
    }
    let (port, visitor) = listen();
    let url = authorize_url(&format!("http://localhost:{port}/ona-azure"), &[]);
    let script = ". \"$1/env.sh\" && \"$BROWSER\" \"$2\" && \
                  git -c \"http.extraHeader=Authorization: Basic $(printf x:%s \"$STANDIN_PAT\" | \
                  base64 -w0)\" ls-remote https://dev.azure.com/contoso/app/_git/app";
    let out = Command::new("sh")
        .args(["-c", script, "sh"])
        .arg(&dir)
        .arg(&url)
        .output()
        .expect("sh runs");
    assert!(String::from_utf8_lossy(&out.stdout).contains("refs/heads/main"), "{out:?}");
    assert!(visitor.join().expect("a visitor").starts_with("GET /ona-azure?code="));
    assert_eq!(standins(&["ctl", "entra-down"], &dir), "ok\n");
    assert_eq!(standins(&["ctl", "entra-up"], &dir), "ok\n");
    for command in ["expire-access-tokens", "revoke-access-tokens", "kill-refresh-tokens"] {
        assert_eq!(standins(&["ctl", command], &dir), "ok\n");
    }
    assert_eq!(standins(&["ctl", "token-lifetime", "60"], &dir), "ok\n");
    assert_eq!(standins(&["ctl", "allow-public-client"], &dir), "ok\n");
    let proxy = std::fs::read_to_string(dir.join("proxy")).expect("a file");
    let client = standins::Client::new(&proxy, &dir.join("ca.pem")).expect("a client");
    let form = [("client_id", standins::CLIENT_ID), ("scope", SCOPE)];
    let url = endpoint(standins::CONTOSO, "devicecode");
    let codes = client.post_form(&url, &form).expect("an answer").json();
    let code = |name: &str| codes[name].as_str().expect("a code");
    assert_eq!(standins(&["ctl", "approve-device", code("user_code")], &dir), "ok\n");
    let form = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
        ("client_id", standins::CLIENT_ID),
        ("device_code", code("device_code")),
    ];
    let url = endpoint(standins::CONTOSO, "token");
    assert_eq!(client.post_form(&url, &form).expect("an answer").status, 200);
    let again = Command::new(env!("CARGO_BIN_EXE_standins"))
        .args([Path::new("ctl"), &dir, Path::new("approve-device"), Path::new("NONE")])
        .output()
        .expect("it runs");
    assert!(!again.status.success());
    assert!(String::from_utf8_lossy(&again.stderr).contains("AADSTS70018"), "{again:?}");
    let stats = standins(&["ctl", "stats"], &dir);
    assert!(stats.contains("connections dev.azure.com 1\n"), "{stats}");
    assert!(stats.contains("\ndevicecode 1\n"), "{stats}");
    drop(server.stdin.take());
    assert!(server.wait().expect("it ends").success());
}
