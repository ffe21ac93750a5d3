//! Identifiers with check digits: permuted within those that are valid, or within those that are not.
//!
//! The shape is permuted again and again until the result passes the check just as the value did, or fails it as the value did
//! (cycle walking: Black, Rogaway, "Ciphers with arbitrary finite domains", 2002). Since the permutation of a shape is one
//! cycle, the walk is a permutation of each of the two classes without fixed points, where a class has more than one member.
//! A valid number takes as many steps as there are check digits' values: about ten for one digit, a hundred for two.

use super::{Answer, Row, Transform, Value, Work};
use crate::shape::Shape;

/// How identifiers of one kind are told apart, looking at letters (as capitals) and digits alone.
pub(super) trait Scheme: Send + Sync {
    /// How many characters at the front stay, such as a country.
    fn kept(&self, signs: &[u8]) -> usize;
    /// Whether the identifier is valid.
    fn is_valid(&self, signs: &[u8]) -> bool;
}

/// A scheme of two functions.
#[derive(Clone, Copy)]
pub(super) struct Functions {
    pub(super) kept: fn(&[u8]) -> usize,
    pub(super) is_valid: fn(&[u8]) -> bool,
}

impl Scheme for Functions {
    fn kept(&self, signs: &[u8]) -> usize {
        (self.kept)(signs)
    }

    fn is_valid(&self, signs: &[u8]) -> bool {
        (self.is_valid)(signs)
    }
}

/// The transform for identifiers of one kind.
pub(super) struct Checked<S = Functions> {
    pub(super) shape: Shape,
    pub(super) scheme: S,
}

/// A walk longer than this has no end that is worth waiting for; no scheme has classes so small.
const STEPS_MAX: u32 = 1 << 20;

impl<S: Scheme> Checked<S> {
    /// Appends what the identifier becomes.
    pub(super) fn apply_text(&self, bytes: &[u8], work: &mut Work, out: &mut Vec<u8>) {
        let signs = signs(bytes);
        let kept = self.scheme.kept(&signs);
        let is_valid = self.scheme.is_valid(&signs);
        // The text after the kept characters.
        let places = bytes.iter().enumerate().filter(|(_, byte)| byte.is_ascii_alphanumeric());
        let split = if kept == 0 { 0 } else { places.map(|(at, _)| at + 1).nth(kept - 1).unwrap_or(0) };
        let start = out.len();
        out.extend_from_slice(bytes);
        let mut old = Vec::new();
        for _ in 0..STEPS_MAX {
            old.clear();
            old.extend_from_slice(&out[start + split..]);
            out.truncate(start + split);
            self.shape.apply(work, &old, out);
            let new = self::signs(&out[start..]);
            // An identifier may only begin like those that keep more or less if it did so before: else two ways could meet.
            if self.scheme.is_valid(&new) == is_valid && self.scheme.kept(&new) == kept {
                return;
            }
        }
    }
}

impl<S: Scheme> Transform for Checked<S> {
    fn is_injective(&self) -> bool {
        true
    }

    fn apply(&self, value: Value<'_>, _: &Row<'_>, work: &mut Work, out: &mut Vec<u8>) -> Answer {
        let Value::Text(bytes) = value else { return Answer::Null };
        self.apply_text(bytes, work, out);
        Answer::Written
    }
}

/// Letters and digits, letters as capitals; separators do not count. Any other character makes the identifier invalid.
fn signs(bytes: &[u8]) -> Vec<u8> {
    let is_sign = |byte: &u8| !matches!(byte, b' ' | b'-' | b'.' | b'/');
    bytes.iter().filter(|byte| is_sign(byte)).map(u8::to_ascii_uppercase).collect()
}

/// The digits, if all are digits and there are `count`.
pub(super) fn digits<const COUNT: usize>(signs: &[u8]) -> Option<[u32; COUNT]> {
    let signs: &[u8; COUNT] = signs.try_into().ok()?;
    signs.iter().all(u8::is_ascii_digit).then(|| signs.map(|sign| u32::from(sign - b'0')))
}

/// The sum of digits by weights; digits without a weight do not count.
pub(super) fn weighted(digits: &[u32], weights: &[u32]) -> u32 {
    digits.iter().zip(weights).map(|(digit, weight)| digit * weight).sum()
}

/// The number that the digits write.
pub(super) fn number(digits: &[u32]) -> u64 {
    digits.iter().fold(0, |number, digit| number * 10 + u64::from(*digit))
}

/// Whether digits end in their check digit (ISO/IEC 7812-1, Luhn).
pub(super) fn luhn(digits: &[u32]) -> bool {
    let text: Vec<u8> = digits.iter().map(|digit| b'0' + *digit as u8).collect();
    text.split_last().is_some_and(|(check, body)| super::card::luhn(body) == check - b'0')
}
