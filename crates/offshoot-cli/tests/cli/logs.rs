//! The log: steps and counts at every level, and no value of a row at any, whatever happens.

use crate::session::Session;
use offshoot_testkit::postgres::shared;

/// Planted in every kind of value, and searched for in all that is said.
const CANARY: &str = "canary7f3a91";

/// A table with the canary in values of many types, and a function that raises an error in another database, which quotes the
/// row under the code that is set there.
fn schema(db: &str) -> String {
    format!(
        "CREATE TYPE pair AS (a text, b text); CREATE DOMAIN note AS text;
         CREATE TABLE planted (id int PRIMARY KEY, t text, v varchar(40), c char(40), n name, j json, jb jsonb, x xml, b bytea,
             a text[], p pair, d note, s tsvector, big text);
         INSERT INTO planted SELECT n, w, w, w, w, to_json(w), to_jsonb(w), xmlparse(content w), w::bytea, ARRAY[w], ROW(w, w)::pair, w,
             to_tsvector('simple', w), CASE WHEN n = 1 THEN repeat(w, 20000) END
             FROM (SELECT n, '{CANARY}' || n AS w FROM generate_series(1, 100) n) x;
         CREATE TABLE \"{CANARY}key\" (k text PRIMARY KEY); DROP TABLE \"{CANARY}key\";
         CREATE TABLE keyed (k text PRIMARY KEY); INSERT INTO keyed SELECT t FROM planted;
         SELECT lo_from_bytea(0, '{CANARY}');
         CREATE FUNCTION only_here(value text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
         BEGIN
           IF pg_catalog.current_database() <> '{db}' THEN
             RAISE EXCEPTION USING ERRCODE = pg_catalog.current_setting('offshoot.code'), MESSAGE = 'not here: ' || value,
               TABLE = value, COLUMN = value, CONSTRAINT = value;
           END IF;
           RETURN value;
         END $$;"
    )
}

/// Runs a command, and gives its exit code and all that it says.
type Run<'r> = dyn FnMut(&[&str]) -> (Option<i32>, String) + 'r;

#[test]
fn no_value_is_in_any_log() {
    let server = shared();
    let db = server.fresh_db("planted");
    server.psql(&db, &schema(&db));
    let (url, copy) = (server.url(&db), server.fresh_db("planted_copy"));
    let session = Session::new();
    let mut said = String::new();
    let mut commands = 0;
    let mut run = |args: &[&str]| {
        let mut command = session.command(&[&["-vvv"], args].concat());
        let output = command.env("RUST_LOG", "trace").output().unwrap();
        let log = String::from_utf8(output.stderr).unwrap() + &String::from_utf8(output.stdout).unwrap();
        said.push_str(&log);
        commands += 1;
        (output.status.code(), log)
    };
    assert_eq!(run(&["init", "--raw"]).0, Some(0));
    let (code, captured) = run(&["capture", &url, "--name", "p"]);
    assert_eq!(code, Some(0), "{captured}");
    for part in ["locked", "snapshot taken", "copied", "table stored", "pack published", "index segment", "ref moved"] {
        assert!(captured.contains(part), "{part:?} is not in {captured}");
    }
    let (code, restored) = run(&["restore", "p", "--to", &server.url(&copy)]);
    assert_eq!((code, restored.contains("task done")), (Some(0), true), "{restored}");
    assert_eq!(run(&["verify"]).0, Some(0));
    server.psql(&db, "UPDATE planted SET t = t || 'x' WHERE id % 7 = 0");
    assert_eq!(run(&["verify", "p", "--against", &url]).0, Some(5));
    server.psql(&db, "CREATE INDEX ON planted (only_here(t))");
    assert_eq!(run(&["capture", &url, "--name", "p"]).0, Some(0));
    // Code of a user may raise any code, also those under which the server itself says nothing of rows.
    let fails = |run: &mut Run<'_>, step: &str, raised: &str| {
        let other = server.fresh_db("planted_other");
        server.psql("postgres", &format!("ALTER DATABASE {other} SET offshoot.code = '{raised}'"));
        let (code, failed) = run(&["restore", "p", "--to", &server.url(&other)]);
        assert_eq!(code, Some(1), "{step} is not to be made: {failed}");
        assert!(failed.contains(&format!("SQLSTATE {raised}")) && failed.contains(step), "{failed}");
        server.dropdb(&other);
    };
    for raised in ["P0001", "U0001", "42501", "53100"] {
        fails(&mut run, "INDEX public.planted_only_here_idx", raised);
    }
    server.psql(&db, "DROP INDEX planted_only_here_idx; ALTER DOMAIN note ADD CHECK (only_here(VALUE) = VALUE)");
    assert_eq!(run(&["capture", &url, "--name", "p"]).0, Some(0));
    for raised in ["U0001", "42501"] {
        fails(&mut run, "load public.planted", raised);
    }
    assert_eq!(run(&["show", "p", "--tables", "--columns"]).0, Some(0));
    assert_eq!(run(&["forget", "p", "--keep-last", "1"]).0, Some(0));
    assert_eq!(run(&["gc", "--grace", "0s"]).0, Some(0));
    let hexadecimal: String = CANARY.bytes().map(|byte| format!("{byte:02x}")).collect();
    let found: Vec<&str> =
        said.lines().filter(|line| line.contains(CANARY) || line.to_lowercase().contains(&hexadecimal)).collect();
    println!("canaries: {commands} commands, {} lines of log, found {}", said.lines().count(), found.len());
    assert!(found.is_empty(), "{found:#?}");
}
