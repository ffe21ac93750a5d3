//! A snapshot against a live database: content digests, table by table, in any order of rows, and where sequences stand.
//!
//! Reads the database as a capture does, so that both sides are the same bytes where they are the same data; stores nothing.

use super::capture::PostgresSource;
use offshoot_core::digest::{DigestSink, Digests, TableDifference};
use offshoot_core::look_ahead::LookAhead;
use offshoot_core::source::Source as _;
use offshoot_core::target::Rows;
use offshoot_core::{Control, Result};
use offshoot_format::manifest::{Manifest, Sequence};

/// What differs between a snapshot and a database.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Differences {
    /// Tables, and the large objects.
    pub tables: Vec<TableDifference>,
    /// Sequences that stand elsewhere, or are on one side alone: schema and name.
    pub sequences: Vec<(String, String)>,
    /// Rows that were compared.
    pub rows: u64,
}

impl Differences {
    /// Whether both sides are the same.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tables.is_empty() && self.sequences.is_empty()
    }
}

/// Compares.
///
/// # Errors
/// If the database cannot be read, the store is damaged, or the operation is cancelled.
pub fn against(
    manifest: &Manifest,
    rows: &dyn Rows,
    database: &mut PostgresSource,
    look_ahead: &LookAhead,
    control: &Control,
) -> Result<Differences> {
    let sink = DigestSink::default();
    let captured = database.capture(&sink, control)?;
    let live = sink.finish();
    let stored = Digests::of_snapshot(manifest, rows, look_ahead, control)?;
    Ok(Differences {
        tables: stored.differences(&live),
        sequences: sequences(&manifest.content.sequences, &captured.sequences),
        rows: manifest.content.tables.iter().map(|entry| entry.root.rows).sum(),
    })
}

fn sequences(ours: &[Sequence], theirs: &[Sequence]) -> Vec<(String, String)> {
    let differing = ours.iter().filter(|sequence| !theirs.contains(sequence));
    let is_known = |name: &Sequence| ours.iter().any(|own| own.schema == name.schema && own.name == name.name);
    let extra = theirs.iter().filter(|sequence| !is_known(sequence));
    differing.chain(extra).map(|sequence| (sequence.schema.clone(), sequence.name.clone())).collect()
}
