//! Which PostgreSQL: the installed one, or another major from a folder that `cargo xtask test` fills.
//!
//! That folder (`OFFSHOOT_PG_MAJORS`, else `pg-majors` in the target directory) holds `<major>/bin/postgres`
//! for each major, without client programs, and `client/bin/pg_dump` of the newest one.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::PostgresError;
use crate::place;

/// The programs of one PostgreSQL installation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binaries {
    dir: PathBuf,
    version: String,
    major: u32,
}

impl Binaries {
    /// The installed server: from PATH, else the newest below /usr/lib/postgresql.
    pub fn installed() -> Result<Self, PostgresError> {
        installed_dirs().iter().find_map(|dir| Self::in_dir(dir).ok()).ok_or_else(|| {
            PostgresError::NoBinaries(
                "no PostgreSQL server is installed (initdb and postgres are neither in PATH nor in \
                 /usr/lib/postgresql/*/bin); run `cargo xtask setup`"
                    .to_owned(),
            )
        })
    }

    /// The server of one major version; an error says where it was looked for, for a test to print and skip.
    pub fn major(major: u32) -> Result<Self, PostgresError> {
        let mut dirs: Vec<PathBuf> = majors_dir().map(|dir| dir.join(format!("{major}/bin"))).into_iter().collect();
        dirs.push(PathBuf::from(format!("/usr/lib/postgresql/{major}/bin")));
        if let Some(found) = dirs.iter().find_map(|dir| Self::in_dir(dir).ok()) {
            return Ok(found);
        }
        match Self::installed() {
            Ok(found) if found.major == major => Ok(found),
            _ => Err(PostgresError::NoBinaries(format!(
                "no PostgreSQL {major} here (looked in {}); `cargo xtask test` fetches 18, `cargo xtask test \
                 --all-majors` all of them",
                dirs.iter().map(|dir| dir.display().to_string()).collect::<Vec<_>>().join(", ")
            ))),
        }
    }

    /// As [`Binaries::major`], but prints that `test` skips and gives None where that major is absent.
    #[must_use]
    pub fn major_or_skip(major: u32, test: &str) -> Option<Self> {
        match Self::major(major) {
            Ok(found) => Some(found),
            Err(why) => {
                eprintln!("SKIPPED {test}: {why}");
                None
            }
        }
    }

    /// All majors from 12 to 18 that are there, oldest first.
    #[must_use]
    pub fn all() -> Vec<Self> {
        (12..=18).filter_map(|major| Self::major(major).ok()).collect()
    }

    /// The versions that a test over several runs on: the installed one and 18 where it is there, or with
    /// `OFFSHOOT_ALL_MAJORS` set all that are there.
    #[must_use]
    pub fn wanted() -> Vec<Self> {
        let all = Self::all();
        if std::env::var_os("OFFSHOOT_ALL_MAJORS").is_some_and(|wish| !wish.is_empty()) {
            return all;
        }
        let installed = Self::installed().map_or(0, |found| found.major);
        all.into_iter().filter(|found| found.major == installed || found.major == 18).collect()
    }

    /// The installation whose programs are in `dir`.
    pub fn in_dir(dir: &Path) -> Result<Self, PostgresError> {
        let missing = |name: &str| PostgresError::NoBinaries(format!("{} is missing", dir.join(name).display()));
        if !dir.join("initdb").is_file() {
            return Err(missing("initdb"));
        }
        let version = version_of(&dir.join("postgres")).ok_or_else(|| missing("postgres"))?;
        let major = major_of(&version).ok_or_else(|| missing("postgres with a version"))?;
        Ok(Self { dir: dir.to_path_buf(), version, major })
    }

    /// The folder of the programs.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// What `postgres --version` says.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The major version, such as 18.
    #[must_use]
    pub fn major_version(&self) -> u32 {
        self.major
    }

    /// One of the installation's own programs, whether it exists or not.
    #[must_use]
    pub fn program(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// A psql: the installation's own, else the one that comes with the installed server, else PATH's.
    #[must_use]
    pub fn psql(&self) -> PathBuf {
        let mut dirs = vec![self.dir.clone()];
        dirs.extend(installed_dirs());
        let found = dirs.into_iter().map(|dir| dir.join("psql")).find(|psql| psql.is_file());
        found.unwrap_or_else(|| PathBuf::from("psql"))
    }

    /// A pg_dump at least as new as this server: its own, the fetched newest, or the installed one.
    pub fn pg_dump(&self) -> Result<PathBuf, PostgresError> {
        let mut dirs = vec![self.dir.clone()];
        dirs.extend(installed_dirs());
        dirs.extend(majors_dir().map(|dir| dir.join("client/bin")));
        let fits = |program: &PathBuf| version_of(program).and_then(|text| major_of(&text)) >= Some(self.major);
        dirs.into_iter()
            .map(|dir| dir.join("pg_dump"))
            .find(fits)
            .ok_or_else(|| PostgresError::NoBinaries(format!("no pg_dump of version {} or newer here", self.major)))
    }
}

/// Where other majors are looked for.
fn majors_dir() -> Option<PathBuf> {
    let named = std::env::var_os("OFFSHOOT_PG_MAJORS").filter(|dir| !dir.is_empty()).map(PathBuf::from);
    named.or_else(|| Some(place::target_dir()?.join("pg-majors")))
}

/// Folders of installed programs, the preferred first: PATH's as far as they lead to an initdb, then Debian's.
fn installed_dirs() -> Vec<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let in_path = std::env::split_paths(&path).filter_map(|dir| {
        // A link in /usr/local/bin leads to the folder that also holds the rest.
        let initdb = std::fs::canonicalize(dir.join("initdb")).ok()?;
        initdb.parent().map(Path::to_path_buf)
    });
    let mut dirs: Vec<PathBuf> = in_path.collect();
    let mut packaged: Vec<(u32, PathBuf)> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .collect();
    packaged.sort();
    dirs.extend(packaged.into_iter().rev().map(|(_, dir)| dir));
    dirs
}

fn version_of(program: &Path) -> Option<String> {
    let output = Command::new(program).arg("--version").output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// `postgres (PostgreSQL) 15.18 (Debian ...)` is 15.
fn major_of(version: &str) -> Option<u32> {
    let number = version.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
    let digits: String = number.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::major_of;

    #[test]
    fn majors_are_read_from_version_lines() {
        assert_eq!(major_of("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)"), Some(15));
        assert_eq!(major_of("pg_dump (PostgreSQL) 18.1"), Some(18));
        assert_eq!(major_of("postgres (PostgreSQL) 19beta1"), Some(19));
        assert_eq!(major_of("nothing"), None);
    }
}
