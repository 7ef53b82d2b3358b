//! The value of `credential.helper` that means this program: written, and recognised. Pure.

use std::path::{Path, PathBuf};

use crate::report::Failure;

/// The program's name, without the suffix Windows adds.
const NAME: &str = "git-credential-ona-azure";

/// The value that makes git run the program at this path. git hands it to `sh -c` as it is, if it
/// begins like an absolute path; so it may not begin with a quote, and each character that means
/// something to the shell is escaped by itself.
pub(super) fn value(program: &Path) -> Result<String, Failure> {
    let unusable = |why: &str| {
        Failure::new(format!("git cannot be told to run `{}`: {why}", program.display()))
            .hint("install the program elsewhere, with install.sh --prefix DIR")
    };
    if !program.is_absolute() {
        return Err(unusable("the path is not absolute"));
    }
    let path = program.to_str().ok_or_else(|| unusable("the path is not UTF-8"))?;
    // git's shell is a POSIX one on Windows, too.
    let path = if cfg!(windows) { path.replace('\\', "/") } else { path.to_owned() };
    if path.chars().any(char::is_control) {
        return Err(unusable("the path has a control character in it"));
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@%,=".contains(c) || !c.is_ascii();
    Ok(path.chars().fold(String::new(), |mut quoted, c| {
        if !plain(c) {
            quoted.push('\\');
        }
        quoted.push(c);
        quoted
    }))
}

/// Whether a value of `credential.helper` runs this program: the present value, any other path to
/// a program of our name, or the short form that git looks up itself.
pub(super) fn is_ours(helper: &str, present: &str) -> bool {
    if helper == present {
        return true;
    }
    let bare: String =
        helper.trim_start_matches('!').chars().filter(|c| !"'\"\\".contains(*c)).collect();
    let short = bare.split_whitespace().next().unwrap_or_default();
    if short == "ona-azure" || short == NAME {
        return true;
    }
    bare.match_indices(NAME).any(|(at, name)| {
        let after = &bare[at + name.len()..];
        let after = after.strip_prefix(".exe").unwrap_or(after);
        bare[..at].ends_with('/') && (after.is_empty() || after.starts_with(char::is_whitespace))
    })
}

/// A helper's value as it may be shown: a shell snippet may hold a password, so only its first
/// word is.
pub(super) fn shown(helper: &str) -> String {
    match helper.split_once(char::is_whitespace) {
        Some((first, _)) if helper.starts_with('!') => format!("{first} …"),
        _ => helper.to_owned(),
    }
}

/// The program that git's shell runs for a helper's value, where that can be told without a shell:
/// an absolute path to a program of our name, or a name that is looked up (gitcredentials(7): `!`
/// leads a shell's command, a path is taken as it is, and `foo` stands for `git credential-foo`).
pub(super) fn program(helper: &str) -> Option<PathBuf> {
    let command = helper.strip_prefix('!').unwrap_or(helper);
    let word = first_word(command)?;
    let path = PathBuf::from(&word);
    if path.is_absolute() {
        // Whatever else leads the command runs this program in a way of its own.
        let name = path.file_name()?.to_str()?;
        return (name.strip_suffix(".exe").unwrap_or(name) == NAME).then_some(path);
    }
    match helper.starts_with('!') {
        true => (word == NAME).then_some(path),
        false => Some(format!("git-credential-{word}").into()),
    }
}

/// The first word as a shell reads it; `None` where the shell puts something else in its place.
fn first_word(command: &str) -> Option<String> {
    let command = command.trim_start();
    let mut word = String::new();
    let mut quote = None;
    let mut chars = command.chars();
    while let Some(c) = chars.next() {
        match (c, quote) {
            (c, Some(open)) if c == open => quote = None,
            (c, Some('\'')) => word.push(c),
            ('$' | '`', _) | ('*' | '?' | '[', None) => return None,
            ('\\', _) => word.extend(chars.next()),
            ('\'' | '"', None) => quote = Some(c),
            (c, None) if c.is_whitespace() || ";&|<>".contains(c) => break,
            (c, _) => word.push(c),
        }
    }
    Some(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_shell_would_read_is_escaped() {
        let quoted = |path: &str| value(Path::new(path)).expect("an absolute path");
        assert_eq!(
            quoted("/usr/bin/git-credential-ona-azure"),
            "/usr/bin/git-credential-ona-azure"
        );
        assert_eq!(quoted("/a b/o'x/$(id)"), r"/a\ b/o\'x/\$\(id\)");
        assert!(value(Path::new("bin/x")).is_err());
        assert!(value(Path::new("/a\nb")).is_err());
    }

    #[test]
    fn our_program_is_known_under_every_path() {
        for ours in [
            "/usr/bin/git-credential-ona-azure",
            r"/home/a\ b/git-credential-ona-azure",
            "!'/a b/git-credential-ona-azure'",
            "/opt/git-credential-ona-azure --flag",
            "C:/Program\\ Files/git-credential-ona-azure.exe",
            "ona-azure",
            "/opt/other",
        ] {
            assert!(is_ours(ours, "/opt/other"), "{ours}");
        }
        for other in
            ["", "store", "/x/git-credential-ona-azure-old", "/x/not-git-credential-ona-azure"]
        {
            assert!(!is_ours(other, "/opt/other"), "{other}");
        }
    }

    #[test]
    fn the_program_of_a_value_is_known_where_no_shell_has_a_say() {
        for (helper, expected) in [
            ("/b/git-credential-ona-azure --flag", "/b/git-credential-ona-azure"),
            (r"/a\ b/o\'x/git-credential-ona-azure get", "/a b/o'x/git-credential-ona-azure"),
            ("!'/a b/git-credential-ona-azure.exe' --flag", "/a b/git-credential-ona-azure.exe"),
            ("!'/a$b/git-credential-ona-azure'&& x", "/a$b/git-credential-ona-azure"),
            ("ona-azure --flag", "git-credential-ona-azure"),
            ("!git-credential-ona-azure;", "git-credential-ona-azure"),
        ] {
            assert_eq!(program(helper).as_deref(), Some(Path::new(expected)), "{helper}");
        }
        for untold in [
            "!~/bin/git-credential-ona-azure",
            "!$HOME/bin/git-credential-ona-azure",
            "!\"$HOME\"/bin/git-credential-ona-azure",
            "/home/$USER/git-credential-ona-azure",
            "/home/*/git-credential-ona-azure",
            "!A=1 /opt/git-credential-ona-azure",
            "!env A=1 /opt/git-credential-ona-azure",
            "!test -x /opt/git-credential-ona-azure && /opt/git-credential-ona-azure",
            "!/usr/bin/sudo /opt/git-credential-ona-azure",
            "/usr/bin/env /opt/git-credential-ona-azure",
            "!git-credential-ona-azure() { exit; }",
            "!",
        ] {
            assert_eq!(program(untold), None, "{untold}");
        }
    }

    #[test]
    fn snippets_are_not_shown() {
        assert_eq!(shown("!f() { echo password=hunter2; }; f"), "!f() …");
        assert_eq!(shown("store --file /x"), "store --file /x");
    }
}
