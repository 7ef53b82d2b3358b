//! What doctor prints and writes: a calm list on terminals of every kind, one document for scripts,
//! a report for support without a secret, and with `--mask` without a name.

mod common;

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use common::terminal::Terminal;
use common::*;
use standins::{ADA, CLIENT_ID, CONTOSO, Dead, FABRIKAM};

const REPOSITORY: &str = "https://dev.azure.com/contoso/app/_git/app";

/// Where nothing is asked of the network, nothing of it is waited for.
fn quick() -> Machine {
    let machine = Machine::new();
    machine.add_pat_integration("dev.azure.com", &[]);
    machine
}

#[track_caller]
fn without_secrets(machine: &Machine, text: &str) {
    for secret in machine.world.secrets() {
        assert!(!text.contains(&secret), "a secret is shown: {text}");
    }
}

#[test]
fn colours_are_for_terminals_that_want_them() {
    const ESCAPE: char = '\u{1b}';
    let mut machine = quick();
    machine.set("TERM", "xterm-256color");
    let on_terminal =
        |machine: &Machine, line: &str| Terminal::start(machine, line).finish().stdout;
    let doctor = "\"$PROGRAM\" doctor";
    let shown = on_terminal(&machine, doctor);
    assert!(shown.contains("\u{1b}[32m✓\u{1b}[0m") && shown.contains("\u{1b}[31m✗"), "{shown}");
    for environment in ["NO_COLOR=1", "TERM=dumb"] {
        let shown = on_terminal(&machine, &format!("{environment} {doctor}"));
        assert!(shown.contains("  ✓ ") && !shown.contains(ESCAPE), "{environment}: {shown}");
    }
    // Set to nothing is not set (no-color.org).
    assert!(on_terminal(&machine, &format!("NO_COLOR= {doctor}")).contains(ESCAPE));
    for piped in [format!("{doctor} | cat"), format!("{doctor} --json")] {
        let shown = on_terminal(&machine, &piped);
        assert!(!shown.contains(ESCAPE), "{piped}: {shown}");
    }
}

#[test]
fn a_terminal_of_another_locale_is_sent_ascii() {
    let mut machine = quick();
    let utf8 = machine.helper(&["doctor"]).stdout;
    assert!(utf8.contains("  ✓ git: git 2."), "{utf8}");
    machine.set("LC_ALL", "C");
    let ascii = machine.helper(&["doctor"]).stdout;
    assert!(ascii.is_ascii() && ascii.contains("  ok git: git 2."), "{ascii}");
    assert!(ascii.contains("  NO "), "{ascii}");
}

#[test]
fn what_to_type_stands_on_a_line_of_its_own() {
    let machine = Machine::tokens_only();
    let shown = machine.helper(&["doctor", REPOSITORY]).stdout;
    let lines: Vec<_> = shown.lines().map(str::trim).collect();
    let command = "git-credential-ona-azure login https://dev.azure.com/contoso --pat";
    assert!(lines.contains(&command), "{shown}");
    let last = lines.last().expect("a line");
    assert!(last.starts_with("What is wrong, at step 6 (connect): "), "{shown}");
}

#[test]
fn the_document_says_all_that_the_list_says() {
    let machine = Machine::tokens_only();
    machine.git(&["config", "--global", "http.sslVerify", "false"]).expect_success();
    // Line ends and labels stand between the parts of an advice.
    let letters = |text: &str| text.chars().filter(|c| c.is_alphanumeric()).collect::<String>();
    let list = letters(&machine.helper(&["doctor", REPOSITORY]).stdout);
    let document = machine.helper(&["doctor", "--json", REPOSITORY]).json();
    schema::validate(&document);
    let mut told = vec![document["conclusion"].clone()];
    for target in document["targets"].as_array().expect("targets") {
        told.extend(Some(target["url"].clone()).filter(|url| !url.is_null()));
        for check in target["checks"].as_array().expect("checks") {
            told.push(check["name"].clone());
            told.push(check["fix"].clone());
            told.extend(check["notes"].as_array().expect("notes").iter().cloned());
            // What a clock and a disk say changes between two looks.
            if !["clock", "disk"].contains(&check["id"].as_str().expect("text")) {
                told.push(check["text"].clone());
            }
        }
    }
    assert!(told.len() > 50, "{document:#}");
    for text in told.iter().filter_map(|text| text.as_str()) {
        assert!(list.contains(&letters(text)), "{text:?} is not in the list");
    }
}

#[test]
fn the_document_says_which_program_where_and_when() {
    let machine = quick();
    let before = jiff_now();
    let document = machine.helper(&["doctor", "--json"]).json();
    schema::validate(&document);
    assert_eq!(document["program"]["version"], env!("CARGO_PKG_VERSION"));
    let date = document["date"].as_str().expect("text");
    assert!(*date >= *before && date.ends_with('Z'), "{date}");
    let git = machine.git(&["version"]).stdout;
    let git = git.trim().strip_prefix("git version ").expect("a version");
    assert_eq!(document["platform"]["git"], git);
    assert!(document["platform"]["os"].as_str().expect("text").starts_with("linux"));
}

/// The time as the documents write it.
fn jiff_now() -> String {
    let output = std::process::Command::new("date").args(["-u", "+%Y-%m-%dT%H:%M:%SZ"]).output();
    String::from_utf8(output.expect("a date").stdout).expect("text").trim().to_owned()
}

#[test]
fn a_report_holds_what_support_asks_for_and_no_secret() {
    let mut machine = Machine::loaded();
    machine.set("HTTPS_PROXY_OF_NOBODY", "x");
    machine.set("ONA_AZURE_PAT", "hunter2-in-the-environment");
    let header = "Authorization: Basic aHVudGVyMjpodW50ZXIy";
    machine.git(&["config", "--global", "http.https://example.org.extraHeader", header]);
    machine.git(&[
        "config",
        "--global",
        "http.https://dev.azure.com.extraHeader",
        "X-Team: hunter2",
    ]);
    let proxied = "http.https://dev.azure.com/other.proxy";
    machine.git(&["config", "--global", proxied, "http://ada:hunter2@proxy.example:8080"]);
    let done = machine.helper(&["doctor", REPOSITORY, "--report", "report.md"]);
    assert_eq!(done.code, 0, "{done:#?}");
    assert_eq!(done.stderr, "note: the report is in report.md\nhint: read it before you send it\n");
    let file = machine.work().join("report.md");
    assert_eq!(fs::metadata(&file).expect("a file").permissions().mode() & 0o777, 0o600);
    let report = fs::read_to_string(&file).expect("text");
    for expected in [
        "\n    git-credential-ona-azure doctor https://dev.azure.com/contoso/app/_git/app\n",
        "\n    All is well.\n",
        "\n    git: 2.",
        "\n    kernel: ",
        ".gitconfig:",
        ": [http \"https://dev.azure.com\"] extraheader = X-Team: (hidden)\n",
        ": [credential \"https://dev.azure.com\"] usehttppath = true\n",
        &format!("  clientId: {CLIENT_ID}\n"),
        "      account: ada@contoso.example\n",
        "      access token: secret:",
        "https://dev.azure.com, contoso\n",
        "runner.key: ",
        "\n    ONA_AZURE_PAT is set\n",
        "\n    HTTPS_PROXY=http://127.0.0.1:",
    ] {
        assert!(report.contains(expected), "{expected:?} is not in {report}");
    }
    for hidden in ["hunter2", "aHVudGVyMjpodW50ZXIy", "AGE-SECRET-KEY", "BEGIN AGE"] {
        assert!(!report.contains(hidden), "{hidden} is in {report}");
    }
    without_secrets(&machine, &report);
}

#[test]
fn a_proxys_password_is_never_shown() {
    let mut machine = quick();
    machine.set("HTTPS_PROXY", "http://ada:hun/t#e r2@127.0.0.1:9");
    let key = "url.https://ada:hun/ter2@mirror.example/.insteadOf";
    machine.git(&["config", "--global", key, "https://dev.azure.com/x"]).expect_success();
    for arguments in [&["--json"][..], &["--report", "-"], &["--report", "-", "--mask"]] {
        let done = machine.helper(&[&["doctor", REPOSITORY], arguments].concat());
        assert!(done.stdout.contains("http://(hidden)@127.0.0.1:9"), "{done:#?}");
        for part in ["ada", "hun", "ter2", "r2@"] {
            assert!(!done.stdout.contains(part), "{part} is in {}", done.stdout);
        }
    }
}

#[test]
fn a_kept_secret_that_stands_where_none_belongs_is_not_shown() {
    let mut machine = quick();
    machine.set_up_git();
    let secret = "kept-and-never-shown";
    machine.give_pat("https://dev.azure.com/contoso", secret, &[]);
    machine.set("HTTPS_PROXY", "http://127.0.0.1:9");
    // As it is, and as a header has it with a username before.
    for told in [secret, "YWRhOmtlcHQtYW5kLW5ldmVyLXNob3du"] {
        let helper = format!("/nowhere/helper /of/{told}");
        let key = "credential.https://dev.azure.com.helper";
        machine.git(&["config", "--global", "--replace-all", key, &helper]).expect_success();
        for arguments in [&[][..], &["--json"], &["--report", "-"], &["--report", "-", "--mask"]] {
            let done = machine.helper(&[&["doctor", REPOSITORY], arguments].concat());
            assert!(done.stdout.contains("/nowhere/helper"), "{done:#?}");
            assert!(done.stdout.contains("(hidden)"), "{done:#?}");
            assert!(!done.stdout.contains(told), "{told} is in {}", done.stdout);
        }
    }
}

#[test]
fn the_report_of_a_failing_set_up_says_what_the_service_said() {
    let machine = Machine::signed_in();
    machine.world.entra().revoke_refresh_tokens(Dead::Password);
    let done = machine.helper(&["doctor", REPOSITORY, "--refresh", "--report", "-"]);
    assert_eq!((done.code, &*done.stderr), (1, ""), "{done:#?}");
    let report = &done.stdout;
    assert!(report.starts_with("# Report of git-credential-ona-azure doctor\n"), "{report}");
    let requests = report.split("\n## Requests that failed\n").nth(1).expect("a section");
    assert!(requests.contains("AADSTS50173"), "{report}");
    assert!(report.contains("      ended: 20"), "{report}");
    without_secrets(&machine, report);
}

#[test]
fn a_report_never_takes_the_place_of_anything_unasked() {
    let machine = quick();
    let work = machine.work();
    fs::write(work.join("notes.md"), "mine").expect("written");
    let report =
        |arguments: &[&str]| machine.helper(&[&["doctor", "--report"], arguments].concat());
    report(&["notes.md"]).expect(
        1,
        "",
        "error: notes.md is there already\n\
         hint: name another file, such as notes-2.md, or add --force to replace it\n",
    );
    assert_eq!(fs::read_to_string(work.join("notes.md")).expect("read"), "mine");
    symlink("notes.md", work.join("link.md")).expect("linked");
    symlink("nowhere", work.join("dangling.md")).expect("linked");
    for link in ["link.md", "dangling.md"] {
        for arguments in [&[link][..], &[link, "--force"]] {
            let said = format!(
                "error: {link} is a symbolic link, and no report follows one\n\
                 hint: name the file itself\n"
            );
            report(arguments).expect(1, "", &said);
        }
    }
    assert!(!work.join("nowhere").exists());
    let directory = report(&[".", "--force"]);
    assert_eq!((directory.code, &*directory.stdout), (1, ""), "{directory:#?}");
    let forced = report(&["notes.md", "--force"]);
    assert!(forced.stderr.starts_with("note: the report is in notes.md\n"), "{forced:#?}");
    let text = fs::read_to_string(work.join("notes.md")).expect("read");
    assert!(text.starts_with("# Report of "), "{text}");
    assert_eq!(
        fs::metadata(work.join("notes.md")).expect("there").permissions().mode() & 0o777,
        0o600
    );
    let both = report(&["both.md", "--json"]);
    schema::validate(&both.json());
    assert!(work.join("both.md").exists());
    let nowhere = report(&["no/such/report.md"]);
    assert!(nowhere.stderr.contains("cannot be written"), "{nowhere:#?}");
    // Before anything is looked at: nothing of it is said.
    assert_eq!((nowhere.code, &*nowhere.stdout), (1, ""), "{nowhere:#?}");
    assert_eq!(report(&["-", "--json"]).code, 2);
}

#[test]
fn with_mask_no_name_is_left_and_equal_ones_stay_equal() {
    let mut machine = Machine::signed_in();
    machine.set("USER", "adalovelace");
    machine.add_pat_integration("tfs.corp.example", &["--virtual-directory", "/tfs"]);
    machine.world.azure().create_repo("contoso", "secretproject", "secretrepo");
    let url = "https://dev.azure.com/contoso/secretproject/_git/secretrepo";
    let rewrite = "url.https://mirror.corp.example/.pushInsteadOf";
    machine.git(&["config", "--global", rewrite, "https://dev.azure.com/"]).expect_success();
    let names = [
        ADA,
        "contoso",
        CONTOSO,
        CLIENT_ID,
        "secretproject",
        "secretrepo",
        "tfs.corp",
        "mirror.corp",
        "adalovelace",
        machine.home().to_str().expect("text"),
    ]
    .map(str::to_ascii_lowercase);
    let runs = [
        machine.helper(&["doctor", url, "--mask"]),
        machine.helper(&["doctor", url, "--mask", "--json"]),
        machine.helper(&["doctor", url, "--mask", "--report", "-"]),
        machine.helper(&["doctor", "--mask", "--report", "-"]),
    ];
    for done in &runs {
        let folded = done.stdout.to_ascii_lowercase();
        for name in &names {
            assert!(!folded.contains(name), "{name} is left in {}", done.stdout);
        }
        assert_eq!(done.stderr, "");
        without_secrets(&machine, &done.stdout);
    }
    let masked = "https://dev.azure.com/organization-1/project-1/_git/repository-1";
    let text = &runs[0].stdout;
    assert!(text.contains(&format!("\n{masked}\n  ")), "{text}");
    assert!(text.contains("who is signed in: account-1, with the right to"), "{text}");
    assert!(text.contains("pushes go to server-"), "{text}");
    let document = runs[1].json();
    schema::validate(&document);
    assert_eq!(document["targets"][1]["url"], masked);
    for expected in ["account: account-1\n", "tenant: tenant-1\n", "client: client-1\n", " ~/"] {
        assert!(runs[2].stdout.contains(expected), "{expected:?} is not in {}", runs[2].stdout);
    }
    // What names nobody is left as it is: without it a report would be of no use.
    assert!(runs[2].stdout.contains("git-credential-ona-azure 0."), "{}", runs[2].stdout);
}

#[test]
fn with_mask_no_name_is_left_of_the_environment_and_the_configuration() {
    use std::os::unix::ffi::OsStringExt as _;
    let mut machine = quick();
    let home = std::ffi::OsString::from_vec(b"/home/h\xe9l\xe8ne".to_vec());
    machine.set("ONA_AZURE_HOST", "tfs.fabrikam.example:8443");
    machine.set("ONA_AZURE_PAT_ORGANIZATION", "fabrikamcorp");
    machine.set("ONA_AZURE_RUNNER_NAME", "northwind-runner");
    machine.set("ONA_AZURE_VIRTUAL_DIRECTORY", "/wingtip");
    machine.set("GIT_CONFIG_COUNT", "1");
    machine.set("GIT_CONFIG_KEY_0", "credential.https://dev.azure.com.username");
    machine.set("GIT_CONFIG_VALUE_0", "adalovelace");
    let arguments = ["doctor", REPOSITORY, "--mask", "--report", "-"];
    let done = run(machine.command(PROGRAM).args(arguments).env("HOME", home), b"");
    for name in ["fabrikam", "northwind", "wingtip", "adalovelace", "/home/h"] {
        assert!(!done.stdout.contains(name), "{name} is left in {}", done.stdout);
    }
    for shown in [
        "ONA_AZURE_HOST=server-1.example:8443\n",
        "ONA_AZURE_RUNNER_NAME=machine-1\n",
        "ONA_AZURE_VIRTUAL_DIRECTORY=/directory-1\n",
        "] username = account-1\n",
        "    HOME=~\n",
    ] {
        assert!(done.stdout.contains(shown), "{shown:?} is not in {}", done.stdout);
    }
}

#[test]
fn with_mask_no_name_is_left_of_what_went_wrong() {
    // What fails, and what of it must not be read.
    type Plant = fn(&Machine);
    let plants: &[(Plant, &str, &[&str])] = &[
        (|machine| machine.world.azure().deny("contoso", ADA), REPOSITORY, &[ADA, "contoso"]),
        (
            |machine| machine.world.azure().set_tenant("contoso", FABRIKAM),
            REPOSITORY,
            &["contoso", FABRIKAM, CONTOSO],
        ),
        (|_| {}, "https://dev.azure.com/northwindtraders/app/_git/app", &["northwind", ADA]),
        (|_| {}, "https://northwindtraders.visualstudio.com/app/_git/app", &["northwind", ADA]),
        (|_| {}, "https://dev.azure.com/contoso/app/_git/nosuchthing", &["nosuchthing", "contoso"]),
        (|_| {}, "https://tfs.corp.example/tfs/maincollection", &["tfs.corp", "maincollection"]),
        (
            |machine| machine.world.entra().revoke_refresh_tokens(Dead::Password),
            REPOSITORY,
            &[ADA, CONTOSO],
        ),
    ];
    let mut machine = Machine::signed_in();
    for (plant, url, names) in plants {
        machine = match machine.access() {
            // A test's machine is costly; most of these leave it as it was.
            Some(_) if *url != REPOSITORY => machine,
            _ => Machine::signed_in(),
        };
        plant(&machine);
        for arguments in [&["--json"][..], &["--report", "-"]] {
            let command = [&["doctor", url, "--refresh", "--mask"], arguments].concat();
            let done = machine.helper(&command);
            // Without an integration it is US01.
            assert!([1, 3].contains(&done.code), "{done:#?}");
            let folded = done.stdout.to_ascii_lowercase();
            for name in *names {
                assert!(!folded.contains(&name.to_ascii_lowercase()), "{name}: {}", done.stdout);
            }
            without_secrets(&machine, &done.stdout);
        }
    }
}

#[test]
fn a_code_that_somebody_read_elsewhere_is_explained() {
    let machine = Machine::new();
    machine.helper(&["doctor", "aadsts50011: The redirect URI 'http://localhost/x' …"]).expect(
        0,
        "AADSTS50011 means, at step 2 (authentication): the redirect URI is not registered for the app; \
         what to do: Authentication → Add a platform, then add the redirect URI that integration add \
         printed, letter by letter\n",
        "",
    );
    machine.helper(&["doctor", "AADSTS999999"]).expect(
        0,
        "AADSTS999999 is not known here; what to do: look it up at \
         https://login.microsoftonline.com/error?code=999999\n",
        "",
    );
    let done = machine.helper(&["doctor", "--json", "TF401019"]);
    assert_eq!((done.code, &*done.stdout), (2, ""), "{done:#?}");
    assert_eq!(machine.world.requests(), []);
}
