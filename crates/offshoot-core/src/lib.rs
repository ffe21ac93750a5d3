//! The sync engine of offshoot: store, ingest, read, verify, gc, and the traits that an engine implements.
//!
//! Threads and files live here; databases, terminals and the process environment do not.

pub mod attempts;
pub mod capture;
pub mod chunks;
pub mod control;
pub mod copy;
pub mod digest;
pub mod error;
pub mod gc;
pub mod ingest;
pub mod look_ahead;
pub mod memory;
pub mod pace;
mod queue;
pub mod read;
pub mod refs;
pub mod snapshot;
pub mod source;
pub mod store;
mod sync;
pub mod target;
pub mod transform;
pub mod verify;

pub use control::{Control, Event};
pub use error::{CoreError, Result};
