//! `login` where the browser is on another machine: the address it ends on is pasted, unless it
//! can come back after all.

mod common;

use std::fs;
use std::io::{Read as _, Write as _};
use std::time::Duration;

use common::loopback::{Listener, door};
use common::terminal::Terminal;
use common::*;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde_json::{Value, json};
use standins::{ADA, SignIn, Target};

const OPEN: &str = "To sign in, open this address in a browser on your own machine:\n\n";
const STARTED: &str = "A browser was started. Waiting for it to come back …\n";
const PROMPT: &str = "Address: ";

/// What is said between the address and the prompt.
fn at_the_end(address: &str) -> String {
    let (port, _) = door(address);
    format!(
        "At the end the browser is sent to http://localhost:{port}/…\n\
         If it cannot reach that address, copy the whole of it, paste it here and press Enter. It is not shown.\n\
         (With port {port} forwarded to your machine, it can.)\n\n"
    )
}

/// Starts `login` with these flags on a terminal and waits until it asks; gives the address too.
#[track_caller]
fn asked(machine: &Machine, flags: &str) -> (Terminal, String) {
    let (mut terminal, address) = shown(machine, flags);
    terminal.expect(PROMPT);
    terminal.wait_until_hidden();
    (terminal, address)
}

/// The same, up to the address.
#[track_caller]
fn shown(machine: &Machine, flags: &str) -> (Terminal, String) {
    let mut terminal = Terminal::start(machine, &format!("exec \"$PROGRAM\" login {flags}"));
    terminal.expect(OPEN);
    let address = terminal.expect("\n\n").trim().to_owned();
    (terminal, address)
}

/// The one session as `status --json` shows it.
#[track_caller]
fn session(machine: &Machine) -> Value {
    let status = machine.helper(&["status", "--json"]).expect_success().json();
    let sessions = status["hosts"][0]["sessions"].as_array().expect("sessions").clone();
    assert_eq!(sessions.len(), 1, "{status:#}");
    sessions[0].clone()
}

#[track_caller]
fn expect_nobody(machine: &Machine) {
    let status = machine.helper(&["status", "--json"]).expect_success().json();
    assert_eq!(status["hosts"][0]["sessions"], json!([]));
}

fn summary(machine: &Machine, method: &str) -> String {
    format!(
        "ada@contoso.example is signed in to dev.azure.com.\n\n  \
           for        every organization of the tenant\n  \
           may        clone, fetch and push\n  \
           tenant     {}\n  \
           signed in  with {method}, with the client secret\n  \
           kept in    {}, sealed\n  \
           renewed    by itself; git needs no further sign-in\n",
        standins::CONTOSO,
        machine.state_dir().display()
    )
}

#[test]
fn the_address_the_browser_ended_on_is_pasted_and_not_shown() {
    let machine = Machine::configured();
    let (mut terminal, address) = asked(&machine, "--paste");
    let end = machine.world.browse_elsewhere(&address, ADA);
    // What a browser ends on may be longer than a line that a terminal edits (4,095 bytes).
    let end = format!("{end}&session_state={}", "x".repeat(6000));
    terminal.secret_line(&end);
    let done = terminal.finish();
    done.expect(
        0,
        &format!(
            "{OPEN}  {address}\n\n{}{PROMPT}\n{}",
            at_the_end(&address),
            summary(&machine, "a browser elsewhere")
        ),
        "",
    );
    assert_eq!(session(&machine)["method"], "paste");
    assert_eq!(machine.get(CONTOSO_REQUEST).expect_success().attribute("username"), Some(ADA));
}

#[test]
fn a_terminal_on_a_machine_without_a_browser_is_asked_for_the_address() {
    for (name, value) in [
        ("SSH_CONNECTION", "192.0.2.1 50000 192.0.2.2 22"),
        ("container", "podman"),
        ("ONA_ENVIRONMENT_ID", "0198c0de"),
        ("DISPLAY", ""),
    ] {
        let mut machine = Machine::configured();
        machine.unset("BROWSER");
        machine.set(name, value);
        let (mut terminal, address) = asked(&machine, "");
        let seen = terminal.seen();
        assert_eq!(
            seen,
            format!("{OPEN}  {address}\n\n{}{PROMPT}", at_the_end(&address)),
            "{name}"
        );
        terminal.secret_line(&machine.world.browse_elsewhere(&address, ADA));
        terminal.finish().expect_success();
        assert_eq!(session(&machine)["method"], "paste", "{name}");
    }
}

#[test]
fn the_browser_of_a_remote_editor_is_started_too() {
    for name in ["SSH_CONNECTION", "REMOTE_CONTAINERS", "CODESPACES", "GITPOD_ENVIRONMENT_ID"] {
        let mut machine = Machine::configured();
        let opened = machine.home().join("opened");
        let script = format!(
            "#!/bin/sh\necho \"$1\" >'{0}.part' && mv '{0}.part' '{0}'\n",
            opened.display()
        );
        let browser = machine.script("browser", &script);
        machine.set("BROWSER", browser.to_str().expect("text"));
        machine.set(name, "true");
        let (terminal, address) = asked(&machine, "");
        wait_for(&opened);
        assert_eq!(fs::read_to_string(&opened).expect("text"), format!("{address}\n"));
        let seen = terminal.seen();
        assert_eq!(
            seen,
            format!("{OPEN}  {address}\n\n{}{STARTED}{PROMPT}", at_the_end(&address)),
            "{name}"
        );
        // The editor forwards the port, and the browser comes back.
        machine.world.browse(&address);
        terminal.finish().expect_success();
        assert_eq!(session(&machine)["method"], "browser", "{name}");
    }
}

#[test]
fn a_browser_that_comes_back_wins_while_the_address_is_asked_for() {
    let machine = Machine::configured();
    let (mut terminal, address) = asked(&machine, "--paste");
    terminal.send("http://local");
    let page = machine.world.browse(&address);
    assert_eq!(page.status, 200, "{}", page.body);
    terminal.expect("is signed in");
    assert!(terminal.echoes(), "the terminal was left as it is at a hidden prompt");
    let done = terminal.finish();
    done.expect(
        0,
        &format!(
            "{OPEN}  {address}\n\n{}{PROMPT}\n{}",
            at_the_end(&address),
            summary(&machine, "a browser")
        ),
        "",
    );
    assert_eq!(session(&machine)["method"], "browser");
}

#[test]
fn a_browser_on_this_machine_that_is_asked_for_is_not_asked_about() {
    let mut machine = Machine::configured();
    machine.set("SSH_CONNECTION", "192.0.2.1 50000 192.0.2.2 22");
    let mut terminal = Terminal::start(&machine, "exec \"$PROGRAM\" login --browser");
    terminal.expect("open this address in a browser on this machine:\n\n");
    let address = terminal.expect("\n\n").trim().to_owned();
    terminal.expect(STARTED);
    assert!(terminal.echoes());
    machine.world.browse(&address);
    let done = terminal.finish().expect_success();
    assert!(!done.stdout.contains(PROMPT), "{done:#?}");
}

#[test]
fn without_a_terminal_nobody_is_asked_for_the_address() {
    let mut machine = Machine::configured();
    machine.set("SSH_CONNECTION", "192.0.2.1 50000 192.0.2.2 22");
    machine.unset("BROWSER");
    let mut login = Login::start(&machine, &["https://dev.azure.com/contoso"]);
    let address = login.address();
    let (port, _) = door(&address);
    let said = login.through("Waiting");
    assert_eq!(
        said,
        format!(
            "\nAt the end the browser is sent to http://localhost:{port}/…\n\
             If it cannot reach that address, sign in from a terminal, where it can be pasted: \
             git-credential-ona-azure login https://dev.azure.com/contoso --paste\n\
             (With port {port} forwarded to your machine, it can.)\n\n\
             Waiting for the address to be opened …\n"
        )
    );
    machine.world.browse(&address);
    login.finish().expect_success();
}

#[test]
fn an_address_that_ends_no_sign_in_is_explained_and_asked_for_again() {
    const NO_ADDRESS: &str =
        "That is no address. Copy all of the address bar of the page the browser ended on.\n";
    const ON_THE_WAY: &str = "That is the address of a page on the way. Go on there until the browser \
        is sent to http://localhost, and paste that address.\n";
    const ANOTHER: &str = "That address ends another sign-in. Open the address above, and paste what \
        that one ends on.\n";
    const INCOMPLETE: &str = "That address is not complete: it holds neither a code nor a refusal. \
        Copy all of it.\n";
    let machine = Machine::configured();
    let (mut terminal, address) = asked(&machine, "--paste");
    let (port, state) = door(&address);
    let end = machine.world.browse_elsewhere(&address, ADA);
    let code = end.split_once("code=").expect("a code").1.split('&').next().expect("a code");
    for (typed, said) in [
        ("", NO_ADDRESS),
        ("yes", NO_ADDRESS),
        (code, NO_ADDRESS),
        ("javascript:alert(1)", NO_ADDRESS),
        (&*address, ON_THE_WAY),
        (&end.replace("/ona-azure?", "/another?"), ANOTHER),
        ("https://login.microsoftonline.com/common/oauth2/deviceauth", ON_THE_WAY),
        (&format!("http://localhost:{port}/ona-azure?code={code}&state=another"), ANOTHER),
        (&format!("http://localhost:{port}/ona-azure"), INCOMPLETE),
        (&end[..end.find('?').expect("a query") + 8], INCOMPLETE),
        (&format!("{end}&code=another"), INCOMPLETE),
    ] {
        terminal.secret_line(typed);
        let came = terminal.expect(PROMPT);
        assert_eq!(came, format!("\n{said}{PROMPT}"), "{typed}");
    }
    assert_eq!(machine.world.entra().token_requests("authorization_code"), 0);
    // A browser leaves the scheme out, and people copy more than the address.
    let bare = end.strip_prefix("http://").expect("a scheme");
    assert!(bare.contains(&format!("state={state}")), "{bare}");
    terminal.secret_line(&format!("  <{bare}>  "));
    let done = terminal.finish().expect_success();
    assert!(!done.stdout.contains(code), "the code was shown: {done:#?}");
    assert!(!done.stdout.contains("localhost:1/"), "{done:#?}");
    assert_eq!(session(&machine)["method"], "paste");
}

#[test]
fn an_address_that_an_editor_or_a_browser_has_changed_is_taken_too() {
    for change in [
        |end: &str, port: u16| {
            end.replace(
                &format!("http://localhost:{port}"),
                &format!("https://{port}--env.example"),
            )
        },
        |end: &str, _| end.replace("http://", "https://"),
        |end: &str, _| end[end.find("/ona-azure?").expect("a path")..].to_owned(),
    ] {
        let machine = Machine::configured();
        let (mut terminal, address) = asked(&machine, "--paste");
        let (port, _) = door(&address);
        terminal.secret_line(&change(&machine.world.browse_elsewhere(&address, ADA), port));
        terminal.finish().expect_success();
        assert_eq!(session(&machine)["method"], "paste");
    }
}

#[test]
fn a_refusal_can_be_pasted_too() {
    let machine = Machine::configured();
    machine.world.entra().sign_in(SignIn::Declined);
    let (mut terminal, address) = asked(&machine, "--paste");
    terminal.secret_line(&machine.world.browse_elsewhere(&address, ADA));
    terminal.expect(
        "\nerror: the sign-in was refused: consent was declined (AADSTS65004)\n\
         hint: step 4 (API permissions): accept the consent page, or let an administrator choose API \
         permissions → Grant admin consent\n",
    );
    assert_eq!(terminal.finish().code, 4);
    expect_nobody(&machine);
}

#[test]
fn a_code_that_is_not_ours_is_not_redeemed_into_a_session() {
    let machine = Machine::configured();
    let (mut terminal, address) = asked(&machine, "--paste");
    let (port, state) = door(&address);
    terminal.secret_line(&format!("http://localhost:{port}/ona-azure?code=made-up&state={state}"));
    terminal.expect("\nerror: the sign-in did not complete: ");
    assert_eq!(terminal.finish().code, 4);
    expect_nobody(&machine);
}

#[test]
fn whoever_ends_the_input_does_not_sign_in() {
    let machine = Machine::configured();
    let (mut terminal, address) = asked(&machine, "--paste");
    let listener = Listener::on(door(&address).0);
    let before = machine.state();
    terminal.control('d');
    terminal.expect("\nerror: the sign-in was given up\n");
    assert!(terminal.echoes());
    assert_eq!(terminal.finish().code, 4);
    assert!(!listener.is_open(), "the port is still open");
    assert_eq!(machine.state(), before);
    expect_nobody(&machine);
}

#[test]
fn a_prompt_that_is_left_gives_the_terminal_back() {
    let machine = Machine::configured();
    for flags in ["--paste", "--paste --timeout 1s"] {
        let line =
            format!("trap : INT; \"$PROGRAM\" login {flags}; code=$?; read rest; exit $code");
        let mut terminal = Terminal::start(&machine, &line);
        terminal.expect(PROMPT);
        terminal.wait_until_hidden();
        terminal.send("http://localhost:4");
        if flags == "--paste" {
            terminal.control('c');
        } else {
            terminal.expect("\nerror: ");
        }
        wait_until("waited for the terminal to show what is typed", || terminal.echoes());
        terminal.line("");
        assert_eq!(terminal.finish().code, if flags == "--paste" { 130 } else { 4 }, "{flags}");
    }
    expect_nobody(&machine);
}

#[test]
fn addresses_are_read_from_standard_input_where_that_is_no_terminal() {
    let machine = Machine::configured();
    let mut login = Login::piped(&machine, &["--paste"]);
    let address = login.address();
    login.line(&address);
    let said = login.through("That is");
    assert_eq!(
        said,
        format!(
            "\n{}That is the address of a page on the way. Go on there until the browser is sent to \
             http://localhost, and paste that address.\n",
            at_the_end(&address)
        )
    );
    login.line(&machine.world.browse_elsewhere(&address, ADA));
    let done = login.finish().expect_success();
    assert_eq!(done.stdout, summary(&machine, "a browser elsewhere"));
    assert!(!done.stderr.contains(PROMPT), "{done:#?}");
    assert_eq!(session(&machine)["method"], "paste");
}

#[test]
fn a_login_in_the_background_does_not_say_that_it_can_be_pasted_to() {
    let machine = Machine::configured();
    // With job control, as in the shell of a person.
    let line = "set -m; \"$PROGRAM\" login --paste & wait $!";
    let mut terminal = Terminal::start(&machine, line);
    terminal.expect(OPEN);
    let address = terminal.expect("\n\n").trim().to_owned();
    let said = terminal.expect("Waiting for the address to be opened …\n");
    assert!(
        said.contains(
            "If it cannot reach that address, sign in from a terminal, where it can be pasted: "
        ),
        "{said}"
    );
    machine.world.browse(&address);
    terminal.expect("is signed in");
    terminal.finish();
    assert_eq!(session(&machine)["method"], "browser");
}

#[test]
fn the_end_of_standard_input_leaves_the_listener_waiting() {
    let machine = Machine::configured();
    let mut login = Login::piped(&machine, &["--paste"]);
    let address = login.address();
    login.line("nothing that helps");
    login.end_input();
    login.through("That is no address.");
    machine.world.browse(&address);
    let done = login.finish().expect_success();
    assert_eq!(done.stdout, summary(&machine, "a browser"));
    assert_eq!(session(&machine)["method"], "browser");
}

/// Writes to a pipe until it takes no more.
fn fill(pipe: &fs::File) {
    let takes = || {
        let mut waits = [PollFd::new(pipe, PollFlags::OUT)];
        poll(&mut waits, Some(&Timespec::default())).expect("asked") > 0
    };
    while takes() {
        (&*pipe).write_all(&[b' '; 4096]).expect("written");
    }
}

/// Reads from a pipe until this came up, and gives everything up to its end.
fn read_through(mut pipe: &fs::File, text: &str) -> String {
    let mut read = Vec::new();
    while !read.ends_with(text.as_bytes()) {
        let mut byte = [0];
        pipe.read_exact(&mut byte).expect("read");
        read.extend(byte);
    }
    String::from_utf8(read).expect("text")
}

/// The moment between a wrong address and the next prompt is held open here, by a stderr that takes
/// nothing more.
#[test]
fn once_the_browser_is_back_nothing_more_is_asked() {
    let machine = Machine::configured();
    let said = machine.home().join("said");
    run(machine.command("mkfifo").arg(&said), b"").expect_success();
    // Open at both ends, a FIFO keeps nobody waiting for the other.
    let pipe = fs::File::options().read(true).write(true).open(&said).expect("a FIFO");
    let line = "\"$PROGRAM\" login --paste 2>../said; echo over; read rest";
    let mut terminal = Terminal::start(&machine, line);
    read_through(&pipe, OPEN);
    let address = read_through(&pipe, "\n\n").trim().to_owned();
    terminal.expect(PROMPT);
    read_through(&pipe, &at_the_end(&address));
    fill(&pipe);
    terminal.secret_line("wrong");
    wait_until("waited for the prompt to end", || terminal.echoes());
    machine.world.delay(Target::Token, Duration::from_millis(500));
    std::thread::scope(|scope| {
        scope.spawn(|| machine.world.browse(&address));
        let entra = machine.world.entra();
        wait_until("waited for the code to be redeemed", || {
            entra.token_requests("authorization_code") > 0
        });
        read_through(
            &pipe,
            "That is no address. Copy all of the address bar of the page the browser ended on.\n",
        );
        terminal.expect("over");
    });
    assert!(terminal.echoes(), "the terminal was left as it is at a hidden prompt");
    assert_eq!(terminal.seen().matches(PROMPT).count(), 1, "{}", terminal.seen());
    terminal.line("");
    terminal.finish().expect_success();
    assert_eq!(session(&machine)["method"], "browser");
}

#[test]
fn a_paste_longer_than_any_address_is_asked_for_again_and_goes_to_nobody() {
    let machine = Machine::configured();
    let line = "\"$PROGRAM\" login --paste; read -r rest; echo \"got:$rest\"";
    let mut terminal = Terminal::start(&machine, line);
    terminal.expect(OPEN);
    let address = terminal.expect("\n\n").trim().to_owned();
    terminal.expect(PROMPT);
    terminal.wait_until_hidden();
    let page = format!("{}\r{}", "pasted ".repeat(12_000), "touch pasted\r".repeat(500));
    terminal.send(&page);
    assert_eq!(
        terminal.expect(PROMPT),
        format!("\nThat is longer than any address. Copy the address bar alone.\n{PROMPT}")
    );
    let end = machine.world.browse_elsewhere(&address, ADA);
    terminal.wait_until_hidden();
    terminal.send(&format!("{end}\rtouch pasted\r"));
    terminal.expect("renewed    by itself; git needs no further sign-in\n");
    terminal.line("typed");
    terminal.expect("got:typed\n");
    let shown = terminal.finish().expect_success().stdout;
    assert!(!shown.contains("pasted"), "{shown}");
    assert_eq!(session(&machine)["method"], "paste");
}
