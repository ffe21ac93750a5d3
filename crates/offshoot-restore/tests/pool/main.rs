//! Pools for real: made, filled, enlarged, removed, and interrupted at every step. Where this is not root, or there is no
//! loop device, the tests say that they skip.

#![allow(clippy::unwrap_used)]

mod interrupted;
mod life;
mod place;
mod refused;
mod rights;
