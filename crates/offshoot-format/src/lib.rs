//! The bytes of an offshoot store and the types they mean.
//!
//! Everything here is a pure function between bytes and values: no IO, threads, clock or randomness.
//! `docs/format.md` describes the same bytes in tables; tests pin the two to each other.
//!
//! What this crate does not do: read files, choose what to write, or know any database engine.

mod bitmap;
pub mod blob;
pub mod codec;
pub mod column;
pub mod content;
pub mod envelope;
pub mod error;
pub mod facts;
pub mod ids;
pub mod index;
pub mod key;
pub mod leaf;
pub mod manifest;
pub mod pack;
pub mod plain;
pub mod record;
pub mod refname;
pub mod table;
pub mod tree;
pub mod version;
pub mod wire;

pub use error::FormatError;

/// Result of a decoder of this crate.
pub type Result<T> = std::result::Result<T, FormatError>;
