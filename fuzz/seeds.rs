//! Writes the seeds: small valid objects of every kind, for the fuzzer to start from. Run in this folder after a change
//! of the format: `cargo run --bin seeds`. The objects are the same at every run.

use offshoot_format::blob::{BlobList, BlobRef};
use offshoot_format::codec::{Canonical, Encoder};
use offshoot_format::column::Column;
use offshoot_format::envelope::open;
use offshoot_format::ids::{ChunkId, ChunkKind, ContentRoot, IdKey, PackId, SnapshotId};
use offshoot_format::index::{IndexEntry, PackRow, SegmentEncoder};
use offshoot_format::leaf::{Leaf, LeafColumn};
use offshoot_format::manifest::{
    Content, Environment, Extension, Load, Manifest, Note, Origin, Phase, Role, SchemaItem, Sequence, Stats, TableEntry,
    Trust,
};
use offshoot_format::pack::{PackEntry, PackHeader, encode_end, frame_header};
use offshoot_format::record::{
    Condemned, Config, Domain, Holder, Lease, LogEntry, Ref, Tag, encode_key, encode_manifest,
};
use offshoot_format::table::{ColumnSpec, Key, KeyOrder, Layout, RowForm, TableSpec};
use offshoot_format::tree::{Entry, Node, RootLeaf, TreeRoot};
use offshoot_format::version::MANIFEST;
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
        LeafColumn::Inline(vec![0, 2, 7, 9]),
        LeafColumn::Chunk { id: id(7), bytes: 1000, blobs: false },
        LeafColumn::Chunk { id: id(8), bytes: 99, blobs: true },
    ];
    write("leaf", "five", &Leaf { rows: 4096, columns }.encode())?;
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
    records()?;
    copy_streams()?;
    connection_strings()
}

fn records() -> Result<(), Box<dyn Error>> {
    let config =
        Config { uuid: "03".repeat(16), domain: Domain::Raw, made_unix_ms: 1, made_by: "offshoot 0.1.0".into() };
    write("record", "config", &config.encode()?)?;
    write("record", "key", &encode_key(&IdKey::from_bytes([1; 32]))?)?;
    let snapshot = SnapshotId::from_bytes([6; 32]);
    let log = vec![LogEntry { snapshot, taken_unix_ms: 2 }];
    write("record", "ref", &Ref { name: "prod".parse()?, log }.encode()?)?;
    write("record", "tag", &Tag { name: "v1".parse()?, snapshot, made_unix_ms: 3 }.encode()?)?;
    let holder = Holder { boot: "b".into(), namespaces: "n".into(), pid: 3, started_ticks: 4 };
    let lease = Lease {
        purpose: "gc".into(),
        began_unix_ms: 1,
        renewed_unix_ms: 2,
        avoids: vec!["07".repeat(16)],
        holder: Some(holder),
    };
    write("record", "lease", &lease.encode()?)?;
    let packs = vec![PackId::from_bytes([8; 32]), PackId::from_bytes([9; 32])];
    write("record", "condemned", &Condemned { published_unix_ms: 5, packs }.encode()?)?;
    // The object, which is compressed, and its body alone.
    let object = encode_manifest(&IdKey::from_bytes([1; 32]), &manifest()?)?.1;
    write("record", "manifest", &object)?;
    write("record", "manifest_body", &open(&MANIFEST, &object)?)
}

fn manifest() -> Result<Manifest, Box<dyn Error>> {
    let column = |name: &str, layout, order| ColumnSpec {
        name: name.into(),
        type_name: "pg_catalog.int4".into(),
        layout,
        order,
        nullable: false,
    };
    let spec = TableSpec {
        schema: "public".into(),
        name: "t".into(),
        columns: vec![column("a", Layout::Fixed(4), KeyOrder::Signed), column("b", Layout::Var, KeyOrder::Bytes)],
        key: Key::Unique(vec![0]),
        form: RowForm::Binary,
    };
    let leaf = Leaf { rows: 2, columns: vec![LeafColumn::Constant(vec![0, 0, 0, 1]), LeafColumn::Null] };
    let plain = leaf.encode();
    let id = Some(IdKey::from_bytes([1; 32]).chunk_id(ChunkKind::Leaf, &[&plain]));
    let root = TreeRoot { id, height: 0, rows: 2, logical_bytes: 8, leaf: RootLeaf::new(&leaf, &plain) };
    let item = SchemaItem {
        phase: Phase::PreData,
        label: "TABLE public.t".into(),
        table: Some(("public".into(), "t".into())),
        sql: "CREATE TABLE public.t (a int PRIMARY KEY, b text)".into(),
    };
    let role = Role {
        name: "ada".into(),
        attributes: vec!["NOLOGIN".into()],
        member_of: Vec::new(),
        settings: vec![("work_mem".into(), "4MB".into())],
    };
    let extension = Extension { version: "1.6".into(), schema: "public".into() };
    Ok(Manifest {
        taken_unix_ms: 4,
        parent: Some(SnapshotId::from_bytes([6; 32])),
        content_root: ContentRoot::from_bytes([7; 32]),
        trust: Trust::Scrubbed { policy_digest: "01".repeat(32), key_fingerprint: "02".repeat(8) },
        origin: Origin {
            engine: "postgres".into(),
            system_id: "1".into(),
            database_id: "2".into(),
            database: "shop".into(),
            position: "0/1".into(),
        },
        environment: Environment {
            extensions: [("citext".to_owned(), extension)].into(),
            roles: vec![role],
            ..Environment::default()
        },
        content: Content {
            schema: vec![item],
            tables: vec![TableEntry { spec, root, load: Load::default() }],
            sequences: vec![Sequence { schema: "public".into(), name: "s".into(), last_value: 1, is_called: true }],
            large_objects: None,
        },
        omitted: vec![Note { object: "table public.u".into(), reason: "said so".into() }],
        not_carried: Vec::new(),
        stats: Stats { rows: 2, ..Stats::default() },
        facts: Vec::new(),
        receipt: Some("{}".into()),
        written_by: "offshoot 0.1.0".into(),
    })
}

/// Streams with the fixed part that the targets read at their end.
fn copy_streams() -> Result<(), Box<dyn Error>> {
    let words = |words: &[u32]| words.iter().flat_map(|word| word.to_be_bytes()).collect::<Vec<u8>>();
    let labels = [words(&[1, 0, 20_000, 2, 1, 1]), b"a".to_vec(), words(&[u32::MAX])].concat();
    let row = [words(&[2, 23, 4, 7, 20_001, labels.len() as u32]), labels.clone()].concat();
    let mut rows = words(&[1, 0, 20_002, 2, 1]);
    for _ in 0..2 {
        rows.extend(words(&[row.len() as u32]));
        rows.extend_from_slice(&row);
    }
    let range = [vec![2], words(&[row.len() as u32]), row.clone(), words(&[row.len() as u32]), row.clone()].concat();
    let ranges = [words(&[2, 1]), vec![1], words(&[range.len() as u32]), range.clone()].concat();
    for (kind, name, value) in
        [(0, "labels", &labels), (1, "row", &row), (2, "rows", &rows), (3, "range", &range), (4, "ranges", &ranges)]
    {
        write("rewrite", name, &[&value[..], &[kind, 3]].concat())?;
    }
    let mut binary = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0".to_vec();
    for number in 0..3u32 {
        binary.extend([0, 3]);
        binary.extend(words(&[4, number, 5]));
        binary.extend_from_slice(b"value");
        binary.extend(words(&[labels.len() as u32]));
        binary.extend_from_slice(&labels);
    }
    let null = [[0, 3].to_vec(), words(&[u32::MAX; 3])].concat();
    binary.extend(null);
    binary.extend([0xff, 0xff]);
    let fixed = |shape: u8| [shape, 5, 0, 0];
    // Three columns from the first type on.
    write("copy_out", "binary", &[&binary[..], &fixed(3 << 1)].concat())?;
    write("copy_out", "text", &[&b"1\tva\\tlue\t{a}\n\\N\t\\N\t\\N\n2\t\t\\\\\n"[..], &fixed(3 << 1 | 1)].concat())
}

fn connection_strings() -> Result<(), Box<dyn Error>> {
    let texts: [(&str, &[u8]); 5] = [
        ("url", b"postgresql://ada:p%40ss@db.example:5433,[::1]/shop?sslmode=verify-ca&connect_timeout=5"),
        ("words", b"host=a,b port=1,2 user='a d\\'a' password=x dbname=shop target_session_attrs=read-write"),
        ("service", b"service=shop\0# services\n[shop]\nhost=db.example\nport=5433\n[other]\nhost=x\n"),
        ("passwords", b"postgresql://ada@db/shop\0\0# one\nother:*:*:*:no\ndb:5432:sh\\op:ada:a\\:b\n*:*:*:*:rest\n"),
        ("name", b"shop"),
    ];
    texts.into_iter().try_for_each(|(name, text)| write("conninfo", name, text))
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
