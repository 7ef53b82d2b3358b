//! What a caller writes is read strictly: whatever could be read in two ways is refused, and
//! then nothing is given, kept or forgotten. The tests carry the ids of the security cases.

mod common;

use std::io::Write as _;
use std::process::Stdio;
use std::sync::mpsc;
use std::time::Duration;

use common::*;

const CLOUD: &str = "protocol=https\nhost=dev.azure.com\n";

/// What a good request is answered: the yardstick of "same as".
fn answer(machine: &Machine) -> Done {
    let done = machine.get(CLOUD).expect_success();
    assert!(!done.password().is_empty());
    done
}

#[test]
fn a01_contradicting_values_are_refused() {
    let machine = Machine::loaded();
    let before = machine.state();
    for (request, key) in [
        ("protocol=https\nhost=evil.example\nhost=dev.azure.com\n\n", "host"),
        ("protocol=https\nhost=dev.azure.com\nhost=evil.example\n\n", "host"),
        ("protocol=http\nprotocol=https\nhost=dev.azure.com\n\n", "protocol"),
        ("protocol=https\nhost=dev.azure.com\npath=a/b/_git/b\npath=contoso/b/_git/b\n\n", "path"),
        ("protocol=https\nhost=dev.azure.com\nusername=a\nusername=\n\n", "username"),
        ("protocol=https\nhost=dev.azure.com\npassword=a\npassword=b\n\n", "password"),
    ] {
        let words = format!("the credential request gives two different values for {key}");
        machine.get(request).expect_malformed(&words);
        machine.store(request).expect_malformed(&words);
        machine.erase(request).expect_malformed(&words);
    }
    assert_eq!(machine.state(), before);
    let twice = format!("{CLOUD}host=dev.azure.com\n\n");
    assert_eq!(machine.get(twice), answer(&machine));
}

#[test]
fn a02_a_line_break_in_a_url_never_becomes_a_host() {
    let machine = Machine::loaded();
    for git in gits() {
        let asked = "url=https://evil.example?%0ahost=dev.azure.com/\n\n";
        let done = machine.git_credential(&git, &[], "fill", asked);
        assert_eq!((done.code, done.stdout.as_str()), (128, ""), "{done:#?}");
    }
    // What a caller would send that decodes it.
    let decoded = "protocol=https\nhost=evil.example\npath=?\nhost=dev.azure.com\n\n";
    machine
        .get(decoded)
        .expect_malformed("the credential request gives two different values for host");
}

#[test]
fn a04_without_a_protocol_there_is_no_answer() {
    let machine = Machine::loaded();
    machine.get("host=dev.azure.com\n\n").expect_nothing();
    machine.get("protocol=\nhost=dev.azure.com\n\n").expect_nothing();
}

#[test]
fn a05_an_empty_host_gets_no_answer() {
    let machine = Machine::loaded();
    machine.get("protocol=https\nhost=\n\n").expect_nothing();
    machine.get("protocol=https\nhost=\npath=dev.azure.com/contoso\n\n").expect_nothing();
    for git in gits() {
        let done = machine.git_credential(&git, &[], "fill", "url=https:///contoso\n\n");
        assert_eq!((done.code, done.stdout.as_str()), (128, ""), "{done:#?}");
    }
}

#[test]
fn a07_an_empty_erase_erases_nothing() {
    let machine = Machine::loaded();
    let before = machine.state();
    for request in ["\n", "", "\r\n", "\n\nprotocol=https\nhost=dev.azure.com\n\n"] {
        machine.erase(request).expect_nothing();
    }
    assert_eq!(machine.state(), before);
}

#[test]
fn a08_an_erase_without_a_host_erases_nothing() {
    let machine = Machine::loaded();
    let before = machine.state();
    let password = answer(&machine).password().to_owned();
    machine.erase("protocol=https\n\n").expect_nothing();
    machine.erase("protocol=https\nhost=\n\n").expect_nothing();
    machine.erase(format!("protocol=https\npassword={password}\n\n")).expect_nothing();
    machine.erase(format!("host=dev.azure.com\npassword={password}\n\n")).expect_nothing();
    assert_eq!(machine.state(), before);
}

#[test]
fn a10_a_carriage_return_inside_a_value_is_refused() {
    let machine = Machine::loaded();
    for request in [
        "protocol=https\nhost=dev.azure.com\r.evil.example\n\n",
        "protocol=https\nhost=evil.example\rhost=dev.azure.com\n\n",
        "protocol=https\nhost=dev.azure.com\npath=contoso\r\n\n",
        "protocol=https\r\nhost=dev.azure.com\r\r\n\r\n",
    ] {
        machine.get(request).expect_malformed("a carriage return inside the credential request");
    }
    machine
        .get("protocol=https\nhost=dev.azure.com\0.evil.example\n\n")
        .expect_malformed("a NUL byte inside the credential request");
}

#[test]
fn a11_crlf_on_every_line_is_read_as_lf_and_on_some_lines_is_refused() {
    let machine = Machine::loaded();
    let expected = answer(&machine);
    assert_eq!(machine.get("protocol=https\r\nhost=dev.azure.com\r\n\r\n"), expected);
    assert_eq!(machine.get("protocol=https\r\nhost=dev.azure.com\r\n"), expected);
    for mixed in [
        "protocol=https\r\nhost=dev.azure.com\n\n",
        "protocol=https\nhost=dev.azure.com\r\n\n",
        "protocol=https\nhost=dev.azure.com\n\r\n",
    ] {
        machine.get(mixed).expect_malformed("a carriage return inside the credential request");
    }
}

#[test]
fn a13_a_long_header_is_one_line() {
    let machine = Machine::loaded();
    let filler = "a".repeat(1001);
    let ours = format!("{CLOUD}wwwauth[]=Basic realm={filler}host=victim.example.com\n\n");
    assert_eq!(machine.get(ours), answer(&machine));
    for length in [1001, 1023, 1024, 4095, 4096, 8191, 8192] {
        let filler = "a".repeat(length);
        let theirs =
            format!("protocol=https\nhost=evil.example\nwwwauth[]={filler}host=dev.azure.com\n\n");
        machine.get(theirs).expect_nothing();
    }
}

#[test]
fn a14_a_line_over_the_limit_is_refused_in_bounded_memory_and_never_split() {
    let machine = Machine::loaded();
    let words = "the credential request is too long";
    machine.get(format!("{CLOUD}wwwauth[]={}\n\n", "a".repeat(65_535))).expect_malformed(words);
    // 65535 bytes, the line feed included, is the documented limit.
    let longest = format!("{CLOUD}wwwauth[]={}\n\n", "a".repeat(65_535 - 11));
    assert_eq!(machine.get(longest), answer(&machine));
    // A reader with a buffer of the limit's size would find a host where it goes on.
    for length in [65_534, 65_535, 65_536] {
        let line = format!("wwwauth[]={}host=dev.azure.com", "a".repeat(length - 10));
        machine
            .get(format!("protocol=https\nhost=evil.example\n{line}\n\n"))
            .expect_malformed(words);
    }
    // A line without an end, in an address space it would not fit into.
    let mut endless = machine.command("sh");
    let script = "yes | tr -d '\\n' | (ulimit -v 262144; exec \"$0\" get)";
    run(endless.args(["-c", script, PROGRAM]), b"").expect_malformed(words);
}

#[test]
fn a16_a_line_that_is_no_pair_is_refused_and_not_shown() {
    let machine = Machine::loaded();
    let request = "protocol=https\nhost=dev.azure.com\nhunter2-not-a-pair\n\n";
    let words = "line 3 of the credential request is not key=value";
    machine.get(request).expect_malformed(words);
    machine.store(request).expect_malformed(words);
    machine.erase(request).expect_malformed(words);
}

#[test]
fn a17_unknown_attributes_are_ignored() {
    let machine = Machine::loaded();
    let request = format!("{CLOUD}foo=bar\nfoo=baz\nfoo[]=x\n=\ncapability[]=zzz\ncontinue=1\n\n");
    assert_eq!(machine.get(request), answer(&machine));
}

#[test]
fn a19_the_end_of_the_stream_ends_a_request() {
    let machine = Machine::loaded();
    let expected = answer(&machine);
    assert_eq!(machine.get("protocol=https\nhost=dev.azure.com"), expected);
    assert_eq!(machine.get("protocol=https\nhost=dev.azure.com\n"), expected);
}

/// Runs an operation on a pipe that stays open.
fn with_open_pipe(machine: &Machine, operation: &str, request: &str) -> std::process::Output {
    let mut child = machine
        .command(PROGRAM)
        .arg(operation)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut pipe = child.stdin.take().expect("piped");
    pipe.write_all(request.as_bytes()).expect("written");
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || sender.send(child.wait_with_output()));
    let ended = receiver.recv_timeout(Duration::from_secs(60));
    drop(pipe);
    let output = ended.expect("it waits for the end of the stream").expect("it ran");
    machine.scanner().scan("standard error", &String::from_utf8_lossy(&output.stderr));
    output
}

#[test]
fn a20_the_blank_line_is_answered_though_the_pipe_stays_open() {
    let machine = Machine::loaded();
    let output = with_open_pipe(&machine, "get", &format!("{CLOUD}\n"));
    assert_eq!(String::from_utf8_lossy(&output.stdout), answer(&machine).stdout);
}

#[test]
fn a22_only_the_first_equals_sign_splits_a_line() {
    let machine = Machine::loaded();
    machine.add_pat_integration("tfs.corp.example", &[]);
    let host = "protocol=https\nhost=tfs.corp.example\n";
    machine.store(format!("{host}username=u=v\npassword=ab==\n\n")).expect_nothing();
    let got = machine.get(host).expect_success();
    assert_eq!((got.stdout.as_str(), got.stderr.as_str()), ("username=u=v\npassword=ab==\n", ""));
    let project = format!("{CLOUD}path=fabrikam/lib/_git/lib\n");
    machine.store(format!("{project}username=u\npassword=ab==\n\n")).expect_nothing();
    assert!(
        machine
            .pat_secrets("https://dev.azure.com")
            .contains(&(Some("fabrikam".to_owned()), "ab==".to_owned()))
    );
}

#[test]
fn a23_an_empty_name_and_password_are_kept_and_given_back() {
    let machine = Machine::new();
    machine.add_pat_integration("tfs.corp.example", &[]);
    let host = "protocol=https\nhost=tfs.corp.example\n";
    machine.store(format!("{host}username=\npassword=\n\n")).expect_nothing();
    assert_eq!(machine.get(host).expect_success().stdout, "username=\npassword=\n");
    // Empty is not absent: neither for what is kept nor for what is asked for.
    machine.store(format!("{host}username=ada\n\n")).expect_nothing();
    assert_eq!(machine.pats("https://tfs.corp.example").len(), 1);
    machine.get(format!("{host}username=ada\n\n")).expect_nothing();
    assert_eq!(machine.get(format!("{host}username=\n")).stdout, "username=\npassword=\n");
}

#[test]
fn a25_capability_says_what_is_spoken_and_reads_nothing() {
    let machine = Machine::new();
    let output = with_open_pipe(&machine, "capability", "");
    let expected = "version 0\ncapability authtype\ncapability state\n";
    assert_eq!(String::from_utf8_lossy(&output.stdout), expected);
    assert_eq!((output.stderr.as_slice(), output.status.code()), (&b""[..], Some(0)));
}

#[test]
fn a_word_git_may_use_one_day_is_ignored_in_silence() {
    let machine = Machine::loaded();
    let before = machine.state();
    machine.helper_with(&["rotate"], format!("{CLOUD}\n")).expect_nothing();
    assert_eq!(machine.state(), before);
}

#[test]
fn a26_a_url_is_read_strictly_and_may_not_contradict() {
    let machine = Machine::loaded();
    let expected = machine.get(format!("{CLOUD}username=contoso\npath=contoso/p/_git/r\n\n"));
    assert!(!expected.password().is_empty());
    let url = "url=https://contoso@dev.azure.com/contoso/p/_git/r\n";
    assert_eq!(machine.get(format!("{url}\n")), expected);
    assert_eq!(machine.get(format!("{CLOUD}{url}\n")), expected);
    let words = "the credential request gives two different values for host";
    machine.get(format!("protocol=https\nhost=evil.example\n{url}\n")).expect_malformed(words);
    machine.get(format!("{url}host=evil.example\n\n")).expect_malformed(words);
    for unusable in [
        "nonsense",
        "https://dev.azure.com/%0ahost=x",
        "https://evil.example%0ahost=dev.azure.com/",
        "https://dev.azure.com/a%00b",
        "https:\u{ff0f}\u{ff0f}",
    ] {
        machine
            .get(format!("url={unusable}\n\n"))
            .expect_malformed("the credential request has an unusable url");
    }
    for elsewhere in [
        "https://dev.azure.com@evil.example/",
        "https://evil.example/#dev.azure.com",
        "https://evil.example/?host=dev.azure.com",
        "https://dev.azure.com:8443/contoso/p/_git/r",
        "ssh://dev.azure.com/contoso",
    ] {
        machine.get(format!("url={elsewhere}\n\n")).expect_nothing();
    }
}
