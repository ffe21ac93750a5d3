//! Rows in memory: columns of one length, side by side.

use super::Column;
use crate::Result;
use crate::table::ColumnSpec;
use std::fmt;
use std::ops::Range;

/// Rows of one table, column by column.
#[derive(Clone, PartialEq, Eq)]
pub struct Batch {
    /// The columns, in the order of the table; all have as many rows as the batch.
    pub columns: Vec<Column>,
    /// The number of rows, which a table without columns has too.
    pub rows: usize,
}

impl Batch {
    /// An empty batch for these columns.
    #[must_use]
    pub fn new(columns: &[ColumnSpec]) -> Self {
        Self { columns: columns.iter().map(|column| Column::new(column.layout)).collect(), rows: 0 }
    }

    /// Bytes of the values as they are held here.
    #[must_use]
    pub fn bytes_len(&self) -> usize {
        self.columns.iter().map(Column::bytes_len).sum()
    }

    /// Appends a run of rows of another batch of the same table.
    ///
    /// # Errors
    /// As [`Column::extend_from`].
    pub fn extend_from(&mut self, other: &Self, rows: Range<usize>) -> Result<()> {
        for (column, from) in self.columns.iter_mut().zip(&other.columns) {
            column.extend_from(from, rows.clone())?;
        }
        self.rows += rows.len();
        Ok(())
    }

    /// Appends some rows of another batch of the same table, in the order given.
    ///
    /// # Errors
    /// As [`Column::gather`].
    pub fn gather(&mut self, other: &Self, rows: &[u32]) -> Result<()> {
        for (column, from) in self.columns.iter_mut().zip(&other.columns) {
            column.gather(from, rows)?;
        }
        self.rows += rows.len();
        Ok(())
    }

    /// Removes all rows and keeps the memory.
    pub fn clear(&mut self) {
        self.columns.iter_mut().for_each(Column::clear);
        self.rows = 0;
    }
}

impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Batch({} rows, {:?})", self.rows, self.columns)
    }
}
