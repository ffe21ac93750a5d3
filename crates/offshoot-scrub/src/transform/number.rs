//! `noise`, `bucket` and `range`: numbers near by, rounded, or permuted within bounds.

use super::{Answer, Fault, Kind, Making, Options, Prf, Row, Transform, Value, Work};
use crate::permute::Tweak;

struct Noise {
    prf: Prf,
    ratio: f64,
}

/// With `ratio`, the largest change relative to the number; 0.1 if none is given.
pub(super) fn noise(options: &mut Options, making: &Making<'_>) -> Result<Box<dyn Transform>, Fault> {
    let ratio = options.number("ratio")?.unwrap_or(0.1);
    if !(ratio > 0.0 && ratio <= 1.0) {
        return Err(options.fault("`ratio` is above 0 and at most 1"));
    }
    Ok(Box::new(Noise { prf: making.prf("noise"), ratio }))
}

impl Transform for Noise {
    fn takes(&self, kind: Kind) -> bool {
        matches!(kind, Kind::Integer | Kind::Float | Kind::Decimal)
    }

    fn apply(&self, value: Value<'_>, row: &Row<'_>, _: &mut Work, out: &mut Vec<u8>) -> Answer {
        // A factor from 1 - ratio to 1 + ratio, in steps of a millionth of the ratio.
        let mut stream = row.draw(&self.prf, value);
        let factor = self.ratio * (f64::from(stream.below(2_000_001)) / 1_000_000.0 - 1.0);
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
            Value::Float(number) if number.is_finite() => Answer::Float(number + number * factor),
            Value::Decimal(text) => {
                decimal(text, &mut stream, out);
                Answer::Decimal
            }
            _ => Answer::Keep,
        }
    }
}

/// Keeps the sign, the scale, and the first half of the digits that count; draws the others.
fn decimal(text: &str, stream: &mut super::Stream<'_>, out: &mut Vec<u8>) {
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
}

struct Bucket {
    size: i64,
}

/// Rounds down to a multiple of `size`.
pub(super) fn bucket(options: &mut Options, _: &Making<'_>) -> Result<Box<dyn Transform>, Fault> {
    let Some(size) = options.integer("size", 2..=1_000_000_000)? else {
        return Err(options.fault("`bucket` needs `size`"));
    };
    Ok(Box::new(Bucket { size }))
}

impl Transform for Bucket {
    fn takes(&self, kind: Kind) -> bool {
        matches!(kind, Kind::Integer | Kind::Float)
    }

    fn apply(&self, value: Value<'_>, _: &Row<'_>, _: &mut Work, _: &mut Vec<u8>) -> Answer {
        match value {
            // Towards zero, so that nothing overflows.
            Value::Integer(number) => Answer::Integer(number / self.size * self.size),
            Value::Float(number) if number.is_finite() => {
                Answer::Float((number / self.size as f64).trunc() * self.size as f64)
            }
            _ => Answer::Keep,
        }
    }
}

struct Range {
    prf: Prf,
    first: i64,
    size: u128,
    /// The largest number that the column can hold.
    number_max: i64,
}

/// Permutes numbers from `from` to `to`; others keep their sign and count of digits, and never get into the range.
pub(super) fn range(options: &mut Options, making: &Making<'_>) -> Result<Box<dyn Transform>, Fault> {
    let bounds = i64::MIN..=i64::MAX;
    let (Some(first), Some(last)) = (options.integer("from", bounds.clone())?, options.integer("to", bounds)?) else {
        return Err(options.fault("`range` needs `from` and `to`"));
    };
    if last <= first {
        return Err(options.fault("`to` is above `from`"));
    }
    let number_max = super::shaped::number_max(making);
    Ok(Box::new(Range {
        prf: making.prf("range"),
        number_max,
        first,
        size: (i128::from(last) - i128::from(first) + 1) as u128,
    }))
}

impl Transform for Range {
    fn takes(&self, kind: Kind) -> bool {
        kind == Kind::Integer
    }

    fn is_injective(&self) -> bool {
        true
    }

    fn apply(&self, value: Value<'_>, _: &Row<'_>, work: &mut Work, _: &mut Vec<u8>) -> Answer {
        let Value::Integer(number) = value else { return Answer::Null };
        let place = i128::from(number) - i128::from(self.first);
        match u128::try_from(place).ok().filter(|place| *place < self.size) {
            Some(place) => {
                let moved = work.permuter.apply_number(&self.prf, Tweak(0), place, self.size);
                Answer::Integer((i128::from(self.first) + moved as i128) as i64)
            }
            // Walks over the permutation by digits until it is outside again; so the walk is a permutation too.
            None => {
                let is_inside = |number: i64| {
                    u128::try_from(i128::from(number) - i128::from(self.first)).is_ok_and(|place| place < self.size)
                };
                let mut moved = super::shaped::digits(&self.prf, number, self.number_max, work);
                while is_inside(moved) {
                    moved = super::shaped::digits(&self.prf, moved, self.number_max, work);
                }
                Answer::Integer(moved)
            }
        }
    }
}
