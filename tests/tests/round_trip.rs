//! Real and made-up databases through a store and back, on every server that is wanted: nothing differs.

#![allow(clippy::unwrap_used)]

use offshoot_testkit::fingerprint::fingerprint;
use offshoot_testkit::postgres::{Binaries, Server, ServerOptions, shared_of};
use offshoot_testkit::real_data::{POSTGRES_SETS, load_postgres};
use offshoot_testkit::{real_data, shop, types};
use offshoot_tests::{Scratch, capture, exact, restore, round_trip};

#[test]
fn the_shop() {
    for binaries in Binaries::wanted() {
        let server = shared_of(&binaries);
        let db = server.fresh_db("shop");
        shop::load(server, &db).unwrap();
        round_trip(server, &db, server);
    }
}

#[test]
fn every_type() {
    for binaries in Binaries::wanted() {
        let server = shared_of(&binaries);
        let db = server.fresh_db("types");
        types::load(server, &db).unwrap();
        round_trip(server, &db, server);
    }
}

/// What no script would write, and only years of changes leave.
#[test]
fn what_history_leaves() {
    for binaries in Binaries::wanted() {
        let server = shared_of(&binaries);
        let db = server.fresh_db("history");
        server.psql(
            &db,
            // A column that a parent got after its child; a partition without a part of the whole's index.
            "CREATE TABLE parent (a text); CREATE TABLE other (o int); CREATE TABLE child (c int) INHERITS (parent, other);
             CREATE TABLE grandchild (g int) INHERITS (child); ALTER TABLE parent ADD late int;
             INSERT INTO child VALUES ('x', 1, 2, 3); INSERT INTO grandchild VALUES ('y', 4, 5, 6, 7);
             CREATE TABLE whole (a int) PARTITION BY RANGE (a);
             CREATE TABLE part_1 PARTITION OF whole FOR VALUES FROM (0) TO (10);
             CREATE TABLE part_2 PARTITION OF whole FOR VALUES FROM (10) TO (20); INSERT INTO whole VALUES (1), (11);
             CREATE INDEX of_whole ON ONLY whole (a); CREATE INDEX of_part ON part_1 (a); ALTER INDEX of_whole ATTACH PARTITION of_part",
        );
        round_trip(server, &db, server);
    }
}

/// Tables that are stored in another way than the usual one; the way comes with the schema.
#[test]
fn other_access_methods() {
    for binaries in Binaries::wanted() {
        let server = shared_of(&binaries);
        let db = server.fresh_db("stored");
        server.psql(
            &db,
            "CREATE ACCESS METHOD other TYPE TABLE HANDLER heap_tableam_handler;
             CREATE TABLE a (id int PRIMARY KEY, v text) USING other; INSERT INTO a SELECT i, md5(i::text) FROM generate_series(1, 900) i;
             CREATE TABLE b (id int PRIMARY KEY); INSERT INTO b VALUES (1); CREATE TABLE z (id int) USING other; INSERT INTO z VALUES (2);
             CREATE TABLE parts (id int, v text) PARTITION BY RANGE (id);
             CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (10) USING other;
             CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM (10) TO (20); INSERT INTO parts SELECT i, i FROM generate_series(0, 19) i;
             CREATE UNLOGGED TABLE u (id int) USING other; CREATE MATERIALIZED VIEW m USING other AS SELECT count(*) FROM a",
        );
        if server.binaries().major_version() >= 17 {
            server.psql(&db, "ALTER TABLE parts SET ACCESS METHOD other");
        }
        round_trip(server, &db, server);
    }
}

#[test]
fn tablespaces_are_named_and_their_tables_carried() {
    for binaries in Binaries::wanted().into_iter().filter(|binaries| binaries.major_version() >= 15) {
        let server = Server::start(ServerOptions::new().binaries(binaries).setting("allow_in_place_tablespaces", "on"));
        server.psql("postgres", "CREATE TABLESPACE place LOCATION ''");
        let db = server.fresh_db("placed");
        server.psql(
            &db,
            "CREATE TABLE t (id int PRIMARY KEY USING INDEX TABLESPACE place, v text) TABLESPACE place; INSERT INTO t VALUES (1, 'x');
             CREATE INDEX by_v ON t (v) TABLESPACE place; CREATE MATERIALIZED VIEW m TABLESPACE place AS SELECT 1 AS one;
             CREATE TABLE parts (id int) PARTITION BY RANGE (id) TABLESPACE place;
             CREATE TABLE parts_1 PARTITION OF parts DEFAULT; INSERT INTO parts VALUES (1)",
        );
        let scratch = Scratch::default();
        let captured = capture(&scratch.store, &server, &db).manifest;
        let named = |note: &offshoot::manifest::Note| note.object == "tablespace place";
        assert!(captured.omitted.iter().any(named) && captured.not_carried.is_empty(), "{:?}", captured.omitted);
        let copy = server.fresh_db("unplaced");
        restore(&scratch.store, &server, &copy);
        assert_eq!(fingerprint(&server, &copy), fingerprint(&server, &db));
        let placed = "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND reltablespace <> 0";
        assert_eq!([&copy, &db].map(|db| server.psql(db, placed)), ["0", "6"]);
        let again = capture(&scratch.store, &server, &copy).manifest;
        assert!(again.content_root == captured.content_root, "a place is no content");
    }
}

/// A row's place depends on the oid of the enum, which is another in the copy.
#[test]
fn partitions_by_the_hash_of_an_enum() {
    for binaries in Binaries::wanted() {
        let server = shared_of(&binaries);
        let db = server.fresh_db("hashed");
        let parts = |table: &str, rest: &str| {
            let part = |n: u32| {
                format!(
                    "CREATE TABLE {table}_{n} PARTITION OF {table} FOR VALUES WITH (MODULUS 3, REMAINDER {n}) {rest};"
                )
            };
            (0..3).map(part).collect::<String>()
        };
        server.psql(
            &db,
            &format!(
                "CREATE TYPE mood AS ENUM ('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h');
                 CREATE TABLE keyed (m mood, id int, x text, PRIMARY KEY (m, id)) PARTITION BY HASH (m); {}
                 CREATE TABLE listed (k int, m mood[], x text) PARTITION BY LIST (k);
                 CREATE TABLE one PARTITION OF listed FOR VALUES IN (1) PARTITION BY HASH (m); {}
                 CREATE TABLE two PARTITION OF listed FOR VALUES IN (2); CREATE INDEX ON listed (x);
                 CREATE TABLE deep (m mood, k int) PARTITION BY HASH (m); {}
                 ALTER TABLE keyed_1 DROP CONSTRAINT IF EXISTS none, SET (fillfactor = 50);
                 CREATE TABLE other (x text, gone int, id int NOT NULL, m mood NOT NULL); ALTER TABLE other DROP gone;
                 ALTER TABLE keyed DETACH PARTITION keyed_2; DROP TABLE keyed_2;
                 ALTER TABLE keyed ATTACH PARTITION other FOR VALUES WITH (MODULUS 3, REMAINDER 2);",
                parts("keyed", ""),
                parts("one", ""),
                parts("deep", "PARTITION BY LIST (k)"),
            ),
        );
        for n in 0..3 {
            server.psql(&db, &format!("CREATE TABLE deep_{n}_all PARTITION OF deep_{n} DEFAULT"));
        }
        server.psql(
            &db,
            "INSERT INTO keyed SELECT m, i, m || '-' || i FROM unnest(enum_range(NULL::mood)) m, generate_series(1, 500) i;
             INSERT INTO listed SELECT 1 + i % 2, ARRAY[m, 'a'], i FROM unnest(enum_range(NULL::mood)) m, generate_series(1, 9) i;
             INSERT INTO deep SELECT m, i FROM unnest(enum_range(NULL::mood)) m, generate_series(1, 9) i",
        );
        round_trip(server, &db, server);
    }
}

#[test]
fn real_databases() {
    for binaries in Binaries::wanted() {
        let server = shared_of(&binaries);
        real_sets(server, server);
    }
}

#[test]
fn real_databases_into_the_newest_server() {
    let mut wanted = Binaries::wanted();
    let Some(newest) = wanted.pop() else { return };
    if wanted.is_empty() {
        println!("SKIPPED real_databases_into_the_newest_server: only one major version is there");
    }
    for older in wanted {
        real_sets(shared_of(&older), shared_of(&newest));
    }
}

/// Carries each set that the source can hold to the target: content, and pg_dump of both, are the same.
fn real_sets(source: &Server, target: &Server) {
    let Some(folder) = real_data() else { return };
    let [from, to] = [source, target].map(|server| server.binaries().major_version());
    for name in POSTGRES_SETS {
        let db = source.fresh_db(name);
        if load_postgres(&folder, source, &db, name) {
            without_what_is_lacking(source, &db, target);
            let report = exact::compare(source, &db, target).unwrap();
            assert!(report.is_exact(), "{name} of {from} into {to}: {report}");
            eprintln!("{name} of {from} into {to}: content and pg_dump are the same; {report}");
        }
        source.dropdb(&db);
    }
}

/// Drops the extensions that the target has not, with what depends on them: a restore there would be refused, as it should.
fn without_what_is_lacking(source: &Server, db: &str, target: &Server) {
    let there = target.psql("postgres", "SELECT name FROM pg_available_extensions");
    for extension in source.psql(db, "SELECT extname FROM pg_extension").lines() {
        if !there.lines().any(|name| name == extension) {
            println!("SKIPPED what {db} has of {extension}: PostgreSQL {} has it not", target.binaries().version());
            source.psql(db, &format!("DROP EXTENSION \"{extension}\" CASCADE"));
        }
    }
}

#[test]
fn from_the_oldest_server_to_the_newest() {
    let wanted = Binaries::wanted();
    let (Some(oldest), Some(newest)) = (wanted.first(), wanted.last()) else { return };
    if oldest.major_version() == newest.major_version() {
        println!("skipped: only one major version is there");
        return;
    }
    let (old, new) = (shared_of(oldest), shared_of(newest));
    let db = old.fresh_db("shop");
    shop::load(old, &db).unwrap();
    round_trip(old, &db, new);
}

#[test]
fn another_order_of_the_heap_is_the_same_content() {
    let server = Server::start(ServerOptions::new());
    let db = server.fresh_db("heap");
    server.psql(
        &db,
        "CREATE TABLE t (id integer PRIMARY KEY, name text, at timestamptz); \
         INSERT INTO t SELECT i, md5(i::text), timestamptz '2020-01-01' + i * interval '1 s' FROM generate_series(1, 60000) i; \
         CREATE TABLE keyless AS SELECT i % 100 AS n, repeat('x', i % 30) AS x FROM generate_series(1, 20000) i; \
         CREATE INDEX by_name ON t (name)",
    );
    let scratch = Scratch::default();
    let first = capture(&scratch.store, &server, &db);
    for change in [
        "UPDATE t SET name = name WHERE id % 3 = 0",
        "VACUUM FULL t",
        "CLUSTER t USING by_name; ALTER TABLE t SET WITHOUT CLUSTER",
        "CREATE TABLE k2 AS SELECT * FROM keyless ORDER BY md5(n::text || x); TRUNCATE keyless; \
         INSERT INTO keyless SELECT * FROM k2; DROP TABLE k2",
    ] {
        server.psql(&db, change);
        let again = capture(&scratch.store, &server, &db);
        assert_eq!(again.manifest.content_root, first.manifest.content_root, "after {change}");
        assert_eq!(again.manifest.stats.added_bytes, 0, "after {change}");
    }
}

#[test]
fn a_change_in_one_column_adds_that_column() {
    let server = Server::start(ServerOptions::new());
    let db = server.fresh_db("change");
    server.psql(
        &db,
        "CREATE TABLE t (id integer PRIMARY KEY, a text, b text, c integer); \
         INSERT INTO t SELECT i, md5(i::text), md5((i + 1)::text), i % 7 FROM generate_series(1, 200000) i",
    );
    let scratch = Scratch::default();
    let first = capture(&scratch.store, &server, &db);
    server.psql(&db, "UPDATE t SET c = -1 WHERE id % 100 = 0");
    let second = capture(&scratch.store, &server, &db);
    let columns = &second.manifest.stats.tables[0].columns;
    let added: Vec<u64> = columns.iter().map(|column| column.added_bytes).collect();
    assert_eq!(added[..3], [0, 0, 0]);
    assert!(added[3] > 0 && second.manifest.stats.added_bytes * 20 < first.manifest.stats.added_bytes);
}

#[test]
fn large_values_end_streams_in_either_form() {
    let server = Server::start(ServerOptions::new());
    let db = server.fresh_db("large");
    // A regclass has no binary form that means anything elsewhere, so the first table is read as text.
    server.psql(
        &db,
        "CREATE TABLE as_text (id integer PRIMARY KEY, kind regclass, body text); \
         INSERT INTO as_text SELECT i, 'pg_class', repeat(md5(i::text), 10000) FROM generate_series(1, 3) i; \
         CREATE TABLE as_binary (id integer PRIMARY KEY, body bytea); \
         INSERT INTO as_binary SELECT i, decode(repeat(md5(i::text), 100000), 'hex') FROM generate_series(1, 3) i",
    );
    round_trip(&server, &db, &server);
}
