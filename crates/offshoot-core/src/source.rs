//! What a database engine implements to be captured, and what it is given to put the rows into.
//!
//! A source pushes: it reads one consistent state on as many connections as it likes and hands batches of rows to a
//! [`Sink`]. The sink sorts, cuts, encodes and stores them (ingest), or only digests them (verify).
//!
//! Calls may block (the sink is bounded in memory), so they are made from plain threads, never from inside an async
//! runtime's worker.

use crate::store::Clock;
use crate::{Control, CoreError, Result};
use offshoot_format::blob::BlobRef;
use offshoot_format::column::{Batch, Cell, Column};
use offshoot_format::facts::TableFacts;
use offshoot_format::manifest::{Environment, Load, Note, Origin, SchemaItem, Sequence};
use offshoot_format::table::{ColumnSpec, TableSpec};

/// A live database that can be captured.
pub trait Source {
    /// Reads one consistent state into `sink` and describes it.
    ///
    /// Every table gets exactly one [`TableSink`], finished after its last range; also one without rows.
    ///
    /// # Errors
    /// [`crate::CoreError::Source`] with the engine's own error, `retryable` if a new attempt on a new snapshot may
    /// succeed; errors of the sink as they are.
    fn capture(&mut self, sink: &dyn Sink, control: &Control) -> Result<Captured>;
}

/// What a source says about the state that it has put into the sink.
#[derive(Debug, Clone)]
pub struct Captured {
    /// When the state was, by the clock of this machine: everything that was committed by then is in it.
    pub taken_unix_ms: u64,
    /// Where the state was taken.
    pub origin: Origin,
    /// What it depends on.
    pub environment: Environment,
    /// The schema, in the order in which it can be applied.
    pub schema: Vec<SchemaItem>,
    /// Sequences, read after the data.
    pub sequences: Vec<Sequence>,
    /// How tables are loaded back, where it is not the plain way: schema, name, how.
    pub loads: Vec<(String, String, Load)>,
    /// What is known of the tables, if the source knows more than their columns.
    pub facts: Vec<TableFacts>,
    /// What was left out on purpose.
    pub omitted: Vec<Note>,
    /// What could not be carried.
    pub not_carried: Vec<Note>,
}

/// Now, by the clock of this machine, for [`Captured::taken_unix_ms`].
#[must_use]
pub fn now_unix_ms() -> u64 {
    Clock::default().now_unix_ms()
}

/// Name of the table (in the empty schema) that large objects are captured as: columns `oid` (4 bytes) and `data`.
pub const LARGE_OBJECTS: &str = "large_objects";

/// Whether a table is that of large objects. An engine without schemas may have a table of the same name, even with columns of
/// the same names, but no type of that name.
#[must_use]
pub fn is_large_objects(spec: &TableSpec) -> bool {
    let is_key = |column: &ColumnSpec| column.name == "oid" && column.type_name.contains("oid");
    spec.schema.is_empty() && spec.name == LARGE_OBJECTS && spec.columns.first().is_some_and(is_key)
}

/// Where a source puts tables.
pub trait Sink: Sync {
    /// Whether [`Self::describe`] does anything; describing costs a source some queries.
    fn wants_facts(&self) -> bool {
        false
    }

    /// Takes what is known of all tables, large objects among them, before the first is begun.
    ///
    /// # Errors
    /// If the sink refuses them.
    fn describe(&self, _tables: &[TableFacts]) -> Result<()> {
        Ok(())
    }

    /// Whether all rows of a table must go to [`Self::survey`] before it is begun, those of the same state. Asked after
    /// [`Self::describe`].
    fn surveys(&self, _spec: &TableSpec) -> bool {
        false
    }

    /// Takes the rows of such a table for the first time.
    ///
    /// # Errors
    /// `Protocol` if the sink wants to see no table twice.
    fn survey<'a>(&'a self, _spec: &TableSpec) -> Result<Box<dyn TableSink + 'a>> {
        Err(CoreError::Protocol("nobody asked for the rows of this table twice"))
    }

    /// Begins a table.
    ///
    /// # Errors
    /// `Protocol` if the table was begun before.
    fn table<'a>(&'a self, spec: &TableSpec) -> Result<Box<dyn TableSink + 'a>>;

    /// Says that the source has given up: nobody is to wait in the sink any more for what could be waited for otherwise.
    fn give_up(&self) {}
}

/// A sink that shows the rows to another one that is to see them first: a table is begun by [`Sink::survey`].
pub struct Survey<'s>(pub &'s dyn Sink);

impl Sink for Survey<'_> {
    fn table<'a>(&'a self, spec: &TableSpec) -> Result<Box<dyn TableSink + 'a>> {
        self.0.survey(spec)
    }

    fn give_up(&self) {
        self.0.give_up();
    }
}

/// Where a source puts the rows of one table.
pub trait TableSink: Send + Sync {
    /// Begins a range: a part of the table that one connection reads. Rows come in any order; nearly in key order is
    /// cheapest. `scattered` says that the source knows its order to be random in key order (a uuid key).
    ///
    /// # Errors
    /// If the operation is poisoned.
    fn range(&self, scattered: bool) -> Result<Box<dyn RangeSink + '_>>;

    /// Ends the table after all its ranges.
    ///
    /// # Errors
    /// If the rows cannot be stored.
    fn finish(self: Box<Self>) -> Result<()>;
}

/// Rows of a batch after which a source should push it.
pub const BATCH_ROWS: usize = 8192;
/// Bytes of a batch after which a source should push it.
pub const BATCH_BYTES: usize = 4 << 20;

/// Where a source puts the rows of one range.
pub trait RangeSink: Send {
    /// An empty batch with the columns of the table, to fill; one that was used before if there is one.
    fn batch(&mut self) -> Batch;

    /// Takes rows. Blocks while the workers are behind.
    ///
    /// # Errors
    /// If the rows cannot be stored, or the operation is poisoned or cancelled.
    fn push(&mut self, batch: Batch) -> Result<()>;

    /// Begins a value of this column that is too long for a batch; what it becomes goes there by [`Large::push_to`].
    ///
    /// # Errors
    /// If the operation is poisoned.
    fn blob(&mut self, column: usize) -> Result<Box<dyn BlobSink + '_>>;

    /// Bytes that the sink itself holds for the rows of the batch that is being filled: a source should push it when these and
    /// its own are together [`BATCH_BYTES`].
    fn held_bytes(&self) -> usize {
        0
    }

    /// Ends the range. A range that is dropped instead counts as failed, and so does its table.
    ///
    /// # Errors
    /// If the rows cannot be stored.
    fn finish(self: Box<Self>) -> Result<()>;
}

/// Where a source streams one large value.
pub trait BlobSink {
    /// The next bytes of the value, any number.
    ///
    /// # Errors
    /// If they cannot be stored.
    fn write(&mut self, bytes: &[u8]) -> Result<()>;

    /// Ends the value.
    ///
    /// # Errors
    /// If it cannot be stored.
    fn finish(self: Box<Self>) -> Result<Large>;
}

/// What a large value has become.
#[derive(Clone, PartialEq, Eq)]
pub enum Large {
    /// It is stored apart.
    Apart(BlobRef),
    /// It was rewritten and is not large any more.
    Short(Vec<u8>),
    /// It was rewritten to NULL.
    Null,
}

impl Large {
    /// Adds it to its column.
    ///
    /// # Errors
    /// If the column cannot hold it.
    pub fn push_to(&self, column: &mut Column) -> Result<()> {
        Ok(column.push_cell(match self {
            Self::Apart(blob) => Cell::Blob(*blob),
            Self::Short(bytes) => Cell::Bytes(bytes),
            Self::Null => Cell::Null,
        })?)
    }
}

impl std::fmt::Debug for Large {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Apart(blob) => write!(f, "Apart({} bytes)", blob.bytes),
            Self::Short(bytes) => write!(f, "Short({} bytes)", bytes.len()),
            Self::Null => f.write_str("Null"),
        }
    }
}
