//! Scrubbed captures through the library: what must not be published (broken keys, survivors, two keys at one moment), and what a
//! copy must be able to do.

#![allow(clippy::unwrap_used)]

use offshoot::scrub::policy::Policy;
use offshoot::scrub::shape::Work;
use offshoot::scrub::transform::{Maker, Row, Transform};
use offshoot::scrub::value::{Answer, Value};
use offshoot::scrub::{Scrub, new_key};
use offshoot::{
    CaptureOptions, Connection, Control, Environment, ErrorKind, Event, InitOptions, RestoreOptions, Store, preview,
};
use offshoot_testkit::postgres::{Server, shared};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

fn store() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::init(folder.path().join("store"), InitOptions { raw: false }).unwrap();
    (folder, store)
}

fn filled(server: &Server, prefix: &str) -> Connection {
    let db = server.fresh_db(prefix);
    server.psql(
        &db,
        "CREATE TABLE users (handle text PRIMARY KEY);
         INSERT INTO users SELECT 'handle-' || md5(n::text) FROM generate_series(1, 500) n;
         CREATE TABLE posts (author text REFERENCES users);
         INSERT INTO posts SELECT handle FROM users;",
    );
    Connection::parse(&server.socket_url(&db), &Environment::empty()).unwrap()
}

fn options(server: &Server, name: &str, policy: Policy) -> CaptureOptions {
    CaptureOptions {
        name: Some(name.to_owned()),
        scrub: Some(Scrub::new(policy, new_key().unwrap())),
        pg_dump: vec![server.binaries().pg_dump().unwrap()],
        ..CaptureOptions::default()
    }
}

/// Says that it keeps values apart, and does not.
struct Liar;

impl Transform for Liar {
    fn is_injective(&self) -> bool {
        true
    }

    fn apply(&self, _: Value<'_>, _: &Row<'_>, _: &mut Work, out: &mut Vec<u8>) -> Answer {
        out.extend_from_slice(b"same for all");
        Answer::Written
    }
}

#[test]
fn rows_that_became_equal_under_a_unique_key_are_not_published() {
    let (server, (_folder, store)) = (shared(), store());
    let source = filled(server, "broken");
    let maker: Maker = Arc::new(|_, _| Ok(Box::new(Liar)));
    let lying =
        Policy::parse_with("[scrub.columns]\n'*' = 'liar'", BTreeMap::from([("liar".to_owned(), maker)])).unwrap();
    let error = store.capture(&source, &options(server, "broken", lying), &Control::default()).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("would break constraints") && text.contains("499 of 500 rows"), "{text}");
    assert!(text.contains("users") && !text.contains("handle-"), "{text}");
    assert!(store.log(None).unwrap().is_empty());
    // Rules that keep their word are published.
    let policy = Policy::parse("[scrub.columns]\n'*' = 'shape'").unwrap();
    store.capture(&source, &options(server, "whole", policy), &Control::default()).unwrap();
}

#[test]
fn of_two_keys_that_publish_at_one_moment_one_is_taken_back() {
    let (server, (_folder, store)) = (shared(), store());
    let source = filled(server, "two_keys");
    let keep = || Policy::parse("[scrub.columns]\n'*' = 'keep'").unwrap();
    // When all is proved and the name not yet moved, somebody else publishes under another key.
    let other = Mutex::new(Some((store.clone(), filled(server, "two_keys_other"), options(server, "other", keep()))));
    let control = Control::new(move |event| {
        if matches!(event, Event::Step { name } if name == "publish")
            && let Some((store, source, options)) = other.lock().unwrap().take()
        {
            store.capture(&source, &options, &Control::default()).unwrap();
        }
    });
    let error = store.capture(&source, &options(server, "mine", keep()), &control).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
    assert!(error.to_string().contains("other was scrubbed with the key"), "{error}");
    let names: Vec<String> = store.log(None).unwrap().iter().flat_map(|listed| listed.refs.clone()).collect();
    assert_eq!(names, ["other"]);
}

fn connected(server: &Server, db: &str) -> Connection {
    Connection::parse(&server.socket_url(db), &Environment::empty()).unwrap()
}

fn policy(text: &str) -> Policy {
    Policy::parse(text).unwrap()
}

/// Captures under a policy; what was said if nothing was published.
fn refusal(server: &Server, store: &Store, db: &str, text: &str) -> Option<String> {
    let captured = store.capture(&connected(server, db), &options(server, "prod", policy(text)), &Control::default());
    captured.err().map(|error| error.to_string())
}

fn empty_copy(server: &Server, prefix: &str, encoding: &str) -> String {
    let db = server.fresh_db(prefix);
    server.dropdb(&db);
    server.createdb(&db, &format!("TEMPLATE template0 ENCODING '{encoding}' LC_COLLATE 'C' LC_CTYPE 'C'"));
    db
}

#[test]
fn letters_beyond_ascii_are_the_same_to_rules_conditions_people_and_the_proof() {
    let server = shared();
    for encoding in ["LATIN1", "SQL_ASCII"] {
        let (_folder, store) = store();
        let db = empty_copy(server, "letters", encoding);
        server.psql(
            &db,
            "CREATE TYPE mood AS ENUM ('müde', 'fröhlich');
             CREATE TABLE people (id int PRIMARY KEY, nick text, name varchar(30), kind text, mood mood, tags text[], extra jsonb, note text);
             INSERT INTO people SELECT n, 'Jörg Müllerschön ' || n, 'Änne Größe ' || n, CASE WHEN n % 2 = 0 THEN 'Geschäft' ELSE 'privat' END,
               CASE WHEN n % 3 = 0 THEN 'müde' ELSE 'fröhlich' END::mood, ARRAY['Süß' || n], jsonb_build_object('straße', 'Wörter' || n), 'nichts'
               FROM generate_series(1, 300) n",
        );
        let text = "[scrub.tables.people]
            nick = { rule = 'shape', domain = 'nick' }
            name = { rule = 'shape', when = \"kind = 'Geschäft' and mood = 'müde'\", otherwise = 'keep' }
            tags = 'shape'
            extra = 'json'
            '*' = 'keep'
            [scrub.rows]
            people = \"nick <> 'Jörg Müllerschön 7'\"";
        for (plant, pull, place) in [
            ("COMMENT ON TABLE people IS 'ask Jörg Müllerschön 8'", "COMMENT ON TABLE people IS NULL", "COMMENT"),
            (
                "UPDATE people SET note = 'Jörg Müllerschön 8 rief an' WHERE id = 3",
                "UPDATE people SET note = 'nichts'",
                "people.note",
            ),
        ] {
            server.psql(&db, plant);
            let error = refusal(server, &store, &db, text).unwrap_or_else(|| panic!("{encoding}: {plant}"));
            assert!(error.contains("still there") && error.contains(place), "{encoding}: {error}");
            server.psql(&db, pull);
        }
        let control = Control::default();
        let options = options(server, "prod", policy(text));
        store.capture(&connected(server, &db), &options, &control).unwrap();
        let copy = empty_copy(server, "letters_copy", encoding);
        store.restore("prod", &connected(server, &copy), &RestoreOptions::default(), &control).unwrap();
        let rows = |db: &str, sql: &str| server.psql(db, sql).lines().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(rows(&copy, "SELECT count(*), count(*) FILTER (WHERE id = 7) FROM people"), ["299|0"], "{encoding}");
        let names = "SELECT id, name FROM people WHERE id <> 7 AND (kind = 'Geschäft' AND mood = 'müde') = ";
        let changed = |which: &str| {
            let sql = format!("{names}{which} ORDER BY id");
            let (before, after) = (rows(&db, &sql), rows(&copy, &sql));
            assert_eq!(before.len(), after.len(), "{encoding}");
            before.iter().zip(&after).filter(|(before, after)| before != after).count()
        };
        assert_eq!([changed("true"), changed("false")], [50, 0], "{encoding}");
        let (scrub, snapshot) = (options.scrub.as_ref().unwrap(), store.snapshot("prod").unwrap());
        let shown = preview(&connected(server, &db), scrub, "people", 300, &control).unwrap();
        let pairs = shown.rows.iter().map(|row| (row.0[0].0.clone().unwrap(), row.0[1].clone()));
        let pairs: BTreeMap<String, (Option<String>, Option<String>)> = pairs.collect();
        for id in ["1", "2", "200"] {
            let raw = format!("Jörg Müllerschön {id}");
            let pseudonym = snapshot.pseudonym(scrub, "people.nick", &raw).unwrap().unwrap();
            let there = rows(&copy, &format!("SELECT nick FROM people WHERE id = {id}"));
            assert_eq!(there, [pseudonym.as_str()], "{encoding}");
            // Where every letter has a place in the encoding, a preview says the same.
            if !pseudonym.contains('?') {
                assert_eq!(pairs[id], (Some(raw), Some(pseudonym)), "{encoding}");
            }
        }
        server.dropdb(&db);
        server.dropdb(&copy);
    }
}

#[test]
fn of_large_values_that_keep_parts_only_the_others_are_looked_for() {
    let (server, (_folder, store)) = (shared(), store());
    let db = server.fresh_db("large_parts");
    server.psql(
        &db,
        "CREATE TABLE docs (id int PRIMARY KEY, body text, doc json, note text);
         INSERT INTO docs SELECT n, 'call 555-0147-22' || n || ' ' || body, json_build_object('customer_reference_number_' || n, doc, 'mail', 'anna.schmidt' || n || '@mail.example'), ''
           FROM generate_series(1, 3) n, LATERAL (SELECT string_agg('paragraph number ' || md5((n * m)::text), ' ') AS body,
             string_agg('chapter which is ' || md5((-n * m)::text), ' ') AS doc FROM generate_series(1, 5000) m) l;",
    );
    let text = "[scrub.tables.docs]
        body = { rule = 'regex', pattern = '[0-9]{3}-[0-9]{4}-[0-9]+', rest = 'keep' }
        doc = { rule = 'json', paths = { '$.mail' = 'email' } }
        '*' = 'keep'";
    for word in ["555-0147-222", "anna.schmidt3@mail.example"] {
        server.psql(&db, &format!("UPDATE docs SET note = 'see {word}' WHERE id = 1"));
        let error = refusal(server, &store, &db, text).unwrap();
        assert!(error.contains("docs.note") && !error.contains(word), "{error}");
        assert!(!error.contains("docs.body: ") && !error.contains("docs.doc: "), "{error}");
    }
    server.psql(&db, "UPDATE docs SET note = ''");
    assert_eq!(refusal(server, &store, &db, text), None);
}

#[test]
fn a_person_whose_names_stand_in_two_columns_is_found_in_a_note() {
    let (server, (_folder, store)) = (shared(), store());
    let db = server.fresh_db("two_names");
    server.psql(
        &db,
        "CREATE TABLE people (id int PRIMARY KEY, first text, last text, note text);
         INSERT INTO people VALUES (1, 'Anna', 'Schmidt', 'Anna Meier called'), (2, 'Li', 'Meier', '')",
    );
    let text = "[scrub.tables.people]\nfirst = 'first-name'\nlast = 'last-name'\n'*' = 'keep'";
    for note in ["we met Anna Schmidt", "Schmidt, Anna: called"] {
        server.psql(&db, &format!("UPDATE people SET note = '{note}' WHERE id = 2"));
        let error = refusal(server, &store, &db, text).unwrap();
        assert!(error.contains("people.note") && !error.contains("Anna"), "{error}");
    }
    server.psql(&db, "UPDATE people SET note = '' WHERE id = 2");
    assert_eq!(refusal(server, &store, &db, text), None);
}

#[test]
fn notes_of_what_is_left_out_are_searched() {
    let (server, (_folder, store)) = (shared(), store());
    let db = server.fresh_db("left_out");
    let role = format!("quentin.abernathy.{db}");
    server.psql(
        &db,
        &format!(
            "CREATE TABLE users (id int PRIMARY KEY, handle text); INSERT INTO users VALUES (1, '{role}');
             CREATE ROLE \"{role}\"; CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w;
             CREATE USER MAPPING FOR \"{role}\" SERVER s"
        ),
    );
    let text = "[scrub.tables.users]\nhandle = 'shape'\n'*' = 'keep'";
    let error = refusal(server, &store, &db, text).unwrap();
    server.psql(&db, &format!("DROP USER MAPPING FOR \"{role}\" SERVER s; DROP ROLE \"{role}\""));
    for label in ["name of a role: 1 cells", "note of what is left out: 1 cells"] {
        assert!(error.contains(label), "{error}");
    }
    assert_eq!(refusal(server, &store, &db, text), None);
}

#[test]
fn what_sequences_give_after_a_restore_is_not_there_yet() {
    let (server, (_folder, store)) = (shared(), store());
    let db = server.fresh_db("rewritten_ids");
    server.psql(
        &db,
        "CREATE TABLE one (id serial PRIMARY KEY, t text); INSERT INTO one (t) SELECT 'x' FROM generate_series(1, 500);
         CREATE TABLE two (\"Id\" bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY); INSERT INTO two SELECT FROM generate_series(1, 50);
         CREATE TABLE none (id smallserial PRIMARY KEY);
         CREATE TABLE ends (number smallserial PRIMARY KEY); INSERT INTO ends VALUES (32767);
         CREATE TABLE down (id int PRIMARY KEY); CREATE SEQUENCE falling INCREMENT -1 OWNED BY down.id;
         ALTER TABLE down ALTER id SET DEFAULT nextval('falling'); INSERT INTO down SELECT FROM generate_series(1, 50);
         CREATE SEQUENCE free START 7; SELECT nextval('free')",
    );
    assert_eq!(refusal(server, &store, &db, "[scrub.columns]\n'*id' = 'shape'\n'*Id' = 'shape'\n'*' = 'keep'"), None);
    let copy = server.fresh_db("rewritten_ids_copy");
    store.restore("prod", &connected(server, &copy), &RestoreOptions::default(), &Control::default()).unwrap();
    server.psql(
        &copy,
        "INSERT INTO one (t) SELECT 'y' FROM generate_series(1, 600); INSERT INTO two SELECT FROM generate_series(1, 90);
         INSERT INTO none SELECT FROM generate_series(1, 3); INSERT INTO ends DEFAULT VALUES; INSERT INTO down SELECT FROM generate_series(1, 90)",
    );
    assert_eq!(server.psql(&copy, "SELECT max(id) FROM none UNION ALL SELECT nextval('free')").trim(), "3\n8");
}

#[test]
fn rows_that_become_equal_where_nulls_are_equal_are_refused_before_a_row_is_read() {
    let (server, (_folder, store)) = (shared(), store());
    if server.binaries().major_version() < 15 {
        println!("SKIPPED rows_that_become_equal_where_nulls_are_equal: NULLS NOT DISTINCT came with PostgreSQL 15");
        return;
    }
    let db = server.fresh_db("equal_nulls");
    server.psql(
        &db,
        "CREATE TABLE t (a int UNIQUE, b text, UNIQUE NULLS NOT DISTINCT (a, b));
         INSERT INTO t SELECT NULL, 'Name' || n FROM generate_series(1, 500) n; INSERT INTO t VALUES (1, NULL)",
    );
    let error = refusal(server, &store, &db, "[scrub.tables.t]\na = 'keep'\nb = 'first-name'").unwrap();
    assert!(error.contains("`first-name` cannot be the rule of public.t.b"), "{error}");
    assert_eq!(refusal(server, &store, &db, "[scrub.tables.t]\na = 'keep'\nb = 'shape'"), None);
    let copy = server.fresh_db("equal_nulls_copy");
    store.restore("prod", &connected(server, &copy), &RestoreOptions::default(), &Control::default()).unwrap();
}

#[test]
fn values_that_move_between_rows_are_all_there() {
    let (server, (_folder, store)) = (shared(), self::store());
    let db = server.fresh_db("moved");
    // Of the parts of `logs` each is a table of its own, one with a single row.
    server.psql(
        &db,
        "CREATE TYPE mood AS ENUM ('low', 'high');
         CREATE TABLE staff (id int PRIMARY KEY, salary int CHECK (salary > 0), mood mood, tags text[], badge text, free jsonb);
         INSERT INTO staff SELECT n, 1000000 + n * 37, CASE WHEN n % 3 = 0 THEN 'low' ELSE 'high' END::mood,
           ARRAY['t' || n, NULL], 'badge ' || n, CASE WHEN n % 5 <> 0 THEN jsonb_build_object('n', n) END FROM generate_series(1, 3000) n;
         CREATE TABLE logs (at date PRIMARY KEY, mood mood) PARTITION BY RANGE (at);
         CREATE TABLE logs_1 PARTITION OF logs FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
         CREATE TABLE logs_2 PARTITION OF logs FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
         INSERT INTO logs SELECT date '2024-06-01' + n, CASE WHEN n % 4 = 0 THEN 'low' ELSE 'high' END::mood FROM generate_series(1, 200) n;
         INSERT INTO logs VALUES ('2025-05-05', 'high');
         CREATE TABLE audit (id int, was bigint)",
    );
    let text = "[scrub.tables.staff]\nid = 'keep'\n'*' = 'shuffle'\n[scrub.columns]\nmood = 'shuffle'\n'*' = 'keep'";
    let options = CaptureOptions { jobs: std::num::NonZeroUsize::new(2), ..options(server, "prod", policy(text)) };
    let (source, control) = (connected(server, &db), Control::default());
    let report = store.capture(&source, &options, &control).unwrap();
    assert_eq!(report.manifest.stats.rows, 3201);
    let copy = server.fresh_db("moved_copy");
    store.restore("prod", &connected(server, &copy), &RestoreOptions::default(), &control).unwrap();
    for (table, columns) in [("staff", "salary mood tags badge free"), ("logs_1", "mood")] {
        for column in columns.split(' ') {
            let all = format!(
                "SELECT count(*), count({column}), md5(string_agg({column}::text, ',' ORDER BY {column}::text)) FROM {table}"
            );
            assert_eq!(server.psql(&db, &all), server.psql(&copy, &all), "{table}.{column}");
        }
    }
    assert_eq!(
        server.psql(&copy, "SELECT count(*), count(mood) FROM logs_2").trim(),
        "1|0",
        "it had no other row to go to"
    );
    let apart = "SELECT count(*) FROM staff WHERE salary = 1000000 + id * 37 OR badge = 'badge ' || id OR (free IS NULL) <> (id % 5 = 0)";
    assert_eq!(server.psql(&copy, apart).trim(), "0");
    // The same rows under the same key are the same snapshot, from a raw one as well.
    assert!(store.verify_against("prod", &source, &options, &control).unwrap().is_equal());
    let again = store.capture(&source, &options, &control).unwrap();
    assert_eq!((again.manifest.content_root, again.manifest.stats.added_bytes), (report.manifest.content_root, 0));
    let folder = tempfile::tempdir().unwrap();
    let raw = Store::init(folder.path().join("raw"), InitOptions { raw: true }).unwrap();
    raw.capture(&source, &CaptureOptions { scrub: None, ..options.clone() }, &control).unwrap();
    let scrubbed = raw.scrub("prod", &store, &options, &control).unwrap();
    assert_eq!(scrubbed.manifest.content_root, report.manifest.content_root);
    // Who looks at some rows sees values move among those.
    let shown = preview(&source, options.scrub.as_ref().unwrap(), "staff", 20, &control).unwrap();
    let salaries = |after: bool| {
        let of = |row: &offshoot::PreviewRow| if after { row.0[1].1.clone() } else { row.0[1].0.clone() };
        shown.rows.iter().map(of).collect::<std::collections::BTreeSet<_>>()
    };
    assert_eq!(salaries(true), salaries(false));
    // A copy of a value beside its column is found.
    let (_folder, store) = self::store();
    server.psql(&db, "INSERT INTO audit SELECT id, salary FROM staff WHERE id < 30");
    let error = refusal(server, &store, &db, text).unwrap();
    assert!(error.contains("audit.was") && error.contains("staff.salary"), "{error}");
    // What is too large to be moved is told before anything is stored, unless its row is left out.
    server.psql(&db, "TRUNCATE audit; UPDATE staff SET badge = repeat('x', 200000) || id WHERE id = 7");
    let error = refusal(server, &store, &db, text).unwrap();
    assert!(error.contains("staff.badge") && error.contains("128 KiB"), "{error}");
    assert_eq!(refusal(server, &store, &db, &format!("[scrub.rows]\nstaff = 'id <> 7'\n{text}")), None);
    let (_folder, store) = self::store();
    // A unique index over some rows is no reason to believe that values may stand in any.
    server.psql(&db, "CREATE UNIQUE INDEX ON staff (badge) WHERE mood = 'low'");
    let error = refusal(server, &store, &db, text).unwrap();
    assert!(error.contains("`shuffle` cannot be the rule of public.staff.badge"), "{error}");
}
