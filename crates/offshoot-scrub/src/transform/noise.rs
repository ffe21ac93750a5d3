//! `noise`: numbers, times and spans near by.
//!
//! Every value moves for itself; where the values of one person must keep their order, there is `date-shift`.

use super::date::{self, DAY_MICROSECONDS};
use super::{Answer, Fault, Kind, Making, Options, Prf, Row, Stream, Transform, Value, Work};
use crate::value::{Interval, Moment};

struct Noise {
    prf: Prf,
    ratio: f64,
    /// The most that a date or timestamp moves, in microseconds.
    span: i64,
}

/// With `ratio`, the largest change relative to the number, 0.1 if none is given; for dates and timestamps with `hours`, the
/// largest move either way, 72 if none is given.
pub(super) fn make(options: &mut Options, making: &Making<'_>) -> Result<Box<dyn Transform>, Fault> {
    let ratio = options.number("ratio")?.unwrap_or(0.1);
    if !(ratio > 0.0 && ratio <= 1.0) {
        return Err(options.fault("`ratio` is above 0 and at most 1"));
    }
    let hours = options.integer("hours", 1..=1_000_000)?.unwrap_or(72);
    Ok(Box::new(Noise { prf: making.prf("noise"), ratio, span: hours * 3_600_000_000 }))
}

impl Transform for Noise {
    fn takes(&self, kind: Kind) -> bool {
        use Kind::{Date, Decimal, Float, Integer, Interval, Time, Timestamp};
        matches!(kind, Integer | Float | Decimal | Date | Timestamp | Time | Interval)
    }

    fn apply(&self, value: Value<'_>, row: &Row<'_>, _: &mut Work, out: &mut Vec<u8>) -> Answer {
        // A factor from 1 - ratio to 1 + ratio, in steps of a millionth of the ratio, and never 1.
        let mut stream = row.draw(&self.prf, value);
        let step = match stream.below(2_000_001) {
            1_000_000 => 1_000_001,
            step => step,
        };
        let factor = self.ratio * (f64::from(step) / 1_000_000.0 - 1.0);
        match value {
            Value::Integer(number) => {
                let change = (number as f64 * factor) as i64;
                let change =
                    if change == 0 && number != 0 { if stream.below(2) == 0 { 1 } else { -1 } } else { change };
                // Towards zero nothing overflows, whatever the width of the column.
                let is_outward = (change < 0) == (number < 0);
                let is_near_the_end = number.unsigned_abs().leading_zeros() <= 1
                    || [i32::MAX, i16::MAX.into()].iter().any(|max| {
                        let max = u64::from(max.unsigned_abs());
                        number.unsigned_abs() <= max + 1 && number.unsigned_abs() + change.unsigned_abs() > max
                    });
                Answer::Integer(if is_outward && is_near_the_end { number - change } else { number + change })
            }
            // Zero stays, with its sign.
            Value::Float(number) if number.is_finite() && number != 0.0 => Answer::Float(number + number * factor),
            Value::Decimal(text) => {
                decimal(text, &mut stream, out);
                Answer::Decimal
            }
            Value::Date(Moment::At(day)) => {
                let days = (self.span / DAY_MICROSECONDS).max(1);
                Answer::Date(Moment::At(date::within(day.into(), self.moved(days, &mut stream)) as i32))
            }
            Value::Timestamp(Moment::At(time)) => {
                let moved = self.moved(self.span, &mut stream);
                let is_inside = date::DAYS.contains(&time.div_euclid(DAY_MICROSECONDS));
                // Where the calendar ends, towards its middle.
                Answer::Timestamp(Moment::At(time + if is_inside { moved } else { moved.abs() * -time.signum() }))
            }
            Value::Time(time) => {
                // Within the day, and back from its ends.
                let moved = time + (12.0 * 3_600_000_000.0 * factor) as i64;
                let last = DAY_MICROSECONDS - 1;
                Answer::Time(if moved < 0 {
                    -moved
                } else if moved > last {
                    2 * last - moved
                } else {
                    moved
                })
            }
            Value::Interval(Interval { months, days, microseconds }) => {
                // Towards zero where a part would not fit any more.
                let moved = |part: i64, max: i64| {
                    let change = (part as f64 * factor) as i64;
                    let is_inside = |sum: &i64| sum.unsigned_abs() < max.unsigned_abs();
                    part.checked_add(change).filter(is_inside).unwrap_or_else(|| part.saturating_sub(change))
                };
                Answer::Interval(Interval {
                    months: moved(months.into(), i32::MAX.into()) as i32,
                    days: moved(days.into(), i32::MAX.into()) as i32,
                    microseconds: moved(microseconds, i64::MAX),
                })
            }
            Value::Float(_) | Value::Date(_) | Value::Timestamp(_) => Answer::Keep,
            _ => Answer::Null,
        }
    }
}

impl Noise {
    /// From -max to max, never 0.
    fn moved(&self, max: i64, stream: &mut Stream<'_>) -> i64 {
        let drawn = stream.below_u64(2 * max.unsigned_abs()) as i64 - max;
        if drawn < 0 { drawn } else { drawn + 1 }
    }
}

/// Keeps the sign, the scale, and the first half of the digits that count; draws the others, of which one at least changes.
fn decimal(text: &str, stream: &mut Stream<'_>, out: &mut Vec<u8>) {
    let start = out.len();
    let significant = text.bytes().skip_while(|byte| !matches!(byte, b'1'..=b'9')).filter(u8::is_ascii_digit).count();
    let mut kept = significant / 2;
    let mut counts = false;
    out.extend(text.bytes().map(|byte| {
        counts |= matches!(byte, b'1'..=b'9');
        if !byte.is_ascii_digit() || !counts {
            return byte;
        }
        if kept > 0 {
            kept -= 1;
            return byte;
        }
        b'0' + stream.below(10) as u8
    }));
    if significant > 0
        && out[start..] == *text.as_bytes()
        && let Some(last) = out[start..].iter_mut().rfind(|byte| byte.is_ascii_digit())
    {
        *last = if *last == b'9' { b'0' } else { *last + 1 };
    }
}
