//! Rows on their way into the server: from columns to the file of a `LOAD DATA LOCAL` or to `INSERT` statements.
//!
//! Encoding is pure and runs on the decoders' threads; a leaf becomes pieces of about 1 MiB. Values that are stored apart
//! are not part of it: they are streamed while sending, so that memory does not grow with the size of a value. Values are
//! bytes all the way: no character set is converted, by nobody. It does not talk to a server.

mod fields;
mod form;
mod insert;
#[cfg(test)]
mod tests;

use super::quote::{ident, ident_list};
use offshoot_format::column::Batch;

pub use fields::{FieldEncoder, Fields, Frame, escape_field_into};
pub use form::Form;
pub(crate) use insert::APART_BYTES_MIN;
pub use insert::{InsertEncoder, Inserts, Statement, escape_literal_into};

/// Bytes after which a piece ends.
pub const PIECE_BYTES: usize = 1 << 20;

/// A column of the target that gets values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadColumn {
    /// Its name.
    pub name: String,
    /// How its values are written.
    pub form: Form,
    /// Whether the server numbers rows by it where they bring no number.
    pub is_auto_increment: bool,
}

/// The statement that loads a file as [`FieldEncoder`] writes it. The file's name means nothing.
#[must_use]
pub fn load_statement(table: &str, columns: &[LoadColumn]) -> String {
    let mut set = Vec::new();
    let has_set = columns.iter().any(|column| column.form.load_expression("").is_some());
    let mut targets = Vec::with_capacity(columns.len());
    for (index, column) in columns.iter().enumerate() {
        let variable = format!("@offshoot_{index}");
        // MariaDB takes the zero of a numbered column for no number once anything is SET, unless it is SET itself.
        let numbered = (has_set && column.is_auto_increment).then(|| variable.clone());
        match column.form.load_expression(&variable).or(numbered) {
            Some(expression) => {
                set.push(format!("{} = {expression}", ident(&column.name)));
                targets.push(variable);
            }
            None => targets.push(ident(&column.name)),
        }
    }
    let set = if set.is_empty() { String::new() } else { format!(" SET {}", set.join(", ")) };
    format!(
        "LOAD DATA LOCAL INFILE 'offshoot' INTO TABLE {} CHARACTER SET binary \
         FIELDS TERMINATED BY '\\t' ESCAPED BY '\\\\' LINES TERMINATED BY '\\n' ({}){set}",
        ident(table),
        targets.join(", "),
    )
}

/// The beginning of a statement that inserts rows.
#[must_use]
pub fn insert_statement(table: &str, columns: &[LoadColumn]) -> String {
    let names = ident_list(columns.iter().map(|column| column.name.as_str()));
    format!("INSERT INTO {} ({names}) VALUES ", ident(table))
}

/// One row of a batch as a batch of its own.
fn single_row(batch: &Batch, row: usize) -> offshoot_core::Result<Batch> {
    let columns = batch.columns.iter().map(|column| offshoot_format::column::Column::new(column.layout())).collect();
    let mut single = Batch { columns, rows: 0 };
    single.extend_from(batch, row..row + 1)?;
    Ok(single)
}
