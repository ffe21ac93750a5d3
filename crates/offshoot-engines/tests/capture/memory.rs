//! A sink that keeps everything in memory, and says what broke its protocol.

use offshoot_core::CoreError;
use offshoot_core::source::{self, BlobSink, RangeSink, Sink, TableSink};
use offshoot_format::blob::BlobRef;
use offshoot_format::column::{Batch, Cell};
use offshoot_format::ids::ChunkId;
use offshoot_format::table::TableSpec;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Blobs up to this length are kept.
const BLOB_BYTES_MAX: u64 = 8 << 20;

/// Ranges that do not come are no longer waited for.
const AWAITED_MAX: Duration = Duration::from_secs(60);

pub type Row = Vec<Option<Vec<u8>>>;

#[derive(Default, Clone)]
pub struct Table {
    pub spec: Option<TableSpec>,
    pub rows: Vec<Row>,
    pub ranges: usize,
    pub is_finished: bool,
}

/// A large value, by its length and a sum over its bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Large {
    pub bytes: u64,
    pub sum: u64,
}

#[derive(Default)]
pub struct Memory {
    pub tables: Mutex<BTreeMap<(String, String), Table>>,
    pub larges: Mutex<Vec<Large>>,
    /// Each push waits so long.
    pub delay: Duration,
    pub is_slow: AtomicBool,
    /// No range gets further until so many have begun, which a reader that comes late is part of; 0 waits for none.
    pub ranges_awaited: usize,
    pub ranges_begun: AtomicUsize,
    /// Pushes wait while this says so.
    pub is_held: Option<Box<dyn Fn() -> bool + Send + Sync>>,
    pub keep_rows: bool,
    pub pushes: AtomicUsize,
    /// Each large value counts as so many bytes that are held until its batch is pushed.
    pub held_each: usize,
    pub held_most: AtomicUsize,
    /// Longest piece of a large value.
    pub piece_most: AtomicUsize,
}

impl Memory {
    pub fn new() -> Self {
        Self { keep_rows: true, ..Self::default() }
    }

    pub fn table(&self, schema: &str, name: &str) -> Table {
        self.tables.lock().unwrap()[&(schema.to_owned(), name.to_owned())].clone()
    }
}

pub fn sum(state: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(state, |sum, &byte| sum.wrapping_mul(31).wrapping_add(u64::from(byte) + 1))
}

impl Sink for Memory {
    fn table<'a>(&'a self, spec: &TableSpec) -> Result<Box<dyn TableSink + 'a>, CoreError> {
        let key = (spec.schema.clone(), spec.name.clone());
        let table = Table { spec: Some(spec.clone()), ..Table::default() };
        if self.tables.lock().unwrap().insert(key.clone(), table).is_some() {
            return Err(CoreError::Protocol("a table was begun twice"));
        }
        Ok(Box::new(OneTable { memory: self, key, spec: spec.clone(), open: Arc::default() }))
    }
}

struct OneTable<'m> {
    memory: &'m Memory,
    key: (String, String),
    spec: TableSpec,
    open: Arc<AtomicUsize>,
}

impl TableSink for OneTable<'_> {
    fn range(&self, _scattered: bool) -> Result<Box<dyn RangeSink + '_>, CoreError> {
        self.open.fetch_add(1, Ordering::SeqCst);
        self.memory.ranges_begun.fetch_add(1, Ordering::SeqCst);
        let since = Instant::now();
        while self.memory.ranges_begun.load(Ordering::SeqCst) < self.memory.ranges_awaited
            && since.elapsed() < AWAITED_MAX
        {
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(Box::new(OneRange { table: self, rows: Vec::new(), blobs: BTreeMap::new(), held: 0 }))
    }

    fn finish(self: Box<Self>) -> Result<(), CoreError> {
        assert_eq!(self.open.load(Ordering::SeqCst), 0, "a table was finished before its ranges");
        self.memory.tables.lock().unwrap().get_mut(&self.key).unwrap().is_finished = true;
        Ok(())
    }
}

struct OneRange<'m> {
    table: &'m OneTable<'m>,
    rows: Vec<Row>,
    blobs: BTreeMap<u64, Vec<u8>>,
    held: usize,
}

impl RangeSink for OneRange<'_> {
    fn batch(&mut self) -> Batch {
        Batch::new(&self.table.spec.columns)
    }

    fn push(&mut self, batch: Batch) -> Result<(), CoreError> {
        self.table.memory.pushes.fetch_add(1, Ordering::SeqCst);
        self.table.memory.held_most.fetch_max(self.held, Ordering::SeqCst);
        self.held = 0;
        while self.table.memory.is_held.as_ref().is_some_and(|is_held| is_held()) {
            std::thread::sleep(Duration::from_millis(5));
        }
        if self.table.memory.is_slow.load(Ordering::SeqCst) {
            std::thread::sleep(self.table.memory.delay);
        }
        assert!(batch.columns.iter().all(|column| column.rows() == batch.rows), "a batch of unequal columns");
        if !self.table.memory.keep_rows {
            return Ok(());
        }
        for row in 0..batch.rows {
            let cell = |column: &offshoot_format::column::Column| match column.cell(row) {
                Cell::Null => None,
                Cell::Bytes(bytes) => Some(bytes.to_vec()),
                Cell::Blob(blob) => {
                    Some(self.blobs.get(&id_number(&blob.id)).cloned().unwrap_or_else(|| b"<large>".to_vec()))
                }
            };
            self.rows.push(batch.columns.iter().map(cell).collect());
        }
        Ok(())
    }

    fn held_bytes(&self) -> usize {
        self.held
    }

    fn blob(&mut self, _column: usize) -> Result<Box<dyn BlobSink + '_>, CoreError> {
        self.held += self.table.memory.held_each;
        Ok(Box::new(OneBlob { memory: self.table.memory, blobs: &mut self.blobs, held: Vec::new(), bytes: 0, sum: 0 }))
    }

    fn finish(self: Box<Self>) -> Result<(), CoreError> {
        let mut tables = self.table.memory.tables.lock().unwrap();
        let table = tables.get_mut(&self.table.key).unwrap();
        table.rows.extend(self.rows);
        table.ranges += 1;
        self.table.open.fetch_sub(1, Ordering::SeqCst);
        Ok(())
    }
}

fn id_number(id: &ChunkId) -> u64 {
    u64::from_be_bytes(id.as_bytes()[..8].try_into().unwrap())
}

struct OneBlob<'m> {
    memory: &'m Memory,
    blobs: &'m mut BTreeMap<u64, Vec<u8>>,
    held: Vec<u8>,
    bytes: u64,
    sum: u64,
}

impl BlobSink for OneBlob<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<(), CoreError> {
        self.memory.piece_most.fetch_max(bytes.len(), Ordering::SeqCst);
        self.bytes += bytes.len() as u64;
        self.sum = sum(self.sum, bytes);
        if self.bytes <= BLOB_BYTES_MAX {
            self.held.extend_from_slice(bytes);
        }
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<source::Large, CoreError> {
        let mut id = [0; 32];
        let number = self.blobs.len() as u64;
        id[..8].copy_from_slice(&number.to_be_bytes());
        if self.bytes <= BLOB_BYTES_MAX {
            self.blobs.insert(number, self.held);
        }
        self.memory.larges.lock().unwrap().push(Large { bytes: self.bytes, sum: self.sum });
        Ok(source::Large::Apart(BlobRef { id: ChunkId::from_bytes(id), bytes: self.bytes }))
    }
}
