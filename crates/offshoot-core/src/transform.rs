//! Rewriting rows on their way in: before they are sorted, spilled, hashed or written.
//!
//! A [`BatchTransform`] is asked for a plan before a row is read and for a verdict after the last one. In between, [`Rewriting`]
//! stands before another sink, so that ingest and digests alike see rewritten rows only. What rewriting means is not known
//! here.

mod held;
mod survey;

use crate::snapshot::SnapshotReader;
use crate::source::{BlobSink, Large, RangeSink, Sink, TableSink};
use crate::{Control, CoreError, Result};
use held::{Held, Span};
use offshoot_format::blob::BlobRef;
use offshoot_format::column::{Batch, Cell, Column, INLINE_VALUE_BYTES_MAX};
use offshoot_format::facts::TableFacts;
use offshoot_format::ids::ChunkId;
use offshoot_format::manifest::{Manifest, Trust};
use offshoot_format::table::{Layout, TableSpec};
use std::path::Path;
use survey::SurveyTable;

/// Rewrites the rows of a capture.
pub trait BatchTransform: Sync {
    /// Plans what is done with these tables, all that will come. A capture that begins anew plans anew, and what was
    /// gathered before counts no more.
    ///
    /// # Errors
    /// If they are refused; no row was read then.
    fn plan(&self, tables: &[TableFacts]) -> Result<()>;

    /// Whether it must see all rows of a table by [`Self::survey`] before it rewrites the first.
    fn surveys(&self, _spec: &TableSpec) -> bool {
        false
    }

    /// Sees rows of such a table. The batch is of no use afterwards; large values in it are told by their length alone.
    ///
    /// # Errors
    /// If it cannot keep what it needs of them.
    fn survey(&self, _spec: &TableSpec, _batch: &mut Batch) -> Result<()> {
        Ok(())
    }

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

    /// Looks at the store once more when the snapshot has its name: what others published until then is seen, and who publishes
    /// later sees the snapshot.
    ///
    /// # Errors
    /// If it must not stay; its name is taken back, and it is removed.
    fn confirm(&self, _snapshot: &Manifest) -> Result<()> {
        Ok(())
    }
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

    /// Whether rows may be left out. Of those nothing is stored: their large values wait until their row is known to stay.
    fn is_filtering(&self) -> bool;

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
    stores: bool,
    scratch: Option<&'s Path>,
}

impl<'s> Rewriting<'s> {
    /// Puts a transform before a sink that stores nothing.
    pub fn new(transform: &'s dyn BatchTransform, inner: &'s dyn Sink) -> Self {
        Self { transform, inner, stores: false, scratch: None }
    }

    /// Puts a transform before a sink that stores what it gets. Large values of rows that may be left out wait in a folder for
    /// anonymous files, else in that of the system; there is room needed for those of a batch.
    pub fn storing(transform: &'s dyn BatchTransform, inner: &'s dyn Sink, scratch: Option<&'s Path>) -> Self {
        Self { transform, inner, stores: true, scratch }
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

    fn surveys(&self, spec: &TableSpec) -> bool {
        self.transform.surveys(spec)
    }

    fn survey<'a>(&'a self, spec: &TableSpec) -> Result<Box<dyn TableSink + 'a>> {
        Ok(Box::new(SurveyTable { transform: self.transform, spec: spec.clone() }))
    }

    fn table<'a>(&'a self, spec: &TableSpec) -> Result<Box<dyn TableSink + 'a>> {
        let (transform, inner) = (self.transform.table(spec)?, self.inner.table(spec)?);
        let holds =
            self.stores && transform.is_filtering() && spec.columns.iter().any(|column| column.layout == Layout::Var);
        Ok(Box::new(RewritingTable { transform, inner, holds, scratch: self.scratch }))
    }

    fn give_up(&self) {
        self.inner.give_up();
    }
}

struct RewritingTable<'s> {
    transform: Box<dyn TableTransform + 's>,
    inner: Box<dyn TableSink + 's>,
    holds: bool,
    scratch: Option<&'s Path>,
}

impl TableSink for RewritingTable<'_> {
    fn range(&self, scattered: bool) -> Result<Box<dyn RangeSink + '_>> {
        let inner = self.inner.range(scattered || self.transform.is_scattering())?;
        let held = if self.holds { Some(Held::create(self.scratch)?) } else { None };
        Ok(Box::new(RewritingRange { transform: self.transform.range()?, inner, held, became: Vec::new() }))
    }

    fn finish(self: Box<Self>) -> Result<()> {
        drop(self.transform);
        self.inner.finish()
    }
}

struct RewritingRange<'t> {
    transform: Box<dyn RangeTransform + 't>,
    inner: Box<dyn RangeSink + 't>,
    /// Where large values wait, if rows may be left out.
    held: Option<Held>,
    /// What the large values of the present batch have become. In the batch stand placeholders, so that the transform does not
    /// rewrite them once more.
    became: Vec<Became>,
}

/// What a large value has become.
enum Became {
    Known(Large),
    Waiting(Span),
}

impl RangeSink for RewritingRange<'_> {
    fn batch(&mut self) -> Batch {
        self.inner.batch()
    }

    fn push(&mut self, mut batch: Batch) -> Result<()> {
        self.transform.apply(&mut batch)?;
        for (number, column) in batch.columns.iter_mut().enumerate().filter(|(_, column)| column.blob_count() > 0) {
            *column = self.put_back(number, column)?;
        }
        self.became.clear();
        self.held.as_mut().map_or(Ok(()), Held::clear)?;
        self.inner.push(batch)
    }

    fn blob(&mut self, column: usize) -> Result<Box<dyn BlobSink + '_>> {
        let transform = match (self.transform.large(column)?, &self.held) {
            (LargeRewrite::Keep, None) => return self.inner.blob(column),
            (LargeRewrite::Keep, Some(_)) => None,
            (LargeRewrite::Pieces(transform), _) => Some(transform),
        };
        let place = match &mut self.held {
            Some(held) => Place::Held(held),
            None => Place::Stored(&mut *self.inner, column),
        };
        Ok(Box::new(RewritingBlob { transform, out: Rewritten::Short(place, Vec::new()), became: &mut self.became }))
    }

    fn held_bytes(&self) -> usize {
        let bytes_of = |became: &Became| if let Became::Known(Large::Short(bytes)) = became { bytes.len() } else { 0 };
        let own = self.became.iter().map(bytes_of);
        own.sum::<usize>() + self.inner.held_bytes()
    }

    fn finish(self: Box<Self>) -> Result<()> {
        self.transform.finish()?;
        self.inner.finish()
    }
}

impl RewritingRange<'_> {
    /// Puts what large values have become where their placeholders are.
    fn put_back(&mut self, number: usize, column: &Column) -> Result<Column> {
        let mut new = column.fresh();
        for row in 0..column.rows() {
            let cell = column.cell(row);
            match cell {
                Cell::Blob(BlobRef { id, .. }) if id.as_bytes().ends_with(PLACEHOLDER) => {
                    let place = id.as_bytes().first_chunk().map_or(u64::MAX, |place| u64::from_le_bytes(*place));
                    let became = usize::try_from(place).ok().and_then(|place| self.became.get(place));
                    match (became, &mut self.held) {
                        (Some(Became::Known(large)), _) => large.push_to(&mut new)?,
                        (Some(Became::Waiting(span)), Some(held)) => {
                            let mut blob = self.inner.blob(number)?;
                            held.read(*span, |bytes| blob.write(bytes))?;
                            blob.finish()?.push_to(&mut new)?;
                        }
                        _ => return Err(CoreError::Protocol("a large value is in another batch")),
                    }
                }
                cell => new.push_cell(cell)?,
            }
        }
        Ok(new)
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

/// A large value on its way.
struct RewritingBlob<'r> {
    /// None if it stays as it is.
    transform: Option<Box<dyn PieceTransform + 'r>>,
    out: Rewritten<'r>,
    became: &'r mut Vec<Became>,
}

/// Where a value goes that is too long for a batch.
enum Place<'r> {
    Stored(&'r mut dyn RangeSink, usize),
    Held(&'r mut Held),
}

/// What was rewritten so far: apart only if it is still too long for a batch, so that equal values are stored alike.
enum Rewritten<'r> {
    Short(Place<'r>, Vec<u8>),
    Stored(Box<dyn BlobSink + 'r>),
    Held(&'r mut Held, Span),
    /// A step failed; the value will not be used.
    Failed,
}

impl<'r> Rewritten<'r> {
    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        *self = match std::mem::replace(self, Self::Failed) {
            Self::Short(place, mut short) => {
                short.extend_from_slice(bytes);
                if short.len() <= INLINE_VALUE_BYTES_MAX {
                    Self::Short(place, short)
                } else {
                    Self::long(place, &short)?
                }
            }
            Self::Stored(mut blob) => {
                blob.write(bytes)?;
                Self::Stored(blob)
            }
            Self::Held(held, mut span) => {
                held.write(&mut span, bytes)?;
                Self::Held(held, span)
            }
            Self::Failed => return Err(CoreError::Poisoned),
        };
        Ok(())
    }

    fn long(place: Place<'r>, bytes: &[u8]) -> Result<Self> {
        let mut long = match place {
            Place::Stored(range, column) => Self::Stored(range.blob(column)?),
            Place::Held(held) => {
                let span = held.begin();
                Self::Held(held, span)
            }
        };
        long.write(bytes)?;
        Ok(long)
    }

    fn finish(self) -> Result<Became> {
        match self {
            Self::Short(_, short) => Ok(Became::Known(Large::Short(short))),
            Self::Stored(blob) => Ok(Became::Known(blob.finish()?)),
            Self::Held(_, span) => Ok(Became::Waiting(span)),
            Self::Failed => Err(CoreError::Poisoned),
        }
    }
}

impl BlobSink for RewritingBlob<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let out = &mut self.out;
        match &mut self.transform {
            Some(transform) => transform.feed(bytes, &mut |bytes| out.write(bytes)),
            None => out.write(bytes),
        }
    }

    fn finish(mut self: Box<Self>) -> Result<Large> {
        let out = &mut self.out;
        let is_there = match &mut self.transform {
            Some(transform) => transform.finish(&mut |bytes| out.write(bytes))?,
            None => true,
        };
        let became = if is_there { self.out.finish()? } else { Became::Known(Large::Null) };
        self.became.push(became);
        Ok(Large::Apart(placeholder(self.became.len() - 1)))
    }
}
