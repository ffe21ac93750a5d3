//! What a capture leaves out on purpose, or cannot carry, named only where there is something of it.

use super::period::FormerRows;
use super::tables::{Table, TableKind, Tables};
use crate::mysql::error::Result;
use crate::mysql::session::Session;
use offshoot_format::manifest::Note;
use std::collections::BTreeMap;

/// What is left out on purpose.
///
/// # Errors
/// If the server refuses.
pub fn omitted(session: &mut Session, tables: &Tables) -> Result<Vec<Note>> {
    let mut notes = Vec::new();
    for table in tables.all.iter().filter(|table| table.kind == TableKind::Base && table.is_elsewhere()) {
        notes.push(Note {
            object: format!("rows of table {}", table.name),
            reason: format!("its engine {} has them elsewhere; the table itself is carried", table.engine),
        });
    }
    let grants = "SELECT COUNT(*) FROM information_schema.SCHEMA_PRIVILEGES \
                  WHERE CAST(TABLE_SCHEMA AS BINARY) = CAST(DATABASE() AS BINARY)";
    if session.query_one("count its grants", grants)?.parse::<u64>(0)?.unwrap_or(0) > 0 {
        notes.push(Note {
            object: "users and their privileges".to_owned(),
            reason: "they belong to the server, and passwords are never captured".to_owned(),
        });
    }
    Ok(notes)
}

/// What cannot be carried.
#[must_use]
pub fn not_carried(tables: &Tables) -> Vec<Note> {
    let note = |table: &Table| {
        let why = match table.former {
            FormerRows::None | FormerRows::Carried => return None,
            FormerRows::ByTransaction => "they hold from one transaction of this server to another, and the numbers of transactions mean nothing on another server".to_owned(),
            FormerRows::NotTakenBack => "MariaDB takes such rows back from 10.11 on, and the source is older".to_owned(),
        };
        let reason =
            format!("{why}; the rows that hold now are captured, and where they are restored they hold from then on");
        Some(Note { object: format!("former rows of table {}", table.name), reason })
    };
    tables.all.iter().filter_map(note).collect()
}

/// What is said of rows that held at no time, by table.
#[must_use]
pub fn left_out(rows: &BTreeMap<String, u64>) -> Vec<Note> {
    const REASON: &str = "they end when they begin, or before, so that they held at no time (a row that was deleted at the moment it was \
                          written, or by a clock that was set back); no server takes such rows back";
    let counted = rows.iter().filter(|(_, count)| **count > 0);
    let note = |(table, count): (&String, &u64)| Note {
        object: format!("{count} former rows of table {table}"),
        reason: REASON.to_owned(),
    };
    counted.map(note).collect()
}
