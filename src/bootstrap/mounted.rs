//! Files that are mounted, perhaps late, and perhaps empty at first.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

/// How often a file is looked for.
const LOOK: Duration = Duration::from_millis(100);

/// A file's content as soon as it is `whole`, or as it is at `deadline`.
///
/// # Errors
/// If it cannot be read until then; at once if it is longer than `limit`.
pub(super) fn read(
    path: &Path,
    limit: usize,
    deadline: Instant,
    whole: impl Fn(&[u8]) -> bool,
) -> io::Result<Zeroizing<Vec<u8>>> {
    loop {
        let read = if is_pipe(path) { from_pipe(path, limit, deadline) } else { once(path, limit) };
        let done = match &read {
            Ok(bytes) => whole(bytes) || !is_file(path),
            // A mount that is being set up may be neither there nor ours to read yet.
            Err(error) => error.kind() == io::ErrorKind::FileTooLarge,
        };
        if done || Instant::now() >= deadline {
            return read;
        }
        thread::sleep(LOOK.min(deadline.saturating_duration_since(Instant::now())));
    }
}

/// What comes out of a pipe comes once.
fn is_file(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.is_file())
}

/// Whether nobody may ever write it.
#[cfg(unix)]
fn is_pipe(path: &Path) -> bool {
    use std::os::unix::fs::FileTypeExt as _;

    fs::metadata(path).is_ok_and(|metadata| metadata.file_type().is_fifo())
}

#[cfg(not(unix))]
fn is_pipe(_: &Path) -> bool {
    false
}

/// How long a pipe is waited for where nothing was said.
const PIPE_PATIENCE: Duration = Duration::from_secs(5);

/// Opening a pipe waits for its writer, and reading it until that has closed it: a thread of its own
/// does both, and is left behind if nobody comes.
fn from_pipe(path: &Path, limit: usize, deadline: Instant) -> io::Result<Zeroizing<Vec<u8>>> {
    let (send, come) = std::sync::mpsc::channel();
    let path = path.to_owned();
    thread::spawn(move || send.send(once(&path, limit)));
    let patience = deadline.saturating_duration_since(Instant::now()).max(PIPE_PATIENCE);
    come.recv_timeout(patience).unwrap_or_else(|_| {
        let text = "it is a pipe that nobody writes to and closes";
        Err(io::Error::new(io::ErrorKind::TimedOut, text))
    })
}

fn once(path: &Path, limit: usize) -> io::Result<Zeroizing<Vec<u8>>> {
    all(File::open(path)?, limit)
}

/// Everything there is to read, without leaving copies behind.
///
/// # Errors
/// If it is longer than `limit`, or cannot be read.
pub(super) fn all(from: impl io::Read, limit: usize) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(limit + 1));
    from.take(limit as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > limit {
        let text = format!("it is longer than {} KiB", limit / 1024);
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, text));
    }
    Ok(bytes)
}

/// The same without the byte order mark that some editors begin a file with.
pub(super) fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)
}
