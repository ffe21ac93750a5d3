//! The policy's text as a tree in which every value knows its place, so that an error can point at it.

use std::fmt;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// What is wrong with a policy, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyError {
    /// The line, from 1.
    pub line: usize,
    /// The column, in characters from 1.
    pub column: usize,
    /// What is wrong and what to write instead.
    pub what: String,
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.line, self.column, self.what)
    }
}

impl std::error::Error for PolicyError {}

/// An offset in the text and what is wrong there; becomes a [`PolicyError`] where the text is at hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub(crate) at: usize,
    pub(crate) what: String,
}

impl Fault {
    pub(crate) fn in_text(self, text: &str) -> PolicyError {
        let before = text.get(..self.at).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        PolicyError {
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            what: self.what,
        }
    }
}

/// A value and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    pub(crate) at: usize,
    pub(crate) item: Item,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Item {
    Text(String),
    Integer(i64),
    Float(f64),
    Bool(bool),
    List(Vec<Node>),
    /// In the order of the text.
    Table(Vec<Entry>),
}

/// A key and its value.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    pub(crate) at: usize,
    pub(crate) key: String,
    pub(crate) value: Node,
}

impl Node {
    pub(crate) fn fault(&self, what: impl Into<String>) -> Fault {
        Fault { at: self.at, what: what.into() }
    }

    pub(crate) fn text(&self, what: &str) -> Result<&str, Fault> {
        match &self.item {
            Item::Text(text) => Ok(text),
            _ => Err(self.fault(format!("{what} must be a text in quotes"))),
        }
    }

    pub(crate) fn table(&self, what: &str) -> Result<&[Entry], Fault> {
        match &self.item {
            Item::Table(entries) => Ok(entries),
            _ => Err(self.fault(format!("{what} must be a table: `{{ key = value }}`"))),
        }
    }
}

/// Reads a document.
pub(crate) fn read(text: &str) -> Result<Node, Fault> {
    let table = DeTable::parse(text)
        .map_err(|error| Fault { at: error.span().map_or(0, |span| span.start), what: error.message().to_owned() })?;
    entries(table.get_ref()).map(|entries| Node { at: 0, item: Item::Table(entries) })
}

fn entries(table: &DeTable<'_>) -> Result<Vec<Entry>, Fault> {
    let mut entries = table
        .iter()
        .map(|(key, value)| Ok(Entry { at: key.span().start, key: key.get_ref().to_string(), value: node(value)? }))
        .collect::<Result<Vec<_>, Fault>>()?;
    entries.sort_by_key(|entry| entry.at);
    Ok(entries)
}

fn node(value: &Spanned<DeValue<'_>>) -> Result<Node, Fault> {
    let at = value.span().start;
    let fault = |what: &str| Fault { at, what: what.to_owned() };
    let item = match value.get_ref() {
        DeValue::String(text) => Item::Text(text.to_string()),
        DeValue::Integer(number) => Item::Integer(
            i64::from_str_radix(number.as_str(), number.radix()).map_err(|_| fault("this number is too large"))?,
        ),
        DeValue::Float(number) => {
            Item::Float(number.as_str().parse().map_err(|_| fault("this number cannot be read"))?)
        }
        DeValue::Boolean(value) => Item::Bool(*value),
        DeValue::Datetime(_) => return Err(fault("a date is written as a text in quotes here")),
        DeValue::Array(list) => Item::List(list.iter().map(node).collect::<Result<_, _>>()?),
        DeValue::Table(table) => Item::Table(entries(table)?),
    };
    Ok(Node { at, item })
}

/// The options of a rule: each is taken once, and what is left over in the end is an error.
#[derive(Debug, Clone)]
pub struct Options {
    at: usize,
    entries: Vec<Entry>,
}

impl Options {
    pub(crate) fn new(at: usize, entries: &[Entry]) -> Self {
        Self { at, entries: entries.to_vec() }
    }

    /// An error at the place of the rule.
    #[must_use]
    pub fn fault(&self, what: impl Into<String>) -> Fault {
        Fault { at: self.at, what: what.into() }
    }

    pub(crate) fn take(&mut self, key: &str) -> Option<Node> {
        let place = self.entries.iter().position(|entry| entry.key == key)?;
        Some(self.entries.remove(place).value)
    }

    /// A text.
    ///
    /// # Errors
    /// If the option is something else.
    pub fn text(&mut self, key: &str) -> Result<Option<String>, Fault> {
        self.take(key).map(|node| node.text(key).map(str::to_owned)).transpose()
    }

    /// One of a few words, as its number; the first if the option is not given.
    ///
    /// # Errors
    /// If it is another word.
    pub fn word(&mut self, key: &str, words: &[&str]) -> Result<usize, Fault> {
        let Some(node) = self.take(key) else { return Ok(0) };
        let text = node.text(key)?;
        words
            .iter()
            .position(|word| *word == text)
            .ok_or_else(|| node.fault(format!("{key} is one of: {}", words.join(", "))))
    }

    /// A whole number within bounds.
    ///
    /// # Errors
    /// If the option is something else.
    pub fn integer(&mut self, key: &str, bounds: std::ops::RangeInclusive<i64>) -> Result<Option<i64>, Fault> {
        let Some(node) = self.take(key) else { return Ok(None) };
        match node.item {
            Item::Integer(number) if bounds.contains(&number) => Ok(Some(number)),
            _ => Err(node.fault(format!("{key} is a whole number from {} to {}", bounds.start(), bounds.end()))),
        }
    }

    /// A number.
    ///
    /// # Errors
    /// If the option is something else.
    pub fn number(&mut self, key: &str) -> Result<Option<f64>, Fault> {
        let Some(node) = self.take(key) else { return Ok(None) };
        match node.item {
            Item::Integer(number) => Ok(Some(number as f64)),
            Item::Float(number) if number.is_finite() => Ok(Some(number)),
            _ => Err(node.fault(format!("{key} is a number"))),
        }
    }

    /// Yes or no; no if the option is not given.
    ///
    /// # Errors
    /// If the option is something else.
    pub fn flag(&mut self, key: &str) -> Result<bool, Fault> {
        match self.take(key) {
            None => Ok(false),
            Some(Node { item: Item::Bool(value), .. }) => Ok(value),
            Some(node) => Err(node.fault(format!("{key} is true or false"))),
        }
    }

    /// A list of texts.
    ///
    /// # Errors
    /// If the option is something else, or empty.
    pub fn texts(&mut self, key: &str) -> Result<Option<Vec<String>>, Fault> {
        let Some(node) = self.take(key) else { return Ok(None) };
        match &node.item {
            Item::List(nodes) if !nodes.is_empty() => {
                nodes.iter().map(|node| node.text(key).map(str::to_owned)).collect::<Result<_, _>>().map(Some)
            }
            _ => Err(node.fault(format!("{key} is a list of texts, at least one"))),
        }
    }

    /// An error if an option was given that nobody has taken.
    ///
    /// # Errors
    /// The first such option.
    pub fn finish(self, rule: &str) -> Result<(), Fault> {
        match self.entries.first() {
            None => Ok(()),
            Some(entry) => Err(Fault { at: entry.at, what: format!("`{rule}` has no option `{}`", entry.key) }),
        }
    }
}
