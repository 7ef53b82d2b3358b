//! git's own calls: `get`, `store`, `erase`, `capability`.

use std::io::stdin;

use super::interaction;
use crate::broker::{self, Outcome, Subject, VaultShelf};
use crate::clock;
use crate::integration::Integrations;
use crate::net::Network;
use crate::paths::Paths;
use crate::person::leave_with_caller;
use crate::protocol::{Answer, CAPABILITIES, Operation, Request};
use crate::report::{Exit, Failure, Message, stdout};
use crate::sign_in::when_git_asks;
use crate::trace;
use crate::vault::Vault;

pub(super) fn run(operation: Operation) -> Exit {
    let started_ms = clock::now_ms();
    if operation == Operation::Capability {
        return print(CAPABILITIES.as_bytes());
    }
    let request = match Request::read(&mut stdin().lock()) {
        Ok(request) => request,
        Err(error) => {
            trace::event("git", |words| words.with("refused", &error));
            Message::error(error.to_string()).print();
            return Exit::Failed;
        }
    };
    trace::event("git", |words| broker::told_request(words, &request));
    let paths = match Paths::from_env() {
        Ok(paths) => paths,
        Err(failure) => {
            // Whatever else git may ask for the host, it must not be the person's password.
            let cloud = Subject::of(&request).is_some_and(|subject| subject.place.is_cloud());
            let exit = fail(&failure);
            if operation == Operation::Get && cloud {
                print(&Answer::Quit.encode().unwrap_or_default());
            }
            return exit;
        }
    };
    let vault = Vault::new(paths.state.clone(), paths.mounted_key.clone());
    let integrations = || {
        let loaded = Integrations::load(&paths);
        trace::event("integration", |words| broker::told_integration(words, &request, &loaded));
        loaded
    };
    let now = clock::now();
    match operation {
        Operation::Get => {
            let shelf = VaultShelf::new(&vault, &Network);
            let answer_now = || broker::get(&request, integrations, &shelf, clock::now());
            let mut outcome = answer_now();
            if outcome.offer.is_some()
                && let Some(person) = interaction::person_behind_git()
            {
                // git killed, nobody waits for an answer any more.
                leave_with_caller(&person);
                outcome =
                    when_git_asks(outcome, &person, started_ms, &vault, &Network, &answer_now);
            }
            // Only beside a credential: where there is none, something else needs attention first.
            if matches!(outcome.answer, Answer::Credential(_)) {
                outcome.messages.extend(broker::others_have_a_hand(&vault));
            }
            answer(&outcome)
        }
        Operation::Store => match broker::store(&request, integrations, &vault, now) {
            Ok(()) => Exit::Done,
            Err(failure) => fail(&failure),
        },
        Operation::Erase => match broker::erase(&request, integrations, &vault, &Network, now) {
            Ok(messages) => {
                messages.iter().for_each(Message::print);
                Exit::Done
            }
            Err(failure) => fail(&failure),
        },
        Operation::Capability => Exit::Done,
    }
}

/// Messages first: git may end this process as soon as it has the answer.
fn answer(outcome: &Outcome) -> Exit {
    trace::event("answer", |words| outcome.told(words));
    outcome.messages.iter().for_each(Message::print);
    match outcome.answer.encode() {
        Ok(bytes) if bytes.is_empty() => outcome.exit,
        Ok(bytes) => match print(&bytes) {
            Exit::Done => outcome.exit,
            failed => failed,
        },
        Err(error) => {
            Message::error(error.to_string())
                .hint("forget it and sign in again: git-credential-ona-azure logout --all")
                .print();
            let quit = Answer::Quit.encode().unwrap_or_default();
            print(&quit);
            Exit::Failed
        }
    }
}

fn print(bytes: &[u8]) -> Exit {
    match stdout(bytes) {
        Ok(()) => Exit::Done,
        Err(error) => {
            Message::error(format!("the answer cannot be written: {error}")).print();
            Exit::Failed
        }
    }
}

fn fail(failure: &Failure) -> Exit {
    failure.message.print();
    failure.exit
}
