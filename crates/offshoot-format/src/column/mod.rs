//! Values of one column in memory, laid out as they are stored: a null bitmap beside packed bytes.
//!
//! A `Column` is filled value by value, read value by value, or copied in runs; it does not know what its bytes mean.
//! Its `Debug` shows counts only, never a value.

mod batch;

pub use batch::Batch;

use crate::bitmap::Bitmap;
use crate::table::Layout;
use crate::{FormatError, Result, blob::BlobRef};
use std::fmt;
use std::ops::Range;

/// Values above this many bytes are stored as blobs of their own.
pub const INLINE_VALUE_BYTES_MAX: usize = 128 << 10;

/// One value, borrowed. Deliberately without Display; its Debug names the kind and the length alone.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Cell<'a> {
    /// NULL.
    Null,
    /// The bytes of a value.
    Bytes(&'a [u8]),
    /// A large value that is stored apart.
    Blob(BlobRef),
}

impl fmt::Debug for Cell<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("Null"),
            Self::Bytes(bytes) => write!(f, "Bytes({} bytes)", bytes.len()),
            Self::Blob(blob) => write!(f, "Blob({} bytes)", blob.bytes),
        }
    }
}

/// Values of one column.
#[derive(Clone, PartialEq, Eq)]
pub struct Column {
    layout: Layout,
    rows: usize,
    pub(crate) nulls: Bitmap,
    pub(crate) blobs: Bitmap,
    /// Of `Layout::Var` only: where each value ends in `bytes`.
    pub(crate) ends: Vec<u32>,
    pub(crate) bytes: Vec<u8>,
}

impl Column {
    /// An empty column.
    #[must_use]
    pub fn new(layout: Layout) -> Self {
        Self {
            layout,
            rows: 0,
            nulls: Bitmap::default(),
            blobs: Bitmap::default(),
            ends: Vec::new(),
            bytes: Vec::new(),
        }
    }

    /// A column from its parts, which the codec has read. The parts are checked against each other.
    pub(crate) fn from_parts(
        layout: Layout,
        rows: usize,
        nulls: Bitmap,
        blobs: Bitmap,
        ends: Vec<u32>,
        bytes: Vec<u8>,
    ) -> Result<Self> {
        let column = Self { layout, rows, nulls, blobs, ends, bytes };
        let invalid = |why| FormatError::Invalid { what: "column", offset: 0, why };
        match layout {
            Layout::Fixed(width) => {
                if column.bytes.len() != rows * usize::from(width) || column.blobs.count > 0 {
                    return Err(invalid("values that do not fill their rows"));
                }
                let nulls = if column.nulls.count > 0 { 0..rows } else { 0..0 };
                for row in nulls.filter(|&row| column.nulls.contains(row)) {
                    let width = usize::from(width);
                    if column.bytes[row * width..(row + 1) * width].iter().any(|&byte| byte != 0) {
                        return Err(invalid("bytes in the place of a NULL"));
                    }
                }
            }
            Layout::Var => {
                if column.ends.len() != rows || column.ends.last().map_or(0, |&end| end as usize) != column.bytes.len()
                {
                    return Err(invalid("values that do not fill their rows"));
                }
                let marked = if column.nulls.count + column.blobs.count > 0 { 0..rows } else { 0..0 };
                for row in marked {
                    let length = column.range(row).len();
                    let null = column.nulls.contains(row);
                    let blob = column.blobs.contains(row);
                    if null && (length > 0 || blob) || blob && length != BlobRef::ENCODED_BYTES {
                        return Err(invalid("a NULL or a blob of a wrong length"));
                    }
                }
            }
        }
        Ok(column)
    }

    /// How the values lie.
    #[must_use]
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// Number of values, NULLs counted.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of NULLs.
    #[must_use]
    pub fn null_count(&self) -> usize {
        self.nulls.count
    }

    /// Number of values that are stored apart.
    #[must_use]
    pub fn blob_count(&self) -> usize {
        self.blobs.count
    }

    /// Bytes of the values as they are held here; a NULL of a fixed layout takes its width.
    #[must_use]
    pub fn bytes_len(&self) -> usize {
        self.bytes.len()
    }

    /// Appends a value.
    ///
    /// # Errors
    /// `Invalid` if the layout is fixed and the value has another length, or the column grows over 4 GiB.
    #[inline]
    pub fn push(&mut self, value: &[u8]) -> Result<()> {
        match self.layout {
            Layout::Fixed(width) if usize::from(width) != value.len() => return Err(wrong_length()),
            Layout::Fixed(_) => self.bytes.extend_from_slice(value),
            Layout::Var => {
                self.bytes.extend_from_slice(value);
                let end = u32::try_from(self.bytes.len()).map_err(|_| too_long())?;
                self.ends.push(end);
            }
        }
        self.rows += 1;
        Ok(())
    }

    /// Appends NULL.
    #[inline]
    pub fn push_null(&mut self) {
        self.nulls.set(self.rows);
        match self.layout {
            Layout::Fixed(width) => self.bytes.resize(self.bytes.len() + usize::from(width), 0),
            Layout::Var => self.ends.push(self.bytes.len() as u32),
        }
        self.rows += 1;
    }

    /// Appends a value that is stored apart.
    ///
    /// # Errors
    /// `Invalid` if the layout is fixed.
    pub fn push_blob(&mut self, blob: &BlobRef) -> Result<()> {
        if self.layout != Layout::Var {
            return Err(wrong_length());
        }
        self.blobs.set(self.rows);
        self.push(&blob.encode())
    }

    /// Appends a value of any kind.
    ///
    /// # Errors
    /// As [`Self::push`] and [`Self::push_blob`].
    #[inline]
    pub fn push_cell(&mut self, cell: Cell<'_>) -> Result<()> {
        match cell {
            Cell::Null => self.push_null(),
            Cell::Bytes(bytes) => self.push(bytes)?,
            Cell::Blob(blob) => self.push_blob(&blob)?,
        }
        Ok(())
    }

    /// Where the bytes of a row are.
    #[inline]
    fn range(&self, row: usize) -> Range<usize> {
        match self.layout {
            Layout::Fixed(width) => {
                let width = usize::from(width);
                row * width..(row + 1) * width
            }
            Layout::Var => {
                let start = if row == 0 { 0 } else { self.ends[row - 1] as usize };
                start..self.ends[row] as usize
            }
        }
    }

    /// The value of a row.
    ///
    /// # Panics
    /// If there is no such row.
    #[inline]
    #[must_use]
    pub fn cell(&self, row: usize) -> Cell<'_> {
        if self.nulls.contains(row) {
            return Cell::Null;
        }
        let bytes = &self.bytes[self.range(row)];
        if self.blobs.contains(row) {
            return BlobRef::decode(bytes).map_or(Cell::Null, Cell::Blob);
        }
        Cell::Bytes(bytes)
    }

    /// Bytes that a row takes in this column: of its value, or of the reference to it. A NULL takes none, but for the
    /// width of a fixed layout.
    #[inline]
    #[must_use]
    pub fn cell_bytes(&self, row: usize) -> usize {
        self.range(row).len()
    }

    /// Appends a run of rows of another column of the same layout.
    ///
    /// # Errors
    /// `Invalid` if the layouts differ or the column grows over 4 GiB.
    #[inline]
    pub fn extend_from(&mut self, other: &Self, rows: Range<usize>) -> Result<()> {
        if self.layout != other.layout || rows.end > other.rows {
            return Err(wrong_length());
        }
        if rows.is_empty() {
            return Ok(());
        }
        let bytes = other.range(rows.start).start..other.range(rows.end - 1).end;
        if self.layout == Layout::Var {
            let base = u32::try_from(self.bytes.len()).map_err(|_| too_long())?;
            base.checked_add(u32::try_from(bytes.len()).map_err(|_| too_long())?).ok_or_else(too_long)?;
            let start = bytes.start as u32;
            self.ends.extend(other.ends[rows.clone()].iter().map(|end| end - start + base));
        }
        self.bytes.extend_from_slice(&other.bytes[bytes]);
        for (marks, from) in [(&mut self.nulls, &other.nulls), (&mut self.blobs, &other.blobs)] {
            if from.count > 0 {
                rows.clone().filter(|&row| from.contains(row)).for_each(|row| marks.set(self.rows + row - rows.start));
            }
        }
        self.rows += rows.len();
        Ok(())
    }

    /// Appends some rows of another column of the same layout, in the order given.
    ///
    /// # Errors
    /// As [`Self::extend_from`].
    pub fn gather(&mut self, other: &Self, rows: &[u32]) -> Result<()> {
        let mut rest = rows;
        while let Some((&first, after)) = rest.split_first() {
            // Rows that nearly were in order come in long runs, and a run is one copy.
            let run =
                1 + after.iter().zip(u64::from(first) + 1..).take_while(|&(&row, next)| u64::from(row) == next).count();
            let first = first as usize;
            self.extend_from(other, first..first + run)?;
            rest = &rest[run..];
        }
        Ok(())
    }

    /// An empty column of the same layout, with room for as much as this one has.
    #[must_use]
    pub fn fresh(&self) -> Self {
        let mut fresh = Self::new(self.layout);
        fresh.ends.reserve(self.ends.len());
        fresh.bytes.reserve(self.bytes.len());
        fresh
    }

    /// Removes all rows and keeps the memory.
    pub fn clear(&mut self) {
        self.rows = 0;
        self.nulls.clear();
        self.blobs.clear();
        self.ends.clear();
        self.bytes.clear();
    }

    /// Memory that the column holds, in bytes.
    #[must_use]
    pub fn capacity_bytes(&self) -> usize {
        self.bytes.capacity() + 4 * self.ends.capacity() + self.nulls.bytes.capacity() + self.blobs.bytes.capacity()
    }
}

impl fmt::Debug for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Column({:?}, {} rows, {} nulls, {} bytes)",
            self.layout,
            self.rows,
            self.nulls.count,
            self.bytes.len()
        )
    }
}

fn wrong_length() -> FormatError {
    FormatError::Invalid { what: "column", offset: 0, why: "a value whose length is not that of the column's type" }
}

fn too_long() -> FormatError {
    FormatError::Invalid { what: "column", offset: 0, why: "more than 4 GiB of values at once" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::ChunkId;

    fn sample() -> Column {
        let mut column = Column::new(Layout::Var);
        column.push(b"one").unwrap();
        column.push_null();
        column.push(b"").unwrap();
        column.push_blob(&BlobRef { id: ChunkId::from_bytes([9; 32]), bytes: 1 << 20 }).unwrap();
        column
    }

    #[test]
    fn cells_come_back() {
        let column = sample();
        assert_eq!(column.cell(0), Cell::Bytes(b"one"));
        assert_eq!(column.cell(1), Cell::Null);
        assert_eq!(column.cell(2), Cell::Bytes(b""));
        assert!(matches!(column.cell(3), Cell::Blob(blob) if blob.bytes == 1 << 20));
    }

    #[test]
    fn runs_equal_single_rows() {
        let column = sample();
        let mut run = sample();
        run.extend_from(&column, 1..4).unwrap();
        let mut single = sample();
        (1..4).for_each(|row| single.push_cell(column.cell(row)).unwrap());
        assert!(run == single);
        let mut gathered = sample();
        gathered.gather(&column, &[1, 2, 3]).unwrap();
        assert!(gathered == single);
        let (mut gathered, mut single) = (sample(), sample());
        gathered.gather(&column, &[3, 0, 1, 1]).unwrap();
        [3, 0, 1, 1].iter().for_each(|&row| single.push_cell(column.cell(row)).unwrap());
        assert!(gathered == single);
        assert!(gathered.gather(&column, &[4, 0]).is_err());
    }

    #[test]
    fn debug_shows_no_value() {
        assert!(!format!("{:?} {:?}", sample(), sample().cell(0)).contains("one"));
    }
}
