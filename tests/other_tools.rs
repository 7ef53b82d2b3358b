//! The lines that the README has for other tools send what Azure DevOps expects, and show the secret
//! to nobody.

mod common;

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use common::system::holding;
use common::*;
use serde_json::json;

/// A code block of the README in that language which holds that text.
#[track_caller]
fn readme(language: &str, text: &str) -> String {
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md"))
        .expect("README.md");
    let section = readme.split("\n## ").find(|section| section.starts_with("Other tools\n"));
    let mut found: Vec<_> = section
        .expect("the section")
        .split(&format!("\n```{language}\n"))
        .skip(1)
        .map(|rest| rest.split("\n```\n").next().unwrap_or_default().to_owned() + "\n")
        .filter(|block| block.contains(text))
        .collect();
    assert_eq!(found.len(), 1, "blocks with {text}: {found:#?}");
    found.remove(0)
}

#[test]
fn curl_as_the_readme_has_it_is_let_in() {
    if !has("curl") {
        return;
    }
    let machine = Machine::loaded();
    let block = readme("sh no-test", "curl");
    for (block, scheme) in [
        (block.clone(), "Bearer"),
        (block.replace("token --header", "token --pat --header"), "Basic"),
    ] {
        let done = machine.shell(&block.replace("curl ", "curl -sS --fail "), "");
        assert_eq!((done.code, &*done.stderr), (0, ""), "{done:#?}");
        assert_eq!(done.json()["value"][0]["name"], json!("app"), "{done:#?}");
        let seen = machine.world.requests().pop().expect("a request");
        assert_eq!((seen.status, seen.authorization.as_deref()), (200, Some(scheme)));
    }

    let collection = "https://tfs.corp.example/tfs/DefaultCollection";
    let machine = Machine::new();
    machine.add_pat_integration("tfs.corp.example", &["--virtual-directory", "/tfs"]);
    let pat = machine.world.server().add_pat();
    machine.give_pat(collection, &pat, &["--username", "CORP\\ada"]);
    let line = format!(
        "\"$PROGRAM\" token --header {collection} | curl -sS --fail -H @- {collection}/_apis/git/repositories"
    );
    let done = machine.shell(&line, "");
    assert_eq!((done.code, &*done.stderr), (0, ""), "{done:#?}");
    assert_eq!(done.json()["count"], json!(1), "{done:#?}");
}

/// A registry that has nothing, and remembers what it was sent.
struct Registry {
    address: String,
    seen: Arc<Mutex<Vec<Seen>>>,
}

/// A request to it.
#[derive(Debug)]
struct Seen {
    path: String,
    /// `user:password`.
    basic: Option<String>,
}

impl Registry {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let seen = Arc::default();
        let registry = Self { address, seen: Arc::clone(&seen) };
        let base = format!("http://{}", registry.address);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (seen, base) = (Arc::clone(&seen), base.clone());
                std::thread::spawn(move || Self::answer(&stream, &seen, &base));
            }
        });
        registry
    }

    /// As Azure Artifacts: 401 until there is a password.
    fn answer(mut stream: &TcpStream, seen: &Mutex<Vec<Seen>>, base: &str) -> Option<()> {
        let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
        let path = lines.next()?.split(' ').nth(1)?.to_owned();
        let headers = lines.take_while(|line| !line.is_empty());
        let basic = headers
            .filter_map(|line| {
                line.split_once(": ").map(|(name, value)| (name.to_owned(), value.to_owned()))
            })
            .filter(|(name, _)| name.eq_ignore_ascii_case("authorization"))
            .find_map(|(_, value)| STANDARD.decode(value.strip_prefix("Basic ")?).ok())
            .and_then(|pair| String::from_utf8(pair).ok());
        let known = basic.as_ref().is_some_and(|pair| !pair.ends_with(':'));
        // What cargo asks for first.
        let config = json!({"dl": base, "api": base, "auth-required": true}).to_string();
        let (status, body) = match (known, path.ends_with("/config.json")) {
            (false, _) => ("401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"feed\"", ""),
            (true, true) => ("200 OK", &*config),
            (true, false) => ("404 Not Found", ""),
        };
        seen.lock().expect("whole").push(Seen { path, basic });
        let length = body.len();
        write!(
            stream,
            "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        )
        .ok()
    }

    /// What the README says of Azure Artifacts, of this.
    fn at_home(&self, text: &str) -> String {
        const AZURE: &str = "pkgs.dev.azure.com";
        text.replace(&format!("https://{AZURE}"), &format!("http://{}", self.address))
            .replace("https://pat", "http://pat")
            .replace(AZURE, &self.address)
    }

    /// Fails unless what was asked for below the feed came with that user and password.
    #[track_caller]
    fn expect(&self, part: &str, pair: &str) {
        let seen = self.seen.lock().expect("whole");
        let is_it = |seen: &Seen| {
            seen.path.starts_with("/contoso/_packaging/feed/")
                && seen.path.contains(part)
                && seen.basic.as_deref() == Some(pair)
        };
        assert!(seen.iter().any(is_it), "{part} with {pair} is not in {seen:#?}");
    }
}

/// A machine with somebody signed in and a PAT of contoso, which is given; and a registry.
fn with_registry() -> (Machine, String, Registry) {
    let mut machine = Machine::signed_in();
    let pat = machine.new_pat("contoso");
    machine.set("NO_PROXY", "127.0.0.1");
    machine.set("no_proxy", "127.0.0.1");
    (machine, pat, Registry::start())
}

/// Runs a line of the README, after the one that sets `pat`. The secret is neither shown nor left
/// in a file.
#[track_caller]
fn run_line(machine: &Machine, registry: &Registry, line: &str, pat: &str) {
    let set = readme("sh", "pat=");
    let done = machine.shell(&format!("{set}{}", registry.at_home(line)), "");
    assert_ne!(done.code, 0, "the registry has nothing: {done:#?}");
    for secret in [pat.to_owned(), STANDARD.encode(pat)] {
        assert!(!format!("{done:?}").contains(&secret), "{line} shows it: {done:#?}");
        let files = machine.all_files();
        assert!(holding(&files, secret.as_bytes()).is_empty(), "{line} leaves it in a file");
    }
}

/// Whether a tool is there, and starts on a machine of a test's own; says so if not.
fn starts(machine: &Machine, tool: &str) -> bool {
    let there = has(tool);
    let starts = there && run(machine.command(tool).arg("--version"), b"").code == 0;
    if there && !starts {
        skipped(&format!("{tool} that starts in another home"));
    }
    starts
}

#[test]
fn pip_as_the_readme_has_it_sends_the_token() {
    let (mut machine, pat, registry) = with_registry();
    machine.set("PYENV_ROOT", std::env::var("PYENV_ROOT").unwrap_or_default());
    if !starts(&machine, "pip") {
        return;
    }
    machine.set("PIP_DISABLE_PIP_VERSION_CHECK", "1");
    machine.set("PIP_BREAK_SYSTEM_PACKAGES", "1");
    let line = readme("sh no-test", "PIP_INDEX_URL");
    run_line(&machine, &registry, &line.replace("pip install", "pip -vvv install"), &pat);
    registry.expect("/pypi/simple/internal/", &format!("pat:{pat}"));

    // With a keyring of its own, and nothing in the environment.
    let version = run(machine.command("pip").arg("--version"), b"").stdout;
    let mut version = version.split(' ').nth(1).unwrap_or_default().split('.');
    let mut number = || version.next().and_then(|part| part.parse::<u32>().ok()).unwrap_or(0);
    if (number(), number()) < (23, 1) {
        return skipped("pip 23.1");
    }
    let registry = Registry::start();
    let keyring =
        machine.script("bin/keyring", &registry.at_home(&readme("sh no-test", "keyring")));
    let path = format!(
        "{}:{}",
        keyring.parent().expect("a directory").display(),
        machine.variable("PATH")
    );
    machine.set("PATH", path);
    machine.set("PIP_KEYRING_PROVIDER", "subprocess");
    let index = "https://pat@pkgs.dev.azure.com/contoso/_packaging/feed/pypi/simple/";
    machine.set("PIP_INDEX_URL", registry.at_home(index));
    run_line(&machine, &registry, "pip -vvv install internal", &pat);
    registry.expect("/pypi/simple/internal/", &format!("pat:{pat}"));
}

#[test]
fn npm_as_the_readme_has_it_sends_the_token() {
    let (machine, pat, registry) = with_registry();
    if !starts(&machine, "npm") {
        return;
    }
    let settings = registry.at_home(&readme("ini", "_password"));
    fs::write(machine.work().join(".npmrc"), settings).expect("written");
    fs::write(machine.work().join("package.json"), r#"{"dependencies":{"internal":"1"}}"#)
        .expect("written");
    run_line(&machine, &registry, &readme("sh no-test", "npm install"), &pat);
    registry.expect("/npm/registry/internal", &format!("pat:{pat}"));
}

#[test]
fn cargo_as_the_readme_has_it_sends_the_token() {
    let (mut machine, pat, registry) = with_registry();
    // Not rustup's stand-in for it, which would look for its toolchains in the home.
    let Some(cargo) = std::env::var_os("CARGO").map(PathBuf::from) else {
        return skipped("to be run by cargo");
    };
    let tools = cargo.parent().expect("a directory").display().to_string();
    machine.set("PATH", format!("{tools}:{}", machine.variable("PATH")));
    let project = machine.work();
    fs::create_dir_all(project.join(".cargo")).expect("made");
    fs::create_dir_all(project.join("src")).expect("made");
    fs::write(project.join("src/lib.rs"), "").expect("written");
    let manifest = "[package]\nname = \"app\"\nversion = \"1.0.0\"\nedition = \"2021\"\n\
                    [dependencies]\ninternal = { version = \"1\", registry = \"feed\" }\n";
    fs::write(project.join("Cargo.toml"), manifest).expect("written");
    let settings = registry.at_home(&readme("toml", "credential-provider"));
    fs::write(project.join(".cargo/config.toml"), settings).expect("written");
    run_line(&machine, &registry, "cargo fetch", &pat);
    registry.expect("/Cargo/index/in/te/internal", &format!(":{pat}"));
}
