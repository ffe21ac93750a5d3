//! Looking at a database before it is captured.

use crate::{Connection, Result};
use offshoot_engines::{mysql, postgres};
use std::path::PathBuf;

/// What was found of a Postgres database.
pub use postgres::doctor::Report as PostgresReport;

/// What was found of a database of MySQL or MariaDB.
pub use mysql::doctor::Report as MysqlReport;

/// What was found of a database that may be captured, by its engine.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum DoctorReport {
    /// Of Postgres.
    Postgres(Box<PostgresReport>),
    /// Of MySQL or MariaDB.
    Mysql(Box<MysqlReport>),
}

impl DoctorReport {
    /// Whether a capture can succeed as things are.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        match self {
            Self::Postgres(report) => report.is_ready(),
            Self::Mysql(report) => report.is_ready(),
        }
    }
}

impl Connection {
    /// Says whether the database can be captured, and what is missing. Only reads, and takes no lock that anybody could
    /// wait for. `pg_dump` are programs to try as pg_dump, for Postgres.
    ///
    /// # Errors
    /// If there is no connection, or the server is not one that can be captured. What is missing is in the report.
    pub fn doctor(&self, pg_dump: &[PathBuf]) -> Result<DoctorReport> {
        self.examine(pg_dump)
    }
}
