//! A database to capture or to restore into, by its connection string.

use crate::Result;
use offshoot_engines::conninfo::{ConnInfo, Environment};
use std::fmt;

/// Where a database is and how to get in; checked, but not connected.
#[derive(Clone)]
pub struct Connection {
    info: ConnInfo,
}

impl Connection {
    /// Reads a connection string as libpq does: a URL, `keyword=value` text, or a database's name. What it leaves out
    /// comes from `environment`: `PG*` variables, a service file, the password file, certificates at their usual places.
    ///
    /// ```
    /// use offshoot::{Connection, Environment, ErrorKind};
    ///
    /// let environment = Environment::empty();
    /// let connection = Connection::parse("postgresql://ada:secret@db.example/shop", &environment)?;
    /// assert_eq!(connection.redacted(), "postgresql://ada@db.example:5432/shop");
    ///
    /// let error = Connection::parse("postgresql://ada@db.example/shop?sslmod=require", &environment).unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::Usage);
    /// assert!(error.to_string().contains("\"sslmode\" is the nearest"));
    /// # Ok::<(), offshoot::Error>(())
    /// ```
    ///
    /// # Errors
    /// Of the kind [`Usage`](crate::ErrorKind::Usage); the text never repeats a password or the whole string.
    pub fn parse(text: &str, environment: &Environment) -> Result<Self> {
        Ok(Self { info: ConnInfo::parse(text, environment)? })
    }

    /// The connection as a URL without password and settings, for messages.
    #[must_use]
    pub fn redacted(&self) -> String {
        self.info.redacted()
    }

    /// The database's name.
    #[must_use]
    pub fn database(&self) -> &str {
        &self.info.dbname
    }

    /// What the user should know although connecting can go on, such as a password file that others can read.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        self.info.warnings.iter().map(ToString::to_string).collect()
    }

    pub(crate) fn info(&self) -> &ConnInfo {
        &self.info
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Connection({})", self.redacted())
    }
}
