//! Columns whose texts are in another encoding than UTF-8: rows come as the server has them, and rules read and write UTF-8.
//!
//! Bytes of SQL_ASCII are in no known encoding and may be any, so they are taken for UTF-8, and what rules make of them can be
//! stored. Texts in LATIN1 are known to be that, and rules read them so. In every other encoding some bytes are no text:
//! no rule can read those.

use crate::error::{Result, refused};
use offshoot_format::facts::{ColumnFacts, TableFacts};
use tokio_postgres::Client;

/// Encodings whose texts are taken for UTF-8.
const AS_UTF8: [&str; 2] = ["UTF8", "SQL_ASCII"];
/// The encoding in which each byte is the character of its number.
const LATIN1: &str = "LATIN1";

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

/// Says of columns with text what encoding they are in, if it is none that is taken for UTF-8.
///
/// # Errors
/// If the server refuses.
pub(super) async fn add(client: &Client, facts: &mut [TableFacts]) -> Result<()> {
    let row = client.query_one("SELECT pg_catalog.current_setting('server_encoding')", &[]).await;
    let encoding: String = row.map_err(refused("ask for the database's encoding"))?.get(0);
    if !AS_UTF8.contains(&encoding.as_str()) {
        facts.iter_mut().flat_map(|table| &mut table.columns).for_each(|column| set(column, &encoding));
    }
    Ok(())
}

/// Sets the encoding of a column with text and of its fields. Its default, which the catalog gave in UTF-8, is put in the form of
/// the rows.
fn set(column: &mut ColumnFacts, encoding: &str) {
    if !has_text(column) {
        return;
    }
    column.encoding = Some(encoding.to_owned());
    let default = column.default.take().filter(|_| encoding == LATIN1);
    column.default = default.and_then(|default| {
        let text = String::from_utf8(default).ok()?;
        text.chars().map(|c| u8::try_from(c).ok()).collect()
    });
    column.fields.iter_mut().for_each(|field| set(field, encoding));
}

/// The facts of rows that the server gives in UTF-8, whatever the database is in.
pub(in crate::postgres) fn in_utf8(facts: &mut [TableFacts]) {
    facts.iter_mut().flat_map(|table| &mut table.columns).for_each(clear);
}

fn clear(column: &mut ColumnFacts) {
    if column.encoding.as_deref() == Some(LATIN1) {
        column.encoding = None;
        column.default =
            column.default.take().map(|bytes| bytes.into_iter().map(char::from).collect::<String>().into());
    }
    column.fields.iter_mut().for_each(clear);
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
    use super::{clear, has_text, set};
    use offshoot_format::facts::ColumnFacts;

    #[test]
    fn defaults_are_in_the_form_of_the_rows() {
        let mut column = ColumnFacts::new("c", "text");
        column.default = Some("größe".as_bytes().to_vec());
        set(&mut column, "LATIN1");
        assert_eq!(
            (column.default.as_deref(), column.encoding.as_deref()),
            (Some(&b"gr\xf6\xdfe"[..]), Some("LATIN1"))
        );
        clear(&mut column);
        assert_eq!((column.default.as_deref(), column.encoding.as_deref()), (Some("größe".as_bytes()), None));
        set(&mut column, "EUC_JP");
        assert_eq!(column.default, None);
        let mut number = ColumnFacts::new("n", "int4");
        number.default = Some(vec![0, 0, 1, 0xff]);
        set(&mut number, "LATIN1");
        assert_eq!((number.default.as_deref(), number.encoding), (Some(&[0, 0, 1, 0xff][..]), None));
    }

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
        assert!(has_text(&mood));
    }
}
