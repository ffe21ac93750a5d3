//! A leaf: a run of rows in key order, and which chunks its columns are; and where leaves end.

use crate::codec::LEAF_ROWS_MAX;
use crate::ids::{ChunkId, ID_BYTES};
use crate::wire::{Reader, put_bytes, put_varint};
use crate::{FormatError, Result};
use std::fmt;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// A value of at most this many bytes that all rows have is held in the leaf.
pub const CONSTANT_BYTES_MAX: usize = 64;
/// A column without blobs whose canonical plaintext has at most this many bytes is held in the leaf.
pub const INLINE_COLUMN_BYTES_MAX: usize = 512;
/// Most columns of a table (PostgreSQL has 1600, MySQL 4096).
pub const COLUMNS_MAX: usize = 8192;
/// Rows after which a leaf ends even without a boundary.
pub const FORCED_ROWS: usize = 1 << 15;
/// Bytes of values after which a leaf ends even without a boundary.
pub const FORCED_BYTES: usize = 16 << 20;

const BOUNDARY_SALT: u64 = 0x6f66_6673_686f_6f74;
const BOUNDARY_BITS_MAX: u32 = 12;
const LEAF_BYTES_LOG2: u32 = 21;

/// Where a row stands: the hash that decides whether it ends a leaf, and the nodes above.
///
/// `copies` counts the equal rows before it in a table without a key, else it is 0.
#[must_use]
pub fn row_hash(key: &[u8], copies: u64) -> u64 {
    let hash = xxh3_64_with_seed(key, BOUNDARY_SALT);
    if copies == 0 { hash } else { xxh3_64_with_seed(&copies.to_le_bytes(), hash) }
}

/// Whether a row of this hash and size ends a leaf.
///
/// One row of 4096 does while rows have at most 512 bytes; above, each doubling of the row doubles the chance, so that
/// a leaf has about 2 MiB whatever the table. It depends on the row alone: ranges that are read apart agree without
/// talking, and what ended a leaf under a smaller row still does under a larger one.
#[must_use]
pub fn ends_leaf(hash: u64, row_bytes: usize) -> bool {
    let size_bits = usize::BITS - row_bytes.saturating_sub(1).leading_zeros();
    let bits = LEAF_BYTES_LOG2.saturating_sub(size_bits).min(BOUNDARY_BITS_MAX);
    hash & ((1 << bits) - 1) == 0
}

/// Whether the node at `level` (0: the one over the leaves) ends after a leaf or node whose last row has this hash.
#[must_use]
pub fn ends_node(hash: u64, level: u8) -> bool {
    let shift = BOUNDARY_BITS_MAX + 6 * u32::from(level.min(7));
    hash >> shift & 63 == 0
}

/// One column of a leaf. Its Debug shows no value.
#[derive(Clone, PartialEq, Eq)]
pub enum LeafColumn {
    /// NULL in every row.
    Null,
    /// The same short value in every row.
    Constant(Vec<u8>),
    /// The canonical plaintext of a short column.
    Inline(Vec<u8>),
    /// A chunk of its own.
    Chunk {
        /// The chunk.
        id: ChunkId,
        /// Length of its canonical plaintext, in bytes.
        bytes: u32,
        /// Whether some of its values are blobs, so that marking need not read it to find out.
        blobs: bool,
    },
}

impl fmt::Debug for LeafColumn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("Null"),
            Self::Constant(value) => write!(f, "Constant({} bytes)", value.len()),
            Self::Inline(plain) => write!(f, "Inline({} bytes)", plain.len()),
            Self::Chunk { id, bytes, .. } => write!(f, "Chunk({id}, {bytes} bytes)"),
        }
    }
}

/// A leaf.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaf {
    /// Rows of every column.
    pub rows: u32,
    /// The columns in the order of the table.
    pub columns: Vec<LeafColumn>,
}

impl Leaf {
    /// Canonical plaintext: rows, columns, then a tag and its fields for each column.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(8 + self.columns.len() * (ID_BYTES + 4));
        put_varint(&mut out, u64::from(self.rows));
        put_varint(&mut out, self.columns.len() as u64);
        for column in &self.columns {
            match column {
                LeafColumn::Null => out.push(0),
                LeafColumn::Constant(value) => {
                    out.push(1);
                    put_bytes(&mut out, value);
                }
                LeafColumn::Inline(plain) => {
                    out.push(4);
                    put_bytes(&mut out, plain);
                }
                LeafColumn::Chunk { id, bytes, blobs } => {
                    out.push(2 + u8::from(*blobs));
                    out.extend_from_slice(id.as_bytes());
                    put_varint(&mut out, u64::from(*bytes));
                }
            }
        }
        out
    }

    /// The inverse of [`Self::encode`].
    ///
    /// # Errors
    /// If the bytes are not a leaf or are above its limits.
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        let mut reader = Reader::new("leaf", bytes);
        let rows = reader.varint_max("rows of a leaf", LEAF_ROWS_MAX as u64)? as u32;
        let count = reader.varint_max("columns of a leaf", COLUMNS_MAX as u64)?;
        let mut columns = Vec::with_capacity(count.min(reader.remaining()));
        for _ in 0..count {
            columns.push(match reader.u8()? {
                0 => LeafColumn::Null,
                1 => LeafColumn::Constant(reader.bytes("constant of a leaf", CONSTANT_BYTES_MAX as u64)?.to_vec()),
                tag @ (2 | 3) => {
                    let id = ChunkId::from_bytes(reader.array()?);
                    let bytes = reader.varint_max("column of a leaf", u64::from(u32::MAX))? as u32;
                    LeafColumn::Chunk { id, bytes, blobs: tag == 3 }
                }
                4 => LeafColumn::Inline(reader.bytes("column in a leaf", INLINE_COLUMN_BYTES_MAX as u64)?.to_vec()),
                _ => return Err(FormatError::newer_chunk("leaf")),
            });
        }
        reader.end()?;
        Ok(Self { rows, columns })
    }

    /// Whether no column is a chunk.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        !self.columns.iter().any(|column| matches!(column, LeafColumn::Chunk { .. }))
    }

    /// Largest plaintext that [`Self::decode`] is given, in bytes.
    pub const BYTES_MAX: usize = COLUMNS_MAX * (INLINE_COLUMN_BYTES_MAX + 4) + 16;
}

/// Checks that a leaf has the columns of its table.
///
/// # Errors
/// `Invalid` if it has more or fewer.
pub fn check_columns(leaf: &Leaf, columns: usize) -> Result<()> {
    if leaf.columns.len() == columns {
        return Ok(());
    }
    Err(FormatError::Invalid { what: "leaf", offset: 0, why: "it has other columns than its table" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaves_come_back() {
        let leaf = Leaf {
            rows: 4096,
            columns: vec![
                LeafColumn::Null,
                LeafColumn::Constant(vec![1, 2]),
                LeafColumn::Inline(vec![3; 100]),
                LeafColumn::Chunk { id: ChunkId::from_bytes([7; 32]), bytes: 123_456, blobs: false },
                LeafColumn::Chunk { id: ChunkId::from_bytes([8; 32]), bytes: 1, blobs: true },
            ],
        };
        assert!(!format!("{leaf:?}").contains("[1, 2"));
        let bytes = leaf.encode();
        assert_eq!(Leaf::decode(&bytes), Ok(leaf));
        for end in 0..bytes.len() {
            assert!(Leaf::decode(&bytes[..end]).is_err());
        }
    }

    #[test]
    fn leaf_sizes_follow_row_sizes() {
        for (row_bytes, rows_expected) in [(0, 4096.0), (100, 4096.0), (512, 4096.0), (1000, 2048.0), (60_000, 32.0)] {
            let rows = 2_000_000u64;
            let ends = (0..rows).filter(|row| ends_leaf(row_hash(&row.to_be_bytes(), 0), row_bytes)).count();
            let mean = rows as f64 / ends as f64;
            assert!((mean / rows_expected - 1.0).abs() < 0.2, "{row_bytes}: {mean}");
        }
        assert!(ends_leaf(u64::MAX, 4 << 20));
    }

    #[test]
    fn larger_rows_keep_boundaries() {
        for row in 0..100_000u64 {
            let hash = row_hash(&row.to_be_bytes(), 0);
            assert!(!ends_leaf(hash, 100) || ends_leaf(hash, 10_000));
        }
    }
}
