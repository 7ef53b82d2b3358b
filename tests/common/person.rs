//! What a person does beside the terminal, and what is left running once they are through.

use std::fs;
use std::net::{Ipv4Addr, TcpStream};
use std::path::PathBuf;

use super::terminal::Terminal;
use super::{Machine, skipped, wait_until};

impl Machine {
    /// A person sits in front of this machine's git, with their browser on another machine.
    pub fn behind_ssh(&mut self) {
        self.unset("GIT_TERMINAL_PROMPT");
        self.unset("BROWSER");
        self.set("SSH_CONNECTION", "192.0.2.1 50000 192.0.2.2 22");
    }

    /// The processes that ask for a sign-in here or wait for the one that does: they have the lock
    /// open that only one has at a time.
    pub fn askers(&self) -> Vec<u32> {
        let lock = self.state_dir().join("prompt-");
        let lock = lock.to_str().expect("text").to_owned();
        let asks = |process: &PathBuf| {
            let Ok(files) = fs::read_dir(process.join("fd")) else { return false };
            files
                .filter_map(|file| fs::read_link(file.ok()?.path()).ok())
                .any(|file| file.to_string_lossy().starts_with(&lock))
        };
        let processes = fs::read_dir("/proc").expect("processes");
        let mut found: Vec<u32> = processes
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(asks)
            .filter_map(|process| process.file_name()?.to_str()?.parse().ok())
            .collect();
        found.sort_unstable();
        found
    }

    /// Waits until that many processes ask or wait.
    #[track_caller]
    pub fn wait_for_askers(&self, count: usize) -> Vec<u32> {
        wait_until(&format!("{count} processes ask"), || self.askers().len() == count);
        self.askers()
    }
}

/// Whether processes can be looked at; says that the test is skipped if not.
pub fn shows_processes() -> bool {
    let shown = fs::read_dir("/proc/self/fd").is_ok();
    if !shown {
        skipped("/proc");
    }
    shown
}

/// Whether a process has ended. One that nobody has waited for yet has.
pub fn has_ended(process: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    match stat.rsplit_once(") ") {
        Some((_, fields)) => fields.starts_with(['Z', 'X']),
        None => true,
    }
}

/// Whether anybody listens on a port of this machine.
pub fn listens(port: u16) -> bool {
    TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
}

impl Terminal {
    /// Waits until an address to sign in at has come up with the prompt for the one it ends on,
    /// and the terminal is ready for that: the address.
    #[track_caller]
    pub fn address_to_open(&mut self) -> String {
        let page = self.expect("Address: ");
        self.wait_until_hidden();
        address_in(&page)
    }
}

/// The first address in a text that stands on a line of its own.
#[track_caller]
pub fn address_in(text: &str) -> String {
    let found = text.lines().map(str::trim).find(|line| line.starts_with("https://"));
    found.unwrap_or_else(|| panic!("no address in {text}")).to_owned()
}
