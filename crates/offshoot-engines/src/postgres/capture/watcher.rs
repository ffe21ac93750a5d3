//! The watcher: sees to it, on a connection of its own, that nobody waits behind the capture for longer than allowed and
//! that the snapshot does not become too old.
//!
//! The locks of a capture only conflict with schema changes. Such a change waits in the queue, and everybody who comes
//! later waits behind it, also who only wants to read. When that has lasted for `max_block`, all sessions of the capture
//! are ended on the server: a session that is blocked in sending rows would not see a cancel request.

use super::connection::{Connection, Sessions};
use super::options::CaptureOptions;
use super::stop::Stop;
use crate::bridge::Bridge;
use crate::conninfo::ConnInfo;
use crate::error::{EngineError, Result, refused};
use crate::postgres::quote::shown;
use offshoot_core::source::Sink;
use std::collections::HashMap;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Name under which pg_dump's session is known, so that it is not taken for an application.
pub const SCHEMA_SESSION: &str = "offshoot schema";

/// A watch over one capture.
pub struct Watch<'w> {
    stop: &'w Stop,
    sessions: &'w Sessions,
    options: &'w CaptureOptions,
    sink: &'w dyn Sink,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    is_over: bool,
    snapshot_taken: Option<Instant>,
}

/// Sessions that wait behind a session that waits for a lock of ours.
const WAITING: &str = "
WITH waiting AS MATERIALIZED (
  SELECT DISTINCT pid FROM pg_catalog.pg_locks WHERE NOT granted),
edges AS MATERIALIZED (
  SELECT pid, pg_catalog.pg_blocking_pids(pid) AS by FROM waiting)
SELECT behind.pid, first.pid,
       (SELECT n.nspname FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_class c ON c.oid = l.relation
        JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE l.pid = first.pid AND NOT l.granted LIMIT 1),
       (SELECT c.relname FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_class c ON c.oid = l.relation
        WHERE l.pid = first.pid AND NOT l.granted LIMIT 1)
FROM edges first JOIN edges behind ON first.pid = ANY (behind.by)
WHERE first.by && $1 AND NOT behind.pid = ANY ($1)
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_stat_activity a WHERE a.pid = behind.pid AND a.application_name = $2)";

impl<'w> Watch<'w> {
    /// A watch that has not begun.
    #[must_use]
    pub fn new(stop: &'w Stop, sessions: &'w Sessions, options: &'w CaptureOptions, sink: &'w dyn Sink) -> Self {
        Self { stop, sessions, options, sink, state: Mutex::default(), changed: Condvar::new() }
    }

    /// The age of the snapshot counts from here.
    pub fn snapshot_taken(&self, at: Instant) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).snapshot_taken = Some(at);
    }

    /// Ends the watch when it is dropped.
    pub fn end_on_drop(&self) -> impl Drop + '_ {
        struct End<'e>(&'e Mutex<State>, &'e Condvar);
        impl Drop for End<'_> {
            fn drop(&mut self) {
                self.0.lock().unwrap_or_else(PoisonError::into_inner).is_over = true;
                self.1.notify_all();
            }
        }
        End(&self.state, &self.changed)
    }

    /// Watches until the capture is over. An error ends the capture, which must not go on unwatched.
    pub fn run(&self, conninfo: &ConnInfo) {
        let opened = Bridge::new()
            .map_err(|source| EngineError::Io { operation: "starting a thread", source })
            // It holds no lock that anybody could wait for, so it is not among the sessions.
            .and_then(|bridge| {
                bridge.block_on(Connection::open_async(conninfo)).map(|connection| (bridge, connection))
            });
        let (bridge, connection) = match opened {
            Ok(opened) => opened,
            Err(error) => {
                self.stop.raise(error);
                return self.sink.give_up();
            }
        };
        if let Err(error) = self.watch(&bridge, &connection) {
            self.stop.raise(error);
            self.sink.give_up();
            self.end_sessions(&bridge, &connection);
        }
    }

    fn watch(&self, bridge: &Bridge, connection: &Connection) -> Result<()> {
        let interval = (self.options.max_block / 8).clamp(Duration::from_millis(20), Duration::from_millis(500));
        let mut first_seen: HashMap<(i32, i32), Instant> = HashMap::new();
        while self.sleep(interval)? {
            let pids = self.sessions.pids();
            let rows = bridge.block_on(connection.client.query(WAITING, &[&pids, &SCHEMA_SESSION]));
            let rows = rows.map_err(refused("say who waits for locks"))?;
            let now = Instant::now();
            let mut seen = HashMap::new();
            for row in &rows {
                let pair = (row.get(0), row.get(1));
                let since = first_seen.get(&pair).copied().unwrap_or(now);
                seen.insert(pair, since);
                if now - since + interval >= self.options.max_block {
                    let (schema, name): (Option<String>, Option<String>) = (row.get(2), row.get(3));
                    let table = shown(&schema.unwrap_or_default(), &name.unwrap_or_default());
                    let waited_ms = self.options.max_block.as_millis() as u64;
                    tracing::info!(table, waited_ms, "somebody waits behind the locks: they are given up");
                    return Err(EngineError::Blocking { table, waited_ms });
                }
            }
            first_seen = seen;
            if self.stop.is_raised() {
                // Whoever is blocked in a sink holds locks until it returns: end the sessions now.
                return Err(EngineError::Lost { doing: "read".to_owned() });
            }
        }
        Ok(())
    }

    /// Ends all sessions of the capture on the server.
    fn end_sessions(&self, bridge: &Bridge, connection: &Connection) {
        let sql = "SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.unnest($1::pg_catalog.int4[]) AS pid";
        // A server that does not answer has no sessions, or ends them when it sees that nobody reads.
        let _ = bridge.block_on(connection.client.query(sql, &[&self.sessions.pids()]));
    }

    /// Waits. False when the capture is over.
    fn sleep(&self, interval: Duration) -> Result<bool> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.changed.wait_timeout_while(state, interval, |state| !state.is_over);
        let state = waited.unwrap_or_else(PoisonError::into_inner).0;
        if state.is_over {
            return Ok(false);
        }
        match (self.options.max_age, state.snapshot_taken) {
            (Some(limit), Some(taken)) if taken.elapsed() > limit => {
                Err(EngineError::TooLong { limit_ms: limit.as_millis() as u64 })
            }
            _ => Ok(true),
        }
    }
}
