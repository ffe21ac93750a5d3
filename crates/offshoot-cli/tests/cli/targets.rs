//! Targets that lack what a snapshot needs: what is missing is named with the package or statement that brings it, before
//! anything is changed.

use crate::session::Session;
use offshoot_testkit::postgres::{Binaries, Server, ServerOptions, shared};

/// A raw store with one snapshot, `s`.
fn captured(server: &Server, db: &str) -> Session {
    let session = Session::new();
    session.quietly(&["init", "--raw"]);
    let mut command = session.command(&["capture", &server.url(db), "--name", "s"]);
    if let Ok(pg_dump) = server.binaries().pg_dump() {
        command.env("OFFSHOOT_PG_DUMP", pg_dump);
    }
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    session
}

fn tables_of(server: &Server, db: &str) -> String {
    server.psql(db, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
}

#[test]
fn a_target_of_an_older_major() {
    let Some(newer) = Binaries::major_or_skip(18, "a_target_of_an_older_major") else { return };
    let source = Server::start(ServerOptions::new().binaries(newer));
    let (target, from) = (shared(), source.binaries().major_version());
    let to = target.binaries().major_version();
    if to >= from {
        println!("SKIPPED a_target_of_an_older_major: the installed server is not older");
        return;
    }
    source.createdb("shop", "TEMPLATE template0");
    source.psql("shop", "CREATE TABLE t (id int PRIMARY KEY)");
    let session = captured(&source, "shop");
    let copy = target.fresh_db("older");
    let ran = session.quietly(&["restore", "s", "--to", &target.url(&copy)]);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    assert!(
        ran.stderr.contains(&format!("the target is PostgreSQL {to}, older than the snapshot's {from}")),
        "{}",
        ran.stderr
    );
    assert!(ran.stderr.contains(&format!("PostgreSQL {from} or newer")), "{}", ran.stderr);
    assert_eq!(tables_of(target, &copy), "0");

    let old_pg_dump = target.binaries().program("pg_dump").into_os_string().into_string().unwrap();
    let mut command = session.command(&["capture", &source.url("shop")]);
    let output = command.env("OFFSHOOT_PG_DUMP", old_pg_dump).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("pg_dump") && stderr.contains(&format!("version {from} or newer")), "{stderr}");
    assert!(stderr.contains("hint: install the PostgreSQL client programs"), "{stderr}");
}

#[test]
fn a_target_without_an_extension() {
    let Some(binaries) = Binaries::major_or_skip(18, "a_target_without_an_extension") else { return };
    // From 18 on a server can have extensions elsewhere than in its own folder: here only the source has this one.
    let place = tempfile::tempdir().unwrap();
    let extensions = place.path().join("extension");
    std::fs::create_dir(&extensions).unwrap();
    let control = "default_version = '1'\nrelocatable = true\nsuperuser = false\n";
    std::fs::write(extensions.join("vector.control"), control).unwrap();
    std::fs::write(extensions.join("vector--1.sql"), "CREATE DOMAIN vector AS real[];\n").unwrap();
    open_to_all(place.path());
    let path = format!("$system:{}", place.path().display());
    let source =
        Server::start(ServerOptions::new().binaries(binaries.clone()).setting("extension_control_path", &path));
    source.createdb("shop", "TEMPLATE template0");
    source.psql(
        "shop",
        "CREATE EXTENSION vector; CREATE TABLE embedded (id int PRIMARY KEY, v vector); CREATE TABLE plain (id int PRIMARY KEY);
         INSERT INTO embedded VALUES (1, '{1,2}'); INSERT INTO plain VALUES (1), (2)",
    );
    let session = captured(&source, "shop");
    let target = Server::start(ServerOptions::new().binaries(binaries));
    // Clusters of the kit are copies of one: a database with another oid is another database.
    target.createdb("another", "TEMPLATE template0");
    target.createdb("copy", "TEMPLATE template0");
    let to = target.url("copy");
    let ran = session.quietly(&["restore", "s", "--to", &to]);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    for part in ["extension vector is not available", "apt install postgresql-18-pgvector", "--skip-extension vector"] {
        assert!(ran.stderr.contains(part), "{part} is not in {}", ran.stderr);
    }
    assert_eq!(tables_of(&target, "copy"), "0");
    let ran = session.quietly(&["restore", "s", "--to", &to, "--skip-extension", "vector"]);
    assert_eq!(ran.code, Some(3), "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains("left out\n") && ran.stdout.contains("extension vector"), "{}", ran.stdout);
    assert!(ran.stdout.contains("embedded"), "what was lost with it is named: {}", ran.stdout);
    assert_eq!(target.psql("copy", "SELECT count(*) FROM plain"), "2");
}

#[test]
fn a_target_without_a_collation() {
    let server = shared();
    let db = server.fresh_db("collated");
    if server.psql(&db, "SELECT count(*) FROM pg_collation WHERE collname = 'de-x-icu'") == "0" {
        println!("SKIPPED a_target_without_a_collation: this server has no ICU");
        return;
    }
    server.psql(&db, "CREATE TABLE t (id int PRIMARY KEY, v text COLLATE \"de-x-icu\")");
    let session = captured(server, &db);
    let copy = server.fresh_db("uncollated");
    server.psql(&copy, "DROP COLLATION pg_catalog.\"de-x-icu\"");
    let ran = session.quietly(&["restore", "s", "--to", &server.url(&copy)]);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    for part in ["collation de-x-icu is not on the target", "apt install locales-all", "pg_import_system_collations"] {
        assert!(ran.stderr.contains(part), "{part} is not in {}", ran.stderr);
    }
    assert_eq!(tables_of(server, &copy), "0");
}

#[test]
fn a_target_that_may_not_be_written() {
    let server = shared();
    let db = server.fresh_db("allowed");
    server.psql(&db, "CREATE TABLE t (id int PRIMARY KEY); CREATE ROLE guest_of_targets LOGIN");
    let session = captured(server, &db);
    let copy = server.fresh_db("forbidden");
    server.psql(&copy, &format!("REVOKE ALL ON DATABASE {copy} FROM PUBLIC; GRANT CONNECT ON DATABASE {copy} TO PUBLIC; REVOKE ALL ON SCHEMA public FROM PUBLIC"));
    let to = server.url(&copy).replace("postgres@", "guest_of_targets@");
    let ran = session.quietly(&["restore", "s", "--to", &to, "--roles", "skip"]);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    assert!(ran.stderr.contains("guest_of_targets") && ran.stderr.contains("GRANT"), "{}", ran.stderr);
}

/// Servers run as another user when the tests run as root.
fn open_to_all(folder: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755)).unwrap();
}
