//! Whoever waits for what this process prints: git, killed while a person is asked, must not leave
//! an orphan at the terminal.

use super::{Person, leave};

/// From now on, ends this process as soon as nobody can read its standard output any more, or the
/// person has gone on to something else.
#[cfg(unix)]
pub fn leave_with_caller(person: &Person) {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    use rustix::io::Errno;

    /// How often to look whether the person is still there, of which nothing tells.
    const EVERY: Timespec = Timespec { tv_sec: 1, tv_nsec: 0 };

    let person = person.clone();
    std::thread::spawn(move || {
        let stdout = std::io::stdout();
        let mut known = true;
        loop {
            // Errors and hang-ups are always told, and nothing else is of interest.
            let mut watched = [PollFd::new(&stdout, PollFlags::empty())];
            let watched = if known { &mut watched[..] } else { &mut [] };
            let gone = PollFlags::ERR | PollFlags::HUP;
            match poll(watched, Some(&EVERY)) {
                Ok(0) | Err(Errno::INTR) => {}
                Err(_) => return,
                Ok(_) if watched[0].revents().intersects(gone) => leave(),
                // Closed from the beginning: nobody to watch.
                Ok(_) => known = false,
            }
            if person.is_left() {
                leave();
            }
        }
    });
}

/// Nothing to watch here.
#[cfg(not(unix))]
pub fn leave_with_caller(_: &Person) {}
