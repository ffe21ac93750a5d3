//! What every engine's [`Source`] and [`Target`] must do, whichever engine it is: PostgreSQL, MariaDB and MySQL.
//!
//! Each test goes over all that are here, with the same statements and the same assertions. What only one of them has is in its
//! own tests.
//!
//! [`Source`]: offshoot_core::source::Source
//! [`Target`]: offshoot_core::target::Target

#![cfg(all(feature = "mysql", feature = "schema"))]
#![allow(clippy::unwrap_used, reason = "a test stops at the first thing that fails")]

mod kit;
mod lost;
#[path = "../capture/memory.rs"]
mod memory;
mod source;
#[path = "../mysql_restore/taken.rs"]
mod taken_mysql;
#[path = "../restore/taken.rs"]
mod taken_postgres;
mod target;
#[path = "../restore/watched.rs"]
mod watched;
