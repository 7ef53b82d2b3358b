//! What comes after us in a configuration file: helpers that others set later, such as VS Code at
//! every attach of a dev container, and files that count in some repositories only.

use std::fs;

use git_credential_ona_azure::git::setup::{Options, Scope, Target, set_up};
use git_credential_ona_azure::report::Exit;

use crate::world::*;

const THEIRS: &str = "!f() { echo username=they; echo password=theirs; }; f";

/// Sets a helper as VS Code does.
fn attach(world: &World) {
    world.git(&["config", "--global", "--replace-all", "credential.helper", THEIRS]);
}

fn expect_ours(world: &World) {
    let report = world.set_up();
    assert_eq!(report.exit(), Exit::Done, "{report:?}\n{}", world.text());
    for host in ["dev.azure.com/org/p/_git/r", "org.visualstudio.com/p/_git/r"] {
        let answer = world.fill(&format!("https://{host}"));
        assert!(!answer.contains("theirs"), "{host}: {answer}\n{}", world.text());
    }
    // Other hosts have their helper.
    let answer = world.fill("https://github.com/o/r");
    assert!(answer.contains("password=theirs"), "{answer}\n{}", world.text());
}

#[test]
fn a_helper_that_is_set_later_is_dropped_again_for_our_hosts() {
    with_every_git(|world| {
        world.set_up();
        for _ in 0..3 {
            attach(&world);
            expect_ours(&world);
        }
        assert!(!world.set_up().changed, "{}", world.text());
        assert_eq!(world.text().matches("[credential]").count(), 1, "{}", world.text());
    });
}

#[test]
fn what_an_earlier_version_wrote_gets_the_section_too() {
    with_every_git(|world| {
        world.write("[user]\n\tname = Ada\n");
        world.set_up();
        let is_new = |line: &&str| *line == "[credential]" || line.starts_with('#');
        let old: Vec<_> =
            world.text().lines().filter(|line| !is_new(line)).map(str::to_owned).collect();
        let old = old.join("\n") + "\n";
        assert_ne!(old, world.text());
        world.write(&old);
        let report = world.set_up();
        assert_eq!(report.lines, ["+ [credential]"], "{}", world.text());
        attach(&world);
        expect_ours(&world);
    });
}

#[test]
fn a_section_that_is_there_before_ours_is_enough_and_one_behind_is_overtaken() {
    with_every_git(|world| {
        world.write("[credential]\n\tuseHttpPath = false\n");
        world.set_up();
        assert_eq!(world.text().matches("[credential]").count(), 1, "{}", world.text());
        attach(&world);
        expect_ours(&world);

        // Without a helper yet: the next one would come after ours.
        world.write("");
        world.set_up();
        let text = world.text().replace("[credential]\n", "[user]\n");
        world.write(&format!("{text}[credential]\n\tusername = ada\n"));
        world.set_up();
        attach(&world);
        expect_ours(&world);
    });
}

#[test]
fn undoing_takes_the_section_out_if_it_is_still_empty() {
    with_every_git(|world| {
        for before in ["", "[user]\n\tname = Ada\n"] {
            world.write(before);
            world.set_up();
            assert!(world.text().contains("[credential]"));
            world.undo();
            assert_eq!(world.text(), before);
            world.set_up();
            attach(&world);
            world.undo();
            let left = world.text();
            assert!(!left.contains("git-credential-ona-azure"), "{left}");
            assert!(world.fill("https://dev.azure.com/o/p/_git/r").contains("theirs"), "{left}");
        }
    });
}

#[test]
fn undoing_leaves_no_file_that_was_not_there() {
    with_every_git(|world| {
        world.set_up();
        assert!(world.config().exists());
        world.undo();
        assert!(!world.config().exists());
    });
}

#[test]
fn an_organization_s_own_section_stays_and_git_still_asks_once() {
    with_every_git(|world| {
        let one = Target {
            url: "https://contoso.visualstudio.com".to_owned(),
            use_http_path: true,
            proactive: false,
        };
        let targets = [cloud(), vec![one]].concat();
        let report = set_up(&world.library(), &world.ours(), &targets, &Options::default());
        assert_eq!(report.expect("set up").exit(), Exit::Done);
        let again = world.set_up();
        assert_eq!(again.exit(), Exit::Done, "{again:?}");
        // libgit2 reads exactly this.
        let key = "credential.https://contoso.visualstudio.com.helper";
        let ours = format!("\n{}\n", world.ours().display());
        assert_eq!(world.git(&["config", "--get-all", key]), ours);
        assert!(!world.set_up().changed, "it stays though it is not named again");
        world.undo();
        assert_eq!(world.git(&["config", "--get-all", key]), "");
    });
}

#[test]
fn what_counts_in_some_repositories_only_is_judged_in_them_and_named_elsewhere() {
    with_every_git(|world| {
        let work = world.path("work");
        fs::create_dir_all(&work).expect("made");
        fs::write(world.path("extra"), format!("[credential]\n\thelper = \"{THEIRS}\"\n"))
            .expect("written");
        world.set_up();
        let include = format!(
            "[includeIf \"gitdir:{}/\"]\n\tpath = {}\n",
            work.display(),
            world.path("extra").display()
        );
        world.write(&format!("{}{include}", world.text()));
        let outside = world.library().in_directory(world.path("home"));
        let report =
            set_up(&outside, &world.ours(), &cloud(), &Options::default()).expect("set up");
        assert_eq!(report.exit(), Exit::Done, "{report:?}");
        assert_eq!(report.conditional.len(), 1, "{report:?}");
        assert!(report.conditional[0].line.is_some(), "{report:?}");

        world.git(&["init", "-q", work.to_str().expect("text")]);
        let inside = world.library().in_directory(&work);
        let options = Options { scope: Scope::Global, ..Options::default() };
        let report = set_up(&inside, &world.ours(), &cloud(), &options).expect("set up");
        assert_eq!(report.exit(), Exit::Failed, "{report:?}");
        assert_eq!(report.following[0].file, world.path("extra"), "{report:?}");
        assert_eq!(report.conditional.len(), 0, "{report:?}");
    });
}
