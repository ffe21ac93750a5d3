//! Index segments: a file that may be anything, read as a store reads it.
//!
//! Input is read as it is, and then with the checksums of its buckets and the hash of its head as a writer would have
//! made them, so that what they protect is reached.
#![no_main]

use libfuzzer_sys::fuzz_target;
use offshoot_format::ids::ChunkId;
use offshoot_format::index::{
    self, ENTRY_BYTES, FANOUT_ROW_BYTES, FOOTER_BYTES, HEADER_BYTES, PACK_ROW_BYTES, SegmentFooter,
};
use offshoot_format::version::INDEX_END;
use xxhash_rust::xxh3::xxh3_64;

/// More buckets than a few KiB of input can fill.
const BITS_MAX: u8 = 6;

fuzz_target!(|bytes: &[u8]| {
    read(bytes);
    let _ = index::find(bytes, &ChunkId::from_bytes([0; 32])).count();
    let _ = index::entries(bytes).count();
    if let Some(sealed) = sealed(bytes) {
        read(&sealed);
    }
});

fn read(bytes: &[u8]) {
    let Some(start) = bytes.len().checked_sub(FOOTER_BYTES) else { return };
    let Ok(footer) = SegmentFooter::decode(&bytes[start..], bytes.len() as u64) else { return };
    let part = |range: std::ops::Range<u64>| &bytes[range.start as usize..range.end as usize];
    let (front, fanout) = (part(footer.front()), part(footer.fanout()));
    // The store's name is the fuzzer's to guess: take it from the bytes.
    let mut store = [0; 16];
    store.copy_from_slice(&front[16..32]);
    let Ok(head) = footer.decode_head(store, front, fanout) else { return };
    for bucket in 0..head.buckets() {
        let Some(place) = head.place(bucket) else { continue };
        let entries = part(place.range.clone());
        if head.check_bucket(&place, entries).is_ok() {
            for entry in index::entries(entries) {
                assert!(head.bucket_of(&entry.id) == bucket && (entry.pack as usize) < head.packs().len());
                assert!(index::find(entries, &entry.id).any(|(_, found)| found == entry));
            }
        }
    }
}

/// The segment with counts that fit it, and everything hashed that is hashed in one.
fn sealed(bytes: &[u8]) -> Option<Vec<u8>> {
    let (body, footer) = bytes.split_at_checked(bytes.len().checked_sub(FOOTER_BYTES)?)?;
    let (packs, bits) = (footer[0], footer[4] % (BITS_MAX + 1));
    let (front, body) = body.split_at_checked(HEADER_BYTES + usize::from(packs) * PACK_ROW_BYTES)?;
    let (entries, fanout) = body.split_at_checked(body.len().checked_sub(FANOUT_ROW_BYTES << bits)?)?;
    let count = entries.len() / ENTRY_BYTES;
    let entries = &entries[..count * ENTRY_BYTES];
    let mut fanout = fanout.to_vec();
    let mut from = 0;
    for row in fanout.chunks_mut(FANOUT_ROW_BYTES) {
        let end = u32::from_le_bytes([row[0], row[1], row[2], row[3]]) as usize * ENTRY_BYTES;
        let checksum = xxh3_64(entries.get(from..end).unwrap_or_default());
        row[4..].copy_from_slice(&checksum.to_le_bytes());
        from = end;
    }
    let mut fields = [0; 16];
    fields[0] = packs;
    fields[4] = bits;
    fields[8..].copy_from_slice(&(count as u64).to_le_bytes());
    let hash = blake3::Hasher::new().update(front).update(&fanout).update(&fields).finalize();
    Some([front, entries, &fanout, &fields, hash.as_bytes(), &INDEX_END].concat())
}
