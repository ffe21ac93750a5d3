//! A database to capture or to restore into, by its connection string.

use crate::Result;
use crate::engine::Engine;
use offshoot_engines::conninfo::Environment;
use std::fmt;

/// Where a database is and how to get in; checked, but not connected.
#[derive(Clone)]
pub struct Connection {
    engine: Engine,
}

impl Connection {
    /// Reads a connection string. One of Postgres is read as libpq does: a URL, `keyword=value` text, or a database's name.
    /// What it leaves out comes from `environment`: `PG*` variables, a service file, the password file, certificates at their
    /// usual places. `mysql://` and `mariadb://` URLs are completed by option files (`~/.my.cnf`) and `MYSQL_*` variables.
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
    ///
    /// let connection = Connection::parse("mysql://ada:secret@db.example/shop", &environment)?;
    /// assert_eq!(connection.redacted(), "mysql://ada@db.example:3306/shop");
    /// # Ok::<(), offshoot::Error>(())
    /// ```
    ///
    /// # Errors
    /// Of the kind [`Usage`](crate::ErrorKind::Usage); the text never repeats a password or the whole string.
    pub fn parse(text: &str, environment: &Environment) -> Result<Self> {
        Ok(Self { engine: Engine::parse(text, environment)? })
    }

    /// The connection as a URL without password and settings, for messages.
    #[must_use]
    pub fn redacted(&self) -> String {
        self.engine.redacted()
    }

    /// The database's name.
    #[must_use]
    pub fn database(&self) -> &str {
        self.engine.database()
    }

    /// What the user should know although connecting can go on, such as a password file that others can read.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        self.engine.warnings()
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Connection({})", self.redacted())
    }
}
