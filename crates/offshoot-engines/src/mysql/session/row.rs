//! A row of a small result, whose texts are had by their place.

use crate::mysql::error::{MysqlError, Result};
use std::fmt;
use std::str::FromStr;

/// A row with memory of its own. Its Debug shows no value.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Row {
    pub(super) values: Vec<Option<Box<[u8]>>>,
}

impl Row {
    /// Bytes of all values, and of the places of those.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let values: usize = self.values.iter().flatten().map(|value| value.len()).sum();
        values + self.values.len() * size_of::<Option<Box<[u8]>>>()
    }

    /// The number of its values.
    #[must_use]
    pub fn len(&self) -> usize {
        self.values.len()
    }

    #[cfg(test)]
    pub(crate) fn of(texts: &[&str]) -> Self {
        Self { values: texts.iter().map(|text| Some(text.as_bytes().into())).collect() }
    }

    /// Whether it has no values, which no server sends.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The bytes of a value; none for NULL, or where there is no such column.
    #[must_use]
    pub fn get(&self, column: usize) -> Option<&[u8]> {
        self.values.get(column)?.as_deref()
    }

    /// A value as text; none for NULL.
    ///
    /// # Errors
    /// `Protocol` if it is not UTF-8.
    pub fn opt(&self, column: usize) -> Result<Option<&str>> {
        let text = self.get(column).map(std::str::from_utf8).transpose();
        text.map_err(|_| MysqlError::Protocol { what: "a text of the catalog", why: "it is not UTF-8" })
    }

    /// A value as text, NULL as an empty one.
    ///
    /// # Errors
    /// `Protocol` if it is not UTF-8.
    pub fn text(&self, column: usize) -> Result<&str> {
        Ok(self.opt(column)?.unwrap_or_default())
    }

    /// A value as a number, or whatever else a text can be read as; none for NULL.
    ///
    /// # Errors
    /// `Protocol` if it cannot be read so.
    pub fn parse<T: FromStr>(&self, column: usize) -> Result<Option<T>> {
        let parsed = self.opt(column)?.map(str::parse).transpose();
        parsed.map_err(|_| MysqlError::Protocol { what: "a number of the catalog", why: "it is none" })
    }

    /// Whether a value is a word that says yes: YES, Y, 1, ON, TRUE.
    ///
    /// # Errors
    /// `Protocol` if it is not UTF-8.
    pub fn is_yes(&self, column: usize) -> Result<bool> {
        Ok(["yes", "y", "1", "on", "true"].contains(&self.text(column)?.to_ascii_lowercase().as_str()))
    }
}

impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Row({} values, {} bytes)", self.len(), self.bytes())
    }
}
