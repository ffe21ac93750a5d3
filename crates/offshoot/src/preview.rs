//! A few rows of a live table, before and after scrubbing, for the eyes of the operator: nothing is stored.

use crate::pseudonym::find_table;
use crate::scrub::Scrub;
use crate::{Connection, Error, ErrorKind, Result};
use offshoot_core::Control;
use offshoot_engines::sample::SampleOptions;
use offshoot_format::column::{Batch, Cell};
use offshoot_format::facts::{ColumnFacts, TableFacts};
use offshoot_scrub::shape::Work;
use offshoot_scrub::{ColumnCount, Scrubber};
use std::fmt;

/// Rows of a table before and after. It holds raw values: show it, and let it go.
pub struct Preview {
    /// Schema and name of the table.
    pub table: (String, String),
    /// Its columns with their rules.
    pub columns: Vec<(String, String)>,
    /// The rows; of each its values before and after, in text form, none for NULL.
    pub rows: Vec<PreviewRow>,
    /// Rows that were read and that the copy is not to have.
    pub left_out: u64,
}

/// One row, a pair of values a column: before and after.
pub struct PreviewRow(pub Vec<(Option<String>, Option<String>)>);

impl fmt::Debug for Preview {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Preview({} rows)", self.rows.len())
    }
}

impl fmt::Debug for PreviewRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PreviewRow({} columns)", self.0.len())
    }
}

/// Reads some rows of a table (`name` or `schema.name`; of a partitioned one those of its parts) and scrubs them as a capture would. Values of more than 8 KiB are left
/// out.
///
/// # Errors
/// As [`Store::capture`](crate::Store::capture) for the policy; `NotFound` or `Ambiguous` for the table; `Unreachable`, or
/// `Failed` with what the server said.
pub fn preview(
    connection: &Connection,
    scrub: &Scrub,
    table: &str,
    rows_max: u32,
    control: &Control,
) -> Result<Preview> {
    let mut options = SampleOptions::default();
    (options.rows_max, options.as_text, options.only) = (rows_max, true, Some(table.to_owned()));
    let samples = connection.sample(&options, control)?;
    let facts: Vec<TableFacts> = samples.tables.iter().map(|sampled| sampled.facts.clone()).collect();
    let scrubber = Scrubber::new(scrub.policy(), &facts, scrub.key())?;
    let found = find_table(&facts, table)?;
    let sampled = samples.tables.iter().find(|sampled| sampled.facts == *found);
    if let Some(why) = sampled.and_then(|sampled| sampled.unread.as_ref()) {
        let message = format!("{table} cannot be read: {why}");
        return Err(Error::new(ErrorKind::Failed, message, "`offshoot doctor URL` says which rights are missing"));
    }
    let (schema, name) = (found.schema.clone(), found.name.clone());
    let planned = scrubber.columns(&schema, &name).unwrap_or_default();
    let columns = planned.iter().map(|column| (column.name.to_owned(), column.rule.to_owned())).collect();
    let mut preview = Preview { table: (schema, name), columns, rows: Vec::new(), left_out: 0 };
    // Values that move between rows do so among those that are shown.
    for sampled in samples.tables.iter().filter(|sampled| is_part(&facts, &sampled.facts, found)) {
        let (schema, name) = (&sampled.facts.schema, &sampled.facts.name);
        if let Some(rows) = sampled.rows.as_ref().filter(|_| scrubber.surveys(schema, name)) {
            scrubber.survey(schema, name, &mut rows.clone())?;
        }
    }
    // A partitioned table has its rows in its parts, which have its columns in an order of their own.
    for sampled in &samples.tables {
        let Some(raw) = sampled.rows.as_ref().filter(|_| is_part(&facts, &sampled.facts, found)) else { continue };
        let (schema, name) = (&sampled.facts.schema, &sampled.facts.name);
        let mut before = raw.clone();
        preview.left_out += scrubber.filter(schema, name, &mut before)?;
        let mut after = before.clone();
        let mut counts = vec![ColumnCount::default(); before.columns.len()];
        scrubber.rewrite(schema, name, &mut after, &mut Work::default(), &mut counts)?;
        let place = |column: &ColumnFacts| sampled.facts.columns.iter().position(|own| own.name == column.name);
        let places: Vec<Option<usize>> = found.columns.iter().map(place).collect();
        let left = (rows_max as usize).saturating_sub(preview.rows.len());
        preview.rows.extend((0..before.rows.min(left)).map(|row| pairs(&before, &after, &places, row)));
    }
    Ok(preview)
}

/// Whether a table is another one, or a partition or child of it, or of one that is. Bounded, as descriptions could go in circles.
fn is_part(all: &[TableFacts], part: &TableFacts, whole: &TableFacts) -> bool {
    let parent = |table: &&TableFacts| {
        let name = table.parent.as_ref()?;
        all.iter().find(|other| (&other.schema, &other.name) == (&name.0, &name.1))
    };
    let is_whole = |table: &TableFacts| (&table.schema, &table.name) == (&whole.schema, &whole.name);
    std::iter::successors(Some(part), parent).take(64).any(is_whole)
}

fn pairs(before: &Batch, after: &Batch, places: &[Option<usize>], row: usize) -> PreviewRow {
    let text = |batch: &Batch, column: usize| match batch.columns.get(column)?.cell(row) {
        Cell::Bytes(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
        Cell::Null | Cell::Blob(_) => None,
    };
    let pair = |place: &Option<usize>| place.map_or((None, None), |column| (text(before, column), text(after, column)));
    PreviewRow(places.iter().map(pair).collect())
}
