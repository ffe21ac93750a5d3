//! Columns of few distinct values: the values once, and one byte a row.
//!
//! Tried on every column with values of their own lengths; given up as soon as the values prove too many, so that it
//! costs little where it does not fit.

use super::section::{Compressor, Decompressor, Level};
use crate::Result;
use crate::column::Column;
use crate::wire::{Reader, put_varint};
use xxhash_rust::xxh3::xxh3_64;

/// Most distinct values: a row is one byte.
const VALUES_MAX: usize = 256;
/// Fewer rows do not pay.
const ROWS_MIN: usize = 64;
/// Longest value that is worth looking up, in bytes.
const VALUE_BYTES_MAX: usize = 256;
/// Rows after which many distinct values end the attempt, and how many are many.
const PROBE: (usize, usize) = (512, 96);

const SLOTS: usize = 1024;
const FREE: u16 = u16::MAX;

/// The distinct values of a column, and which of them each row has. A NULL is an empty value; the bitmap tells.
pub(super) struct Dictionary {
    slots: Vec<u16>,
    lengths: Vec<u8>,
    values: Vec<u8>,
    ends: Vec<usize>,
    codes: Vec<u8>,
}

impl Default for Dictionary {
    fn default() -> Self {
        let (lengths, values, ends, codes) = Default::default();
        Self { slots: vec![FREE; SLOTS], lengths, values, ends, codes }
    }
}

impl Dictionary {
    /// Whether the column has few distinct values, which are then held here.
    pub fn fits(&mut self, column: &Column) -> bool {
        let rows = column.rows();
        if rows < ROWS_MIN || column.blob_count() > 0 {
            return false;
        }
        self.slots.fill(FREE);
        self.values.clear();
        self.ends.clear();
        self.codes.clear();
        let mut start = 0;
        for (row, &end) in column.ends.iter().enumerate() {
            let value = &column.bytes[start..end as usize];
            start = end as usize;
            if value.len() > VALUE_BYTES_MAX || row == PROBE.0 && self.ends.len() > PROBE.1 {
                return false;
            }
            let Some(code) = self.code(value) else { return false };
            self.codes.push(code);
        }
        self.values.len() + 4 * self.ends.len() + rows < column.bytes.len() + rows / 2
    }

    /// The code of a value, which is added if it is new; `None` if there is no room.
    fn code(&mut self, value: &[u8]) -> Option<u8> {
        let mut slot = xxh3_64(value) as usize % SLOTS;
        loop {
            let code = self.slots[slot];
            if code == FREE {
                break;
            }
            if self.value(usize::from(code)) == value {
                return Some(code as u8);
            }
            slot = (slot + 1) % SLOTS;
        }
        let code = self.ends.len();
        if code == VALUES_MAX {
            return None;
        }
        self.slots[slot] = code as u16;
        self.values.extend_from_slice(value);
        self.ends.push(self.values.len());
        Some(code as u8)
    }

    fn value(&self, code: usize) -> &[u8] {
        let start = if code == 0 { 0 } else { self.ends[code - 1] };
        &self.values[start..self.ends[code]]
    }

    /// Appends the values and codes: count, lengths, values, codes.
    pub fn encode(&mut self, compressor: &mut Compressor, out: &mut Vec<u8>) -> Result<()> {
        put_varint(out, self.ends.len() as u64);
        self.lengths.clear();
        let mut start = 0;
        for &end in &self.ends {
            self.lengths.extend_from_slice(&((end - start) as u16).to_le_bytes());
            start = end;
        }
        compressor.section(&self.lengths, Level::Fast, out)?;
        compressor.section(&self.values, Level::Fast, out)?;
        compressor.section(&self.codes, Level::Fast, out)
    }
}

/// Reads what [`Dictionary::encode`] wrote: where the value of each row ends, and the values.
pub(super) fn decode(
    reader: &mut Reader<'_>,
    rows: usize,
    decompressor: &mut Decompressor,
) -> Result<(Vec<u32>, Vec<u8>)> {
    let count = reader.varint_max("values of a dictionary", VALUES_MAX as u64)?;
    let lengths = decompressor.section(reader, 2 * count)?;
    let mut bounds = Vec::with_capacity(count + 1);
    bounds.push(0usize);
    for length in lengths.chunks_exact(2) {
        let start = bounds.last().copied().unwrap_or(0);
        bounds.push(start + usize::from(u16::from_le_bytes([length[0], length[1]])));
    }
    let values = decompressor.section(reader, bounds.last().copied().unwrap_or(0))?;
    let codes = decompressor.section(reader, rows)?;
    let too_high = codes.iter().any(|&code| usize::from(code) >= count);
    let longest =
        lengths.chunks_exact(2).any(|length| usize::from(u16::from_le_bytes([length[0], length[1]])) > VALUE_BYTES_MAX);
    if too_high || longest {
        return Err(reader.invalid("a code without a value, or a value that is too long"));
    }
    // At most VALUE_BYTES_MAX a row, and rows are capped: 32 MiB.
    let total: usize = codes.iter().map(|&code| bounds[usize::from(code) + 1] - bounds[usize::from(code)]).sum();
    let mut ends = Vec::with_capacity(rows);
    let mut bytes = Vec::with_capacity(total);
    for code in codes {
        bytes.extend_from_slice(&values[bounds[usize::from(code)]..bounds[usize::from(code) + 1]]);
        ends.push(bytes.len() as u32);
    }
    Ok((ends, bytes))
}
