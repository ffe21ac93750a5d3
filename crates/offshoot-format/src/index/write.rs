//! Writing a segment: entries go in in order, bytes come out.

use super::{BUCKET_ENTRIES, FANOUT_BITS_MAX, FOOTER_BYTES, IndexEntry, PACKS_MAX, PackRow, bucket_of};
use crate::ids::ChunkId;
use crate::pack::UUID_BYTES;
use crate::version::{INDEX, INDEX_END};
use crate::{FormatError, Result};
use xxhash_rust::xxh3::xxh3_64;

/// Writes a segment piece by piece: entries go in in order, bytes come out.
pub struct SegmentEncoder {
    bits: u8,
    head: blake3::Hasher,
    packs: u32,
    entries: u64,
    last: Option<(ChunkId, u32)>,
    bucket: Vec<u8>,
    fanout: Vec<u8>,
    rows: usize,
}

impl SegmentEncoder {
    /// Begins a segment of at most about `entries` entries; its first bytes are appended to `out`. `nonce` is random,
    /// so that no two segments have equal bytes: what one gc writes, another never takes for what it may remove.
    ///
    /// # Errors
    /// `TooLarge` for more packs than a segment may have.
    pub fn new(
        store: [u8; UUID_BYTES],
        nonce: [u8; UUID_BYTES],
        packs: &[PackRow],
        entries: u64,
        out: &mut Vec<u8>,
    ) -> Result<Self> {
        let too_large = |_| FormatError::TooLarge {
            what: "packs of an index segment",
            declared: packs.len() as u64,
            max: PACKS_MAX.into(),
        };
        let count = u32::try_from(packs.len()).map_err(too_large)?;
        let start = out.len();
        out.extend_from_slice(&INDEX.magic);
        out.extend_from_slice(&INDEX.version.to_le_bytes());
        out.extend_from_slice(&[0; 6]);
        out.extend_from_slice(&store);
        out.extend_from_slice(&nonce);
        for pack in packs {
            out.extend_from_slice(pack.id.as_bytes());
            out.extend_from_slice(&pack.bytes.to_le_bytes());
        }
        let mut head = blake3::Hasher::new();
        head.update(&out[start..]);
        let bits = (64 - (entries / BUCKET_ENTRIES).leading_zeros() as u8).min(FANOUT_BITS_MAX);
        Ok(Self { bits, head, packs: count, entries: 0, last: None, bucket: Vec::new(), fanout: Vec::new(), rows: 0 })
    }

    /// Appends an entry. Entries come in order of id and then of pack.
    ///
    /// # Errors
    /// `Invalid` if they do not, or the pack is not in the table.
    pub fn push(&mut self, entry: &IndexEntry, out: &mut Vec<u8>) -> Result<()> {
        let invalid = |why| FormatError::Invalid { what: INDEX.what, offset: 0, why };
        if self.last.is_some_and(|last| last >= (entry.id, entry.pack)) || entry.pack >= self.packs {
            return Err(invalid("entries that are not in order, or of a pack that is not in the table"));
        }
        if self.entries >= u64::from(u32::MAX) {
            return Err(invalid("more entries than a segment may have"));
        }
        let bucket = bucket_of(&entry.id, self.bits);
        while self.rows < bucket {
            self.end_bucket(out);
        }
        self.last = Some((entry.id, entry.pack));
        self.entries += 1;
        self.bucket.extend_from_slice(entry.id.as_bytes());
        for field in [entry.pack, entry.offset, entry.stored_len, entry.raw_len] {
            self.bucket.extend_from_slice(&field.to_le_bytes());
        }
        self.bucket.extend_from_slice(&[entry.kind as u8, 0, 0, 0]);
        Ok(())
    }

    /// Ends the segment. Returns the footer apart: the segment is named by the BLAKE3 of its bytes up to there.
    #[must_use]
    pub fn finish(mut self, out: &mut Vec<u8>) -> [u8; FOOTER_BYTES] {
        while self.rows < 1 << self.bits {
            self.end_bucket(out);
        }
        out.extend_from_slice(&self.fanout);
        let mut footer = [0; FOOTER_BYTES];
        footer[..4].copy_from_slice(&self.packs.to_le_bytes());
        footer[4] = self.bits;
        footer[8..16].copy_from_slice(&self.entries.to_le_bytes());
        self.head.update(&self.fanout);
        self.head.update(&footer[..16]);
        footer[16..48].copy_from_slice(self.head.finalize().as_bytes());
        footer[48..].copy_from_slice(&INDEX_END);
        footer
    }

    fn end_bucket(&mut self, out: &mut Vec<u8>) {
        self.fanout.extend_from_slice(&(self.entries as u32).to_le_bytes());
        self.fanout.extend_from_slice(&xxh3_64(&self.bucket).to_le_bytes());
        out.append(&mut self.bucket);
        self.rows += 1;
    }
}
