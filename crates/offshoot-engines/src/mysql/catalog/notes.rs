//! What a capture leaves out on purpose, or cannot carry, named only where there is something of it.

use super::tables::{TableKind, Tables};
use crate::mysql::error::Result;
use crate::mysql::session::Session;
use offshoot_format::manifest::Note;

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
    let versioned = tables.all.iter().filter(|table| table.is_versioned);
    versioned
        .map(|table| Note {
            object: format!("former rows of table {}", table.name),
            reason: "the table is system-versioned, and only the rows that hold now are captured; where it is restored they hold from then on"
                .to_owned(),
        })
        .collect()
}
