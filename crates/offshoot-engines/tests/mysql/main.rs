//! MySQL and MariaDB, on servers that are there: OFFSHOOT_MARIADB_URL and OFFSHOOT_MYSQL_URL name them, with a user who may do
//! anything. Where neither is set, the tests say that they skip.

mod capture;
#[path = "../capture/memory.rs"]
mod memory;
mod sessions;
mod support;
