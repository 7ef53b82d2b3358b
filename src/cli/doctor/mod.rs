//! `doctor`: what is wrong, at which step, and what to do.

mod command;
pub(super) mod document;
pub(super) mod text;

use super::args::Doctor;
use super::{Room, print, setup_git};
use crate::doctor::{About, examine, root, target};
use crate::report::{Exit, Failure};

pub(super) fn run(args: &Doctor) -> Result<Exit, Failure> {
    let room = Room::enter()?;
    let url = match &args.url {
        None => None,
        Some(url) => Some(target(url, false).map_err(|error| {
            Failure::new(error.to_string())
                .hint("write it as https://dev.azure.com/<organization>, or https://<server>")
                .exit(Exit::Usage)
        })?),
    };
    let all = examine(room.paths, setup_git::this_program()?, url, args.refresh);
    if args.json {
        print::document(document::document(&all, &About::here()))?;
    } else {
        print::bytes(text::render(&all, text::Style::for_stdout()).as_bytes())?;
    }
    Ok(if root(&all).is_none() { Exit::Done } else { Exit::Failed })
}
