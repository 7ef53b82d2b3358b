//! Where scripts run: fresh users, any umask, homes that are read-only or none at all, and root
//! that does it for somebody else.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use rustix::process::geteuid;
use standins::ADA;

use crate::common::*;
use crate::given::*;

/// An account made for the test, `fresh`, on a file system of the test's own with the program on
/// it; the machine's own accounts stay as they are.
const FRESH: &str = r#"
    mount -t tmpfs none /mnt
    mkdir /mnt/bin /mnt/etc
    cp -a /etc/. /mnt/etc
    mount --bind /mnt/etc /etc
    install -m 755 "$PROGRAM" /mnt/bin/git-credential-ona-azure
    install -m 644 "$SSL_CERT_FILE" /mnt/ca.pem
    export SSL_CERT_FILE=/mnt/ca.pem GIT_SSL_CAINFO=/mnt/ca.pem
    export PATH="/mnt/bin:$PATH:/usr/sbin:/sbin"
    useradd --create-home --home-dir /mnt/fresh fresh
    cd /
    # Each account has a trace of its own; what is in them is looked into with root's.
    mkdir -m 1777 /mnt/traces
    root_trace=$ONA_AZURE_TRACE
    trap 'find /mnt/traces -type f -exec cat {} + >>"$root_trace"' EXIT
    as_fresh() {
        setpriv --reuid fresh --regid fresh --init-groups \
            env HOME=/mnt/fresh ONA_AZURE_TRACE=/mnt/traces/fresh "$@"
    }
"#;

/// Runs a script after that; `None` where it cannot be done.
fn with_fresh_user(machine: &Machine, script: &str) -> Option<Done> {
    if !geteuid().is_root() {
        skipped("root");
        return None;
    }
    if !has("setpriv") {
        return None;
    }
    machine.script_with_mounts(&format!("{FRESH}{script}"), "")
}

/// The script of three lines that the README shows.
fn three_lines() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/install/bootstrap.sh");
    fs::read_to_string(path).expect("a script")
}

const APP: &str = "https://dev.azure.com/contoso/app/_git/app";

#[test]
fn three_lines_take_a_fresh_user_from_nothing_to_a_clone() {
    for umask in ["022", "077", "000"] {
        let (machine, _) = with_refresh_token();
        let script = machine.mount("bootstrap.sh", three_lines());
        let lines = three_lines().lines().filter(|line| !line.starts_with('#')).count();
        assert_eq!(lines, 3);
        let done = with_fresh_user(
            &machine,
            &format!(
                "install -m 644 '{}' /mnt/bootstrap.sh
                umask {umask}
                as_fresh sh -c 'cd && sh /mnt/bootstrap.sh {APP} app && ls app/.git/HEAD'
                as_fresh sh -c 'cd && sh /mnt/bootstrap.sh {APP} app'
                cd /mnt/fresh
                find .config .local .gitconfig ! -user fresh -o ! -group fresh
                find .config .local .gitconfig -perm /022
                find .local/state/git-credential-ona-azure -perm /077",
                script.display()
            ),
        );
        let Some(done) = done else { return };
        let expected = format!(
            "dev.azure.com: integration added, sign-in added; {ADA} is signed in\n\
             git: asks this program now (/mnt/fresh/.gitconfig)\n\
             app/.git/HEAD\n\
             dev.azure.com: nothing to change; {ADA} is signed in\n\
             git: nothing to change (/mnt/fresh/.gitconfig)\n"
        );
        done.expect(0, &expected, "Cloning into 'app'...\n");
    }
}

#[test]
fn root_does_it_for_another_account_which_then_owns_all_of_it() {
    let (mut machine, token) = with_refresh_token();
    machine.set("XDG_CONFIG_HOME", "/root/elsewhere");
    machine.set("XDG_STATE_HOME", "/root/elsewhere");
    let git = find("git").expect("git");
    // What git is started by is the program as that account: what it was handed shows there.
    let wrapper = machine.mount(
        "git",
        format!(
            "#!/bin/sh\ntr '\\0' '\\n' </proc/$PPID/environ >>/mnt/fresh/handed\n\
             tr '\\0' ' ' </proc/$PPID/cmdline >>/mnt/fresh/handed\nexec '{}' \"$@\"\n",
            git.display()
        ),
    );
    let done = with_fresh_user(
        &machine,
        &format!(
            "install -m 755 '{}' /mnt/bin/git
            git-credential-ona-azure bootstrap --user fresh --json >/mnt/report
            git-credential-ona-azure bootstrap --user fresh
            cat /mnt/fresh/handed >&2
            rm /mnt/fresh/handed /mnt/bin/git
            find /mnt/fresh ! -user fresh -o ! -group fresh
            find /mnt/fresh/.local -perm /077
            unset XDG_CONFIG_HOME XDG_STATE_HOME ONA_AZURE_CLIENT_SECRET ONA_AZURE_REFRESH_TOKEN
            as_fresh sh -c 'cd && git clone -q {APP}'
            test ! -e /root/elsewhere",
            wrapper.display()
        ),
    );
    let Some(done) = done else { return };
    let expected = format!(
        "dev.azure.com: nothing to change; {ADA} is signed in\n\
         git: nothing to change (/mnt/fresh/.gitconfig)\n"
    );
    assert_eq!((done.code, &*done.stdout), (0, &*expected), "{done:#?}");
    assert!(done.stderr.contains("bootstrap --from -"), "{}", done.stderr);
    assert!(done.stderr.contains("HOME=/mnt/fresh\n"), "{}", done.stderr);
    for secret in [standins::CLIENT_SECRET, &token] {
        assert!(!done.stderr.contains(secret), "{}", done.stderr);
    }
}

#[test]
fn another_account_is_one_that_exists_can_run_the_program_and_may_be_become() {
    let (machine, _) = with_refresh_token();
    expect_one_line(
        &machine.bootstrap(&["--user", "nobody-of-that-name"]),
        2,
        &["there is no account \"nobody-of-that-name\""],
    );
    let done = with_fresh_user(
        &machine,
        "as_fresh git-credential-ona-azure bootstrap --user root || echo \"ended with $?\"
        chmod 700 /mnt/bin/git-credential-ona-azure
        git-credential-ona-azure bootstrap --user fresh || echo \"ended with $?\"
        ls -A /mnt/fresh | grep -v '^\\.\\(bash\\|profile\\)' || true",
    );
    let Some(done) = done else { return };
    assert_eq!(done.stdout, "ended with 2\nended with 1\n");
    let lines: Vec<_> = done.stderr.lines().collect();
    assert_eq!(lines.len(), 2, "{}", done.stderr);
    let [not_root, not_runnable] = [lines[0], lines[1]];
    assert!(not_root.starts_with("error: only root can do this for root; "), "{not_root}");
    assert!(
        not_runnable.contains("cannot be started as fresh: Permission denied"),
        "{not_runnable}"
    );
    assert!(not_runnable.contains("install.sh --system"), "{not_runnable}");
}

#[test]
fn what_the_other_account_does_is_traced_on_standard_error_and_in_no_file_of_roots() {
    let (machine, _) = with_refresh_token();
    let done = with_fresh_user(
        &machine,
        "begun() { grep -c ' begin version='; }
        bootstrap() { git-credential-ona-azure bootstrap --user fresh 2>&1 >/dev/null; }
        ONA_AZURE_TRACE=1 bootstrap | begun
        ONA_AZURE_TRACE=/mnt/traces/root bootstrap
        begun </mnt/traces/root
        ONA_AZURE_TRACE=/mnt/fresh/trace bootstrap
        ls /mnt/fresh/trace 2>/dev/null || true",
    );
    let Some(done) = done else { return };
    let expected = "2\n1\n\
        warning: nothing is traced: /mnt/fresh/trace is in a directory that another account may change\n\
        hint: name a file of your own, in a directory of your own, in ONA_AZURE_TRACE\n";
    done.expect(0, expected, "");
}

#[test]
fn a_home_that_is_read_only_is_made_up_for() {
    let (machine, _) = with_refresh_token();
    let elsewhere = machine.mounts();
    let done = machine.script_with_mounts(
        &format!(
            "export ONA_AZURE_STATE_DIR='{0}/state' GIT_CONFIG_GLOBAL='{0}/gitconfig'
            mount --bind \"$HOME\" \"$HOME\"
            mount -o remount,ro,bind \"$HOME\"
            if touch \"$HOME/x\" 2>/dev/null; then exit 9; fi
            cd '{0}'
            \"$PROGRAM\" bootstrap
            \"$PROGRAM\" bootstrap
            git clone -q {APP}
            unset GIT_CONFIG_GLOBAL
            \"$PROGRAM\" bootstrap",
            elsewhere.display()
        ),
        "",
    );
    let Some(done) = done else { return };
    let git = elsewhere.join("gitconfig");
    let expected = format!(
        "dev.azure.com: integration added, sign-in added; {ADA} is signed in\n\
         git: asks this program now ({0})\n\
         dev.azure.com: nothing to change; {ADA} is signed in\n\
         git: nothing to change ({0})\n\
         dev.azure.com: nothing to change; {ADA} is signed in\n",
        git.display()
    );
    // Where git has no place either, that alone is missing.
    expect_one_line(&Done { stdout: String::new(), ..done.clone() }, 1, &["git: cannot change "]);
    assert_eq!(done.stdout, expected);
    assert!(elsewhere.join("state/integrations.json").exists());
}

#[test]
fn without_home_it_is_that_of_the_account() {
    let (machine, _) = with_refresh_token();
    for unset in ["unset HOME", "export HOME="] {
        let done = with_fresh_user(
            &machine,
            &format!(
                "as_fresh sh -c '{unset}; git-credential-ona-azure bootstrap'
                as_fresh git clone -q {APP} /mnt/fresh/app"
            ),
        );
        let Some(done) = done else { return };
        assert_eq!((done.code, &*done.stderr), (0, ""), "{done:#?}");
        assert!(done.stdout.contains("/mnt/fresh/.gitconfig"), "{}", done.stdout);
    }
}

#[test]
fn without_home_and_account_the_variables_say_where() {
    let (machine, _) = with_refresh_token();
    let done = with_fresh_user(
        &machine,
        &format!(
            "mkdir /mnt/of-nobody
            chown 54321 /mnt/of-nobody
            as_nobody() {{ setpriv --reuid 54321 --regid 54321 --clear-groups \
                env -u HOME ONA_AZURE_TRACE=/mnt/traces/nobody \"$@\"; }}
            as_nobody git-credential-ona-azure bootstrap || echo \"ended with $?\"
            export ONA_AZURE_STATE_DIR=/mnt/of-nobody/state GIT_CONFIG_GLOBAL=/mnt/of-nobody/gitconfig
            as_nobody git-credential-ona-azure bootstrap
            as_nobody git clone -q {APP} /mnt/of-nobody/app"
        ),
    );
    let Some(done) = done else { return };
    let expected = format!(
        "ended with 1\n\
         dev.azure.com: integration added, sign-in added; {ADA} is signed in\n\
         git: asks this program now (/mnt/of-nobody/gitconfig)\n"
    );
    assert_eq!((done.code, &*done.stdout), (0, &*expected), "{done:#?}");
    let one = "error: no home directory: HOME is not set and this account has none; set HOME, or ";
    assert!(done.stderr.starts_with(one) && done.stderr.lines().count() == 1, "{}", done.stderr);
}

#[test]
fn nobody_else_may_change_what_is_made_whatever_the_umask() {
    for umask in ["077", "000"] {
        let (machine, _) = with_pat();
        machine.shell(&format!("umask {umask}; \"$PROGRAM\" bootstrap"), "").expect_success();
        for path in machine.all_files() {
            let mode = fs::metadata(&path).expect("there").permissions().mode();
            assert_eq!(mode & 0o022, 0, "{} {mode:o}", path.display());
            let private = path.starts_with(machine.state_dir());
            assert!(!private || mode & 0o077 == 0, "{} {mode:o}", path.display());
        }
    }
}

#[test]
fn an_integration_of_the_machine_that_says_the_same_is_left_where_it_is() {
    let (machine, _) = with_refresh_token();
    let done = with_fresh_user(
        &machine,
        r#"
        mkdir -p /etc/git-credential-ona-azure
        export ONA_AZURE_KEY_FILE=/mnt/runner.key
        git-credential-ona-azure key init >/dev/null
        git-credential-ona-azure bootstrap --offline >/dev/null
        cp "$CONFIG/integrations.json" /etc/git-credential-ona-azure/
        chmod 644 /mnt/runner.key
        as_fresh git-credential-ona-azure bootstrap
        as_fresh git-credential-ona-azure bootstrap --prune
        ls /mnt/fresh/.config/git-credential-ona-azure 2>/dev/null || true"#,
    );
    let Some(done) = done else { return };
    let expected = format!(
        "dev.azure.com: sign-in added; {ADA} is signed in\n\
         git: asks this program now (/mnt/fresh/.gitconfig)\n\
         dev.azure.com: nothing to change; {ADA} is signed in\n\
         git: nothing to change (/mnt/fresh/.gitconfig)\n"
    );
    assert_eq!((done.code, &*done.stdout), (0, &*expected), "{done:#?}");
}
