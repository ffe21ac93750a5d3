//! Packs: header, frame, footer and index of a file that may be anything.
#![no_main]

use libfuzzer_sys::fuzz_target;
use offshoot_format::ids::ChunkId;
use offshoot_format::pack::{FOOTER_BYTES, Footer, FrameHeader, PackHeader, read_frame};

fuzz_target!(|bytes: &[u8]| {
    let _ = PackHeader::decode(bytes);
    let _ = FrameHeader::decode(bytes);
    let _ = read_frame(&ChunkId::from_bytes([0; 32]), bytes);
    if let Some(start) = bytes.len().checked_sub(FOOTER_BYTES)
        && let Ok(footer) = Footer::decode(&bytes[start..], bytes.len() as u64)
    {
        let index = bytes.len().saturating_sub(FOOTER_BYTES + footer.index_bytes());
        let _ = footer.decode_index(&bytes[index..start]);
    }
});
