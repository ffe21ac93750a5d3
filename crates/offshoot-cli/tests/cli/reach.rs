//! Views that are filled from another server while an image is made, which reaches nobody: they are left empty and named, and the
//! rest can be branched.

use crate::nest::{Nest, psql};
use offshoot_testkit::postgres::shared;

#[test]
fn a_view_over_another_server_is_left_empty_and_named() {
    let server = shared();
    let other = server.fresh_db("reach_other");
    server.psql(&other, "CREATE TABLE prices AS SELECT 7 AS cents");
    let db = server.fresh_db("reach");
    let address = format!("host=127.0.0.1 port={} dbname={other} user=postgres", server.port());
    server.psql(
        &db,
        &format!(
            "CREATE EXTENSION dblink; CREATE EXTENSION postgres_fdw;
             CREATE TABLE t AS SELECT n FROM generate_series(1, 30) n;
             CREATE SERVER far FOREIGN DATA WRAPPER postgres_fdw
               OPTIONS (host '127.0.0.1', port '{}', dbname '{other}');
             CREATE USER MAPPING FOR CURRENT_USER SERVER far OPTIONS (user 'postgres');
             CREATE FOREIGN TABLE prices (cents int) SERVER far;
             CREATE MATERIALIZED VIEW by_link AS SELECT * FROM dblink('{address}', 'SELECT cents FROM prices') AS p (cents int);
             CREATE UNIQUE INDEX ON by_link (cents);
             CREATE MATERIALIZED VIEW by_table AS SELECT cents FROM prices;
             CREATE MATERIALIZED VIEW on_both AS SELECT l.cents FROM by_link l JOIN by_table USING (cents);
             CREATE MATERIALIZED VIEW own AS SELECT count(*) FROM t",
            server.port()
        ),
    );
    let nest = Nest::of(server, &db);
    let made = nest.session.command(&["branch", "create", "a", "--raw"]).output().unwrap();
    let said = String::from_utf8(made.stderr).unwrap();
    assert_eq!(made.status.code(), Some(0), "{said}");
    let url = String::from_utf8(made.stdout).unwrap().trim().to_owned();
    let filled =
        "SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class WHERE relkind = 'm' AND relispopulated";
    if !said.contains("left out") {
        // The kernel lets nobody have a network of its own.
        println!(
            "SKIPPED a_view_over_another_server_is_left_empty_and_named: images are not made apart from the network"
        );
        assert_eq!(psql(server, &url, filled), "by_link by_table on_both own");
        return;
    }
    for view in ["by_link", "by_table", "on_both"] {
        assert!(said.contains(&format!("left out: REFRESH public.{view}: ")), "{view}: {said}");
    }
    assert!(!said.contains("public.own:"), "{said}");
    assert_eq!(psql(server, &url, filled), "own");
    assert_eq!(psql(server, &url, "SELECT * FROM own"), "30");
    let json = nest.done(&["--json", "image", "list"]).json();
    assert_eq!(json["images"][0]["losses"].as_array().unwrap().len(), 3);

    // Who lets images reach out has them filled.
    std::fs::write(nest.session.dir().join("offshoot.toml"), "[branch.neutralize]\nfdw = false\n").unwrap();
    let url = nest.create("b");
    assert_eq!(psql(server, &url, filled), "by_link by_table on_both own");
    assert_eq!(psql(server, &url, "SELECT cents FROM on_both"), "7");
}
