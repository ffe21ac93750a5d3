//! Packs: files of many chunks, so that a store has thousands of files and not millions.
//!
//! A pack is a header, frames, a sorted index of the frames, and a footer. Each frame carries its own checksum, which
//! also covers the chunk's id, so that a reader who was sent to the wrong place notices at once. What the payload
//! means (the codec of the chunk) is not known here.

use crate::ids::{ChunkId, ChunkKind, ID_BYTES, PackId};
use crate::version::{MAGIC_BYTES, PACK, PACK_END};
use crate::wire::Reader;
use crate::{FormatError, Result};
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

/// Length of the header.
pub const HEADER_BYTES: usize = 48;
/// Length of what comes before the payload of a frame.
pub const FRAME_HEADER_BYTES: usize = 20;
/// Length of an entry of the trailing index.
pub const ENTRY_BYTES: usize = 48;
/// Length of the footer.
pub const FOOTER_BYTES: usize = 56;
/// Length of what is random in a pack's header, and of a store's own name.
pub const UUID_BYTES: usize = 16;
/// Most bytes that a chunk may have, stored or raw. Memory for a chunk is never asked for above this.
pub const CHUNK_BYTES_MAX: u32 = 256 << 20;
/// Offset that no frame may reach over.
pub const PACK_BYTES_MAX: u64 = u32::MAX as u64;

/// What a pack begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PackHeader {
    /// The store that the pack was written for.
    pub store: [u8; UUID_BYTES],
    /// Random, so that no two packs have equal bytes: rewriting the chunks of a pack that is being deleted never
    /// gives the same name again.
    pub nonce: [u8; UUID_BYTES],
}

impl PackHeader {
    /// The bytes of the header.
    #[must_use]
    pub fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut out = [0; HEADER_BYTES];
        out[..8].copy_from_slice(&PACK.magic);
        out[8..10].copy_from_slice(&PACK.version.to_le_bytes());
        out[16..32].copy_from_slice(&self.store);
        out[32..].copy_from_slice(&self.nonce);
        out
    }

    /// The inverse of [`Self::encode`].
    ///
    /// # Errors
    /// If the bytes are no header, or of a newer version.
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        let mut reader = Reader::new("pack header", bytes);
        PACK.check(reader.array::<MAGIC_BYTES>()?, reader.u16()?)?;
        if reader.array::<6>()? != [0; 6] {
            return Err(reader.invalid("a reserved byte is not zero"));
        }
        let header = Self { store: reader.array()?, nonce: reader.array()? };
        reader.end()?;
        Ok(header)
    }
}

/// What stands before a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameHeader {
    /// Bytes of the payload.
    pub stored_len: u32,
    /// Bytes of the chunk's canonical plaintext.
    pub raw_len: u32,
    /// What the chunk is.
    pub kind: ChunkKind,
    /// Over the id, the fields before, and the payload.
    pub checksum: u64,
}

impl FrameHeader {
    fn fields(&self) -> [u8; FRAME_HEADER_BYTES] {
        let mut out = [0; FRAME_HEADER_BYTES];
        out[..4].copy_from_slice(&self.stored_len.to_le_bytes());
        out[4..8].copy_from_slice(&self.raw_len.to_le_bytes());
        out[9] = self.kind as u8;
        out[12..].copy_from_slice(&self.checksum.to_le_bytes());
        out
    }

    fn checksum_of(&self, id: &ChunkId, payload: &[u8]) -> u64 {
        let mut seed = [0; ID_BYTES + 12];
        seed[..ID_BYTES].copy_from_slice(id.as_bytes());
        seed[ID_BYTES..].copy_from_slice(&self.fields()[..12]);
        xxh3_64_with_seed(payload, xxh3_64(&seed))
    }

    /// Reads the fields; nothing is known about the payload yet.
    ///
    /// # Errors
    /// If the bytes are no frame header, declare too much, or need a newer program.
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        let mut reader = Reader::new("frame", bytes);
        let (stored_len, raw_len) = (reader.u32()?, reader.u32()?);
        for (what, declared) in [("stored bytes of a frame", stored_len), ("raw bytes of a frame", raw_len)] {
            if declared > CHUNK_BYTES_MAX {
                let max = CHUNK_BYTES_MAX.into();
                return Err(FormatError::TooLarge { what, declared: declared.into(), max });
            }
        }
        let [codec, kind, key, flags] = reader.array()?;
        if (codec, key, flags) != (0, 0, 0) {
            // Compression of whole frames, encryption and base ids have their places, and no meaning yet.
            return Err(FormatError::newer_chunk("frame"));
        }
        let kind = ChunkKind::from_byte(kind).ok_or_else(|| reader.invalid("a chunk kind that does not exist"))?;
        Ok(Self { stored_len, raw_len, kind, checksum: reader.u64()? })
    }
}

/// What stands before the payload of a chunk.
///
/// # Errors
/// `TooLarge` above [`CHUNK_BYTES_MAX`].
pub fn frame_header(id: &ChunkId, kind: ChunkKind, raw_len: u32, payload: &[u8]) -> Result<[u8; FRAME_HEADER_BYTES]> {
    let max = u64::from(CHUNK_BYTES_MAX);
    let declared = (payload.len() as u64).max(raw_len.into());
    if declared > max {
        return Err(FormatError::TooLarge { what: "bytes of a chunk", declared, max });
    }
    let mut header = FrameHeader { stored_len: payload.len() as u32, raw_len, kind, checksum: 0 };
    header.checksum = header.checksum_of(id, payload);
    Ok(header.fields())
}

/// Reads the frame of the chunk `id` from exactly its bytes, and checks it.
///
/// # Errors
/// If it is not a frame, has another length, or its checksum is not that of this chunk.
pub fn read_frame<'a>(id: &ChunkId, bytes: &'a [u8]) -> Result<(FrameHeader, &'a [u8])> {
    let mut reader = Reader::new("frame", bytes);
    let header = FrameHeader::decode(reader.take(FRAME_HEADER_BYTES)?)?;
    let payload = reader.take(header.stored_len as usize)?;
    if header.checksum_of(id, payload) != header.checksum {
        return Err(FormatError::Invalid { what: "frame", offset: 12, why: "its checksum is not that of this chunk" });
    }
    reader.end()?;
    Ok((header, payload))
}

/// Where a chunk is in its pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PackEntry {
    /// The chunk.
    pub id: ChunkId,
    /// Where its frame begins.
    pub offset: u32,
    /// Bytes of the payload.
    pub stored_len: u32,
    /// Bytes of the chunk's canonical plaintext.
    pub raw_len: u32,
    /// What the chunk is.
    pub kind: ChunkKind,
}

impl PackEntry {
    /// Bytes of the whole frame.
    #[must_use]
    pub fn frame_bytes(&self) -> usize {
        FRAME_HEADER_BYTES + self.stored_len as usize
    }
}

/// Sorts the entries of a pack and encodes its end: the trailing index and the footer. Returns the two apart, because
/// the pack is named by its bytes up to the footer.
#[must_use]
pub fn encode_end(entries: &mut [PackEntry], index_offset: u64) -> (Vec<u8>, [u8; FOOTER_BYTES]) {
    entries.sort_unstable();
    let mut index = Vec::with_capacity(entries.len() * ENTRY_BYTES);
    for entry in entries.iter() {
        index.extend_from_slice(entry.id.as_bytes());
        index.extend_from_slice(&entry.offset.to_le_bytes());
        index.extend_from_slice(&entry.stored_len.to_le_bytes());
        index.extend_from_slice(&entry.raw_len.to_le_bytes());
        index.extend_from_slice(&[entry.kind as u8, 0, 0, 0]);
    }
    let footer = Footer { index_offset, count: entries.len() as u32, index_hash: *blake3::hash(&index).as_bytes() };
    (index, footer.encode())
}

/// What a pack ends with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Footer {
    /// Where the trailing index begins.
    pub index_offset: u64,
    /// Its entries.
    pub count: u32,
    /// BLAKE3 of its bytes.
    pub index_hash: [u8; 32],
}

impl Footer {
    fn encode(&self) -> [u8; FOOTER_BYTES] {
        let mut out = [0; FOOTER_BYTES];
        out[..8].copy_from_slice(&self.index_offset.to_le_bytes());
        out[8..12].copy_from_slice(&self.count.to_le_bytes());
        out[16..48].copy_from_slice(&self.index_hash);
        out[48..].copy_from_slice(&PACK_END);
        out
    }

    /// Reads the last [`FOOTER_BYTES`] of a pack that is `pack_bytes` long.
    ///
    /// # Errors
    /// If the pack was not finished, or what the footer says does not fit the length of the pack.
    pub fn decode(bytes: &[u8], pack_bytes: u64) -> Result<Self> {
        let mut reader = Reader::new("pack footer", bytes);
        let index_offset = reader.u64()?;
        let count = reader.u32()?;
        let reserved = reader.u32()?;
        let footer = Self { index_offset, count, index_hash: reader.array()? };
        if reader.array::<MAGIC_BYTES>()? != PACK_END {
            return Err(reader.invalid("the pack does not end as packs do; it was not finished, or was cut"));
        }
        let end = index_offset.checked_add(u64::from(count) * ENTRY_BYTES as u64 + FOOTER_BYTES as u64);
        let fits = end == Some(pack_bytes) && index_offset >= HEADER_BYTES as u64 && index_offset <= PACK_BYTES_MAX;
        if !fits || reserved != 0 {
            return Err(reader.invalid("its offsets do not fit the length of the pack"));
        }
        reader.end()?;
        Ok(footer)
    }

    /// Length of the trailing index.
    #[must_use]
    pub fn index_bytes(&self) -> usize {
        self.count as usize * ENTRY_BYTES
    }

    /// Reads and checks the trailing index: its hash, its order, and that the frames lie end to end.
    ///
    /// # Errors
    /// If any of these is not so.
    pub fn decode_index(&self, bytes: &[u8]) -> Result<Vec<PackEntry>> {
        let mut reader = Reader::new("index of a pack", bytes);
        if bytes.len() != self.index_bytes() || blake3::hash(bytes) != self.index_hash {
            return Err(reader.invalid("its hash is not the one in the footer"));
        }
        let mut entries: Vec<PackEntry> = Vec::with_capacity(self.count as usize);
        while reader.remaining() > 0 {
            let entry = decode_entry(&mut reader)?;
            if entries.last().is_some_and(|last| last.id >= entry.id) {
                return Err(reader.invalid("entries that are not in order"));
            }
            entries.push(entry);
        }
        self.check_tiling(&entries)?;
        Ok(entries)
    }

    fn check_tiling(&self, entries: &[PackEntry]) -> Result<()> {
        let mut places: Vec<_> = entries.iter().map(|entry| (u64::from(entry.offset), entry.frame_bytes())).collect();
        places.sort_unstable();
        let mut ends = HEADER_BYTES as u64;
        let mut is_tiled = true;
        for (offset, bytes) in places {
            is_tiled &= offset == ends;
            ends += bytes as u64;
        }
        if !is_tiled || ends != self.index_offset {
            let why = "frames that do not lie end to end";
            return Err(FormatError::Invalid { what: "index of a pack", offset: 0, why });
        }
        Ok(())
    }
}

fn decode_entry(reader: &mut Reader<'_>) -> Result<PackEntry> {
    let id = ChunkId::from_bytes(reader.array()?);
    let (offset, stored_len, raw_len) = (reader.u32()?, reader.u32()?, reader.u32()?);
    let [kind, reserved @ ..] = reader.array::<4>()?;
    match ChunkKind::from_byte(kind) {
        Some(kind) if reserved == [0; 3] && stored_len.max(raw_len) <= CHUNK_BYTES_MAX => {
            Ok(PackEntry { id, offset, stored_len, raw_len, kind })
        }
        _ => Err(reader.invalid("an entry that no version of this program writes")),
    }
}

/// The name of a pack, from the hash of its bytes up to the footer.
#[must_use]
pub fn pack_id(hash: &blake3::Hash) -> PackId {
    PackId::from_bytes(*hash.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put_frame(out: &mut Vec<u8>, id: &ChunkId, kind: ChunkKind, raw_len: u32, payload: &[u8]) {
        out.extend_from_slice(&frame_header(id, kind, raw_len, payload).unwrap());
        out.extend_from_slice(payload);
    }

    fn sample() -> (Vec<u8>, Vec<PackEntry>) {
        let mut bytes = PackHeader { store: [1; 16], nonce: [2; 16] }.encode().to_vec();
        let mut entries = Vec::new();
        for i in [3u8, 1, 2] {
            let id = ChunkId::from_bytes([i; 32]);
            let payload = vec![i; usize::from(i) * 10];
            let offset = bytes.len() as u32;
            put_frame(&mut bytes, &id, ChunkKind::Column, 99, &payload);
            entries.push(PackEntry {
                id,
                offset,
                stored_len: payload.len() as u32,
                raw_len: 99,
                kind: ChunkKind::Column,
            });
        }
        let (index, footer) = encode_end(&mut entries, bytes.len() as u64);
        bytes.extend_from_slice(&index);
        bytes.extend_from_slice(&footer);
        (bytes, entries)
    }

    /// Everything that a reader checks, frames included.
    fn read_all(bytes: &[u8]) -> Result<Vec<PackEntry>> {
        PackHeader::decode(bytes.get(..HEADER_BYTES).unwrap_or(bytes))?;
        let footer_start = bytes.len().saturating_sub(FOOTER_BYTES);
        let footer = Footer::decode(&bytes[footer_start..], bytes.len() as u64)?;
        let entries = footer.decode_index(&bytes[footer.index_offset as usize..footer_start])?;
        for entry in &entries {
            let start = entry.offset as usize;
            let (header, _) = read_frame(&entry.id, &bytes[start..start + entry.frame_bytes()])?;
            assert_eq!((header.raw_len, header.kind), (entry.raw_len, entry.kind));
        }
        Ok(entries)
    }

    #[test]
    fn packs_come_back_sorted() {
        let (bytes, entries) = sample();
        assert_eq!(read_all(&bytes), Ok(entries));
    }

    #[test]
    fn every_flip_outside_the_uuids_is_seen() {
        let (bytes, _) = sample();
        // The uuids are covered by the name of the pack, which a pack does not hold itself.
        for place in (0..16).chain(HEADER_BYTES..bytes.len()) {
            for bit in 0..8 {
                let mut damaged = bytes.clone();
                damaged[place] ^= 1 << bit;
                assert!(read_all(&damaged).is_err(), "byte {place} bit {bit}");
            }
        }
    }

    #[test]
    fn frames_that_lie_elsewhere_are_refused() {
        let (_, entries) = sample();
        let decode = |mut entries: Vec<PackEntry>, index_offset: u64| {
            let (index, footer) = encode_end(&mut entries, index_offset);
            let pack_bytes = index_offset + (index.len() + FOOTER_BYTES) as u64;
            Footer::decode(&footer, pack_bytes)?.decode_index(&index)
        };
        let end = entries.iter().map(|entry| u64::from(entry.offset) + entry.frame_bytes() as u64).max().unwrap();
        assert_eq!(decode(entries.clone(), end), Ok(entries.clone()));
        // One more that lies behind a gap, over another one, or nowhere in the pack.
        for offset in [end as u32 + 1, HEADER_BYTES as u32, 0, u32::MAX] {
            let stray = PackEntry { id: ChunkId::from_bytes([9; 32]), offset, ..entries[0] };
            let strayed = [entries.as_slice(), &[stray]].concat();
            assert!(matches!(decode(strayed, end), Err(FormatError::Invalid { .. })), "{offset}");
        }
    }

    #[test]
    fn every_cut_is_seen() {
        let (bytes, _) = sample();
        for end in 0..bytes.len() {
            assert!(read_all(&bytes[..end]).is_err(), "{end}");
        }
    }

    #[test]
    fn a_frame_is_bound_to_its_chunk() {
        let mut frame = Vec::new();
        put_frame(&mut frame, &ChunkId::from_bytes([1; 32]), ChunkKind::Leaf, 5, b"hello");
        assert!(read_frame(&ChunkId::from_bytes([1; 32]), &frame).is_ok());
        assert!(read_frame(&ChunkId::from_bytes([2; 32]), &frame).is_err());
    }

    #[test]
    fn declared_sizes_are_capped() {
        let mut frame = Vec::new();
        put_frame(&mut frame, &ChunkId::from_bytes([1; 32]), ChunkKind::Leaf, 5, b"hello");
        frame[4..8].copy_from_slice(&u32::MAX.to_le_bytes());
        assert!(matches!(FrameHeader::decode(&frame), Err(FormatError::TooLarge { .. })));
        let id = ChunkId::from_bytes([1; 32]);
        assert!(frame_header(&id, ChunkKind::Leaf, CHUNK_BYTES_MAX + 1, b"").is_err());
    }
}
