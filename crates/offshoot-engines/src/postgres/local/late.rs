//! What of a data directory a server does not read while it starts: the databases that every server has (`template0`, `template1`,
//! `postgres`), two thirds of the files of a small one. A start reads the folder `global`, and then the database that somebody enters.

use super::LocalError;
use std::fs;
use std::path::{Path, PathBuf};

/// Databases that `initdb` makes have smaller numbers than those of users (`FirstNormalObjectId` in PostgreSQL's `transam.h`).
const FIRST_OF_USERS: u32 = 16_384;

/// The databases that `initdb` makes.
const EVERY_SERVERS: [&str; 3] = ["postgres", "template0", "template1"];

/// Folders of the databases that every server has, within a data directory. None where one of them is the database that is entered.
pub(super) fn folders(data: &Path, database: &str) -> Result<Vec<PathBuf>, LocalError> {
    if EVERY_SERVERS.contains(&database) {
        return Ok(Vec::new());
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
        let late = folders(data.path(), "shop").unwrap();
        assert_eq!(late, ["base/1", "base/13757", "base/4"].map(Path::new));
    }

    #[test]
    fn a_database_that_is_entered_is_never_late() {
        let data = tempfile::tempdir().unwrap();
        fs::create_dir_all(data.path().join("base/5")).unwrap();
        for entered in ["postgres", "template0", "template1"] {
            assert!(folders(data.path(), entered).unwrap().is_empty(), "{entered}");
        }
    }
}
