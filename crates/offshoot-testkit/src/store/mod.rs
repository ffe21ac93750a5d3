//! Stores that misbehave on demand, and what every store must do.
//!
//! - [`store_conformance`]: one suite for all implementations of `Store`.
//! - [`MemoryStore`]: the twin of a store in a directory, in memory.
//! - [`HookedStore`]: runs something else between any two operations, and can refuse one.
//! - [`MemoryVfs`]: a file system in memory that records what was done to it, so that [`crashes`] can say what a power
//!   failure may leave of it.
//! - [`FaultyVfs`]: refuses the Nth operation of a file system, or all from there on.
//! - [`golden`]: a store with something of everything, always the same.
//! - [`sample`]: snapshots without a database.
//! - [`plaintext`]: all that a store holds, decoded, whether something refers to it or not.

mod conformance;
mod crash;
mod faulty;
pub mod golden;
mod hooked;
mod memory;
mod memory_vfs;
mod plaintext;
pub mod sample;

use std::time::{SystemTime, UNIX_EPOCH};

pub use conformance::store_conformance;
pub use crash::{CrashState, crashes};
pub use faulty::{Fault, FaultyVfs};
pub use hooked::HookedStore;
pub use memory::MemoryStore;
pub use memory_vfs::{MemoryVfs, Operation};
pub use plaintext::{decompressed, plaintext};

/// The seed of a test's random choices: `OFFSHOOT_SEED`, which repeats a run, else one drawn from the clock. Who uses it prints
/// it.
#[must_use]
pub fn drawn_seed() -> u64 {
    let given = std::env::var("OFFSHOOT_SEED").ok().and_then(|seed| seed.parse().ok());
    let clock = || {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(1, |since| u64::from(since.subsec_nanos()) ^ since.as_secs())
    };
    given.unwrap_or_else(clock)
}

/// A small generator of numbers that look random, from a seed that is printed by the test that uses it.
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// Numbers of this seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number (splitmix64).
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`, which is not 0.
    pub fn below(&mut self, end: usize) -> usize {
        (self.roll() % end as u64) as usize
    }
}
