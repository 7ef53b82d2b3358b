//! Dates and spans as people write and read them.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

const DAY: u64 = 24 * 60 * 60;

/// The end of a token: `30d`, `12w`, `8h`, a moment (RFC 3339), or a date, at whose beginning (UTC) it counts as over.
/// Seconds since the epoch.
pub fn parse_end(text: &str, now: u64) -> Option<u64> {
    let text = text.trim();
    if let Ok(moment) = text.parse::<Timestamp>() {
        return u64::try_from(moment.as_second()).ok();
    }
    if let Ok(date) = text.parse::<Date>() {
        let end = date.to_zoned(TimeZone::UTC).ok()?.timestamp().as_second();
        return u64::try_from(end).ok();
    }
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let unit = match unit {
        "h" => 60 * 60,
        "d" => DAY,
        "w" => 7 * DAY,
        _ => return None,
    };
    let number = number.parse::<u64>().ok().filter(|number| (1..=10_000).contains(number))?;
    Some(now + number * unit)
}

/// A moment, and how far it is: `2026-12-23 14:00 UTC (in 30 days)`.
pub fn moment(at: u64, now: u64) -> String {
    let distance = distance(at, now);
    match stamp(at) {
        Some(stamp) => format!("{} ({distance})", stamp.strftime("%Y-%m-%d %H:%M UTC")),
        None => distance,
    }
}

/// How far a moment is: `in 30 days`, `3 minutes ago`, `just now`. No "yesterday": the reader's
/// day may begin at another hour than the clock's here.
pub fn distance(at: u64, now: u64) -> String {
    match (at > now, at.abs_diff(now)) {
        (true, left) => format!("in {}", span(left)),
        (false, 0..60) => "just now".to_owned(),
        (false, ago) => format!("{} ago", span(ago)),
    }
}

/// What is left, after "good for": `another 52 minutes`, `another hour`.
pub fn another(seconds: u64) -> String {
    match number_of(seconds) {
        (1, unit) => format!("another {unit}"),
        _ => format!("another {}", span(seconds)),
    }
}

/// The day of an end: `2026-12-06 UTC`; within three days of it the minute too.
pub fn day(at: u64, now: u64) -> String {
    let form = if at.abs_diff(now) > 3 * DAY { "%Y-%m-%d UTC" } else { "%Y-%m-%d at %H:%M UTC" };
    stamp(at).map_or_else(
        || "a day no calendar has".to_owned(),
        |stamp| stamp.strftime(form).to_string(),
    )
}

fn stamp(at: u64) -> Option<Timestamp> {
    i64::try_from(at).ok().and_then(|at| Timestamp::from_second(at).ok())
}

fn span(seconds: u64) -> String {
    let (number, unit) = number_of(seconds);
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {unit}{plural}")
}

/// In the unit a person would take, to the nearest: what was given for thirty days has thirty days
/// left a minute later.
fn number_of(seconds: u64) -> (u64, &'static str) {
    const MINUTE: u64 = 60;
    const HOUR: u64 = 60 * MINUTE;
    let (unit, name) = match seconds {
        0..MINUTE => (1, "second"),
        MINUTE..3570 => (MINUTE, "minute"),
        3570..5400 => return (1, "hour"),
        5400..169_200 => (HOUR, "hour"),
        _ => (DAY, "day"),
    };
    ((seconds + unit / 2) / unit, name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_a_span_or_a_date_and_nothing_else() {
        let rows = [
            ("30d", Some(1_000 + 30 * DAY)),
            ("2w", Some(1_000 + 14 * DAY)),
            ("8h", Some(1_000 + 8 * 3600)),
            ("2027-01-31", Some(1_801_353_600)),
            ("2027-01-31T12:00:00Z", Some(1_801_353_600 + 12 * 3600)),
            ("2027-01-31T12:00:00.5+01:00", Some(1_801_353_600 + 11 * 3600)),
            ("30", None),
            ("0d", None),
            ("-1d", None),
            ("30 days", None),
            ("soon", None),
            ("", None),
            ("é", None),
            ("99999999999999999999d", None),
        ];
        for (text, expected) in rows {
            assert_eq!(parse_end(text, 1_000), expected, "{text}");
        }
    }

    #[test]
    fn a_moment_tells_its_date_and_how_far_it_is() {
        assert_eq!(
            moment(1_800_000_000, 1_800_000_000 - 30 * DAY),
            "2027-01-15 08:00 UTC (in 30 days)"
        );
        assert_eq!(moment(1_800_000_000, 1_800_000_060), "2027-01-15 08:00 UTC (1 minute ago)");
    }

    #[test]
    fn how_far_a_moment_is_is_told_in_the_unit_a_person_would_take() {
        const NOW: u64 = 1_800_000_000;
        for (seconds, words) in [
            (1, "1 second"),
            (59, "59 seconds"),
            (60, "1 minute"),
            (89, "1 minute"),
            (90, "2 minutes"),
            (52 * 60 + 20, "52 minutes"),
            (3569, "59 minutes"),
            (3599, "1 hour"),
            (5399, "1 hour"),
            (5400, "2 hours"),
            (23 * 3600, "23 hours"),
            (DAY, "24 hours"),
            (46 * 3600, "46 hours"),
            (2 * DAY - 1, "2 days"),
            (30 * DAY - 60, "30 days"),
            (400 * DAY, "400 days"),
        ] {
            assert_eq!(distance(NOW + seconds, NOW), format!("in {words}"));
            let ago = match seconds {
                0..60 => "just now".to_owned(),
                _ => format!("{words} ago"),
            };
            assert_eq!(distance(NOW - seconds, NOW), ago);
            let more = another(seconds);
            match words.strip_prefix("1 ") {
                Some(unit) => assert_eq!(more, format!("another {unit}")),
                None => assert_eq!(more, format!("another {words}")),
            }
        }
        assert_eq!(distance(NOW, NOW), "just now");
    }

    #[test]
    fn the_day_of_an_end_tells_its_hour_where_it_is_near() {
        const NOW: u64 = 1_800_000_000;
        for (at, words) in [
            (NOW + 30 * DAY, "2027-02-14 UTC"),
            (NOW + 3 * DAY + 1, "2027-01-18 UTC"),
            (NOW + 3 * DAY, "2027-01-18 at 08:00 UTC"),
            (NOW - 60, "2027-01-15 at 07:59 UTC"),
            (NOW - 4 * DAY, "2027-01-11 UTC"),
            (u64::MAX, "a day no calendar has"),
        ] {
            assert_eq!(day(at, NOW), words);
        }
    }
}
