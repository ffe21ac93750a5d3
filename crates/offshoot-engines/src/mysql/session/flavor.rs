//! Which server it is: MySQL or MariaDB, and its version.

use crate::mysql::error::{MysqlError, Result};
use std::fmt;

/// Whose server it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Family {
    /// Oracle's.
    MySql,
    /// MariaDB.
    MariaDb,
}

impl Family {
    /// The word for it in a manifest's origin.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::MySql => "mysql",
            Self::MariaDb => "mariadb",
        }
    }
}

/// A server's kind and version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flavor {
    /// Whose server it is.
    pub family: Family,
    /// The version as a number: 101119 is 10.11.19, 90704 is 9.7.4.
    pub number: u32,
    /// The version as the server prints it.
    pub text: String,
}

impl Flavor {
    /// Reads what a server says that it is.
    ///
    /// # Errors
    /// `Unsupported` for what is too old or cannot be read.
    pub fn parse(text: &str) -> Result<Self> {
        let unsupported =
            || MysqlError::Unsupported { server: text.chars().filter(|c| !c.is_control()).take(80).collect() };
        let family = if text.to_ascii_lowercase().contains("mariadb") { Family::MariaDb } else { Family::MySql };
        // MariaDB puts a version before its own that old replicas understand.
        let shown = if family == Family::MariaDb { text.strip_prefix("5.5.5-").unwrap_or(text) } else { text };
        let digits = shown.split(|c: char| !c.is_ascii_digit() && c != '.').next().unwrap_or_default();
        let mut parts = digits.split('.').map(str::parse::<u32>);
        let mut next = || parts.next().and_then(std::result::Result::ok).filter(|part| *part < 1000);
        let (Some(major), Some(minor)) = (next(), next()) else { return Err(unsupported()) };
        let number = major * 10_000 + minor.min(99) * 100 + next().unwrap_or(0).min(99);
        let flavor = Self { family, number, text: shown.chars().filter(|c| !c.is_control()).take(80).collect() };
        let oldest = if family == Family::MariaDb { 100_500 } else { 80_000 };
        if number < oldest { Err(unsupported()) } else { Ok(flavor) }
    }

    /// Whether it is MariaDB.
    #[must_use]
    pub fn is_mariadb(&self) -> bool {
        self.family == Family::MariaDb
    }
}

impl fmt::Display for Flavor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.family {
            Family::MySql => "MySQL ",
            Family::MariaDb => "MariaDB ",
        })?;
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read() {
        let flavor = |text: &str| Flavor::parse(text).map(|flavor| (flavor.family, flavor.number)).ok();
        assert_eq!(flavor("5.5.5-10.11.19-MariaDB-0+deb12u1-log"), Some((Family::MariaDb, 101_119)));
        assert_eq!(flavor("11.4.2-MariaDB"), Some((Family::MariaDb, 110_402)));
        assert_eq!(flavor("9.7.4-2"), Some((Family::MySql, 90_704)));
        assert_eq!(flavor("8.0.36"), Some((Family::MySql, 80_036)));
        assert_eq!(flavor("5.7.44-log"), None);
        assert_eq!(flavor("x"), None);
    }
}
