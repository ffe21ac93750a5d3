//! Segments come back, and every flip and cut of one is seen.

use super::*;
use std::ops::Range;

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
