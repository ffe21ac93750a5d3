//! Rights that only some databases need: on large objects, and on what an extension has given to the user.

use crate::steps::engine_error;
use crate::{capture_as, conninfo, options, story};
use offshoot_core::Control;
use offshoot_engines::EngineError;
use offshoot_engines::postgres::doctor::doctor;
use offshoot_testkit::postgres::shared;

/// What is missing to a role that may read tables and nothing else, and the database's address for it.
fn missing(db: &str, role: &str) -> (Vec<String>, Vec<String>, String) {
    let server = shared();
    server.psql(db, &format!("DROP ROLE IF EXISTS {role}; CREATE ROLE {role} LOGIN; GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}"));
    let url = server.url(db).replacen("postgres@", &format!("{role}@"), 1);
    let error = engine_error(capture_as(&url, options(server), &Control::default()).err().unwrap());
    let EngineError::Privileges { role: of, missing, grants } = error else { panic!("{error}") };
    assert_eq!(of, role);
    let report = doctor(&conninfo(&url), &[server.binaries().pg_dump().unwrap()]).unwrap();
    assert!(!report.is_ready());
    assert_eq!((&report.missing, &report.grants), (&missing, &grants));
    (missing, grants, url)
}

#[test]
fn large_objects_that_cannot_be_read_are_named_before_anything_is_locked() {
    let (server, db) = (shared(), shared().fresh_db("large_rights"));
    server.psql(
        &db,
        "CREATE TABLE t (i int); SELECT lo_from_bytea(oid::oid, 'x') FROM generate_series(7001, 7009) oid;
         GRANT SELECT ON LARGE OBJECT 7001 TO PUBLIC",
    );
    let (missing, grants, url) = missing(&db, "lo_reader");
    let named = (7002..=7006).map(|oid| format!("large object {oid}"));
    assert_eq!(missing, named.chain(["3 more large objects".to_owned()]).collect::<Vec<_>>());
    assert_eq!(grants, ["GRANT SELECT ON TABLE pg_catalog.pg_largeobject TO \"lo_reader\";"]);
    // Rights on each do as well.
    server.psql(&db, "DO $$ BEGIN FOR o IN 7002..7009 LOOP EXECUTE format('GRANT SELECT ON LARGE OBJECT %s TO lo_reader', o); END LOOP; END $$");
    let captured = |what: &str| {
        let captured = capture_as(&url, options(server), &Control::default());
        let (_, memory) = captured.unwrap_or_else(|error| panic!("{what}: {}", story(&error)));
        assert_eq!(memory.table("", "large_objects").rows.len(), 9, "{what}");
    };
    captured("rights on each");
    server.psql(&db, "DO $$ BEGIN FOR o IN 7002..7009 LOOP EXECUTE format('REVOKE SELECT ON LARGE OBJECT %s FROM lo_reader', o); END LOOP; END $$");
    server.psql(&db, &grants.join("\n"));
    captured("the right that was named");
    server.psql(&db, "DROP OWNED BY lo_reader; DROP ROLE lo_reader");
}

#[test]
fn sequences_that_an_extension_has_given_to_the_user_want_their_right() {
    let (server, db) = (shared(), shared().fresh_db("sequence_rights"));
    server.psql(
        &db,
        "CREATE TABLE t (i int); CREATE EXTENSION hstore; CREATE SEQUENCE given; CREATE SEQUENCE kept;
         ALTER EXTENSION hstore ADD SEQUENCE given; ALTER EXTENSION hstore ADD SEQUENCE kept;
         UPDATE pg_extension SET extconfig = ARRAY['given'::regclass::oid], extcondition = ARRAY[''] WHERE extname = 'hstore'",
    );
    let (missing, grants, url) = missing(&db, "sequence_reader");
    assert_eq!(missing, ["sequence public.given"]);
    assert_eq!(grants, ["GRANT SELECT ON SEQUENCE \"public\".\"given\" TO \"sequence_reader\";"]);
    server.psql(&db, &grants.join("\n"));
    let (captured, _) =
        capture_as(&url, options(server), &Control::default()).unwrap_or_else(|error| panic!("{}", story(&error)));
    assert!(captured.sequences.iter().any(|sequence| sequence.name == "given"));
    server.psql(&db, "DROP OWNED BY sequence_reader; DROP ROLE sequence_reader");
}
