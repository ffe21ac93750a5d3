//! Segments of the index: chunk id -> pack, offset, lengths, kind.
//!
//! A segment is written as a stream (so that merging large ones needs little memory) and read in pieces: its head
//! (pack table and fanout) is kept in memory, a bucket of about 16 entries is read when an id falls into it. The hash
//! in the footer covers the head, and the fanout holds a checksum of each bucket, so that opening a store does not
//! read all of its index.

mod read;
mod write;

pub use read::{BucketPlace, SegmentFooter, SegmentHead};
pub use write::SegmentEncoder;

use crate::Result;
use crate::ids::{ChunkId, ChunkKind, ID_BYTES, PackId};
use crate::pack::CHUNK_BYTES_MAX;
use crate::wire::Reader;

/// Length of the header.
pub const HEADER_BYTES: usize = 48;
/// Length of a pack in the pack table.
pub const PACK_ROW_BYTES: usize = 40;
/// Length of an entry.
pub const ENTRY_BYTES: usize = 52;
/// Length of a bucket in the fanout.
pub const FANOUT_ROW_BYTES: usize = 12;
/// Length of the footer.
pub const FOOTER_BYTES: usize = 56;
/// Entries that a bucket has on average, at most.
const BUCKET_ENTRIES: u64 = 16;
/// Most bits of an id that choose its bucket.
const FANOUT_BITS_MAX: u8 = 24;
/// Most packs of one segment.
const PACKS_MAX: u32 = 1 << 24;

/// Where a chunk is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct IndexEntry {
    /// The chunk.
    pub id: ChunkId,
    /// Its pack, as a row of the segment's pack table.
    pub pack: u32,
    /// Where its frame begins.
    pub offset: u32,
    /// Bytes of the payload.
    pub stored_len: u32,
    /// Bytes of the chunk's canonical plaintext.
    pub raw_len: u32,
    /// What the chunk is.
    pub kind: ChunkKind,
}

/// A pack that a segment points into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PackRow {
    /// Its name.
    pub id: PackId,
    /// Its length, in bytes.
    pub bytes: u64,
}

/// The entries of one id in the bytes of a bucket that was checked, with their places in the bucket. An id has
/// several entries while a pack is being rewritten.
pub fn find<'a>(bucket: &'a [u8], id: &'a ChunkId) -> impl Iterator<Item = (usize, IndexEntry)> + 'a {
    let row = |at: usize| &bucket[at * ENTRY_BYTES..(at + 1) * ENTRY_BYTES];
    let (mut low, mut high) = (0, bucket.len() / ENTRY_BYTES);
    while low < high {
        let middle = low.midpoint(high);
        if row(middle)[..ID_BYTES] < id.as_bytes()[..] { low = middle + 1 } else { high = middle }
    }
    (low..bucket.len() / ENTRY_BYTES)
        .take_while(move |&at| row(at)[..ID_BYTES] == id.as_bytes()[..])
        .filter_map(move |at| Some((at, decode_entry(row(at)).ok()?)))
}

/// All entries in the bytes of a bucket that was checked.
pub fn entries(bucket: &[u8]) -> impl Iterator<Item = IndexEntry> + '_ {
    bucket.chunks(ENTRY_BYTES).filter_map(|row| decode_entry(row).ok())
}

fn bucket_of(id: &ChunkId, bits: u8) -> usize {
    let [a, b, c, d, ..] = *id.as_bytes();
    let prefix = u64::from(u32::from_be_bytes([a, b, c, d]));
    (prefix >> (32 - u32::from(bits))) as usize
}

fn decode_entry(row: &[u8]) -> Result<IndexEntry> {
    let mut reader = Reader::new("entry of an index segment", row);
    let id = ChunkId::from_bytes(reader.array()?);
    let (pack, offset, stored_len, raw_len) = (reader.u32()?, reader.u32()?, reader.u32()?, reader.u32()?);
    let [kind, reserved @ ..] = reader.array::<4>()?;
    match ChunkKind::from_byte(kind) {
        Some(kind) if reserved == [0; 3] && stored_len.max(raw_len) <= CHUNK_BYTES_MAX => {
            Ok(IndexEntry { id, pack, offset, stored_len, raw_len, kind })
        }
        _ => Err(reader.invalid("an entry that no version of this program writes")),
    }
}

#[cfg(test)]
mod tests;
