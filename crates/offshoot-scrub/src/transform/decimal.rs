//! Decimal numbers as digits: permuted in their shape, and rounded.
//!
//! Equal numbers are equal whatever their scale, so zeros at the end of a fraction are no part of what is permuted: `12.5` and `12.50`
//! become `37.4` and `37.40`. A whole number becomes what the same number becomes in a column of whole numbers.

use super::shaped::digits;
use super::{Answer, Prf};
use crate::permute::Tweak;
use crate::shape::Work;

/// A number by its parts; none if it is no number with digits (`NaN`, `Infinity`).
pub(super) struct Parts<'a> {
    is_negative: bool,
    /// Digits before the point; the first is no zero but where it is the only one.
    whole: &'a str,
    /// Digits behind the point, without zeros at the end.
    fraction: &'a str,
    /// Digits behind the point that are written.
    scale: usize,
}

/// What becomes of a text that no [`Parts`] are of: it stays if it is none of the numbers that have digits, else it is left out.
pub(super) fn without_digits(text: &str) -> Answer {
    if matches!(text, "NaN" | "Infinity" | "-Infinity") { Answer::Keep } else { Answer::Null }
}

impl<'a> Parts<'a> {
    pub(super) fn read(text: &'a str) -> Option<Self> {
        let (is_negative, digits) = text.strip_prefix('-').map_or((false, text), |digits| (true, digits));
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !is_digits(whole) || !is_digits(fraction) {
            return None;
        }
        let whole = match whole.trim_start_matches('0') {
            "" => "0",
            whole => whole,
        };
        Some(Self { is_negative, whole, fraction: fraction.trim_end_matches('0'), scale: fraction.len() })
    }

    /// The whole number that it is, if it is one of those that whole numbers are counted by.
    pub(super) fn integer(&self) -> Option<i64> {
        let sign = if self.is_negative { "-" } else { "" };
        if self.fraction.is_empty() { format!("{sign}{}", self.whole).parse().ok() } else { None }
    }

    /// Appends a whole number with as many places as this one has.
    pub(super) fn put_integer(&self, number: i64, out: &mut Vec<u8>) {
        out.extend_from_slice(number.to_string().as_bytes());
        self.put_scale("", out);
    }

    fn put_scale(&self, fraction: &str, out: &mut Vec<u8>) {
        if self.scale > 0 {
            out.push(b'.');
            out.extend_from_slice(fraction.as_bytes());
            out.resize(out.len() + self.scale - fraction.len(), b'0');
        }
    }

    /// Appends another number with the sign and as many digits before and behind the point; a permutation.
    pub(super) fn put_moved(&self, prf: &Prf, work: &mut Work, out: &mut Vec<u8>) {
        if let Some(number) = self.integer() {
            return self.put_integer(digits(prf, number, i64::MAX, work), out);
        }
        let has_whole = self.whole != "0";
        let shown = [if has_whole { self.whole } else { "" }, self.fraction].concat();
        let last = shown.len() - 1;
        // The first digit and the last one of a fraction stay digits that count.
        let is_counted = |at: usize| at == 0 && has_whole || at == last && !self.fraction.is_empty();
        let radices: Vec<u32> = (0..=last).map(|at| if is_counted(at) { 9 } else { 10 }).collect();
        let low = |at: usize| if is_counted(at) { b'1' } else { b'0' };
        let mut moved: Vec<u32> = shown.bytes().enumerate().map(|(at, digit)| u32::from(digit - low(at))).collect();
        let [wholes, fractions] = [self.whole, self.fraction].map(|digits| digits.len() as u64);
        let tweak =
            Tweak(1 << 55 | wholes << 20 & 0x3f_ffff_ffff | fractions << 1 & 0xf_fffe | u64::from(self.is_negative));
        loop {
            work.permuter.apply(prf, tweak, &mut moved, &radices);
            let text: String = moved.iter().enumerate().map(|(at, digit)| (low(at) + *digit as u8) as char).collect();
            let (whole, fraction) = text.split_at(text.len() - self.fraction.len());
            let new = Parts { whole: if has_whole { whole } else { "0" }, fraction, ..*self };
            // Those that whole numbers are counted by are moved among themselves.
            if new.integer().is_none() {
                return new.put(out);
            }
        }
    }

    fn put(&self, out: &mut Vec<u8>) {
        if self.is_negative {
            out.push(b'-');
        }
        out.extend_from_slice(self.whole.as_bytes());
        self.put_scale(self.fraction, out);
    }

    /// Appends the multiple of a size that is nearest towards zero.
    pub(super) fn put_rounded(&self, size: u64, out: &mut Vec<u8>) {
        let mut left =
            self.whole.bytes().fold(0, |rest, digit| (rest * 10 + u128::from(digit - b'0')) % u128::from(size));
        let mut digits = self.whole.as_bytes().to_vec();
        // What is left over is taken away from the last digit on.
        let mut borrowed = 0;
        for digit in digits.iter_mut().rev() {
            let taken = (left % 10) as u8 + borrowed;
            borrowed = u8::from(*digit - b'0' < taken);
            *digit = *digit + 10 * borrowed - taken;
            left /= 10;
        }
        let whole = String::from_utf8_lossy(&digits).into_owned();
        let whole = whole.trim_start_matches('0');
        let whole = if whole.is_empty() { "0" } else { whole };
        Parts { is_negative: self.is_negative && whole != "0", whole, fraction: "", scale: self.scale }.put(out);
    }
}
