//! From batches of rows to chunks and trees.
//!
//! Readers push batches in whatever order the server sends them; each range sorts and cuts its rows, workers encode the
//! leaves, and at the end of a table its ranges are joined. The result depends on the rows alone: any number of
//! ranges, workers, batch sizes and orders gives the same root.

mod blob;
mod cut;
mod details;
mod encode;
mod keys;
mod leaves;
mod merge;
mod range;
mod scatter;
mod spill;
mod table;
#[cfg(test)]
mod tests;

use crate::chunks::WriteChunks;
use crate::source::{Sink, TableSink};
use crate::{Control, CoreError, Result};
use encode::Encoders;
pub(crate) use leaves::reuse_inlined;
use leaves::{BlobSizes, Chunks};
use offshoot_format::manifest::TableStats;
use offshoot_format::table::TableSpec;
use offshoot_format::tree::TreeRoot;
use spill::Spill;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use table::Table;

/// Bounds of an ingest.
#[derive(Debug, Clone)]
pub struct IngestOptions {
    /// Threads that encode; reading threads come on top.
    pub encoders: usize,
    /// Bytes of leaves that may wait for them.
    pub queue_bytes_max: usize,
    /// Bytes of late rows of one range that are collected before they are sorted and cut.
    pub late_bytes_max: usize,
    /// Bytes of rows of one table in random order that are in memory before they are spilled.
    pub scatter_bytes_max: usize,
    /// Bytes of such rows that are sorted at once; more are partitioned again.
    pub sort_bytes_max: usize,
    /// Folder for an anonymous file of about the size that the store grows by: for rows that come in random order, and for
    /// leaves that may still be joined with others. Without one, rows are sorted in small runs, and leaves that are
    /// joined later stay in the store until gc frees them.
    pub spill: Option<PathBuf>,
}

impl Default for IngestOptions {
    fn default() -> Self {
        Self {
            encoders: 2,
            queue_bytes_max: 64 << 20,
            late_bytes_max: 16 << 20,
            scatter_bytes_max: 32 << 20,
            sort_bytes_max: 64 << 20,
            spill: None,
        }
    }
}

/// A table that is in the store.
#[derive(Debug, Clone)]
pub struct IngestedTable {
    /// What it is.
    pub spec: TableSpec,
    /// Its rows.
    pub root: TreeRoot,
    /// Its sizes.
    pub stats: TableStats,
}

/// Takes the tables of one capture into a store.
pub struct Ingest {
    shared: Shared,
}

struct Shared {
    chunks: Arc<Chunks>,
    control: Control,
    options: IngestOptions,
    encoders: Encoders,
    begun: Mutex<BTreeSet<(String, String)>>,
    done: Mutex<BTreeMap<(String, String), IngestedTable>>,
    /// Held by the one job that puts very wide rows in order.
    wide: Mutex<()>,
}

impl Shared {
    fn done(&self, spec: TableSpec, root: TreeRoot, stats: TableStats) -> Result<()> {
        let name = (spec.schema.clone(), spec.name.clone());
        let table = IngestedTable { spec, root, stats };
        self.done.lock().unwrap_or_else(PoisonError::into_inner).insert(name, table);
        Ok(())
    }
}

impl Ingest {
    /// Begins an ingest whose chunks go to `chunks`.
    ///
    /// # Errors
    /// If the threads cannot be started.
    pub fn begin(chunks: Arc<dyn WriteChunks>, options: &IngestOptions, control: &Control) -> Result<Self> {
        let spill = options.spill.as_deref().map(Spill::create).transpose()?;
        let chunks = Arc::new(Chunks { store: chunks, spill, blobs: BlobSizes::default() });
        let encoders = Encoders::start(&chunks, options.encoders, options.queue_bytes_max)?;
        let (begun, done) = Default::default();
        Ok(Self {
            shared: Shared {
                chunks,
                control: control.clone(),
                options: options.clone(),
                encoders,
                begun,
                done,
                wide: Mutex::new(()),
            },
        })
    }

    /// What made the workers give up, if they did: the cause of errors that a source saw as `Poisoned`.
    #[must_use]
    pub fn failure(&self) -> Option<CoreError> {
        self.shared.encoders.failure()
    }

    /// Ends the ingest: the tables, sorted by schema and name.
    ///
    /// # Errors
    /// `Protocol` if a table was begun and not finished.
    pub fn finish(self) -> Result<Vec<IngestedTable>> {
        self.shared.encoders.drain()?;
        let begun = self.shared.begun.lock().unwrap_or_else(PoisonError::into_inner).len();
        let done = std::mem::take(&mut *self.shared.done.lock().unwrap_or_else(PoisonError::into_inner));
        if done.len() != begun {
            return Err(CoreError::Protocol("a table was begun and not finished"));
        }
        Ok(done.into_values().collect())
    }
}

impl Sink for Ingest {
    fn table<'a>(&'a self, spec: &TableSpec) -> Result<Box<dyn TableSink + 'a>> {
        self.shared.control.check()?;
        let name = (spec.schema.clone(), spec.name.clone());
        if !self.shared.begun.lock().unwrap_or_else(PoisonError::into_inner).insert(name) {
            return Err(CoreError::Protocol("a table was begun twice"));
        }
        Ok(Box::new(Table::new(&self.shared, spec.clone())))
    }
}

impl Drop for Ingest {
    fn drop(&mut self) {
        self.shared.encoders.poison();
    }
}
