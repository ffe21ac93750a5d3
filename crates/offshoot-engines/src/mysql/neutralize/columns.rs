//! Addresses that are called, and keys with which they are entered, wherever a table has them.
//!
//! A column is known by its name. Its values become NULL; where that is not allowed, an address becomes one that no name
//! service knows, and a key one of the same length that opens nothing. A change of a row evaluates the table's checks and
//! generated columns, as loading it did.

use super::tables::{Column, Kind, Table, Tables};
use super::work::Work;
use crate::error::Result;
use crate::mysql::error::Refusal;
use crate::mysql::quote::ident;
use crate::neutralize::items::{TOKENS, WEBHOOKS};
use crate::neutralize::names::{is_token, is_webhook};

/// Addresses of a domain that no name service knows (RFC 6761).
const DEAD: [&str; 3] = ["https://webhook.invalid/", "https://x.invalid/", "http://x.invalid/"];

/// Nulls them.
pub(super) fn blank(work: &mut Work<'_>, tables: &Tables) -> Result<()> {
    for table in tables.tables.values() {
        for column in &table.columns {
            let Some(item) = item(&table.name, column) else { continue };
            let condition = condition(column, item);
            let sql = format!("SELECT count(*) FROM {} WHERE {condition}", table.quoted());
            let count = work.count("count the rows of a column", &sql)?;
            let former = table.former(work, &condition)?;
            if count + former == 0 {
                continue;
            }
            let object = format!("column {}.{}", table.name, column.name);
            if !work.choices.is_on(item) || tables.is_kept(table, work.choices) {
                work.kept(item, object, "as you chose");
                continue;
            }
            let all = table.former(work, "TRUE")?;
            if count == 0 {
                table.forget(work, item, all)?;
                continue;
            }
            match blank_column(work, tables, table, column, item, &condition)? {
                Ok((what, count)) => {
                    work.done(item, object, what, Some(count));
                    table.forget(work, item, all)?;
                }
                Err(why) => work.warn(item, object, format!("stays as it is: {why}"), Some(count)),
            }
        }
    }
    Ok(())
}

fn item(table: &str, column: &Column) -> Option<&'static str> {
    if column.kind == Kind::Other || column.is_generated {
        return None;
    }
    if is_webhook(table, &column.name) {
        return Some(WEBHOOKS);
    }
    is_token(table, &column.name).then_some(TOKENS)
}

/// What became of a column's values and how many they were; or why they are still there.
fn blank_column(
    work: &mut Work<'_>,
    tables: &Tables,
    table: &Table,
    column: &Column,
    item: &'static str,
    condition: &str,
) -> Result<std::result::Result<(&'static str, u64), String>> {
    let mut keys = tables.foreign_keys.iter();
    let refers_to =
        |key: &&super::tables::ForeignKey| key.to == table.name && key.columns.iter().any(|(_, to)| *to == column.name);
    if keys.clone().any(|key| refers_to(&key)) {
        return Ok(Err("other tables refer to it".to_owned()));
    }
    let is_link = keys.any(|key| key.from == table.name && key.columns.iter().any(|(from, _)| *from == column.name));
    let mut why = match column.kind {
        Kind::Opaque => "it may not be NULL, and no other value of its type is known".to_owned(),
        _ => "it refers to another table and may not be NULL".to_owned(),
    };
    for (value, what) in attempts(column, item, is_link) {
        let sql = format!(
            "UPDATE {} SET {} = {value}{} WHERE {condition}",
            table.quoted(),
            ident(&column.name),
            table.untouched(&table.quoted(), &column.name)
        );
        match attempt(work, &sql)? {
            Ok(count) => return Ok(Ok((what, count))),
            Err(refusal) => why = refusal.to_string(),
        }
    }
    Ok(Err(why))
}

/// Strictly, so that what does not fit is refused and not cut; and back to what it was.
fn attempt(work: &mut Work<'_>, sql: &str) -> Result<std::result::Result<u64, Refusal>> {
    work.run("set the session up", "SET SESSION sql_mode = 'STRICT_ALL_TABLES'")?;
    let done = work.attempt("blank a column", sql)?;
    work.run("set the session up", "SET SESSION sql_mode = ''")?;
    Ok(done)
}

/// The rows whose value is one.
fn condition(column: &Column, item: &str) -> String {
    let name = ident(&column.name);
    let is_something = match column.kind {
        Kind::Text if item == WEBHOOKS => {
            let dead = DEAD.map(|address| format!("{name} NOT LIKE '{address}%'"));
            format!("{name} <> '' AND {}", dead.join(" AND "))
        }
        Kind::Text => format!("{name} <> ''"),
        Kind::Json => format!("CAST({name} AS CHAR) NOT IN ('{{}}', '[]', 'null')"),
        Kind::Bytes | Kind::Opaque | Kind::Other => format!("length({name}) > 0"),
    };
    format!("{name} IS NOT NULL AND {is_something}")
}

fn attempts(column: &Column, item: &str, is_link: bool) -> Vec<(String, &'static str)> {
    let mut attempts = Vec::new();
    if !column.is_required {
        attempts.push(("NULL".to_owned(), "set to NULL"));
    }
    if is_link {
        return attempts;
    }
    // A text of its own for each row, of which nothing can be told about the value.
    let digits = "sha2(uuid(), 256)";
    let length = format!("char_length({})", ident(&column.name));
    match (column.kind, item) {
        (Kind::Text, WEBHOOKS) => {
            let [usual, short, shortest] = DEAD;
            // Where it must be unique, or short.
            let values =
                [format!("'{usual}'"), format!("concat('{short}', left({digits}, 12))"), format!("'{shortest}'")];
            attempts.extend(values.map(|value| (value, "points to nowhere")));
        }
        (Kind::Text, _) => {
            let value = format!("left(repeat({digits}, 1 + {length} DIV 64), {length})");
            attempts.push((value, "replaced by what opens nothing"));
        }
        (Kind::Json, _) => attempts.extend([("'{}'".to_owned(), "emptied"), ("'[]'".to_owned(), "emptied")]),
        (Kind::Bytes, _) => attempts.push(("''".to_owned(), "emptied")),
        (Kind::Opaque | Kind::Other, _) => {}
    }
    attempts
}
