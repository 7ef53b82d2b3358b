//! git, and what it lacks.

use super::super::context::Machine;
use super::super::table::Outcome;
use crate::git::setup::PROACTIVE_SINCE;
use crate::git::{Git, Refusal};

/// What came with a version of git (its release notes, and gitcredentials(7) of before and after).
const NEWS: &[((u32, u32), &str)] = &[
    ((2, 26), "sections for *.visualstudio.com (2.26)"),
    ((2, 40), "to forget a token that has run out (2.40)"),
    ((2, 41), "to say what a Server offers in place of a token (2.41)"),
    ((2, 46), "to send a token before it is asked, as a Server with NTLM needs (2.46)"),
];

pub(super) fn git(machine: &Machine) -> Outcome {
    let Some(git) = machine.git() else {
        return Outcome::failed(None, "git is not on the PATH", "install git: apt-get install git");
    };
    let Some(version) = git.version() else {
        return match git.refusal() {
            Some(Refusal { words, fix }) => {
                Outcome::failed(None, format!("every git command ends at once: {words}"), fix)
            }
            None => Outcome::failed(
                None,
                format!("{} does not say its version", git.path().display()),
                "install git anew",
            ),
        };
    };
    let said = git.version_text().unwrap_or_default();
    Outcome::passed(format!("git {said} in {}", git.path().display())).note(lacks(version))
}

/// In words, what that version does not know.
fn lacks(version: (u32, u32)) -> Option<String> {
    let lacks: Vec<_> =
        NEWS.iter().filter(|(since, _)| version < *since).map(|(_, what)| *what).collect();
    (!lacks.is_empty()).then(|| format!("it is too old for: {}", lacks.join("; ")))
}

/// Whether that git can be told to send a token before it is asked.
pub(in crate::doctor) fn knows_proactive(machine: &Machine) -> bool {
    machine.git().and_then(Git::version).is_some_and(|version| version >= PROACTIVE_SINCE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_version_lacks_is_said_and_of_a_new_one_nothing() {
        assert_eq!(lacks((2, 46)), None);
        let only = "it is too old for: to send a token before it is asked, as a Server with NTLM needs (2.46)";
        assert_eq!(lacks((2, 45)).as_deref(), Some(only));
        assert_eq!(lacks((2, 25)).map(|words| words.matches("(2.").count()), Some(4));
    }
}
