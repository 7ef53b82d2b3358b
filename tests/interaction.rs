//! Nobody is asked for anything where nobody is to be asked, or nobody is there.

mod common;

use common::terminal::Terminal;
use common::*;
use standins::CLIENT_ID;

const CONTOSO_URL: &str = "https://dev.azure.com/contoso";

#[test]
fn where_it_is_never_to_ask_login_opens_no_browser() {
    let mut machine = Machine::configured();
    machine.set("ONA_AZURE_INTERACTIVE", "never");
    for arguments in [&["login"][..], &["login", "--browser"]] {
        machine.helper(arguments).expect(
            4,
            "",
            "error: signing in with OAuth needs a person, and ONA_AZURE_INTERACTIVE is never\n\
             hint: unset it, or pass a personal access token: git-credential-ona-azure login \
             https://dev.azure.com/ORGANIZATION --pat < file\n",
        );
    }
    // What comes without anybody's doing is taken.
    machine.give_pat(CONTOSO_URL, "s3cret", &[]);
    machine.add_integration(&[]);
}

#[test]
fn where_it_is_never_to_ask_no_secret_is_prompted_for() {
    let mut machine = Machine::configured();
    machine.set("ONA_AZURE_INTERACTIVE", "never");
    let login = format!("\"$PROGRAM\" login {CONTOSO_URL} --pat");
    Terminal::start(&machine, &login).finish().expect(
        4,
        "error: a token would have to be typed, and ONA_AZURE_INTERACTIVE is never\n\
         hint: pass it on standard input: git-credential-ona-azure login \
         https://dev.azure.com/contoso --pat < file\n",
        "",
    );
    let add = format!(
        "\"$PROGRAM\" integration add --host dev.azure.com --client-id {CLIENT_ID} \
         --client-secret-stdin"
    );
    Terminal::start(&machine, &add).finish().expect(
        2,
        "error: the client secret would have to be typed, and ONA_AZURE_INTERACTIVE is never\n\
         hint: pass it on standard input: --client-secret-stdin < file\n",
        "",
    );
}

#[test]
fn a_token_that_is_typed_is_not_shown() {
    let machine = Machine::configured();
    let pat = machine.world.azure().add_pat("contoso", standins::Pat::read_write());
    let login = format!("\"$PROGRAM\" login {CONTOSO_URL} --pat --username ada");
    let mut terminal = Terminal::start(&machine, &login);
    let page = terminal.expect("Personal access token (not shown): ");
    assert!(page.contains("https://dev.azure.com/contoso/_usersSettings/tokens"), "{page}");
    terminal.secret_line(&pat);
    terminal.expect("is kept until");
    let done = terminal.finish().expect_success();
    assert!(!done.stdout.contains(&pat), "{done:#?}");
    assert_eq!(machine.get(CONTOSO_REQUEST).password(), pat);
}

#[test]
fn a_prompt_that_is_left_keeps_nothing() {
    let machine = Machine::configured();
    let login = format!("exec \"$PROGRAM\" login {CONTOSO_URL} --pat");
    let at_prompt = || {
        let mut terminal = Terminal::start(&machine, &login);
        terminal.expect("Personal access token (not shown): ");
        terminal.wait_until_hidden();
        terminal
    };
    let mut terminal = at_prompt();
    terminal.line("");
    terminal.expect("error: no personal access token was given\n");
    assert_eq!(terminal.finish().code, 2);
    let mut terminal = at_prompt();
    terminal.send("half a tok");
    terminal.control('c');
    assert_eq!(terminal.finish().code, 130);
    // The window is closed.
    drop(at_prompt());
    assert_eq!(machine.pats("https://dev.azure.com").len(), 0);
}

#[test]
fn what_git_runs_finds_the_terminal_beside_its_pipes() {
    let machine = Machine::signed_in();
    let request = machine.home().join("request");
    std::fs::write(&request, CONTOSO_REQUEST).expect("written");
    let line = "printf 'who is there? ' >/dev/tty; read name </dev/tty; printf '%s\\n' \"$name\" >who; \
                exec \"$PROGRAM\" get <../request >answer 2>said";
    let mut terminal = Terminal::start(&machine, line);
    terminal.expect("who is there? ");
    terminal.line("ada");
    let done = terminal.finish();
    // What was typed, as the terminal shows it, and nothing else.
    done.expect(0, "who is there? ada\n", "");
    let read = |name: &str| std::fs::read_to_string(machine.work().join(name)).expect("written");
    assert_eq!((&*read("who"), &*read("said")), ("ada\n", ""));
    assert!(read("answer").contains("\npassword="));
}

#[test]
fn in_a_ci_job_login_fails_at_once_unless_a_browser_is_asked_for() {
    let mut machine = Machine::configured();
    machine.set("CI", "true");
    machine.helper(&["login"]).expect(
        4,
        "",
        "error: signing in with OAuth needs a person, and this is a script without a terminal (CI, or GIT_TERMINAL_PROMPT=0)\n\
         hint: say --browser or --device if somebody waits for it, or pass a personal access token: \
         git-credential-ona-azure login https://dev.azure.com/ORGANIZATION --pat < file\n",
    );
    let contoso = machine.helper(&["login", CONTOSO_URL]);
    assert!(contoso.stderr.ends_with(" login https://dev.azure.com/contoso --pat < file\n"));
    machine.login(&["--browser"], standins::ADA).expect_success();
    // No way that is closed is named.
    let no_pat = ["integration", "add", "--host", "dev.azure.com", "--no-test", "--no-pat"];
    machine.helper(&no_pat).expect_success();
    machine.helper(&["login"]).expect(
        4,
        "",
        "error: signing in with OAuth needs a person, and this is a script without a terminal (CI, or GIT_TERMINAL_PROMPT=0)\n\
         hint: say --browser or --device if somebody waits for it\n",
    );
    machine.set("CI", "false");
    machine.sign_in();
}
