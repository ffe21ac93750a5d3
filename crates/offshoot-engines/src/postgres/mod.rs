//! PostgreSQL: sessions, catalog, types, copy streams, schema.

pub mod capture;
pub mod catalog;
pub mod compare;
pub mod connect;
pub mod copy_in;
pub mod copy_out;
pub mod doctor;
pub mod quote;
pub mod restore;
pub mod roles;
pub mod schema;
pub mod session;
pub mod types;
