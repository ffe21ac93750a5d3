//! Snapshots without a database: a few small tables whose rows follow from numbers.
//!
//! A snapshot is described by one number a table; tables of equal numbers are equal and share all chunks. Enough is
//! random in the rows that nothing compresses away.

use super::Dice;
use offshoot_core::capture::content_root;
use offshoot_core::chunks::WriteChunks;
use offshoot_core::ingest::{Ingest, IngestOptions};
use offshoot_core::source::Sink;
use offshoot_core::store::{Expected, OpenStore, WriteSession};
use offshoot_core::{Control, CoreError, Result};
use offshoot_format::column::Batch;
use offshoot_format::ids::SnapshotId;
use offshoot_format::manifest::{Content, Environment, Load, Manifest, Origin, Stats, TableEntry, Trust};
use offshoot_format::refname::RefName;
use offshoot_format::table::{ColumnSpec, Key, KeyOrder, Layout, RowForm, TableSpec};
use std::sync::Arc;

/// Rows of a table. Its first column is held in the leaf, the others are chunks.
const ROWS: u32 = 60;
/// Rows of a table whose number is 5 above a multiple of 8: so few that the root of the table holds them.
const ROWS_TINY: u32 = 3;
/// Length of the one large value that a table has when its number is divisible by 16.
const BLOB_BYTES: usize = 300 << 10;

/// A session that has been given the tables of a snapshot, and its manifest: one step before the commit.
pub struct Prepared {
    session: WriteSession,
    /// What will be committed.
    pub manifest: Manifest,
}

/// Writes the tables of `numbers` into a session and describes them as a snapshot with this parent.
///
/// # Errors
/// Those of the session.
pub fn prepare(open: &OpenStore, numbers: &[u64], parent: Option<SnapshotId>, taken_unix_ms: u64) -> Result<Prepared> {
    let session = Arc::new(open.begin_session()?);
    let tables = ingest(&session, numbers)?;
    let session = Arc::into_inner(session).ok_or(CoreError::Poisoned)?;
    let content = Content { tables, ..Content::default() };
    let manifest = Manifest {
        taken_unix_ms,
        parent,
        content_root: content_root(open, &content),
        trust: Trust::Raw,
        origin: Origin {
            engine: "sample".to_owned(),
            system_id: String::new(),
            database_id: String::new(),
            database: "sample".to_owned(),
            position: String::new(),
        },
        environment: Environment::default(),
        content,
        omitted: Vec::new(),
        not_carried: Vec::new(),
        stats: Stats::default(),
        facts: Vec::new(),
        receipt: None,
        written_by: "testkit".to_owned(),
    };
    Ok(Prepared { session, manifest })
}

impl Prepared {
    /// Commits.
    ///
    /// # Errors
    /// Those of the commit.
    pub fn commit(self, name: Option<&RefName>, expected: Expected) -> Result<SnapshotId> {
        self.session.commit(&self.manifest, name, expected)
    }
}

/// A whole capture: the tables of `numbers` become the newest snapshot of `name`.
///
/// # Errors
/// Those of the session.
pub fn capture(open: &OpenStore, name: &str, numbers: &[u64], taken_unix_ms: u64) -> Result<SnapshotId> {
    let name: RefName = name.parse().map_err(|_| CoreError::Protocol("not a name"))?;
    let parent = open.get_ref(&name)?;
    prepare(open, numbers, parent, taken_unix_ms)?.commit(Some(&name), Expected::Exactly(parent))
}

fn ingest(session: &Arc<WriteSession>, numbers: &[u64]) -> Result<Vec<TableEntry>> {
    let options = IngestOptions { encoders: 1, ..IngestOptions::default() };
    let chunks: Arc<dyn WriteChunks> = session.clone();
    let ingest = Ingest::begin(chunks, &options, &Control::default())?;
    let answer = numbers.iter().enumerate().try_for_each(|(position, number)| fill(&ingest, position, *number));
    if let Err(error) = answer {
        return Err(ingest.failure().unwrap_or(error));
    }
    let entry = |done: offshoot_core::ingest::IngestedTable| TableEntry {
        spec: done.spec,
        root: done.root,
        load: Load::default(),
    };
    Ok(ingest.finish()?.into_iter().map(entry).collect())
}

fn fill(ingest: &Ingest, position: usize, number: u64) -> Result<()> {
    let spec = table(position);
    let sink = ingest.table(&spec)?;
    let mut range = sink.range(false)?;
    let mut dice = Dice::new(number);
    let mut batch = Batch::new(&spec.columns);
    for row in 0..if number % 8 == 5 { ROWS_TINY } else { ROWS } {
        batch.columns[0].push(&row.to_be_bytes())?;
        let text: Vec<u8> = (0..1 + dice.below(24)).map(|_| dice.roll() as u8).collect();
        batch.columns[1].push(&text)?;
        if row == 7 && number.is_multiple_of(16) {
            let bytes: Vec<u8> = (0..BLOB_BYTES / 8).flat_map(|_| dice.roll().to_le_bytes()).collect();
            let mut blob = range.blob(2)?;
            blob.write(&bytes)?;
            blob.finish()?.push_to(&mut batch.columns[2])?;
        } else if row % 3 == 0 {
            batch.columns[2].push_null();
        } else {
            batch.columns[2].push(&dice.roll().to_le_bytes())?;
        }
        batch.rows += 1;
    }
    range.push(batch)?;
    range.finish()?;
    sink.finish()
}

fn table(position: usize) -> TableSpec {
    let column = |name: &str, layout, nullable| ColumnSpec {
        name: name.to_owned(),
        type_name: "bytes".to_owned(),
        layout,
        order: KeyOrder::Bytes,
        nullable,
    };
    TableSpec {
        schema: "public".to_owned(),
        name: format!("t{position:02}"),
        columns: vec![
            column("id", Layout::Fixed(4), false),
            column("text", Layout::Var, false),
            column("more", Layout::Var, true),
        ],
        key: Key::Unique(vec![0]),
        form: RowForm::Binary,
    }
}
