//! Rows on their way into the server: from columns to the stream of `COPY ... FROM STDIN`, in binary or text form.
//!
//! Encoding is pure and runs on the decoders' threads; a leaf becomes a short list of [`Frame`]s of about 1 MiB. Values
//! that are stored apart are not part of it: they are frames of their own, and are streamed while sending, so that
//! memory does not grow with the size of a value. It does not talk to a server.

mod binary;
#[cfg(test)]
mod tests;
mod text;

use super::types::rewrite::Malformed;
use super::types::{TypeTree, rewrite};
use bytes::Bytes;
use offshoot_core::{CoreError, Result};
use offshoot_format::blob::BlobRef;
use offshoot_format::column::{Batch, Cell};
use offshoot_format::table::RowForm;

pub use binary::{HEADER, TRAILER};
pub use text::escape_into;

/// Bytes after which a frame ends.
pub const FRAME_BYTES: usize = 1 << 20;

/// Most bytes that the values of one row may have to go through COPY. The server builds the whole row in memory and
/// stops at 1 GiB less one byte; the rest is room for its header and what padding and lengths add.
pub const COPY_ROW_BYTES_MAX: u64 = (1 << 30) - (1 << 20);

/// A part of a stream.
#[derive(Clone, PartialEq, Eq)]
pub enum Frame {
    /// Bytes to send as they are.
    Bytes(Bytes),
    /// The value of this column, to be streamed.
    Blob {
        /// What to stream.
        blob: BlobRef,
        /// Whose type it has.
        column: usize,
    },
}

/// What a batch became.
#[derive(Clone, Default)]
pub struct Encoded {
    /// The stream, without header and trailer.
    pub frames: Vec<Frame>,
    /// Rows that are in the stream.
    pub rows: u64,
    /// Rows that are too large for it, one a batch.
    pub oversized: Vec<Batch>,
}

/// Turns the rows of one table into a stream.
#[derive(Debug)]
pub struct RowEncoder {
    form: RowForm,
    tree: TypeTree,
    types: Vec<u32>,
    rewritten: Vec<bool>,
    row_bytes_max: u64,
}

impl RowEncoder {
    /// An encoder for columns of these types of the target, which are in the tree.
    #[must_use]
    pub fn new(form: RowForm, tree: TypeTree, types: Vec<u32>) -> Self {
        let rewritten = types.iter().map(|&oid| form == RowForm::Binary && tree.holds_unstable_oids(oid)).collect();
        Self { form, tree, types, rewritten, row_bytes_max: COPY_ROW_BYTES_MAX }
    }

    /// The same with another limit for one row, in bytes.
    #[must_use]
    pub fn with_row_bytes_max(mut self, bytes: u64) -> Self {
        self.row_bytes_max = bytes;
        self
    }

    /// An encoder for some of the columns, of rows of any size.
    #[must_use]
    pub fn of_columns(&self, columns: &[usize]) -> Self {
        let types = columns.iter().map(|&column| self.types[column]).collect();
        Self::new(self.form, self.tree.clone(), types).with_row_bytes_max(u64::MAX)
    }

    /// The form of the stream.
    #[must_use]
    pub fn form(&self) -> RowForm {
        self.form
    }

    /// A walk that puts the target's oids into values of a column, if they hold any that differ between servers.
    #[must_use]
    pub fn rewriter(&self, column: usize) -> Option<rewrite::Rewriter<'_>> {
        let rewritten = *self.rewritten.get(column)?;
        rewritten.then(|| rewrite::Rewriter::new(&self.tree, self.types[column], rewrite::Put::Declared))
    }

    /// The rows as a stream.
    ///
    /// # Errors
    /// `Protocol` if the batch has other columns, or a value is not one of its column's type.
    pub fn encode(&self, batch: &Batch) -> Result<Encoded> {
        if batch.columns.len() != self.types.len() {
            return Err(CoreError::Protocol("a leaf has other columns than its table"));
        }
        let mut out = Writer::default();
        let oversized = self.oversized(batch);
        let mut start = 0;
        for &row in oversized.iter().chain([&batch.rows]) {
            match self.form {
                RowForm::Binary => binary::write_rows(self, batch, start..row, &mut out)?,
                RowForm::Text => text::write_rows(batch, start..row, &mut out),
            }
            start = row + 1;
        }
        let mut encoded =
            Encoded { rows: (batch.rows - oversized.len()) as u64, frames: out.finish(), oversized: Vec::new() };
        for row in oversized {
            let mut single = batch.clone_empty();
            single.extend_from(batch, row..row + 1)?;
            encoded.oversized.push(single);
        }
        Ok(encoded)
    }

    /// Rows whose values are too large for COPY. Only values that are stored apart can make a row so large.
    fn oversized(&self, batch: &Batch) -> Vec<usize> {
        if batch.columns.iter().all(|column| column.blob_count() == 0) {
            return Vec::new();
        }
        let cell_bytes = |cell: Cell<'_>| match cell {
            Cell::Null => 0,
            Cell::Bytes(bytes) => bytes.len() as u64,
            Cell::Blob(blob) => blob.bytes,
        };
        let row_bytes = |row| batch.columns.iter().map(|column| cell_bytes(column.cell(row))).sum::<u64>();
        (0..batch.rows).filter(|&row| row_bytes(row) > self.row_bytes_max).collect()
    }
}

/// An empty batch with the same columns.
trait CloneEmpty {
    fn clone_empty(&self) -> Self;
}

impl CloneEmpty for Batch {
    fn clone_empty(&self) -> Self {
        let columns = self.columns.iter().map(|column| offshoot_format::column::Column::new(column.layout())).collect();
        Self { columns, rows: 0 }
    }
}

/// Collects frames of about [`FRAME_BYTES`].
#[derive(Default)]
struct Writer {
    frames: Vec<Frame>,
    bytes: Vec<u8>,
}

impl Writer {
    /// Where the next bytes go.
    #[inline]
    fn bytes(&mut self) -> &mut Vec<u8> {
        if self.bytes.len() >= FRAME_BYTES {
            self.cut();
        }
        if self.bytes.capacity() == 0 {
            // Values are at most 128 KiB, so that a frame seldom outgrows this.
            self.bytes.reserve_exact(FRAME_BYTES + (FRAME_BYTES >> 3));
        }
        &mut self.bytes
    }

    fn blob(&mut self, blob: BlobRef, column: usize) {
        self.cut();
        self.frames.push(Frame::Blob { blob, column });
    }

    fn cut(&mut self) {
        if !self.bytes.is_empty() {
            self.frames.push(Frame::Bytes(Bytes::from(std::mem::take(&mut self.bytes))));
        }
    }

    fn finish(mut self) -> Vec<Frame> {
        self.cut();
        self.frames
    }
}

/// A stored value that does not fit the type of its column.
fn malformed(_: Malformed) -> CoreError {
    CoreError::Protocol("a stored value does not have the form of its column's type on the target")
}
