//! The same ceiling on memory for MySQL and MariaDB as for PostgreSQL: captures and restores are watched while they run. With
//! OFFSHOOT_LONG the tables are large.

use crate::memory::{hold, is_long};
use offshoot_testkit::mysql::{Binaries, Server, ServerOptions, shared_of};

/// `n` from 0 to 999, which is as many as both servers count to in a recursion.
const THOUSAND: &str = "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 999)";

/// Holds a table `t`, made by these statements, to its budgets on every server that is wanted.
fn hold_everywhere(name: &str, sql: &str, rows: u64) {
    for binaries in Binaries::wanted() {
        hold_on(shared_of(&binaries), name, sql, rows);
    }
}

fn hold_on(server: &Server, name: &str, sql: &str, rows: u64) {
    let (db, copy) = (server.fresh_db("memory"), server.fresh_db("memory_copy"));
    server.sql(&db, sql);
    let name = format!("{name} of {}", server.binaries().family().name());
    hold(&name, &server.url(&db), &server.url(&copy), rows);
    server.dropdb(&copy);
    server.dropdb(&db);
}

#[test]
fn of_many_wide_rows_of_mysql() {
    let thousands = if is_long() { 1000 } else { 40 };
    let sql = format!(
        "CREATE TABLE t (id INT PRIMARY KEY, a VARCHAR(1500), b VARCHAR(600), KEY (b(20)));
         INSERT INTO t {THOUSAND} SELECT a.i * 1000 + b.i, REPEAT(SHA2(a.i * 1000 + b.i, 256), 20), CONCAT(SHA2(-b.i - a.i * 1000, 256), REPEAT('x', 500))
           FROM n a, n b WHERE a.i < {thousands}"
    );
    hold_everywhere("many wide rows", &sql, thousands * 1000);
}

#[test]
fn of_keys_in_random_order_of_mysql() {
    let thousands = if is_long() { 1000 } else { 300 };
    let sql = format!(
        "CREATE TABLE t (id BINARY(16), note CHAR(64), PRIMARY KEY (id));
         INSERT INTO t {THOUSAND} SELECT UNHEX(LEFT(SHA2(a.i * 1000 + b.i, 256), 32)), SHA2(-1 - b.i - a.i * 1000, 256) FROM n a, n b WHERE a.i < {thousands}"
    );
    hold_everywhere("keys in random order", &sql, thousands * 1000);
}

/// A value that shrinks, one that does not, and a short one.
fn large_values() -> (String, u64) {
    let (repeated_mib, random_kib) = if is_long() { (900, 30 << 10) } else { (200, 24 << 10) };
    let sql = format!(
        "SET SESSION group_concat_max_len = 1073741824;
         CREATE TABLE t (id INT PRIMARY KEY, value LONGBLOB, note LONGTEXT);
         INSERT INTO t VALUES (1, REPEAT(SHA2('x', 256), {}), 'a'), (3, 'short', REPEAT('text ', 1000000));
         INSERT INTO t {THOUSAND} SELECT 2, UNHEX(GROUP_CONCAT(SHA2(a.i * 1000 + b.i, 256) SEPARATOR '')), NULL
           FROM n a, n b WHERE a.i * 1000 + b.i < {}",
        repeated_mib << 14,
        random_kib << 5
    );
    (sql, 3)
}

#[test]
fn of_large_values_of_mysql() {
    let (sql, rows) = large_values();
    hold_everywhere("large values", &sql, rows);
}

#[test]
fn of_large_values_to_a_server_that_takes_no_files() {
    let (sql, rows) = large_values();
    for binaries in Binaries::wanted() {
        let server = Server::start(ServerOptions::new().binaries(binaries).setting("local_infile", "OFF"));
        hold_on(&server, "large values by INSERT", &sql, rows);
    }
}

#[test]
fn of_many_values_of_a_mebibyte_of_mysql() {
    let rows = if is_long() { 999 } else { 250 };
    let sql = format!(
        "CREATE TABLE t (id INT PRIMARY KEY, value MEDIUMBLOB);
         INSERT INTO t {THOUSAND} SELECT i, REPEAT(UNHEX(SHA2(i, 256)), 32768) FROM n WHERE i < {rows}"
    );
    hold_everywhere("many values of a mebibyte", &sql, rows);
}

#[test]
fn of_rows_with_many_values_that_are_just_not_large() {
    // Values of up to 128 KiB are kept in rows; so each row has 20 MB.
    let rows = if is_long() { 60 } else { 5 };
    let columns = |of: &dyn Fn(u32) -> String| (1..=160).map(of).collect::<Vec<_>>().join(", ");
    let sql = format!(
        "CREATE TABLE t (id INT PRIMARY KEY, {}) ENGINE=MyISAM;
         INSERT INTO t {THOUSAND} SELECT i, {} FROM n WHERE i < {rows}",
        columns(&|at| format!("c{at} MEDIUMTEXT")),
        columns(&|at| format!("REPEAT(SHA2(i * {at}, 256), 2000)")),
    );
    hold_everywhere("rows of 20 MB", &sql, rows);
}

#[test]
fn of_1000_columns_of_mysql() {
    let rows = if is_long() { 999 } else { 600 };
    let columns = |of: &dyn Fn(u32) -> String| (1..1000).map(of).collect::<Vec<_>>().join(", ");
    let sql = format!(
        "CREATE TABLE t (id INT PRIMARY KEY, {}); INSERT INTO t {THOUSAND} SELECT i, {} FROM n WHERE i < {rows}",
        columns(&|at| format!("c{at} INT")),
        columns(&|at| format!("i * {at} % 1009")),
    );
    hold_everywhere("1000 columns", &sql, rows);
}
