//! The file: which one it is, what is left in it, and who else uses it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use git_credential_ona_azure::git::setup::{Options, Scope};
use git_credential_ona_azure::report::Exit;

use proptest::prelude::*;

use crate::world::*;

#[test]
fn the_xdg_file_is_used_where_git_uses_it() {
    with_every_git(|world| {
        let xdg = world.path("home/.config/git/config");
        fs::create_dir_all(xdg.parent().expect("a directory")).expect("made");
        fs::write(&xdg, "[a]\n\tb = c\n").expect("written");
        assert_eq!(world.set_up().file, xdg);
        assert!(!world.config().exists());
        world.undo();
        assert_eq!(fs::read_to_string(&xdg).expect("a file"), "[a]\n\tb = c\n");
    });
}

#[test]
fn undo_restores_every_byte() {
    with_every_git(|world| {
        for text in
            ["", MESSY, "[a]\r\n\tb = c\r\n", "[credential]\n\thelper = \n\thelper = store\n"]
        {
            world.write(text);
            world.set_up();
            assert_ne!(world.text(), text);
            let report = world.undo();
            assert!(report.changed);
            assert_eq!(world.text(), text);
            assert!(!world.undo().changed);
        }
    });
}

#[test]
fn undo_leaves_what_others_put_into_our_sections() {
    with_every_git(|world| {
        world.write("[a]\n\tb = c\n");
        world.set_up();
        world.git(&["config", "--global", "credential.https://dev.azure.com.username", "me"]);
        assert!(!world.set_up().changed);
        world.undo();
        let left = "[a]\n\tb = c\n[credential \"https://dev.azure.com\"]\n\tusername = me\n";
        assert_eq!(world.text(), left);
    });
}

#[test]
fn undo_leaves_what_was_written_by_hand_and_names_it() {
    with_every_git(|world| {
        let ours = world.ours();
        let hand = format!(
            "[credential]\n\thelper =\n\thelper = ona-azure\n[credential \"https://tfs.example\"]\n\
             \thelper = {}\n\tuseHttpPath = true\n[alias]\n\thelper = ona-azure\n",
            ours.display()
        );
        world.write(&hand);
        world.set_up();
        assert_ne!(world.text(), hand);
        for changed in [true, false] {
            let report = world.undo();
            assert_eq!(report.changed, changed);
            assert_eq!(world.text(), hand);
            assert_eq!(report.exit(), Exit::Done);
            let notes: Vec<_> = report.by_hand.iter().map(ToString::to_string).collect();
            let file = world.config();
            assert_eq!(
                notes,
                [
                    format!("{}:3: credential.helper = ona-azure", file.display()),
                    format!(
                        "{}:5: credential.https://tfs.example.helper = {}",
                        file.display(),
                        ours.display()
                    ),
                ]
            );
            let last = report.messages().pop().expect("it is said").render();
            assert_eq!(last, format!("note: written by hand, and left: {}\n", notes[1]));
        }
    });
}

#[test]
fn a_symbolic_link_and_the_mode_survive() {
    with_every_git(|world| {
        let real = world.path("dotfiles");
        fs::write(&real, "[a]\n\tb = c\n").expect("written");
        fs::set_permissions(&real, fs::Permissions::from_mode(0o600)).expect("set");
        std::os::unix::fs::symlink("../dotfiles", world.config()).expect("linked");
        world.set_up();
        assert!(world.config().is_symlink());
        assert!(fs::read_to_string(&real).expect("read").contains("dev.azure.com"));
        let mode = fs::metadata(&real).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    });
}

#[test]
fn a_file_that_cannot_be_changed_is_named() {
    with_every_git(|mut world| {
        world.write("[a]\n\tb = c\n");
        fs::set_permissions(world.config(), fs::Permissions::from_mode(0o444)).expect("set");
        let failure = world.set_up_as(&cloud(), &Options::default()).expect_err("read-only");
        assert!(failure.message.text.contains(".gitconfig"), "{failure}");
        assert!(failure.message.text.contains("read-only"), "{failure}");

        fs::set_permissions(world.config(), fs::Permissions::from_mode(0o644)).expect("set");
        world.write("[a\n");
        let failure = world.set_up_as(&cloud(), &Options::default()).expect_err("broken");
        assert!(failure.message.text.contains("line 1"), "{failure}");

        world.write("");
        fs::write(world.path("home/.gitconfig.lock"), "").expect("written");
        let failure = world.set_up_as(&cloud(), &Options::default()).expect_err("locked");
        assert!(failure.message.text.contains(".gitconfig.lock"), "{failure}");
        assert!(world.path("home/.gitconfig.lock").exists());

        world.extra.push(("GIT_CONFIG_GLOBAL".into(), "/dev/null".into()));
        let failure = world.set_up_as(&cloud(), &Options::default()).expect_err("a device");
        assert!(failure.message.text.contains("/dev/null"), "{failure}");
    });
}

#[test]
fn a_file_that_git_does_not_read_is_no_success() {
    with_every_git(|mut world| {
        world.extra.push(("GIT_CONFIG_NOSYSTEM".into(), "1".into()));
        let system = Options { scope: Scope::System, replace: false };
        let failure = world.set_up_as(&cloud(), &system).expect_err("not read");
        assert!(failure.message.text.contains("does not read"), "{failure}");
    });
}

#[test]
fn many_at_once_lose_nothing() {
    with_every_git(|world| {
        std::thread::scope(|scope| {
            for n in 0..6 {
                let world = &world;
                scope.spawn(move || {
                    let key = format!("mine.k{n}");
                    for _ in 0..200 {
                        let mut git = Command::new(Path::new(world.bin).join("git"));
                        git.env_clear().envs(world.variables());
                        let status = git.args(["config", "--global", &key, "1"]).output();
                        if status.expect("git runs").status.success() {
                            return;
                        }
                    }
                    panic!("git never got the lock");
                });
                scope.spawn(move || world.set_up());
            }
        });
        let text = world.text();
        assert_eq!(text.matches("[credential").count(), 3, "{text}");
        assert_eq!(world.git(&["config", "--get-regexp", "^mine"]).lines().count(), 6, "{text}");
    });
}

/// Pieces of configuration files, most of them odd.
fn pieces() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "# c\n",
        "\n",
        " \t\n",
        "[a]\n",
        "[a] b = c\n",
        "[A.b]\r\n\tx = \"y;\\n\" ; z\r\n",
        "[credential]\n\thelper = store\n",
        "[credential]\n\thelper =\n\thelper = cache\n\tuseHttpPath\n",
        "[credential \"https://dev.azure.com\"]\n",
        "[credential \"https://dev.azure.com\"]\thelper = !x \\\n  y # z\n",
        "[credential \"https://dev.azure.com\"]\n\tusername = \"a b\"\n\t; d\n\thelper =\n",
        "[credential \"https://*.visualstudio.com\"]\n\tuseHttpPath = false\n",
        "[http \"https://tfs.example\"]\n\tproactiveAuth = auto\n",
        "[x \"q\\\"\\\\ ]\"]\n\tk-e-y\n",
    ])
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(40) })]

    #[test]
    fn any_file_comes_back_and_stays_put_in_between(parts in prop::collection::vec(pieces(), 0..8)) {
        with_every_git(|world| {
            let text = parts.concat();
            world.write(&text);
            let all = [cloud(), vec![target("https://tfs.example", false, true)]].concat();
            let run = |replace| {
                let options = Options { replace, ..Options::default() };
                world.set_up_as(&all, &options).expect("set up")
            };
            assert!(run(false).following.is_empty(), "{}", world.text());
            let done = world.text();
            assert!(!run(false).changed && !run(true).changed, "{done}");
            world.git(&["config", "--global", "credential.helper", "late"]);
            run(true);
            world.undo();
            world.write(&done);
            world.undo();
            assert_eq!(world.text(), text);
        });
    }
}
