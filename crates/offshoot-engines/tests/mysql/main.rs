//! MySQL and MariaDB: sessions, and captures into memory, on servers of their own.

#![allow(clippy::unwrap_used)]

mod capture;
mod certificates;
mod ddl;
mod environment;
mod former;
mod impostors;
mod kills;
#[path = "../capture/memory.rs"]
mod memory;
mod neutralized;
mod packets;
mod parts;
mod rights;
mod sessions;
mod sign_in;
mod support;
mod tls;
mod unlocked;
mod unreadable;
mod waiters;
