//! Streams one large value into pieces.

use super::leaves::{BlobSizes, LeafEncoder};
use crate::Result;
use crate::chunks::WriteChunks;
use crate::source::{BlobSink, Large};
use offshoot_format::blob::{BlobList, BlobRef, PIECE_BYTES, piece_bytes};
use offshoot_format::ids::{ChunkId, ChunkKind};
use std::sync::PoisonError;

pub(super) struct BlobWriter<'c> {
    chunks: &'c dyn WriteChunks,
    sizes: &'c BlobSizes,
    encoder: LeafEncoder,
    /// The bytes that are in no piece yet: fewer than the largest piece has.
    open: Vec<u8>,
    list: BlobList,
    stored_bytes: u64,
    added_bytes: u64,
}

impl<'c> BlobWriter<'c> {
    pub fn new(chunks: &'c dyn WriteChunks, sizes: &'c BlobSizes) -> Self {
        let (encoder, open, list) = Default::default();
        Self { chunks, sizes, encoder, open, list, stored_bytes: 0, added_bytes: 0 }
    }

    fn store(&mut self, kind: ChunkKind, plain: &[u8]) -> Result<ChunkId> {
        let (id, stored, added) = self.encoder.bytes(self.chunks, kind, plain)?;
        self.stored_bytes += u64::from(stored);
        self.added_bytes += u64::from(added);
        Ok(id)
    }

    /// Stores the piece that the open bytes start with.
    fn cut(&mut self) -> Result<()> {
        let length = piece_bytes(&self.open);
        let rest = self.open.split_off(length);
        let piece = std::mem::replace(&mut self.open, rest);
        let id = self.store(ChunkKind::Piece, &piece)?;
        self.list.pieces.push((id, length as u32));
        Ok(())
    }
}

impl BlobSink for BlobWriter<'_> {
    fn write(&mut self, mut bytes: &[u8]) -> Result<()> {
        let piece_max = PIECE_BYTES[2];
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(piece_max - self.open.len()));
            self.open.extend_from_slice(now);
            bytes = later;
            if self.open.len() == piece_max {
                self.cut()?;
            }
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<Large> {
        while !self.open.is_empty() {
            self.cut()?;
        }
        let bytes = self.list.bytes();
        let list = self.list.encode();
        let id = self.store(ChunkKind::Blob, &list)?;
        let sizes = (self.stored_bytes, self.added_bytes);
        self.sizes.lock().unwrap_or_else(PoisonError::into_inner).entry(id).or_insert(sizes);
        Ok(Large::Apart(BlobRef { id, bytes }))
    }
}
