//! What is written, and what a second run makes of it.

use std::fs;

use git_credential_ona_azure::git::setup::{Options, Scope, set_up, undo};
use git_credential_ona_azure::report::Exit;

use crate::world::*;

#[test]
fn sections_are_written_for_the_cloud_hosts_and_never_unscoped() {
    with_every_git(|world| {
        let report = world.set_up();
        assert!(report.changed && report.exit() == Exit::Done);
        assert_eq!(report.file, world.config());
        let ours = world.ours().display().to_string();
        for url in ["https://dev.azure.com", "https://*.visualstudio.com"] {
            let helpers = world.git(&["config", "--get-all", &format!("credential.{url}.helper")]);
            assert_eq!(helpers, format!("\n{ours}\n"));
        }
        assert_eq!(world.git(&["config", "--get-all", "credential.helper"]), "");
        for url in ["https://x.visualstudio.com/p/_git/r", "https://dev.azure.com/o/p/_git/r"] {
            let found = world.git(&["config", "--get-urlmatch", "credential.useHttpPath", url]);
            assert_eq!(found, "true\n", "{url}");
        }
        let other = "https://github.com/o/r";
        assert_eq!(world.git(&["config", "--get-urlmatch", "credential", other]), "");
    });
}

#[test]
fn a_second_run_changes_no_byte_and_says_so() {
    with_every_git(|world| {
        world.write(MESSY);
        world.set_up();
        let text = world.text();
        let report = world.set_up();
        assert!(!report.changed && report.lines.is_empty(), "{report:?}");
        assert!(!world.replace().changed);
        assert_eq!(world.text(), text);
    });
}

#[test]
fn git_runs_a_helper_at_any_path() {
    with_every_git(|world| {
        for place in ["plain", "with space", "o'brien \"q\" $(id) `x` #;\\ é", "a&b|c>d*?~!"] {
            let helper = world.helper(place, "git-credential-ona-azure");
            set_up(&world.library(), &helper, &cloud(), &Options::default()).expect("set up");
            let again = set_up(&world.library(), &helper, &cloud(), &Options::default());
            assert!(!again.expect("set up").changed, "{place}");
            let answer = world.fill("https://dev.azure.com/org/p/_git/r");
            assert!(
                answer.contains("password=org/p/_git/r\n"),
                "{place}: {answer}\n{}",
                world.text()
            );
        }
        assert_eq!(world.text().matches("helper = ").count(), 2, "{}", world.text());
    });
}

#[test]
fn an_older_path_gives_way_wherever_it_came_from() {
    with_every_git(|world| {
        let hand = "[credential \"https://dev.azure.com\"]\n\tusername = me\n\thelper =\n\
                    \thelper = /old/git-credential-ona-azure\n[x]\n\ty = z\n";
        world.write(hand);
        world.set_up();
        let text = world.text();
        assert!(!text.contains("/old/") && text.contains("username = me"), "{text}");
        let lines = text.lines().count();

        let moved = world.path("elsewhere/git-credential-ona-azure");
        let report = set_up(&world.library(), &moved, &cloud(), &Options::default());
        assert!(report.expect("set up").changed);
        assert_eq!(
            world.text(),
            text.replace(&*world.ours().to_string_lossy(), &moved.to_string_lossy())
        );
        assert_eq!(world.text().lines().count(), lines);
    });
}

#[test]
fn what_is_right_by_hand_is_left_alone() {
    with_every_git(|world| {
        let ours = world.ours().display().to_string();
        let section = |url: &str| {
            format!("[credential \"{url}\"]\n\tuseHttpPath = true\n\thelper =\n\thelper = {ours}\n")
        };
        let text = section("https://dev.azure.com") + &section("https://*.visualstudio.com");
        world.write(&text);
        assert!(!world.set_up().changed);
        assert_eq!(world.text(), text);
    });
}

#[test]
fn a_section_for_a_server_that_is_gone_goes() {
    with_every_git(|world| {
        world.set_up();
        let text = world.text();
        let server = target("https://tfs.example:8080", false, true);
        let all = [cloud(), vec![server]].concat();
        world.set_up_as(&all, &Options::default()).expect("set up");
        assert!(world.text().contains("tfs.example"));
        world.set_up();
        assert_eq!(world.text(), text);
    });
}

#[test]
fn proactive_auth_is_set_where_git_knows_it() {
    with_every_git(|world| {
        let knows = world.library().version().expect("a version") >= (2, 46);
        let server = [target("http://tfs.example:8080", false, true)];
        world.set_up_as(&server, &Options::default()).expect("set up");
        let url = "http://tfs.example:8080/tfs/C/_git/r";
        let found = world.git(&["config", "--get-urlmatch", "http.proactiveAuth", url]);
        assert_eq!(found, if knows { "basic\n" } else { "" });
        let path = world.git(&["config", "--get-urlmatch", "credential.useHttpPath", url]);
        assert_eq!(path, "");
        assert!(!world.set_up_as(&server, &Options::default()).expect("set up").changed);
        world.undo();
        assert_eq!(world.text(), "");
    });
}

#[test]
fn a_repository_can_be_set_up_alone() {
    with_every_git(|world| {
        world.git(&["init", "-q", "repo"]);
        let deep = world.path("repo/deep");
        fs::create_dir_all(&deep).expect("made");
        let git = world.library().in_directory(&deep);
        let local = Options { scope: Scope::Local, replace: false };
        let file = fs::canonicalize(world.path("repo/.git/config")).expect("a file");
        let before = fs::read(&file).expect("read");
        world.write("[credential]\n\thelper = x\n");
        let report = set_up(&git, &world.ours(), &cloud(), &local).expect("set up");
        assert_eq!(report.file, file);
        assert_eq!(places(&report.displaced), [".gitconfig:2"]);
        let text = fs::read_to_string(&file).expect("read");
        fs::write(&file, format!("{text}[credential]\n\thelper = y\n")).expect("written");
        let report = set_up(&git, &world.ours(), &cloud(), &local).expect("set up");
        let line = fs::read_to_string(&file).expect("read").lines().count();
        assert_eq!(places(&report.following), [format!("config:{line}")]);
        fs::write(&file, text).expect("written");
        undo(&git, &world.ours(), Scope::Local).expect("undone");
        assert_eq!(fs::read(&file).expect("read"), before);
        let outside = world.library().in_directory(world.path("home"));
        let failure = set_up(&outside, &world.ours(), &cloud(), &local).expect_err("no repository");
        assert!(failure.message.hint.is_some());
    });
}
