//! Reading one consistent state of a live database: lock, then snapshot, then check, then copy on many connections.
//!
//! The leader lists the tables and commits; locks them; takes and exports its snapshot; lists them again and starts
//! anew if anything differs. A snapshot taken first and locks taken later would read no rows, and report no error, from a
//! table that was truncated in between. Workers join the snapshot. When all is read, names that no lock holds are read
//! once more, and a change makes the capture begin anew. A watcher on a connection of its own gives all locks
//! up when somebody waits behind them for too long. pg_dump writes the schema meanwhile, from the same snapshot.
//!
//! All steps are told to the caller's control: `list`, `lock`, `snapshot`, `schema`, `data`, `sequences`.

pub mod connection;
pub mod leader;
pub mod options;
pub mod oversize;
pub mod range;
pub mod watcher;
pub mod work;
pub mod worker;

pub use crate::stop;
pub use options::CaptureOptions;

use self::connection::{Connection, Sessions};
use self::leader::Leader;
use self::stop::Stop;
use self::work::Work;
use super::catalog::tables::Table;
use super::catalog::{environment, extension_tables, large_objects, notes, origin, sequences};
use super::schema;
use crate::bridge::{Bridge, on_own_thread};
use crate::conninfo::ConnInfo;
use crate::error::{EngineError, retry_absent};
use offshoot_core::source::{Captured, Sink, Source, Survey};
use offshoot_core::{Control, CoreError, Event};
use std::time::Instant;

/// A live PostgreSQL database.
#[derive(Debug, Clone)]
pub struct PostgresSource {
    conninfo: ConnInfo,
    options: CaptureOptions,
    /// Whether there was a session already.
    has_connected: bool,
}

impl PostgresSource {
    /// A source that connects when it is captured.
    #[must_use]
    pub fn new(conninfo: ConnInfo, options: CaptureOptions) -> Self {
        Self { conninfo, options, has_connected: false }
    }
}

impl Source for PostgresSource {
    fn capture(&mut self, sink: &dyn Sink, control: &Control) -> Result<Captured, CoreError> {
        let (stop, sessions) = (Stop::new(control), Sessions::default());
        let capture = Capture { conninfo: &self.conninfo, options: &self.options, stop, sessions };
        let outcome = on_own_thread("capture", |bridge| capture.run(bridge, sink))
            .map_err(|source| EngineError::Io { operation: "starting a thread", source })?;
        self.has_connected |= !capture.sessions.pids().is_empty();
        let outcome = capture.stop.into_result().and(outcome);
        if self.has_connected { outcome.map_err(retry_absent) } else { outcome }
    }
}

/// One capture under way.
struct Capture<'c> {
    conninfo: &'c ConnInfo,
    options: &'c CaptureOptions,
    stop: Stop,
    sessions: Sessions,
}

impl Capture<'_> {
    fn run(&self, bridge: &Bridge, sink: &dyn Sink) -> Result<Captured, CoreError> {
        let mut connection = Connection::open(bridge, self.conninfo, &self.sessions)?;
        let pinned = connection.pinned(self.conninfo);
        let watch = watcher::Watch::new(&self.stop, &self.sessions, self.options, sink);
        std::thread::scope(|scope| {
            // Ends the watcher also when this ends early.
            let _end = watch.end_on_drop();
            // Dropped before the watch ends, which then ends the sessions.
            let _guard = self.stop.raise_on_panic();
            spawn(scope, "watch", || watch.run(&pinned))?;
            let started = Instant::now();
            // Nothing is locked before somebody watches.
            let watched = watch.wait_until_begun();
            let leader = watched.and_then(|()| Leader::begin(bridge, &mut connection, self.options, &self.stop));
            let outcome = leader.and_then(|leader| {
                watch.snapshot_taken(started);
                self.read(bridge, &connection, &pinned, leader, sink)
            });
            outcome.map_err(|error| {
                self.stop.raise(error);
                CoreError::Poisoned
            })
        })
    }

    /// Everything that is read under the snapshot.
    fn read(
        &self,
        bridge: &Bridge,
        connection: &Connection,
        pinned: &ConnInfo,
        leader: Leader,
        sink: &dyn Sink,
    ) -> Result<Captured, CoreError> {
        let control = self.stop.control();
        let client = &connection.client;
        let pg_dump = schema::pg_dump::PgDump::find(&self.options.pg_dump, connection.version)?;
        if sink.wants_facts() {
            sink.describe(&leader.facts)?;
        }
        control.step("schema");
        let (rows, bytes) = leader.totals();
        control.emit(&Event::Total { rows, bytes });
        let (libpq, version) = (&connection.libpq_environment, connection.version);
        // What must be seen before it is rewritten is read twice.
        let (survey, is_first) = (Survey(sink), |table: &Table| sink.surveys(&table.spec));
        let first = Work::new(&leader.tables, is_first, self.options, version, &survey);
        let work = Work::new(&leader.tables, |_| true, self.options, version, sink);
        let (captured, schema) = std::thread::scope(|scope| {
            let _guard = self.stop.raise_on_panic();
            let name = self.sessions.schema_name();
            let dump = spawn(scope, "schema", || {
                let _guard = self.stop.raise_on_panic();
                let source = schema::pg_dump::Dumped { environment: libpq, name, version, snapshot: &leader.snapshot };
                let dumped = schema::dump(&pg_dump, &source, self.options, &self.stop);
                dumped.map_err(|error| self.stop.raise(error)).ok()
            });
            control.step("data");
            if leader.tables.iter().any(is_first) {
                let outcome = worker::lead(bridge, connection, &leader, &first, &self.stop);
                first.worker_ended(&self.stop, outcome);
                control.emit(&Event::Total { rows, bytes });
            }
            let mut workers = Vec::new();
            for _ in 1..self.options.jobs.get() {
                workers.push(spawn(scope, "read", || {
                    let _guard = self.stop.raise_on_panic();
                    let outcome = worker::run(pinned, &self.sessions, &leader, &work, &self.stop);
                    work.worker_ended(&self.stop, outcome);
                })?);
            }
            // While the others begin: every question makes both ends wait.
            let captured = catalog(bridge, connection, &leader).map_err(|error| self.stop.raise(error)).ok();
            let outcome = worker::lead(bridge, connection, &leader, &work, &self.stop);
            work.worker_ended(&self.stop, outcome);
            workers.into_iter().for_each(join);
            dump.map(|dump| (captured, join(dump)))
        })?;
        self.stop.check()?;
        let mut captured = captured.ok_or(CoreError::Poisoned)?;
        captured.schema = schema.unwrap_or_default();
        large_objects::read(bridge, connection, &self.stop, sink, &mut captured)?;
        control.step("sequences");
        let read = bridge.block_on(sequences::read(client, connection.version))?;
        captured.sequences = read.sequences;
        captured.not_carried.extend(read.not_carried);
        let (not_carried, omitted) = bridge.block_on(extension_tables::notes(client))?;
        captured.not_carried.extend(not_carried);
        captured.omitted.extend(omitted);
        let refreshes = bridge.block_on(schema::matviews::refreshes(client))?;
        schema::append_before_event_triggers(&mut captured.schema, refreshes);
        leader.end(bridge, connection, &Connection::open(bridge, pinned, &self.sessions)?)?;
        self.stop.check()?;
        Ok(captured)
    }
}

/// What the catalog says beside the schema.
fn catalog(bridge: &Bridge, connection: &Connection, leader: &Leader) -> Result<Captured, CoreError> {
    let (client, version) = (&connection.client, connection.version);
    Ok(Captured {
        taken_unix_ms: leader.taken_unix_ms,
        origin: bridge.block_on(origin::read(client, leader.position.clone()))?,
        environment: bridge.block_on(environment::read(client, version))?,
        schema: Vec::new(),
        sequences: Vec::new(),
        loads: leader.loads(),
        facts: leader.facts.clone(),
        omitted: bridge.block_on(notes::omitted(client, version))?,
        not_carried: leader.not_carried.clone(),
    })
}

fn spawn<'s, 'e, T: Send + 's>(
    scope: &'s std::thread::Scope<'s, 'e>,
    name: &str,
    work: impl FnOnce() -> T + Send + 's,
) -> Result<std::thread::ScopedJoinHandle<'s, T>, EngineError> {
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn_scoped(scope, work)
        .map_err(|source| EngineError::Io { operation: "starting a thread", source })
}

fn join<T>(thread: std::thread::ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}
