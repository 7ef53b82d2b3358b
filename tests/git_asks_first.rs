//! When git is the first to ask, whoever sits at the terminal is asked to sign in: once, there and
//! nowhere else, and never where nobody is to be asked.

mod common;

use std::fs;
use std::time::{Duration, Instant};

use common::loopback::door;
use common::person::*;
use common::terminal::Terminal;
use common::*;
use git_credential_ona_azure::vault::{Prompted, SignInMethod};
use rustix::process::{Pid, Signal, kill_process};
use standins::{ADA, App, Dead, SignIn};

const APP: &str = "https://dev.azure.com/contoso/app/_git/app";

/// What git's own call comes to: its answer, what is said on stderr and the exit code in files.
const GET: &str =
    "code=0; \"$PROGRAM\" get <../request >answer 2>said || code=$?; echo $code >code";

const MENU: &str = "\n  1  a browser on another machine\n  \
                    2  a device code (many tenants block it)\n  \
                    3  a personal access token\n\
                    \nSign in with [1], or q for none: ";

const ENDS_IN: &str = "Sign in with [1], or q for none: ";

const NOBODY: &str = "\ngit needs a sign-in: nobody is signed in to dev.azure.com.\n";

const GIVEN_UP: &str = "error: the sign-in was given up\n\
                        hint: git-credential-ona-azure login https://dev.azure.com\n";

const PAT: &str = "Personal access token (not shown; Enter for none): ";

/// A machine with OAuth and PAT on, and a person at it.
fn machine() -> Machine {
    prepared(Machine::configured())
}

/// The same without personal access tokens.
fn oauth_only() -> Machine {
    let machine = Machine::new();
    machine.add_integration(&[]);
    machine.set_up_git();
    prepared(machine)
}

fn prepared(mut machine: Machine) -> Machine {
    machine.behind_ssh();
    fs::write(machine.home().join("request"), CONTOSO_REQUEST).expect("written");
    machine
}

/// As git's call ended that ran on a terminal.
fn done(machine: &Machine) -> Done {
    ended(machine, "")
}

fn ended(machine: &Machine, suffix: &str) -> Done {
    let read = |name: &str| {
        let file = machine.work().join(format!("{name}{suffix}"));
        fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
    };
    let code = read("code").trim().parse().expect("a number");
    Done { code, stdout: read("answer"), stderr: read("said") }
}

/// The terminal of a person whom git's call has just asked.
fn asked(machine: &Machine) -> Terminal {
    asked_by(machine, GET)
}

fn asked_by(machine: &Machine, line: &str) -> Terminal {
    let mut terminal = Terminal::start(machine, line);
    terminal.expect(ENDS_IN);
    terminal
}

/// The rest of what is asked on a terminal where the first way was chosen.
fn paste(machine: &Machine, terminal: &mut Terminal) {
    let address = terminal.address_to_open();
    terminal.secret_line(&machine.world.browse_elsewhere(&address, ADA));
    terminal.expect("\nada@contoso.example is signed in to dev.azure.com.\n");
}

fn menus(terminal_showed: &str) -> usize {
    terminal_showed.matches(ENDS_IN).count()
}

fn device_codes(machine: &Machine) {
    machine.world.entra().register_app(App { allow_public_client: true, ..App::default() });
    machine.world.entra().set_device_interval(Duration::from_secs(1));
}

/// The page and the code a person is shown.
fn device(terminal: &mut Terminal) -> (String, String) {
    let page = terminal.expect("Waiting, 15 minutes at the most …\n");
    let code = page.split_once("enter this code:\n\n").expect("a code").1.trim_start();
    (address_in(&page), code.split('\n').next().expect("a line").to_owned())
}

fn kill(process: u32) {
    let process = Pid::from_raw(i32::try_from(process).expect("a number")).expect("a process");
    kill_process(process, Signal::KILL).expect("killed");
}

#[test]
fn a_clone_signs_in_by_an_address_that_is_pasted() {
    let machine = machine();
    let mut terminal = Terminal::start(&machine, &format!("git clone -q {APP} one"));
    let came = terminal.expect(ENDS_IN);
    assert_eq!(came, format!("{NOBODY}{MENU}"));
    terminal.line("");
    let address = terminal.address_to_open();
    let last = machine.world.browse_elsewhere(&address, ADA);
    terminal.secret_line(&last);
    let came = terminal.expect("\nada@contoso.example is signed in to dev.azure.com.\n");
    assert_eq!(came, "\nada@contoso.example is signed in to dev.azure.com.\n");
    assert!(terminal.echoes());
    let shown = terminal.finish().expect_success().stdout;
    assert!(!shown.contains(&last), "{shown}");
    assert!(shown.ends_with(&came), "{shown}");
    assert_eq!(machine.session().method, SignInMethod::Paste);
    assert!(machine.work().join("one/.git").is_dir());
    // From now on nobody is asked.
    let again = Terminal::start(&machine, &format!("git clone -q {APP} two")).finish();
    again.expect(0, "", "");
}

#[test]
fn a_browser_that_reaches_this_machine_ends_the_sign_in_while_the_address_is_asked_for() {
    let machine = machine();
    let mut terminal = Terminal::start(&machine, &format!("git clone -q {APP} one; echo after"));
    terminal.expect(ENDS_IN);
    terminal.line("1");
    let address = terminal.address_to_open();
    terminal.send("http://localhost/half an addr");
    assert_eq!(machine.world.browse(&address).status, 200);
    let came = terminal.expect("\nada@contoso.example is signed in to dev.azure.com.\n");
    assert_eq!(came, "\nada@contoso.example is signed in to dev.azure.com.\n");
    let came = terminal.expect("after\n");
    assert_eq!(came, "after\n");
    assert!(terminal.echoes());
    terminal.finish().expect_success();
    assert_eq!(machine.session().method, SignInMethod::Browser);
}

#[test]
fn a_browser_that_comes_back_between_two_prompts_leaves_the_terminal_as_it_was() {
    let machine = machine();
    for round in 0..5 {
        let mut terminal = asked_by(&machine, &format!("{GET}; echo after; read line"));
        terminal.line("");
        let address = terminal.address_to_open();
        std::thread::scope(|scope| {
            let browser = scope.spawn(|| machine.world.browse(&address));
            while !browser.is_finished() {
                terminal.send("x\r");
                std::thread::sleep(Duration::from_micros(200));
            }
        });
        terminal.expect("after\n");
        assert!(terminal.echoes(), "round {round}");
        terminal.line("");
        terminal.finish().expect_success();
        assert_eq!(done(&machine).stderr, "");
        machine.helper(&["logout", "--all"]).expect_success();
    }
}

#[test]
fn a_clone_signs_in_by_a_device_code() {
    let machine = machine();
    device_codes(&machine);
    let mut terminal = Terminal::start(&machine, &format!("git clone -q {APP} one"));
    terminal.expect(ENDS_IN);
    terminal.line("2");
    let (page, code) = device(&mut terminal);
    assert_eq!(machine.world.enter_device_code(&page, &code, ADA).status, 200);
    let came = terminal.expect("is signed in to dev.azure.com.\n");
    assert_eq!(came, "ada@contoso.example is signed in to dev.azure.com.\n");
    terminal.finish().expect_success();
    assert_eq!(machine.session().method, SignInMethod::Device);
    assert!(machine.work().join("one/.git").is_dir());
}

#[test]
fn a_clone_takes_a_token_which_is_tried_and_kept() {
    let machine = machine();
    let pat = machine.world.azure().add_pat("contoso", standins::Pat::read_write());
    let mut terminal = Terminal::start(&machine, &format!("git clone -q {APP} one"));
    terminal.expect(ENDS_IN);
    terminal.line("3");
    let page = terminal.expect(PAT);
    assert!(page.contains("https://dev.azure.com/contoso/_usersSettings/tokens"), "{page}");
    terminal.secret_line(&pat);
    let came = terminal.expect("is kept.\n");
    assert_eq!(came, "\nThe personal access token for contoso is kept.\n");
    let shown = terminal.finish().expect_success().stdout;
    assert!(!shown.contains(&pat), "{shown}");
    // git's own `store` of it has changed nothing: it still has the end that the page was to say.
    let kept = machine.pats("https://dev.azure.com");
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0].organization.as_ref().map(ToString::to_string).as_deref(), Some("contoso"));
    let expires_at = kept[0].expires_at.expect("an end");
    assert_eq!(expires_at - kept[0].kept_at, 30 * 24 * 60 * 60);
    // The next one is not asked.
    let again = Terminal::start(&machine, &format!("git clone -q {APP} two")).finish();
    again.expect(0, "", "");
    assert_eq!(machine.pats("https://dev.azure.com"), kept);
}

#[test]
fn f09_a_device_code_is_on_the_terminal_where_stderr_is_piped_away() {
    let machine = machine();
    device_codes(&machine);
    // As libgit2 and others run helpers.
    let line = "\"$PROGRAM\" get <../request 2>/dev/null | cat >answer";
    let mut terminal = asked_by(&machine, line);
    terminal.line("2");
    let (page, code) = device(&mut terminal);
    machine.world.enter_device_code(&page, &code, ADA);
    terminal.expect("is signed in to dev.azure.com.\n");
    terminal.finish().expect_success();
    let answer = fs::read_to_string(machine.work().join("answer")).expect("written");
    assert_eq!(answer, machine.get(CONTOSO_REQUEST).expect_success().stdout);
}

#[test]
fn f08_a_device_code_names_what_it_is_for_and_is_never_the_first_choice() {
    let mut machine = machine();
    device_codes(&machine);
    let mut terminal = asked(&machine);
    terminal.line("2");
    let page = terminal.expect("Waiting, 15 minutes at the most …\n");
    assert!(page.contains("\nTo sign in to dev.azure.com, open this address in"), "{page}");
    assert!(page.contains("Never enter a code that somebody else gave you"), "{page}");
    terminal.control('c');
    terminal.finish();
    assert_eq!(fs::read_to_string(machine.work().join("answer")).expect("written"), "");
    assert_eq!(machine.world.entra().device_requests(), 1);
    machine.set("CI", "1");
    Terminal::start(&machine, GET).finish().expect(0, "", "");
    assert_eq!(machine.world.entra().device_requests(), 1);
}

#[test]
fn a_prompt_is_on_the_terminal_and_nothing_of_it_anywhere_else() {
    let machine = machine();
    let mut terminal = asked(&machine);
    terminal.line("");
    paste(&machine, &mut terminal);
    terminal.finish().expect_success();
    let done = done(&machine);
    assert_eq!(done, machine.get(CONTOSO_REQUEST));
    assert_eq!((done.code, &*done.stderr), (0, ""));
    assert!(!done.password().is_empty());
}

/// Twenty of git's calls at once on one terminal, all of which wait.
fn herd(machine: &Machine) -> Terminal {
    let line = "i=0; while [ $i -lt 20 ]; do i=$((i+1)); \
                (code=0; \"$PROGRAM\" get <../request >answer-$i 2>said-$i || code=$?; \
                echo $code >code-$i) & done; wait; echo all";
    let terminal = asked_by(machine, line);
    machine.wait_for_askers(20);
    terminal
}

#[test]
fn h17_twenty_at_once_make_one_menu_one_sign_in_and_get_one_credential() {
    if !shows_processes() {
        return;
    }
    let machine = machine();
    let mut terminal = herd(&machine);
    terminal.line("");
    paste(&machine, &mut terminal);
    terminal.expect("all\n");
    assert_eq!(menus(&terminal.finish().expect_success().stdout), 1);
    assert_eq!(machine.world.entra().token_requests("authorization_code"), 1);
    assert_eq!(machine.world.entra().token_requests("refresh_token"), 0);
    let answer = machine.get(CONTOSO_REQUEST);
    assert!(!answer.password().is_empty());
    for number in 1..=20 {
        assert_eq!(ended(&machine, &format!("-{number}")), answer, "{number}");
    }
}

#[test]
fn h17_twenty_at_once_take_one_no_and_the_next_git_asks_again() {
    if !shows_processes() {
        return;
    }
    let machine = machine();
    let mut terminal = herd(&machine);
    let started = Instant::now();
    terminal.line("q");
    terminal.expect("all\n");
    assert!(started.elapsed() < Duration::from_secs(8), "{:?}", started.elapsed());
    assert_eq!(menus(&terminal.finish().expect_success().stdout), 1);
    for number in 1..=20 {
        ended(&machine, &format!("-{number}")).expect(4, "quit=1\n", GIVEN_UP);
    }
    let mut terminal = asked(&machine);
    terminal.line("q");
    terminal.finish().expect_success();
    done(&machine).expect(4, "quit=1\n", GIVEN_UP);
}

#[test]
fn h17_whoever_waits_takes_over_from_one_that_is_killed() {
    if !shows_processes() {
        return;
    }
    let machine = machine();
    let holder = asked_by(&machine, "exec \"$PROGRAM\" get <../request >first 2>&1");
    let first = machine.wait_for_askers(1)[0];
    let mut second = Terminal::start(&machine, GET);
    machine.wait_for_askers(2);
    kill(first);
    second.expect(ENDS_IN);
    drop(holder);
    second.line("");
    paste(&machine, &mut second);
    second.finish().expect_success();
    assert_eq!(done(&machine), machine.get(CONTOSO_REQUEST).expect_success());
}

/// The lines that keep everybody from being asked, by what they are; `GET` in the place of `@`.
const UNASKED: &[(&str, &str)] = &[
    ("git's own switch", "export GIT_TERMINAL_PROMPT=0; @"),
    ("git's own switch, in words", "export GIT_TERMINAL_PROMPT=false; @"),
    ("ours", "export ONA_AZURE_INTERACTIVE=never; @"),
    ("a CI job", "export CI=true; @"),
    ("git -c", "export GIT_CONFIG_PARAMETERS=\"'credential.interactive'='false'\"; @"),
    ("no terminal", "setsid -w sh -ec '@'"),
    ("the background", "set -m; (@) & wait $!"),
];

/// Runs `get` in each of these ways, none of which may ask anything, start anything or wait.
#[track_caller]
fn expect_unasked(machine: &Machine, code: i32, stdout: &str, stderr: &str) {
    let opened = machine.home().join("opened");
    machine.script("bin/browser", &format!("#!/bin/sh\ntouch {}\n", opened.display()));
    for (what, line) in UNASKED {
        if line.contains("setsid") && !has("setsid") {
            continue;
        }
        let started = Instant::now();
        let line =
            format!("export BROWSER=\"$HOME/bin/browser\"; {}; echo after", line.replace('@', GET));
        let mut terminal = Terminal::start(machine, &line);
        assert_eq!(terminal.expect("after\n"), "after\n", "{what}");
        assert!(terminal.echoes(), "{what}");
        terminal.finish().expect(0, "after\n", "");
        assert_eq!(done(machine), answer(code, stdout, stderr), "{what}");
        assert!(started.elapsed() < Duration::from_secs(8), "{what}: {:?}", started.elapsed());
        assert!(!opened.exists(), "{what}");
    }
    assert_eq!(machine.world.entra().device_requests(), 0);
    assert_eq!(machine.world.requests(), []);
    assert_eq!(machine.state_names(), KEY_ONLY, "nothing is written where nobody is asked");
}

/// The key that the client secret is sealed to.
const KEY_ONLY: &[&str] = &["runner.key"];

fn answer(code: i32, stdout: &str, stderr: &str) -> Done {
    Done { code, stdout: stdout.to_owned(), stderr: stderr.to_owned() }
}

const SIGN_IN: &str = "error: nobody is signed in to dev.azure.com\n\
                       hint: git-credential-ona-azure login https://dev.azure.com\n";

#[test]
fn k04_where_nobody_is_to_be_asked_git_goes_on_to_ask_for_a_token() {
    expect_unasked(&machine(), 4, "", SIGN_IN);
}

#[test]
fn k04_where_nobody_is_to_be_asked_git_stops_where_only_a_sign_in_helps() {
    expect_unasked(&oauth_only(), 4, "quit=1\n", SIGN_IN);
}

#[test]
fn k04_git_itself_says_that_nobody_is_to_be_asked() {
    let machine = oauth_only();
    let git = |flags: &str| {
        let line = format!("git {flags} ls-remote {APP} || echo \"ended: $?\"");
        let mut terminal = Terminal::start(&machine, &line);
        let came = terminal.expect("ended: 128\n");
        terminal.finish().expect_success();
        came
    };
    for flags in ["-c credential.interactive=false", "-c Credential.Interactive=never"] {
        let came = git(flags);
        assert!(came.starts_with(SIGN_IN), "{came}");
        assert!(!came.contains("git needs a sign-in"), "{came}");
    }
    // Everybody may be asked.
    let mut terminal =
        asked_by(&machine, &format!("git -c credential.interactive=true ls-remote {APP}"));
    terminal.line("q");
    assert_eq!(terminal.finish().code, 128);
}

#[test]
fn what_is_left_empty_forbids_nothing_but_gits_own_switch() {
    let machine = machine();
    for (name, value) in [
        ("CI", ""),
        ("CI", "false"),
        ("CI", "False"),
        ("CI", "0"),
        ("ONA_AZURE_INTERACTIVE", ""),
        ("GIT_CONFIG_PARAMETERS", ""),
        ("GIT_TERMINAL_PROMPT", "1"),
    ] {
        let mut terminal = asked_by(&machine, &format!("export {name}={value}; {GET}"));
        terminal.line("q");
        terminal.finish().expect_success();
    }
    // As git reads it.
    Terminal::start(&machine, &format!("export GIT_TERMINAL_PROMPT=; {GET}")).finish();
    done(&machine).expect(4, "", SIGN_IN);
}

/// Has the asking of `line` ended by `end`, and looks at what is left.
#[track_caller]
fn expect_nothing_left(
    machine: &Machine,
    line: &str,
    ask: impl FnOnce(&mut Terminal),
    end: impl FnOnce(&mut Terminal),
) {
    if !shows_processes() {
        return;
    }
    // The shell stays, as the one a person types in does, and has the terminal afterwards.
    let line = format!("trap : INT; {line} || :; echo after; read line");
    let mut terminal = Terminal::start(machine, &line);
    ask(&mut terminal);
    let askers = machine.askers();
    assert_eq!(askers.len(), 1);
    end(&mut terminal);
    terminal.expect("after\n");
    wait_until("the helper ends", || has_ended(askers[0]));
    assert!(terminal.echoes());
    assert!(machine.askers().is_empty());
    terminal.line("");
    terminal.finish().expect_success();
    assert!(machine.access().is_none());
}

#[test]
fn e21_control_c_at_the_menu_ends_everything() {
    let clone = format!("git clone -q {APP} one");
    expect_nothing_left(
        &machine(),
        &clone,
        |terminal| _ = terminal.expect(ENDS_IN),
        |terminal| terminal.control('c'),
    );
}

#[test]
fn e21_control_c_at_a_hidden_prompt_ends_everything() {
    let clone = format!("git clone -q {APP} one");
    let mut port = 0;
    expect_nothing_left(
        &machine(),
        &clone,
        |terminal| {
            terminal.expect(ENDS_IN);
            terminal.line("1");
            port = door(&terminal.address_to_open()).0;
            assert!(listens(port));
        },
        |terminal| terminal.control('c'),
    );
    assert!(!listens(port));
    expect_nothing_left(
        &machine(),
        &clone,
        |terminal| {
            terminal.expect(ENDS_IN);
            terminal.line("3");
            terminal.expect(PAT);
            terminal.wait_until_hidden();
            terminal.send("half a tok");
        },
        |terminal| terminal.control('c'),
    );
}

#[test]
fn e21_control_c_while_a_device_is_waited_for_ends_everything() {
    let machine = machine();
    device_codes(&machine);
    expect_nothing_left(
        &machine,
        &format!("git clone -q {APP} one"),
        |terminal| {
            terminal.expect(ENDS_IN);
            terminal.line("2");
            device(terminal);
        },
        |terminal| terminal.control('c'),
    );
}

/// A field of what the system says of a process, by its number in proc(5).
fn stat(process: u32, number: usize) -> u32 {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).expect("it runs");
    let (_, fields) = stat.rsplit_once(") ").expect("a name");
    fields.split(' ').nth(number - 3).expect("a field").parse().expect("a number")
}

/// The git that reads what a process prints: beyond a shell, if git uses one.
fn git_of(process: u32) -> u32 {
    let parent = stat(process, 4);
    let name = fs::read_to_string(format!("/proc/{parent}/comm")).expect("it runs");
    if name.starts_with("git") { parent } else { git_of(parent) }
}

#[test]
fn e21_a_git_that_is_killed_leaves_nobody_asking() {
    let fill = "git credential fill <../request";
    let ways: [fn(&mut Terminal); 4] = [
        // The menu, an address, a device, a token.
        |_| (),
        |terminal| {
            terminal.line("1");
            terminal.address_to_open();
        },
        |terminal| {
            terminal.line("2");
            device(terminal);
        },
        |terminal| {
            terminal.line("3");
            terminal.expect(PAT);
            terminal.wait_until_hidden();
        },
    ];
    for way in ways {
        let machine = machine();
        device_codes(&machine);
        expect_nothing_left(
            &machine,
            fill,
            |terminal| {
                terminal.expect(ENDS_IN);
                way(terminal);
            },
            |_| machine.askers().into_iter().for_each(|asker| kill(git_of(asker))),
        );
    }
}

#[test]
fn e21_a_git_that_is_killed_at_a_shells_prompt_leaves_nobody_asking_behind_it() {
    if !shows_processes() {
        return;
    }
    for machine in [machine(), prepared(Machine::tokens_only())] {
        // With job control the shell takes the terminal back as soon as the git it started is gone,
        // whatever that git had started.
        let line = format!("set -m; git ls-remote {APP} || :; echo after; read line");
        let mut terminal = Terminal::start(&machine, &line);
        terminal.expect("git needs a sign-in");
        let asker = machine.wait_for_askers(1)[0];
        kill(stat(asker, 5));
        terminal.expect("after\n");
        wait_until("the helper ends", || has_ended(asker));
        terminal.line("");
        terminal.finish().expect_success();
    }
}

#[test]
fn e21_a_shell_that_does_not_set_its_terminal_itself_gets_it_back_as_it_was() {
    if !shows_processes() {
        return;
    }
    let machine = prepared(Machine::tokens_only());
    let line = format!("set -m; git ls-remote {APP} || :; echo after; read line");
    let mut terminal = Terminal::start(&machine, &line);
    terminal.expect(PAT);
    terminal.wait_until_hidden();
    let asker = machine.wait_for_askers(1)[0];
    kill(stat(asker, 5));
    terminal.expect("after\n");
    wait_until("the helper ends", || has_ended(asker));
    assert!(terminal.echoes(), "what is typed to the shell does not show");
    terminal.line("");
    terminal.finish().expect_success();
}

#[test]
fn e21_a_terminal_that_cannot_be_read_any_more_is_not_asked_again() {
    if !shows_processes() {
        return;
    }
    let machine = prepared(Machine::tokens_only());
    // Nobody else reads what is typed, so the helper finds it, and is in the background by then.
    let line = format!("set -m; git ls-remote {APP} || :; echo after; sleep 30");
    let mut terminal = Terminal::start(&machine, &line);
    terminal.expect(PAT);
    terminal.wait_until_hidden();
    let asker = machine.wait_for_askers(1)[0];
    kill(stat(asker, 5));
    terminal.expect("after\n");
    terminal.line("x");
    wait_until("the helper ends", || has_ended(asker));
    let shown = terminal.seen();
    assert_eq!(shown.matches("Make a personal access token").count(), 1, "{shown}");
}

#[test]
fn e21_a_git_that_is_killed_takes_those_with_it_who_wait_for_another() {
    if !shows_processes() {
        return;
    }
    let machine = machine();
    let holder = asked_by(&machine, GET);
    let first = machine.wait_for_askers(1)[0];
    let _second = Terminal::start(&machine, "git credential fill <../request");
    let both = machine.wait_for_askers(2);
    let second = both.into_iter().find(|asker| *asker != first).expect("two");
    kill(git_of(second));
    wait_until("it ends", || has_ended(second));
    assert!(!has_ended(first));
    drop(holder);
}

#[test]
fn e21_a_window_that_is_closed_leaves_nobody_asking() {
    if !shows_processes() {
        return;
    }
    let ways: [fn(&mut Terminal); 3] = [
        |_| (),
        |terminal| {
            terminal.line("1");
            terminal.address_to_open();
        },
        |terminal| {
            terminal.line("3");
            terminal.expect(PAT);
            terminal.wait_until_hidden();
        },
    ];
    for way in ways {
        // Also where git was started so that it outlives its terminal.
        for before in ["", "trap '' HUP; "] {
            let machine = machine();
            let line = format!("{before}git clone -q {APP} one");
            let mut terminal = asked_by(&machine, &line);
            way(&mut terminal);
            let askers = machine.wait_for_askers(1);
            drop(terminal);
            wait_until("the helper ends", || has_ended(askers[0]));
        }
    }
}

#[test]
fn an_answer_that_is_none_is_asked_for_again() {
    let machine = machine();
    let mut terminal = asked(&machine);
    for typed in ["4", "0", "yes please", "12"] {
        terminal.line(typed);
        let came = terminal.expect(ENDS_IN);
        let again = format!("{typed}\nType a number from 1 to 3, or q.\n{MENU}");
        assert_eq!(came, again, "{typed}");
    }
    terminal.line("Q");
    terminal.finish().expect_success();
    done(&machine).expect(4, "quit=1\n", GIVEN_UP);
}

#[test]
fn a_no_is_said_once_on_the_screen_that_git_shares() {
    let machine = machine();
    let mut terminal = asked_by(&machine, &format!("git clone -q {APP} one"));
    terminal.line("q");
    let done = terminal.finish();
    assert_eq!(done.code, 128);
    let shown = done.stdout.strip_prefix(&format!("{NOBODY}{MENU}q\n{GIVEN_UP}"));
    let shown = shown.unwrap_or_else(|| panic!("{done:#?}"));
    assert!(shown.starts_with("fatal: ") && shown.lines().count() == 1, "{done:#?}");
}

#[test]
fn control_d_is_no_wherever_it_is_typed() {
    let machine = machine();
    for way in ["", "1", "3"] {
        let mut terminal = asked(&machine);
        if !way.is_empty() {
            terminal.line(way);
            terminal.wait_until_hidden();
        }
        terminal.control('d');
        let shown = terminal.finish().expect_success().stdout;
        assert_eq!(menus(&shown), 1, "{way}: {shown}");
        done(&machine).expect(4, "quit=1\n", GIVEN_UP);
    }
    // So is no token.
    let mut terminal = asked(&machine);
    terminal.line("3");
    terminal.expect(PAT);
    terminal.secret_line("");
    terminal.finish().expect_success();
    done(&machine).expect(4, "quit=1\n", GIVEN_UP);
}

/// Waits for the menu after a way that failed: what was said before it.
#[track_caller]
fn said_before_menu(terminal: &mut Terminal) -> String {
    let came = terminal.expect(ENDS_IN);
    let said = came.strip_suffix(MENU).unwrap_or_else(|| panic!("no menu: {came}"));
    said.to_owned()
}

#[test]
fn a_way_that_fails_says_why_and_leaves_the_others() {
    let machine = machine();
    let mut terminal = asked(&machine);
    // The person declines.
    machine.world.entra().sign_in(SignIn::Declined);
    terminal.line("1");
    let address = terminal.address_to_open();
    terminal.secret_line(&machine.world.browse_elsewhere(&address, ADA));
    let said = said_before_menu(&mut terminal);
    assert!(said.starts_with("\nerror: the sign-in was refused: "), "{said}");
    assert!(said.contains("65004") && said.contains("\nhint: "), "{said}");
    machine.world.entra().sign_in(SignIn::Succeeds);
    // The client secret is wrong.
    let secrets = vec![("another-secret".to_owned(), false)];
    machine.world.entra().register_app(App { secrets, ..App::default() });
    terminal.line("1");
    let address = terminal.address_to_open();
    terminal.secret_line(&machine.world.browse_elsewhere(&address, ADA));
    let said = said_before_menu(&mut terminal);
    assert!(said.starts_with("\nerror: the sign-in did not complete: "), "{said}");
    assert!(said.contains("step 3 (client secret)"), "{said}");
    // The app has no device codes.
    terminal.line("2");
    let (page, code) = device(&mut terminal);
    machine.world.enter_device_code(&page, &code, ADA);
    let said = said_before_menu(&mut terminal);
    assert!(said.contains("Allow public client flows"), "{said}");
    // The token is none.
    terminal.line("3");
    terminal.expect(PAT);
    let wrong = "x".repeat(84);
    terminal.secret_line(&wrong);
    let said = said_before_menu(&mut terminal);
    assert!(said.starts_with("\nerror: dev.azure.com/contoso does not accept"), "{said}");
    assert!(!said.contains(&wrong), "{said}");
    terminal.line("q");
    terminal.finish().expect_success();
    done(&machine).expect(4, "quit=1\n", GIVEN_UP);
    assert!(machine.pats("https://dev.azure.com").is_empty());
    assert!(machine.access().is_none());
}

#[test]
fn where_only_tokens_are_on_there_is_no_menu() {
    let machine = prepared(Machine::tokens_only());
    let pat = machine.world.azure().add_pat("contoso", standins::Pat::read_write());
    let mut terminal = Terminal::start(&machine, GET);
    let page = terminal.expect(PAT);
    assert!(page.starts_with(NOBODY), "{page}");
    assert!(page.contains("https://dev.azure.com/contoso/_usersSettings/tokens"), "{page}");
    terminal.secret_line("wrong");
    let came = terminal.expect(PAT);
    assert!(came.starts_with("\nerror: dev.azure.com/contoso does not accept"), "{came}");
    terminal.secret_line(&pat);
    terminal.expect("is kept.\n");
    assert_eq!(menus(&terminal.finish().expect_success().stdout), 0);
    assert_eq!(done(&machine).password(), pat);
    assert_eq!(done(&machine).stderr, "");
}

#[test]
fn where_only_tokens_are_on_the_no_names_the_command_that_takes_one() {
    let machine = prepared(Machine::tokens_only());
    let mut terminal = Terminal::start(&machine, GET);
    terminal.expect(PAT);
    terminal.secret_line("");
    terminal.finish().expect_success();
    done(&machine).expect(
        4,
        "quit=1\n",
        "error: the sign-in was given up\n\
         hint: git-credential-ona-azure login https://dev.azure.com/contoso --pat\n",
    );
}

#[test]
fn where_only_tokens_are_on_and_git_names_no_organization_nobody_is_asked() {
    let machine = prepared(Machine::tokens_only());
    fs::write(machine.home().join("request"), "protocol=https\nhost=dev.azure.com\n")
        .expect("written");
    Terminal::start(&machine, GET).finish().expect(0, "", "");
    done(&machine).expect(
        1,
        "quit=1\n",
        "error: git does not say which organization of dev.azure.com is meant, and a personal \
         access token is only given to its own\n\
         hint: have git send the path (credential.useHttpPath): git-credential-ona-azure setup-git\n",
    );
}

#[test]
fn where_tokens_are_off_none_is_offered() {
    let machine = oauth_only();
    let mut terminal = Terminal::start(&machine, GET);
    let came = terminal.expect(ENDS_IN);
    assert_eq!(
        came,
        format!(
            "{NOBODY}\n  1  a browser on another machine\n  \
             2  a device code (many tenants block it)\n\nSign in with [1], or q for none: "
        )
    );
    terminal.line("3");
    let came = terminal.expect(ENDS_IN);
    assert!(came.starts_with("3\nType a number from 1 to 2, or q.\n"), "{came}");
    terminal.line("");
    paste(&machine, &mut terminal);
    terminal.finish().expect_success();
    assert_eq!(done(&machine), machine.get(CONTOSO_REQUEST).expect_success());
}

#[test]
fn a_session_that_has_ended_says_why_and_its_account_is_proposed() {
    let machine = machine();
    machine.sign_in();
    machine.age_access_token(4600);
    machine.world.entra().revoke_refresh_tokens(Dead::Password);
    let mut terminal = Terminal::start(&machine, GET);
    let came = terminal.expect(ENDS_IN);
    let why = came.strip_suffix(MENU).unwrap_or_else(|| panic!("no menu: {came}"));
    assert!(why.starts_with("\ngit needs a sign-in: the sign-in of ada@contoso.example"), "{why}");
    assert_eq!(why.lines().count(), 2, "{why}");
    terminal.line("1");
    let address = terminal.address_to_open();
    assert!(address.contains("login_hint=ada%40contoso.example"), "{address}");
    assert!(!address.contains("prompt="), "{address}");
    terminal.secret_line(&machine.world.browse_elsewhere(&address, ADA));
    terminal.expect("is signed in to dev.azure.com.\n");
    terminal.finish().expect_success();
    assert_eq!(done(&machine).stderr, "");
}

#[test]
fn an_address_longer_than_a_terminals_line_is_taken_whole() {
    let machine = machine();
    let mut terminal = asked(&machine);
    terminal.line("1");
    let address = terminal.address_to_open();
    let last = machine.world.browse_elsewhere(&address, ADA);
    // What matters comes after it.
    let long = last.replace("?", &format!("?session_state={}&", "x".repeat(9_000)));
    terminal.secret_line(&long);
    terminal.expect("is signed in to dev.azure.com.\n");
    let shown = terminal.finish().expect_success().stdout;
    assert!(!shown.contains("xxx"), "{shown}");
    assert_eq!(done(&machine).code, 0);
}

#[test]
fn an_address_that_does_not_end_this_sign_in_is_asked_for_again() {
    let machine = machine();
    let mut terminal = asked(&machine);
    terminal.line("1");
    let address = terminal.address_to_open();
    let last = machine.world.browse_elsewhere(&address, ADA);
    let (base, query) = last.split_once('?').expect("a query");
    let state = query.split('&').find(|pair| pair.starts_with("state=")).expect("a state");
    for (pasted, words) in [
        ("", "That is no address. "),
        (address.as_str(), "That is the address of a page on the way. "),
        (&last.replace(state, "state=another"), "That address ends another sign-in. "),
        (&format!("{base}?{state}"), "That address is not complete"),
    ] {
        terminal.secret_line(pasted);
        let came = terminal.expect("Address: ");
        assert!(came.starts_with(&format!("\n{words}")), "{pasted}: {came}");
        assert_eq!(came.lines().count(), 3, "{came}");
        terminal.wait_until_hidden();
    }
    terminal.secret_line(&last);
    terminal.expect("is signed in to dev.azure.com.\n");
    let shown = terminal.finish().expect_success().stdout;
    assert!(!shown.contains("code="), "{shown}");
    assert_eq!(machine.world.entra().token_requests("authorization_code"), 1);
}

#[test]
fn where_the_vault_cannot_be_written_git_goes_on_as_if_nobody_were_there() {
    let mut machine = machine();
    machine.set("ONA_AZURE_STATE_DIR", "/dev/null/vault");
    Terminal::start(&machine, GET).finish().expect(0, "", "");
    let done = done(&machine);
    assert_eq!((done.code, &*done.stdout), (4, ""), "{done:#?}");
    assert!(done.stderr.starts_with(SIGN_IN), "{done:#?}");
    assert!(
        done.stderr.contains("\nwarning: nobody was asked to sign in: /dev/null/vault"),
        "{done:#?}"
    );
    assert_eq!(done.stderr.lines().count(), 4, "{done:#?}");
}

#[test]
fn a_no_that_is_yet_to_come_keeps_nobody_from_being_asked() {
    let machine = machine();
    let vault = machine.vault();
    let tomorrow = git_credential_ona_azure::clock::now_ms() + 24 * 60 * 60 * 1000;
    let no = Prompted { given_up_at_ms: tomorrow, text: "it was given up".to_owned() };
    vault.write().and_then(|writer| writer.put("dev.azure.com", &no)).expect("written");
    let mut terminal = asked(&machine);
    terminal.line("q");
    terminal.finish().expect_success();
    done(&machine).expect(4, "quit=1\n", GIVEN_UP);
}

#[test]
fn a_git_in_another_window_says_whom_it_waits_for() {
    if !shows_processes() {
        return;
    }
    let machine = machine();
    let mut first = asked_by(&machine, "exec \"$PROGRAM\" get <../request >first 2>&1");
    let process = machine.wait_for_askers(1)[0];
    let mut second = Terminal::start(&machine, GET);
    let came = second.expect("\n");
    assert_eq!(
        came,
        format!(
            "Another git asks for a sign-in to dev.azure.com already (process {process}). Waiting \
             for what comes of it …\n"
        )
    );
    first.line("");
    paste(&machine, &mut first);
    second.finish().expect_success();
    assert_eq!(done(&machine), machine.get(CONTOSO_REQUEST).expect_success());
}
