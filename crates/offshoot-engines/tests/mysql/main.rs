//! MySQL and MariaDB: sessions, and captures into memory, on servers of their own.

#![allow(clippy::unwrap_used)]

mod capture;
mod ddl;
mod environment;
mod kills;
#[path = "../capture/memory.rs"]
mod memory;
mod neutralized;
mod parts;
mod rights;
mod sessions;
mod support;
mod waiters;
