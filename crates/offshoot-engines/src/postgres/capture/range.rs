//! Reads one range of one table by COPY.

use super::connection::Connection;
use super::oversize;
use super::stop::Stop;
use super::work::Blocks;
use crate::bridge::Bridge;
use crate::error::{EngineError, Result, refused};
use crate::postgres::catalog::tables::{Heap, Table};
use crate::postgres::copy_out::Rows;
use crate::postgres::copy_out::binary::BinaryRows;
use crate::postgres::copy_out::pump::{Pump, Pumped, RowSink};
use crate::postgres::copy_out::text::TextRows;
use crate::postgres::quote::{ident, ident_list, qualified, shown};
use crate::postgres::types::TypeTree;
use offshoot_core::CoreError;
use offshoot_core::source::RangeSink;
use offshoot_format::table::RowForm;

/// What reading a range needs.
pub struct Reader<'r> {
    /// The thread's bridge.
    pub bridge: &'r Bridge,
    /// A connection in the snapshot, with a savepoint `range` behind the lock of the table.
    pub connection: &'r Connection,
    /// When to give up.
    pub stop: &'r Stop,
    /// The table.
    pub table: &'r Table,
    /// What of it is read.
    pub heap: &'r Heap,
    /// The types of its columns.
    pub tree: &'r TypeTree,
}

impl Reader<'_> {
    /// Reads all rows of the blocks into the sink.
    ///
    /// # Errors
    /// The server's, the stream's or the sink's.
    pub fn read(&self, blocks: Blocks, sink: &mut dyn RangeSink) -> Result<(), CoreError> {
        let mut from = From::Block(blocks.start);
        loop {
            let mut pumped = Pumped::default();
            let sql = copy_statement(self.table, self.heap, &from, blocks.end);
            let outcome = self.copy(&sql, self.rows(), sink, &mut pumped);
            tracing::debug!(rows = pumped.rows, bytes = pumped.bytes, "copied");
            let Err(error) = outcome else { return Ok(()) };
            if !oversize::is_oversize(&error) {
                return Err(error);
            }
            // The row after those that came cannot be sent whole.
            self.roll_back()?;
            let tid = oversize::read_row(self, &from, blocks.end, pumped.rows, sink)?;
            from = From::After(tid);
        }
    }

    /// Runs one COPY statement into the sink.
    pub(super) fn copy(
        &self,
        sql: &str,
        rows: Rows<'_>,
        sink: &mut (impl RowSink + ?Sized),
        pumped: &mut Pumped,
    ) -> Result<(), CoreError> {
        let doing = format!("read table {}", shown(&self.heap.schema, &self.heap.name));
        let tapped = self.connection.tap.next_copy();
        let stream = self.bridge.block_on(self.start(sql, &doing))?;
        Pump::new(self.bridge, self.stop, &doing, (tapped, stream), rows).run(sink, pumped)?;
        if self.recodes() {
            self.set_encoding("UTF8")?;
        }
        Ok(())
    }

    /// Starts a COPY. The statement is parsed as UTF-8, so that any name can be in it; the rows come in the server's
    /// encoding, so that the server converts nothing.
    async fn start(&self, sql: &str, doing: &str) -> Result<tokio_postgres::CopyOutStream> {
        let client = &self.connection.client;
        if !self.recodes() {
            return client.copy_out(sql).await.map_err(refused(doing));
        }
        let statement = client.prepare(sql).await.map_err(refused(doing))?;
        let set = set_encoding_statement(&self.connection.encoding);
        client.batch_execute(&set).await.map_err(refused(doing))?;
        client.copy_out(&statement).await.map_err(refused(doing))
    }

    fn recodes(&self) -> bool {
        self.connection.encoding != "UTF8"
    }

    fn set_encoding(&self, encoding: &str) -> Result<()> {
        let set = set_encoding_statement(encoding);
        self.bridge.block_on(self.connection.client.batch_execute(&set)).map_err(refused("set the session up"))
    }

    /// Leaves a failed COPY behind.
    pub(super) fn roll_back(&self) -> Result<()> {
        let sql = "ROLLBACK TO SAVEPOINT range";
        self.bridge.block_on(self.connection.client.batch_execute(sql)).map_err(refused("end a subtransaction"))?;
        if self.recodes() { self.set_encoding("UTF8") } else { Ok(()) }
    }

    fn rows(&self) -> Rows<'_> {
        match self.table.spec.form {
            RowForm::Binary => Rows::Binary(BinaryRows::new(self.tree, &self.table.types)),
            RowForm::Text => Rows::Text(TextRows::new(self.table.types.len())),
        }
    }
}

fn set_encoding_statement(encoding: &str) -> String {
    format!("SET client_encoding = {}", crate::postgres::quote::literal(encoding))
}

/// Where in the heap to begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum From {
    /// With the first row of this block.
    Block(u32),
    /// With the row after this one, given as the server writes it.
    After(Tid),
}

/// The place of a row in its heap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tid {
    /// Its block.
    pub block: u32,
    /// Its number in the block.
    pub item: u16,
}

impl Tid {
    /// As the server writes it: `(0,1)`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (block, item) = text.strip_prefix('(')?.strip_suffix(')')?.split_once(',')?;
        Some(Self { block: block.parse().ok()?, item: item.parse().ok()? })
    }

    /// As SQL.
    #[must_use]
    pub fn literal(self) -> String {
        format!("'({},{})'::pg_catalog.tid", self.block, self.item)
    }
}

/// The columns of a table, quoted, with commas.
pub(super) fn columns(table: &Table) -> String {
    ident_list(table.spec.columns.iter().map(|column| column.name.as_str()))
}

/// `FROM ONLY ... WHERE ...` of a part of a heap.
pub(super) fn from_clause(table: &Table, heap: &Heap, from: &From, end: Option<u32>) -> String {
    let name = qualified(&heap.schema, &heap.name);
    let mut bounds = Vec::new();
    match from {
        From::Block(0) => {}
        From::Block(block) => bounds.push(format!("ctid >= {}", Tid { block: *block, item: 0 }.literal())),
        From::After(tid) => bounds.push(format!("ctid > {}", tid.literal())),
    }
    if let Some(end) = end {
        bounds.push(format!("ctid < {}", Tid { block: end, item: 0 }.literal()));
    }
    let bounds = if bounds.is_empty() { String::new() } else { format!(" WHERE {}", bounds.join(" AND ")) };
    match &table.condition {
        // Whatever an extension wrote there stays by itself: an OR, an order, a comment. By an index, rows could come in any order,
        // and where to go on after a large row is said by its place.
        Some(condition) => {
            format!("FROM (SELECT ctid, * FROM ONLY {name} {condition}\n) AS part{bounds} ORDER BY ctid")
        }
        None => format!("FROM ONLY {name}{bounds}"),
    }
}

fn copy_statement(table: &Table, heap: &Heap, from: &From, end: Option<u32>) -> String {
    let format = match table.spec.form {
        RowForm::Binary => "FORMAT binary",
        RowForm::Text => "FORMAT text",
    };
    let is_whole = *from == From::Block(0) && end.is_none() && table.condition.is_none();
    if !is_whole {
        return format!(
            "COPY (SELECT {} {}) TO STDOUT ({format})",
            columns(table),
            from_clause(table, heap, from, end)
        );
    }
    let name = qualified(&heap.schema, &heap.name);
    // Without columns there is no list to write.
    let list = if table.spec.columns.is_empty() { String::new() } else { format!("({}) ", columns(table)) };
    format!("COPY {name} {list}TO STDOUT ({format})")
}

/// The tid in a row of a query, if the server gave one.
pub(super) fn tid(text: &str) -> Result<Tid> {
    Tid::parse(text).ok_or(EngineError::Protocol { what: "a ctid", why: "it is not a block and a number" })
}

/// One column of one row, as a source of a COPY.
pub(super) fn one_value(table: &Table, heap: &Heap, column: usize, tid: Tid) -> String {
    let name = &table.spec.columns[column].name;
    format!("SELECT {} FROM ONLY {} WHERE ctid = {}", ident(name), qualified(&heap.schema, &heap.name), tid.literal())
}
