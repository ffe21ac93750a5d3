//! The canonical bytes that a content root is computed over: schema, rows, sequences and large objects, nothing else.
//!
//! When, where and how a snapshot was taken, what was left out and how tables are loaded back are not part of it, so
//! equal data in one store has an equal content root.

use crate::manifest::{Content, TableEntry};
use crate::table::{Key, KeyOrder, Layout, RowForm};
use crate::wire::{put_bytes, put_varint};

/// Version of the encoding; part of what is hashed.
const VERSION: u8 = 1;

/// The canonical bytes of a content.
#[must_use]
pub fn canonical(content: &Content) -> Vec<u8> {
    let mut out = vec![VERSION];
    put_varint(&mut out, content.schema.len() as u64);
    for item in &content.schema {
        put_bytes(&mut out, item.sql.as_bytes());
    }
    put_varint(&mut out, content.tables.len() as u64);
    for table in content.tables.iter().chain(&content.large_objects) {
        put_table(&mut out, table);
    }
    put_varint(&mut out, content.sequences.len() as u64);
    for sequence in &content.sequences {
        put_bytes(&mut out, sequence.schema.as_bytes());
        put_bytes(&mut out, sequence.name.as_bytes());
        out.extend_from_slice(&sequence.last_value.to_le_bytes());
        out.push(u8::from(sequence.is_called));
    }
    out
}

fn put_table(out: &mut Vec<u8>, table: &TableEntry) {
    let spec = &table.spec;
    put_bytes(out, spec.schema.as_bytes());
    put_bytes(out, spec.name.as_bytes());
    out.push(match spec.form {
        RowForm::Binary => 0,
        RowForm::Text => 1,
    });
    put_varint(out, spec.columns.len() as u64);
    for column in &spec.columns {
        put_bytes(out, column.name.as_bytes());
        put_bytes(out, column.type_name.as_bytes());
        out.push(match column.layout {
            Layout::Fixed(width) => width,
            Layout::Var => 0,
        });
        out.push(match column.order {
            KeyOrder::Signed => 0,
            KeyOrder::Bytes => 1,
        });
        out.push(u8::from(column.nullable));
    }
    match &spec.key {
        Key::WholeRow => out.push(0),
        Key::Unique(columns) => {
            out.push(1);
            put_varint(out, columns.len() as u64);
            columns.iter().for_each(|&column| put_varint(out, u64::from(column)));
        }
    }
    put_varint(out, table.root.rows);
    if let Some(id) = &table.root.id {
        out.extend_from_slice(id.as_bytes());
        out.push(table.root.height);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::ChunkId;
    use crate::manifest::{Load, Phase, SchemaItem, Sequence};
    use crate::table::{ColumnSpec, TableSpec};
    use crate::tree::TreeRoot;

    fn content() -> Content {
        let column = ColumnSpec {
            name: "id".into(),
            type_name: "pg_catalog.int4".into(),
            layout: Layout::Fixed(4),
            order: KeyOrder::Signed,
            nullable: false,
        };
        let spec = TableSpec {
            schema: "public".into(),
            name: "t".into(),
            columns: vec![column],
            key: Key::Unique(vec![0]),
            form: RowForm::Binary,
        };
        let root =
            TreeRoot { id: Some(ChunkId::from_bytes([1; 32])), height: 0, rows: 3, logical_bytes: 12, leaf: None };
        let sql = "CREATE TABLE t (id integer)".into();
        Content {
            schema: vec![SchemaItem { phase: Phase::PreData, label: "TABLE t".into(), table: None, sql }],
            tables: vec![TableEntry { spec, root, load: Load::default() }],
            sequences: vec![Sequence { schema: "public".into(), name: "s".into(), last_value: 4, is_called: true }],
            large_objects: None,
        }
    }

    #[test]
    fn what_counts_and_what_does_not() {
        let before = canonical(&content());
        let mut other = content();
        other.tables[0].load.append = true;
        other.schema[0].label = "table t".into();
        assert_eq!(canonical(&other), before);
        for change in [
            |content: &mut Content| content.sequences[0].is_called = false,
            |content: &mut Content| content.tables[0].root.rows = 4,
            |content: &mut Content| content.tables[0].spec.name = "u".into(),
            |content: &mut Content| content.schema[0].sql.push(' '),
            |content: &mut Content| content.large_objects = Some(content.tables[0].clone()),
        ] {
            let mut other = content();
            change(&mut other);
            assert_ne!(canonical(&other), before);
        }
    }
}
