//! While a token is good, `get` and `store` are answered from what is on disk: no network, no
//! lock, no write, no thread, no process.

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use common::*;
use standins::Pat;

/// The system calls that would break the promise.
const WATCHED: &str = "socket,connect,sendto,sendmsg,flock,clone,clone3,fork,vfork,execve,execveat,\
                       rename,renameat,renameat2,unlink,unlinkat,mkdir,mkdirat,link,linkat,symlink,\
                       symlinkat,chmod,fchmod,fchmodat,chown,fchown,fchownat,truncate,ftruncate,\
                       utimensat,fsync,fdatasync,fcntl,open,openat,openat2,creat,write,writev,pwrite64";

/// Runs the program under strace; gives its end, and the calls that break the promise.
fn traced(machine: &Machine, verb: &str, request: &str) -> (Done, Vec<String>) {
    let log = machine.home().join("strace");
    let mut command = machine.command("strace");
    // A trace is a write.
    command.env_remove("ONA_AZURE_TRACE");
    command.args(["-f", "-qq", "-e", &format!("trace={WATCHED}"), "-e", "signal=none", "-o"]);
    command.arg(&log).args([PROGRAM, verb]);
    let done = run(&mut command, request.as_bytes());
    let log = fs::read_to_string(&log).expect("a log");
    assert!(log.contains("execve("), "strace saw the program: {log}");
    let own_start = format!("execve(\"{PROGRAM}\"");
    let breaks = log
        .lines()
        .map(|line| line.split_once(' ').map_or(line, |(_process, call)| call.trim_start()))
        .filter(|call| !call.starts_with(&own_start) && !is_allowed(call))
        .map(str::to_owned)
        .collect();
    (done, breaks)
}

fn is_allowed(call: &str) -> bool {
    let (name, arguments) = call.split_once('(').unwrap_or((call, ""));
    match name {
        // Reading.
        "open" | "openat" | "openat2" => {
            let writes = ["O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC", "O_APPEND"];
            !writes.iter().any(|flag| arguments.contains(flag))
        }
        // The answer.
        "write" | "writev" => arguments.starts_with("1, "),
        "fcntl" => !arguments.contains("F_SETLK") && !arguments.contains("F_OFD_SETLK"),
        _ => false,
    }
}

/// Whether strace is there and may be used.
fn can_trace(machine: &Machine) -> bool {
    if !has("strace") {
        return false;
    }
    let probe = run(machine.command("strace").args(["-qq", "-o", "/dev/null", "true"]), b"");
    if probe.code != 0 {
        skipped("strace with the right to trace");
    }
    probe.code == 0
}

#[test]
fn the_watch_sees_what_a_refresh_does() {
    let machine = Machine::signed_in();
    if !can_trace(&machine) {
        return;
    }
    machine.age_access_token(4600);
    let (done, breaks) = traced(&machine, "get", CONTOSO_REQUEST);
    assert_eq!(done.code, 0, "{done:#?}");
    for call in ["connect(", "flock(", "rename", "clone", "openat("] {
        assert!(breaks.iter().any(|line| line.starts_with(call)), "{call}: {breaks:#?}");
    }
}

#[test]
fn get_with_a_good_token_reads_and_answers_and_does_nothing_else() {
    let machine = Machine::signed_in();
    if !can_trace(&machine) {
        return;
    }
    let capable = format!("capability[]=authtype\ncapability[]=state\n{CONTOSO_REQUEST}");
    for request in [CONTOSO_REQUEST, FABRIKAM_REQUEST, &capable] {
        let state = machine.state();
        let connections = machine.world.all_connections();
        let (done, breaks) = traced(&machine, "get", request);
        assert_eq!((done.code, done.stderr.as_str()), (0, ""), "{done:#?}");
        assert!(!done.password().is_empty());
        assert_eq!(breaks, Vec::<String>::new());
        assert_eq!(machine.state(), state);
        assert_eq!(machine.world.all_connections(), connections);
    }
}

#[test]
fn get_with_a_pat_only_does_the_same() {
    let machine = Machine::new();
    if !can_trace(&machine) {
        return;
    }
    machine.add_pat_integration("dev.azure.com", &[]);
    let pat = machine.world.azure().add_pat("contoso", Pat::read_write());
    machine.give_pat("https://dev.azure.com/contoso", &pat, &[]);
    let (done, breaks) = traced(&machine, "get", CONTOSO_REQUEST);
    assert_eq!((done.code, done.password()), (0, pat.as_str()), "{done:#?}");
    assert_eq!(breaks, Vec::<String>::new());
    // What git was given it stores, unchanged.
    let (stored, breaks) = traced(&machine, "store", &format!("{CONTOSO_REQUEST}{}", done.stdout));
    assert_eq!(stored, Done::silent());
    assert_eq!(breaks, Vec::<String>::new());
}

#[test]
fn store_of_our_own_token_writes_nothing() {
    let machine = Machine::signed_in();
    if !can_trace(&machine) {
        return;
    }
    let answer = machine.get(CONTOSO_REQUEST).stdout;
    let (done, breaks) = traced(&machine, "store", &format!("{CONTOSO_REQUEST}{answer}"));
    assert_eq!(done, Done::silent());
    assert_eq!(breaks, Vec::<String>::new());
}

#[test]
fn a_vault_on_a_read_only_file_system_is_read() {
    let machine = Machine::signed_in();
    let fresh = machine.get(CONTOSO_REQUEST).expect_success();
    // Root writes where it has no permission to, but not on a read-only mount.
    let state = machine.state_dir();
    let directory = state.display();
    let frozen = format!(
        "mount --bind '{directory}' '{directory}' && mount -o remount,ro,bind '{directory}' || exit 77\n\
         ! touch '{directory}/probe' 2>/dev/null || exit 77\n\
         exec '{PROGRAM}' \"$@\""
    );
    let in_mount = |verb: &str, request: &str| {
        let mut command = machine.command("unshare");
        command.args(["--mount", "--map-root-user", "sh", "-c", &frozen, "sh", verb]);
        run(&mut command, request.as_bytes())
    };
    let done = if has("unshare") { in_mount("get", CONTOSO_REQUEST) } else { return };
    if done.code == 77 || done.stderr.starts_with("unshare: ") {
        skipped("the right to mount");
    } else {
        assert_eq!(done, fresh);
        let stored = in_mount("store", &format!("{CONTOSO_REQUEST}{}", fresh.stdout));
        assert_eq!(stored, Done::silent());
    }

    // Whoever is not root is kept from writing by the permissions alone.
    let before = machine.state();
    fs::set_permissions(&state, fs::Permissions::from_mode(0o500)).expect("changed");
    for file in machine.state().keys() {
        fs::set_permissions(file, fs::Permissions::from_mode(0o400)).expect("changed");
    }
    assert_eq!(machine.get(CONTOSO_REQUEST), fresh);
    assert_eq!(machine.state(), before);
    fs::set_permissions(&state, fs::Permissions::from_mode(0o700)).expect("changed back");
}
