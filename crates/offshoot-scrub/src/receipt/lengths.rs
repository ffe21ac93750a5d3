//! Lengths in a bounded number of buckets: one for each short length, then two for each doubling.

use serde::{Deserialize, Serialize};

/// Values of lengths from one to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LengthBucket {
    /// The least length.
    pub from: u64,
    /// The largest.
    pub to: u64,
    /// Values.
    pub count: u64,
}

/// Lengths up to here have buckets of their own.
const SINGLE_MAX: u64 = 16;
const BUCKETS: usize = 17 + 2 * 60;

/// Counts of lengths.
#[derive(Debug, Clone)]
pub(super) struct Lengths(Box<[u64; BUCKETS]>);

impl Default for Lengths {
    fn default() -> Self {
        Self(Box::new([0; BUCKETS]))
    }
}

impl Lengths {
    pub(super) fn add(&mut self, length: u64, weight: u64) {
        self.0[bucket(length)] += weight;
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.0.iter_mut().zip(other.0.iter()).for_each(|(count, more)| *count += more);
    }

    /// The buckets that have values.
    pub(super) fn buckets(&self) -> Vec<LengthBucket> {
        let filled = self.0.iter().enumerate().filter(|(_, count)| **count > 0);
        filled
            .map(|(at, count)| {
                let (from, to) = bounds(at);
                LengthBucket { from, to, count: *count }
            })
            .collect()
    }
}

fn bucket(length: u64) -> usize {
    if length <= SINGLE_MAX {
        return length as usize;
    }
    // 17..=24 and 25..=32 halve the doubling from 16 to 32.
    let doubling = (length - 1).ilog2();
    let is_upper = (length - 1) >> (doubling - 1) & 1;
    (17 + 2 * (u64::from(doubling) - 4) + is_upper) as usize
}

fn bounds(bucket: usize) -> (u64, u64) {
    if bucket as u64 <= SINGLE_MAX {
        return (bucket as u64, bucket as u64);
    }
    let (doubling, is_upper) = ((bucket - 17) / 2 + 4, (bucket - 17) % 2 == 1);
    let (low, half) = (1_u64 << doubling, 1_u64 << (doubling - 1));
    if is_upper { (low + half + 1, low.saturating_mul(2)) } else { (low + 1, low + half) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_is_in_its_bucket() {
        for length in (0..5000).chain([u64::from(u32::MAX), 1 << 40]) {
            let (from, to) = bounds(bucket(length));
            assert!((from..=to).contains(&length), "{length}: {from} to {to}");
        }
        assert!((1..BUCKETS - 2).all(|at| bounds(at).0 == bounds(at - 1).1 + 1));
        assert!(bucket(u64::MAX) < BUCKETS);
    }
}
