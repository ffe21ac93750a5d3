//! The keyed functions of one domain: what everything else here draws its numbers from.
//!
//! Equal inputs give equal outputs within a domain, and nothing can be said about them without the key. The functions
//! are AES-256 under subkeys that BLAKE3 derives from the scrub key and the domain's name: one block as a PRF for
//! Feistel rounds, a length-prefixed CBC-MAC for values (as in NIST SP 800-38G), and counter mode to stretch a MAC.
//! AES because processors have it: a short value costs some 20 ns, a tenth of a hash.

use std::fmt;

use aes::Aes256;
use aes::cipher::{Array, BlockCipherEncrypt, KeyInit};
use zeroize::Zeroizing;

use crate::Key;

/// Blocks that are encrypted at once.
pub(crate) const LANES: usize = 8;

/// Keyed functions of one domain.
#[derive(Clone)]
pub struct Prf {
    rounds: Aes256,
    values: Aes256,
    streams: Aes256,
    /// Tells it from others in memory; nothing writes it anywhere.
    id: u64,
}

impl Prf {
    /// The functions of a domain.
    #[must_use]
    pub fn new(key: &Key, domain: &str) -> Self {
        let mut material = Zeroizing::new([0; 96]);
        key.for_domain(domain, material.as_mut());
        let cipher = |part: usize| {
            let mut key = Array::default();
            key.copy_from_slice(&material[32 * part..32 * (part + 1)]);
            Aes256::new(&key)
        };
        let rounds = cipher(0);
        let id = encrypt(&rounds, u128::MAX) as u64;
        Self { rounds, values: cipher(1), streams: cipher(2), id }
    }

    /// A number that no other functions have.
    #[inline]
    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    /// A pseudorandom number for one block of input.
    #[inline]
    pub(crate) fn round(&self, input: u128) -> u128 {
        encrypt(&self.rounds, input)
    }

    /// The same for several blocks at once: a processor works on the rounds of many blocks at a time.
    #[inline]
    pub(crate) fn round_many(&self, inputs: &mut [u128]) {
        encrypt_many(&self.rounds, inputs);
    }

    /// A pseudorandom number for a value of any length.
    #[inline]
    #[must_use]
    pub fn mac(&self, value: &[u8]) -> u128 {
        if value.len() < 16 {
            return encrypt(&self.values, short_block(value));
        }
        // The length comes first, with a mark that no short value has, so that no input is the beginning of another.
        let mut state = encrypt(&self.values, value.len() as u128);
        for chunk in value.chunks(16) {
            state = encrypt(&self.values, state ^ block(chunk));
        }
        state
    }

    /// [`Self::mac`] of at most [`LANES`] values at once.
    pub(crate) fn mac_many(&self, values: &[&[u8]], macs: &mut [u128]) {
        for (value, mac) in values.iter().zip(macs.iter_mut()) {
            *mac = if value.len() < 16 { short_block(value) } else { value.len() as u128 };
        }
        encrypt_many(&self.values, macs);
        let steps = |value: &[u8]| if value.len() < 16 { 0 } else { value.len().div_ceil(16) };
        let most = values.iter().map(|value| steps(value)).max().unwrap_or(0);
        for step in 0..most {
            let (mut states, mut lanes, mut count) = ([0; LANES], [0; LANES], 0);
            for (lane, value) in values.iter().enumerate().filter(|(_, value)| step < steps(value)) {
                (states[count], lanes[count]) =
                    (macs[lane] ^ block(value.chunks(16).nth(step).unwrap_or_default()), lane);
                count += 1;
            }
            encrypt_many(&self.values, &mut states[..count]);
            for (state, lane) in states.iter().zip(&lanes[..count]) {
                macs[*lane] = *state;
            }
        }
    }

    /// Numbers that follow from a MAC.
    #[inline]
    #[must_use]
    pub fn stream(&self, seed: u128) -> Stream<'_> {
        Stream { prf: self, seed, counter: 0, word: seed as u64, bits_taken: 0, rest: seed >> 64, words_left: 1 }
    }

    /// Numbers that follow from a value.
    #[inline]
    #[must_use]
    pub fn draw(&self, value: &[u8]) -> Stream<'_> {
        self.stream(self.mac(value))
    }

    #[inline]
    pub(crate) fn stretch(&self, seed: u128, counter: u64) -> u128 {
        encrypt(&self.streams, seed ^ u128::from(counter))
    }

    /// The same for several seeds at once, in their places.
    #[inline]
    pub(crate) fn stretch_many(&self, seeds: &mut [u128], counter: u64) {
        seeds.iter_mut().for_each(|seed| *seed ^= u128::from(counter));
        encrypt_many(&self.streams, seeds);
    }
}

impl fmt::Debug for Prf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Prf(redacted)")
    }
}

#[inline]
fn encrypt(cipher: &Aes256, input: u128) -> u128 {
    let mut block = Array::from(input.to_le_bytes());
    cipher.encrypt_block(&mut block);
    u128::from_le_bytes(block.into())
}

#[inline]
fn encrypt_many(cipher: &Aes256, inputs: &mut [u128]) {
    let mut blocks = [Array::default(); LANES];
    for chunk in inputs.chunks_mut(LANES) {
        for (block, input) in blocks.iter_mut().zip(chunk.iter()) {
            *block = Array::from(input.to_le_bytes());
        }
        cipher.encrypt_blocks(&mut blocks[..chunk.len()]);
        for (block, output) in blocks.iter().zip(chunk.iter_mut()) {
            *output = u128::from_le_bytes((*block).into());
        }
    }
}

/// Up to 16 bytes, and zeros.
#[inline]
fn block(bytes: &[u8]) -> u128 {
    let mut block = [0; 16];
    block[..bytes.len()].copy_from_slice(bytes);
    u128::from_le_bytes(block)
}

/// A value of fewer than 16 bytes, and its length with a mark.
#[inline]
fn short_block(value: &[u8]) -> u128 {
    block(value) | u128::from(0x80 | value.len() as u8) << 120
}

/// A deterministic sequence of numbers.
#[derive(Clone)]
pub struct Stream<'a> {
    prf: &'a Prf,
    seed: u128,
    /// Blocks made since the seed.
    counter: u64,
    /// The word in use, read as a fraction, and how many of its bits were used up, roughly.
    word: u64,
    bits_taken: u32,
    /// Words of the present block that wait.
    rest: u128,
    words_left: u32,
}

impl Stream<'_> {
    /// A number below `bound`; 0 if `bound` is 0. The bias is below 2^-32.
    #[inline]
    pub fn below(&mut self, bound: u32) -> u32 {
        let bits = 32 - bound.leading_zeros();
        if self.bits_taken + bits > 32 {
            self.next_word();
        }
        // The product with the bound has the digit above the point and the next fraction below it.
        let product = u128::from(self.word) * u128::from(bound);
        self.word = product as u64;
        self.bits_taken += bits;
        (product >> 64) as u32
    }

    /// A number below `bound`; 0 if `bound` is 0.
    pub fn below_u64(&mut self, bound: u64) -> u64 {
        scale(self.number(), bound)
    }

    /// All 128 bits of a fresh block.
    pub fn number(&mut self) -> u128 {
        self.counter += 1;
        self.prf.stretch(self.seed, self.counter)
    }

    /// One of the entries of a list.
    ///
    /// # Panics
    /// If the list is empty.
    pub fn choose<'l, T: ?Sized>(&mut self, list: &[&'l T]) -> &'l T {
        list[self.below(list.len() as u32) as usize]
    }

    #[inline]
    fn next_word(&mut self) {
        if self.words_left == 0 {
            self.rest = self.number();
            self.words_left = 2;
        }
        self.word = self.rest as u64;
        self.rest >>= 64;
        self.words_left -= 1;
        self.bits_taken = 0;
    }
}

impl fmt::Debug for Stream<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stream(redacted)")
    }
}

/// A random 128-bit fraction times `bound`: the bias is below 2^-64.
#[inline]
pub(crate) fn scale(fraction: u128, bound: u64) -> u64 {
    let low = (fraction as u64 as u128 * u128::from(bound)) >> 64;
    let high = (fraction >> 64) * u128::from(bound);
    ((high + low) >> 64) as u64
}
