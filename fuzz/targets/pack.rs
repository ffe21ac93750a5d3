//! Packs: header, frames, footer and index of a file that may be anything.
//!
//! Input is read as it is, and then with the hash of its index and the checksums of its frames as a writer would have
//! made them, so that what they protect is reached.
#![no_main]

use libfuzzer_sys::fuzz_target;
use offshoot_format::ids::{ChunkId, ID_BYTES};
use offshoot_format::pack::{
    ENTRY_BYTES, FOOTER_BYTES, FRAME_HEADER_BYTES, Footer, FrameHeader, HEADER_BYTES, PackHeader, encode_end,
    frame_header, read_frame,
};
use offshoot_format::version::PACK_END;
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

fuzz_target!(|bytes: &[u8]| {
    let id = ChunkId::from_bytes([0; 32]);
    read(bytes);
    let _ = read_frame(&id, bytes);
    read_sealed_frame(&id, bytes);
    if let Some(sealed) = sealed(bytes) {
        read(&sealed);
    }
});

fn read(bytes: &[u8]) {
    if let Ok(header) = PackHeader::decode(bytes.get(..HEADER_BYTES).unwrap_or(bytes)) {
        assert_eq!(PackHeader::decode(&header.encode()), Ok(header));
    }
    let _ = FrameHeader::decode(bytes);
    let Some(start) = bytes.len().checked_sub(FOOTER_BYTES) else { return };
    let Ok(footer) = Footer::decode(&bytes[start..], bytes.len() as u64) else { return };
    let index = footer.index_offset as usize;
    let Ok(mut entries) = footer.decode_index(&bytes[index..start]) else { return };
    for entry in &entries {
        let at = entry.offset as usize;
        read_sealed_frame(&entry.id, &bytes[at..at + entry.frame_bytes()]);
    }
    let (again, end) = encode_end(&mut entries, footer.index_offset);
    assert!(again == bytes[index..start] && end == bytes[start..]);
}

/// A frame with the length of its payload and the checksum of its chunk.
fn read_sealed_frame(id: &ChunkId, bytes: &[u8]) {
    let mut frame = bytes.to_vec();
    let Some((header, payload)) = frame.split_at_mut_checked(FRAME_HEADER_BYTES) else { return };
    header[..4].copy_from_slice(&(payload.len() as u32).to_le_bytes());
    let mut seed = [0; ID_BYTES + 12];
    seed[..ID_BYTES].copy_from_slice(id.as_bytes());
    seed[ID_BYTES..].copy_from_slice(&header[..12]);
    let checksum = xxh3_64_with_seed(payload, xxh3_64(&seed));
    header[12..].copy_from_slice(&checksum.to_le_bytes());
    let Ok(found) = FrameHeader::decode(&frame) else { return };
    let (header, payload) = read_frame(id, &frame).unwrap();
    assert_eq!(header, found);
    assert_eq!(frame_header(id, header.kind, header.raw_len, payload).unwrap(), frame[..FRAME_HEADER_BYTES]);
}

/// The pack with a footer that fits it: where its index begins, and the hash of that.
fn sealed(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut sealed = bytes.to_vec();
    let start = bytes.len().checked_sub(FOOTER_BYTES)?;
    let room = start.checked_sub(HEADER_BYTES)? / ENTRY_BYTES;
    let count = room.min(usize::from(bytes[start + 8]));
    let index = start - count * ENTRY_BYTES;
    let hash = blake3::hash(&bytes[index..start]);
    sealed.truncate(start);
    sealed.extend_from_slice(&(index as u64).to_le_bytes());
    sealed.extend_from_slice(&(count as u32).to_le_bytes());
    sealed.extend_from_slice(&[0; 4]);
    sealed.extend_from_slice(hash.as_bytes());
    sealed.extend_from_slice(&PACK_END);
    Some(sealed)
}
