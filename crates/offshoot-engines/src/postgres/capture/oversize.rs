//! Rows that COPY cannot send: the server builds a whole row in a buffer of at most 1 GB.
//!
//! Such a row is read column by column, and a column that is too large by itself slice by slice, each through COPY again,
//! so that here too nothing is held whole. The rows before it have arrived; their number tells which row it is, because
//! the same scan in the same snapshot meets the rows in the same order.

use super::range::{From, Reader, Tid, from_clause, one_value, tid};
use crate::error::{EngineError, Result, refused};
use crate::postgres::copy_out::Rows;
use crate::postgres::copy_out::binary::BinaryRows;
use crate::postgres::copy_out::pump::{Pumped, RowSink};
use crate::postgres::copy_out::text::TextRows;
use crate::postgres::quote::{ident, qualified, shown};
use crate::postgres::types::TypeTree;
use crate::postgres::types::rewrite::{Put, Rewriter};
use offshoot_core::CoreError;
use offshoot_core::source::{BlobSink, Large, RangeSink};
use offshoot_format::blob::BlobRef;
use offshoot_format::column::{Batch, Cell, Column};
use offshoot_format::ids::ChunkId;
use offshoot_format::table::{Layout, RowForm};

/// What one slice of a value brings. Large, because the server makes the whole value anew for each.
const SLICE_BYTES: u64 = 128 << 20;
const HEX: &[u8; 16] = b"0123456789abcdef";
/// bytea, by oid.
const BYTEA: u32 = 17;

/// Whether the server may have refused because a row is too large for it: it says so in three ways.
#[must_use]
pub fn is_oversize(error: &CoreError) -> bool {
    let CoreError::Source { source, .. } = error else { return false };
    let code = source.downcast_ref::<EngineError>().and_then(EngineError::code);
    matches!(code, Some("54000" | "53200" | "XX000"))
}

/// Reads the row that comes after `rows` others, and gives its place.
pub(super) fn read_row(
    reader: &Reader<'_>,
    from: &From,
    end: Option<u32>,
    rows: u64,
    sink: &mut dyn RangeSink,
) -> Result<Tid, CoreError> {
    let sql = format!(
        "SELECT ctid::pg_catalog.text {} OFFSET {rows} LIMIT 1",
        from_clause(reader.table, reader.heap, from, end)
    );
    let found =
        reader.bridge.block_on(reader.connection.client.query(&sql, &[])).map_err(refused("find a large row"))?;
    let found = found.first().ok_or(EngineError::Protocol { what: "a table", why: "a row is not where it was" })?;
    let place = tid(found.get(0))?;
    let mut row = sink.batch();
    for column in 0..reader.table.spec.columns.len() {
        read_value(reader, column, place, &mut row, sink)?;
    }
    row.rows = 1;
    sink.push(row)?;
    Ok(place)
}

fn read_value(
    reader: &Reader<'_>,
    column: usize,
    place: Tid,
    row: &mut Batch,
    sink: &mut dyn RangeSink,
) -> Result<(), CoreError> {
    let layout = reader.table.spec.columns[column].layout;
    let (rows, format) = match reader.table.spec.form {
        RowForm::Binary => {
            let types = &reader.table.types[column..=column];
            (Rows::Binary(BinaryRows::new(reader.tree, types)), "binary")
        }
        RowForm::Text => (Rows::Text(TextRows::new(1)), "text"),
    };
    let sql = format!("COPY ({}) TO STDOUT (FORMAT {format})", one_value(reader.table, reader.heap, column, place));
    let mut one = OneValue { layout, column, inner: sink, value: None };
    match reader.copy(&sql, rows, &mut one, &mut Pumped::default()) {
        Ok(()) => {
            let value = one.value.ok_or(EngineError::Protocol { what: "a table", why: "a row is not where it was" })?;
            Ok(row.columns[column].push_cell(value.columns[0].cell(0))?)
        }
        Err(error) if is_oversize(&error) => {
            reader.roll_back()?;
            read_slices(reader, column, place, row, sink)
        }
        Err(error) => Err(error),
    }
}

/// Reads one value in slices of the bytes that it would be sent as.
fn read_slices(
    reader: &Reader<'_>,
    column: usize,
    place: Tid,
    row: &mut Batch,
    sink: &mut dyn RangeSink,
) -> Result<(), CoreError> {
    let spec = &reader.table.spec;
    let name = ident(&spec.columns[column].name);
    let is_bytea = reader.tree.base(reader.table.types[column]).is_some_and(|base| base.oid == BYTEA);
    let bytes = match spec.form {
        // Sliced where it is stored, without making it whole.
        _ if is_bytea => name,
        RowForm::Text => {
            format!("pg_catalog.convert_to(({name})::pg_catalog.text, pg_catalog.getdatabaseencoding())")
        }
        RowForm::Binary => format!("{}({name})", reader.table.sends[column]),
    };
    let source =
        format!("FROM ONLY {} WHERE ctid = {}", qualified(&reader.heap.schema, &reader.heap.name), place.literal());
    let sql = format!("SELECT pg_catalog.octet_length({bytes})::pg_catalog.int8 {source}");
    let length = reader.bridge.block_on(reader.connection.client.query_one(&sql, &[]));
    let length: i64 = length.map_err(|error| unsendable(reader, column, error))?.get(0);
    let length = u64::try_from(length).unwrap_or(0);
    let is_hex = is_bytea && spec.form == RowForm::Text;
    let mut rewriter = (spec.form == RowForm::Binary && reader.tree.holds_unstable_oids(reader.table.types[column]))
        .then(|| Rewriter::new(reader.tree, reader.table.types[column], Put::Zero));
    if let Some(rewriter) = &mut rewriter {
        rewriter.begin(length);
    }
    let tree = TypeTree::default();
    let mut blob = sink.blob(column)?;
    if is_hex {
        blob.write(b"\\x")?;
    }
    let mut slices = Slices { blob: &mut *blob, rewriter, is_hex, scratch: Vec::new(), bytes: 0 };
    let mut offset = 0;
    while offset < length {
        let sql = format!(
            "COPY (SELECT pg_catalog.substr({bytes}, {}, {SLICE_BYTES}) {source}) TO STDOUT (FORMAT binary)",
            offset + 1
        );
        reader.copy(&sql, Rows::Binary(BinaryRows::new(&tree, &[BYTEA])), &mut slices, &mut Pumped::default())?;
        offset += SLICE_BYTES;
    }
    if slices.bytes != length {
        return Err(EngineError::Protocol { what: "a large value", why: "it is not as long as it was" }.into());
    }
    blob.finish()?.push_to(&mut row.columns[column])
}

/// A value whose form to be sent is too large even by itself: the server cannot make it in any way.
fn unsendable(reader: &Reader<'_>, column: usize, error: tokio_postgres::Error) -> CoreError {
    let error = CoreError::from(refused("measure a large value")(error));
    if !is_oversize(&error) {
        return error;
    }
    let spec = &reader.table.spec;
    let what = format!(
        "a value in column {} of table {}, in the form in which the server sends it,",
        shown("", &spec.columns[column].name),
        shown(&spec.schema, &spec.name)
    );
    EngineError::TooLarge { what, max_bytes: 1 << 30 }.into()
}

/// Takes one value of one column; a large one goes on to the real sink.
struct OneValue<'i> {
    layout: Layout,
    column: usize,
    inner: &'i mut dyn RangeSink,
    value: Option<Batch>,
}

impl RowSink for OneValue<'_> {
    fn batch(&mut self) -> Batch {
        Batch { columns: vec![Column::new(self.layout)], rows: 0 }
    }

    fn push(&mut self, batch: Batch) -> Result<(), CoreError> {
        if batch.rows != 1 || self.value.is_some() {
            return Err(EngineError::Protocol { what: "a table", why: "two rows are in one place" }.into());
        }
        self.value = Some(batch);
        Ok(())
    }

    fn blob(&mut self, _column: usize) -> Result<Box<dyn BlobSink + '_>, CoreError> {
        self.inner.blob(self.column)
    }
}

/// Joins slices into one blob.
struct Slices<'b, 't> {
    blob: &'b mut (dyn BlobSink + 'b),
    rewriter: Option<Rewriter<'t>>,
    /// The value is a bytea in text form: hexadecimal digits.
    is_hex: bool,
    scratch: Vec<u8>,
    bytes: u64,
}

impl RowSink for Slices<'_, '_> {
    fn batch(&mut self) -> Batch {
        Batch { columns: vec![Column::new(Layout::Var)], rows: 0 }
    }

    /// A short slice comes as a value, a long one has come by [`Self::blob`] already.
    fn push(&mut self, batch: Batch) -> Result<(), CoreError> {
        match batch.columns.first().map(|column| column.cell(0)) {
            Some(Cell::Bytes(bytes)) => Slice { all: self, bytes: 0 }.write(bytes),
            _ => Ok(()),
        }
    }

    fn blob(&mut self, _column: usize) -> Result<Box<dyn BlobSink + '_>, CoreError> {
        Ok(Box::new(Slice { all: self, bytes: 0 }))
    }
}

/// One slice on its way.
struct Slice<'s, 'b, 't> {
    all: &'s mut Slices<'b, 't>,
    bytes: u64,
}

impl BlobSink for Slice<'_, '_, '_> {
    fn write(&mut self, bytes: &[u8]) -> Result<(), CoreError> {
        let all = &mut *self.all;
        self.bytes += bytes.len() as u64;
        all.bytes += bytes.len() as u64;
        if all.is_hex {
            all.scratch.clear();
            all.scratch
                .extend(bytes.iter().flat_map(|byte| [HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]));
            return all.blob.write(&all.scratch);
        }
        let Some(rewriter) = &mut all.rewriter else { return all.blob.write(bytes) };
        all.scratch.clear();
        all.scratch.extend_from_slice(bytes);
        rewriter.piece(&mut all.scratch).map_err(|_| EngineError::Protocol {
            what: "a large value",
            why: "it is not in the binary form of its type",
        })?;
        all.blob.write(&all.scratch)
    }

    /// The reference means nothing: only that of the joined value does.
    fn finish(self: Box<Self>) -> Result<Large, CoreError> {
        Ok(Large::Apart(BlobRef { id: ChunkId::from_bytes([0; 32]), bytes: self.bytes }))
    }
}
