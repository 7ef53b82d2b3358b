//! Other helpers: those ours displaces, and those that get in its way.

use std::fs;

use git_credential_ona_azure::git::setup::{Options, Scope};
use git_credential_ona_azure::report::Exit;

use crate::world::*;

#[test]
fn an_earlier_helper_is_displaced_for_our_hosts_only() {
    with_every_git(|world| {
        let ours = world.helper("bin", "git-credential-ona-azure");
        let other = world.helper("bin", "other");
        let system = format!("[x]\n\ty = 1\n[credential]\n\thelper = {}\n", other.display());
        fs::write(world.path("system"), system).expect("written");
        assert!(world.fill("https://dev.azure.com/o/p").contains("username=other"));
        let report = world.set_up();
        assert_eq!(places(&report.displaced), ["system:4"]);
        assert!(report.following.is_empty() && report.exit() == Exit::Done);
        assert!(ours.exists() && world.fill("https://dev.azure.com/o/p").contains("-ona-azure"));
        assert!(world.fill("https://o.visualstudio.com/p").contains("-ona-azure"));
        assert!(world.fill("https://github.com/o/p").contains("username=other"));
        assert!(world.fill("https://dev.azure.com.evil.example/o").contains("username=other"));
    });
}

#[test]
fn a_helper_that_follows_is_named_and_replace_overtakes_it() {
    with_every_git(|world| {
        world.set_up();
        let before = world.text();
        world.write(&format!("{before}[credential]\n\n\thelper = store\n"));
        let report = world.set_up();
        assert!(!report.changed);
        assert_eq!(report.exit(), Exit::Failed);
        let line = before.lines().count() + 3;
        assert_eq!(places(&report.following), [format!(".gitconfig:{line}")]);
        let said: String = report.messages().iter().map(|message| message.render()).collect();
        assert!(said.contains(&format!(".gitconfig:{line}: credential.helper = store")), "{said}");
        assert!(said.contains("setup-git --replace"), "{said}");

        let report = world.replace();
        assert!(report.changed && report.following.is_empty());
        let (ours, rest) = before.split_once("[credential]\n").expect("it is first");
        assert_eq!(
            world.text(),
            format!("{ours}[credential]\n[credential]\n\n\thelper = store\n{rest}")
        );
        assert!(!world.replace().changed && !world.set_up().changed);
    });
}

#[test]
fn every_form_of_follower_is_found() {
    let followers = [
        "[credential \"https://*.azure.com\"]\n\thelper = x\n",
        "[credential \"dev.azure.com\"]\n\thelper = x\n",
        "[credential \"https://\"]\n\thelper = x\n",
        "[credential \"https://dev.azure.com/org\"]\n\thelper = x\n",
        "[credential \"https://org@dev.azure.com\"]\n\thelper = x\n",
        "[credential \"https://contoso.visualstudio.com\"]\n\thelper = x\n",
        "[CREDENTIAL]\n\tHELPER = !f() { echo password=hunter2; }; f\n",
        "[credential]\n\thelper =\n",
        "[include]\n\tpath = more\n",
        "[credential]\n\tuseHttpPath = no\n",
    ];
    with_every_git(|world| {
        fs::write(world.path("home/more"), "#\n[credential]\nhelper = x\n").expect("written");
        for follower in followers {
            world.write("");
            world.set_up();
            world.write(&format!("{}{follower}", world.text()));
            let report = world.set_up();
            let place = if follower.contains("more") { "more:3" } else { ".gitconfig:12" };
            assert_eq!(places(&report.following), [place], "{follower}");
            assert!(!format!("{:?}", report.messages()).contains("hunter2"));
            assert_eq!(world.replace().exit(), Exit::Done, "{follower}\n{}", world.text());
        }
        world.write("");
        world.set_up();
        world
            .write(&format!("{}[credential \"https://github.com\"]\n\thelper = x\n", world.text()));
        assert_eq!(world.set_up().exit(), Exit::Done);
    });
}

#[test]
fn a_later_scope_follows_and_an_earlier_one_does_not() {
    with_every_git(|world| {
        let xdg = world.path("home/.config/git/config");
        fs::create_dir_all(xdg.parent().expect("a directory")).expect("made");
        fs::write(&xdg, "[credential]\n\thelper = x\n").expect("written");
        world.write("");
        let report = world.set_up();
        assert_eq!(places(&report.displaced), ["config:2"]);
        assert_eq!(report.exit(), Exit::Done);
        world.undo();

        world.write("[credential]\n\thelper = y\n");
        let system = Options { scope: Scope::System, replace: false };
        let report = world.set_up_as(&cloud(), &system).expect("set up");
        assert_eq!(report.file, fs::canonicalize(world.path("system")).expect("a file"));
        assert_eq!(places(&report.following), ["config:2", ".gitconfig:2"]);
        assert_eq!(world.text(), "[credential]\n\thelper = y\n");
    });
}
