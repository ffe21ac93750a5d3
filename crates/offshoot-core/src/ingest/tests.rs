//! The same rows in any order, any number of ranges and any batch size give the same root; and come back.

use super::*;
use crate::chunks::ReadChunks;
use crate::read::{BlobReader, LeafReader, leaves};
use offshoot_format::column::{Batch, Cell};
use offshoot_format::ids::{ChunkId, ChunkKind, IdKey};
use offshoot_format::table::{ColumnSpec, Key, KeyOrder, Layout, RowForm};
use proptest::prelude::*;
use std::collections::HashMap;

struct Memory {
    key: IdKey,
    chunks: Mutex<HashMap<ChunkId, (ChunkKind, Vec<u8>)>>,
}

impl Memory {
    fn new() -> Arc<Self> {
        Arc::new(Self { key: IdKey::from_bytes([1; 32]), chunks: Mutex::default() })
    }
}

impl ReadChunks for Memory {
    fn id_key(&self) -> &IdKey {
        &self.key
    }

    fn payload(&self, id: &ChunkId, kind: ChunkKind) -> Result<Vec<u8>> {
        let chunks = self.chunks.lock().unwrap();
        let (found, payload) = chunks.get(id).ok_or_else(|| CoreError::Missing { object: id.to_string() })?;
        assert_eq!(*found, kind);
        Ok(payload.clone())
    }
}

impl WriteChunks for Memory {
    fn known(&self, id: &ChunkId) -> Result<Option<u32>> {
        Ok(self.chunks.lock().unwrap().get(id).map(|(_, payload)| payload.len() as u32))
    }

    fn write(&self, id: &ChunkId, kind: ChunkKind, _plain_bytes: usize, payload: &[u8]) -> Result<u32> {
        self.chunks.lock().unwrap().insert(*id, (kind, payload.to_vec()));
        Ok(payload.len() as u32)
    }
}

fn spec(key: Key) -> TableSpec {
    let column = |name: &str, layout, order| ColumnSpec {
        name: name.into(),
        type_name: String::new(),
        layout,
        order,
        nullable: name != "id",
    };
    let columns = vec![column("id", Layout::Fixed(4), KeyOrder::Signed), column("text", Layout::Var, KeyOrder::Bytes)];
    TableSpec { schema: "s".into(), name: "t".into(), columns, key, form: RowForm::Binary }
}

fn by_id() -> TableSpec {
    spec(Key::Unique(vec![0]))
}

type Row = (i32, Option<Vec<u8>>);

fn batch(spec: &TableSpec, rows: &[Row]) -> Batch {
    let mut batch = Batch::new(&spec.columns);
    for (id, text) in rows {
        batch.columns[0].push(&id.to_be_bytes()).unwrap();
        batch.columns[1].push_cell(text.as_ref().map_or(Cell::Null, |text| Cell::Bytes(text))).unwrap();
        batch.rows += 1;
    }
    batch
}

fn ingest(memory: &Arc<Memory>, spec: &TableSpec, ranges: &[Vec<Row>], batch_rows: usize) -> IngestedTable {
    ingest_in(memory, spec, ranges, batch_rows, None, false)
}

fn ingest_in(
    memory: &Arc<Memory>,
    spec: &TableSpec,
    ranges: &[Vec<Row>],
    batch_rows: usize,
    spill: Option<PathBuf>,
    scattered: bool,
) -> IngestedTable {
    let chunks: Arc<dyn WriteChunks> = Arc::clone(memory) as _;
    ingest_with(chunks, spec, ranges, batch_rows, &IngestOptions { spill, ..IngestOptions::default() }, scattered)
}

fn ingest_with(
    chunks: Arc<dyn WriteChunks>,
    spec: &TableSpec,
    ranges: &[Vec<Row>],
    batch_rows: usize,
    options: &IngestOptions,
    scattered: bool,
) -> IngestedTable {
    let ingest = Ingest::begin(chunks, options, &Control::default()).unwrap();
    let table = ingest.table(spec).unwrap();
    for rows in ranges {
        let mut range = table.range(scattered).unwrap();
        for rows in rows.chunks(batch_rows) {
            range.push(batch(spec, rows)).unwrap();
        }
        range.finish().unwrap();
    }
    table.finish().unwrap();
    ingest.finish().unwrap().pop().unwrap()
}

fn read(memory: &Memory, table: &IngestedTable) -> Vec<Row> {
    let mut rows = Vec::new();
    for leaf in leaves(memory, &table.root).unwrap() {
        let batch = LeafReader::default().batch(memory, &table.spec.columns, &table.root, &leaf.id).unwrap();
        assert_eq!(batch.rows as u64, leaf.rows);
        for row in 0..batch.rows {
            let Cell::Bytes(id) = batch.columns[0].cell(row) else { panic!() };
            let text = match batch.columns[1].cell(row) {
                Cell::Bytes(text) => Some(text.to_vec()),
                _ => None,
            };
            rows.push((i32::from_be_bytes(id.try_into().unwrap()), text));
        }
    }
    rows
}

fn text(id: i32) -> Option<Vec<u8>> {
    (id % 7 > 0).then(|| format!("row {id} {}", "x".repeat((id % 50) as usize)).into_bytes())
}

#[test]
fn order_ranges_and_batches_do_not_matter() {
    let memory = Memory::new();
    let rows: Vec<Row> = (-30_000..30_000).map(|id: i32| (id, text(id.abs()))).collect();
    let expected = ingest(&memory, &by_id(), std::slice::from_ref(&rows), 8192);
    assert!(read(&memory, &expected) == rows);
    assert!(expected.root.height >= 1);
    let mut shuffled = rows.clone();
    let mut state = 7u64;
    for i in (1..shuffled.len()).rev() {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        shuffled.swap(i, (state >> 33) as usize % (i + 1));
    }
    let mut nearly = rows.clone();
    nearly.swap(10, 50_000);
    nearly.rotate_left(500);
    let reversed: Vec<Row> = rows.iter().rev().cloned().collect();
    let halves = [rows[..23_456].to_vec(), rows[23_456..].to_vec()];
    let odd: Vec<Vec<Row>> =
        (0..3).map(|k| rows.iter().filter(|row| row.0.rem_euclid(3) == k).cloned().collect()).collect();
    for (ranges, batch_rows) in [
        (vec![rows.clone()], 100),
        (vec![shuffled], 8192),
        (vec![nearly], 1000),
        (vec![reversed], 777),
        (halves.to_vec(), 8192),
        (odd, 5000),
        (vec![vec![], rows.clone(), vec![]], 60_000),
    ] {
        assert_eq!(ingest(&memory, &by_id(), &ranges, batch_rows).root, expected.root);
    }
}

#[test]
fn random_order_is_scattered() {
    let memory = Memory::new();
    let folder = tempfile::tempdir().unwrap();
    let rows: Vec<Row> = (0..500_000).map(|id| (id, text(id))).collect();
    let expected = ingest(&memory, &by_id(), std::slice::from_ref(&rows), 8192);
    let mut shuffled = rows;
    shuffled.sort_by_key(|row| offshoot_format::leaf::row_hash(&row.0.to_be_bytes(), 9));
    let halves: Vec<Vec<Row>> = shuffled.chunks(250_000).map(<[Row]>::to_vec).collect();
    for (spill, scattered) in [(None, true), (Some(folder.path()), true), (Some(folder.path()), false)] {
        let spill = spill.map(Into::into);
        assert_eq!(ingest_in(&memory, &by_id(), &halves, 8192, spill, scattered).root, expected.root);
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn little_memory_gives_the_same_root() {
    let memory = Memory::new();
    let folder = tempfile::tempdir().unwrap();
    let mut rows: Vec<Row> = (0..200_000).map(|id| (id, text(id))).collect();
    // Rows that fill a batch by themselves.
    for row in rows.iter_mut().filter(|row| row.0 % 20_000 == 77) {
        row.1 = Some(vec![b'w'; 20 << 20]);
    }
    let expected = ingest(&memory, &by_id(), std::slice::from_ref(&rows), 8192);
    let mut shuffled = rows.clone();
    shuffled.sort_by_key(|row| offshoot_format::leaf::row_hash(&row.0.to_be_bytes(), 9));
    let options = IngestOptions {
        encoders: 2,
        queue_bytes_max: 1 << 20,
        late_bytes_max: 64 << 10,
        scatter_bytes_max: 64 << 10,
        sort_bytes_max: 16 << 10,
        spill: Some(folder.path().to_owned()),
    };
    for (rows, scattered) in [(&rows, false), (&shuffled, false), (&shuffled, true)] {
        let halves: Vec<Vec<Row>> = rows.chunks(123_456).map(<[Row]>::to_vec).collect();
        let chunks: Arc<dyn WriteChunks> = Arc::clone(&memory) as _;
        let table = ingest_with(chunks, &by_id(), &halves, 1000, &options, scattered);
        assert_eq!(table.root, expected.root, "scattered: {scattered}");
    }
}

#[test]
fn wide_rows_whose_key_is_the_row_are_divided() {
    let memory = Memory::new();
    let folder = tempfile::tempdir().unwrap();
    let options = IngestOptions {
        scatter_bytes_max: 64 << 10,
        sort_bytes_max: 500 << 10,
        spill: Some(folder.path().to_owned()),
        ..IngestOptions::default()
    };
    // The first bytes of the keys differ, or only bytes that no sample keeps.
    for start in [0, 400] {
        let value = |id: i32| [vec![b'p'; start], id.to_string().into_bytes(), vec![b'x'; 300 << 10]].concat();
        let rows: Vec<Row> = (0..60).map(|id| (7, Some(value(id * 37 % 60)))).collect();
        let spec = spec(Key::WholeRow);
        let expected = ingest(&memory, &spec, std::slice::from_ref(&rows), 60);
        for batch_rows in [1, 7] {
            let chunks: Arc<dyn WriteChunks> = Arc::clone(&memory) as _;
            let table = ingest_with(chunks, &spec, std::slice::from_ref(&rows), batch_rows, &options, true);
            assert_eq!(table.root, expected.root, "{start} {batch_rows}");
        }
    }
}

#[test]
fn late_rows_leave_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let rows: Vec<Row> = (0..100_000).map(|id| (id, text(id))).collect();
    let ordered = Memory::new();
    let expected = ingest(&ordered, &by_id(), std::slice::from_ref(&rows), 8192);
    let (late, mut early): (Vec<Row>, Vec<Row>) = rows.into_iter().partition(|row| row.0 % 100 == 7);
    early.extend(late);
    let parts: Vec<Vec<Row>> = early.chunks(60_000).map(<[Row]>::to_vec).collect();
    let memory = Memory::new();
    let spill = Some(folder.path().to_owned());
    let table = ingest_in(&memory, &by_id(), &parts, 8192, spill, false);
    assert_eq!(table.root, expected.root);
    assert_eq!(memory.chunks.lock().unwrap().len(), ordered.chunks.lock().unwrap().len());
    let sum = |table: &IngestedTable| table.stats.columns.iter().map(|column| column.added_bytes).sum::<u64>();
    assert_eq!(sum(&table), sum(&expected));
}

#[test]
fn equal_rows_are_counted() {
    let memory = Memory::new();
    let spec = spec(Key::WholeRow);
    let rows: Vec<Row> = (0..60_000).map(|i| (i / 20_000, Some(vec![b'a'; 300]))).collect();
    let one = ingest(&memory, &spec, std::slice::from_ref(&rows), 8192);
    assert!(read(&memory, &one) == rows);
    assert!(leaves(&*memory, &one.root).unwrap().len() > 5);
    let many: Vec<Vec<Row>> = rows.chunks(7001).map(<[Row]>::to_vec).collect();
    assert_eq!(ingest(&memory, &spec, &many, 1000).root, one.root);
    let interleaved: Vec<Vec<Row>> = (0..4).map(|k| rows.iter().skip(k).step_by(4).cloned().collect()).collect();
    assert_eq!(ingest(&memory, &spec, &interleaved, 1000).root, one.root);
    let fewer = ingest(&memory, &spec, &[rows[1..].to_vec()], 8192);
    assert_ne!(fewer.root.id, one.root.id);
}

#[test]
fn forced_ends_follow_the_rows_alone() {
    // No boundary falls into these keys: only rows that do not end a leaf are kept.
    let memory = Memory::new();
    let keyed = |id: i32| {
        let mut key = id.to_be_bytes();
        key[0] ^= 0x80;
        offshoot_format::leaf::ends_leaf(offshoot_format::leaf::row_hash(&key, 0), 4)
    };
    let rows: Vec<Row> = (0..150_000).filter(|&id| !keyed(id)).map(|id| (id, None)).collect();
    let one = ingest(&memory, &by_id(), std::slice::from_ref(&rows), 8192);
    assert_eq!(leaves(&*memory, &one.root).unwrap().len(), rows.len().div_ceil(1 << 15));
    let parts: Vec<Vec<Row>> = rows.chunks(40_000).map(<[Row]>::to_vec).collect();
    assert_eq!(ingest(&memory, &by_id(), &parts, 8192).root, one.root);
}

#[test]
fn a_change_of_one_column_adds_chunks_of_that_column() {
    let memory = Memory::new();
    let rows: Vec<Row> = (0..100_000).map(|id| (id, text(id))).collect();
    let before = ingest(&memory, &by_id(), std::slice::from_ref(&rows), 8192);
    assert!(before.stats.columns[0].added_bytes > 0);
    let same = ingest(&memory, &by_id(), std::slice::from_ref(&rows), 8192);
    assert_eq!(same.stats.columns.iter().map(|column| column.added_bytes).sum::<u64>(), 0);
    let mut changed = rows;
    changed[5].1 = Some(b"changed".to_vec());
    let after = ingest(&memory, &by_id(), &[changed], 8192);
    assert_eq!(after.stats.columns[0].added_bytes, 0);
    assert!(after.stats.columns[1].reused_logical_bytes > after.stats.columns[1].logical_bytes * 9 / 10);
}

#[test]
fn empty_tables_and_tables_without_columns() {
    let memory = Memory::new();
    assert_eq!(ingest(&memory, &by_id(), &[], 10).root.id, None);
    assert_eq!(ingest(&memory, &by_id(), &[vec![]], 10).root.id, None);
    let none = TableSpec { columns: Vec::new(), key: Key::WholeRow, ..by_id() };
    let chunks: Arc<dyn WriteChunks> = Arc::clone(&memory) as _;
    let ingest = Ingest::begin(chunks, &IngestOptions::default(), &Control::default()).unwrap();
    let table = ingest.table(&none).unwrap();
    let mut range = table.range(false).unwrap();
    range.push(Batch { columns: Vec::new(), rows: 12_345 }).unwrap();
    range.finish().unwrap();
    table.finish().unwrap();
    assert_eq!(ingest.finish().unwrap()[0].root.rows, 12_345);
}

#[test]
fn large_values_come_back() {
    let memory = Memory::new();
    let value: Vec<u8> = (0..5_000_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let chunks: Arc<dyn WriteChunks> = Arc::clone(&memory) as _;
    let ingest = Ingest::begin(chunks, &IngestOptions::default(), &Control::default()).unwrap();
    let table = ingest.table(&by_id()).unwrap();
    let mut range = table.range(false).unwrap();
    let mut batch = range.batch();
    let mut blob = range.blob(1).unwrap();
    value.chunks(70_001).for_each(|part| blob.write(part).unwrap());
    let blob = blob.finish().unwrap();
    batch.columns[0].push(&1i32.to_be_bytes()).unwrap();
    blob.push_to(&mut batch.columns[1]).unwrap();
    batch.rows = 1;
    range.push(batch).unwrap();
    range.finish().unwrap();
    table.finish().unwrap();
    let table = ingest.finish().unwrap().pop().unwrap();
    let leaf = leaves(&*memory, &table.root).unwrap()[0];
    let batch = LeafReader::default().batch(&*memory, &table.spec.columns, &table.root, &leaf.id).unwrap();
    let Cell::Blob(found) = batch.columns[1].cell(0) else { panic!() };
    let back: Vec<u8> = BlobReader::open(memory as _, &found).unwrap().flat_map(|piece| piece.unwrap()).collect();
    assert!(back == value);
}

#[test]
fn an_unfinished_range_fails_its_table() {
    let memory = Memory::new();
    let ingest = Ingest::begin(memory as _, &IngestOptions::default(), &Control::default()).unwrap();
    let table = ingest.table(&by_id()).unwrap();
    let mut range = table.range(false).unwrap();
    range.push(batch(&by_id(), &[(1, None)])).unwrap();
    drop(range);
    assert!(matches!(table.finish(), Err(CoreError::Protocol(_))));
    assert!(ingest.finish().is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if std::env::var_os("OFFSHOOT_LONG").is_some() { 10_000 } else { 24 }))]

    #[test]
    fn any_split_gives_the_same_root(
        rows in proptest::collection::btree_map(any::<i32>(), proptest::option::of(proptest::collection::vec(any::<u8>(), 0..2000)), 1..600),
        ranges in 1..5usize,
        batch_rows in 1..200usize,
        seed: u64,
        whole: bool,
    ) {
        let memory = Memory::new();
        let spec = if whole { spec(Key::WholeRow) } else { by_id() };
        let rows: Vec<Row> = rows.into_iter().collect();
        let expected = ingest(&memory, &spec, std::slice::from_ref(&rows), 1_000_000);
        let mut parts = vec![Vec::new(); ranges];
        let mut state = seed | 1;
        for row in rows {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let part = &mut parts[(state >> 40) as usize % ranges];
            let at = if state >> 60 == 0 { 0 } else { part.len() };
            part.insert(at, row);
        }
        prop_assert_eq!(ingest(&memory, &spec, &parts, batch_rows).root, expected.root.clone());
        let folder = std::env::temp_dir();
        prop_assert_eq!(ingest_in(&memory, &spec, &parts, batch_rows, Some(folder), true).root, expected.root);
    }
}

/// Chunks that the workers cannot get at until the gate is opened.
struct Gated {
    memory: Arc<Memory>,
    open: Mutex<bool>,
    changed: std::sync::Condvar,
}

impl ReadChunks for Gated {
    fn id_key(&self) -> &IdKey {
        self.memory.id_key()
    }

    fn payload(&self, id: &ChunkId, kind: ChunkKind) -> Result<Vec<u8>> {
        self.memory.payload(id, kind)
    }
}

impl WriteChunks for Gated {
    fn known(&self, id: &ChunkId) -> Result<Option<u32>> {
        if std::thread::current().name().is_some_and(|name| name.starts_with("encode")) {
            let open = self.open.lock().unwrap();
            drop(self.changed.wait_while(open, |open| !*open).unwrap());
        }
        self.memory.known(id)
    }

    fn write(&self, id: &ChunkId, kind: ChunkKind, plain_bytes: usize, payload: &[u8]) -> Result<u32> {
        self.memory.write(id, kind, plain_bytes, payload)
    }
}

#[test]
fn a_small_table_does_not_wait_for_a_large_one() {
    let gated = Arc::new(Gated { memory: Memory::new(), open: Mutex::new(false), changed: Default::default() });
    let chunks: Arc<dyn WriteChunks> = Arc::clone(&gated) as _;
    let ingest = Ingest::begin(chunks, &IngestOptions::default(), &Control::default()).unwrap();
    let rows: Vec<Row> =
        (0..30_000).map(|id| (id, Some(format!("row {id} {}", "x".repeat(40)).into_bytes()))).collect();
    let (large, small) = (by_id(), TableSpec { name: "small".into(), ..by_id() });
    let table = ingest.table(&large).unwrap();
    let mut range = table.range(false).unwrap();
    rows.chunks(1000).for_each(|rows| range.push(batch(&large, rows)).unwrap());
    range.finish().unwrap();
    // All workers are at the gate now, or will be; this must end without them.
    let other = ingest.table(&small).unwrap();
    let mut range = other.range(false).unwrap();
    range.push(batch(&small, &rows[..10])).unwrap();
    range.finish().unwrap();
    other.finish().unwrap();
    *gated.open.lock().unwrap() = true;
    gated.changed.notify_all();
    table.finish().unwrap();
    let tables = ingest.finish().unwrap();
    assert_eq!(tables.iter().map(|table| table.root.rows).collect::<Vec<_>>(), [10, 30_000]);
}

#[test]
fn a_leaf_that_was_stored_takes_little_memory() {
    // What is kept of each leaf until its table is through, whatever its columns: docs/operations.md says 310 bytes.
    let leaf = size_of::<super::merge::RunLeaf>() + size_of::<super::leaves::Stored>();
    println!("ingest: {leaf} bytes a leaf");
    assert!(leaf <= 310, "{leaf}");
}
