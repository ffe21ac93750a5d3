//! `bucket` and `range`: numbers rounded, or permuted within bounds.

use super::decimal::{Parts, without_digits};
use super::{Answer, Fault, Kind, Making, Options, Prf, Row, Transform, Value, Work};
use crate::permute::Tweak;

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
        matches!(kind, Kind::Integer | Kind::Float | Kind::Decimal)
    }

    fn apply(&self, value: Value<'_>, _: &Row<'_>, _: &mut Work, out: &mut Vec<u8>) -> Answer {
        match value {
            Value::Decimal(text) => match Parts::read(text) {
                Some(number) => {
                    number.put_rounded(self.size.unsigned_abs(), out);
                    Answer::Decimal
                }
                None => without_digits(text),
            },
            // Towards zero, so that nothing overflows.
            Value::Integer(number) => Answer::Integer(number / self.size * self.size),
            Value::Float(number) if number.is_finite() => {
                Answer::Float((number / self.size as f64).trunc() * self.size as f64)
            }
            Value::Float(_) => Answer::Keep,
            _ => Answer::Null,
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
        matches!(kind, Kind::Integer | Kind::Decimal)
    }

    fn is_injective(&self) -> bool {
        true
    }

    fn apply(&self, value: Value<'_>, _: &Row<'_>, work: &mut Work, out: &mut Vec<u8>) -> Answer {
        match value {
            Value::Integer(number) => Answer::Integer(self.moved(number, work)),
            Value::Decimal(text) => {
                let Some(number) = Parts::read(text) else { return without_digits(text) };
                match number.integer() {
                    Some(whole) => number.put_integer(self.moved(whole, work), out),
                    None => number.put_moved(&self.prf, work, out),
                }
                Answer::Decimal
            }
            _ => Answer::Null,
        }
    }
}

impl Range {
    fn moved(&self, number: i64, work: &mut Work) -> i64 {
        let place = |number: i64| {
            u128::try_from(i128::from(number) - i128::from(self.first)).ok().filter(|place| *place < self.size)
        };
        if let Some(place) = place(number) {
            let moved = work.permuter.apply_number(&self.prf, Tweak(0), place, self.size);
            return (i128::from(self.first) + moved as i128) as i64;
        }
        // Walks over the permutation by digits until it is outside again; so the walk is a permutation too.
        let mut moved = super::shaped::digits(&self.prf, number, self.number_max, work);
        while place(moved).is_some() {
            moved = super::shaped::digits(&self.prf, moved, self.number_max, work);
        }
        moved
    }
}
