//! Times as people type them into an address.
//!
//! A time means its end: `2026-11-22` the last millisecond of that day, `10:05` of that minute, so that what a list
//! shows to the minute can be typed back. Without an offset it is UTC; there is no time zone to look up here.

const DAY_MS: i64 = 86_400_000;

/// The last millisecond of a time, since 1970 UTC; `None` for a text that is no time, or is before 1970.
pub(super) fn end_of(text: &str) -> Option<u64> {
    let text = text.trim();
    let (date, clock) = match text.split_once(['T', 't', ' ']) {
        Some((date, clock)) => (date, Some(clock.trim())),
        None => (text, None),
    };
    let mut parts = date.split('-');
    let (year, month, day) = (number(parts.next()?, 4)?, number(parts.next()?, 2)?, number(parts.next()?, 2)?);
    if parts.next().is_some() || !(1..=12).contains(&month) || day < 1 || day > days_of(year, month) {
        return None;
    }
    let midnight = days_since_1970(year, month, day) * DAY_MS;
    let end = match clock {
        None => midnight + DAY_MS,
        Some(clock) => midnight + end_of_clock(clock)?,
    };
    u64::try_from(end - 1).ok()
}

/// End of a time of day after midnight UTC, in milliseconds.
fn end_of_clock(text: &str) -> Option<i64> {
    let zone = text.find(['Z', 'z', '+', '-']).unwrap_or(text.len());
    let (clock, zone) = text.split_at(zone);
    let mut parts = clock.trim_end().split(':');
    let (hours, minutes) = (number(parts.next()?, 2)?, number(parts.next()?, 2)?);
    let (seconds, unit) = match parts.next() {
        Some(seconds) => (number(seconds, 2)?, 1000),
        None => (0, 60_000),
    };
    if parts.next().is_some() || hours > 23 || minutes > 59 || seconds > 59 {
        return None;
    }
    let offset_minutes = match zone.as_bytes().first() {
        None | Some(b'Z' | b'z') if zone.len() <= 1 => 0,
        Some(sign @ (b'+' | b'-')) => {
            let (hours, minutes) = match zone[1..].split_once(':') {
                Some((hours, minutes)) => (number(hours, 2)?, number(minutes, 2)?),
                None => (number(&zone[1..], 2)?, 0),
            };
            if hours > 15 || minutes > 59 {
                return None;
            }
            let offset = hours * 60 + minutes;
            if *sign == b'-' { -offset } else { offset }
        }
        _ => return None,
    };
    Some((hours * 3600 + minutes * 60 + seconds) * 1000 + unit - offset_minutes * 60_000)
}

fn number(text: &str, digits: usize) -> Option<i64> {
    (text.len() == digits && text.bytes().all(|digit| digit.is_ascii_digit())).then(|| text.parse().ok())?
}

fn days_of(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days of the proleptic Gregorian calendar, counted from a year that begins in March.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_mean_their_ends() {
        assert_eq!(end_of("1970-01-01 00:00:00"), Some(999));
        assert_eq!(end_of("1970-01-01 00:00"), Some(59_999));
        assert_eq!(end_of("1970-01-01"), Some(86_399_999));
        assert_eq!(end_of("2000-02-29T12:30:01Z"), Some(951_827_401_999));
        assert_eq!(end_of("2026-11-22 10:05"), Some(1_795_341_959_999));
        assert_eq!(end_of("2026-11-22 10:05+01:00"), Some(1_795_341_959_999 - 3_600_000));
        assert_eq!(end_of("2026-11-22T10:05:00-0530"), None);
        assert_eq!(end_of("2026-11-22T10:05:00-05:30"), Some(1_795_341_900_999 + 19_800_000));
        for bad in ["", "now", "2026", "2026-13-01", "2026-02-29", "2026-1-1", "2026-11-22 24:00", "2026-11-22 1:05"] {
            assert_eq!(end_of(bad), None, "{bad}");
        }
        assert_eq!(end_of("1969-12-31 23:00"), None);
    }
}
