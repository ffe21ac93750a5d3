//! The file of a `LOAD DATA LOCAL`: fields between tabs, rows between newlines, what would be mistaken for either escaped.

use super::form::Form;
use super::{LoadColumn, PIECE_BYTES};
use offshoot_core::{CoreError, Result};
use offshoot_format::blob::BlobRef;
use offshoot_format::column::{Batch, Cell};

/// A part of the file.
#[derive(Clone, PartialEq, Eq)]
pub enum Frame {
    /// Bytes to send as they are.
    Bytes(Vec<u8>),
    /// A large value, to be streamed and escaped.
    Blob(BlobRef),
}

/// What a batch became.
#[derive(Clone, Default)]
pub struct Fields {
    /// The part of the file.
    pub frames: Vec<Frame>,
    /// Its rows.
    pub rows: u64,
    /// Warnings that the server gives for values that are right.
    pub warnings: u64,
}

/// Turns the rows of one table into the file.
#[derive(Debug, Clone)]
pub struct FieldEncoder {
    forms: Vec<Form>,
}

impl FieldEncoder {
    /// An encoder for these columns.
    #[must_use]
    pub fn new(columns: &[LoadColumn]) -> Self {
        Self { forms: columns.iter().map(|column| column.form).collect() }
    }

    /// The rows as a part of the file.
    ///
    /// # Errors
    /// `Protocol` if the batch has other columns, or a value is not one of its column's type.
    pub fn encode(&self, batch: &Batch) -> Result<Fields> {
        if batch.columns.len() != self.forms.len() {
            return Err(CoreError::Protocol("a leaf has other columns than its table"));
        }
        let mut fields = Fields { rows: batch.rows as u64, ..Fields::default() };
        let mut bytes = Vec::new();
        for row in 0..batch.rows {
            if bytes.len() >= PIECE_BYTES {
                fields.frames.push(Frame::Bytes(std::mem::take(&mut bytes)));
            }
            if bytes.capacity() == 0 {
                bytes.reserve_exact(PIECE_BYTES + (PIECE_BYTES >> 3));
            }
            for (index, (form, column)) in self.forms.iter().zip(&batch.columns).enumerate() {
                if index > 0 {
                    bytes.push(b'\t');
                }
                match column.cell(row) {
                    Cell::Null => bytes.extend_from_slice(b"\\N"),
                    Cell::Bytes(value) => {
                        fields.warnings += u64::from(form.warns(value));
                        if !form.write_number(value, &mut bytes)? {
                            escape_field_into(&mut bytes, value);
                        }
                    }
                    Cell::Blob(blob) => {
                        fields.frames.push(Frame::Bytes(std::mem::take(&mut bytes)));
                        fields.frames.push(Frame::Blob(blob));
                    }
                }
            }
            bytes.push(b'\n');
        }
        if !bytes.is_empty() {
            fields.frames.push(Frame::Bytes(bytes));
        }
        Ok(fields)
    }
}

/// Appends bytes of a value; a value may be given in pieces. The file has no character set, so that a byte is a byte.
pub fn escape_field_into(out: &mut Vec<u8>, value: &[u8]) {
    let mut rest = value;
    while let Some(at) = memchr::memchr3(b'\\', b'\t', b'\n', rest) {
        out.extend_from_slice(&rest[..at]);
        let letter = match rest[at] {
            b'\n' => b'n',
            b'\t' => b't',
            other => other,
        };
        out.extend_from_slice(&[b'\\', letter]);
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
}
