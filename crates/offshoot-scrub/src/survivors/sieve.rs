//! Which heads may be those of needles, by a hash that costs next to nothing: most words of the output need no better one.
//!
//! A bitmap with one bit for each head that was ever collected, made so small at the end that it stays in the processor's
//! cache where heads are few. The hash is a keyed multiplication, no MAC: it is never written anywhere, and who could make
//! words that pass it would make the search slower, not blind. What passes goes on to the filters.
//!
//! All heads are looked up by their first bytes, which takes no look at what those are; the longer ones, of letters beyond
//! ASCII, as a whole then.

use std::sync::atomic::{AtomicU64, Ordering};

/// Bits of the map: a mebibyte, which with a million heads lets an eighth of all others pass.
const BITS: u32 = 23;
/// Bits of the smallest one.
const BITS_MIN: u32 = 16;
/// Of how many bits at most one is set in a map that was made smaller.
const SPARSE: u64 = 16;
/// Bytes of a head, if it has as many, by which it is looked up first.
pub(super) const BEGINNING: usize = 8;
const ODD: u64 = 0x9e37_79b9_7f4a_7c15;

/// The bitmap; threads set bits while others do.
pub(super) struct Sieve {
    words: Vec<AtomicU64>,
    /// What of a hash says where its bit is: all but so many bits.
    shift: u32,
    key: u64,
}

impl Sieve {
    /// One under a random key.
    pub(super) fn new(key: u64) -> Self {
        Self::with_bits(BITS, key)
    }

    fn with_bits(bits: u32, key: u64) -> Self {
        Self { words: (0..1 << (bits - 6)).map(|_| AtomicU64::new(0)).collect(), shift: 64 - bits, key }
    }

    fn hash(&self, head: &[u8]) -> u64 {
        let mut mixed = self.key;
        let (whole, rest) = head.as_chunks::<8>();
        for eight in whole {
            mixed = mix(mixed ^ u64::from_le_bytes(*eight));
        }
        if !rest.is_empty() {
            let word = rest.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte));
            mixed = mix(mixed ^ word);
        }
        mixed
    }

    #[inline]
    fn place(&self, hash: u64) -> (usize, u64) {
        let bit = hash >> self.shift;
        ((bit >> 6) as usize, 1 << (bit & 63))
    }

    /// Lets a head pass from now on, and what it begins with.
    pub(super) fn insert(&self, head: &[u8]) {
        self.set(self.hash(head));
        if head.len() > BEGINNING {
            self.set(self.hash(&head[..BEGINNING]));
        }
    }

    fn set(&self, hash: u64) {
        let (at, bit) = self.place(hash);
        let word = &self.words[at];
        // Mostly it is set already; then the line need not be taken from other threads.
        if word.load(Ordering::Relaxed) & bit == 0 {
            word.fetch_or(bit, Ordering::Relaxed);
        }
    }

    /// False if the head was never inserted.
    #[inline]
    pub(super) fn may_contain(&self, head: &[u8]) -> bool {
        self.has(self.hash(head))
    }

    /// False if no head begins with these bytes, which are a little-endian number.
    #[inline]
    pub(super) fn may_begin(&self, beginning: u64) -> bool {
        self.has(mix(self.key ^ beginning))
    }

    #[inline]
    fn has(&self, hash: u64) -> bool {
        let (at, bit) = self.place(hash);
        self.words[at].load(Ordering::Relaxed) & bit != 0
    }

    /// The same heads in a map that is as small as it may be while few others pass.
    pub(super) fn shrunk(self) -> Self {
        let set: u64 = self.words.iter().map(|word| u64::from(word.load(Ordering::Relaxed).count_ones())).sum();
        let mut bits = 64 - self.shift;
        while bits > BITS_MIN && set.saturating_mul(SPARSE) <= 1 << (bits - 1) {
            bits -= 1;
        }
        if bits == 64 - self.shift {
            return self;
        }
        let mut small = Self::with_bits(bits, self.key);
        let by = small.shift - self.shift;
        for (at, word) in self.words.into_iter().enumerate() {
            let mut rest = word.into_inner();
            while rest != 0 {
                let bit = ((at as u64) << 6 | u64::from(rest.trailing_zeros())) >> by;
                *small.words[(bit >> 6) as usize].get_mut() |= 1 << (bit & 63);
                rest &= rest - 1;
            }
        }
        small
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
    fn a_smaller_one_lets_the_same_heads_pass() {
        let sieve = Sieve::new(7);
        let heads: Vec<String> = (0..2000).flat_map(|n| [format!("{n:07}"), format!("é漢{n}")]).collect();
        heads.iter().for_each(|head| sieve.insert(head.as_bytes()));
        let small = sieve.shrunk();
        assert_eq!(small.words.len() << 6, 1 << 16);
        for head in &heads {
            assert!(small.may_contain(head.as_bytes()));
            let first = &head.as_bytes()[..head.len().min(BEGINNING)];
            assert!(small.may_begin(first.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte))));
        }
        let others = (0..100_000).filter(|n| small.may_contain(format!("x{n:07}").as_bytes())).count();
        assert!(others < 8000, "{others}");
    }

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
