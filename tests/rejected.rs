//! No secret is forgotten and no refusal is remembered on hearsay: git calls a credential rejected
//! that it never sent, or that somebody else refused. A kept secret is tried at the service first,
//! and what the service accepts stays.

mod common;

use common::*;
use git_credential_ona_azure::vault::{Access, Pats};
use standins::{ADA, Fault, Proxy, ServerSignIn, Target, Times};

const APP: &str = "https://dev.azure.com/contoso/app/_git/app";
const SERVER: &str = "https://tfs.corp.example";
const SERVER_APP: &str = "https://tfs.corp.example/tfs/DefaultCollection/app/_git/app";
const SERVER_REQUEST: &str =
    "protocol=https\nhost=tfs.corp.example\npath=tfs/DefaultCollection/app/_git/app\n";

/// `old:old`.
const STALE: &str = "AUTHORIZATION: basic b2xkOm9sZA==";

/// Everything kept that is worth something.
fn kept(machine: &Machine) -> (Option<Access>, Option<Pats>, Option<Pats>) {
    let vault = machine.vault();
    let pats = |url: &str| vault.read::<Pats>(url).expect("a vault that opens");
    (machine.access(), pats("https://dev.azure.com"), pats(SERVER))
}

/// The ways in which a stale header gets into a git command.
#[derive(Clone, Copy, Debug)]
enum Header {
    Repository,
    Global,
    CommandLine,
    Environment,
}

const HEADERS: [Header; 4] =
    [Header::Repository, Header::Global, Header::CommandLine, Header::Environment];

impl Header {
    /// Fetches in `app` with it, and takes it away again.
    fn fetch(self, machine: &mut Machine, host: &str) -> Done {
        let key = format!("http.{host}/.extraheader");
        match self {
            Self::Repository => {
                machine.git_in("app", &["config", &key, STALE]).expect_success();
                let done = machine.git_in("app", &["fetch"]);
                machine.git_in("app", &["config", "--unset", &key]).expect_success();
                done
            }
            Self::Global => {
                machine.git(&["config", "--global", &key, STALE]).expect_success();
                let done = machine.git_in("app", &["fetch"]);
                machine.git(&["config", "--global", "--unset", &key]).expect_success();
                done
            }
            Self::CommandLine => machine.git_in("app", &["-c", &format!("{key}={STALE}"), "fetch"]),
            Self::Environment => {
                let set = [
                    ("GIT_CONFIG_COUNT", "1"),
                    ("GIT_CONFIG_KEY_0", &key),
                    ("GIT_CONFIG_VALUE_0", STALE),
                ];
                set.iter().for_each(|(name, value)| machine.set(name, *value));
                let done = machine.git_in("app", &["fetch"]);
                set.iter().for_each(|(name, _)| machine.unset(name));
                done
            }
        }
    }

    /// Where the line says that it stands.
    fn place(self, machine: &Machine) -> String {
        let file = match self {
            Self::Repository => machine.work().join("app/.git/config"),
            Self::Global => machine.home().join(".gitconfig"),
            Self::CommandLine | Self::Environment => return "http.extraHeader in ".to_owned(),
        };
        format!("http.extraHeader in {}:", file.display())
    }
}

/// Fetches with the header in every way, and finds everything where it was.
fn stale_headers_lose_nothing(mut machine: Machine, host: &str, app: &str) {
    machine.git_quietly("", &["clone", "-q", app, "app"]);
    let before = kept(&machine);
    for header in HEADERS {
        machine.forget_checks();
        let place = header.place(&machine);
        let done = header.fetch(&mut machine, host);
        assert_eq!(done.code, 128, "{header:?} {done:#?}");
        assert!(done.stderr.contains("is kept, because Azure DevOps accepts it"), "{done:#?}");
        assert!(done.stderr.contains(&place), "{header:?} {place} {done:#?}");
        assert_eq!(kept(&machine), before, "{header:?}");
    }
    let asked = machine.world.entra().token_requests("refresh_token");
    machine.git_quietly("", &["clone", "-q", app, "again"]);
    machine.git_quietly("again", &["fetch", "-q"]);
    assert_eq!(machine.world.entra().token_requests("refresh_token"), asked);
}

#[test]
fn a_stale_header_loses_no_access_token_and_blocks_no_organization() {
    each_git(|_| stale_headers_lose_nothing(Machine::signed_in(), "https://dev.azure.com", APP));
}

#[test]
fn a_stale_header_loses_no_personal_access_token() {
    each_git(|_| {
        let machine = Machine::tokens_only();
        machine.new_pat("contoso");
        stale_headers_lose_nothing(machine, "https://dev.azure.com", APP);
    });
}

#[test]
fn a_stale_header_loses_no_token_of_a_server_whatever_it_offers() {
    each_git(|git| {
        for sign_in in [ServerSignIn::BasicOnly, ServerSignIn::Kerberos, ServerSignIn::Fresh] {
            // Before 2.46 nothing has git send a token where NTLM is offered.
            if sign_in == ServerSignIn::Fresh && git.version < (2, 46) {
                continue;
            }
            let machine = server(sign_in);
            stale_headers_lose_nothing(machine, SERVER, SERVER_APP);
        }
    });
}

fn server(sign_in: ServerSignIn) -> Machine {
    let machine = Machine::new();
    machine.add_pat_integration("tfs.corp.example", &["--virtual-directory", "/tfs"]);
    machine.world.server().set_sign_in(sign_in);
    machine.set_up_git();
    let pat = machine.world.server().add_pat();
    machine.give_pat(&format!("{SERVER}/tfs"), &pat, &[]);
    machine
}

/// A 401 as a proxy or gateway makes it: nothing in it is Azure DevOps'.
fn of_a_gateway() -> Fault {
    Fault::Raw {
        status: 401,
        headers: vec![
            ("WWW-Authenticate".to_owned(), "Basic realm=\"gateway\"".to_owned()),
            ("Content-Type".to_owned(), "text/html".to_owned()),
        ],
        body: b"<title>Sign in to the gateway</title>".to_vec(),
    }
}

fn redirect() -> Fault {
    Fault::Raw {
        status: 302,
        headers: vec![("Location".to_owned(), "https://gate.example/sso".to_owned())],
        body: Vec::new(),
    }
}

/// What keeps the service from being asked, and a part of what is said of it.
fn nobody_answers() -> Vec<(Fault, &'static str)> {
    let html = |status| Fault::Html(status);
    vec![
        (of_a_gateway(), "answers in"),
        (redirect(), "sends on to https://gate.example"),
        (Fault::Throttle { retry_after: Some(30) }, "too many requests"),
        (html(500), "HTTP status 500"),
        (html(502), "HTTP status 502"),
        (html(503), "HTTP status 503"),
        (Fault::HostOffline, "offline"),
        (html(407), "HTTP status 407"),
        (html(200), "HTTP status 200"),
        (html(404), "HTTP status 404"),
        (Fault::Reset, ""),
    ]
}

#[test]
fn where_nobody_who_knows_answers_a_personal_access_token_stays_and_is_said_to_be_unchecked() {
    for (target, request, url) in [
        (Target::Azure, CONTOSO_REQUEST, "https://dev.azure.com"),
        (Target::Server, SERVER_REQUEST, SERVER),
    ] {
        let machine = match target {
            Target::Server => server(ServerSignIn::Fresh),
            _ => {
                let machine = Machine::tokens_only();
                machine.new_pat("contoso");
                machine
            }
        };
        let pat = machine.get(request).expect_success();
        let before = machine.pats(url);
        let expect_unchecked = |what: &str| {
            machine.forget_checks();
            let done = machine.erase(format!("{request}{}\n", pat.stdout)).expect_success();
            assert!(done.stderr.contains("was rejected; it is kept unchecked: "), "{done:#?}");
            assert!(done.stderr.contains(what), "{what}: {done:#?}");
            assert_eq!(machine.pats(url), before);
        };
        for (fault, what) in nobody_answers() {
            machine.world.fail(target, fault, Times::Always);
            expect_unchecked(what);
            machine.world.clear_faults();
        }
        machine.world.set_proxy(Proxy::Refuses);
        expect_unchecked("");
        machine.world.set_proxy(Proxy::AsksWho);
        expect_unchecked("");
        machine.world.set_proxy(Proxy::Open);
        assert_eq!(machine.get(request), pat);
    }
}

#[test]
fn where_nobody_who_knows_answers_an_access_token_goes_and_no_refusal_is_remembered() {
    let machine = Machine::signed_in();
    for (fault, what) in nobody_answers() {
        let given = machine.get(CONTOSO_REQUEST).expect_success();
        machine.world.fail(Target::Azure, fault, Times::Always);
        let done = machine.erase(format!("{CONTOSO_REQUEST}{}\n", given.stdout)).expect_success();
        machine.world.clear_faults();
        assert!(done.stderr.contains("it cannot be told by whom: "), "{done:#?}");
        assert!(done.stderr.contains(what), "{what}: {done:#?}");
        let access = machine.access().expect("a session");
        assert_eq!((access.token, access.refusals), (None, vec![]), "{what}");
    }
    machine.get(CONTOSO_REQUEST).expect_success();
}

#[test]
fn a_conditional_access_policy_against_this_network_takes_no_personal_access_token() {
    let machine = Machine::tokens_only();
    let pat = machine.new_pat("contoso");
    machine.world.azure().set_rule("contoso", standins::Rule::ConditionalAccess);
    let done = machine.erase(format!("{CONTOSO_REQUEST}username=x\npassword={pat}\n"));
    assert!(done.stderr.contains("kept unchecked: a Conditional Access policy"), "{done:#?}");
    assert_eq!(machine.get(CONTOSO_REQUEST).password(), pat);
}

#[test]
fn many_reports_at_once_ask_once_and_one_more_only_ten_seconds_later() {
    let machine = Machine::signed_in();
    let given = machine.get(CONTOSO_REQUEST).expect_success();
    let before = machine.world.requests().len();
    let erase = || machine.erase(format!("{CONTOSO_REQUEST}{}\n", given.stdout)).expect_success();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(erase);
        }
    });
    erase();
    assert_eq!(machine.world.requests().len(), before + 1);
    machine.forget_checks();
    erase();
    assert_eq!(machine.world.requests().len(), before + 2);
    assert_eq!(machine.get(CONTOSO_REQUEST), given);
}

#[test]
fn a_secret_is_tried_where_git_asked_for_it_with_one_request_and_no_redirect() {
    let machine = Machine::tokens_only();
    let pat = machine.new_pat("contoso");
    for (request, path) in [
        (CONTOSO_REQUEST, "/contoso/app/_git/app/info/refs"),
        (
            "protocol=https\nhost=dev.azure.com\npath=contoso/app/_git/app/info/lfs\n",
            "/contoso/app/_git/app/info/refs",
        ),
        ("protocol=https\nhost=contoso.visualstudio.com\n", "/contoso/_apis/git/repositories"),
        ("protocol=https\nhost=dev.azure.com\npath=contoso\n", "/contoso/_apis/git/repositories"),
    ] {
        machine.forget_checks();
        let before = machine.world.requests().len();
        machine.erase(format!("{request}username=x\npassword={pat}\n")).expect_success();
        let asked = machine.world.requests().split_off(before);
        let [asked] = asked.as_slice() else { panic!("{asked:#?}") };
        let place = asked.path.split('?').next();
        assert_eq!((place, asked.authorization.as_deref()), (Some(path), Some("Basic")));
    }
    machine.world.fail(Target::Azure, redirect(), Times::Once);
    machine.forget_checks();
    let before = machine.world.requests().len();
    machine.erase(format!("{CONTOSO_REQUEST}username=x\npassword={pat}\n")).expect_success();
    assert_eq!(machine.world.requests().len(), before + 1, "no redirect is followed");
    assert_eq!(machine.get(CONTOSO_REQUEST).password(), pat);
}

/// git 2.46 to 2.53 leave the header out of a large push, are refused, and blame the token.
#[test]
fn a_large_push_with_a_bearer_header_blocks_no_organization() {
    each_git_since((2, 46), |git| {
        let machine = Machine::new();
        machine.add_integration(&["--bearer"]);
        machine.set_up_git();
        machine.sign_in();
        machine.git_quietly("", &["clone", "-q", APP, "app"]);
        machine.commit("app", "file", noise(2 << 20));
        let before = machine.access();
        let pushed = machine.git_in("app", &["push", "-q", "origin", "main"]);
        assert_eq!(machine.access(), before, "{pushed:#?}");
        if git.version < (2, 54) {
            assert!(pushed.stderr.contains("http.postBuffer"), "{pushed:#?}");
        }
        machine.git_quietly("app", &["fetch", "-q"]);
        let large = ["-c", "http.postBuffer=1g", "push", "-q", "origin", "main"];
        machine.git_in("app", &large).expect_success();
        machine.forget_checks();
        assert_eq!(machine.get(CONTOSO_REQUEST).attribute("username"), Some(ADA));
    });
}
