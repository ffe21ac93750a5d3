//! The keys of the rows of a batch, and the order that they put the rows in.

use offshoot_format::column::Batch;
use offshoot_format::key::KeyEncoder;
use std::cmp::Ordering;

/// Keys of the rows of one batch, in one piece of memory.
#[derive(Default)]
pub(super) struct Keys {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Keys {
    /// The keys of all rows of a batch.
    pub fn of(encoder: &KeyEncoder, batch: &Batch) -> Self {
        let mut keys = Self { bytes: Vec::new(), ends: Vec::with_capacity(batch.rows) };
        if let Some(width) = encoder.fixed_bytes() {
            keys.bytes.reserve(width * batch.rows);
        }
        for row in 0..batch.rows {
            encoder.encode(batch, row, &mut keys.bytes);
            keys.ends.push(keys.bytes.len());
        }
        keys
    }

    /// The key of a row.
    #[inline]
    pub fn get(&self, row: usize) -> &[u8] {
        let start = if row == 0 { 0 } else { self.ends[row - 1] };
        &self.bytes[start..self.ends[row]]
    }

    /// Number of keys.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether the rows are in key order as they are.
    pub fn in_order(&self) -> bool {
        (1..self.len()).all(|row| self.get(row - 1) <= self.get(row))
    }

    /// The rows in key order; rows of equal keys keep their order.
    pub fn order(&self) -> Vec<u32> {
        let mut order: Vec<(u64, u32)> = (0..self.len()).map(|row| (prefix(self.get(row)), row as u32)).collect();
        // The stable sort: it merges the runs of rows that nearly are in order, and takes no longer for others.
        order.sort_by(|a, b| a.0.cmp(&b.0).then_with(|| self.get(a.1 as usize).cmp(self.get(b.1 as usize))));
        order.into_iter().map(|(_, row)| row).collect()
    }
}

/// The first 8 bytes as a number that orders as they do.
#[inline]
fn prefix(key: &[u8]) -> u64 {
    let mut bytes = [0; 8];
    let length = key.len().min(8);
    bytes[..length].copy_from_slice(&key[..length]);
    u64::from_be_bytes(bytes)
}

/// A batch whose rows are read in key order.
pub(super) struct Sorted {
    pub batch: Batch,
    pub keys: Keys,
    /// The rows in key order; `None` if they are in order as they are.
    order: Option<Vec<u32>>,
}

impl Sorted {
    pub fn new(encoder: &KeyEncoder, batch: Batch) -> Self {
        let keys = Keys::of(encoder, &batch);
        let order = (!keys.in_order()).then(|| keys.order());
        Self { batch, keys, order }
    }

    pub fn len(&self) -> usize {
        self.batch.rows
    }

    /// The row at a place in key order.
    #[inline]
    pub fn row(&self, place: usize) -> usize {
        self.order.as_ref().map_or(place, |order| order[place] as usize)
    }

    /// The rows at places in key order.
    pub fn rows(&self, places: std::ops::Range<usize>) -> Vec<u32> {
        places.map(|place| self.row(place) as u32).collect()
    }

    /// The key at a place in key order.
    #[inline]
    pub fn key(&self, place: usize) -> &[u8] {
        self.keys.get(self.row(place))
    }
}

/// The first or last key of a leaf, kept short: a long key keeps its start and a digest.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Mark {
    start: Box<[u8]>,
    digest: Option<[u8; 32]>,
}

const MARK_BYTES: usize = 256;

impl Mark {
    pub fn new(key: &[u8]) -> Self {
        let digest = (key.len() > MARK_BYTES).then(|| *blake3::hash(key).as_bytes());
        Self { start: key[..key.len().min(MARK_BYTES)].into(), digest }
    }

    /// Whether this key is, or for all that is kept may be, above another.
    pub fn not_below(&self, other: &Self) -> bool {
        self.start >= other.start
    }

    /// Whether this key is at most another for certain, and no third key is between them that starts like both.
    pub fn is_surely_not_above(&self, other: &Self) -> bool {
        self.start < other.start || self.start == other.start && self.digest.is_none() && other.digest.is_none()
    }

    /// The order by what is kept; good for sorting leaves, which are checked with `not_below` afterwards.
    pub fn compare(&self, other: &Self) -> Ordering {
        self.start.cmp(&other.start)
    }

    pub fn is(&self, key: &[u8]) -> bool {
        *self == Self::new(key)
    }

    pub fn prefix(&self, bytes_max: usize) -> Vec<u8> {
        self.start[..self.start.len().min(bytes_max)].to_vec()
    }
}
