//! Which heads may be those of needles, by a hash that costs next to nothing: most words of the output need no better one.
//!
//! A bitmap that stays in the processor's cache, with one bit for each head that was ever collected. The hash is a keyed
//! multiplication, no MAC: it is never written anywhere, and who could make words that pass it would make the search slower,
//! not blind. What passes goes on to the filters.

use std::sync::atomic::{AtomicU64, Ordering};

/// Bits of the map: a mebibyte, which with a million heads lets an eighth of all others pass.
const BITS: u32 = 23;
const ODD: u64 = 0x9e37_79b9_7f4a_7c15;

/// The bitmap; threads set bits while others do.
pub(super) struct Sieve {
    words: Vec<AtomicU64>,
    key: u64,
}

impl Sieve {
    /// One under a random key.
    pub(super) fn new(key: u64) -> Self {
        Self { words: (0..1 << (BITS - 6)).map(|_| AtomicU64::new(0)).collect(), key }
    }

    #[inline]
    fn place(&self, head: &[u8]) -> (usize, u64) {
        let mut mixed = self.key;
        let (whole, rest) = head.as_chunks::<8>();
        for eight in whole {
            mixed = mix(mixed ^ u64::from_le_bytes(*eight));
        }
        if !rest.is_empty() {
            let word = rest.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte));
            mixed = mix(mixed ^ word);
        }
        let bit = mixed >> (64 - BITS);
        ((bit >> 6) as usize, 1 << (bit & 63))
    }

    /// Lets a head pass from now on.
    pub(super) fn insert(&self, head: &[u8]) {
        let (at, bit) = self.place(head);
        let word = &self.words[at];
        // Mostly it is set already; then the line need not be taken from other threads.
        if word.load(Ordering::Relaxed) & bit == 0 {
            word.fetch_or(bit, Ordering::Relaxed);
        }
    }

    /// False if the head was never inserted.
    #[inline]
    pub(super) fn may_contain(&self, head: &[u8]) -> bool {
        let (at, bit) = self.place(head);
        self.words[at].load(Ordering::Relaxed) & bit != 0
    }
}

#[inline]
fn mix(word: u64) -> u64 {
    let product = u128::from(word) * u128::from(ODD);
    (product >> 64) as u64 ^ product as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_put_in_passes_and_little_else() {
        let sieve = Sieve::new(0x0123_4567_89ab_cdef);
        let heads =
            |n: u32| [format!("{n:08x}"), format!("{n:07}"), format!("é漢{n}"), format!("letters of any length {n}")];
        (0..200_000).flat_map(heads).for_each(|head| sieve.insert(head.as_bytes()));
        assert!((0..200_000).flat_map(heads).all(|head| sieve.may_contain(head.as_bytes())));
        let passed = (1_000_000..1_200_000).flat_map(heads).filter(|head| sieve.may_contain(head.as_bytes())).count();
        println!("{passed} of 800000 others pass");
        assert!(passed < 100_000, "{passed}");
    }
}
