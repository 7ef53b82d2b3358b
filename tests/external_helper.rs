//! What git expects of any credential helper holds for every Server that takes personal access
//! tokens, driven through `git credential`: over https, and over http where the integration allows
//! that. The program never says a word of its own here.

mod common;

use common::*;

/// A machine, a git, and a person who answers what git asks.
struct Setting {
    machine: Machine,
    git: Git,
}

const HOST: &str = "forge.example.net";

/// What the person answers.
const ASKED: &str = "username=typed-name\npassword=typed-password\n";

impl Setting {
    /// One for every git since a version, each with a machine of its own.
    fn all_since(version: (u32, u32)) -> Vec<Self> {
        gits_since(version).into_iter().map(Self::of).collect()
    }

    fn all() -> Vec<Self> {
        Self::all_since((2, 0))
    }

    fn of(git: Git) -> Self {
        let mut machine = Machine::new();
        for host in [HOST, "other.example.net"] {
            machine.add_pat_integration(host, &["--allow-http"]);
        }
        // Servers that know none of these passwords: they refuse what is rejected here.
        machine.world.server().set_virtual_directory("/");
        let askpass = machine.script(
            "askpass",
            "#!/bin/sh\ncase $1 in Username*) echo typed-name ;; *) echo typed-password ;; esac\n",
        );
        machine.set("GIT_ASKPASS", askpass.to_str().expect("text"));
        Self { machine, git }
    }

    #[track_caller]
    fn run(&self, operation: &str, request: &str, flags: &[&str]) -> String {
        let done = self.machine.git_credential(&self.git, flags, operation, request);
        assert_eq!((done.code, done.stderr.as_str()), (0, ""), "{:?} {done:#?}", self.git.version);
        done.stdout
    }

    #[track_caller]
    fn approve(&self, request: &str) {
        assert_eq!(self.run("approve", request, &[]), "");
    }

    #[track_caller]
    fn reject(&self, request: &str) {
        assert_eq!(self.run("reject", request, &[]), "");
    }

    /// Fails unless git answers `asked` with `asked` and `more`.
    #[track_caller]
    fn expect(&self, asked: &str, more: &str) {
        assert_eq!(
            self.run("fill", asked, &[]),
            format!("{asked}{more}"),
            "{:?}",
            self.git.version
        );
    }

    /// Fails unless git had to ask the person.
    #[track_caller]
    fn expect_asked(&self, asked: &str) {
        let known = asked.lines().find(|line| line.starts_with("username="));
        self.expect(asked, if known.is_some() { "password=typed-password\n" } else { ASKED });
    }
}

fn at(host: &str) -> String {
    format!("protocol=https\nhost={host}\n")
}

fn forge(more: &str) -> String {
    format!("{}{more}", at(HOST))
}

#[test]
fn nothing_kept_means_that_git_asks() {
    for setting in Setting::all() {
        setting.expect_asked(&forge(""));
        setting.expect_asked("protocol=http\nhost=forge.example.net\n");
    }
}

#[test]
fn what_is_kept_is_given_back() {
    for setting in Setting::all() {
        setting.approve(&forge("username=ada\npassword=one\n"));
        setting.expect(&forge(""), "username=ada\npassword=one\n");
    }
}

#[test]
fn what_is_kept_over_http_is_given_back_over_http() {
    for setting in Setting::all() {
        let http = "protocol=http\nhost=forge.example.net\n";
        setting.approve(&format!("{http}username=ada\npassword=one\n"));
        setting.expect(http, "username=ada\npassword=one\n");
        setting.expect_asked(&forge(""));
    }
}

#[test]
fn protocol_host_and_user_must_match() {
    for setting in Setting::all() {
        setting.approve(&forge("username=ada\npassword=one\n"));
        setting.expect_asked("protocol=http\nhost=forge.example.net\n");
        setting.expect_asked(&at("other.example.net"));
        setting.expect_asked(&at("forge.example.net:8443"));
        setting.expect_asked(&forge("username=grace\n"));
        setting.expect(&forge("username=ada\n"), "password=one\n");
    }
}

#[test]
fn the_path_must_match_where_git_sends_it() {
    for setting in Setting::all() {
        let with_path = ["-c", "credential.useHttpPath=true"];
        let stored = forge("path=first.git\nusername=ada\npassword=one\n");
        assert_eq!(setting.run("approve", &stored, &with_path), "");
        let same = forge("path=first.git\n");
        let answer = setting.run("fill", &same, &with_path);
        assert_eq!(answer, format!("{same}username=ada\npassword=one\n"));
        let other = forge("path=second.git\n");
        assert_eq!(setting.run("fill", &other, &with_path), format!("{other}{ASKED}"));
    }
}

#[test]
fn a_new_password_replaces_the_old_one_and_rejecting_it_removes_it() {
    for setting in Setting::all() {
        setting.approve(&forge("username=ada\npassword=one\n"));
        setting.approve(&forge("username=ada\npassword=two\n"));
        setting.expect(&forge("username=ada\n"), "password=two\n");
        setting.reject(&forge("username=ada\npassword=two\n"));
        setting.expect_asked(&forge("username=ada\n"));
        setting.expect_asked(&forge(""));
    }
}

#[test]
fn a_host_is_forgotten() {
    for setting in Setting::all() {
        setting.approve(&forge("username=ada\npassword=one\n"));
        setting.approve(&format!("{}username=ada\npassword=far\n", at("other.example.net")));
        setting.reject(&forge(""));
        setting.expect_asked(&forge(""));
        setting.expect(&at("other.example.net"), "username=ada\npassword=far\n");
    }
}

#[test]
fn users_of_one_host_are_told_apart() {
    for setting in Setting::all() {
        setting.approve(&forge("username=ada\npassword=one\n"));
        setting.approve(&forge("username=grace\npassword=two\n"));
        setting.expect(&forge("username=ada\n"), "password=one\n");
        setting.expect(&forge("username=grace\n"), "password=two\n");
        // Names are kept as they are, not as they compare elsewhere.
        setting.expect_asked(&forge("username=Ada\n"));
    }
}

#[test]
fn another_password_is_not_rejected_with_it() {
    // Which git sends with `reject` differs by version; what it sends must be honoured.
    for setting in Setting::all() {
        setting.approve(&forge("username=ada\npassword=one\n"));
        setting.reject(&forge("username=ada\npassword=another\n"));
        setting.expect(&forge("username=ada\n"), "password=one\n");
    }
}

#[test]
fn one_user_is_forgotten() {
    for setting in Setting::all() {
        setting.approve(&forge("username=ada\npassword=one\n"));
        setting.approve(&forge("username=grace\npassword=two\n"));
        setting.reject(&forge("username=ada\n"));
        setting.expect_asked(&forge("username=ada\n"));
        setting.expect(&forge("username=grace\n"), "password=two\n");
    }
}

#[test]
fn an_empty_name_with_an_empty_password_is_kept() {
    for setting in Setting::all() {
        setting.approve(&forge("username=\npassword=\n"));
        setting.expect(&forge(""), "username=\npassword=\n");
    }
}

#[test]
fn all_that_matches_is_rejected() {
    for setting in Setting::all() {
        for name in ["ada", "grace", "linus"] {
            setting.approve(&forge(&format!("username={name}\npassword=of-{name}\n")));
        }
        setting.reject(&forge(""));
        for name in ["ada", "grace", "linus"] {
            setting.expect_asked(&forge(&format!("username={name}\n")));
        }
    }
}

#[test]
fn a_long_header_does_not_become_another_host() {
    for setting in Setting::all_since((2, 41)) {
        setting.approve(&forge("username=ada\npassword=one\n"));
        let long = format!("wwwauth[]=Basic realm={}host={HOST}\n", "x".repeat(1001));
        let asked = format!("{}{long}", at("other.example.net"));
        let answer = setting.run("fill", &asked, &[]);
        assert!(answer.contains(ASKED), "{answer}");
        let answer = setting.run("fill", &forge(&long), &[]);
        assert!(answer.contains("username=ada\npassword=one\n"), "{answer}");
    }
}

#[test]
fn an_expiry_is_kept_and_given_back() {
    for setting in Setting::all_since((2, 40)) {
        setting.approve(&forge("username=ada\npassword=one\npassword_expiry_utc=9999999999\n"));
        setting.expect(&forge(""), "username=ada\npassword=one\npassword_expiry_utc=9999999999\n");
    }
}

#[test]
fn a_changed_expiry_replaces_the_old_one() {
    for setting in Setting::all_since((2, 40)) {
        setting.approve(&forge("username=ada\npassword=one\npassword_expiry_utc=9999999998\n"));
        setting.approve(&forge("username=ada\npassword=one\npassword_expiry_utc=9999999999\n"));
        setting.expect(&forge("username=ada\n"), "password=one\npassword_expiry_utc=9999999999\n");
        setting.reject(&forge("username=ada\npassword=one\n"));
        setting.expect_asked(&forge("username=ada\n"));
    }
}

#[test]
fn a_refresh_token_that_came_with_a_password_is_given_back_with_it() {
    for setting in Setting::all_since((2, 41)) {
        setting.approve(&forge("username=ada\npassword=one\noauth_refresh_token=again\n"));
        setting.expect(&forge(""), "username=ada\npassword=one\noauth_refresh_token=again\n");
    }
}

const BEARER: &str = "authtype=Bearer\ncredential=opaque-token\n";

/// A request of a caller that understands `authtype`.
fn capable(more: &str) -> String {
    format!("capability[]=authtype\n{}", forge(more))
}

/// What `git credential fill` prints for [`BEARER`].
fn bearer_answer(more: &str) -> String {
    format!("capability[]=authtype\n{BEARER}{}", forge(more))
}

#[test]
fn a_header_is_kept_and_given_back() {
    for setting in Setting::all_since((2, 46)) {
        setting.approve(&format!("capability[]=authtype\n{BEARER}{}", forge("")));
        assert_eq!(setting.run("fill", &capable(""), &[]), bearer_answer(""));
    }
}

#[test]
fn a_header_is_only_given_to_who_understands_it() {
    for setting in Setting::all_since((2, 46)) {
        setting.approve(&format!("capability[]=authtype\n{BEARER}{}", forge("")));
        setting.expect_asked(&forge(""));
        // Nor is it mixed up with the password that is then typed.
        setting.approve(&forge("username=ada\npassword=one\n"));
        setting.expect(&forge(""), "username=ada\npassword=one\n");
    }
    // A git that has never heard of it asks as well.
    for git in gits().into_iter().filter(|git| git.version < (2, 46)) {
        let setting = Setting::of(git);
        setting
            .machine
            .store(format!("capability[]=authtype\n{BEARER}{}", forge("")))
            .expect_nothing();
        setting.expect_asked(&forge(""));
    }
}

#[test]
fn headers_of_users_are_told_apart() {
    for setting in Setting::all_since((2, 46)) {
        let ada = forge("username=ada\n");
        setting.approve(&format!("capability[]=authtype\n{BEARER}{ada}"));
        assert_eq!(
            setting.run("fill", &capable("username=ada\n"), &[]),
            bearer_answer("username=ada\n")
        );
        let grace = setting.run("fill", &capable("username=grace\n"), &[]);
        assert_eq!(grace, forge("username=grace\npassword=typed-password\n"));
        // A miss says nothing at all: not even what is understood.
        setting.machine.get(capable("username=grace\n")).expect_nothing();
    }
}

#[test]
fn an_ephemeral_header_is_not_kept() {
    for setting in Setting::all_since((2, 46)) {
        setting.approve(&format!(
            "capability[]=authtype\nauthtype=Bearer\ncredential=opaque-token\nephemeral=1\n{}",
            forge("")
        ));
        assert_eq!(setting.run("fill", &capable(""), &[]), forge(ASKED));
        assert_eq!(setting.machine.pats("https://forge.example.net"), []);
    }
}
