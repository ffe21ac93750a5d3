//! `age-bucket`: ages and dates of birth in steps of some years.
//!
//! An age is rounded down to a multiple of `years`, and never above `max`: the few very old would stand out. A date becomes
//! the first day of the first year of its step.

use super::{Answer, Fault, Kind, Making, Options, Row, Transform, Value, Work};
use crate::calendar;
use crate::value::Moment;

struct Age {
    years: i64,
    max: i64,
}

/// With `years`, 5 if none is given, and `max`, 90 if none is given.
pub(super) fn make(options: &mut Options, _: &Making<'_>) -> Result<Box<dyn Transform>, Fault> {
    let years = options.integer("years", 2..=100)?.unwrap_or(5);
    let max = options.integer("max", 1..=200)?.unwrap_or(90);
    Ok(Box::new(Age { years, max }))
}

impl Age {
    fn first_day(&self, day: i64) -> i64 {
        let (year, _, _) = calendar::date(day);
        let first = calendar::day(year - year.rem_euclid(self.years), 1, 1);
        // The calendar of databases begins within a year.
        if first < super::date::FIRST_YEAR { day } else { first }
    }
}

impl Transform for Age {
    fn takes(&self, kind: Kind) -> bool {
        matches!(kind, Kind::Integer | Kind::Date | Kind::Timestamp)
    }

    fn apply(&self, value: Value<'_>, _: &Row<'_>, _: &mut Work, _: &mut Vec<u8>) -> Answer {
        match value {
            Value::Integer(age) => Answer::Integer((age / self.years * self.years).min(self.max)),
            Value::Date(Moment::At(day)) => Answer::Date(Moment::At(self.first_day(day.into()) as i32)),
            Value::Timestamp(Moment::At(time)) => {
                let day = self.first_day(time.div_euclid(super::date::DAY_MICROSECONDS));
                Answer::Timestamp(Moment::At(day.saturating_mul(super::date::DAY_MICROSECONDS)))
            }
            Value::Date(_) | Value::Timestamp(_) => Answer::Keep,
            _ => Answer::Null,
        }
    }
}
