//! A network that waits as it is told: environments are started by the hundred, and the service
//! has to say that this is too many at once.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::thread;
use std::time::{Duration, Instant};

use oauth2::http::Request;

use crate::doctor::Wire;
use crate::entra::parse_retry_after;
use crate::net::{NetError, Reply, Send};

/// How long a service that has enough for now is waited for, all in all.
const PATIENCE: Duration = Duration::from_secs(90);

/// The first wait where the service does not say how long.
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// Sends again what was turned away for now.
#[derive(Clone, Copy)]
pub(super) struct Patient {
    network: &'static Wire,
    deadline: Instant,
}

impl Patient {
    pub(super) fn new(network: &'static Wire) -> Self {
        Self { network, deadline: Instant::now() + PATIENCE }
    }
}

impl Send for Patient {
    fn send(&self, request: Request<Vec<u8>>) -> Result<Reply, NetError> {
        let mut pause = FIRST_WAIT;
        for tries in 1.. {
            // Without an answer it is not known whether a refresh token was used up.
            let reply = self.network.send(request.clone())?;
            let told = reply.header("retry-after").and_then(parse_retry_after);
            let again = match (reply.status, told) {
                (429, _) | (503, Some(_)) => true,
                // One that is down for longer is for the caller to come back to.
                (500.., _) => tries == 1,
                _ => false,
            };
            let wait = told.map_or(pause, Duration::from_secs) + spread();
            if !again || Instant::now() + wait > self.deadline {
                return Ok(reply);
            }
            thread::sleep(wait);
            pause *= 2;
        }
        unreachable!("BUG: it is tried until it is answered")
    }
}

/// A little more, another for each process: those turned away together shall not come back
/// together. In containers they may all have the same number.
fn spread() -> Duration {
    Duration::from_millis(RandomState::new().build_hasher().finish() % 1000)
}
