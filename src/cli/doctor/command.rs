//! Which part of an advice is a command, so that it can stand on a line of its own and be copied
//! whole. Pure.

/// A part of an advice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part<'a> {
    /// Words, and what is to be clicked.
    Words(&'a str),
    /// A command as it is to be typed.
    Command(&'a str),
}

/// How commands begin that an advice may name. `git` alone also is a word of prose.
const BEGINNINGS: &[&str] = &[
    "git-credential-ona-azure ",
    "git config ",
    "git remote ",
    "apt-get ",
    "chmod ",
    "chown ",
    "export ",
    "mv ",
    "sudo ",
    "timedatectl ",
    "unset ",
];

/// What ends a command in a sentence.
const ENDS: &[&str] = &["; ", ", ", " ("];

/// An advice in its parts, in order.
pub(super) fn parts(advice: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut rest = advice;
    while let Some(at) = beginning(rest) {
        let words = rest[..at].trim();
        let command = &rest[at..];
        let end = end(command);
        if !words.is_empty() {
            parts.push(Part::Words(words));
        }
        parts.push(Part::Command(command[..end].trim()));
        rest = command[end..].trim_start_matches([';', ',', ' ']);
    }
    if !rest.is_empty() {
        parts.push(Part::Words(rest));
    }
    parts
}

/// Where a command ends. What is quoted is a part of it, whatever it holds.
fn end(command: &str) -> usize {
    let mut quote = None;
    let mut escaped = false;
    for (at, c) in command.char_indices() {
        match (quote, c) {
            _ if escaped => escaped = false,
            // Single quotes take a backslash as it is (POSIX Shell, 2.2.2).
            (None | Some('"'), '\\') => escaped = true,
            (None, '\'' | '"') => quote = Some(c),
            (Some(open), _) if open == c => quote = None,
            (None, _) if ENDS.iter().any(|end| command[at..].starts_with(end)) => return at,
            _ => {}
        }
    }
    // A quote that is never closed is an apostrophe in the words behind.
    if quote.is_some() {
        return ENDS.iter().filter_map(|end| command.find(end)).min().unwrap_or(command.len());
    }
    command.len()
}

/// Where the next command begins: at the start, or behind a colon.
fn beginning(text: &str) -> Option<usize> {
    let starts = |at: usize| BEGINNINGS.iter().any(|beginning| text[at..].starts_with(beginning));
    std::iter::once(0)
        .chain(text.match_indices(": ").map(|(at, colon)| at + colon.len()))
        .find(|at| starts(*at))
}

#[cfg(test)]
mod tests {
    use super::Part::{Command, Words};
    use super::*;

    #[test]
    fn commands_are_told_from_words() {
        let login = "git-credential-ona-azure login https://dev.azure.com/contoso";
        for (advice, expected) in [
            (login.to_owned(), vec![Command(login)]),
            (format!("sign in again: {login}"), vec![Words("sign in again:"), Command(login)]),
            (
                format!("make one: {login}; if it has that, ask"),
                vec![Words("make one:"), Command(login), Words("if it has that, ask")],
            ),
            (
                "set the clock: timedatectl set-ntp true, or restart".to_owned(),
                vec![
                    Words("set the clock:"),
                    Command("timedatectl set-ntp true"),
                    Words("or restart"),
                ],
            ),
            ("install git".to_owned(), vec![Words("install git")]),
            ("git is missing: git it is".to_owned(), vec![Words("git is missing: git it is")]),
            (
                "mv 'a' 'b' && git-credential-ona-azure logout --all".to_owned(),
                vec![Command("mv 'a' 'b' && git-credential-ona-azure logout --all")],
            ),
            (
                r"to use HTTPS: git remote set-url 'x; o'\''y, (z' https://a; or ask".to_owned(),
                vec![
                    Words("to use HTTPS:"),
                    Command(r"git remote set-url 'x; o'\''y, (z' https://a"),
                    Words("or ask"),
                ],
            ),
            (
                "chmod go-w /x, or ask for Ada's help".to_owned(),
                vec![Command("chmod go-w /x"), Words("or ask for Ada's help")],
            ),
            (String::new(), vec![]),
        ] {
            assert_eq!(parts(&advice), expected, "{advice}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_letter_is_lost(advice in "[a-z:;, é]{0,40}(git-credential-ona-azure )?[a-z:;, ]{0,20}") {
            let letters = |text: &str| text.chars().filter(|c| c.is_alphabetic()).collect::<String>();
            let all: String = parts(&advice)
                .into_iter()
                .map(|part| match part { Words(text) | Command(text) => letters(text) })
                .collect();
            proptest::prop_assert_eq!(all, letters(&advice));
        }
    }
}
