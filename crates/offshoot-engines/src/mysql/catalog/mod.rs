//! What the catalog says of a database: tables, keys, counters, the environment, where it is.
//!
//! All of it is read from `information_schema` and by SHOW; names are compared byte by byte, as databases may differ in case
//! alone.

pub mod environment;
pub mod notes;
pub mod origin;
pub mod period;
pub mod sequences;
pub mod tables;
