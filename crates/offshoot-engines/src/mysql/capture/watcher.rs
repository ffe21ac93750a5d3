//! The watcher: sees to it, on a connection of its own, that nobody waits behind the capture for longer than allowed, that
//! the snapshot does not become too old, and that a capture that was given up ends at once.
//!
//! A table that is being read keeps schema changes waiting, and everybody who comes after such a change waits behind it; one
//! whose engine has no snapshots is locked, and keeps whoever writes to it waiting. When that has lasted for `max_block`, all
//! sessions of the capture are ended. Whoever waits is seen in the process list, which shows other users' sessions only with
//! the right PROCESS.

use super::options::CaptureOptions;
use super::waiters::{Busy, Names};
use crate::mysql::connect::Hangup;
use crate::mysql::error::{MysqlError, Result};
use crate::mysql::session::Session;
use crate::stop::Stop;
use offshoot_core::source::Sink;
use std::collections::HashMap;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Sessions that wait for tables: their number, statement and database.
const WAITING: &str = "
SELECT ID, INFO, DB FROM information_schema.PROCESSLIST
WHERE (STATE LIKE 'Waiting for table%' OR STATE LIKE 'Waiting for schema metadata lock%')
  AND INFO IS NOT NULL AND ID <> CONNECTION_ID()";

/// How often is looked at most and at least.
const INTERVALS: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(500));
/// How soon a capture that was given up ends.
const STOP_INTERVAL: Duration = Duration::from_millis(50);

/// Sessions of a capture: their number on the server, and what ends them here.
#[derive(Debug, Default)]
pub struct Sessions(Mutex<Vec<(u32, Hangup)>>);

impl Sessions {
    /// Adds one.
    ///
    /// # Errors
    /// If the system has no more file descriptors.
    pub fn add(&self, session: &Session) -> Result<()> {
        let hangup = session.hangup()?;
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((session.id(), hangup));
        Ok(())
    }

    fn has(&self, id: u64) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().any(|(own, _)| u64::from(*own) == id)
    }

    /// Ends all of them: here at once, on the server by `by`.
    pub(super) fn end(&self, by: &mut Session) {
        let sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.iter().for_each(|(_, hangup)| hangup.hang_up());
        for (id, _) in sessions.iter() {
            match by.execute("end a session of the capture", &format!("KILL CONNECTION {id}")) {
                // It has ended already.
                Err(error) if error.number() == Some(1094) => {}
                Err(error) => tracing::warn!(%error, "a session of the capture could not be ended"),
                Ok(_) => {}
            }
        }
    }
}

/// A watch over the reading of one capture.
pub struct Watch<'w> {
    stop: &'w Stop,
    sessions: &'w Sessions,
    options: &'w CaptureOptions,
    sink: &'w dyn Sink,
    reading: &'w (dyn Fn() -> Vec<Busy> + Sync),
    since: Instant,
    is_over: Mutex<bool>,
    changed: Condvar,
}

impl<'w> Watch<'w> {
    /// A watch that has not begun. `reading` names the tables that are being read or locked; the snapshot's age counts from `since`.
    #[must_use]
    pub fn new(
        stop: &'w Stop,
        sessions: &'w Sessions,
        options: &'w CaptureOptions,
        sink: &'w dyn Sink,
        reading: &'w (dyn Fn() -> Vec<Busy> + Sync),
        since: Instant,
    ) -> Self {
        Self { stop, sessions, options, sink, reading, since, is_over: Mutex::default(), changed: Condvar::new() }
    }

    /// Ends the watch when it is dropped.
    pub fn end_on_drop(&self) -> impl Drop + '_ {
        struct End<'e>(&'e Mutex<bool>, &'e Condvar);
        impl Drop for End<'_> {
            fn drop(&mut self) {
                *self.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
                self.1.notify_all();
            }
        }
        End(&self.is_over, &self.changed)
    }

    /// Watches until the reading is over, by a session that is there already. An error ends the capture, which must not go on
    /// unwatched.
    pub fn run(&self, session: &mut Session) {
        let _guard = self.stop.raise_on_panic();
        if let Err(error) = self.watch(session) {
            self.stop.raise(error);
            self.sink.give_up();
            self.sessions.end(session);
        }
    }

    fn watch(&self, session: &mut Session) -> Result<()> {
        let interval = (self.options.max_block / 8).clamp(INTERVALS.0, INTERVALS.1);
        let mut first_seen: HashMap<u64, Instant> = HashMap::new();
        let row = session.query_one("say how it compares names", "SELECT DATABASE(), @@lower_case_table_names")?;
        let names = Names { database: row.text(0)?.to_owned(), is_case_told: row.text(1)? == "0" };
        let mut looked = Instant::now();
        while self.sleep(interval.min(STOP_INTERVAL)) {
            if self.stop.is_raised() {
                return Err(MysqlError::Lost { doing: "read".to_owned() });
            }
            if let Some(limit) = self.options.max_age.filter(|limit| self.since.elapsed() > *limit) {
                return Err(MysqlError::TooLong { limit_ms: limit.as_millis() as u64 });
            }
            if looked.elapsed() < interval {
                continue;
            }
            looked = Instant::now();
            let reading = (self.reading)();
            let mut seen = HashMap::new();
            for row in session.query("say who waits for tables", WAITING)? {
                let id = row.parse(0)?.unwrap_or(0);
                if self.sessions.has(id) {
                    continue;
                }
                let statement = String::from_utf8_lossy(row.get(1).unwrap_or_default());
                let Some(busy) = names.about(&statement, row.text(2)?, &reading) else { continue };
                let since = first_seen.get(&id).copied().unwrap_or(looked);
                seen.insert(id, since);
                if since.elapsed() + interval >= self.options.max_block {
                    let waited_ms = self.options.max_block.as_millis() as u64;
                    let table = &busy.table;
                    let what = match busy.is_kept {
                        true => format!("table {table} is locked until it is read, as its engine has no snapshots"),
                        false => format!("a schema change of table {table} is queued behind its reading"),
                    };
                    return Err(MysqlError::Blocking { what, waited_ms });
                }
            }
            first_seen = seen;
        }
        Ok(())
    }

    /// Waits. False when the reading is over.
    fn sleep(&self, interval: Duration) -> bool {
        let state = self.is_over.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.changed.wait_timeout_while(state, interval, |is_over| !*is_over);
        !*waited.unwrap_or_else(PoisonError::into_inner).0
    }
}
