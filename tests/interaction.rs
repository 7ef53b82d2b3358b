//! Nobody is asked for anything where nobody is to be asked, or nobody is there.

mod common;

use common::*;
use standins::CLIENT_ID;

const CONTOSO_URL: &str = "https://dev.azure.com/contoso";

/// The program on a terminal of its own, on which nobody types; `None` where that cannot be had.
fn on_a_terminal(machine: &Machine, arguments: &str) -> Option<Done> {
    if !has("script") {
        return None;
    }
    let mut command = machine.command("timeout");
    command.args(["20", "script", "-qec", &format!("'{PROGRAM}' {arguments}"), "/dev/null"]);
    // The end of its own input would be typed as an end of input.
    let (idle, _open) = std::io::pipe().expect("a pipe");
    let output = command.stdin(idle).output().expect("it starts");
    Some(Done {
        code: output.status.code().expect("no signal"),
        stdout: String::from_utf8_lossy(&output.stdout).replace("\r\n", "\n"),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

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
             https://dev.azure.com/<organization> --pat < file\n",
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
    let Some(done) = on_a_terminal(&machine, &format!("login {CONTOSO_URL} --pat")) else { return };
    done.expect(
        4,
        "error: a token would have to be typed, and ONA_AZURE_INTERACTIVE is never\n\
         hint: pass it on standard input: git-credential-ona-azure login \
         https://dev.azure.com/contoso --pat < file\n",
        "",
    );
    let add = format!(
        "integration add --host dev.azure.com --client-id {CLIENT_ID} --client-secret-stdin"
    );
    let Some(done) = on_a_terminal(&machine, &add) else { return };
    done.expect(
        2,
        "error: the client secret would have to be typed, and ONA_AZURE_INTERACTIVE is never\n\
         hint: pass it on standard input: --client-secret-stdin < file\n",
        "",
    );
}

#[test]
fn in_a_ci_job_login_fails_at_once_unless_a_browser_is_asked_for() {
    let mut machine = Machine::configured();
    machine.set("CI", "true");
    machine.helper(&["login"]).expect(
        4,
        "",
        "error: signing in with OAuth needs a person, and this is a CI job without a terminal\n\
         hint: say --browser or --device if somebody waits for it, or pass a personal access token: \
         git-credential-ona-azure login https://dev.azure.com/<organization> --pat < file\n",
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
        "error: signing in with OAuth needs a person, and this is a CI job without a terminal\n\
         hint: say --browser or --device if somebody waits for it\n",
    );
    machine.set("CI", "false");
    machine.sign_in();
}
