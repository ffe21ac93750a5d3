//! Checkouts and runs as they are: under real Git, with real processes.

#![allow(clippy::unwrap_used)]

mod checkout;
mod clones;
mod deletion;
mod hooks;
mod program;
mod repository;
mod run;
