//! What ingest and read need of a store: chunks by id. A write session and an open store are such; so are test doubles.

use crate::Result;
use offshoot_format::ids::{ChunkId, ChunkKind, IdKey};

/// Reads chunks by id.
pub trait ReadChunks: Send + Sync {
    /// The key that ids are computed with.
    fn id_key(&self) -> &IdKey;

    /// The payload of a chunk. Its frame is checked; its content is not, which is the caller's part.
    ///
    /// # Errors
    /// `Missing` or `Damaged`.
    fn payload(&self, id: &ChunkId, kind: ChunkKind) -> Result<Vec<u8>>;
}

/// Reads and writes chunks by id; what was written can be read at once.
pub trait WriteChunks: ReadChunks {
    /// Stored size in bytes of a chunk that need not be written again.
    ///
    /// # Errors
    /// If an index cannot be read.
    fn known(&self, id: &ChunkId) -> Result<Option<u32>>;

    /// Stores a chunk; one that is there already is left alone. `plain_bytes` is the length of its plaintext.
    /// Returns the stored size in bytes.
    ///
    /// # Errors
    /// If it cannot be written.
    fn write(&self, id: &ChunkId, kind: ChunkKind, plain_bytes: usize, payload: &[u8]) -> Result<u32>;
}
