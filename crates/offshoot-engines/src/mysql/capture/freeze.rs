//! How several connections come to see one state: the snapshots of all of them are taken while nothing can be committed, or
//! are proven to be of the same moment.
//!
//! From the one that nobody notices to the one that always works:
//!
//! - **binlog position** (MariaDB with a binary log that has every change, also those of a replica's source): each snapshot
//!   says where in the log it is; where all say the same, all are of one state, if nothing was committed past the log
//!   (`unlocked`). Taken anew until they do. No lock.
//! - **global lock** (`FLUSH TABLES WITH READ LOCK`, right RELOAD): writes wait from the moment it is asked for until the
//!   snapshots are there. It waits for statements that run, and everybody waits behind it.
//! - **table locks** (`LOCK TABLES ... READ`, right LOCK TABLES): the same for the tables of the database. It waits for
//!   transactions that have written to them.
//! - **GTIDs** (MySQL with gtid_mode, and a log that leaves nothing out): what has been committed, before the snapshots and some
//!   time after them, is the same, and nothing was committed past the log. No lock, and no success where writes never pause.
//! - **one connection**: one snapshot, which is of one state by itself.
//!
//! Locks are held for the time that the snapshots take, some milliseconds. Lock and wait together are bounded: when
//! `max_block` is over, the session that locks is ended on the server, from another connection, and all goes on.
//!
//! Tables whose engine has no snapshots (MyISAM, Aria, MEMORY) are locked beside, by a session that keeps its locks until it
//! has read them. Only a global lock or table locks do for those.

use super::deadline::Deadline;
use super::method::Method;
use super::options::CaptureOptions;
use super::position::{binlog_snapshot, has_complete_binlog, is_denied, log_position, position_of};
use super::unlocked::is_counted;
use super::watcher::Sessions;
use crate::mysql::catalog::tables::{Table, Tables};
use crate::mysql::conninfo::ConnInfo;
use crate::mysql::error::{MysqlError, Result, number};
use crate::mysql::quote::ident;
use crate::mysql::session::Session;
use crate::stop::Stop;
use offshoot_core::{CoreError, Event};
use offshoot_format::manifest::Note;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// The longest that one attempt waits for a lock: others wait behind it.
const ATTEMPT_WAIT_MAX: Duration = Duration::from_secs(2);
/// Pause after an attempt that failed.
const PAUSE: Duration = Duration::from_millis(100);
/// A transaction that is visible has its GTID among the committed ones after this.
pub(super) const SETTLE: Duration = Duration::from_millis(100);

/// One state, held still for several connections.
pub struct Frozen {
    /// How that came about.
    pub method: Method,
    /// Sessions in a snapshot of it.
    pub readers: Vec<Session>,
    /// A session that has tables without snapshots locked.
    pub keeper: Option<Session>,
    /// Where the server's log stood.
    pub position: String,
    /// How long writers could wait for it, from when a lock was asked for until it was given back.
    pub blocked: Duration,
    /// Tables that are of another moment.
    pub moved: Vec<Note>,
}

impl Frozen {
    /// One that came about without a lock.
    pub(super) fn new(method: Method, readers: Vec<Session>, position: String) -> Self {
        Self { method, readers, keeper: None, position, blocked: Duration::ZERO, moved: Vec::new() }
    }
}

/// What freezing needs.
pub(super) struct Freezer<'f> {
    pub conninfo: &'f ConnInfo,
    /// What ends sessions that lock for too long.
    pub watcher: &'f Mutex<Session>,
    pub options: &'f CaptureOptions,
    pub tables: &'f Tables,
    pub stop: &'f Stop,
}

/// Why a method gave no state.
pub(super) enum Failed {
    /// The user may not do it, or the server cannot.
    NotHere,
    /// It did not come about in time.
    TooLate(u32),
    Error(CoreError),
}

impl<E: Into<CoreError>> From<E> for Failed {
    fn from(error: E) -> Self {
        Self::Error(error.into())
    }
}

pub(super) type Outcome = std::result::Result<Frozen, Failed>;

impl Freezer<'_> {
    /// Takes the snapshots by the first method that works.
    ///
    /// # Errors
    /// `LockWait` where a lock was not to be had in time; the server's refusals.
    pub(super) fn freeze(&self) -> Result<Frozen, CoreError> {
        let mut reads = self.open_readers(self.options.jobs.get())?;
        let ladder = match self.options.method {
            Some(method) => vec![method],
            None => self.ladder(&mut reads[0])?,
        };
        let mut too_late = None;
        for method in ladder {
            self.stop.check()?;
            if reads.is_empty() {
                reads = self.open_readers(self.options.jobs.get())?;
            }
            let outcome = match method {
                Method::BinlogPosition => self.by_binlog_position(std::mem::take(&mut reads)),
                Method::GlobalLock | Method::TableLocks => self.by_lock(method, std::mem::take(&mut reads)),
                Method::Gtid => self.by_gtid(std::mem::take(&mut reads)),
                Method::OneConnection => self.by_one_connection(std::mem::take(&mut reads)),
            };
            match outcome {
                Ok(frozen) => {
                    let blocked_ms = frozen.blocked.as_millis() as u64;
                    tracing::info!(
                        method = method.words(),
                        connections = frozen.readers.len(),
                        blocked_ms,
                        "one state"
                    );
                    return Ok(frozen);
                }
                Err(Failed::Error(error)) => return Err(error),
                Err(failed) => {
                    if let Failed::TooLate(tries) = failed {
                        too_late = Some((method, tries));
                    }
                    tracing::info!(method = method.words(), "not possible here");
                }
            }
        }
        let error = match too_late {
            Some((method, tries)) => {
                let what = if method == Method::TableLocks { "the tables" } else { "the server" }.to_owned();
                MysqlError::LockWait { what, waited_ms: self.attempt_wait().as_millis() as u64, tries }
            }
            None => {
                let what = "the connections could not be brought to see one state".to_owned();
                let mend = "Grant LOCK TABLES on the database, or RELOAD, to the user".to_owned();
                MysqlError::NotReadable { what, mend }
            }
        };
        Err(error.into())
    }

    /// What is tried, in order.
    fn ladder(&self, session: &mut Session) -> Result<Vec<Method>> {
        let mut ladder = Vec::new();
        let is_counted = is_counted(self.tables);
        if is_counted && has_complete_binlog(session)? {
            ladder.push(Method::BinlogPosition);
        }
        ladder.extend([Method::GlobalLock, Method::TableLocks]);
        if !session.flavor().is_mariadb() && is_counted {
            ladder.push(Method::Gtid);
        }
        ladder.push(Method::OneConnection);
        Ok(ladder)
    }

    /// Tables whose rows no snapshot holds still.
    fn without_snapshots(&self) -> impl Iterator<Item = &Table> {
        self.tables.all.iter().filter(|table| table.has_rows() && !table.is_transactional())
    }

    fn open_readers(&self, count: usize) -> Result<Vec<Session>> {
        (0..count).map(|_| self.open()).collect()
    }

    pub(super) fn open(&self) -> Result<Session> {
        super::open_for(self.conninfo, self.options)
    }

    fn attempt_wait(&self) -> Duration {
        let wait = self.options.lock_wait.min(self.options.max_block);
        wait.clamp(Duration::from_millis(10), ATTEMPT_WAIT_MAX)
    }

    fn by_lock(&self, method: Method, readers: Vec<Session>) -> Outcome {
        let started = Instant::now();
        let (mut readers, mut tries) = (readers, 0);
        // Where there is another way, everybody is not kept waiting for long.
        let tries_max = if method == Method::GlobalLock && self.options.method.is_none() { 3 } else { u32::MAX };
        loop {
            self.stop.check()?;
            tries += 1;
            match self.attempt_lock(method, &mut readers)? {
                Some((keeper, position, blocked)) => {
                    return Ok(Frozen { keeper, blocked, ..Frozen::new(method, readers, position) });
                }
                None if started.elapsed() >= self.options.lock_wait || tries >= tries_max => {
                    return Err(Failed::TooLate(tries));
                }
                None => {
                    tracing::info!(tries, waited_ms = started.elapsed().as_millis() as u64, "lock again");
                    // Whoever waited behind the last attempt goes first, for longer than it lasted.
                    std::thread::sleep((PAUSE * tries).max(self.attempt_wait() * 2));
                }
            }
        }
    }

    /// Locks, takes the snapshots, unlocks; none if it took too long.
    #[allow(clippy::type_complexity)]
    fn attempt_lock(
        &self,
        method: Method,
        readers: &mut [Session],
    ) -> std::result::Result<Option<(Option<Session>, String, Duration)>, Failed> {
        let (mut locker, mut keeper) = (self.open()?, None);
        let wait = self.attempt_wait();
        let timeout = format!("SET SESSION lock_wait_timeout = {}", wait.as_secs().max(1));
        locker.execute("set the session up", &timeout)?;
        let sessions = Sessions::default();
        sessions.add(&locker)?;
        let keep = lock_tables(self.without_snapshots());
        if keep.is_some() {
            let mut session = self.open()?;
            session.execute("set the session up", &timeout)?;
            sessions.add(&session)?;
            keeper = Some(session);
        }
        let with_snapshots = || self.tables.all.iter().filter(|table| table.has_rows() && table.is_transactional());
        let lock = match method {
            Method::GlobalLock => Some("FLUSH TABLES WITH READ LOCK".to_owned()),
            // No table is locked by two sessions: who waits to write to it would stand between them for ever.
            _ => lock_tables(with_snapshots()),
        };
        if lock.is_none() && keep.is_none() {
            return Err(Failed::NotHere);
        }
        if method == Method::GlobalLock && is_busy(&mut locker)? {
            return Ok(None);
        }
        self.stop.control().step("lock");
        let asked = Instant::now();
        let deadline = Deadline::new(sessions, self.watcher, wait);
        let outcome = std::thread::scope(|scope| {
            scope.spawn(|| deadline.watch());
            let _end = deadline.end_on_drop();
            let mut keep = || match (&mut keeper, &keep) {
                (Some(keeper), Some(lock)) => keeper.execute("lock the tables without snapshots", lock).map(drop),
                _ => Ok(()),
            };
            (|| -> Result<Option<String>> {
                if method != Method::GlobalLock {
                    keep()?;
                }
                if let Some(lock) = &lock {
                    locker.execute("lock the tables for reading", lock)?;
                }
                if method != Method::GlobalLock && locker.flavor().is_mariadb() && has_prepared(&mut locker)? {
                    return Ok(None);
                }
                self.stop.control().step("snapshot");
                readers.iter_mut().try_for_each(begin)?;
                if method == Method::GlobalLock {
                    keep()?;
                }
                let position = log_position(&mut locker)?;
                locker.execute("unlock the tables", "UNLOCK TABLES")?;
                Ok(Some(position))
            })()
        });
        let blocked = asked.elapsed();
        match outcome {
            Ok(Some(position)) => Ok(Some((keeper, position, blocked))),
            Ok(None) => Err(Failed::NotHere),
            // Its session was ended, which a lock may have outlived for a moment: the snapshots are not trusted.
            Err(_) if deadline.has_fired() => Ok(None),
            Err(error) if error.number() == Some(number::LOCK_WAIT_TIMEOUT) => Ok(None),
            Err(error) if is_denied(&error) => Err(Failed::NotHere),
            Err(error) => Err(error.into()),
        }
    }

    fn by_one_connection(&self, mut readers: Vec<Session>) -> Outcome {
        if readers.len() > 1 {
            let message = "no lock was to be had (no right to it, or not in time), so one connection reads everything; for more, grant \
                           LOCK TABLES on the database, or allow more with --lock-wait"
                .to_owned();
            self.stop.control().emit(&Event::Warning { message });
        }
        let moved: Vec<Note> = self.without_snapshots().map(of_another_moment).collect();
        for Note { object, reason } in &moved {
            self.stop.control().emit(&Event::Warning { message: format!("{object}: {reason}") });
        }
        readers.truncate(1);
        let reader = &mut readers[0];
        // Before the snapshot: from there on nothing is missed, and what is read twice is the same.
        let before = log_position(reader)?;
        if !before.is_empty() && !reader.flavor().is_mariadb() {
            // What is in the log already is in the snapshot when it has been committed.
            std::thread::sleep(SETTLE);
        }
        begin(reader)?;
        // MariaDB says it of the snapshot itself.
        let place = if reader.flavor().is_mariadb() { binlog_snapshot(reader)? } else { String::new() };
        let position = match place.is_empty() {
            true => before,
            false => position_of(reader, &place)?,
        };
        Ok(Frozen { moved, ..Frozen::new(Method::OneConnection, readers, position) })
    }
}

/// What is said of a table that no snapshot holds still and that could not be locked.
fn of_another_moment(table: &Table) -> Note {
    Note {
        object: format!("table {} as of the snapshot", table.name),
        reason: format!(
            "its engine {} knows no snapshots, and it could not be locked: its rows are of another moment than the rest. Grant \
             LOCK TABLES on the database to this user",
            table.engine
        ),
    }
}

/// Begins a transaction whose snapshot is of now, in place of one that was begun before.
pub(super) fn begin(session: &mut Session) -> Result<()> {
    session.execute("take a snapshot", "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY").map(drop)
}

fn lock_tables<'t>(tables: impl Iterator<Item = &'t Table>) -> Option<String> {
    let locks: Vec<String> = tables.map(|table| format!("{} READ", ident(&table.name))).collect();
    (!locks.is_empty()).then(|| format!("LOCK TABLES {}", locks.join(", ")))
}

/// Whether a transaction is prepared, which MariaDB commits past the locks of tables once its session is gone.
fn has_prepared(session: &mut Session) -> Result<bool> {
    Ok(!session.query("list prepared transactions", "XA RECOVER")?.is_empty())
}

/// Whether statements run, as far as the user may see them, that a global lock would wait for while all writes wait for it.
fn is_busy(session: &mut Session) -> Result<bool> {
    let sql = "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE COMMAND IN ('Query', 'Execute') AND TIME >= 2 \
               AND INFO IS NOT NULL AND ID <> CONNECTION_ID()";
    let running: Option<u64> = session.query_one("say what runs for long", sql)?.parse(0)?;
    Ok(running.unwrap_or(0) > 0)
}
