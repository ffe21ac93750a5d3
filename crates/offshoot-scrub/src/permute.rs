//! Keyed permutations without fixed points over vectors of digits, each digit with a radix of its own.
//!
//! The construction is FFX (Bellare, Rogaway, Spies: "The FFX mode of operation for format-preserving encryption", 2010),
//! method 2: an alternating Feistel network whose halves are added to modulo their sizes, as in FF1 of NIST SP 800-38G,
//! with mixed radices. Halves that would be too unequal are replaced by near square roots of the domain, with cycle walking
//! (Black, Rogaway: "Ciphers with arbitrary finite domains", 2002). Very small domains are put in the order of keyed
//! numbers, a perfect shuffle.
//!
//! What is applied to a vector `x` is not that permutation `P` but `P^-1(P(x) + 1)`: a rotation conjugated by `P`. It is a
//! single cycle through the whole domain, so that no member of a domain of two or more stays where it was.
//!
//! A `tweak` separates domains of different make. Two domains with equal tweaks are permuted independently of whether they
//! meet, so a collision of tweaks costs nothing but that independence.

mod lanes;

use std::collections::HashMap;

use crate::prf::{Prf, scale};
pub(crate) use lanes::Vector;

/// Domains up to this size are ordered as a whole.
const ORDERED_MAX: u128 = 1024;
/// Domains up to this size have halves that are single words.
const PAIR_MAX: u128 = 1 << 126;
/// Orders kept in memory; a table of distinct tiny domains cannot make it grow beyond.
const ORDERS_MAX: usize = 4096;
/// Weight of a limb of a large domain (see [`weight`]); one digit more stays below 64 bits.
const LIMB_WEIGHT: u32 = 44 * 7;

/// What tells domains of different make apart; 56 bits count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Tweak(pub(crate) u64);

/// Applies permutations, each under its [`Prf`]; keeps memory from one call to the next.
#[derive(Debug, Default)]
pub struct Permuter {
    /// Successors in the order of tiny domains, each of one [`Prf`]: values of many columns go through one permuter.
    orders: HashMap<(u64, Tweak, u16), Box<[u16]>>,
    limbs: Vec<Limb>,
}

#[derive(Debug, Clone, Copy)]
struct Limb {
    value: u64,
    size: u64,
}

impl Permuter {
    /// Moves `digits` to another vector of the same radices. A digit must be below its radix, and no radix above 65535.
    ///
    /// Nothing happens if there is no other vector: when all radices are 1.
    pub fn apply(&mut self, prf: &Prf, tweak: Tweak, digits: &mut [u32], radices: &[u32]) {
        debug_assert!(digits.len() == radices.len() && digits.iter().zip(radices).all(|(digit, radix)| digit < radix));
        let mut size = 1_u128;
        for radix in radices {
            match size.checked_mul(u128::from(*radix)) {
                Some(product) if product <= PAIR_MAX => size = product,
                _ => return self.apply_large(prf, tweak, digits, radices),
            }
        }
        if size <= ORDERED_MAX {
            let place = rank(digits, radices);
            unrank(self.ordered(prf, tweak, place as u16, size as u16).into(), digits, radices);
        } else if let Some(middle) = middle(radices, size) {
            let sizes = [product(&radices[..middle]), product(&radices[middle..])];
            let mut pair = [rank(&digits[..middle], &radices[..middle]), rank(&digits[middle..], &radices[middle..])];
            let feistel = Feistel::new(prf, tweak, sizes);
            feistel.forward(&mut pair);
            increment(&mut pair, sizes);
            feistel.backward(&mut pair);
            unrank(pair[0], &mut digits[..middle], &radices[..middle]);
            unrank(pair[1], &mut digits[middle..], &radices[middle..]);
        } else {
            let place = rank_wide(digits, radices);
            unrank_wide(rotate(prf, tweak, place, size), digits, radices);
        }
    }

    /// Moves a number below `size` to another one below `size`; for domains that are numbers, not digits.
    ///
    /// # Panics
    /// If `size` is above 2^126.
    pub fn apply_number(&mut self, prf: &Prf, tweak: Tweak, place: u128, size: u128) -> u128 {
        assert!(size <= PAIR_MAX, "domains of numbers end at 2^126");
        if size <= ORDERED_MAX {
            u128::from(self.ordered(prf, tweak, place as u16, size as u16))
        } else {
            rotate(prf, tweak, place, size)
        }
    }

    fn ordered(&mut self, prf: &Prf, tweak: Tweak, place: u16, size: u16) -> u16 {
        if size < 2 {
            return place;
        }
        if self.orders.len() >= ORDERS_MAX {
            self.orders.clear();
        }
        let order = self.orders.entry((prf.id(), tweak, size)).or_insert_with(|| {
            let mut order: Vec<(u128, u16)> =
                (0..size).map(|place| (prf.round(block(tweak, ORDER, place.into())), place)).collect();
            order.sort_unstable();
            let mut next = vec![0; usize::from(size)];
            for (at, (_, place)) in order.iter().enumerate() {
                next[usize::from(*place)] = order[(at + 1) % order.len()].1;
            }
            next.into()
        });
        order[usize::from(place)]
    }

    fn apply_large(&mut self, prf: &Prf, tweak: Tweak, digits: &mut [u32], radices: &[u32]) {
        let ends = limb_ends(radices);
        self.limbs.clear();
        let mut start = 0;
        for &end in &ends {
            let size = product(&radices[start..end]);
            self.limbs.push(Limb { value: rank(&digits[start..end], &radices[start..end]), size });
            start = end;
        }
        let (left, right) = self.limbs.split_at_mut(ends.len() / 2);
        // Four rounds are a strong permutation once each half has 128 bits (Luby, Rackoff); two more for good measure.
        let rounds = if left.len() >= 4 { 6 } else { 10 };
        for round in 0..rounds {
            large_round(prf, tweak, round, left, right, false);
        }
        for limb in right.iter_mut().rev().chain(left.iter_mut().rev()) {
            limb.value += 1;
            if limb.value < limb.size {
                break;
            }
            limb.value = 0;
        }
        for round in (0..rounds).rev() {
            large_round(prf, tweak, round, left, right, true);
        }
        start = 0;
        for (&end, limb) in ends.iter().zip(&self.limbs) {
            unrank(limb.value, &mut digits[start..end], &radices[start..end]);
            start = end;
        }
    }
}

/// Marks of blocks that are no rounds of a pair.
const ORDER: u8 = 255;
const LARGE: u8 = 128;

fn block(tweak: Tweak, round: u8, half: u64) -> u128 {
    u128::from(half) << 64 | u128::from(tweak.0 << 8 | u64::from(round))
}

/// A Feistel network over two words.
struct Feistel<'a> {
    prf: &'a Prf,
    tweak: Tweak,
    sizes: [u64; 2],
    rounds: u8,
}

impl<'a> Feistel<'a> {
    fn new(prf: &'a Prf, tweak: Tweak, sizes: [u64; 2]) -> Self {
        Self { prf, tweak, sizes, rounds: rounds(u128::from(sizes[0]) * u128::from(sizes[1])) }
    }

    #[inline]
    fn addend(&self, round: u8, pair: &[u64; 2]) -> (usize, u64) {
        let target = usize::from(round & 1);
        (target, scale(self.prf.round(block(self.tweak, round, pair[1 - target])), self.sizes[target]))
    }

    #[inline]
    fn forward(&self, pair: &mut [u64; 2]) {
        for round in 0..self.rounds {
            let (target, addend) = self.addend(round, pair);
            pair[target] = add(pair[target], addend, self.sizes[target]);
        }
    }

    #[inline]
    fn backward(&self, pair: &mut [u64; 2]) {
        for round in (0..self.rounds).rev() {
            let (target, addend) = self.addend(round, pair);
            pair[target] = subtract(pair[target], addend, self.sizes[target]);
        }
    }
}

/// Rounds for a domain of this size: 10 from a million on, as NIST SP 800-38G has it, more below, as FFX-A2 has it.
fn rounds(size: u128) -> u8 {
    match size {
        1_000_000.. => 10,
        0x4000.. => 18,
        _ => 24,
    }
}

#[inline]
fn add(value: u64, addend: u64, size: u64) -> u64 {
    let (sum, overflowed) = value.overflowing_add(addend);
    if overflowed || sum >= size { sum.wrapping_sub(size) } else { sum }
}

#[inline]
fn subtract(value: u64, addend: u64, size: u64) -> u64 {
    let (difference, borrowed) = value.overflowing_sub(addend);
    if borrowed { difference.wrapping_add(size) } else { difference }
}

#[inline]
fn increment(pair: &mut [u64; 2], sizes: [u64; 2]) {
    for place in [1, 0] {
        pair[place] += 1;
        if pair[place] < sizes[place] {
            return;
        }
        pair[place] = 0;
    }
}

/// The rotation for a number: halves near the square root, walking on while outside of the domain.
fn rotate(prf: &Prf, tweak: Tweak, place: u128, size: u128) -> u128 {
    let [first, second] = root_sizes(size);
    let feistel = Feistel::new(prf, tweak, [first, second]);
    let split = |place: u128| [(place / u128::from(second)) as u64, (place % u128::from(second)) as u64];
    let join = |pair: [u64; 2]| u128::from(pair[0]) * u128::from(second) + u128::from(pair[1]);
    let mut pair = split(place);
    feistel.forward(&mut pair);
    while join(pair) >= size {
        feistel.forward(&mut pair);
    }
    let next = join(pair) + 1;
    pair = split(if next == size { 0 } else { next });
    feistel.backward(&mut pair);
    while join(pair) >= size {
        feistel.backward(&mut pair);
    }
    join(pair)
}

/// Sizes of halves near the square root of a domain; their product is not below the domain, nor much above it.
fn root_sizes(size: u128) -> [u64; 2] {
    let first = size.isqrt() as u64 + 1;
    [first, size.div_ceil(u128::from(first)) as u64]
}

fn large_round(prf: &Prf, tweak: Tweak, round: u8, left: &mut [Limb], right: &mut [Limb], undo: bool) {
    let (target, source) = if round & 1 == 0 { (left, right) } else { (right, left) };
    let mut state = prf.round(block(tweak, LARGE | round, source.len() as u64));
    for two in source.chunks(2) {
        let high = two.get(1).map_or(0, |limb| limb.value);
        state = prf.stretch(state, 0) ^ (u128::from(high) << 64 | u128::from(two[0].value));
    }
    for (counter, limb) in target.iter_mut().enumerate() {
        let addend = scale(prf.stretch(state, counter as u64 + 1), limb.size);
        limb.value = if undo { subtract(limb.value, addend, limb.size) } else { add(limb.value, addend, limb.size) };
    }
}

/// Where to split digits so that neither half's square is below the other; none if digits are too unequal.
fn middle(radices: &[u32], size: u128) -> Option<usize> {
    let mut left = 1_u128;
    for (at, radix) in radices.iter().enumerate() {
        left *= u128::from(*radix);
        if left > u128::from(u64::MAX) {
            return None;
        }
        if left * left >= size {
            let right = u128::from(product(&radices[at + 1..]));
            return (right * right >= left).then_some(at + 1);
        }
    }
    None
}

/// Where limbs of about equal weight end; an even number of them.
fn limb_ends(radices: &[u32]) -> Vec<usize> {
    let total: u64 = radices.iter().map(|radix| u64::from(weight(*radix))).sum();
    let count = total.div_ceil(u64::from(LIMB_WEIGHT)).next_multiple_of(2).max(4);
    let mut ends = Vec::with_capacity(count as usize);
    let mut sum = 0;
    for (at, radix) in radices.iter().enumerate() {
        sum += u64::from(weight(*radix));
        if (ends.len() as u64) + 1 < count && sum * count >= total * (ends.len() as u64 + 1) {
            ends.push(at + 1);
        }
    }
    ends.push(radices.len());
    ends
}

/// Seven times the logarithm of a radix to the base of 2, rounded down; in integers, so that all machines agree.
fn weight(radix: u32) -> u32 {
    u128::from(radix.max(1)).pow(7).ilog2()
}

fn product(radices: &[u32]) -> u64 {
    radices.iter().fold(1, |product, radix| product * u64::from(*radix))
}

#[inline]
fn rank(digits: &[u32], radices: &[u32]) -> u64 {
    digits.iter().zip(radices).fold(0, |rank, (digit, radix)| rank * u64::from(*radix) + u64::from(*digit))
}

#[inline]
fn unrank(mut rank: u64, digits: &mut [u32], radices: &[u32]) {
    for (digit, radix) in digits.iter_mut().zip(radices).rev() {
        // Constants, so that the two common radices cost a multiplication and no division.
        let quotient = match radix {
            26 => rank / 26,
            10 => rank / 10,
            other => rank / u64::from(*other),
        };
        *digit = (rank - quotient * u64::from(*radix)) as u32;
        rank = quotient;
    }
}

fn rank_wide(digits: &[u32], radices: &[u32]) -> u128 {
    digits.iter().zip(radices).fold(0, |rank, (digit, radix)| rank * u128::from(*radix) + u128::from(*digit))
}

fn unrank_wide(mut rank: u128, digits: &mut [u32], radices: &[u32]) {
    for (digit, radix) in digits.iter_mut().zip(radices).rev() {
        *digit = (rank % u128::from(*radix)) as u32;
        rank /= u128::from(*radix);
    }
}
