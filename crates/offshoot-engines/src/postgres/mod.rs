//! PostgreSQL: sessions, catalog, types, copy streams, schema.

pub mod connect;
pub mod quote;
pub mod session;
pub mod types;
