//! `card`: another card number of the same issuer, valid if it was valid.
//!
//! The digits between the issuer's and the check digit are permuted; the check digit keeps its distance from the right one
//! (Luhn), so that a valid number stays valid, an invalid one invalid, and distinct numbers distinct.

use super::{Answer, Fault, Making, Options, Row, Transform, Value, Work};
use crate::shape::Shape;
use crate::transform::phone::put_digits;

struct Card {
    shape: Shape,
    issuer_digits: usize,
}

/// With `issuer`, how many leading digits stay: 6, or 0 if none is given.
pub(super) fn make(options: &mut Options, making: &Making<'_>) -> Result<Box<dyn Transform>, Fault> {
    let issuer_digits = options.integer("issuer", 0..=8)?.unwrap_or(0) as usize;
    Ok(Box::new(Card { shape: making.injective_shape("card"), issuer_digits }))
}

impl Transform for Card {
    fn is_injective(&self) -> bool {
        true
    }

    fn apply_many(&self, texts: &[&[u8]], work: &mut Work, out: &mut Vec<u8>, ends: &mut Vec<usize>) -> bool {
        let numbers: Vec<Option<Vec<u8>>> = texts.iter().map(|text| self.digits(text)).collect();
        let moved: Vec<&[u8]> = numbers
            .iter()
            .zip(texts)
            .map(|(digits, text)| digits.as_deref().map_or(*text, |of| self.moved(of)))
            .collect();
        let new = self.shape.texts(work, &moved);
        for (number, (text, digits)) in texts.iter().zip(&numbers).enumerate() {
            match digits {
                Some(digits) => self.put(text, digits, new.get(number), out),
                None => out.extend_from_slice(new.get(number)),
            }
            ends.push(out.len());
        }
        true
    }

    fn apply(&self, value: Value<'_>, _: &Row<'_>, work: &mut Work, out: &mut Vec<u8>) -> Answer {
        let Value::Text(bytes) = value else { return Answer::Null };
        let Some(digits) = self.digits(bytes) else {
            self.shape.apply(work, bytes, out);
            return Answer::Written;
        };
        let mut new = Vec::new();
        self.shape.apply(work, self.moved(&digits), &mut new);
        self.put(bytes, &digits, &new, out);
        Answer::Written
    }
}

impl Card {
    /// The digits of a number; none of what is no number. Every value of the same digits' count takes the same way, so ways never
    /// meet.
    fn digits(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        let is_number = bytes.iter().all(|byte| byte.is_ascii_digit() || matches!(byte, b' ' | b'-'));
        let digits: Vec<u8> = bytes.iter().copied().filter(u8::is_ascii_digit).collect();
        (is_number && digits.len() >= self.issuer_digits + 4).then_some(digits)
    }

    /// Those of the digits that are permuted.
    fn moved<'d>(&self, digits: &'d [u8]) -> &'d [u8] {
        &digits[self.issuer_digits..digits.len() - 1]
    }

    /// Appends a number with what those digits became.
    fn put(&self, bytes: &[u8], digits: &[u8], moved: &[u8], out: &mut Vec<u8>) {
        let (body, check) = digits.split_at(digits.len() - 1);
        let mut new = [&body[..self.issuer_digits], moved].concat();
        let distance = (check[0] - b'0' + 10 - luhn(body)) % 10;
        new.push(b'0' + (luhn(&new) + distance) % 10);
        put_digits(bytes, &new, out);
    }
}

/// The check digit that belongs after these digits.
pub(crate) fn luhn(body: &[u8]) -> u8 {
    let sum: u32 = body
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| {
            let digit = u32::from(digit - b'0');
            if place % 2 == 1 {
                digit
            } else if digit > 4 {
                2 * digit - 9
            } else {
                2 * digit
            }
        })
        .sum();
    ((10 - sum % 10) % 10) as u8
}
