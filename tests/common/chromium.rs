//! A real browser without a window, driven over WebDriver (W3C) by chromedriver: what a person
//! sees at the end of a sign-in, judged by the program that shows it.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use super::{Machine, find, skipped};

/// How long a page may take to come up or to say something.
const PATIENCE: Duration = Duration::from_secs(30);

/// How WebDriver marks the name of an element (section 12.1).
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// What a page shows.
const TEXT: &str = "return document.body ? document.body.innerText : ''";

/// Chromium with one window, in the world of a machine. It ends with this value, and so does
/// chromedriver.
pub struct Chromium {
    driver: Child,
    port: u16,
    session: String,
    profile: PathBuf,
}

impl Chromium {
    /// Starts one with a profile of its own; `None` where it is not installed, which is said.
    pub fn start(machine: &Machine) -> Option<Self> {
        let (Some(binary), Some(driver)) = (find("chromium"), find("chromedriver")) else {
            skipped("chromium and chromedriver");
            return None;
        };
        let profile = tempfile::Builder::new()
            .prefix("chromium-")
            .tempdir_in(machine.home())
            .expect("a directory")
            .keep();
        let mut driver = machine
            .command(driver)
            .arg("--port=0")
            // All it writes goes there, and every process of its names the place.
            .envs(["HOME", "TMPDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"].map(|n| (n, &profile)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .expect("chromedriver starts");
        let said = BufReader::new(driver.stdout.take().expect("piped"));
        let port = port_said(said).unwrap_or_else(|| {
            let _ = driver.kill();
            panic!("chromedriver did not say its port: {:?}", driver.wait());
        });
        let mut chromium = Self { driver, port, session: String::new(), profile: profile.clone() };
        let arguments = [
            "--headless=new",
            // Neither a sandbox nor much of /dev/shm is there for root in a container.
            "--no-sandbox",
            "--disable-dev-shm-usage",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            // Nothing but what a test opens is asked for.
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-default-apps",
            "--disable-sync",
            "--window-size=900,700",
            &format!("--user-data-dir={}", profile.display()),
            &format!("--proxy-server={}", machine.world.proxy_url()),
        ];
        let wanted = json!({ "capabilities": { "alwaysMatch": {
            "browserName": "chrome",
            "acceptInsecureCerts": true,
            "goog:chromeOptions": { "binary": binary, "args": arguments },
            "goog:loggingPrefs": { "browser": "ALL" },
        } } });
        let session = chromium.ask("POST", "/session", &wanted);
        chromium.session = session["sessionId"].as_str().expect("a session").to_owned();
        Some(chromium)
    }

    /// Opens an address, and waits until the page it ends on is there.
    #[track_caller]
    pub fn open(&self, url: &str) {
        self.command("POST", "/url", &json!({ "url": url }));
    }

    /// Clicks on the first element that a CSS selector names. Wait for what comes of it.
    #[track_caller]
    pub fn click(&self, css: &str) {
        let element = self.element(css);
        self.command("POST", &format!("/element/{element}/click"), &json!({}));
    }

    /// Types into an element.
    #[track_caller]
    pub fn type_in(&self, css: &str, text: &str) {
        let element = self.element(css);
        self.command("POST", &format!("/element/{element}/value"), &json!({ "text": text }));
    }

    /// The text of the page, as it shows.
    #[track_caller]
    pub fn text(&self) -> String {
        self.run(TEXT).as_str().expect("text").to_owned()
    }

    #[track_caller]
    pub fn title(&self) -> String {
        self.string("/title")
    }

    #[track_caller]
    pub fn url(&self) -> String {
        self.string("/url")
    }

    /// Runs the body of a function in the page, and gives what it returns. That always runs; what
    /// it puts into the page is held to the page's policy.
    #[track_caller]
    pub fn run(&self, script: &str) -> Value {
        self.command("POST", "/execute/sync", &json!({ "script": script, "args": [] }))
    }

    /// Waits until the page, or the one it leads to, shows a text, and gives all it shows.
    #[track_caller]
    pub fn wait_for(&self, text: &str) -> String {
        let path = format!("/session/{}/execute/sync", self.session);
        let script = json!({ "script": TEXT, "args": [] });
        let started = Instant::now();
        loop {
            // A page may go away while it is asked.
            let answer = self.exchange("POST", &path, &script).expect("chromedriver answers");
            let shown = answer.1.as_str().unwrap_or_default();
            if shown.contains(text) {
                return shown.to_owned();
            }
            let late = started.elapsed() > PATIENCE;
            assert!(!late, "{text:?} did not come up at {}: {answer:#?}", self.url());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Keeps a picture of the page, in PNG.
    #[track_caller]
    pub fn screenshot(&self, path: &Path) {
        let png = STANDARD.decode(self.string("/screenshot")).expect("base64");
        fs::write(path, png).expect("written");
    }

    /// What the browser had to say since it was last asked: of scripts, and of what it refused
    /// to load or run.
    #[track_caller]
    pub fn console_log(&self) -> Vec<String> {
        let entries = self.command("POST", "/se/log", &json!({ "type": "browser" }));
        let entries = entries.as_array().expect("a list");
        entries.iter().filter_map(|entry| entry["message"].as_str()).map(str::to_owned).collect()
    }

    #[track_caller]
    fn element(&self, css: &str) -> String {
        let how = json!({ "using": "css selector", "value": css });
        let element = self.command("POST", "/element", &how);
        element[ELEMENT].as_str().expect("an element").to_owned()
    }

    #[track_caller]
    fn string(&self, path: &str) -> String {
        self.command("GET", path, &Value::Null).as_str().expect("text").to_owned()
    }

    #[track_caller]
    fn command(&self, method: &str, path: &str, body: &Value) -> Value {
        self.ask(method, &format!("/session/{}{path}", self.session), body)
    }

    /// Sends a command, and gives the value of its answer; fails the test if it is an error.
    #[track_caller]
    fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        let (status, value) = self
            .exchange(method, path, body)
            .unwrap_or_else(|error| panic!("{method} {path}: {error}"));
        assert_eq!(status, 200, "{method} {path}: {value:#}");
        value
    }

    fn exchange(
        &self,
        method: &str,
        path: &str,
        body: &Value,
    ) -> Result<(u16, Value), Box<dyn std::error::Error>> {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_read_timeout(Some(PATIENCE * 2))?;
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: close\r\n\
             Content-Type: application/json; charset=utf-8\r\nContent-Length: {}\r\n\r\n{body}",
            self.port,
            body.len()
        )?;
        let mut answer = BufReader::new(stream);
        let mut line = String::new();
        answer.read_line(&mut line)?;
        let status = line.split(' ').nth(1).ok_or("no status")?.parse()?;
        let mut length = 0;
        while line.trim() != "" {
            line.clear();
            answer.read_line(&mut line)?;
            let (name, value) = line.split_once(':').unwrap_or_default();
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse()?;
            }
        }
        let mut body = vec![0; length];
        answer.read_exact(&mut body)?;
        let mut document: Value = serde_json::from_slice(&body)?;
        Ok((status, document["value"].take()))
    }
}

impl Drop for Chromium {
    /// Closes the browser, and makes sure of it: a test that fails must leave nothing behind.
    fn drop(&mut self) {
        if !self.session.is_empty() {
            let _ = self.exchange("DELETE", &format!("/session/{}", self.session), &Value::Null);
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
        let started = Instant::now();
        loop {
            let left = processes_with(&self.profile);
            if left.is_empty() || started.elapsed() > PATIENCE {
                break;
            }
            for process in left {
                let _ = kill_process(process, Signal::KILL);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// The processes that were started with a path of that directory.
fn processes_with(directory: &Path) -> Vec<Pid> {
    let Ok(processes) = fs::read_dir("/proc") else { return Vec::new() };
    let directory = directory.as_os_str().as_bytes();
    processes
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let id = entry.file_name().to_str()?.parse().ok()?;
            let line = fs::read(entry.path().join("cmdline")).ok()?;
            let named = line.windows(directory.len()).any(|window| window == directory);
            named.then(|| Pid::from_raw(id))?
        })
        .collect()
}

/// The port in chromedriver's first lines. What it says later is read, so that it can say it.
fn port_said(mut said: BufReader<std::process::ChildStdout>) -> Option<u16> {
    const BEFORE: &str = "started successfully on port ";
    let mut line = String::new();
    while said.read_line(&mut line).ok()? > 0 {
        if let Some((_, port)) = line.split_once(BEFORE) {
            let port = port.trim().trim_end_matches('.').parse().ok();
            std::thread::spawn(move || std::io::copy(&mut said, &mut std::io::sink()));
            return port;
        }
        line.clear();
    }
    None
}
