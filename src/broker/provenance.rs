//! Where a secret comes from that git has this program store.
//!
//! git does not say. It stores what a person typed at its prompt, and it stores as well what stood
//! in an address (`https://user:secret@…`, `url.<base>.insteadOf`, a remote's URL). The two are told
//! apart by facts: git only asks a person where no helper has an answer, and what stands in an
//! address is among the arguments of the program that git runs for it.

use zeroize::Zeroizing;

use crate::secret::Secret;

/// The programs that speak to a server for git. One that stores by hand (`git credential approve`)
/// is none of them.
const TRANSPORTS: [&[u8]; 8] = [
    b"git-remote-http",
    b"git-remote-https",
    b"remote-http",
    b"remote-https",
    b"git-http-fetch",
    b"git-http-push",
    b"git-lfs",
    b"lfs",
];

/// How far up processes are looked at: a shell and git's own layers stand between.
const GENERATIONS: usize = 6;

/// What is known of whoever called.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Caller {
    /// git speaks to a server, and has not been told by hand to store something.
    pub(super) is_transport: bool,
    /// The secret stands in an address that a program of git's was given.
    pub(super) has_secret: bool,
}

/// Looks at the processes above this one. Nothing is known where they cannot be looked at.
pub(super) fn caller(secret: &Secret) -> Caller {
    let mut found = Caller::default();
    let mut process = parent_of_this();
    for _ in 0..GENERATIONS {
        let Some(id) = process.filter(|id| *id > 1) else { break };
        let Some(arguments) = arguments(id) else { break };
        let seen = read(&arguments, secret);
        found.is_transport |= seen.is_transport;
        found.has_secret |= seen.has_secret;
        process = parent(id);
    }
    found
}

/// What the arguments of one process tell, each ended by a NUL. Pure.
fn read(arguments: &[u8], secret: &Secret) -> Caller {
    let mut words = arguments.split(|byte| *byte == 0);
    let names: Vec<&[u8]> = words.by_ref().take(2).map(base_name).collect();
    let is_transport = names.iter().any(|name| TRANSPORTS.contains(name));
    let has_secret = !secret.is_empty()
        && arguments.split(|byte| *byte == 0).any(|word| is_address_with(word, secret.expose()));
    Caller { is_transport, has_secret }
}

fn base_name(path: &[u8]) -> &[u8] {
    path.rsplit(|byte| *byte == b'/').next().unwrap_or(path)
}

/// Whether the user part of an address has that password, percent-encoded or not.
fn is_address_with(word: &[u8], password: &[u8]) -> bool {
    let Some(start) = word.windows(3).position(|part| part == b"://") else { return false };
    let rest = &word[start + 3..];
    let Some(end) = rest.iter().rposition(|byte| *byte == b'@') else { return false };
    let Some(colon) = rest[..end].iter().position(|byte| *byte == b':') else { return false };
    let written = &rest[colon + 1..end];
    let decoded: Zeroizing<Vec<u8>> =
        Zeroizing::new(percent_encoding::percent_decode(written).collect());
    written == password || *decoded == password
}

#[cfg(unix)]
fn parent_of_this() -> Option<u32> {
    Some(std::os::unix::process::parent_id())
}

#[cfg(not(unix))]
fn parent_of_this() -> Option<u32> {
    None
}

/// proc(5), `cmdline`. Wiped: it may hold the secret.
fn arguments(process: u32) -> Option<Zeroizing<Vec<u8>>> {
    std::fs::read(format!("/proc/{process}/cmdline")).ok().map(Zeroizing::new)
}

/// proc(5), `status`.
fn parent(process: u32) -> Option<u32> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("PPid:"))?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_tell_a_transport_and_a_secret_in_an_address() {
        let of = |words: &[&str]| {
            let seen = read((words.join("\0") + "\0").as_bytes(), &"s3:cr@t".into());
            (seen.is_transport, seen.has_secret)
        };
        let https = "/usr/lib/git-core/git-remote-https";
        for (words, want) in [
            (&[https, "origin", "https://dev.azure.com/contoso"][..], (true, false)),
            (&[https, "origin", "https://bot:s3%3Acr%40t@dev.azure.com/contoso"], (true, true)),
            (&[https, "origin", "https://bot:s3:cr@t@dev.azure.com/contoso"], (true, true)),
            (&["/usr/bin/git", "remote-https", "o", "https://x:other@h"], (true, false)),
            (&["git", "ls-remote", "https://bot:s3%3acr%40t@dev.azure.com/c"], (false, true)),
            (&["git", "credential", "approve"], (false, false)),
            (&["git-lfs", "filter-process"], (true, false)),
            (&["git", "lfs", "push"], (true, false)),
            (&["sh", "-c", "echo s3:cr@t"], (false, false)),
            (&[], (false, false)),
        ] {
            assert_eq!(of(words), want, "{words:?}");
        }
    }

    #[test]
    fn the_processes_above_can_be_walked() {
        assert!(!caller(&"nobody has this secret".into()).has_secret);
    }
}
