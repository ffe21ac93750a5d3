//! From chunks back to rows, always verified.

use crate::chunks::ReadChunks;
use crate::{CoreError, Result};
use offshoot_format::FormatError;
use offshoot_format::blob::{BlobList, BlobRef, PIECE_BYTES};
use offshoot_format::codec::{Decoder, LEAF_ROWS_MAX};
use offshoot_format::column::{Batch, Cell, Column};
use offshoot_format::ids::{ChunkId, ChunkKind};
use offshoot_format::leaf::{Leaf, LeafColumn, check_columns};
use offshoot_format::manifest::TableEntry;
use offshoot_format::plain;
use offshoot_format::table::ColumnSpec;
use offshoot_format::tree::{HEIGHT_MAX, Node, TreeRoot};
use std::sync::Arc;

/// Longest list of pieces, in bytes: a value of 4 GiB.
const BLOB_LIST_BYTES_MAX: usize = 4 << 20;

/// A leaf of a table, by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeafHandle {
    /// The leaf.
    pub id: ChunkId,
    /// Its rows.
    pub rows: u64,
    /// Bytes of its values.
    pub bytes: u64,
}

/// Reads leaves; holds the codec context of one thread.
#[derive(Default)]
pub struct LeafReader {
    decoder: Decoder,
}

impl LeafReader {
    /// The rows of a leaf of the tree with this root.
    ///
    /// # Errors
    /// `Missing` or `Damaged`, naming the chunk.
    pub fn batch(
        &mut self,
        chunks: &dyn ReadChunks,
        columns: &[ColumnSpec],
        root: &TreeRoot,
        id: &ChunkId,
    ) -> Result<Batch> {
        let leaf = self.leaf(chunks, root, id)?;
        self.rows(chunks, columns, &leaf, id)
    }

    /// The rows of a leaf that was read.
    pub(crate) fn rows(
        &mut self,
        chunks: &dyn ReadChunks,
        columns: &[ColumnSpec],
        leaf: &Leaf,
        id: &ChunkId,
    ) -> Result<Batch> {
        check_columns(leaf, columns.len()).map_err(|source| damaged("leaf", id, source))?;
        let rows = leaf.rows as usize;
        let mut batch = Batch { columns: Vec::with_capacity(columns.len()), rows };
        for (column, spec) in leaf.columns.iter().zip(columns) {
            batch.columns.push(self.column(chunks, column, spec, rows)?);
        }
        Ok(batch)
    }

    /// What a leaf of the tree with this root is made of.
    ///
    /// # Errors
    /// `Missing` or `Damaged`, naming the chunk.
    pub fn leaf(&mut self, chunks: &dyn ReadChunks, root: &TreeRoot, id: &ChunkId) -> Result<Leaf> {
        match &root.leaf {
            Some(leaf) => leaf.verified(chunks.id_key(), id).map_err(|source| damaged("leaf", id, source)),
            None => self.stored_leaf(chunks, id),
        }
    }

    pub(crate) fn stored_leaf(&mut self, chunks: &dyn ReadChunks, id: &ChunkId) -> Result<Leaf> {
        let plain = self.object(chunks, ChunkKind::Leaf, id, Leaf::BYTES_MAX)?;
        Leaf::decode(&plain).map_err(|source| damaged("leaf", id, source))
    }

    /// The node of this name.
    ///
    /// # Errors
    /// `Missing` or `Damaged`, naming the chunk.
    pub fn node(&mut self, chunks: &dyn ReadChunks, id: &ChunkId) -> Result<Node> {
        let plain = self.object(chunks, ChunkKind::Node, id, Node::BYTES_MAX)?;
        Node::decode(&plain).map_err(|source| damaged("node", id, source))
    }

    /// The list of the pieces of a large value.
    ///
    /// # Errors
    /// `Missing` or `Damaged`, naming the chunk.
    pub fn blob_list(&mut self, chunks: &dyn ReadChunks, blob: &BlobRef) -> Result<BlobList> {
        let plain = self.object(chunks, ChunkKind::Blob, &blob.id, BLOB_LIST_BYTES_MAX)?;
        let list = BlobList::decode(&plain).map_err(|source| damaged("blob", &blob.id, source))?;
        if list.bytes() != blob.bytes {
            let source =
                FormatError::Invalid { what: "blob", offset: 0, why: "its pieces do not add up to its length" };
            return Err(damaged("blob", &blob.id, source));
        }
        Ok(list)
    }

    /// The bytes of a piece.
    ///
    /// # Errors
    /// `Missing` or `Damaged`, naming the chunk.
    pub fn piece(&mut self, chunks: &dyn ReadChunks, id: &ChunkId) -> Result<Vec<u8>> {
        self.object(chunks, ChunkKind::Piece, id, PIECE_BYTES[2])
    }

    fn object(&mut self, chunks: &dyn ReadChunks, kind: ChunkKind, id: &ChunkId, bytes_max: usize) -> Result<Vec<u8>> {
        let payload = chunks.payload(id, kind)?;
        self.decoder
            .verified(&payload, bytes_max, chunks.id_key(), kind, id)
            .map_err(|source| damaged("object", id, source))
    }

    pub(crate) fn column(
        &mut self,
        chunks: &dyn ReadChunks,
        column: &LeafColumn,
        spec: &ColumnSpec,
        rows: usize,
    ) -> Result<Column> {
        match column {
            LeafColumn::Chunk { id, .. } => {
                let payload = chunks.payload(id, ChunkKind::Column)?;
                self.decoder
                    .column(spec.layout, &payload)
                    .and_then(|column| self.decoder.verify(&column, chunks.id_key(), id).map(|()| column))
                    .and_then(|column| check_rows(column, rows))
                    .map_err(|source| damaged(&spec.name, id, source))
            }
            LeafColumn::Inline(plain) => plain::decode(spec.layout, plain)
                .and_then(|column| check_rows(column, rows))
                .map_err(|source| CoreError::damaged(format!("column {}", spec.name), source)),
            LeafColumn::Null => {
                let mut column = Column::new(spec.layout);
                (0..rows.min(LEAF_ROWS_MAX)).for_each(|_| column.push_null());
                Ok(column)
            }
            LeafColumn::Constant(value) => {
                let mut column = Column::new(spec.layout);
                for _ in 0..rows {
                    column.push(value)?;
                }
                Ok(column)
            }
        }
    }
}

/// The leaves of a tree in key order.
///
/// # Errors
/// `Missing` or `Damaged`, naming the chunk; also if the counts of the tree do not add up.
pub fn leaves(chunks: &dyn ReadChunks, root: &TreeRoot) -> Result<Vec<LeafHandle>> {
    let mut found = Vec::new();
    let Some(id) = root.id else { return Ok(found) };
    if root.height > HEIGHT_MAX {
        let source = FormatError::Invalid { what: "tree", offset: 0, why: "it is too high" };
        return Err(damaged("tree", &id, source));
    }
    let top = LeafHandle { id, rows: root.rows, bytes: root.logical_bytes };
    descend(chunks, &mut LeafReader::default(), top, root.height, &mut found)?;
    Ok(found)
}

fn descend(
    chunks: &dyn ReadChunks,
    reader: &mut LeafReader,
    at: LeafHandle,
    height: u8,
    found: &mut Vec<LeafHandle>,
) -> Result<()> {
    if height == 0 {
        found.push(at);
        return Ok(());
    }
    let node = reader.node(chunks, &at.id)?;
    if node.rows().ok() != Some(at.rows) {
        let source = FormatError::Invalid { what: "node", offset: 0, why: "its rows do not add up" };
        return Err(damaged("node", &at.id, source));
    }
    for entry in node.entries {
        let below = LeafHandle { id: entry.id, rows: entry.rows, bytes: entry.logical_bytes };
        descend(chunks, reader, below, height - 1, found)?;
    }
    Ok(())
}

fn damaged(what: &str, id: &ChunkId, source: FormatError) -> CoreError {
    CoreError::damaged(format!("{what} {id}"), source)
}

fn check_rows(column: Column, rows: usize) -> offshoot_format::Result<Column> {
    if column.rows() == rows {
        return Ok(column);
    }
    Err(FormatError::Invalid { what: "column", offset: 0, why: "it has other rows than its leaf" })
}

/// The pieces of a large value, one after the other.
pub struct BlobReader {
    chunks: Arc<dyn ReadChunks>,
    reader: LeafReader,
    pieces: std::vec::IntoIter<(ChunkId, u32)>,
}

impl BlobReader {
    /// Begins to read a large value.
    ///
    /// # Errors
    /// `Missing` or `Damaged`, naming the chunk.
    pub fn open(chunks: Arc<dyn ReadChunks>, blob: &BlobRef) -> Result<Self> {
        let mut reader = LeafReader::default();
        let list = reader.blob_list(&*chunks, blob)?;
        Ok(Self { chunks, reader, pieces: list.pieces.into_iter() })
    }
}

impl Iterator for BlobReader {
    type Item = Result<Vec<u8>>;

    fn next(&mut self) -> Option<Self::Item> {
        let (id, bytes) = self.pieces.next()?;
        Some(self.reader.piece(&*self.chunks, &id).and_then(|piece| {
            if piece.len() == bytes as usize {
                return Ok(piece);
            }
            let source = FormatError::Invalid { what: "piece", offset: 0, why: "it has another length than listed" };
            Err(damaged("piece", &id, source))
        }))
    }
}

/// Everything that the rows of a table are stored in, for marking and checking.
///
/// Calls `visit` with the id and kind of every chunk below the root: nodes, leaves, columns, blob lists and pieces. A
/// leaf that the root holds is no chunk and has none.
/// `visit` returns whether to go on below it, so that what snapshots share is walked once.
///
/// # Errors
/// `Missing` or `Damaged`, naming the chunk; those of `visit`.
pub fn walk(
    chunks: &dyn ReadChunks,
    table: &TableEntry,
    visit: &mut dyn FnMut(&ChunkId, ChunkKind) -> Result<bool>,
) -> Result<()> {
    let Some(id) = table.root.id.filter(|_| table.root.leaf.is_none()) else { return Ok(()) };
    let mut walker = Walker { chunks, reader: LeafReader::default(), columns: &table.spec.columns, visit };
    walker.descend(&id, table.root.height.min(HEIGHT_MAX))
}

struct Walker<'a> {
    chunks: &'a dyn ReadChunks,
    reader: LeafReader,
    columns: &'a [ColumnSpec],
    visit: &'a mut dyn FnMut(&ChunkId, ChunkKind) -> Result<bool>,
}

impl Walker<'_> {
    fn descend(&mut self, id: &ChunkId, height: u8) -> Result<()> {
        if height == 0 {
            return self.leaf(id);
        }
        if !(self.visit)(id, ChunkKind::Node)? {
            return Ok(());
        }
        for entry in self.reader.node(self.chunks, id)?.entries {
            self.descend(&entry.id, height - 1)?;
        }
        Ok(())
    }

    fn leaf(&mut self, id: &ChunkId) -> Result<()> {
        if !(self.visit)(id, ChunkKind::Leaf)? {
            return Ok(());
        }
        let leaf = self.reader.stored_leaf(self.chunks, id)?;
        check_columns(&leaf, self.columns.len()).map_err(|source| damaged("leaf", id, source))?;
        for (column, spec) in leaf.columns.iter().zip(self.columns) {
            let LeafColumn::Chunk { id, blobs, .. } = column else { continue };
            if (self.visit)(id, ChunkKind::Column)? && *blobs {
                let column = self.reader.column(self.chunks, column, spec, leaf.rows as usize)?;
                self.blobs(&column)?;
            }
        }
        Ok(())
    }

    fn blobs(&mut self, column: &Column) -> Result<()> {
        for row in 0..column.rows() {
            let Cell::Blob(blob) = column.cell(row) else { continue };
            if (self.visit)(&blob.id, ChunkKind::Blob)? {
                for (piece, _) in self.reader.blob_list(self.chunks, &blob)?.pieces {
                    (self.visit)(&piece, ChunkKind::Piece)?;
                }
            }
        }
        Ok(())
    }
}
