//! The text form: fields between tabs, rows between newlines, what would be mistaken for either escaped.

use super::Writer;
use offshoot_format::column::{Batch, Cell};
use std::ops::Range;

/// Appends rows.
pub(super) fn write_rows(batch: &Batch, rows: Range<usize>, out: &mut Writer) {
    for row in rows {
        for (index, column) in batch.columns.iter().enumerate() {
            let bytes = out.bytes();
            if index > 0 {
                bytes.push(b'\t');
            }
            match column.cell(row) {
                Cell::Null => bytes.extend_from_slice(b"\\N"),
                Cell::Bytes(value) => escape_into(bytes, value),
                Cell::Blob(blob) => out.blob(blob, index),
            }
        }
        out.bytes().push(b'\n');
    }
}

/// Appends bytes of a value; a value may be given in pieces.
pub fn escape_into(out: &mut Vec<u8>, value: &[u8]) {
    let mut rest = value;
    while let Some(at) = rest.iter().position(|&byte| is_special(byte)) {
        out.extend_from_slice(&rest[..at]);
        let letter = match rest[at] {
            b'\x08' => b'b',
            b'\x0c' => b'f',
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            b'\x0b' => b'v',
            other => other,
        };
        out.extend_from_slice(&[b'\\', letter]);
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
}

/// Every encoding of a server keeps these bytes to themselves, never inside a longer character.
fn is_special(byte: u8) -> bool {
    matches!(byte, b'\\' | b'\x08'..=b'\r')
}

#[cfg(test)]
mod tests {
    use super::escape_into;

    #[test]
    fn what_ends_a_field_is_escaped() {
        let mut out = Vec::new();
        escape_into(&mut out, b"a\tb\\N\nc\r\x08\x0c\x0b\\.");
        assert_eq!(out, b"a\\tb\\\\N\\nc\\r\\b\\f\\v\\\\.");
    }
}
