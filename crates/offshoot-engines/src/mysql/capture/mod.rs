//! Reading one consistent state of a live database over several connections.
//!
//! The leader lists the schema; the connections that read are brought to see one state ([`freeze`]); the leader lists again,
//! and once more when all rows are read: whatever changed in between makes the whole capture begin anew. An ALTER that only
//! adds a column passes by a snapshot without an error, so that the snapshot alone would not do; nor do the lists, as names can
//! change places and change back (`identity`). A table that a reader is done with is given free (ROLLBACK TO SAVEPOINT), so that
//! a schema change waits for the reading of its own table at most, and a watcher ends the capture when that takes too long.
//!
//! All steps are told to the caller's control: `list`, `lock`, `snapshot`, `data`, `sequences`.

mod bound;
mod deadline;
pub mod freeze;
mod identity;
pub mod method;
mod middle;
pub mod options;
mod parts;
mod position;
pub mod range;
mod unlocked;
pub mod waiters;
pub mod watcher;
pub mod work;

pub use method::Method;
pub use options::CaptureOptions;
pub(crate) use position::{has_complete_binlog, is_denied};
pub(crate) use unlocked::is_counted;

use self::freeze::{Freezer, Frozen};
use self::identity::{Identities, Names};
use self::range::Range;
use self::waiters::Busy;
use self::watcher::{Sessions, Watch};
use self::work::{Task, Work};
use super::catalog::tables::{Table, TableKind, Tables};
use super::catalog::{environment, notes, origin, sequences, tables};
use super::conninfo::ConnInfo;
use super::error::{MysqlError, Result};
use super::grants::Grants;
use super::restore::MARK_TABLE;
use super::schema::{self, Schema};
use super::session::{Session, reading_pins};
use crate::error::{EngineError, retry_absent};
use crate::stop::Stop;
use offshoot_core::source::{Captured, Sink, Source, Survey, now_unix_ms};
use offshoot_core::{Control, CoreError, Event};
use offshoot_format::manifest::Note;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// A live database of MySQL or MariaDB.
#[derive(Debug, Clone)]
pub struct MysqlSource {
    conninfo: ConnInfo,
    options: CaptureOptions,
    /// Whether there was a session already.
    has_connected: bool,
}

impl MysqlSource {
    /// A source that connects when it is captured.
    #[must_use]
    pub fn new(conninfo: ConnInfo, options: CaptureOptions) -> Self {
        Self { conninfo, options, has_connected: false }
    }
}

impl Source for MysqlSource {
    fn capture(&mut self, sink: &dyn Sink, control: &Control) -> Result<Captured, CoreError> {
        let capture = Capture { options: &self.options, stop: Stop::new(control) };
        let outcome = open_for(&self.conninfo, &self.options).map_err(CoreError::from).and_then(|leader| {
            self.has_connected = true;
            capture.run(leader, sink)
        });
        let outcome = capture.stop.into_result().and(outcome);
        if self.has_connected { outcome.map_err(retry_absent) } else { outcome }
    }
}

/// A session that is set up to read the catalog of a database.
///
/// # Errors
/// If there is no connection, or no database is named.
pub fn open(conninfo: &ConnInfo) -> Result<Session> {
    if conninfo.database.is_empty() {
        return Err(MysqlError::NoDatabase);
    }
    let mut session = Session::open(conninfo)?;
    session.pin(&reading_pins(&session.flavor().clone()))?;
    Ok(session)
}

/// A session of a capture, which waits for what others have locked no longer than the options allow.
fn open_for(conninfo: &ConnInfo, options: &CaptureOptions) -> Result<Session> {
    let mut session = open(conninfo)?;
    let sql = format!("SET SESSION lock_wait_timeout = {}", options.lock_wait.as_secs().clamp(1, 31_536_000));
    session.execute("set the session up", &sql)?;
    Ok(session)
}

/// One capture under way.
struct Capture<'c> {
    options: &'c CaptureOptions,
    stop: Stop,
}

/// What was listed of a database at one moment.
struct Listed {
    tables: Tables,
    schema: Schema,
}

/// One state of a database.
struct Taken {
    /// What was listed of it.
    before: Listed,
    /// Which table was behind each name.
    identities: Identities,
    /// Connections that see it.
    frozen: Frozen,
    /// A moment before which everything is in it.
    taken_unix_ms: u64,
}

impl Capture<'_> {
    fn run(&self, mut leader: Session, sink: &dyn Sink) -> Result<Captured, CoreError> {
        let pinned = leader.pinned();
        let control = self.stop.control();
        // Before anybody can have to wait for the capture.
        let watcher = Mutex::new(open(&pinned)?);
        let Taken { before, mut identities, frozen, taken_unix_ms } = self.freeze(&mut leader, &pinned, &watcher)?;
        let watcher = watcher.into_inner().unwrap_or_else(PoisonError::into_inner);
        let since = Instant::now();
        let Listed { tables, schema } = &before;
        let mut captured = Captured {
            taken_unix_ms,
            origin: origin::read(&mut leader, frozen.position.clone())?,
            environment: environment::read(&mut leader, tables, &schema.definers)?,
            schema: schema.items.clone(),
            sequences: Vec::new(),
            loads: Vec::new(),
            facts: super::facts::table_facts(&mut leader, tables)?,
            omitted: notes::omitted(&mut leader, tables)?,
            not_carried: notes::not_carried(tables),
        };
        captured.omitted.extend(schema.omitted.iter().cloned());
        captured.not_carried.extend(schema.not_carried.iter().cloned());
        captured.not_carried.extend(frozen.moved.iter().cloned());
        if sink.wants_facts() {
            sink.describe(&captured.facts)?;
        }
        control.emit(&total(tables));
        control.step("data");
        self.say_who_is_not_seen(&mut leader)?;
        let left_out = self.read((&mut leader, &mut identities), watcher, tables, frozen, since, sink)?;
        captured.not_carried.extend(left_out);
        self.stop.check()?;
        control.step("sequences");
        let after = self.list(&mut leader)?;
        if let Some(what) = difference(&before, &after) {
            return Err(MysqlError::Unstable { what }.into());
        }
        let (counters, not_carried) = sequences::read(&mut leader, &after.tables)?;
        captured.sequences = counters;
        captured.not_carried.extend(not_carried);
        self.stop.check()?;
        Ok(captured)
    }

    /// Says that the watcher sees nobody, where that is so.
    fn say_who_is_not_seen(&self, leader: &mut Session) -> Result<()> {
        if !Grants::read(leader)?.on_server("PROCESS") {
            let message = "without the privilege PROCESS it is not seen who waits behind this capture, so that --max-block does not \
                           bound how long a schema change waits for a table that is read, and every ALTER TABLE or RENAME TABLE on the \
                           server makes it begin anew; grant PROCESS ON *.*"
                .to_owned();
            self.stop.control().emit(&Event::Warning { message });
        }
        Ok(())
    }

    /// Takes a state whose tables and schema are those that were listed.
    fn freeze(&self, leader: &mut Session, pinned: &ConnInfo, watcher: &Mutex<Session>) -> Result<Taken, CoreError> {
        self.stop.control().step("list");
        let mut identities = Identities::read(leader)?;
        let mut before = self.list(leader)?;
        let mut tries = 0;
        loop {
            tries += 1;
            self.stop.check()?;
            let (options, tables, stop) = (self.options, &before.tables, &self.stop);
            let freezer = Freezer { conninfo: pinned, watcher, options, tables, stop };
            let taken_unix_ms = now_unix_ms();
            let frozen = freezer.freeze()?;
            let after = self.list(leader)?;
            let moved = difference(&before, &after).map_or_else(|| identities.moved(leader), |what| Ok(Some(what)))?;
            let Some(what) = moved else { return Ok(Taken { before, identities, frozen, taken_unix_ms }) };
            tracing::info!(tries, what, "the schema moved: take the state anew");
            if tries >= self.options.tries_max {
                return Err(MysqlError::Unstable { what }.into());
            }
            // Written down before the list: what moves in between is seen.
            identities = Identities::read(leader)?;
            before = self.list(leader)?;
        }
    }

    fn list(&self, leader: &mut Session) -> Result<Listed> {
        let tables = tables::list(leader)?;
        if tables.all.iter().any(|table| table.name == MARK_TABLE) {
            let what = "the database is what a restore has not finished".to_owned();
            let mend = "Let the restore finish, or capture another database".to_owned();
            return Err(MysqlError::NotReadable { what, mend });
        }
        let schema = schema::read(leader, &tables, self.options.schema_bytes_max)?;
        Ok(Listed { tables, schema })
    }

    /// Reads all rows; says which were not read.
    fn read(
        &self,
        (leader, identities): (&mut Session, &mut Identities),
        mut watcher: Session,
        tables: &Tables,
        frozen: Frozen,
        since: Instant,
        sink: &dyn Sink,
    ) -> Result<Vec<Note>, CoreError> {
        let sessions = Sessions::default();
        let Frozen { mut readers, keeper, .. } = frozen;
        // What the keeper has locked only the keeper may be sure of.
        let has_keeper = keeper.is_some();
        let is_kept = |table: &&Table| has_keeper && !table.is_transactional();
        let with_rows = || tables.all.iter().filter(|table| table.has_rows());
        let kept = Work::of(with_rows().filter(is_kept), sink);
        let work: OnceLock<Work<'_>> = OnceLock::new();
        // What must be seen before it is rewritten is read twice.
        let (survey, is_first) = (Survey(sink), |table: &&Table| sink.surveys(&table.spec));
        let first = || with_rows().filter(is_first);
        let first_kept = Work::of(first().filter(is_kept), &survey);
        let first = Work::of(first().filter(|table| !is_kept(table)), &survey);
        for session in &mut readers {
            sessions.add(session)?;
            session.want_raw_texts()?;
        }
        // Tables that are kept are locked until all of them are read.
        let is_keeping = AtomicBool::new(keeper.is_some());
        let kept_names: Vec<&str> = with_rows().filter(is_kept).map(|table| table.name.as_str()).collect();
        let names = Names::new(leader, identities);
        let names = &names;
        let reading = || {
            let kept = kept_names.iter().filter(|_| is_keeping.load(Ordering::Relaxed));
            let kept = kept.map(|name| Busy { table: (*name).to_owned(), is_kept: true });
            let read = work.get().map(Work::reading).unwrap_or_default();
            let read = first.reading().into_iter().chain(read);
            read.map(|table| Busy { table, is_kept: false }).chain(kept).collect()
        };
        let watch = Watch::new(&self.stop, &sessions, self.options, sink, &reading, since);
        std::thread::scope(|scope| {
            // Ends the watcher also when this ends early.
            let _end = watch.end_on_drop();
            let _guard = self.stop.raise_on_panic();
            spawn(scope, "watch", || watch.run(&mut watcher))?;
            let mut threads = Vec::new();
            let mut keeper = keeper;
            if let Some(mut keeper) = keeper.take() {
                sessions.add(&keeper)?;
                keeper.want_raw_texts()?;
                let (first, kept, is_keeping) = (&first_kept, &kept, &is_keeping);
                threads.push(spawn(scope, "keep", move || {
                    let seen = self.drain(&mut keeper, first, names, false);
                    self.raise(seen.and_then(|()| self.drain(&mut keeper, kept, names, false)));
                    drop(keeper);
                    is_keeping.store(false, Ordering::Relaxed);
                })?);
            }
            if let Some(reader) = readers.last_mut() {
                self.raise(self.drain(reader, &first, names, true));
            }
            if with_rows().any(|table| is_first(&table)) {
                self.stop.control().emit(&total(tables));
            }
            // Where tables can be cut is asked for while it is watched.
            let free = with_rows().filter(|table| !is_kept(table));
            match Work::cut(&mut readers, free, self.options, sink) {
                Ok(cut) => {
                    let work = work.get_or_init(|| cut);
                    let last = readers.pop();
                    for mut reader in readers {
                        threads.push(spawn(scope, "read", move || {
                            self.raise(self.drain(&mut reader, work, names, true))
                        })?);
                    }
                    if let Some(mut reader) = last {
                        self.raise(self.drain(&mut reader, work, names, true));
                    }
                }
                Err(error) => self.stop.raise(error),
            }
            for thread in threads {
                thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            }
            self.stop.check()
        })?;
        Ok(kept.left_out().into_iter().chain(work.get().map(Work::left_out).unwrap_or_default()).collect())
    }

    fn raise(&self, outcome: Result<(), CoreError>) {
        if let Err(error) = outcome {
            self.stop.raise(error);
        }
    }

    /// Reads until nothing is left. A table is given free when it was seen that it is the one that was listed; small ones
    /// together.
    fn drain(
        &self,
        session: &mut Session,
        work: &Work<'_>,
        names: &Names<'_>,
        in_snapshot: bool,
    ) -> Result<(), CoreError> {
        let _guard = self.stop.raise_on_panic();
        let mut held: Vec<Task<'_>> = Vec::new();
        let mut since = Instant::now();
        loop {
            let task = work.next()?;
            let is_small = task.as_ref().is_some_and(|task| task.table.bytes <= HELD_BYTES_MAX);
            if !held.is_empty() && (!is_small || since.elapsed() >= HELD_MAX) {
                names.check()?;
                if in_snapshot {
                    session.execute("give tables free", "ROLLBACK TO SAVEPOINT offshoot")?;
                }
                held.drain(..).try_for_each(|task| work.done(task))?;
            }
            let Some(task) = task else { return Ok(()) };
            self.stop.check()?;
            if held.is_empty() {
                since = Instant::now();
                if in_snapshot {
                    session.execute("begin to read tables", "SAVEPOINT offshoot")?;
                }
            }
            let mut sink = task.sink.range(false)?;
            while let Some(keys) = task.next_keys() {
                let range = Range { table: task.table, keys, stop: &self.stop };
                let rows = range.read(session, &mut *sink)?;
                work.leave_out(task.table, range.left_out(session)?);
                tracing::debug!(table = task.table.name, rows, "read");
            }
            sink.finish()?;
            held.push(task);
        }
    }
}

/// Tables up to so many bytes are looked at together, and kept for so long at most.
const HELD_BYTES_MAX: u64 = 1 << 20;
const HELD_MAX: Duration = Duration::from_millis(20);

/// What there is to be read, as far as the server knows.
fn total(tables: &Tables) -> Event {
    let with_rows = tables.all.iter().filter(|table| table.has_rows());
    let (rows, bytes) = with_rows.fold((0_u64, 0_u64), |(rows, bytes), table| {
        (rows.saturating_add(table.rows_estimate), bytes.saturating_add(table.bytes))
    });
    Event::Total { rows, bytes }
}

/// What differs between two lists of one database; rows, sizes and counters may.
fn difference(before: &Listed, after: &Listed) -> Option<String> {
    let made = |listed: &Listed| -> Vec<(String, TableKind, String)> {
        let bases = listed.tables.all.iter();
        bases.map(|table| (table.name.clone(), table.kind, table.created.clone())).collect()
    };
    let (old, new) = (made(before), made(after));
    let moved = old.iter().find(|table| !new.contains(table)).or_else(|| new.iter().find(|table| !old.contains(table)));
    if let Some((name, kind, _)) = moved.filter(|(_, kind, _)| *kind != TableKind::View) {
        return Some(format!("{} {name}", if *kind == TableKind::Sequence { "sequence" } else { "table" }));
    }
    let (old, new) = (&before.schema.items, &after.schema.items);
    let changed = old.iter().find(|item| !new.contains(item)).or_else(|| new.iter().find(|item| !old.contains(item)));
    changed.map(|item| item.label.clone())
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
