//! Servers of any engine on this machine: whose they are, where they listen, how they are found, told from other processes,
//! and ended. What a server is asked for, and how, is its engine's.

pub(crate) mod error;
pub(crate) mod files;
pub(crate) mod hold;
pub(crate) mod identity;
pub(crate) mod machine;
pub(crate) mod network;
pub(crate) mod owner;
pub(crate) mod places;
pub(crate) mod process;
pub(crate) mod stop;

pub use error::{Candidate, LocalError};
pub use places::Places;
