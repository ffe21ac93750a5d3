//! The database engines: sessions, catalogs, copy streams, schema.

pub mod conninfo;
