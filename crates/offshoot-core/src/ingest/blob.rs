//! Streams one large value into pieces.

use super::encode::LeafEncoder;
use crate::Result;
use crate::chunks::WriteChunks;
use crate::source::BlobSink;
use offshoot_format::blob::{BlobList, BlobRef, PIECE_BYTES, piece_bytes};
use offshoot_format::ids::ChunkKind;

pub(super) struct BlobWriter<'c> {
    chunks: &'c dyn WriteChunks,
    encoder: LeafEncoder,
    /// The bytes that are in no piece yet: fewer than the largest piece has.
    open: Vec<u8>,
    list: BlobList,
}

impl<'c> BlobWriter<'c> {
    pub fn new(chunks: &'c dyn WriteChunks) -> Self {
        Self { chunks, encoder: LeafEncoder::default(), open: Vec::new(), list: BlobList::default() }
    }

    /// Stores the piece that the open bytes start with.
    fn cut(&mut self) -> Result<()> {
        let length = piece_bytes(&self.open);
        let (id, _) = self.encoder.bytes(self.chunks, ChunkKind::Piece, &self.open[..length])?;
        self.list.pieces.push((id, length as u32));
        self.open.drain(..length);
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

    fn finish(mut self: Box<Self>) -> Result<BlobRef> {
        while !self.open.is_empty() {
            self.cut()?;
        }
        let bytes = self.list.bytes();
        let (id, _) = self.encoder.bytes(self.chunks, ChunkKind::Blob, &self.list.encode())?;
        Ok(BlobRef { id, bytes })
    }
}
