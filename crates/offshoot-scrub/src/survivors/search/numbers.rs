//! Searching what is no text: numbers as their digits, and instants as the numbers that they are.

use super::Searcher;
use crate::survivors::class::of_bits;
use crate::survivors::fixed::{INSTANT_BITS, instant_mac, says_enough};
use crate::survivors::needle::head_end;

impl Searcher<'_> {
    pub(super) fn integer(&mut self, output: u32, value: i64) {
        let magnitude = value.unsigned_abs();
        let Some(length) = magnitude.checked_ilog10().map(|log| log + 1) else { return };
        if self.search.needles.digit_lengths >> length & 1 == 0 {
            return;
        }
        if self.number_output != output {
            self.count_numbers(output);
        }
        self.number_tries[length as usize] += 1;
        let (mut digits, mut rest) = ([0; 20], magnitude);
        for digit in digits[..length as usize].iter_mut().rev() {
            *digit = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        let digits = &digits[..length as usize];
        if head_end(digits, 0).is_some_and(|end| self.search.needles.sieve.may_contain(&digits[..end])) {
            self.look_up(self.search.needles.prf.mac(digits));
        }
    }

    /// Counts the numbers of the output before, and goes on with another.
    pub(super) fn count_numbers(&mut self, output: u32) {
        for (length, tries) in self.number_tries.iter_mut().enumerate().filter(|(_, tries)| **tries > 0) {
            let class = if length <= 15 { 1 << length } else { of_bits(length as f64 * 10_f64.log2()) };
            *self.tries.entry((self.number_output, class)).or_default() += *tries;
            *tries = 0;
        }
        self.number_output = output;
    }

    pub(super) fn instant(&mut self, output: u32, time: i64) {
        if self.search.needles.forms.instants && says_enough(time) {
            *self.tries.entry((output, of_bits(INSTANT_BITS))).or_default() += 1;
            self.look_up(instant_mac(&self.search.needles.prf, time));
        }
    }
}
