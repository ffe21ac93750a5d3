//! MySQL and MariaDB: connection strings, sessions, types, schema, capture, restore.
//!
//! One snapshot is one database. Both servers speak one protocol, whose messages `mysql_common` knows; what moves them is
//! in `connect`, so that rows are read without a copy and without memory of their own, and large values in pieces.

pub mod capture;
pub mod catalog;
pub mod connect;
pub mod conninfo;
pub mod doctor;
pub mod error;
pub mod facts;
mod grants;
pub mod load;
pub mod local;
pub mod neutralize;
pub mod quote;
pub mod restore;
pub mod sample;
pub mod schema;
pub mod session;
pub mod types;

pub use error::{MysqlError, Result};
