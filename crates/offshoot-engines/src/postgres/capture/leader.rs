//! The leader: lists, locks, takes the snapshot, lists again; and at the end looks for what no lock keeps from changing.

use super::connection::Connection;
use super::options::CaptureOptions;
use super::stop::Stop;
use crate::bridge::Bridge;
use crate::error::{EngineError, LOCK_NOT_AVAILABLE, Refusal, Result, refused};
use crate::postgres::catalog::relations::{self, Relation};
use crate::postgres::catalog::renamed::Names;
use crate::postgres::catalog::tables::{self, Sizes, Table};
use crate::postgres::catalog::{large_objects, names, origin, privileges};
use crate::postgres::facts::table_facts;
use crate::postgres::quote::{qualified, shown};
use crate::postgres::types::TypeTree;
use offshoot_core::CoreError;
use offshoot_core::source::now_unix_ms;
use offshoot_format::facts::TableFacts;
use offshoot_format::manifest::{Load, Note};
use std::time::{Duration, Instant};
use tokio_postgres::Client;

/// The longest that one attempt waits in the queue of a lock: others wait behind it.
const ATTEMPT_WAIT_MAX: Duration = Duration::from_secs(2);
/// Pause after an attempt that failed.
const PAUSE: Duration = Duration::from_millis(100);
/// Tables in one LOCK statement.
const LOCK_TABLES_MAX: usize = 500;
/// The least that a LOCK statement is given: what nobody contests takes a moment, too.
const LOCK_STATEMENT_MIN: Duration = Duration::from_millis(500);

/// What the leader holds: locks, and a snapshot that others may join.
#[derive(Debug)]
pub struct Leader {
    /// Name of the exported snapshot.
    pub snapshot: String,
    /// When that was taken, or a moment before.
    pub taken_unix_ms: u64,
    /// Where in the log it was taken, or a little before.
    pub position: String,
    /// The names of what may be renamed beside the locks.
    pub names: Names,
    /// The tables that are read.
    pub tables: Vec<Table>,
    /// The types of their columns.
    pub tree: TypeTree,
    /// What is known of them beside their columns, and of large objects if there are any.
    pub facts: Vec<TableFacts>,
    /// Tables that cannot be read.
    pub not_carried: Vec<Note>,
}

impl Leader {
    /// Locks every table and takes a snapshot that fits the locks.
    ///
    /// # Errors
    /// `Privileges`, `LockWait` or `Unstable` after the attempts that the options allow, or the server's refusal.
    pub fn begin(
        bridge: &Bridge,
        connection: &mut Connection,
        options: &CaptureOptions,
        stop: &Stop,
    ) -> Result<Self, CoreError> {
        let started = Instant::now();
        let (mut tries, mut locked) = (0, None);
        bridge.block_on(names::check(&connection.client))?;
        loop {
            tries += 1;
            let attempt = Self::attempt(bridge, connection, options, stop);
            let Err(CoreError::Source { retryable: true, source }) = attempt else { return attempt };
            let error = source.downcast::<EngineError>().map_or(None, |error| Some(*error));
            let Some(error) = error else { return Err(CoreError::Poisoned) };
            match error {
                EngineError::Refused { refusal, .. } if refusal.code == LOCK_NOT_AVAILABLE => {
                    // Asked after every attempt: who held a lock may be gone when the last one fails.
                    roll_back(bridge, connection)?;
                    locked = bridge.block_on(relations::locked_by_others(&connection.client))?.or(locked);
                    if started.elapsed() >= options.lock_wait {
                        let tables = locked.unwrap_or_else(|| "some (free again now)".to_owned());
                        let waited_ms = attempt_wait(options).as_millis() as u64;
                        return Err(EngineError::LockWait { tables, waited_ms, tries }.into());
                    }
                }
                EngineError::Unstable { what, .. } if tries >= options.tries_max => {
                    return Err(EngineError::Unstable { what, tries }.into());
                }
                // Dropped between the list and the lock.
                EngineError::Refused { refusal, .. }
                    if ["42P01", "3F000"].contains(&refusal.code.as_str()) && tries < options.tries_max => {}
                EngineError::Unstable { .. } => {}
                error => return Err(error.into()),
            }
            tracing::info!(tries, waited_ms = started.elapsed().as_millis() as u64, "lock and list again");
            roll_back(bridge, connection)?;
            stop.check()?;
            std::thread::sleep(PAUSE);
        }
    }

    fn attempt(
        bridge: &Bridge,
        connection: &Connection,
        options: &CaptureOptions,
        stop: &Stop,
    ) -> Result<Self, CoreError> {
        let (client, control) = (&connection.client, stop.control());
        stop.check()?;
        control.step("list");
        let before = bridge.block_on(relations::list(client))?;
        bridge.block_on(privileges::check(client, &before))?;
        // Before the transaction, whose first statement takes the snapshot.
        let position = bridge.block_on(origin::position(client))?;
        control.step("lock");
        let started = Instant::now();
        bridge.block_on(lock(client, &before, attempt_wait(options)))?;
        tracing::info!(tables = before.len(), millis = started.elapsed().as_millis() as u64, "locked");
        control.step("snapshot");
        let taken_unix_ms = now_unix_ms();
        let snapshot = bridge.block_on(client.query_one("SELECT pg_catalog.pg_export_snapshot()", &[]));
        let snapshot = snapshot.map_err(refused("export a snapshot"))?.get(0);
        let after = bridge.block_on(relations::list(client))?;
        if let Some(what) = relations::difference(&before, &after) {
            return Err(EngineError::Unstable { what, tries: 1 }.into());
        }
        let names = bridge.block_on(Names::read(client))?;
        let (mut tables, tree) = bridge.block_on(tables::describe(client, connection.version, &after, Sizes::Exact))?;
        let is_standby = bridge.block_on(client.query_one("SELECT pg_catalog.pg_is_in_recovery()", &[]));
        let is_standby: bool = is_standby.map_err(refused("say whether it is a standby"))?.get(0);
        let mut not_carried = Vec::new();
        if is_standby {
            for heap in tables.iter().flat_map(|table| &table.heaps).filter(|heap| heap.is_unlogged) {
                let object = format!("rows of table {}", shown(&heap.schema, &heap.name));
                let reason = "the table is unlogged and the source is a standby, which has no rows of it".to_owned();
                not_carried.push(Note { object, reason });
            }
            tables.iter_mut().for_each(|table| table.heaps.retain(|heap| !heap.is_unlogged));
            tables.retain(|table| !table.heaps.is_empty());
        }
        let foreign = bridge.block_on(tables::foreign_partitions(client, &after, &tables))?;
        tables.retain(|table| {
            let name = (table.spec.schema.clone(), table.spec.name.clone());
            let Some(partition) = foreign.get(&name) else { return true };
            let object = format!("rows of table {}", shown(&name.0, &name.1));
            let reason = format!(
                "a restore would hash them anew and could send some to another server: its partition {partition} is a foreign table"
            );
            not_carried.push(Note { object, reason });
            false
        });
        let mut facts = bridge.block_on(table_facts(client, connection.version, &after, &tables))?;
        facts.extend(bridge.block_on(large_objects::facts(client))?);
        let leader = Self { snapshot, taken_unix_ms, position, names, tables, tree, facts, not_carried };
        let (rows, bytes) = leader.totals();
        tracing::info!(snapshot = leader.snapshot, tables = leader.tables.len(), rows, bytes, "snapshot taken");
        Ok(leader)
    }

    /// Looks by another connection whether something got another name meanwhile, and ends the transaction. In this order: what waits
    /// for our locks begins when they go.
    ///
    /// # Errors
    /// `Unstable` if so, or the server's refusal.
    pub fn end(&self, bridge: &Bridge, connection: &Connection, outside: &Connection) -> Result<()> {
        if let Some(what) = self.names.changed(&bridge.block_on(Names::read(&outside.client))?) {
            return Err(EngineError::Unstable { what, tries: 1 });
        }
        bridge.block_on(connection.client.batch_execute("COMMIT")).map_err(refused("end a transaction"))
    }

    /// How tables are loaded back, where it is not the plain way.
    #[must_use]
    pub fn loads(&self) -> Vec<(String, String, Load)> {
        let special = self.tables.iter().filter(|table| table.load != Load::default());
        special.map(|table| (table.spec.schema.clone(), table.spec.name.clone(), table.load.clone())).collect()
    }

    /// Rows and bytes of all tables, estimated.
    #[must_use]
    pub fn totals(&self) -> (u64, u64) {
        self.tables.iter().fold((0, 0), |(rows, bytes), table| (rows + table.rows_estimate(), bytes + table.bytes()))
    }
}

fn roll_back(bridge: &Bridge, connection: &Connection) -> Result<()> {
    bridge.block_on(connection.client.batch_execute("ROLLBACK")).map_err(refused("end a transaction"))
}

fn attempt_wait(options: &CaptureOptions) -> Duration {
    options.lock_wait.clamp(Duration::from_millis(1), ATTEMPT_WAIT_MAX)
}

/// Begins the transaction and locks; the snapshot is taken by the first statement after this.
async fn lock(client: &Client, relations: &[Relation], wait: Duration) -> Result<()> {
    let doing = "lock the tables for reading";
    let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
    client.batch_execute(begin).await.map_err(refused(doing))?;
    let started = Instant::now();
    for some in relations.chunks(LOCK_TABLES_MAX) {
        let names: Vec<String> =
            some.iter().map(|relation| format!("ONLY {}", qualified(&relation.schema, &relation.name))).collect();
        // The one bounds each lock of the statement, the other all of them.
        let left = wait.saturating_sub(started.elapsed());
        let (lock_ms, limit) = (left.as_millis() + 1, left.max(LOCK_STATEMENT_MIN));
        let sql = format!(
            "SET LOCAL lock_timeout = {lock_ms}; SET LOCAL statement_timeout = {};\nLOCK TABLE {} IN ACCESS SHARE MODE",
            limit.as_millis() + 1,
            names.join(", ")
        );
        let asked = Instant::now();
        client.batch_execute(&sql).await.map_err(refused(doing)).map_err(|error| match error.code() {
            // Its time was over; nobody has cancelled it.
            Some("57014") if asked.elapsed() >= limit => {
                let refusal = Refusal::without_message(LOCK_NOT_AVAILABLE);
                EngineError::Refused { doing: doing.to_owned(), refusal }
            }
            _ => error,
        })?;
    }
    let reset = "SET LOCAL lock_timeout = 0; SET LOCAL statement_timeout = 0";
    client.batch_execute(reset).await.map_err(refused(doing))
}
