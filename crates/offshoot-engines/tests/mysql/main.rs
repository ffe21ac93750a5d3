//! MySQL and MariaDB: sessions, and captures into memory, on servers of their own.

#![allow(clippy::unwrap_used)]

mod capture;
mod certificates;
mod environment;
mod impostors;
#[path = "../capture/memory.rs"]
mod memory;
mod neutralized;
mod packets;
mod rights;
mod sessions;
mod sign_in;
mod support;
mod tls;
mod waiters;
