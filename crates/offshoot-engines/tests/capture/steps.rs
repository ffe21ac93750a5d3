//! What happens around the rows: schema changes between the steps, sessions that wait, rights, and giving up.

use crate::memory::Memory;
use crate::{capture, capture_as, conninfo, options, story};
use offshoot_core::source::Source;
use offshoot_core::{Control, CoreError, Event, pace};
use offshoot_engines::EngineError;
use offshoot_engines::postgres::capture::PostgresSource;
use offshoot_testkit::postgres::{Server, shared};
use std::num::NonZeroU64;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Runs SQL whenever a step begins, as often as `times` says.
pub fn at_step(db: &str, step: &'static str, times: usize, sql: &'static str) -> Control {
    let (db, count) = (db.to_owned(), AtomicUsize::new(0));
    Control::new(move |event| {
        if matches!(event, Event::Step { name } if name == step) && count.fetch_add(1, Ordering::SeqCst) < times {
            shared().psql(&db, sql);
        }
    })
}

pub fn filled(name: &str) -> String {
    let db = shared().fresh_db(name);
    shared().psql(&db, "CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t SELECT i, 'v' || i FROM generate_series(1, 1000) i; CREATE TABLE u (id int)");
    db
}

pub fn engine_error(error: CoreError) -> EngineError {
    let CoreError::Source { source, .. } = error else { panic!("{}", story(&error)) };
    *source.downcast().unwrap()
}

/// The pids of sessions in the database, but for psql's own.
pub fn sessions(server: &Server, db: &str) -> String {
    server.psql("postgres", &format!("SELECT count(*) FROM pg_stat_activity WHERE datname = '{db}'"))
}

pub fn no_session_left(server: &Server, db: &str) {
    let until = Instant::now() + Duration::from_secs(30);
    while sessions(server, db) != "0" {
        assert!(Instant::now() < until, "sessions are left behind");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn truncated_between_list_and_lock() {
    let db = filled("truncated");
    let control = at_step(&db, "lock", 1, "TRUNCATE t; INSERT INTO t VALUES (7, 'after')");
    let (_, memory) = capture_as(&shared().url(&db), options(shared()), &control).unwrap();
    assert_eq!(memory.table("public", "t").rows, [vec![Some(vec![0, 0, 0, 7]), Some(b"after".to_vec())]]);
}

#[test]
fn altered_dropped_and_made_between_list_and_lock() {
    for sql in [
        "ALTER TABLE t ADD COLUMN w int DEFAULT 5",
        "DROP TABLE u",
        "CREATE TABLE w (id int)",
        "DROP TABLE u; CREATE TABLE u (x text)",
        "ALTER TABLE t RENAME COLUMN v TO w",
        "CREATE SCHEMA s; ALTER TABLE u SET SCHEMA s",
    ] {
        let db = filled("altered");
        let control = at_step(&db, "lock", 1, sql);
        let (_, memory) = capture_as(&shared().url(&db), options(shared()), &control).unwrap();
        let (_, quiet) = capture(shared(), &db);
        let specs = |memory: Memory| {
            memory.tables.into_inner().unwrap().into_values().map(|table| table.spec).collect::<Vec<_>>()
        };
        assert_eq!(specs(memory), specs(quiet), "{sql}");
    }
}

#[test]
fn no_more_sessions_than_is_said() {
    let db = filled("sessions");
    shared().psql(&db, "CREATE TABLE large (id int PRIMARY KEY, v text); INSERT INTO large SELECT i, md5(i::text) FROM generate_series(1, 100000) i");
    for jobs in [1, 2, 4] {
        let (most, is_over) = (AtomicUsize::new(0), AtomicBool::new(false));
        let memory = Memory { delay: Duration::from_millis(100), is_slow: AtomicBool::new(true), ..Memory::new() };
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !is_over.load(Ordering::SeqCst) {
                    most.fetch_max(sessions(shared(), &db).parse().unwrap(), Ordering::SeqCst);
                }
            });
            let mut options = options(shared());
            options.jobs = jobs.try_into().unwrap();
            let outcome = PostgresSource::new(conninfo(&shared().url(&db)), options)
                .capture(&memory, &Control::default())
                .map(drop);
            is_over.store(true, Ordering::SeqCst);
            outcome.unwrap();
        });
        let most = most.into_inner();
        eprintln!("{jobs} jobs: {most} sessions at most");
        // As many as docs/operations.md says, and the jobs are all at work.
        assert!((jobs..=jobs + 2).contains(&most), "{jobs} jobs: {most}");
        no_session_left(shared(), &db);
    }
}

#[test]
fn a_schema_that_never_rests() {
    let db = filled("restless");
    let control = at_step(&db, "lock", usize::MAX, "TRUNCATE t");
    let mut options = options(shared());
    options.tries_max = 3;
    let error = engine_error(capture_as(&shared().url(&db), options, &control).err().unwrap());
    assert!(matches!(&error, EngineError::Unstable { tries: 3, what } if what.contains("public.t")), "{error}");
    no_session_left(shared(), &db);
}

#[test]
fn what_changes_without_a_lock_makes_the_capture_begin_anew() {
    let swap = "ALTER SCHEMA a RENAME TO c; ALTER SCHEMA b RENAME TO a; ALTER SCHEMA c RENAME TO b";
    let there_and_back = "ALTER TYPE mood RENAME VALUE 'sad' TO 'blue'; ALTER TYPE mood RENAME VALUE 'blue' TO 'sad'";
    for (step, sql) in [
        ("data", swap),
        ("sequences", swap),
        ("data", "ALTER TYPE mood RENAME VALUE 'sad' TO 'blue'"),
        ("sequences", there_and_back),
        ("data", "ALTER FUNCTION f RENAME TO g"),
        ("data", "ALTER VIEW v RENAME TO w"),
    ] {
        let db = filled("renamed");
        shared().psql(
            &db,
            "CREATE SCHEMA a; CREATE TABLE a.s AS SELECT 1 AS i; CREATE SCHEMA b; CREATE TABLE b.s AS SELECT 2 AS i;
             CREATE TYPE mood AS ENUM ('sad'); CREATE TABLE moods AS SELECT 'sad'::mood AS m; CREATE VIEW v AS SELECT 1 AS i;
             CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        );
        let outcome = capture_as(&shared().url(&db), options(shared()), &at_step(&db, step, 1, sql));
        let error = outcome.err().unwrap_or_else(|| panic!("{sql}: not noticed"));
        assert!(matches!(&error, CoreError::Source { retryable: true, .. }), "{sql}: {}", story(&error));
        let error = engine_error(error);
        // pg_dump may be the one that does not find what it has listed.
        assert!(matches!(&error, EngineError::Unstable { .. } | EngineError::PgDump { .. }), "{sql}: {error}");
        no_session_left(shared(), &db);
        capture(shared(), &db);
    }
}

#[test]
fn what_is_made_beside_a_capture_does_not_disturb_it() {
    let db = filled("made_beside");
    let sql = "CREATE TYPE mood AS ENUM ('sad'); ALTER TYPE mood ADD VALUE 'ok'; CREATE SCHEMA s; CREATE VIEW s.v AS SELECT 1 AS i";
    capture_as(&shared().url(&db), options(shared()), &at_step(&db, "data", 1, sql)).unwrap();
}

#[test]
fn changes_after_the_snapshot_are_not_seen() {
    let db = filled("snapshot");
    let control =
        at_step(&db, "schema", 1, "DELETE FROM t WHERE id > 10; UPDATE t SET v = 'new'; INSERT INTO u VALUES (1)");
    let (_, memory) = capture_as(&shared().url(&db), options(shared()), &control).unwrap();
    assert_eq!(memory.table("public", "t").rows.len(), 1000);
    assert!(memory.table("public", "u").rows.is_empty());
}

/// Runs a capture while `script` runs, and gives how it ended.
fn beside(
    db: &str,
    max_block: Duration,
    memory: &Memory,
    script: impl Fn() + Send + Sync + 'static,
) -> Result<(), CoreError> {
    let script = Arc::new(script);
    let threads = Arc::new(Mutex::new(Vec::new()));
    let control = {
        let threads = threads.clone();
        Control::new(move |event| {
            if matches!(event, Event::Step { name } if name == "data") {
                let script = script.clone();
                threads.lock().unwrap().push(std::thread::spawn(move || script()));
            }
        })
    };
    let mut options = options(shared());
    options.max_block = max_block;
    let outcome = PostgresSource::new(conninfo(&shared().url(db)), options).capture(memory, &control).map(drop);
    threads.lock().unwrap().drain(..).for_each(|thread| thread.join().unwrap());
    outcome
}

/// A sink that takes its time.
fn slow() -> Memory {
    Memory { delay: Duration::from_millis(1500), is_slow: AtomicBool::new(true), ..Memory::new() }
}

#[test]
fn nobody_waits_behind_the_capture_for_long() {
    assert_nobody_waits_long(&filled("blocking"), "2 tables");
}

/// pg_dump is at work for long then, and has locks of its own.
#[test]
fn nobody_waits_behind_the_capture_of_many_tables_for_long() {
    let db = filled("blocking_many");
    shared().psql(
        &db,
        "DO $$ BEGIN FOR i IN 1..2000 LOOP EXECUTE format('CREATE TABLE many_%s (id int)', i); END LOOP; END $$",
    );
    assert_nobody_waits_long(&db, "2,000 tables");
}

fn assert_nobody_waits_long(db: &str, what: &str) {
    let name = db.to_owned();
    let done = Arc::new(Mutex::new(Vec::new()));
    let is_let_go = Arc::new(AtomicBool::new(false));
    let memory = {
        // No row gets anywhere before both are through: who waits for that is let through first, or never.
        let (done, is_let_go, begun) = (done.clone(), is_let_go.clone(), Instant::now());
        let is_held = move || {
            is_let_go.fetch_or(begun.elapsed() > Duration::from_secs(120), Ordering::SeqCst);
            done.lock().unwrap().len() < 2 && !is_let_go.load(Ordering::SeqCst)
        };
        Memory { is_held: Some(Box::new(is_held)), ..Memory::new() }
    };
    let outcome = {
        let done = done.clone();
        beside(db, Duration::from_millis(300), &memory, move || {
            let run = |sql: &str| {
                let said = shared().psql(&name, sql);
                done.lock().unwrap().push(said);
            };
            std::thread::scope(|scope| {
                scope.spawn(|| run("ALTER TABLE t ADD COLUMN x int"));
                let asks = "SELECT count(*) FROM pg_locks WHERE relation = 't'::regclass AND NOT granted";
                while shared().psql(&name, asks) == "0" && done.lock().unwrap().is_empty() {}
                // How long it waits for its lock, by the server's clock.
                run(
                    "SELECT 'waited ' || round(extract(epoch FROM clock_timestamp() - statement_timestamp()) * 1000) FROM t LIMIT 1",
                );
            });
        })
    };
    let error = outcome.err().unwrap();
    assert!(matches!(&error, CoreError::Source { retryable: true, .. }));
    let error = engine_error(error);
    assert!(matches!(&error, EngineError::Blocking { table, waited_ms: 300 } if table == "public.t"), "{error}");
    let done = done.lock().unwrap();
    let waited = done.iter().find_map(|said| said.strip_prefix("waited ")).unwrap();
    println!("worst wait: {waited} ms of a limit of 300 ms ({what})");
    assert!(done.len() == 2 && !is_let_go.load(Ordering::SeqCst), "somebody waited for the rows: {done:?}");
    no_session_left(shared(), db);
}

#[test]
fn a_change_that_nobody_waits_behind_is_let_wait() {
    let db = filled("patient");
    let name = db.clone();
    let memory = slow();
    let outcome = beside(&db, Duration::from_millis(100), &memory, move || {
        // pg_dump takes locks of its own and must have them by then: it would not wait in the queue for long.
        std::thread::sleep(Duration::from_millis(1000));
        shared().psql(&name, "ALTER TABLE t ADD COLUMN x int");
    });
    outcome.unwrap();
    // Rows of a table that workers could not lock any more came by the leader.
    assert_eq!(memory.table("public", "t").rows.len(), 1000);
    assert_eq!(shared().psql(&db, "SELECT count(x) FROM t"), "0");
}

#[test]
fn a_locked_table_is_waited_for_and_named() {
    let db = filled("locked");
    let name = db.clone();
    std::thread::scope(|scope| {
        scope.spawn(move || shared().psql(&name, "BEGIN; LOCK TABLE t; SELECT pg_sleep(4)"));
        std::thread::sleep(Duration::from_millis(500));
        let mut options = options(shared());
        options.lock_wait = Duration::from_millis(200);
        let error = engine_error(capture_as(&shared().url(&db), options, &Control::default()).err().unwrap());
        assert!(matches!(&error, EngineError::LockWait { tables, .. } if tables == "public.t"), "{error}");
        // The default waits long enough.
        assert_eq!(capture(shared(), &db).1.table("public", "t").rows.len(), 1000);
    });
}

#[test]
fn the_snapshot_does_not_become_too_old() {
    let db = filled("old");
    let memory = Memory { delay: Duration::from_millis(1500), is_slow: AtomicBool::new(true), ..Memory::new() };
    let mut options = options(shared());
    options.max_age = Some(Duration::from_millis(300));
    let outcome = PostgresSource::new(conninfo(&shared().url(&db)), options).capture(&memory, &Control::default());
    let error = engine_error(outcome.err().unwrap());
    assert!(matches!(error, EngineError::TooLong { limit_ms: 300 }), "{error}");
    no_session_left(shared(), &db);
}

#[test]
fn a_snapshot_that_is_too_old_is_given_up_while_the_sink_blocks() {
    let db = filled("old_blocked");
    let (name, is_free, begun) = (db.clone(), Arc::new(AtomicBool::new(false)), Instant::now());
    let memory = {
        // No row gets anywhere before the capture's locks are gone, or never.
        let is_free = is_free.clone();
        let is_held = move || {
            let held = "SELECT count(*) FROM pg_locks WHERE relation = 't'::regclass";
            is_free.fetch_or(shared().psql(&name, held) == "0", Ordering::SeqCst);
            !is_free.load(Ordering::SeqCst) && begun.elapsed() < Duration::from_secs(60)
        };
        Memory { is_held: Some(Box::new(is_held)), ..Memory::new() }
    };
    let mut options = options(shared());
    options.max_age = Some(Duration::from_secs(2));
    let outcome = PostgresSource::new(conninfo(&shared().url(&db)), options).capture(&memory, &Control::default());
    let error = engine_error(outcome.err().unwrap());
    assert!(matches!(error, EngineError::TooLong { limit_ms: 2000 }), "{error}");
    assert!(is_free.load(Ordering::SeqCst), "the locks were held for as long as the sink blocked");
    no_session_left(shared(), &db);
}

#[test]
fn nobody_waits_for_a_rate_when_the_capture_is_given_up() {
    let db = filled("old_paced");
    let mut options = options(shared());
    options.max_age = Some(Duration::from_secs(2));
    // At this rate it would take hours.
    let (rate, memory) = (NonZeroU64::MIN, Memory::new());
    let mut source = PostgresSource::new(conninfo(&shared().url(&db)), options);
    let error = engine_error(pace::read(&mut source, &memory, Some(rate), &Control::default()).err().unwrap());
    assert!(matches!(error, EngineError::TooLong { limit_ms: 2000 }), "{error}");
    assert_eq!(memory.pushes.load(Ordering::SeqCst), 0);
    no_session_left(shared(), &db);
}

#[test]
fn a_cancelled_capture_leaves_nothing() {
    let steps = ["list", "lock", "snapshot", "schema", "data", "sequences"];
    for step in steps {
        let db = filled("cancelled");
        let slot: Arc<Mutex<Option<Control>>> = Arc::default();
        let inner = slot.clone();
        let control = Control::new(move |event| {
            if matches!(event, Event::Step { name } if name == step) {
                inner.lock().unwrap().as_ref().unwrap().cancel();
            }
        });
        *slot.lock().unwrap() = Some(control.clone());
        let outcome = capture_as(&shared().url(&db), options(shared()), &control);
        assert!(matches!(outcome.err().unwrap(), CoreError::Cancelled), "{step}");
        no_session_left(shared(), &db);
    }
}

#[test]
fn missing_rights_come_with_their_grants() {
    let db = filled("rights");
    let server = shared();
    server.psql(&db, "DROP ROLE IF EXISTS \"cap reader\"; CREATE ROLE \"cap reader\" LOGIN; CREATE SCHEMA hidden; CREATE TABLE hidden.h (i int);
        CREATE SEQUENCE s; ALTER TABLE u ENABLE ROW LEVEL SECURITY");
    let url = server.url(&db).replacen("postgres@", "cap%20reader@", 1);
    let error = engine_error(capture_as(&url, options(server), &Control::default()).err().unwrap());
    let EngineError::Privileges { role, missing, grants } = &error else { panic!("{error}") };
    assert_eq!(role, "cap reader");
    assert!(
        missing.iter().any(|object| object == "hidden.h") && missing.iter().any(|object| object == "sequence public.s")
    );
    // The statements that it names mend it.
    server.psql(&db, &grants.join("\n"));
    let captured =
        capture_as(&url, options(server), &Control::default()).unwrap_or_else(|error| panic!("{}", story(&error)));
    assert_eq!(captured.1.tables.lock().unwrap().len(), 3);
    let roles: Vec<&str> = captured.0.environment.roles.iter().map(|role| role.name.as_str()).collect();
    assert!(roles.contains(&"cap reader"), "{roles:?}");
    server.psql(&db, "DROP OWNED BY \"cap reader\"; DROP ROLE \"cap reader\"");
}

#[test]
fn a_server_that_keeps_its_number_from_its_users_is_captured_without() {
    let (server, db) = (shared(), filled("unnumbered"));
    server.psql(
        &db,
        "DROP ROLE IF EXISTS cap_plain; CREATE ROLE cap_plain LOGIN IN ROLE pg_read_all_data;
         REVOKE EXECUTE ON FUNCTION pg_catalog.pg_control_system() FROM PUBLIC",
    );
    let url = server.url(&db).replacen("postgres@", "cap_plain@", 1);
    let captured =
        capture_as(&url, options(server), &Control::default()).unwrap_or_else(|error| panic!("{}", story(&error)));
    assert_eq!(captured.0.origin.system_id, "");
    assert_ne!(capture(server, &db).0.origin.system_id, "");
    server.psql(&db, "DROP ROLE cap_plain");
}

#[test]
fn the_server_goes_away() {
    let server = Server::start(offshoot_testkit::postgres::ServerOptions::new());
    let db = server.fresh_db("away");
    server.psql(&db, "CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 300000)");
    let server = Arc::new(server);
    let killer = server.clone();
    let control = Control::new(move |event| {
        if matches!(event, Event::Rows { .. }) {
            killer.crash();
        }
    });
    let memory = Memory::new();
    let mut options = options(&server);
    options.jobs = 1.try_into().unwrap();
    let error = PostgresSource::new(conninfo(&server.url(&db)), options).capture(&memory, &control).err().unwrap();
    assert!(matches!(&error, CoreError::Source { retryable: true, .. }), "{}", story(&error));
}
