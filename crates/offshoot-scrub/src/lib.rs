//! Rewrites personal data, column by column: keyed, deterministic, in the shape of what was there.
//!
//! What this crate does not do: read or write anything, start threads, look at a clock, or draw randomness. The same key,
//! policy and columns always give the same columns.

mod alphabet;
pub mod key;
pub mod permute;
pub mod prf;
pub mod shape;

pub use key::{Fingerprint, Key, KeyError};
