//! What README.md tells people to type works, in the order in which it stands there.

mod common;

use std::fs;
use std::path::Path;

use common::*;
use standins::{CLIENT_SECRET, Pat};

/// The blocks of shell commands; those marked `no-test` build or undo things.
fn blocks(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut block: Option<String> = None;
    for line in text.lines() {
        match (&mut block, line) {
            (None, "```sh") => block = Some(String::new()),
            (Some(_), "```") => found.extend(block.take()),
            (Some(block), line) => {
                block.push_str(line);
                block.push('\n');
            }
            (None, _) => {}
        }
    }
    found
}

/// Runs a block with `stdin`, and signs Ada in if it opens the browser.
fn type_in(machine: &Machine, block: &str, stdin: &str) -> Done {
    let opened = machine.home().join("opened");
    std::thread::scope(|scope| {
        let shell =
            scope.spawn(|| run(machine.command("sh").args(["-ec", block]), stdin.as_bytes()));
        while !shell.is_finished() {
            if let Ok(url) = fs::read_to_string(&opened) {
                fs::remove_file(&opened).expect("removed");
                machine.world.browse(&url);
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        shell.join().expect("it ends")
    })
}

#[test]
fn the_blocks_of_the_readme_work_one_after_the_other() {
    let mut machine = Machine::new();
    machine.let_git_use_the_server();
    let browser = machine.script(
        "browser",
        "#!/bin/sh\nprintf %s \"$1\" >\"$HOME/opening\" && mv \"$HOME/opening\" \"$HOME/opened\"\n",
    );
    machine.set("BROWSER", browser.to_str().expect("text"));
    // A person types.
    machine.unset("GIT_TERMINAL_PROMPT");
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md"))
        .expect("README.md");
    let blocks = blocks(&readme);
    assert!(blocks.len() > 8, "{blocks:#?}");
    for block in blocks {
        let stdin = if block.contains("--client-secret-stdin") {
            CLIENT_SECRET.to_owned()
        } else if block.contains("login https://dev.azure.com") {
            machine.world.azure().add_pat("contoso", Pat::read_write())
        } else {
            machine.world.server().add_pat()
        };
        let done = type_in(&machine, &block, &stdin);
        assert_eq!(done.code, 0, "{block}{}{}", done.stdout, done.stderr);
        if block.contains("GIT_TRACE=1") {
            assert!(done.stderr.contains("git-credential-ona-azure get"), "{}", done.stderr);
        }
    }
}

#[test]
fn every_command_and_option_the_readme_names_exists() {
    let machine = Machine::new();
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md"))
        .expect("README.md");
    let mut named = 0;
    for line in
        blocks(&readme.replace("```sh no-test", "```sh")).concat().replace("\\\n", " ").lines()
    {
        let Some(words) = line.trim().strip_prefix("git-credential-ona-azure ") else { continue };
        let words: Vec<_> = words.split_whitespace().collect();
        let is_command = |word: &&&str| word.chars().all(|c| c.is_ascii_lowercase() || c == '-');
        let mut help: Vec<_> = words
            .iter()
            .copied()
            .take_while(|word| is_command(&word) && !word.starts_with('-'))
            .collect();
        help.push("--help");
        let help = machine.helper(&help).expect_success().stdout;
        for option in words.iter().filter(|word| word.starts_with("--")) {
            assert!(help.contains(*option), "{line}: {option} is not in its --help");
            named += 1;
        }
    }
    assert!(named > 8, "{named}");
}
