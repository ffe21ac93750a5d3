//! Addresses that are called, and keys with which they are entered, wherever a table has them.
//!
//! A column is known by its name. Its values become NULL; where that is not allowed, an address becomes one that no name
//! service knows, and a key one of the same length that opens nothing. A change of a row evaluates the table's checks,
//! generated columns and index expressions, as loading it did; these are the only functions of a user that are called.

use super::quiet::{restore, silence};
use super::tables::{Column, Kind, Table, Tables};
use super::work::Work;
use crate::error::Result;
use crate::neutralize::items::{TOKENS, WEBHOOKS};
use crate::neutralize::names::{is_token, is_webhook};
use crate::postgres::quote::{ident, shown};
use std::collections::BTreeMap;

/// Addresses of a domain that no name service knows (RFC 6761).
const DEAD: [&str; 3] = ["https://webhook.invalid/", "https://x.invalid/", "http://x.invalid/"];

/// What a value becomes, in the order of trying: the expression, and what the report calls it.
type Attempt = (String, &'static str);

/// A key of the report: item, column, what became of it.
type Said = (&'static str, String, String);

/// Nulls them.
pub async fn blank(work: &mut Work<'_>, tables: &Tables) -> Result<()> {
    let (mut done, mut kept): (BTreeMap<Said, u64>, BTreeMap<Said, u64>) = Default::default();
    let mut refused: BTreeMap<Said, u64> = BTreeMap::new();
    for table in tables.iter() {
        let root = tables.root(table);
        for column in &table.columns {
            let Some(item) = item(&root.name, column) else { continue };
            let object = format!("column {}.{}", root.shown(), shown("", &column.name));
            if !table.has_rows {
                continue;
            }
            if !work.choices.is_on(item) || tables.is_kept(table, work.choices) {
                kept.insert((item, object, "as you chose".to_owned()), 0);
                continue;
            }
            match blank_column(work, tables, table, column, item).await? {
                Ok((_, 0)) => {}
                Ok((what, count)) => *done.entry((item, object, what.to_owned())).or_default() += count,
                Err((why, count)) => {
                    *refused.entry((item, object, format!("stays as it is: {why}"))).or_default() += count
                }
            }
        }
    }
    done.into_iter().for_each(|((item, object, what), count)| work.done(item, object, what, Some(count)));
    kept.into_keys().for_each(|(item, object, what)| work.kept(item, object, what));
    refused.into_iter().for_each(|((item, object, what), count)| work.warn(item, object, what, Some(count)));
    Ok(())
}

fn item(table: &str, column: &Column) -> Option<&'static str> {
    let holds_text = column.kind != Kind::Other && !column.is_generated;
    let is_address = is_webhook(table, &column.name) && column.kind != Kind::Uuid;
    match holds_text {
        true if is_address => Some(WEBHOOKS),
        true if is_token(table, &column.name) => Some(TOKENS),
        _ => None,
    }
}

/// What became of a column's values and how many they were; or why they are still there.
async fn blank_column(
    work: &Work<'_>,
    tables: &Tables,
    table: &Table,
    column: &Column,
    item: &'static str,
) -> Result<std::result::Result<(&'static str, u64), (String, u64)>> {
    let condition = condition(column, item);
    let sql = format!("SELECT pg_catalog.count(*) FROM ONLY {} WHERE {condition}", table.quoted());
    let rows = work.query("count the rows of a column", &sql, &[]).await?;
    let count = rows.first().map_or(0, |row| u64::try_from(row.get::<_, i64>(0)).unwrap_or(0));
    if count == 0 {
        return Ok(Ok(("", 0)));
    }
    let is_among = |columns: &[String]| columns.contains(&column.name);
    let mut keys = tables.foreign_keys.iter();
    if keys.clone().any(|key| key.to == table.oid && is_among(&key.to_columns)) {
        return Ok(Err(("other tables refer to it".to_owned(), count)));
    }
    let mut links = keys.by_ref().filter(|key| key.from == table.oid && is_among(&key.from_columns)).peekable();
    let is_link = links.peek().is_some();
    if links.any(|key| key.is_full && key.from_columns.len() > 1) {
        return Ok(Err(("it refers to another table together with other columns".to_owned(), count)));
    }
    let back = silence(work, table).await?;
    let mut why = match column.kind {
        Kind::Opaque => "it may not be NULL, and no other value of its type is known".to_owned(),
        _ => "it refers to another table and may not be NULL".to_owned(),
    };
    let mut changed = None;
    for (value, what) in attempts(column, item, is_link) {
        let sql = format!("UPDATE ONLY {} SET {} = {value} WHERE {condition}", table.quoted(), ident(&column.name));
        match work.attempt("blank a column", &sql).await? {
            Ok(count) => {
                changed = Some((what, count));
                break;
            }
            Err(refusal) => why = refusal.to_string(),
        }
    }
    restore(work, back).await?;
    Ok(changed.ok_or((why, count)))
}

/// A value as text by its type's own output function: a cast could be a function of the user's.
fn text(value: &str) -> String {
    format!("pg_catalog.format('%s', {value})")
}

/// The rows whose value is one.
fn condition(column: &Column, item: &str) -> String {
    let name = ident(&column.name);
    if column.kind == Kind::Opaque {
        // A composite whose fields are all NULL, and one of which one is, are values.
        return format!("{name} IS DISTINCT FROM NULL");
    }
    let is_something = match column.kind {
        Kind::Text if item == WEBHOOKS => {
            let dead = DEAD.map(|address| format!("{} NOT LIKE '{address}%'", text(&name)));
            format!("{} <> '' AND {}", text(&name), dead.join(" AND "))
        }
        Kind::Text => format!("{} <> ''", text(&name)),
        Kind::Json => format!("{} NOT IN ('{{}}', '[]', 'null')", text(&name)),
        Kind::Array => format!("pg_catalog.cardinality({name}) > 0"),
        Kind::Bytes => format!("pg_catalog.octet_length({name}) > 0"),
        Kind::Uuid | Kind::Opaque | Kind::Other => "true".to_owned(),
    };
    format!("{name} IS NOT NULL AND {is_something}")
}

fn attempts(column: &Column, item: &str, is_link: bool) -> Vec<Attempt> {
    let mut attempts: Vec<Attempt> = Vec::new();
    if !column.is_required {
        attempts.push(("NULL".to_owned(), "set to NULL"));
    }
    if is_link {
        return attempts;
    }
    // A text of its own for each row, of which nothing can be told about the value: a digest of where the row was.
    let place = format!("pg_catalog.convert_to({}, 'UTF8')", text("ctid"));
    let digits = format!("pg_catalog.encode(pg_catalog.sha256({place}), 'hex')");
    let length = format!("pg_catalog.length({})", text(&ident(&column.name)));
    match (column.kind, item) {
        (Kind::Text, WEBHOOKS) => {
            let [usual, short, shortest] = DEAD;
            // Where it must be unique, or short.
            let values =
                [format!("'{usual}'"), format!("'{short}' || pg_catalog.left({digits}, 12)"), format!("'{shortest}'")];
            attempts.extend(values.map(|value| (value, "points to nowhere")));
        }
        (Kind::Text, _) => {
            let value = format!("pg_catalog.left(pg_catalog.repeat({digits}, 1 + {length} / 64), {length})");
            attempts.push((value, "replaced by what opens nothing"));
        }
        (Kind::Json, _) => attempts.extend([("'{}'".to_owned(), "emptied"), ("'[]'".to_owned(), "emptied")]),
        (Kind::Array, _) => attempts.push(("'{}'".to_owned(), "emptied")),
        (Kind::Bytes, _) => attempts.push(("''".to_owned(), "emptied")),
        (Kind::Uuid, _) => {
            let value = format!("pg_catalog.uuid_in(pg_catalog.textout(pg_catalog.left({digits}, 32)))");
            attempts.push((value, "replaced by what opens nothing"));
        }
        (Kind::Opaque | Kind::Other, _) => {}
    }
    attempts
}
