//! Captures of a standby: what it does not have is named, and a conflict with its recovery is worth another try.

use crate::{capture, conninfo, options, story};
use offshoot_core::capture::CaptureOptions;
use offshoot_core::store::OpenStore;
use offshoot_core::{Control, CoreError, Event};
use offshoot_engines::postgres::capture::PostgresSource;
use offshoot_testkit::postgres::{Server, ServerOptions};
use offshoot_testkit::store::MemoryStore;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

fn wait_for(standby: &Server, sql: &str, answer: &str) {
    let until = Instant::now() + Duration::from_secs(60);
    while !standby.try_psql("postgres", sql).is_ok_and(|found| found == answer) {
        assert!(Instant::now() < until, "{}", standby.log());
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_standby_is_captured() {
    let primary = Server::start(ServerOptions::new().wal_level("replica"));
    primary.psql("postgres", "CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t SELECT i, repeat('x', 100) FROM generate_series(1, 50000) i;
        CREATE UNLOGGED TABLE u (i serial); INSERT INTO u DEFAULT VALUES; CREATE SEQUENCE s; SELECT nextval('s'); CREATE TABLE last (i int)");
    let settings =
        ServerOptions::new().setting("hot_standby_feedback", "off").setting("max_standby_streaming_delay", "0");
    let standby = primary.standby(settings);
    wait_for(&standby, "SELECT count(*) FROM pg_class WHERE relname = 'last'", "1");
    let (captured, memory) = capture(&standby, "postgres");
    assert_eq!(memory.table("public", "t").rows.len(), 50000);
    let lost: Vec<&str> = captured.not_carried.iter().map(|note| note.object.as_str()).collect();
    assert!(lost.contains(&"rows of table public.u"), "{lost:?}");
    assert!(captured.sequences.iter().any(|sequence| sequence.name == "s"));
    assert!(!captured.origin.position.is_empty());
}

/// Rows that a capture sees are vacuumed away at the primary: the standby ends the capture, not its replay. Of the attempts of
/// a capture the first ones meet that, in each round one more.
#[test]
fn captures_of_a_standby_beside_vacuum_are_whole_or_say_so() {
    let primary = Arc::new(Server::start(ServerOptions::new().wal_level("replica")));
    primary.psql(
        "postgres",
        "CREATE TABLE t (id int PRIMARY KEY, v text); ALTER TABLE t SET (autovacuum_enabled = off);
        INSERT INTO t SELECT i, repeat('x', 100) FROM generate_series(1, 50000) i; CREATE TABLE last (i int)",
    );
    let settings =
        ServerOptions::new().setting("hot_standby_feedback", "off").setting("max_standby_streaming_delay", "0");
    let standby = Arc::new(primary.standby(settings));
    wait_for(&standby, "SELECT count(*) FROM pg_class WHERE relname = 'last'", "1");
    let store = OpenStore::init(Arc::new(MemoryStore::default()), true).unwrap();
    let (rounds, mut whole, mut conflicts) = (5, 0, 0);
    for round in 0..rounds {
        let (changes, tries) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let control = {
            let (primary, standby, changes, tries) = (primary.clone(), standby.clone(), changes.clone(), tries.clone());
            Control::new(move |event| match event {
                Event::Warning { .. } => drop(tries.fetch_add(1, Ordering::SeqCst)),
                // The snapshot is there, rows are about to be read.
                Event::Step { name } if name == "data" && changes.fetch_add(1, Ordering::SeqCst) < round => {
                    primary.psql("postgres", "UPDATE t SET v = repeat('y', 100) WHERE id % 2 = 0");
                    primary.psql("postgres", "VACUUM t");
                    let sent = primary.psql("postgres", "SELECT pg_current_wal_lsn()");
                    wait_for(&standby, &format!("SELECT pg_last_wal_replay_lsn() >= '{sent}'"), "t");
                }
                _ => {}
            })
        };
        let mut options = options(&standby);
        options.jobs = 1.try_into().unwrap();
        let mut source = PostgresSource::new(conninfo(&standby.url("postgres")), options);
        match offshoot_core::capture::capture(&store, &mut source, None, &CaptureOptions::default(), &control) {
            Ok(report) => {
                assert_eq!(report.manifest.stats.rows, 50000);
                whole += 1;
            }
            Err(error) => {
                assert!(matches!(&error, CoreError::Source { retryable: true, .. }), "{}", story(&error));
                eprintln!("round {round}: {}", story(&error));
            }
        }
        conflicts += tries.load(Ordering::SeqCst);
    }
    println!("captures of a standby beside VACUUM: {whole} of {rounds} whole, {conflicts} new attempts");
    assert!(whole > 0 && conflicts > 0, "{whole} whole, {conflicts} new attempts");
}
