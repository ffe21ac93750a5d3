//! What makes a copy of a production database act, whatever the engine: tables and columns that are known by their names,
//! and the items that a user can opt out of. How each is switched off, its engine knows.

pub(crate) mod items;
pub(crate) mod known;
pub(crate) mod names;

pub use items::{ITEMS, Item};
