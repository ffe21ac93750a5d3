//! Sizes of a snapshot by table and by column.

use super::table::{Align, Table};
use super::text::qualified;
use crate::output::Style;
use offshoot::amounts::{bytes, count, percent};
use offshoot::manifest::{ColumnStats, TableStats};
use offshoot::table::TableSpec;
use offshoot::{Snapshot, reused_share_of};
use serde_json::{Value, json};

/// A line a table.
pub fn tables(snapshot: &Snapshot, style: Style) -> String {
    let mut table = Table::new(&[
        ("TABLE", Align::Left),
        ("ROWS", Align::Right),
        ("LOGICAL", Align::Right),
        ("STORED", Align::Right),
        ("ADDED", Align::Right),
        ("REUSED", Align::Right),
    ]);
    for (spec, stats) in sized(snapshot) {
        let sum = sum(&stats.columns);
        table.push([
            qualified(&spec.schema, &spec.name),
            count(stats.rows),
            bytes(sum.logical_bytes),
            bytes(sum.stored_bytes),
            bytes(sum.added_bytes),
            percent(reused_share_of(&stats.columns)),
        ]);
    }
    table.render(style)
}

/// A line a column.
pub fn columns(snapshot: &Snapshot, style: Style) -> String {
    let mut table = Table::new(&[
        ("TABLE", Align::Left),
        ("COLUMN", Align::Left),
        ("TYPE", Align::Left),
        ("LOGICAL", Align::Right),
        ("STORED", Align::Right),
        ("ADDED", Align::Right),
        ("REUSED", Align::Right),
    ]);
    for (spec, stats) in sized(snapshot) {
        for (column, stats) in spec.columns.iter().zip(&stats.columns) {
            table.push([
                qualified(&spec.schema, &spec.name),
                column.name.clone(),
                column.type_name.strip_prefix("pg_catalog.").unwrap_or(&column.type_name).to_owned(),
                bytes(stats.logical_bytes),
                bytes(stats.stored_bytes),
                bytes(stats.added_bytes),
                percent(reused_share_of([stats])),
            ]);
        }
    }
    table.render(style)
}

/// The same for programs.
pub fn in_json(snapshot: &Snapshot, with_columns: bool) -> Value {
    let tables = sized(snapshot).map(|(spec, stats)| {
        let mut json = amounts(&sum(&stats.columns));
        json["schema"] = json!(spec.schema);
        json["table"] = json!(spec.name);
        json["rows"] = json!(stats.rows);
        if with_columns {
            let column = |(column, stats): (&offshoot::table::ColumnSpec, &ColumnStats)| {
                let mut json = amounts(stats);
                json["column"] = json!(column.name);
                json["type"] = json!(column.type_name);
                json
            };
            json["columns"] = spec.columns.iter().zip(&stats.columns).map(column).collect();
        }
        json
    });
    tables.collect()
}

fn amounts(stats: &ColumnStats) -> Value {
    json!({
        "logical_bytes": stats.logical_bytes,
        "stored_bytes": stats.stored_bytes,
        "added_bytes": stats.added_bytes,
        "reused_share": reused_share_of([stats]),
    })
}

fn sized(snapshot: &Snapshot) -> impl Iterator<Item = (&TableSpec, &TableStats)> {
    let manifest = &snapshot.manifest;
    manifest.content.tables.iter().map(|entry| &entry.spec).zip(&manifest.stats.tables)
}

fn sum(columns: &[ColumnStats]) -> ColumnStats {
    let mut sum = ColumnStats::default();
    for column in columns {
        sum.logical_bytes += column.logical_bytes;
        sum.stored_bytes += column.stored_bytes;
        sum.added_bytes += column.added_bytes;
        sum.reused_logical_bytes += column.reused_logical_bytes;
    }
    sum
}
