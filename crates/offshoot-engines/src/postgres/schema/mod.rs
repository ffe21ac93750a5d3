//! The schema as statements: pg_dump writes it, this splits it, and says of each statement when it can be applied.
//!
//! pg_dump is PostgreSQL's own knowledge of every object in every version; nothing here tries to know it better. What is
//! added are the statements that pg_dump writes with the data: large objects' owners, and refreshes. No statement ever
//! goes through psql, so its meta-commands never come out of here.

pub mod classify;
pub mod matviews;
pub mod pg_dump;
pub mod split;

use super::capture::options::CaptureOptions;
use super::capture::stop::Stop;
use crate::error::EngineError;
use offshoot_core::CoreError;
use offshoot_format::manifest::{Phase, SchemaItem};

/// Writes the schema as it is in a snapshot.
///
/// # Errors
/// pg_dump's own, or that it wrote something that is not a schema.
pub fn dump(
    program: &pg_dump::PgDump,
    source: &pg_dump::Dumped<'_>,
    options: &CaptureOptions,
    stop: &Stop,
) -> Result<Vec<SchemaItem>, CoreError> {
    let text = program.run(source, options, stop)?;
    Ok(items(&text)?)
}

/// Statements of the text that pg_dump wrote.
///
/// # Errors
/// If the text does not scan as SQL.
pub fn items(text: &str) -> Result<Vec<SchemaItem>, EngineError> {
    Ok(classify::items(&split::statements(text)?))
}

/// Puts statements at the end, but before event triggers, which would fire on them.
pub fn append_before_event_triggers(schema: &mut Vec<SchemaItem>, items: Vec<SchemaItem>) {
    let is_event_trigger = |item: &SchemaItem| item.phase == Phase::PostData && item.label.contains("EVENT TRIGGER ");
    let at = schema.iter().position(is_event_trigger).unwrap_or(schema.len());
    schema.splice(at..at, items);
}

/// A statement that pg_dump does not write with the schema.
#[must_use]
pub fn added(label: String, sql: String) -> SchemaItem {
    SchemaItem { phase: Phase::PostData, label, table: None, sql }
}
