//! A PostgreSQL database as the target of a restore.
//!
//! Implements what `offshoot_core::target` asks for: looking at the target, turning a snapshot's schema into statements,
//! and doing one piece of work on a session. The order of the work is not decided here.

pub mod adapt;
mod appended;
mod catalog;
mod event_triggers;
mod inspect;
mod large_objects;
mod load;
mod mark;
mod objects;
mod oversized;
mod session;

use super::connect::{Canceller, ConnectOptions};
use super::copy_in::COPY_ROW_BYTES_MAX;
use crate::bridge::on_own_thread;
use crate::conninfo::ConnInfo;
use offshoot_core::target::{Adapted, Choices, Inspection, Target, TargetSession};
use offshoot_core::{CoreError, Result};
use offshoot_format::manifest::Manifest;
use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, PoisonError};

pub use session::PostgresSession;

/// Schema that holds the mark of an unfinished restore, and what a restore puts down for a while.
pub const MARK_SCHEMA: &str = "offshoot_incomplete";

/// A PostgreSQL database that can be restored into.
#[derive(Debug)]
pub struct PostgresTarget {
    conninfo: ConnInfo,
    options: ConnectOptions,
    copy_row_bytes_max: u64,
    /// Tells the sessions of this target value from those of others.
    number: i32,
    /// Whether something was changed in it.
    has_begun: AtomicBool,
    seen: Mutex<Option<Seen>>,
    open: Mutex<Open>,
}

/// The database that was looked at: all that is done later is done there.
#[derive(Debug, Clone)]
struct Seen {
    conninfo: ConnInfo,
    system_id: String,
    database_id: String,
}

/// The sessions that are open, for ending what they do.
#[derive(Default)]
struct Open {
    next: u64,
    cancellers: BTreeMap<u64, Canceller>,
}

impl std::fmt::Debug for Open {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Open").field("sessions", &self.cancellers.len()).finish()
    }
}

impl PostgresTarget {
    /// The database of a connection string. Does not connect yet.
    #[must_use]
    pub fn new(conninfo: ConnInfo, options: ConnectOptions) -> Self {
        let mut number = [0; 4];
        // Without randomness two restores at once may take each other for one; the comparison at the end remains.
        let _ = getrandom::fill(&mut number);
        let number = i32::from_ne_bytes(number) & i32::MAX;
        Self {
            conninfo,
            options,
            number,
            has_begun: AtomicBool::new(false),
            copy_row_bytes_max: COPY_ROW_BYTES_MAX,
            seen: Mutex::default(),
            open: Mutex::default(),
        }
    }

    /// The same with another limit for rows that go through COPY, in bytes; larger ones are put together on the server.
    #[must_use]
    pub fn with_copy_row_bytes_max(mut self, bytes: u64) -> Self {
        self.copy_row_bytes_max = bytes;
        self
    }

    /// A session; after an inspection, with the database that was looked at.
    ///
    /// # Errors
    /// If there is no connection, the server is too old, or it is another than the one that was looked at.
    pub fn open(&self) -> crate::Result<PostgresSession<'_>> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(seen) = seen else { return PostgresSession::open(self, &self.conninfo) };
        let session = PostgresSession::open(self, &seen.conninfo)?;
        session.check_same(&seen)?;
        Ok(session)
    }

    fn register(&self, canceller: Canceller) -> u64 {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.next += 1;
        let id = open.next;
        open.cancellers.insert(id, canceller);
        id
    }

    fn forget(&self, id: u64) {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).cancellers.remove(&id);
    }
}

impl Target for PostgresTarget {
    fn inspect(&self, _manifest: &Manifest) -> Result<Inspection> {
        let session = PostgresSession::open(self, &self.conninfo)?;
        let inspection = session.inspect()?;
        let (system_id, database_id) = (inspection.system_id.clone(), inspection.database_id.clone());
        let seen = Seen { conninfo: self.conninfo.pinned(&session.host), system_id, database_id };
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(seen);
        Ok(inspection)
    }

    fn adapt(&self, manifest: &Manifest, inspection: &Inspection, choices: &Choices) -> Adapted {
        adapt::adapt(manifest, inspection, choices)
    }

    fn session(&self, choices: &Choices) -> Result<Box<dyn TargetSession + '_>> {
        let session = self.open().map_err(CoreError::from)?;
        session.announce()?;
        session.share_memory(choices.maintenance_bytes / choices.jobs.max(1) as u64)?;
        Ok(Box::new(session))
    }

    fn interrupt(&self) {
        let cancellers: Vec<Canceller> =
            self.open.lock().unwrap_or_else(PoisonError::into_inner).cancellers.values().cloned().collect();
        if cancellers.is_empty() {
            return;
        }
        // What cannot be cancelled ends by itself; there is nobody to tell.
        let _ = on_own_thread("interrupt", |bridge| {
            bridge.block_on(async {
                for canceller in &cancellers {
                    let _ = canceller.cancel().await;
                }
            });
        });
    }
}
