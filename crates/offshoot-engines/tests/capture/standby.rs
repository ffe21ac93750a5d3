//! Captures of a standby: what it does not have is named, and a conflict with its recovery is worth another try.

use crate::memory::Memory;
use crate::{capture, conninfo, options, story};
use offshoot_core::source::Source;
use offshoot_core::{Control, CoreError, Event};
use offshoot_engines::postgres::capture::PostgresSource;
use offshoot_testkit::postgres::{Server, ServerOptions};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
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
    let primary = Arc::new(Server::start(ServerOptions::new().wal_level("replica")));
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

    // Rows that the snapshot sees are vacuumed away at the primary: the standby ends the capture, not its replay.
    let changed = Arc::new(AtomicBool::new(false));
    let control = {
        let (primary, changed) = (primary.clone(), changed.clone());
        Control::new(move |event| {
            if matches!(event, Event::Rows { .. }) && !changed.swap(true, Ordering::SeqCst) {
                primary.psql("postgres", "DELETE FROM t WHERE id % 2 = 0");
                primary.psql("postgres", "VACUUM t");
            }
        })
    };
    let memory = Memory { delay: Duration::from_millis(700), is_slow: AtomicBool::new(true), ..Memory::new() };
    let mut options = options(&standby);
    options.jobs = 1.try_into().unwrap();
    let outcome = PostgresSource::new(conninfo(&standby.url("postgres")), options).capture(&memory, &control);
    match outcome {
        // All had been sent already.
        Ok(_) => assert_eq!(memory.table("public", "t").rows.len(), 50000),
        Err(error) => {
            eprintln!("{}", story(&error));
            assert!(matches!(&error, CoreError::Source { retryable: true, .. }), "{}", story(&error));
        }
    }
    wait_for(&standby, "SELECT count(*) FROM t", "25000");
    assert_eq!(capture(&standby, "postgres").1.table("public", "t").rows.len(), 25000);
}
