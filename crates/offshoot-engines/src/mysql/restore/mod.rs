//! A database of MySQL or MariaDB as the target of a restore.
//!
//! Implements what `offshoot_core::target` asks for: looking at the target, turning a snapshot's schema into statements,
//! and doing one piece of work on a session. The order of the work is not decided here.
//!
//! Both servers commit before and after every statement that changes a schema, so that nothing but the mark tells an
//! unfinished restore from a finished one: it is a table that nobody overlooks, made first and dropped last. A restore that
//! finds it drops everything and starts over.

pub mod adapt;
mod compare;
mod inspect;
mod load;
mod mark;
mod objects;
mod others;
mod pins;
mod prove;
mod session;
mod views;
mod zones;

use super::conninfo::ConnInfo;
use super::session::Canceller;
use offshoot_core::target::{Adapted, Choices, Inspection, Target, TargetSession};
use offshoot_core::{CoreError, Result};
use offshoot_format::manifest::Manifest;
use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, MutexGuard, PoisonError};

pub use session::MysqlTargetSession;

/// Table that marks an unfinished restore.
pub const MARK_TABLE: &str = "offshoot_incomplete";

/// A database that can be restored into.
#[derive(Debug)]
pub struct MysqlTarget {
    conninfo: ConnInfo,
    /// Whether it was made here, and has no keys to encrypt by.
    is_own_server: bool,
    /// Whether something was changed in it.
    has_begun: AtomicBool,
    seen: Mutex<Option<Seen>>,
    open: Mutex<BTreeMap<u32, Canceller>>,
    views: Mutex<views::Views>,
}

/// The database that was looked at: all that is done later is done there.
#[derive(Debug, Clone)]
struct Seen {
    conninfo: ConnInfo,
    system_id: String,
    database_id: String,
}

impl MysqlTarget {
    /// The database of a connection string. Does not connect yet.
    #[must_use]
    pub fn new(conninfo: ConnInfo) -> Self {
        Self {
            conninfo,
            is_own_server: false,
            has_begun: AtomicBool::new(false),
            seen: Mutex::default(),
            open: Mutex::default(),
            views: Mutex::default(),
        }
    }

    /// The same, of a server that was made here and has no keys to encrypt by.
    #[must_use]
    pub fn of_own_server(mut self) -> Self {
        self.is_own_server = true;
        self
    }

    /// A session; after an inspection, with the database that was looked at.
    ///
    /// # Errors
    /// If there is no connection, no database is named, the server is too old, or it is another than the one that was looked at.
    pub fn open(&self) -> super::Result<MysqlTargetSession<'_>> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(seen) = seen else { return MysqlTargetSession::open(self, &self.conninfo) };
        let mut session = MysqlTargetSession::open(self, &seen.conninfo)?;
        session.check_same(&seen)?;
        Ok(session)
    }

    /// The sessions that are open, by their numbers on the server.
    fn sessions(&self) -> MutexGuard<'_, BTreeMap<u32, Canceller>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Target for MysqlTarget {
    fn inspect(&self, manifest: &Manifest) -> Result<Inspection> {
        let mut session = MysqlTargetSession::open(self, &self.conninfo)?;
        let inspection = session.inspect(manifest)?;
        let (system_id, database_id) = (inspection.system_id.clone(), inspection.database_id.clone());
        let seen = Seen { conninfo: session.session.pinned(), system_id, database_id };
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(seen);
        Ok(inspection)
    }

    fn adapt(&self, manifest: &Manifest, inspection: &Inspection, choices: &Choices) -> Adapted {
        let adapted = adapt::adapt(manifest, inspection, choices, self.is_own_server);
        *self.views() = views::Views::of(&adapted);
        adapted
    }

    fn session(&self, _choices: &Choices) -> Result<Box<dyn TargetSession + '_>> {
        let mut session = self.open().map_err(CoreError::from)?;
        session.announce()?;
        Ok(Box::new(session))
    }

    fn interrupt(&self) {
        let cancellers: Vec<Canceller> = self.sessions().values().cloned().collect();
        for canceller in cancellers {
            // What cannot be ended ends by itself; there is nobody to tell.
            let _ = canceller.cancel();
        }
    }
}
