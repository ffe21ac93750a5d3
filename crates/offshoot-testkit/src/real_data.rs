//! Real databases kept outside the project, for tests that want input nobody made up.
//!
//! The folder is named by `OFFSHOOT_REAL_DATA`; without it such tests say that they skip and pass. Where it is set, what is
//! missing is a failure. Nothing of it is ever copied into the project.

use std::path::{Path, PathBuf};

use crate::fingerprint::fingerprint;
use crate::mysql;
use crate::postgres::Server;

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

/// What a PostgreSQL set's scripts may fail at, where that is so, and why: the set is loaded without these objects.
const KNOWN: [Known<Server>; 2] = [
    Known {
        set: "openstreetmap",
        why: "PostGIS is not available",
        is_so: |server| !is_available(server, "postgis"),
        errors: &[
            "extension \"postgis\"",
            "postgis.control",
            "type \"public.geometry\" does not exist",
            "relation \"public.moderation_zones\" does not exist",
        ],
    },
    Known {
        set: "openstreetmap",
        why: "PostgreSQL has normalize() from 13 on",
        is_so: |server| server.binaries().major_version() < 13,
        errors: &["column \"nfkc\" does not exist"],
    },
];

/// The same of the MySQL sets.
const MYSQL_KNOWN: [Known<mysql::Server>; 1] = [Known {
    set: "cacti",
    why: "MySQL no longer has the sql_mode that it names",
    is_so: |server| server.binaries().family() == mysql::Family::MySql,
    errors: &["NO_AUTO_CREATE_USER"],
}];

/// What a set's scripts may fail at.
struct Known<S> {
    set: &'static str,
    why: &'static str,
    is_so: fn(&S) -> bool,
    /// A part of each message.
    errors: &'static [&'static str],
}

/// The least that a PostgreSQL set holds: tables, those with rows, rows.
fn least(set: &str) -> [u64; 3] {
    match set {
        "chinook" => [11, 11, 15_607],
        "customers100" => [1, 1, 100],
        "danbooru" => [66, 1, 349],
        "northwind" => [14, 12, 3362],
        "openstreetmap" => [56, 1, 162],
        "pagila" => [23, 21, 49_636],
        "roundcube" => [17, 1, 1],
        "strings" => [3, 3, 5820],
        "world" => [3, 3, 5302],
        _ => panic!("nobody has counted {set}"),
    }
}

/// The same of a MySQL set.
fn least_of_mysql(set: &str) -> [u64; 3] {
    match set {
        "cacti" => [113, 32, 747],
        "chinook" => [11, 11, 15_607],
        "customers100" => [1, 1, 100],
        "roundcube" => [17, 1, 1],
        "sakila" => [16, 16, 47_273],
        "strings" => [3, 3, 5820],
        "wordpress" => [18, 0, 0],
        "world" => [3, 3, 5302],
        _ => panic!("nobody has counted {set}"),
    }
}

/// Loads the data set `name` of the folder into `db`: its numbered scripts in order. False, and said, where the server
/// cannot hold it.
///
/// # Panics
/// If something fails that is not known to, or if the set holds less than it should.
#[must_use = "a server may be too old for a set"]
#[track_caller]
pub fn load_postgres(folder: &Path, server: &Server, db: &str, name: &str) -> bool {
    let on = server.binaries().version();
    if name == "danbooru" && server.binaries().major_version() < 13 {
        eprintln!("SKIPPED {name} on {on}: PostgreSQL has gen_random_uuid() from 13 on");
        return false;
    }
    let scripts = numbered_scripts(&folder.join("pg").join(name));
    let errors: Vec<String> = scripts.iter().flat_map(|script| server.load_file(db, script).errors).collect();
    let unknown = unknown(&KNOWN, server, on, name, &errors);
    assert_whole(name, on, &unknown, counted(&fingerprint(server, db)), least(name));
    true
}

/// The same of a MySQL set, for MariaDB and MySQL.
///
/// # Panics
/// As [`load_postgres`].
#[must_use = "a set may be MySQL's alone"]
#[track_caller]
pub fn load_mysql(folder: &Path, server: &mysql::Server, db: &str, name: &str) -> bool {
    let on = server.binaries().version();
    if name == "world" && server.binaries().family() == mysql::Family::MariaDb {
        eprintln!("SKIPPED {name} on {on}: its collation utf8mb4_0900_ai_ci is none of MariaDB's");
        return false;
    }
    let scripts = numbered_scripts(&folder.join("mysql").join(name));
    let errors: Vec<String> = scripts.iter().flat_map(|script| server.load_file(db, script).errors).collect();
    let unknown = unknown(&MYSQL_KNOWN, server, on, name, &errors);
    assert_whole(name, on, &unknown, counted(&mysql::fingerprint(server, db)), least_of_mysql(name));
    true
}

/// The errors that are not known of the set on this server; what it lacks by the others is said.
fn unknown<'e, S>(known: &[Known<S>], server: &S, on: &str, set: &str, errors: &'e [String]) -> Vec<&'e String> {
    let mut rest: Vec<&String> = errors.iter().collect();
    for known in known.iter().filter(|known| known.set == set && (known.is_so)(server)) {
        let count = rest.len();
        rest.retain(|error| !known.errors.iter().any(|part| error.contains(part)));
        eprintln!("SKIPPED {} statements of {set} on {on}: {}", count - rest.len(), known.why);
    }
    rest
}

/// Tables, those with rows, rows. A fingerprint has a line for each table, whose last words are its rows and their digest.
fn counted(fingerprint: &str) -> [u64; 3] {
    let tables = fingerprint.lines().filter(|line| line.starts_with("table "));
    let rows: Vec<u64> = tables.filter_map(|line| line.rsplit(' ').nth(1)?.parse().ok()).collect();
    let filled = rows.iter().filter(|rows| **rows > 0).count();
    [rows.len() as u64, filled as u64, rows.iter().sum()]
}

#[track_caller]
fn assert_whole(set: &str, on: &str, unknown: &[&String], held: [u64; 3], least: [u64; 3]) {
    assert!(unknown.is_empty(), "{set} did not load on {on}: {unknown:#?}");
    let is_whole = held.iter().zip(&least).all(|(held, least)| held >= least);
    assert!(is_whole, "{set} on {on} holds {held:?} tables, tables with rows, and rows: less than {least:?}");
}

fn is_available(server: &Server, extension: &str) -> bool {
    let sql = format!("SELECT count(*) FROM pg_available_extensions WHERE name = '{extension}'");
    server.psql("postgres", &sql) != "0"
}

/// The `[0-9]*.sql` of a folder, by name.
#[track_caller]
fn numbered_scripts(dir: &Path) -> Vec<PathBuf> {
    let is_numbered = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with(|first: char| first.is_ascii_digit()) && name.ends_with(".sql")
    };
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let mut scripts: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(is_numbered).collect();
    scripts.sort();
    assert!(!scripts.is_empty(), "{} holds no numbered SQL script", dir.display());
    scripts
}

#[cfg(test)]
mod tests {
    use super::{Known, MYSQL_SETS, POSTGRES_SETS, counted, load_mysql, load_postgres, real_data, unknown};
    use crate::{mysql, postgres};

    #[test]
    fn every_real_set_loads() {
        let Some(folder) = real_data() else { return };
        let mut loaded = 0;
        for binaries in postgres::Binaries::wanted() {
            let server = postgres::shared_of(&binaries);
            for name in POSTGRES_SETS {
                let db = server.fresh_db(name);
                loaded += usize::from(load_postgres(&folder, server, &db, name));
                server.dropdb(&db);
            }
        }
        for binaries in mysql::Binaries::wanted() {
            let server = mysql::shared_of(&binaries);
            for name in MYSQL_SETS {
                let db = server.fresh_db(name);
                loaded += usize::from(load_mysql(&folder, server, &db, name));
                server.dropdb(&db);
            }
        }
        eprintln!("real sets loaded: {loaded}, without an error that is not known");
    }

    #[test]
    fn what_is_missing_is_noticed() {
        let errors = ["PostGIS: gone", "relation \"gone\" does not exist"].map(str::to_owned);
        let known = Known { set: "chinook", why: "it is gone", is_so: |is_gone| *is_gone, errors: &["PostGIS"] };
        let rest = |set, is_gone| unknown(std::slice::from_ref(&known), &is_gone, "any", set, &errors).len();
        assert_eq!([rest("chinook", true), rest("chinook", false), rest("world", true)], [1, 2, 2]);
        let print = "matview public.m 7 x\ntable public.a b 3 x\ntable public.c 0 y\nsequence public.s 1 t";
        assert_eq!(counted(print), [2, 1, 3]);
    }
}
