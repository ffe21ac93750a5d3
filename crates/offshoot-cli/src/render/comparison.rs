//! What a comparison of a snapshot with a live database came to.

use super::text::{plain_line, qualified};
use crate::failure::code;
use crate::output::Report;
use offshoot::amounts::{count, counted};
use offshoot::{Comparison, HowDiffers, TableDifference};
use serde_json::{Value, json};

/// The report of a comparison.
pub fn report(comparison: &Comparison) -> Report {
    let mut text = String::new();
    for table in &comparison.tables_differing {
        text.push_str(&format!("{}: {}\n", plain_line(&qualified(&table.schema, &table.name)), how(&table.how)));
    }
    for (schema, name) in &comparison.sequences_differing {
        text.push_str(&format!("sequence {}: it stands elsewhere\n", plain_line(&qualified(schema, name))));
    }
    let (tables, rows) = (counted(comparison.tables as u64, "table"), counted(comparison.rows, "row"));
    let differing = comparison.tables_differing.len() + comparison.sequences_differing.len();
    let verdict = if comparison.is_equal() {
        "equal".to_owned()
    } else {
        format!("{differing} {}", if differing == 1 { "differs" } else { "differ" })
    };
    text.push_str(&format!("compared {tables}, {rows}: {verdict}\n"));
    let exit = if comparison.is_equal() { code::DONE } else { code::FOUND };
    Report::done(text, in_json(comparison)).with_code(exit)
}

fn how(how: &HowDiffers) -> String {
    match how {
        HowDiffers::Missing => "only in the snapshot".to_owned(),
        HowDiffers::Extra => "only in the database".to_owned(),
        HowDiffers::Columns => "other columns".to_owned(),
        HowDiffers::Rows { snapshot, database } => {
            format!("{} rows in the snapshot, {} in the database", count(*snapshot), count(*database))
        }
        _ => "as many rows, but other values".to_owned(),
    }
}

fn in_json(comparison: &Comparison) -> Value {
    let table =
        |table: &TableDifference| json!({ "schema": table.schema, "table": table.name, "how": how(&table.how) });
    let sequence = |(schema, name): &(String, String)| json!({ "schema": schema, "sequence": name });
    json!({
        "snapshot": comparison.snapshot.to_string(),
        "tables": comparison.tables,
        "rows": comparison.rows,
        "equal": comparison.is_equal(),
        "tables_differing": comparison.tables_differing.iter().map(table).collect::<Vec<_>>(),
        "sequences_differing": comparison.sequences_differing.iter().map(sequence).collect::<Vec<_>>(),
    })
}
