//! Extensions that bring tables of their own, to which users add rows: only those are carried, and a restore that failed adds
//! them once.

use offshoot::{Control, RestoreOptions};
use offshoot_testkit::postgres::{Binaries, Server, ServerOptions};
use offshoot_tests::{Scratch, capture, connection, restore};
use std::os::unix::fs::PermissionsExt;

/// By name the one that refers comes first; the index and the key belong to the extension, too.
const BROUGHT: &str = "
CREATE TABLE kinds (id int PRIMARY KEY, name text, brought boolean DEFAULT false);
CREATE TABLE entries (kind int REFERENCES kinds, note text);
CREATE INDEX entries_by_note ON entries (note);
INSERT INTO kinds VALUES (1, 'one', true), (2, 'two', true);
SELECT pg_catalog.pg_extension_config_dump('kinds', 'WHERE NOT brought');
SELECT pg_catalog.pg_extension_config_dump('entries', '');
";

const ROWS: &str = "SELECT (SELECT string_agg(id || name, ' ' ORDER BY id) FROM kinds) || '; ' ||
    (SELECT string_agg(kind || note, ' ' ORDER BY note) FROM entries)";

#[test]
fn rows_of_users_join_those_of_an_extension_once() {
    let Some(binaries) = Binaries::major_or_skip(18, "rows_of_users_join_those_of_an_extension_once") else { return };
    // From 18 on a server can have extensions elsewhere than in its own folder.
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("extension");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("catalogue.control"), "default_version = '1'\nsuperuser = false\n").unwrap();
    std::fs::write(folder.join("catalogue--1.sql"), BROUGHT).unwrap();
    std::fs::set_permissions(place.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("$system:{}", place.path().display());
    let server = Server::start(ServerOptions::new().binaries(binaries).setting("extension_control_path", &path));
    let db = server.fresh_db("catalogue");
    server.psql(
        &db,
        "CREATE EXTENSION catalogue; INSERT INTO kinds VALUES (11, 'eleven'); INSERT INTO entries VALUES (11, 'a'), (1, 'b');
         CREATE TABLE refers (kind int REFERENCES kinds); INSERT INTO refers VALUES (11);
         CREATE FUNCTION last() RETURNS bool LANGUAGE plpgsql AS $$ BEGIN
           IF current_setting('offshoot.fail', true) = 'yes' THEN RAISE EXCEPTION 'not yet'; END IF; RETURN true; END $$;
         CREATE MATERIALIZED VIEW late AS SELECT public.last()",
    );
    let scratch = Scratch::default();
    let captured = capture(&scratch.store, &server, &db);
    assert!(captured.manifest.not_carried.is_empty(), "{:?}", captured.manifest.not_carried);
    let wanted = server.psql(&db, ROWS);
    assert_eq!(wanted, "1one 2two 11eleven; 11a 1b");
    for is_there_before in [false, true] {
        let copy = server.fresh_db("copy");
        if is_there_before {
            server.psql(&copy, "CREATE EXTENSION catalogue");
        }
        server.psql("postgres", &format!("ALTER DATABASE {copy} SET offshoot.fail = 'yes'"));
        for _ in 0..2 {
            let to = connection(&server, &copy);
            let error =
                scratch.store.restore("prod", &to, &RestoreOptions::default(), &Control::default()).unwrap_err();
            assert!(error.to_string().contains("REFRESH public.late failed"), "{error}");
            assert_eq!(server.psql(&copy, ROWS), wanted, "the rows had been added");
        }
        server.psql("postgres", &format!("ALTER DATABASE {copy} RESET offshoot.fail"));
        restore(&scratch.store, &server, &copy);
        assert_eq!(server.psql(&copy, ROWS), wanted, "there before: {is_there_before}");
        let again = capture(&scratch.store, &server, &copy);
        assert_eq!(again.manifest.stats.added_bytes, 0);
    }
    let copy = server.fresh_db("without");
    let options = RestoreOptions { skip_extensions: vec!["catalogue".into()], ..RestoreOptions::default() };
    let report = scratch.store.restore("prod", &connection(&server, &copy), &options, &Control::default()).unwrap();
    let losses: Vec<&str> = report.losses.iter().map(|loss| loss.object.as_str()).collect();
    for lost in ["extension catalogue", "rows of table public.kinds", "rows of table public.entries"] {
        assert!(losses.contains(&lost), "{lost} is not among {losses:?}");
    }
    assert_eq!(server.psql(&copy, "SELECT count(*) FROM refers"), "1");
}
