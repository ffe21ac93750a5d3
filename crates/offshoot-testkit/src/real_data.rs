//! Real databases kept outside the project, for tests that want input nobody made up.
//!
//! The folder is named by `OFFSHOOT_REAL_DATA`; without it such tests say that they skip and pass. Where it is set, what is
//! missing is a failure. Nothing of it is ever copied into the project.

use std::path::{Path, PathBuf};

use crate::mysql;
use crate::postgres::{Loaded, Server};

/// The names of the PostgreSQL data sets that a folder of real data may hold.
pub const POSTGRES_SETS: [&str; 9] =
    ["chinook", "customers100", "danbooru", "northwind", "openstreetmap", "pagila", "roundcube", "strings", "world"];

/// The names of the MySQL data sets. `world` wants MySQL: its collation is none of MariaDB's.
pub const MYSQL_SETS: [&str; 8] =
    ["cacti", "chinook", "customers100", "roundcube", "sakila", "strings", "wordpress", "world"];

/// The folder of real data; prints that the calling test skips where none is named.
///
/// # Panics
/// If what is named is no folder.
#[must_use]
pub fn real_data() -> Option<PathBuf> {
    let named = std::env::var_os("OFFSHOOT_REAL_DATA").filter(|dir| !dir.is_empty()).map(PathBuf::from);
    if let Some(dir) = &named {
        assert!(dir.is_dir(), "OFFSHOOT_REAL_DATA names {}, which is no folder", dir.display());
        return named;
    }
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    eprintln!("SKIPPED {test}: OFFSHOOT_REAL_DATA is not set");
    None
}

/// Loads the data set `name` of the folder into `db`: its numbered scripts in order, errors collected.
/// Some sets want extensions or versions that are not there, and load but for the objects that need them.
#[track_caller]
pub fn load_postgres(folder: &Path, server: &Server, db: &str, name: &str) -> Loaded {
    let dir = folder.join("pg").join(name);
    let mut loaded = Loaded::default();
    let scripts = numbered_scripts(&dir);
    assert!(!scripts.is_empty(), "{} holds no numbered SQL script", dir.display());
    for script in scripts {
        loaded.errors.extend(server.load_file(db, &script).errors);
    }
    loaded
}

/// The same of a MySQL set, for MariaDB and MySQL.
#[track_caller]
pub fn load_mysql(folder: &Path, server: &mysql::Server, db: &str, name: &str) -> mysql::Loaded {
    let dir = folder.join("mysql").join(name);
    let mut loaded = mysql::Loaded::default();
    let scripts = numbered_scripts(&dir);
    assert!(!scripts.is_empty(), "{} holds no numbered SQL script", dir.display());
    for script in scripts {
        loaded.errors.extend(server.load_file(db, &script).errors);
    }
    loaded
}

/// The `[0-9]*.sql` of a folder, by name.
fn numbered_scripts(dir: &Path) -> Vec<PathBuf> {
    let is_numbered = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with(|first: char| first.is_ascii_digit()) && name.ends_with(".sql")
    };
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let mut scripts: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(is_numbered).collect();
    scripts.sort();
    scripts
}

#[cfg(test)]
mod tests {
    use super::{POSTGRES_SETS, load_postgres, real_data};
    use crate::fingerprint::fingerprint;
    use crate::postgres::shared;

    #[test]
    fn every_real_set_loads() {
        let Some(folder) = real_data() else { return };
        for name in POSTGRES_SETS {
            let db = shared().fresh_db(name);
            let loaded = load_postgres(&folder, shared(), &db, name);
            // openstreetmap wants PostGIS for a few of its objects.
            let allowed = if name == "openstreetmap" { 10 } else { 0 };
            assert!(loaded.errors.len() <= allowed, "{name}: {:?}", loaded.errors);
            assert!(!fingerprint(shared(), &db).is_empty(), "{name}");
            shared().dropdb(&db);
        }
    }
}
