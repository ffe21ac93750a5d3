//! Reading a segment: the footer says where the head is, the head where buckets are and what they hash to.

use super::{
    ENTRY_BYTES, FANOUT_BITS_MAX, FANOUT_ROW_BYTES, FOOTER_BYTES, HEADER_BYTES, PACK_ROW_BYTES, PACKS_MAX, PackRow,
    bucket_of, decode_entry,
};
use crate::ids::{ChunkId, PackId};
use crate::pack::{FRAME_HEADER_BYTES, UUID_BYTES};
use crate::version::{INDEX, INDEX_END, MAGIC_BYTES};
use crate::wire::Reader;
use crate::{FormatError, Result};
use std::ops::Range;
use xxhash_rust::xxh3::xxh3_64;

/// What the footer says: where the parts of a segment are. Their content is not checked yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentFooter {
    packs: usize,
    bits: u8,
    entries: u64,
    head_hash: [u8; 32],
    fields: [u8; 16],
    fanout_offset: u64,
}

impl SegmentFooter {
    /// Reads the last [`FOOTER_BYTES`] of a segment that is `segment_bytes` long.
    ///
    /// # Errors
    /// If the segment was not finished, or the footer does not fit its length.
    pub fn decode(bytes: &[u8], segment_bytes: u64) -> Result<Self> {
        let mut reader = Reader::new("index footer", bytes);
        let packs = reader.u32()?;
        let [bits, reserved @ ..] = reader.array::<4>()?;
        let entries = reader.u64()?;
        let head_hash = reader.array()?;
        if reader.array::<MAGIC_BYTES>()? != INDEX_END {
            return Err(reader.invalid("the segment does not end as segments do; it was not finished, or was cut"));
        }
        let capped = packs <= PACKS_MAX && bits <= FANOUT_BITS_MAX && entries <= u64::from(u32::MAX);
        if !capped || reserved != [0; 3] {
            return Err(reader.invalid("more packs, buckets or entries than a segment may have"));
        }
        let table_end = HEADER_BYTES as u64 + u64::from(packs) * PACK_ROW_BYTES as u64;
        let fanout_offset = table_end + entries * ENTRY_BYTES as u64;
        if fanout_offset + (FANOUT_ROW_BYTES << bits) as u64 + FOOTER_BYTES as u64 != segment_bytes {
            return Err(reader.invalid("its counts do not fit the length of the segment"));
        }
        reader.end()?;
        let mut fields = [0; 16];
        fields.copy_from_slice(&bytes[..16]);
        Ok(Self { packs: packs as usize, bits, entries, head_hash, fields, fanout_offset })
    }

    /// Checks the header, which says before all else whether this program can read the rest.
    ///
    /// # Errors
    /// If it is not one, or of a newer version.
    pub fn check_version(header: &[u8]) -> Result<()> {
        let mut reader = Reader::new(INDEX.what, header);
        INDEX.check(reader.array::<MAGIC_BYTES>()?, reader.u16()?)
    }

    /// Where the header and the pack table are.
    #[must_use]
    pub fn front(&self) -> Range<u64> {
        0..(HEADER_BYTES + self.packs * PACK_ROW_BYTES) as u64
    }

    /// Where the fanout is.
    #[must_use]
    pub fn fanout(&self) -> Range<u64> {
        self.fanout_offset..self.fanout_offset + (FANOUT_ROW_BYTES << self.bits) as u64
    }

    /// Reads and checks the head, from the bytes of [`Self::front`] and [`Self::fanout`].
    ///
    /// # Errors
    /// If it is damaged, of a newer version or of another store.
    pub fn decode_head(&self, store: [u8; UUID_BYTES], front: &[u8], fanout: &[u8]) -> Result<SegmentHead> {
        Self::check_version(front)?;
        let mut reader = Reader::new(INDEX.what, front);
        reader.take(MAGIC_BYTES + 2)?;
        let mut hasher = blake3::Hasher::new();
        hasher.update(front).update(fanout).update(&self.fields);
        if hasher.finalize() != self.head_hash || fanout.len() != FANOUT_ROW_BYTES << self.bits {
            return Err(reader.invalid("its hash is not the one in the footer"));
        }
        if reader.array::<6>()? != [0; 6] || reader.array::<UUID_BYTES>()? != store {
            return Err(reader.invalid("it belongs to another store"));
        }
        reader.take(UUID_BYTES)?;
        let mut packs = Vec::with_capacity(self.packs);
        for _ in 0..self.packs {
            packs.push(PackRow { id: PackId::from_bytes(reader.array()?), bytes: reader.u64()? });
        }
        reader.end()?;
        let fanout = self.decode_fanout(fanout)?;
        Ok(SegmentHead { bits: self.bits, entries: self.entries, entries_offset: self.front().end, packs, fanout })
    }

    fn decode_fanout(&self, bytes: &[u8]) -> Result<Vec<(u32, u64)>> {
        let mut reader = Reader::new("fanout of an index segment", bytes);
        let mut fanout = Vec::with_capacity(1 << self.bits);
        let mut last = 0;
        while reader.remaining() > 0 {
            let row = (reader.u32()?, reader.u64()?);
            if row.0 < last || u64::from(row.0) > self.entries {
                return Err(reader.invalid("buckets that are not in order"));
            }
            last = row.0;
            fanout.push(row);
        }
        if u64::from(last) != self.entries {
            return Err(reader.invalid("buckets that do not hold all entries"));
        }
        Ok(fanout)
    }
}

/// What is kept in memory of a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentHead {
    bits: u8,
    entries: u64,
    entries_offset: u64,
    packs: Vec<PackRow>,
    fanout: Vec<(u32, u64)>,
}

/// Where the entries of some ids are, and what they must hash to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketPlace {
    /// Number of the bucket in its segment.
    pub bucket: usize,
    /// Ordinal of its first entry in the segment.
    pub first: u32,
    /// Bytes in the segment.
    pub range: Range<u64>,
    checksum: u64,
}

impl SegmentHead {
    /// The packs that the entries point into.
    #[must_use]
    pub fn packs(&self) -> &[PackRow] {
        &self.packs
    }

    /// Number of entries.
    #[must_use]
    pub fn entries(&self) -> u64 {
        self.entries
    }

    /// Where all entries are in the segment.
    #[must_use]
    pub fn range(&self) -> Range<u64> {
        self.entries_offset..self.entries_offset + self.entries * ENTRY_BYTES as u64
    }

    /// Number of buckets.
    #[must_use]
    pub fn buckets(&self) -> usize {
        self.fanout.len()
    }

    /// The bucket that an id falls into.
    #[must_use]
    pub fn bucket_of(&self, id: &ChunkId) -> usize {
        bucket_of(id, self.bits)
    }

    /// Where a bucket is; `None` for an empty bucket, which need not be read.
    #[must_use]
    pub fn place(&self, bucket: usize) -> Option<BucketPlace> {
        let &(end, checksum) = self.fanout.get(bucket)?;
        let first = if bucket == 0 { 0 } else { self.fanout[bucket - 1].0 };
        let at = |ordinal: u32| self.entries_offset + u64::from(ordinal) * ENTRY_BYTES as u64;
        (first < end).then(|| BucketPlace { bucket, first, range: at(first)..at(end), checksum })
    }

    /// Checks the bytes of a bucket and of everything in it.
    ///
    /// # Errors
    /// If they are not those that were written.
    pub fn check_bucket(&self, place: &BucketPlace, bytes: &[u8]) -> Result<()> {
        let invalid = |why| FormatError::Invalid { what: "bucket of an index segment", offset: 0, why };
        if xxh3_64(bytes) != place.checksum {
            return Err(invalid("its checksum does not match"));
        }
        let mut last = None;
        for row in bytes.chunks(ENTRY_BYTES) {
            let entry = decode_entry(row)?;
            let Some(pack) = self.packs.get(entry.pack as usize) else {
                return Err(invalid("an entry of a pack that is not in the table"));
            };
            let end = u64::from(entry.offset) + FRAME_HEADER_BYTES as u64 + u64::from(entry.stored_len);
            if end > pack.bytes || self.bucket_of(&entry.id) != place.bucket {
                return Err(invalid("an entry that reaches over its pack or is in a wrong bucket"));
            }
            if last.is_some_and(|last| last >= (entry.id, entry.pack)) {
                return Err(invalid("entries that are not in order"));
            }
            last = Some((entry.id, entry.pack));
        }
        Ok(())
    }
}
