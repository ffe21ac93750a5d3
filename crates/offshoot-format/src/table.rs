//! What a table is to the store: its name, its columns, and what puts its rows in order.
//!
//! Nothing engine-specific is interpreted here: a type is a name, a layout and a key order. The engine that
//! captured the table says what the bytes of its values mean.

use serde::{Deserialize, Serialize};

/// How the values of one column lie in memory and in a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layout {
    /// Every value has this many bytes (1 to 255).
    Fixed(u8),
    /// Values have their own lengths.
    Var,
}

/// How the bytes of a key column turn into bytes that memcmp puts in order.
///
/// The order need not be the server's (collations are not followed); it must be total, and equal for equal bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyOrder {
    /// A big-endian two's-complement integer of a fixed layout: the sign bit is flipped.
    Signed,
    /// Bytes as they are.
    Bytes,
}

/// One column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnSpec {
    /// The column's name.
    pub name: String,
    /// The type's name as the engine writes it, qualified and with its modifier: `pg_catalog.varchar(20)`.
    pub type_name: String,
    /// How its values lie.
    pub layout: Layout,
    /// How a key made of it is ordered.
    pub order: KeyOrder,
    /// Whether it may hold NULL.
    pub nullable: bool,
}

/// What puts the rows of a table in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Key {
    /// A primary key, or another unique key without NULL: indexes into the columns, in key order.
    Unique(Vec<u32>),
    /// No such key: the whole row in column order; equal rows are told apart by their count.
    WholeRow,
}

/// The form in which an engine sent the values of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RowForm {
    /// The engine's binary form.
    Binary,
    /// The engine's text form, unescaped.
    Text,
}

/// A table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableSpec {
    /// Schema (Postgres) or database (MySQL); empty for what is not a table of the user, such as large objects.
    pub schema: String,
    /// The table's name.
    pub name: String,
    /// The columns that hold data, in the order of the table.
    pub columns: Vec<ColumnSpec>,
    /// What puts the rows in order.
    pub key: Key,
    /// The form of the values.
    pub form: RowForm,
}

impl TableSpec {
    /// The name for plans and messages: `public.users`, or `users` where a database has no schemas.
    #[must_use]
    pub fn shown_name(&self) -> String {
        if self.schema.is_empty() { self.name.clone() } else { format!("{}.{}", self.schema, self.name) }
    }

    /// Indexes of the columns that make the key, in key order.
    #[must_use]
    pub fn key_columns(&self) -> Vec<usize> {
        match &self.key {
            Key::Unique(columns) => columns.iter().map(|&column| column as usize).collect(),
            Key::WholeRow => (0..self.columns.len()).collect(),
        }
    }
}
