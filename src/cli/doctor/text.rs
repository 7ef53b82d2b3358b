//! What was found, for people: one line a check, what to do below the one that failed, the
//! conclusion last.

use std::ffi::OsStr;
use std::io::IsTerminal as _;

use super::command::{Part, parts};
use crate::doctor::{Done, Examined, Outcome};
use crate::report::escape;

/// From so many addresses on, those where nothing is wrong take one line each.
const MANY: usize = 4;

/// How it is to look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::cli) struct Style {
    /// Marks in colour.
    pub(in crate::cli) colours: bool,
    /// Nothing but ASCII.
    pub(in crate::cli) ascii: bool,
}

impl Style {
    /// As standard output and the environment have it.
    pub(in crate::cli) fn for_stdout() -> Self {
        let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        // https://no-color.org: set and not empty. terminfo(5): a dumb terminal knows no colours.
        let unwanted = variable("NO_COLOR").is_some()
            || variable("TERM").is_some_and(|terminal| terminal == "dumb");
        // locale(7): the first of these that is set counts. Where none is, as in many containers,
        // the terminal is somebody's own all the same, and those read UTF-8.
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(variable);
        Self {
            colours: std::io::stdout().is_terminal() && !unwanted,
            ascii: locale.is_some_and(|locale| !is_utf8(&locale)),
        }
    }

    fn mark(self, outcome: &Outcome) -> String {
        let (mark, plain, colour) = match outcome {
            Outcome::Passed { .. } => ("✓", "ok", "32"),
            Outcome::Failed(_) => ("✗", "NO", "31"),
            Outcome::Skipped { .. } => ("–", "--", "2"),
        };
        let mark = if self.ascii { plain } else { mark };
        if self.colours { format!("\u{1b}[{colour}m{mark}\u{1b}[0m") } else { mark.to_owned() }
    }
}

fn is_utf8(locale: &OsStr) -> bool {
    let locale = locale.to_string_lossy().to_ascii_lowercase();
    locale.ends_with("utf-8") || locale.ends_with("utf8") || locale.contains("utf-8@")
}

/// The list and the conclusion, escaped.
pub(in crate::cli) fn render(all: &[Examined], conclusion: Option<&str>, style: Style) -> String {
    let mut lines = Vec::new();
    let many = all.iter().filter(|examined| examined.url.is_some()).count() >= MANY;
    for examined in all {
        let name = escape(examined.url.as_deref().unwrap_or("This machine"));
        if many && let Some(outcome) = at_a_glance(examined) {
            lines.push(format!("{} {name}: nothing is wrong", style.mark(outcome)));
            continue;
        }
        lines.push(name);
        let mut told = Vec::new();
        examined.checks.iter().for_each(|done| check(done, style, &mut told, &mut lines));
        lines.push(String::new());
    }
    if lines.last().is_some_and(|line| !line.is_empty()) {
        lines.push(String::new());
    }
    lines.extend(conclusion.map(escape));
    lines.push(String::new());
    let text = lines.join("\n");
    if style.ascii { in_ascii(&text) } else { text }
}

/// What stands for all checks of an address where nothing is wrong and nothing worth knowing.
fn at_a_glance(examined: &Examined) -> Option<&Outcome> {
    examined.url.as_ref()?;
    let quiet = |outcome: &Outcome| match outcome {
        Outcome::Passed { notes, .. } => notes.is_empty(),
        Outcome::Failed(_) => false,
        Outcome::Skipped { .. } => true,
    };
    let outcomes = || examined.checks.iter().map(|done| &done.outcome);
    let passed = outcomes().find(|outcome| matches!(outcome, Outcome::Passed { .. }))?;
    outcomes().all(quiet).then_some(passed)
}

/// `told` are the ways out that stand above already: one fault is often met at several checks.
fn check<'a>(done: &'a Done, style: Style, told: &mut Vec<&'a str>, lines: &mut Vec<String>) {
    let (said, details) = match &done.outcome {
        Outcome::Passed { evidence, notes } => {
            let note = |note: &String| advice("note:", note);
            (evidence.clone(), notes.iter().flat_map(note).collect::<Vec<_>>())
        }
        Outcome::Skipped { because } => {
            let mut lines = advice("not looked at,", because).into_iter();
            (lines.next().unwrap_or_default(), lines.collect())
        }
        Outcome::Failed(fault) => {
            let step = fault.step.map(|step| step.to_string());
            let fix = if told.contains(&&*fault.fix) {
                vec!["what to do: as above".to_owned()]
            } else {
                advice("what to do:", &fault.fix)
            };
            told.extend(Some(&*fault.fix).filter(|fix| !fix.is_empty()));
            (fault.what.clone(), step.into_iter().chain(fix).collect())
        }
    };
    lines.push(format!("  {} {}: {}", style.mark(&done.outcome), done.name, escape(&said)));
    lines.extend(details.iter().map(|detail| format!("      {}", escape(detail))));
}

/// An advice with each command on a line of its own: a line that is too long for the window is
/// copied whole then, and with nothing beside it.
fn advice(label: &str, text: &str) -> Vec<String> {
    let parts = parts(text);
    let mut lines: Vec<String> = Vec::new();
    if matches!(parts.first(), Some(Part::Command(_))) {
        lines.push(label.to_owned());
    }
    for (at, part) in parts.into_iter().enumerate() {
        lines.push(match part {
            Part::Words(words) if at == 0 => format!("{label} {words}"),
            Part::Words(words) => words.to_owned(),
            Part::Command(command) => format!("  {command}"),
        });
    }
    lines
}

/// The few characters of ours that ASCII lacks. Names from outside stay as they are: spelled in
/// another way they are not found again.
fn in_ascii(text: &str) -> String {
    text.replace('→', "->").replace('…', "...").replace('–', "-").replace('’', "'")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::azure::Step;

    fn done(id: &'static str, outcome: Outcome) -> Done {
        Done { id, name: id, step: None, outcome }
    }

    fn of(url: Option<&str>, outcomes: Vec<Outcome>) -> Examined {
        let checks = outcomes.into_iter().map(|outcome| done("check", outcome)).collect();
        Examined { url: url.map(str::to_owned), checks }
    }

    #[test]
    fn a_command_stands_on_a_line_of_its_own() {
        let fault = Outcome::failed(
            Step::Connect,
            "nobody is signed in\u{7}",
            "sign in: git-credential-ona-azure login https://dev.azure.com; or ask",
        );
        let text = render(&[of(None, vec![fault])], Some("All is well."), Style::default());
        let list = text.split("\n\n").next().expect("a list");
        assert_eq!(
            list,
            "This machine\n  ✗ check: nobody is signed in\\u{7}\n      step 6 (connect)\n      \
             what to do: sign in:\n        git-credential-ona-azure login https://dev.azure.com\n      \
             or ask"
        );
    }

    #[test]
    fn many_addresses_where_nothing_is_wrong_take_a_line_each() {
        let good = |url| of(Some(url), vec![Outcome::passed("seen"), Outcome::skipped("no")]);
        let noted = of(Some("d"), vec![Outcome::passed("seen").note(Some("worth it".to_owned()))]);
        let few = [good("a"), good("b"), good("c")];
        assert!(!render(&few, Some("All is well."), Style::default()).contains("nothing is wrong"));
        let many = [&few[..], &[noted, of(Some("e"), vec![Outcome::failed(None, "bad", "")])]];
        let text = render(&many.concat(), Some("All is well."), Style::default());
        assert!(text.starts_with("✓ a: nothing is wrong\n✓ b: nothing is wrong\n"), "{text}");
        assert!(text.contains("\nd\n  ✓ check: seen\n      note: worth it\n"), "{text}");
        assert!(text.contains("\ne\n  ✗ check: bad\n"), "{text}");
    }

    #[test]
    fn colours_and_letters_are_as_the_style_says() {
        let all = [of(None, vec![Outcome::passed("Users → Add")])];
        let ascii = render(&all, Some("All is well."), Style { ascii: true, colours: false });
        assert!(ascii.contains("  ok check: Users -> Add\n") && ascii.is_ascii(), "{ascii}");
        let colours = render(&all, Some("All is well."), Style { ascii: false, colours: true });
        assert!(colours.contains("\u{1b}[32m✓\u{1b}[0m check"), "{colours}");
        for (locale, utf8) in
            [("C.UTF-8", true), ("de_DE.utf8", true), ("ca_ES.UTF-8@valencia", true), ("C", false)]
        {
            assert_eq!(is_utf8(OsStr::new(locale)), utf8, "{locale}");
        }
    }
}
