//! Images and branches on a server that is only files: every order of steps, failures and leftovers, in milliseconds.
//!
//! What real servers do is tested where they are.

#![allow(clippy::unwrap_used)]

mod failures;
mod fake;
mod healing;
mod hosted;
mod life;
mod place;
mod spares;
