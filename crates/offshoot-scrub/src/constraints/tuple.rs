//! The values of a key in one row, as bytes that are equal where the server takes the tuples for equal.

use offshoot_format::column::{Cell, Column};

use super::letters::write_folded;
use crate::facts::{Equality, TableFacts};
use crate::value::{Kind, Value};
use crate::wire::Codec;

/// Columns whose values are taken together.
pub(super) struct Tuple {
    /// The set that the tuples are in.
    pub(super) set: u32,
    columns: Vec<(usize, Form)>,
    with_nulls: bool,
}

/// What in a value does not tell it apart.
#[derive(Clone, Copy)]
enum Form {
    Bytes,
    /// Blanks at the end do not count, and case perhaps neither.
    Text {
        codec: Codec,
        is_padded: bool,
        folds_case: bool,
    },
    /// Neither case nor accents nor blanks at the end count.
    Folded(Codec),
    /// The width of an integer, zeros behind the point.
    Number(Codec),
}

impl Form {
    fn write(self, bytes: &[u8], out: &mut Vec<u8>) {
        match self {
            Self::Bytes => out.extend_from_slice(bytes),
            Self::Text { codec, is_padded, folds_case } => {
                let end = bytes.iter().rposition(|byte| *byte != b' ').map_or(0, |last| last + 1);
                let text = if is_padded { &bytes[..end] } else { bytes };
                if !folds_case {
                    return out.extend_from_slice(text);
                }
                codec.look(text, |value| match value {
                    Value::Text(text) => write_lower(text, out),
                    _ => out.extend_from_slice(text),
                });
            }
            Self::Folded(codec) => codec.look(bytes, |value| match value {
                Value::Text(text) => write_folded(text, out),
                _ => out.extend_from_slice(bytes),
            }),
            Self::Number(codec) => codec.look(bytes, |value| match value {
                Value::Decimal(text) if text.contains('.') => {
                    out.extend_from_slice(text.trim_end_matches('0').trim_end_matches('.').as_bytes());
                }
                value => value.seed(out),
            }),
        }
    }
}

fn write_lower(text: &[u8], out: &mut Vec<u8>) {
    for chunk in text.utf8_chunks() {
        out.extend(chunk.valid().chars().flat_map(char::to_lowercase).collect::<String>().into_bytes());
        out.extend_from_slice(chunk.invalid());
    }
}

impl Tuple {
    /// Those of a table; none if it lacks a column of them.
    pub(super) fn new(
        set: u32,
        table: &TableFacts,
        names: &[String],
        equality: Equality,
        with_nulls: bool,
    ) -> Option<Self> {
        let column = |name: &String| {
            let place = table.columns.iter().position(|column| column.name == *name)?;
            let codec = Codec::of(&table.columns[place], table.form);
            let form = match codec.kind() {
                Kind::Text if codec.is_whole() && equality == Equality::Folded => Form::Folded(codec),
                Kind::Text if codec.is_whole() => Form::Text {
                    codec,
                    is_padded: table.columns[place].is_padded(),
                    folds_case: equality == Equality::LowerCase,
                },
                Kind::Integer | Kind::Decimal if codec.is_whole() => Form::Number(codec),
                _ => Form::Bytes,
            };
            Some((place, form))
        };
        let columns = names.iter().map(column).collect::<Option<_>>()?;
        Some(Self { set, columns, with_nulls })
    }

    /// Writes the tuple of a row; false if it is under no constraint, for a NULL in it.
    pub(super) fn write(&self, columns: &[Column], row: usize, out: &mut Vec<u8>) -> bool {
        out.clear();
        for (place, form) in &self.columns {
            match columns.get(*place).map(|column| column.cell(row)) {
                Some(Cell::Bytes(bytes)) => {
                    let start = out.len();
                    out.extend_from_slice(&[1, 0, 0, 0, 0]);
                    form.write(bytes, out);
                    let length = (out.len() - start - 5) as u32;
                    out[start + 1..start + 5].copy_from_slice(&length.to_le_bytes());
                }
                Some(Cell::Null) if self.with_nulls => out.push(0),
                // No index takes a value that is too large for a batch.
                _ => return false,
            }
        }
        true
    }
}
