//! Former rows of system-versioned tables: all of them are read, with their times, in one state, and what cannot be is named.

use crate::capture::{capture, capture_as, options};
use crate::memory::{Memory, Row};
use crate::support::{Database, servers};
use offshoot_core::Control;
use offshoot_engines::mysql::neutralize::neutralize;
use offshoot_format::table::Key;
use offshoot_restore::NeutralizeChoices;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

const FOREVER: &str = "2106-02-07 06:28:15.999999";

fn mariadb() -> Option<Database> {
    servers().into_iter().find(|(name, _)| *name == "mariadb").map(|(_, url)| Database::new(&url))
}

fn text(row: &Row, column: usize) -> String {
    String::from_utf8(row[column].clone().unwrap()).unwrap()
}

fn number(row: &Row, column: usize) -> i32 {
    i32::from_be_bytes(row[column].clone().unwrap().try_into().unwrap())
}

/// Columns and key of a table, and its rows in the order of the key.
fn table(memory: &Memory, name: &str) -> (Vec<String>, Key, Vec<Row>) {
    let table = memory.table("", name);
    let spec = table.spec.unwrap();
    let columns = spec.columns.iter().map(|column| format!("{} {}", column.name, column.type_name)).collect();
    let mut rows = table.rows;
    rows.sort();
    (columns, spec.key, rows)
}

#[test]
fn former_rows_come_with_their_times() {
    let Some(database) = mariadb() else { return };
    database.run(
        "CREATE TABLE hidden (id INT PRIMARY KEY, x INT) WITH SYSTEM VERSIONING;
         CREATE TABLE named (s TIMESTAMP(6) GENERATED ALWAYS AS ROW START, id INT NOT NULL UNIQUE, `until` TIMESTAMP(6) GENERATED ALWAYS AS ROW END INVISIBLE,
           x INT, PERIOD FOR SYSTEM_TIME (s, `until`)) WITH SYSTEM VERSIONING;
         CREATE TABLE keyless (x INT) ENGINE=MyISAM WITH SYSTEM VERSIONING;
         CREATE TABLE parted (id INT PRIMARY KEY, x INT) WITH SYSTEM VERSIONING PARTITION BY SYSTEM_TIME LIMIT 2 PARTITIONS 4;
         SET SESSION time_zone = '+05:00', timestamp = 1600000000.25;
         INSERT INTO hidden VALUES (1, 1), (2, 1);
         INSERT INTO named (id, x) VALUES (1, 1);
         INSERT INTO keyless VALUES (1);
         INSERT INTO parted VALUES (1, 1);
         SET SESSION timestamp = 1600000001.5;
         UPDATE hidden SET x = 2;
         UPDATE named SET x = 2;
         UPDATE keyless SET x = 2;
         UPDATE parted SET x = 2;
         SET SESSION timestamp = 1600000002;
         DELETE FROM hidden WHERE id = 2;
         SET GLOBAL system_versioning_asof = '2019-01-01'",
    );
    let captured = capture_as(&database, options(), &Control::default());
    database.run("SET GLOBAL system_versioning_asof = DEFAULT");
    let (captured, memory) = captured.unwrap();
    assert_eq!(captured.not_carried, []);

    let [first, second, third] =
        ["26:40.250000", "26:41.500000", "26:42.000000"].map(|at| format!("2020-09-13 12:{at}"));
    let (columns, key, rows) = table(&memory, "hidden");
    assert_eq!(columns[2..], ["row_start timestamp(6) row start", "row_end timestamp(6) row end"]);
    assert_eq!(key, Key::Unique(vec![0, 3]));
    let told = |row: &Row| (number(row, 0), number(row, 1), text(row, 2), text(row, 3));
    let told: Vec<_> = rows.iter().map(told).collect();
    let of = |id, x, from: &String, to: &str| (id, x, from.clone(), to.to_owned());
    assert_eq!(
        told,
        [of(1, 1, &first, &second), of(1, 2, &second, FOREVER), of(2, 1, &first, &second), of(2, 2, &second, &third)]
    );

    let (columns, key, rows) = table(&memory, "named");
    assert_eq!(columns[0], "s timestamp(6) row start");
    assert_eq!(columns[2], "until timestamp(6) row end");
    assert_eq!(key, Key::Unique(vec![1, 2]));
    assert_eq!(rows.iter().map(|row| text(row, 2)).collect::<Vec<_>>(), [second.as_str(), FOREVER]);

    let (_, key, rows) = table(&memory, "keyless");
    assert_eq!((key, rows.len()), (Key::WholeRow, 2));
    assert_eq!(table(&memory, "parted").2.len(), 2);

    let facts = captured.facts.iter().find(|facts| facts.name == "named").unwrap();
    assert_eq!((facts.period, facts.unique[0].0.clone()), (Some((0, 2)), vec![1, 2]));
    let facts = captured.facts.iter().find(|facts| facts.name == "hidden").unwrap();
    assert_eq!((facts.period, facts.key.clone()), (Some((2, 3)), vec![0, 3]));
}

#[test]
fn what_cannot_be_carried_is_named() {
    let Some(database) = mariadb() else { return };
    database.run(
        "CREATE TABLE numbered (id INT PRIMARY KEY, x INT, s BIGINT UNSIGNED GENERATED ALWAYS AS ROW START INVISIBLE,
           e BIGINT UNSIGNED GENERATED ALWAYS AS ROW END INVISIBLE, PERIOD FOR SYSTEM_TIME (s, e)) WITH SYSTEM VERSIONING;
         INSERT INTO numbered (id, x) VALUES (1, 1);
         UPDATE numbered SET x = 2;
         CREATE TABLE moments (id INT PRIMARY KEY) WITH SYSTEM VERSIONING;
         SET SESSION timestamp = 1600000000;
         INSERT INTO moments VALUES (1), (2), (3);
         DELETE FROM moments WHERE id = 1;
         SET SESSION timestamp = 1500000000;
         DELETE FROM moments WHERE id = 2",
    );
    let (captured, memory) = capture(&database);
    let told: BTreeMap<&str, &str> =
        captured.not_carried.iter().map(|note| (note.object.as_str(), note.reason.as_str())).collect();
    assert_eq!(
        told.keys().copied().collect::<Vec<_>>(),
        ["2 former rows of table moments", "former rows of table numbered"]
    );
    assert!(told["former rows of table numbered"].contains("transaction"), "{told:?}");
    let (columns, key, rows) = table(&memory, "numbered");
    assert_eq!((columns.len(), key), (2, Key::Unique(vec![0])));
    assert_eq!(rows.iter().map(|row| number(row, 1)).collect::<Vec<_>>(), [2]);
    assert_eq!(table(&memory, "moments").2.len(), 1);
}

#[test]
fn a_large_table_comes_whole_from_several_readers() {
    let Some(database) = mariadb() else { return };
    let fill =
        "INSERT INTO t (id, filler) WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 999)";
    for (type_name, value) in [("INT", "i"), ("VARCHAR(40)", "CONCAT('key ', i)")] {
        database.run(&format!(
            "CREATE OR REPLACE TABLE t (id {type_name} PRIMARY KEY, filler CHAR(200)) WITH SYSTEM VERSIONING;
             {fill} SELECT {value}, 'a' FROM n;
             UPDATE t SET filler = 'b';
             UPDATE t SET filler = 'c';
             ANALYZE TABLE t"
        ));
        let mut options = options();
        options.split_bytes = 1 << 10;
        let mut memory = Memory::new();
        memory.ranges_awaited = 2;
        let mut source = offshoot_engines::mysql::capture::MysqlSource::new(database.conninfo.clone(), options);
        offshoot_core::source::Source::capture(&mut source, &memory, &Control::default()).unwrap();
        let read = memory.table("", "t");
        assert!(read.ranges > 1, "{type_name}: {} ranges", read.ranges);
        assert_eq!(read.rows.len(), 3000, "{type_name}");
        assert_eq!(read.rows.iter().collect::<BTreeSet<_>>().len(), 3000, "{type_name}");
    }
}

/// A writer moves an amount from row to row by one statement each, so that the balance is the same at every moment of the past.
#[test]
fn the_past_is_of_one_state_whoever_writes() {
    let Some(database) = mariadb() else { return };
    database.run(
        "CREATE TABLE ledger (id INT PRIMARY KEY, amount INT NOT NULL) WITH SYSTEM VERSIONING;
         INSERT INTO ledger WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 99) SELECT i, 0 FROM n",
    );
    let is_over = Arc::new(AtomicBool::new(false));
    let (mut session, over) = (database.session(), Arc::clone(&is_over));
    let writer = std::thread::spawn(move || {
        let mut count = 0_u32;
        while !over.load(Ordering::Relaxed) {
            let (from, to) = (count * 7 % 100, (count * 7 + 1) % 100);
            let sql = format!("UPDATE ledger SET amount = amount + IF(id = {from}, -1, 1) WHERE id IN ({from}, {to})");
            session.execute("transfer", &sql).unwrap();
            count += 1;
        }
        count
    });
    for _ in 0..5 {
        let (_, memory) = capture(&database);
        let rows = table(&memory, "ledger").2;
        let mut moments: BTreeMap<String, i32> = BTreeMap::new();
        for row in &rows {
            *moments.entry(text(row, 2)).or_default() += number(row, 1);
            *moments.entry(text(row, 3)).or_default() -= number(row, 1);
        }
        moments.remove(FOREVER);
        let mut balance = 0;
        for (moment, change) in &moments {
            balance += change;
            assert_eq!(balance, 0, "at {moment}");
        }
        let current = rows.iter().filter(|row| text(row, 3) == FOREVER).count();
        assert_eq!(current, 100);
        println!("{} rows, {} moments", rows.len(), moments.len());
    }
    is_over.store(true, Ordering::Relaxed);
    assert!(writer.join().unwrap() > 0);
}

#[test]
fn tokens_that_only_former_rows_have_are_deleted_in_a_branch() {
    let Some(database) = mariadb() else { return };
    database.run(
        "CREATE TABLE shops (id INT PRIMARY KEY, api_key VARCHAR(64)) WITH SYSTEM VERSIONING;
         INSERT INTO shops VALUES (1, 'k-123'), (2, NULL);
         UPDATE shops SET api_key = NULL;
         CREATE TABLE jobs (id BIGINT PRIMARY KEY, queue VARCHAR(20), payload LONGTEXT, attempts INT, reserved_at INT, available_at INT)
           WITH SYSTEM VERSIONING;
         INSERT INTO jobs VALUES (1, 'mail', '{}', 0, NULL, 1);
         DELETE FROM jobs;
         CREATE TABLE plain (id INT PRIMARY KEY, name VARCHAR(64)) WITH SYSTEM VERSIONING;
         INSERT INTO plain VALUES (1, 'a');
         UPDATE plain SET name = 'b'",
    );
    let done = neutralize(&mut database.session(), &NeutralizeChoices::default()).unwrap();
    let count = |table: &str| {
        let sql = format!("SELECT COUNT(*) FROM {table} FOR SYSTEM_TIME ALL");
        database.session().query_one("count", &sql).unwrap().parse::<u64>(0).unwrap().unwrap()
    };
    assert_eq!((count("shops"), count("jobs"), count("plain")), (2, 0, 2));
    let told: BTreeSet<&str> = done.iter().map(|done| done.object.as_str()).collect();
    assert!(told.contains("former rows of table shops") && told.contains("former rows of table jobs"), "{told:?}");
    assert!(!told.contains("former rows of table plain"), "{told:?}");
}
