//! The whole way and back: captured, restored, compared; what is refused, and what is said of it.

use crate::session::Session;
use offshoot_testkit::fingerprint::fingerprint;
use offshoot_testkit::postgres::shared;
use offshoot_testkit::shop;

#[test]
fn the_shop_comes_back() {
    let server = shared();
    let db = server.fresh_db("shop");
    shop::load(server, &db).unwrap();
    let copy = server.fresh_db("copy");
    let session = Session::new();
    session.quietly(&["init", "--raw"]);
    let captured = session.quietly(&["--json", "capture", &server.url(&db), "--name", "shop"]);
    assert_eq!(captured.code, Some(0), "{}{}", captured.stdout, captured.stderr);

    let planned = session.quietly(&["restore", "shop", "--to", &server.url(&copy), "--dry-run"]);
    assert_eq!(planned.code, Some(0), "{}", planned.stderr);
    assert!(planned.stdout.contains("dry run: nothing was changed") && planned.stdout.contains("shop.customer"));
    assert_eq!(fingerprint(server, &copy), "", "a dry run changes nothing");

    let restored = session.quietly(&["--json", "restore", "shop", "--to", &server.url(&copy)]);
    assert_eq!(restored.code, Some(0), "{}{}", restored.stdout, restored.stderr);
    let restored = restored.json();
    assert!(restored["rows"].as_u64() >= captured.json()["rows"].as_u64());
    assert!(restored["steps"].as_array().unwrap().iter().any(|step| step["step"] == "rows"));
    assert_eq!(fingerprint(server, &db), fingerprint(server, &copy));

    let again = session.quietly(&["restore", "shop", "--to", &server.url(&copy)]);
    assert_eq!(again.code, Some(4), "{}", again.stderr);
    assert!(again.stderr.contains("is not empty") && again.stderr.contains("--force"), "{}", again.stderr);
    let forced = session.quietly(&["restore", "shop", "--to", &server.url(&copy), "--force"]);
    assert_eq!(forced.code, Some(0), "{}", forced.stderr);
    assert!(forced.stderr.contains("drop "), "what is dropped is listed: {}", forced.stderr);
    assert_eq!(fingerprint(server, &db), fingerprint(server, &copy));
}

#[test]
fn what_a_restore_says_is_for_people_and_programs() {
    let server = shared();
    let db = server.fresh_db("words");
    server.psql(
        &db,
        "CREATE TABLE parent (id int PRIMARY KEY, name text); CREATE INDEX ON parent (name);
         CREATE TABLE child (id int PRIMARY KEY, parent int REFERENCES parent); CREATE SEQUENCE s;
         INSERT INTO parent SELECT n, n FROM generate_series(1, 100) n; INSERT INTO child SELECT n, n FROM generate_series(1, 50) n",
    );
    let copy = server.fresh_db("words_copy");
    let mut session = Session::new();
    session.replace(server.port().to_string(), "PORT");
    session.replace(copy.clone(), "COPY");
    session.replace(db.clone(), "SOURCE");
    session.replace(server.psql(&db, "SHOW server_version"), "VERSION");
    session.quietly(&["init", "--raw"]);
    assert_eq!(session.quietly(&["capture", &server.url(&db), "--name", "words"]).code, Some(0));
    let to = server.url(&copy);
    session.run(&["restore", "words", "--to", &to, "--dry-run"]);
    session.run(&["--json", "restore", "words", "--to", &to, "--dry-run"]);
    session.run(&["restore", "words", "--to", &to, "--dry-run", "--jobs", "1"]);
    session.run(&["restore", "words", "--to", &to, "--jobs", "0"]);
    session.compare("restore_words.txt");
    let quiet = session.quietly(&["--quiet", "restore", "words", "--to", &to, "--jobs", "1"]);
    assert!(quiet.code == Some(0) && quiet.stderr.is_empty(), "{}", quiet.stderr);
    assert!(
        quiet.stdout.contains("catalog and row counts agree") && quiet.stdout.contains("\nsteps\n"),
        "{}",
        quiet.stdout
    );
    assert_eq!(server.psql(&copy, "SELECT (SELECT count(*) FROM parent), (SELECT count(*) FROM child)"), "100|50");
    let again = session.quietly(&["--json", "restore", "words", "--to", &to, "--force"]);
    assert_eq!(again.code, Some(0), "{}", again.stderr);
    let again = again.json();
    assert_eq!(
        (&again["rows"], &again["dry_run"], again["drops"].as_array().map(Vec::len)),
        (&150.into(), &false.into(), Some(3))
    );
    let step = |step: &serde_json::Value| step["step"].as_str().is_some() && step["seconds"].as_f64().is_some();
    assert!(again["steps"].as_array().unwrap().iter().all(step), "{again}");
}

#[test]
fn targets_that_are_refused() {
    let server = shared();
    let db = "refused_source".to_owned();
    server.createdb(&db, "TEMPLATE template0");
    server.psql(&db, "CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)");
    let mut session = Session::new();
    session.replace(server.port().to_string(), "PORT");
    session.quietly(&["init", "--raw"]);
    assert_eq!(session.quietly(&["capture", &server.url(&db), "--name", "t"]).code, Some(0));
    session.run(&["restore", "t", "--to", &server.url(&db)]);
    session.run(&["restore", "t", "--to", &server.url(&db), "--force"]);
    session.run(&["restore", "t", "--to", &server.url("no_such_database")]);
    session.run(&["restore", "tt", "--to", &server.url(&db)]);
    session.run(&["restore", "t", "--to", "postgresql://127.0.0.1:1/x?user=ada"]);
    session.run(&["restore", "t"]);
    session.run(&["restore", "t", "--to", "x", "--roles", "all"]);
    server.createdb("refused_full", "TEMPLATE template0");
    server.psql("refused_full", "CREATE TABLE precious (id int); CREATE VIEW v AS SELECT 1 AS one");
    session.run(&["restore", "t", "--to", &server.url("refused_full")]);
    assert_eq!(server.psql("refused_full", "SELECT count(*) FROM pg_class WHERE relname = 'precious'"), "1");
    session.compare("refused_targets.txt");
}

#[test]
fn what_is_not_there_on_the_target_is_named() {
    let server = shared();
    let available = server.psql("postgres", "SELECT count(*) FROM pg_available_extensions WHERE name = 'hstore'");
    if available == "0" {
        println!("SKIPPED: this server has no extension to do without");
        return;
    }
    let db = server.fresh_db("ext");
    server.psql(&db, "CREATE EXTENSION hstore; CREATE TABLE h (id int PRIMARY KEY, v hstore); CREATE TABLE plain (id int PRIMARY KEY)");
    let session = Session::new();
    session.quietly(&["init", "--raw"]);
    assert_eq!(session.quietly(&["capture", &server.url(&db), "--name", "ext"]).code, Some(0));
    let copy = server.fresh_db("ext_copy");
    let ran = session.quietly(&["restore", "ext", "--to", &server.url(&copy), "--skip-extension", "hstore"]);
    assert_eq!(ran.code, Some(3), "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains("left out\n") && ran.stdout.contains("hstore"), "{}", ran.stdout);
    assert_eq!(server.psql(&copy, "SELECT count(*) FROM plain"), "0");
}

#[test]
fn doctor_says_what_is_missing() {
    let server = shared();
    let db = server.fresh_db("doctor");
    server.psql(&db, "CREATE TABLE t (id int PRIMARY KEY); CREATE ROLE patient LOGIN");
    let session = Session::new();
    let well = session.quietly(&["doctor", &server.url(&db), "--strict"]);
    assert_eq!(well.code, Some(0), "{}{}", well.stdout, well.stderr);
    assert!(well.stdout.contains("can begin"), "{}", well.stdout);
    let url = server.url(&db).replace("postgres@", "patient@");
    let ill = session.quietly(&["doctor", &url]);
    assert_eq!(ill.code, Some(0));
    assert!(ill.stdout.contains("GRANT SELECT"), "{}", ill.stdout);
    let strict = session.quietly(&["--json", "doctor", &url, "--strict"]);
    assert_eq!((strict.code, &strict.json()["ready"]), (Some(5), &false.into()));
}
