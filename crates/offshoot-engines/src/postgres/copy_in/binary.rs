//! The binary form: for each row its number of fields, for each field its length and its bytes.

use super::{RowEncoder, Writer, malformed};
use crate::postgres::types::rewrite::Rewriter;
use offshoot_core::{CoreError, Result};
use offshoot_format::column::{Batch, Cell};
use std::ops::Range;

/// What a binary stream begins with: signature, flags, length of an extension.
pub const HEADER: [u8; 19] = *b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";

/// What a binary stream ends with: a row of -1 fields.
pub const TRAILER: [u8; 2] = [0xff, 0xff];

/// Fields after which the frame is looked at again, within one row.
const FIELDS_BETWEEN_CUTS: usize = 8;

/// Appends rows.
pub(super) fn write_rows(encoder: &RowEncoder, batch: &Batch, rows: Range<usize>, out: &mut Writer) -> Result<()> {
    let fields = i16::try_from(batch.columns.len()).map_err(|_| CoreError::Protocol("a table has too many columns"))?;
    let mut rewriters: Vec<Option<Rewriter<'_>>> =
        (0..batch.columns.len()).map(|index| encoder.rewriter(index)).collect();
    for row in rows {
        let mut bytes = out.bytes();
        bytes.extend_from_slice(&fields.to_be_bytes());
        for (index, column) in batch.columns.iter().enumerate() {
            if index % FIELDS_BETWEEN_CUTS == FIELDS_BETWEEN_CUTS - 1 {
                bytes = out.bytes();
            }
            match column.cell(row) {
                Cell::Null => bytes.extend_from_slice(&[0xff; 4]),
                Cell::Bytes(value) => {
                    put_field(bytes, value);
                    if let Some(rewriter) = &mut rewriters[index] {
                        let start = bytes.len() - value.len();
                        rewriter.value(&mut bytes[start..]).map_err(malformed)?;
                    }
                }
                Cell::Blob(blob) => {
                    let length = i32::try_from(blob.bytes)
                        .map_err(|_| CoreError::Protocol("a stored value is longer than PostgreSQL's values are"))?;
                    bytes.extend_from_slice(&length.to_be_bytes());
                    out.blob(blob, index);
                    bytes = out.bytes();
                }
            }
        }
    }
    Ok(())
}

/// Length and bytes. The usual lengths are written at once, which saves a call and a check.
#[inline]
fn put_field(out: &mut Vec<u8>, value: &[u8]) {
    match value.len() {
        4 => put_fixed::<4, 8>(out, value),
        8 => put_fixed::<8, 12>(out, value),
        2 => put_fixed::<2, 6>(out, value),
        1 => put_fixed::<1, 5>(out, value),
        16 => put_fixed::<16, 20>(out, value),
        length => {
            out.extend_from_slice(&(length as u32).to_be_bytes());
            out.extend_from_slice(value);
        }
    }
}

#[inline]
fn put_fixed<const WIDTH: usize, const FIELD: usize>(out: &mut Vec<u8>, value: &[u8]) {
    let mut field = [0; FIELD];
    field[..4].copy_from_slice(&(WIDTH as u32).to_be_bytes());
    field[4..].copy_from_slice(&value[..WIDTH]);
    out.extend_from_slice(&field);
}
