//! `shape`, the default: a value of the same shape, by [`crate::shape`]; numbers keep their sign and their digits' count, bytes
//! their number.
//!
//! `username`, and `postal-code` and `national-id` without a country, are the same as a permutation always, so that they agree
//! wherever they occur, unique or not.

use super::decimal::{Parts, without_digits};
use super::{Answer, Fault, Kind, Making, Options, Prf, Reach, Row, Transform, Value, Work};
use crate::permute::Tweak;
use crate::shape::Shape;

pub(super) struct Shaped {
    shape: Shape,
    numbers: Prf,
    bytes: Prf,
    /// The largest number that the column can hold.
    number_max: i64,
}

/// Free where the column need not stay unique, else a permutation.
pub(super) fn shape(_: &mut Options, making: &Making<'_>) -> Result<Box<dyn Transform>, Fault> {
    Ok(Box::new(Shaped::new(making)))
}

/// A permutation always.
pub(super) fn named(_: &mut Options, making: &Making<'_>) -> Result<Box<dyn Transform>, Fault> {
    Ok(Box::new(Shaped::new(&Making { is_unique: true, ..*making })))
}

impl Shaped {
    fn new(making: &Making<'_>) -> Self {
        Self {
            shape: making.shape("shape"),
            numbers: making.prf("integer"),
            bytes: making.prf("bytes"),
            number_max: number_max(making),
        }
    }
}

impl Shaped {
    /// As many other bytes: permuted where they must stay distinct, else drawn.
    fn put_bytes(&self, bytes: &[u8], work: &mut Work, out: &mut Vec<u8>) {
        if self.shape.is_injective() {
            let mut digits: Vec<u32> = bytes.iter().map(|byte| u32::from(*byte)).collect();
            work.permuter.apply(
                &self.bytes,
                Tweak(bytes.len() as u64 & 0xff_ffff),
                &mut digits,
                &vec![256; bytes.len()],
            );
            out.extend(digits.iter().map(|digit| *digit as u8));
            return;
        }
        let mut stream = self.bytes.draw(bytes);
        let start = out.len();
        while out.len() - start < bytes.len() {
            out.extend_from_slice(&stream.number().to_le_bytes());
        }
        out.truncate(start + bytes.len());
        if let (Some(last), true) = (bytes.last(), out[start..] == *bytes) {
            let end = out.len() - 1;
            out[end] = last.wrapping_add(1 + stream.below(255) as u8);
        }
    }
}

impl Transform for Shaped {
    fn takes(&self, kind: Kind) -> bool {
        matches!(kind, Kind::Text | Kind::Integer | Kind::Decimal | Kind::Bytes)
    }

    fn is_injective(&self) -> bool {
        self.shape.is_injective()
    }

    fn reach(&self) -> Reach {
        Reach::Pieces
    }

    fn apply_many(&self, texts: &[&[u8]], work: &mut Work, out: &mut Vec<u8>, ends: &mut Vec<usize>) -> bool {
        self.shape.apply_many(work, texts, out, ends);
        true
    }

    fn apply(&self, value: Value<'_>, _: &Row<'_>, work: &mut Work, out: &mut Vec<u8>) -> Answer {
        match value {
            Value::Bytes(bytes) => {
                self.put_bytes(bytes, work, out);
                Answer::Written
            }
            Value::Integer(number) => Answer::Integer(digits(&self.numbers, number, self.number_max, work)),
            Value::Decimal(text) => match Parts::read(text) {
                Some(number) => {
                    number.put_moved(&self.numbers, work, out);
                    Answer::Decimal
                }
                None => without_digits(text),
            },
            Value::Text(bytes) | Value::Opaque(bytes) => {
                self.shape.apply(work, bytes, out);
                Answer::Written
            }
            _ => Answer::Null,
        }
    }
}

/// The largest number that a column can hold.
pub(super) fn number_max(making: &Making<'_>) -> i64 {
    match making.column.type_name.trim_start_matches('_') {
        "int1" => i8::MAX.into(),
        "uint1" => u8::MAX.into(),
        "int2" => i16::MAX.into(),
        "uint2" => u16::MAX.into(),
        "int4" => i32::MAX.into(),
        "uint4" => u32::MAX.into(),
        _ => i64::MAX,
    }
}

/// Another number of the same sign and as many digits, not above `max` (nor below its negative); a permutation.
pub(super) fn digits(prf: &Prf, number: i64, max: i64, work: &mut Work) -> i64 {
    let magnitude = number.unsigned_abs();
    let count = magnitude.checked_ilog10().unwrap_or(0);
    let low = if count == 0 { 0 } else { 10_u64.pow(count) };
    let high = 10_u64.checked_pow(count + 1).map_or(u64::MAX, |next| next - 1).min(max.unsigned_abs());
    if magnitude > high {
        // The one number below the negative of the largest: it has no like.
        return number;
    }
    let tweak = Tweak(u64::from(count) << 1 | u64::from(number < 0));
    // Zero has no sign, so the negative numbers of one digit are one fewer.
    let low = if number < 0 { low.max(1) } else { low };
    let size = u128::from(high - low) + 1;
    let moved = low + work.permuter.apply_number(prf, tweak, u128::from(magnitude - low), size) as u64;
    if number < 0 { -(moved as i64) } else { moved as i64 }
}
