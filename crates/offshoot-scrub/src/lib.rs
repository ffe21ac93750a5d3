//! Rewrites personal data, column by column: keyed, deterministic, in the shape of what was there.
//!
//! A [`Policy`] says which rule each column follows, a [`Scrubber`] is the plan for given tables under a [`Key`], and
//! [`transform::Transform`] is what rewrites one value; `docs/policy.md` describes the language and the catalogue.
//!
//! What this crate does not do: read or write anything, start threads, look at a clock, or draw randomness. The same key,
//! policy and columns always give the same columns.

mod alphabet;
mod calendar;
mod check;
pub mod classify;
mod condition;
pub mod constraints;
pub mod key;
pub mod permute;
pub mod policy;
pub mod prf;
pub mod receipt;
mod repeats;
pub mod scrubber;
pub mod shape;
pub mod survivors;
pub mod transform;
pub mod value;
pub mod wire;

pub use offshoot_format::facts;

pub use key::{Fingerprint, Key, KeyError, KeyText};
pub use policy::{Policy, PolicyError};
pub use scrubber::{ColumnCount, Large, PlannedColumn, ScrubError, Scrubber};
