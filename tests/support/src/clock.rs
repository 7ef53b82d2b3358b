//! The time of day, as the services write it.
use std::time::{SystemTime, UNIX_EPOCH};

/// Seconds since 1970.
pub(crate) fn unix() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs())
}

/// The value of `Date` so many seconds from now.
pub(crate) fn header(shift: i64) -> String {
    imf_fixdate(unix().saturating_add_signed(shift))
}

/// `Sat, 09 Jan 2016 02:02:12 GMT` (RFC 9110, section 5.6.7), of seconds since 1970.
fn imf_fixdate(now: u64) -> String {
    // The first of January 1970 was a Thursday.
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (y, m, d) = date(now / 86_400);
    let day = DAYS[usize::try_from(now / 86_400 % 7).expect("below seven")];
    let month = MONTHS[usize::try_from(m - 1).expect("below twelve")];
    let (hour, minute, second) = (now / 3600 % 24, now / 60 % 60, now % 60);
    format!("{day}, {d:02} {month} {y:04} {hour:02}:{minute:02}:{second:02} GMT")
}

/// The year it is so many seconds from now.
pub(crate) fn year(shift: i64) -> i32 {
    let now = unix().saturating_add_signed(shift);
    i32::try_from(date(now / 86_400).0).expect("a year fits")
}

/// `2016-01-09 02:02:12Z`.
pub(crate) fn stamp() -> String {
    let now = unix();
    let (y, m, d) = date(now / 86_400);
    let (hour, minute, second) = (now / 3600 % 24, now / 60 % 60, now % 60);
    format!("{y:04}-{m:02}-{d:02} {hour:02}:{minute:02}:{second:02}Z")
}

/// Year, month and day of a day counted from 1970-01-01.
fn date(days: u64) -> (u64, u64, u64) {
    let z = days + 719_468;
    let era = z / 146_097;
    let of_era = z % 146_097;
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let mp = (5 * of_year + 2) / 153;
    let day = of_year - (153 * mp + 2) / 5 + 1;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    (year_of_era + era * 400 + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_written_as_http_has_them() {
        assert_eq!(imf_fixdate(0), "Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(imf_fixdate(1_452_304_932), "Sat, 09 Jan 2016 02:02:12 GMT");
        assert_eq!(imf_fixdate(1_709_164_800), "Thu, 29 Feb 2024 00:00:00 GMT");
    }
}
