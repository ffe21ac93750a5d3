//! Servers on this machine, with the installed PostgreSQL and the newest: made, started, reached, killed, found again.
//!
//! As root they run as an unprivileged user; `unprivileged` runs some of this once more without root.

#![allow(clippy::unwrap_used, reason = "a test stops at the first thing that fails")]

mod clones;
mod lives;
mod many;
mod place;
mod refusals;
mod sessions;
mod unprivileged;
