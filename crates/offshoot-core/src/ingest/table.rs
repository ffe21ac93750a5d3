//! One table being ingested: its runs, and the tree that they become.

use super::blob::BlobWriter;
use super::cut::Cutter;
use super::encode::{Slot, Work};
use super::keys::Sorted;
use super::leaves::{LeafEncoder, reuse_inlined};
use super::merge::{Body, Run, RunLeaf, join};
use super::range::Range;
use super::scatter::{Sample, Scatter, Scatterer};
use super::{IngestOptions, Shared};
use crate::read::LeafReader;
use crate::source::{BATCH_BYTES, RangeSink, TableSink};
use crate::{Control, CoreError, Result};
use offshoot_format::column::{Batch, Column};
use offshoot_format::ids::ChunkKind;
use offshoot_format::key::KeyEncoder;
use offshoot_format::manifest::{ColumnStats, TableStats};
use offshoot_format::table::TableSpec;
use offshoot_format::tree::{Entry, KEY_PREFIX_BYTES_MAX, Node, TreeBuilder, TreeRoot};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Bytes of a batch that is put in order by one job at a time: larger ones are made by wide rows alone.
pub(super) const WIDE_BYTES_MIN: usize = 2 * BATCH_BYTES;
/// Memory of a batch that is kept to be filled again.
const SPARE_BYTES_MAX: usize = 2 * BATCH_BYTES;

pub(super) struct Table<'i> {
    shared: &'i Shared,
    pub spec: TableSpec,
    pub keys: KeyEncoder,
    runs: Mutex<Vec<Run>>,
    scatter: Mutex<Option<Arc<Scatter>>>,
    spare: Mutex<Vec<Batch>>,
    failed: AtomicBool,
}

impl<'i> Table<'i> {
    pub fn new(shared: &'i Shared, spec: TableSpec) -> Self {
        Self {
            shared,
            keys: KeyEncoder::new(&spec),
            spec,
            runs: Mutex::default(),
            scatter: Mutex::default(),
            spare: Mutex::default(),
            failed: AtomicBool::new(false),
        }
    }

    pub fn options(&self) -> &IngestOptions {
        &self.shared.options
    }

    pub fn control(&self) -> &Control {
        &self.shared.control
    }

    /// Refuses rows that cannot be right, and any after the operation was stopped.
    pub fn check(&self, batch: &Batch) -> Result<()> {
        self.shared.control.check()?;
        let fits = batch.columns.len() == self.spec.columns.len()
            && batch
                .columns
                .iter()
                .zip(&self.spec.columns)
                .all(|(column, spec)| column.rows() == batch.rows && column.layout() == spec.layout);
        if fits { Ok(()) } else { Err(CoreError::Protocol("a batch does not have the columns of its table")) }
    }

    pub fn cutter(&self) -> Cutter {
        Cutter::new(&self.spec, self.keys.counted())
    }

    /// An empty batch, from those that were used before if there is one.
    pub fn fresh(&self) -> Batch {
        let spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner).pop();
        spare.unwrap_or_else(|| Batch::new(&self.spec.columns))
    }

    pub fn recycle(&self, mut batch: Batch) {
        // Wide rows have made it larger than others will need.
        if batch.columns.iter().map(Column::capacity_bytes).sum::<usize>() > SPARE_BYTES_MAX {
            return;
        }
        batch.clear();
        let mut spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner);
        if spare.len() < 4 {
            spare.push(batch);
        }
    }

    /// Waits to be the only one with rows so wide, which are held several times while they are put in order.
    pub fn alone(&self, bytes: usize) -> Option<MutexGuard<'_, ()>> {
        let is_wide = bytes > WIDE_BYTES_MIN;
        is_wide.then(|| self.shared.wide.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub fn submit(&self, work: Work) -> Result<Slot> {
        self.shared.encoders.submit(work)
    }

    /// The rows of a leaf that was stored a while ago.
    pub fn load(&self, slot: &Slot, reader: &mut LeafReader) -> Result<Batch> {
        let stored = slot.get().ok_or(CoreError::Poisoned)?;
        self.shared.chunks.load(stored, &self.spec.columns, reader)
    }

    /// Cuts sorted rows into a run of its own.
    pub fn run_of(&self, rows: &Sorted) -> Result<Run> {
        let mut cutter = self.cutter();
        let mut leaves = Vec::new();
        let mut store = |cut| {
            leaves.push(RunLeaf::new(cut, |rows| self.submit(Work::Spool(rows)).map(Body::Stored))?);
            Ok(())
        };
        let keyed = (0..rows.len()).map(|place| (rows.row(place), rows.key(place)));
        cutter.add(&rows.batch, keyed, &mut store)?;
        if let Some(cut) = cutter.finish() {
            store(cut)?;
        }
        Ok(Run { leaves })
    }

    /// Whether rows in random order can be partitioned on disk.
    pub fn can_spill(&self) -> bool {
        self.shared.chunks.spill.is_some()
    }

    /// Takes rows in random order. The first ones decide the bounds of the parts.
    pub fn scatter(&self, batch: &Batch, scratch: &mut Scatterer) -> Result<()> {
        let spill = self.shared.chunks.spill.as_ref().ok_or(CoreError::Protocol("there is no spill file"))?;
        let mut slot = self.scatter.lock().unwrap_or_else(PoisonError::into_inner);
        let scatter = match &*slot {
            Some(scatter) => Arc::clone(scatter),
            None => {
                let mut sample = Sample::default();
                sample.add(self, batch);
                let scatter = Arc::new(Scatter::new(sample, self));
                *slot = Some(Arc::clone(&scatter));
                scatter
            }
        };
        drop(slot);
        scatter.push(self, spill, batch, scratch)
    }

    /// Scatters the rows of leaves that were cut already.
    pub fn pour(&self, leaves: impl Iterator<Item = RunLeaf>, scratch: &mut Scatterer) -> Result<()> {
        let leaves: Vec<RunLeaf> = leaves.collect();
        self.shared.encoders.wait(leaves.iter().filter_map(RunLeaf::slot))?;
        let mut reader = LeafReader::default();
        for leaf in leaves {
            let rows = match leaf.body {
                Body::Kept(rows) => rows,
                Body::Stored(slot) => self.load(&slot, &mut reader)?,
            };
            self.scatter(&rows, scratch)?;
        }
        Ok(())
    }

    pub fn add_run(&self, run: Run) {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner).push(run);
    }

    pub fn blob_writer(&self) -> BlobWriter<'_> {
        BlobWriter::new(&*self.shared.chunks.store, &self.shared.chunks.blobs)
    }

    pub fn fail(&self) {
        self.failed.store(true, Ordering::Relaxed);
    }
}

impl TableSink for Table<'_> {
    fn range(&self, scattered: bool) -> Result<Box<dyn RangeSink + '_>> {
        self.shared.control.check()?;
        Ok(Box::new(Range::new(self, scattered)))
    }

    fn finish(self: Box<Self>) -> Result<()> {
        if self.failed.load(Ordering::Relaxed) {
            return Err(CoreError::Protocol("a range of the table did not end well"));
        }
        let scatter = self.scatter.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let (Some(scatter), Some(spill)) = (scatter, &self.shared.chunks.spill) {
            scatter.finish(&self, spill)?;
        }
        let runs = std::mem::take(&mut *self.runs.lock().unwrap_or_else(PoisonError::into_inner));
        self.shared.encoders.wait(runs.iter().flat_map(|run| &run.leaves).filter_map(RunLeaf::slot))?;
        let finals = join(&self, runs)?;
        self.shared.encoders.wait(finals.iter().map(|leaf| &leaf.slot))?;
        let (mut encoder, mut leaf_encoder) = (LeafEncoder::default(), LeafEncoder::default());
        let chunks = &*self.shared.chunks.store;
        let mut tree =
            TreeBuilder::new(|node: &Node| encoder.bytes(chunks, ChunkKind::Node, &node.encode()).map(|(id, ..)| id));
        let mut stats = TableStats { rows: 0, columns: vec![ColumnStats::default(); self.spec.columns.len()] };
        let mut small = None;
        let alone = finals.len() == 1;
        for leaf in finals {
            let stored = leaf.slot.get().ok_or(CoreError::Poisoned)?;
            let mut details = self.shared.chunks.details(stored)?;
            match &stored.small {
                Some(leaf) if !alone => {
                    let (.., added) = leaf_encoder.bytes(chunks, ChunkKind::Leaf, leaf.plain())?;
                    if added == 0 {
                        reuse_inlined(&mut details.to_mut().columns);
                    }
                }
                leaf => small = leaf.clone(),
            }
            stats.rows += stored.rows;
            for (sum, column) in stats.columns.iter_mut().zip(&details.columns) {
                sum.logical_bytes += column.logical_bytes;
                sum.stored_bytes += column.stored_bytes;
                sum.added_bytes += column.added_bytes;
                sum.reused_logical_bytes += column.reused_logical_bytes;
            }
            let entry = Entry {
                id: stored.id,
                rows: stored.rows,
                logical_bytes: stored.logical_bytes,
                last_key: leaf.last.prefix(KEY_PREFIX_BYTES_MAX),
            };
            tree.push(entry, leaf.hash)?;
        }
        let root = TreeRoot { leaf: small, ..tree.finish()? };
        tracing::debug!(schema = self.spec.schema, table = self.spec.name, rows = stats.rows, "table stored");
        self.shared.done(self.spec, root, stats)
    }
}
