//! Writes the seeds: small valid objects of every kind, for the fuzzer to start from. Run in this folder after a change
//! of the format: `cargo run --bin seeds`. The objects are the same at every run.

use offshoot_format::blob::{BlobList, BlobRef};
use offshoot_format::codec::{Canonical, Encoder};
use offshoot_format::column::Column;
use offshoot_format::ids::{ChunkId, ChunkKind, IdKey, PackId};
use offshoot_format::index::{IndexEntry, PackRow, SegmentEncoder};
use offshoot_format::leaf::{Leaf, LeafColumn};
use offshoot_format::pack::{PackEntry, PackHeader, encode_end, frame_header};
use offshoot_format::record::{Config, Domain, encode_key};
use offshoot_format::table::Layout;
use offshoot_format::tree::{Entry, Node};
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let id = |byte| ChunkId::from_bytes([byte; 32]);
    for (name, width, column) in columns()? {
        let mut canonical = Canonical::default();
        canonical.set(&column);
        // libFuzzer's structured input puts the byte slice first and the fixed part at the end.
        let mut seed = Vec::new();
        Encoder::default().column(&column, &canonical, &mut seed)?;
        seed.push(width);
        write("column", name, &seed)?;
    }
    let columns = vec![
        LeafColumn::Null,
        LeafColumn::Constant(vec![1, 2, 3]),
        LeafColumn::Chunk { id: id(7), bytes: 1000, blobs: false },
        LeafColumn::Chunk { id: id(8), bytes: 99, blobs: true },
    ];
    write("leaf", "four", &Leaf { rows: 4096, columns }.encode())?;
    let entry = |byte| Entry { id: id(byte), rows: 4096, logical_bytes: 1 << 20, last_key: vec![byte; 8] };
    write("node", "three", &Node { entries: (1..4).map(entry).collect() }.encode())?;
    write("blob", "two", &BlobList { pieces: vec![(id(1), 65536), (id(2), 17)] }.encode())?;
    let (pack, entry) = pack()?;
    write("pack", "one", &pack)?;
    let row = PackRow { id: PackId::from_bytes([9; 32]), bytes: pack.len() as u64 };
    let mut segment = Vec::new();
    let mut encoder = SegmentEncoder::new([3; 16], [4; 16], &[row], 1, &mut segment)?;
    let PackEntry { id: chunk, offset, stored_len, raw_len, kind } = entry;
    encoder.push(&IndexEntry { id: chunk, pack: 0, offset, stored_len, raw_len, kind }, &mut segment)?;
    let footer = encoder.finish(&mut segment);
    segment.extend_from_slice(&footer);
    write("index", "one", &segment)?;
    let config =
        Config { uuid: "03".repeat(16), domain: Domain::Raw, made_unix_ms: 1, made_by: "offshoot 0.1.0".into() };
    write("record", "config", &config.encode()?)?;
    write("record", "key", &encode_key(&IdKey::from_bytes([1; 32]))?)
}

fn columns() -> Result<Vec<(&'static str, u8, Column)>, Box<dyn Error>> {
    let mut numbers = Column::new(Layout::Fixed(8));
    let mut words = Column::new(Layout::Var);
    let mut texts = Column::new(Layout::Var);
    for row in 0..200u64 {
        numbers.push(&(1000 + row * row).to_be_bytes())?;
        words.push(["red", "green", "blue"][row as usize % 3].as_bytes())?;
        match row % 5 {
            0 => texts.push_null(),
            1 => texts.push_blob(&BlobRef { id: ChunkId::from_bytes([row as u8; 32]), bytes: 1 << 20 })?,
            _ => texts.push(format!("row {} of {}", row * 7919 % 1000, row * row).as_bytes())?,
        }
    }
    Ok(vec![("numbers", 8, numbers), ("words", 0, words), ("texts", 0, texts)])
}

fn pack() -> Result<(Vec<u8>, PackEntry), Box<dyn Error>> {
    let payload = b"payload";
    let id = ChunkId::from_bytes([5; 32]);
    let mut pack = PackHeader { store: [3; 16], nonce: [4; 16] }.encode().to_vec();
    let entry = PackEntry {
        id,
        offset: pack.len() as u32,
        stored_len: payload.len() as u32,
        raw_len: 7,
        kind: ChunkKind::Piece,
    };
    pack.extend_from_slice(&frame_header(&id, ChunkKind::Piece, 7, payload)?);
    pack.extend_from_slice(payload);
    let (index, footer) = encode_end(&mut [entry], pack.len() as u64);
    pack.extend_from_slice(&index);
    pack.extend_from_slice(&footer);
    Ok((pack, entry))
}

fn write(target: &str, name: &str, bytes: &[u8]) -> Result<(), Box<dyn Error>> {
    let folder = std::path::Path::new("seeds").join(target);
    std::fs::create_dir_all(&folder)?;
    Ok(std::fs::write(folder.join(name), bytes)?)
}
