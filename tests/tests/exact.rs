//! The comparison that other tests rely on finds what differs, by its name.

use offshoot_testkit::postgres::shared;
use offshoot_tests::{Scratch, capture, exact, restore};

/// What is done to a copy, and the line of the report about it. All are done at once.
const CHANGES: [(&str, &str); 6] = [
    ("UPDATE items SET v = 'b' WHERE id = 2", "miss: table public.items: content, rows"),
    ("DELETE FROM lost", "miss: COPY public.lost (id) FROM stdin;: pg_dump"),
    ("CREATE VIEW added AS SELECT 1 AS one", "miss: view public.added: pg_dump"),
    ("COMMENT ON INDEX by_v IS 'changed'", "miss: comment public.\"INDEX by_v\": pg_dump"),
    ("SELECT nextval('counter')", "miss: sequence public.counter: content"),
    ("SELECT lo_put(7001, 0, 'S')", "miss: large objects: content"),
];

#[test]
fn what_is_not_the_same_is_a_miss() {
    let server = shared();
    let db = server.fresh_db("exact");
    server.psql(
        &db,
        "CREATE TABLE items (id int PRIMARY KEY, v text); INSERT INTO items SELECT i, 'a' FROM generate_series(1, 9) i;
         CREATE TABLE lost (id int); INSERT INTO lost VALUES (1); CREATE INDEX by_v ON items (v);
         CREATE SEQUENCE counter; SELECT nextval('counter'); SELECT lo_from_bytea(7001, 'small')",
    );
    let scratch = Scratch::default();
    let first = capture(&scratch.store, server, &db).manifest;
    let [copy, peer] = ["copy", "peer"].map(|name| server.fresh_db(name));
    restore(&scratch.store, server, &copy);
    restore(&scratch.store, server, &peer);
    let judge = || exact::judge(&scratch.store, &first, [server, server], [&db, &copy, &peer]).unwrap();
    assert!(judge().is_exact(), "{}", judge());
    for (change, _) in CHANGES {
        server.psql(&copy, change);
    }
    let report = judge().to_string();
    for (change, line) in CHANGES {
        assert!(report.lines().any(|found| found.starts_with(line)), "{change}: {line} is not in\n{report}");
    }
    eprintln!("changes of a copy: {}, found: all", CHANGES.len());
}
