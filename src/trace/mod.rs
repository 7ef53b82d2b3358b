//! What the program did and why: one line for every decision and every request, where
//! `ONA_AZURE_TRACE` asks for it.
//!
//! A line is the time, the process, the kind of line, and words `key=value`:
//!
//! ```text
//! 2026-11-24T18:10:42.123Z 4711 answer gives=password of="a session" secret=secret:1a2b3c4d exit=0
//! ```
//!
//! It never holds a secret, only its [`Fingerprint`]. Without a trace nothing of this costs more
//! than a look at a value that is there already.

mod file;
mod fingerprint;
mod line;
mod wish;

use std::ffi::OsString;
use std::fs::File;
use std::io::Write as _;
use std::sync::OnceLock;

pub use fingerprint::Fingerprint;
pub use line::Words;

use crate::clock;
use crate::report::{Message, quoted};
use wish::Wish;

/// The variable that asks for it.
pub const VARIABLE: &str = "ONA_AZURE_TRACE";

/// Where lines go.
enum Sink {
    Stderr,
    File(File),
}

/// Tells of something. `words` is only asked for where somebody wants to know.
pub fn event(kind: &str, words: impl FnOnce(Words) -> Words) {
    if let Some(sink) = sink() {
        sink.write(&line::line(clock::now_ms(), std::process::id(), kind, &words(Words::new())));
    }
}

/// Whether anybody wants to know.
pub fn is_on() -> bool {
    sink().is_some()
}

/// Whether the variable, as it is set, is one for another account: standard error is everybody's,
/// a file is its owner's.
pub fn is_for_others() -> bool {
    std::env::var_os(VARIABLE).is_some_and(|value| Wish::of(&value) == Wish::Stderr)
}

fn sink() -> Option<&'static Sink> {
    static SINK: OnceLock<Option<Sink>> = OnceLock::new();
    SINK.get_or_init(|| open(std::env::var_os(VARIABLE))).as_ref()
}

/// What cannot be done is said once, and the program goes on without a trace.
fn open(value: Option<OsString>) -> Option<Sink> {
    let value = value?;
    match Wish::of(&value) {
        Wish::Off => None,
        Wish::Stderr => Some(Sink::Stderr),
        Wish::File(path) => match file::open(&path) {
            Ok(file) => Some(Sink::File(file)),
            Err(why) => {
                Message::warning(format!("nothing is traced: {} {why}", path.display()))
                    .hint(format!(
                        "name a file of your own, in a directory of your own, in {VARIABLE}"
                    ))
                    .print();
                None
            }
        },
        Wish::Unclear => {
            Message::warning(format!(
                "nothing is traced: {VARIABLE} is {}",
                quoted(&value.to_string_lossy())
            ))
            .hint("set it to 1 for standard error, or to a path that begins with /")
            .print();
            None
        }
    }
}

impl Sink {
    /// In one write(2), so that the lines of several processes do not mix. A line that cannot be
    /// written is nobody's problem.
    fn write(&self, line: &str) {
        let _ = match self {
            Self::Stderr => std::io::stderr().lock().write(line.as_bytes()),
            Self::File(file) => (&mut &*file).write(line.as_bytes()),
        };
    }
}
