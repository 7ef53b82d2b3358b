//! This machine's clock beside those of the services.

use super::context::Host;
use super::table::Outcome;

/// How far a clock may be off, in seconds; Entra allows no more for a token's times.
const SKEW: i64 = 5 * 60 - 10;

pub(super) fn clock(host: &Host) -> Outcome {
    let clocks = host.clocks();
    // One that agrees is enough: then another service's clock is off, or what answers in its place.
    let Some((name, ahead)) = clocks.iter().min_by_key(|(name, ahead)| (ahead.abs(), name)) else {
        return Outcome::skipped("nobody answered with the time");
    };
    if ahead.abs() < SKEW {
        return Outcome::passed(match ahead.abs() {
            0 => format!("within a second of {name}'s"),
            off => format!("within {} seconds of {name}'s", off + 1),
        });
    }
    let minutes = (ahead.abs() + 30) / 60;
    let how = if *ahead > 0 { "behind" } else { "ahead of" };
    Outcome::failed(
        None,
        format!(
            "this machine's clock is {minutes} minutes {how} that of {name}, so that tokens seem expired or not yet valid"
        ),
        "set the clock: timedatectl set-ntp true, or restart the virtual machine",
    )
}
