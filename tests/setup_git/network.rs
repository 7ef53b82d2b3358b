//! git itself: which one is run, with what environment, and which of its settings are believed.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use git_credential_ona_azure::git::Git;
use git_credential_ona_azure::git::{NetworkSettings, network_settings};

use crate::world::*;

#[test]
fn network_settings_come_from_people_and_the_best_url_wins() {
    with_every_git(|world| {
        fs::write(world.path("system"), "[http]\n\tproxy = http://system\n\tsslCAPath = ~/certs\n")
            .expect("written");
        fs::write(
            world.path("home/more"),
            "[http \"https://*.example\"]\n\tproxy = http://special\n",
        )
        .expect("written");
        world.write(
            "[include]\n\tpath = more\n[http]\n\tproxy = http://user\n\tsslCAInfo = /ca.pem\n\
             \tsslVerify\n\tcookieFile = ~nobody-here/x\n[http \"https://rel.org\"]\n\tsslCAInfo = ca.pem\n",
        );
        let settings = network_settings(&world.library(), "https://a.example/x");
        let expected = NetworkSettings {
            proxy: Some("http://special".into()),
            ca_file: Some("/ca.pem".into()),
            ca_path: Some(world.path("home/certs")),
        };
        assert_eq!(settings, expected);
        let other = network_settings(&world.library(), "https://other.org");
        assert_eq!(other.proxy.as_deref(), Some("http://user"));
        let relative = network_settings(&world.library(), "https://rel.org/x");
        assert_eq!(relative.ca_file, None);
    });
}

#[test]
fn nothing_of_a_repository_reaches_the_network_settings() {
    with_every_git(|mut world| {
        let evil = "[http]\n\tproxy = http://evil\n\tsslCAInfo = /evil.pem\n\tsslCAPath = /evil\n";
        world.git(&["init", "-q", "repo"]);
        world.git(&["init", "-q", "--bare", "repo/bare"]);
        for place in ["repo/.git/config", "repo/bare/config"] {
            let text = fs::read_to_string(world.path(place)).expect("read");
            fs::write(world.path(place), text + evil).expect("written");
        }
        fs::create_dir_all(world.path("repo/deep/er")).expect("made");
        let url = "https://dev.azure.com";
        let seen = world.git_in(&world.path("repo/deep/er"), &["config", "http.proxy"]);
        assert_eq!(seen, "http://evil\n", "the bait is good");
        for place in ["repo", "repo/deep/er", "repo/.git", "repo/bare"] {
            let git = world.library().in_directory(world.path(place));
            assert_eq!(network_settings(&git, url), NetworkSettings::default(), "{place}");
        }
        // Not even where git itself lies in a work tree, as it does below a hostile `/.git`.
        fs::create_dir_all(world.path("repo/bin")).expect("made");
        let real = Path::new(world.bin).join("git");
        std::os::unix::fs::symlink(real, world.path("repo/bin/git")).expect("linked");
        let mut variables = world.variables();
        variables.push(("PATH".into(), world.path("repo/bin").into()));
        let git = Git::from_variables(variables).expect("git").in_directory(world.path("repo"));
        assert_eq!(network_settings(&git, url), NetworkSettings::default());

        let hidden = world.path("repo/.git");
        let baits: [(&str, OsString); 7] = [
            ("GIT_DIR", hidden.clone().into()),
            ("GIT_COMMON_DIR", hidden.clone().into()),
            ("GIT_CONFIG", hidden.join("config").into()),
            ("GIT_CONFIG_PARAMETERS", "'http.proxy=http://evil'".into()),
            ("GIT_CONFIG_COUNT", "1".into()),
            ("GIT_CONFIG_KEY_0", "http.proxy".into()),
            ("GIT_CONFIG_VALUE_0", "http://evil".into()),
        ];
        world.extra.extend(baits.map(|(name, value)| (name.into(), value)));
        let git = world.library().in_directory(world.path("repo"));
        assert_eq!(network_settings(&git, url), NetworkSettings::default());
    });
}

#[test]
fn a_git_in_the_current_directory_is_never_run() {
    with_every_git(|world| {
        let fake = world.helper("work", "git");
        let work = fake.parent().expect("a directory");
        let here = work.strip_prefix("/").expect("absolute").display().to_string();
        for path in ["", ".", ":", "./work:", &here, &format!(".:{here}:")] {
            let found = Git::from_variables([("PATH".into(), path.into())]);
            assert!(found.is_none(), "{path}");
        }
        fs::create_dir_all(world.path("dir/git")).expect("made");
        fs::create_dir_all(world.path("file")).expect("made");
        fs::write(world.path("file/git"), "").expect("written");
        let path = format!(
            ".::{}:{}:{}",
            world.path("dir").display(),
            world.path("file").display(),
            world.bin
        );
        let git = Git::from_variables([("PATH".into(), path.into())]).expect("git");
        assert_eq!(git.path(), Path::new(world.bin).join("git"));
    });
}

#[test]
fn git_sees_neither_secrets_nor_the_callers_repository() {
    with_every_git(|mut world| {
        let fake = world.path("fake");
        fs::create_dir_all(&fake).expect("made");
        fs::write(fake.join("git"), "#!/bin/sh\nenv\n").expect("written");
        fs::set_permissions(fake.join("git"), fs::Permissions::from_mode(0o755)).expect("set");
        let secret = ["ONA_AZURE_PAT", "GIT_ASKPASS", "GIT_DIR", "GIT_EXEC_PATH", "LD_PRELOAD"];
        world.extra.extend(secret.map(|name| (name.to_owned(), "hunter2".into())));
        let path = format!(".:{}:/usr/bin:/bin", fake.display());
        world.extra.push(("PATH".into(), path.into()));
        let git = Git::from_variables(world.variables()).expect("git");
        let seen = git.command().output().expect("it runs").stdout;
        let seen = String::from_utf8(seen).expect("UTF-8");
        assert!(!seen.contains("hunter2"), "{seen}");
        let path = format!("PATH={}:/usr/bin:/bin\n", fake.display());
        assert!(
            seen.contains("HOME=") && seen.contains("LC_ALL=C") && seen.contains(&path),
            "{seen}"
        );
    });
}
