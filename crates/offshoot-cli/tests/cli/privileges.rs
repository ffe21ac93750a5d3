//! The rights that docs/operations.md names are enough, for capturing and for restoring.

use crate::session::Session;
use offshoot_testkit::fingerprint::fingerprint;
use offshoot_testkit::postgres::shared;

#[test]
fn the_documented_rights_are_enough() {
    let server = shared();
    let source = server.fresh_db("rights");
    server.psql(
        &source,
        "CREATE SCHEMA inner_part; CREATE TABLE inner_part.t (id serial PRIMARY KEY, v text);
         INSERT INTO inner_part.t (v) VALUES ('a'), ('b');
         CREATE TABLE own (id int PRIMARY KEY, who text); ALTER TABLE own ENABLE ROW LEVEL SECURITY;
         INSERT INTO own VALUES (1, 'x'); CREATE POLICY mine ON own USING (who = current_user);
         SELECT lo_from_bytea(0, 'large');
         CREATE VIEW v AS SELECT * FROM own;
         CREATE ROLE rights_reader LOGIN BYPASSRLS; GRANT pg_read_all_data TO rights_reader;
         CREATE ROLE rights_owner LOGIN;",
    );
    let target = server.fresh_db("rights_copy");
    server.psql(
        &target,
        &format!("ALTER DATABASE {target} OWNER TO rights_owner; ALTER SCHEMA public OWNER TO rights_owner"),
    );
    let session = Session::new();
    session.quietly(&["init", "--raw"]);
    let url = |db: &str, role: &str| server.url(db).replace("postgres@", &format!("{role}@"));
    let reader = url(&source, "rights_reader");
    let doctor = session.quietly(&["doctor", &reader, "--strict"]);
    assert_eq!(doctor.code, Some(0), "{}{}", doctor.stdout, doctor.stderr);
    let captured = session.quietly(&["capture", &reader, "--name", "r"]);
    assert_eq!(captured.code, Some(0), "{}{}", captured.stdout, captured.stderr);
    let restored = session.quietly(&["restore", "r", "--to", &url(&target, "rights_owner"), "--roles", "skip"]);
    assert_eq!(restored.code, Some(0), "{}{}", restored.stdout, restored.stderr);
    assert_eq!(fingerprint(server, &source), fingerprint(server, &target));
}
