//! The command as a process: what it prints, its exit codes, and what it leaves.

#![allow(clippy::unwrap_used)]

mod bad_input;
mod bad_source;
mod capture;
mod interrupt;
mod privileges;
mod restore;
mod session;
mod unlucky;
mod words;
