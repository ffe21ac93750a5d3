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
use offshoot_core::CoreError;
use offshoot_core::source::Sink;
use std::collections::HashMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The least that the server is given to say who waits: a question that takes longer than that and than `max_block` is given
/// up, and the capture with it.
const ANSWER_MIN: Duration = Duration::from_secs(5);

/// How soon a capture that is given up stops waiting for its watch to begin.
const BEGIN_INTERVAL: Duration = Duration::from_millis(50);

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
    has_begun: bool,
    is_over: bool,
    snapshot_taken: Option<Instant>,
}

/// Sessions that wait behind a session that waits for a lock of ours; pg_dump's is ours, too.
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

    /// Waits until somebody watches.
    ///
    /// # Errors
    /// `Poisoned` if nobody will, or the capture is given up.
    pub fn wait_until_begun(&self) -> Result<(), CoreError> {
        let mut state = self.lock();
        while !state.has_begun {
            self.stop.check()?;
            let waited = self.changed.wait_timeout(state, BEGIN_INTERVAL);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The age of the snapshot counts from here.
    pub fn snapshot_taken(&self, at: Instant) {
        self.lock().snapshot_taken = Some(at);
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
        let _guard = self.stop.raise_on_panic();
        let opened = Bridge::new()
            .map_err(|source| EngineError::Io { operation: "starting a thread", source })
            // It holds no lock that anybody could wait for, so it is not among the sessions.
            .and_then(|bridge| {
                let connection = bridge.block_on(self.open(conninfo))?;
                Ok((bridge, connection))
            });
        let (bridge, connection) = match opened {
            Ok(opened) => opened,
            Err(error) => {
                self.stop.raise(error);
                return self.sink.give_up();
            }
        };
        self.lock().has_begun = true;
        self.changed.notify_all();
        if let Err(error) = self.watch(&bridge, &connection) {
            self.stop.raise(error);
            self.sink.give_up();
            self.end_sessions(&bridge, &connection);
            let over = self.changed.wait_while(self.lock(), |state| !state.is_over);
            drop(over.unwrap_or_else(PoisonError::into_inner));
        }
        if self.stop.is_raised() {
            // Also those that began meanwhile, and what a pg_dump that is gone has left the server to do.
            self.end_sessions(&bridge, &connection);
        }
    }

    async fn open(&self, conninfo: &ConnInfo) -> Result<Connection> {
        let connection = Connection::open_async(conninfo).await?;
        let limit_ms = self.options.max_block.max(ANSWER_MIN).as_millis();
        let limit = format!("SET statement_timeout = {}", limit_ms.min(i32::MAX as u128));
        connection.client.batch_execute(&limit).await.map_err(refused("set the session up"))?;
        Ok(connection)
    }

    fn watch(&self, bridge: &Bridge, connection: &Connection) -> Result<()> {
        let interval = (self.options.max_block / 8).clamp(Duration::from_millis(20), Duration::from_millis(500));
        let mut first_seen: HashMap<(i32, i32), Instant> = HashMap::new();
        while self.sleep(interval)? {
            let pids = self.sessions.pids();
            let rows = bridge.block_on(connection.client.query(WAITING, &[&pids, &self.sessions.schema_name()]));
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

    /// Ends all sessions of the capture on the server, pg_dump's among them. A number that another user's session has by now,
    /// or one in another database, is none of them.
    fn end_sessions(&self, bridge: &Bridge, connection: &Connection) {
        let sql = "SELECT pg_catalog.pg_terminate_backend(a.pid) FROM pg_catalog.pg_stat_activity a
                   WHERE (a.pid = ANY ($1) OR a.application_name = $2)
                     AND a.datname = pg_catalog.current_database() AND a.usename = session_user";
        // A server that does not answer has no sessions, or ends them when it sees that nobody reads.
        let (pids, schema_name) = (self.sessions.pids(), self.sessions.schema_name());
        let _ = bridge.block_on(connection.client.query(sql, &[&pids, &schema_name]));
    }

    /// Waits. False when the capture is over.
    fn sleep(&self, interval: Duration) -> Result<bool> {
        let waited = self.changed.wait_timeout_while(self.lock(), interval, |state| !state.is_over);
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
