//! Leaves as chunks: encoded once, and stored at once or when it is certain that they are final.
//!
//! While a table is read, nobody knows whether a leaf will be joined with rows that come later. Its chunks wait in the
//! spill file, so that a store never grows by leaves that nothing refers to; without a spill file they are stored at once.

use super::details::{Details, Kept, Waiting};
use super::spill::Spill;
use crate::chunks::{ReadChunks, WriteChunks};
use crate::{CoreError, Result, read::LeafReader};
use offshoot_format::blob::BlobRef;
use offshoot_format::codec::{Canonical, Encoder};
use offshoot_format::column::{Batch, Cell, Column};
use offshoot_format::ids::{ChunkId, ChunkKind, IdKey};
use offshoot_format::leaf::{CONSTANT_BYTES_MAX, Leaf, LeafColumn};
use offshoot_format::manifest::ColumnStats;
use offshoot_format::plain;
use offshoot_format::table::ColumnSpec;
use offshoot_format::tree::RootLeaf;
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// A leaf that was encoded.
#[derive(Debug, Clone)]
pub(super) struct Stored {
    pub id: ChunkId,
    pub rows: u64,
    pub logical_bytes: u64,
    /// The leaf itself, if it is so small that it is stored only where it is not the whole table.
    pub small: Option<RootLeaf>,
    /// Whether the leaf was in the store already.
    known: bool,
    /// Bytes of its payloads that wait.
    pub waiting_bytes: usize,
    kept: Kept,
}

/// Counts the columns that are held in a leaf as reused, because the leaf is.
pub(crate) fn reuse_inlined(columns: &mut [ColumnStats]) {
    for column in columns.iter_mut().filter(|column| column.stored_bytes == 0) {
        column.reused_logical_bytes = column.logical_bytes;
    }
}

/// Stored and added bytes of the large values of this ingest, which their writers know and the leaves report.
pub(super) type BlobSizes = Mutex<HashMap<ChunkId, (u64, u64)>>;

/// Where the chunks of an ingest go.
pub(super) struct Chunks {
    pub store: Arc<dyn WriteChunks>,
    pub spill: Option<Spill>,
    pub blobs: BlobSizes,
}

impl Chunks {
    /// Stores the chunks of a leaf that wait.
    pub fn publish(&self, leaf: &Stored) -> Result<Stored> {
        let mut details = self.details(leaf)?.into_owned();
        let mut is_known = leaf.known;
        for waiting in std::mem::take(&mut details.waiting) {
            let known = self.store.known(&waiting.id)?;
            let (stored, added) = match known {
                Some(stored) => (stored, 0),
                None => {
                    let payload = self.spilled(&waiting)?;
                    let stored = self.store.write(&waiting.id, waiting.kind, waiting.plain_bytes, &payload)?;
                    (stored, stored)
                }
            };
            is_known |= waiting.column.is_none() && known.is_some();
            if let Some(column) = waiting.column.and_then(|column| details.columns.get_mut(column)) {
                column.stored_bytes += u64::from(stored);
                column.added_bytes += u64::from(added);
                if known.is_some() {
                    column.reused_logical_bytes = column.logical_bytes;
                }
            }
        }
        if is_known {
            reuse_inlined(&mut details.columns);
        }
        let kept = Kept::new(details, self.spill.as_ref())?;
        Ok(Stored { known: is_known, waiting_bytes: 0, kept, small: leaf.small.clone(), ..*leaf })
    }

    /// What is known of the columns of a leaf.
    pub fn details<'l>(&self, leaf: &'l Stored) -> Result<Cow<'l, Details>> {
        leaf.kept.get(self.spill.as_ref())
    }

    fn spilled(&self, waiting: &Waiting) -> Result<Vec<u8>> {
        let spill = self.spill.as_ref().ok_or(CoreError::Protocol("there is no spill file"))?;
        spill.read(waiting.offset, waiting.bytes)
    }

    /// The rows of a leaf, wherever its chunks are.
    pub fn load(&self, leaf: &Stored, columns: &[ColumnSpec], reader: &mut LeafReader) -> Result<Batch> {
        let chunks = Unpublished { chunks: self, details: &*self.details(leaf)? };
        let found = match &leaf.small {
            Some(small) => small.verified(self.store.id_key(), &leaf.id)?,
            None => reader.stored_leaf(&chunks, &leaf.id)?,
        };
        reader.rows(&chunks, columns, &found, &leaf.id)
    }
}

/// Reads the chunks of a leaf of which some wait.
struct Unpublished<'a> {
    chunks: &'a Chunks,
    details: &'a Details,
}

impl ReadChunks for Unpublished<'_> {
    fn id_key(&self) -> &IdKey {
        self.chunks.store.id_key()
    }

    fn payload(&self, id: &ChunkId, kind: ChunkKind) -> Result<Vec<u8>> {
        let waiting = self.details.waiting.iter().find(|waiting| waiting.id == *id && waiting.kind == kind);
        match waiting {
            Some(waiting) => self.chunks.spilled(waiting),
            None => self.chunks.store.payload(id, kind),
        }
    }
}

/// Encodes leaves; holds the codec contexts and scratch memory of one thread.
#[derive(Default)]
pub(super) struct LeafEncoder {
    encoder: Encoder,
    canonical: Canonical,
    payload: Vec<u8>,
}

impl LeafEncoder {
    /// Encodes a leaf; its new chunks wait, if there is a spill file.
    pub fn spool(&mut self, chunks: &Chunks, rows: &Batch) -> Result<Stored> {
        let mut stored = self.encode(chunks, rows)?;
        if let Kept::Here(details) = stored.kept {
            stored.kept = Kept::new(details, chunks.spill.as_ref())?;
        }
        Ok(stored)
    }

    /// Encodes and stores a leaf.
    pub fn store(&mut self, chunks: &Chunks, rows: &Batch) -> Result<Stored> {
        let encoded = self.encode(chunks, rows)?;
        chunks.publish(&encoded)
    }

    fn encode(&mut self, chunks: &Chunks, rows: &Batch) -> Result<Stored> {
        let mut columns = Vec::with_capacity(rows.columns.len());
        let mut stats = Vec::with_capacity(rows.columns.len());
        let mut waiting = Vec::new();
        for (number, column) in rows.columns.iter().enumerate() {
            let (stored, mut column_stats) = self.column(chunks, number, column, &mut waiting)?;
            if column.blob_count() > 0 {
                add_blobs(&mut column_stats, column, &chunks.blobs);
            }
            columns.push(stored);
            stats.push(column_stats);
        }
        let leaf = Leaf { rows: rows.rows as u32, columns };
        let plain = leaf.encode();
        let id = chunks.store.id_key().chunk_id(ChunkKind::Leaf, &[&plain]);
        let small = RootLeaf::new(&leaf, &plain);
        let known = small.is_none() && chunks.store.known(&id)?.is_some();
        if small.is_none() && !known {
            self.payload.clear();
            self.encoder.bytes(&plain, &mut self.payload)?;
            self.put(chunks, (id, ChunkKind::Leaf, None), plain.len(), &mut waiting)?;
        }
        let logical_bytes = stats.iter().map(|stats| stats.logical_bytes).sum();
        let waiting_bytes = waiting.iter().map(|waiting| waiting.bytes).sum();
        let kept = Kept::Here(Details { columns: stats, waiting });
        Ok(Stored { id, rows: rows.rows as u64, logical_bytes, small, known, waiting_bytes, kept })
    }

    fn column(
        &mut self,
        chunks: &Chunks,
        number: usize,
        column: &Column,
        waiting: &mut Vec<Waiting>,
    ) -> Result<(LeafColumn, ColumnStats)> {
        let logical_bytes = column.bytes_len() as u64;
        let mut stats = ColumnStats { logical_bytes, ..ColumnStats::default() };
        if let Some(inlined) = inlined(column) {
            return Ok((inlined, stats));
        }
        self.canonical.set(column);
        if let Some(plain) = plain::encode(column, &self.canonical) {
            return Ok((LeafColumn::Inline(plain), stats));
        }
        let id = self.canonical.id(chunks.store.id_key(), column);
        let bytes = self.canonical.bytes_len(column);
        if let Some(stored_bytes) = chunks.store.known(&id)? {
            stats.reused_logical_bytes = logical_bytes;
            stats.stored_bytes = u64::from(stored_bytes);
        } else {
            self.payload.clear();
            self.encoder.column(column, &self.canonical, &mut self.payload)?;
            stats.added_bytes = self.put(chunks, (id, ChunkKind::Column, Some(number)), bytes, waiting)?;
            stats.stored_bytes = stats.added_bytes;
        }
        Ok((LeafColumn::Chunk { id, bytes: bytes as u32, blobs: column.blob_count() > 0 }, stats))
    }

    /// Lets the payload at hand wait, or stores it; returns what the store grew by.
    fn put(
        &self,
        chunks: &Chunks,
        (id, kind, column): (ChunkId, ChunkKind, Option<usize>),
        plain_bytes: usize,
        waiting: &mut Vec<Waiting>,
    ) -> Result<u64> {
        let Some(spill) = &chunks.spill else {
            return chunks.store.write(&id, kind, plain_bytes, &self.payload).map(u64::from);
        };
        let offset = spill.append(&self.payload)?;
        waiting.push(Waiting { id, kind, column, plain_bytes, offset, bytes: self.payload.len() });
        Ok(0)
    }

    /// Stores a byte string; returns its id, its stored size and what the store grew by.
    pub fn bytes(&mut self, chunks: &dyn WriteChunks, kind: ChunkKind, plain: &[u8]) -> Result<(ChunkId, u32, u32)> {
        let id = chunks.id_key().chunk_id(kind, &[plain]);
        if let Some(stored) = chunks.known(&id)? {
            return Ok((id, stored, 0));
        }
        self.payload.clear();
        self.encoder.bytes(plain, &mut self.payload)?;
        let added = chunks.write(&id, kind, plain.len(), &self.payload)?;
        Ok((id, added, added))
    }
}

/// Counts the large values of a column in the place of their references.
fn add_blobs(stats: &mut ColumnStats, column: &Column, blobs: &BlobSizes) {
    let sizes = blobs.lock().unwrap_or_else(PoisonError::into_inner);
    for row in 0..column.rows() {
        let Cell::Blob(blob) = column.cell(row) else { continue };
        let value_bytes = blob.bytes.saturating_sub(BlobRef::ENCODED_BYTES as u64);
        let (stored_bytes, added_bytes) = sizes.get(&blob.id).copied().unwrap_or_default();
        stats.logical_bytes += value_bytes;
        stats.stored_bytes += stored_bytes;
        stats.added_bytes += added_bytes;
        if added_bytes == 0 {
            stats.reused_logical_bytes += value_bytes;
        }
    }
}

/// The form of a column that needs no chunk: NULL or one short value in every row.
fn inlined(column: &Column) -> Option<LeafColumn> {
    if column.rows() == 0 || column.null_count() == column.rows() {
        return Some(LeafColumn::Null);
    }
    if column.null_count() > 0 || column.blob_count() > 0 {
        return None;
    }
    match column.cell(0) {
        Cell::Bytes(first) if first.len() <= CONSTANT_BYTES_MAX => (1..column.rows())
            .all(|row| column.cell(row) == Cell::Bytes(first))
            .then(|| LeafColumn::Constant(first.to_vec())),
        _ => None,
    }
}
