//! `iban`: another account of the same country, valid if it was valid.
//!
//! What follows country and check digits is permuted in its shape; the check digits keep their distance from the right ones
//! (mod 97).

use super::{Answer, Fault, Making, Options, Row, Transform, Value, Work};
use crate::shape::Shape;

struct Iban {
    shape: Shape,
}

/// Without options.
pub(super) fn make(_: &mut Options, making: &Making<'_>) -> Result<Box<dyn Transform>, Fault> {
    Ok(Box::new(Iban { shape: making.injective_shape("iban") }))
}

impl Transform for Iban {
    fn is_injective(&self) -> bool {
        true
    }

    fn apply(&self, value: Value<'_>, _: &Row<'_>, work: &mut Work, out: &mut Vec<u8>) -> Answer {
        let Value::Text(bytes) = value else { return Answer::Null };
        let has_form = bytes.len() > 4
            && bytes[..2].iter().all(u8::is_ascii_alphabetic)
            && bytes[2..4].iter().all(u8::is_ascii_digit)
            && bytes[4..].iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b' ');
        let check = || u32::from(bytes[2] - b'0') * 10 + u32::from(bytes[3] - b'0');
        if !has_form {
            self.shape.apply(work, bytes, out);
            return Answer::Written;
        }
        let start = out.len();
        out.extend_from_slice(&bytes[..4]);
        self.shape.apply(work, &bytes[4..], out);
        if !(2..=98).contains(&check()) {
            return Answer::Written;
        }
        let distance = check() + 97 - right_check(&bytes[..2], &bytes[4..]);
        // 2 to 98 are the check digits in use.
        let check = (right_check(&bytes[..2], &out[start + 4..]) + distance + 95) % 97 + 2;
        out[start + 2] = b'0' + (check / 10) as u8;
        out[start + 3] = b'0' + (check % 10) as u8;
        Answer::Written
    }
}

/// The check digits that belong to a country and an account.
pub(crate) fn right_check(country: &[u8], account: &[u8]) -> u32 {
    let remainder = account.iter().chain(country).chain(b"00").filter(|byte| **byte != b' ').fold(
        0,
        |remainder, byte| match (*byte as char).to_digit(36) {
            Some(value @ 10..) => (remainder * 100 + value) % 97,
            Some(value) => (remainder * 10 + value) % 97,
            None => remainder,
        },
    );
    98 - remainder
}
