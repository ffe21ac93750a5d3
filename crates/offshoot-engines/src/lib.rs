//! The database engines: sessions, catalogs, copy streams, schema.

pub mod bridge;
pub mod conninfo;
pub mod error;
#[cfg(any(feature = "schema", feature = "mysql"))]
pub mod local;
#[cfg(feature = "mysql")]
pub mod mysql;
#[cfg(any(feature = "schema", feature = "mysql"))]
pub mod neutralize;
pub mod postgres;
#[cfg(any(feature = "mysql", feature = "schema"))]
pub mod sample;
#[cfg(any(feature = "mysql", feature = "schema"))]
mod span;
pub mod stop;

pub use error::{EngineError, Result};
