//! PostgreSQL: sessions, catalog, types, copy streams, schema.

#[cfg(feature = "schema")]
pub mod capture;
#[cfg(feature = "schema")]
pub mod catalog;
#[cfg(feature = "schema")]
pub mod compare;
pub mod connect;
pub mod copy_in;
pub mod copy_out;
#[cfg(feature = "schema")]
pub mod doctor;
#[cfg(feature = "schema")]
pub mod facts;
pub mod neutralize;
pub mod quote;
#[cfg(feature = "schema")]
pub mod restore;
#[cfg(feature = "schema")]
pub mod roles;
#[cfg(feature = "schema")]
pub mod sample;
#[cfg(feature = "schema")]
pub mod schema;
pub mod session;
pub mod types;
