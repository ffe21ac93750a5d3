//! Sets of rows: which are NULL, which are stored apart.

use crate::{FormatError, Result};

/// A growing set of row numbers, one bit a row.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Bitmap {
    /// Lowest bit first; never ends in a zero byte.
    pub(crate) bytes: Vec<u8>,
    /// Rows in the set.
    pub(crate) count: usize,
}

impl Bitmap {
    /// Adds a row.
    pub(crate) fn set(&mut self, row: usize) {
        if self.bytes.len() <= row / 8 {
            self.bytes.resize(row / 8 + 1, 0);
        }
        self.bytes[row / 8] |= 1 << (row % 8);
        self.count += 1;
    }

    /// Whether a row is in the set.
    pub(crate) fn contains(&self, row: usize) -> bool {
        self.count > 0 && self.bytes.get(row / 8).is_some_and(|byte| byte >> (row % 8) & 1 == 1)
    }

    /// Removes all rows and keeps the memory.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.count = 0;
    }

    /// The bitmap of exactly `rows` rows.
    pub(crate) fn padded(&self, rows: usize) -> Vec<u8> {
        let mut bytes = self.bytes.clone();
        bytes.resize(rows.div_ceil(8), 0);
        bytes
    }

    /// A bitmap of `rows` rows from its bytes.
    pub(crate) fn from_bytes(what: &'static str, bytes: &[u8], rows: usize) -> Result<Self> {
        let unused = bytes.len() * 8 - rows.min(bytes.len() * 8);
        let clean = unused < 8 && bytes.last().is_none_or(|last| unused == 0 || last >> (8 - unused) == 0);
        let count = bytes.iter().map(|byte| byte.count_ones() as usize).sum();
        if bytes.len() != rows.div_ceil(8) || !clean || count == 0 {
            return Err(FormatError::Invalid { what, offset: 0, why: "a bitmap that is empty, too long or too short" });
        }
        let used = bytes.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
        Ok(Self { bytes: bytes[..used].to_vec(), count })
    }
}
