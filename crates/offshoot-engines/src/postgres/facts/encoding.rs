//! Columns whose texts are in an encoding that no rule can read: rules read and write UTF-8, and rows come as the server has them.
//!
//! Bytes of SQL_ASCII and LATIN1 may be any, so what rules make of them can be stored, but for labels of enums. In every other
//! encoding some bytes are no text, and a restore would fail, or give other characters than were meant.

use crate::error::{Result, refused};
use offshoot_format::facts::{ColumnFacts, TableFacts};
use tokio_postgres::Client;

/// Encodings whose texts may be rewritten.
const READABLE: [&str; 3] = ["UTF8", "SQL_ASCII", "LATIN1"];

/// Types whose values have no characters beyond ASCII.
const WITHOUT_TEXT: [&str; 24] = [
    "bool",
    "bytea",
    "cidr",
    "date",
    "daterange",
    "float4",
    "float8",
    "inet",
    "int2",
    "int4",
    "int8",
    "interval",
    "macaddr",
    "macaddr8",
    "numeric",
    "oid",
    "point",
    "time",
    "timestamp",
    "timestamptz",
    "timetz",
    "tsrange",
    "tstzrange",
    "uuid",
];

/// Says of columns with text what encoding they are in, if rules cannot read it.
///
/// # Errors
/// If the server refuses.
pub(super) async fn add(client: &Client, facts: &mut [TableFacts]) -> Result<()> {
    let row = client.query_one("SELECT pg_catalog.current_setting('server_encoding')", &[]).await;
    let encoding: String = row.map_err(refused("ask for the database's encoding"))?.get(0);
    let is_unreadable = match encoding.as_str() {
        "LATIN1" => has_wide_label,
        readable if READABLE.contains(&readable) => return Ok(()),
        _ => has_text,
    };
    for column in facts.iter_mut().flat_map(|table| &mut table.columns).filter(|column| is_unreadable(column)) {
        column.encoding = Some(encoding.clone());
    }
    Ok(())
}

/// A label is no text that may be any: rules would write it in UTF-8, and the server has none of that name.
fn has_wide_label(column: &ColumnFacts) -> bool {
    !column.labels.iter().all(|label| label.is_ascii()) || column.fields.iter().any(has_wide_label)
}

/// Also of a type without meaning: it may print text.
fn has_text(column: &ColumnFacts) -> bool {
    if !column.fields.is_empty() {
        return column.fields.iter().any(has_text);
    }
    !column.labels.is_empty() || !WITHOUT_TEXT.contains(&column.type_name.trim_start_matches('_'))
}

#[cfg(test)]
mod tests {
    use super::{has_text, has_wide_label};
    use offshoot_format::facts::ColumnFacts;

    #[test]
    fn what_may_hold_letters_has_text() {
        let column = |type_name: &str| ColumnFacts::new("c", type_name);
        for of in [
            "text", "_text", "varchar", "bpchar", "citext", "json", "jsonb", "xml", "hstore", "tsvector", "name",
            "ltree",
        ] {
            assert!(has_text(&column(of)), "{of}");
        }
        for of in ["int4", "_int8", "timestamptz", "bytea", "uuid"] {
            assert!(!has_text(&column(of)), "{of}");
        }
        let mut pair = column("pair");
        pair.fields = vec![column("int4"), column("date")];
        assert!(!has_text(&pair));
        pair.fields.push(column("text"));
        assert!(has_text(&pair));
        let mut mood = column("int4");
        mood.labels = vec!["x".to_owned()];
        assert!(has_text(&mood) && !has_wide_label(&mood));
        mood.labels.push("größer".to_owned());
        pair.fields.push(mood.clone());
        assert!(has_wide_label(&mood) && has_wide_label(&pair) && !has_wide_label(&column("text")));
    }
}
