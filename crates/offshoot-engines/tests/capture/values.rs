//! Tables and values at their limits.

use crate::memory::{Large, Memory, sum};
use crate::{capture, conninfo, options};
use offshoot_core::Control;
use offshoot_core::source::{BATCH_BYTES, LARGE_OBJECTS, Source};
use offshoot_engines::postgres::capture::PostgresSource;
use offshoot_format::manifest::Phase;
use offshoot_format::table::{Key, RowForm};
use offshoot_testkit::postgres::shared;
use std::fmt::Write as _;
use std::sync::atomic::Ordering;

#[test]
fn tables_at_their_limits() {
    let (server, db) = (shared(), shared().fresh_db("limits"));
    let columns: Vec<String> = (0..1600).map(|i| format!("c{i} int2")).collect();
    let long = "ä\"'\\\n$$ ".repeat(4) + &"x".repeat(27);
    assert_eq!(long.len(), 63);
    let quoted = format!("\"{}\"", long.replace('"', "\"\""));
    let mut sql = format!("CREATE TABLE wide ({}); INSERT INTO wide (c0, c1599) VALUES (1, 2);", columns.join(", "));
    let _ = write!(
        sql,
        "CREATE TABLE nothing (); INSERT INTO nothing DEFAULT VALUES; INSERT INTO nothing DEFAULT VALUES;
         CREATE TABLE dropped (a int, b text, c int UNIQUE NOT NULL); INSERT INTO dropped VALUES (1, 'x', 3); ALTER TABLE dropped DROP COLUMN a;
         CREATE TABLE generated (a int, g int GENERATED ALWAYS AS (a * 2) STORED, i int GENERATED ALWAYS AS IDENTITY); INSERT INTO generated VALUES (4);
         CREATE TABLE only_generated (g int GENERATED ALWAYS AS (1) STORED); INSERT INTO only_generated DEFAULT VALUES;
         CREATE SCHEMA {quoted}; CREATE TABLE {quoted}.{quoted} ({quoted} text PRIMARY KEY); INSERT INTO {quoted}.{quoted} VALUES ('v');
         CREATE TABLE parent (i int); CREATE TABLE child () INHERITS (parent); INSERT INTO parent VALUES (1); INSERT INTO child VALUES (2);
         CREATE TYPE mood AS ENUM ('a', 'b'); CREATE TABLE hashed (m mood) PARTITION BY HASH (m);
         CREATE TABLE hashed_0 PARTITION OF hashed FOR VALUES WITH (MODULUS 2, REMAINDER 0);
         CREATE TABLE hashed_1 PARTITION OF hashed FOR VALUES WITH (MODULUS 2, REMAINDER 1);
         INSERT INTO hashed VALUES ('a'), ('b');
         CREATE TABLE reg (r regclass[]);"
    );
    server.psql(&db, &sql);
    let (captured, memory) = capture(server, &db);
    let rows = |name: &str| memory.table("public", name).rows;
    let wide = &rows("wide")[0];
    assert_eq!(
        (wide.len(), &wide[0], &wide[1599], wide.iter().flatten().count()),
        (1600, &Some(vec![0, 1]), &Some(vec![0, 2]), 2)
    );
    assert_eq!(rows("nothing"), [Vec::new(), Vec::new()]);
    assert_eq!(rows("dropped"), [vec![Some(b"x".to_vec()), Some(vec![0, 0, 0, 3])]]);
    assert_eq!(memory.table("public", "dropped").spec.unwrap().key, Key::Unique(vec![1]));
    assert_eq!(rows("generated"), [vec![Some(vec![0, 0, 0, 4]), Some(vec![0, 0, 0, 1])]]);
    assert_eq!(rows("only_generated"), [Vec::new()]);
    assert_eq!(memory.table(&long, &long).rows, [vec![Some(b"v".to_vec())]]);
    assert_eq!((rows("parent").len(), rows("child").len()), (1, 1));
    assert_eq!(memory.table("public", "reg").spec.unwrap().form, RowForm::Text);
    let load =
        |name: &str| captured.loads.iter().find(|(_, of, _)| of == name).map(|(_, _, load)| load.clone()).unwrap();
    assert_eq!(load("generated").identity, [1]);
    let partition = |name: &str| ("public".to_owned(), name.to_owned());
    assert_eq!(load("hashed").partitions, [partition("hashed_0"), partition("hashed_1")]);
    assert_eq!(rows("hashed").len(), 2);
    assert!(!memory.tables.lock().unwrap().contains_key(&partition("hashed_0")));
}

#[test]
fn large_objects() {
    let (server, db) = (shared(), shared().fresh_db("objects"));
    server.psql(
        &db,
        "SELECT lo_from_bytea(70001, 'small'); SELECT lo_create(70002);
        SELECT lo_from_bytea(70003, convert_to(repeat('ab', 300000), 'UTF8'));
        SELECT lo_create(70004); SELECT lo_put(70004, 5000, 'x');
        COMMENT ON LARGE OBJECT 70001 IS 'it''s'; GRANT SELECT ON LARGE OBJECT 70002 TO PUBLIC",
    );
    let (captured, memory) = capture(server, &db);
    let rows = memory.table("", LARGE_OBJECTS).rows;
    let data: Vec<Vec<u8>> = rows.iter().map(|row| row[1].clone().unwrap()).collect();
    let mut holed = vec![0; 5000];
    holed.push(b'x');
    assert!(data == [b"small".to_vec(), Vec::new(), b"ab".repeat(300_000), holed.clone()]);
    let sql: Vec<&str> = captured.schema.iter().map(|item| item.sql.as_str()).collect();
    assert!(sql.contains(&"COMMENT ON LARGE OBJECT 70001 IS 'it''s'"), "{sql:?}");
    assert!(sql.contains(&"GRANT SELECT ON LARGE OBJECT 70002 TO PUBLIC"), "{sql:?}");
    // The same without the right to read the system's own table.
    server.psql(&db, "DROP ROLE IF EXISTS lo_reader; CREATE ROLE lo_reader LOGIN; GRANT SELECT ON LARGE OBJECT 70001, 70002, 70003, 70004 TO lo_reader");
    let url = server.url(&db).replacen("postgres@", "lo_reader@", 1);
    let pieces = Memory::new();
    PostgresSource::new(conninfo(&url), options(server)).capture(&pieces, &Control::default()).unwrap();
    assert!(pieces.table("", LARGE_OBJECTS).rows == rows);
    server.psql(&db, "DROP OWNED BY lo_reader; DROP ROLE lo_reader");
}

#[test]
fn extension_tables_and_matviews() {
    let (server, db) = (shared(), shared().fresh_db("views"));
    server.psql(&db, "CREATE TABLE t (i int); INSERT INTO t VALUES (1);
        CREATE MATERIALIZED VIEW b AS SELECT i FROM t; CREATE VIEW v AS SELECT i FROM b; CREATE MATERIALIZED VIEW a AS SELECT i FROM v;
        CREATE MATERIALIZED VIEW c AS SELECT i FROM t WITH NO DATA; CREATE UNLOGGED TABLE u (i int); CREATE PUBLICATION p FOR TABLE t");
    let (captured, memory) = capture(server, &db);
    let refreshes: Vec<&str> =
        captured.schema.iter().map(|item| item.sql.as_str()).filter(|sql| sql.starts_with("REFRESH")).collect();
    assert_eq!(refreshes, ["REFRESH MATERIALIZED VIEW \"public\".\"b\"", "REFRESH MATERIALIZED VIEW \"public\".\"a\""]);
    assert_eq!(memory.tables.lock().unwrap().len(), 2);
    assert!(captured.omitted.iter().any(|note| note.object == "publication p"));
    assert!(captured.schema.iter().all(|item| !item.sql.contains("PUBLICATION") && !item.sql.contains('\\')));
    assert!(captured.schema.iter().all(|item| item.phase != Phase::Index));
}

#[test]
fn a_value_of_300_mb_comes_in_pieces() {
    let (server, db) = (shared(), shared().fresh_db("huge"));
    server.psql(
        &db,
        "CREATE TABLE t (id int PRIMARY KEY, v text, w text); ALTER TABLE t ALTER v SET STORAGE EXTERNAL;
        INSERT INTO t VALUES (1, repeat('abcdefghij', 30000000), 'after'), (2, 'short', NULL)",
    );
    let (_, memory) = capture(server, &db);
    // Memory itself is bounded and watched in a process of its own: the command's tests of memory.
    let piece_bytes = memory.piece_most.load(std::sync::atomic::Ordering::SeqCst);
    eprintln!("pieces of at most {piece_bytes} bytes");
    assert!((1..=1 << 20).contains(&piece_bytes), "{piece_bytes}");
    let expected = Large { bytes: 300_000_000, sum: (0..30_000_000).fold(0, |state, _| sum(state, b"abcdefghij")) };
    assert_eq!(*memory.larges.lock().unwrap(), [expected]);
    let rows = memory.table("public", "t").rows;
    assert_eq!(rows[0], [Some(vec![0, 0, 0, 1]), Some(b"<large>".to_vec()), Some(b"after".to_vec())]);
    assert_eq!(rows[1], [Some(vec![0, 0, 0, 2]), Some(b"short".to_vec()), None]);
}

#[test]
fn rows_that_copy_cannot_send() {
    let (server, db) = (shared(), shared().fresh_db("oversize"));
    // A row of two values of 600 MB, and in text form one of 600 MB that doubles; rows around them.
    server.psql(&db, "CREATE TABLE t (id int, a bytea, b text); ALTER TABLE t ALTER a SET STORAGE EXTERNAL, ALTER b SET STORAGE EXTERNAL;
        INSERT INTO t VALUES (1, 'first', 'x'), (2, convert_to(repeat('abcdefghij', 60000000), 'UTF8'), NULL), (3, 'third', NULL);
        CREATE TABLE s (r regclass, a bytea); ALTER TABLE s ALTER a SET STORAGE EXTERNAL;
        INSERT INTO s SELECT 't', a FROM t WHERE id < 3;
        UPDATE t SET b = repeat('0123456789', 60000000) WHERE id = 2; INSERT INTO t VALUES (4, NULL, NULL);");
    let (_, memory) = capture(server, &db);
    let rows = memory.table("public", "t").rows;
    let mut ids: Vec<u8> = rows.iter().map(|row| row[0].clone().unwrap()[3]).collect();
    ids.sort_unstable();
    assert_eq!(ids, [1, 2, 3, 4]);
    assert_eq!(memory.table("public", "s").rows[0], [Some(b"public.t".to_vec()), Some(b"\\x6669727374".to_vec())]);
    let repeated = |head: &[u8], text: &[u8], times: u64| Large {
        bytes: (head.len() + text.len() * times as usize) as u64,
        sum: (0..times).fold(sum(0, head), |state, _| sum(state, text)),
    };
    let mut larges = memory.larges.lock().unwrap().clone();
    larges.sort_by_key(|large| (large.bytes, large.sum));
    let mut expected = [
        repeated(b"", b"abcdefghij", 60_000_000),
        repeated(b"", b"0123456789", 60_000_000),
        repeated(b"\\x", b"6162636465666768696a", 60_000_000),
    ];
    expected.sort_by_key(|large| (large.bytes, large.sum));
    assert_eq!(larges, expected);
}

#[test]
fn a_large_row_among_those_that_an_extension_calls_the_users() {
    let (server, db) = (shared(), shared().fresh_db("oversize_brought"));
    server.psql(
        &db,
        "CREATE EXTENSION hstore; CREATE TABLE brought (id int, a text, b text); ALTER EXTENSION hstore ADD TABLE brought;
         UPDATE pg_extension SET extconfig = ARRAY['brought'::regclass::oid], extcondition = ARRAY['WHERE id = 1 OR id > 1 -- ours']
         WHERE extname = 'hstore';
         INSERT INTO brought VALUES (1, 'x', 'x'), (0, 'not', 'ours');
         INSERT INTO brought VALUES (2, repeat('0123456789', 60000000), NULL), (3, 'y', 'y');
         UPDATE brought SET b = repeat('0123456789', 60000000) WHERE id = 2; INSERT INTO brought VALUES (4, 'z', 'z')",
    );
    let (_, memory) = capture(server, &db);
    let mut ids: Vec<u8> =
        memory.table("public", "brought").rows.iter().map(|row| row[0].clone().unwrap()[3]).collect();
    ids.sort_unstable();
    assert_eq!(ids, [1, 2, 3, 4]);
}

#[test]
fn values_that_the_sink_holds_fill_a_batch() {
    let server = shared();
    let db = server.fresh_db("held");
    // As binary and as text.
    server.psql(
        &db,
        "CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t SELECT i, repeat('v', 150000) FROM generate_series(1, 120) i;
         CREATE TABLE as_text (a aclitem, v text); INSERT INTO as_text SELECT NULL, v FROM t;
         SELECT lo_from_bytea(0, decode(repeat('00', 150000), 'hex')) FROM generate_series(1, 120)",
    );
    let held_each = 100 << 10;
    let memory = Memory { held_each, ..Memory::default() };
    PostgresSource::new(conninfo(&server.url(&db)), options(server)).capture(&memory, &Control::default()).unwrap();
    let most = memory.held_most.load(Ordering::SeqCst);
    assert!((BATCH_BYTES..=BATCH_BYTES + held_each).contains(&most), "{most} bytes were held");
}

#[test]
fn rows_that_a_restore_could_send_elsewhere_are_named_and_left() {
    let server = shared();
    let db = server.fresh_db("foreign_partition");
    server.psql(
        &db,
        "CREATE FOREIGN DATA WRAPPER nowhere; CREATE SERVER far FOREIGN DATA WRAPPER nowhere;
         CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
         CREATE TABLE hashed (m mood, id int) PARTITION BY HASH (m);
         CREATE TABLE hashed_0 PARTITION OF hashed FOR VALUES WITH (MODULUS 2, REMAINDER 0);
         CREATE TABLE hashed_1 PARTITION OF hashed FOR VALUES WITH (MODULUS 2, REMAINDER 1) PARTITION BY LIST (id);
         CREATE TABLE here PARTITION OF hashed_1 DEFAULT;
         CREATE FOREIGN TABLE away PARTITION OF hashed_1 FOR VALUES IN (-1) SERVER far;
         INSERT INTO hashed SELECT (ARRAY['sad', 'ok', 'happy'])[1 + i % 3]::mood, i FROM generate_series(1, 30) i;
         CREATE TABLE plain (id int) PARTITION BY LIST (id); CREATE TABLE plain_1 PARTITION OF plain FOR VALUES IN (1);
         CREATE FOREIGN TABLE plain_2 PARTITION OF plain FOR VALUES IN (2) SERVER far; INSERT INTO plain VALUES (1)",
    );
    let (captured, memory) = capture(server, &db);
    let notes: Vec<&str> = captured.not_carried.iter().map(|note| note.object.as_str()).collect();
    assert_eq!(notes, ["rows of table public.hashed"]);
    assert!(captured.not_carried[0].reason.contains("public.away is a foreign table"), "{:?}", captured.not_carried);
    let tables: Vec<String> = memory.tables.lock().unwrap().keys().map(|(_, name)| name.clone()).collect();
    assert_eq!(tables, ["plain_1"]);
}

#[test]
fn what_users_gave_to_tables_of_extensions_is_named() {
    let server = shared();
    let db = server.fresh_db("given");
    // The transaction stands for the extension's script.
    server.psql(
        &db,
        "BEGIN; CREATE EXTENSION hstore; CREATE TABLE brought (id int PRIMARY KEY, note text CHECK (note <> ''));
         CREATE INDEX brought_by_note ON brought (note); CREATE FUNCTION fires() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
         CREATE TRIGGER brought_fires BEFORE INSERT ON brought FOR EACH ROW EXECUTE FUNCTION fires();
         ALTER EXTENSION hstore ADD TABLE brought; COMMIT;
         CREATE TABLE plain (id int PRIMARY KEY); CREATE INDEX plain_index ON plain (id)",
    );
    let (captured, _) = capture(server, &db);
    assert_eq!(captured.not_carried, []);
    server.psql(
        &db,
        "CREATE INDEX mine ON brought (id); ALTER TABLE brought ADD CONSTRAINT positive CHECK (id > 0);
         ALTER TABLE brought ADD CONSTRAINT refers FOREIGN KEY (id) REFERENCES plain; ALTER TABLE brought ADD CONSTRAINT once UNIQUE (note);
         CREATE TRIGGER \"My\" BEFORE DELETE ON brought FOR EACH ROW EXECUTE FUNCTION fires();
         CREATE RULE ruled AS ON DELETE TO brought DO INSTEAD NOTHING",
    );
    let (captured, _) = capture(server, &db);
    let notes: Vec<&str> = captured.not_carried.iter().map(|note| note.object.as_str()).collect();
    let wanted =
        ["constraint once", "constraint positive", "constraint refers", "index mine", "rule ruled", "trigger \"My\""];
    assert_eq!(notes, wanted.map(|what| format!("{what} of table public.brought")));
    assert!(captured.not_carried[0].reason.contains("the extension hstore"), "{:?}", captured.not_carried);
    // Where the table's transaction says nothing, they are named all the same.
    server.psql(&db, "ALTER EXTENSION hstore DROP TABLE brought; ALTER EXTENSION hstore ADD TABLE brought");
    let (captured, _) = capture(server, &db);
    assert_eq!(captured.not_carried, []);
    let omitted = captured.omitted.iter().filter(|note| note.reason.contains("the extension hstore")).count();
    assert_eq!(omitted, wanted.len());
}
