//! Cases of the security review about the browser and the loopback listener, by their numbers:
//! each drives the built `login`.

mod common;

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use common::loopback::{Listener, answer, connect, door, field, knock, query};
use common::terminal::Terminal;
use common::*;
use rustix::process::Signal;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use standins::{CLIENT_SECRET, CONTOSO, Fault, Target, Times};

const STARTED: &str = "A browser was started. Waiting for it to come back …\n";

/// The ways that are named where the browser does not help.
const OTHER_WAYS: &str = "Other ways to sign in: git-credential-ona-azure login https://dev.azure.com --paste, \
    or git-credential-ona-azure login https://dev.azure.com --device, \
    or git-credential-ona-azure login https://dev.azure.com/ORGANIZATION --pat\n";

/// A `login` that waits for its browser.
struct Waiting {
    machine: Machine,
    login: Login,
    address: String,
    port: u16,
    state: String,
}

impl Waiting {
    fn new() -> Self {
        let machine = Machine::configured();
        let mut login = Login::start(&machine, &[]);
        let address = login.address();
        let (port, state) = door(&address);
        Self { machine, login, address, port, state }
    }

    /// The status the listener gives to a request for a target by a method, with its own Host.
    fn status(&self, method: &str, target: &str) -> String {
        let said = knock(self.port, &self.request(method, target));
        said.split(' ').nth(1).unwrap_or_default().to_owned()
    }

    fn request(&self, method: &str, target: &str) -> String {
        format!("{method} {target} HTTP/1.1\r\nHost: localhost:{}\r\n\r\n", self.port)
    }

    /// Fails unless nothing so far was taken for the end, and the browser still can end it.
    #[track_caller]
    fn expect_it_goes_on(mut self) {
        assert!(self.login.is_running());
        assert_eq!(self.machine.world.entra().token_requests("authorization_code"), 0);
        let page = self.machine.world.browse(&self.address);
        assert_eq!(page.status, 200, "{}", page.body);
        self.login.finish().expect_success();
    }
}

fn header<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    let (head, _) = answer.split_once("\r\n\r\n")?;
    head.lines().skip(1).find_map(|line| {
        let (key, value) = line.split_once(": ")?;
        key.eq_ignore_ascii_case(name).then_some(value)
    })
}

#[test]
fn e02_a_code_with_another_state_is_none() {
    let waiting = Waiting::new();
    let right = waiting.state.clone();
    let shorter = &right[..right.len() - 1];
    for state in
        ["", "wrong", shorter, &format!("{right}x"), &right.to_lowercase(), &format!("%00{right}")]
    {
        let target = format!("/ona-azure?code=stolen&state={state}");
        assert_eq!(waiting.status("GET", &target), "400", "{state}");
    }
    waiting.expect_it_goes_on();
}

#[test]
fn e03_a_refusal_without_the_state_ends_nothing() {
    let waiting = Waiting::new();
    for query in [
        "error=access_denied",
        "error=access_denied&state=",
        "error=access_denied&state=wrong",
        "state=wrong&error=access_denied&error_description=AADSTS65004",
        "error=access_denied&State=wrong",
    ] {
        assert_eq!(waiting.status("GET", &format!("/ona-azure?{query}")), "400", "{query}");
    }
    waiting.expect_it_goes_on();
}

#[test]
fn e05_what_a_page_shows_is_text_that_can_do_nothing() {
    let waiting = Waiting::new();
    let (port, state) = (waiting.port, waiting.state.clone());
    let own = format!("/ona-azure?state={state}");
    let descr = "%3Cscript%3Ealert(1)%3C/script%3E%22%27%26amp;%1B%5B31m%0D%0Anext";
    let failed = format!("{own}&error=%3Cb%3Ex&error_description={descr}");
    let answers = [
        ("404", answer(port, &waiting.request("GET", "/<script>"))),
        ("400", answer(port, &waiting.request("GET", "/ona-azure?state=<script>"))),
        ("405", answer(port, &waiting.request("POST", &own))),
        ("400", answer(port, &waiting.request("GET", &failed))),
    ];
    for (status, answer) in &answers {
        assert_eq!(answer.split(' ').nth(1), Some(*status), "{answer}");
        for (name, value) in [
            ("Content-Type", "text/html; charset=utf-8"),
            ("X-Content-Type-Options", "nosniff"),
            ("Cache-Control", "no-store"),
            ("Referrer-Policy", "no-referrer"),
            ("Connection", "close"),
        ] {
            assert_eq!(header(answer, name), Some(value), "{name} in {answer}");
        }
        // The one style there is, and nothing else.
        let policy = header(answer, "Content-Security-Policy").expect("a policy");
        let style = answer.split_once("<style>").expect("a style").1;
        let style = style.split_once("</style>").expect("its end").0;
        let digest = STANDARD.encode(Sha256::digest(style));
        assert_eq!(
            policy,
            format!(
                "default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; \
                 frame-ancestors 'none'"
            )
        );
        let (_, body) = answer.split_once("\r\n\r\n").expect("a body");
        assert_eq!(header(answer, "Content-Length"), Some(&*body.len().to_string()), "{answer}");
        assert!(!body.contains("<script") && !body.contains("<b>"), "{body}");
        assert!(!body.contains(&state), "{body}");
    }
    let shown = &answers[3].1;
    assert!(shown.contains("&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;amp;"), "{shown}");
    // The terminal is told the same, and not spoken to either.
    let done = waiting.login.finish();
    assert_eq!(done.code, 4, "{done:#?}");
    assert!(!done.stderr.contains(['\u{1b}', '\r']), "{done:#?}");
    assert!(done.stderr.contains("error: the sign-in was refused: "), "{done:#?}");
    assert!(done.stderr.lines().all(|line| !line.starts_with("next")), "{done:#?}");
}

#[test]
fn e06_only_the_listeners_own_name_and_port_are_let_in() {
    let waiting = Waiting::new();
    let (port, state) = (waiting.port, &waiting.state);
    let other = if port == 1024 { 1025 } else { port - 1 };
    let hosts = [
        format!("Host: evil.example:{port}\r\n"),
        format!("Host: localhost.evil.example:{port}\r\n"),
        format!("Host: localhost:{port}.evil.example\r\n"),
        format!("Host: evil.example@localhost:{port}\r\n"),
        format!("Host: localhost:{other}\r\n"),
        format!("Host: localhost:0{port}\r\n"),
        format!("Host: 127.0.0.2:{port}\r\n"),
        format!("Host: 127.1:{port}\r\n"),
        format!("Host: 0.0.0.0:{port}\r\n"),
        format!("Host: localhost.:{port}\r\n"),
        "Host: localhost\r\n".to_owned(),
        "Host:\r\n".to_owned(),
        String::new(),
        format!("Host: localhost:{port}\r\nHost: evil.example:{port}\r\n"),
        format!("X-Forwarded-Host: localhost:{port}\r\n"),
    ];
    for host in hosts {
        // Before the path, so that nobody learns what is here, and before the query.
        for target in [&*format!("/ona-azure?code=a&state={state}"), "/"] {
            let said = knock(port, &format!("GET {target} HTTP/1.1\r\n{host}\r\n"));
            assert_eq!(said, "HTTP/1.1 400 Bad Request", "{target} {host}");
        }
    }
    waiting.expect_it_goes_on();
}

#[test]
fn e06_every_name_of_this_machine_itself_is_let_in() {
    for name in ["localhost", "LocalHost", "127.0.0.1", "[::1]"] {
        let waiting = Waiting::new();
        let (port, state) = (waiting.port, &waiting.state);
        let target = format!("/ona-azure?error=access_denied&state={state}");
        knock(port, &format!("GET {target} HTTP/1.1\r\nhOST: \t{name}:{port} \r\n\r\n"));
        assert_eq!(waiting.login.finish().code, 4, "{name}");
    }
}

#[test]
fn e08_what_browsers_ask_for_on_the_side_ends_nothing() {
    let waiting = Waiting::new();
    for (method, target, status) in [
        ("GET", "/favicon.ico", "404"),
        ("HEAD", "/", "404"),
        ("GET", "/", "404"),
        ("GET", "/apple-touch-icon.png", "404"),
        ("GET", "/.well-known/appspecific/com.chrome.devtools.json", "404"),
        ("OPTIONS", "/ona-azure", "405"),
        ("HEAD", "/ona-azure", "405"),
    ] {
        assert_eq!(waiting.status(method, target), status, "{method} {target}");
    }
    // Connections that come and go, say half of something, or speak TLS.
    drop(connect(waiting.port));
    for said in [
        &b"GET"[..],
        b"GET /ona-azure?code=a HTTP/1.1\r\nHost: localhost",
        b"\x16\x03\x01\x02\x00\x01\x00",
    ] {
        let mut stream = connect(waiting.port);
        stream.write_all(said).expect("sent");
        stream.shutdown(Shutdown::Write).expect("ended");
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest);
        assert_eq!(rest, b"", "{said:?}");
    }
    waiting.expect_it_goes_on();
}

#[test]
fn e08_idle_connections_do_not_keep_the_browser_out() {
    let waiting = Waiting::new();
    let started = Instant::now();
    let idle: Vec<TcpStream> = (0..100).map(|_| connect(waiting.port)).collect();
    waiting.expect_it_goes_on();
    // No idle one was waited for, each of which has ten seconds.
    assert!(started.elapsed() < Duration::from_secs(8), "{:?}", started.elapsed());
    drop(idle);
}

#[test]
fn e09_a_request_that_is_too_long_or_too_slow_is_dropped() {
    let waiting = Waiting::new();
    let target = format!("/ona-azure?error=access_denied&state={}", waiting.state);
    let first = format!("GET {target} HTTP/1.1\r\nHost: localhost:{}\r\n", waiting.port);
    let long = "x".repeat(17 * 1024);
    for request in [
        format!("{first}Cookie: {long}\r\n\r\n"),
        format!("{first}{}\r\n", "A: b\r\n".repeat(3000)),
        format!("GET {target}&x={long} HTTP/1.1\r\nHost: localhost:{}\r\n\r\n", waiting.port),
    ] {
        let mut stream = connect(waiting.port);
        // It may be gone before all is sent.
        let _ = stream.write_all(request.as_bytes());
        let mut said = Vec::new();
        let _ = stream.read_to_end(&mut said);
        assert_eq!(said, b"", "{}", &request[..200]);
    }
    // One byte after the other, for longer than a connection has.
    let mut slow = connect(waiting.port);
    let mut reading = slow.try_clone().expect("a copy");
    let started = Instant::now();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            for byte in first.bytes() {
                if started.elapsed() > Duration::from_secs(20) || slow.write_all(&[byte]).is_err() {
                    break;
                }
                std::thread::sleep(Duration::from_millis(250));
            }
        });
        let mut said = Vec::new();
        let _ = reading.read_to_end(&mut said);
        assert_eq!(said, b"");
        let took = started.elapsed();
        assert!((9..15).contains(&took.as_secs()), "dropped after {took:?}");
        let _ = reading.shutdown(Shutdown::Both);
    });
    waiting.expect_it_goes_on();
}

#[test]
fn e11_a_parameter_that_is_repeated_makes_it_none() {
    let waiting = Waiting::new();
    let state = &waiting.state;
    for query in [
        format!("state={state}&code=A&code=B"),
        format!("state={state}&code=A&code=A"),
        format!("state={state}&state={state}&code=A"),
        format!("state=wrong&state={state}&code=A"),
        format!("state={state}&state=wrong&code=A"),
        format!("state={state}&code=A&error=access_denied"),
        format!("state={state}&error=access_denied&error=server_error"),
        format!("state={state}&code=A&c%6fde=B"),
        format!("state={state}&code="),
        format!("state={state}"),
    ] {
        assert_eq!(waiting.status("GET", &format!("/ona-azure?{query}")), "400", "{query}");
    }
    waiting.expect_it_goes_on();
}

#[test]
fn e12_nothing_but_get_ends_it() {
    let waiting = Waiting::new();
    let own = format!("/ona-azure?code=a&state={}", waiting.state);
    for method in ["POST", "PUT", "HEAD", "OPTIONS", "DELETE", "get", "CONNECT", "TRACE"] {
        let said = answer(waiting.port, &waiting.request(method, &own));
        assert!(said.starts_with("HTTP/1.1 405 Method Not Allowed\r\n"), "{method}: {said}");
        assert_eq!(header(&said, "Allow"), Some("GET"), "{method}: {said}");
    }
    let form = format!("code=a&state={}", waiting.state);
    let post = format!(
        "POST /ona-azure HTTP/1.1\r\nHost: localhost:{}\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: {}\r\n\r\n{form}",
        waiting.port,
        form.len()
    );
    assert_eq!(knock(waiting.port, &post), "HTTP/1.1 405 Method Not Allowed");
    waiting.expect_it_goes_on();
}

#[test]
fn e14_the_challenge_is_of_a_fresh_verifier_and_never_plain() {
    let machine = Machine::configured();
    // Whatever the issuer says that it knows.
    let base = format!("https://login.microsoftonline.com/{CONTOSO}");
    let document = json!({
        "issuer": format!("{base}/v2.0"),
        "authorization_endpoint": format!("{base}/oauth2/v2.0/authorize"),
        "token_endpoint": format!("{base}/oauth2/v2.0/token"),
        "code_challenge_methods_supported": ["plain"],
    });
    let plain =
        Fault::Raw { status: 200, headers: vec![], body: document.to_string().into_bytes() };
    machine.world.fail(Target::Discovery, plain, Times::Always);
    let mut seen = Vec::new();
    for _ in 0..2 {
        let mut login = Login::start(&machine, &[]);
        let address = login.address();
        machine.world.browse(&address);
        login.finish().expect_success();
        let query = query(&address);
        assert_eq!(query["code_challenge_method"], "S256");
        let form = machine.world.entra().last_token_form();
        let verifier = field(&form, "code_verifier").expect("a verifier");
        // 32 bytes in base64url.
        assert_eq!(URL_SAFE_NO_PAD.decode(&verifier).expect("base64url").len(), 32);
        assert_eq!(query["code_challenge"], URL_SAFE_NO_PAD.encode(Sha256::digest(&verifier)));
        assert!(!address.contains(&verifier));
        seen.push(verifier);
    }
    assert_ne!(seen[0], seen[1]);
}

#[test]
fn e15_the_state_is_random_and_no_kin_of_the_verifier() {
    let machine = Machine::configured();
    let mut seen = Vec::new();
    for _ in 0..2 {
        let mut login = Login::start(&machine, &[]);
        let address = login.address();
        machine.world.browse(&address);
        login.finish().expect_success();
        let query = query(&address);
        let form = machine.world.entra().last_token_form();
        let verifier = field(&form, "code_verifier").expect("a verifier");
        let state = URL_SAFE_NO_PAD.decode(&query["state"]).expect("base64url");
        assert!(state.len() >= 16, "{} bits", 8 * state.len());
        let raw = URL_SAFE_NO_PAD.decode(&verifier).expect("base64url");
        for kin in [raw.clone(), Sha256::digest(&verifier).to_vec(), Sha256::digest(&raw).to_vec()]
        {
            assert!(!kin.starts_with(&state[..8]) && !state.starts_with(&kin[..8]), "{kin:?}");
        }
        let values = ["state", "nonce", "code_challenge"].map(|name| query[name].clone());
        assert!(values[0] != values[1] && values[1] != values[2] && values[0] != values[2]);
        seen.push(query["state"].clone());
    }
    assert_ne!(seen[0], seen[1]);
}

#[test]
fn e17_no_other_path_ends_it() {
    let waiting = Waiting::new();
    let (port, state) = (waiting.port, &waiting.state);
    for path in [
        "/other",
        "/",
        "/ona-azure/",
        "//ona-azure",
        "/./ona-azure",
        "/x/../ona-azure",
        "/ona-azur%65",
        "/Ona-Azure",
        "/ona-azure-native",
        "/ona-azure;x",
        &format!("http://localhost:{port}/ona-azure"),
        "*",
    ] {
        let target = format!("{path}?code=a&state={state}");
        assert_eq!(waiting.status("GET", &target), "404", "{path}");
    }
    waiting.expect_it_goes_on();
}

/// A browser that notes its arguments, its environment, its descriptors and where its output goes.
fn noting_browser(machine: &Machine, name: &str) -> std::path::PathBuf {
    let notes = machine.home().join("notes");
    let text = format!(
        "#!/bin/sh\n\
         {{ for word in \"$0\" \"$@\"; do printf 'word %s\\n' \"$word\"; done\n\
         env | sed 's/^/env /'\n\
         ls -l /proc/$$/fd >'{0}.fd'; sed -n 's/.* \\([0-9]*\\) -> /fd \\1 /p' '{0}.fd'\n\
         }} >'{0}.part' 2>/dev/null\n\
         echo noise; echo noise >&2\n\
         mv '{0}.part' '{0}'\n",
        notes.display()
    );
    machine.script(name, &text)
}

/// What it noted of a kind.
fn notes(machine: &Machine, kind: &str) -> Vec<String> {
    let path = machine.home().join("notes");
    wait_for(&path);
    let text = fs::read_to_string(path).expect("text");
    text.lines()
        .filter_map(|line| line.strip_prefix(kind)?.strip_prefix(' '))
        .map(str::to_owned)
        .collect()
}

#[test]
fn e18_the_browser_variable_is_no_shell_command() {
    let machine = &mut Machine::configured();
    let browser = noting_browser(machine, "browser").display().to_string();
    let home = machine.home().display().to_string();
    for (named, words) in [
        (browser.clone(), &["URL"][..]),
        (format!("{browser} %s"), &["URL"]),
        (format!("{browser} --one=%s %s-%s"), &["--one=URL", "URL-URL"]),
        (format!("{browser} --new -- %s"), &["--new", "--", "URL"]),
        (
            format!("{browser} $(touch {home}/shell) `touch {home}/shell`;touch {home}/shell"),
            &["$(touch", "HOME/shell)", "`touch", "HOME/shell`;touch", "HOME/shell", "URL"],
        ),
        (
            format!("{browser} \"%s\" | & > {home}/shell ~ *"),
            &["\"URL\"", "|", "&", ">", "HOME/shell", "~", "*"],
        ),
        // What cannot be started is passed over.
        (
            format!("-flag:./browser:../browser:no-such-browser:{home}/none:{home}:::{browser}"),
            &["URL"],
        ),
    ] {
        machine.set("BROWSER", &*named);
        let _ = fs::remove_file(machine.home().join("notes"));
        let mut login = Login::start(machine, &[]);
        let address = login.address();
        login.through("A browser was started.");
        let noted = notes(machine, "word");
        login.kill();
        let expected: Vec<_> =
            words.iter().map(|word| word.replace("URL", &address).replace("HOME", &home)).collect();
        assert_eq!(noted[1..], expected, "{named}");
    }
    assert!(!machine.home().join("shell").exists(), "a shell has run");
}

#[test]
fn e18_no_browser_is_taken_from_the_current_directory() {
    let mut machine = Machine::configured();
    script(&machine.work().join("firefox"), "#!/bin/sh\ntouch ../opened\n");
    let path = format!(".:{}:", machine.home().join("none").display());
    for named in ["firefox", "./firefox", "work/firefox", "-flag", "%s", ":"] {
        machine.set("BROWSER", named);
        machine.set("PATH", &*path);
        let mut login = Login::start(&machine, &[]);
        let address = login.address();
        let said = login.through("Waiting");
        assert_eq!(
            said,
            format!(
                "\nNo browser could be started here.\n{OTHER_WAYS}Waiting for the address to be opened …\n"
            ),
            "{named}"
        );
        machine.world.browse(&address);
        login.finish().expect_success();
    }
    assert!(!machine.home().join("opened").exists());
}

/// Fails unless the browser held nothing but the null device and what is its own.
#[track_caller]
fn expect_no_descriptor_of_ours(machine: &Machine, browser: &Path) {
    let descriptors = notes(machine, "fd");
    // The script that the shell reads, the files it notes this in, and what the test itself was
    // started with and handed down.
    let mut known = vec!["/dev/null".to_owned(), browser.display().to_string()];
    known.extend(["notes.part", "notes.fd"].map(|n| machine.home().join(n).display().to_string()));
    let own = fs::read_dir("/proc/self/fd").expect("descriptors").flatten();
    known.extend(own.filter_map(|fd| Some(fs::read_link(fd.path()).ok()?.display().to_string())));
    for descriptor in &descriptors {
        let (_, path) = descriptor.split_once(' ').expect("two words");
        assert!(known.iter().any(|known| known == path), "{path} in {descriptors:#?}");
    }
    assert!(descriptors.contains(&"0 /dev/null".to_owned()), "{descriptors:#?}");
    assert!(descriptors.contains(&"2 /dev/null".to_owned()), "{descriptors:#?}");
}

#[test]
fn e18_the_browser_gets_nothing_of_ours() {
    let mut machine = Machine::configured();
    let browser = noting_browser(&machine, "browser");
    machine.set("BROWSER", browser.to_str().expect("text"));
    let state = machine.state_dir().display().to_string();
    for (name, value) in [
        ("ONA_AZURE_STATE_DIR", state.as_str()),
        ("ONA_AZURE_INTERACTIVE", "auto"),
        ("ONA_AZURE_RUNNER_NAME", "Runner"),
        ("ONA_AZURE_TRACE", "0"),
    ] {
        machine.set(name, value);
    }
    let mut login = Login::start(&machine, &[]);
    let address = login.address();
    let environment = notes(&machine, "env").join("\n");
    assert!(environment.contains("HOME="), "{environment}");
    assert!(!environment.contains("ONA_AZURE"), "{environment}");
    expect_no_descriptor_of_ours(&machine, &browser);
    machine.world.browse(&address);
    let done = login.finish().expect_success();
    assert!(!done.stdout.contains("noise") && !done.stderr.contains("noise"), "{done:#?}");
    for secret in machine.world.secrets() {
        assert!(!environment.contains(&secret), "a secret in the browser's environment");
    }
    assert!(!environment.contains(CLIENT_SECRET));
}

#[test]
fn e18_the_browser_holds_no_lock_of_ours() {
    let mut machine = Machine::configured();
    machine.unset("GIT_TERMINAL_PROMPT");
    let browser = noting_browser(&machine, "browser");
    machine.set("BROWSER", browser.to_str().expect("text"));
    fs::write(machine.home().join("request"), CONTOSO_REQUEST).expect("written");
    // One git asks for all, and holds a lock while it does.
    let mut terminal =
        Terminal::start(&machine, "exec \"$PROGRAM\" get <../request >../answer 2>../said");
    terminal.expect("[1], or q for none: ");
    terminal.line("1");
    terminal.expect("https://");
    expect_no_descriptor_of_ours(&machine, &browser);
    terminal.control('c');
    assert_eq!(terminal.finish().code, 130);
}

#[test]
fn e18_only_the_issuers_web_addresses_are_opened() {
    for (name, endpoint) in [
        ("a file", "file:///etc/passwd"),
        ("a script", "javascript:alert(1)"),
        ("a share", "file://evil.example/share"),
        ("a flag", "--flag"),
        ("plain http", "http://login.microsoftonline.com/authorize"),
        ("another host", "https://evil.example/authorize"),
        ("another port", "https://login.microsoftonline.com:8443/authorize"),
        ("a user", "https://login.microsoftonline.com@evil.example/authorize"),
    ] {
        let mut machine = Machine::configured();
        let browser = noting_browser(&machine, "browser");
        machine.set("BROWSER", browser.to_str().expect("text"));
        let base = format!("https://login.microsoftonline.com/{CONTOSO}");
        let document = json!({
            "issuer": format!("{base}/v2.0"),
            "authorization_endpoint": endpoint,
            "token_endpoint": format!("{base}/oauth2/v2.0/token"),
        });
        let body = document.to_string().into_bytes();
        machine.world.fail(
            Target::Discovery,
            Fault::Raw { status: 200, headers: vec![], body },
            Times::Always,
        );
        let done = machine.helper(&["login"]);
        assert_eq!((done.code, &*done.stdout), (5, ""), "{name}: {done:#?}");
        assert!(
            done.stderr.starts_with("error: the issuer cannot be asked: "),
            "{name}: {done:#?}"
        );
        assert!(
            !machine.home().join("notes.part").exists() && !machine.home().join("notes").exists()
        );
    }
}

/// Leaves on the PATH what a directory holds, and git.
fn only_programs_of(machine: &mut Machine, directory: &Path) {
    fs::create_dir_all(directory).expect("a directory");
    let git = std::env::split_paths(&std::env::var_os("PATH").expect("a PATH"))
        .map(|entry| entry.join("git"))
        .find(|path| path.is_file())
        .expect("these tests need git");
    std::os::unix::fs::symlink(git, directory.join("git")).expect("a link");
    machine.set("PATH", directory.to_str().expect("text"));
}

#[test]
fn e20_without_any_browser_the_address_and_the_other_ways_are_told() {
    let mut machine = Machine::configured();
    let bin = machine.home().join("bin");
    only_programs_of(&mut machine, &bin);
    machine.unset("BROWSER");
    machine.set("DISPLAY", ":0");
    let mut login = Login::start(&machine, &[]);
    let address = login.address();
    assert_eq!(
        login.through("Waiting"),
        format!(
            "\nNo browser could be started here.\n{OTHER_WAYS}Waiting for the address to be opened …\n"
        )
    );
    machine.world.browse(&address);
    login.finish().expect_success();
}

#[test]
fn e20_a_launcher_that_fails_is_told_of_at_once_and_the_browser_may_still_come() {
    // The desktop's own, and one that is named.
    for named in [false, true] {
        let mut machine = Machine::configured();
        let bin = machine.home().join("bin");
        only_programs_of(&mut machine, &bin);
        let launcher = bin.join("xdg-open");
        script(&launcher, "#!/bin/sh\nexit 3\n");
        machine.set("DISPLAY", ":0");
        machine.unset("BROWSER");
        if named {
            machine.set("BROWSER", launcher.to_str().expect("text"));
        }
        let name = if named { launcher.display().to_string() } else { "xdg-open".to_owned() };
        let started = Instant::now();
        let mut login = Login::start(&machine, &[]);
        let address = login.address();
        let said = login.through("Other ways");
        assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
        assert_eq!(
            said,
            format!(
                "\n{STARTED}The browser could not be started: {name} ended with exit status: 3. \
                 Open the address above yourself.\n{OTHER_WAYS}"
            )
        );
        machine.world.browse(&address);
        login.finish().expect_success();
    }
}

#[test]
fn e20_the_next_browser_is_tried_where_one_fails() {
    let mut machine = Machine::configured();
    let failing = machine.script("failing", "#!/bin/sh\nexit 1\n");
    let browser = noting_browser(&machine, "browser");
    machine.set("BROWSER", format!("{}:{}", failing.display(), browser.display()));
    let mut login = Login::start(&machine, &[]);
    let address = login.address();
    assert_eq!(notes(&machine, "word")[1..], [&*address]);
    machine.world.browse(&address);
    let done = login.finish().expect_success();
    assert!(done.stderr.ends_with(STARTED), "{done:#?}");
}

#[test]
fn e20_a_launcher_that_hangs_is_not_waited_for() {
    let mut machine = Machine::configured();
    let launcher = machine.script("hanging", "#!/bin/sh\necho $$ >\"$HOME/pid.part\"; mv \"$HOME/pid.part\" \"$HOME/pid\"; exec sleep 60\n");
    machine.set("BROWSER", launcher.to_str().expect("text"));
    let pid = machine.home().join("pid");
    let started = Instant::now();
    // It comes back, or the time is over: either way login ends.
    for arguments in [&[][..], &["--timeout", "1s"]] {
        let mut login = Login::start(&machine, arguments);
        let address = login.address();
        wait_for(&pid);
        if arguments.is_empty() {
            machine.world.browse(&address);
        }
        let done = login.finish();
        let hung = fs::read_to_string(&pid).expect("a number");
        fs::remove_file(&pid).expect("removed");
        system::send(Signal::TERM, hung.trim().parse().expect("a number"));
        assert_eq!(done.code, if arguments.is_empty() { 0 } else { 4 }, "{done:#?}");
    }
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
}

#[test]
fn e20_at_the_deadline_the_refusals_are_listed_that_only_the_browser_shows() {
    const HINT: &str = "hint: some refusals are shown in the browser only: AADSTS50011 means that \
        http://localhost/ona-azure is not among the app's redirect URIs (step 2), AADSTS700016 a wrong client ID or \
        tenant (step 1), AADSTS50020 the wrong account (step 6); what another code \
        means: git-credential-ona-azure doctor AADSTS50011\n";
    let machine = Machine::configured();
    let mut login = Login::start(&machine, &["--timeout", "1s"]);
    let listener = Listener::on(door(&login.address()).0);
    let done = login.finish();
    assert_eq!((done.code, &*done.stdout), (4, ""), "{done:#?}");
    assert_eq!(
        done.stderr.split_once(STARTED).expect("started").1,
        format!("error: the browser did not come back within 1 second\n{HINT}")
    );
    assert!(!listener.is_open(), "the port is still open");
    let done = machine.helper(&["login", "--paste", "--timeout", "1s"]);
    assert_eq!((done.code, &*done.stdout), (4, ""), "{done:#?}");
    let end = "error: the browser did not come back, and no address that ends the sign-in was pasted, within 1 second\n";
    assert!(done.stderr.ends_with(&format!("{end}{HINT}")), "{done:#?}");
}

/// Whether a process is there, and no zombie.
fn is_alive(id: u32) -> bool {
    fs::read_to_string(format!("/proc/{id}/stat"))
        .is_ok_and(|stat| !stat.rsplit(") ").next().unwrap_or_default().starts_with('Z'))
}

#[test]
fn e21_a_signal_ends_it_and_leaves_nothing_behind() {
    for flags in ["", "--paste"] {
        for (signal, code) in
            [(Signal::INT, 130), (Signal::TERM, 143), (Signal::HUP, 129), (Signal::QUIT, 131)]
        {
            let machine = Machine::configured();
            // The shell lives on, to see what is left of the terminal.
            let line = format!(
                "trap : INT; ulimit -c 0; sh -c 'echo \"id $$\"; exec \"$PROGRAM\" login {flags}' || code=$?; \
                 echo over; read rest; exit ${{code:-0}}"
            );
            let mut terminal = Terminal::start(&machine, &line);
            terminal.expect("id ");
            let id: u32 = terminal.expect("\n").trim().parse().expect("a number");
            terminal.expect("https://");
            let address = format!("https://{}", terminal.expect("\n\n").trim());
            let listener = Listener::on(door(&address).0);
            if flags == "--paste" {
                terminal.expect("Address: ");
                terminal.wait_until_hidden();
            } else {
                terminal.expect(STARTED);
            }
            if signal == Signal::INT {
                terminal.control('c');
            } else {
                system::send(signal, id);
            }
            terminal.expect("over");
            assert!(!is_alive(id), "{signal:?}: it is still there");
            assert!(!listener.is_open(), "{signal:?}: the port is still open");
            assert!(
                terminal.echoes(),
                "{signal:?}: the terminal was left as it is at a hidden prompt"
            );
            terminal.line("");
            assert_eq!(terminal.finish().code, code, "{flags} {signal:?}");
            assert!(machine.access().is_none());
        }
    }
}

#[test]
fn e21_a_window_that_is_closed_ends_it() {
    let machine = Machine::configured();
    let mut terminal = Terminal::start(&machine, "exec \"$PROGRAM\" login --paste");
    terminal.expect("https://");
    let address = format!("https://{}", terminal.expect("\n\n").trim());
    terminal.expect("Address: ");
    terminal.wait_until_hidden();
    let (id, listener) = (terminal.id(), Listener::on(door(&address).0));
    drop(terminal);
    wait_until("waited for the end", || !is_alive(id));
    assert!(!listener.is_open(), "the port is still open");
}
