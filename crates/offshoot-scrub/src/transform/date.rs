//! `date-shift` and `date-truncate`: dates and timestamps moved by whole days, or cut to the month or year.
//!
//! A shift is drawn for the column that the rule goes by (`by`), a person's id for instance, so that all dates of a person
//! move alike: their order and distances stay. Whole days keep the time of day and meet no gap of summer time. The ends of
//! time stay.

use super::{Answer, Fault, Kind, Making, Options, Prf, Row, Transform, Value, Work};
use crate::calendar;
use crate::value::Moment;

pub(super) const DAY_MICROSECONDS: i64 = 86_400_000_000;
/// The first whole year of Postgres' calendar, less a margin: days since 2000.
pub(super) const FIRST_YEAR: i64 = -2_451_000;
/// What Postgres can hold, less a margin for any shift: days and microseconds since 2000.
pub(super) const DAYS: std::ops::Range<i64> = -2_000_000..100_000_000;

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

    fn keeps_distance(&self) -> bool {
        true
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
            Value::Date(_) | Value::Timestamp(_) => Answer::Keep,
            _ => Answer::Null,
        }
    }
}

/// Moves the other way where the calendar would end.
pub(super) fn within(day: i64, days: i64) -> i64 {
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
            // The first day of the calendar is in the middle of a year: nothing is cut below it.
            if day < FIRST_YEAR { day } else { first_day(day, self.to_year) }
        };
        match value {
            Value::Date(Moment::At(day)) => Answer::Date(Moment::At(cut(day.into()) as i32)),
            Value::Timestamp(Moment::At(time)) => {
                let day = cut(time.div_euclid(DAY_MICROSECONDS));
                Answer::Timestamp(Moment::At(day.saturating_mul(DAY_MICROSECONDS)))
            }
            Value::Date(_) | Value::Timestamp(_) => Answer::Keep,
            _ => Answer::Null,
        }
    }
}

/// The first day of a day's month or year.
fn first_day(day: i64, of_year: bool) -> i64 {
    let (year, month, _) = calendar::date(day);
    calendar::day(year, if of_year { 1 } else { month }, 1)
}
