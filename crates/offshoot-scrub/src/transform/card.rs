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

    fn apply(&self, value: Value<'_>, _: &Row<'_>, work: &mut Work, out: &mut Vec<u8>) -> Answer {
        let Value::Text(bytes) = value else { return Answer::Null };
        let is_number = bytes.iter().all(|byte| byte.is_ascii_digit() || matches!(byte, b' ' | b'-'));
        let digits: Vec<u8> = bytes.iter().copied().filter(u8::is_ascii_digit).collect();
        // Every value of the same digits' count takes the same way, so ways never meet.
        if !is_number || digits.len() < self.issuer_digits + 4 {
            self.shape.apply(work, bytes, out);
            return Answer::Written;
        }
        let (body, check) = digits.split_at(digits.len() - 1);
        let mut new = body[..self.issuer_digits].to_vec();
        self.shape.apply(work, &body[self.issuer_digits..], &mut new);
        let distance = (check[0] - b'0' + 10 - luhn(body)) % 10;
        new.push(b'0' + (luhn(&new) + distance) % 10);
        put_digits(bytes, &new, out);
        Answer::Written
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
