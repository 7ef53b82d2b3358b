//! `key show|init`: the runner key's public half.

use super::args::Key;
use super::{Room, print};
use crate::report::Failure;
use crate::vault::{KeySource, RunnerKey};

pub(super) fn run(command: Key) -> Result<(), Failure> {
    let room = Room::enter()?;
    match command {
        Key::Show => show(&room),
        Key::Init => init(&room),
    }
}

fn show(room: &Room) -> Result<(), Failure> {
    match room.vault.runner_key()? {
        Some(key) => print::line(&key.public()),
        None => Err(Failure::new("there is no runner key yet")
            .hint("make one with: git-credential-ona-azure key init")),
    }
}

fn init(room: &Room) -> Result<(), Failure> {
    let mounted = room.paths.mounted_key.as_ref().filter(|path| !path.exists());
    let key = match mounted {
        Some(path) => RunnerKey::make(KeySource::Mounted(path.clone()))?,
        None => room.vault.runner_key_or_new()?,
    };
    print::line(&key.public())
}
