//! Large values: a reference in the column, a list of pieces, and the pieces.
//!
//! A value above [`crate::column::INLINE_VALUE_BYTES_MAX`] is cut by its content, so that a change in its middle
//! costs the pieces around the change only.

use crate::ids::{ChunkId, ID_BYTES};
use crate::wire::{Reader, put_varint};
use crate::{FormatError, Result};

/// Smallest, usual and largest piece, in bytes.
pub const PIECE_BYTES: [usize; 3] = [64 << 10, 256 << 10, 1 << 20];

/// Most pieces that one value may have: a value of 4 GiB in the smallest pieces.
const PIECES_MAX: u64 = (4 << 30) / PIECE_BYTES[0] as u64;

/// What a column holds in the place of a large value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct BlobRef {
    /// The list of the pieces.
    pub id: ChunkId,
    /// Length of the whole value, in bytes.
    pub bytes: u64,
}

impl BlobRef {
    /// Length of the encoded form.
    pub const ENCODED_BYTES: usize = ID_BYTES + 8;

    /// The id, then the length as a little-endian 64-bit integer.
    #[must_use]
    pub fn encode(&self) -> [u8; Self::ENCODED_BYTES] {
        let mut out = [0; Self::ENCODED_BYTES];
        out[..ID_BYTES].copy_from_slice(self.id.as_bytes());
        out[ID_BYTES..].copy_from_slice(&self.bytes.to_le_bytes());
        out
    }

    /// The inverse of [`Self::encode`]; `None` for another length.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; Self::ENCODED_BYTES] = bytes.try_into().ok()?;
        let mut reader = Reader::new("blob reference", bytes);
        Some(Self { id: ChunkId::from_bytes(reader.array().ok()?), bytes: reader.u64().ok()? })
    }
}

/// The pieces of a large value, in order, with their lengths in bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BlobList {
    /// Id and length of each piece.
    pub pieces: Vec<(ChunkId, u32)>,
}

impl BlobList {
    /// Length of the whole value, in bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.pieces.iter().map(|&(_, bytes)| u64::from(bytes)).sum()
    }

    /// Canonical plaintext: count, then for each piece its id and its length.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(4 + self.pieces.len() * (ID_BYTES + 3));
        put_varint(&mut out, self.pieces.len() as u64);
        for (id, bytes) in &self.pieces {
            out.extend_from_slice(id.as_bytes());
            put_varint(&mut out, u64::from(*bytes));
        }
        out
    }

    /// The inverse of [`Self::encode`].
    ///
    /// # Errors
    /// If the bytes are not a list, or a piece is longer than pieces are.
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        let mut reader = Reader::new("blob list", bytes);
        let count = reader.varint_max("pieces of a blob", PIECES_MAX)?;
        if count > reader.remaining() / (ID_BYTES + 1) {
            return Err(FormatError::TooLarge {
                what: "pieces of a blob",
                declared: count as u64,
                max: (reader.remaining() / (ID_BYTES + 1)) as u64,
            });
        }
        let mut pieces = Vec::with_capacity(count);
        for _ in 0..count {
            let id = ChunkId::from_bytes(reader.array()?);
            pieces.push((id, reader.varint_max("piece of a blob", PIECE_BYTES[2] as u64)? as u32));
        }
        reader.end()?;
        Ok(Self { pieces })
    }
}

/// Length of the piece that starts a value whose first bytes are `bytes`.
///
/// `bytes` holds [`PIECE_BYTES`]`[2]` bytes, or all that is left of the value. The cut depends on the content of the
/// piece alone (FastCDC, normalized chunking; Xia et al. 2016).
#[must_use]
pub fn piece_bytes(bytes: &[u8]) -> usize {
    let [min, usual, max] = PIECE_BYTES;
    if bytes.len() <= min {
        return bytes.len();
    }
    let bytes = &bytes[..bytes.len().min(max)];
    fastcdc::v2020::FastCDC::new(bytes, min, usual, max).next().map_or(bytes.len(), |chunk| chunk.length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_come_back() {
        let list = BlobList { pieces: (0..5).map(|i| (ChunkId::from_bytes([i; 32]), 65536 + u32::from(i))).collect() };
        assert_eq!(BlobList::decode(&list.encode()), Ok(list.clone()));
        for end in 0..list.encode().len() {
            assert!(BlobList::decode(&list.encode()[..end]).is_err());
        }
    }

    #[test]
    fn an_insertion_changes_few_pieces() {
        let mut state = 1u64;
        let mut value: Vec<u8> = (0..4 << 20)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (state >> 56) as u8
            })
            .collect();
        let pieces = |mut value: &[u8]| {
            let mut pieces = Vec::new();
            while !value.is_empty() {
                let (piece, rest) = value.split_at(piece_bytes(value));
                pieces.push(piece.to_vec());
                value = rest;
            }
            pieces
        };
        let before = pieces(&value);
        value.insert(2 << 20, 7);
        let after = pieces(&value);
        assert!(before.len() >= 6);
        assert!(after.iter().filter(|piece| !before.contains(piece)).count() <= 2);
    }
}
