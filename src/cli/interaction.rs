//! Whether a person may be asked for anything.

use std::env;
use std::io::{IsTerminal as _, stderr, stdin};

/// What a command would do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Open a browser and wait for it; `asked` if `--browser` was typed.
    Browser { asked: bool },
    /// Read a secret from standard input, with a prompt if that is a terminal.
    Secret,
}

/// Why it must not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Forbidden {
    /// `ONA_AZURE_INTERACTIVE` is `never`.
    Never,
    /// A CI job without a terminal: nobody would come.
    NobodyThere,
}

/// What that depends on.
#[derive(Clone, Copy, Debug)]
struct Around {
    never: bool,
    ci: bool,
    terminal_in: bool,
    terminal_err: bool,
}

/// Whether a step must not be taken here. `GIT_TERMINAL_PROMPT` is about the prompts of git; these
/// commands a person types.
pub(super) fn forbidden(step: Step) -> Option<Forbidden> {
    let is = |name: &str, test: fn(&str) -> bool| env::var(name).is_ok_and(|value| test(&value));
    let around = Around {
        never: is("ONA_AZURE_INTERACTIVE", |value| value == "never"),
        ci: is("CI", |value| !matches!(value, "" | "0" | "false")),
        terminal_in: stdin().is_terminal(),
        terminal_err: stderr().is_terminal(),
    };
    decide(step, around)
}

fn decide(step: Step, around: Around) -> Option<Forbidden> {
    let Around { never, ci, terminal_in, terminal_err } = around;
    match step {
        Step::Browser { .. } if never => Some(Forbidden::Never),
        Step::Browser { asked: false } if ci && !terminal_in && !terminal_err => {
            Some(Forbidden::NobodyThere)
        }
        Step::Secret if never && terminal_in => Some(Forbidden::Never),
        Step::Browser { .. } | Step::Secret => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_be_asked_for_what() {
        const OPEN: Step = Step::Browser { asked: false };
        const ASKED: Step = Step::Browser { asked: true };
        let rows = [
            // never, CI, terminal on stdin and stderr: `login`, `login --browser`, a secret.
            ("", None, None, None),
            ("in err", None, None, None),
            ("ci", Some(Forbidden::NobodyThere), None, None),
            ("ci in", None, None, None),
            ("ci err", None, None, None),
            ("ci in err", None, None, None),
            ("never", Some(Forbidden::Never), Some(Forbidden::Never), None),
            ("never ci", Some(Forbidden::Never), Some(Forbidden::Never), None),
            ("never err", Some(Forbidden::Never), Some(Forbidden::Never), None),
            (
                "never in err",
                Some(Forbidden::Never),
                Some(Forbidden::Never),
                Some(Forbidden::Never),
            ),
            ("never ci in", Some(Forbidden::Never), Some(Forbidden::Never), Some(Forbidden::Never)),
        ];
        for (words, open, asked, secret) in rows {
            let is = |word: &str| words.split(' ').any(|one| one == word);
            let around = Around {
                never: is("never"),
                ci: is("ci"),
                terminal_in: is("in"),
                terminal_err: is("err"),
            };
            let decided = [OPEN, ASKED, Step::Secret].map(|step| decide(step, around));
            assert_eq!(decided, [open, asked, secret], "{words}");
        }
    }
}
