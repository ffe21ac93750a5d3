//! Looking at a database before it is captured.

use crate::{Connection, Result};
use offshoot_engines::postgres::doctor;
use std::path::PathBuf;

/// What was found of a database that may be captured.
pub use offshoot_engines::postgres::doctor::Report as DoctorReport;

impl Connection {
    /// Says whether the database can be captured, and what is missing. Only reads, and takes no lock that anybody could
    /// wait for. `pg_dump` are programs to try as pg_dump.
    ///
    /// # Errors
    /// If there is no connection, or the server is not one that can be captured. What is missing is in the report.
    pub fn doctor(&self, pg_dump: &[PathBuf]) -> Result<DoctorReport> {
        Ok(doctor::doctor(self.info(), pg_dump)?)
    }
}
