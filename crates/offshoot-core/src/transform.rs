//! Rewriting rows on their way in: before they are sorted, spilled, hashed or written.
//!
//! A [`BatchTransform`] is asked for a plan before a row is read and for a verdict after the last one. In between, [`Rewriting`]
//! stands before another sink, so that ingest and digests alike see rewritten rows only. What rewriting means is not known
//! here.

use crate::snapshot::SnapshotReader;
use crate::source::{BlobSink, Large, RangeSink, Sink, TableSink};
use crate::{Control, CoreError, Result};
use offshoot_format::blob::BlobRef;
use offshoot_format::column::{Batch, Cell, Column, INLINE_VALUE_BYTES_MAX};
use offshoot_format::facts::TableFacts;
use offshoot_format::ids::ChunkId;
use offshoot_format::manifest::Trust;
use offshoot_format::table::TableSpec;

/// Rewrites the rows of a capture.
pub trait BatchTransform: Sync {
    /// Plans what is done with these tables, all that will come. A capture that begins anew plans anew, and what was
    /// gathered before counts no more.
    ///
    /// # Errors
    /// If they are refused; no row was read then.
    fn plan(&self, tables: &[TableFacts]) -> Result<()>;

    /// Begins a table.
    ///
    /// # Errors
    /// If it was not planned.
    fn table(&self, spec: &TableSpec) -> Result<Box<dyn TableTransform + '_>>;

    /// Looks at everything that would be published, and says what it is.
    ///
    /// # Errors
    /// If it must not be published.
    fn prove(&self, snapshot: &SnapshotReader, control: &Control) -> Result<Proof>;
}

/// What a snapshot whose rows were rewritten is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// What its rows are.
    pub trust: Trust,
    /// What was done, as a signed text.
    pub receipt: String,
}

/// Rewrites the rows of one table.
pub trait TableTransform: Send + Sync {
    /// Whether rows leave in another key order than they came in.
    fn is_scattering(&self) -> bool;

    /// What rewrites the rows that one connection reads.
    ///
    /// # Errors
    /// If that cannot be made.
    fn range(&self) -> Result<Box<dyn RangeTransform + '_>>;
}

/// Rewrites the rows of one range.
pub trait RangeTransform: Send {
    /// Rewrites the rows of a batch; it may leave some out. Large values of rewritten columns have been rewritten before, and are
    /// not to be touched.
    ///
    /// # Errors
    /// If a value cannot be rewritten.
    fn apply(&mut self, batch: &mut Batch) -> Result<()>;

    /// What becomes of a value of this column that is too long for a batch.
    ///
    /// # Errors
    /// If it cannot be rewritten in pieces.
    fn large(&mut self, column: usize) -> Result<LargeRewrite<'_>>;

    /// Ends the range: what was gathered of it counts from now on.
    ///
    /// # Errors
    /// If it cannot be kept.
    fn finish(self: Box<Self>) -> Result<()>;
}

/// What becomes of a large value.
pub enum LargeRewrite<'a> {
    /// It stays.
    Keep,
    /// It is rewritten piece by piece.
    Pieces(Box<dyn PieceTransform + 'a>),
}

/// Rewrites one large value.
pub trait PieceTransform {
    /// Takes the next bytes, any number, and gives those that are rewritten by now to `out`.
    ///
    /// # Errors
    /// If the value cannot be rewritten, or those of `out`.
    fn feed(&mut self, bytes: &[u8], out: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()>;

    /// Ends the value. False stands for NULL, whatever was given to `out`.
    ///
    /// # Errors
    /// If the value cannot be rewritten, or those of `out`.
    fn finish(&mut self, out: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<bool>;
}

/// A sink that gets rewritten rows.
pub struct Rewriting<'s> {
    transform: &'s dyn BatchTransform,
    inner: &'s dyn Sink,
}

impl<'s> Rewriting<'s> {
    /// Puts a transform before a sink.
    pub fn new(transform: &'s dyn BatchTransform, inner: &'s dyn Sink) -> Self {
        Self { transform, inner }
    }
}

impl Sink for Rewriting<'_> {
    fn wants_facts(&self) -> bool {
        true
    }

    fn describe(&self, tables: &[TableFacts]) -> Result<()> {
        self.transform.plan(tables)?;
        self.inner.describe(tables)
    }

    fn table<'a>(&'a self, spec: &TableSpec) -> Result<Box<dyn TableSink + 'a>> {
        Ok(Box::new(RewritingTable { transform: self.transform.table(spec)?, inner: self.inner.table(spec)? }))
    }
}

struct RewritingTable<'s> {
    transform: Box<dyn TableTransform + 's>,
    inner: Box<dyn TableSink + 's>,
}

impl TableSink for RewritingTable<'_> {
    fn range(&self, scattered: bool) -> Result<Box<dyn RangeSink + '_>> {
        let inner = self.inner.range(scattered || self.transform.is_scattering())?;
        Ok(Box::new(RewritingRange { transform: self.transform.range()?, inner, large: Vec::new() }))
    }

    fn finish(self: Box<Self>) -> Result<()> {
        drop(self.transform);
        self.inner.finish()
    }
}

struct RewritingRange<'t> {
    transform: Box<dyn RangeTransform + 't>,
    inner: Box<dyn RangeSink + 't>,
    /// What the large values of the present batch have become. In the batch stand placeholders, so that the transform does not
    /// rewrite them once more.
    large: Vec<Large>,
}

impl RangeSink for RewritingRange<'_> {
    fn batch(&mut self) -> Batch {
        self.inner.batch()
    }

    fn push(&mut self, mut batch: Batch) -> Result<()> {
        self.transform.apply(&mut batch)?;
        for column in batch.columns.iter_mut().filter(|column| column.blob_count() > 0) {
            *column = put_back(column, &self.large)?;
        }
        self.large.clear();
        self.inner.push(batch)
    }

    fn blob(&mut self, column: usize) -> Result<Box<dyn BlobSink + '_>> {
        match self.transform.large(column)? {
            LargeRewrite::Keep => self.inner.blob(column),
            LargeRewrite::Pieces(transform) => {
                let out = Rewritten::Short(&mut *self.inner, column, Vec::new());
                Ok(Box::new(RewritingBlob { transform, out, large: &mut self.large }))
            }
        }
    }

    fn finish(self: Box<Self>) -> Result<()> {
        self.transform.finish()?;
        self.inner.finish()
    }
}

/// What ends the name of a placeholder; a real name is a keyed hash, which ends so with a probability of 2^-192.
const PLACEHOLDER: &[u8; 24] = b"a large value, rewritten";

fn placeholder(number: usize) -> BlobRef {
    let mut id = [0; 32];
    id[..8].copy_from_slice(&(number as u64).to_le_bytes());
    id[8..].copy_from_slice(PLACEHOLDER);
    BlobRef { id: ChunkId::from_bytes(id), bytes: 0 }
}

/// Puts what large values have become where their placeholders are.
fn put_back(column: &Column, large: &[Large]) -> Result<Column> {
    let mut new = column.fresh();
    for row in 0..column.rows() {
        let cell = column.cell(row);
        match cell {
            Cell::Blob(BlobRef { id, .. }) if id.as_bytes().ends_with(PLACEHOLDER) => {
                let number = id.as_bytes().first_chunk().map_or(u64::MAX, |number| u64::from_le_bytes(*number));
                let became = usize::try_from(number).ok().and_then(|number| large.get(number));
                became.ok_or(CoreError::Protocol("a large value is in another batch"))?.push_to(&mut new)?;
            }
            cell => new.push_cell(cell)?,
        }
    }
    Ok(new)
}

/// A large value on its way.
struct RewritingBlob<'r> {
    transform: Box<dyn PieceTransform + 'r>,
    out: Rewritten<'r>,
    large: &'r mut Vec<Large>,
}

/// What was rewritten so far: apart only if it is still too long for a batch, so that equal values are stored alike.
enum Rewritten<'r> {
    Short(&'r mut dyn RangeSink, usize, Vec<u8>),
    Long(Box<dyn BlobSink + 'r>),
    /// A step failed; the value will not be used.
    Failed,
}

impl<'r> Rewritten<'r> {
    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        *self = match std::mem::replace(self, Self::Failed) {
            Self::Short(range, column, mut held) => {
                held.extend_from_slice(bytes);
                if held.len() <= INLINE_VALUE_BYTES_MAX {
                    Self::Short(range, column, held)
                } else {
                    let mut blob = range.blob(column)?;
                    blob.write(&held)?;
                    Self::Long(blob)
                }
            }
            Self::Long(mut blob) => {
                blob.write(bytes)?;
                Self::Long(blob)
            }
            Self::Failed => return Err(CoreError::Poisoned),
        };
        Ok(())
    }

    fn finish(self) -> Result<Large> {
        match self {
            Self::Short(_, _, held) => Ok(Large::Short(held)),
            Self::Long(blob) => blob.finish(),
            Self::Failed => Err(CoreError::Poisoned),
        }
    }
}

impl BlobSink for RewritingBlob<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let out = &mut self.out;
        self.transform.feed(bytes, &mut |bytes| out.write(bytes))
    }

    fn finish(mut self: Box<Self>) -> Result<Large> {
        let out = &mut self.out;
        let is_there = self.transform.finish(&mut |bytes| out.write(bytes))?;
        let became = if is_there { self.out.finish()? } else { Large::Null };
        self.large.push(became);
        Ok(Large::Apart(placeholder(self.large.len() - 1)))
    }
}
