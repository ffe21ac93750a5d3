//! A few rows of every table, for a look at what is in them: cheap for the server, and in nobody's way.
//!
//! Each table is read in a short read-only transaction of its own, with short timeouts, so that no lock is held for long
//! and none is waited for. Small tables give their first rows; of larger ones a part comes from blocks spread over the table
//! (TABLESAMPLE SYSTEM, always the same blocks). Long values are left out by their stored size. What cannot be read is
//! named and passed over. Rows come in the form and with the columns that a capture reads.

use super::capture::connection::Connection;
use super::catalog::large_objects;
use super::catalog::relations::{self, Relation};
use super::catalog::tables::{self, Heap, Sizes, Table};
use super::copy_out::binary::BinaryRows;
use super::copy_out::text::TextRows;
use super::copy_out::{Rows, Step};
use super::facts::{encoding, table_facts};
use super::quote::{ident, qualified, shown};
use super::types::TypeTree;
use crate::bridge::{Bridge, on_own_thread};
use crate::conninfo::ConnInfo;
use crate::error::{EngineError, LOCK_NOT_AVAILABLE, Result, refused};
use crate::sample::VALUE_BYTES_MAX;
pub use crate::sample::{SampleOptions, Sampled, Samples};
use futures_util::StreamExt as _;
use offshoot_core::{Control, CoreError};
use offshoot_format::column::Batch;
use offshoot_format::facts::TableFacts;
use offshoot_format::table::{Layout, RowForm};
use std::collections::BTreeMap;
use tokio_postgres::Client;

/// Smaller tables give their first rows alone, in bytes.
const SPREAD_BYTES_MIN: u64 = 1 << 20;
/// Of fewer rows than this no part is left to chance.
const SPREAD_ROWS_MIN: u64 = 100;
/// Of more partitions, only some are looked into: others will be alike.
const PARTITIONS_MAX: usize = 8;

/// How often the catalog is read anew after a lock came in between.
const TRIES_MAX: u32 = 5;

/// Relations that another session keeps everybody from, or waits to.
const LOCKED: &str = "
SELECT DISTINCT l.relation FROM pg_catalog.pg_locks l
WHERE l.mode = 'AccessExclusiveLock' AND l.relation IS NOT NULL AND l.pid IS DISTINCT FROM pg_catalog.pg_backend_pid()
  AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database())";

/// Looks into all tables that a capture would read; partitioned tables follow without rows. May be called inside a
/// runtime.
///
/// # Errors
/// If there is no connection, the catalog cannot be read, or the operation is cancelled. Tables that cannot be read are no
/// error.
pub fn sample(conninfo: &ConnInfo, options: &SampleOptions, control: &Control) -> Result<Samples, CoreError> {
    on_own_thread("scan", |bridge| run(bridge, conninfo, options, control))
        .map_err(|source| EngineError::Io { operation: "starting a thread", source })?
}

fn run(bridge: &Bridge, conninfo: &ConnInfo, options: &SampleOptions, control: &Control) -> Result<Samples, CoreError> {
    let connection = bridge.block_on(Connection::open_async(conninfo))?;
    control.step("list");
    let mut tries = 0;
    let Described { tables, tree, facts, locked } = loop {
        tries += 1;
        match bridge.block_on(describe(&connection, options)) {
            // Somebody locked a table after it was seen that nobody had.
            Err(error) if error.code() == Some(LOCK_NOT_AVAILABLE) && tries < TRIES_MAX => {
                bridge.block_on(connection.client.batch_execute("ROLLBACK")).map_err(refused("end a transaction"))?;
                control.check()?;
            }
            described => break described?,
        }
    };
    let shares = shares(&facts[..tables.len()], options.rows_max);
    let wanted = options.wanted(&facts);
    let mut sampled = Vec::new();
    control.step("sample");
    for (place, facts) in facts.into_iter().enumerate() {
        control.check()?;
        let (mut rows, mut unread) = (None, None);
        if let (Some(table), Some(share)) =
            (tables.get(place), shares.get(place).filter(|share| **share > 0 && wanted[place]))
        {
            match bridge.block_on(read(&connection.client, table, &tree, *share, options)) {
                Ok(read) => rows = Some(read),
                Err(error) => unread = Some(reason(error)?),
            }
        }
        tracing::debug!(
            schema = facts.schema,
            table = facts.name,
            rows = rows.as_ref().map(|rows| rows.rows),
            "sampled"
        );
        sampled.push(Sampled { facts, rows, unread });
    }
    Ok(Samples { tables: sampled, locked })
}

/// What is there.
struct Described {
    tables: Vec<Table>,
    tree: TypeTree,
    /// Of the tables, and behind them of those above.
    facts: Vec<TableFacts>,
    locked: Vec<(String, String)>,
}

/// What is there, read in one transaction, so that it fits together. Printing an expression takes a lock of its table, so
/// tables that somebody else has locked are left out.
async fn describe(connection: &Connection, options: &SampleOptions) -> Result<Described> {
    let (client, version) = (&connection.client, connection.version);
    let wait = options.lock_wait.as_millis().max(1);
    let begin = format!("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL lock_timeout = {wait}");
    client.batch_execute(&begin).await.map_err(refused("begin to read"))?;
    let mut relations = relations::list(client).await?;
    let rows = client.query(LOCKED, &[]).await.map_err(refused("list its locks"))?;
    let oids: Vec<u32> = rows.iter().map(|row| row.get(0)).collect();
    let is_locked = |relation: &Relation| oids.contains(&relation.oid);
    let locked = relations.iter().filter(|of| is_locked(of)).map(|of| (of.schema.clone(), of.name.clone())).collect();
    relations.retain(|relation| !is_locked(relation));
    let (mut tables, tree) = tables::describe(client, version, &relations, Sizes::Estimated).await?;
    if options.as_text {
        for spec in tables.iter_mut().map(|table| &mut table.spec) {
            spec.form = RowForm::Text;
            spec.columns.iter_mut().for_each(|column| column.layout = Layout::Var);
        }
    }
    let mut facts = table_facts(client, version, &relations, &tables).await?;
    // The session's client encoding is UTF-8.
    encoding::in_utf8(&mut facts);
    facts.extend(large_objects::facts(client).await?);
    client.batch_execute("COMMIT").await.map_err(refused("end to read"))?;
    Ok(Described { tables, tree, facts, locked })
}

/// How many rows each table gives: the parts of one table share.
fn shares(facts: &[TableFacts], rows_max: u32) -> Vec<u32> {
    let mut parts: BTreeMap<&(String, String), Vec<usize>> = BTreeMap::new();
    for (place, table) in facts.iter().enumerate() {
        parts.entry(table.parent.as_ref().unwrap_or(&NO_PARENT)).or_default().push(place);
    }
    let mut shares = vec![rows_max; facts.len()];
    for (_, places) in parts.into_iter().filter(|(parent, _)| **parent != NO_PARENT) {
        let count = places.len().min(PARTITIONS_MAX);
        // Spread over all of them: the newest may be empty still, the oldest of another time.
        let chosen: Vec<usize> = (0..count).map(|part| places[part * places.len() / count]).collect();
        for place in places {
            shares[place] = if chosen.contains(&place) { rows_max.div_ceil(count as u32) } else { 0 };
        }
    }
    shares
}

static NO_PARENT: (String, String) = (String::new(), String::new());

/// Why a table could not be read.
///
/// # Errors
/// The error itself, if it is none of one table.
fn reason(error: EngineError) -> Result<String> {
    let code = error.code().unwrap_or_default().to_owned();
    Ok(match code.as_str() {
        "42501" => "the role may not read it".to_owned(),
        LOCK_NOT_AVAILABLE => "it is locked by another session".to_owned(),
        "57014" => "reading it took too long".to_owned(),
        "42P01" | "42703" | "3F000" => "it was altered or dropped meanwhile".to_owned(),
        // Texts that are not of the database's encoding, data that is damaged.
        _ if ["22", "XX", "58"].iter().any(|class| code.starts_with(class)) => {
            format!("its rows cannot be read (SQLSTATE {code})")
        }
        _ => return Err(error),
    })
}

async fn read(
    client: &Client,
    table: &Table,
    tree: &TypeTree,
    rows_max: u32,
    options: &SampleOptions,
) -> Result<Batch> {
    let begin = format!(
        "BEGIN READ ONLY; SET LOCAL lock_timeout = {}; SET LOCAL statement_timeout = {}",
        options.lock_wait.as_millis().max(1),
        options.statement_wait.as_millis().max(1)
    );
    let doing = format!("look into table {}", shown(&table.spec.schema, &table.spec.name));
    client.batch_execute(&begin).await.map_err(refused(&doing))?;
    let mut batch = Batch::new(&table.spec.columns);
    let mut outcome = Ok(());
    let heaps = &table.heaps[..table.heaps.len().min(PARTITIONS_MAX)];
    let share = rows_max.div_ceil(u32::try_from(heaps.len()).unwrap_or(1).max(1));
    for heap in heaps {
        let rows = match table.spec.form {
            RowForm::Binary => Rows::Binary(BinaryRows::new(tree, &table.types)),
            RowForm::Text => Rows::Text(TextRows::new(table.types.len())),
        };
        let sql = statement(table, heap, share, options.bytes_max);
        outcome = copy(client, &sql, rows, &mut batch, options.bytes_max, &doing).await;
        if outcome.is_err() {
            break;
        }
    }
    let end = if outcome.is_ok() { "COMMIT" } else { "ROLLBACK" };
    client.batch_execute(end).await.map_err(refused(&doing))?;
    outcome.map(|()| batch)
}

/// Appends whole rows to the batch until the stream ends or is long enough.
async fn copy(
    client: &Client,
    sql: &str,
    mut rows: Rows<'_>,
    batch: &mut Batch,
    bytes_max: u64,
    doing: &str,
) -> Result<()> {
    let mut stream = Box::pin(client.copy_out(sql).await.map_err(refused(doing))?);
    let mut filling =
        Batch { columns: batch.columns.iter().map(offshoot_format::column::Column::fresh).collect(), rows: 0 };
    let mut bytes = 0;
    let mut is_enough = false;
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(refused(doing))?;
        bytes += chunk.len() as u64;
        // What comes after enough is let go by: the statement is bounded, and is left to end by itself.
        let mut at = if is_enough { chunk.len() } else { 0 };
        while at < chunk.len() {
            let mut input = &chunk[at..];
            let large = match rows.step(&mut input, &mut filling)? {
                Step::More | Step::End => break,
                Step::Full => {
                    is_enough = true;
                    break;
                }
                // Small as it was stored, but large: it is not looked at.
                Step::LargeBegin { .. } | Step::LargePiece(_) => None,
                Step::LargeEnd { column } => Some(column),
            };
            at = chunk.len() - input.len();
            if let Some(column) = large {
                filling.columns[column].push_null();
            }
        }
        is_enough |= bytes > bytes_max;
    }
    let whole = filling.rows;
    Ok(batch.extend_from(&filling, 0..whole)?)
}

/// The statement for one heap: its first rows, and rows of blocks that are spread over it if it is large.
fn statement(table: &Table, heap: &Heap, rows_max: u32, bytes_max: u64) -> String {
    let columns: Vec<String> = table
        .spec
        .columns
        .iter()
        .map(|column| {
            let name = ident(&column.name);
            format!("CASE WHEN pg_catalog.pg_column_size({name}) <= {VALUE_BYTES_MAX} THEN {name} END")
        })
        .collect();
    let select = format!("SELECT {} FROM ONLY {}", columns.join(", "), qualified(&heap.schema, &heap.name));
    let condition = table.condition.as_deref().map_or(String::new(), |condition| format!(" {condition}"));
    let row_bytes = heap.bytes.checked_div(heap.rows_estimate).unwrap_or(0).max(1);
    let rows = u64::from(rows_max).min((bytes_max / row_bytes).max(20));
    let is_spread = rows >= SPREAD_ROWS_MIN && heap.rows_estimate > 10 * rows;
    let is_large = heap.is_heap && heap.heap_bytes >= SPREAD_BYTES_MIN && is_spread;
    let format = match table.spec.form {
        RowForm::Binary => "FORMAT binary",
        RowForm::Text => "FORMAT text",
    };
    if !is_large {
        return format!("COPY ({select}{condition} LIMIT {rows}) TO STDOUT ({format})");
    }
    // Somewhat more than needed, as blocks are not equally full.
    let percent = 150.0 * rows as f64 / heap.rows_estimate as f64;
    let (first, spread) = (rows / 4, rows - rows / 4);
    format!(
        "COPY ((({select}{condition} LIMIT {first}) UNION ALL \
         ({select} TABLESAMPLE pg_catalog.system ({percent:.6}) REPEATABLE (0){condition} LIMIT {spread}))) TO STDOUT ({format})"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_share_the_rows_of_one_table() {
        let table = |name: &str, parent: Option<&str>| TableFacts {
            schema: "s".into(),
            name: name.into(),
            columns: Vec::new(),
            form: RowForm::Binary,
            key: Vec::new(),
            unique: Vec::new(),
            foreign_keys: Vec::new(),
            parent: parent.map(|parent| ("s".into(), parent.into())),
            period: None,
        };
        let mut facts = vec![table("a", None), table("b", None)];
        facts.extend((0..20).map(|part| table(&format!("p{part}"), Some("p"))));
        let shares = shares(&facts, 1000);
        assert_eq!(shares[..2], [1000, 1000]);
        assert_eq!(shares[2..].iter().filter(|share| **share == 125).count(), 8);
        assert_eq!(shares[2..].iter().sum::<u32>(), 1000);
        assert_eq!(shares[2], 125);
    }
}
