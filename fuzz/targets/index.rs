//! Index segments: a file that may be anything, read as a store reads it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use offshoot_format::ids::ChunkId;
use offshoot_format::index::{self, FOOTER_BYTES, SegmentFooter};

fuzz_target!(|bytes: &[u8]| {
    let Some(start) = bytes.len().checked_sub(FOOTER_BYTES) else { return };
    let Ok(footer) = SegmentFooter::decode(&bytes[start..], bytes.len() as u64) else { return };
    let part = |range: std::ops::Range<u64>| bytes.get(range.start as usize..range.end as usize);
    let (Some(front), Some(fanout)) = (part(footer.front()), part(footer.fanout())) else { return };
    // The store's name is the fuzzer's to guess: take it from the bytes.
    let mut store = [0; 16];
    store.copy_from_slice(&front.get(8..24).unwrap_or(&[0; 16])[..16]);
    let Ok(head) = footer.decode_head(store, front, fanout) else { return };
    for bucket in 0..head.buckets().min(64) {
        let Some(place) = head.place(bucket) else { continue };
        let _ = index::find(bytes, &ChunkId::from_bytes([bucket as u8; 32])).count();
        let _ = head.check_bucket(&place, bytes);
    }
});
