//! The tables of `docs/format.md` against the code: magics and versions, and for each layout every offset and length,
//! with what the encoders really write there.

#![allow(clippy::unwrap_used)]

use offshoot_format::ids::{ChunkId, ChunkKind, PackId};
use offshoot_format::index::{self, IndexEntry, PackRow, SegmentEncoder};
use offshoot_format::leaf::{CONSTANT_BYTES_MAX, INLINE_COLUMN_BYTES_MAX};
use offshoot_format::pack::{self, PackEntry, PackHeader};
use offshoot_format::tree::ROOT_LEAF_BYTES_MAX;
use offshoot_format::version::{ALL, INDEX_END, PACK_END};
use offshoot_format::{envelope, version};
use std::collections::BTreeMap;
use std::ops::Range;

const DOC: &str = include_str!("../../../docs/format.md");

/// The rows of the first table under a heading, cell by cell.
fn table(heading: &str) -> Vec<Vec<String>> {
    let (_, after) = DOC.split_once(&format!("# {heading}\n")).unwrap_or_else(|| panic!("no heading {heading}"));
    let rows = after.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
    let cells = |line: &str| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect();
    rows.skip(2).map(cells).collect()
}

/// The fields of a layout and where they are. The table must have no gap; the last field may be of any length.
fn layout(heading: &str, bytes: usize) -> BTreeMap<String, Range<usize>> {
    let mut fields = BTreeMap::new();
    let mut end = 0;
    for row in table(heading) {
        assert_eq!(row[0], end.to_string(), "{heading}: offset of {}", row[2]);
        let Ok(length) = row[1].parse::<usize>() else { break };
        fields.insert(row[2].clone(), end..end + length);
        end += length;
    }
    assert_eq!(end, bytes, "{heading}: length");
    fields
}

/// Checks that the bytes of a sample hold these values where the document says, and zeros where it says reserved.
fn assert_holds(heading: &str, sample: &[u8], values: &[(&str, &[u8])]) {
    let fields = layout(heading, sample.len());
    for (field, value) in values {
        let range = fields.get(*field).unwrap_or_else(|| panic!("{heading}: no field {field}"));
        assert_eq!(&sample[range.clone()], *value, "{heading}: {field}");
    }
    if let Some(reserved) = fields.get("reserved") {
        assert!(sample[reserved.clone()].iter().all(|byte| *byte == 0), "{heading}: reserved");
    }
}

fn unescape(text: &str) -> Vec<u8> {
    let text = text.trim_matches('`').replace("\\n", "\n").replace("\\r", "\r");
    match text.strip_prefix("\\x89") {
        Some(rest) => [&[0x89], rest.as_bytes()].concat(),
        None => text.into_bytes(),
    }
}

#[test]
fn versions() {
    let rows = table("3. Versions");
    assert_eq!(rows.len(), ALL.len());
    for (row, kind) in rows.iter().zip(ALL) {
        assert_eq!(row[0], kind.what);
        assert_eq!(unescape(&row[1]), kind.magic, "{}", kind.what);
        assert_eq!(row[2], kind.version.to_string(), "{}", kind.what);
    }
    assert!(DOC.contains("ends with `OFpend\\r\\n`") && PACK_END == *b"OFpend\r\n");
    assert!(DOC.contains("segment with `OFiend\\r\\n`") && INDEX_END == *b"OFiend\r\n");
}

#[test]
fn packs() {
    let header = PackHeader { store: [5; 16], nonce: [6; 16] }.encode();
    let one = 1u16.to_le_bytes();
    assert_holds(
        "Pack header",
        &header,
        &[("magic", &version::PACK.magic), ("version", &one), ("store", &[5; 16]), ("nonce", &[6; 16])],
    );
    let id = ChunkId::from_bytes([7; 32]);
    let frame = pack::frame_header(&id, ChunkKind::Node, 1000, &[1; 300]).unwrap();
    let (stored, raw) = (300u32.to_le_bytes(), 1000u32.to_le_bytes());
    let fields: &[(&str, &[u8])] =
        &[("stored length", &stored), ("raw length", &raw), ("codec", &[0]), ("kind", &[3]), ("key id", &[0])];
    assert_holds("Frame", &frame, fields);
    assert_holds("Frame", &frame, &[("flags", &[0])]);
    let entry = PackEntry { id, offset: 48, stored_len: 300, raw_len: 1000, kind: ChunkKind::Node };
    let (entries, footer) = pack::encode_end(&mut [entry], 368);
    let offset = 48u32.to_le_bytes();
    let fields: &[(&str, &[u8])] =
        &[("id", &[7; 32]), ("offset", &offset), ("stored length", &stored), ("raw length", &raw), ("kind", &[3])];
    assert_holds("Pack entry", &entries, fields);
    let (at, count) = (368u64.to_le_bytes(), 1u32.to_le_bytes());
    let hash = blake3::hash(&entries);
    let fields: &[(&str, &[u8])] =
        &[("index offset", &at), ("count", &count), ("index hash", hash.as_bytes()), ("end", &PACK_END)];
    assert_holds("Pack footer", &footer, fields);
}

#[test]
fn segments() {
    let row = PackRow { id: PackId::from_bytes([8; 32]), bytes: 5000 };
    let mut bytes = Vec::new();
    let mut encoder = SegmentEncoder::new([5; 16], [6; 16], &[row, row], 1, &mut bytes).unwrap();
    let id = ChunkId::from_bytes([7; 32]);
    let entry = IndexEntry { id, pack: 1, offset: 48, stored_len: 300, raw_len: 1000, kind: ChunkKind::Leaf };
    encoder.push(&entry, &mut bytes).unwrap();
    let footer = encoder.finish(&mut bytes);
    let mut rest = &bytes[..];
    let mut take = |length: usize| {
        let (part, after) = rest.split_at(length);
        rest = after;
        part
    };
    let one = 1u16.to_le_bytes();
    let fields: &[(&str, &[u8])] =
        &[("magic", &version::INDEX.magic), ("version", &one), ("store", &[5; 16]), ("nonce", &[6; 16])];
    assert_holds("Segment header", take(index::HEADER_BYTES), fields);
    let length = 5000u64.to_le_bytes();
    for _ in 0..2 {
        assert_holds("Pack row", take(index::PACK_ROW_BYTES), &[("id", &[8; 32]), ("length", &length)]);
    }
    let numbers = [1u32, 48, 300, 1000].map(u32::to_le_bytes);
    let entry = take(index::ENTRY_BYTES);
    let fields: &[(&str, &[u8])] = &[
        ("id", &[7; 32]),
        ("pack", &numbers[0]),
        ("offset", &numbers[1]),
        ("stored length", &numbers[2]),
        ("raw length", &numbers[3]),
        ("kind", &[2]),
    ];
    assert_holds("Segment entry", entry, fields);
    let fanout = take(index::FANOUT_ROW_BYTES);
    assert_holds("Fanout row", fanout, &[("end", &numbers[0])]);
    assert!(rest.is_empty());
    let (two, entries) = (2u32.to_le_bytes(), 1u64.to_le_bytes());
    let front = &bytes[..index::HEADER_BYTES + 2 * index::PACK_ROW_BYTES];
    let hash = blake3::hash(&[front, fanout, &footer[..16]].concat());
    let fields: &[(&str, &[u8])] =
        &[("packs", &two), ("bits", &[0]), ("entries", &entries), ("head hash", hash.as_bytes()), ("end", &INDEX_END)];
    assert_holds("Segment footer", &footer, fields);
}

#[test]
fn what_is_held_where() {
    for (what, bytes) in [
        ("one value of at most", CONSTANT_BYTES_MAX),
        ("a column without blobs whose canonical plaintext has at most", INLINE_COLUMN_BYTES_MAX),
        ("chunk and its plaintext has at most", ROOT_LEAF_BYTES_MAX),
    ] {
        assert!(DOC.contains(&format!("{what} {bytes} bytes")), "{what}");
    }
}

#[test]
fn small_objects() {
    let bytes = envelope::seal(&version::TAG, &[1; 500]).unwrap();
    let (one, length) = (1u16.to_le_bytes(), 500u32.to_le_bytes());
    let fields: &[(&str, &[u8])] = &[
        ("magic", &version::TAG.magic),
        ("version", &one),
        ("codec", &[0]),
        ("stored length", &length),
        ("raw length", &length),
    ];
    assert_holds("Envelope", &bytes[..envelope::HEADER_BYTES], fields);
    let large = envelope::seal(&version::TAG, &[1; 5000]).unwrap();
    let codec = layout("Envelope", envelope::HEADER_BYTES)["codec"].clone();
    assert_eq!(large[codec], [1]);
}
