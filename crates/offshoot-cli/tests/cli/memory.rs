//! A ceiling on memory: captures and restores of tables that could be thought to take much are watched while they run. What
//! counts is RssAnon, because files that are read are the system's to drop. With OFFSHOOT_LONG the tables are large.

use crate::session::{Ran, Session};
use offshoot_testkit::postgres::{Server, shared};
use std::io::Read;
use std::process::Stdio;
use std::time::Duration;

/// The budget where nothing is said.
const DEFAULT_MIB: u64 = 512;
/// The smallest budget for one job.
const SMALLEST_MIB: u64 = 171;

/// Runs a command and gives what it came to, with the most anonymous memory that it had, in MiB.
pub fn watch(session: &Session, args: &[&str]) -> (Ran, u64) {
    let mut child = session.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let (mut out, mut errors) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let status = format!("/proc/{}/status", child.id());
    let mut peak_kib = 0u64;
    let (mut stdout, mut stderr) = (String::new(), String::new());
    let code = std::thread::scope(|scope| {
        scope.spawn(|| out.read_to_string(&mut stdout).unwrap());
        scope.spawn(|| errors.read_to_string(&mut stderr).unwrap());
        loop {
            let text = std::fs::read_to_string(&status).unwrap_or_default();
            let anonymous = text.lines().find_map(|line| line.strip_prefix("RssAnon:"));
            let kib = anonymous.and_then(|text| text.trim().trim_end_matches(" kB").parse().ok());
            peak_kib = peak_kib.max(kib.unwrap_or(0));
            if let Some(status) = child.try_wait().unwrap() {
                return status.code();
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    });
    assert!(peak_kib > 0, "the system says how much memory a process has");
    (Ran { code, stdout, stderr }, peak_kib.div_ceil(1024))
}

/// Whether tables are large.
pub fn is_long() -> bool {
    std::env::var_os("OFFSHOOT_LONG").is_some()
}

/// Captures a database with the default budget and with the smallest one, restores it into `copy`, and holds all to their
/// budgets.
pub fn hold(name: &str, url: &str, copy: &str, rows: u64) {
    let session = Session::new();
    session.quietly(&["init", "--raw"]);
    let run = |args: &[&str], budget_mib: u64| {
        let (ran, peak_mib) = watch(&session, args);
        assert_eq!(ran.code, Some(0), "{name}: {}", ran.stderr);
        assert!(peak_mib <= budget_mib, "{name}: {args:?} had {peak_mib} MiB of {budget_mib}");
        (ran.json(), peak_mib)
    };
    let (captured, by_default) = run(&["--json", "capture", url, "--name", "a"], DEFAULT_MIB);
    assert_eq!(captured["rows"], rows);
    session.quietly(&["init", "--raw", "--store", "other"]);
    let smallest = format!("{SMALLEST_MIB}MiB");
    let args = ["--json", "--store", "other", "capture", url, "--name", "a", "--jobs", "1", "--memory", &smallest];
    let (again, by_least) = run(&args, SMALLEST_MIB);
    assert_eq!(again["rows"], rows);
    let (_, restored) = run(&["--json", "restore", "a", "--to", copy], DEFAULT_MIB);
    let verified = session.quietly(&["verify", "a", "--against", copy]);
    assert_eq!(verified.code, Some(0), "{name}: {}", verified.stderr);
    println!(
        "memory: {name}: capture {by_default} MiB of {DEFAULT_MIB}, {by_least} MiB of {SMALLEST_MIB}; restore {restored} MiB"
    );
}

/// Holds a database of PostgreSQL, and drops it.
fn hold_here(name: &str, server: &Server, db: &str, rows: u64) {
    let copy = server.fresh_db("memory_copy");
    hold(name, &server.url(db), &server.url(&copy), rows);
    server.dropdb(&copy);
    server.dropdb(db);
}

/// A database with a table `t` that these statements fill.
fn filled(name: &str, sql: &str) -> (&'static Server, String) {
    let server = shared();
    let db = server.fresh_db(name);
    server.psql(&db, sql);
    (server, db)
}

#[test]
fn of_many_wide_rows() {
    let rows = if is_long() { 2_000_000 } else { 40_000 };
    let (server, db) = filled(
        "memory_wide",
        &format!(
            "CREATE UNLOGGED TABLE t AS SELECT n AS id, repeat(md5(n::text), 40) AS a, md5((-n)::text) || repeat('x', 500) AS b
                 FROM generate_series(1, {rows}) n; ALTER TABLE t ADD PRIMARY KEY (id)"
        ),
    );
    hold_here("many wide rows", server, &db, rows);
}

#[test]
fn of_keys_in_random_order() {
    let rows = if is_long() { 30_000_000 } else { 500_000 };
    let (server, db) = filled(
        "memory_uuid",
        &format!(
            "CREATE UNLOGGED TABLE t AS SELECT md5(n::text)::uuid AS id, md5((-n)::text) AS note FROM generate_series(1, {rows}) n;
             ALTER TABLE t ADD PRIMARY KEY (id)"
        ),
    );
    hold_here("keys in random order", server, &db, rows);
}

#[test]
fn of_a_large_value() {
    let bytes: u64 = if is_long() { 960 << 20 } else { 200 << 20 };
    let (server, db) = filled(
        "memory_value",
        &format!(
            "CREATE UNLOGGED TABLE t AS SELECT 1 AS id, repeat(md5('x'), {}) AS value; INSERT INTO t VALUES (2, 'short')",
            bytes / 32
        ),
    );
    hold_here("a large value", server, &db, 2);
}

#[test]
fn of_a_large_value_that_does_not_shrink() {
    // Nearly the largest that the server can make a row of: 1 GiB, less what the row itself takes.
    let bytes: u64 = if is_long() { 1_000_000_000 } else { 20_000_000 };
    let (server, db) = filled(
        "memory_bytea",
        &format!(
            "CREATE UNLOGGED TABLE t (id int PRIMARY KEY, value bytea); ALTER TABLE t ALTER value SET STORAGE EXTERNAL;
             INSERT INTO t SELECT 1, string_agg(sha256(int8send(n)), '') FROM generate_series(1, {}) n;
             INSERT INTO t VALUES (2, 'short')",
            bytes / 32
        ),
    );
    hold_here("a large value that does not shrink", server, &db, 2);
}

#[test]
fn of_1600_columns() {
    let rows = if is_long() { 200_000 } else { 3000 };
    let columns = (1..=1600).map(|n| format!("(n * {n} % 1009)::int4 AS c{n}")).collect::<Vec<_>>().join(", ");
    let (server, db) = filled(
        "memory_columns",
        &format!("CREATE UNLOGGED TABLE t AS SELECT {columns} FROM generate_series(1, {rows}) n"),
    );
    hold_here("1600 columns", server, &db, rows);
}

#[test]
fn of_rows_as_wide_as_can_be() {
    // Values of this length are kept in rows; a row of a heap has room for the places of about so many.
    let rows = if is_long() { 60 } else { 4 };
    let columns =
        (1..=400).map(|n| format!("repeat(md5((n * {n})::text), 4000) AS c{n}")).collect::<Vec<_>>().join(", ");
    let sql = format!("CREATE UNLOGGED TABLE t AS SELECT {columns} FROM generate_series(1, {rows}) n");
    let (server, db) = filled("memory_widest", &sql);
    let session = Session::new();
    session.quietly(&["init", "--raw"]);
    let (ran, peak_mib) = watch(&session, &["--json", "capture", &server.url(&db), "--name", "a"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let copy = server.fresh_db("memory_copy");
    let (ran, restored_mib) = watch(&session, &["--json", "restore", "a", "--to", &server.url(&copy)]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    println!("memory: rows of 51 MB: capture {peak_mib} MiB of {DEFAULT_MIB}, restore {restored_mib} MiB");
    assert!(peak_mib <= DEFAULT_MIB && restored_mib <= DEFAULT_MIB);
    server.dropdb(&copy);
    server.dropdb(&db);
}

#[test]
fn too_little_is_refused_before_anything_is_read() {
    let session = Session::new();
    session.quietly(&["init", "--raw"]);
    // Nobody listens there.
    let url = "postgresql://127.0.0.1:1/none";
    let refused = session.quietly(&["capture", url, "--memory", "100MiB", "--jobs", "1"]);
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    let told = "error: 100 MiB of memory are too little for one job: at least 171 MiB are needed\nhint: ";
    assert!(refused.stderr.contains(told), "{}", refused.stderr);
    let refused = session.quietly(&["capture", url, "--jobs", "8"]);
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    assert!(
        refused.stderr.contains("too little for 8 jobs") && refused.stderr.contains("take 4 jobs"),
        "{}",
        refused.stderr
    );
    // As many as fit are taken where nothing is said.
    assert_eq!(session.quietly(&["capture", url]).code, Some(1));
}
