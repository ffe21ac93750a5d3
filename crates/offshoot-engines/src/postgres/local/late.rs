//! What of a data directory a server does not read while it starts: the databases that every server has (`template0`, `template1`,
//! `postgres`), two thirds of the files of a small one. A start reads the folder `global`, and then the database that somebody enters.

use super::LocalError;
use super::files;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Databases that `initdb` makes have smaller numbers than those of users (`FirstNormalObjectId` in PostgreSQL's `transam.h`).
const FIRST_OF_USERS: u32 = 16_384;

/// The databases that `initdb` makes.
const EVERY_SERVERS: [&str; 3] = ["postgres", "template0", "template1"];

/// Libraries that begin no process of their own when they are preloaded. Such a process may enter any database at once.
const WITHOUT_PROCESSES: [&str; 3] = ["auto_explain", "pg_stat_statements", "pgaudit"];

/// The setting that names libraries that are preloaded.
const PRELOAD: &str = "shared_preload_libraries";

/// Folders of the databases that every server has, within a data directory. None where one of them is the database that is entered,
/// or where something may enter them before anybody is told how to get in.
pub(super) fn folders(data: &Path, database: &str, settings: &[(String, String)]) -> Result<Vec<PathBuf>, LocalError> {
    let begins_none = |text: &str| {
        let mut names = text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|name| !name.is_empty());
        names.all(|name| WITHOUT_PROCESSES.contains(&name))
    };
    let mut own = settings.iter().filter(|(name, _)| name.eq_ignore_ascii_case(PRELOAD));
    if EVERY_SERVERS.contains(&database) || !own.all(|(_, libraries)| begins_none(libraries)) {
        return Ok(Vec::new());
    }
    for file in ["postgresql.conf", "postgresql.auto.conf"] {
        let path = data.join(file);
        let text = match files::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            read => read.map_err(LocalError::io("reading", &path))?,
        };
        if !text.lines().filter_map(|line| line.trim_start().strip_prefix(PRELOAD)).all(begins_none) {
            return Ok(Vec::new());
        }
    }
    let base = data.join("base");
    let mut found = Vec::new();
    for entry in fs::read_dir(&base).map_err(LocalError::io("reading", &base))? {
        let name = entry.map_err(LocalError::io("reading", &base))?.file_name();
        if name.to_str().and_then(|name| name.parse::<u32>().ok()).is_some_and(|number| number < FIRST_OF_USERS) {
            found.push(Path::new("base").join(name));
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::folders;
    use std::fs;
    use std::path::Path;

    #[test]
    fn what_every_server_has_may_be_late() {
        let data = tempfile::tempdir().unwrap();
        for folder in ["base/1", "base/4", "base/13757", "base/16384", "base/pgsql_tmp", "global"] {
            fs::create_dir_all(data.path().join(folder)).unwrap();
        }
        let late = folders(data.path(), "shop", &[]).unwrap();
        assert_eq!(late, ["base/1", "base/13757", "base/4"].map(Path::new));
    }

    #[test]
    fn a_database_that_is_entered_is_never_late() {
        let data = tempfile::tempdir().unwrap();
        fs::create_dir_all(data.path().join("base/5")).unwrap();
        for entered in ["postgres", "template0", "template1"] {
            assert!(folders(data.path(), entered, &[]).unwrap().is_empty(), "{entered}");
        }
    }
    #[test]
    fn nor_is_any_where_a_process_may_enter_it_at_once() {
        let data = tempfile::tempdir().unwrap();
        fs::create_dir_all(data.path().join("base/5")).unwrap();
        let late = |libraries: &str| {
            let text = format!("port = 1\nshared_preload_libraries = '{libraries}'\n");
            fs::write(data.path().join("postgresql.conf"), text).unwrap();
            folders(data.path(), "shop", &[]).unwrap().len()
        };
        assert_eq!(late("pg_stat_statements, auto_explain"), 1);
        assert_eq!(late("pg_stat_statements,pg_cron"), 0);
        assert_eq!(late("$libdir/timescaledb"), 0);
        assert_eq!(late(""), 1);
        let own = [("Shared_Preload_Libraries".to_owned(), "pg_cron".to_owned())];
        assert!(folders(data.path(), "shop", &own).unwrap().is_empty());
    }
}
