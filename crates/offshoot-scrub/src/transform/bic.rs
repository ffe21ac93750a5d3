//! `bic`: another bank's code (ISO 9362) of the same country, in the same shape.

use super::checked::{Checked, Functions};
use super::{Answer, Fault, Making, Options, Row, Transform, Value, Work};
use crate::shape::Shape;

struct Bic {
    bank: Shape,
    rest: Shape,
    other: Checked,
}

/// Without options.
pub(super) fn make(_: &mut Options, making: &Making<'_>) -> Result<Box<dyn Transform>, Fault> {
    let shape = |purpose| making.injective_shape(purpose);
    let scheme = Functions { kept: |_| 0, is_valid: is_form };
    Ok(Box::new(Bic { bank: shape("bank"), rest: shape("branch"), other: Checked { shape: shape("no-bic"), scheme } }))
}

/// Six letters, then two or five letters and digits.
fn is_form(code: &[u8]) -> bool {
    matches!(code.len(), 8 | 11)
        && code[..6].iter().all(u8::is_ascii_alphabetic)
        && code[6..].iter().all(u8::is_ascii_alphanumeric)
}

impl Transform for Bic {
    fn is_injective(&self) -> bool {
        true
    }

    fn apply(&self, value: Value<'_>, row: &Row<'_>, work: &mut Work, out: &mut Vec<u8>) -> Answer {
        let Value::Text(bytes) = value else { return Answer::Null };
        if !is_form(bytes) {
            return self.other.apply(value, row, work, out);
        }
        self.bank.apply(work, &bytes[..4], out);
        out.extend_from_slice(&bytes[4..6]);
        self.rest.apply(work, &bytes[6..], out);
        Answer::Written
    }
}
