//! Restoring into real servers of MySQL and MariaDB.

#![cfg(feature = "mysql")]
#![allow(clippy::unwrap_used, reason = "a test stops at the first thing that fails")]

mod families;
mod faults;
mod names;
mod objects;
mod refusals;
mod taken;
mod values;
#[path = "../restore/watched.rs"]
mod watched;

use offshoot_core::Control;
use offshoot_engines::mysql::restore::MysqlTarget;
use offshoot_format::ids::SnapshotId;
use offshoot_restore::{Options, Plan, RawSnapshot, RestoreError, RestoreReport, apply};
use offshoot_testkit::mysql::{Binaries, Server, definitions, fingerprint, shared_of};
use taken::{Taken, conninfo, take};

fn target(server: &Server, db: &str) -> MysqlTarget {
    MysqlTarget::new(conninfo(&server.url(db)))
}

fn options(jobs: usize) -> Options {
    let mut options = Options::default();
    options.choices.jobs = jobs;
    options
}

fn id() -> SnapshotId {
    SnapshotId::from_bytes([0x11; 32])
}

fn try_restore(taken: &Taken, server: &Server, db: &str, options: Options) -> Result<RestoreReport, RestoreError> {
    let target = target(server, db);
    let snapshot = RawSnapshot::acknowledge(id(), &taken.manifest, &taken.rows);
    let plan = Plan::new(snapshot, &target, options)?;
    apply(&plan, &target, &Control::default())
}

/// What a database is, by the server's own words, without its name.
fn described(server: &Server, db: &str) -> String {
    format!("{}\n{}", fingerprint(server, db), definitions(server, db).replace(&format!("`{db}`"), "`db`"))
}

fn assert_same(before: &str, after: &str) {
    if before != after {
        let differing = before.lines().zip(after.lines()).find(|(before, after)| before != after);
        panic!("they differ: {differing:?}, {} and {} lines", before.lines().count(), after.lines().count());
    }
}

/// Restores a database on every server that is wanted, and compares both sides by content and by SHOW CREATE.
fn round_trip(name: &str, sql: impl Fn(&Binaries) -> String) {
    for binaries in Binaries::wanted() {
        let server = shared_of(&binaries);
        let from = server.fresh_db(name);
        let loaded = server.load_text(&from, &sql(&binaries));
        assert!(loaded.errors.is_empty(), "{name} on {}: {:?}", binaries.version(), loaded.errors);
        back_and_forth(server, &from);
        server.dropdb(&from);
    }
}

/// Takes a database and restores it beside itself.
fn back_and_forth(server: &Server, from: &str) {
    let taken = take(server, from);
    let before = described(server, from);
    for jobs in [1, 3] {
        let to = server.fresh_db("restored");
        let report = try_restore(&taken, server, &to, options(jobs)).unwrap_or_else(|error| panic!("{from}: {error}"));
        assert!(report.losses.is_empty(), "{:?}", report.losses);
        assert_same(&before, &described(server, &to));
        server.dropdb(&to);
    }
}

fn is_mariadb(binaries: &Binaries) -> bool {
    binaries.family() == offshoot_testkit::mysql::Family::MariaDb
}

#[test]
fn a_plain_table() {
    round_trip("plain", |_| {
        "CREATE TABLE t (id BIGINT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(40), at DATETIME(3), large LONGTEXT, KEY (name), \
         UNIQUE KEY at_id (at, id));
         INSERT INTO t (name, at, large) WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 900)
           SELECT IF(i % 7 > 0, CONCAT('name ', i), NULL), '2020-01-01' + INTERVAL i MINUTE,
             IF(i % 300 = 0, REPEAT(CONCAT('large', i), 30000), NULL) FROM n"
            .to_owned()
    });
}

#[test]
fn foreign_keys_in_all_directions() {
    const TABLES: usize = 4;
    // Adding one locks every table that foreign keys connect with its two: side by side they meet in deadlocks.
    round_trip("web", |_| {
        let mut sql = String::new();
        for table in 0..TABLES {
            let columns: String = (0..TABLES).map(|other| format!(", c{other} INT")).collect();
            let numbers: String = (0..TABLES).map(|_| ", 1").collect();
            sql += &format!(
                "CREATE TABLE t{table} (id INT PRIMARY KEY{columns}); INSERT INTO t{table} VALUES (1{numbers});\n"
            );
        }
        for (table, other) in (0..TABLES).flat_map(|table| (0..TABLES).map(move |other| (table, other))) {
            sql += &format!("ALTER TABLE t{table} ADD FOREIGN KEY (c{other}) REFERENCES t{other} (id);\n");
        }
        sql
    });
}

#[test]
fn large_tables_are_loaded_in_parts() {
    for binaries in Binaries::wanted() {
        let server = shared_of(&binaries);
        let (from, to) = (server.fresh_db("parts_from"), server.fresh_db("parts_to"));
        let rows =
            "WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 950) SELECT i, i % 7 FROM n";
        let sql = format!(
            "CREATE TABLE numbered (id INT AUTO_INCREMENT PRIMARY KEY, a INT, KEY (a)); INSERT INTO numbered {rows};
             CREATE TABLE plain (id INT PRIMARY KEY, a INT, KEY (a)); INSERT INTO plain {rows}"
        );
        server.load_text(&from, &sql);
        let mut taken = take(server, &from);
        taken.manifest.content.tables.iter_mut().for_each(|entry| entry.root.logical_bytes = 250 << 20);
        let target = target(server, &to);
        let snapshot = RawSnapshot::acknowledge(id(), &taken.manifest, &taken.rows);
        let plan = Plan::new(snapshot, &target, options(3)).unwrap();
        let alone =
            |label: &str| plan.tasks().iter().find(|task| task.label == label).map(|task| !task.exclusive.is_empty());
        // MariaDB's default counter lets in one session at a time, MySQL's several.
        assert_eq!(alone("load numbered, part 3 of 3"), Some(is_mariadb(&binaries)));
        assert_eq!(alone("load plain, part 1 of 3"), Some(false));
        apply(&plan, &target, &Control::default()).unwrap_or_else(|error| panic!("{error}"));
        assert_same(&described(server, &from), &described(server, &to));
    }
}

#[test]
fn every_kind_of_object() {
    round_trip("kinds", kinds);
}

/// Objects of every kind that the server has.
fn kinds(binaries: &Binaries) -> String {
    let own = if is_mariadb(binaries) { include_str!("kinds_mariadb.sql") } else { include_str!("kinds_mysql.sql") };
    format!("{}\n{own}", include_str!("kinds.sql"))
}
