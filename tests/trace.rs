//! `ONA_AZURE_TRACE`: what was done and why, in lines that can be searched, with no secret in them.

mod common;

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::path::Path;

use common::*;
use rustix::process::geteuid;
use standins::{CLIENT_SECRET, Fault, Target, Times};

/// A line of a trace.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Line {
    process: String,
    kind: String,
    words: String,
}

impl Line {
    /// The value of a word, without the quotation marks it may stand in.
    fn get(&self, key: &str) -> Option<&str> {
        let at = self.words.find(&format!(" {key}="))? + key.len() + 2;
        let rest = &self.words[at..];
        Some(match rest.strip_prefix('"') {
            Some(quoted) => &quoted[..quoted.find('"').expect("it ends")],
            None => &rest[..rest.find(' ').unwrap_or(rest.len())],
        })
    }

    #[track_caller]
    fn word(&self, key: &str) -> &str {
        self.get(key).unwrap_or_else(|| panic!("no {key} in {self:?}"))
    }
}

fn lines(trace: &str) -> Vec<Line> {
    let line = |line: &str| {
        let mut words = line.splitn(4, ' ').skip(1).map(str::to_owned);
        let (process, kind) = (words.next().expect("a process"), words.next().expect("a kind"));
        Line { process, kind, words: format!(" {}", words.next().unwrap_or_default()) }
    };
    trace.lines().map(line).collect()
}

/// What is traced while something is done.
fn during<T>(machine: &Machine, what: impl FnOnce() -> T) -> (T, Vec<Line>) {
    let before = machine.trace().len();
    let done = what();
    (done, lines(&machine.trace()[before..]))
}

fn kinds(lines: &[Line]) -> Vec<&str> {
    lines.iter().map(|line| &*line.kind).collect()
}

/// The one line of that kind with that word.
#[track_caller]
fn one<'l>(lines: &'l [Line], kind: &str, key: &str) -> &'l Line {
    let mut found = lines.iter().filter(|line| line.kind == kind && line.get(key).is_some());
    match (found.next(), found.next()) {
        (Some(line), None) => line,
        (line, more) => panic!("{line:?} and {more:?} of {kind} with {key} in {lines:#?}"),
    }
}

/// A machine with everything traced that was done to make it so left out.
fn signed_in() -> Machine {
    let machine = Machine::signed_in();
    machine.get(CONTOSO_REQUEST).expect_success();
    machine
}

#[test]
fn a_good_token_is_given_without_a_request() {
    let machine = signed_in();
    let (answer, get) = during(&machine, || machine.get(CONTOSO_REQUEST));
    let kinds = kinds(&get);
    assert_eq!((kinds[0], kinds[1], kinds[2]), ("begin", "git", "integration"), "{get:#?}");
    assert_eq!((kinds[kinds.len() - 2], kinds[kinds.len() - 1]), ("answer", "end"), "{get:#?}");
    for unheard_of in ["request", "refresh", "vault", "kept"] {
        assert!(!kinds.contains(&unheard_of), "{get:#?}");
    }
    assert_eq!(get[0].word("command"), "get");
    assert_eq!(get[0].word("version"), env!("CARGO_PKG_VERSION"));
    assert_eq!(
        get[1].words,
        " protocol=https host=dev.azure.com path=contoso/app/_git/app username=no challenges=0"
    );
    let file = machine.integrations_file();
    assert_eq!(get[2].word("file"), file.to_str().expect("text"));
    assert_eq!((get[2].word("oauth"), get[2].word("pat")), ("yes", "yes"));
    assert!(one(&get, "key", "read").word("read").ends_with("/runner.key"));
    let given = one(&get, "answer", "gives");
    assert_eq!((given.word("of"), given.word("exit")), ("a session", "0"));
    let session = get.iter().find(|line| line.kind == "session" && line.get("ends_in").is_some());
    let session = session.expect("a session");
    assert_eq!(session.word("access_token"), given.word("secret"));
    assert!(session.word("ends_in").parse::<i64>().expect("seconds") > 300);
    assert_eq!(given.word("expires_at"), answer.attribute("password_expiry_utc").expect("there"));
    assert!(get.iter().all(|line| line.process == get[0].process));
}

#[test]
fn one_token_has_one_fingerprint_from_the_issuer_to_its_rejection() {
    let machine = signed_in();
    let old = machine.get(CONTOSO_REQUEST).expect_success().stdout;
    machine.age_access_token(2 * 60 * 60);
    let (answer, get) = during(&machine, || machine.get(CONTOSO_REQUEST).expect_success());
    assert_eq!(one(&get, "refresh", "lock").word("lock"), "yes");
    let sent = one(&get, "refresh", "sends").word("sends");
    let request = one(&get, "request", "status");
    assert_eq!(request.word("method"), "POST");
    assert_eq!(request.word("host"), "login.microsoftonline.com");
    assert_eq!(request.word("path"), format!("/{}/oauth2/v2.0/token", standins::CONTOSO));
    assert_eq!((request.word("grant_type"), request.word("status")), ("refresh_token", "200"));
    assert_eq!(request.word("refresh_token"), sent);
    assert!(request.word("ms").parse::<u64>().is_ok());
    assert_eq!(request.word("x-ms-request-id").len(), 36, "{request:?}");
    let granted = one(&get, "granted", "access_token");
    let (access, refresh) = (granted.word("access_token"), granted.word("refresh_token"));
    assert_ne!(refresh, sent, "it was rotated");
    let kept = one(&get, "kept", "access_token");
    assert_eq!((kept.word("access_token"), kept.word("refresh_token")), (access, refresh));
    assert_eq!(one(&get, "answer", "gives").word("secret"), access);
    for shown in [sent, access, refresh] {
        let digits = shown.strip_prefix("secret:").expect("a fingerprint");
        assert!(digits.len() == 8 && digits.bytes().all(|b| b.is_ascii_hexdigit()), "{shown}");
    }

    let request = format!("{CONTOSO_REQUEST}{}", answer.stdout);
    let (_, store) = during(&machine, || machine.store(&request));
    assert_eq!(one(&store, "git", "secret").word("secret"), access);
    assert_eq!(one(&store, "store", "result").word("result"), "ignored");
    // A late rejection of the token before it is of another, and changes nothing.
    let (_, erase) = during(&machine, || machine.erase(format!("{CONTOSO_REQUEST}{old}")));
    assert_ne!(one(&erase, "git", "secret").word("secret"), access);
    let rejected = |erase: &[Line]| -> Vec<String> {
        let erase = erase.iter().filter(|line| line.kind == "erase");
        let rejected = erase.filter_map(|line| line.get("rejected").map(ToOwned::to_owned));
        rejected.filter(|rejected| rejected.starts_with("secret:")).collect()
    };
    assert_eq!(rejected(&erase), [""; 0], "{erase:#?}");
    machine.world.azure().deny("contoso", standins::ADA);
    let (_, erase) = during(&machine, || machine.erase(&request));
    assert_eq!(rejected(&erase), [access], "{erase:#?}");
    let verify = one(&erase, "verify", "secret");
    assert_eq!((verify.word("secret"), verify.word("asked")), (access, "yes"));
    assert_eq!(one(&erase, "erase", "refused_by").word("refused_by"), "contoso");
    assert_eq!(one(&erase, "git", "secret").word("secret"), access);
}

#[test]
fn a_token_that_a_person_made_has_one_fingerprint_too() {
    let machine = Machine::tokens_only();
    let pat = machine.world.azure().add_pat("contoso", standins::Pat::read_write());
    let (_, login) = during(&machine, || {
        machine.helper_with(&["login", "https://dev.azure.com/contoso", "--pat"], &pat)
    });
    let kept = one(&login, "kept", "secret").word("secret");
    let tried: Vec<_> = login.iter().filter(|line| line.kind == "request").collect();
    assert!(!tried.is_empty());
    for request in tried {
        assert_eq!((request.word("authorization"), request.word("secret")), ("Basic", kept));
    }
    let (answer, get) = during(&machine, || machine.get(CONTOSO_REQUEST).expect_success());
    let given = one(&get, "answer", "gives");
    assert_eq!((given.word("of"), given.word("secret")), ("a personal access token", kept));
    let request = format!("{CONTOSO_REQUEST}{}", answer.stdout);
    let (_, store) = during(&machine, || machine.store(&request));
    assert_eq!(one(&store, "kept", "is_new").word("is_new"), "no");
    machine.world.azure().revoke_pat(&pat);
    let (_, erase) = during(&machine, || machine.erase(&request));
    assert_eq!(one(&erase, "erase", "kept").word("rejected"), kept);
    assert_eq!(one(&erase, "erase", "left").word("left"), "0");
    let (_, get) = during(&machine, || machine.get("protocol=https\nhost=github.com\n"));
    let why = "the host is neither Azure DevOps Services nor configured";
    assert_eq!(one(&get, "answer", "gives").word("why"), why);
}

#[test]
fn a_refresh_that_fails_says_what_came_back() {
    let machine = signed_in();
    machine.age_access_token(2 * 60 * 60);
    let fault = Fault::error(401, "invalid_client", 7_000_215, "Invalid client secret provided.");
    machine.world.fail(Target::Token, fault, Times::Once);
    let (_, get) = during(&machine, || machine.get(CONTOSO_REQUEST));
    assert_eq!(one(&get, "request", "status").word("status"), "401");
    let refused = one(&get, "refused", "error");
    assert_eq!((refused.word("error"), refused.word("codes")), ("invalid_client", "AADSTS7000215"));
    let failed = one(&get, "refresh", "class");
    assert_eq!((failed.word("class"), failed.word("result")), ("Client", "failed"));
    let answer = one(&get, "answer", "gives");
    assert!(answer.word("why").contains("the client secret is wrong"), "{answer:?}");
    // The next one is held off, and says so.
    let (_, again) = during(&machine, || machine.get(CONTOSO_REQUEST));
    assert_eq!(one(&again, "refresh", "for").word("result"), "held off");
    assert!(!kinds(&again).contains(&"request"));

    machine.change_access(|access| access.hold_off = None);
    machine.world.fail(Target::Token, Fault::Reset, Times::Always);
    let (_, get) = during(&machine, || machine.get(CONTOSO_REQUEST));
    let request = one(&get, "request", "error");
    assert!(request.word("error").contains("login.microsoftonline.com"), "{request:?}");
    assert_eq!(request.get("status"), None);
}

#[test]
fn what_a_service_sends_back_of_a_secret_is_not_traced() {
    let machine = signed_in();
    let session = machine.session();
    let sent = session.refresh_token.as_ref().and_then(|token| token.expose_str()).expect("text");
    let answers = [
        (
            200,
            serde_json::json!({
                "token_type": "Bearer", "access_token": "an-access-token-of-nobody", "expires_in": 4000,
                "scope": format!("x/vso.code {sent} {CLIENT_SECRET}"),
            }),
        ),
        (
            400,
            serde_json::json!({
                "error": sent, "suberror": CLIENT_SECRET, "error_description": format!("no: {sent}"),
                "correlation_id": CLIENT_SECRET,
            }),
        ),
    ];
    for (status, body) in answers {
        machine.change_access(|access| {
            access.token = None;
            access.hold_off = None;
        });
        let headers = [
            ("content-type", "application/json"),
            ("x-ms-request-id", CLIENT_SECRET),
            ("retry-after", CLIENT_SECRET),
        ];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        let body = body.to_string().into_bytes();
        machine.world.fail(Target::Token, Fault::Raw { status, headers, body }, Times::Once);
        let (_, get) = during(&machine, || machine.get(CONTOSO_REQUEST));
        let request = one(&get, "request", "status");
        assert_eq!(request.word("status"), status.to_string());
        assert_eq!(
            (request.word("x-ms-request-id"), request.word("retry-after")),
            ("strange", "strange")
        );
        machine.scan_file(&machine.trace_file());
    }
}

#[test]
fn on_standard_error_the_answer_is_the_same() {
    let mut machine = signed_in();
    let plain = machine.get(CONTOSO_REQUEST);
    for value in ["1", "2", "true"] {
        machine.set("ONA_AZURE_TRACE", value);
        let before = machine.trace();
        let traced = machine.get(CONTOSO_REQUEST);
        assert_eq!((traced.code, &traced.stdout), (0, &plain.stdout), "{value}");
        let said = lines(&traced.stderr);
        assert_eq!(kinds(&said)[..3], ["begin", "git", "integration"], "{value}");
        assert_eq!(machine.trace(), before);
    }
}

#[test]
fn without_a_wish_nothing_is_traced() {
    let mut machine = signed_in();
    let plain = machine.get(CONTOSO_REQUEST);
    let before = machine.trace();
    for value in ["", "0", "false"] {
        machine.set("ONA_AZURE_TRACE", value);
        assert_eq!(machine.get(CONTOSO_REQUEST), plain, "{value:?}");
    }
    machine.unset("ONA_AZURE_TRACE");
    assert_eq!(machine.get(CONTOSO_REQUEST), plain);
    assert_eq!(machine.trace(), before);
}

#[test]
fn a_wish_that_cannot_be_made_out_is_said_once() {
    let mut machine = signed_in();
    let plain = machine.get(CONTOSO_REQUEST);
    for value in ["yes", "trace", "./trace", "3", "\u{1b}[31m"] {
        machine.set("ONA_AZURE_TRACE", value);
        let done = machine.get(CONTOSO_REQUEST);
        assert_eq!((done.code, &done.stdout), (0, &plain.stdout));
        let shown = value.replace('\u{1b}', "\\u{1b}");
        assert_eq!(
            done.stderr,
            format!(
                "warning: nothing is traced: ONA_AZURE_TRACE is \"{shown}\"\n\
                 hint: set it to 1 for standard error, or to a path that begins with /\n"
            )
        );
    }
    let names: Vec<_> = fs::read_dir(machine.work()).expect("a directory").collect();
    assert!(names.is_empty(), "no file came of a relative path");
}

#[test]
fn the_file_is_its_owners_and_lines_of_many_processes_are_whole() {
    let machine = signed_in();
    let mode = fs::metadata(machine.trace_file()).expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let (_, at_once) = during(&machine, || {
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    for _ in 0..10 {
                        machine.get(CONTOSO_REQUEST).expect_success();
                    }
                });
            }
        });
    });
    let mut processes: Vec<_> = at_once.iter().map(|line| &*line.process).collect();
    processes.sort_unstable();
    processes.dedup();
    assert_eq!(processes.len(), 20);
    for process in processes {
        let own: Vec<_> = at_once.iter().filter(|line| line.process == process).cloned().collect();
        assert_eq!((&*own[0].kind, &*own[own.len() - 1].kind), ("begin", "end"));
        assert_eq!(own.len(), at_once.len() / 20, "{own:#?}");
    }
}

/// What is refused, what the warning says of it, and what must be as it was after.
fn refused(machine: &Machine, path: &Path, why: &str, plain: &Done) {
    let mut command = machine.command(PROGRAM);
    command.arg("get").env("ONA_AZURE_TRACE", path);
    let done = run(&mut command, CONTOSO_REQUEST.as_bytes());
    assert_eq!((done.code, &done.stdout), (0, &plain.stdout), "{why}");
    assert_eq!(
        done.stderr,
        format!(
            "warning: nothing is traced: {} {why}\n\
             hint: name a file of your own, in a directory of your own, in ONA_AZURE_TRACE\n",
            path.display()
        )
    );
}

#[test]
fn a_file_that_may_be_anothers_is_not_written() {
    let machine = signed_in();
    let plain = machine.get(CONTOSO_REQUEST);
    let file = machine.home().join("file");
    fs::write(&file, "as it was").expect("written");
    let link = machine.home().join("link");
    symlink(&file, &link).expect("made");
    refused(&machine, &link, "is a symbolic link", &plain);
    let dangling = machine.home().join("dangling");
    symlink(machine.home().join("not-there"), &dangling).expect("made");
    refused(&machine, &dangling, "is a symbolic link", &plain);
    assert!(!machine.home().join("not-there").exists());
    let hard = machine.home().join("hard");
    fs::hard_link(&file, &hard).expect("made");
    refused(&machine, &hard, "has a second name (a hard link)", &plain);
    refused(&machine, &machine.work(), "is not a regular file", &plain);
    let pipe = machine.home().join("pipe");
    machine.shell("mkfifo ../pipe", "").expect_success();
    refused(&machine, &pipe, "is not a regular file", &plain);
    refused(&machine, Path::new("/dev/null"), "is not a regular file", &plain);
    assert_eq!(fs::read_to_string(&file).expect("readable"), "as it was");
    if !geteuid().is_root() {
        return skipped("root");
    }
    const NOBODY: u32 = 65534;
    let others = machine.home().join("others");
    fs::write(&others, "").expect("written");
    chown(&others, Some(NOBODY), None).expect("given away");
    refused(&machine, &others, "belongs to another account", &plain);
    // Whoever has a directory on the way could have it lead anywhere.
    let directory = machine.home().join("directory");
    fs::create_dir_all(directory.join("below")).expect("made");
    chown(&directory, Some(NOBODY), None).expect("given away");
    let below = directory.join("below/trace");
    refused(&machine, &below, "is in a directory that another account may change", &plain);
    assert!(!below.exists());
}

#[test]
fn git_works_with_a_trace_and_where_none_can_be_written() {
    const APP: &str = "https://dev.azure.com/contoso/app/_git/app";
    let mut machine = signed_in();
    let (_, clone) = during(&machine, || {
        machine.git_quietly("", &["clone", "-q", APP, "traced"]);
    });
    let commands: Vec<_> = clone.iter().filter_map(|line| line.get("command")).collect();
    assert!(commands.contains(&"get") && commands.contains(&"store"), "{commands:?}");
    assert_eq!(
        one(&clone, "git", "secret").word("secret"),
        one(&clone, "answer", "gives").word("secret")
    );
    machine.set("ONA_AZURE_TRACE", "/proc/trace");
    let done = machine.git(&["clone", "-q", APP, "untraced"]);
    assert_eq!(done.code, 0, "{done:#?}");
    assert!(done.stderr.starts_with("warning: nothing is traced: /proc/trace cannot be written: "));
    // No disk is ever too full for git.
    machine.set("ONA_AZURE_TRACE", "1");
    let line = format!("git clone -q {APP} full 2>/dev/full");
    machine.shell(&line, "").expect_success();
}
