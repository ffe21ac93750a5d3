//! A few rows of every table, for a look at what is in them: cheap for the server, and in nobody's way.
//!
//! Each table is read by one statement with a short bound, outside of any transaction, so that no lock is kept. Small tables
//! give their first rows; of larger ones with an integer key, rows from several places of it. Long values are left out. What
//! cannot be read is named and passed over. Rows come in the form and with the columns that a capture reads, or as texts.

use super::capture;
use super::catalog::tables::{Table, Tables, list};
use super::conninfo::ConnInfo;
use super::error::{MysqlError, Result, number};
use super::facts::table_facts;
use super::quote::ident;
use super::session::{NextRow, Session, cut_short, split_value};
use super::types::Kind;
use crate::sample::{SampleOptions, Sampled, Samples, VALUE_BYTES_MAX};
use offshoot_core::{Control, CoreError};
use offshoot_format::column::Batch;
use offshoot_format::facts::TableFacts;
use offshoot_format::table::{ColumnSpec, Layout, RowForm};

/// Places of a large table that rows come from.
const PLACES: u64 = 8;
/// Of fewer rows than this, the first ones are as good as any.
const SPREAD_ROWS_MIN: u64 = 10_000;

/// Looks into all tables that a capture would read.
///
/// # Errors
/// If there is no connection, the catalog cannot be read, or the operation is cancelled. Tables that cannot be read are no
/// error.
pub fn sample(conninfo: &ConnInfo, options: &SampleOptions, control: &Control) -> Result<Samples, CoreError> {
    let mut session = capture::open(conninfo)?;
    control.step("list");
    let Tables { all } = list(&mut session)?;
    let tables = Tables { all: all.into_iter().filter(Table::has_rows).collect() };
    let mut facts = table_facts(&mut session, &tables)?;
    if options.as_text {
        facts.iter_mut().for_each(as_text);
    } else {
        session.want_raw_texts()?;
    }
    bound(&mut session, options)?;
    let wanted = options.wanted(&facts);
    let mut samples = Samples::default();
    control.step("sample");
    for ((table, facts), is_wanted) in tables.all.iter().zip(facts).zip(wanted) {
        control.check()?;
        let (mut rows, mut unread) = (None, None);
        if is_wanted {
            match read(&mut session, table, options) {
                Ok(read) => rows = Some(read),
                Err(error) => unread = Some(reason(error)?),
            }
        }
        tracing::debug!(table = facts.name, rows = rows.as_ref().map(|rows| rows.rows), "sampled");
        samples.tables.push(Sampled { facts, rows, unread });
    }
    Ok(samples)
}

/// The facts of rows that come as texts in UTF-8.
fn as_text(facts: &mut TableFacts) {
    facts.form = RowForm::Text;
    for column in &mut facts.columns {
        if column.type_name.starts_with("text_") {
            "text".clone_into(&mut column.type_name);
        }
        column.default = None;
    }
}

/// How long a statement may take and wait.
fn bound(session: &mut Session, options: &SampleOptions) -> Result<()> {
    let lock_seconds = options.lock_wait.as_secs().max(1);
    let limit = if session.flavor().is_mariadb() {
        format!("max_statement_time = {}", options.statement_wait.as_secs_f64())
    } else {
        format!("max_execution_time = {}", options.statement_wait.as_millis().max(1))
    };
    session
        .execute("set the session up", &format!("SET SESSION lock_wait_timeout = {lock_seconds}, SESSION {limit}"))?;
    Ok(())
}

/// Why a table could not be read.
///
/// # Errors
/// The error itself, if it is none of one table.
fn reason(error: MysqlError) -> Result<String> {
    Ok(match error.number() {
        Some(number::TABLE_ACCESS_DENIED | 1143) => "the user may not read it".to_owned(),
        Some(number::LOCK_WAIT_TIMEOUT) => "it is locked by another session".to_owned(),
        // Of MySQL; of MariaDB.
        Some(3024 | 1969) => "reading it took too long".to_owned(),
        Some(number::NO_SUCH_TABLE | 1054 | number::DEFINITION_CHANGED) => {
            "it was altered or dropped meanwhile".to_owned()
        }
        Some(number) => format!("its rows cannot be read (error {number})"),
        None => return Err(error),
    })
}

fn read(session: &mut Session, table: &Table, options: &SampleOptions) -> Result<Batch> {
    let specs: Vec<ColumnSpec> = if options.as_text {
        table.spec.columns.iter().map(|column| ColumnSpec { layout: Layout::Var, ..column.clone() }).collect()
    } else {
        table.spec.columns.clone()
    };
    let mut batch = Batch::new(&specs);
    let doing = format!("look into table {}", table.name);
    let row_bytes = (table.bytes / table.rows_estimate.max(1)).max(1);
    let rows_max = u64::from(options.rows_max).min((options.bytes_max / row_bytes).max(20));
    let places = places(session, table, rows_max, &doing)?;
    let share = rows_max.div_ceil(places.len() as u64).max(1);
    let longer = || MysqlError::Protocol { what: "a sample", why: "it is more than was asked for" };
    for condition in &places {
        let sql = format!("{} {condition} LIMIT {share}", select(table, options.as_text));
        let mut rows = session.rows(&doing, &sql)?;
        if rows.columns() != batch.columns.len().max(1) {
            return Err(MysqlError::Protocol { what: "a sample", why: "it has other columns than were asked for" });
        }
        let mut left = share;
        while let Some(row) = rows.next_row()? {
            left = left.checked_sub(1).ok_or_else(longer)?;
            // Every value is bounded, but a row may have many.
            let NextRow::Whole(mut row) = row else {
                return Err(MysqlError::Protocol { what: "a row of a sample", why: "it is too long" });
            };
            for (column, of) in batch.columns.iter_mut().zip(&table.types) {
                let (value, rest) = split_value(row).ok_or_else(cut_short)?;
                row = rest;
                match value {
                    None => column.push_null(),
                    Some(value) if options.as_text => column.push(value)?,
                    Some(value) => of.push(value, column)?,
                }
            }
            batch.rows += 1;
        }
    }
    Ok(batch)
}

/// `SELECT`, with NULL for values that are too long.
fn select(table: &Table, as_text: bool) -> String {
    let columns = table.spec.columns.iter().zip(&table.types).map(|(column, of)| {
        let value = match (as_text, of.kind) {
            (true, Kind::Bytes | Kind::Bit(_)) => format!("HEX({})", ident(&column.name)),
            (true, _) => ident(&column.name),
            (false, _) => of.expression(&column.name),
        };
        match of.layout() {
            Layout::Var => format!("IF(LENGTH({0}) <= {VALUE_BYTES_MAX}, {value}, NULL)", ident(&column.name)),
            Layout::Fixed(_) => value,
        }
    });
    let list: Vec<String> = columns.collect();
    let list = if list.is_empty() { "1".to_owned() } else { list.join(", ") };
    format!("SELECT {list} FROM {}", table.source())
}

/// Conditions that lead to rows in several places of a large table.
fn places(session: &mut Session, table: &Table, rows_max: u64, doing: &str) -> Result<Vec<String>> {
    let everywhere = vec![String::new()];
    let Some(key) = table.integer_key().map(ident) else { return Ok(everywhere) };
    if table.rows_estimate < SPREAD_ROWS_MIN || rows_max < PLACES {
        return Ok(everywhere);
    }
    let sql = format!("SELECT MIN({key}), MAX({key}) FROM {}", table.source());
    let row = session.query_one(doing, &sql)?;
    let (Some(first), Some(last)) = (row.parse::<i128>(0)?, row.parse::<i128>(1)?) else { return Ok(everywhere) };
    let places = i128::from(PLACES);
    let span = last.saturating_sub(first);
    Ok((0..places).map(|place| format!("WHERE {key} >= {}", first.saturating_add(span / places * place))).collect())
}
