//! From the key columns of a row to bytes that memcmp puts in order.
//!
//! The encoding is injective and needs no decoding: keys decide where rows go and where leaves end, the values
//! themselves are in the columns.

use crate::column::{Batch, Cell};
use crate::table::{Key, KeyOrder, Layout, TableSpec};

const NULL: u8 = 0;
const VALUE: u8 = 1;
const BLOB: u8 = 2;

/// Encodes the keys of one table.
#[derive(Debug, Clone)]
pub struct KeyEncoder {
    parts: Vec<Part>,
    counted: bool,
}

#[derive(Debug, Clone, Copy)]
struct Part {
    column: usize,
    layout: Layout,
    signed: bool,
    marked: bool,
}

impl KeyEncoder {
    /// The encoder of a table's key.
    #[must_use]
    pub fn new(table: &TableSpec) -> Self {
        let parts = table.key_columns().into_iter().filter_map(|column| {
            let spec = table.columns.get(column)?;
            Some(Part {
                column,
                layout: spec.layout,
                signed: spec.order == KeyOrder::Signed,
                marked: spec.nullable || spec.layout == Layout::Var,
            })
        });
        Self { parts: parts.collect(), counted: table.key == Key::WholeRow }
    }

    /// Whether equal keys are possible and told apart by their count.
    #[must_use]
    pub fn counted(&self) -> bool {
        self.counted
    }

    /// Bytes of a key, if all keys of the table have as many.
    #[must_use]
    pub fn fixed_bytes(&self) -> Option<usize> {
        self.parts
            .iter()
            .map(|part| match part.layout {
                Layout::Fixed(width) if !part.marked => Some(usize::from(width)),
                _ => None,
            })
            .sum()
    }

    /// Appends the key of a row.
    ///
    /// A column that may be NULL, or has values of their own lengths, starts with a mark (0 NULL, 1 value, 2 blob).
    /// A signed integer has its sign bit flipped; bytes of their own length have 00 written as 00 FF and end in 00 00.
    pub fn encode(&self, batch: &Batch, row: usize, out: &mut Vec<u8>) {
        for part in &self.parts {
            match batch.columns[part.column].cell(row) {
                Cell::Null => out.push(NULL),
                Cell::Blob(blob) => {
                    out.push(BLOB);
                    out.extend_from_slice(&blob.encode());
                }
                Cell::Bytes(bytes) => {
                    if part.marked {
                        out.push(VALUE);
                    }
                    match part.layout {
                        Layout::Var => escape(bytes, out),
                        Layout::Fixed(_) => {
                            let start = out.len();
                            out.extend_from_slice(bytes);
                            if part.signed {
                                out[start] ^= 0x80;
                            }
                        }
                    }
                }
            }
        }
    }
}

fn escape(bytes: &[u8], out: &mut Vec<u8>) {
    out.reserve(bytes.len() + 2);
    let mut parts = bytes.split(|&byte| byte == 0);
    out.extend_from_slice(parts.next().unwrap_or_default());
    for part in parts {
        out.extend_from_slice(&[0, 0xff]);
        out.extend_from_slice(part);
    }
    out.extend_from_slice(&[0, 0]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{ColumnSpec, RowForm};
    use proptest::prelude::*;

    fn encoder(columns: &[(Layout, KeyOrder)], nullable: bool) -> (KeyEncoder, TableSpec) {
        let columns = columns.iter().enumerate().map(|(i, &(layout, order))| ColumnSpec {
            name: i.to_string(),
            type_name: String::new(),
            layout,
            order,
            nullable,
        });
        let columns: Vec<_> = columns.collect();
        let key = Key::Unique((0..columns.len() as u32).collect());
        let table = TableSpec { schema: String::new(), name: "t".into(), columns, key, form: RowForm::Binary };
        (KeyEncoder::new(&table), table)
    }

    proptest! {
        #[test]
        fn order_is_kept(rows in proptest::collection::vec((any::<i32>(), proptest::option::of(proptest::collection::vec(0..3u8, 0..4))), 2..20)) {
            let (encoder, table) = encoder(&[(Layout::Fixed(4), KeyOrder::Signed), (Layout::Var, KeyOrder::Bytes)], true);
            let mut batch = Batch::new(&table.columns);
            for (int, bytes) in &rows {
                batch.columns[0].push(&int.to_be_bytes()).unwrap();
                match bytes {
                    Some(bytes) => batch.columns[1].push(bytes).unwrap(),
                    None => batch.columns[1].push_null(),
                }
                batch.rows += 1;
            }
            let keys: Vec<Vec<u8>> = (0..rows.len()).map(|row| {
                let mut key = Vec::new();
                encoder.encode(&batch, row, &mut key);
                key
            }).collect();
            for a in 0..rows.len() {
                for b in 0..rows.len() {
                    prop_assert_eq!(rows[a].cmp(&rows[b]), keys[a].cmp(&keys[b]));
                }
            }
        }
    }

    #[test]
    fn integers_have_fixed_keys() {
        assert_eq!(encoder(&[(Layout::Fixed(4), KeyOrder::Signed); 2], false).0.fixed_bytes(), Some(8));
        assert_eq!(encoder(&[(Layout::Fixed(4), KeyOrder::Signed)], true).0.fixed_bytes(), None);
    }
}
