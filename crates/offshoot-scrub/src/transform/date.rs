//! `date-shift` and `date-truncate`: dates and timestamps moved by whole days, or cut to the month or year.
//!
//! A shift is drawn for the column that the rule goes by (`by`), a person's id for instance, so that all dates of a person
//! move alike: their order and distances stay. Whole days keep the time of day and meet no gap of summer time. The ends of
//! time stay.

use super::{Answer, Fault, Kind, Making, Options, Prf, Row, Transform, Value, Work};
use crate::value::Moment;

const DAY_MICROSECONDS: i64 = 86_400_000_000;
/// What Postgres can hold, less a margin for any shift: days and microseconds since 2000.
const DAYS: std::ops::Range<i64> = -2_000_000..100_000_000;

struct Shift {
    prf: Prf,
    days_max: u32,
}

/// With `days`, the most that a date moves either way; 365 if none is given.
pub(super) fn shift(options: &mut Options, making: &Making<'_>) -> Result<Box<dyn Transform>, Fault> {
    let days = options.integer("days", 1..=36_500)?.unwrap_or(365);
    Ok(Box::new(Shift { prf: making.prf("date-shift"), days_max: days as u32 }))
}

impl Shift {
    /// From -days_max to days_max, never 0.
    fn days(&self, value: Value<'_>, row: &Row<'_>) -> i64 {
        let drawn = i64::from(row.draw(&self.prf, value).below(2 * self.days_max)) - i64::from(self.days_max);
        if drawn < 0 { drawn } else { drawn + 1 }
    }
}

impl Transform for Shift {
    fn takes(&self, kind: Kind) -> bool {
        matches!(kind, Kind::Date | Kind::Timestamp)
    }

    fn apply(&self, value: Value<'_>, row: &Row<'_>, _: &mut Work, _: &mut Vec<u8>) -> Answer {
        match value {
            Value::Date(Moment::At(day)) => {
                let days = self.days(value, row);
                Answer::Date(Moment::At(within(i64::from(day), days) as i32))
            }
            Value::Timestamp(Moment::At(time)) => {
                let days = self.days(value, row);
                let (day, rest) = (time.div_euclid(DAY_MICROSECONDS), time.rem_euclid(DAY_MICROSECONDS));
                // Times beyond the margin are in days' range all the same: Postgres' timestamps end at 107 million days.
                let moved = within(day, days).saturating_mul(DAY_MICROSECONDS).saturating_add(rest);
                Answer::Timestamp(Moment::At(moved))
            }
            _ => Answer::Keep,
        }
    }
}

/// Moves the other way where the calendar would end.
fn within(day: i64, days: i64) -> i64 {
    let towards_middle = if day < DAYS.start { days.abs() } else { -days.abs() };
    if DAYS.contains(&day) { day + days } else { day + towards_middle }
}

struct Truncate {
    to_year: bool,
}

/// With `to`: `month`, or `year` if none is given.
pub(super) fn truncate(options: &mut Options, _: &Making<'_>) -> Result<Box<dyn Transform>, Fault> {
    Ok(Box::new(Truncate { to_year: options.word("to", &["year", "month"])? == 0 }))
}

impl Transform for Truncate {
    fn takes(&self, kind: Kind) -> bool {
        matches!(kind, Kind::Date | Kind::Timestamp)
    }

    fn apply(&self, value: Value<'_>, _: &Row<'_>, _: &mut Work, _: &mut Vec<u8>) -> Answer {
        let cut = |day: i64| {
            // The first day of Postgres' calendar is in the middle of a year: nothing is cut below it.
            if day < -2_451_000 { day } else { first_day(day, self.to_year) }
        };
        match value {
            Value::Date(Moment::At(day)) => Answer::Date(Moment::At(cut(day.into()) as i32)),
            Value::Timestamp(Moment::At(time)) => {
                let day = cut(time.div_euclid(DAY_MICROSECONDS));
                Answer::Timestamp(Moment::At(day.saturating_mul(DAY_MICROSECONDS)))
            }
            _ => Answer::Keep,
        }
    }
}

/// The first day of a day's month or year, counted from 2000-01-01 in the Gregorian calendar.
fn first_day(day: i64, of_year: bool) -> i64 {
    // Years of 365.2425 days that begin in March, so that a leap day comes last.
    let days = day + 730_425;
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_march_year = of_era - (365 * year + year / 4 - year / 100);
    let march_month = (5 * of_march_year + 2) / 153;
    let day_of_month = of_march_year - (153 * march_month + 2) / 5;
    let month_start = day - day_of_month;
    if !of_year {
        return month_start;
    }
    // January and February end the year that began in March before.
    match march_month {
        10 => month_start,
        11 => month_start - 31,
        month => {
            let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
            month_start - (153 * month + 2) / 5 - 59 - i64::from(is_leap)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_and_years_begin_where_the_calendar_says() {
        // Counted up day by day from 2000-01-01, back and forth over several centuries.
        let (mut day, mut year_start) = (0_i64, 0_i64);
        for year in 2000..2900 {
            let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
            for length in [31, if is_leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
                let month_start = day;
                for _ in 0..length {
                    assert_eq!(
                        (first_day(day, false), first_day(day, true)),
                        (month_start, year_start),
                        "{year} {day}"
                    );
                    day += 1;
                }
            }
            year_start = day;
        }
        // 1999-12-31, 1970-01-01, 1968-02-29, and the last days of 1 BC.
        assert_eq!((first_day(-1, true), first_day(-1, false)), (-365, -31));
        assert_eq!(first_day(-10_957, true), -10_957);
        assert_eq!((first_day(-11_629, true), first_day(-11_629, false)), (-11_688, -11_657));
    }
}
