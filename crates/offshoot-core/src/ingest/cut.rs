//! Cuts rows that come in key order into leaves.

use super::keys::Mark;
use crate::Result;
use offshoot_format::column::{Batch, Column};
use offshoot_format::leaf::{FORCED_BYTES, FORCED_ROWS, ends_leaf, row_hash};
use offshoot_format::table::{Layout, TableSpec};

/// Why a leaf ends where it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// Its last row says so, whatever is around it.
    Boundary,
    /// It is full; counted from the last boundary.
    Forced,
    /// The rows ended; the leaf goes on in another run.
    Open,
}

/// A leaf that was cut, with its rows.
pub(super) struct Cut {
    pub rows: Batch,
    pub first: Mark,
    pub last: Mark,
    /// Hash of the last row.
    pub hash: u64,
    /// Equal rows before the last one.
    pub copies: u64,
    pub end: End,
}

/// Gathers rows until a leaf is full.
pub(super) struct Cutter {
    counted: bool,
    fixed_bytes: usize,
    var_columns: Vec<usize>,
    /// Rows of the batch at hand that are not copied yet.
    waiting: Vec<u32>,
    open: Batch,
    open_bytes: usize,
    first: Option<Mark>,
    last_key: Vec<u8>,
    copies: Option<u64>,
    hash: u64,
}

impl Cutter {
    /// A cutter at the start of a run.
    pub fn new(table: &TableSpec, counted: bool) -> Self {
        let mut fixed_bytes = 0;
        let mut var_columns = Vec::new();
        for (index, column) in table.columns.iter().enumerate() {
            match column.layout {
                Layout::Fixed(width) => fixed_bytes += usize::from(width),
                Layout::Var => var_columns.push(index),
            }
        }
        Self {
            counted,
            fixed_bytes,
            var_columns,
            waiting: Vec::new(),
            open: Batch::new(&table.columns),
            open_bytes: 0,
            first: None,
            last_key: Vec::new(),
            copies: None,
            hash: 0,
        }
    }

    /// Continues counting equal rows after a leaf that was cut elsewhere.
    pub fn continue_after(&mut self, last: &Mark, copies: u64, next_key: &[u8]) {
        if self.counted && last.is(next_key) {
            self.last_key.clear();
            self.last_key.extend_from_slice(next_key);
            self.copies = Some(copies);
        }
    }

    /// Whether the last row that was added has a key above this one.
    pub fn is_past(&self, key: &[u8]) -> bool {
        self.copies.is_some() && self.last_key.as_slice() > key
    }

    /// Adds rows of `batch`, whose keys rise and are above all before; finished leaves go to `emit`.
    pub fn add<'k>(
        &mut self,
        batch: &Batch,
        rows: impl Iterator<Item = (usize, &'k [u8])>,
        mut emit: impl FnMut(Cut) -> Result<()>,
    ) -> Result<()> {
        self.waiting.clear();
        for (row, key) in rows {
            self.note(key);
            let row_bytes = self.row_bytes(batch, row);
            self.open_bytes += row_bytes;
            self.waiting.push(row as u32);
            let end = if ends_leaf(self.hash, row_bytes) {
                End::Boundary
            } else if self.open.rows + self.waiting.len() >= FORCED_ROWS || self.open_bytes >= FORCED_BYTES {
                End::Forced
            } else {
                continue;
            };
            self.open.gather(batch, &self.waiting)?;
            self.waiting.clear();
            if let Some(cut) = self.take(end) {
                emit(cut)?;
            }
        }
        self.open.gather(batch, &self.waiting)?;
        self.waiting.clear();
        Ok(())
    }

    /// Ends the run; the rows that are left are a leaf without a boundary.
    pub fn finish(&mut self) -> Option<Cut> {
        let cut = self.take(End::Open);
        self.copies = None;
        cut
    }

    fn note(&mut self, key: &[u8]) {
        if self.first.is_none() {
            self.first = Some(Mark::new(key));
        }
        let equal = self.counted && self.copies.is_some() && self.last_key == key;
        let copies = if equal { self.copies.map_or(0, |copies| copies + 1) } else { 0 };
        if !equal {
            self.last_key.clear();
            self.last_key.extend_from_slice(key);
        }
        self.copies = Some(copies);
        self.hash = row_hash(key, copies);
    }

    #[inline]
    fn row_bytes(&self, batch: &Batch, row: usize) -> usize {
        self.fixed_bytes + self.var_columns.iter().map(|&column| batch.columns[column].cell_bytes(row)).sum::<usize>()
    }

    fn take(&mut self, end: End) -> Option<Cut> {
        let first = self.first.take()?;
        let columns = self.open.columns.iter().map(Column::fresh).collect();
        let empty = Batch { columns, rows: 0 };
        self.open_bytes = 0;
        Some(Cut {
            rows: std::mem::replace(&mut self.open, empty),
            first,
            last: Mark::new(&self.last_key),
            hash: self.hash,
            copies: self.copies.unwrap_or(0),
            end,
        })
    }
}
