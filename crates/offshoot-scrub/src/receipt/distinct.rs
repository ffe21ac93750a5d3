//! Counts distinct values in bounded memory: exactly while they are few, then by a sketch.
//!
//! The sketch is HyperLogLog (Flajolet, Fusy, Gandouet, Meunier: "HyperLogLog: the analysis of a near-optimal cardinality
//! estimation algorithm", 2007) with 4096 registers, whose standard error is 1.6 %, over 64-bit hashes, with linear
//! counting below. Sketches of several threads merge without loss.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hasher};

const REGISTER_BITS: u32 = 12;
const REGISTERS: usize = 1 << REGISTER_BITS;
const EXACT_MAX: usize = 512;

/// The distinct values of a column.
#[derive(Debug, Clone)]
pub(super) enum Distinct {
    Exact(HashSet<u64>),
    Sketch(Box<[u8; REGISTERS]>),
}

impl Default for Distinct {
    fn default() -> Self {
        Self::Exact(HashSet::new())
    }
}

impl Distinct {
    pub(super) fn add(&mut self, value: &[u8]) {
        // The same in every thread; what it hashes is not kept.
        let mut hasher = DefaultHasher::new();
        hasher.write(value);
        self.add_hash(hasher.finish());
    }

    fn add_hash(&mut self, hash: u64) {
        match self {
            Self::Exact(hashes) => {
                hashes.insert(hash);
                if hashes.len() > EXACT_MAX {
                    self.sketch();
                }
            }
            Self::Sketch(registers) => {
                let register = &mut registers[(hash >> (64 - REGISTER_BITS)) as usize];
                *register = (*register).max(((hash << REGISTER_BITS) | 1).leading_zeros() as u8 + 1);
            }
        }
    }

    fn sketch(&mut self) {
        let Self::Exact(hashes) = std::mem::replace(self, Self::Sketch(Box::new([0; REGISTERS]))) else { return };
        hashes.into_iter().for_each(|hash| self.add_hash(hash));
    }

    pub(super) fn merge(&mut self, other: Self) {
        match other {
            Self::Exact(hashes) => hashes.into_iter().for_each(|hash| self.add_hash(hash)),
            Self::Sketch(theirs) => {
                if matches!(self, Self::Exact(_)) {
                    self.sketch();
                }
                if let Self::Sketch(ours) = self {
                    ours.iter_mut().zip(theirs.iter()).for_each(|(our, their)| *our = (*our).max(*their));
                }
            }
        }
    }

    /// How many, and whether that is exact.
    pub(super) fn count(&self) -> (u64, bool) {
        let registers = match self {
            Self::Exact(hashes) => return (hashes.len() as u64, true),
            Self::Sketch(registers) => registers,
        };
        let m = REGISTERS as f64;
        let sum: f64 = registers.iter().map(|register| (-f64::from(*register)).exp2()).sum();
        let estimate = 0.7213 / (1.0 + 1.079 / m) * m * m / sum;
        let zeros = registers.iter().filter(|register| **register == 0).count();
        let is_small = estimate <= 2.5 * m && zeros > 0;
        ((if is_small { m * (m / zeros as f64).ln() } else { estimate }).round() as u64, false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_exact_and_then_near() {
        for count in [0_u64, 10, EXACT_MAX as u64, 4096, 20_000, 300_000] {
            let (mut one, mut other) = (Distinct::default(), Distinct::default());
            for n in 0..count {
                one.add(&n.to_le_bytes());
                other.add(&(n / 2).to_le_bytes());
            }
            one.merge(other);
            let (found, is_exact) = one.count();
            assert_eq!(is_exact, count <= EXACT_MAX as u64);
            assert!(
                (found as f64 - count as f64).abs() <= if is_exact { 0.0 } else { 0.06 * count as f64 },
                "{count}: {found}"
            );
        }
    }
}
