//! The sign-in as a person goes through it: in a real browser, which judges the pages that the
//! loopback listener serves.

mod common;

use std::fs;

use common::chromium::Chromium;
use common::*;
use standins::{ADA, Fault, SignIn, Target, Times};

const CONNECTED: &str = "Azure DevOps (Entra ID) is connected.";
const NOT_CONNECTED: &str = "Azure DevOps (Entra ID) is not connected.";

/// Puts into the page what an attacker would.
const ATTACK: &str = "\
    const script = document.createElement('script');\
    script.textContent = 'document.title = \"taken\"';\
    const image = new Image();\
    image.setAttribute('onerror', 'document.title = \"taken\"');\
    image.src = 'https://git.example.org/';\
    const frame = document.createElement('iframe');\
    frame.src = 'https://git.example.org/';\
    document.body.append(script, image, frame);\
    return document.title";

/// Fails if a script can run in the page, or the page can load or send anything.
#[track_caller]
fn expect_inert(machine: &Machine, chromium: &Chromium) {
    let title = chromium.title();
    chromium.console_log();
    assert_eq!(chromium.run(ATTACK).as_str(), Some(&*title));
    let log = chromium.console_log();
    let refused = |what: &str| {
        let policy = "Content Security Policy directive";
        log.iter().any(|line| line.contains(what) && line.contains(policy))
    };
    assert!(refused("inline script") && refused("Loading the image"), "{log:#?}");
    assert!(refused("Framing"), "{log:#?}");
    assert_eq!(chromium.title(), title);
    // It may have connected meanwhile; it asked for nothing.
    let asked = machine.world.requests();
    assert!(asked.iter().all(|seen| seen.host != "git.example.org"), "{asked:#?}");
}

#[test]
fn a_person_signs_in_in_a_real_browser_and_git_clones() {
    let mut machine = Machine::configured();
    let Some(chromium) = Chromium::start(&machine) else { return };
    let browser = machine.script(
        "browser",
        "#!/bin/sh\nprintf %s \"$1\" >\"$HOME/opening\" && mv \"$HOME/opening\" \"$HOME/opened\"\n",
    );
    machine.set("BROWSER", browser.to_str().expect("text"));
    let login = Login::start(&machine, &[]);
    let opened = machine.home().join("opened");
    wait_for(&opened);
    chromium.open(&fs::read_to_string(opened).expect("an address"));
    assert!(chromium.wait_for("Pick an account").contains(ADA));
    chromium.click(&format!("button[value='{ADA}']"));
    let text = chromium.wait_for(CONNECTED);
    assert_eq!(text.trim(), format!("{CONNECTED}\n\nYou can close this window."));
    assert_eq!(chromium.title(), CONNECTED);
    assert!(chromium.url().starts_with("http://localhost:"), "{}", chromium.url());
    let done = login.finish().expect_success();
    assert!(done.stdout.starts_with("ada@contoso.example is signed in to dev.azure.com.\n"));
    machine.git_quietly("", &["clone", "-q", "https://dev.azure.com/contoso/app/_git/app"]);
    expect_inert(&machine, &chromium);
}

#[test]
fn a_real_browser_shows_as_text_why_a_sign_in_was_refused() {
    let machine = Machine::configured();
    let Some(chromium) = Chromium::start(&machine) else { return };

    machine.world.entra().sign_in(SignIn::Declined);
    let mut login = Login::start(&machine, &[]);
    chromium.open(&login.address());
    chromium.click(&format!("button[value='{ADA}']"));
    let text = chromium.wait_for(NOT_CONNECTED);
    assert!(text.contains("consent was declined (AADSTS65004). The terminal says what"), "{text}");
    assert_eq!(chromium.title(), NOT_CONNECTED);
    assert_eq!(login.finish().code, 4);
    expect_inert(&machine, &chromium);

    let words = "<script>document.title='taken'</script><img src=x onerror=document.title='taken'>";
    let fault = Fault::error(400, "invalid_request", 999_001, words);
    machine.world.fail(Target::Authorize, fault, Times::Once);
    let mut login = Login::start(&machine, &[]);
    chromium.open(&login.address());
    let text = chromium.wait_for(NOT_CONNECTED);
    assert!(text.contains(words), "{text}");
    assert_eq!(chromium.title(), NOT_CONNECTED);
    assert_eq!(chromium.run("return document.querySelectorAll('script, img').length"), 0);
    assert_eq!(login.finish().code, 4);
}
