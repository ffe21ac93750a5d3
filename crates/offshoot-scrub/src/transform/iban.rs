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

    fn apply_many(&self, texts: &[&[u8]], work: &mut Work, out: &mut Vec<u8>, ends: &mut Vec<usize>) -> bool {
        let accounts: Vec<&[u8]> = texts.iter().map(|text| &text[kept(text)..]).collect();
        let new = self.shape.texts(work, &accounts);
        for (number, text) in texts.iter().enumerate() {
            put(text, new.get(number), out);
            ends.push(out.len());
        }
        true
    }

    fn apply(&self, value: Value<'_>, _: &Row<'_>, work: &mut Work, out: &mut Vec<u8>) -> Answer {
        let Value::Text(bytes) = value else { return Answer::Null };
        let mut account = Vec::new();
        self.shape.apply(work, &bytes[kept(bytes)..], &mut account);
        put(bytes, &account, out);
        Answer::Written
    }
}

/// How many characters at the front are country and check digits: none of what is no account.
fn kept(bytes: &[u8]) -> usize {
    let has_form = bytes.len() > 4
        && bytes[..2].iter().all(u8::is_ascii_alphabetic)
        && bytes[2..4].iter().all(u8::is_ascii_digit)
        && bytes[4..].iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b' ');
    if has_form { 4 } else { 0 }
}

/// Appends an account after what is kept of the old one, with check digits that are as right as they were.
fn put(bytes: &[u8], account: &[u8], out: &mut Vec<u8>) {
    let (front, old) = bytes.split_at(kept(bytes));
    let (&[.., tens, ones], start) = (front, out.len()) else {
        return out.extend_from_slice(account);
    };
    out.extend_from_slice(front);
    out.extend_from_slice(account);
    let check = u32::from(tens - b'0') * 10 + u32::from(ones - b'0');
    // 2 to 98 are the check digits in use.
    if (2..=98).contains(&check) {
        let distance = check + 97 - right_check(&front[..2], old);
        let check = (right_check(&front[..2], account) + distance + 95) % 97 + 2;
        out[start + 2] = b'0' + (check / 10) as u8;
        out[start + 3] = b'0' + (check % 10) as u8;
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
