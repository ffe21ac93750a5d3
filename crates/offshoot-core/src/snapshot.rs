//! A snapshot as a reader sees it: its manifest, and the rows of its tables.

use crate::Result;
use crate::chunks::ReadChunks;
use crate::read::{BlobReader, LeafHandle, LeafReader, leaves};
use offshoot_format::blob::BlobRef;
use offshoot_format::column::Batch;
use offshoot_format::manifest::{Manifest, TableEntry};
use std::fmt;
use std::sync::Arc;

/// Reads one snapshot, from any number of threads. Everything that it returns is verified.
#[derive(Clone)]
pub struct SnapshotReader {
    chunks: Arc<dyn ReadChunks>,
    manifest: Arc<Manifest>,
}

impl SnapshotReader {
    /// A reader of the snapshot with this manifest, whose chunks are in `chunks`.
    #[must_use]
    pub fn new(chunks: Arc<dyn ReadChunks>, manifest: Manifest) -> Self {
        Self { chunks, manifest: Arc::new(manifest) }
    }

    /// Everything about the snapshot that is not rows.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The leaves of a table in key order.
    ///
    /// # Errors
    /// `Missing` or `Damaged`, naming the chunk.
    pub fn leaves(&self, table: &TableEntry) -> Result<Vec<LeafHandle>> {
        leaves(&*self.chunks, &table.root)
    }

    /// The rows of a leaf.
    ///
    /// # Errors
    /// `Missing` or `Damaged`, naming the chunk.
    pub fn batch(&self, table: &TableEntry, leaf: &LeafHandle) -> Result<Batch> {
        thread_local! {
            static READER: std::cell::RefCell<LeafReader> = std::cell::RefCell::default();
        }
        READER.with_borrow_mut(|reader| reader.batch(&*self.chunks, &table.spec.columns, &table.root, &leaf.id))
    }

    /// The pieces of a large value, of at most 1 MiB each.
    ///
    /// # Errors
    /// `Missing` or `Damaged`, naming the chunk.
    pub fn blob(&self, blob: &BlobRef) -> Result<BlobReader> {
        BlobReader::open(Arc::clone(&self.chunks), blob)
    }
}

impl fmt::Debug for SnapshotReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SnapshotReader").field("content_root", &self.manifest.content_root).finish_non_exhaustive()
    }
}
