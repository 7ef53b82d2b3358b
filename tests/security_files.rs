//! Files: who may read them, where links lead, what is left when a write fails, and what becomes
//! of damaged ones.

mod common;

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::path::Path;

use common::system::{can_trace, name_of};
use common::*;
use git_credential_ona_azure::vault::Session;
use serde_json::json;

const NOTHING: [&str; 0] = [];
const PAT_HINT: &str = "chmod -R go= ";

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("there").permissions().mode() & 0o7777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("changed");
}

fn modes(machine: &Machine) -> Vec<(String, u32)> {
    machine.state().keys().map(|path| (name_of(path), mode(path))).collect()
}

/// An integration, a PAT, all under that umask.
fn set_up_under(umask: &str) -> Machine {
    let machine = Machine::new();
    let script = format!(
        "umask {umask}
         \"$PROGRAM\" integration add --host dev.azure.com --no-test --pat \
             --issuer-url https://login.microsoftonline.com/contoso.com/oauth2/v2.0 \
             --client-id {} --client-secret-stdin <<END
the-client-secret
END
         echo contoso-pat | \"$PROGRAM\" login https://dev.azure.com/contoso --pat --no-test
         echo other-pat | \"$PROGRAM\" login https://dev.azure.com/fabrikam --pat --no-test",
        standins::CLIENT_ID
    );
    machine.shell(&script, "").expect_success();
    machine
}

#[test]
fn h01_files_are_private_from_the_moment_they_exist_whatever_the_umask() {
    for umask in ["000", "022", "077"] {
        let machine = set_up_under(umask);
        assert_eq!(mode(&machine.state_dir()), 0o700, "umask {umask}");
        let modes = modes(&machine);
        assert!(modes.iter().any(|(name, _)| name == "vault.json"), "{modes:?}");
        assert!(modes.iter().any(|(name, _)| name == "runner.key"), "{modes:?}");
        assert!(modes.iter().any(|(name, _)| name.starts_with("pats-")), "{modes:?}");
        for (name, mode) in modes {
            assert_eq!(mode, 0o600, "{name} under umask {umask}");
        }
        // Configuration is for all to read and for nobody else to write.
        let mask = u32::from_str_radix(umask, 8).expect("octal");
        let file = machine.integrations_file();
        assert_eq!(mode(&file), 0o644 & !mask, "umask {umask}");
        let dir = file.parent().expect("a directory");
        assert_eq!(mode(dir), 0o755 & !mask, "umask {umask}");
    }
}

#[test]
fn h01_no_mode_is_mended_afterwards() {
    if !can_trace() {
        return;
    }
    let machine = Machine::new();
    machine.add_pat_integration("dev.azure.com", &[]);
    let (done, trace) = machine.traced(
        &["-e", "trace=chmod,fchmod,fchmodat,mkdir,mkdirat,openat,umask"],
        &["login", "https://dev.azure.com/contoso", "--pat", "--no-test"],
        "contoso-pat",
    );
    done.expect_success();
    assert!(!trace.contains("chmod"), "{trace}");
    assert!(!trace.contains("umask"), "{trace}");
    let made: Vec<_> =
        trace.lines().filter(|line| line.contains("O_CREAT") && line.contains("/state/")).collect();
    assert!(made.len() >= 4, "key, header, entry, lock: {made:#?}");
    for line in made {
        assert!(line.contains(", 0600) = "), "{line}");
    }
    let dirs: Vec<_> =
        trace.lines().filter(|line| line.contains("mkdir") && line.contains("state")).collect();
    assert!(!dirs.is_empty());
    for line in dirs {
        assert!(line.contains(", 0700) = "), "{line}");
    }
}

#[test]
fn h02_the_next_write_tightens_a_file_that_was_opened_up() {
    let machine = Machine::signed_in();
    machine.give_pat("https://dev.azure.com/contoso", "contoso-pat", &[]);
    for path in machine.state().keys() {
        set_mode(path, 0o644);
    }
    machine.give_pat("https://dev.azure.com/contoso", "another-pat", &[]);
    machine.age_access_token(4600);
    machine.get(CONTOSO_REQUEST);
    for kind in ["pats", "session", "access", "issued"] {
        assert_eq!(mode(&machine.entry(kind)), 0o600, "{kind}");
    }
}

#[test]
fn h02_what_other_accounts_may_change_is_warned_of_once_a_day() {
    let machine = Machine::signed_in();
    let quiet = machine.get(CONTOSO_REQUEST).expect_success();
    assert_eq!(quiet.stderr, "");
    let key = machine.state_dir().join("runner.key");
    for (path, open, close) in [
        (machine.entry("access"), 0o620, 0o600),
        (machine.state_dir().join("vault.json"), 0o602, 0o600),
        (key.clone(), 0o640, 0o600),
    ] {
        set_mode(&path, open);
        let done = machine.get(CONTOSO_REQUEST).expect_success();
        let said = format!("warning: other accounts may change or read {}\n", path.display());
        assert!(done.stderr.starts_with(&said), "{}", done.stderr);
        assert!(done.stderr.contains(&format!("hint: {PAT_HINT}/")), "{}", done.stderr);
        assert_eq!(done.stderr.lines().count(), 2, "{}", done.stderr);
        let again = machine.get(CONTOSO_REQUEST).expect_success();
        assert_eq!(again.stderr, "", "once a day");
        assert_eq!(again.stdout, done.stdout);
        let status = machine.helper(&["status"]).expect_success();
        assert!(status.stdout.contains("other accounts may change or read"), "{}", status.stdout);
        set_mode(&path, close);
        fs::remove_file(machine.entry("notices")).expect("a day has gone by");
        assert_eq!(machine.get(CONTOSO_REQUEST).expect_success().stderr, "");
    }
    // Sealed, a file may be seen.
    set_mode(&machine.entry("access"), 0o644);
    assert_eq!(machine.get(CONTOSO_REQUEST).expect_success().stderr, "");
}

#[test]
fn h02_a_directory_that_others_may_change_is_warned_of_by_what_writes_there() {
    let machine = Machine::new();
    machine.add_pat_integration("dev.azure.com", &[]);
    machine.give_pat("https://dev.azure.com/contoso", "contoso-pat", &[]);
    set_mode(&machine.state_dir(), 0o777);
    let done = machine
        .helper_with(
            &["login", "https://dev.azure.com/contoso", "--pat", "--no-test"],
            "another-pat",
        )
        .expect_success();
    let state = machine.state_dir();
    assert!(
        done.stderr.starts_with(&format!(
            "warning: other accounts may change or read {}\nhint: {PAT_HINT}{0},",
            state.display()
        )),
        "{}",
        done.stderr
    );
}

#[test]
fn h02_a_mounted_key_may_be_readable_as_its_mount_says() {
    let mut machine = Machine::new();
    let key = machine.home().join("mounted.key");
    machine.set("ONA_AZURE_KEY_FILE", key.to_str().expect("text"));
    machine.helper(&["key", "init"]).expect_success();
    set_mode(&key, 0o444);
    machine.add_pat_integration("dev.azure.com", &[]);
    machine.give_pat("https://dev.azure.com/contoso", "contoso-pat", &[]);
    let done = machine.get(CONTOSO_REQUEST).expect_success();
    assert_eq!((done.password(), done.stderr.as_str()), ("contoso-pat", ""));
}

#[test]
fn h04_a_linked_integrations_file_stays_a_link() {
    let machine = Machine::new();
    let dotfiles = machine.home().join("dotfiles");
    fs::create_dir_all(&dotfiles).expect("a directory");
    fs::create_dir_all(machine.integrations_file().parent().expect("one")).expect("a directory");
    // Through a second link, relative to where that one is; and to a file that is not there yet.
    symlink("link.json", dotfiles.join("first.json")).expect("a link");
    symlink("real/integrations.json", dotfiles.join("link.json")).expect("a link");
    fs::create_dir(dotfiles.join("real")).expect("a directory");
    symlink(dotfiles.join("first.json"), machine.integrations_file()).expect("a link");
    let real = dotfiles.join("real/integrations.json");
    for host in ["dev.azure.com", "tfs.corp.example"] {
        machine.add_pat_integration(host, &[]);
        assert!(machine.integrations_file().is_symlink());
        assert!(dotfiles.join("link.json").is_symlink());
        assert!(!real.is_symlink());
        assert!(fs::read_to_string(&real).expect("written").contains(host));
    }
    let listed = machine.helper(&["integration", "list"]).expect_success();
    assert!(listed.stdout.contains("tfs.corp.example"), "{}", listed.stdout);
}

#[test]
fn h04_a_linked_vault_file_stays_a_link_and_is_staged_beside_its_target() {
    let machine = Machine::new();
    machine.add_pat_integration("dev.azure.com", &[]);
    machine.give_pat("https://dev.azure.com/contoso", "contoso-pat", &[]);
    let elsewhere = machine.home().join("elsewhere");
    fs::create_dir(&elsewhere).expect("a directory");
    let entry = machine.entry("pats");
    let target = elsewhere.join("pats");
    fs::rename(&entry, &target).expect("moved");
    symlink(&target, &entry).expect("a link");
    let login = ["login", "https://dev.azure.com/contoso", "--pat", "--no-test"];
    if can_trace() {
        let (done, trace) = machine.traced(&["-e", "trace=openat"], &login, "second-pat");
        done.expect_success();
        let staged: Vec<_> = trace
            .lines()
            .filter(|line| line.contains("O_EXCL") && line.contains("/elsewhere/.tmp-"))
            .collect();
        assert_eq!(staged.len(), 1, "{trace}");
    } else {
        machine.helper_with(&login, "second-pat").expect_success();
    }
    assert!(entry.is_symlink());
    assert_eq!(fs::read_dir(&elsewhere).expect("listed").count(), 1, "no temporary file is left");
    assert_eq!(machine.get(CONTOSO_REQUEST).expect_success().password(), "second-pat");
}

#[test]
fn h05_temporary_names_cannot_be_foretold_and_are_never_followed() {
    if !can_trace() {
        return;
    }
    let machine = Machine::new();
    machine.add_pat_integration("dev.azure.com", &[]);
    let mut names = std::collections::BTreeSet::new();
    let mut count = 0;
    for pat in ["one-pat", "two-pat", "three-pat"] {
        let (done, trace) = machine.traced(
            &["-e", "trace=openat"],
            &["login", "https://dev.azure.com/contoso", "--pat", "--no-test"],
            pat,
        );
        done.expect_success();
        for line in trace.lines().filter(|line| line.contains("/.tmp-")) {
            assert!(line.contains("O_CREAT") && line.contains("O_EXCL"), "{line}");
            let name = line.split("/.tmp-").nth(1).and_then(|rest| rest.split('"').next());
            let name = name.expect("a name");
            assert!(name.len() >= 6, "{line}");
            names.insert(name.to_owned());
            count += 1;
        }
    }
    assert!(count >= 3, "{count}");
    assert_eq!(names.len(), count, "no name comes twice: {names:?}");
}

#[test]
fn h07_a_full_disk_spends_no_refresh_token_and_breaks_no_file() {
    let machine = Machine::signed_in();
    machine.age_access_token(4600);
    let refreshes = machine.world.entra().token_requests("refresh_token");
    let done = machine.script_with_mounts(
        r#"
        umask 077
        cp -a "$STATE" "$HOME/copy"
        mount -t tmpfs -o size=256k,mode=700 none "$STATE"
        cp -a "$HOME/copy/." "$STATE"
        dd if=/dev/zero of="$STATE/filler" bs=1k 2>"$HOME/dd" || true
        dd if=/dev/zero of="$STATE/filler-2" bs=1 2>>"$HOME/dd" || true
        cat > "$HOME/request"
        (cd "$STATE" && ls -A | grep -v lock && cat *.sealed vault.json | sha256sum) > "$HOME/before"
        set +e
        "$PROGRAM" get < "$HOME/request" > "$HOME/out" 2> "$HOME/err"
        echo $? > "$HOME/code"
        set -e
        (cd "$STATE" && ls -A | grep -v lock && cat *.sealed vault.json | sha256sum) > "$HOME/after"
        "#,
        CONTOSO_REQUEST,
    );
    let Some(done) = done else { return };
    done.expect_success();
    let read = |name: &str| fs::read_to_string(machine.home().join(name)).expect(name);
    assert!(read("dd").contains("No space left"), "{}", read("dd"));
    assert_eq!(read("out"), "quit=1\n");
    assert_eq!(read("code"), "1\n", "{}", read("err"));
    assert!(read("err").contains("No space left on device"), "{}", read("err"));
    assert!(
        read("err").contains("\nhint: check permissions and free space of "),
        "{}",
        read("err")
    );
    assert_eq!(read("after"), read("before"), "no temporary file, no changed one");
    assert_eq!(
        machine.world.entra().token_requests("refresh_token"),
        refreshes,
        "nothing is spent"
    );
}

#[test]
fn h07_on_a_full_disk_a_good_token_is_still_given() {
    let machine = Machine::signed_in();
    let expected = machine.get(CONTOSO_REQUEST).expect_success();
    let done = machine.script_with_mounts(
        r#"
        cp -a "$STATE" "$HOME/copy"
        mount -t tmpfs -o size=256k,mode=700 none "$STATE"
        cp -a "$HOME/copy/." "$STATE"
        dd if=/dev/zero of="$STATE/filler" bs=1k 2>/dev/null || true
        exec "$PROGRAM" get
        "#,
        CONTOSO_REQUEST,
    );
    let Some(done) = done else { return };
    assert_eq!(done, expected);
}

#[test]
fn h08_an_integrations_file_that_is_a_mount_point_is_written_in_place() {
    let machine = Machine::new();
    machine.add_pat_integration("dev.azure.com", &["--virtual-directory", "/"]);
    let done = machine.script_with_mounts(
        r#"
        mkdir "$HOME/mounted"
        # Longer than what replaces it, and shorter.
        cp "$CONFIG/integrations.json" "$HOME/mounted/file"
        mount --bind "$HOME/mounted/file" "$CONFIG/integrations.json"
        "$PROGRAM" integration add --host tfs.corp.example --no-test --pat
        "$PROGRAM" integration list
        "$PROGRAM" integration remove tfs.corp.example
        "$PROGRAM" integration list
        ls -A "$CONFIG"
        "#,
        "",
    );
    let Some(done) = done else { return };
    let done = done.expect_success();
    let lines: Vec<_> = done.stdout.lines().map(|line| line.split_whitespace().next()).collect();
    assert_eq!(
        lines,
        [
            Some("The"),
            Some("dev.azure.com"),
            Some("tfs.corp.example"),
            Some("The"),
            Some("dev.azure.com"),
            Some("integrations.json"),
            Some("integrations.json.lock"),
        ],
        "{done:#?}"
    );
    let file = machine.home().join("mounted/file");
    let written = fs::read_to_string(file).expect("the file below the mount");
    serde_json::from_str::<serde_json::Value>(&written).expect("whole, and nothing behind it");
}

/// Contents that are nothing of ours.
fn damages() -> [(&'static str, Vec<u8>); 5] {
    [
        ("nothing", Vec::new()),
        ("truncated", br#"{"version":1,"#.to_vec()),
        ("more behind it", br#"{"version":1} x"#.to_vec()),
        ("binary", (0..=255).cycle().take(4096).collect()),
        ("an old version", br#"{"version":0}"#.to_vec()),
    ]
}

#[test]
fn h10_a_broken_integrations_file_is_named_and_left_alone() {
    let machine = Machine::signed_in();
    let file = machine.integrations_file();
    let good = fs::read(&file).expect("there");
    let newer = ("a newer version", br#"{"version":2,"integrations":[],"new":{}}"#.to_vec());
    for (what, bytes) in damages().into_iter().chain([newer]) {
        fs::write(&file, &bytes).expect("damaged");
        let before = machine.state();
        let done = machine.get(CONTOSO_REQUEST);
        assert_eq!((done.code, done.stdout.as_str()), (1, "quit=1\n"), "{what}: {done:#?}");
        let start = format!("error: {}: ", file.display());
        assert!(done.stderr.starts_with(&start), "{what}: {}", done.stderr);
        assert!(done.stderr.contains("\nhint: "), "{what}: {}", done.stderr);
        assert_eq!(done.stderr.lines().count(), 2, "{what}: {}", done.stderr);
        for arguments in [
            &["integration", "add", "--host", "tfs.corp.example", "--no-test", "--pat"][..],
            &["integration", "list"],
            &["integration", "remove", "dev.azure.com"],
            &["login", "https://dev.azure.com/contoso", "--pat"],
        ] {
            let done = machine.helper_with(arguments, "some-pat");
            assert_eq!(done.code, 1, "{what}: {arguments:?}: {done:#?}");
            assert!(done.stderr.starts_with(&start), "{what}: {arguments:?}: {}", done.stderr);
        }
        assert_eq!(fs::read(&file).expect("there"), bytes, "{what}: it is the person's to mend");
        assert_eq!(machine.changed_since(&before), NOTHING, "{what}");
        // It says nothing about other hosts, so nothing is said there.
        let other = machine.get("protocol=https\nhost=github.com\n");
        assert_eq!(other.stdout, "", "{what}");
    }
    fs::write(&file, good).expect("mended");
    machine.get(CONTOSO_REQUEST).expect_success();
}

#[test]
fn h10_a_damaged_header_is_reported_by_get_and_set_aside_by_login() {
    for (what, bytes) in damages() {
        let machine = Machine::signed_in();
        machine.give_pat("https://dev.azure.com/contoso", "contoso-pat", &[]);
        machine.give_pat("https://dev.azure.com/fabrikam", "fabrikam-pat", &[]);
        let header = machine.state_dir().join("vault.json");
        fs::write(&header, &bytes).expect("damaged");
        let before = machine.state();
        let done = machine.get(CONTOSO_REQUEST);
        assert_eq!(
            (done.code, done.stdout, done.stderr),
            (
                1,
                "quit=1\n".to_owned(),
                format!(
                    "error: {} is damaged\nhint: forget what is kept, then sign in again: \
                     git-credential-ona-azure logout --all\n",
                    header.display()
                )
            ),
            "{what}"
        );
        assert_eq!(machine.changed_since(&before), NOTHING, "{what}: a reader changes nothing");
        machine.sign_in();
        let aside = machine.state_dir().join("vault.json.corrupt-1");
        assert_eq!(fs::read(aside).expect("set aside"), bytes, "{what}");
        machine.get(CONTOSO_REQUEST).expect_success();
        // Also where only entries of the old key were: no host is blocked for ever.
        let fabrikam = machine.get(FABRIKAM_REQUEST).expect_success();
        assert_eq!(fabrikam.attribute("username"), Some(standins::ADA), "{what}");
        let status = machine.helper(&["status"]).expect_success();
        assert!(status.stdout.contains("damaged and set aside: "), "{}", status.stdout);
    }
}

#[test]
fn h10_a_damaged_entry_is_reported_by_readers_and_set_aside_by_writers() {
    for (what, bytes) in damages() {
        let machine = Machine::signed_in();
        machine.give_pat("https://dev.azure.com/contoso", "contoso-pat", &[]);
        for kind in ["access", "session", "issued", "pats", "discovery"] {
            let path = machine.entry(kind);
            fs::write(&path, &bytes).expect("damaged");
            let what = format!("{what} in {kind}");
            if kind == "session" {
                // Where the access token is good, the session is not looked at.
                machine.get(CONTOSO_REQUEST).expect_success();
                machine.age_access_token(4600);
            }
            let get = machine.get(CONTOSO_REQUEST);
            match kind {
                "access" => {
                    // The session is whole, so that it is refreshed; the writer sets it aside.
                    let get = get.expect_success();
                    assert_eq!(get.stderr, "", "{what}");
                    assert_eq!(get.attribute("username"), Some(standins::ADA), "{what}");
                }
                "session" => {
                    // The personal access token serves, and the reason is said.
                    assert_eq!(get.clone().expect_success().password(), "contoso-pat", "{what}");
                    let text = format!("{} is damaged", path.display());
                    assert!(get.stderr.contains(&text), "{what}: {}", get.stderr);
                }
                _ => assert_eq!(get.expect_success().stderr, "", "{what}"),
            }
            match kind {
                "pats" => {
                    machine.give_pat("https://dev.azure.com/contoso", "contoso-pat", &[]);
                }
                "access" => {}
                "session" => machine.sign_in(),
                _ => {
                    machine.age_access_token(4600);
                    machine.get(CONTOSO_REQUEST).expect_success();
                }
            }
            let aside = path.with_file_name(format!("{}.corrupt-1", name_of(&path)));
            assert_eq!(fs::read(aside).expect("set aside"), bytes, "{what}");
            assert_eq!(machine.get(CONTOSO_REQUEST).expect_success().stderr, "", "{what}");
        }
    }
}

#[test]
fn h10_what_a_newer_version_wrote_is_never_overwritten() {
    let machine = Machine::signed_in();
    machine.give_pat("https://dev.azure.com/contoso", "contoso-pat", &[]);
    let header = machine.state_dir().join("vault.json");
    let mut files = vec![(header, br#"{"version":2,"keys":[]}"#.to_vec())];
    for kind in ["session", "access", "pats"] {
        files.push((machine.entry(kind), b"onaz\x02of a later version".to_vec()));
    }
    for (path, newer) in files {
        let good = fs::read(&path).expect("there");
        fs::write(&path, &newer).expect("newer");
        let text = format!(
            "{} was written by a newer version of git-credential-ona-azure",
            path.display()
        );
        let pats = name_of(&path).starts_with("pats-");
        let done = if pats {
            machine
                .helper_with(&["login", "https://dev.azure.com/contoso", "--pat", "--no-test"], "x")
        } else {
            let login = Login::start(&machine, &[]);
            finish_sign_in(&machine, login)
        };
        assert_eq!(done.code, 1, "{done:#?}");
        assert!(done.stderr.contains(&text), "{text}: {}", done.stderr);
        assert_eq!(fs::read(&path).expect("there"), newer, "{}", path.display());
        assert_eq!(machine.vault().set_aside(), Vec::<std::path::PathBuf>::new());
        fs::write(&path, good).expect("back");
        machine.get(CONTOSO_REQUEST).expect_success();
    }
}

/// Goes on with a sign-in that may have ended before it asked for a browser.
fn finish_sign_in(machine: &Machine, login: Login) -> Done {
    let mut login = login;
    if let Some(address) = login.address_if_any() {
        machine.world.browse(&address);
    }
    login.finish()
}

#[test]
fn h11_no_name_from_outside_becomes_a_file_name() {
    let machine = Machine::configured();
    machine.add_pat_integration("tfs.corp.example", &[]);
    let long = "x".repeat(300);
    let names = ["../../x", "CON", long.as_str(), "a/b", "..", "-rf", "%2e%2e%2fetc", "a\\b", "~"];
    for name in names {
        let request = |path: &str, username: &str| {
            format!(
                "protocol=https\nhost=tfs.corp.example\npath={path}\nusername={username}\npassword=pw\n"
            )
        };
        machine.store(request(&format!("{name}/p/_git/r"), "ada"));
        machine.store(request("DefaultCollection/p/_git/r", name));
        // As the account of a sign-in.
        let account = name.to_owned();
        machine.world.entra().override_token_response(move |mut answer| {
            let token = answer["id_token"].as_str().expect("a token").to_owned();
            answer["id_token"] = json!(renamed(&token, &account));
            answer
        });
        machine.sign_in();
        let kept: Session =
            machine.vault().read("dev.azure.com").expect("opens").expect("a session");
        if name.len() <= 256 {
            assert_eq!(kept.account, name);
        }
        let organization = format!("https://dev.azure.com/{name}");
        machine.helper_with(&["login", &organization, "--pat", "--no-test"], "some-pat");
    }
    let known = ["access", "session", "issued", "pats", "discovery", "notices"];
    for name in machine.state_names() {
        let sealed = name.strip_suffix(".sealed").and_then(|name| name.split_once('-'));
        let lock = name.strip_suffix(".lock").and_then(|name| name.split_once('-'));
        let fine = match sealed.or(lock) {
            Some((kind, digest)) => {
                (known.contains(&kind) || kind == "refresh")
                    && digest.len() == 32
                    && digest.bytes().all(|byte| byte.is_ascii_hexdigit())
            }
            None => ["vault.json", "vault.lock", "runner.key"].contains(&name.as_str()),
        };
        assert!(fine, "{name}");
    }
    let allowed = [machine.state_dir(), machine.integrations_file().parent().expect("one").into()];
    for path in machine.all_files() {
        let ours = allowed.iter().any(|dir| path.parent() == Some(dir));
        assert!(ours || path == machine.home().join(".gitconfig"), "{}", path.display());
    }
}

/// The ID token of another name.
fn renamed(token: &str, account: &str) -> String {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    let parts: Vec<_> = token.split('.').collect();
    let bytes = URL_SAFE_NO_PAD.decode(parts[1]).expect("a JWT");
    let mut claims: serde_json::Value = serde_json::from_slice(&bytes).expect("claims");
    claims["preferred_username"] = json!(account);
    format!("{}.{}.{}", parts[0], URL_SAFE_NO_PAD.encode(claims.to_string()), parts[2])
}

#[test]
fn a_read_only_home_without_a_vault_is_no_reason_for_words() {
    let machine = Machine::new();
    machine.add_pat_integration("dev.azure.com", &[]);
    machine.add_pat_integration("tfs.corp.example", &[]);
    assert!(!machine.state_dir().exists());
    for request in [CONTOSO_REQUEST, "protocol=https\nhost=tfs.corp.example\npath=c/p/_git/r\n"] {
        let done = machine.script_with_mounts(
            r#"
            mount --bind "$HOME" "$HOME"
            mount -o remount,ro,bind "$HOME"
            if touch "$HOME/probe" 2>/dev/null; then exit 99; fi
            exec "$PROGRAM" get
            "#,
            request,
        );
        let Some(done) = done else { return };
        assert_eq!(done, Done { code: 0, stdout: String::new(), stderr: String::new() });
    }
}

#[test]
fn h10_what_is_only_remembered_stops_nobody_when_it_is_damaged() {
    let machine = Machine::signed_in();
    let contoso = "https://dev.azure.com/contoso";
    machine.give_pat(contoso, "contoso-pat", &["--expires", "1d"]);
    for kind in ["access", "checks", "issued", "discovery", "notices", "prompted", "imported"] {
        let name = format!("{kind}-{}.sealed", "0".repeat(32));
        let is_it = |path: &std::path::PathBuf| {
            name_of(path).starts_with(&format!("{kind}-")) && name_of(path).ends_with(".sealed")
        };
        let path = machine.state().into_keys().find(is_it);
        let path = path.unwrap_or_else(|| machine.state_dir().join(name));
        fs::write(&path, "damaged").expect("damaged");
        let status = machine.helper(&["status"]);
        let said = format!("{} is damaged", path.display());
        assert!(status.stdout.contains(&said), "{kind}: {}", status.stdout);
        let doctor = machine.helper(&["doctor", contoso]);
        assert!(doctor.stdout.contains(&said), "{kind}: {}", doctor.stdout);
        let get = machine.get(CONTOSO_REQUEST).expect_success();
        assert_eq!(get.stderr, "", "{kind}");
        assert_eq!(get.attribute("username"), Some(standins::ADA), "{kind}");
        // What git does next with what it was given.
        let given = format!("{CONTOSO_REQUEST}{}", get.stdout);
        assert_eq!(machine.store(&given).expect_success().stderr, "", "{kind}");
        machine.age_access_token(4600);
        assert_eq!(machine.get(CONTOSO_REQUEST).expect_success().stderr, "", "{kind}");
        let _ = fs::remove_file(&path);
    }
    assert_eq!(machine.pat_secrets("https://dev.azure.com").len(), 1, "no access token among them");
}

#[test]
fn h10_damaged_tokens_stop_no_session() {
    let machine = Machine::signed_in();
    machine.give_pat("https://dev.azure.com/contoso", "contoso-pat", &[]);
    fs::write(machine.entry("pats"), "damaged").expect("written");
    for request in [
        CONTOSO_REQUEST.to_owned(),
        "protocol=https\nhost=dev.azure.com\nusername=contoso\n".to_owned(),
        format!("{CONTOSO_REQUEST}username={}\n", standins::ADA),
    ] {
        let get = machine.get(&request).expect_success();
        assert_eq!(get.stderr, "", "{request}");
        let given = format!("{request}password={}\n", get.password());
        assert_eq!(machine.store(&given).expect_success().stderr, "", "{request}");
    }
    machine.age_access_token(4600);
    assert_eq!(machine.get(CONTOSO_REQUEST).expect_success().stderr, "");
}

#[test]
fn h02_what_belongs_to_another_account_is_not_answered_from_without_saying_so() {
    let mut machine = Machine::signed_in();
    machine.give_pat("https://dev.azure.com/contoso", "contoso-pat", &[]);
    let mounted = machine.home().join("mounted.key");
    fs::copy(machine.state_dir().join("runner.key"), &mounted).expect("copied");
    if chown(&mounted, Some(4711), None).is_err() {
        return skipped("the right to give files away");
    }
    chown(&mounted, Some(0), None).expect("back");
    machine.set("ONA_AZURE_KEY_FILE", mounted.to_str().expect("text"));
    let state = machine.state_dir();
    let hint = |path: &Path| format!("sudo chown -R \"$(id -u)\" {}", path.display());
    for (path, of) in [
        (state.clone(), &state),
        (state.join("vault.json"), &state),
        (machine.entry("access"), &state),
        (mounted.clone(), &mounted),
    ] {
        // The administrator's own is as good as ours.
        chown(&path, Some(0), None).expect("given");
        let quiet = machine.get(CONTOSO_REQUEST).expect_success();
        assert_eq!(quiet.stderr, "", "{}", path.display());
        chown(&path, Some(4711), None).expect("given away");
        let said = format!("{} belongs to another account (number 4711)", path.display());
        let done = machine.get(CONTOSO_REQUEST).expect_success();
        assert_eq!(done.stdout, quiet.stdout);
        assert!(done.stderr.starts_with(&format!("warning: {said}")), "{}", done.stderr);
        assert!(done.stderr.contains(&hint(of)), "{}", done.stderr);
        assert_eq!(done.stderr.lines().count(), 2, "{}", done.stderr);
        assert_eq!(machine.get(CONTOSO_REQUEST).expect_success().stderr, "", "once a day");
        let status = machine.helper(&["status"]).expect_success().stdout;
        assert!(status.contains(&said) && status.contains(&hint(of)), "{status}");
        let json = machine.helper(&["status", "--json"]).expect_success().json();
        assert_eq!(json["store"]["ofAnotherAccount"], path.to_str().expect("text"));
        let doctor = machine.helper(&["doctor", "https://dev.azure.com/contoso"]).stdout;
        assert!(doctor.contains(&said) && doctor.contains(&hint(of)), "{doctor}");
        chown(&path, Some(0), None).expect("back");
        fs::remove_file(machine.entry("notices")).expect("a day has gone by");
    }
}

#[test]
fn h02_files_that_another_account_left_there_are_made_ones_own_by_one_command() {
    let machine = Machine::signed_in();
    machine.age_access_token(4600);
    let state = machine.state_dir();
    let hint = format!(
        "hint: it belongs to another account; to make all of that directory this one's: \
         sudo chown -R \"$(id -u)\" {}\n",
        state.display()
    );
    for (file, what) in [
        (machine.entry("session"), "cannot be read"),
        (state.join("vault.lock"), "cannot be written"),
    ] {
        if chown(&file, Some(4711), None).is_err() {
            return skipped("the right to give files away");
        }
        let token = ["token", "https://dev.azure.com/contoso"];
        let Some(done) = machine.bound_by_modes(&token) else { return };
        assert_ne!(done.code, 0, "{done:#?}");
        assert!(done.stderr.contains(&format!("{} {what}", file.display())), "{}", done.stderr);
        assert!(done.stderr.contains(&hint), "{}", done.stderr);
        chown(&file, Some(0), None).expect("back");
    }
    machine.get(CONTOSO_REQUEST).expect_success();
}
