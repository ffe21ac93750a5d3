//! Capture and the store's own commands on a real server.

use crate::session::{RAW_WARNING, Session};
use offshoot_testkit::postgres::shared;

const SCHEMA: &str = "
CREATE TABLE customer (id int PRIMARY KEY, name text, \"Größe\" numeric);
INSERT INTO customer SELECT n, 'name ' || n, n * 1.5 FROM generate_series(1, 5000) n;
CREATE TABLE \"Bestellung 注文\" (id bigint PRIMARY KEY, customer_id int, note text);
INSERT INTO \"Bestellung 注文\" SELECT n, n % 5000, 'canary-' || md5(n::text) FROM generate_series(1, 20000) n;
CREATE SEQUENCE counter; SELECT nextval('counter');
";

#[test]
fn a_day_with_a_store() {
    let server = shared();
    // A name of fixed length, for the widths of tables.
    let db = "a_day_with_a_store".to_owned();
    server.createdb(&db, "TEMPLATE template0");
    server.psql(&db, SCHEMA);
    let url = server.url(&db);
    let mut session = Session::new();
    session.replace(server.port().to_string(), "PORT");
    session.run(&["init", "--raw"]);
    let first = session.quietly(&["--json", "capture", &url, "--name", "prod"]);
    assert_eq!((first.code, first.stderr.as_str()), (Some(0), RAW_WARNING), "{}", first.stdout);
    let first = first.json();
    assert_eq!((&first["command"], &first["tables"], &first["rows"]), (&"capture".into(), &2.into(), &25_000.into()));
    assert!(first["added_bytes"].as_u64().unwrap() > 1000 && first["seconds"].as_f64().unwrap() > 0.0);
    server.psql(&db, "UPDATE customer SET name = 'changed' WHERE id % 100 = 0");
    let second = session.quietly(&["--json", "capture", &url, "--name", "prod"]).json();
    assert!(second["reused_share"].as_f64().unwrap() > 0.8, "{second}");
    let third = session.quietly(&["--json", "capture", &url, "--name", "prod"]).json();
    assert_eq!((&third["added_bytes"], &third["content_root"]), (&0.into(), &second["content_root"]));

    session.run(&["log", "prod"]);
    session.run(&["tag", "prod~2", "v1"]);
    session.run(&["tag", "prod", "v1"]);
    session.run(&["tag", "prod", "prod"]);
    session.run(&["log"]);
    session.run(&["show", "v1x"]);
    session.run(&["forget", "v1"]);
    session.run(&["forget", "v1", "--keep-last", "3"]);
    session.run(&["forget", "prod", "--keep-last", "1", "--dry-run"]);
    session.run(&["forget", "prod", "--keep-last", "1"]);
    session.run(&["log", "prod"]);
    session.run(&["tag", "prod", "v1", "--delete"]);
    session.run(&["tag", "v1", "--delete"]);
    session.run(&["verify", "--quick"]);
    session.compare("day.txt");
}

/// Bytes of all files in a folder.
fn bytes_in(folder: &std::path::Path) -> u64 {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let bytes = |entry: std::fs::DirEntry| match entry.metadata().unwrap() {
        found if found.is_dir() => bytes_in(&entry.path()),
        found => found.len(),
    };
    entries.map(bytes).sum()
}

#[test]
fn what_did_not_change_takes_no_room_again() {
    let server = shared();
    let db = server.fresh_db("unchanged");
    // Sixty megabytes that do not compress, in two columns.
    server.psql(
        &db,
        "CREATE TABLE t (id int PRIMARY KEY, large text, small text);
         INSERT INTO t SELECT n, string_agg(md5((n * 50 + i)::text), ''), md5(n::text)
         FROM generate_series(1, 40000) n, generate_series(1, 48) i GROUP BY n",
    );
    let session = Session::new();
    session.quietly(&["init", "--raw"]);
    let store = session.dir().join(".offshoot");
    let capture = || {
        let captured = session.quietly(&["capture", &server.url(&db), "--name", "prod"]);
        assert_eq!(captured.code, Some(0), "{}", captured.stderr);
        bytes_in(&store)
    };
    let first = capture();
    assert!(first > 25_000_000, "{first}");
    // The manifest, the index and all else of the second snapshot are counted.
    let second = capture();
    assert!((second - first) * 1000 < first, "{first} bytes, then {second}");
    server.psql(&db, "VACUUM FULL t");
    let reordered = capture();
    assert!((reordered - second) * 1000 < first, "{second} bytes, then {reordered}");
    server.psql(&db, "UPDATE t SET small = 'changed' WHERE id % 100 = 0");
    let changed = capture();
    // The column is a fiftieth of the table.
    assert!((changed - reordered) * 20 < first, "{reordered} bytes, then {changed}");
}

#[test]
fn show_has_the_lock_and_the_sizes() {
    let server = shared();
    let db = server.fresh_db("shown");
    server.psql(&db, SCHEMA);
    server.psql(
        &db,
        "DROP ROLE IF EXISTS shown_reader; CREATE ROLE shown_reader NOLOGIN CREATEDB; ALTER ROLE shown_reader SET work_mem = '5MB';
         GRANT SELECT ON customer TO shown_reader; CREATE COLLATION swedish (provider = icu, locale = 'sv');
         CREATE TABLE names (name text COLLATE swedish PRIMARY KEY)",
    );
    let swedish = server.psql(&db, "SELECT collversion FROM pg_collation WHERE collname = 'swedish'");
    let plpgsql = server.psql(&db, "SELECT extversion FROM pg_extension WHERE extname = 'plpgsql'");
    let session = Session::new();
    session.quietly(&["init", "--raw"]);
    assert_eq!(session.quietly(&["capture", &server.url(&db)]).code, Some(0));
    let shown = session.quietly(&["show", &db, "--tables", "--columns"]).stdout;
    for part in ["environment\nserver ", "TimeZone", "sequences\npublic.counter ", "Größe", "注文", "REUSED"] {
        assert!(shown.contains(part), "{part:?} is not in {shown}");
    }
    for (name, wanted) in [
        ("extensions", format!("plpgsql {plpgsql} in pg_catalog")),
        ("collations", format!("public.swedish {swedish}")),
        ("roles", "shown_reader ".to_owned()),
    ] {
        let line = shown.lines().skip_while(|line| !line.starts_with(name));
        let mut lines = line.take_while(|line| line.starts_with(name) || line.starts_with(' '));
        assert!(lines.any(|line| line.contains(&wanted)), "{name} has no {wanted:?}: {shown}");
    }
    assert!(shown.contains(", work_mem = 5MB"), "{shown}");
    let json = session.quietly(&["--json", "show", &db, "--columns"]).json();
    let roles = json["environment"]["roles"].as_array().unwrap();
    assert!(roles.iter().any(|role| role["name"] == "shown_reader"), "{json}");
    assert_eq!(json["environment"]["encoding"], "UTF8");
    assert_eq!(json["table_sizes"][1]["columns"][1]["column"], "name");
    server.psql(&db, "DROP OWNED BY shown_reader; DROP ROLE shown_reader");
    assert_eq!(json["table_sizes"][0]["rows"], 20_000);
}

#[test]
fn space_comes_back() {
    let server = shared();
    let db = server.fresh_db("space");
    server.psql(&db, SCHEMA);
    let session = Session::new();
    session.quietly(&["init", "--raw"]);
    let url = server.url(&db);
    let captured = session.quietly(&["--json", "capture", &url, "--name", "old"]).json();
    server.psql(&db, "DROP TABLE \"Bestellung 注文\"");
    assert_eq!(session.quietly(&["capture", &url, "--name", "new"]).code, Some(0));
    let shown = session.quietly(&["show", "old"]).stdout;
    let alone = session.quietly(&["--json", "show", "old"]).json()["alone_bytes"].as_u64().unwrap();
    let line = format!("alone        {}, which forgetting it and gc give back\n", offshoot::amounts::bytes(alone));
    assert!(shown.contains(&line), "{line:?} is not in {shown}");
    let store = session.dir().join(".offshoot");
    let full = bytes_in(&store);
    assert_eq!(session.quietly(&["forget", "old"]).code, Some(0));
    let plan = session.quietly(&["--json", "gc", "--grace", "0s", "--dry-run"]).json();
    assert_eq!(plan["dry_run"], true);
    let mut freed = 0;
    for _ in 0..3 {
        let done = session.quietly(&["--json", "gc", "--grace", "0s"]).json();
        freed += done["done"]["freed_bytes"].as_i64().unwrap();
    }
    let given_back = full - bytes_in(&store);
    println!("said {alone}, gave back {given_back}, gc freed {freed} of {} bytes", captured["added_bytes"]);
    assert!(freed > 0);
    // What a snapshot has alone comes back, but for the log of its ref and the ends and the order of packs.
    assert!(alone > 200_000 && given_back.abs_diff(alone) < 8192, "said {alone}, gave back {given_back}");
    let verified = session.quietly(&["--json", "verify"]);
    assert_eq!((verified.code, &verified.json()["sound"]), (Some(0), &true.into()));
}

#[test]
fn damage_is_found_and_named() {
    let server = shared();
    let db = server.fresh_db("damage");
    server.psql(&db, SCHEMA);
    let session = Session::new();
    session.quietly(&["init", "--raw"]);
    assert_eq!(session.quietly(&["capture", &server.url(&db)]).code, Some(0));
    let pack = std::fs::read_dir(session.dir().join(".offshoot/packs")).unwrap().next().unwrap().unwrap().path();
    let mut bytes = std::fs::read(&pack).unwrap();
    let middle = bytes.len() / 3;
    bytes[middle] ^= 0x10;
    std::fs::remove_file(&pack).unwrap();
    std::fs::write(&pack, bytes).unwrap();
    let ran = session.quietly(&["verify"]);
    assert_eq!(ran.code, Some(5), "{}", ran.stdout);
    assert!(ran.stdout.contains("table ") && ran.stdout.contains("column "), "{}", ran.stdout);
    assert!(ran.stdout.contains("offshoot verify --mend"), "{}", ran.stdout);
    let json = session.quietly(&["--json", "verify", &db]).json();
    assert_eq!(json["sound"], false);
    // A capture would rely on it; once the pack is put aside, the same rows are written again.
    let mended = session.quietly(&["--json", "verify", "--mend"]);
    assert_eq!((mended.code, &mended.json()["mended"]["condemned_packs"]), (Some(5), &1.into()), "{}", mended.stdout);
    assert_eq!(session.quietly(&["capture", &server.url(&db)]).code, Some(0));
    let ran = session.quietly(&["verify"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stdout);
}

#[test]
fn logs_have_steps_and_never_a_value() {
    let server = shared();
    let db = server.fresh_db("logged");
    server.psql(&db, SCHEMA);
    let session = Session::new();
    session.quietly(&["init", "--raw"]);
    let ran = session.quietly(&["-v", "capture", &server.url(&db)]);
    assert!(ran.stderr.contains("step=\"lock\"") && ran.stderr.contains("step=\"data\""), "{}", ran.stderr);
    let mut command = session.command(&["-v", "capture", &server.url(&db)]);
    let output = command.env("RUST_LOG", "trace,tokio_postgres=trace").output().unwrap();
    let logged = String::from_utf8(output.stderr).unwrap();
    assert!(!logged.contains("canary-") && !logged.contains("tokio_postgres") && !logged.contains("SELECT"));
    let silent = session.quietly(&["--quiet", "capture", &server.url(&db)]);
    assert_eq!((silent.code, silent.stderr.as_str()), (Some(0), RAW_WARNING));
}

#[test]
fn a_snapshot_is_compared_with_a_live_database() {
    let server = shared();
    let db = server.fresh_db("against");
    server.psql(&db, SCHEMA);
    let session = Session::new();
    session.quietly(&["init", "--raw"]);
    let url = server.url(&db);
    assert_eq!(session.quietly(&["capture", &url, "--name", "live"]).code, Some(0));
    server.psql(&db, "CLUSTER customer USING customer_pkey");
    let equal = session.quietly(&["verify", "live", "--against", &url]);
    assert_eq!((equal.code, equal.stdout.as_str()), (Some(0), "compared 2 tables, 25,000 rows: equal\n"));
    server.psql(
        &db,
        "UPDATE customer SET name = 'canary-x' WHERE id = 7; SELECT nextval('counter');
                      DELETE FROM \"Bestellung 注文\" WHERE id = 9; CREATE TABLE extra (id int)",
    );
    let ran = session.quietly(&["verify", "live", "--against", &url]);
    assert_eq!(ran.code, Some(5), "{}", ran.stderr);
    let wanted = "public.\"Bestellung 注文\": 20,000 rows in the snapshot, 19,999 in the database\n\
                  public.customer: as many rows, but other values\npublic.extra: only in the database\n\
                  sequence public.counter: it stands elsewhere\ncompared 2 tables, 25,000 rows: 4 differ\n";
    assert_eq!(ran.stdout, wanted);
    let json = session.quietly(&["--json", "verify", "live", "--against", &url]).json();
    assert_eq!((&json["equal"], json["tables_differing"].as_array().unwrap().len()), (&false.into(), 3));
    let slowly = session.quietly(&["verify", "live", "--against", &url, "--max-rate", "20MB"]);
    assert_eq!((slowly.code, slowly.stdout), (ran.code, ran.stdout));
    assert_eq!(session.quietly(&["verify", "live", "--max-rate", "20MB"]).code, Some(2), "only a server is spared");
    assert_eq!(session.quietly(&["verify", "--against", &url]).code, Some(2), "a snapshot must be named");
}
