//! Several vectors moved in lockstep.
//!
//! The rounds of one permutation wait for each other; those of different vectors do not. So the same round of several vectors
//! is one call of the block cipher, which then costs little more than for one. The results are those of [`Permuter::apply`].

use std::ops::Range;

use super::{
    Feistel, ORDERED_MAX, PAIR_MAX, Permuter, Tweak, add, block, increment, middle, product, rank, rank_wide, rounds,
    scale, subtract, unrank, unrank_wide,
};
use crate::prf::{LANES, Prf};

/// Where the digits of one vector are among those of several.
#[derive(Debug, Clone)]
pub(crate) struct Vector {
    pub(crate) tweak: Tweak,
    pub(crate) range: Range<usize>,
}

/// A vector as a pair of numbers.
#[derive(Debug, Clone)]
struct Lane {
    vector: Vector,
    pair: [u64; 2],
    sizes: [u64; 2],
    halves: Halves,
}

/// How the pair was made of the digits.
#[derive(Debug, Clone, Copy)]
enum Halves {
    /// The digits before and after a place.
    Split(usize),
    /// Quotient and remainder of the whole as a number, of so many that there are.
    Quotient(u128),
}

/// Rounds of all but small domains; others are moved one by one.
const ROUNDS: u8 = 10;

impl Permuter {
    /// Moves each of several vectors, as [`Permuter::apply`] does.
    pub(crate) fn apply_many(&mut self, prf: &Prf, vectors: &[Vector], digits: &mut [u32], radices: &[u32]) {
        let mut lanes: Vec<Lane> = Vec::with_capacity(LANES);
        for vector in vectors {
            let range = vector.range.clone();
            match Lane::new(vector, &digits[range.clone()], &radices[range.clone()]) {
                Some(lane) => lanes.push(lane),
                None => self.apply(prf, vector.tweak, &mut digits[range.clone()], &radices[range]),
            }
            if lanes.len() == LANES {
                run(prf, &mut lanes, digits, radices);
            }
        }
        run(prf, &mut lanes, digits, radices);
    }
}

impl Lane {
    /// None for a vector of a very small or a very large domain.
    #[inline]
    fn new(vector: &Vector, digits: &[u32], radices: &[u32]) -> Option<Self> {
        let mut size = 1_u128;
        for radix in radices {
            let radix = u128::from(*radix);
            // A radix has 16 bits at most: only near the end must be looked whether it fits.
            size = if size <= PAIR_MAX >> 16 {
                size * radix
            } else {
                size.checked_mul(radix).filter(|size| *size <= PAIR_MAX)?
            };
        }
        if size <= ORDERED_MAX || rounds(size) != ROUNDS {
            return None;
        }
        let vector = vector.clone();
        Some(match middle(radices, size) {
            Some(at) => {
                let sizes = [product(&radices[..at]), product(&radices[at..])];
                let pair = [rank(&digits[..at], &radices[..at]), rank(&digits[at..], &radices[at..])];
                Self { vector, pair, sizes, halves: Halves::Split(at) }
            }
            None => {
                let sizes = super::root_sizes(size);
                let place = rank_wide(digits, radices);
                let second = u128::from(sizes[1]);
                let pair = [(place / second) as u64, (place % second) as u64];
                Self { vector, pair, sizes, halves: Halves::Quotient(size) }
            }
        })
    }

    fn joined(&self) -> u128 {
        u128::from(self.pair[0]) * u128::from(self.sizes[1]) + u128::from(self.pair[1])
    }

    /// Whether the pair is no member of the domain.
    fn is_outside(&self) -> bool {
        matches!(self.halves, Halves::Quotient(size) if self.joined() >= size)
    }

    /// The next member of the domain after this one.
    fn increment(&mut self) {
        match self.halves {
            Halves::Split(_) => increment(&mut self.pair, self.sizes),
            Halves::Quotient(size) if self.joined() + 1 == size => self.pair = [0; 2],
            Halves::Quotient(_) => increment(&mut self.pair, self.sizes),
        }
    }
}

/// Moves the vectors of all lanes, and empties the lanes.
fn run(prf: &Prf, lanes: &mut Vec<Lane>, digits: &mut [u32], radices: &[u32]) {
    for round in 0..ROUNDS {
        lockstep(prf, lanes, round, add);
    }
    for lane in lanes.iter_mut() {
        // Walking on is rare: few pairs are outside.
        while lane.is_outside() {
            Feistel::new(prf, lane.vector.tweak, lane.sizes).forward(&mut lane.pair);
        }
        lane.increment();
    }
    for round in (0..ROUNDS).rev() {
        lockstep(prf, lanes, round, subtract);
    }
    for mut lane in lanes.drain(..) {
        while lane.is_outside() {
            Feistel::new(prf, lane.vector.tweak, lane.sizes).backward(&mut lane.pair);
        }
        let range = lane.vector.range.clone();
        let (digits, radices) = (&mut digits[range.clone()], &radices[range]);
        match lane.halves {
            Halves::Split(at) => {
                unrank(lane.pair[0], &mut digits[..at], &radices[..at]);
                unrank(lane.pair[1], &mut digits[at..], &radices[at..]);
            }
            Halves::Quotient(_) => unrank_wide(lane.joined(), digits, radices),
        }
    }
}

/// One round of all lanes.
#[inline]
fn lockstep(prf: &Prf, lanes: &mut [Lane], round: u8, combine: impl Fn(u64, u64, u64) -> u64) {
    let target = usize::from(round & 1);
    let mut blocks = [0; LANES];
    let blocks = &mut blocks[..lanes.len()];
    for (input, lane) in blocks.iter_mut().zip(lanes.iter()) {
        *input = block(lane.vector.tweak, round, lane.pair[1 - target]);
    }
    prf.round_many(blocks);
    for (output, lane) in blocks.iter().zip(lanes) {
        let addend = scale(*output, lane.sizes[target]);
        lane.pair[target] = combine(lane.pair[target], addend, lane.sizes[target]);
    }
}
