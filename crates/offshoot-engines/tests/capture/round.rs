//! Whole databases, there and back: their fingerprints and pg_dump's schema agree.

use crate::memory::Memory;
use crate::{again, capture, conninfo, options};
use offshoot_core::Control;
use offshoot_core::source::{Captured, Source};
use offshoot_engines::postgres::capture::PostgresSource;
use offshoot_testkit::postgres::{Server, ServerOptions, shared};
use offshoot_testkit::{fingerprint, real_data, shop, types};

/// Captures a database, makes it again, and compares.
#[track_caller]
fn round(server: &Server, db: &str) -> Captured {
    let (captured, memory) = capture(server, db);
    let copy = server.fresh_db("again");
    let encoding = server.psql(db, "SHOW server_encoding");
    if encoding != "UTF8" {
        server.dropdb(&copy);
        server.createdb(&copy, &format!("ENCODING '{encoding}' LOCALE 'C' TEMPLATE template0"));
    }
    again::make(server, &copy, &captured, &memory);
    assert_same(&fingerprint::fingerprint(server, db), &fingerprint::fingerprint(server, &copy));
    let arguments = ["--schema-only", "--no-publications", "--no-subscriptions", "--restrict-key=a"];
    assert_same(&server.pg_dump(db, &arguments), &server.pg_dump(&copy, &arguments));
    // A capture of the copy says the same, although every oid is another.
    let (second, copied) = capture(server, &copy);
    assert_eq!(captured.schema, second.schema);
    assert_eq!(captured.sequences, second.sequences);
    let (first, copied) = (memory.tables.into_inner().unwrap(), copied.tables.into_inner().unwrap());
    assert_eq!(first.keys().collect::<Vec<_>>(), copied.keys().collect::<Vec<_>>());
    for (name, mut table) in first {
        let mut copied = copied[&name].clone();
        assert_eq!(table.spec, copied.spec);
        table.rows.sort();
        copied.rows.sort();
        assert!(table.rows == copied.rows, "{name:?} differs in a second capture");
    }
    captured
}

#[track_caller]
fn assert_same(left: &str, right: &str) {
    let (mut left, mut right): (Vec<&str>, Vec<&str>) = (left.lines().collect(), right.lines().collect());
    if left == right {
        return;
    }
    left.sort_unstable();
    right.sort_unstable();
    let missing: Vec<_> = left.iter().filter(|line| !right.contains(line)).take(20).collect();
    let added: Vec<_> = right.iter().filter(|line| !left.contains(line)).take(20).collect();
    panic!("missing:\n{missing:#?}\nadded:\n{added:#?}");
}

#[test]
fn one_plain_table() {
    let server = shared();
    let db = server.fresh_db("plain");
    server.psql(&db, "CREATE TABLE t (id int PRIMARY KEY, name text); INSERT INTO t SELECT i, CASE WHEN i % 3 > 0 THEN 'n' || i END FROM generate_series(1, 20000) i");
    let memory = Memory { ranges_awaited: 2, ..Memory::new() };
    let captured =
        PostgresSource::new(conninfo(&server.url(&db)), options(server)).capture(&memory, &Control::default());
    let captured = captured.unwrap();
    let table = memory.table("public", "t");
    assert_eq!(table.rows.len(), 20000);
    assert!(table.ranges > 1);
    let mut ids: Vec<i32> =
        table.rows.iter().map(|row| i32::from_be_bytes(row[0].clone().unwrap().try_into().unwrap())).collect();
    ids.sort_unstable();
    assert!(ids.iter().copied().eq(1..=20000));
    assert_eq!(table.rows.iter().filter(|row| row[1].is_none()).count(), 6666);
    assert_eq!(captured.origin.database, db);
    round(server, &db);
}

#[test]
fn the_shop() {
    let server = shared();
    let db = server.fresh_db("shop");
    shop::load(server, &db).unwrap();
    round(server, &db);
}

#[test]
fn every_type() {
    let server = shared();
    let db = server.fresh_db("types");
    types::load(server, &db).unwrap();
    round(server, &db);
}

#[test]
fn other_encodings() {
    let server = shared();
    for encoding in ["LATIN1", "SQL_ASCII", "EUC_JP"] {
        let db = server.fresh_db("encoded");
        server.dropdb(&db);
        server.createdb(&db, &format!("ENCODING '{encoding}' LOCALE 'C' TEMPLATE template0"));
        let (name, value) = match encoding {
            "LATIN1" => ("größe", "'Müller'"),
            "EUC_JP" => ("表", "'日本'"),
            _ => ("size", "E'\\xfc\\xff'"),
        };
        server.psql(
            &db,
            &format!(
                "CREATE TABLE \"{name}\" (\"{name}\" text, r regclass); CREATE TABLE b (\"{name}\" text PRIMARY KEY);
            INSERT INTO \"{name}\" VALUES ({value}, 'b'); INSERT INTO b VALUES ({value})"
            ),
        );
        round(server, &db);
    }
}

#[test]
fn real_databases() {
    let Some(folder) = real_data() else { return };
    let server = shared();
    for name in real_data::POSTGRES_SETS {
        let db = server.fresh_db(name);
        if !real_data::load_postgres(&folder, server, &db, name) {
            continue;
        }
        let captured = round(server, &db);
        assert_eq!(captured.not_carried, [], "{name}");
        eprintln!("{name}: {} statements, {} sequences", captured.schema.len(), captured.sequences.len());
    }
}

#[test]
fn other_majors() {
    for binaries in offshoot_testkit::postgres::Binaries::all() {
        if binaries.major_version() == shared().binaries().major_version() {
            continue;
        }
        let server = Server::start(ServerOptions::new().binaries(binaries.clone()));
        let db = server.fresh_db("major");
        shop::load(&server, &db).unwrap();
        let (captured, _) = capture(&server, &db);
        assert_eq!(captured.environment.server_version_num / 10_000, binaries.major_version());
        round(&server, &db);
        drop(options(&server));
    }
}
