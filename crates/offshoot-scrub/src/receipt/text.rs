//! The receipt for a terminal.

use std::fmt::Write as _;

use super::html::{REACHABLE, how};
use super::{Receipt, SMALL_CLASS};

/// The text of a receipt, in lines. Control characters in names are replaced, so that no name can steer the terminal.
#[must_use]
pub fn text(receipt: &Receipt) -> String {
    let mut out = String::new();
    let survivors = &receipt.survivors;
    for (name, value) in [
        ("content root", &receipt.content_root),
        ("policy", &receipt.policy_digest),
        ("key", &receipt.key_fingerprint),
        ("made by", &receipt.program),
    ] {
        let _ = writeln!(out, "{name:<14}{}", plain(value));
    }
    for table in &receipt.tables {
        let _ = writeln!(out, "\n{}.{}: {} rows", plain(&table.schema), plain(&table.name), table.rows);
        let rows: Vec<[String; 6]> = table
            .columns
            .iter()
            .map(|column| {
                let small = column.before.as_ref().map_or(0, |before| before.only_ones + before.small_class);
                [
                    plain(&column.name),
                    plain(&column.rule),
                    column.values.to_string(),
                    column.changed.to_string(),
                    column.nulls.to_string(),
                    small.to_string(),
                ]
            })
            .collect();
        columns(["column", "rule", "values", "changed", "NULL", "small class"].map(str::to_owned), &rows, &mut out);
        for column in table.columns.iter().filter(|column| column.is_reachable) {
            let _ = writeln!(out, "  reachable {}: {REACHABLE}", plain(&column.name));
        }
        for (name, all) in [("unique", &table.unique), ("foreign key", &table.joins)] {
            for one in all {
                let _ = writeln!(out, "  {name} {}: {}", plain(&one.what), how(one));
            }
        }
    }
    let _ = writeln!(
        out,
        "\nsearched {} cells of {} columns and {} texts of the schema for {} values ({:.1} bytes each)\n\
         small class: values of which fewer than {SMALL_CLASS} have the shape",
        survivors.cells,
        survivors.columns,
        survivors.objects,
        survivors.needles,
        survivors.bytes_a_needle()
    );
    for hits in &survivors.exempt {
        let rule = hits.rule.as_deref().unwrap_or_default();
        let _ = writeln!(out, "exempt: {} ({}), {} cells", plain(&hits.place.to_string()), plain(rule), hits.cells);
    }
    for hits in &survivors.chance {
        let _ = writeln!(
            out,
            "chance: {}, {} values, {:.1} expected",
            plain(&hits.place.to_string()),
            hits.values,
            hits.expected
        );
    }
    for finding in &survivors.findings {
        let _ = writeln!(out, "survivors: {}", plain(&finding.to_string()));
    }
    for column in &survivors.unchanged {
        let _ = writeln!(
            out,
            "unchanged: {} ({}), {} cells",
            plain(&column.place.to_string()),
            plain(&column.rule),
            column.cells
        );
    }
    let _ = writeln!(out, "survivors {}", survivors.findings.len() + survivors.unchanged.len());
    out
}

/// Columns as wide as their widest cell; names to the left, numbers to the right.
fn columns<const N: usize>(head: [String; N], rows: &[[String; N]], out: &mut String) {
    let width = |at: usize| rows.iter().chain([&head]).map(|row| row[at].chars().count()).max().unwrap_or(0);
    let widths: [usize; N] = std::array::from_fn(width);
    for row in [&head].into_iter().chain(rows) {
        let mut line = String::from(" ");
        for (at, (cell, width)) in row.iter().zip(widths).enumerate() {
            let _ = if at < 2 { write!(line, " {cell:<width$} ") } else { write!(line, " {cell:>width$} ") };
        }
        let _ = writeln!(out, "{}", line.trim_end());
    }
}

fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}
