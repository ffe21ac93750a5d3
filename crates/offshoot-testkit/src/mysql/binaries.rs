//! Which server: the installed MariaDB, or the MySQL from a folder that `cargo xtask setup` fills.
//!
//! That folder (`OFFSHOOT_TEST_MYSQL`, else `mysql` in the target directory) holds `bin/mysqld` and its client programs. Beside it
//! (`OFFSHOOT_TEST_MARIADB`, else `mariadb`) is a MariaDB with the plugins that Debian packs apart, for the tests that want them.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::MysqlError;
use crate::place;

/// The two servers that speak MySQL's protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Family {
    /// MariaDB.
    MariaDb,
    /// MySQL.
    MySql,
}

impl Family {
    /// As a snapshot's origin names it: `mariadb` or `mysql`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::MariaDb => "mariadb",
            Self::MySql => "mysql",
        }
    }
}

/// The programs of one installation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binaries {
    family: Family,
    server: PathBuf,
    clients: PathBuf,
    version: String,
}

impl Binaries {
    /// The installed MariaDB.
    pub fn mariadb() -> Result<Self, MysqlError> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let dirs = || std::env::split_paths(&path).chain(["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from));
        let find = |name: &str| dirs().map(|dir| dir.join(name)).find(|program| program.is_file());
        let none = |name: &str| {
            MysqlError::NoBinaries(format!(
                "no MariaDB is installed ({name} is nowhere in PATH); run `cargo xtask setup`"
            ))
        };
        let server = find("mariadbd").ok_or_else(|| none("mariadbd"))?;
        let client = find("mariadb").ok_or_else(|| none("mariadb"))?;
        Self::new(Family::MariaDb, server, &client)
    }

    /// The fetched MySQL; an error says where it was looked for, for a test to print and skip.
    pub fn mysql() -> Result<Self, MysqlError> {
        let named = std::env::var_os("OFFSHOOT_TEST_MYSQL").filter(|dir| !dir.is_empty()).map(PathBuf::from);
        let dir = named.or_else(|| Some(place::target_dir()?.join("mysql"))).unwrap_or_default().join("bin");
        Self::new(Family::MySql, dir.join("mysqld"), &dir.join("mysql"))
    }

    /// As [`Binaries::mysql`], but prints that `test` skips and gives None where it is absent.
    #[must_use]
    pub fn mysql_or_skip(test: &str) -> Option<Self> {
        match Self::mysql() {
            Ok(found) => Some(found),
            Err(why) => {
                eprintln!("SKIPPED {test} on MySQL: {why}");
                None
            }
        }
    }

    /// Those that a test over both runs on: MariaDB, and MySQL where it is there. It is said where it is not.
    ///
    /// # Panics
    /// If there is no MariaDB.
    #[must_use]
    pub fn wanted() -> Vec<Self> {
        let mariadb = match Self::mariadb() {
            Ok(found) => found,
            Err(error) => panic!("{error}"),
        };
        let test = std::thread::current().name().unwrap_or("a test").to_owned();
        std::iter::once(mariadb).chain(Self::mysql_or_skip(&test)).collect()
    }

    /// A MariaDB beside which its plugins are (see [`Binaries::plugins`]): storage engines and ways to sign in. Prints that `test`
    /// skips and gives None where it is absent.
    #[must_use]
    pub fn mariadb_with_plugins_or_skip(test: &str) -> Option<Self> {
        let named = std::env::var_os("OFFSHOOT_TEST_MARIADB").filter(|dir| !dir.is_empty()).map(PathBuf::from);
        let dir = named.or_else(|| Some(place::target_dir()?.join("mariadb"))).unwrap_or_default();
        let found = Self::mariadb()
            .and_then(|installed| Self::new(Family::MariaDb, dir.join("sbin/mariadbd"), &installed.client()));
        match found {
            Ok(found) => Some(found),
            Err(why) => {
                eprintln!("SKIPPED {test} on MariaDB with plugins: {why}");
                None
            }
        }
    }

    /// The folder of the plugins that come beside the server's program, if it is there.
    #[must_use]
    pub fn plugins(&self) -> Option<PathBuf> {
        let folder = self.server.parent()?.parent()?;
        let folders = ["lib/mysql/plugin", "root/usr/lib/mysql/plugin"].map(|below| folder.join(below));
        folders.into_iter().find(|folder| folder.is_dir())
    }

    fn new(family: Family, server: PathBuf, client: &Path) -> Result<Self, MysqlError> {
        let output = Command::new(&server).arg("--version").output().ok().filter(|output| output.status.success());
        let version = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
        let is_mariadb = version.as_ref().is_some_and(|version| version.contains("MariaDB"));
        match version {
            Some(version) if is_mariadb == (family == Family::MariaDb) => {
                let clients = client.parent().map(Path::to_path_buf).unwrap_or_default();
                Ok(Self { family, server, clients, version })
            }
            _ => {
                let what = family.name();
                Err(MysqlError::NoBinaries(format!(
                    "{} is no {what} server; `cargo xtask setup` gets one",
                    server.display()
                )))
            }
        }
    }

    /// Whose server it is.
    #[must_use]
    pub fn family(&self) -> Family {
        self.family
    }

    /// The server program.
    #[must_use]
    pub fn server(&self) -> &Path {
        &self.server
    }

    /// What the server says to `--version`.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The client program.
    #[must_use]
    pub fn client(&self) -> PathBuf {
        self.clients.join(match self.family {
            Family::MariaDb => "mariadb",
            Family::MySql => "mysql",
        })
    }

    /// The program that writes a database as SQL.
    #[must_use]
    pub fn dump(&self) -> PathBuf {
        self.clients.join(match self.family {
            Family::MariaDb => "mariadb-dump",
            Family::MySql => "mysqldump",
        })
    }
}
