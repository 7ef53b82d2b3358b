//! Whoever waits for what this process prints: git, killed while a person is asked, must not leave
//! an orphan at the terminal.

use super::leave;

/// From now on, ends this process as soon as nobody can read its standard output any more.
#[cfg(unix)]
pub fn leave_with_caller() {
    use rustix::event::{PollFd, PollFlags, poll};

    std::thread::spawn(|| {
        let stdout = std::io::stdout();
        loop {
            // Errors and hang-ups are always told, and nothing else is of interest.
            let mut watched = [PollFd::new(&stdout, PollFlags::empty())];
            match poll(&mut watched, None) {
                Ok(_) => {
                    let gone = PollFlags::ERR | PollFlags::HUP;
                    if watched[0].revents().intersects(gone) {
                        leave();
                    }
                    return;
                }
                Err(rustix::io::Errno::INTR) => {}
                Err(_) => return,
            }
        }
    });
}

/// Nothing to watch here.
#[cfg(not(unix))]
pub fn leave_with_caller() {}
