//! SHOW CREATE of every object of a database, so that two databases compare as two texts.
//!
//! One line an object, in byte order of kind and name. The moment at which a trigger was made is left out; everything else
//! that the server says of an object is there: its sql_mode, character sets and definer too; but for the character set of a
//! column that its collation implies.

use super::client::{literal, quoted};
use super::{MysqlError, Server};

/// What there is of a kind: the kind's word in SHOW CREATE, and a query of names. `?` stands for the database.
const KINDS: [(&str, &str); 6] = [
    (
        "TABLE",
        "SELECT hex(convert(table_name USING utf8mb4)) FROM information_schema.tables WHERE table_schema = ? AND table_type NOT IN ('VIEW', 'SEQUENCE')",
    ),
    (
        "VIEW",
        "SELECT hex(convert(table_name USING utf8mb4)) FROM information_schema.tables WHERE table_schema = ? AND table_type = 'VIEW'",
    ),
    (
        "SEQUENCE",
        "SELECT hex(convert(table_name USING utf8mb4)) FROM information_schema.tables WHERE table_schema = ? AND table_type = 'SEQUENCE'",
    ),
    (
        "TRIGGER",
        "SELECT hex(convert(trigger_name USING utf8mb4)) FROM information_schema.triggers WHERE trigger_schema = ?",
    ),
    ("EVENT", "SELECT hex(convert(event_name USING utf8mb4)) FROM information_schema.events WHERE event_schema = ?"),
    // PROCEDURE, FUNCTION, and MariaDB's PACKAGE and PACKAGE BODY; those in a package have no definition of their own.
    (
        "",
        "SELECT hex(convert(concat(routine_type, ' ', routine_name) USING utf8mb4)) FROM information_schema.routines WHERE routine_schema = ?",
    ),
];

/// The definitions of all objects of a database.
#[must_use]
#[track_caller]
pub fn definitions(server: &Server, db: &str) -> String {
    match try_definitions(server, db) {
        Ok(text) => text,
        Err(error) => panic!("{error}"),
    }
}

fn try_definitions(server: &Server, db: &str) -> Result<String, MysqlError> {
    let mut lines = Vec::new();
    for (kind, query) in KINDS {
        // Names are asked for as digits: they can hold anything.
        let names = server.try_sql(db, &query.replace('?', &literal(db)))?;
        for name in names.lines().map(from_hex) {
            let (kind, name) = if kind.is_empty() { split_routine(&name) } else { (kind, name.as_str()) };
            let shown = server.try_sql_with_names(db, &format!("SHOW CREATE {kind} {}", quoted(name)))?;
            let shown = without_moment(&shown);
            lines.push(format!("{kind} {}", if kind == "TABLE" { without_implied_charsets(&shown) } else { shown }));
        }
    }
    lines.sort();
    Ok(lines.join("\n"))
}

fn split_routine(text: &str) -> (&str, &str) {
    let kinds = ["PACKAGE BODY", "PACKAGE", "PROCEDURE", "FUNCTION"];
    let found = kinds.iter().find_map(|kind| Some((*kind, text.strip_prefix(kind)?.strip_prefix(' ')?)));
    found.unwrap_or(("FUNCTION", text))
}

/// The values of the one row, but for that of the column `Created`.
fn without_moment(shown: &str) -> String {
    let (names, values) = shown.split_once('\n').unwrap_or((shown, ""));
    let kept = names.split('\t').zip(values.split('\t')).filter(|(name, _)| *name != "Created");
    kept.map(|(_, value)| value).collect::<Vec<_>>().join("\t")
}

/// Whether MySQL prints the character set that a column's collation implies depends on how the table was once made.
fn without_implied_charsets(shown: &str) -> String {
    let mut parts = shown.split(" CHARACTER SET ");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let is_implied = part.split_once(' ').is_some_and(|(_, rest)| rest.starts_with("COLLATE "));
        out.push_str(if is_implied { "" } else { " CHARACTER SET " });
        out.push_str(if is_implied { part.find(' ').map_or(part, |at| &part[at..]) } else { part });
    }
    out
}

fn from_hex(digits: &str) -> String {
    let bytes: Vec<u8> = digits
        .as_bytes()
        .chunks(2)
        .filter_map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect();
    String::from_utf8_lossy(&bytes).into_owned()
}
