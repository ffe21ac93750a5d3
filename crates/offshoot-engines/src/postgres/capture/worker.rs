//! A worker: joins the snapshot, takes ranges from the queue, and reads them.

use super::connection::{Connection, Sessions};
use super::leader::Leader;
use super::range;
use super::stop::Stop;
use super::work::{Task, Work};
use crate::bridge::Bridge;
use crate::conninfo::ConnInfo;
use crate::error::{EngineError, LOCK_NOT_AVAILABLE, refused};
use crate::postgres::quote::{literal, qualified, shown};
use offshoot_core::CoreError;
use tokio_postgres::SimpleQueryMessage;

/// Reads on a connection of its own until nothing is left.
///
/// # Errors
/// The first that happens.
pub fn run(
    conninfo: &ConnInfo,
    sessions: &Sessions,
    leader: &Leader,
    work: &Work<'_>,
    stop: &Stop,
) -> Result<(), CoreError> {
    let bridge = Bridge::new().map_err(|source| EngineError::Io { operation: "starting a thread", source })?;
    let connection = Connection::open(&bridge, conninfo, sessions)?;
    let begin = format!(
        "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET TRANSACTION SNAPSHOT {}",
        literal(&leader.snapshot)
    );
    bridge.block_on(connection.client.batch_execute(&begin)).map_err(refused("join the snapshot"))?;
    let mut savepoints = Savepoints::default();
    while let Some(task) = work.next()? {
        stop.check()?;
        if !savepoints.lock(&bridge, &connection, leader, &task)? {
            tracing::debug!(table = task.table, "left to the leader, who holds the lock");
            work.leave_to_leader(task);
            continue;
        }
        read(&bridge, &connection, leader, stop, &task)?;
        work.done(task)?;
    }
    Ok(())
}

/// Reads on the leader's connection, first what only it can read.
///
/// # Errors
/// The first that happens.
pub fn lead(
    bridge: &Bridge,
    connection: &Connection,
    leader: &Leader,
    work: &Work<'_>,
    stop: &Stop,
) -> Result<(), CoreError> {
    let mut savepoints = Savepoints::default();
    while let Some(task) = work.next_for_leader(stop)? {
        // The leader has the lock already, and a second one is always granted.
        savepoints.lock(bridge, connection, leader, &task)?;
        read(bridge, connection, leader, stop, &task)?;
        work.done(task)?;
    }
    Ok(())
}

fn read(
    bridge: &Bridge,
    connection: &Connection,
    leader: &Leader,
    stop: &Stop,
    task: &Task<'_>,
) -> Result<(), CoreError> {
    let table = &leader.tables[task.table];
    let (schema, name) = (&table.spec.schema, &table.spec.name);
    let _span = tracing::debug_span!("range", schema, table = name).entered();
    let mut sink = task.open.sink.range(table.is_scattered)?;
    let heap = &table.heaps[task.heap];
    let reader = range::Reader { bridge, connection, stop, table, heap, tree: &leader.tree };
    while let Some(blocks) = task.next_blocks() {
        stop.check()?;
        tracing::debug!(first_block = blocks.start, end_block = blocks.end, "read blocks");
        reader.read(blocks, &mut *sink)?;
    }
    sink.finish()
}

/// The subtransactions around a range: `task` before its lock, which may be refused, and `range` behind it, to which a
/// failed COPY is rolled back without losing the lock.
#[derive(Default)]
struct Savepoints {
    is_set: bool,
}

impl Savepoints {
    /// Locks the table of a range without waiting. False if somebody is queued for a stronger lock: waiting behind them,
    /// while they wait for the leader, would be a deadlock that the server cannot see.
    fn lock(
        &mut self,
        bridge: &Bridge,
        connection: &Connection,
        leader: &Leader,
        task: &Task<'_>,
    ) -> Result<bool, CoreError> {
        let heap = &leader.tables[task.table].heaps[task.heap];
        let name = qualified(&heap.schema, &heap.name);
        // Releasing keeps the locks, and keeps subtransactions from nesting ever deeper.
        let release = if self.is_set { "RELEASE SAVEPOINT task; " } else { "" };
        let sql = format!(
            "{release}SAVEPOINT task; LOCK TABLE ONLY {name} IN ACCESS SHARE MODE NOWAIT; SAVEPOINT range; \
             SELECT {}::pg_catalog.regclass::pg_catalog.oid",
            literal(&name)
        );
        self.is_set = true;
        match bridge.block_on(connection.client.simple_query(&sql)).map_err(refused("lock a table for reading")) {
            Ok(answers) if is_oid(&answers, heap.oid) => Ok(true),
            // Its schema got another name, and another schema that name.
            Ok(_) => Err(EngineError::Unstable { what: shown(&heap.schema, &heap.name), tries: 1 }.into()),
            Err(error) if error.code() == Some(LOCK_NOT_AVAILABLE) => {
                bridge
                    .block_on(connection.client.batch_execute("ROLLBACK TO SAVEPOINT task"))
                    .map_err(refused("end a subtransaction"))?;
                Ok(false)
            }
            Err(error) => Err(error.into()),
        }
    }
}

fn is_oid(answers: &[SimpleQueryMessage], oid: u32) -> bool {
    let found = answers.iter().find_map(|answer| match answer {
        SimpleQueryMessage::Row(row) => row.get(0),
        _ => None,
    });
    found.is_some_and(|found| found == oid.to_string())
}
