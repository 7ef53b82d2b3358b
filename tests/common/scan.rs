//! A look for secrets in everything that programs say on a machine of the tests: every secret that
//! the stand-ins have ever issued or seen, and those a test has given away itself.

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use standins::Secrets;

use super::Done;

/// Shorter ones are words that tests use for passwords, which messages may well hold, and the codes
/// of devices, which are there to be shown.
const LEAST: usize = 12;

/// So much of a secret's end gives it away.
const TAIL: usize = 20;

/// The commands whose job it is to print a credential on standard output, and `age -d`, which tests
/// open with what the program has sealed.
const PRINTERS: [&str; 4] =
    ["git-credential-ona-azure get", "git-credential-ona-azure token", "credential fill", "age -d"];

/// Looks for the secrets of one machine.
pub struct Scanner {
    secrets: Secrets,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    given: Vec<String>,
    /// What to look for, by secret.
    signs: BTreeMap<String, Vec<String>>,
}

/// The scanners of the machines there are, by a value that a machine's commands have in their
/// environment and no other machine's.
static SCANNERS: Mutex<BTreeMap<String, Arc<Scanner>>> = Mutex::new(BTreeMap::new());

impl Scanner {
    /// For what is run with any of these values in its environment.
    pub fn register(marks: &[&str], secrets: Secrets) -> Arc<Self> {
        let scanner = Arc::new(Self { secrets, state: Mutex::default() });
        let marks = marks.iter().map(|mark| ((*mark).to_owned(), Arc::clone(&scanner)));
        lock(&SCANNERS).extend(marks);
        scanner
    }

    /// Nothing is run on its machine any more.
    pub fn forget(this: &Arc<Self>) {
        lock(&SCANNERS).retain(|_, scanner| !Arc::ptr_eq(scanner, this));
    }

    /// Counts as a secret from now on.
    pub fn add(&self, secret: &str) {
        lock(&self.state).given.push(secret.trim().to_owned());
    }

    /// What a command is given to keep counts as a secret from now on.
    pub fn add_given(&self, arguments: &[&str], stdin: &[u8]) {
        let text = String::from_utf8_lossy(stdin);
        let takes_one = ["--pat", "--client-secret-stdin"];
        if arguments == ["store"] {
            let secrets = ["password=", "credential=", "oauth_refresh_token="];
            let given = |line| secrets.iter().find_map(|key| str::strip_prefix(line, key));
            text.lines().filter_map(given).for_each(|secret| self.add(secret));
        } else if arguments.iter().any(|argument| takes_one.contains(argument)) {
            self.add(&text);
        }
    }

    /// Fails the test if there is a secret in the text.
    #[track_caller]
    pub fn scan(&self, what: &str, text: &str) {
        // A test that fails already says why; a second panic would hide it.
        if !std::thread::panicking()
            && let Some(sign) = self.find(text)
        {
            panic!("a secret ({sign}) in {what}:\n{text}");
        }
    }

    /// Fails the test if a command that is there to be copied has words in angle brackets: a shell
    /// would read from or write to a file.
    #[track_caller]
    pub fn no_redirections(what: &str, text: &str) {
        let offends = |line: &&str| {
            let at = line.find("git-credential-ona-azure ").or_else(|| line.find("git remote "));
            let usage = line.trim_start().starts_with("Usage:");
            at.is_some_and(|at| !usage && has_placeholder(&line[at..]))
        };
        if !std::thread::panicking()
            && let Some(line) = text.lines().find(offends)
        {
            panic!("a command that no shell takes in {what}:\n{line}");
        }
    }

    /// The sign of a secret in the text, if there is one.
    pub fn find(&self, text: &str) -> Option<String> {
        if text.is_empty() {
            return None;
        }
        let mut state = lock(&self.state);
        let State { given, signs } = &mut *state;
        for secret in self.secrets.all().iter().chain(&*given) {
            if secret.len() >= LEAST && !signs.contains_key(secret) {
                signs.insert(secret.clone(), signs_of(secret));
            }
        }
        signs.values().flatten().find(|sign| text.contains(&***sign)).cloned()
    }
}

/// What a program said that ran on one of the machines.
#[track_caller]
pub fn scan(command: &Command, done: &Done) {
    let scanners = lock(&SCANNERS);
    let values = command.get_envs().filter_map(|(_, value)| value?.to_str());
    let found = values.filter_map(|value| scanners.get(value)).next().cloned();
    drop(scanners);
    Scanner::no_redirections(&format!("what {command:?} said"), &done.stderr);
    Scanner::no_redirections(&format!("what {command:?} printed"), &done.stdout);
    let Some(scanner) = found else { return };
    scanner.scan(&format!("what {command:?} said"), &done.stderr);
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words: Vec<_> = words.map(|word| word.to_string_lossy()).collect();
    // What a script is given as its arguments is the last thing on its command line.
    let last = words.last().map_or("", |word| word);
    if !prints_credential(&words.join(" ").replace("\"$@\"", last)) {
        scanner.scan(&format!("what {command:?} printed"), &done.stdout);
    }
}

/// `<word>`, and not a redirection that is meant, as `< file`.
fn has_placeholder(command: &str) -> bool {
    command.split('<').skip(1).any(|rest| {
        let word: String =
            rest.chars().take_while(|c| c.is_ascii_alphanumeric() || " -_/".contains(*c)).collect();
        !word.starts_with(' ') && !word.is_empty() && rest[word.len()..].starts_with('>')
    })
}

/// Whether a command line prints a credential where it is seen, and not into a file or a pipe.
pub fn prints_credential(line: &str) -> bool {
    let line = line.replace(['"', '\''], "").replace("$PROGRAM", super::PROGRAM);
    PRINTERS.iter().any(|printer| {
        line.match_indices(printer).any(|(at, _)| {
            let rest = &line[at..];
            let end = rest.find([';', '|', '\n']).unwrap_or(rest.len());
            !rest[..end].contains(" >") && !rest[end..].starts_with('|')
        })
    })
}

/// Texts that give a secret away: the end of it as it is, as a part of an address, and in base64
/// after a name of whatever length.
fn signs_of(secret: &str) -> Vec<String> {
    let tail = |text: &str| {
        let from = text.len().saturating_sub(TAIL);
        let from = (from..text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(from);
        text[from..].to_owned()
    };
    let end = tail(secret);
    let mut signs = vec![end.clone()];
    signs.push(tail(&url::form_urlencoded::byte_serialize(secret.as_bytes()).collect::<String>()));
    signs.push(tail(
        &percent_encoding::utf8_percent_encode(secret, percent_encoding::NON_ALPHANUMERIC)
            .to_string(),
    ));
    for before in 0..3_usize {
        let bytes = [&vec![0; before], end.as_bytes()].concat();
        let encoded = STANDARD_NO_PAD.encode(&bytes);
        // Characters that hold bits of what stands before or after it.
        let first = [0, 2, 3][before];
        let last = encoded.len() - usize::from(bytes.len() % 3 != 0);
        let inner = &encoded[first..last];
        signs.push(inner.to_owned());
        signs.push(inner.replace('+', "-").replace('/', "_"));
    }
    signs.sort();
    signs.dedup();
    signs
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
