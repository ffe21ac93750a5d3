//! A snapshot as a source: its rows are captured again, through a transform, into the same store or another one.
//!
//! Everything that a live database would be asked for is in the manifest; what the new snapshot says of its origin is
//! what the old one said.

use crate::read::LeafHandle;
use crate::snapshot::SnapshotReader;
use crate::source::{Captured, RangeSink, Sink, Source, Survey, TableSink};
use crate::{Control, Event, Result};
use offshoot_format::column::{Batch, Cell, Column};
use offshoot_format::manifest::TableEntry;
use std::num::NonZeroUsize;

/// A snapshot that is captured again.
pub struct SnapshotSource {
    reader: SnapshotReader,
    jobs: NonZeroUsize,
}

impl SnapshotSource {
    /// A source that reads a snapshot on so many threads.
    #[must_use]
    pub fn new(reader: SnapshotReader, jobs: NonZeroUsize) -> Self {
        Self { reader, jobs }
    }
}

impl Source for SnapshotSource {
    fn capture(&mut self, sink: &dyn Sink, control: &Control) -> Result<Captured> {
        let manifest = self.reader.manifest();
        let content = &manifest.content;
        if sink.wants_facts() {
            sink.describe(&manifest.facts)?;
        }
        control.step("data");
        let total = Event::Total { rows: manifest.stats.rows, bytes: manifest.stats.logical_bytes };
        control.emit(&total);
        let tables = || content.tables.iter().chain(&content.large_objects);
        for table in tables().filter(|table| sink.surveys(&table.spec)) {
            self.table(table, &Survey(sink), control)?;
            // What follows is counted anew.
            control.emit(&total);
        }
        for table in tables() {
            self.table(table, sink, control)?;
        }
        let load = |table: &TableEntry| (table.spec.schema.clone(), table.spec.name.clone(), table.load.clone());
        Ok(Captured {
            // The rows are of then, whenever they are copied.
            taken_unix_ms: manifest.taken_unix_ms,
            origin: manifest.origin.clone(),
            environment: manifest.environment.clone(),
            schema: content.schema.clone(),
            sequences: content.sequences.clone(),
            loads: content.tables.iter().map(load).collect(),
            facts: manifest.facts.clone(),
            omitted: manifest.omitted.clone(),
            not_carried: manifest.not_carried.clone(),
        })
    }
}

impl SnapshotSource {
    fn table(&self, table: &TableEntry, sink: &dyn Sink, control: &Control) -> Result<()> {
        let leaves = self.reader.leaves(table)?;
        let sink = sink.table(&table.spec)?;
        let part = leaves.len().div_ceil(self.jobs.get()).max(1);
        std::thread::scope(|scope| {
            let parts: Vec<_> =
                leaves.chunks(part).map(|leaves| scope.spawn(|| self.range(table, leaves, &*sink, control))).collect();
            let join = |part: std::thread::ScopedJoinHandle<'_, Result<()>>| {
                part.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            };
            // All are waited for; the first that failed says why.
            parts.into_iter().map(join).fold(Ok(()), Result::and)
        })?;
        sink.finish()
    }

    fn range(&self, table: &TableEntry, leaves: &[LeafHandle], sink: &dyn TableSink, control: &Control) -> Result<()> {
        let mut range = sink.range(false)?;
        for leaf in leaves {
            control.check()?;
            let stored = self.reader.batch(table, leaf)?;
            let (rows, bytes) = (stored.rows as u64, stored.bytes_len() as u64);
            let batch = self.with_large_values(stored, &mut *range)?;
            range.push(batch)?;
            control.emit(&Event::Rows { rows, bytes });
        }
        range.finish()
    }

    /// Hands the large values of a batch to the sink, which may be that of another store.
    fn with_large_values(&self, mut batch: Batch, range: &mut dyn RangeSink) -> Result<Batch> {
        for (number, column) in batch.columns.iter_mut().enumerate().filter(|(_, column)| column.blob_count() > 0) {
            let mut new = Column::new(column.layout());
            for row in 0..column.rows() {
                let Cell::Blob(blob) = column.cell(row) else {
                    new.push_cell(column.cell(row))?;
                    continue;
                };
                let mut sink = range.blob(number)?;
                for piece in self.reader.blob(&blob)? {
                    sink.write(&piece?)?;
                }
                sink.finish()?.push_to(&mut new)?;
            }
            *column = new;
        }
        Ok(batch)
    }
}

impl std::fmt::Debug for SnapshotSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SnapshotSource").field("reader", &self.reader).finish_non_exhaustive()
    }
}
