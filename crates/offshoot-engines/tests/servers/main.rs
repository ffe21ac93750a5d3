//! What every engine's servers must do, whichever engine it is: PostgreSQL, MariaDB and MySQL.
//!
//! Each test goes over all that are here. What only one of them has is in its own tests.

#![allow(clippy::unwrap_used, reason = "a test stops at the first thing that fails")]

mod kit;
mod lives;
mod says;
