//! Snapshots of MySQL and MariaDB through the library: captured, restored, captured again, and the same to the last byte.

#![allow(clippy::unwrap_used)]

use offshoot::{CaptureOptions, Connection, Control, Environment, ErrorKind, InitOptions, RestoreOptions, Store};
use offshoot_testkit::mysql::{Binaries, Family, Server, definitions, shared_of};
use offshoot_testkit::real_data::{MYSQL_SETS, load_mysql, real_data};
use std::num::NonZeroUsize;

fn store() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::init(folder.path().join("store"), InitOptions { raw: true }).unwrap();
    (folder, store)
}

fn connection(url: &str) -> Connection {
    Connection::parse(url, &Environment::empty()).unwrap()
}

fn capture(store: &Store, server: &Server, db: &str, name: &str) -> String {
    let options = CaptureOptions { name: Some(name.to_owned()), ..CaptureOptions::default() };
    let captured = store.capture(&connection(&server.url(db)), &options, &Control::default());
    captured.unwrap_or_else(|error| panic!("{db}: {error}")).snapshot.to_string()
}

/// Captures, restores, captures again; the two content roots are one, and so are the definitions.
fn round(store: &Store, server: &Server, from: &str) {
    let first = capture(store, server, from, "first");
    let to = server.fresh_db("round");
    let options = RestoreOptions { jobs: NonZeroUsize::new(2), ..RestoreOptions::default() };
    let report = store.restore(&first, &connection(&server.url(&to)), &options, &Control::default());
    let report = report.unwrap_or_else(|error| panic!("{from}: {error}"));
    assert!(report.losses.is_empty(), "{from}: {:?}", report.losses);
    let second = capture(store, server, &to, "second");
    let root = |address: &str| store.snapshot(address).unwrap().manifest.content_root;
    assert_eq!(root(&first), root(&second), "{from}");
    let described = |db: &str| definitions(server, db).replace(&format!("`{db}`"), "`db`");
    assert_eq!(described(from), described(&to), "{from}");
    server.dropdb(&to);
}

#[test]
fn real_databases_come_back_to_the_last_byte() {
    let Some(folder) = real_data() else { return };
    for binaries in Binaries::wanted() {
        let server = shared_of(&binaries);
        let (_place, store) = store();
        for name in MYSQL_SETS {
            let from = server.fresh_db(name);
            if !load_mysql(&folder, server, &from, name) {
                continue;
            }
            round(&store, server, &from);
            eprintln!("{name}: the same content root and definitions on {}", binaries.version());
            server.dropdb(&from);
        }
    }
}

#[test]
fn a_table_of_many_parts_and_large_values_comes_back() {
    for binaries in Binaries::wanted() {
        let server = shared_of(&binaries);
        let (_place, store) = store();
        let from = server.fresh_db("parts");
        let sql = "CREATE TABLE t (id INT PRIMARY KEY, a VARCHAR(40), b LONGBLOB, KEY (a)); SET SESSION cte_max_recursion_depth = 1000000;
            INSERT INTO t WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 60000)
              SELECT i, CONCAT('a', i % 977), IF(i % 20000 = 0, REPEAT(CONCAT(i, '\\t\\n\\\\'), 300000), REPEAT(CONCAT('v', i), 250)) FROM n;
            CREATE TABLE u LIKE t; INSERT INTO u SELECT id * 2, a, NULL FROM t; ALTER TABLE u MODIFY id INT AUTO_INCREMENT";
        let sql = if binaries.family() == Family::MariaDb {
            sql.replace("cte_max_recursion_depth", "max_recursive_iterations")
        } else {
            sql.to_owned()
        };
        server.sql(&from, &sql);
        round(&store, server, &from);
        server.dropdb(&from);
    }
}

#[test]
fn a_target_of_another_kind_is_refused_before_anything_is_connected() {
    for binaries in Binaries::wanted() {
        let server = shared_of(&binaries);
        let (_place, store) = store();
        let from = server.fresh_db("kind");
        server.sql(&from, "CREATE TABLE t (a INT)");
        let snapshot = capture(&store, server, &from, "first");
        let target = connection("postgresql://me@127.0.0.1:1/copy");
        let error = store.plan_restore(&snapshot, &target, &RestoreOptions::default()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Usage);
        let named = format!("the snapshot is of {}", binaries.family().name());
        assert!(error.to_string().contains(&named) && error.to_string().contains("is PostgreSQL"), "{error}");
    }
}
