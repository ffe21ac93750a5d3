//! Made-up rows for the benchmarks: lifelike enough to compress like the real thing, the same at every run.

pub mod harness;

use offshoot_core::chunks::{ReadChunks, WriteChunks};
use offshoot_core::{CoreError, Result};
use offshoot_format::column::{Batch, Column};
use offshoot_format::ids::{ChunkId, ChunkKind, IdKey};
use offshoot_format::table::{ColumnSpec, Key, KeyOrder, Layout, RowForm, TableSpec};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

const WORDS: [&str; 24] = [
    "the",
    "order",
    "was",
    "delivered",
    "late",
    "and",
    "customer",
    "asked",
    "for",
    "a",
    "refund",
    "of",
    "shipping",
    "costs",
    "because",
    "parcel",
    "arrived",
    "damaged",
    "café",
    "Zürich",
    "東京",
    "Привет",
    "👍",
    "🚚",
];

/// A generator of numbers that are the same at every run (splitmix64).
pub struct Numbers(u64);

impl Numbers {
    /// Numbers from a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }
}

/// A table of an id, a number, a time, a status, a name and a note.
#[must_use]
pub fn table() -> TableSpec {
    let column = |name: &str, layout, order| ColumnSpec {
        name: name.into(),
        type_name: String::new(),
        layout,
        order,
        nullable: name == "note",
    };
    let columns = vec![
        column("id", Layout::Fixed(8), KeyOrder::Signed),
        column("user_id", Layout::Fixed(8), KeyOrder::Signed),
        column("at", Layout::Fixed(8), KeyOrder::Signed),
        column("status", Layout::Var, KeyOrder::Bytes),
        column("token", Layout::Fixed(16), KeyOrder::Bytes),
        column("note", Layout::Var, KeyOrder::Bytes),
    ];
    let key = Key::Unique(vec![0]);
    TableSpec { schema: "public".into(), name: "orders".into(), columns, key, form: RowForm::Binary }
}

/// Appends rows with these ids.
///
/// # Errors
/// Never, for tables of this crate.
pub fn fill(batch: &mut Batch, ids: impl Iterator<Item = u64>) -> Result<()> {
    for id in ids {
        let mut numbers = Numbers::new(id);
        let columns = &mut batch.columns;
        columns[0].push(&id.to_be_bytes())?;
        columns[1].push(&numbers.below(1_500_000).to_be_bytes())?;
        columns[2].push(&(700_000_000_000_000 + id * 11_000_000 + numbers.below(1_000_000)).to_be_bytes())?;
        columns[3].push(["new", "paid", "packed", "shipped", "delivered"][numbers.below(5) as usize].as_bytes())?;
        columns[4].push(&u128::from(numbers.below(u64::MAX)).wrapping_mul(0x1234_5678_9abc_def1).to_be_bytes())?;
        note(&mut columns[5], &mut numbers)?;
        batch.rows += 1;
    }
    Ok(())
}

fn note(column: &mut Column, numbers: &mut Numbers) -> Result<()> {
    if numbers.below(4) == 0 {
        column.push_null();
        return Ok(());
    }
    let words: Vec<&str> = (0..5 + numbers.below(20)).map(|_| WORDS[numbers.below(24) as usize]).collect();
    Ok(column.push(words.join(" ").as_bytes())?)
}

/// Chunks in memory, so that a benchmark measures no disk.
pub struct Memory {
    key: IdKey,
    chunks: Mutex<HashMap<ChunkId, Vec<u8>>>,
}

impl Default for Memory {
    fn default() -> Self {
        Self { key: IdKey::from_bytes([1; 32]), chunks: Mutex::default() }
    }
}

impl Memory {
    /// Bytes of all payloads.
    #[must_use]
    pub fn stored_bytes(&self) -> usize {
        self.chunks.lock().unwrap_or_else(PoisonError::into_inner).values().map(Vec::len).sum()
    }
}

impl ReadChunks for Memory {
    fn id_key(&self) -> &IdKey {
        &self.key
    }

    fn payload(&self, id: &ChunkId, _kind: ChunkKind) -> Result<Vec<u8>> {
        let chunks = self.chunks.lock().unwrap_or_else(PoisonError::into_inner);
        chunks.get(id).cloned().ok_or_else(|| CoreError::Missing { object: id.to_string() })
    }
}

impl WriteChunks for Memory {
    fn known(&self, id: &ChunkId) -> Result<Option<u32>> {
        let chunks = self.chunks.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(chunks.get(id).map(|payload| payload.len() as u32))
    }

    fn write(&self, id: &ChunkId, _kind: ChunkKind, _plain_bytes: usize, payload: &[u8]) -> Result<u32> {
        self.chunks.lock().unwrap_or_else(PoisonError::into_inner).insert(*id, payload.to_vec());
        Ok(payload.len() as u32)
    }
}
