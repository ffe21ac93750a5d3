//! The database engines: sessions, catalogs, copy streams, schema.

pub mod bridge;
pub mod conninfo;
pub mod error;
pub mod postgres;

pub use error::{EngineError, Result};
