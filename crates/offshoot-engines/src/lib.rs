//! The database engines: sessions, catalogs, copy streams, schema.

pub mod bridge;
pub mod conninfo;
pub mod error;
#[cfg(feature = "mysql")]
pub mod mysql;
pub mod postgres;
#[cfg(any(feature = "mysql", feature = "schema"))]
pub mod sample;
pub mod stop;

pub use error::{EngineError, Result};
