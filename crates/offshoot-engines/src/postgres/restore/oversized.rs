//! Rows that COPY does not take, because the server would have to build them whole in memory and stops at 1 GiB.
//!
//! Each large value is copied into a table of its own beside the mark, all small ones into another; then one INSERT brings
//! them together. What it moves are references to values, so that the row is never whole anywhere.

use super::{MARK_SCHEMA, PostgresSession};
use crate::postgres::copy_in::RowEncoder;
use crate::postgres::quote::{ident, ident_list, qualified, shown};
use offshoot_core::Result;
use offshoot_core::target::LoadContext;
use offshoot_format::column::{Batch, Cell};
use offshoot_format::manifest::TableEntry;
use offshoot_format::table::RowForm;

impl PostgresSession<'_> {
    /// Inserts the one row of a batch, in the transaction that is open.
    pub(super) fn insert_oversized(
        &self,
        table: &TableEntry,
        encoder: &RowEncoder,
        row: &Batch,
        context: &LoadContext<'_>,
    ) -> Result<()> {
        let (schema, name) = (&table.spec.schema, &table.spec.name);
        let (into, doing) = (qualified(schema, name), format!("load a large row of {}", shown(schema, name)));
        let (large, small): (Vec<usize>, Vec<usize>) =
            (0..row.columns.len()).partition(|&column| matches!(row.columns[column].cell(0), Cell::Blob(_)));
        let parts: Vec<Vec<usize>> = large.into_iter().map(|column| vec![column]).chain([small]).collect();
        let mut from = Vec::new();
        let names =
            |columns: &[usize]| ident_list(columns.iter().map(|&column| table.spec.columns[column].name.as_str()));
        for (number, columns) in parts.iter().enumerate().filter(|(_, columns)| !columns.is_empty()) {
            let beside = format!("{}.{}", ident(MARK_SCHEMA), ident(&format!("part_{number}")));
            self.run(&doing, &format!("CREATE TABLE {beside} AS SELECT {} FROM {into} WITH NO DATA", names(columns)))?;
            self.copy_part(&beside, columns, encoder, row, context, &doing)?;
            from.push(beside);
        }
        let order: Vec<usize> = parts.concat();
        let sql = format!(
            "INSERT INTO {into} ({columns}) OVERRIDING SYSTEM VALUE SELECT {columns} FROM {}; DROP TABLE {}",
            from.join(" CROSS JOIN "),
            from.join(", "),
            columns = names(&order),
        );
        Ok(self.run_on_rows(&doing, &sql)?)
    }

    fn copy_part(
        &self,
        beside: &str,
        columns: &[usize],
        encoder: &RowEncoder,
        row: &Batch,
        context: &LoadContext<'_>,
        doing: &str,
    ) -> Result<()> {
        let encoder = encoder.of_columns(columns);
        let part = Batch { columns: columns.iter().map(|&column| row.columns[column].clone()).collect(), rows: 1 };
        let form = if encoder.form() == RowForm::Binary { "binary" } else { "text" };
        let mut stream =
            self.begin_copy(&format!("COPY {beside} FROM STDIN (FORMAT {form})"), encoder.form(), context, doing)?;
        stream.send(&encoder, context.rows, encoder.encode(&part)?)?;
        stream.finish().map(drop)
    }
}
