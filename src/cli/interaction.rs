//! Whether a person may be asked for anything.

use std::env;
use std::io::{IsTerminal as _, stderr, stdin};

use crate::git::parameters::{is_no, last_value};
use crate::person::Person;

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
    /// A script without a terminal, which says that nobody is asked: nobody would come.
    NobodyThere,
}

/// What that depends on.
#[derive(Clone, Copy, Debug)]
struct Around {
    never: bool,
    ci: bool,
    no_prompt: bool,
    terminal_in: bool,
    terminal_err: bool,
}

/// Whether a step must not be taken here. `GIT_TERMINAL_PROMPT` is about the prompts of git, and these
/// commands a person types; without a terminal it says that nobody is there.
pub(super) fn forbidden(step: Step) -> Option<Forbidden> {
    let around = Around {
        never: is_never(variable),
        ci: is_ci(variable),
        no_prompt: variable("GIT_TERMINAL_PROMPT").is_some_and(|value| is_no(&value)),
        terminal_in: stdin().is_terminal(),
        terminal_err: stderr().is_terminal(),
    };
    decide(step, around)
}

/// Whoever waits for git at a terminal, if they may be asked for a sign-in.
pub(super) fn person_behind_git() -> Option<Person> {
    git_may_ask(variable).then(Person::behind_git).flatten()
}

/// Whether git's caller lets anybody ask. `credential.interactive` is read from the environment
/// alone: reading the configuration would mean to run git, and a repository has no say in it.
fn git_may_ask(variable: impl Fn(&str) -> Option<String> + Copy) -> bool {
    let prompts = variable("GIT_TERMINAL_PROMPT").is_none_or(|value| !is_no(&value));
    let interactive = interactive_parameter(variable).is_none_or(|value| !is_no(&value));
    prompts && interactive && !is_never(variable) && !is_ci(variable)
}

/// `credential.interactive` as `git -c` or `GIT_CONFIG_COUNT` (git-config(1)) set it.
fn interactive_parameter(variable: impl Fn(&str) -> Option<String>) -> Option<String> {
    const KEY: &str = "credential.interactive";
    let count = variable("GIT_CONFIG_COUNT").and_then(|count| count.parse().ok()).unwrap_or(0);
    let counted = (0..usize::min(count, 1000)).rev().find_map(|at| {
        let key = variable(&format!("GIT_CONFIG_KEY_{at}"))?;
        key.eq_ignore_ascii_case(KEY).then(|| variable(&format!("GIT_CONFIG_VALUE_{at}")))?
    });
    // `git -c` comes after them.
    let parameters = variable("GIT_CONFIG_PARAMETERS").unwrap_or_default();
    last_value(&parameters, KEY).or(counted)
}

fn is_never(variable: impl Fn(&str) -> Option<String>) -> bool {
    variable("ONA_AZURE_INTERACTIVE").is_some_and(|value| value == "never")
}

fn is_ci(variable: impl Fn(&str) -> Option<String>) -> bool {
    variable("CI").is_some_and(|value| !is_no(&value))
}

fn variable(name: &str) -> Option<String> {
    env::var(name).ok()
}

fn decide(step: Step, around: Around) -> Option<Forbidden> {
    let Around { never, ci, no_prompt, terminal_in, terminal_err } = around;
    match step {
        Step::Browser { .. } if never => Some(Forbidden::Never),
        Step::Browser { asked: false } if (ci || no_prompt) && !terminal_in && !terminal_err => {
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
    fn k04_git_asks_nobody_where_its_caller_says_so() {
        let rows: &[(&[(&str, &str)], bool)] = &[
            (&[], true),
            (&[("GIT_TERMINAL_PROMPT", "1")], true),
            (&[("GIT_TERMINAL_PROMPT", "0")], false),
            (&[("GIT_TERMINAL_PROMPT", "false")], false),
            (&[("ONA_AZURE_INTERACTIVE", "auto")], true),
            (&[("ONA_AZURE_INTERACTIVE", "never")], false),
            (&[("CI", "true")], false),
            (&[("CI", "false")], true),
            (&[("GIT_CONFIG_PARAMETERS", "'credential.interactive'='false'")], false),
            (&[("GIT_CONFIG_PARAMETERS", "'credential.interactive=never'")], false),
            (&[("GIT_CONFIG_PARAMETERS", "'credential.interactive'='true'")], true),
            (
                &[
                    ("GIT_CONFIG_COUNT", "2"),
                    ("GIT_CONFIG_KEY_0", "user.name"),
                    ("GIT_CONFIG_VALUE_0", "Ada"),
                    ("GIT_CONFIG_KEY_1", "credential.interactive"),
                    ("GIT_CONFIG_VALUE_1", "0"),
                ],
                false,
            ),
        ];
        for (set, expected) in rows {
            let variable = |name: &str| {
                set.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
            };
            assert_eq!(git_may_ask(variable), *expected, "{set:?}");
        }
    }

    #[test]
    fn who_may_be_asked_for_what() {
        const OPEN: Step = Step::Browser { asked: false };
        const ASKED: Step = Step::Browser { asked: true };
        let rows = [
            // never, CI, GIT_TERMINAL_PROMPT=0, terminal on stdin and stderr: `login`, `login --browser`, a secret.
            ("", None, None, None),
            ("in err", None, None, None),
            ("ci", Some(Forbidden::NobodyThere), None, None),
            ("prompt", Some(Forbidden::NobodyThere), None, None),
            ("prompt in", None, None, None),
            ("prompt err", None, None, None),
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
                no_prompt: is("prompt"),
                terminal_in: is("in"),
                terminal_err: is("err"),
            };
            let decided = [OPEN, ASKED, Step::Secret].map(|step| decide(step, around));
            assert_eq!(decided, [open, asked, secret], "{words}");
        }
    }
}
