//! Rows that join those that an extension brought: added once, however often a restore fails, and in the order that foreign
//! keys between such tables want.

use crate::faults::restore_watched;
use crate::taken::{Taken, take};
use crate::{options, try_restore};
use offshoot_format::manifest::TableEntry;
use offshoot_testkit::postgres::{Server, shared};
use std::sync::atomic::{AtomicUsize, Ordering};

/// By name and by size the one that refers comes first.
const TABLES: &str = "
CREATE TABLE public.kinds (id int PRIMARY KEY, name text);
CREATE TABLE public.entries (kind int REFERENCES public.kinds, note text);
";

const ROWS: &str = "SELECT (SELECT string_agg(id::text, ' ' ORDER BY id) FROM kinds) || '; ' ||
    (SELECT count(*) || ' ' || count(DISTINCT note) FROM entries)";

fn of_extension(entry: &TableEntry) -> bool {
    ["kinds", "entries"].contains(&entry.spec.name.as_str())
}

/// A snapshot as a capture makes it of a database with an extension that brings these tables.
fn snapshot(server: &Server) -> Taken {
    let from = server.fresh_db("appended_from");
    server.psql(
        &from,
        &format!(
            "{TABLES} INSERT INTO kinds VALUES (11, 'a'), (12, 'b'); INSERT INTO entries SELECT 11, 'note ' || n FROM generate_series(1, 700) n;
             CREATE TABLE plain (id int PRIMARY KEY, kind int REFERENCES kinds); INSERT INTO plain VALUES (1, 11);
             CREATE MATERIALIZED VIEW late AS SELECT count(*) FROM plain"
        ),
    );
    let mut taken = take(server, &from);
    let content = &mut taken.manifest.content;
    content.tables.iter_mut().filter(|entry| of_extension(entry)).for_each(|entry| entry.load.append = true);
    content.schema.retain(|item| !["public.kinds", "public.entries"].iter().any(|name| item.label.contains(name)));
    taken
}

/// A database in which the extension is there already, with rows of its own.
fn target(server: &Server) -> String {
    let to = server.fresh_db("appended_to");
    server.psql(
        &to,
        &format!(
            "CREATE EXTENSION hstore; {TABLES} INSERT INTO kinds VALUES (1, 'own'), (2, 'own'); INSERT INTO entries VALUES (1, 'own');
             ALTER EXTENSION hstore ADD TABLE kinds; ALTER EXTENSION hstore ADD TABLE entries"
        ),
    );
    to
}

#[test]
fn rows_are_added_once_whatever_fails() {
    let server = shared();
    let taken = snapshot(server);
    let to = target(server);
    let steps = AtomicUsize::new(0);
    let report = restore_watched(&taken, server, &to, 1, &|_, _| {
        steps.fetch_add(1, Ordering::SeqCst);
    });
    report.unwrap_or_else(|error| panic!("{error}"));
    let wanted = "1 2 11 12; 701 701";
    assert_eq!(server.psql(&to, ROWS), wanted);
    server.dropdb(&to);

    let steps = steps.into_inner();
    let to = target(server);
    for point in 0..steps {
        let outcome = restore_watched(&taken, server, &to, 1, &|number, _| {
            if number == point {
                server.terminate(&format!("datname = '{to}'"));
            }
        });
        assert!(outcome.is_err(), "lost before step {point}, and nobody noticed");
    }
    let report = try_restore(&taken, server, &to, options(2)).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!((report.rows, server.psql(&to, ROWS).as_str()), (703, wanted));
    eprintln!("restores that failed one after the other: {steps}, rows doubled: 0");
}

#[test]
fn another_snapshot_finds_the_rows_gone() {
    let server = shared();
    let mut taken = snapshot(server);
    let to = target(server);
    let refresh = taken.manifest.content.schema.iter().position(|item| item.label.starts_with("REFRESH")).unwrap();
    let sound = std::mem::replace(&mut taken.manifest.content.schema[refresh].sql, "SELECT 1/0".to_owned());
    try_restore(&taken, server, &to, options(2)).unwrap_err();
    assert_eq!(server.psql(&to, ROWS), "1 2 11 12; 701 701");
    // It never came to hold the row that refers to them, either.
    let content = &mut taken.manifest.content;
    content.schema[refresh].sql = sound;
    content.tables.retain(|entry| !of_extension(entry) && entry.spec.name != "plain");
    content.schema.retain(|item| !item.label.contains("plain") && !item.label.contains("late"));
    try_restore(&taken, server, &to, options(2)).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(server.psql(&to, ROWS), "1 2; 1 1");
}

#[test]
fn without_the_extension_its_rows_are_reported() {
    let server = shared();
    let taken = snapshot(server);
    let to = server.fresh_db("appended_skip");
    let mut skipping = options(1);
    skipping.choices.skip_extensions.push("hstore".into());
    let report = try_restore(&taken, server, &to, skipping).unwrap_or_else(|error| panic!("{error}"));
    let losses: Vec<&str> = report.losses.iter().map(|loss| loss.object.as_str()).collect();
    assert!(
        losses.contains(&"rows of table public.kinds") && losses.contains(&"rows of table public.entries"),
        "{losses:?}"
    );
    assert_eq!(server.psql(&to, "SELECT count(*) FROM plain"), "1");
}
