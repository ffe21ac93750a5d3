//! YAML as a tree: anchors and merge keys resolved, within bounds.
//!
//! What an error could quote of a file may be a password, so only its place is told.

use crate::error::{ProjectError, Result};
use crate::file;
use serde_json::Value;
use std::path::Path;

/// The tree of a file; none where there is no file or nothing in it.
pub(super) fn read(path: &Path) -> Result<Option<Value>> {
    let Some(bytes) = file::read(path)? else { return Ok(None) };
    let text = String::from_utf8(bytes).map_err(|error| {
        let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = valid.iter().filter(|byte| **byte == b'\n').count() as u64 + 1;
        ProjectError::Yaml { path: path.to_owned(), line, column: 1 }
    })?;
    parse(&text).map_err(|(line, column)| ProjectError::Yaml { path: path.to_owned(), line, column })
}

/// The tree of a text; where it is wrong, the line and column.
pub(super) fn parse(text: &str) -> std::result::Result<Option<Value>, (u64, u64)> {
    if text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) {
        return Ok(None);
    }
    // The parser takes this tag for one of its own, which stands before a path. It is Upsun's, may stand before a mapping, and
    // no type or image has it.
    match serde_saphyr::from_str::<Value>(&text.replace("!include", "!Include")) {
        Ok(Value::Null) => Ok(None),
        Ok(tree) => Ok(Some(tree)),
        Err(error) => Err(error.location().map_or((1, 1), |place| (place.line(), place.column()))),
    }
}

/// A scalar as text, as it would be written: a version may look like a number.
pub(super) fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}
