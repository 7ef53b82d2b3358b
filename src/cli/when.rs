//! Dates and spans as people write and read them.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

const DAY: u64 = 24 * 60 * 60;

/// The end of a token: `30d`, `12w`, `8h`, or a date, at whose beginning (UTC) it counts as over.
/// Seconds since the epoch.
pub(super) fn parse_end(text: &str, now: u64) -> Option<u64> {
    let text = text.trim();
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
pub(super) fn moment(at: u64, now: u64) -> String {
    let distance = match (at > now, at.abs_diff(now)) {
        (true, left) => format!("in {}", span(left)),
        (false, ago) => format!("{} ago", span(ago)),
    };
    let stamp = i64::try_from(at).ok().and_then(|at| Timestamp::from_second(at).ok());
    match stamp {
        Some(stamp) => format!("{} ({distance})", stamp.strftime("%Y-%m-%d %H:%M UTC")),
        None => distance,
    }
}

fn span(seconds: u64) -> String {
    let (number, unit) = match seconds {
        0..60 => (seconds, "second"),
        60..3600 => (seconds / 60, "minute"),
        3600..DAY => (seconds / 3600, "hour"),
        _ => (seconds / DAY, "day"),
    };
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {unit}{plural}")
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
}
