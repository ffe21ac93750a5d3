//! Numbers of documents: as many other digits.

use super::Json;
use crate::shape::{Shape, Work};

/// Draws other digits; a leading zero, the point, the signs and the exponent stay.
pub(super) fn put(json: &Json, number: &[u8], work: &mut Work, out: &mut Vec<u8>) {
    if let Some(shape) = &json.moved_numbers {
        return move_digits(shape, number, work, out);
    }
    let start = out.len();
    let mut stream = json.numbers.draw(number);
    let (mut is_first, mut in_exponent) = (true, false);
    let has_value = number.iter().any(|byte| matches!(byte, b'1'..=b'9'));
    out.extend(number.iter().map(|byte| {
        in_exponent |= matches!(byte, b'e' | b'E');
        if !byte.is_ascii_digit() || in_exponent {
            return *byte;
        }
        let leads = std::mem::take(&mut is_first);
        match (leads, byte) {
            (true, b'0') if has_value => b'0',
            (true, b'1'..=b'9') => b'1' + stream.below(9) as u8,
            _ => b'0' + stream.below(10) as u8,
        }
    }));
    if out[start..] == *number {
        step_last_digit(&mut out[start..]);
    }
}

/// The next digit in the place of the last one before an exponent.
fn step_last_digit(number: &mut [u8]) {
    let end = mantissa(number).len();
    let is_only = number[..end].iter().filter(|byte| byte.is_ascii_digit()).count() == 1;
    if let Some(digit) = number[..end].iter_mut().rfind(|byte| byte.is_ascii_digit()) {
        // A number of one digit stays a number of one digit that counts.
        *digit = if *digit < b'9' { *digit + 1 } else { b'0' + u8::from(is_only) };
    }
}

/// A number without its exponent.
fn mantissa(number: &[u8]) -> &[u8] {
    &number[..number.iter().position(|byte| matches!(byte, b'e' | b'E')).unwrap_or(number.len())]
}

/// Permutes the digits of a number; a leading zero stays one, and nothing else becomes one.
fn move_digits(shape: &Shape, number: &[u8], work: &mut Work, out: &mut Vec<u8>) {
    let old = mantissa(number);
    let first = old.iter().position(u8::is_ascii_digit).unwrap_or(0);
    let is_whole = !old.contains(&b'.');
    // Of `0.5` the zero is no digit to be moved; that of `0` alone is.
    let skipped = if !is_whole && old.get(first) == Some(&b'0') { first + 1 } else { first };
    let has_one = old.len() == first + 1;
    out.extend_from_slice(&old[..skipped]);
    shape.apply_beside(work, &old[skipped..], out, |new| skipped == first && !has_one && new.first() == Some(&b'0'));
    out.extend_from_slice(&number[old.len()..]);
}
