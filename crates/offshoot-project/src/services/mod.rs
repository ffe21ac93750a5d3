//! What the project declares to run on: in `.upsun/`, `.platform/services.yaml` and compose files.
//!
//! Only declarations are read, for a comparison ([`crate::parity`]): nothing is started, and nothing but images and types is
//! kept, since the same files hold passwords. Databases are told apart from other services, which a branch does not emulate
//! and which are listed as such. Where a file cannot be understood, that is an error and no guess: a parity report that left
//! a service out would say that all is well.

mod compose;
mod image;
mod interpolate;
mod upsun;
mod yaml;

use crate::error::Result;
use std::fmt;
use std::path::{Path, PathBuf};

/// Everything that a project declares.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Declared {
    /// Its databases.
    pub databases: Vec<Database>,
    /// Its other services.
    pub others: Vec<Service>,
    /// What could not be told, such as the version of an image that is named by a digest.
    pub notes: Vec<String>,
}

/// A declared service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// Its name in the file.
    pub name: String,
    /// What it is: `redis`, or an image that is not known.
    pub kind: String,
    /// Its version as far as it is declared: `7.0`.
    pub version: Option<String>,
    /// The file.
    pub file: PathBuf,
    /// Whether it is started only when asked for by a profile.
    pub is_optional: bool,
}

/// A declared database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Database {
    /// Its engine.
    pub engine: Engine,
    /// What else is declared of it.
    pub service: Service,
    /// Extensions that are declared, or that come with its image.
    pub extensions: Vec<String>,
}

/// A database engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Engine {
    /// PostgreSQL.
    Postgres,
    /// MySQL.
    Mysql,
    /// MariaDB.
    Mariadb,
}

impl Engine {
    /// The engine of a word that stands for one: of a service's type, of an image, or of a snapshot's origin.
    #[must_use]
    pub fn of_word(word: &str) -> Option<Self> {
        match word {
            "postgres" | "postgresql" => Some(Self::Postgres),
            "mysql" => Some(Self::Mysql),
            "mariadb" => Some(Self::Mariadb),
            _ => None,
        }
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Postgres => "PostgreSQL",
            Self::Mysql => "MySQL",
            Self::Mariadb => "MariaDB",
        })
    }
}

/// Reads what the project in this folder declares. `variable` gives the process environment's variables, which compose files
/// refer to; a file `.env` beside them comes after it.
///
/// # Errors
/// When a file is there and cannot be read.
pub fn declared(folder: &Path, variable: &dyn Fn(&str) -> Option<String>) -> Result<Declared> {
    let mut found = Declared::default();
    upsun::read(folder, &mut found)?;
    compose::read(folder, variable, &mut found)?;
    Ok(found)
}

#[cfg(test)]
mod tests;
