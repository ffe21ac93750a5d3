//! A short column as its leaf holds it: the canonical plaintext itself, without a codec.
//!
//! It is covered by the id of the leaf, so it has none of its own. Columns with blobs are never held so: marking reads
//! leaves, and must find every blob without decoding columns that have none.

use crate::bitmap::Bitmap;
use crate::codec::{Canonical, HAS_NULLS, LEAF_ROWS_MAX, ends_of};
use crate::column::Column;
use crate::leaf::INLINE_COLUMN_BYTES_MAX;
use crate::table::Layout;
use crate::wire::Reader;
use crate::{FormatError, Result};

/// The plaintext of a column, if it is short enough for the leaf; `canonical` was set to it.
#[must_use]
pub fn encode(column: &Column, canonical: &Canonical) -> Option<Vec<u8>> {
    let fits = column.blob_count() == 0 && canonical.bytes_len(column) <= INLINE_COLUMN_BYTES_MAX;
    fits.then(|| canonical.parts(column).concat())
}

/// The inverse of [`encode`].
///
/// # Errors
/// If the bytes are not the plaintext of a column of this layout without blobs.
pub fn decode(layout: Layout, plain: &[u8]) -> Result<Column> {
    let mut reader = Reader::new("column", plain);
    let flags = reader.u8()?;
    if flags & !HAS_NULLS != 0 {
        return Err(FormatError::newer_chunk("column in a leaf"));
    }
    let rows = reader.varint_max("rows of a leaf", LEAF_ROWS_MAX as u64)?;
    let nulls = match flags {
        0 => Bitmap::default(),
        _ => Bitmap::from_bytes("column", reader.take(rows.div_ceil(8))?, rows)?,
    };
    let ends = match layout {
        Layout::Fixed(_) => Vec::new(),
        Layout::Var => ends_of(reader.take(4 * rows)?)?,
    };
    let values = reader.take(reader.remaining())?;
    Column::from_parts(layout, rows, nulls, Bitmap::default(), ends, values.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blob::BlobRef;
    use crate::ids::ChunkId;

    fn plain(column: &Column) -> Option<Vec<u8>> {
        let mut canonical = Canonical::default();
        canonical.set(column);
        encode(column, &canonical)
    }

    #[test]
    fn short_columns_come_back() {
        for layout in [Layout::Fixed(4), Layout::Var] {
            for nulls in [false, true] {
                let mut column = Column::new(layout);
                for row in 0..20u32 {
                    if nulls && row % 3 == 0 { column.push_null() } else { column.push(&row.to_be_bytes()).unwrap() }
                }
                let plain = plain(&column).unwrap();
                assert!(decode(layout, &plain).unwrap() == column);
                for end in 0..plain.len() {
                    assert!(decode(layout, &plain[..end]).is_err(), "{layout:?} {end}");
                }
            }
        }
    }

    #[test]
    fn long_columns_and_blobs_stay_outside() {
        let mut column = Column::new(Layout::Var);
        column.push(&[1; INLINE_COLUMN_BYTES_MAX]).unwrap();
        assert_eq!(plain(&column), None);
        let mut column = Column::new(Layout::Var);
        column.push_blob(&BlobRef { id: ChunkId::from_bytes([9; 32]), bytes: 1 << 20 }).unwrap();
        assert_eq!(plain(&column), None);
    }
}
