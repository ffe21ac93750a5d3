//! Databases in other encodings than UTF-8, through a store and back: values, names and messages that are not ASCII.

use offshoot::{Control, RestoreOptions};
use offshoot_testkit::fingerprint::fingerprint;
use offshoot_testkit::postgres::{Binaries, Server, shared, shared_of};
use offshoot_tests::{Scratch, capture, connection, restore, try_capture};

/// Names and values of one language: psql sends UTF-8, the server keeps its own encoding.
fn script(word: &str) -> String {
    format!(
        "CREATE SCHEMA \"{word}\";
         CREATE TYPE \"{word}\".\"{word} mood\" AS ENUM ('{word}', 'x');
         CREATE TABLE \"{word}\".\"{word}\" (id int PRIMARY KEY, \"{word}\" text DEFAULT '{word}', m \"{word}\".\"{word} mood\", ms \"{word}\".\"{word} mood\"[],
           CONSTRAINT \"{word}_check\" CHECK (\"{word}\" <> '{word}!'));
         INSERT INTO \"{word}\".\"{word}\" SELECT i, '{word}' || i, '{word}', ARRAY['{word}', 'x']::\"{word}\".\"{word} mood\"[] FROM generate_series(1, 5000) i;
         INSERT INTO \"{word}\".\"{word}\" VALUES (0, repeat('{word}', 100000));
         CREATE TABLE as_text (r regclass, t text); INSERT INTO as_text VALUES ('pg_class', repeat('{word}', 100000)), (NULL, '{word}');
         CREATE INDEX \"{word}_index\" ON \"{word}\".\"{word}\" (\"{word}\") WHERE id > 0 AND \"{word}\" <> '{word}';
         CREATE FUNCTION \"{word}\"(\"{word}\" text) RETURNS text LANGUAGE sql AS $$ SELECT '{word}'::text $$;
         CREATE VIEW \"{word} view\" AS SELECT '{word}'::text AS \"{word}\"; COMMENT ON VIEW \"{word} view\" IS '{word}';
         CREATE SEQUENCE \"{word} sequence\""
    )
}

fn made(server: &Server, encoding: &str) -> String {
    let db = server.fresh_db(&encoding.to_lowercase());
    server.dropdb(&db);
    server.createdb(&db, &format!("TEMPLATE template0 ENCODING '{encoding}' LC_COLLATE 'C' LC_CTYPE 'C'"));
    db
}

/// Restores into another database of the same encoding; both have the same content, to the root.
fn there_and_back(server: &Server, db: &str, encoding: &str) {
    let scratch = Scratch::default();
    let first = capture(&scratch.store, server, db);
    assert_eq!(first.manifest.environment.encoding, encoding);
    let copy = made(server, encoding);
    restore(&scratch.store, server, &copy);
    assert_eq!(fingerprint(server, db), fingerprint(server, &copy));
    let again = capture(&scratch.store, server, &copy);
    assert!(again.manifest.content_root == first.manifest.content_root, "{encoding}: another content root");
    eprintln!("{encoding} on {}: {} rows, the same root", server.binaries().version(), first.manifest.stats.rows);
    server.dropdb(&copy);
}

#[test]
fn other_encodings_come_back() {
    for binaries in Binaries::wanted() {
        let server = shared_of(&binaries);
        for (encoding, word) in
            [("LATIN1", "Größe ÿ"), ("EUC_JP", "日本語"), ("WIN1251", "Привет"), ("SQL_ASCII", "naïve")]
        {
            let db = made(server, encoding);
            server.psql(&db, &script(word));
            there_and_back(server, &db, encoding);
            server.dropdb(&db);
        }
    }
}

#[test]
fn bytes_of_no_encoding_come_back_from_sql_ascii() {
    let server = shared();
    let db = made(server, "SQL_ASCII");
    server.psql(
        &db,
        r"CREATE TABLE mixed (id int PRIMARY KEY, t text, c varchar(9), a text[]);
          INSERT INTO mixed VALUES (1, E'\xe9', E'\xff\xfe', ARRAY[E'\xe9']), (2, E'caf\xc3\xa9', NULL, NULL), (3, repeat(E'\xe9', 200000), '', '{}');
          CREATE TABLE as_text (r regclass, t text); INSERT INTO as_text VALUES ('pg_class', E'\xe9\t\\'), (NULL, repeat(E'\xe9', 200000))",
    );
    there_and_back(server, &db, "SQL_ASCII");
    // A name that is not UTF-8 cannot be written down: it is said so, and is no lost connection.
    server.psql(&db, r#"DO $$ BEGIN EXECUTE E'CREATE TABLE "t\xe9" (id int)'; END $$"#);
    let error = try_capture(&Scratch::default().store, server, &db).unwrap_err().to_string();
    assert!(
        error.contains("1 names and texts") && error.contains("SQL_ASCII") && error.contains(r"table t\xe9"),
        "{error}"
    );
    server.psql(
        &db,
        r#"DO $$ BEGIN EXECUTE E'ALTER TABLE "t\xe9" RENAME COLUMN id TO "c\xe9"'; EXECUTE E'COMMENT ON TABLE mixed IS \'caf\xe9\'';
             EXECUTE E'CREATE TYPE mood AS ENUM (\'\xff\')'; EXECUTE E'CREATE SCHEMA "caf\xc3\xa9"'; END $$"#,
    );
    let error = try_capture(&Scratch::default().store, server, &db).unwrap_err().to_string();
    assert!(
        error.contains(r"4 names and texts")
            && error.contains(r"column c\xe9 of t\xe9, comment of mixed, label \xff of mood"),
        "{error}"
    );
    // As the error says how.
    server.psql(
        &db,
        r#"DO $$ BEGIN EXECUTE E'ALTER TABLE "t\xe9" RENAME TO t'; EXECUTE E'ALTER TABLE t RENAME COLUMN "c\xe9" TO c'; END $$;
           COMMENT ON TABLE mixed IS NULL; DROP TYPE mood"#,
    );
    there_and_back(server, &db, "SQL_ASCII");
    // Where no name is wrong but a default is, the server's refusal is what there is to say.
    server.psql(&db, r#"DO $$ BEGIN EXECUTE E'ALTER TABLE t ADD d text DEFAULT \'\xe9\''; END $$"#);
    let error = try_capture(&Scratch::default().store, server, &db).unwrap_err().to_string();
    assert!(!error.contains("lost") && error.contains("22021"), "{error}");
    server.dropdb(&db);
}

#[test]
fn a_message_in_another_encoding_is_no_lost_connection() {
    let server = shared();
    let scratch = Scratch::default();
    let db = made(server, "LATIN1");
    server.psql(
        &db,
        "CREATE FUNCTION fails(t text) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN
           IF current_setting('offshoot.fail', true) = 'yes' THEN RAISE EXCEPTION USING ERRCODE = '54023', MESSAGE = 'zu groß: Größe'; END IF;
           RETURN true; END $$;
         CREATE DOMAIN \"Größe\" AS text CHECK (fails(VALUE)); CREATE TABLE t (v \"Größe\"); INSERT INTO t VALUES ('ü')",
    );
    capture(&scratch.store, server, &db);
    let copy = made(server, "LATIN1");
    server.psql(&copy, &format!("ALTER DATABASE \"{copy}\" SET offshoot.fail = 'yes'"));
    let failed =
        scratch.store.restore("prod", &connection(server, &copy), &RestoreOptions::default(), &Control::default());
    let error = failed.unwrap_err().to_string();
    assert!(error.contains("load public.t failed") && error.contains("54023"), "{error}");
    assert!(!error.contains("lost") && !error.contains("zu gro"), "{error}");
    server.psql(&copy, &format!("ALTER DATABASE \"{copy}\" RESET offshoot.fail"));
    restore(&scratch.store, server, &copy);
    assert_eq!(fingerprint(server, &db), fingerprint(server, &copy));
}
