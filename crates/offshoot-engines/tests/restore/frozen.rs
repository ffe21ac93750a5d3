//! Rows come in their final form, so that no later vacuum writes them once more: seen in the pages themselves.

use crate::taken::take;
use crate::{options, try_restore};
use offshoot_testkit::postgres::{Binaries, Server, ServerOptions};

/// Rows of a table, and how many of them are frozen: both bits of xmin's state are set.
fn frozen(server: &Server, db: &str, table: &str) -> (u64, u64) {
    let sql = format!(
        "SELECT count(*), count(*) FILTER (WHERE t_infomask & 768 = 768)
         FROM generate_series(0, pg_relation_size('{table}') / 8192 - 1) page,
           LATERAL heap_page_items(get_raw_page('{table}', page::int)) WHERE lp_flags = 1"
    );
    let told = server.psql(db, &sql);
    let (rows, frozen) = told.split_once('|').unwrap();
    (rows.parse().unwrap(), frozen.parse().unwrap())
}

#[test]
fn rows_are_frozen_unless_they_go_through_a_partitioned_root() {
    for binaries in Binaries::wanted() {
        let server = Server::start(ServerOptions::new().binaries(binaries.clone()).setting("autovacuum", "off"));
        if server.psql("postgres", "SELECT count(*) FROM pg_available_extensions WHERE name = 'pageinspect'") == "0" {
            println!("SKIPPED {}: it has no pageinspect", binaries.version());
            continue;
        }
        let (from, to) = (server.fresh_db("frozen_from"), server.fresh_db("frozen_to"));
        server.psql(
            &from,
            "CREATE TABLE plain (id int PRIMARY KEY, t text); INSERT INTO plain SELECT i, repeat('x', 100) FROM generate_series(1, 5000) i;
             CREATE TYPE mood AS ENUM ('sad', 'ok');
             CREATE TABLE hashed (m mood, id int) PARTITION BY HASH (m);
             CREATE TABLE hashed_0 PARTITION OF hashed FOR VALUES WITH (MODULUS 1, REMAINDER 0);
             INSERT INTO hashed SELECT 'ok', i FROM generate_series(1, 400) i;
             CREATE TABLE ranged (id int) PARTITION BY RANGE (id);
             CREATE TABLE ranged_0 PARTITION OF ranged DEFAULT;
             INSERT INTO ranged SELECT i FROM generate_series(1, 400) i",
        );
        let taken = take(&server, &from);
        try_restore(&taken, &server, &to, options(2)).unwrap_or_else(|error| panic!("{error}"));
        server.psql(&to, "CREATE EXTENSION pageinspect");
        assert_eq!(frozen(&server, &to, "plain"), (5000, 5000));
        assert_eq!(frozen(&server, &to, "ranged_0"), (400, 400), "a partition is loaded by itself");
        assert_eq!(frozen(&server, &to, "hashed_0"), (400, 0), "PostgreSQL refuses FREEZE through a root");
        eprintln!("{}: 5400 of 5400 rows frozen, 0 of 400 through a root", binaries.version());
    }
}
