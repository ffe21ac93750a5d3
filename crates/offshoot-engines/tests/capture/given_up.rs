//! A capture that is given up, by whomever: nothing of it stays on the server, and nobody waits for what does not come.

use crate::memory::Memory;
use crate::steps::{engine_error, filled, no_session_left, sessions};
use crate::{capture_as, conninfo, options};
use offshoot_core::source::Source;
use offshoot_core::{Control, CoreError, Event};
use offshoot_engines::EngineError;
use offshoot_engines::postgres::capture::PostgresSource;
use offshoot_testkit::postgres::shared;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

/// Waits until it is so, or fails.
fn until(what: &str, is_so: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < end, "{what}: does not come");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn nothing_is_locked_before_somebody_watches() {
    let db = filled("unwatched");
    let (name, seen) = (db.clone(), Arc::new(Mutex::new(Vec::new())));
    let control = {
        let seen = seen.clone();
        Control::new(move |event| {
            if matches!(event, Event::Step { name } if name == "list") {
                seen.lock().unwrap().push(sessions(shared(), &name));
            }
        })
    };
    capture_as(&shared().url(&db), options(shared()), &control).unwrap();
    // Who lists and will lock, and who watches.
    assert!(seen.lock().unwrap().iter().all(|sessions| sessions != "0" && sessions != "1"), "{seen:?}");
}

/// A callback of an embedder that panics in a thread that reads, while the leader waits for what that reads.
#[test]
fn a_callback_that_panics_ends_the_capture() {
    let db = filled("panics");
    shared().psql(
        &db,
        "CREATE TABLE a AS SELECT * FROM t; CREATE TABLE b AS SELECT * FROM t; CREATE TABLE c AS SELECT * FROM t",
    );
    let (said, hears) = mpsc::channel();
    let has_panicked = AtomicBool::new(false);
    let control = Control::new(move |event| {
        if !matches!(event, Event::Rows { .. }) {
            return;
        }
        if std::thread::current().name() == Some("read") {
            has_panicked.store(true, Ordering::SeqCst);
            panic!("as an embedder's callback may");
        }
        until("a worker reads", || has_panicked.load(Ordering::SeqCst));
    });
    let url = shared().url(&db);
    let capturing = std::thread::spawn(move || {
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            capture_as(&url, options(shared()), &control).map(drop)
        }));
        let _ = said.send(outcome.is_err());
    });
    let has_panicked = hears.recv_timeout(Duration::from_secs(120)).expect("the capture waits for ever");
    assert!(has_panicked, "the panic goes on in the caller");
    capturing.join().unwrap();
    no_session_left(shared(), &db);
}

/// A program in the place of pg_dump, whose session on the server is in the middle of something long, and which does not look
/// up from it.
fn endless_pg_dump(folder: &Path) -> PathBuf {
    let path = folder.join("pg_dump");
    let psql = shared().binaries().psql();
    let script = format!(
        "#!/bin/sh\ntrap '' TERM INT HUP\n\
         if [ \"$1\" = --version ]; then echo 'pg_dump (PostgreSQL) 99.0'; exit 0; fi\n\
         '{}' -X -q -c 'SELECT pg_sleep(600)'\n",
        psql.display()
    );
    std::fs::write(&path, script).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}

fn is_dumping(db: &str) -> bool {
    let sql = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = '{db}' AND application_name LIKE 'offshoot schema %'
           AND query LIKE '%pg_sleep(600)%' AND state = 'active'"
    );
    shared().psql("postgres", &sql) == "1"
}

#[test]
fn what_pg_dump_does_on_the_server_ends_when_the_capture_is_cancelled() {
    let db = filled("dump_cancelled");
    let folder = tempfile::tempdir().unwrap();
    let mut options = options(shared());
    options.pg_dump = vec![endless_pg_dump(folder.path())];
    let (name, slot) = (db.clone(), Arc::new(Mutex::new(None::<Control>)));
    let control = {
        let slot = slot.clone();
        Control::new(move |event| {
            if matches!(event, Event::Step { name } if name == "data") {
                until("pg_dump is at work", || is_dumping(&name));
                slot.lock().unwrap().as_ref().unwrap().cancel();
            }
        })
    };
    *slot.lock().unwrap() = Some(control.clone());
    let error = capture_as(&shared().url(&db), options, &control).err().unwrap();
    assert!(matches!(error, CoreError::Cancelled), "{error}");
    no_session_left(shared(), &db);
}

#[test]
fn what_pg_dump_does_on_the_server_ends_when_the_snapshot_becomes_too_old() {
    let db = filled("dump_old");
    let folder = tempfile::tempdir().unwrap();
    let mut options = options(shared());
    options.pg_dump = vec![endless_pg_dump(folder.path())];
    options.max_age = Some(Duration::from_secs(2));
    // Another capture's pg_dump is none of this one's.
    let other = shared().fresh_db("dump_other");
    let beside = std::process::Command::new(shared().binaries().psql())
        .args(["-X", "-q", "-c", "SELECT pg_sleep(600)", &shared().url(&other)])
        .env("PGAPPNAME", "offshoot schema 0123456789abcdef")
        .spawn();
    let mut beside = beside.unwrap();
    until("the other is at work", || is_dumping(&other));
    let memory = Memory::new();
    let outcome = PostgresSource::new(conninfo(&shared().url(&db)), options).capture(&memory, &Control::default());
    let error = engine_error(outcome.err().unwrap());
    assert!(matches!(error, EngineError::TooLong { limit_ms: 2000 }), "{error}");
    no_session_left(shared(), &db);
    assert!(is_dumping(&other), "another capture's pg_dump was ended");
    shared().terminate(&format!("datname = '{other}'"));
    let _ = beside.wait();
}

/// Each lock alone is to be had in time, but not all of them.
#[test]
fn one_attempt_waits_no_longer_for_many_locks_than_for_one() {
    let db = filled("contested");
    let is_wanted = |table: &str| {
        let sql = format!("SELECT count(*) FROM pg_locks WHERE relation = '{table}'::regclass AND NOT granted");
        shared().psql(&db, &sql) != "0"
    };
    let is_over = AtomicBool::new(false);
    let holds = ["t", "u"].map(|table| (table, shared().hold_table(&db, table)));
    let error = std::thread::scope(|scope| {
        for (table, hold) in holds {
            let (is_wanted, is_over) = (&is_wanted, &is_over);
            scope.spawn(move || {
                until("the lock is wanted", || is_over.load(Ordering::SeqCst) || is_wanted(table));
                std::thread::sleep(Duration::from_millis(700));
                drop(hold);
            });
        }
        let mut options = options(shared());
        options.lock_wait = Duration::from_secs(1);
        let outcome = capture_as(&shared().url(&db), options, &Control::default());
        is_over.store(true, Ordering::SeqCst);
        outcome.err().expect("all were waited for, for longer than was allowed")
    });
    let error = engine_error(error);
    assert!(matches!(&error, EngineError::LockWait { tries: 1, .. }), "{error}");
    no_session_left(shared(), &db);
}

#[test]
fn time_and_position_are_not_later_than_the_rows() {
    let db = filled("positions");
    let now_unix_ms = || std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() as u64;
    let (name, seen) = (db.clone(), Arc::new(Mutex::new((String::new(), 0))));
    let control = {
        let seen = seen.clone();
        Control::new(move |event| {
            let Event::Step { name: step } = event else { return };
            match step.as_str() {
                "snapshot" => seen.lock().unwrap().0 = shared().psql(&name, "SELECT pg_current_wal_lsn()"),
                "schema" => {
                    seen.lock().unwrap().1 = now_unix_ms();
                    shared().psql(&name, "INSERT INTO u SELECT generate_series(1, 1000)");
                }
                _ => {}
            }
        })
    };
    let began = now_unix_ms();
    let (captured, memory) = capture_as(&shared().url(&db), options(shared()), &control).unwrap();
    let (position, end) = seen.lock().unwrap().clone();
    assert!(memory.table("public", "u").rows.is_empty());
    let sql = format!("SELECT '{}'::pg_lsn <= '{position}'::pg_lsn", captured.origin.position);
    assert_eq!(shared().psql(&db, &sql), "t", "{} is behind {position}", captured.origin.position);
    assert!((began..=end).contains(&captured.taken_unix_ms), "{} of {began} to {end}", captured.taken_unix_ms);
}
