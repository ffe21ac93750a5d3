//! A digest of all that a database holds, by SQL of its own, so that two databases compare as two texts.
//!
//! One line per table, materialized view, sequence and set of large objects. A table's line depends on the
//! names and types of its columns and on its rows, not on the order of either. It reads values through their
//! output functions and so knows nothing of the code under test. It does not look at definitions (that is
//! `pg_dump`'s comparison) nor at dropped columns.

use crate::postgres::{PostgresError, Server};

/// One line per object with content: `kind schema.name rows digest`, in byte order of the names.
#[must_use]
#[track_caller]
pub fn fingerprint(server: &Server, db: &str) -> String {
    match try_fingerprint(server, db) {
        Ok(text) => text,
        Err(error) => panic!("{error}"),
    }
}

/// As [`fingerprint`], with the failure as a value.
pub fn try_fingerprint(server: &Server, db: &str) -> Result<String, PostgresError> {
    server.try_psql(db, include_str!("fingerprint.sql"))
}

#[cfg(test)]
mod tests {
    use super::fingerprint;
    use crate::postgres::shared;

    #[test]
    fn order_of_rows_and_columns_does_not_count_and_values_do() {
        let prints = [
            "CREATE TABLE t (a int, b text); INSERT INTO t VALUES (1, 'x'), (2, NULL)",
            "CREATE TABLE t (b text, a int); INSERT INTO t (a, b) VALUES (2, NULL), (1, 'x')",
            "CREATE TABLE t (a int, gone int, b text); INSERT INTO t VALUES (1, 1, 'x'), (2, 1, NULL); ALTER TABLE t DROP gone",
            "CREATE TABLE t (a int, b text); INSERT INTO t VALUES (1, 'x'), (2, '')",
            "CREATE TABLE t (a int, b text); INSERT INTO t VALUES (1, 'x'), (2, 'NULL')",
            "CREATE TABLE t (a int, b text); INSERT INTO t VALUES (1, 'x'), (2, NULL), (2, NULL)",
            "CREATE TABLE t (a int8, b text); INSERT INTO t VALUES (1, 'x'), (2, NULL)",
        ]
        .map(|sql| {
            let db = shared().fresh_db("print");
            shared().psql(&db, sql);
            let print = fingerprint(shared(), &db);
            shared().dropdb(&db);
            print
        });
        assert!(prints[0].starts_with("table public.t 2 "), "{}", prints[0]);
        assert_eq!(prints[0], prints[1]);
        assert_eq!(prints[0], prints[2]);
        let different: std::collections::BTreeSet<&String> = prints[2..].iter().collect();
        assert_eq!(different.len(), 5, "{different:?}");
    }

    #[test]
    fn hard_values_are_told_apart() {
        let pairs = [
            ("float8", "0", "'-0'"),
            ("bpchar(3)", "'a'", "'b'"),
            ("text", "'a '", "'a'"),
            ("numeric", "1.0", "1.00"),
            ("bytea", "'\\x00'", "'\\x'"),
            ("json", "'{\"a\":1}'", "'{\"a\": 1}'"),
            ("point", "'(0,1)'", "'(0,2)'"),
            ("xml", "'<a/>'", "'<b/>'"),
            ("text[]", "'{NULL}'", "'{\"NULL\"}'"),
            ("timestamptz", "'infinity'", "'-infinity'"),
            ("money", "1", "2"),
        ];
        let prints = [1, 2].map(|side| {
            let db = shared().fresh_db("values");
            for (number, (kind, left, right)) in pairs.iter().enumerate() {
                let value = if side == 1 { left } else { right };
                shared().psql(
                    &db,
                    &format!("CREATE TABLE t{number:02} (v {kind}); INSERT INTO t{number:02} VALUES ({value})"),
                );
            }
            let print = fingerprint(shared(), &db);
            shared().dropdb(&db);
            print
        });
        for ((left, right), (kind, ..)) in prints[0].lines().zip(prints[1].lines()).zip(pairs) {
            assert_ne!(left, right, "{kind}");
        }
    }

    #[test]
    fn sequences_views_large_objects_and_wide_tables_count() {
        let db = shared().fresh_db("objects");
        let columns: Vec<String> = (0..1600).map(|number| format!("c{number} int")).collect();
        shared().psql(&db, &format!("CREATE TABLE wide ({})", columns.join(", ")));
        shared()
            .psql(&db, "INSERT INTO wide (c7) VALUES (1); CREATE TABLE nothing (); INSERT INTO nothing DEFAULT VALUES");
        shared().psql(&db, "CREATE SEQUENCE s; SELECT nextval('s'); SELECT lo_from_bytea(4711, '\\x01ff')");
        shared().psql(
            &db,
            "CREATE MATERIALIZED VIEW m AS SELECT 1 AS one; CREATE MATERIALIZED VIEW n AS SELECT 1 WITH NO DATA",
        );
        shared().psql(
            &db,
            "CREATE TABLE p (k int) PARTITION BY LIST (k); CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1)",
        );
        let before = fingerprint(shared(), &db);
        let kinds: Vec<&str> = before.lines().filter_map(|line| line.split(' ').next()).collect();
        assert_eq!(kinds, ["matview", "matview", "table", "table", "table", "sequence", "large-objects"], "{before}");
        shared().psql(&db, "SELECT nextval('s')");
        let after = fingerprint(shared(), &db);
        let changed = before.lines().zip(after.lines()).filter(|(left, right)| left != right).count();
        assert_eq!(changed, 1);
        shared().psql(&db, "SELECT lo_put(4711, 0, '\\x02')");
        assert_ne!(fingerprint(shared(), &db), after);
        shared().dropdb(&db);
    }
}
