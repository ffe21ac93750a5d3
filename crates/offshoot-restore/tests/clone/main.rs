//! Cloning and removing trees on real file systems: the machine's own, one in memory, and XFS and btrfs through loop devices
//! where the machine lets them be mounted.

#![allow(clippy::unwrap_used)]

mod interrupted;
mod kept;
mod limits;
mod place;
mod refused;
mod removed;
mod shared;
