//! Segments of the index: chunk id -> pack, offset, lengths, kind.
//!
//! A segment is written as a stream (so that merging large ones needs little memory) and read in pieces: its head
//! (pack table and fanout) is kept in memory, a bucket of about 16 entries is read when an id falls into it. The hash
//! in the footer covers the head, and the fanout holds a checksum of each bucket, so that opening a store does not
//! read all of its index.

use crate::ids::{ChunkId, ChunkKind, ID_BYTES, PackId};
use crate::pack::{CHUNK_BYTES_MAX, FRAME_HEADER_BYTES, UUID_BYTES};
use crate::version::{INDEX, INDEX_END, MAGIC_BYTES};
use crate::wire::Reader;
use crate::{FormatError, Result};
use std::ops::Range;
use xxhash_rust::xxh3::xxh3_64;

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

fn bucket_of(id: &ChunkId, bits: u8) -> usize {
    let [a, b, c, d, ..] = *id.as_bytes();
    let prefix = u64::from(u32::from_be_bytes([a, b, c, d]));
    (prefix >> (32 - u32::from(bits))) as usize
}

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
        let mut reader = Reader::new(INDEX.what, front);
        INDEX.check(reader.array::<MAGIC_BYTES>()?, reader.u16()?)?;
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
mod tests {
    use super::*;

    fn entry(number: u32, pack: u32) -> IndexEntry {
        let id = ChunkId::from_bytes(*blake3::hash(&number.to_le_bytes()).as_bytes());
        IndexEntry { id, pack, offset: 48 + number, stored_len: number, raw_len: 2 * number, kind: ChunkKind::Node }
    }

    fn segment(entries: &[IndexEntry]) -> Vec<u8> {
        let packs = [1, 2].map(|i| PackRow { id: PackId::from_bytes([i; 32]), bytes: 1 << 20 });
        let mut out = Vec::new();
        let mut encoder = SegmentEncoder::new([5; 16], [6; 16], &packs, entries.len() as u64, &mut out).unwrap();
        for entry in entries {
            encoder.push(entry, &mut out).unwrap();
        }
        let footer = encoder.finish(&mut out);
        out.extend_from_slice(&footer);
        out
    }

    fn open(bytes: &[u8]) -> Result<SegmentHead> {
        let at = bytes.len().saturating_sub(FOOTER_BYTES);
        let footer = SegmentFooter::decode(&bytes[at..], bytes.len() as u64)?;
        let part = |range: Range<u64>| &bytes[range.start as usize..range.end as usize];
        footer.decode_head([5; 16], part(footer.front()), part(footer.fanout()))
    }

    fn all(bytes: &[u8]) -> Result<Vec<IndexEntry>> {
        let head = open(bytes)?;
        let mut found = Vec::new();
        for place in (0..head.buckets()).filter_map(|bucket| head.place(bucket)) {
            let bucket = &bytes[place.range.start as usize..place.range.end as usize];
            head.check_bucket(&place, bucket)?;
            found.extend(entries(bucket));
        }
        Ok(found)
    }

    fn sample(count: u32) -> Vec<IndexEntry> {
        let mut entries: Vec<_> = (0..count).map(|i| entry(i, i % 2)).collect();
        entries.push(entry(0, 1));
        entries.sort_unstable();
        entries
    }

    #[test]
    fn entries_are_found() {
        for count in [1, 63, 64, 1000, 5000] {
            let entries = sample(count);
            let bytes = segment(&entries);
            assert_eq!(all(&bytes), Ok(entries.clone()));
            let head = open(&bytes).unwrap();
            assert_eq!(head.entries(), entries.len() as u64);
            for wanted in &entries {
                let place = head.place(head.bucket_of(&wanted.id)).unwrap();
                let bucket = &bytes[place.range.start as usize..place.range.end as usize];
                let found: Vec<_> = find(bucket, &wanted.id).collect();
                assert!(found.iter().any(|(_, entry)| entry == wanted));
                for (at, entry) in found {
                    assert_eq!(entries[place.first as usize + at], entry);
                }
            }
            let missing = entry(count + 7, 0).id;
            if let Some(place) = head.place(head.bucket_of(&missing)) {
                assert_eq!(find(&bytes[place.range.start as usize..place.range.end as usize], &missing).count(), 0);
            }
        }
    }

    #[test]
    fn an_empty_segment_is_fine() {
        assert_eq!(all(&segment(&[])), Ok(Vec::new()));
    }

    #[test]
    fn every_flip_and_cut_is_seen() {
        let bytes = segment(&sample(200));
        for place in 0..bytes.len() {
            assert!(all(&bytes[..place]).is_err(), "cut at {place}");
            let mut damaged = bytes.clone();
            damaged[place] ^= 1 << (place % 8);
            assert!(all(&damaged).is_err(), "byte {place}");
        }
    }

    #[test]
    fn order_is_kept() {
        let mut out = Vec::new();
        let packs = [PackRow { id: PackId::from_bytes([1; 32]), bytes: 1 << 20 }];
        let mut encoder = SegmentEncoder::new([5; 16], [6; 16], &packs, 2, &mut out).unwrap();
        encoder.push(&entry(1, 0), &mut out).unwrap();
        assert!(encoder.push(&entry(1, 0), &mut out).is_err());
        assert!(encoder.push(&entry(2, 1), &mut out).is_err());
    }
}
