//! Names of people, organizations and machines taken out of what is sent to others, each replaced
//! by the same stand-in wherever it is met, so that equal things stay recognizably equal. Pure, but for
//! `known`.
//!
//! What is to be masked is told by whoever knows it (`known`), and learned from the texts
//! themselves where its form gives it away (`learn`). Both before anything is masked: a name may
//! be met bare first, and in an address later.

mod folded;
mod known;
mod learn;

use folded::{Folded, fold};

use super::{Examined, Outcome};
use crate::report::escape;
pub use known::mask;

/// What a name is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A person, by the name they sign in with.
    Account,
    /// A host that is not Microsoft's.
    Server,
    /// An organization or a Server's collection.
    Organization,
    /// The virtual directory of a Server.
    Directory,
    Project,
    Repository,
    /// A tenant of Entra's, by ID or domain.
    Tenant,
    /// An application (client) ID.
    Client,
    /// Any other ID in the form of these two.
    Id,
    /// An IP address.
    Address,
    /// The account of this machine.
    User,
    /// This machine's name.
    Machine,
    /// The home directory.
    Home,
}

impl Kind {
    fn stand_in(self, number: usize) -> String {
        let word = match self {
            Self::Account => "account",
            Self::Server => return format!("server-{number}.example"),
            Self::Organization => "organization",
            Self::Directory => "directory",
            Self::Project => "project",
            Self::Repository => "repository",
            Self::Tenant => "tenant",
            Self::Client => "client",
            Self::Id => "id",
            Self::Address => "address",
            Self::User => "user",
            Self::Machine => "machine",
            Self::Home => return "~".to_owned(),
        };
        format!("{word}-{number}")
    }
}

/// A name that is this long is taken out wherever it is met, inside of other words too.
const LONG: usize = 6;

/// Words of this program's own that may be somebody's project too. Where one of them stands by
/// itself it tells nothing, and would take the sense out of every second sentence; so it is only
/// taken out of addresses, paths and quotes.
const ORDINARY: &str = "\
    account address api app application azure browser certificate client clock clone code collection \
    configuration connect container credential data default defaultcollection device devops directory disk \
    entra environment example fetch file files git header helper host http https id integration issuer key \
    kernel local login machine main member microsoft mode name network none note ok ona organization path \
    policy program project proxy push read refresh registration remote repository request root runner scope \
    scopes secret server service session settings ssh state status step system tenant test tests tfs time \
    token tokens trust url user users value vault version web work write";

/// What is everybody's and names nobody, though a name may be a part of it.
const EVERYBODYS: &[&str] = &[
    "dev.azure.com",
    ".visualstudio.com",
    "microsoftonline.com",
    "git-credential-ona-azure",
    "azuredevops_entra",
    "azuredevops_server",
    "ona_azure_",
    "localhost/ona-azure",
    "azure devops",
    "_git",
    "_userssettings",
];

/// A name, and what is put in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Name {
    letters: Vec<char>,
    stand_in: String,
    place: Where,
}

/// Where a name is taken out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Where {
    /// Wherever it is met.
    Anywhere,
    /// As a word of its own.
    AsWord,
    /// In an address, a path or quotes.
    InAddress,
}

/// The names known so far.
#[derive(Clone, Debug, Default)]
pub struct Mask {
    /// The longest first, so that a part of a name never breaks the whole of it.
    names: Vec<Name>,
    numbers: Vec<(Kind, usize)>,
}

impl Mask {
    /// Adds a name. One that is known already keeps its stand-in.
    pub(super) fn add(&mut self, kind: Kind, text: &str) {
        let text = text.trim();
        let letters = fold(text);
        if letters.is_empty() || self.knows(&letters) {
            return;
        }
        let at = self.numbers.iter().position(|(known, _)| *known == kind);
        let at = at.unwrap_or_else(|| {
            self.numbers.push((kind, 0));
            self.numbers.len() - 1
        });
        self.numbers[at].1 += 1;
        let stand_in = kind.stand_in(self.numbers[at].1);
        let word: String = letters.iter().collect();
        let place = if ORDINARY.split(' ').any(|ordinary| ordinary == word) {
            Where::InAddress
        } else if letters.len() >= LONG && !matches!(kind, Kind::Home | Kind::User | Kind::Machine)
        {
            Where::Anywhere
        } else {
            Where::AsWord
        };
        // As messages show a name that holds what a terminal must not be sent.
        let escaped = fold(&escape(text));
        // As a command shows it (`report::word`).
        let quoted = fold(&text.replace('\'', r"'\''"));
        for letters in [letters, escaped, quoted] {
            if !self.knows(&letters) {
                self.names.push(Name { letters, stand_in: stand_in.clone(), place });
            }
        }
        self.names.sort_by_key(|name| std::cmp::Reverse(name.letters.len()));
    }

    fn knows(&self, letters: &[char]) -> bool {
        self.names.iter().any(|name| name.letters == letters)
    }

    /// The text with every name replaced, in whatever case or encoding it is written.
    pub fn apply(&self, text: &str) -> String {
        let folded = Folded::of(text);
        let spared: Vec<_> = EVERYBODYS.iter().flat_map(|known| folded.all(&fold(known))).collect();
        let mut masked = String::with_capacity(text.len());
        let (mut at, mut copied) = (0, 0);
        while at < folded.len() {
            let fits = |name: &&Name| {
                let Some(end) = folded.matches(&name.letters, at) else { return false };
                let everybodys = || spared.iter().any(|span| span.start <= at && end <= span.end);
                is_in_place(name.place, &folded, at, end) && !everybodys()
            };
            let Some(name) = self.names.iter().find(fits) else {
                at += 1;
                continue;
            };
            let end = at + name.letters.len();
            let span = folded.source(at..end);
            // What of a character is replaced already is not copied again.
            masked.push_str(text.get(copied..span.start).unwrap_or_default());
            masked.push_str(&name.stand_in);
            copied = span.end;
            at = end;
        }
        masked.push_str(&text[copied..]);
        masked
    }

    /// What was found, masked. Ids and names of checks are the program's own.
    pub fn examined(&self, all: &[Examined]) -> Vec<Examined> {
        let mut all = all.to_vec();
        let texts = all.iter_mut().flat_map(Examined::texts_mut);
        texts.for_each(|text| *text = self.apply(text));
        all
    }

    /// Learns from what was found.
    pub(super) fn learn_from(&mut self, all: &[Examined]) {
        let mut all = all.to_vec();
        all.iter_mut().flat_map(Examined::texts_mut).for_each(|text| self.learn(text));
    }
}

fn is_in_place(place: Where, folded: &Folded, start: usize, end: usize) -> bool {
    let (before, after) = (folded.before(start), folded.at(end));
    let word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    let address = |c: Option<char>| c.is_some_and(|c| "/\\\"'@:".contains(c));
    match place {
        Where::Anywhere => true,
        Where::AsWord => !word(before) && !word(after),
        Where::InAddress => !word(before) && !word(after) && (address(before) || address(after)),
    }
}

impl Examined {
    /// Every text in it that is not one of the program's own.
    pub(super) fn texts_mut(&mut self) -> impl Iterator<Item = &mut String> {
        let outcomes = self.checks.iter_mut().map(|done| &mut done.outcome);
        self.url.iter_mut().chain(outcomes.flat_map(texts_of))
    }
}

fn texts_of(outcome: &mut Outcome) -> Vec<&mut String> {
    match outcome {
        Outcome::Passed { evidence, notes } => std::iter::once(evidence).chain(notes).collect(),
        Outcome::Failed(fault) => vec![&mut fault.what, &mut fault.fix],
        Outcome::Skipped { because } => vec![because],
    }
}

#[cfg(test)]
mod tests;
