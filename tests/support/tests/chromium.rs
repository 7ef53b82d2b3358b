//! Entra's pages in a real browser, which is stricter about forms and redirects than ours.
mod common;
use common::*;
use serde_json::{Value, json};
use standins::*;
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a page may take where the machine is busy.
const PATIENCE: Duration = Duration::from_secs(20);

/// A headless Chromium in a world, driven by WebDriver; ends when dropped.
struct Chromium {
    driver: Child,
    /// Kept open, for what chromedriver says later on.
    _told: BufReader<ChildStdout>,
    client: Client,
    session: String,
}

impl Chromium {
    /// None where there is no chromedriver.
    fn open(world: &World) -> Option<Self> {
        let Ok(mut driver) = Command::new("chromedriver")
            .arg("--port=0")
            .env("HOME", world.dir())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
        else {
            return skipped();
        };
        let mut told = BufReader::new(driver.stdout.take().expect("a pipe"));
        let port = told
            .by_ref()
            .lines()
            .map_while(Result::ok)
            .find_map(|line| {
                let (_, port) = line.split_once("started successfully on port ")?;
                port.trim_end_matches('.').parse::<u16>().ok()
            })
            .expect("chromedriver names its port");
        let mut this = Self {
            driver,
            _told: told,
            client: world.client(),
            session: format!("http://127.0.0.1:{port}/session"),
        };
        let arguments = [
            "--headless=new".to_owned(),
            "--no-sandbox".to_owned(),
            "--disable-dev-shm-usage".to_owned(),
            "--ignore-certificate-errors".to_owned(),
            format!("--proxy-server={}", world.proxy_url()),
            format!("--user-data-dir={}", world.dir().join("profile").display()),
        ];
        let options = json!({"args": arguments});
        let wanted = json!({"capabilities": {"alwaysMatch": {"goog:chromeOptions": options}}});
        let (status, begun) = this.ask("", &wanted);
        if begun["message"].as_str().is_some_and(|m| m.contains("cannot find Chrome binary")) {
            return skipped();
        }
        assert_eq!(status, 200, "{begun}");
        this.session += &format!("/{}", begun["sessionId"].as_str().expect("a session"));
        this.post("/timeouts", &json!({"implicit": PATIENCE.as_millis()}));
        Some(this)
    }

    fn post(&self, command: &str, body: &Value) -> Value {
        let (status, value) = self.ask(command, body);
        assert_eq!(status, 200, "{command}: {value}");
        value
    }

    fn ask(&self, command: &str, body: &Value) -> (u16, Value) {
        let url = format!("{}{command}", self.session);
        let kind = [("Content-Type", "application/json")];
        let body = body.to_string();
        let reply = self.client.request("POST", &url, &kind, body.as_bytes()).expect("an answer");
        (reply.status, reply.json()["value"].clone())
    }

    fn go(&self, url: &str) {
        self.post("/url", &json!({"url": url}));
    }

    /// The element of an id, as part of a command.
    fn element(&self, id: &str) -> String {
        let by = json!({"using": "css selector", "value": format!("[id=\"{id}\"]")});
        let found = self.post("/element", &by);
        let name = found.as_object().and_then(|o| o.values().next()).and_then(Value::as_str);
        format!("/element/{}", name.expect("an element"))
    }

    fn click(&self, id: &str) {
        self.post(&format!("{}/click", self.element(id)), &json!({}));
    }

    fn enter(&self, id: &str, text: &str) {
        self.post(&format!("{}/value", self.element(id)), &json!({"text": text}));
    }

    /// Waits until the page says this; a click comes back before what it leads to is there.
    fn sees(&self, expected: &str) {
        let script = json!({"script": "return document.body?.innerText ?? ''", "args": []});
        let begun = Instant::now();
        loop {
            let text = self.post("/execute/sync", &script);
            if text.as_str().is_some_and(|text| text.contains(expected)) {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "{expected}: {text}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        let _ = self.client.request("DELETE", &self.session, &[], b"");
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

/// Says that there is nothing to drive.
#[allow(clippy::print_stderr)]
fn skipped<T>() -> Option<T> {
    eprintln!("skipped: needs chromium and chromedriver");
    None
}

#[test]
fn a_real_browser_gets_through_the_pages() {
    let world = World::start();
    world.entra().register_app(App { allow_public_client: true, ..App::default() });
    let Some(browser) = Chromium::open(&world) else { return };
    for (mode, button, outcome) in [
        ("query", GRACE, "GET /ona-azure?code="),
        ("query", "cancel", "GET /ona-azure?error=access_denied&"),
        ("form_post", ADA, "POST /ona-azure HTTP/1.1"),
    ] {
        let (port, thread) = listen();
        let uri = format!("http://localhost:{port}/ona-azure");
        browser.go(&authorize_url(&uri, &[("response_mode", mode), ("login_hint", GRACE)]));
        browser.sees("Pick an account");
        browser.click(button);
        browser.sees("done");
        let heard = thread.join().expect("the listener ends");
        assert!(heard.starts_with(outcome), "{mode}, {button}: {heard}");
    }
    for (answer, outcome) in [("continue", "You have signed in"), ("cancel", "AADSTS65004")] {
        let form = [("client_id", CLIENT_ID), ("scope", SCOPE)];
        let codes = world.client().post_form(&endpoint(CONTOSO, "devicecode"), &form);
        let codes = codes.expect("an answer").json();
        browser.go("https://microsoft.com/devicelogin");
        browser.enter("otc", "WRONGCODE");
        browser.click("next");
        browser.sees("AADSTS70018");
        browser.enter("otc", codes["user_code"].as_str().expect("a code"));
        browser.click("next");
        browser.click(ADA);
        browser.sees("Are you trying to sign in to Ona?");
        browser.click(answer);
        browser.sees(outcome);
    }
}
